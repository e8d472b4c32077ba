"""Alarms: opened, seen, acknowledged, closed and listed; and who looks."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from inventory.domain.alarm import (
    CLOSED_AGAIN_AFTER,
    DAMPED_KINDS,
    HELD_LOOKED_FOR,
    SEVERITIES,
    SIGHT_FRESH,
    STOCK_KINDS,
    AcknowledgeAlarm,
    Acknowledged,
    Alarm,
    AlarmEvent,
    AlarmKind,
    Drift,
    Finding,
    Moves,
    PresentAlarm,
    Severity,
    StockFacts,
    drift_finding,
    moves,
)
from inventory.domain.audit import SERVER
from inventory.postgres.connection import Database, Writer
from inventory.postgres.reads import Reader
from inventory.postgres.stock import RequestRow, Source
from inventory.postgres.trail import Change, noting

PAGE_ROWS = 2_000
SUMMARY_CHARS_MAX = 500

NEWEST = datetime.max.replace(tzinfo=UTC)
LAST = UUID(int=2**128 - 1)
"""Before which the first page of alarms comes."""


class Told(NamedTuple):
    """What happened to an alarm."""

    event: AlarmEvent
    alarm: Alarm
    revision: int


class OpenAlarm(NamedTuple):
    """`unseen`: how long ago somebody saw what it is about."""

    alarm: Alarm
    unseen: timedelta


class OpenCount(NamedTuple):
    """How many alarms of a kind are open."""

    kind: AlarmKind
    severity: Severity
    open: int
    acknowledged: int


class Cursor(NamedTuple):
    """How far a kind of look has come. `level`: the last one of a round through all levels; None: there is no round."""

    revision: int
    level: tuple[int, int] | None


class LevelOfAlarms(NamedTuple):
    """A level, and which of its alarms are open."""

    facts: StockFacts
    open_alarms: Sequence[tuple[AlarmKind, UUID]]


async def tell(
    change: Change, database: Database, opened: Sequence[Finding], closed: Collection[UUID] = ()
) -> list[Told]:
    """Opens and closes alarms under one revision, with its entry of the audit trail: what nobody else did before, and
    `CLOSED_AGAIN_AFTER` allows."""
    if not (opened or closed):
        return []
    rows = await change.fetch(
        "tell_alarms",
        [finding.kind for finding in opened],
        [json.dumps(dict(finding.subject)) for finding in opened],
        [SEVERITIES[finding.kind] for finding in opened],
        [finding.summary[:SUMMARY_CHARS_MAX] for finding in opened],
        [json.dumps(dict(finding.details)) for finding in opened],
        list(closed),
        database.notify_channel,
        list(DAMPED_KINDS),
        CLOSED_AGAIN_AFTER,
    )
    told = [Told(AlarmEvent(row["event"]), alarm_of(row), row["revision"]) for row in rows]
    if told:
        events = Counter(each.event for each in told)
        detail = {"opened": events[AlarmEvent.OPENED], "closed": events[AlarmEvent.CLOSED]}
        change.note("TellAlarms", 0, SERVER, detail, revision=told[0].revision)
    return told


async def tell_now(
    reader: Reader, database: Database, opened: Sequence[Finding], closed: Collection[UUID] = ()
) -> list[Told]:
    """As `tell`, in a transaction of its own. Raises a `StorageError`."""
    if not (opened or closed):
        return []
    async with reader.change() as change:
        return await tell(change, database, opened, closed)


async def touch(source: Source, kept: Mapping[UUID, Finding]) -> None:
    """Says that they are still seen, and with what figures: no change of the feed."""
    if kept:
        await source.fetch(
            "touch_alarms",
            list(kept),
            [finding.summary[:SUMMARY_CHARS_MAX] for finding in kept.values()],
            [json.dumps(dict(finding.details)) for finding in kept.values()],
            SIGHT_FRESH,
        )


async def read_open(source: Source, kinds: Iterable[AlarmKind]) -> list[OpenAlarm]:
    """All open alarms of some kinds: not for those of stock, which may be many."""
    rows = await source.fetch("read_open_alarms", list(kinds))
    return [OpenAlarm(alarm_of(row), row["unseen"]) for row in rows]


async def count_open(source: Source) -> list[OpenCount]:
    """What is open, worst first: cheap, for whoever shows it all the time."""
    rows = await source.fetch("count_open_alarms")
    return [OpenCount(AlarmKind(kind), Severity(severity), *counts) for kind, severity, *counts in rows]


async def page(
    reader: Reader,
    before: tuple[datetime, UUID],
    *,
    closed: bool,
    kind: AlarmKind | None,
    channel: str | None,
    limit: int,
) -> list[Alarm]:
    """Newest first."""
    rows = await reader.fetch("list_alarms", *before, closed, kind, channel, limit)
    return [alarm_of(row) for row in rows]


async def tell_drift(reader: Reader, database: Database, drift: Drift) -> list[Told]:
    """What a reconciliation means: DRIFT opens when numbers are wrong, and closes when the next one of the same channel
    and kind finds none. Raises a `StorageError`."""
    subject = {"channel": drift.channel, "counted": drift.counted}
    present = [each.alarm for each in await read_open(reader, (AlarmKind.DRIFT,)) if each.alarm.subject == subject]
    finding = drift_finding(drift)
    made = moves(present, [] if finding is None else [finding])
    told = await tell_now(reader, database, made.opened, made.closed)
    await touch(reader, made.kept)
    return told


@asynccontextmanager
async def looking(writer: Writer, name: str) -> AsyncIterator[Cursor | None]:
    """A transaction in which nobody else takes the same kind of look. None: somebody else does. Raises a
    `StorageError`."""
    async with writer.transaction():
        rows = await writer.fetch("lock_alarm_cursor", name)
        if not rows:
            yield None
        else:
            revision, sku_id, location_id = rows[0]
            yield Cursor(revision, None if sku_id is None else (sku_id, location_id))


async def move_cursor(writer: Writer, name: str, cursor: Cursor) -> None:
    """Under its lock."""
    await writer.fetch("move_alarm_cursor", name, cursor.revision, *(cursor.level or (None, None)))


async def decided(writer: Writer, present: Iterable[Alarm], findings: Iterable[Finding]) -> tuple[Moves, list[Told]]:
    """What a look makes of the alarms, told within its transaction; those that are kept must be touched after it."""
    made = moves(present, findings)
    return made, await tell_within(writer, made.opened, made.closed)


async def tell_within(writer: Writer, opened: Sequence[Finding], closed: Collection[UUID]) -> list[Told]:
    """As `tell`, in the transaction of a look."""
    async with noting(writer) as change:
        return await tell(change, writer.database, opened, closed)


async def page_end(source: Source, revision: int) -> int:
    """How far the next page of the ledger reaches; the revision itself at the head."""
    return int((await source.fetch("read_page_end", revision, PAGE_ROWS))[0]["page_end"])


async def changed_levels(source: Source, after: int, end: int) -> list[tuple[int, int]]:
    """The levels that changed after a revision up to another, as alarms see it."""
    return [(row[0], row[1]) for row in await source.fetch("read_changed_levels", after, end)]


async def next_levels(source: Source, after: tuple[int, int], limit: int) -> list[tuple[int, int]]:
    """The next ones of a round."""
    return [(row[0], row[1]) for row in await source.fetch("read_level_round", *after, limit)]


async def held_levels(source: Source) -> list[tuple[int, int]]:
    """The levels of stock alarms that may have stayed open although nothing is wrong any more."""
    return [(row[0], row[1]) for row in await source.fetch("read_held_levels", list(STOCK_KINDS), HELD_LOOKED_FOR)]


async def levels_of_alarms(source: Source, keys: Collection[tuple[int, int]]) -> list[LevelOfAlarms]:
    """Those of the levels that have thresholds, back-orders or an open alarm."""
    if not keys:
        return []
    rows = await source.fetch("read_levels_of_alarms", [key[0] for key in keys], [key[1] for key in keys])
    return [
        LevelOfAlarms(
            StockFacts(*tuple(row)[:7]), [(AlarmKind(k), i) for k, i in zip(row["kinds"], row["ids"], strict=True)]
        )
        for row in rows
    ]


async def lock(writer: Writer, command: AcknowledgeAlarm) -> tuple[datetime, PresentAlarm]:
    """The database's clock, and the alarm."""
    rows = await writer.fetch("lock_alarm", command.alarm_id)
    now: datetime = (await writer.fetch("read_clock"))[0][0]
    return now, PresentAlarm(alarm_of(rows[0]) if rows else None, now)


async def write(
    writer: Writer,
    present: PresentAlarm,
    change: Acknowledged,
    channel_id: int,
    now: datetime,
    requests: Sequence[RequestRow],
) -> int:
    """Writes that a locked alarm is acknowledged as one revision. Returns the revision before it."""
    base = int((await writer.fetch("draw_revisions", int(change.moved), writer.database.notify_channel, False))[0][0])
    if change.moved:
        assert change.alarm is not None
        alarm = change.alarm
        await writer.fetch("acknowledge_alarm", alarm.alarm_id, alarm.acknowledged_by, alarm.note, now, base + 1)
    await writer.fetch("write_requests", base, now, requests)
    return base


def alarm_of(row: Any) -> Alarm:
    return Alarm(
        row["alarm_id"],
        AlarmKind(row["kind"]),
        json.loads(row["subject"]),
        Severity(row["severity"]),
        row["summary"],
        json.loads(row["details"]),
        row["opened_at"],
        row["last_seen_at"],
        row["closed_at"],
        row["acknowledged_at"],
        row["acknowledged_by"] or "",
        row["note"] or "",
    )
