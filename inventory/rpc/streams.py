"""What is open on this server: how many streams each channel has, and how they end when the server stops, or they are
old."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from inventory.domain.refusal import Reason, Refusal
from inventory.engine.failures import EngineError, ShuttingDown

STREAM_AGE_MAX_S = 30 * 60.0
STREAM_AGE_JITTER = 0.1
"""Streams that began at once, as after a restart, don't end at once: each lives a tenth more or less."""
LOOK_S = 0.01


class TooManyStreams(EngineError):
    """The channel has as many streams open as it may."""

    reason = Reason.STREAM_LIMIT
    retry_after_s: float | None = 5.0

    def __init__(self, most: int) -> None:
        super().__init__()
        self.message = f"the channel has at most {most} streams open"


class _Ending(NamedTuple):
    """What a cancellation of ours carries; any other is the client's."""

    error: EngineError | Refusal


class _Open(NamedTuple):
    """A stream: what it is, and what its caller is known by."""

    kind: str
    channel: str
    caller: object


class StreamOld(EngineError):
    """The stream has been open for as long as one may, so that its client finds replicas that came later."""

    reason = Reason.STREAM_OLD
    message = "the stream has been open for long enough: resume at the last bookmark, here or elsewhere"
    retry_after_s: float | None = 0.1


class Streams:
    """The open streams of every kind, each by the task that serves it. `calls`: how many unary calls are served;
    `stopping`: whether no new ones are."""

    def __init__(self) -> None:
        self.calls = 0
        self._open: dict[asyncio.Task[object], _Open] = {}
        self._by_channel: Counter[int] = Counter()
        self.stopping = False

    @contextmanager
    def one_more(self, channel_id: int, most: int) -> Iterator[None]:
        """Counts a stream for the length of the block. Raises `TooManyStreams`, `ShuttingDown`."""
        if self.stopping:
            raise ShuttingDown
        if self._by_channel[channel_id] >= most:
            raise TooManyStreams(most)
        self._by_channel[channel_id] += 1
        try:
            yield
        finally:
            self._by_channel[channel_id] -= 1

    @contextmanager
    def opened(self, kind: str, channel: str, caller: object) -> Iterator[None]:
        """Around all that is done for a stream, its status included."""
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = _Open(kind, channel, caller)
        spread = random.uniform(1 - STREAM_AGE_JITTER, 1 + STREAM_AGE_JITTER)  # noqa: S311 - not a secret
        ending = asyncio.get_running_loop().call_later(STREAM_AGE_MAX_S * spread, task.cancel, _Ending(StreamOld()))
        try:
            yield
        finally:
            ending.cancel()
            del self._open[task]

    def count(self) -> Counter[tuple[str, str]]:
        """How many streams are open, by kind and channel."""
        return Counter((stream.kind, stream.channel) for stream in self._open.values())

    def stop(self) -> None:
        """Takes no new call, and has the open streams ended: each finds a cancellation at what it waits for, whatever
        that is, and makes it a status by `ended`."""
        self.stopping = True
        for task in self._open:
            task.cancel(_Ending(ShuttingDown()))

    def end(self, why: Callable[[object], EngineError | Refusal | None]) -> None:
        """Ends streams as `stop` does, those of whose callers it is said why."""
        for task, stream in self._open.items():
            error = why(stream.caller)
            if error is not None:
                task.cancel(_Ending(error))

    def ended(self, cancelled: asyncio.CancelledError) -> EngineError | Refusal:
        """What to tell the client of a stream that we have ended. Raises a cancellation that was the client's."""
        task = asyncio.current_task()
        ending = cancelled.args[0] if cancelled.args else None
        if not isinstance(ending, _Ending) or task is None:
            raise cancelled
        task.uncancel()
        return ending.error

    async def drained(self, calls_s: float, streams_s: float) -> None:
        """Waits for the ends of all unary calls, at most `calls_s`, and of all streams, at most `streams_s`: one whose
        client doesn't read can't end."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while (self.calls and loop.time() < began + calls_s) or (  # noqa: ASYNC110 - counting must cost a call nothing more
            self._open and loop.time() < began + streams_s
        ):
            await asyncio.sleep(LOOK_S)
