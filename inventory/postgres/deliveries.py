"""The webhook's queue and its journal."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from inventory.domain.alarm import Alarm, AlarmEvent
from inventory.postgres.alarms import Cursor, alarm_of, looking, move_cursor
from inventory.postgres.connection import Writer
from inventory.postgres.reads import Reader


class Notice(NamedTuple):
    """What is to be told of an alarm now. `attempt` from 1; `age`: how long it has waited."""

    notice_id: UUID
    attempt: int
    age: timedelta
    event: AlarmEvent
    revision: int
    recorded_at: datetime
    alarm: Alarm


class Result(NamedTuple):
    """What came of an attempt. `code`: the HTTP status, or `error`: what kind of failure there was instead.
    `again_after` None: it is not tried again."""

    delivered: bool
    code: int | None = None
    error: str | None = None
    again_after: timedelta | None = None


class Delivery(NamedTuple):
    """A line of the journal."""

    notice_id: UUID
    alarm_id: UUID
    event: AlarmEvent
    attempt: int
    attempted_at: datetime
    code: int | None
    error: str
    next_at: datetime | None
    delivered_at: datetime | None


async def queue(writer: Writer, age_max: timedelta) -> None:
    """Makes notices of what happened to alarms since the last look; not of what happened longer ago than `age_max`: a
    webhook that is set up today isn't told of last month."""
    async with looking(writer, "webhook") as cursor:
        if cursor is None:
            return
        head = (await writer.fetch("read_head"))[0]["revision"]
        if head > cursor.revision:
            await writer.fetch("make_notices", cursor.revision, head, age_max)
            await move_cursor(writer, "webhook", Cursor(head, None))


async def claim(reader: Reader, notices_max: int, for_s: float) -> list[Notice]:
    """Takes notices that are due: nobody else gets them for so long."""
    rows = await reader.fetch("claim_notices", notices_max, timedelta(seconds=for_s))
    return [
        Notice(
            row["notice_id"],
            row["attempts"],
            row["age"],
            AlarmEvent(row["event"]),
            row["revision"],
            row["recorded_at"],
            alarm_of(row),
        )
        for row in rows
    ]


async def record(reader: Reader, notice: Notice, result: Result) -> None:
    """Writes down what came of an attempt."""
    await reader.fetch(
        "record_delivery",
        notice.notice_id,
        notice.attempt,
        result.code,
        result.error,
        result.again_after,
        result.delivered,
    )


async def page(
    reader: Reader, before: tuple[datetime, UUID, int], alarm_id: UUID | None, limit: int
) -> Sequence[Delivery]:
    """Newest first."""
    return [_delivery(row) for row in await reader.fetch("list_deliveries", *before, alarm_id, limit)]


def _delivery(row: Any) -> Delivery:
    return Delivery(
        row["notice_id"],
        row["alarm_id"],
        AlarmEvent(row["event"]),
        row["attempt"],
        row["attempted_at"],
        row["code"],
        row["error"] or "",
        row["next_at"],
        row["delivered_at"],
    )
