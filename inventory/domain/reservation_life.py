"""The life of a reservation: committed, extended, released, fulfilled, expired; decided on what is locked."""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from inventory.domain import serial
from inventory.domain.calendar import local_date
from inventory.domain.goods import SkuKind
from inventory.domain.ledger import Ledger
from inventory.domain.movement import MovementKind
from inventory.domain.refusal import Reason, Refusal, reservation_not_found
from inventory.domain.reservation import (
    Ask,
    Commit,
    Expire,
    Extend,
    Fulfil,
    Line,
    Release,
    Reservation,
    ReservationState,
    run_out,
    state_of,
)
from inventory.domain.tracking import lot_expired


def commit(ledger: Ledger, command: Commit) -> Reservation:
    """With lines only what is held is committed; without, back-orders of the hold are accepted too. Raises
    RESERVATION_NOT_FOUND, RESERVATION_EXPIRED, RESERVATION_STATE, EXCEEDS_HELD."""
    reservation = _held(ledger, command.channel_id, command.reservation_id)
    reference = command.reference or reservation.reference
    lines = list(reservation.lines)
    for index, quantity, _ in _chosen(ledger, reservation, command.asks, lambda line: line.held):
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
            lot_id=line.lot_id,
        )
    if not command.asks:
        for line in lines:
            if line.backordered and not ledger.moved:
                ledger.move(
                    (line.sku_id, line.location_id),
                    MovementKind.COMMIT,
                    command.channel_id,
                    reservation_id=command.reservation_id,
                    reference=reference or None,
                )
    accepted = not command.asks
    return _save(
        ledger,
        reservation._replace(reference=reference),
        lines,
        ReservationState.RELEASED,
        backorders_held=not accepted,
    )


def extend(ledger: Ledger, command: Extend) -> Reservation:
    """Raises RESERVATION_NOT_FOUND, RESERVATION_EXPIRED, RESERVATION_STATE."""
    reservation = _held(ledger, command.channel_id, command.reservation_id)
    for line in reservation.lines:
        if line.held or line.backordered:
            ledger.move(
                (line.sku_id, line.location_id),
                MovementKind.EXTENSION,
                command.channel_id,
                reservation_id=command.reservation_id,
                lot_id=line.lot_id,
            )
    extended = reservation._replace(expires_at=ledger.now + command.ttl)
    ledger.save(extended)
    return extended


def release(ledger: Ledger, command: Release) -> Reservation:
    """What is back-ordered goes first, then what is held, then what is allocated. Raises RESERVATION_NOT_FOUND,
    RESERVATION_EXPIRED, RESERVATION_STATE, EXCEEDS_HELD, SERIALS_REQUIRED, SERIAL_NOT_FOUND, SERIAL_TAKEN."""
    reservation = live_reservation(ledger, command.channel_id, command.reservation_id)
    lines = list(reservation.lines)
    for index, quantity, pieces in _chosen(ledger, reservation, command.asks, lambda line: line.live, owned=True):
        lines[index] = give_back(
            ledger,
            reservation,
            lines[index],
            quantity,
            MovementKind.RELEASE,
            command.channel_id,
            reason=command.reason or None,
        )
        serial.give_back(ledger, pieces, reservation.reference)
    return _save(ledger, reservation, lines, ReservationState.RELEASED)


