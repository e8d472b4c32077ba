"""Who of the followers may write next: some at a time, and while commands wait not more than so many a second."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

TURNS_AT_ONCE = 16
TURNS_PER_S_WHILE_BUSY = 2_000
"""A message costs the process 50 to 130 µs, by its size: so writes keep most of it."""


class Turns:
    """With a thousand followers of one change, writes would otherwise have to wait for all of them. Whoever waits
    longer gets more changes in one message."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._asked = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def enqueue(self, futures: Iterable[asyncio.Future[None]]) -> None:
        """Each is resolved when its turn has come."""
        self._waiting.extend(futures)
        self._asked.set()

    async def take(self) -> None:
        """Waits for a turn."""
        future = self._loop.create_future()
        self.enqueue((future,))
        await future

    async def deal(self, busy: Callable[[], bool]) -> None:
        """Gives turns, for ever; `busy`: whether somebody waits for a write. Cancel it to end it."""
        while True:
            await self._asked.wait()
            given = 0
            while self._waiting and given < TURNS_AT_ONCE:
                future = self._waiting.popleft()
                if not future.done():
                    future.set_result(None)
                    given += 1
            if not self._waiting:
                self._asked.clear()
            await asyncio.sleep(given / TURNS_PER_S_WHILE_BUSY if busy() else 0)
