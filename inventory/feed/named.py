"""Which numbers a channel has named, among very many: 8 bytes each."""

import heapq
from array import array
from collections.abc import Iterable, Iterator, Sequence


class Named:
    """Keys, added in any order, a message's together."""

    def __init__(self) -> None:
        self._runs: list[array[int]] = []

    def add(self, keys: Iterable[int]) -> None:
        self._runs.append(array("q", sorted(keys)))

    def others(self) -> "Others":
        """What wasn't named until now."""
        return Others(heapq.merge(*self._runs))


class Others:
    """Asked in ascending order, goes through what was named once."""

    def __init__(self, named: Iterator[int]) -> None:
        self._named = named
        self._next = next(named, None)

    def among(self, keys: Sequence[int]) -> set[int]:
        """Those of some ascending keys, above all that were asked for before, that weren't named."""
        found = set()
        for key in keys:
            while self._next is not None and self._next < key:
                self._next = next(self._named, None)
            if self._next != key:
                found.add(key)
        return found