def fulfil(ledger: Ledger, command: Fulfil) -> Reservation:
    """Other pieces than those named at reservation may leave: these are anybody's again. Raises RESERVATION_NOT_FOUND,
    RESERVATION_STATE, EXCEEDS_HELD, LOT_EXPIRED, SERIALS_REQUIRED, SERIAL_NOT_FOUND, SERIAL_TAKEN."""
    reservation = live_reservation(ledger, command.channel_id, command.reservation_id)
    if not any(line.allocated for line in reservation.lines):
        raise _wrong_state(reservation, "nothing of it is allocated")
    reference = command.reference or reservation.reference
    lines = list(reservation.lines)
    for index, quantity, named in _to_issue(ledger, reservation, command.asks):
        line = lines[index]
        pieces = serial.to_issue(ledger, reservation, index, quantity, named)
        lines[index] = line._replace(allocated=line.allocated - quantity, fulfilled=line.fulfilled + quantity)
        ledger.move(
            (line.sku_id, line.location_id),
            MovementKind.FULFILMENT,
            command.channel_id,
            on_hand=-quantity,
            allocated=-quantity,
            reservation_id=command.reservation_id,
            reference=reference or None,
            lot_id=line.lot_id,
        )
        serial.issue(ledger, reservation, index, pieces, reference)
    return _save(ledger, reservation, lines, ReservationState.RELEASED)


def expire(ledger: Ledger, command: Expire) -> Reservation | None:
    """None when there is nothing to do: not due, ended meanwhile, or unknown."""
    reservation = ledger.reservations.get(command.reservation_id)
    if reservation is None or not run_out(reservation, ledger.now):
        return None
    return give_back_holds(ledger, reservation, MovementKind.EXPIRY, None)


def give_back_holds(ledger: Ledger, reservation: Reservation, kind: MovementKind, reason: str | None) -> Reservation:
    """Ends what is held, and what is back-ordered with it."""
    lines = list(reservation.lines)
    for index, line in enumerate(lines):
        quantity = line.held + line.backordered
        if quantity:
            lines[index] = give_back(ledger, reservation, line, quantity, kind, reservation.channel_id, reason=reason)
    end = ReservationState.EXPIRED if kind == MovementKind.EXPIRY else ReservationState.RELEASED
    return _save(ledger, reservation, lines, end)


def give_back(
    ledger: Ledger,
    reservation: Reservation,
    line: Line,
    quantity: int,
    kind: MovementKind,
    channel_id: int,
    *,
    reason: str | None,
) -> Line:
    """Takes so much of a line's promise back; what was made for it is unmade."""
    backordered = min(line.backordered, quantity)
    held = min(line.held, quantity - backordered)
    allocated = quantity - backordered - held
    key = (line.sku_id, line.location_id)
    ledger.move(
        key,
        kind,
        channel_id,
        on_hand=-held - allocated if ledger.codes[key].kind == SkuKind.VIRTUAL else 0,
        held=-held,
        allocated=-allocated,
        backordered=-backordered,
        reservation_id=reservation.reservation_id,
        reason=reason,
        lot_id=line.lot_id,
    )
    return line._replace(
        held=line.held - held,
        allocated=line.allocated - allocated,
        backordered=line.backordered - backordered,
        released=line.released + quantity,
    )


def live_reservation(ledger: Ledger, channel_id: int, reservation_id: UUID) -> Reservation:
    """Raises RESERVATION_NOT_FOUND, RESERVATION_EXPIRED, RESERVATION_STATE."""
    reservation = ledger.reservations.get(reservation_id)
    if reservation is None or reservation.channel_id != channel_id:
        raise reservation_not_found(str(reservation_id))
    if reservation.state == ReservationState.EXPIRED:
        raise _expired(reservation)
    if not reservation.is_live:
        raise _wrong_state(reservation, f"it is {reservation.state.name}")
    return reservation


def _held(ledger: Ledger, channel_id: int, reservation_id: UUID) -> Reservation:
    reservation = live_reservation(ledger, channel_id, reservation_id)
    if not reservation.is_held:
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


class _Chosen(NamedTuple):
    """Of which line how much, and which pieces, if they are named."""

    number: int
    quantity: int
    pieces: Sequence[serial.Piece] = ()


