"""Corrections of stock levels, decided on values alone."""

from enum import StrEnum
from typing import NamedTuple

from inventory.domain.backorder import fill
from inventory.domain.ledger import Ledger
from inventory.domain.level import Level, Place
from inventory.domain.limits import ON_HAND_MAX
from inventory.domain.lot import LotLevel
from inventory.domain.movement import MovementKind
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.serial import SerialState, newcomers, save, standing
from inventory.domain.tracking import assert_named, assert_stocked, known_lot


class Disposition(StrEnum):
    """Where unsellable goods stand: the names of the level's quantities."""

    QUALITY_CONTROL = "quality_control"
    DAMAGED = "damaged"
    QUARANTINED = "quarantined"


class Row(NamedTuple):
    """One correction. `expected_on_hand` None: not checked; `disposition` None: sellable."""

    sku: str
    location: str
    delta: int
    disposition: Disposition | None = None
    expected_on_hand: int | None = None
    lot: str = ""
    serials: tuple[str, ...] = ()


class Adjust(NamedTuple):
    """Correct these levels, in order. With `skip_refused` a refused row doesn't refuse the others."""

    channel_id: int
    rows: tuple[Row, ...]
    reason: str
    reference: str = ""
    skip_refused: bool = False


class Count(NamedTuple):
    """Set one level's on_hand to a counted number if it is the expected one."""

    channel_id: int
    sku: str
    location: str
    on_hand: int
    expected_on_hand: int
    reason: str
    reference: str = ""


class SetThresholds(NamedTuple):
    """Replace one level's thresholds; None unsets one."""

    channel_id: int
    sku: str
    location: str
    safety_stock: int | None
    reorder_point: int | None
    backorder_limit: int | None


class Adjusted(NamedTuple):
    """`on_hand` after each row, the present one for a refused row, 0 when that is unknown; refusals by position; the
    last corrected level."""

    on_hand: tuple[int, ...]
    refused: dict[int, Refusal]
    last: "LevelAfter | None" = None


class LevelAfter(NamedTuple):
    """A level as a command left it."""

    place: Place
    level: Level


def adjust(ledger: Ledger, command: Adjust) -> Adjusted:
    """Raises SKU_NOT_FOUND, LOCATION_NOT_FOUND, SKU_NOT_STOCKED, LOT_REQUIRED, LOT_CONFLICT, LOT_NOT_FOUND,
    SERIALS_REQUIRED, SERIAL_TAKEN, SERIAL_NOT_FOUND, BELOW_PROMISED, ON_HAND_LIMIT, EXPECTATION_FAILED of the first
    refused row, its position among many in the metadata, unless such rows are skipped."""
    on_hand = []
    refused: dict[int, Refusal] = {}
    last = None
    for position, row in enumerate(command.rows):
        present = 0
        try:
            place = ledger.place(row.sku, row.location)
            present = ledger.level(place).on_hand
            assert_stocked(place)
            assert_named(place, row.lot, row.serials, abs(row.delta))
            if row.expected_on_hand is not None:
                _expect(present, row.expected_on_hand)
            if row.delta > 0:
                pieces = newcomers(ledger, place, row.serials, row.disposition)
            else:
                there = standing(ledger, place, row.serials, row.disposition)
                pieces = [piece._replace(state=SerialState.LOST) for piece in there]
            after = _correct(
                ledger,
                place,
                MovementKind.ADJUSTMENT,
                command.channel_id,
                row.delta,
                row.disposition,
                command.reason,
                command.reference,
                known_lot(ledger, place, row.lot),
            )
            save(ledger, pieces, command.reference)
            on_hand.append(after.on_hand)
            if row.delta > 0 and row.disposition is None:
                fill(ledger, (place.sku_id, place.location_id))
            last = LevelAfter(place, ledger.level(place))
        except Refusal as refusal:
            refusal.field = refusal.field or f"adjustments[{position}]"
            if not command.skip_refused:
                if len(command.rows) > 1:
                    refusal.metadata |= {"sku": row.sku, "location": row.location, "row": str(position)}
                raise
            refused[position] = refusal
            on_hand.append(present)
    return Adjusted(tuple(on_hand), refused, last)


