"""Counters that others fill."""

from collections import Counter

CHANNELS_COUNTED_MAX = 1_000
OTHERS = ""
"""The channel of what is counted when so many channels are."""


class CheckCounters:
    """Looks of the background check, by promise (I1, I2 …) and result: `kept`, `broken`, or `failed`, which is not
    looked."""

    def __init__(self) -> None:
        self.results: Counter[tuple[str, str]] = Counter()

    def add(self, promise: str, result: str) -> None:
        self.results[(promise, result)] += 1
