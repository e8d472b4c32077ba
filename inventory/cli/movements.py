"""How levels and ledger rows look: as table cells, as one line, as JSON."""

from collections.abc import Iterator
from typing import Any

from inventory.cli.failure import printable
from inventory.domain.catalog import UNIT_DEFAULT
from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as watch_pb2

_MOVED = (
    "on_hand", "held", "allocated", "quality_control", "damaged", "quarantined", "backordered", "in_transit", "incoming"
)  # fmt: skip
QUANTITIES = (*_MOVED, "available")
_KIND_PREFIX = len("MOVEMENT_KIND_")


def amount(quantity: int, unit_digits: int, unit: str = "") -> str:
    """A quantity in the SKU's smallest unit as people write it: 1250 with 3 digits and kg is 1.250 kg."""
    sign, digits = ("-", -quantity) if quantity < 0 else ("", quantity)
    whole, part = divmod(digits, 10**unit_digits)
    text = f"{sign}{whole:,}" + (f".{part:0{unit_digits}}" if unit_digits else "")
    return f"{text} {printable(unit)}" if unit not in ("", UNIT_DEFAULT) else text


def signed(quantity: int, unit_digits: int = 0) -> str:
    """An amount with its sign."""
    return ("+" if quantity > 0 else "") + amount(quantity, unit_digits)


def kind(movement: core_pb2.Movement) -> str:
    """What happened, in a word."""
    try:
        return core_pb2.MovementKind.Name(movement.kind)[_KIND_PREFIX:].lower()
    except ValueError:  # of a newer server
        return str(movement.kind)


def time(movement: core_pb2.Movement | watch_pb2.Change) -> str:
    """When it was decided, in UTC."""
    return f"{movement.recorded_at.ToDatetime():%Y-%m-%d %H:%M:%S}Z"


def changes(movement: core_pb2.Movement, unit_digits: int = 0) -> Iterator[str]:
    """What it added, quantity by quantity, leaving out what stayed and what is derived."""
    for name in _MOVED:
        if delta := getattr(movement.delta, name):
            yield f"{name} {signed(delta, unit_digits)}"


def why(movement: core_pb2.Movement, *, short: bool = False) -> str:
    """Who, and for what; `short`: of the reservation only the end of its id, where ids differ."""
    reservation_id = f"…{movement.reservation_id[-8:]}" if short else movement.reservation_id
    reservation = f"reservation {reservation_id}" if movement.reservation_id else ""
    parts = (movement.channel, reservation, movement.reason, movement.reference)
    return printable(" · ".join(part for part in parts if part))


def as_line(movement: core_pb2.Movement) -> str:
    """One line without control characters."""
    after = movement.after
    return (
        f"{movement.revision} {time(movement)} {kind(movement)} {movement.sku} @ {movement.location}: "
        f"{', '.join(changes(movement)) or 'no quantity changed'}; on_hand {after.on_hand}, held {after.held}, "
        f"allocated {after.allocated}, available {after.available} ({why(movement)})"
    )


def quantities_json(quantities: core_pb2.Quantities) -> dict[str, int]:
    return {name: getattr(quantities, name) for name in QUANTITIES}


def movement_json(movement: core_pb2.Movement) -> dict[str, Any]:
    return {
        "revision": movement.revision,
        "ordinal": movement.ordinal,
        "sku": movement.sku,
        "location": movement.location,
        "kind": kind(movement).upper(),
        "delta": quantities_json(movement.delta),
        "after": quantities_json(movement.after),
        "reservation_id": movement.reservation_id,
        "channel": movement.channel,
        "reason": movement.reason,
        "reference": movement.reference,
        "recorded_at": movement.recorded_at.ToJsonString(),
    }


def level_json(level: core_pb2.Level) -> dict[str, Any]:
    thresholds = ("safety_stock", "reorder_point", "backorder_limit")
    return {
        "location": level.location,
        **quantities_json(level.quantities),
        **{name: getattr(level, name) if level.HasField(name) else None for name in thresholds},
        "revision": level.revision,
    }
