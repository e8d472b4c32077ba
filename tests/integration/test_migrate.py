import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from inventory.postgres.audit import verify
from inventory.postgres.connection import Database
from inventory.postgres.migrate import (
    DIRECTORY,
    DatabaseIsNewer,
    MigrationChanged,
    MigrationError,
    MigrationFailed,
    MigrationFileError,
    migrate,
    pending,
)

FIRST = "CREATE TABLE shelf (n integer); INSERT INTO shelf VALUES (1)"
SECOND = "ALTER TABLE shelf ADD COLUMN code text"
CLEAN_UP = "ALTER TABLE shelf DROP COLUMN n"


@pytest.fixture
async def connection(empty_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(empty_dsn)
    yield opened
    await opened.close()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write(tmp_path, "0001_shelf.pre", FIRST)
    write(tmp_path, "0002_code.pre", SECOND)
    write(tmp_path, "0002_code.post", CLEAN_UP)
    return tmp_path


def write(directory: Path, name: str, sql: str) -> None:
    (directory / f"{name}.sql").write_text(sql)


async def test_all_files_run_in_order_and_once(connection: asyncpg.Connection, directory: Path) -> None:
    steps: list[str] = []
    assert await pending(connection, "shop", directory=directory) == [
        "0001_shelf.pre",
        "0002_code.pre",
        "0002_code.post",
    ]
    applied = await migrate(connection, "shop", directory=directory, on_step=steps.append)
    assert applied == steps == ["0001_shelf.pre", "0002_code.pre", "0002_code.post"]
    assert await migrate(connection, "shop", directory=directory, on_step=steps.append) == []
    assert await pending(connection, "shop", directory=directory) == []
    assert len(steps) == 3
    assert [row["column_name"] for row in await columns(connection, "shop")] == ["code"]


async def columns(connection: asyncpg.Connection, schema: str) -> list[asyncpg.Record]:
    return await connection.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = $1 AND table_name = 'shelf'",
        schema,
    )


async def test_the_post_phase_waits_for_its_call(connection: asyncpg.Connection, directory: Path) -> None:
    assert await migrate(connection, "shop", phase="pre", directory=directory) == [
        "0001_shelf.pre",
        "0002_code.pre",
    ]
    assert await pending(connection, "shop", directory=directory) == ["0002_code.post"]
    assert await migrate(connection, "shop", phase="post", directory=directory) == ["0002_code.post"]


async def test_no_file_overtakes_one_of_the_other_phase(connection: asyncpg.Connection, directory: Path) -> None:
    write(directory, "0003_next.pre", "SELECT 1")
    assert await migrate(connection, "shop", phase="pre", directory=directory) == ["0001_shelf.pre", "0002_code.pre"]
    assert await migrate(connection, "shop", phase="pre", directory=directory) == []
    assert await migrate(connection, "shop", phase="post", directory=directory) == ["0002_code.post"]
    assert await migrate(connection, "shop", phase="pre", directory=directory) == ["0003_next.pre"]


async def test_two_schemas_of_one_database_share_nothing(connection: asyncpg.Connection, directory: Path) -> None:
    for schema in ("shop", "user"):  # user is a reserved word
        await migrate(connection, schema, directory=directory)
        assert await connection.fetchval("SELECT current_schema()") == schema
    tables = await connection.fetch(
        "SELECT schemaname, tablename FROM pg_tables"
        " WHERE schemaname IN ('public', 'shop', 'user') ORDER BY schemaname, tablename"
    )
    assert [tuple(row) for row in tables] == [
        ("shop", "migration"),
        ("shop", "shelf"),
        ("user", "migration"),
        ("user", "shelf"),
    ]


async def test_a_failing_file_leaves_nothing_and_those_before_stay(
    connection: asyncpg.Connection, directory: Path
) -> None:
    write(directory, "0002_code.pre", "CREATE TABLE half (); SELECT 1 / 0")
    with pytest.raises(MigrationFailed, match=r"0002_code\.pre: division by zero"):
        await migrate(connection, "shop", directory=directory)
    assert await connection.fetchval("SELECT to_regclass('shop.half')") is None
    assert await pending(connection, "shop", directory=directory) == ["0002_code.pre", "0002_code.post"]
    write(directory, "0002_code.pre", SECOND)
    assert await migrate(connection, "shop", directory=directory) == ["0002_code.pre", "0002_code.post"]


async def test_a_file_and_its_record_are_one(connection: asyncpg.Connection, directory: Path) -> None:
    write(directory, "0003_breaks_the_record.pre", "CREATE TABLE half (); ALTER TABLE migration RENAME TO hidden")
    with pytest.raises(MigrationFailed):
        await migrate(connection, "shop", directory=directory)
    assert await connection.fetchval("SELECT to_regclass('shop.half')") is None


async def test_an_applied_file_may_not_change(connection: asyncpg.Connection, directory: Path) -> None:
    await migrate(connection, "shop", directory=directory)
    write(directory, "0001_shelf.pre", FIRST + ", (2)")
    for call in (migrate, pending):
        with pytest.raises(MigrationChanged, match=r"0001_shelf\.pre$"):
            await call(connection, "shop", directory=directory)


async def test_line_ends_of_a_checkout_are_no_change(connection: asyncpg.Connection, directory: Path) -> None:
    write(directory, "0003_lines.pre", "SELECT 1;\nSELECT 2;\n")
    await migrate(connection, "shop", directory=directory)
    (directory / "0003_lines.pre.sql").write_bytes(b"SELECT 1;\r\nSELECT 2;\r\n")
    assert await pending(connection, "shop", directory=directory) == []


