"""Reservations: what each command makes of them, decided on values alone."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from inventory.domain.ledger import Ledger
from inventory.domain.level import Place
from inventory.domain.limits import VIOLATIONS_MAX
from inventory.domain.movement import MovementKind
from inventory.domain.refusal import Reason, Refusal, Shortage, reservation_not_found


class ReservationState(IntEnum):
    """How far it has come; the numbers are the API's and the table's."""

    HELD = 1
    ALLOCATED = 2
    FULFILLED = 3
    RELEASED = 4
    EXPIRED = 5


class Line(NamedTuple):
    """One SKU at one location; quantities in the SKU's smallest unit."""

    sku_id: int
    location_id: int
    requested: int
    held: int = 0
    allocated: int = 0
    fulfilled: int = 0
    released: int = 0


class Reservation(NamedTuple):
    """A promise of stock to one owner. A cart without an owner has ''."""

    reservation_id: UUID
    channel_id: int
    owner: str
    reference: str
    state: ReservationState
    expires_at: datetime | None
    created_at: datetime
    lines: tuple[Line, ...]


class Ask(NamedTuple):
    """A quantity of one SKU at one location, by code."""

    sku: str
    location: str
    quantity: int


class Reserve(NamedTuple):
    """Promise these asks; each level once. With `ttl` they are held so long, without one allocated at once."""

    channel_id: int
    reservation_id: UUID
    asks: tuple[Ask, ...]
    ttl: timedelta | None
    partial: bool = False
    owner: str = ""
    reference: str = ""
    replace_owner_holds: bool = False


class Commit(NamedTuple):
    """Turn held into allocated: these asks, or everything held when there are none."""

    channel_id: int
    reservation_id: UUID
    asks: tuple[Ask, ...] = ()
    reference: str = ""


class Extend(NamedTuple):
    """Let the hold run out `ttl` from now."""

    channel_id: int
    reservation_id: UUID
    ttl: timedelta


class Release(NamedTuple):
    """Give back: these asks, or everything when there are none."""

    channel_id: int
    reservation_id: UUID
    asks: tuple[Ask, ...] = ()
    reason: str = ""


class Fulfil(NamedTuple):
    """Issue goods: these asks, or everything allocated when there are none."""

    channel_id: int
    reservation_id: UUID
    asks: tuple[Ask, ...] = ()
    reference: str = ""


class Expire(NamedTuple):
    """End a hold that has run out. Nobody's request: the engine's own tidying."""

    reservation_id: UUID


def reserve(ledger: Ledger, command: Reserve) -> Reservation:
    """Raises SKU_NOT_FOUND, SKU_RETIRED, LOCATION_NOT_FOUND, LOCATION_RETIRED, INSUFFICIENT_STOCK."""
    if command.replace_owner_holds:
        for reservation_id in tuple(ledger.held_by_owner.get((command.channel_id, command.owner), ())):
            earlier = ledger.reservations[reservation_id]
            if earlier.state == ReservationState.HELD:
                _give_back_holds(ledger, earlier, MovementKind.RELEASE, "replaced by its owner")
    granted: list[tuple[Place, int, int]] = []
    shortages: list[Shortage] = []
    for sku, location, quantity in command.asks:
        place = _reservable(ledger, sku, location)
        promisable = max(ledger.level(place).promisable, 0)
        if promisable < quantity:
            shortages.append(Shortage(sku, location, quantity, promisable))
        granted.append((place, quantity, min(quantity, promisable)))
    if shortages and not (command.partial and any(grant for _, _, grant in granted)):
        raise _insufficient(shortages)
    hold = command.ttl is not None
    kind = MovementKind.HOLD if hold else MovementKind.ALLOCATION
    lines = []
    for place, requested, grant in granted:
        if hold:
            lines.append(Line(place.sku_id, place.location_id, requested, grant))
        else:
            lines.append(Line(place.sku_id, place.location_id, requested, 0, grant))
        if grant:
            ledger.move(
                (place.sku_id, place.location_id),
                kind,
                command.channel_id,
                held=grant if hold else 0,
                allocated=0 if hold else grant,
                reservation_id=command.reservation_id,
                reference=command.reference or None,
            )
    reservation = Reservation(
        command.reservation_id,
        command.channel_id,
        command.owner,
        command.reference,
        ReservationState.HELD if hold else ReservationState.ALLOCATED,
        None if command.ttl is None else ledger.now + command.ttl,
        ledger.now,
        tuple(lines),
    )
    ledger.save(reservation)
    return reservation


