"""What a lane counts about its batches."""

from collections import Counter
from time import perf_counter

from inventory.figures.histogram import NUMBERS, SECONDS, Histogram


class BatchFigures:
    """`wait`: from a command's arrival to the start of its first batch. Steps: `look` begins the transaction, finds and
    locks; `decide`; `write` is the statements that write; `commit`. Durations in seconds.

    A lane runs one batch at a time, so one stopwatch does for all.
    """

    def __init__(self) -> None:
        self.size = Histogram(NUMBERS)
        self.wait = Histogram(SECONDS)
        self.look = Histogram(SECONDS)
        self.decide = Histogram(SECONDS)
        self.write = Histogram(SECONDS)
        self.commit = Histogram(SECONDS)
        self.again: Counter[str] = Counter()
        """Batches that were run again, by why."""
        self.began_at = perf_counter()
        """When the last batch was begun."""
        self._at = self.began_at

    def begin(self) -> None:
        self.began_at = self._at = perf_counter()

    def ended(self, step: Histogram) -> None:
        """What was done since the last step was this one."""
        now = perf_counter()
        step.add(now - self._at)
        self._at = now
