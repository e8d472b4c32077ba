"""Gives memory back to the machine after a peak, though nobody calls any more.

Refused calls are left in circles by grpc.aio, with their metadata, and the collector comes by only after so many new
objects (see `_spare_the_collector` in server.py); what it frees stays with the C library. Ten calls with bombs of
headers kept 250 MiB of a server that then had nothing to do, for ever (seen): 160 in circles, 90 with the library.
"""

import asyncio
import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress

from inventory.figures.process import rss_bytes

LOOK_S = 1.0
GROWN_BYTES = 32 << 20
BUSY_LOOKS_MAX = 30
"""So often it is put off while there is work to do. It stops the loop for 20 to 50 ms (seen)."""
PAUSE_MAX_LOOKS = 32
"""What is in use at one try may be free at the next: after so many looks at most, each pause twice as long as the one
before. What is then still there is what the server has grown to."""
YOUNG = 1
"""The generation up to which it is collected: what lives long is not gone through."""


class GivingBack:
    """`busy` says whether there is work to do."""

    def __init__(self, busy: Callable[[], object]) -> None:
        self._busy = busy
        self._least = rss_bytes()
        self._put_off = 0
        self._pause = 0
        self._paused = 0

    async def run(self) -> None:
        """For ever; cancel it to end it."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> bool:
        """Whether it gave something back, or tried."""
        now = rss_bytes()
        self._least = min(self._least, now)
        if now - self._least < GROWN_BYTES:
            self._pause = 0
            return False
        if self._paused < self._pause:
            self._paused += 1
            return False
        if self._busy() and self._put_off < BUSY_LOOKS_MAX:
            self._put_off += 1
            return False
        self._put_off = 0
        gc.collect(YOUNG)
        await asyncio.to_thread(_trim)
        self._paused, self._pause = 0, max(1, 2 * self._pause)
        if self._pause > PAUSE_MAX_LOOKS:
            self._pause = 0
            self._least = rss_bytes()
        return True


def _trim() -> None:
    """Only the GNU C library keeps that much, and has a call for it."""
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
