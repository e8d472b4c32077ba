"""The way back: in one transaction, so that whatever goes wrong leaves all as it was.

`pg_restore` makes SQL of the dump, which `psql` runs between our BEGIN, which drops what was there, and our COMMIT.
That is sent when all of the dump has been read and understood, and after the new epoch was drawn: no one ever sees the
restored stock under the old one.
"""

import asyncio
from asyncio.subprocess import Process
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import asyncpg

from inventory.domain.audit import SERVER
from inventory.postgres import queries
from inventory.postgres.backup.file import CHUNK_BYTES, BackupError, Checked, Contents, OnBytes
from inventory.postgres.backup.make import count_rows
from inventory.postgres.backup.programs import Programs, words
from inventory.postgres.connection import Database, has_transaction_timeout
from inventory.postgres.errors import classified
from inventory.postgres.migrate import Migration, MigrationError, assert_known, exclusive, migrate
from inventory.postgres.reads import Snapshot
from inventory.postgres.trail import noting

_TRANSACTION_TIMEOUT = b"SET transaction_timeout = 0;\n"


class Restored(NamedTuple):
    """The new epoch, the migrations that were applied since the back-up was made, and how many credentials are in
    force: those too that were revoked since."""

    epoch: str
    migrations: list[str]
    credentials: int


async def restore(
    database: Database,
    checked: Checked,
    *,
    replace: int | None = None,
    server_role: str | None = None,
    on_bytes: OnBytes = lambda done: None,
) -> Restored:
    """Puts what the file holds into `database`, as the owner of its tables, begins a new epoch, migrates it to this
    code, and grants `server_role` what it needs.

    The schema must hold nothing, or stand at the revision `replace`, and no server may work on it. Raises
    `BackupError`, a `MigrationError` or a `StorageError`: then nothing was changed, unless its message says so.
    """
    contents = checked.contents
    if contents.schema != database.schema:
        raise BackupError(
            f"{checked.path} holds schema {contents.schema}, not {database.schema}: say --db-schema {contents.schema}"
        )
    assert_known(database.schema, _migrations(contents))
    connection = await database.connect(patient=True)
    try:
        async with exclusive(connection, database.schema):  # servers that start meanwhile wait
            there = await _look(connection, database, contents, replace)
            programs = Programs.find(there["major"])
            await _assert_readable(programs, checked)
            await _replace(connection, database, programs, checked, there, on_bytes)
            return await _finish(connection, database, contents, there["read_epoch"], server_role)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise classified(error) from error
    finally:
        connection.terminate()


def _migrations(contents: Contents) -> Iterator[Migration]:
    for name, checksum in contents.migrations:
        number, _, rest = name.partition("_")
        title, _, phase = rest.rpartition(".")
        if not number.isdigit() or phase not in ("pre", "post"):
            raise BackupError(f"the back-up names a migration that is none: {name!r}")
        yield Migration(int(number), phase == "post", title, checksum)


async def _look(connection: asyncpg.Connection, database: Database, contents: Contents, replace: int | None) -> Any:
    """What is there. Raises `BackupError` when it must not be replaced, or can't be."""
    there = await connection.fetchrow(queries.load()["look_around"], database.schema)
    assert there is not None
    if there["major"] < contents.postgres:
        raise BackupError(
            f"the back-up is of PostgreSQL {contents.postgres}, and this is an older one, {there['major']}: restore it"
            f" into {contents.postgres} or newer"
        )
    if not there["may"]:
        raise BackupError(
            f"this role may not make schema {database.schema} anew: restore as the owner, with --owner-dsn"
            " (INVENTORY_OWNER_DSN), who needs GRANT CREATE ON DATABASE"
        )
    if there["is_ours"]:
        revision = await connection.fetchval(there["read_revision"])
        if replace != revision:
            asked = "" if replace is None else f", not {replace}"
            raise BackupError(
                f"schema {database.schema} holds stock at revision {revision}{asked}. To drop it for the back-up, say"
                f" --replace {revision}"
            )
    elif not there["is_empty"]:
        raise BackupError(f"schema {database.schema} holds something that is no inventory: it is left alone")
    elif replace is not None:
        raise BackupError(f"schema {database.schema} holds nothing that could be replaced: leave --replace out")
    await _assert_unused(connection, database)
    return there


async def _assert_unused(connection: asyncpg.Connection, database: Database) -> None:
    sessions = await connection.fetchval(queries.load()["count_sessions"], database.application_name)
    if sessions:
        raise BackupError(
            f"servers or commands work on schema {database.schema} ({sessions} connections): stop them first"
        )


