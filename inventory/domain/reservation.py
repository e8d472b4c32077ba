"""Reservations and what is asked of them: values alone; `reservation_life` says what becomes of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from inventory.domain.sourcing import Sourcing
from inventory.domain.topology import Use


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


def run_out(reservation: Reservation, now: datetime) -> bool:
    """Whether its hold has run out at `now`."""
    return reservation.is_held and reservation.expires_at is not None and reservation.expires_at <= now


def as_of(reservation: Reservation, now: datetime) -> Reservation:
    """The reservation as a reader sees it at `now`: what has run out no longer counts, swept or not."""
    if not run_out(reservation, now):
        return reservation
    lines = [
        line._replace(held=0, backordered=0, released=line.released + line.held + line.backordered)
        for line in reservation.lines
    ]
    return reservation._replace(
        lines=tuple(lines), state=state_of(lines, ReservationState.EXPIRED, backorders_held=False)
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


def state_of(lines: Sequence[Line], ended: ReservationState, *, backorders_held: bool) -> ReservationState:
    """What the lines add up to; `ended` when everything was given back."""
    if any(line.held or (backorders_held and line.backordered) for line in lines):
        return ReservationState.HELD
    if any(line.allocated or line.backordered for line in lines):
        return ReservationState.ALLOCATED
    if any(line.fulfilled for line in lines):
        return ReservationState.FULFILLED
    return ended
