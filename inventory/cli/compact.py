"""`inventory compact`."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from cyclopts import Parameter, validators

from inventory.cli.database import database, settings
from inventory.cli.failure import printable
from inventory.cli.options import DataDir, DbSchema, Dsn, OwnerDsn
from inventory.postgres.connection import Database
from inventory.postgres.reads import Reader
from inventory.postgres.subscribers import SubscriberRow, Window, read_subscribers
from inventory.postgres.subscribers import compact as move

HOURS_MAX = 24 * 366
PAGE_ROWS = 1_000


def compact(
    *,
    keep_hours: Annotated[float | None, Parameter(validator=validators.Number(gte=0, lte=HOURS_MAX))] = None,
    keep_changes: Annotated[int | None, Parameter(validator=validators.Number(gte=0))] = None,
    dsn: Dsn = None,
    owner_dsn: OwnerDsn = None,
    data_dir: DataDir = None,
    db_schema: DbSchema = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Move the oldest cursor that the feed can be resumed from; who is behind it starts from a snapshot.

    A running server does the same every minute with INVENTORY_FEED_HOURS and INVENTORY_FEED_CHANGES. The ledger stays
    whole, open streams go on, and no registered subscriber within its deadline is passed.

    Example: inventory compact --keep-hours 24

    Example: inventory compact --keep-changes 1000000 --dry-run

    Parameters
    ----------
    keep_hours
        Keep what is younger. Default: INVENTORY_FEED_HOURS, 168, unless --keep-changes is given.
    keep_changes
        Keep so many of the newest changes at most. Default: INVENTORY_FEED_CHANGES, unless --keep-hours is given.
    dry_run
        Only say what would be.
    """
    if keep_hours is None and keep_changes is None:
        chosen = settings()
        age, changes_max = chosen.feed_age, chosen.feed_changes
    else:
        age, changes_max = None if keep_hours is None else timedelta(hours=keep_hours), keep_changes
    with database(dsn=dsn, owner_dsn=owner_dsn, data_dir=data_dir, db_schema=db_schema) as found:
        window, holders = asyncio.run(_move(found, age, changes_max, keep=not dry_run))
    print("\n".join(_lines(window, holders, dry_run)))
    return 0


async def _move(
    database: Database, age: timedelta | None, changes_max: int | None, *, keep: bool
) -> tuple[Window, Sequence[SubscriberRow]]:
    """What became of it, and the subscribers that hold it back the most."""
    window = await move(database, age, changes_max, keep=keep)
    if window.wanted <= max(window.after, window.before):
        return window, ()
    reader = await Reader.open(database)
    try:
        held: list[SubscriberRow] = []
        last = ("", "")
        while page := await read_subscribers(reader, last, limit=PAGE_ROWS):
            held += [row for row in page if row.silent <= row.subscriber.deadline]
            last = (page[-1].subscriber.channel, page[-1].subscriber.name)
    finally:
        await reader.close()
    oldest = min((row.subscriber.acknowledged for row in held), default=0)
    return window, [row for row in held if row.subscriber.acknowledged == oldest < window.wanted]


def _lines(window: Window, holders: Sequence[SubscriberRow], dry_run: bool) -> list[str]:
    head = f"its head is {window.head:,}"
    if window.after == window.before:
        lines = [f"nothing to compact: the feed can be resumed from {window.before:,} on, {head}"]
    else:
        would = "would be" if dry_run else "is"
        lines = [f"the feed {would} resumable from {window.after:,} on, before from {window.before:,}; {head}"]
    if window.wanted > max(window.after, window.before):
        lines.append(f"held back from {window.wanted:,} by {_told(holders)}: see `inventory subscribers`")
    return lines


def _told(holders: Sequence[SubscriberRow]) -> str:
    if not holders:  # it has come further, or was removed, meanwhile
        return "a registered subscriber"
    first, silent, _ = holders[0]
    name = f"subscriber {printable(first.name)} of channel {first.channel}"
    heard = f"acknowledged {first.acknowledged:,}, last heard of {silent.total_seconds():,.0f} s ago"
    return f"{name} ({heard})" + (f" and {len(holders) - 1} more" if len(holders) > 1 else "")