def commit(ledger: Ledger, command: Commit) -> Reservation:
    """Raises RESERVATION_NOT_FOUND, RESERVATION_EXPIRED, RESERVATION_STATE, EXCEEDS_HELD."""
    reservation = _held(ledger, command.channel_id, command.reservation_id)
    reference = command.reference or reservation.reference
    lines = list(reservation.lines)
    for index, quantity in _chosen(ledger, lines, command.asks, lambda line: line.held):
        line = lines[index]
        lines[index] = line._replace(held=line.held - quantity, allocated=line.allocated + quantity)
        ledger.move(
            (line.sku_id, line.location_id),
            MovementKind.COMMIT,
            command.channel_id,
            held=-quantity,
            allocated=quantity,
            reservation_id=command.reservation_id,
            reference=reference or None,
        )
    return _save(ledger, reservation._replace(reference=reference), lines, ReservationState.RELEASED)


def extend(ledger: Ledger, command: Extend) -> Reservation:
    """Raises RESERVATION_NOT_FOUND, RESERVATION_EXPIRED, RESERVATION_STATE."""
    reservation = _held(ledger, command.channel_id, command.reservation_id)
    for line in reservation.lines:
        if line.held:
            ledger.move(
                (line.sku_id, line.location_id),
                MovementKind.EXTENSION,
                command.channel_id,
                reservation_id=command.reservation_id,
            )
    extended = reservation._replace(expires_at=ledger.now + command.ttl)
    ledger.save(extended)
    return extended


def release(ledger: Ledger, command: Release) -> Reservation:
    """Raises RESERVATION_NOT_FOUND, RESERVATION_EXPIRED, RESERVATION_STATE, EXCEEDS_HELD."""
    reservation = _live(ledger, command.channel_id, command.reservation_id)
    lines = list(reservation.lines)
    for index, quantity in _chosen(ledger, lines, command.asks, lambda line: line.held + line.allocated):
        line = lines[index]
        from_held = min(line.held, quantity)
        from_allocated = quantity - from_held
        lines[index] = line._replace(
            held=line.held - from_held,
            allocated=line.allocated - from_allocated,
            released=line.released + quantity,
        )
        ledger.move(
            (line.sku_id, line.location_id),
            MovementKind.RELEASE,
            command.channel_id,
            held=-from_held,
            allocated=-from_allocated,
            reservation_id=command.reservation_id,
            reason=command.reason or None,
        )
    return _save(ledger, reservation, lines, ReservationState.RELEASED)


def fulfil(ledger: Ledger, command: Fulfil) -> Reservation:
    """Raises RESERVATION_NOT_FOUND, RESERVATION_STATE, EXCEEDS_HELD, INSUFFICIENT_STOCK (promised as a back-order,
    and not there yet)."""
    reservation = _live(ledger, command.channel_id, command.reservation_id)
    if not any(line.allocated for line in reservation.lines):
        raise _wrong_state(reservation, "nothing of it is allocated")
    lines = list(reservation.lines)
    for index, quantity in _chosen(ledger, lines, command.asks, lambda line: line.allocated):
        line = lines[index]
        key = (line.sku_id, line.location_id)
        level = ledger.levels[key]
        if level.on_hand - level.unsellable < quantity:
            place = ledger.codes[key]
            raise _insufficient([Shortage(place.sku, place.location, quantity, level.on_hand - level.unsellable)])
        lines[index] = line._replace(allocated=line.allocated - quantity, fulfilled=line.fulfilled + quantity)
        ledger.move(
            key,
            MovementKind.FULFILMENT,
            command.channel_id,
            on_hand=-quantity,
            allocated=-quantity,
            reservation_id=command.reservation_id,
            reference=command.reference or reservation.reference or None,
        )
    return _save(ledger, reservation, lines, ReservationState.RELEASED)


def expire(ledger: Ledger, command: Expire) -> Reservation | None:
    """None when there is nothing to do: not due, ended meanwhile, or unknown."""
    reservation = ledger.reservations.get(command.reservation_id)
    if reservation is None or not run_out(reservation, ledger.now):
        return None
    return _give_back_holds(ledger, reservation, MovementKind.EXPIRY, None)


def run_out(reservation: Reservation, now: datetime) -> bool:
    """Whether its hold has run out at `now`."""
    return (
        reservation.state == ReservationState.HELD
        and reservation.expires_at is not None
        and reservation.expires_at <= now
    )


def as_of(reservation: Reservation, now: datetime) -> Reservation:
    """The reservation as a reader sees it at `now`: what has run out no longer counts, swept or not."""
    if not run_out(reservation, now):
        return reservation
    lines = [line._replace(held=0, released=line.released + line.held) for line in reservation.lines]
    return reservation._replace(lines=tuple(lines), state=_state(lines, ReservationState.EXPIRED))


