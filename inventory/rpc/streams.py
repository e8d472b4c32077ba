"""How many streams each channel has open."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from inventory.domain.refusal import Reason
from inventory.engine.failures import EngineError

STREAMS_PER_CHANNEL_MAX = 100


class TooManyStreams(EngineError):
    """The channel has as many streams open as it may."""

    reason = Reason.STREAM_LIMIT
    message = f"a channel has at most {STREAMS_PER_CHANNEL_MAX} streams open"
    retry_after_s: float | None = 5.0


class Streams:
    """Counts the open streams of this server, of every kind."""

    def __init__(self) -> None:
        self._open: Counter[int] = Counter()

    @contextmanager
    def one_more(self, channel_id: int) -> Iterator[None]:
        """Counts a stream for the length of the block. Raises `TooManyStreams`."""
        if self._open[channel_id] >= STREAMS_PER_CHANNEL_MAX:
            raise TooManyStreams
        self._open[channel_id] += 1
        try:
            yield
        finally:
            self._open[channel_id] -= 1
