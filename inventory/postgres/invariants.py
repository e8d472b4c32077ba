"""A few of the promises, proved again and again on a few levels and the newest revisions."""

import json
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from inventory.domain.alarm import Broken
from inventory.postgres import queries
from inventory.postgres.connection import Database, Planning
from inventory.postgres.errors import classified

MOVEMENTS_MAX = 20
"""Of a level's newest movements."""
PROMISES = frozenset(("I1 bounds", "I2 promises", "I3 last movement", "I3 chain", "dense order"))
"""What is looked at, by the names of `inventory verify`."""
Key = tuple[int, int]
"""sku_id and location_id."""


class State:
    """One state of the database, which doesn't change while it is looked at. `head`: its last revision."""

    def __init__(self, connection: Any, head: int) -> None:
        self._connection = connection
        self._sql = queries.load()
        self.head = head

    async def moved_levels(self, after: int, limit: int) -> list[Key]:
        """Levels that moved after a revision, those that did last first."""
        rows = await self._fetch("read_moved_levels", after, self.head, limit)
        return [(row[0], row[1]) for row in rows]

    async def next_levels(self, after: Key, limit: int) -> list[Key]:
        """The next ones of a round."""
        return [(row[0], row[1]) for row in await self._fetch("read_level_round", *after, limit)]

    async def level_ids(self, codes: Collection[tuple[str, str]]) -> list[Key]:
        """The numbers of levels by their SKU and location codes."""
        rows = await self._fetch("find_level_ids", [sku for sku, _ in codes], [location for _, location in codes])
        return [(row[0], row[1]) for row in rows]

    async def broken_levels(self, keys: Collection[Key]) -> list[Broken]:
        """What of I1, I2 and I3 doesn't hold of them."""
        if not keys:
            return []
        rows = await self._fetch("prove_levels", [key[0] for key in keys], [key[1] for key in keys], MOVEMENTS_MAX)
        return [Broken(row["promise"], row["sku"], row["location"], 0, json.loads(row["details"])) for row in rows]

    async def broken_order(self, after: int, end: int) -> list[Broken]:
        """Whether a revision after one up to another has no rows."""
        rows = await self._fetch("prove_revisions", after, end)
        return [Broken("dense order", revision=row["revision"], details={"missing": row["missing"]}) for row in rows]

    async def _fetch(self, name: str, *arguments: object) -> Sequence[Any]:
        rows: Sequence[Any] = await self._connection.fetch(self._sql[name], *arguments)
        return rows


class Prover:
    """A connection of its own, made when it is first needed and again when it broke."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: asyncpg.Connection | None = None

    @asynccontextmanager
    async def state(self) -> AsyncIterator[State]:
        """The present state, read-only. Raises a `StorageError`."""
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._database.connect(planning=Planning.BY_KEY)
            async with self._connection.transaction(isolation="repeatable_read", readonly=True):
                yield State(self._connection, await self._connection.fetchval("SELECT revision FROM feed_head"))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            self.close()
            raise classified(error) from error

    def close(self) -> None:
        """Gives the connection up at once."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
