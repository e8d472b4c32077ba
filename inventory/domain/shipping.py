"""What moves with a transfer: goods leave, arrive or come back, and a reservation's promise goes with them."""

from collections.abc import Sequence

from inventory.domain.adjustment import Disposition
from inventory.domain.backorder import fill
from inventory.domain.calendar import local_date
from inventory.domain.goods import Tracking
from inventory.domain.ledger import Key, Ledger
from inventory.domain.limits import ON_HAND_MAX
from inventory.domain.lot import LotLevel, usable
from inventory.domain.movement import MovementKind
from inventory.domain.refusal import Reason, Refusal, Shortage, insufficient
from inventory.domain.reservation import Reservation, ReservationState, add_line
from inventory.domain.transfer import (
    CancelTransfer,
    CreateTransfer,
    Moved,
    Part,
    ReceiveTransfer,
    ShipTransfer,
    Transfer,
    TransferLine,
    TransferState,
    check_serials,
    chosen,
    exceeds,
    expected,
    in_state,
    planned,
    save,
    wrong_state,
)


def create_transfer(ledger: Ledger, command: CreateTransfer) -> Transfer:
    """Raises what `planned` raises, and INSUFFICIENT_STOCK when it ships."""
    transfer = planned(ledger, command)
    if command.ship:
        parts = [Part(index, 0, line.requested) for index, line in enumerate(transfer.lines)]
        transfer = _left(ledger, transfer, _from_shelf(ledger, transfer, parts, command.channel_id))
    save(ledger, transfer)
    return transfer


def ship_transfer(ledger: Ledger, command: ShipTransfer) -> Transfer:
    """Goods of a reservation are those that are allocated to it there. Raises TRANSFER_NOT_FOUND, TRANSFER_STATE,
    EXCEEDS_TRANSFER, INSUFFICIENT_STOCK, LOT_CONFLICT, LOT_NOT_FOUND, SERIALS_REQUIRED."""
    transfer = in_state(ledger, command.transfer_id, TransferState.PLANNED)
    has = [line.requested for line in transfer.lines]
    parts = chosen(ledger, transfer, command.rows, has, shipping=True)
    for part in parts:
        place = ledger.place_at((transfer.lines[part.line_no].sku_id, transfer.from_location_id))
        check_serials(place, Moved(place.sku, part.quantity))
    if transfer.reservation_id is None:
        left = _from_shelf(ledger, transfer, parts, command.channel_id)
    else:
        left = _from_reservation(ledger, transfer, parts, command)
    transfer = _left(ledger, transfer, left)
    save(ledger, transfer)
    return transfer


def receive_transfer(ledger: Ledger, command: ReceiveTransfer) -> Transfer:
    """Raises TRANSFER_NOT_FOUND, TRANSFER_STATE, EXCEEDS_TRANSFER, FIELD_REQUIRED, LOT_CONFLICT, LOT_NOT_FOUND,
    ON_HAND_LIMIT."""
    transfer = in_state(ledger, command.transfer_id, TransferState.SHIPPED)
    arrived = [0] * len(transfer.lines)
    has = [line.in_transit for line in transfer.lines]
    if command.rows or not command.close:  # closed without a word of what came: nothing more did
        for part in chosen(ledger, transfer, command.rows, has, shipping=False):
            arrived[part.line_no] += part.quantity
    lines = list(transfer.lines)
    for index, line in enumerate(lines):
        missing = has[index] - arrived[index] if command.close else 0
        if missing and not command.difference_reason:
            raise Refusal(Reason.FIELD_REQUIRED, "something is missing: say why", field="difference_reason")
        if arrived[index] or missing:
            _arrive(ledger, transfer, line, arrived[index], missing, command)
            lines[index] = line._replace(
                received=line.received + arrived[index],
                missing=line.missing + missing,
                difference_reason=command.difference_reason if missing else line.difference_reason,
            )
    if command.disposition is None:
        for sku_id in dict.fromkeys(line.sku_id for line in lines):
            fill(ledger, (sku_id, transfer.to_location_id), transfer.reservation_id)
    transfer = transfer._replace(lines=tuple(lines))
    if not any(line.in_transit for line in lines):
        transfer = transfer._replace(state=TransferState.RECEIVED, ended_at=ledger.now)
    save(ledger, transfer)
    return transfer


def cancel_transfer(ledger: Ledger, command: CancelTransfer) -> Transfer:
    """What has left goes back to where it came from, and with it what its reservation still waits for. Raises
    TRANSFER_NOT_FOUND, TRANSFER_STATE."""
    transfer = in_state(ledger, command.transfer_id, TransferState.PLANNED, TransferState.SHIPPED)
    if any(line.received or line.missing for line in transfer.lines):
        raise wrong_state(transfer, "something of it was received")
    for line in transfer.lines:
        if line.shipped:
            _come_back(ledger, transfer, line, command)
    for sku_id in dict.fromkeys(line.sku_id for line in transfer.lines if line.shipped):
        fill(ledger, (sku_id, transfer.from_location_id))
    transfer = transfer._replace(
        state=TransferState.CANCELLED, ended_at=ledger.now, reason=command.reason or transfer.reason
    )
    save(ledger, transfer)
    return transfer


