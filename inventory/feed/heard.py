"""What views are computed from: the published records, with the quantities of their movements."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from inventory.domain.committed import Committed
from inventory.domain.movement import Movement
from inventory.feed.change import Group, Record


class Moved(NamedTuple):
    """A movement: a level's nine quantities after it, and what it added to what is available of a lot ('': of none)."""

    sku: str
    location: str
    kind: int
    after: tuple[int, ...]
    lot: str
    lot_delta: int


class Heard(NamedTuple):
    """A published record. `group`: its rows, when it is about more than stock."""

    record: Record
    recorded_at: datetime
    moved: Sequence[Moved]
    group: Group | None = None


def heard_from_lane(records: Sequence[Record], committed: Committed) -> Iterator[Heard]:
    """What this server's lane has committed."""
    moved: list[list[Moved]] = [[] for _ in records]
    for movement in committed.movements:
        place = committed.places[(movement.sku_id, movement.location_id)]
        lot = committed.lots[movement.lot_id] if movement.lot_id else ""
        delta = _lot_delta(movement[_DELTAS : _DELTAS + _LOT_QUANTITIES]) if lot else 0
        after: Any = movement[_AFTER : _AFTER + _QUANTITIES]
        moved[movement.step - 1].append(Moved(place.sku, place.location, movement.kind, after, lot, delta))
    for record, of_it in zip(records, moved, strict=True):
        yield Heard(record, committed.recorded_at, of_it)


def heard_from_ledger(records: Sequence[Record], groups: Sequence[Group]) -> Iterator[Heard]:
    """What was read back."""
    for record, group in zip(records, groups, strict=True):
        more = group if group.skus or group.locations or group.channels else None
        yield Heard(record, group.first["recorded_at"], [_moved(row) for row in group.movements], more)


_QUANTITIES, _LOT_QUANTITIES = 9, 6
_DELTAS, _AFTER = Movement._fields.index("on_hand_delta"), Movement._fields.index("on_hand_after")
_ROW_DELTAS, _ROW_AFTER = 3, 12


def _moved(row: Any) -> Moved:
    """Of a row of read_movements."""
    lot = row["lot"] or ""
    delta = _lot_delta(row[_ROW_DELTAS : _ROW_DELTAS + _LOT_QUANTITIES]) if lot else 0
    return Moved(
        row["sku"], row["location"], row["kind"], tuple(row[_ROW_AFTER : _ROW_AFTER + _QUANTITIES]), lot, delta
    )


def _lot_delta(deltas: Sequence[Any]) -> int:
    on_hand, *taken = deltas
    return int(on_hand - sum(taken))
