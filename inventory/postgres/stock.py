"""The engine's way to stock: find, lock, and write a whole batch in a fixed number of statements."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from inventory.domain.ledger import Key, Ledger
from inventory.domain.level import Level, Place
from inventory.domain.refusal import location_not_found, sku_not_found
from inventory.domain.reservation import Line, Reservation, ReservationState
from inventory.postgres.connection import Writer
from inventory.postgres.errors import Interfered

Pair = tuple[str, str]
"""SKU code and location code."""
RequestKey = tuple[int, UUID]
"""channel_id and request_id."""


class Remembered(NamedTuple):
    """The stored answer to a request. `revision` None: it changed nothing."""

    fingerprint: bytes
    code: int
    answer: bytes
    revision: int | None


class Found(NamedTuple):
    """What a look before the lock gave."""

    answers: dict[RequestKey, Remembered]
    reservation_ids: list[UUID]


class RequestRow(NamedTuple):
    """An answer to remember, in the order of the query's columns. `step` None: it changed nothing."""

    channel_id: int
    request_id: UUID
    fingerprint: bytes
    code: int
    answer: bytes
    step: int | None


async def find(
    writer: Writer, requests: Sequence[RequestKey], pairs: Iterable[Pair], owners: Sequence[tuple[int, str]]
) -> Found:
    """Earlier answers, and the reservations whose holds have run out on these levels or which these owners hold."""
    rows = await writer.fetch("find", requests, list(pairs), owners)
    answers: dict[RequestKey, Remembered] = {}
    reservation_ids = []
    for identity, channel_id, fingerprint, code, answer, revision in rows:
        if channel_id is None:
            reservation_ids.append(identity)
        else:
            answers[(channel_id, identity)] = Remembered(fingerprint, code, answer, revision)
    return Found(answers, reservation_ids)


async def ensure_levels(writer: Writer, pairs: Iterable[Pair]) -> None:
    """Makes missing levels of existing SKUs and locations."""
    await writer.fetch("ensure_levels", list(pairs))


async def lock(
    writer: Writer,
    pairs: Collection[Pair],
    reservation_ids: Sequence[UUID],
    must_exist: Collection[Pair] = (),
) -> Ledger:
    """Locks the levels of `pairs` and of the reservations' lines, and reads both under the locks.

    Raises `Interfered` when somebody added a line or a SKU in between: look again.
    """
    rows = await writer.fetch("lock_levels", list(pairs), reservation_ids)
    ledger = Ledger(rows[-1][0])
    for _, sku, location, sku_id, location_id, sku_active, location_active, *level in rows:
        if sku_id is not None:
            place = Place(sku_id, location_id, sku, location, sku_active, location_active)
            ledger.put(place, Level(*level))
    missing = [pair for pair in pairs if pair not in ledger.places]
    if missing:
        for row in await writer.fetch("read_places", missing):
            _put_absent(ledger, row, must_exist)
    if reservation_ids:
        reservations = await writer.fetch("read_reservations", reservation_ids)
        ledger.put_reservations(_reservations(ledger, reservations))
    return ledger


async def write(writer: Writer, ledger: Ledger, requests: Sequence[RequestRow]) -> int:
    """Writes what the commands made of the ledger. Returns the revision before the batch's first."""
    levels = [(*key, step, *ledger.levels[key]) for key, step in ledger.touched_levels.items()]
    reservations = [ledger.reservations[identity] for identity in ledger.touched_reservations]
    lines = [
        (reservation.reservation_id, number, *line, reservation.expires_at)
        for reservation in reservations
        for number, line in enumerate(reservation.lines)
    ]
    rows = await writer.fetch(
        "write_stock",
        ledger.step,
        ledger.now,
        levels,
        ledger.movements,
        [reservation[:7] for reservation in reservations],
        lines,
        requests,
        writer.database.notify_channel,
    )
    return int(rows[0][0])


def _put_absent(ledger: Ledger, row: Any, must_exist: Collection[Pair]) -> None:
    pair = (row["sku"], row["location"])
    if row["sku_id"] is None:
        ledger.unknown[pair] = sku_not_found(pair[0])
    elif row["location_id"] is None:
        ledger.unknown[pair] = location_not_found(pair[1])
    elif pair in must_exist:
        raise Interfered("a SKU or location appeared between look and lock")
    else:
        place = Place(row["sku_id"], row["location_id"], *pair, row["sku_active"], row["location_active"])
        ledger.put(place, None)


def _reservations(ledger: Ledger, rows: Sequence[Any]) -> list[Reservation]:
    heads: dict[UUID, Any] = {}
    lines: dict[UUID, list[Line]] = {}
    for row in rows:
        heads[row[0]] = row
        line = Line(*row[7:14])
        key: Key = (line.sku_id, line.location_id)
        if key not in ledger.codes:
            ledger.codes[key] = Place(*key, row["sku"], row["location"], True, True)
        if line.held + line.allocated and key not in ledger.levels:
            raise Interfered("a reservation has a line whose level isn't locked")
        lines.setdefault(row[0], []).append(line)
    return [
        Reservation(
            identity,
            row["channel_id"],
            row["owner"],
            row["reference"],
            ReservationState(row["state"]),
            row["expires_at"],
            row["created_at"],
            tuple(lines[identity]),
        )
        for identity, row in heads.items()
    ]
