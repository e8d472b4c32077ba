"""Moving a promise from one place to another, without its ever being free."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from inventory.domain.backorder import fill
from inventory.domain.calendar import local_date
from inventory.domain.goods import SkuKind, Tracking
from inventory.domain.ledger import Key, Ledger
from inventory.domain.level import Place
from inventory.domain.lot import usable
from inventory.domain.movement import MovementKind
from inventory.domain.refusal import Shortage, insufficient
from inventory.domain.reservation import Line, Reservation, add_line
from inventory.domain.reservation_life import exceeds_held, live_reservation
from inventory.domain.selling import check_selling
from inventory.domain.serial import assert_unnamed


class Move(NamedTuple):
    """So much of one SKU, by code, from a place to another. 0: all of it."""

    sku: str
    from_location: str
    to_location: str
    quantity: int = 0


class Reallocate(NamedTuple):
    """Move promises of a reservation, in order, all or nothing."""

    channel_id: int
    reservation_id: UUID
    moves: tuple[Move, ...]
    reason: str = ""


class _Given(NamedTuple):
    """What a line gives up."""

    held: int
    allocated: int
    backordered: int


def reallocate(ledger: Ledger, command: Reallocate) -> Reservation:
    """What is back-ordered moves first, then what is held, then what is allocated; a back-order keeps its turn.
    Raises RESERVATION_NOT_FOUND, RESERVATION_EXPIRED, RESERVATION_STATE, EXCEEDS_HELD, INSUFFICIENT_STOCK,
    SKU_NOT_FOUND, LOCATION_NOT_FOUND, LOCATION_RETIRED, LOCATION_NOT_SELLING, SERIALS_REQUIRED (pieces that are named
    stay where they stand)."""
    reservation = live_reservation(ledger, command.channel_id, command.reservation_id)
    lines = list(reservation.lines)
    shortages: list[Shortage] = []
    waiting: dict[Key, None] = {}
    for move in command.moves:
        target = ledger.place(move.sku, move.to_location)
        key = (target.sku_id, target.location_id)
        check_selling(
            ledger.topology.channel(reservation.channel_id), reservation.purpose, ledger.topology.sites[key[1]]
        )
        given = _given(ledger, lines, move)
        missing = _move(ledger, command, reservation, lines, target, given)
        assert_unnamed(ledger, move.sku, reservation.reservation_id, lines)
        if missing:
            wanted = sum(sum(part) for part in given.values())
            shortages.append(Shortage(move.sku, move.to_location, wanted, wanted - missing))
        waiting[key] = None
    if shortages:
        raise insufficient(shortages)
    reservation = reservation._replace(lines=tuple(lines))
    ledger.save(reservation)
    for key in waiting:
        fill(ledger, key)
    return ledger.reservations[command.reservation_id]


def _given(ledger: Ledger, lines: Sequence[Line], move: Move) -> dict[int, _Given]:
    """Per line, by its place among them, what it gives up. Raises EXCEEDS_HELD."""
    given = {}
    total = 0
    for number, line in enumerate(lines):
        place = ledger.codes.get((line.sku_id, line.location_id))
        if place is None or place.sku != move.sku or place.location != move.from_location or not line.live:
            continue
        if ledger.within is not None and not ledger.within.covers_location(line.location_id):
            continue
        left = line.live if move.quantity == 0 else min(line.live, move.quantity - total)
        total += left
        backordered = min(line.backordered, left)
        held = min(line.held, left - backordered)
        given[number] = _Given(held, left - backordered - held, backordered)
    if total < max(move.quantity, 1):
        raise exceeds_held(move.sku, move.from_location, max(move.quantity, 1), total)
    return given


def _move(
    ledger: Ledger,
    command: Reallocate,
    reservation: Reservation,
    lines: list[Line],
    target: Place,
    given: dict[int, _Given],
) -> int:
    """Moves it, as far as there is room; what there is none for."""
    key = (target.sku_id, target.location_id)
    missing = 0
    for number, (held, allocated, backordered) in given.items():
        line = lines[number]
        pieces = [(lot_id, part, 0) for lot_id, part in _room(ledger, reservation, target, held + allocated)]
        missing += held + allocated - sum(part for _, part, _ in pieces)
        limit = ledger.level_at(key).backorder_limit
        may_wait = backordered if limit is None else min(backordered, limit - ledger.level_at(key).backordered)
        if may_wait > 0:
            pieces.append((0, 0, may_wait))
        missing += backordered - max(may_wait, 0)
        held_left = held
        for lot_id, part, wait in pieces:
            held_part = min(held_left, part)
            held_left -= held_part
            moved = _Given(held_part, part - held_part, wait)
            lines[number] = _less(lines[number], moved)
            add_line(lines, _at(line, key, lot_id, moved))
            _tell(ledger, command, reservation, line, target, lot_id, moved)
    return missing


def _room(ledger: Ledger, reservation: Reservation, target: Place, wanted: int) -> list[tuple[int, int]]:
    """From which lots, and how much of each."""
    key = (target.sku_id, target.location_id)
    if not wanted:
        return []
    if target.kind == SkuKind.VIRTUAL:
        return [(0, wanted)]
    wanted = min(wanted, ledger.level_at(key).free)
    if wanted <= 0:
        return []
    if target.tracking != Tracking.LOTS:
        return [(0, wanted)]
    channel = ledger.topology.channel(reservation.channel_id)
    last_day = local_date(ledger.topology.sites[key[1]], ledger.now) + timedelta(days=channel.min_life_days)
    room = []
    for lot, available in usable(ledger, key, last_day):
        part = min(available, wanted)
        if part:
            room.append((lot.lot_id, part))
            wanted -= part
    return room


def _less(line: Line, moved: _Given) -> Line:
    return line._replace(
        requested=line.requested - sum(moved),
        held=line.held - moved.held,
        allocated=line.allocated - moved.allocated,
        backordered=line.backordered - moved.backordered,
    )


def _at(line: Line, key: Key, lot_id: int, moved: _Given) -> Line:
    return line._replace(
        location_id=key[1], requested=sum(moved), fulfilled=0, released=0, lot_id=lot_id, **moved._asdict()
    )


def _tell(
    ledger: Ledger,
    command: Reallocate,
    reservation: Reservation,
    line: Line,
    target: Place,
    lot_id: int,
    moved: _Given,
) -> None:
    made = moved.held + moved.allocated if target.kind == SkuKind.VIRTUAL else 0
    for location_id, lot, sign in ((line.location_id, line.lot_id, -1), (target.location_id, lot_id, 1)):
        ledger.move(
            (line.sku_id, location_id),
            MovementKind.REALLOCATION,
            command.channel_id,
            on_hand=sign * made,
            held=sign * moved.held,
            allocated=sign * moved.allocated,
            backordered=sign * moved.backordered,
            reservation_id=reservation.reservation_id,
            reason=command.reason or None,
            reference=reservation.reference or None,
            lot_id=lot,
        )
