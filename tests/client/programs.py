"""A channel as a program of its own, gone when the test is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.race.processes import Process


@asynccontextmanager
async def program(module: str, *arguments: str) -> AsyncIterator[Process]:
    """`python -m MODULE …`."""
    running = await Process.run("-m", module, *arguments)
    try:
        yield running
    finally:
        await running.kill()
