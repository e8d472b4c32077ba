"""Registered subscribers, and how far back the feed can be resumed."""

import json
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from inventory.domain.audit import SERVER, Entry
from inventory.domain.subscriber import Subscriber, SubscriberState
from inventory.postgres import queries
from inventory.postgres.connection import Database
from inventory.postgres.errors import classified
from inventory.postgres.reads import Reader
from inventory.postgres.stock import Source


class SubscriberRow(NamedTuple):
    """A subscriber as of now. `silent`: how long ago it acknowledged."""

    subscriber: Subscriber
    silent: timedelta
    channel_id: int


class Window(NamedTuple):
    """What became of a compaction: the oldest cursor before and after, what the limits alone would have allowed, and
    the feed's head."""

    before: int
    after: int
    wanted: int
    head: int


async def read_subscribers(
    reader: Reader,
    after: tuple[str, str] = ("", ""),
    *,
    channel: str | None = None,
    name: str | None = None,
    limit: int,
    only_channel_id: int | None = None,
) -> list[SubscriberRow]:
    """A page by channel and name. `only_channel_id`: whose the reader may know; None: all."""
    rows = await reader.fetch("read_subscribers", *after, channel, name, limit, only_channel_id)
    return [SubscriberRow(subscriber_of(row), row["silent"], row["channel_id"]) for row in rows]


async def put_subscriber(
    source: Source,
    channel_id: int,
    name: str,
    after: int | None,
    deadline: timedelta,
    lag_changes_max: int | None,
    lag_max: timedelta | None,
    subscribers_max: int,
) -> bool:
    """Makes a subscriber at a revision (None: the head), or changes its limits. False: it is new, and the cursor can't
    be resumed from, or the channel has too many."""
    return bool(
        await source.fetch(
            "put_subscriber", channel_id, name, after, deadline, lag_changes_max, lag_max, subscribers_max
        )
    )


async def acknowledge(reader: Reader, channel_id: int, name: str, revision: int) -> bool:
    """Whether there is such a subscriber."""
    return bool(await reader.fetch("acknowledge", channel_id, name, revision))


async def acknowledged(reader: Reader, channel_id: int, name: str) -> int | None:
    """How far a subscriber has come; None: there is no such subscriber."""
    rows = await reader.fetch("read_acknowledged", channel_id, name)
    return int(rows[0][0]) if rows else None


async def remove_subscriber(source: Source, channel_id: int, name: str) -> bool:
    """Whether there was one."""
    return bool(await source.fetch("remove_subscriber", channel_id, name))


async def move_subscriber(reader: Reader, database: Database, row: SubscriberRow, state: SubscriberState) -> bool:
    """Changes its state and tells the feed. False: another replica did."""
    found = row.subscriber
    return bool(
        await reader.fetch(
            "move_subscriber",
            row.channel_id,
            found.name,
            found.state,
            state,
            found.lag_changes,
            found.lag,
            database.notify_channel,
        )
    )


async def compact(database: Database, age: timedelta | None, changes_max: int | None, *, keep: bool = True) -> Window:
    """Moves the oldest cursor that can be resumed from: past changes older than `age`, and past all but the newest
    `changes_max`; None is no limit. Never back, and never past a subscriber within its deadline. The ledger stays as it
    is. With `keep` false it is only tried. Raises a `StorageError`."""
    sql = queries.load()
    connection = await database.connect()
    try:
        head = (await connection.fetch(sql["read_head"]))[0]["revision"]
        wanted = 0 if changes_max is None else max(head - changes_max, 0)
        if age is not None:
            wanted = max(wanted, await _last_older(connection, sql["read_recorded_at"], head, age))
        transaction = connection.transaction()
        await transaction.start()
        before = (await connection.fetch(sql["lock_head"]))[0]["compacted"]
        after = await connection.fetchval(sql["compact"], wanted)
        if after > before:
            detail = json.dumps({"oldest": after, "before": before})
            entry = Entry(0, None, 0, *SERVER, "Compact", None, 0, detail)
            await connection.fetch(sql["append_audit"], None, await connection.fetchval(sql["read_clock"]), [entry])
        await (transaction.commit() if keep else transaction.rollback())
        return Window(before, after, wanted, head)
    except Exception as error:
        raise classified(error) from error
    finally:
        connection.terminate()


async def _last_older(connection: Any, sql: str, head: int, age: timedelta) -> int:
    """The last revision decided longer ago than `age`; times grow with revisions."""
    low, high = 0, head
    while low < high:
        middle = (low + high + 1) // 2
        recorded_at: datetime | None
        recorded_at, now = await connection.fetchrow(sql, middle)
        if recorded_at is not None and recorded_at < now - age:
            low = middle
        else:
            high = middle - 1
    return low


def subscriber_of(row: Any) -> Subscriber:
    return Subscriber(
        row["channel"],
        row["name"],
        row["acknowledged"],
        row["acknowledged_at"],
        row["registered_at"],
        row["deadline"],
        row["lag_changes_max"],
        row["lag_max"],
        SubscriberState(row["state"]),
        row["lag_changes"],
        row["lag"],
    )
