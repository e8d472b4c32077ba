"""Transfers: goods that leave one place, are in transit, and arrive at another; decided on what is locked."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from inventory.domain.access import Access
from inventory.domain.adjustment import Disposition
from inventory.domain.calendar import arrives_on, leaves_at
from inventory.domain.goods import Tracking
from inventory.domain.ledger import Ledger
from inventory.domain.level import Place
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.tracking import assert_stocked, known_lot


class TransferState(IntEnum):
    """How far a transfer has come; the numbers are the API's and the table's."""

    PLANNED = 1
    SHIPPED = 2
    RECEIVED = 3
    CANCELLED = 4


class TransferLine(NamedTuple):
    """One SKU of a transfer, and one lot of it; lot_id 0: none, or not chosen before it ships. In the SKU's smallest
    unit: received + missing <= shipped <= requested."""

    sku_id: int
    lot_id: int
    requested: int
    shipped: int = 0
    received: int = 0
    missing: int = 0
    difference_reason: str = ""
    serials: tuple[str, ...] = ()

    @property
    def in_transit(self) -> int:
        return self.shipped - self.received - self.missing


class Transfer(NamedTuple):
    """Goods on their way. `channel`: the code of who made it; '' when the present command does."""

    transfer_id: UUID
    channel_id: int
    from_location_id: int
    to_location_id: int
    state: TransferState
    reservation_id: UUID | None
    reference: str
    reason: str
    created_at: datetime
    shipped_at: datetime | None
    ended_at: datetime | None
    expected_on: date | None
    lines: tuple[TransferLine, ...]
    channel: str = ""


class Moved(NamedTuple):
    """So much of one SKU, by code. No lot: any."""

    sku: str
    quantity: int
    lot: str = ""
    serials: tuple[str, ...] = ()


class CreateTransfer(NamedTuple):
    """Plan to move these rows, each SKU and lot once, and `ship` them at once. `expected_on` None: by the calendar."""

    channel_id: int
    transfer_id: UUID
    from_location: str
    to_location: str
    rows: tuple[Moved, ...]
    ship: bool = False
    expected_on: date | None = None
    reason: str = ""
    reference: str = ""


class ShipTransfer(NamedTuple):
    """Ship these rows, or everything when there are none; what is not named stays behind for good."""

    channel_id: int
    transfer_id: UUID
    rows: tuple[Moved, ...] = ()


class ReceiveTransfer(NamedTuple):
    """These rows have arrived; without rows everything in transit, or with `close` nothing. With `close` nothing more
    comes. `disposition` None: sellable."""

    channel_id: int
    transfer_id: UUID
    rows: tuple[Moved, ...] = ()
    close: bool = False
    difference_reason: str = ""
    disposition: Disposition | None = None


class CancelTransfer(NamedTuple):
    """Give up a planned transfer, or call a shipped one back."""

    channel_id: int
    transfer_id: UUID
    reason: str = ""


class Part(NamedTuple):
    """So much of a transfer's line, by its place among them; lot_id 0: not told."""

    line_no: int
    lot_id: int
    quantity: int


def planned(ledger: Ledger, command: CreateTransfer) -> Transfer:
    """The plan. Raises SKU_NOT_FOUND, LOCATION_NOT_FOUND, LOCATION_RETIRED, SKU_NOT_STOCKED, LOT_CONFLICT,
    LOT_NOT_FOUND, SERIALS_REQUIRED."""
    lines = []
    origin = target = ledger.place(command.rows[0].sku, command.from_location)
    for row in command.rows:
        origin = ledger.place(row.sku, command.from_location)
        target = ledger.place(row.sku, command.to_location)
        if not target.location_active:
            raise Refusal(
                Reason.LOCATION_RETIRED,
                f"location {command.to_location!r} is no longer active",
                metadata={"location": command.to_location},
            )
        assert_stocked(origin)
        check_serials(origin, row)
        lines.append(TransferLine(origin.sku_id, lot_named(ledger, origin, row.lot), row.quantity, serials=row.serials))
    return Transfer(
        command.transfer_id,
        command.channel_id,
        origin.location_id,
        target.location_id,
        TransferState.PLANNED,
        None,
        command.reference,
        command.reason,
        ledger.now,
        None,
        None,
        command.expected_on or expected(ledger, origin.location_id, at_once=command.ship),
        tuple(lines),
    )


def save(ledger: Ledger, transfer: Transfer) -> None:
    """Replaces or adds a transfer; kept also when no quantity changed."""
    transfer_id = transfer.transfer_id
    before = ledger.transfers.get(transfer_id)
    touched = transfer_id in ledger.touched_transfers

    def undo() -> None:
        if before is None:
            del ledger.transfers[transfer_id]
        else:
            ledger.transfers[transfer_id] = before
        if not touched:
            del ledger.touched_transfers[transfer_id]

    ledger.transfers[transfer_id] = transfer
    ledger.touched_transfers[transfer_id] = None
    ledger.noted = True
    ledger.on_take_back(undo)


