"""What numbers are compared with, and what is kept of a comparison."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from inventory.domain.audit import SERVER, Author
from inventory.domain.level import Level
from inventory.domain.reconciliation import (
    Answer,
    Counts,
    Judged,
    Known,
    Number,
    Reconciliation,
    ReconciliationKind,
    ReconciliationState,
    State,
    Verdict,
)
from inventory.postgres.reads import Reader
from inventory.postgres.trail import Change

CHANGES_LOOKED_AT_MAX = 500
"""Changes of one level since a revision that are looked at to explain a number."""


class LevelNumber(NamedTuple):
    """A level's number. `key`: of the level by its ids; None: there is no such SKU or location."""

    key: tuple[int, int] | None
    known: Known | None
    category: str = ""


NO_NUMBER = LevelNumber(None, None)


class Move(NamedTuple):
    """What a level became by a change. `lot` '': of none; `lot_delta` was added to what is available of it."""

    revision: int
    sku_id: int
    location_id: int
    kind: int
    after: tuple[int, ...]
    lot: str
    lot_delta: int
    expires_on: date | None


class DueHold(NamedTuple):
    """What holds that have run out still have of a level, and of a lot of it."""

    sku_id: int
    location_id: int
    lot: str
    held: int
    backordered: int


async def read_numbers(
    reader: Reader, numbers: Sequence[Number], seen: int | None, kind: ReconciliationKind
) -> list[LevelNumber]:
    """Of levels, in their order, all of one state of the database. `seen`: the revision the channel has seen."""
    revisions = [seen if number.seen is None else number.seen for number in numbers]
    rows = await reader.fetch(
        "read_numbers",
        [number.sku for number in numbers],
        [number.location for number in numbers],
        [number.quantity for number in numbers],
        revisions,
        kind is ReconciliationKind.ON_HAND,
        CHANGES_LOOKED_AT_MAX,
    )
    told = zip(rows, numbers, revisions, strict=True)
    return [_level_number(row, number.quantity, revision) for row, number, revision in told]


def _level_number(row: Any, given: int, seen: int | None) -> LevelNumber:
    if row["sku_id"] is None or row["location_id"] is None:
        return NO_NUMBER
    current = row["quantity"]
    history = []
    if seen is not None and current != given:
        history.append(State(seen, row["was"]))
        if row["right_at"] is not None:
            history.append(State(row["right_at"], given))
            history.append(State(row["wrong_since"] or row["changed"], current))
    known = Known(current, current + row["due"], history)
    return LevelNumber((row["sku_id"], row["location_id"]), known, row["category"])


async def read_moves(reader: Reader, sku_ids: Sequence[int], after: int, before: int, limit: int) -> list[Move]:
    """What moved between two revisions, in order; of each level at most the first `limit` rows."""
    rows = await reader.fetch("read_moves", sku_ids, after, before, limit)
    return [
        Move(
            row["revision"],
            row["sku_id"],
            row["location_id"],
            row["kind"],
            tuple(row[name] for name in _AFTER),
            row["lot"],
            row["lot_delta"],
            row["expires_on"],
        )
        for row in rows
    ]


_AFTER = (*(f"{name}_after" for name in Level._fields[:7]),)


async def read_settings_changes(
    reader: Reader, channel_id: int, sku_ids: Sequence[int], after: int, until: int, limit: int
) -> list[int]:
    """The first revisions after one and up to another that changed settings which decide what may be sold of SKUs."""
    return [row[0] for row in await reader.fetch("read_settings_changes", channel_id, sku_ids, after, until, limit)]


async def read_due_holds(reader: Reader, sku_ids: Sequence[int]) -> list[DueHold]:
    return [DueHold(*row) for row in await reader.fetch("read_due_holds", sku_ids)]


async def missing_location(reader: Reader, codes: Sequence[str]) -> str | None:
    """The first that doesn't exist."""
    known = {row["code"] for row in await reader.fetch("read_location_numbers", codes)}
    return next((code for code in codes if code not in known), None)


