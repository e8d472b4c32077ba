"""What the marketplace should show, what it shows, and what is sent next. Pure: no clock, no I/O."""

import heapq
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from inventory_client import Cursor

OFFERS_A_CALL_MAX = 1_000
TURN_OF_THE_LONGEST_WAITING = 10
"""Each so-manieth place goes to the one that waits longest, however much is left of it: none waits for ever."""
OUTDATED_SPARE = 1_000


class Offer(NamedTuple):
    """A SKU's number as the marketplace is told it."""

    sku: str
    available: int


class Offers:
    """Only the newest number of each SKU waits: what is kept is bounded by the number of SKUs, however slow the other
    side is. A SKU's number is what the channel may sell of it.

    One call at a time: `take`, then `accepted`, `failed` or `refused` with the same offers.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._shown: dict[str, int] = {}
        """What the marketplace has for certain."""
        self._waiting: dict[str, int] = {}
        """The generation since when it waits; the longest waiting comes first."""
        self._in_flight: dict[str, int] = {}
        """As `_waiting`."""
        self._overtaken: dict[str, int] = {}
        """The generation in which the number of a SKU in flight first changed again."""
        self._nearly_sold_out: list[tuple[int, str]] = []
        """A heap with outdated entries, which are passed over."""
        self._turns = 0
        self._ages: Counter[int] = Counter()
        """How many wait, are in flight, or are overtaken since each generation."""
        self._generation = 0
        self._promised: tuple[int, Cursor] | None = None
        self._newest: Cursor | None = None
        self._snapshot: set[str] | None = None

    def __len__(self) -> int:
        """How many SKUs wait to be sent."""
        return 0 if self._snapshot is not None else len(self._waiting)

    # What may be sold.

    def begin_snapshot(self) -> None:
        """All numbers are told anew; nothing is sent until they are complete."""
        self._numbers.clear()
        self._snapshot = set(self._shown) | set(self._waiting) | set(self._in_flight)
        self._promised = self._newest = None

    def end_snapshot(self, skus: Iterable[str] = ()) -> None:
        """What it did not name can't be sold, `skus` among it: the marketplace may show them since an earlier run."""
        gone, self._snapshot = {*(self._snapshot or ()), *skus}, None
        for sku in gone - self._numbers.keys():
            self._numbers[sku] = 0
        for sku in self._numbers:
            self._look(sku)

    def tell(self, sku: str, available: int) -> None:
        """What may be sold of a SKU now."""
        self._numbers[sku] = available
        if self._snapshot is None:
            self._look(sku)

    def correct(self, sku: str, available: int) -> None:
        """The marketplace shows another number than it should: it is sent again. `available`: the right one, unless a
        newer one was told."""
        self._shown.pop(sku, None)
        if self._snapshot is not None:
            self._snapshot.add(sku)
            return
        self._numbers.setdefault(sku, available)
        self._look(sku)

    def waits(self, sku: str) -> bool:
        """Whether the marketplace has not yet accepted what is newest."""
        return sku in self._waiting or sku in self._in_flight

    def number(self, sku: str) -> int:
        """What should be offered."""
        return self._numbers.get(sku, 0)

    # What is sent.

    def take(self, most: int) -> list[Offer]:
        """The next call's offers, nearly sold out first; at most `most` and 1,000."""
        taken: list[Offer] = []
        most = min(most, OFFERS_A_CALL_MAX, len(self))
        while len(taken) < most:
            self._turns += 1
            longest_waits = self._turns % TURN_OF_THE_LONGEST_WAITING == 0
            sku = next(iter(self._waiting)) if longest_waits else self._scarcest()
            taken.append(Offer(sku, self.number(sku)))
            self._in_flight[sku] = self._waiting.pop(sku)
        return sorted(taken, key=lambda offer: offer.available)

    def accepted(self, offers: Iterable[Offer]) -> None:
        """The marketplace shows them."""
        for sku, available in offers:
            self._shown[sku] = available
            self._landed(sku, again=False)

    def failed(self, offers: Iterable[Offer]) -> None:
        """Nobody knows whether the marketplace shows them: they wait again, each with what is newest by then."""
        for sku, _ in offers:
            self._shown.pop(sku, None)
            self._landed(sku, again=True)

    def refused(self, offers: Iterable[Offer]) -> None:
        """The marketplace will never take them: let alone until their number changes."""
        self.accepted(offers)

    # How far everything is accepted.

    def bookmark(self, cursor: Cursor) -> None:
        """Everything up to here has been told."""
        self._newest = cursor

    def safe(self) -> Cursor | None:
        """A bookmark up to which the marketplace has accepted everything, or something newer; each once."""
        if self._snapshot is not None:
            return None
        found = None
        while True:
            if self._promised is None and self._newest is not None:
                self._promised, self._newest = (self._generation, self._newest), None
                self._generation += 1
            if self._promised is None or any(age <= self._promised[0] for age in self._ages):
                return found
            found, self._promised = self._promised[1], None

    def _look(self, sku: str) -> None:
        """Has it wait, or no longer, as its number says."""
        if sku in self._in_flight:
            if sku not in self._overtaken:
                self._overtaken[sku] = self._born()
            return
        if sku not in self._waiting:
            self._waiting[sku] = self._born()
        self._place(sku)

    def _place(self, sku: str) -> None:
        """Puts a waiting one into its place, or out of the queue when the marketplace shows its number already."""
        number = self.number(sku)
        if number == self._shown.get(sku):
            self._forget(self._waiting.pop(sku))
        elif len(self._nearly_sold_out) > 2 * len(self._waiting) + OUTDATED_SPARE:
            self._nearly_sold_out = [(self.number(each), each) for each in self._waiting]
            heapq.heapify(self._nearly_sold_out)
        else:
            heapq.heappush(self._nearly_sold_out, (number, sku))

    def _scarcest(self) -> str:
        while True:
            number, sku = heapq.heappop(self._nearly_sold_out)
            if sku in self._waiting and self.number(sku) == number:
                return sku

    def _landed(self, sku: str, *, again: bool) -> None:
        age, overtaken = self._in_flight.pop(sku), self._overtaken.pop(sku, None)
        if again and overtaken is not None:
            self._forget(overtaken)
        elif not again:
            self._forget(age)
            if overtaken is None:
                return
            age = overtaken
        self._waiting[sku] = age
        if self._snapshot is None:
            self._place(sku)

    def _born(self) -> int:
        self._ages[self._generation] += 1
        return self._generation

    def _forget(self, age: int) -> None:
        self._ages[age] -= 1
        if not self._ages[age]:
            del self._ages[age]
