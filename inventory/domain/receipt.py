"""Goods that come in, and goods whose disposition changes, decided on values alone."""

from datetime import date
from typing import NamedTuple

from inventory.domain.adjustment import Disposition, LevelAfter, assert_room
from inventory.domain.backorder import fill
from inventory.domain.calendar import local_date
from inventory.domain.incoming import arrived
from inventory.domain.ledger import Key, Ledger
from inventory.domain.level import Level
from inventory.domain.lot import Lot, LotLevel
from inventory.domain.movement import MovementKind
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.serial import newcomers, save, standing
from inventory.domain.tracking import assert_named, assert_stocked, known_lot, lot_expired, received_lot

LOT_EXPIRY_REASON = "the lot's last day has passed"


class Arrival(NamedTuple):
    """One row of a receipt. `disposition` None: sellable. `expires_on`: the lot's last day; None: as known, and of a
    new lot that it lasts."""

    sku: str
    quantity: int
    disposition: Disposition | None = None
    lot: str = ""
    expires_on: date | None = None
    serials: tuple[str, ...] = ()


class Receive(NamedTuple):
    """Take these goods in, all or nothing. `kind` is RECEIPT or RETURN. What was expected under `incoming_reference`
    becomes less by what came."""

    channel_id: int
    location: str
    rows: tuple[Arrival, ...]
    kind: MovementKind = MovementKind.RECEIPT
    incoming_reference: str = ""
    reason: str = ""
    reference: str = ""


class Reclassify(NamedTuple):
    """Move goods from one disposition to another one; None: sellable."""

    channel_id: int
    sku: str
    location: str
    quantity: int
    source: Disposition | None
    target: Disposition | None
    reason: str
    reference: str = ""
    lot: str = ""
    serials: tuple[str, ...] = ()


class ExpireLots(NamedTuple):
    """Quarantine what is free of lots whose last day has passed at a level. Nobody's request: the engine's own tidying.
    `channel_id` is the engine's own."""

    channel_id: int
    sku: str
    location: str


def receive(ledger: Ledger, command: Receive) -> tuple[LevelAfter, ...]:
    """Fills back-orders when all rows are there. Raises SKU_NOT_FOUND, LOCATION_NOT_FOUND, SKU_NOT_STOCKED,
    LOT_REQUIRED, LOT_CONFLICT, LOT_EXPIRED, SERIALS_REQUIRED, SERIAL_TAKEN, ON_HAND_LIMIT."""
    keys: dict[Key, bool] = {}
    for position, row in enumerate(command.rows):
        try:
            key = _take_in(ledger, command, row)
        except Refusal as refusal:
            refusal.field = f"lines[{position}]"
            refusal.metadata |= {"sku": row.sku, "location": command.location, "row": str(position)}
            raise
        keys[key] = keys.get(key, False) or row.disposition is None
    for key, for_sale in keys.items():
        if for_sale:
            fill(ledger, key)
    return tuple(LevelAfter(ledger.place_at(key), ledger.levels[key]) for key in keys)


def reclassify(ledger: Ledger, command: Reclassify) -> LevelAfter:
    """Raises SKU_NOT_FOUND, LOCATION_NOT_FOUND, SKU_NOT_STOCKED, BELOW_PROMISED, LOT_REQUIRED, LOT_CONFLICT,
    LOT_NOT_FOUND, LOT_EXPIRED, SERIALS_REQUIRED, SERIAL_NOT_FOUND, SERIAL_TAKEN."""
    place = ledger.place(command.sku, command.location)
    assert_stocked(place)
    assert_named(place, command.lot, command.serials, command.quantity)
    lot_id = known_lot(ledger, place, command.lot)
    pieces = standing(ledger, place, command.serials, command.source)
    key = (place.sku_id, place.location_id)
    has = _standing(ledger.level(place), command.source)
    if lot_id:
        has = min(has, _standing(ledger.lot_levels.get(key, {}).get(lot_id, LotLevel()), command.source))
        if command.target is None and _is_over(ledger, key, ledger.lots[lot_id]):
            raise lot_expired(place.sku, ledger.lots[lot_id])
    if command.quantity > has:
        where = command.source or "available"
        raise Refusal(
            Reason.BELOW_PROMISED,
            f"of SKU {place.sku!r} at {place.location!r} {has} {'is' if has == 1 else 'are'} {where}, "
            f"not {command.quantity}",
            metadata={"sku": place.sku, "location": place.location, "has": str(has)},
        )
    quality_control, damaged, quarantined = (
        command.quantity * ((command.target is name) - (command.source is name)) for name in Disposition
    )
    ledger.move(
        key,
        MovementKind.RECLASSIFICATION,
        command.channel_id,
        quality_control=quality_control,
        damaged=damaged,
        quarantined=quarantined,
        reason=command.reason,
        reference=command.reference or None,
        lot_id=lot_id,
    )
    save(ledger, (piece._replace(disposition=command.target) for piece in pieces), command.reference)
    if command.target is None:
        fill(ledger, key)
    return LevelAfter(place, ledger.level(place))


def expire_lots(ledger: Ledger, command: ExpireLots) -> None:
    """What is promised of such a lot stays promised, and is quarantined when it is given back."""
    place = ledger.place(command.sku, command.location)
    key = (place.sku_id, place.location_id)
    for lot_id, level in sorted(ledger.lot_levels.get(key, {}).items()):
        if level.available > 0 and _is_over(ledger, key, ledger.lots[lot_id]):
            ledger.move(
                key,
                MovementKind.LOT_EXPIRY,
                command.channel_id,
                quarantined=level.available,
                reason=LOT_EXPIRY_REASON,
                lot_id=lot_id,
            )


def _take_in(ledger: Ledger, command: Receive, row: Arrival) -> Key:
    place = ledger.place(row.sku, command.location)
    assert_stocked(place)
    assert_named(place, row.lot, row.serials, row.quantity)
    if row.expires_on is not None and not row.lot:
        raise Refusal(Reason.LOT_CONFLICT, "a last day is that of a lot, and none is named")
    key = (place.sku_id, place.location_id)
    assert_room(place, ledger.level(place).on_hand + row.quantity)
    lot = received_lot(ledger, place, row.lot, row.expires_on)
    comes_back_unsellable = command.kind == MovementKind.RETURN and row.disposition is not None
    if lot is not None and _is_over(ledger, key, lot) and not comes_back_unsellable:
        raise lot_expired(place.sku, lot)
    ledger.move(
        key,
        command.kind,
        command.channel_id,
        on_hand=row.quantity,
        quality_control=row.quantity if row.disposition is Disposition.QUALITY_CONTROL else 0,
        damaged=row.quantity if row.disposition is Disposition.DAMAGED else 0,
        quarantined=row.quantity if row.disposition is Disposition.QUARANTINED else 0,
        incoming=-arrived(ledger, key, command.incoming_reference, row.quantity),
        reason=command.reason or None,
        reference=command.reference or None,
        lot_id=lot.lot_id if lot else 0,
    )
    save(ledger, newcomers(ledger, place, row.serials, row.disposition), command.reference)
    return key


def _standing(level: Level | LotLevel, disposition: Disposition | None) -> int:
    """What is free to be moved of it."""
    match disposition:
        case None:
            return level.available
        case Disposition.QUALITY_CONTROL:
            return level.quality_control
        case Disposition.DAMAGED:
            return level.damaged
        case Disposition.QUARANTINED:
            return level.quarantined


def _is_over(ledger: Ledger, key: Key, lot: Lot) -> bool:
    return lot.is_over(local_date(ledger.topology.sites[key[1]], ledger.now))