def count(ledger: Ledger, command: Count) -> LevelAfter:
    """A SKU tracked by lots or serial numbers is counted in a stock count. Raises SKU_NOT_FOUND, LOCATION_NOT_FOUND,
    SKU_NOT_STOCKED, LOT_REQUIRED, SERIALS_REQUIRED, EXPECTATION_FAILED, BELOW_PROMISED."""
    place = ledger.place(command.sku, command.location)
    assert_stocked(place)
    assert_named(place, "", ())
    present = ledger.level(place).on_hand
    _expect(present, command.expected_on_hand)
    delta = command.on_hand - present
    after = _correct(
        ledger,
        place,
        MovementKind.COUNT,
        command.channel_id,
        delta,
        None,
        command.reason,
        command.reference,
    )
    if delta > 0:
        fill(ledger, (place.sku_id, place.location_id))
        after = ledger.level(place)
    return LevelAfter(place, after)


def set_thresholds(ledger: Ledger, command: SetThresholds) -> LevelAfter:
    """Raises SKU_NOT_FOUND, LOCATION_NOT_FOUND, SKU_NOT_STOCKED, BELOW_PROMISED."""
    place = ledger.place(command.sku, command.location)
    assert_stocked(place)
    key = (place.sku_id, place.location_id)
    waiting = ledger.levels[key].backordered
    if command.backorder_limit is not None and command.backorder_limit < waiting:
        raise Refusal(
            Reason.BELOW_PROMISED,
            f"{waiting} of SKU {place.sku!r} at {place.location!r} are back-ordered already",
            metadata={"sku": place.sku, "location": place.location, "lowest": str(waiting)},
        )
    ledger.set_thresholds(key, command.safety_stock, command.reorder_point, command.backorder_limit)
    return LevelAfter(place, ledger.move(key, MovementKind.THRESHOLD, command.channel_id))


def _correct(
    ledger: Ledger,
    place: Place,
    kind: MovementKind,
    channel_id: int,
    delta: int,
    disposition: Disposition | None,
    reason: str,
    reference: str,
    lot_id: int = 0,
) -> Level:
    """Checks before it moves, so that a refused row leaves the rows before it standing."""
    level = ledger.level(place)
    quality_control = delta if disposition is Disposition.QUALITY_CONTROL else 0
    damaged = delta if disposition is Disposition.DAMAGED else 0
    quarantined = delta if disposition is Disposition.QUARANTINED else 0
    after = level._replace(
        on_hand=level.on_hand + delta,
        quality_control=level.quality_control + quality_control,
        damaged=level.damaged + damaged,
        quarantined=level.quarantined + quarantined,
    )
    assert_room(place, after.on_hand)
    if delta < 0 or disposition:
        _covered(place, after)
        if lot_id:
            of_lot = ledger.lot_levels.get((place.sku_id, place.location_id), {}).get(lot_id, LotLevel())
            _covered(
                place,
                of_lot._replace(
                    on_hand=of_lot.on_hand + delta,
                    quality_control=of_lot.quality_control + quality_control,
                    damaged=of_lot.damaged + damaged,
                    quarantined=of_lot.quarantined + quarantined,
                ),
            )
    return ledger.move(
        (place.sku_id, place.location_id),
        kind,
        channel_id,
        on_hand=delta,
        quality_control=quality_control,
        damaged=damaged,
        quarantined=quarantined,
        reason=reason,
        reference=reference or None,
        lot_id=lot_id,
    )


def assert_room(place: Place, on_hand: int) -> None:
    """Raises ON_HAND_LIMIT."""
    if on_hand > ON_HAND_MAX:
        raise Refusal(
            Reason.ON_HAND_LIMIT,
            f"on_hand of SKU {place.sku!r} at {place.location!r} would be {on_hand}, over {ON_HAND_MAX}",
            metadata={"sku": place.sku, "location": place.location, "max": str(ON_HAND_MAX)},
        )


def _covered(place: Place, level: Level | LotLevel) -> None:
    short = min(
        level.available,
        level.on_hand - level.unsellable,
        level.quality_control,
        level.damaged,
        level.quarantined,
    )
    if short < 0:
        raise Refusal(
            Reason.BELOW_PROMISED,
            f"SKU {place.sku!r} at {place.location!r} would be {-short} short of what is promised or unsellable",
            metadata={
                "sku": place.sku,
                "location": place.location,
                "lowest": str(level.on_hand - short),
            },
        )


def _expect(present: int, expected: int) -> None:
    if present != expected:
        raise Refusal(
            Reason.EXPECTATION_FAILED,
            f"on_hand is {present}, not {expected}",
            metadata={"current": str(present), "expected": str(expected)},
        )
