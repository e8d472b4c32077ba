"""Perishables: which lots the shops open with, and whether stock leaves first-expiring first.

A lot's code is its last day, so that whoever reads the ledger knows the order.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as stock
from inventory_demo.findings import Findings
from inventory_demo.quantities import NOTHING, Key, Quantities, available, quantities

LIFE_DAYS = (12, 26, 40)
"""Of the lots of each SKU; days more for some SKUs."""
PROMISES = frozenset({core_pb2.MOVEMENT_KIND_HOLD, core_pb2.MOVEMENT_KIND_ALLOCATION})


def opening_lots(sku: str, number: int, quantity: int, today: date) -> Iterator[stock.ReceiptLine]:
    """What a shop opens with of a SKU, from one lot or more; the last to expire is received first. `number`: decides
    which."""
    lots = min(quantity, len(LIFE_DAYS))
    for position in reversed(range(lots)):
        part = quantity // lots + (position < quantity % lots)
        life_days = LIFE_DAYS[(position + number) % len(LIFE_DAYS) if lots < len(LIFE_DAYS) else position]
        last_day = (today + timedelta(days=life_days)).isoformat()
        yield stock.ReceiptLine(sku=sku, quantity=part, lot=last_day, expires_on=last_day)


@dataclass(slots=True)
class LotBook:
    """What is of which lot, from the ledger's rows in their order."""

    levels: defaultdict[Key, dict[str, Quantities]] = field(default_factory=lambda: defaultdict(dict))
    promises: int = 0
    """Rows that hold or allocate something of a lot."""
    choices: int = 0
    """Those of them where another lot of the SKU had something free at that place too."""
    findings: Findings = field(default_factory=Findings)

    def take(self, movement: core_pb2.Movement) -> None:
        """A row that holds or allocates must be of the lot that expires first of those with something free there."""
        lots = self.levels[movement.sku, movement.location]
        place = f"{movement.sku} at {movement.location}, {movement.revision}.{movement.ordinal}"
        if movement.kind in PROMISES:
            free = [lot for lot, of in lots.items() if available(of) > 0]
            self.promises += 1
            self.choices += len(free) > 1
            if not free or movement.lot != min(free):
                self.findings.note(
                    "not the lot that expires first", f"{place}: {movement.lot}, not {min(free, default='')}"
                )
        before = lots.get(movement.lot, NOTHING)
        delta = quantities(movement.delta)
        now = lots[movement.lot] = _sum(before, delta)
        if min(now) < 0 or available(now) < 0:
            self.findings.note("more than there was of a lot", f"{place}: {now}")
        total = NOTHING
        for of in lots.values():
            total = _sum(total, of)
        if total != quantities(movement.after):
            self.findings.note("lots that do not add up to the level", f"{place}: {total}")


def _sum(one: Quantities, other: Quantities) -> Quantities:
    return (
        one[0] + other[0],
        one[1] + other[1],
        one[2] + other[2],
        one[3] + other[3],
        one[4] + other[4],
        one[5] + other[5],
    )
