"""The promises, checked by SQL of their own and not by the engine's code: the queries are `queries/verify.sql`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from inventory.postgres import queries
from inventory.postgres.connection import Database
from inventory.postgres.errors import classified

ROWS_SHOWN_MAX = 10

# Read-only for PostgreSQL too; a few large sorts and hashes, of one snapshot, beside a server at work.
_SETTINGS = ("SET LOCAL work_mem = '128MB'", "SET LOCAL jit = off")


class Check(NamedTuple):
    """One promise: its name, what it says, and the query that finds what breaks it."""

    name: str
    says: str
    query: str


CHECKS = (
    Check("I1 bounds", "no quantity is negative, and every promise is covered by stock", "verify_bounds"),
    Check("I2 promises", "held and allocated are the sums over live reservation lines", "verify_promises"),
    Check("I3 sums", "every quantity is the sum of its movements", "verify_sums"),
    Check("chain", "each movement's balances are the balances before it plus its delta", "verify_chain"),
    Check("last movement", "every level is what its last movement left", "verify_last"),
    Check("lots", "what is of a lot is what was moved of it, and the lots of a level add up to it", "verify_lots"),
    Check("serials", "as many pieces stand at a place as are on hand of a SKU tracked by them", "verify_serials"),
    Check("pieces", "a piece is what its last event left, and is promised to a line that has so much", "verify_pieces"),
    Check("dense order", "every revision from 1 to the head has rows, and none lies beyond", "verify_revisions"),
    Check("atomic order", "a revision's movements are numbered from 0, and are of one moment", "verify_ordinals"),
    Check("states", "a reservation's state is what its lines add up to", "verify_states"),
    Check("lines", "a reservation's lines are what the ledger moved for it", "verify_lines"),
    Check(
        "in transit",
        "what is in transit is what shipped transfers still owe, and what is incoming is what is expected",
        "verify_in_transit",
    ),
    Check("counts", "a stock count remembers what the ledger says, and what was posted stands there", "verify_counts"),
    Check("channels", "a channel's settings and views are those of their last versions", "verify_channels"),
    Check("answers", "no remembered answer names a revision that has not happened", "verify_answers"),
)


class Finding(NamedTuple):
    """What a check found. `broken` 0: the promise holds; `rows` are the first that break it."""

    broken: int
    rows: list[dict[str, Any]]


class Snapshot:
    """One state of the database, which doesn't change while it is looked at."""

    def __init__(self, connection: Any, head: int) -> None:
        self._connection = connection
        self._sql = queries.load()
        self.head = head
        """The last revision in it."""

    async def run(self, check: Check) -> Finding:
        """Takes as long as the tables are large. Raises a `StorageError`."""
        try:
            rows = await self._connection.fetch(self._sql[check.query], ROWS_SHOWN_MAX)
        except Exception as error:
            raise classified(error) from error
        found = [dict(row) for row in rows]
        broken = [row.pop("broken") for row in found]
        return Finding(broken[0] if broken else 0, found)


@asynccontextmanager
async def snapshot(database: Database) -> AsyncIterator[Snapshot]:
    """The present state, read-only; a server may go on writing. Raises a `StorageError`."""
    connection = await database.connect(patient=True)
    try:
        try:
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            for setting in _SETTINGS:
                await connection.execute(setting)
            head = await connection.fetchval("SELECT revision FROM feed_head")
        except Exception as error:
            raise classified(error) from error
        yield Snapshot(connection, head)
    finally:
        connection.terminate()
