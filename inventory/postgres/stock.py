"""The engine's way to stock: find, lock, and write a whole batch in a fixed number of statements."""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from functools import partial
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


RUN_OUT_LINES_MAX = 100
LOCK_WAIT_NOTICED = timedelta(milliseconds=5)


class Remembered(NamedTuple):
    """The stored answer to a request. `revision` None: it changed nothing."""

    fingerprint: bytes
    code: int
    answer: bytes
    revision: int | None


class Locked(NamedTuple):
    """What a batch decides on: the levels and reservations under lock, and earlier answers to its requests."""

    ledger: Ledger
    answers: dict[RequestKey, Remembered]
    more_has_run_out: bool
    """Only some of the holds that ran out on these levels came along: end them, and look again."""
    seen: int
    """The feed's head that everything but the levels was read at."""


class RequestRow(NamedTuple):
    """An answer to remember, in the order of the query's columns. `step` None: it changed nothing."""

    channel_id: int
    request_id: UUID
    fingerprint: bytes
    code: int
    answer: bytes
    step: int | None


async def limit_lock_wait(writer: Writer, milliseconds: int) -> None:
    """For the present transaction."""
    await writer.fetch("limit_lock_wait", f"{milliseconds}ms")


async def find_answer(writer: Writer, request: RequestKey) -> dict[RequestKey, Remembered]:
    """The earlier answer to a request, if there is one."""
    return _answers(await writer.fetch("find_answer", *request))


async def lock_owners(writer: Writer, owners: Sequence[tuple[int, str]]) -> None:
    """Makes those who replace the holds of the same owners come one after the other. Before every other lock."""
    await writer.fetch("lock_owners", owners)


async def ensure_levels(writer: Writer, pairs: Iterable[Pair]) -> None:
    """Makes missing levels of existing SKUs and locations."""
    await writer.fetch("ensure_levels", list(pairs))


async def find_and_lock(
    writer: Writer,
    requests: Sequence[RequestKey],
    pairs: Collection[Pair],
    reservation_ids: Sequence[UUID],
    owners: Sequence[tuple[int, str]] = (),
    must_exist: Collection[Pair] = (),
) -> Locked:
    """Locks the levels of `pairs` and of the reservations' lines, and reads both under the locks; with them come the
    reservations that ran out on these levels and those that the owners hold.

    Raises `Interfered` when somebody added a line or a SKU in between, or a hold ran out: look again.
    """
    found = (await writer.fetch("find_and_lock", requests, list(pairs), reservation_ids, owners, RUN_OUT_LINES_MAX))[0]
    levels, wanted_reservations, answers, run_out_lines, began, now, seen = found
    ledger = Ledger(now)
    for row in map(tuple, levels):
        ledger.put(Place(*row[:7]), Level(*row[7:]))
    if now - began > LOCK_WAIT_NOTICED and ledger.levels:
        sku_ids, location_ids = zip(*ledger.levels, strict=True)
        if (await writer.fetch("has_run_out_since", sku_ids, location_ids, began, now))[0][0]:
            raise Interfered("a hold ran out while locks were waited for")
    missing = [pair for pair in pairs if pair not in ledger.places]
    if missing:
        for row in await writer.fetch("read_places", missing):
            _put_absent(ledger, row, must_exist)
    if wanted_reservations:
        reservations = await writer.fetch("read_reservations", wanted_reservations)
        ledger.put_reservations(_reservations(ledger, reservations))
    return Locked(ledger, _answers(answers), run_out_lines == RUN_OUT_LINES_MAX, seen)


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


def _answers(rows: Iterable[Any]) -> dict[RequestKey, Remembered]:
    return {(row[0], row[1]): Remembered(*tuple(row)[2:]) for row in rows}


def _put_absent(ledger: Ledger, row: Any, must_exist: Collection[Pair]) -> None:
    pair = (row["sku"], row["location"])
    if row["sku_id"] is None:
        ledger.unknown[pair] = partial(sku_not_found, pair[0])
    elif row["location_id"] is None:
        ledger.unknown[pair] = partial(location_not_found, pair[1])
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
