"""Numbers sorted into buckets as they come."""

from bisect import bisect_left
from collections.abc import Sequence

SECONDS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets for durations, in seconds; what is longer has a bucket of its own."""
NUMBERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
"""Upper bounds of the buckets for how many there are."""


class Histogram:
    """How many values fell into each bucket, and their sum. Adding one costs less than half a microsecond."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


def quantile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float | None:
    """The value that `share` of all are not above, by linear interpolation within its bucket, as Prometheus does it;
    the last bound for what lies beyond. None: there are none."""
    wanted = share * sum(counts)
    if not wanted:
        return None
    below = 0
    for number, count in enumerate(counts[:-1]):
        if count and below + count >= wanted:
            lower = bounds[number - 1] if number else 0.0
            return lower + (bounds[number] - lower) * (wanted - below) / count
        below += count
    return bounds[-1]
