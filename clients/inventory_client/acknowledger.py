"""Tells the server how far a registered subscriber has come."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from inventory_client.cursor import Cursor
from inventory_client.errors import InventoryError

ACKNOWLEDGE_PERIOD_S = 1.0
LAST_S = 2.0

Acknowledge = Callable[[Cursor, float], Awaitable[object]]
"""Takes a cursor and how long it may take, in seconds."""


class Acknowledger:
    """Acknowledges the newest processed cursor, at most once a period. A failure is tried again with the next one: the
    server learns of a standstill by the missing acknowledgement."""

    def __init__(self, acknowledge: Acknowledge, period_s: float = ACKNOWLEDGE_PERIOD_S) -> None:
        self._acknowledge = acknowledge
        self._period_s = period_s
        self._newest: Cursor | None = None
        self._due = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def processed(self, cursor: Cursor) -> None:
        """Everything up to the cursor is safe with the consumer."""
        self._newest = cursor
        self._due.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def aclose(self) -> None:
        """Says it once more, if it has not been said."""
        if self._task is None:
            return
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        if self._due.is_set():
            await self._say(LAST_S)

    async def _run(self) -> None:
        while True:
            await self._due.wait()
            await self._say(self._period_s * 5)
            await asyncio.sleep(self._period_s)

    async def _say(self, timeout_s: float) -> None:
        assert self._newest is not None
        said = self._newest
        with suppress(InventoryError):
            await self._acknowledge(said, timeout_s)
            if self._newest == said:
                self._due.clear()
