"""One stream, as the feed sees it."""

import asyncio
from datetime import datetime

from inventory.feed.buffer import Selection


class Follower:
    """A stream: when it must speak next, and up to where a bookmark was asked for. Times are the loop's, but for
    `told_at`: the database's, as of which date it was told what may be sold."""

    __slots__ = ("_idle_s", "_loop", "due", "selection", "speak_at", "told_at", "waiter")

    def __init__(self, selection: Selection, idle_s: float) -> None:
        self.selection = selection
        self.due: int | None = None
        self.told_at: datetime | None = None
        self._idle_s = idle_s
        self._loop = asyncio.get_running_loop()
        self.waiter: asyncio.Future[None] | None = None
        self.spoke()

    def spoke(self) -> None:
        """Something was said just now."""
        self.speak_at = self._loop.time() + self._idle_s

    def must_speak(self, end: int) -> bool:
        """Whether a bookmark is due though there is nothing else to say."""
        asked = self.due is not None and end >= self.due
        if asked:
            self.due = None
        return asked or self._loop.time() >= self.speak_at

    async def wait(self) -> None:
        """Until there is something for the filter, or it must speak."""
        waiter = self.waiter = self._loop.create_future()
        self.selection.waiting[waiter] = None
        try:
            await waiter
        finally:
            self.waiter = None
            self.selection.waiting.pop(waiter, None)

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)
