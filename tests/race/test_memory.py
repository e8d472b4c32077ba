"""Memory at a peak that strangers make, and after it."""

import asyncio
import random

import grpc
import pytest

from tests.fuzz.strangers import header_bomb, loitering
from tests.race.processes import Server
from tests.rpc.client import Client, eventually

MIB = 1 << 20
GROWTH_MAX_BYTES = 64 * MIB
BOMBERS = 16
WAIT_S = 60.0
POLL_S = 0.1


async def test_ten_bombs_of_headers_at_once_cost_next_to_nothing(dsn: str) -> None:
    server = await Server.start(dsn)
    try:
        at_start = server.memory_bytes()
        await header_bomb(server.address, random.Random(0))
        await _answers(server)
        assert server.memory_peak_bytes() - at_start < GROWTH_MAX_BYTES
    finally:
        await server.stop()


async def test_what_bombs_of_headers_take_comes_back_though_nobody_calls(dsn: str) -> None:
    server = await Server.start(dsn)
    try:
        at_start = server.memory_bytes()
        await asyncio.gather(*(header_bomb(server.address, random.Random(number)) for number in range(BOMBERS)))
        await _answers(server)
        await _comes_down(server, at_start)
    finally:
        await server.stop()


@pytest.mark.parametrize("what", ["Health/Watch", "Health/Check", "reflection"])
async def test_callers_without_a_credential_who_stay_cost_little_memory(what: str, dsn: str) -> None:
    server = await Server.start(dsn)
    try:
        at_start = server.memory_bytes()
        async with loitering(server.address, {what: 5_000}):
            await _answers(server)
            await _comes_down(server, at_start)
    finally:
        await server.stop()


async def _comes_down(server: Server, at_start: int) -> None:
    async with asyncio.timeout(WAIT_S):
        while server.memory_bytes() - at_start > GROWTH_MAX_BYTES:  # noqa: ASYNC110 - the kernel tells only who asks
            await asyncio.sleep(POLL_S)


async def _answers(server: Server) -> None:
    """Returns when it has; gRPC's core cuts some of the calls that come while a thousand wait for their turn."""
    client = Client(server.address)

    async def has_answered() -> bool:
        try:
            return bool(await client.sku())
        except grpc.aio.AioRpcError:
            return False

    try:
        await eventually(has_answered, "it answers")
    finally:
        await client.close()
