"""From which few places together everything that is needed can come."""

from collections.abc import Iterator, Sequence
from itertools import accumulate, combinations
from math import comb
from typing import NamedTuple

COMBINATIONS_MAX = 5_000
"""Sets of places that are looked at, in all, for the fewest parcels of an order: any number of places out of 11, three
out of 24, pairs out of 70. Beyond it a place is added at a time, the one that brings the order furthest."""


class Need(NamedTuple):
    """So much is needed, and so much of it each place gives, at most all."""

    amount: int
    gives: list[int]

    @property
    def least(self) -> int:
        """It takes at least so many places."""
        if self.amount == 1:
            return 1
        sums = accumulate(sorted(self.gives, reverse=True))
        return next(places for places, total in enumerate(sums, 1) if total >= self.amount)


class Cover:
    """The sets of places that together meet all needs; all places together do. A place is one integer with a field for
    each need, so that one addition adds a place to a set: fields start below their top bit by what is needed, and a set
    covers when every top bit is set."""

    def __init__(self, needs: Sequence[Need]) -> None:
        self._needs = needs
        weights = [0] * len(needs[0].gives)
        start = goal = shift = 0
        fields = []
        for amount, gives in needs:
            bits = (amount * len(gives)).bit_length()
            start |= ((1 << bits) - amount) << shift
            goal |= 1 << bits + shift
            fields.append(((1 << bits + 1) - 1) << shift)
            for place, give in enumerate(gives):
                if give:
                    weights[place] |= give << shift
            shift += bits + 1
        everything = start + sum(weights)
        self._goal = goal
        self._forced = [place for place, weight in enumerate(weights) if (everything - weight) & goal != goal]
        self._start = start + sum(weights[place] for place in self._forced)
        unmet = sum(field for field in fields if not self._start & field & goal)
        forced = set(self._forced)
        self._others = [place for place, weight in enumerate(weights) if weight & unmet and place not in forced]
        self._weights = weights
        self.places = len(weights)
        self._least = max(len(self._forced), *(need.least for need in needs))

    def count(self, size: int) -> int:
        """How many sets of that size there are to look at."""
        return comb(len(self._others), size - len(self._forced)) if size >= self._least else 0

    def of_size(self, size: int) -> Iterator[list[int]]:
        """The sets of that size, those with earlier places first."""
        more = size - len(self._forced)
        goal = self._goal
        if more == 0 and self._start & goal == goal:
            yield self._forced
        if more <= 0 or size < self._least:
            return
        weights = [self._weights[place] for place in self._others]
        rest = [*accumulate(reversed(weights), initial=0)][::-1]
        for firsts in combinations(range(len(weights)), more - 1):
            total = self._start + sum(weights[first] for first in firsts)
            following = firsts[-1] + 1 if firsts else 0
            if (total + rest[following]) & goal == goal:
                for last in range(following, len(weights)):
                    if (total + weights[last]) & goal == goal:
                        yield sorted([*self._forced, *(self._others[number] for number in (*firsts, last))])

    def greedy(self) -> list[int]:
        """A small set: the place that brings the needs furthest, again and again; then without those not needed."""
        lacks = [amount - sum(gives[place] for place in self._forced) for amount, gives in self._needs]
        others = list(self._others)
        chosen: list[int] = []
        while any(lack > 0 for lack in lacks):
            unmet = [(lack, need) for lack, need in zip(lacks, self._needs, strict=True) if lack > 0]
            gains = [0.0] * self.places
            for lack, (amount, gives) in unmet:
                for place in others:
                    if give := gives[place]:
                        gains[place] += min(give, lack) / amount
            place = max(others, key=gains.__getitem__)
            others.remove(place)
            chosen.append(place)
            lacks = [lack - need.gives[place] for lack, need in zip(lacks, self._needs, strict=True)]
        total = self._start + sum(self._weights[place] for place in chosen)
        for place in sorted(chosen, reverse=True):
            if (total - self._weights[place]) & self._goal == self._goal:
                total -= self._weights[place]
                chosen.remove(place)
        return sorted([*self._forced, *chosen])


def smallest(covers: Sequence[Cover]) -> Iterator[list[int]]:
    """Sets that cover, from the smallest size on; of each size first those of the first cover. Up to COMBINATIONS_MAX
    sets are looked at."""
    looked = 0
    for size in range(1, covers[0].places + 1):
        looked += sum(cover.count(size) for cover in covers)
        if looked > COMBINATIONS_MAX:
            return
        for cover in covers:
            yield from cover.of_size(size)


def greedy(covers: Sequence[Cover]) -> Iterator[list[int]]:
    """A small set of each cover, the smaller first."""
    yield from sorted((cover.greedy() for cover in covers), key=len)
