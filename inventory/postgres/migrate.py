"""Forward-only migrations from `migrations/NNNN_name.pre.sql` and `NNNN_name.post.sql`, recorded per schema.

`pre` runs before the new code and breaks nothing that running servers do; `post` runs once no older code is left. So
older code goes on, and starts, beside `pre` files that it doesn't know. The record, the table `migration`, lies in
the schema it describes, so that a tenant's schema is complete in itself. A file runs in a transaction of its own, with
its record, and with its entry of the audit trail as soon as there is one; a file whose first line is
`-- no transaction` (CREATE INDEX CONCURRENTLY) holds a single statement that may run twice.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from itertools import takewhile
from pathlib import Path
from typing import Literal, NamedTuple

import asyncpg

from inventory.domain.audit import OWNER
from inventory.postgres import queries
from inventory.postgres.connection import why_too_old
from inventory.postgres.errors import StorageError
from inventory.postgres.grants import exists, grant
from inventory.postgres.reads import Snapshot
from inventory.postgres.trail import noting

DIRECTORY = Path(__file__).with_name("migrations")
LOCK_POLL_INTERVAL_S = 0.1
LOCK_TIMEOUT_S = 600  # another replica may be at a long step

Phase = Literal["pre", "post"]


class MigrationError(Exception):
    """The migrations can't go on. Those applied before stay applied."""


class MigrationFileError(MigrationError):
    """A file is misnamed or takes another one's number."""


class MigrationChanged(MigrationError):
    """A file differs from what was applied. Applied files are never edited: write the next one."""


class DatabaseIsNewer(MigrationError):
    """The schema is for newer code only, by the migrations named in `unknown`, which this code does not know."""

    def __init__(self, schema: str, unknown: list[str]) -> None:
        self.unknown = unknown
        super().__init__(f"schema {schema} is newer than this code, which does not know {', '.join(unknown)}")


class MigrationFailed(MigrationError):
    """PostgreSQL refused a file, which then had no effect."""


class TooOld(MigrationError):
    """PostgreSQL lacks what the files need."""


class NotTheOwner(MigrationError):
    """The role may not change the schema, or not even look into it."""

    def __init__(self, schema: str, why: str) -> None:
        super().__init__(
            f"this role may not migrate schema {schema} ({why}): run `inventory migrate` as its owner,"
            " with --owner-dsn (INVENTORY_OWNER_DSN)"
        )


class Migration(NamedTuple):
    """One file, or one row of the record. `pre` sorts before `post` of the same number."""

    number: int
    is_post: bool
    name: str
    checksum: str
    sql: str = ""

    def __str__(self) -> str:
        return f"{self.number:04}_{self.name}.{'post' if self.is_post else 'pre'}"


async def migrate(
    connection: asyncpg.Connection,
    schema: str,
    *,
    phase: Phase | None = None,
    server_role: str | None = None,
    on_step: Callable[[str], None] = lambda name: None,
    directory: Path | None = None,
) -> list[str]:
    """Bring `schema` up to date, making it if missing; give the names of the files applied now, in order.

    With `phase`, only as far as the next file of the other phase. `server_role`, the role that servers work as, has
    from each file on, in its transaction, what it needs there (see grants.py). `on_step` hears each name before it
    runs. Replicas may call this at the same time. Leaves the connection's search_path at `schema`. Raises a
    `MigrationError`.
    """
    if (too_old := why_too_old(connection.get_server_version())) is not None:
        raise TooOld(too_old)
    files = _read(directory or DIRECTORY)
    path = await connection.fetchval("SELECT quote_ident($1)", _valid(schema))
    if server_role is not None and not await exists(connection, server_role):
        raise MigrationError(f"there is no role {server_role} for servers to work as: CREATE ROLE {server_role} LOGIN")
    applied_now = []
    try:
        async with exclusive(connection, schema):
            await _make_record(connection, schema, path)
            record = await applied(connection, schema)
            missing = _missing(schema, record, files)
            told = str(record[-1]) if record else None
            for migration in takewhile(lambda each: phase is None or each.is_post == (phase == "post"), missing):
                on_step(str(migration))
                told = await _apply(connection, migration, schema, server_role, told)
                applied_now.append(str(migration))
            if server_role is not None:
                await grant(connection, schema, server_role)
    except asyncpg.InsufficientPrivilegeError as error:
        raise NotTheOwner(schema, str(error)) from error
    return applied_now


async def _make_record(connection: asyncpg.Connection, schema: str, path: str) -> None:
    # Only when it isn't there: who may not make anything may still find that nothing is to be made.
    if await connection.fetchval("SELECT to_regnamespace($1) IS NULL", path):
        await connection.execute(await connection.fetchval("SELECT format('CREATE SCHEMA %I', $1::text)", schema))
    await connection.execute("SELECT set_config('search_path', $1, false)", path)
    if await connection.fetchval("SELECT to_regclass('migration') IS NULL"):
        await connection.execute(
            """
            CREATE TABLE migration (
                number integer NOT NULL,
                name text NOT NULL,
                phase text NOT NULL,
                checksum text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
                PRIMARY KEY (number, phase),
                CONSTRAINT migration_phase_is_known CHECK (phase IN ('pre', 'post'))
            )
            """
        )


async def pending(connection: asyncpg.Connection, schema: str, *, directory: Path | None = None) -> list[str]:
    """The names of the files `migrate` would apply, in order. Those of phase post are no hindrance to serving. Changes
    nothing; raises as `migrate` does."""
    files = _read(directory or DIRECTORY)
    return [str(migration) for migration in _missing(schema, await applied(connection, _valid(schema)), files)]