async def test_older_code_goes_on_beside_newer_pre_files_and_refuses_a_post_one(
    connection: asyncpg.Connection, directory: Path
) -> None:
    write(directory, "0003_later.pre", "SELECT 1")
    write(directory, "0003_later.post", "SELECT 1")
    later = [directory / f"0003_later.{phase}.sql" for phase in ("pre", "post")]
    await migrate(connection, "shop", directory=directory)
    for path in later:
        path.unlink()
    for call in (migrate, pending):
        with pytest.raises(DatabaseIsNewer, match=r"shop is newer than this code.*0003_later\.post") as refusal:
            await call(connection, "shop", directory=directory)
        assert refusal.value.unknown == ["0003_later.pre", "0003_later.post"]
    await connection.execute("DELETE FROM migration WHERE number = 3 AND phase = 'post'")
    for call in (migrate, pending):
        assert await call(connection, "shop", directory=directory) == []


async def test_code_that_knows_other_files_than_were_applied_is_no_older_code(
    connection: asyncpg.Connection, directory: Path
) -> None:
    write(directory, "0004_other.pre", "SELECT 1")
    await migrate(connection, "shop", directory=directory)
    (directory / "0004_other.pre.sql").unlink()
    write(directory, "0003_mine.pre", "SELECT 1")
    for call in (migrate, pending):
        with pytest.raises(DatabaseIsNewer):
            await call(connection, "shop", directory=directory)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("0001_other.pre", r"takes the number of"),
        ("3_short.pre", r"3_short\.pre\.sql is not named"),
        ("0003_phaseless", r"is not named"),
        ("0003_Shout.pre", r"is not named"),
    ],
)
async def test_a_misnamed_file_is_refused_before_anything_runs(
    connection: asyncpg.Connection, directory: Path, name: str, complaint: str
) -> None:
    write(directory, name, "SELECT 1")
    with pytest.raises(MigrationFileError, match=complaint):
        await migrate(connection, "shop", directory=directory)
    assert await connection.fetchval("SELECT to_regnamespace('shop')") is None


@pytest.mark.parametrize("schema", ["", "Shop", "1shop", 'shop"; DROP', "sh op", "s" * 64, "żabka", "shop\n"])
async def test_a_schema_name_is_plain(connection: asyncpg.Connection, directory: Path, schema: str) -> None:
    for call in (migrate, pending):
        with pytest.raises(ValueError, match="not a schema name"):
            await call(connection, schema, directory=directory)


async def test_pending_changes_nothing(connection: asyncpg.Connection, directory: Path) -> None:
    assert len(await pending(connection, "shop", directory=directory)) == 3
    assert await connection.fetchval("SELECT to_regnamespace('shop')") is None
    assert await connection.fetchval("SELECT current_schema()") == "public"


async def test_replicas_that_start_together_apply_each_file_once(empty_dsn: str, directory: Path) -> None:
    # An index that is built concurrently waits for all other sessions: one that waited inside
    # pg_advisory_lock would never let it finish.
    write(directory, "0003_index.post", "-- no transaction\nCREATE INDEX CONCURRENTLY ON shelf (code)")
    connections = [await asyncpg.connect(empty_dsn) for _ in range(5)]
    try:
        async with asyncio.timeout(30):
            applied = await asyncio.gather(*(migrate(each, "shop", directory=directory) for each in connections))
    finally:
        for each in connections:
            await each.close()
    assert sorted(map(len, applied)) == [0, 0, 0, 0, 4]


async def test_the_lock_is_given_back_after_a_failure(empty_dsn: str, directory: Path) -> None:
    write(directory, "0003_fails.pre", "SELECT 1 / 0")
    failing, other = await asyncpg.connect(empty_dsn), await asyncpg.connect(empty_dsn)
    try:
        with pytest.raises(MigrationError):
            await migrate(failing, "shop", directory=directory)
        write(directory, "0003_fails.pre", "SELECT 1")
        async with asyncio.timeout(30):
            assert await migrate(other, "shop", directory=directory) == ["0003_fails.pre"]
    finally:
        await failing.close()
        await other.close()


async def test_the_house_s_own_migrations_apply(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        assert await pending(connection, "inventory") == []
    finally:
        await connection.close()


async def test_a_migration_has_its_entry_of_the_audit_trail(empty_dsn: str, tmp_path: Path) -> None:
    older = tmp_path / "older"
    older.mkdir()
    for path in DIRECTORY.glob("*.sql"):
        if path.name < "0004":
            write(older, path.name.removesuffix(".sql"), path.read_text())
    newer = tmp_path / "newer"
    shutil.copytree(DIRECTORY, newer)
    write(newer, "0998_shelf.pre", FIRST)
    write(newer, "0999_index.post", "-- no transaction\nCREATE INDEX CONCURRENTLY ON shelf (n)")
    connection = await asyncpg.connect(empty_dsn)
    try:
        await migrate(connection, "inventory", directory=older)
        applied = await migrate(connection, "inventory")
        await migrate(connection, "inventory", directory=newer)
        told = await connection.fetch("SELECT operator, detail FROM audit_entry ORDER BY batch, ordinal")
    finally:
        await connection.close()
    assert {row["operator"] for row in told} == {"owner"}
    assert [json.loads(row["detail"]) for row in told] == [
        {"from": "0003_whole_stock.pre", "to": applied[-1]},
        {"from": applied[-1], "to": "0998_shelf.pre"},
        {"from": "0998_shelf.pre", "to": "0999_index.post"},
    ]
    assert [page.wrong async for page in verify(Database(empty_dsn)) if page.wrong] == []
