"""The audit trail, listed and verified."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from inventory.postgres import queries
from inventory.postgres.connection import Database
from inventory.postgres.errors import classified
from inventory.postgres.reads import Reader

NEWEST = (2**63 - 1, 2**31 - 1)
CHANGES_MAX = 100
"""Things told of one change."""
VERIFY_BATCHES = 500
UNAUDITED_MAX = 10
GENESIS = bytes(32)
"""The chain before its first batch."""


class Filter(NamedTuple):
    """Which entries; None: all."""

    channel: str | None = None
    key_id: str | None = None
    request_id: UUID | None = None
    revision: int | None = None
    refused: bool = False
    recorded_from: datetime | None = None
    recorded_before: datetime | None = None


class Recorded(NamedTuple):
    """An entry as it stands. `revision` 0: it moved nothing that the feed tells of."""

    batch: int
    ordinal: int
    revision: int
    channel: str
    key_id: str
    operator: str
    peer: str
    action: str
    request_id: UUID | None
    code: int
    detail: str | None
    recorded_at: datetime


class Changed(NamedTuple):
    """What became of one thing: JSON."""

    kind: str
    subject: str
    before: str | None
    after: str


class Verified(NamedTuple):
    """How far the chain was looked at, and what is wrong with it: lines for people. `ends_of`: where each batch of the
    page left the chain, as BATCH:HASH."""

    batches: int
    chain: bytes
    wrong: list[str]
    ends_of: frozenset[str] = frozenset()


async def entries(reader: Reader, before: tuple[int, int], wanted: Filter, limit: int) -> list[Recorded]:
    """A page, newest first."""
    rows = await reader.fetch("list_audit_entries", *before, *wanted, limit)
    return [_recorded(row) for row in rows]


async def changes(reader: Reader, revisions: Sequence[int]) -> dict[int, list[Changed]]:
    """By revision, at most `CHANGES_MAX` of each kind."""
    found: dict[int, list[Changed]] = {}
    for revision, *row in await reader.fetch("read_audit_changes", revisions, CHANGES_MAX):
        found.setdefault(revision, []).append(Changed._make(row))
    return found


async def verify(database: Database) -> AsyncIterator[Verified]:
    """Computes every hash again, page by page, on one state of the database; the last look is at how the chain ends.
    Raises a `StorageError`."""
    sql = queries.load()
    connection = await database.connect(patient=True)
    try:
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        audited, end, _ = (await connection.fetch(sql["read_audit_head"]))[0]
        last, chain = 0, GENESIS
        while rows := await connection.fetch(sql["verify_audit"], last, chain, VERIFY_BATCHES):
            last, chain = rows[-1]["batch"], rows[-1]["chain"]
            ends = frozenset(f"{row['batch']}:{row['chain'].hex()}" for row in rows)
            yield Verified(last, chain, [line for row in rows for line in _wrong(row)], ends)
        wrong = [
            f"revision {row[0]} has no entry" for row in await connection.fetch(sql["read_unaudited"], UNAUDITED_MAX)
        ]
        if (last, chain) != (audited, end):
            wrong.append(f"the trail ends at batch {last}, but {audited} were written")
        yield Verified(last, chain, wrong)
    except Exception as error:
        raise classified(error) from error
    finally:
        connection.terminate()


def _wrong(row: Any) -> list[str]:
    batch = row["batch"]
    named = f"batch {batch} of {row['recorded_at']:%Y-%m-%d %H:%M:%S}Z"
    found = []
    if not row["follows"]:
        found.append(f"batches are missing before {batch}")
    if not row["is_true"]:
        found.append(f"{named}: what stands there is not what was written")
    if not row["is_chained"]:
        found.append(f"{named} does not follow from the one before")
    return found


def _recorded(row: Any) -> Recorded:
    return Recorded(
        row["batch"],
        row["ordinal"],
        0 if row["step"] is None else row["base"] + row["step"],
        row["channel"] or "",
        row["key_id"],
        row["operator"],
        row["peer"],
        row["action"],
        row["request_id"],
        row["code"],
        row["detail"],
        row["recorded_at"],
    )
