"""Asks the database whether it is there and takes writes."""

import asyncio

import asyncpg

from inventory.postgres import queries
from inventory.postgres.connection import Database
from inventory.postgres.errors import StorageError

ANSWER_S = 3.0


class Probe:
    """Has a connection of its own: a pool all of whose connections are lent is no database that is gone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = queries.load()["is_writable"]
        self._connection: asyncpg.Connection | None = None

    async def is_writable(self) -> bool:
        """Whether it can be reached and written. Asks for `ANSWER_S` at most, and raises nothing."""
        try:
            async with asyncio.timeout(ANSWER_S):
                if self._connection is None:
                    self._connection = await self._database.connect()
                return bool(await self._connection.fetchval(self._sql))
        except (StorageError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            self.close()
            return False

    def close(self) -> None:
        """Gives the connection up at once."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
