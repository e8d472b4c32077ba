"""What was counted in the last seconds, of counters that only ever rise."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import NamedTuple

WINDOW_S = 10.0

Counts = Mapping[str, Sequence[int]]


class Counted(NamedTuple):
    """`counts` of the last `seconds`."""

    seconds: float
    counts: Mapping[str, list[int]]


class Recent:
    """Keeps what the counters said at each look; call `look` about once a second."""

    def __init__(self, read: Callable[[], Counts], clock: Callable[[], float] = perf_counter) -> None:
        """`read` gives copies."""
        self._read = read
        self._clock = clock
        self._looks: deque[tuple[float, Counts]] = deque([(clock(), read())])

    def look(self) -> None:
        now = self._clock()
        self._looks.append((now, self._read()))
        while len(self._looks) > 1 and self._looks[1][0] <= now - WINDOW_S:
            self._looks.popleft()

    def counted(self) -> Counted:
        """Of the last ten seconds or so, until now."""
        at, before = self._looks[0]
        return Counted(
            max(self._clock() - at, 1e-3),
            {
                name: [now - then for now, then in zip(counts, before.get(name, [0] * len(counts)), strict=True)]
                for name, counts in self._read().items()
            },
        )
