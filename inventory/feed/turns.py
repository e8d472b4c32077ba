"""Who of the followers may write next: some at a time, and while commands wait only for a share of the time."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

TURNS_AT_ONCE = 16
SHARE_WHILE_BUSY = 0.06
PAUSE_S_MAX = 0.02


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
            given, began = 0, self._loop.time()
            while self._waiting and given < TURNS_AT_ONCE:
                future = self._waiting.popleft()
                if not future.done():
                    future.set_result(None)
                    given += 1
            if not self._waiting:
                self._asked.clear()
            await asyncio.sleep(0)  # those whose turn it is write now
            if busy():
                took_s = self._loop.time() - began
                await asyncio.sleep(min(took_s * (1 / SHARE_WHILE_BUSY - 1), PAUSE_S_MAX))
