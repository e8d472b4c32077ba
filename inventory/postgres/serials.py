"""Single pieces beside the levels: read under the levels' locks, and written with their revisions after the head."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from inventory.domain.access import Access
from inventory.domain.adjustment import Disposition
from inventory.domain.decide import serials
from inventory.domain.goods import Tracking
from inventory.domain.ledger import Ledger
from inventory.domain.serial import Piece, SerialState
from inventory.postgres.connection import Writer
from inventory.postgres.errors import Interfered
from inventory.postgres.needed import Needed
from inventory.postgres.reads import Reader, reach

EVENTS_LISTED_MAX = 1_000
_DISPOSITIONS: tuple[Disposition | None, ...] = (None, *Disposition)
"""By the table's numbers, from 1."""
_NOTHING = Needed()


class EventRow(NamedTuple):
    """What a change made of a piece. `location` None: nowhere."""

    revision: int
    state: SerialState
    location: str | None
    disposition: Disposition | None
    reservation_id: UUID | None
    reference: str
    recorded_at: datetime


def concerns(commands: Sequence[Any]) -> bool:
    """What a batch has to do with pieces shows only when its levels are locked."""
    return True


async def prepare(writer: Writer, commands: Sequence[Any]) -> Needed:
    """Nothing but levels is locked."""
    return _NOTHING


async def read(writer: Writer, commands: Sequence[Any], ledger: Ledger) -> None:
    """The pieces that commands name and those of the reservations, when a locked place has a SKU that is tracked by
    serial numbers."""
    tracked = {place.sku_id for place in ledger.codes.values() if place.tracking == Tracking.SERIALS}
    if not tracked:
        return
    named = dict.fromkeys(name for command in commands for name in serials(command))
    if named:
        skus, numbers = zip(*named, strict=True)
        for row in await writer.fetch("read_named_serials", skus, numbers):
            ledger.pieces.put(_piece(row))
    reserved = [
        reservation.reservation_id
        for reservation in ledger.reservations.values()
        if any(line.sku_id in tracked for line in reservation.lines)
    ]
    if reserved:
        for row in await writer.fetch("read_reserved_serials", reserved):
            ledger.pieces.put(_piece(row))


async def write(writer: Writer, ledger: Ledger) -> None:
    """Pieces are written when their revisions are known."""


async def write_after(writer: Writer, ledger: Ledger, base: int) -> None:
    """Writes what the decisions made of pieces; `base`: the revision before the batch's first. Raises `Interfered` when
    a piece was changed under another level's lock after it was read."""
    events = ledger.pieces.events
    last = {key: step for step, key in sorted(events)}
    rows = [
        (
            *key,
            piece.revision,
            step,
            piece.state,
            piece.location_id,
            _DISPOSITIONS.index(piece.disposition) + 1,
            piece.reservation_id,
            piece.line_no,
            reference,
            last[key] == step,
        )
        for (step, key), (piece, reference) in events.items()
    ]
    written = (await writer.fetch("write_serials", rows, base, ledger.now))[0]["written"]
    if written != len(last):
        raise Interfered("a piece was changed elsewhere meanwhile")


async def read_events(
    reader: Reader, sku: str, serial: str, within: Access | None
) -> tuple[EventRow, list[EventRow]] | None:
    """A piece as it is now and what happened to it, newest first, at most EVENTS_LISTED_MAX; None: there is no such
    piece. A hold that has run out doesn't count, swept or not."""
    rows = await reader.fetch("read_serial_events", sku, serial, EVENTS_LISTED_MAX, *reach(within))
    if not rows:
        return None
    history = [_event(row) for row in rows]
    present = history[0]
    if rows[0]["over"]:
        present = present._replace(state=SerialState.IN_STOCK, reservation_id=None)
    return present, history


def _piece(row: Any) -> Piece:
    sku_id, serial, state, location_id, disposition, *rest = tuple(row)
    return Piece(sku_id, serial, SerialState(state), location_id, _DISPOSITIONS[disposition - 1], *rest)


def _event(row: Any) -> EventRow:
    revision, state, location, disposition, reservation_id, reference, recorded_at, _ = tuple(row)
    return EventRow(
        revision,
        SerialState(state),
        location if state <= SerialState.PROMISED else None,
        _DISPOSITIONS[disposition - 1],
        reservation_id,
        reference or "",
        recorded_at,
    )
