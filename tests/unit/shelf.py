"""A ledger of a few levels, for tests of decisions."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from inventory.domain.decide import StockAnswer, StockCommand, decide
from inventory.domain.ledger import Ledger
from inventory.domain.level import Level, Place
from inventory.domain.refusal import Refusal, location_not_found, sku_not_found
from inventory.domain.reservation import Line, Reservation, ReservationState
from inventory.domain.topology import Site, Topology

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WEB, TILL = 1, 2
SHOP = "shop"
HOLD = UUID(int=1)
NEW = UUID(int=99)
MINUTE = timedelta(minutes=1)


def shelf(**levels: Level) -> Ledger:
    """Levels of these SKUs at one shop; "gone" is a SKU that is retired, "nobody" one that isn't there."""
    ledger = Ledger(NOW, Topology(1, {1: Site(1, SHOP)}, {}))
    for sku_id, (sku, level) in enumerate(levels.items(), start=1):
        ledger.put(Place(sku_id, 1, sku, SHOP, sku != "gone", True), level)
    ledger.unknown[("nobody", SHOP)] = partial(sku_not_found, "nobody")
    ledger.unknown[("apple", "nowhere")] = partial(location_not_found, "nowhere")
    return ledger


def put(ledger: Ledger, *lines: Line, state: ReservationState = ReservationState.HELD, **fields: Any) -> None:
    """The reservation HOLD of the channel WEB, for another minute."""
    given = {
        "reservation_id": HOLD,
        "channel_id": WEB,
        "owner": "",
        "reference": "",
        "state": state,
        "expires_at": NOW + MINUTE,
        "created_at": NOW - MINUTE,
        "lines": lines,
        **fields,
    }
    ledger.put_reservations([Reservation(**given)])


def answer(ledger: Ledger, command: StockCommand) -> StockAnswer:
    found, _ = decide(ledger, command)
    assert not isinstance(found, Refusal), found
    return found


def refused(ledger: Ledger, command: StockCommand) -> Refusal:
    found, step = decide(ledger, command)
    assert isinstance(found, Refusal), found
    assert step is None
    return found


def told(ledger: Ledger) -> list[tuple[str, dict[str, int]]]:
    """The movements: of what kind, and what each added."""
    return [
        (
            row.kind.name if hasattr(row.kind, "name") else str(row.kind),
            {name: value for name, value in zip(Level._fields[:9], row[5:14], strict=True) if value},
        )
        for row in ledger.movements
    ]