async def begin(
    reader: Reader,
    author: Author,
    reconciliation_id: UUID,
    channel_id: int,
    kind: ReconciliationKind,
    reference: str,
) -> None:
    async with reader.change() as change:
        await change.fetch("open_reconciliation", reconciliation_id, channel_id, kind, reference)
        detail = {"reconciliation_id": str(reconciliation_id), "state": ReconciliationState.OPEN.name}
        change.note("Reconcile", channel_id, author, {**detail, "kind": kind.name, "reference": reference})


async def append(
    reader: Reader, reconciliation_id: UUID, counts: Counts, revision: int, kept: int, judged: Sequence[Judged]
) -> bool:
    """Adds answers to the `kept` ones before, and says how many there are of each now. False: it has ended."""
    rows = [
        (
            kept + number,
            row.position,
            row.number.sku,
            row.number.location,
            row.verdict.answer,
            row.number.quantity,
            row.verdict.current,
            row.verdict.then,
            row.verdict.differs_since,
            row.verdict.settings_changed_since,
        )
        for number, row in enumerate(judged)
    ]
    return bool(await reader.fetch("append_reconciliation", reconciliation_id, *counts, revision, rows))


async def end(reader: Reader, author: Author, reconciliation_id: UUID, state: ReconciliationState) -> bool:
    """False: it had ended before."""
    async with reader.change() as change:
        rows = await change.fetch("end_reconciliation", reconciliation_id, state)
        _note_ended(change, author, state, rows)
    return bool(rows)


async def read_reconciliations(
    reader: Reader,
    channel_id: int,
    *,
    before: UUID | None = None,
    kind: ReconciliationKind | None = None,
    reconciliation_id: UUID | None = None,
    limit: int = 1,
) -> list[Reconciliation]:
    """A page of a channel's, newest first."""
    rows = await reader.fetch("list_reconciliations", channel_id, before, kind, reconciliation_id, limit)
    return [
        Reconciliation(
            row["reconciliation_id"],
            row["channel"],
            ReconciliationKind(row["kind"]),
            ReconciliationState(row["state"]),
            row["reference"],
            row["begun_at"],
            row["ended_at"],
            Counts(*(row[name] for name in Counts._fields)),
            row["kept"],
            row["revision"],
        )
        for row in rows
    ]


async def read_judged(
    reader: Reader, reconciliation_id: UUID, after: int, answer: Answer | None, limit: int
) -> list[tuple[int, Judged]]:
    """A page of the kept answers, each with its number, after the last page's last."""
    rows = await reader.fetch("list_reconciliation_rows", reconciliation_id, after, answer, limit)
    return [(row["number"], _judged(row)) for row in rows]


def _judged(row: Any) -> Judged:
    verdict = Verdict(Answer(row["answer"]), row["present"], row["was"], row["differs_since"], row["settings_changed"])
    return Judged(row["position"], Number(row["sku"], row["location"], row["given"]), verdict)


async def abandon(reader: Reader, silent: timedelta) -> int:
    """Ends those of which nothing was heard for so long: their server was lost. How many."""
    async with reader.change() as change:
        rows = await change.fetch("abandon_reconciliations", silent)
        _note_ended(change, SERVER, ReconciliationState.UNFINISHED, rows)
    return len(rows)


def _note_ended(change: Change, author: Author, state: ReconciliationState, rows: Iterable[Any]) -> None:
    """With what came of each, whose answers are stored as they are given."""
    for row in rows:
        counts = {name: row[name] for name in Counts._fields}
        detail = {"reconciliation_id": str(row["reconciliation_id"]), "state": state.name, **counts}
        change.note("Reconcile", row["channel_id"], author, detail)


async def forget(reader: Reader, older_than: timedelta, rows_max: int) -> tuple[int, int]:
    """Drops old ones. How many answers, and how many reconciliations."""
    async with reader.change() as change:
        rows, reconciliations = (await change.fetch("forget_reconciliations", older_than, rows_max))[0]
        if rows or reconciliations:
            change.note("ForgetReconciliations", 0, SERVER, {"reconciliations": reconciliations, "answers": rows})
    return rows, reconciliations
