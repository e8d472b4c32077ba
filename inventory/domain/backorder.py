"""Back-orders: what was promised beyond the shelf, and is given when goods arrive, in order of acceptance."""

from datetime import timedelta
from uuid import UUID

from inventory.domain.calendar import local_date
from inventory.domain.goods import Tracking
from inventory.domain.ledger import Key, Ledger
from inventory.domain.lot import usable
from inventory.domain.movement import MovementKind
from inventory.domain.reservation import FillBackorders, Line, Reservation, add_line


def fill_backorders(ledger: Ledger, command: FillBackorders) -> None:
    """Gives what has become free to those who wait at a level."""
    place = ledger.place(command.sku, command.location)
    fill(ledger, (place.sku_id, place.location_id))


def fill(ledger: Ledger, key: Key, first: UUID | None = None) -> None:
    """Gives what is available at a level to those who wait, in order of acceptance; `first`: the reservation that the
    goods came for."""
    level = ledger.levels.get(key)
    if level is None or not level.backordered or level.available <= 0:
        return
    for reservation_id, index in _queue(ledger, key, first):
        if ledger.levels[key].available <= 0:
            return
        _give(ledger, key, ledger.reservations[reservation_id], index)


def _queue(ledger: Ledger, key: Key, first: UUID | None) -> list[tuple[UUID, int]]:
    waiting = []
    for reservation in ledger.reservations.values():
        for index, line in enumerate(reservation.lines):
            if line.backordered and (line.sku_id, line.location_id) == key:
                # of this very batch: after all others, in the order of its steps
                order = (line.accepted <= 0, abs(line.accepted), reservation.reservation_id, index)
                waiting.append((reservation.reservation_id != first, order, reservation.reservation_id, index))
    return [(reservation_id, index) for _, _, reservation_id, index in sorted(waiting)]


def _give(ledger: Ledger, key: Key, reservation: Reservation, index: int) -> None:
    lines = list(reservation.lines)
    hold = reservation.is_held
    wanted = min(lines[index].backordered, ledger.levels[key].available)
    if ledger.place_at(key).tracking == Tracking.LOTS:
        channel = ledger.topology.channel(reservation.channel_id)
        today = local_date(ledger.topology.sites[key[1]], ledger.now)
        for lot, available in usable(ledger, key, today + timedelta(days=channel.min_life_days)):
            part = min(available, wanted)
            if part:
                _fill(ledger, key, reservation, part, lot.lot_id)
                wanted -= part
                line = lines[index]
                lines[index] = line._replace(requested=line.requested - part, backordered=line.backordered - part)
                of_lot = Line(*line[:2], part, 0, 0, 0, 0, 0, *line[8:])._replace(lot_id=lot.lot_id)
                add_line(lines, _granted(of_lot, part, hold=hold))
    elif wanted:
        _fill(ledger, key, reservation, wanted, 0)
        line = lines[index]
        lines[index] = _granted(line._replace(backordered=line.backordered - wanted), wanted, hold=hold)
    ledger.save(reservation._replace(lines=tuple(lines)))


def _granted(line: Line, quantity: int, *, hold: bool) -> Line:
    if hold:
        return line._replace(held=line.held + quantity)
    return line._replace(allocated=line.allocated + quantity)


def _fill(ledger: Ledger, key: Key, reservation: Reservation, quantity: int, lot_id: int) -> None:
    hold = reservation.is_held
    ledger.move(
        key,
        MovementKind.BACKORDER_FILL,
        reservation.channel_id,
        held=quantity if hold else 0,
        allocated=0 if hold else quantity,
        backordered=-quantity,
        reservation_id=reservation.reservation_id,
        reference=reservation.reference or None,
        lot_id=lot_id,
    )