async def _assert_readable(programs: Programs, checked: Checked) -> None:
    async with programs.run("pg_restore", "--list") as process:
        feeding = asyncio.create_task(_feed(process, checked.dump(), lambda done: None))
        assert process.stdout is not None
        while await process.stdout.read(CHUNK_BYTES):
            pass
        said = await words(process)
        await feeding
        if await process.wait():
            raise BackupError(f"pg_restore of PostgreSQL {programs.major} can't read the back-up: {said}")


async def _replace(
    connection: asyncpg.Connection,
    database: Database,
    programs: Programs,
    checked: Checked,
    there: Any,
    on_bytes: OnBytes,
) -> None:
    session = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--no-password")
    async with (
        programs.run("pg_restore", "--no-owner", "--no-privileges", "--file=-") as reading,
        programs.run("psql", *session, dsn=database.dsn) as writing,
    ):
        assert reading.stdout is not None
        assert writing.stdin is not None
        said = [asyncio.create_task(words(process)) for process in (reading, writing)]
        feeding = asyncio.create_task(_feed(reading, checked.dump(), on_bytes))
        committing = False
        try:
            await _send(writing, f"BEGIN;\n{there['drop_all']}\n".encode())
            first = True
            while chunk := await reading.stdout.read(CHUNK_BYTES):
                fitted = _fitted(chunk, there["major"]) if first else chunk
                first = False
                await _send(writing, fitted)
            await feeding
            if await reading.wait():
                raise BackupError(f"nothing was restored: pg_restore failed: {await said[0]}")
            await _assert_unused(connection, database)
            committing = True
            await _send(writing, f"\n{there['begin_epoch']}\nCOMMIT;\n".encode())
            writing.stdin.close()
        except (BrokenPipeError, ConnectionResetError):
            pass  # psql has ended before we did, and says why
        finally:
            feeding.cancel()
        code = await writing.wait()
        if code:
            # psql ends with 3 when a statement fails, and with 2 when the connection does.
            doubt = committing and code != 3
            outcome = "it isn't known whether it is restored: look at the epoch" if doubt else "nothing was restored"
            raise BackupError(f"{outcome}: {await said[1]}")


async def _send(process: Process, part: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(part)
    await process.stdin.drain()


async def _feed(process: Process, parts: Iterable[bytes], on_bytes: OnBytes) -> None:
    """Writes them to its input, and ends that."""
    assert process.stdin is not None
    done = 0
    with suppress(BrokenPipeError, ConnectionResetError):  # it has ended, or read all it wanted
        for part in parts:
            process.stdin.write(part)
            await process.stdin.drain()
            done += len(part)
            on_bytes(done)
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.close()
        await process.stdin.wait_closed()


def _fitted(script: bytes, major: int) -> bytes:
    """A newer pg_restore sets at its begin what an older server doesn't know."""
    return script if has_transaction_timeout(major) else script.replace(_TRANSACTION_TIMEOUT, b"", 1)


async def _finish(
    connection: asyncpg.Connection, database: Database, contents: Contents, read_epoch: str, server_role: str | None
) -> Restored:
    counted = await count_rows(connection, database.schema)
    if wrong := [name for name in {**contents.rows, **counted} if contents.rows.get(name) != counted.get(name)]:
        raise BackupError(f"the back-up is restored, but the number of rows is another in {', '.join(wrong)}")
    try:
        migrations = await migrate(connection, database.schema, server_role=server_role)
    except MigrationError as error:
        raise BackupError(f"the back-up is restored, but not fit to be served: {error}") from error
    for row in await connection.fetch(queries.load()["analyze_statements"], database.schema):
        await connection.execute(row["statement"])
    epoch = str(await connection.fetchval(read_epoch))
    credentials = await _note(connection, contents, epoch)
    return Restored(epoch, migrations, credentials)


async def _note(connection: asyncpg.Connection, contents: Contents, epoch: str) -> int:
    """Tells it to the audit trail, which goes on from where it was when the back-up was made; gives how many
    credentials are in force."""
    detail = {"revision": contents.revision, "epoch": contents.epoch, "made_at": contents.made_at, "new_epoch": epoch}
    async with connection.transaction(), noting(Snapshot(connection, queries.load())) as change:
        credentials: int = (await change.fetch("read_access_version"))[0]["in_force"]
        change.note("Restore", 0, SERVER, {**detail, "credentials": credentials})
    return credentials
