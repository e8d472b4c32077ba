"""What callers of whom no credential is asked may keep open, and whom they keep out."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from inventory.domain.access import Scope
from inventory.rpc import health, reflection, strangers
from tests.rpc.client import PATIENCE_S, Server, eventually, of_error
from tests.rpc.conftest import serving
from tests.rpc.http2 import DATA, END_HEADERS, END_STREAM, HEADERS, Rough, frame, header_block, literal, message
from tests.rpc.test_doors import WHO_AM_I, House, house  # noqa: F401 - a fixture
from tests.rpc.test_late_requests import RESERVE, WATCH, Held

CHECK = "/grpc.health.v1.Health/Check"
WATCH_HEALTH = "/grpc.health.v1.Health/Watch"
REFLECT = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
INVALID_ARGUMENT, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAUTHENTICATED = 3, 4, 8, 16
FEW = 3
SOON_S = 20.0


async def begin(rough: Rough, path: str, streams: range, *, with_message: bool) -> None:
    """Calls of one path on those streams."""
    for stream in streams:
        frames = [frame(HEADERS, END_HEADERS, stream, header_block(path))]
        if with_message:
            frames.append(frame(DATA, 0, stream, message(b"")))
        await rough.send(*frames)


def streams(count: int, first: int = 1) -> range:
    return range(first, first + 2 * count, 2)


async def is_well(address: str) -> bool:
    """Whether a probe is told so, at the first attempt."""
    async with grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def ended(rough: Rough) -> set[int]:
    return set(rough.resets)


async def test_one_watcher_of_health_too_many_turns_away_the_one_who_has_been_there_the_longest(
    module_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "WATCHES_MAX", FEW)
    async with serving(module_dsn) as server, grpc.aio.insecure_channel(server.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watching = []
        for _ in range(FEW + 1):
            call = stub.Watch(health_pb2.HealthCheckRequest())
            async with asyncio.timeout(PATIENCE_S):
                assert (await call.read()).status == health_pb2.HealthCheckResponse.SERVING
            watching.append(call)
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await watching[0].read()
        turned_away = of_error(caught.value)
        assert turned_away.what == ("RESOURCE_EXHAUSTED", "STREAM_LIMIT")
        assert turned_away.retry
        assert await is_well(server.address)
        assert not any(call.done() for call in watching[1:])


async def test_probes_are_answered_beside_a_house_full_of_idle_ones(
    module_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "WATCHES_MAX", FEW)
    monkeypatch.setattr(health, "WAITING_MAX", FEW)
    monkeypatch.setattr(reflection, "REFLECTIONS_MAX", FEW)
    monkeypatch.setattr(strangers, "MESSAGE_MAX_S", 600.0)  # none of them is to end for that, however slow we are
    async with serving(module_dsn) as server, Rough(server.address) as rough:
        await begin(rough, WATCH_HEALTH, streams(20), with_message=True)
        await begin(rough, CHECK, streams(20, 101), with_message=False)
        await begin(rough, REFLECT, streams(20, 201), with_message=False)
        await rough.until(lambda: len(ended(rough)) >= 3 * (20 - FEW), SOON_S)
        assert len(ended(rough)) == 3 * (20 - FEW)
        for _ in range(10):
            assert await is_well(server.address)
        assert len(ended(rough)) <= 3 * (20 - FEW) + 10, "who is not in the way stays"


async def test_a_probe_of_another_host_turns_away_none_of_its_own(
    module_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "WATCHES_MAX", FEW)
    async with (
        serving(module_dsn) as server,
        Rough(server.address, source="127.0.0.2") as lone,
        Rough(server.address) as crowd,
    ):
        await begin(lone, WATCH_HEALTH, streams(1), with_message=True)
        assert await lone.until(lambda: lone.received[DATA], SOON_S)
        await begin(crowd, WATCH_HEALTH, streams(20), with_message=True)
        assert await crowd.until(lambda: len(ended(crowd)) == 20 - (FEW - 1), SOON_S)
        assert not ended(lone)


@pytest.mark.parametrize("path", [CHECK, WATCH_HEALTH, REFLECT])
async def test_a_message_that_does_not_come_is_not_waited_for(
    path: str, module_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "MESSAGE_MAX_S", 0.2)
    async with serving(module_dsn) as server, Rough(server.address) as rough:
        await begin(rough, path, streams(1), with_message=False)
        assert await rough.until(lambda: rough.status(1) is not None, SOON_S)
        assert rough.status(1) == DEADLINE_EXCEEDED


async def test_who_watches_health_is_not_hurried(module_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "MESSAGE_MAX_S", 0.2)
    async with serving(module_dsn) as server, Rough(server.address) as rough:
        await begin(rough, WATCH_HEALTH, streams(1), with_message=True)
        await begin(rough, CHECK, streams(1, 3), with_message=False)
        assert await rough.until(lambda: rough.status(3) is not None, SOON_S), "who came later was, meanwhile"
        assert rough.status(1) is None
        assert not ended(rough) - {3}


@pytest.mark.parametrize("path", [CHECK, WATCH_HEALTH, REFLECT])
@pytest.mark.parametrize("body", [b"\xff\xff", b"\x0a\x88\x27" + b"x" * 5_000], ids=["garbage", "too long"])
async def test_what_is_no_request_is_refused(path: str, body: bytes, server: Server) -> None:
    async with Rough(server.address) as rough:
        await begin(rough, path, streams(1), with_message=False)
        await rough.send(frame(DATA, 0, 1, message(body)))
        assert await rough.until(lambda: rough.status(1) is not None, SOON_S)
        assert rough.status(1) == INVALID_ARGUMENT


async def test_a_call_of_health_that_ends_without_a_message_is_refused(server: Server) -> None:
    async with Rough(server.address) as rough:
        await begin(rough, CHECK, streams(1), with_message=False)
        await rough.send(frame(DATA, END_STREAM, 1, b""))
        assert await rough.until(lambda: rough.status(1) is not None, SOON_S)
        assert rough.status(1) == INVALID_ARGUMENT


async def test_the_limit_of_metadata_holds_for_health_too(server: Server) -> None:
    block = header_block(CHECK) + b"\x40" + literal("key", "x" * 3_900)[1:] + b"\xbe" * 10  # named ten times more
    async with Rough(server.address) as rough:
        await rough.send(frame(HEADERS, END_HEADERS, 1, block), frame(DATA, END_STREAM, 1, message(b"")))
        assert await rough.until(lambda: rough.status(1) is not None, SOON_S)
        assert rough.status(1) == RESOURCE_EXHAUSTED


@pytest.mark.parametrize("path", [RESERVE, WATCH])
async def test_calls_whose_message_has_not_come_are_calls_of_their_channel(
    path: str,
    house: House,  # noqa: F811
) -> None:
    metadata = await house.let_in("halting", Scope.STOCK_READ, Scope.RESERVATION, Scope.WATCH, calls_max=FEW)
    held = [Held(house.client, path, health_pb2.HealthCheckRequest(), metadata) for _ in range(FEW)]
    for call in held:
        await call.begins()

    async def is_full() -> bool:
        refused = await house.knock(WHO_AM_I, metadata)
        return refused is not None and refused.what == ("RESOURCE_EXHAUSTED", "CALL_LIMIT") and bool(refused.retry)

    await eventually(is_full, "there is no room for one more")
    for call in held:
        call.leave()

    async def is_free() -> bool:
        return await house.knock(WHO_AM_I, metadata) is None

    await eventually(is_free, "there is room again")


@pytest.mark.parametrize("path", [RESERVE, WATCH])
async def test_who_is_refused_is_answered_before_a_message_comes(path: str, house: House) -> None:  # noqa: F811
    async with Rough(house.client.address) as rough:
        await begin(rough, path, streams(1), with_message=False)
        assert await rough.until(lambda: rough.status(1) is not None, SOON_S)
        assert rough.status(1) == UNAUTHENTICATED


async def test_reflection_answers_one_question_after_the_other(server: Server) -> None:
    async with grpc.aio.insecure_channel(server.address) as channel:
        make: Any = channel.stream_stream
        call = make(
            REFLECT,
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )()
        for _ in range(3):
            await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
            async with asyncio.timeout(PATIENCE_S):
                assert len((await call.read()).list_services_response.service) > 3
        await call.done_writing()
        async with asyncio.timeout(PATIENCE_S):
            assert await call.read() is grpc.aio.EOF
            assert await call.code() == grpc.StatusCode.OK
