"""Lots: what of a level was made together, and until when it lasts."""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from inventory.domain.ledger import Key, Ledger


class Lot(NamedTuple):
    """`expires_on`: the last day it may be used; None: it lasts. Not `known`: nothing was ever received of it, and its
    last day is not settled."""

    lot_id: int
    code: str
    expires_on: date | None
    known: bool = True

    def is_over(self, today: date) -> bool:
        """Whether its last day has passed."""
        return self.expires_on is not None and self.expires_on < today


class LotLevel(NamedTuple):
    """What of a level is of one lot, in the SKU's smallest unit. The lots of a level add up to it."""

    on_hand: int = 0
    held: int = 0
    allocated: int = 0
    quality_control: int = 0
    damaged: int = 0
    quarantined: int = 0

    @property
    def unsellable(self) -> int:
        return self.quality_control + self.damaged + self.quarantined

    @property
    def available(self) -> int:
        return self.on_hand - self.unsellable - self.held - self.allocated


def usable(ledger: "Ledger", key: "Key", last_day: date) -> Iterator[tuple[Lot, int]]:
    """The lots at a place that last at least until a day and of which something is available, first-expiring first, and
    how much."""
    levels = ledger.lot_levels.get(key, {})
    found = [
        (lot.expires_on or date.max, lot_id, lot)
        for lot_id in levels
        if (lot := ledger.lots[lot_id]).expires_on is None or lot.expires_on >= last_day
    ]
    for _, lot_id, lot in sorted(found):
        available = levels[lot_id].available
        if available > 0:
            yield lot, available
