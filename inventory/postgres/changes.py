"""Committed changes, read back in order: the ledger is the stream."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from inventory.domain.alarm import Alarm
from inventory.domain.catalog import Location, Sku
from inventory.domain.channel import ChannelSettings
from inventory.postgres.alarms import alarm_of
from inventory.postgres.catalog import location_of, sku_of
from inventory.postgres.channels import settings_of
from inventory.postgres.connection import Database
from inventory.postgres.reads import LevelRow, Reader, level_row

PAGE_ROWS = 500
LATEST_PAGE_ROWS = 10_000
SNAPSHOT_ROWS = 1_000
LISTEN_RETRY_S = 1.0
Codes = Sequence[str] | None
"""A filter; None: all."""
Within = tuple[str, ...] | None
"""What the categories that a reader may know begin with, each with a slash at its end; None: all."""


class Page(NamedTuple):
    """Everything after one revision up to `end`. The head may be further on. `entered`: per revision the newest ledger
    rows of SKUs whose category changed."""

    epoch: UUID
    end: int
    movements: Sequence[Any]
    skus: Sequence[Any]
    locations: Sequence[Any]
    subscribers: Sequence[Any]
    channels: Sequence[Any]
    alarms: Sequence[Any]
    entered: dict[int, Sequence[Any]]


async def read_page(reader: Reader, after: int, *, entered: bool) -> Page:
    """The next changes after a revision, whole revisions only. Empty (`end == after`) at the head. `entered`: also what
    there is of SKUs whose category changed, which can be much."""
    bounds = (await reader.fetch("read_page_end", after, PAGE_ROWS))[0]
    end = bounds["page_end"]
    if end <= after:
        return Page(bounds["epoch"], after, (), (), (), (), (), (), {})
    movements = await reader.fetch("read_movements", after, end)
    skus = await reader.fetch("read_sku_versions", after, end) if bounds["skus_changed"] else ()
    return Page(
        bounds["epoch"],
        end,
        movements,
        skus,
        await reader.fetch("read_location_versions", after, end) if bounds["locations_changed"] else (),
        await reader.fetch("read_subscriber_versions", after, end) if bounds["subscribers_changed"] else (),
        await reader.fetch("read_channel_versions", after, end) if bounds["channels_changed"] else (),
        await reader.fetch("read_alarm_versions", after, end) if bounds["alarms_changed"] else (),
        {
            revision: await reader.fetch("read_newest_of_skus", codes, revision)
            for revision, codes in (_moved(skus).items() if entered else ())
        },
    )


def _moved(
    skus: Sequence[Any], categories: frozenset[str] | None = None, within: tuple[str, ...] | None = None
) -> dict[int, list[str]]:
    """Per revision the SKUs whose category changed, from or to one of `categories` that is `within`; None: any."""
    moved: dict[int, list[str]] = {}
    for row in skus:
        before, after = row["category_before"], row["category"]
        if before is None or before == after:
            continue
        if any(
            (categories is None or each in categories) and (within is None or f"{each}/".startswith(within))
            for each in (before, after)
        ):
            moved.setdefault(row["revision"], []).append(row["code"])
    return moved


async def read_latest(
    reader: Reader, after: int, skus: Codes, locations: Codes, categories: Codes, within: Within
) -> tuple[int, Sequence[Any]]:
    """How far the next page reaches, and the newest ledger row of each level in it."""
    end = (await reader.fetch("read_page_end", after, LATEST_PAGE_ROWS))[0]["page_end"]
    if end <= after:
        return after, ()
    rows = [*await reader.fetch("read_latest", after, end, skus, locations, categories, within)]
    if categories is not None or within is not None:
        # One that entered a category brings levels that did not change; one that left took its newest rows with it.
        versions = await reader.fetch("read_sku_versions", after, end)
        moved = _moved(versions, None if categories is None else frozenset(categories), within)
        codes = {code for each in moved.values() for code in each if skus is None or code in skus}
        newest = await reader.fetch("read_newest_of_skus", sorted(codes), end) if codes else ()
        rows += [row for row in newest if locations is None or row["location"] in locations]
    return end, rows


async def read_snapshot(
    reader: Reader,
    revision: int,
    after: tuple[int, int],
    skus: Codes,
    locations: Codes,
    categories: Codes,
    within: Within,
) -> list[LevelRow]:
    """A page of levels as they were at a revision, after the ids of the last page."""
    rows = await reader.fetch("read_snapshot", revision, *after, skus, locations, categories, SNAPSHOT_ROWS, within)
    return [level_row(row) for row in rows]


async def read_sku_snapshot(
    reader: Reader, revision: int, after: int, skus: Codes, categories: Codes, within: Within
) -> tuple[int, list[Sku]]:
    """A page of SKUs as they were at a revision, and its last id."""
    rows = await reader.fetch("read_sku_snapshot", revision, after, skus, categories, SNAPSHOT_ROWS, within)
    return (rows[-1]["sku_id"] if rows else after), [sku_of(row) for row in rows]


async def read_location_snapshot(
    reader: Reader, revision: int, after: int, locations: Codes
) -> tuple[int, list[Location]]:
    """A page of locations as they were at a revision, and its last id."""
    rows = await reader.fetch("read_location_snapshot", revision, after, locations, SNAPSHOT_ROWS)
    return (rows[-1]["location_id"] if rows else after), [location_of(row) for row in rows]


async def read_channel_snapshot(
    reader: Reader, revision: int, after: int, only: str | None, places: Codes
) -> tuple[int, list[ChannelSettings]]:
    """A page of channels that had settings at a revision, as they were, and its last id. `only`: the one that the
    reader may know; `places`: the locations that it may know; None: all."""
    rows = await reader.fetch("read_channel_snapshot", revision, after, SNAPSHOT_ROWS, only, places)
    return (rows[-1]["channel_id"] if rows else after), [settings_of(row) for row in rows]


async def read_alarm_snapshot(reader: Reader, revision: int, after: UUID) -> tuple[UUID, list[Alarm]]:
    """A page of alarms that were open at a revision, as they were, and its last id."""
    rows = await reader.fetch("read_alarm_snapshot", revision, after, SNAPSHOT_ROWS)
    return (rows[-1]["alarm_id"] if rows else after), [alarm_of(row) for row in rows]


async def ring(reader: Reader, database: Database, text: str) -> None:
    """Tells every replica's feed, this one's too."""
    await reader.fetch("ring", database.notify_channel, text)


async def listen(
    database: Database,
    on_bell: Callable[[int, str], None],
    on_lost: Callable[[str], None],
    on_hearing: Callable[[], Awaitable[None]],
) -> None:
    """Hands `on_bell` the pid of the backend that rang, and with what; what was rung before `on_hearing` was not
    heard. Reconnects for ever; cancel it to end it."""
    while True:
        connection: asyncpg.Connection | None = None
        try:
            lost = asyncio.Event()
            connection = await database.connect()
            connection.add_termination_listener(lambda _, lost=lost: lost.set())
            await connection.add_listener(
                database.notify_channel, lambda _c, pid, _channel, payload: on_bell(pid, str(payload))
            )
            await on_hearing()
            await lost.wait()
            on_lost("the LISTEN connection was closed")
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - the bell is a convenience: the poll goes on without it
            on_lost(type(error).__name__)
        finally:
            if connection is not None:
                connection.terminate()
        await asyncio.sleep(LISTEN_RETRY_S)
