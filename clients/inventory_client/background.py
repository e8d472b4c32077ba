"""The thread in which the asynchronous client works for code without an event loop."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

STOP_S = 5.0
ROWS_AT_ONCE = 1_000
"""Each hand-over between threads costs as much as many rows."""

Result = TypeVar("Result")


class Background:
    """A thread with a loop, in which other threads have work done."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._closing = False
        self._handing_over = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="inventory-client", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Waits for it. Interrupted (Ctrl-C), it is cancelled."""
        if os.getpid() != self._pid:
            work.close()
            raise RuntimeError("this client was made before the process forked: make it in the worker, after the fork")
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("called from the client's own thread (a callback), which it would wait for for ever")
        with self._handing_over:  # what is handed over after the last work would never run
            if self._closing or not self._thread.is_alive():
                work.close()
                raise RuntimeError("the client is closed")
            future: Future[Result] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except CancelledError:
            if self._closing:
                raise RuntimeError("the client was closed meanwhile") from None
            raise
        except BaseException:
            future.cancel()
            raise

    def each(self, rows: AsyncIterator[Result]) -> Iterator[Result]:
        """Waits for the rows as they are asked for, up to ROWS_AT_ONCE at a time."""
        while True:
            some = self.run(_some(rows))
            yield from some
            if len(some) < ROWS_AT_ONCE:
                return

    def stop(self, last: Coroutine[Any, Any, object]) -> None:
        """Runs the last work and ends the thread. Once; after a fork there is nothing to end."""
        if os.getpid() != self._pid or not self._thread.is_alive():
            last.close()
            return
        if threading.current_thread() is self._thread:  # the collector found it there
            last.close()
            self._loop.stop()
            return
        with self._handing_over:
            self._closing = True
            future = asyncio.run_coroutine_threadsafe(_last(last), self._loop)
        try:
            future.result(STOP_S)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(STOP_S)
            if not self._thread.is_alive():
                self._loop.close()


async def _last(work: Coroutine[Any, Any, object]) -> None:
    """Runs it, and ends what other threads still wait for."""
    try:
        await work
    finally:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)


async def _some(rows: AsyncIterator[Result]) -> list[Result]:
    some: list[Result] = []
    async for row in rows:
        some.append(row)
        if len(some) == ROWS_AT_ONCE:
            break
    return some
