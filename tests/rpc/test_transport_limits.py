"""Each limit of a connection, met by a client that keeps to none of them."""

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from inventory.rpc import streams, transport
from inventory.rpc.method import METADATA_BYTES_MAX
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from tests.rpc.client import PATIENCE_S, Client, Refused, Server, asks, new_id, of_error, reserve_request, seconds
from tests.rpc.conftest import serving
from tests.rpc.http2 import (
    CANCEL,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    HEADERS,
    MAX_CONCURRENT_STREAMS,
    NO_ERROR,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    Rough,
    frame,
    header_block,
    literal,
    message,
)

RESOURCE_EXHAUSTED = 8
SHORT_MS = 700
SOON_S = 10.0
GET_STOCK = "/inventory.v1.StockService/GetStock"


@asynccontextmanager
async def limited(dsn: str, monkeypatch: pytest.MonkeyPatch, **limits: float) -> AsyncIterator[Server]:
    """A server whose limits of this module are these."""
    for name, value in limits.items():
        monkeypatch.setattr(transport, name, value)
    async with serving(dsn) as server:
        yield server


async def answers(server: Server) -> bool:
    """Whether it goes on."""
    client = Client(server.address, [("grpc.use_local_subchannel_pool", 1)])
    try:
        return bool(await client.sku())
    finally:
        await client.close()


@pytest.mark.parametrize(
    "opening", [b"", PREFACE, PREFACE[:10], b"\x16\x03\x01"], ids=["nothing", "a preface", "half of it", "some TLS"]
)
async def test_who_never_ends_the_handshake_is_disconnected(
    opening: bytes, module_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        limited(module_dsn, monkeypatch, HANDSHAKE_MAX_MS=SHORT_MS) as server,
        Rough(server.address, opening=opening) as rough,
    ):
        await rough.until(lambda: rough.closed, SOON_S)
        assert rough.closed
        assert await answers(server)


@pytest.mark.parametrize("half_open", [False, True], ids=["no call", "headers that never end"])
async def test_a_connection_without_a_call_is_closed_after_a_while(
    half_open: bool, module_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        limited(module_dsn, monkeypatch, CONNECTION_IDLE_MAX_MS=SHORT_MS) as server,
        Rough(server.address) as rough,
    ):
        if half_open:
            await rough.send(frame(HEADERS, 0, 1, header_block(GET_STOCK)[:20]))
        await rough.until(lambda: rough.closed, SOON_S)
        assert rough.closed
        assert rough.goaways[-1][1] == b"connection idle"
        assert await answers(server)


async def test_a_connection_has_an_age_at_which_its_client_is_sent_away(
    module_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"CONNECTION_AGE_MAX_MS": SHORT_MS, "CONNECTION_GRACE_MS": SHORT_MS}
    async with limited(module_dsn, monkeypatch, **limits) as server, Rough(server.address) as rough:
        await rough.open(1, "StockService/GetStock")  # and never its message
        assert await rough.until(lambda: rough.goaways, SOON_S)
        assert rough.goaways[0] == (NO_ERROR, b"max_age")
        assert not rough.closed, "calls under way have the grace"
        await rough.until(lambda: rough.closed, SOON_S)
        assert rough.closed


