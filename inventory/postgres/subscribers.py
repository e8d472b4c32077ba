"""Registered subscribers, and how far back the feed can be resumed."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from inventory.domain.audit import SERVER, Author
from inventory.domain.subscriber import Subscriber, SubscriberState
from inventory.postgres import queries
from inventory.postgres.connection import Database
from inventory.postgres.errors import classified
from inventory.postgres.reads import Reader, Snapshot
from inventory.postgres.trail import Change, noting


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
    change: Change,
    author: Author,
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
    await change.fetch("lock_head")
    rows = await change.fetch(
        "put_subscriber", channel_id, name, after, deadline, lag_changes_max, lag_max, subscribers_max
    )
    for row in rows:
        put, was = _limits(*row[:3]), None if row[3] is None else _limits(*row[3:])
        if put != was:
            detail = {"name": name, "before": was, "after": put}
            change.note("RegisterSubscriber", channel_id, author, detail)
    return bool(rows)


async def acknowledge(reader: Reader, channel_id: int, name: str, revision: int) -> bool:
    """Whether there is such a subscriber."""
    return bool(await reader.fetch("acknowledge", channel_id, name, revision))


async def acknowledged(reader: Reader, channel_id: int, name: str) -> int | None:
    """How far a subscriber has come; None: there is no such subscriber."""
    rows = await reader.fetch("read_acknowledged", channel_id, name)
    return int(rows[0][0]) if rows else None


async def remove_subscriber(change: Change, author: Author, channel_id: int, name: str) -> bool:
    """Whether there was one."""
    await change.fetch("lock_head")
    rows = await change.fetch("remove_subscriber", channel_id, name)
    for row in rows:
        change.note("RemoveSubscriber", channel_id, author, {"name": name, "before": _limits(*row)})
    return bool(rows)


async def move_subscriber(reader: Reader, database: Database, row: SubscriberRow, state: SubscriberState) -> bool:
    """Changes its state and tells the feed. False: another replica did."""
    found = row.subscriber
    key = (row.channel_id, found.name)
    lag = (found.lag_changes, found.lag)
    async with reader.change() as change:
        rows = await change.fetch("move_subscriber", *key, found.state, state, *lag, database.notify_channel)
        if rows:
            detail = {"name": found.name, "before": found.state.name, "after": state.name}
            change.note("MoveSubscriber", row.channel_id, SERVER, detail, revision=rows[0]["revision"])
    return bool(rows)


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
        async with noting(Snapshot(connection, sql)) as change:
            before = (await change.fetch("lock_head"))[0]["compacted"]
            after = (await change.fetch("compact", wanted))[0]["compacted"]
            if after > before:
                change.note("Compact", 0, SERVER, {"oldest": after, "before": before})
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


def _limits(deadline: timedelta, lag_changes_max: int | None, lag_max: timedelta | None) -> dict[str, object]:
    return {
        "deadline_s": deadline.total_seconds(),
        "lag_changes_max": lag_changes_max,
        "lag_max_s": None if lag_max is None else lag_max.total_seconds(),
    }


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
