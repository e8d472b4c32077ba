"""ReserveStream: many requests in flight on one stream."""

import asyncio
from typing import Any

import grpc
import pytest

from inventory.rpc.reservation import STREAM_MESSAGES_IN_FLIGHT_MAX
from inventory.v1 import reservation_service_pb2 as pb2
from tests.rpc.client import Client, of_row, refusal, reserve_request


def bundle(*requests: pb2.ReserveRequest) -> pb2.ReserveStreamRequest:
    return pb2.ReserveStreamRequest(requests=requests)


async def test_answers_carry_the_request_id_and_come_while_the_stream_is_open(client: Client) -> None:
    sku, location = await client.stocked(10)
    call = client.reservations.ReserveStream()
    for _ in range(3):
        requests = [reserve_request((sku, location, 1)) for _ in range(2)]
        await call.write(bundle(*requests))
        answer = await call.read()
        assert isinstance(answer, pb2.ReserveStreamResponse)
        assert [result.request_id for result in answer.results] == [request.request_id for request in requests]
        assert all(result.response.reservation.lines[0].held == 1 for result in answer.results)
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() == grpc.StatusCode.OK


async def test_many_messages_in_flight_are_all_answered_after_half_close(client: Client) -> None:
    sku, location = await client.stocked(500)
    requests = [reserve_request((sku, location, 1)) for _ in range(1_000)]
    messages = [bundle(*requests[start : start + 10]) for start in range(0, 1_000, 10)]
    call = client.reservations.ReserveStream(iter(messages))
    results = [result async for answer in call for result in answer.results]
    assert sorted(result.request_id for result in results) == sorted(request.request_id for request in requests)
    granted = [result for result in results if result.HasField("response")]
    refused = [of_row(result.error).reason for result in results if result.HasField("error")]
    assert (len(granted), refused) == (500, ["INSUFFICIENT_STOCK"] * 500)
    assert len({result.response.revision for result in granted}) == 500
    assert (await client.quantities(sku, location)).held == 500


async def test_who_reads_nothing_is_read_no_further_and_loses_nothing(client: Client) -> None:
    sku, location = await client.stocked(500)
    call = client.reservations.ReserveStream()
    requests = [reserve_request((sku, location, 1)) for _ in range(STREAM_MESSAGES_IN_FLIGHT_MAX * 4)]
    for request in requests:
        await call.write(bundle(request))
    await call.done_writing()
    answered = [result.request_id async for answer in call for result in answer.results]
    assert sorted(answered) == sorted(request.request_id for request in requests)


async def test_a_request_again_on_the_stream_is_a_replay(client: Client) -> None:
    sku, location = await client.stocked(10)
    request = reserve_request((sku, location, 1))
    call = client.reservations.ReserveStream(iter([bundle(request, request), bundle(request)]))
    results = [result async for answer in call for result in answer.results]
    assert sorted(result.response.replayed for result in results) == [False, True, True]
    assert len({result.response.reservation.reservation_id for result in results}) == 1
    assert (await client.reservations.Reserve(request)).replayed
    assert (await client.quantities(sku, location)).held == 1


async def test_bad_requests_are_answered_each_on_its_own(client: Client) -> None:
    sku, location = await client.stocked(10)
    requests = [
        reserve_request((sku, location, 1)),
        reserve_request((sku, location, 0)),
        reserve_request((sku, location, 1), request_id="none"),
    ]
    call = client.reservations.ReserveStream(iter([bundle(*requests)]))
    results = [result async for answer in call for result in answer.results]
    assert [of_row(result.error).reason if result.HasField("error") else "" for result in results] == [
        "",
        "QUANTITY_OUT_OF_RANGE",
        "REQUEST_ID_FORMAT",
    ]


@pytest.mark.parametrize(
    ("body", "reason"), [(b"\xff\xff", "MALFORMED_REQUEST"), (b"", "LINES_EMPTY")], ids=["garbage", "empty"]
)
async def test_a_message_that_is_wrong_as_a_whole_ends_the_stream(client: Client, body: bytes, reason: str) -> None:
    sku, location = await client.stocked(10)
    call: Any = client.channel.stream_stream("/inventory.v1.ReservationService/ReserveStream")()
    request = reserve_request((sku, location, 1))
    await call.write(bundle(request).SerializeToString())
    answer = pb2.ReserveStreamResponse.FromString(await call.read())
    assert answer.results[0].request_id == request.request_id
    await call.write(body)
    assert (await refusal(call.read())).reason == reason
    assert (await client.reservations.Reserve(request)).replayed


async def test_a_client_that_goes_away_loses_answers_not_effects_and_blocks_nobody(client: Client) -> None:
    sku, location = await client.stocked(100)
    requests = [reserve_request((sku, location, 1)) for _ in range(50)]
    call = client.reservations.ReserveStream()
    await call.write(bundle(*requests))
    await call.read()
    call.cancel()
    answers = await asyncio.gather(*map(client.reservations.Reserve, requests))
    assert all(answer.replayed for answer in answers)
    assert (await client.quantities(sku, location)).held == 50


async def test_an_empty_stream_ends_well(client: Client) -> None:
    call = client.reservations.ReserveStream(iter([]))
    assert [answer async for answer in call] == []
    assert await call.code() == grpc.StatusCode.OK
