"""What is expected at a place, by reference and date."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from inventory.domain.adjustment import LevelAfter
from inventory.domain.due import Expected
from inventory.domain.ledger import Key, Ledger
from inventory.domain.movement import MovementKind
from inventory.domain.refusal import Refusal, Shortage
from inventory.domain.reservation import Reserve
from inventory.domain.tracking import assert_stocked


class Expectation(NamedTuple):
    """One row: so much of a SKU at a location. `due_on` None: nothing any more."""

    sku: str
    location: str
    quantity: int
    due_on: date | None


class SetIncoming(NamedTuple):
    """Say what is expected under a reference, all or nothing."""

    channel_id: int
    reference: str
    rows: tuple[Expectation, ...]


def set_incoming(ledger: Ledger, command: SetIncoming) -> tuple[LevelAfter, ...]:
    """A new date alone is a change too. Raises SKU_NOT_FOUND, LOCATION_NOT_FOUND, SKU_NOT_STOCKED."""
    keys: dict[Key, None] = {}
    for position, row in enumerate(command.rows):
        try:
            place = ledger.place(row.sku, row.location)
            assert_stocked(place)
        except Refusal as refusal:
            refusal.field = f"lines[{position}]"
            refusal.metadata |= {"sku": row.sku, "location": row.location, "row": str(position)}
            raise
        key = (place.sku_id, place.location_id)
        keys[key] = None
        before = ledger.due.expected.get((key, command.reference))
        after = Expected(row.quantity, row.due_on) if row.due_on is not None and row.quantity else None
        if after != before:
            ledger.move(
                key,
                MovementKind.EXPECTATION,
                command.channel_id,
                incoming=(after.quantity if after else 0) - (before.quantity if before else 0),
                reference=command.reference,
            )
            ledger.due.expect(ledger, key, command.reference, after)
    return tuple(LevelAfter(ledger.place_at(key), ledger.levels[key]) for key in keys)


def arrived(ledger: Ledger, key: Key, reference: str, quantity: int) -> int:
    """How much of what has come was expected under the reference; it is expected no more."""
    expected = ledger.due.expected.get((key, reference)) if reference else None
    if expected is None:
        return 0
    part = min(expected.quantity, quantity)
    left = expected.quantity - part
    ledger.due.expect(ledger, key, reference, expected._replace(quantity=left) if left else None)
    return part


def owed(ledger: Ledger, command: object, shortage: Shortage) -> list[Key]:
    """The levels from which a short line could have been met and where more is expected or on its way."""
    place = ledger.places.get((shortage.sku, shortage.location))
    if place is not None:
        keys = [(place.sku_id, place.location_id)]
    elif isinstance(command, Reserve) and shortage.sku in ledger.goods:
        sku_id = ledger.goods[shortage.sku].sku_id
        channel = ledger.topology.channel(command.channel_id)
        sites = ledger.topology.selling(command.channel_id, command.purpose or channel.use)
        keys = [(sku_id, site.location_id) for site in sites]
    else:
        keys = []
    return [key for key in keys if (level := ledger.levels.get(key)) and (level.incoming or level.in_transit)]


def tell_due(ledger: Ledger, command: object, refusal: Refusal) -> None:
    """Says of each short line when more is due."""
    refusal.shortages = tuple(
        short._replace(due_on=_due_on(ledger, owed(ledger, command, short))) for short in refusal.shortages
    )
    first = refusal.shortages[0].due_on
    if first is not None:
        refusal.metadata["due_on"] = first.isoformat()


def _due_on(ledger: Ledger, keys: Iterable[Key]) -> date | None:
    """The first day; None: not known."""
    wanted = frozenset(keys)
    days = [found.due_on for (key, _), found in ledger.due.expected.items() if found and key in wanted]
    days += [day for key in wanted for day in ledger.due.on_the_way.get(key, ())]
    return min(days, default=None)
