"""What one selling process did, as it knows from the answers it got."""

import enum
from collections import Counter
from dataclasses import dataclass, field

from inventory_demo.connection import Tally
from inventory_demo.findings import Findings
from inventory_demo.quantities import Key


class Outcome(enum.StrEnum):
    """How a basket ended; each basket has one."""

    FULL = "served in full"
    PART = "served in part"
    NOTHING = "nothing there"
    ABANDONED = "abandoned"
    RELEASED = "given back"
    EXPIRED = "ran out while buying"


class Replay(enum.StrEnum):
    """What came of sending a request twice."""

    AT_ONCE = "at the same time"
    LATER = "later"
    SECOND_EFFECT = "second effect"
    OTHER_ANSWER = "other answer"


@dataclass(slots=True)
class Sales:
    outcomes: Counter[str] = field(default_factory=Counter)
    carts: Counter[str] = field(default_factory=Counter)
    """What web customers did besides; a cart may count under several."""
    requests: Counter[str] = field(default_factory=Counter)
    """By method; a retry or a repetition is the same request."""
    refusals: Counter[str] = field(default_factory=Counter)
    short_skus: Counter[str] = field(default_factory=Counter)
    """Refused requests that name the SKU."""
    replays: Counter[str] = field(default_factory=Counter)
    tally: Tally = field(default_factory=Tally)
    lines_asked: int = 0
    lines_fulfilled: int = 0
    asks: int = 0
    """Lines of requests that were granted, whole or in part."""
    asks_wrong: Findings = field(default_factory=Findings)
    """Where what was granted is not what was asked."""
    parcels: Counter[int] = field(default_factory=Counter)
    """Orders that were sent, by how many places they came from."""
    bundles: int = 0
    """That were sold."""
    returned: Counter[Key] = field(default_factory=Counter)
    """Came back from customers, into quality control."""
    restored: Counter[Key] = field(default_factory=Counter)
    """Of those, found good and for sale again."""
    fulfilled: Counter[Key] = field(default_factory=Counter)
    reservations: set[str] = field(default_factory=set)
    abandoned: set[str] = field(default_factory=set)
    revision: int = 0
    """The highest one acknowledged."""
    findings: Findings = field(default_factory=Findings)

    @property
    def baskets(self) -> int:
        return self.outcomes.total()

    def merge(self, other: "Sales") -> None:
        self.outcomes.update(other.outcomes)
        self.carts.update(other.carts)
        self.requests.update(other.requests)
        self.refusals.update(other.refusals)
        self.short_skus.update(other.short_skus)
        self.replays.update(other.replays)
        self.tally.merge(other.tally)
        self.lines_asked += other.lines_asked
        self.lines_fulfilled += other.lines_fulfilled
        self.asks += other.asks
        self.asks_wrong.merge(other.asks_wrong)
        self.parcels.update(other.parcels)
        self.bundles += other.bundles
        self.returned.update(other.returned)
        self.restored.update(other.restored)
        self.fulfilled.update(other.fulfilled)
        self.reservations |= other.reservations
        self.abandoned |= other.abandoned
        self.revision = max(self.revision, other.revision)
        self.findings.merge(other.findings)