def found(ledger: Ledger, transfer_id: UUID) -> Transfer:
    """As it counts now. Raises TRANSFER_NOT_FOUND."""
    transfer = ledger.transfers.get(transfer_id)
    if transfer is None or (ledger.within is not None and not _covers(ledger, ledger.within, transfer)):
        raise transfer_not_found(str(transfer_id))
    if transfer.state == TransferState.PLANNED and transfer.reservation_id is not None:
        reservation = ledger.reservations.get(transfer.reservation_id)
        if reservation is None or not reservation.is_live:
            return transfer._replace(state=TransferState.CANCELLED)
    return transfer


def _covers(ledger: Ledger, within: Access, transfer: Transfer) -> bool:
    """Whether nothing of it is elsewhere."""
    return (
        within.covers_location(transfer.from_location_id)
        and within.covers_location(transfer.to_location_id)
        and all(
            within.covers_category(ledger.place_at((line.sku_id, transfer.from_location_id)).category)
            for line in transfer.lines
        )
    )


def in_state(ledger: Ledger, transfer_id: UUID, *states: TransferState) -> Transfer:
    """Raises TRANSFER_NOT_FOUND, TRANSFER_STATE."""
    transfer = found(ledger, transfer_id)
    if transfer.state not in states:
        raise wrong_state(transfer, f"it is {transfer.state.name}")
    return transfer


def chosen(
    ledger: Ledger, transfer: Transfer, rows: Sequence[Moved], has: Sequence[int], *, shipping: bool
) -> list[Part]:
    """Which lines, and how much of each of what they have; everything without rows. A row with a lot fits the lines of
    that lot and, `shipping`, those whose lot isn't chosen; one without fits any line of its SKU. Raises SKU_NOT_FOUND,
    LOT_CONFLICT, LOT_NOT_FOUND, SERIALS_REQUIRED, EXCEEDS_TRANSFER."""
    if not rows:
        return [Part(index, 0, quantity) for index, quantity in enumerate(has) if quantity]
    left = list(has)
    parts = []
    for row in sorted(rows, key=lambda row: not row.lot):  # who names a lot is served first
        missing = row.quantity
        for index, line in enumerate(transfer.lines):
            place = ledger.place_at((line.sku_id, transfer.from_location_id))
            if place.sku != row.sku:
                continue
            check_serials(place, row)
            lot_id = lot_named(ledger, place, row.lot)
            if lot_id and lot_id != line.lot_id and not (shipping and line.lot_id == 0):
                continue
            taken = min(left[index], missing)
            if taken:
                left[index] -= taken
                missing -= taken
                parts.append(Part(index, lot_id, taken))
        if missing:
            raise exceeds(row.sku, row.quantity, row.quantity - missing, row.lot)
    return parts


def check_serials(place: Place, row: Moved) -> None:
    """Raises SERIALS_REQUIRED: where single pieces are told apart they can't be moved yet; elsewhere none may be
    named."""
    if row.serials or place.tracking == Tracking.SERIALS:
        raise Refusal(
            Reason.SERIALS_REQUIRED,
            f"SKU {place.sku!r} is {'' if place.tracking == Tracking.SERIALS else 'not '}tracked by serial numbers",
            metadata={"sku": place.sku, "quantity": str(row.quantity), "serials": str(len(row.serials))},
        )


def lot_named(ledger: Ledger, place: Place, code: str) -> int:
    """The number of a SKU's lot; 0 for ''. Raises LOT_CONFLICT, LOT_NOT_FOUND."""
    if code and place.tracking != Tracking.LOTS:
        raise Refusal(
            Reason.LOT_CONFLICT, f"SKU {place.sku!r} is not tracked by lots", metadata={"sku": place.sku, "lot": code}
        )
    return known_lot(ledger, place, code)


def expected(ledger: Ledger, location_id: int, *, at_once: bool) -> date | None:
    """When goods from there arrive: by the place's calendar, or as if they left now. None: not known."""
    site = ledger.topology.sites[location_id]
    leaves = ledger.now if at_once else leaves_at(site, ledger.now)
    return None if leaves is None else arrives_on(site, leaves)


def transfer_not_found(transfer_id: str) -> Refusal:
    return Refusal(
        Reason.TRANSFER_NOT_FOUND,
        f"no transfer {transfer_id}",
        metadata={"transfer_id": transfer_id},
        resource=("transfer", transfer_id),
    )


def wrong_state(transfer: Transfer, why: str, **metadata: str) -> Refusal:
    return Refusal(
        Reason.TRANSFER_STATE,
        f"transfer {transfer.transfer_id}: {why}",
        metadata={"transfer_id": str(transfer.transfer_id), "state": transfer.state.name, **metadata},
    )


def exceeds(sku: str, requested: int, has: int, lot: str = "") -> Refusal:
    return Refusal(
        Reason.EXCEEDS_TRANSFER,
        f"the transfer has {has} of SKU {sku!r}{f', lot {lot!r}' if lot else ''}, not {requested}",
        metadata={"sku": sku, "lot": lot, "requested": str(requested), "has": str(has)},
    )
