"""Reservations: what each command makes of them, decided on values alone."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from inventory.domain import serial
from inventory.domain.calendar import local_date
from inventory.domain.goods import SkuKind
from inventory.domain.ledger import Ledger
from inventory.domain.movement import MovementKind
from inventory.domain.refusal import Reason, Refusal, reservation_not_found
from inventory.domain.sourcing import Sourcing
from inventory.domain.topology import Use
from inventory.domain.tracking import lot_expired


class ReservationState(IntEnum):
    """How far it has come; the numbers are the API's and the table's."""

    HELD = 1
    ALLOCATED = 2
    FULFILLED = 3
    RELEASED = 4
    EXPIRED = 5


class Line(NamedTuple):
    """What one place, lot and bundle give to one line of the request, `ask_no`; quantities in the SKU's smallest unit.
    `backordered` waits for goods since revision `accepted`; 0 or negative: since that step of the present batch."""

    sku_id: int
    location_id: int
    requested: int
    held: int = 0
    allocated: int = 0
    backordered: int = 0
    fulfilled: int = 0
    released: int = 0
    ask_no: int = 0
    lot_id: int = 0
    bundle_sku_id: int = 0
    bundle_quantity: int = 0
    accepted: int = 0

    @property
    def live(self) -> int:
        """What is still promised and has not left."""
        return self.held + self.allocated + self.backordered


class Reservation(NamedTuple):
    """A promise of stock to one owner. A cart without an owner has ''. `transfer_ids`: what brings its goods to the
    pick-up place."""

    reservation_id: UUID
    channel_id: int
    owner: str
    reference: str
    state: ReservationState
    expires_at: datetime | None
    created_at: datetime
    lines: tuple[Line, ...]
    purpose: Use = Use.ONLINE
    pickup_location_id: int | None = None
    ready_at: datetime | None = None
    transfer_ids: tuple[UUID, ...] = ()

    @property
    def is_held(self) -> bool:
        """Whether something of it runs out."""
        return self.state == ReservationState.HELD

    @property
    def is_live(self) -> bool:
        """Whether something of it may still be promised."""
        return self.state in (ReservationState.HELD, ReservationState.ALLOCATED)


class Ask(NamedTuple):
    """A quantity of one SKU, by code. No location: the service chooses it, or, of a reservation's lines, any.
    `serials`: these very pieces, as many as the quantity, or none are named."""

    sku: str
    location: str
    quantity: int
    serials: tuple[str, ...] = ()


class Pickup(NamedTuple):
    """The customer collects it there; with `by_transfer` what isn't there is brought from elsewhere."""

    location: str
    by_transfer: bool = False


class Reserve(NamedTuple):
    """Promise these asks, each SKU and location once. With `ttl` they are held so long, without one allocated at once.
    `purpose` None: what the channel is for. `stock_only`: nothing is back-ordered. With `pickup` no ask names a
    location, and the purpose is PICKUP."""

    channel_id: int
    reservation_id: UUID
    asks: tuple[Ask, ...]
    ttl: timedelta | None
    partial: bool = False
    owner: str = ""
    reference: str = ""
    replace_owner_holds: bool = False
    purpose: Use | None = None
    sourcing: Sourcing = Sourcing()
    stock_only: bool = False
    pickup: Pickup | None = None


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


class FillBackorders(NamedTuple):
    """Give what is there to those who wait for it. Nobody's request: the engine's own, when stock became free."""

    sku: str
    location: str


class Expire(NamedTuple):
    """End a hold that has run out. Nobody's request: the engine's own tidying."""

    reservation_id: UUID


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
    lines = [
        line._replace(held=0, backordered=0, released=line.released + line.held + line.backordered)
        for line in reservation.lines
    ]
    return reservation._replace(
        lines=tuple(lines), state=_state(lines, ReservationState.EXPIRED, backorders_held=False)
    )


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


def add_line(lines: list[Line], line: Line) -> None:
    """Adds it, to the line of the same place, lot, bundle and acceptance for the same line of the request if there is
    one."""
    for index, one in enumerate(lines):
        if one[:2] == line[:2] and one[8:] == line[8:]:
            lines[index] = one._replace(
                requested=one.requested + line.requested,
                held=one.held + line.held,
                allocated=one.allocated + line.allocated,
                backordered=one.backordered + line.backordered,
            )
            return
    lines.append(line)


def live_reservation(ledger: Ledger, channel_id: int, reservation_id: UUID) -> Reservation:
    """Raises RESERVATION_NOT_FOUND, RESERVATION_EXPIRED, RESERVATION_STATE."""
    reservation = ledger.reservations.get(reservation_id)
    if reservation is None or reservation.channel_id != channel_id:
        raise reservation_not_found(str(reservation_id))
    if reservation.state == ReservationState.EXPIRED:
        raise _expired(reservation)
    if reservation.state not in (ReservationState.HELD, ReservationState.ALLOCATED):
        raise _wrong_state(reservation, f"it is {reservation.state.name}")
    return reservation


def _held(ledger: Ledger, channel_id: int, reservation_id: UUID) -> Reservation:
    reservation = live_reservation(ledger, channel_id, reservation_id)
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


def _state(lines: Sequence[Line], ended: ReservationState, *, backorders_held: bool) -> ReservationState:
    """What the lines add up to; `ended` when everything was given back."""
    if any(line.held or (backorders_held and line.backordered) for line in lines):
        return ReservationState.HELD
    if any(line.allocated or line.backordered for line in lines):
        return ReservationState.ALLOCATED
    if any(line.fulfilled for line in lines):
        return ReservationState.FULFILLED
    return ended


def _save(
    ledger: Ledger,
    reservation: Reservation,
    lines: Sequence[Line],
    ended: ReservationState,
    *,
    backorders_held: bool | None = None,
) -> Reservation:
    if backorders_held is None:
        backorders_held = reservation.state == ReservationState.HELD
    changed = reservation._replace(lines=tuple(lines), state=_state(lines, ended, backorders_held=backorders_held))
    ledger.save(changed)
    serial.settle(ledger, changed)
    return changed
