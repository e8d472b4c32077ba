"""How a server stops: nobody is waited for who could be told, nobody is cut off who could be answered."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from grpc_health.v1 import health_pb2, health_pb2_grpc

from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from inventory.v1.watch_service_pb2_grpc import WatchServiceStub
from tests.race.house import Client, House, outcomes, reason, retry_after_s, within
from tests.race.processes import Server
from tests.rpc.client import of_error
from tests.rpc.http2 import RawCall, message

PROMISED_S = 10.0
AT_ONCE_S = 5.0  # less than any call's grace: nothing was waited for
CALLERS = 32
WATCH_NOW = watch_pb2.WatchRequest(now=Empty())
WORKERS = pytest.mark.parametrize("workers", ["1", "2"])


@pytest.fixture
async def house(dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    async with House(dsn, request.node.name) as house:
        yield house


async def stops(server: Server, within_s: float = AT_ONCE_S) -> None:
    async with asyncio.timeout(within_s):
        assert await server.stop() == 0, server.said[-20:]


def watching(client: Client, request: watch_pb2.WatchRequest) -> Any:
    return WatchServiceStub(client.channel).Watch(request)


async def code_of(call: Any) -> grpc.StatusCode:
    """How the stream has ended."""
    with suppress(grpc.aio.AioRpcError):
        while await call.read() is not grpc.aio.EOF:
            pass
    code: grpc.StatusCode = await call.code()
    return code


async def told(call: Any) -> None:
    """The stream has ended with a hint to come back."""
    await code_of(call)
    ended = grpc.aio.AioRpcError(
        await call.code(), await call.initial_metadata(), await call.trailing_metadata(), await call.details()
    )
    assert of_error(ended).what == ("UNAVAILABLE", "SHUTTING_DOWN")
    assert retry_after_s(ended) is not None


@within(60)
@WORKERS
async def test_idle_streams_are_told_to_come_back(house: House, workers: str) -> None:
    server, client = await house.server(None, "--workers", workers)
    await house.stock(client, {"a": 10})
    watch, latest = (
        watching(client, watch_pb2.WatchRequest(now=Empty(), mode=mode))
        for mode in (watch_pb2.WATCH_MODE_EVERY_CHANGE, watch_pb2.WATCH_MODE_LATEST)
    )
    for call in (watch, latest):
        assert (await call.read()).HasField("bookmark")
    unused = client.reservations.ReserveStream()
    await unused.wait_for_connection()
    used = client.reservations.ReserveStream()
    await used.write(reservation_pb2.ReserveStreamRequest(requests=[house.request({"a": 1})]))
    answer = await used.read()
    assert isinstance(answer, reservation_pb2.ReserveStreamResponse)
    assert answer.results[0].HasField("response")

    await stops(server)
    for call in (watch, latest, unused, used):
        await told(call)


@within(60)
@WORKERS
async def test_clients_that_never_read_hold_nothing_up(house: House, workers: str) -> None:
    server, client = await house.server(None, "--workers", workers)
    skus = [catalog_pb2.Sku(sku=f"sku-{number}", name="x" * 60) for number in range(2_000)]
    await client.catalog.ImportCatalog(catalog_pb2.ImportCatalogRequest(request_id=house.uuid(), skus=skus))
    request = watch_pb2.WatchRequest(snapshot=Empty(), kinds=[watch_pb2.CHANGE_KIND_SKU])
    async with RawCall(server.address) as silent, RawCall(server.address) as twin:
        for call in (silent, twin):
            await call.open("WatchService/Watch")
            await call.send(message(request.SerializeToString()))
            await call.until_full()
        beside = watching(client, WATCH_NOW)
        assert (await beside.read()).HasField("bookmark")
        await stops(server)
        # Beside those who never read, gRPC now and then cuts off its own way before our status is out: come back it is.
        assert (await code_of(beside)) is grpc.StatusCode.UNAVAILABLE


@within(60)
async def test_who_watches_the_health_is_told_and_holds_nothing_up(house: House) -> None:
    server, client = await house.server()
    health: Any = health_pb2_grpc.HealthStub(client.channel).Watch(health_pb2.HealthCheckRequest())
    assert (await health.read()).status == health_pb2.HealthCheckResponse.SERVING
    await stops(server)
    assert (await health.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING


@within(60)
@pytest.mark.parametrize(("workers", "number"), [("1", signal.SIGTERM), ("2", signal.SIGINT)])
async def test_under_load_every_call_is_answered_or_refused_and_what_was_answered_is_there(
    house: House, workers: str, number: signal.Signals
) -> None:
    server, client = await house.server(None, "--workers", workers)
    await house.stock(client, {"a": 1_000_000})
    clients = [client, *(house.client(server.address) for _ in range(3))]
    busy = asyncio.Event()
    answered: list[str] = []
    refused: list[str] = []

    async def calls(client: Client) -> None:
        while not refused:
            answers, errors = await outcomes([client.reserve(house.request({"a": 1}))])
            answered.extend(answer.reservation.reservation_id for answer in answers)
            refused.extend(map(reason, errors))
            if len(answered) > CALLERS * 5:
                busy.set()

    async def stream(client: Client) -> None:
        call = client.reservations.ReserveStream()
        with suppress(
            grpc.aio.AioRpcError, asyncio.InvalidStateError
        ):  # the latter: a write to a stream that has ended
            while True:
                await call.write(reservation_pb2.ReserveStreamRequest(requests=[house.request({"a": 1})]))
                answer = await call.read()
                assert isinstance(answer, reservation_pb2.ReserveStreamResponse)
                answered.extend(
                    result.response.reservation.reservation_id
                    for result in answer.results
                    if result.HasField("response")
                )

    load = [asyncio.create_task(calls(clients[turn % len(clients)])) for turn in range(CALLERS)]
    load += [asyncio.create_task(stream(client)) for client in clients]
    await busy.wait()
    server.signal(number)
    await stops(server)
    await asyncio.gather(*load)
    assert set(refused) == {"SHUTTING_DOWN"}
    found = await house.sql.fetch(
        "SELECT reservation_id::text FROM reservation WHERE reservation_id = ANY($1::uuid[])", answered
    )
    assert {row["reservation_id"] for row in found} == set(answered)
    await house.prove()


@within(60)
async def test_a_call_that_waits_for_a_lock_is_told_before_the_server_goes(house: House) -> None:
    server, client = await house.server()
    await house.stock(client, {"a": 10})
    other = await house.connect()
    try:
        async with other.transaction():
            await other.fetch("SELECT 1 FROM level FOR UPDATE")
            call = asyncio.ensure_future(outcomes([client.reserve(house.request({"a": 1}))]))
            while not await house.waits_for_a_lock():  # noqa: ASYNC110 - the database is asked
                await asyncio.sleep(0.01)
            await stops(server, PROMISED_S)
            _, errors = await call
            assert reason(errors[0]) in ("CONTENTION", "SHUTTING_DOWN")
    finally:
        other.terminate()