def _left(ledger: Ledger, transfer: Transfer, parts: Sequence[Part]) -> Transfer:
    """The transfer when these parts, each of a known lot, have left: lines are split per lot, and the first part of a
    line keeps what stays behind."""
    lines: list[TransferLine] = []
    for index, line in enumerate(transfer.lines):
        lots: dict[int, int] = {}
        for part in parts:
            if part.line_no == index:
                lots[part.lot_id] = lots.get(part.lot_id, 0) + part.quantity
        behind = line.requested - sum(lots.values())
        for lot_id, quantity in lots.items():
            lines.append(line._replace(lot_id=lot_id, requested=quantity + behind, shipped=quantity))
            behind = 0
        if not lots:
            lines.append(line)
    return transfer._replace(
        state=TransferState.SHIPPED,
        shipped_at=ledger.now,
        lines=tuple(lines),
        expected_on=transfer.expected_on or expected(ledger, transfer.from_location_id, at_once=True),
    )


def _from_shelf(ledger: Ledger, transfer: Transfer, parts: Sequence[Part], channel_id: int) -> list[Part]:
    """Takes what is free. Raises INSUFFICIENT_STOCK."""
    taken = []
    shortages = []
    for index, lot_id, quantity in parts:
        line = transfer.lines[index]
        key = (line.sku_id, transfer.from_location_id)
        missing = quantity
        for lot, available in _lots(ledger, key, lot_id or line.lot_id):
            moved = min(available, missing)
            if moved > 0:
                _leave(ledger, transfer, key, lot, moved, channel_id)
                taken.append(Part(index, lot, moved))
                missing -= moved
        if missing:
            place = ledger.place_at(key)
            shortages.append(Shortage(place.sku, place.location, quantity, quantity - missing))
    if shortages:
        raise insufficient(shortages)
    return taken


def _lots(ledger: Ledger, key: Key, lot_id: int) -> list[tuple[int, int]]:
    """From which lots, and how much is free of each; without lots the one lot is 0."""
    place = ledger.place_at(key)
    free = ledger.level(place).free
    if place.tracking != Tracking.LOTS:
        return [(0, free)]
    if lot_id:
        lots = [(lot_id, ledger.lot_levels.get(key, {}).get(lot_id, LotLevel()).available)]
    else:
        today = local_date(ledger.topology.sites[key[1]], ledger.now)
        lots = [(lot.lot_id, available) for lot, available in usable(ledger, key, today)]
    found = []
    for number, available in lots:
        found.append((number, min(available, free)))
        free -= min(available, free)
    return found


def _leave(ledger: Ledger, transfer: Transfer, key: Key, lot_id: int, quantity: int, channel_id: int) -> None:
    reason, reference = transfer.reason or None, document(transfer)
    ledger.move(
        key,
        MovementKind.TRANSFER_SHIPMENT,
        channel_id,
        on_hand=-quantity,
        reason=reason,
        reference=reference,
        lot_id=lot_id,
    )
    ledger.move(
        (key[0], transfer.to_location_id),
        MovementKind.TRANSFER_SHIPMENT,
        channel_id,
        in_transit=quantity,
        reason=reason,
        reference=reference,
        lot_id=lot_id,
    )


def _from_reservation(ledger: Ledger, transfer: Transfer, parts: Sequence[Part], command: ShipTransfer) -> list[Part]:
    """Takes what is allocated to the reservation: from now on it waits for it at the other place. Without rows as much
    as there still is. Raises TRANSFER_STATE, EXCEEDS_TRANSFER."""
    assert transfer.reservation_id is not None
    reservation = ledger.reservations[transfer.reservation_id]
    if reservation.state != ReservationState.ALLOCATED:
        raise wrong_state(transfer, "its reservation isn't committed", reservation_state=reservation.state.name)
    taken = []
    lines = list(reservation.lines)
    for index, lot_id, quantity in parts:
        line = transfer.lines[index]
        wanted_lot = lot_id or line.lot_id
        missing = quantity
        for number in range(len(reservation.lines)):
            promised = lines[number]
            key = (promised.sku_id, promised.location_id)
            moved = min(promised.allocated, missing)
            if (
                moved
                and key == (line.sku_id, transfer.from_location_id)
                and (not wanted_lot or promised.lot_id == wanted_lot)
            ):
                _leave_for(ledger, transfer, reservation, key, promised.lot_id, moved, command.channel_id)
                lines[number] = promised._replace(
                    requested=promised.requested - moved, allocated=promised.allocated - moved
                )
                waiting = promised._replace(
                    location_id=transfer.to_location_id,
                    requested=moved,
                    allocated=0,
                    held=0,
                    backordered=moved,
                    fulfilled=0,
                    released=0,
                    lot_id=0,
                )
                add_line(lines, waiting)
                taken.append(Part(index, promised.lot_id, moved))
                missing -= moved
        if missing and command.rows:
            raise exceeds(ledger.place_at((line.sku_id, transfer.from_location_id)).sku, quantity, quantity - missing)
    if not taken:
        raise wrong_state(transfer, "nothing of its reservation is allocated there")
    ledger.save(reservation._replace(lines=tuple(lines)))
    return taken