def _give_back_holds(ledger: Ledger, reservation: Reservation, kind: MovementKind, reason: str | None) -> Reservation:
    lines = list(reservation.lines)
    for index, line in enumerate(lines):
        if line.held:
            lines[index] = line._replace(held=0, released=line.released + line.held)
            ledger.move(
                (line.sku_id, line.location_id),
                kind,
                reservation.channel_id,
                held=-line.held,
                reservation_id=reservation.reservation_id,
                reason=reason,
            )
    end = ReservationState.EXPIRED if kind == MovementKind.EXPIRY else ReservationState.RELEASED
    return _save(ledger, reservation, lines, end)


def _reservable(ledger: Ledger, sku: str, location: str) -> Place:
    place = ledger.place(sku, location)
    if not place.sku_active:
        raise Refusal(Reason.SKU_RETIRED, f"SKU {sku!r} is no longer active", metadata={"sku": sku})
    if not place.location_active:
        raise Refusal(
            Reason.LOCATION_RETIRED,
            f"location {location!r} is no longer active",
            metadata={"location": location},
        )
    return place


def _insufficient(shortages: Sequence[Shortage]) -> Refusal:
    first = shortages[0]
    return Refusal(
        Reason.INSUFFICIENT_STOCK,
        f"{len(shortages)} of the lines can't be met; the first: SKU {first.sku!r} at {first.location!r}, "
        f"requested {first.requested}, available {first.available}",
        metadata={
            "sku": first.sku,
            "location": first.location,
            "requested": str(first.requested),
            "available": str(first.available),
        },
        shortages=tuple(shortages[:VIOLATIONS_MAX]),
    )


def _live(ledger: Ledger, channel_id: int, reservation_id: UUID) -> Reservation:
    reservation = ledger.reservations.get(reservation_id)
    if reservation is None or reservation.channel_id != channel_id:
        raise reservation_not_found(str(reservation_id))
    if reservation.state == ReservationState.EXPIRED:
        raise _expired(reservation)
    if reservation.state not in (ReservationState.HELD, ReservationState.ALLOCATED):
        raise _wrong_state(reservation, f"it is {reservation.state.name}")
    return reservation


def _held(ledger: Ledger, channel_id: int, reservation_id: UUID) -> Reservation:
    reservation = _live(ledger, channel_id, reservation_id)
    if reservation.state != ReservationState.HELD:
        raise _wrong_state(reservation, f"it is {reservation.state.name}")
    return reservation


def _expired(reservation: Reservation) -> Refusal:
    at = reservation.expires_at.isoformat().replace("+00:00", "Z") if reservation.expires_at else ""
    return Refusal(
        Reason.RESERVATION_EXPIRED,
        f"the hold {reservation.reservation_id} ran out at {at}",
        metadata={"reservation_id": str(reservation.reservation_id), "expired_at": at},
    )


def _wrong_state(reservation: Reservation, why: str) -> Refusal:
    return Refusal(
        Reason.RESERVATION_STATE,
        f"reservation {reservation.reservation_id}: {why}",
        metadata={"reservation_id": str(reservation.reservation_id), "state": reservation.state.name},
    )


def _chosen(
    ledger: Ledger, lines: Sequence[Line], asks: Sequence[Ask], has: Callable[[Line], int]
) -> list[tuple[int, int]]:
    """Which lines, by index, and how much of each. Raises EXCEEDS_HELD."""
    if not asks:
        return [(index, has(line)) for index, line in enumerate(lines) if has(line)]
    by_code = {}
    for index, line in enumerate(lines):
        place = ledger.codes.get((line.sku_id, line.location_id))
        if place is not None:
            by_code[(place.sku, place.location)] = index
    chosen = []
    for sku, location, quantity in asks:
        index = by_code.get((sku, location), -1)
        available = has(lines[index]) if index >= 0 else 0
        if available < quantity:
            raise Refusal(
                Reason.EXCEEDS_HELD,
                f"the reservation has {available} of SKU {sku!r} at {location!r}, not {quantity}",
                metadata={
                    "sku": sku,
                    "location": location,
                    "requested": str(quantity),
                    "has": str(available),
                },
            )
        chosen.append((index, quantity))
    return chosen


def _state(lines: Sequence[Line], ended: ReservationState) -> ReservationState:
    """What the lines add up to; `ended` when everything was given back."""
    if any(line.held for line in lines):
        return ReservationState.HELD
    if any(line.allocated for line in lines):
        return ReservationState.ALLOCATED
    if any(line.fulfilled for line in lines):
        return ReservationState.FULFILLED
    return ended


def _save(ledger: Ledger, reservation: Reservation, lines: Sequence[Line], ended: ReservationState) -> Reservation:
    changed = reservation._replace(lines=tuple(lines), state=_state(lines, ended))
    ledger.save(changed)
    return changed