async def test_calls_are_all_answered_while_connections_end(module_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with limited(module_dsn, monkeypatch, CONNECTION_AGE_MAX_MS=100, CONNECTION_GRACE_MS=5_000) as server:
        client = Client(server.address, [("grpc.use_local_subchannel_pool", 1)])
        sku, location = await client.stocked(1_000)
        loop = asyncio.get_running_loop()
        until = loop.time() + 1.5
        answered = 0
        while loop.time() < until:
            await client.reserve((sku, location, 1))
            answered += 1
        assert (await client.quantities(sku, location)).held == answered
        await client.close()


async def test_an_old_stream_ends_with_a_hint_to_resume(module_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "STREAM_AGE_MAX_S", 0.5)
    async with serving(module_dsn) as server:
        client = Client(server.address)
        call = client.watch.Watch(watch_pb2.WatchRequest(now=Empty()))
        ended = await _ended(call)
        assert ended.what == ("UNAVAILABLE", "STREAM_OLD")
        assert ended.retry
        await client.close()


async def test_an_old_stream_of_reservations_answers_what_it_has_read(
    module_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "STREAM_AGE_MAX_S", 0.5)
    async with serving(module_dsn) as server:
        client = Client(server.address)
        sku, location = await client.stocked(1_000)
        call = client.reservations.ReserveStream()
        answered = 0
        # A client that still writes when a stream ends is told INTERNAL by its own library.
        for _ in range(20):
            await call.write(reservation_pb2.ReserveStreamRequest(requests=[reserve_request((sku, location, 1))]))
        with suppress(grpc.aio.AioRpcError):
            async with asyncio.timeout(PATIENCE_S):
                async for response in call:
                    answered += len(response.results)
        assert (await _ended(call)).what == ("UNAVAILABLE", "STREAM_OLD")
        assert answered == 20
        assert (await client.quantities(sku, location)).held == 20
        await client.close()


async def _ended(call: Any) -> Refused:
    async with asyncio.timeout(PATIENCE_S):
        with suppress(grpc.aio.AioRpcError):
            async for _ in call:  # the status comes after the messages
                pass
        code, details = await call.code(), await call.details()
        return of_error(
            grpc.aio.AioRpcError(code, await call.initial_metadata(), await call.trailing_metadata(), details)
        )


async def test_a_flood_of_pings_is_cut_off(server: Server) -> None:
    async with Rough(server.address) as rough:
        await rough.until(lambda: rough.settings)
        for number in range(transport.PING_STRIKES_MAX + 2):
            await rough.send(frame(PING, 0, 0, number.to_bytes(8)))
        await rough.until(lambda: rough.closed, SOON_S)
        assert rough.closed
        assert rough.goaways == [(ENHANCE_YOUR_CALM, b"too_many_pings")]
    assert await answers(server)


async def test_a_connection_has_so_many_streams_at_a_time(server: Server) -> None:
    most = transport.STREAMS_PER_CONNECTION_MAX
    async with Rough(server.address) as rough:
        for number in range(most + 10):
            await rough.open(2 * number + 1, "StockService/GetStock")
        assert await rough.until(lambda: len(rough.resets) == 10, SOON_S)
        assert rough.settings[MAX_CONCURRENT_STREAMS] == most
        assert set(rough.resets) == {2 * number + 1 for number in range(most, most + 10)}
        assert set(rough.resets.values()) == {ENHANCE_YOUR_CALM}
        assert await answers(server)


async def test_who_resets_streams_faster_than_they_are_cleared_away_is_refused(server: Server) -> None:
    resets = 20_000
    async with Rough(server.address) as rough:
        for number in range(resets):
            stream = 2 * number + 1
            await rough.send(
                frame(HEADERS, END_HEADERS, stream, header_block(GET_STOCK)),
                frame(RST_STREAM, 0, stream, CANCEL.to_bytes(4)),
            )
            if rough.closed:
                break
        assert set(rough.resets.values()) <= {ENHANCE_YOUR_CALM}
        assert await answers(server)


async def test_one_more_connection_than_there_may_be_is_closed(
    module_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with limited(module_dsn, monkeypatch, CONNECTIONS_MAX=2) as server:
        async with Rough(server.address) as first, Rough(server.address) as second:
            assert await first.until(lambda: first.settings)
            assert await second.until(lambda: second.settings)
            async with Rough(server.address) as third:
                await third.until(lambda: third.closed, SOON_S)
                assert third.closed
                assert not third.settings
        assert await answers(server), "there is room again"


def test_there_are_never_more_connections_than_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: set_to.append(limits))
    for limits, most, raised in (
        ((1_024, 4_096), 4_096 - transport.FILES_SPARE, (4_096, 4_096)),
        ((1_024, 10**6), transport.CONNECTIONS_MAX, (transport.CONNECTIONS_MAX + transport.FILES_SPARE, 10**6)),
        ((10**6, 10**6), transport.CONNECTIONS_MAX, None),
        ((64, 64), 1, (64, 64)),
    ):
        set_to.clear()
        monkeypatch.setattr(resource, "getrlimit", lambda _, found=limits: found)
        assert transport.connections_max() == most
        assert set_to == ([raised] if raised else [])


@pytest.mark.parametrize("bytes_each", [900, 15_000])
async def test_metadata_has_a_limit_for_who_ignores_it(bytes_each: int, server: Server) -> None:
    block = header_block(GET_STOCK) + b"".join(
        literal(f"key-{number}", "x" * bytes_each) for number in range(2 + METADATA_BYTES_MAX // bytes_each)
    )
    pieces = [block[at : at + 16_384] for at in range(0, len(block), 16_384)]
    async with Rough(server.address) as rough:
        await rough.send(frame(HEADERS, END_HEADERS if len(pieces) == 1 else 0, 1, pieces[0]))
        for number, piece in enumerate(pieces[1:], start=2):
            await rough.send(frame(CONTINUATION, END_HEADERS if number == len(pieces) else 0, 1, piece))
        await rough.send(frame(DATA, END_STREAM, 1, message(b"")))
        assert await rough.until(lambda: rough.status(1) is not None, SOON_S)
        assert rough.status(1) == RESOURCE_EXHAUSTED
    assert await answers(server)


async def test_a_reset_call_is_answered_or_not_but_never_half(server: Server, client: Client) -> None:
    sku, location = await client.stocked(1_000)
    request = reservation_pb2.ReserveRequest(
        request_id=new_id(), hold_ttl=seconds(60), lines=asks((sku, location, 1), (sku, location, 2))
    )
    async with Rough(server.address) as rough:
        for number in range(50):
            stream = 2 * number + 1
            request.request_id = new_id()
            await rough.open(stream, "ReservationService/Reserve")
            await rough.send(
                frame(DATA, END_STREAM, stream, message(request.SerializeToString())),
                frame(RST_STREAM, 0, stream, CANCEL.to_bytes(4)),
            )
        await rough.send(frame(SETTINGS, 0, 0, b""))
        assert await answers(server)
    assert (await client.quantities(sku, location)).held % 3 == 0


def test_a_stream_ends_itself_before_its_connection_is_cut() -> None:
    longest_s = streams.STREAM_AGE_MAX_S * (1 + streams.STREAM_AGE_JITTER)
    assert longest_s < transport.CONNECTION_GRACE_MS / 1000