def _leave_for(
    ledger: Ledger, transfer: Transfer, reservation: Reservation, key: Key, lot_id: int, quantity: int, channel_id: int
) -> None:
    there = (key[0], transfer.to_location_id)
    level = ledger.level_at(there)
    if level.backorder_limit is not None and level.backordered + quantity > level.backorder_limit:
        raise wrong_state(
            transfer,
            f"no more than {level.backorder_limit} may wait for SKU {ledger.place_at(there).sku!r} where it goes",
            backorder_limit=str(level.backorder_limit),
        )
    reason, reference = transfer.reason or None, document(transfer)
    ledger.move(
        key,
        MovementKind.TRANSFER_SHIPMENT,
        channel_id,
        on_hand=-quantity,
        allocated=-quantity,
        reservation_id=reservation.reservation_id,
        reason=reason,
        reference=reference,
        lot_id=lot_id,
    )
    ledger.move(
        there,
        MovementKind.TRANSFER_SHIPMENT,
        channel_id,
        in_transit=quantity,
        backordered=quantity,
        reservation_id=reservation.reservation_id,
        reason=reason,
        reference=reference,
        lot_id=lot_id,
    )


def _arrive(
    ledger: Ledger, transfer: Transfer, line: TransferLine, arrived: int, missing: int, command: ReceiveTransfer
) -> None:
    after = ledger.move(
        (line.sku_id, transfer.to_location_id),
        MovementKind.TRANSFER_RECEIPT,
        command.channel_id,
        on_hand=arrived,
        in_transit=-arrived - missing,
        quality_control=arrived if command.disposition is Disposition.QUALITY_CONTROL else 0,
        damaged=arrived if command.disposition is Disposition.DAMAGED else 0,
        quarantined=arrived if command.disposition is Disposition.QUARANTINED else 0,
        reservation_id=transfer.reservation_id,
        reason=(command.difference_reason if missing else transfer.reason) or None,
        reference=document(transfer),
        lot_id=line.lot_id,
    )
    if after.on_hand > ON_HAND_MAX:
        place = ledger.place_at((line.sku_id, transfer.to_location_id))
        raise Refusal(
            Reason.ON_HAND_LIMIT,
            f"on_hand of SKU {place.sku!r} at {place.location!r} would be {after.on_hand}, over {ON_HAND_MAX}",
            metadata={"sku": place.sku, "location": place.location, "max": str(ON_HAND_MAX)},
        )


def _come_back(ledger: Ledger, transfer: Transfer, line: TransferLine, command: CancelTransfer) -> None:
    missing = line.shipped
    reservation = None if transfer.reservation_id is None else ledger.reservations.get(transfer.reservation_id)
    if reservation is not None:
        lines = list(reservation.lines)
        for number, waiting in enumerate(reservation.lines):
            quantity = min(waiting.backordered, missing)
            if quantity and (waiting.sku_id, waiting.location_id) == (line.sku_id, transfer.to_location_id):
                _move_back(ledger, transfer, line, quantity, quantity, command)
                lines[number] = waiting._replace(
                    requested=waiting.requested - quantity, backordered=waiting.backordered - quantity
                )
                promised = waiting._replace(
                    location_id=transfer.from_location_id,
                    requested=quantity,
                    allocated=quantity,
                    held=0,
                    backordered=0,
                    fulfilled=0,
                    released=0,
                    lot_id=line.lot_id,
                )
                add_line(lines, promised)
                missing -= quantity
        ledger.save(reservation._replace(lines=tuple(lines)))
    if missing:
        _move_back(ledger, transfer, line, missing, 0, command)


def _move_back(
    ledger: Ledger, transfer: Transfer, line: TransferLine, quantity: int, promised: int, command: CancelTransfer
) -> None:
    for location_id, on_hand, allocated, backordered, in_transit in (
        (transfer.to_location_id, 0, 0, -promised, -quantity),
        (transfer.from_location_id, quantity, promised, 0, 0),
    ):
        ledger.move(
            (line.sku_id, location_id),
            MovementKind.TRANSFER_CANCELLATION,
            command.channel_id,
            on_hand=on_hand,
            allocated=allocated,
            backordered=backordered,
            in_transit=in_transit,
            reservation_id=transfer.reservation_id,
            reason=command.reason or transfer.reason or None,
            reference=document(transfer),
            lot_id=line.lot_id,
        )


def document(transfer: Transfer) -> str:
    """What the ledger's rows name."""
    return transfer.reference or str(transfer.transfer_id)
