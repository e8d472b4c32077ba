"""Memory after a peak that strangers have made."""

import asyncio
import random

from tests.fuzz.strangers import header_bomb
from tests.race.processes import Server

MIB = 1 << 20
GROWTH_MAX_BYTES = 64 * MIB
BOMBERS = 16
WAIT_S = 20.0
POLL_S = 0.1


async def test_what_bombs_of_headers_take_comes_back_though_nobody_calls(dsn: str) -> None:
    server = await Server.start(dsn)
    try:
        at_start = server.memory_bytes()
        await asyncio.gather(*(header_bomb(server.address, random.Random(number)) for number in range(BOMBERS)))
        async with asyncio.timeout(WAIT_S):
            while server.memory_peak_bytes() - at_start < GROWTH_MAX_BYTES:  # noqa: ASYNC110 - the kernel tells only who asks
                await asyncio.sleep(POLL_S)
            while server.memory_bytes() - at_start > GROWTH_MAX_BYTES:  # noqa: ASYNC110 - as above
                await asyncio.sleep(POLL_S)
    finally:
        await server.stop()