def _chosen(
    ledger: Ledger, reservation: Reservation, asks: Sequence[Ask], has: Callable[[Line], int], *, owned: bool = False
) -> list[_Chosen]:
    """Which lines, and how much of each. `owned`: the pieces that are named are the reservation's. Raises EXCEEDS_HELD,
    SERIALS_REQUIRED, SERIAL_NOT_FOUND, SERIAL_TAKEN."""
    lines = reservation.lines
    if not asks:
        return [_Chosen(index, has(line)) for index, line in enumerate(lines) if has(line)]
    chosen = []
    left = [has(line) for line in lines]
    for ask in asks:
        if ask.serials:
            missing = ask.quantity
            for index, pieces in serial.named(ledger, reservation, ask, left, owned=owned).items():
                left[index] -= len(pieces)
                missing -= len(pieces)
                chosen.append(_Chosen(index, len(pieces), pieces))
            if missing:
                raise exceeds_held(ask.sku, ask.location, ask.quantity, ask.quantity - missing)
            continue
        for per, indexes in _asked_of(ledger, lines, ask):
            missing = ask.quantity * per
            for index in indexes:
                taken = min(left[index], missing)
                if taken:
                    left[index] -= taken
                    missing -= taken
                    chosen.append(_Chosen(index, taken))
            if missing:
                raise exceeds_held(ask.sku, ask.location, ask.quantity, (ask.quantity * per - missing) // per)
    return chosen


def _asked_of(ledger: Ledger, lines: Sequence[Line], ask: Ask) -> list[tuple[int, list[int]]]:
    """The lines of a SKU; of a bundle those of each part, and how much of it one bundle takes."""
    own: list[int] = []
    parts: dict[tuple[int, int], list[int]] = {}
    for index, line in enumerate(lines):
        place = ledger.codes.get((line.sku_id, line.location_id))
        if place is None or (ask.location and place.location != ask.location):
            continue
        if place.sku == ask.sku:
            own.append(index)
        elif line.bundle_sku_id and ledger.bundles.get(line.bundle_sku_id) == ask.sku:
            parts.setdefault((line.sku_id, line.bundle_quantity), []).append(index)
    if own or not parts:
        return [(1, own)]
    return [(per, indexes) for (_, per), indexes in parts.items()]


def _to_issue(ledger: Ledger, reservation: Reservation, asks: Sequence[Ask]) -> list[_Chosen]:
    """As `_chosen`, of lots whose last day has not passed. Raises as it, and LOT_EXPIRED."""
    over = [line for line in reservation.lines if line.allocated and line.lot_id and _is_over(ledger, line)]
    if over and not asks:
        raise _over(ledger, over[0])
    try:
        return _chosen(ledger, reservation, asks, lambda line: 0 if line in over else line.allocated)
    except Refusal as refusal:
        for line in over:
            if ledger.codes[(line.sku_id, line.location_id)].sku == refusal.metadata["sku"]:
                raise _over(ledger, line) from None
        raise


def _is_over(ledger: Ledger, line: Line) -> bool:
    today = local_date(ledger.topology.sites[line.location_id], ledger.now)
    return ledger.lots[line.lot_id].is_over(today)


def _over(ledger: Ledger, line: Line) -> Refusal:
    return lot_expired(ledger.codes[(line.sku_id, line.location_id)].sku, ledger.lots[line.lot_id])


def exceeds_held(sku: str, location: str, requested: int, has: int) -> Refusal:
    where = f" at {location!r}" if location else ""
    return Refusal(
        Reason.EXCEEDS_HELD,
        f"the reservation has {has} of SKU {sku!r}{where}, not {requested}",
        metadata={"sku": sku, "location": location, "requested": str(requested), "has": str(has)},
    )


def _save(
    ledger: Ledger,
    reservation: Reservation,
    lines: Sequence[Line],
    ended: ReservationState,
    *,
    backorders_held: bool | None = None,
) -> Reservation:
    if backorders_held is None:
        backorders_held = reservation.is_held
    changed = reservation._replace(lines=tuple(lines), state=state_of(lines, ended, backorders_held=backorders_held))
    ledger.save(changed)
    serial.settle(ledger, changed)
    return changed
