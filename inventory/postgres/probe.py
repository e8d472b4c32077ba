"""Asks the database whether it is there, takes writes, and has the tables that this code works on."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import asyncpg

from inventory.postgres import queries
from inventory.postgres.connection import Database
from inventory.postgres.errors import StorageError
from inventory.postgres.migrate import known

ANSWER_S = 3.0
_WRONG = (StorageError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


@dataclass(frozen=True)
class Found:
    """`unreadable`: why nobody can be served; `unwritable`: why nothing can be written. '': no reason."""

    unreadable: str = ""
    unwritable: str = ""


class Probe:
    """Has a connection of its own: a pool all of whose connections are lent is no database that is gone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = queries.load()
        self._known = frozenset(known())
        self._connection: asyncpg.Connection | None = None

    async def look(self) -> Found:
        """Asks for `ANSWER_S` at most, and raises nothing."""
        rows = await self._fetch("look_at_health")
        if not rows or rows[0]["revision"] is None:
            return Found(unreadable="the database can't be reached")
        if rows[0]["is_standby"]:
            return Found(unreadable="the database is a standby")
        if why := wrong_migrations(self._known, rows[0]["migrations"]):
            return Found(unreadable=why)
        return Found(unwritable="the database takes no writes" if rows[0]["is_read_only"] else "")

    async def can_lock_head(self) -> bool:
        """Whether a batch could be committed as far as the feed's head is concerned."""
        return bool(await self._fetch("try_head"))

    def close(self) -> None:
        """Gives the connection up at once."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _fetch(self, name: str) -> Sequence[asyncpg.Record]:
        try:
            async with asyncio.timeout(ANSWER_S):
                if self._connection is None:
                    self._connection = await self._database.connect()
                rows: Sequence[asyncpg.Record] = await self._connection.fetch(self._sql[name])
        except _WRONG:
            self.close()
            return ()
        return rows


def wrong_migrations(known: Collection[str], applied: Collection[str]) -> str:
    """Why this code can't work on a schema with these migrations, NNNN.phase each; '': it can. It needs every `pre`
    that it knows. A `pre` of newer code is made for older code to go on beside it; a `post` of newer code is not."""
    missing = sorted(name for name in known if name.endswith(".pre") and name not in applied)
    if missing:
        return f"migrations are missing: {', '.join(missing)}"
    newer = sorted(name for name in applied if name.endswith(".post") and name not in known)
    return f"the database is for newer code only, since {', '.join(newer)}" if newer else ""
