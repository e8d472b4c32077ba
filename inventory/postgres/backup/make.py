"""A back-up is made while servers work: of one snapshot, which locks nothing that they need."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import asyncpg

from inventory import __version__
from inventory.postgres import queries
from inventory.postgres.backup.file import CHUNK_BYTES, BackupError, Contents, OnBytes, writing
from inventory.postgres.backup.programs import Programs, words
from inventory.postgres.connection import Database
from inventory.postgres.errors import classified
from inventory.postgres.migrate import applied

COMPRESSION = "gzip:1"  # every build of PostgreSQL has it, and a higher level costs much time for little space
LOCK_TIMEOUT_S = 30


async def back_up(database: Database, path: Path, on_bytes: OnBytes = lambda done: None) -> Contents:
    """Writes all of the schema into a new file, as of one revision. The role must be the owner of the tables, or may at
    least read all of them and their sequences. Raises `BackupError` or a `StorageError`; then there is no file."""
    connection = await database.connect(patient=True)
    try:
        try:
            await connection.execute("SET idle_in_transaction_session_timeout = 0")  # the snapshot lives as long as we
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            contents = await _contents(connection, database.schema)
        except Exception as error:
            raise classified(error) from error
        try:
            with writing(path, contents) as write:
                await _dump(database, contents, snapshot, write, on_bytes)
        except OSError as error:
            raise BackupError(f"{path} can't be written: {error.strerror}") from error
        return contents
    finally:
        connection.terminate()


async def _contents(connection: asyncpg.Connection, schema: str) -> Contents:
    sql = queries.load()
    origin = await connection.fetchrow(sql["read_origin"])
    assert origin is not None
    return Contents(
        made_at=origin["made_at"].isoformat(),
        inventory=__version__,
        postgres=origin["major"],
        schema=schema,
        epoch=str(origin["epoch"]),
        revision=origin["revision"],
        migrations=[(str(migration), migration.checksum) for migration in await applied(connection, schema)],
        rows=await count_rows(connection, schema),
    )


async def count_rows(connection: asyncpg.Connection, schema: str) -> dict[str, int]:
    """Of each table."""
    tables = await connection.fetch(queries.load()["count_statements"], schema)
    return {name: await connection.fetchval(statement) for name, statement in tables}


async def _dump(
    database: Database, contents: Contents, snapshot: str, write: Callable[[bytes], None], on_bytes: OnBytes
) -> None:
    programs = Programs.find(contents.postgres)
    # Owners and rights are those of where it is restored.
    arguments = (
        "--format=custom",
        f"--compress={COMPRESSION if programs.major >= 16 else COMPRESSION.partition(':')[2]}",
        f'--schema="{database.schema}"',
        f"--snapshot={snapshot}",
        f"--lock-wait-timeout={LOCK_TIMEOUT_S}s",
        "--no-owner",
        "--no-privileges",
        "--no-password",
    )
    done = 0
    async with programs.run("pg_dump", *arguments, dsn=database.dsn) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        while chunk := await process.stdout.read(CHUNK_BYTES):
            write(chunk)
            done += len(chunk)
            on_bytes(done)
        said = await words(process)
        with suppress(ProcessLookupError):
            await process.wait()
        if process.returncode:
            refused = "privilege" in said or "permission denied" in said  # the words of newer ones, and of older ones
            hint = "; back up as the owner, with --owner-dsn (INVENTORY_OWNER_DSN)" if refused else ""
            raise BackupError(f"pg_dump failed: {said}{hint}")