async def applied(connection: asyncpg.Connection, schema: str) -> list[Migration]:
    """What was applied to `schema`, in order, without its text; empty when there is nothing. Raises `NotTheOwner` when
    the role may not even look."""
    select = "SELECT format('SELECT number, name, phase, checksum FROM %I.migration', $1::text)"
    try:
        if await connection.fetchval("SELECT to_regclass(format('%I.migration', $1::text)) IS NULL", schema):
            return []
        rows = await connection.fetch(await connection.fetchval(select, schema))
    except asyncpg.InsufficientPrivilegeError as error:
        raise NotTheOwner(schema, str(error)) from error
    return sorted(Migration(row["number"], row["phase"] == "post", row["name"], row["checksum"]) for row in rows)


def assert_known(schema: str, found: Iterable[Migration]) -> None:
    """Raises `DatabaseIsNewer` or `MigrationChanged` when this code can't serve what these migrations have made."""
    _missing(schema, found, _read(DIRECTORY))


def known(directory: Path = DIRECTORY) -> list[str]:
    """NNNN.phase of each file, in order."""
    return [f"{migration.number:04}.{'post' if migration.is_post else 'pre'}" for migration in _read(directory)]


def _valid(schema: str) -> str:
    if not re.fullmatch("[a-z_][a-z0-9_]{0,62}", schema):
        raise ValueError(f"not a schema name: {schema!r} (a lower case letter or _, then up to 62 of a-z, 0-9, _)")
    return schema


def _read(directory: Path) -> list[Migration]:
    found: dict[tuple[int, bool], Migration] = {}
    for path in sorted(directory.glob("*.sql")):
        parts = re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.(pre|post)\.sql", path.name)
        if parts is None:
            raise MigrationFileError(f"{path.name} is not named NNNN_name.pre.sql or NNNN_name.post.sql")
        sql = path.read_text("utf-8")
        checksum = hashlib.sha256(sql.encode()).hexdigest()
        migration = Migration(int(parts[1]), parts[3] == "post", parts[2], checksum, sql)
        if (taken := found.setdefault(migration[:2], migration)) is not migration:
            raise MigrationFileError(f"{migration} takes the number of {taken}")
    return sorted(found.values())


@asynccontextmanager
async def exclusive(connection: asyncpg.Connection, schema: str) -> AsyncIterator[None]:
    """Keeps all others from migrating `schema` meanwhile. Raises `MigrationError` when another does so for too long."""
    # Polled, because CREATE INDEX CONCURRENTLY waits for every open snapshot: also for that of a replica that
    # waits in pg_advisory_lock, and so for ever.
    key = await connection.fetchval(
        "SELECT hashtextextended('inventory.migrate ' || current_database() || ' ' || $1::text, 0)", schema
    )
    try:
        async with asyncio.timeout(LOCK_TIMEOUT_S):
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", key):  # noqa: ASYNC110 - the event is in another process
                await asyncio.sleep(LOCK_POLL_INTERVAL_S)
    except TimeoutError as error:
        raise MigrationError(f"another process has migrated schema {schema} for {LOCK_TIMEOUT_S} s") from error
    try:
        yield
    finally:
        if not connection.is_closed():  # else PostgreSQL has let it go already
            await connection.execute("SELECT pg_advisory_unlock($1)", key)


def _missing(schema: str, found: Iterable[Migration], files: Iterable[Migration]) -> list[Migration]:
    """The files not applied yet, once it is proved that the applied ones are those we know, or don't concern us."""
    record: Mapping[tuple[int, bool], Migration] = {migration[:2]: migration for migration in found}
    known = {migration[:2]: migration for migration in files}
    missing = [known[key] for key in sorted(known.keys() - record.keys())]
    unknown = sorted(record[key] for key in record.keys() - known.keys())
    if any(migration.is_post for migration in unknown) or (unknown and missing):
        raise DatabaseIsNewer(schema, [str(migration) for migration in unknown])
    changed = [
        str(known[key]) for key in sorted(record.keys() & known.keys()) if known[key].checksum != record[key].checksum
    ]
    if changed:
        raise MigrationChanged(f"schema {schema} was made by other text than is now in {', '.join(changed)}")
    return missing


async def _apply(
    connection: asyncpg.Connection, migration: Migration, schema: str, server_role: str | None, told: str | None
) -> str | None:
    """`told`: the newest file that the audit trail knows of, or that was there before. Gives the same of after it."""
    record = "INSERT INTO migration (number, name, phase, checksum) VALUES ($1, $2, $3, $4)"
    values = (migration.number, migration.name, "post" if migration.is_post else "pre", migration.checksum)
    try:
        if migration.sql.startswith("-- no transaction"):
            await connection.execute(migration.sql)
            async with connection.transaction():
                await connection.execute(record, *values)
                return await _note(connection, migration, told)
        else:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(record, *values)
                told = await _note(connection, migration, told)
                if server_role is not None:  # with it: no moment in which a server may not use it, or may too much
                    await grant(connection, schema, server_role)
    except asyncpg.InsufficientPrivilegeError:
        raise
    except (asyncpg.PostgresError, StorageError) as error:
        raise MigrationFailed(f"{migration}: {error}") from error
    return told


async def _note(connection: asyncpg.Connection, migration: Migration, told: str | None) -> str | None:
    """Tells it to the audit trail, as soon as there is one."""
    if await connection.fetchval("SELECT to_regclass('audit_batch') IS NULL"):
        return told
    async with noting(Snapshot(connection, queries.load())) as change:
        change.note("Migrate", 0, OWNER, {"from": told, "to": str(migration)})
    return str(migration)
