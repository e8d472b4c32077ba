"""Committed changes, read back in order: the ledger is the stream."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import asyncpg

from inventory.postgres.connection import Database
from inventory.postgres.reads import LevelRow, Reader, level_row

PAGE_ROWS = 2_000
SNAPSHOT_ROWS = 1_000
LISTEN_RETRY_S = 1.0


class Page(NamedTuple):
    """Everything after one revision up to `end`. `head` may be further on."""

    end: int
    head: int
    movements: Sequence[Any]
    skus: Sequence[Any]
    locations: Sequence[Any]


async def read_page(reader: Reader, after: int) -> Page:
    """The next changes after a revision, whole revisions only. Empty (`end == after`) at the head."""
    bounds = (await reader.fetch("read_page_end", after, PAGE_ROWS))[0]
    end = bounds["page_end"]
    if end <= after:
        return Page(after, bounds["head"], (), (), ())
    return Page(
        end,
        bounds["head"],
        await reader.fetch("read_movements", after, end),
        await reader.fetch("read_sku_versions", after, end) if bounds["skus_changed"] else (),
        await reader.fetch("read_location_versions", after, end) if bounds["locations_changed"] else (),
    )


async def read_snapshot(
    reader: Reader,
    revision: int,
    after: tuple[int, int],
    skus: Sequence[str] | None,
    locations: Sequence[str] | None,
) -> list[LevelRow]:
    """A page of levels as they were at a revision, after the ids of the last page."""
    rows = await reader.fetch("read_snapshot", revision, *after, skus, locations, SNAPSHOT_ROWS)
    return [level_row(row) for row in rows]


async def listen(database: Database, on_revision: Callable[[int], None], on_lost: Callable[[str], None]) -> None:
    """Rings `on_revision` with each head another replica commits; reconnects for ever. Cancel it to end it."""
    while True:
        connection: asyncpg.Connection | None = None
        try:
            lost = asyncio.Event()
            connection = await database.connect()
            connection.add_termination_listener(lambda _, lost=lost: lost.set())
            await connection.add_listener(
                database.notify_channel, lambda _c, _pid, _channel, payload: on_revision(int(payload))
            )
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
