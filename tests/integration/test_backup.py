"""A back-up holds everything as of one revision, and a restore puts all of it back, or changes nothing."""

import json
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from inventory.postgres import migrate as migrations
from inventory.postgres.access import changing, first_admin, new_admin, revoke
from inventory.postgres.audit import verify
from inventory.postgres.backup import BackupError, Checked, Contents, back_up, check, restore
from inventory.postgres.backup.file import writing
from inventory.postgres.backup.programs import Programs
from inventory.postgres.backup.restore import Restored
from inventory.postgres.connection import Database
from inventory.postgres.embedded import SERVER_ROLE
from inventory.postgres.migrate import DatabaseIsNewer, MigrationChanged, migrate
from inventory.postgres.verify import CHECKS, snapshot
from inventory.v1 import core_pb2
from tests.conftest import as_server
from tests.race.house import until
from tests.rpc.client import Client, reserve_request, seconds
from tests.rpc.conftest import serving
from tests.rpc.test_audit_of_versions import TABLES as VERSIONS
from tests.rpc.test_audit_of_versions import a_version_of_each_kind

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'inventory' ORDER BY tablename"
HOLD_TTL_S = 2.0


@pytest.fixture
async def kept(dsn: str, tmp_path: Path) -> Path:
    """The path of a back-up of the database, which holds a little of many things; no server runs."""
    async with serving(dsn) as server:
        client = Client(server.address)
        sku, place = await client.stocked(20)
        for _ in range(3):
            await client.commit(await client.hold((sku, place, 3)))
            await client.hold((sku, place, 1))
        await client.receive(place, (sku, 5))
        point = core_pb2.Point(latitude=52.1 + 0.1, longitude=1 / 3)
        await client.location(point=point, handling=seconds(90), closed_on=["2030-12-24"])
        await client.close()
        await a_version_of_each_kind(server)
    path = tmp_path / "kept.inventory"
    await back_up(Database(dsn), path)
    return path


@pytest.fixture
async def empty(empty_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(empty_dsn)
    yield opened
    await opened.close()


async def content(dsn: str) -> dict[str, list[str]]:
    """All rows of all tables, as text; but for the epoch, and for what a restore tells the audit trail."""
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "inventory"})
    try:
        found = {}
        for (table,) in await connection.fetch(TABLES):
            columns = "revision, compacted, topology" if table == "feed_head" else "*"
            told = (
                " WHERE batch NOT IN (SELECT batch FROM audit_entry WHERE action = 'Restore')"
                if table.startswith("audit")
                else ""
            )
            rows = await connection.fetch(f"SELECT {columns} FROM {table}{told}")
            found[table] = sorted(str(tuple(row)) for row in rows)
        return found
    finally:
        await connection.close()


async def epoch(dsn: str) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        return str(await connection.fetchval("SELECT epoch FROM inventory.feed_head"))
    finally:
        await connection.close()


async def put_back(path: Path, dsn: str, replace_at: int | None = None) -> Restored:
    return await restore(Database(dsn), check(path), replace=replace_at, server_role=SERVER_ROLE)


def rewritten(path: Path, contents: Contents, dump: bytes) -> Path:
    """A whole back-up file that says and holds something else."""
    with writing(path, contents) as write:
        write(dump)
    return path


def bytes_of(path: Path) -> bytes:
    return path.read_bytes()


def written(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def names_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def dump_of(checked: Checked) -> bytes:
    return b"".join(checked.dump())


async def test_every_row_of_every_table_comes_back_under_a_new_epoch(kept: Path, dsn: str, empty_dsn: str) -> None:
    restored = await put_back(kept, empty_dsn)
    assert restored.migrations == []
    assert await content(empty_dsn) == await content(dsn)
    assert restored.epoch == await epoch(empty_dsn) != await epoch(dsn) == check(kept).contents.epoch
    async with snapshot(Database(empty_dsn)) as state:
        assert [(await state.run(each)).broken for each in CHECKS] == [0] * len(CHECKS)


async def test_a_restore_has_its_entry_and_the_chain_goes_on(kept: Path, empty_dsn: str) -> None:
    restored = await put_back(kept, empty_dsn)
    connection = await asyncpg.connect(empty_dsn, server_settings={"search_path": "inventory"})
    try:
        rows = await connection.fetch("SELECT operator, detail FROM audit_entry WHERE action = 'Restore'")
    finally:
        await connection.close()
    assert [row["operator"] for row in rows] == ["server"]
    assert json.loads(rows[0]["detail"])["new_epoch"] == restored.epoch
    assert all(check(kept).contents.rows[table] for table in VERSIONS)
    assert [page.wrong async for page in verify(Database(empty_dsn)) if page.wrong] == []


async def test_credentials_revoked_since_the_back_up_are_told_of(dsn: str, empty_dsn: str, tmp_path: Path) -> None:
    token = await first_admin(Database(dsn))
    assert token is not None
    await back_up(Database(dsn), tmp_path / "kept")
    async with changing(Database(dsn)) as change:
        await new_admin(change, "another")
        await revoke(change, token.split("_")[1])
    assert (await put_back(tmp_path / "kept", empty_dsn)).credentials == 1


async def test_what_was_promised_is_kept_after_a_restore(dsn: str, empty_dsn: str, tmp_path: Path) -> None:
    async with serving(dsn) as server:
        client = Client(server.address)
        sku, place = await client.stocked(10)
        request = reserve_request((sku, place, 4), ttl=HOLD_TTL_S)
        first = await client.reservations.Reserve(request)
        await back_up(Database(dsn), tmp_path / "kept")  # beside a server at work
        await client.hold((sku, place, 6))  # lost by the restore: it came after the back-up
        await client.close()
    await put_back(tmp_path / "kept", empty_dsn)
    async with serving(empty_dsn) as server:
        client = Client(server.address)
        again = await client.reservations.Reserve(request)
        assert (again.replayed, again.reservation) == (True, first.reservation), "an answer given is remembered"

        async def is_free_again() -> bool:
            return (await client.quantities(sku, place)).available == 10

        await until(is_free_again)  # the hold has run out
        await client.hold((sku, place, 10))
        await client.close()


async def test_a_server_s_role_has_its_rights_after_a_restore(kept: Path, empty_dsn: str) -> None:
    await put_back(kept, empty_dsn)
    server = await asyncpg.connect(as_server(empty_dsn), server_settings={"search_path": "inventory"})
    try:
        await server.execute("UPDATE level SET on_hand = on_hand")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await server.execute("UPDATE movement SET ordinal = ordinal")
    finally:
        await server.close()


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda whole: b"", "is not a back-up"),
        (lambda whole: b"PGDMP" + whole, "is not a back-up"),
        (lambda whole: whole[:19], "is cut off"),
        (lambda whole: whole[:200], "is cut off"),
        (lambda whole: whole[: len(whole) // 2], "is cut off"),
        (lambda whole: whole[:-1], "is cut off"),
        (lambda whole: whole + b"\n", "is cut off"),
        (lambda whole: whole[:30_000] + b"?" + whole[30_001:], "is damaged"),
        (lambda whole: whole.replace(b'"revision"', b'"Revision"'), "is damaged"),
    ],
    ids=[
        "empty",
        "something before it",
        "only its first line",
        "within what it says",
        "in the middle",
        "without its last byte",
        "with a byte more",
        "a byte changed",
        "what it says changed",
    ],
)
async def test_a_file_that_is_not_whole_is_known_before_anything_is_touched(
    kept: Path, tmp_path: Path, spoil: Callable[[bytes], bytes], complaint: str
) -> None:
    spoilt = tmp_path / "spoilt"
    written(spoilt, spoil(bytes_of(kept)))
    with pytest.raises(BackupError, match=complaint):
        check(spoilt)


def test_a_file_that_isn_t_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="can't be read: No such file"):
        check(tmp_path / "none")


async def test_what_can_t_be_restored_is_refused_and_nothing_is_changed(
    kept: Path, dsn: str, empty_dsn: str, empty: asyncpg.Connection
) -> None:
    checked = check(kept)
    contents = checked.contents
    later = [*contents.migrations, ("0999_later.post", "x")]
    changed = [(contents.migrations[0][0], "x"), *contents.migrations[1:]]
    cases: list[tuple[dict[str, object], type[Exception], str]] = [
        ({"schema": "acorn"}, BackupError, "holds schema acorn, not inventory: say --db-schema acorn"),
        ({"postgres": 99}, BackupError, "is of PostgreSQL 99, and this is an older one"),
        ({"migrations": later}, DatabaseIsNewer, "newer than this code.*0999_later.post"),
        ({"migrations": changed}, MigrationChanged, "made by other text than is now in 0001_spine.pre"),
        ({"migrations": [("nonsense", "x")]}, BackupError, "names a migration that is none"),
    ]
    for other, error, complaint in cases:
        with pytest.raises(error, match=complaint):
            await restore(Database(empty_dsn), checked._replace(contents=replace(contents, **other)))  # type: ignore[arg-type]
    with pytest.raises(BackupError, match="holds nothing that could be replaced"):
        await put_back(kept, empty_dsn, 0)
    assert await empty.fetchval("SELECT to_regnamespace('inventory')") is None
    with pytest.raises(BackupError, match=r"this role may not make schema inventory anew.*--owner-dsn"):
        await restore(Database(as_server(empty_dsn)), checked)
    await empty.execute("CREATE SCHEMA inventory; CREATE TABLE inventory.somebody_s (n integer)")
    with pytest.raises(BackupError, match="holds something that is no inventory: it is left alone"):
        await put_back(kept, empty_dsn)
    await empty.execute("DROP TABLE inventory.somebody_s")
    await put_back(kept, empty_dsn)  # a schema that somebody has made, and that is empty, will do
    assert await content(empty_dsn) == await content(dsn)


async def test_stock_is_only_replaced_by_who_says_its_revision(kept: Path, dsn: str) -> None:
    before = await content(dsn), await epoch(dsn)
    revision = check(kept).contents.revision
    for said in (None, 0, revision + 1):
        with pytest.raises(BackupError, match=f"holds stock at revision {revision}.*say --replace {revision}$"):
            await put_back(kept, dsn, said)
    assert (await content(dsn), await epoch(dsn)) == before
    restored = await put_back(kept, dsn, revision)
    assert await content(dsn) == before[0]
    assert restored.epoch != before[1]


async def test_nothing_is_restored_under_a_running_server(kept: Path, dsn: str) -> None:
    before = await content(dsn), await epoch(dsn)
    revision = check(kept).contents.revision
    async with serving(dsn):
        with pytest.raises(BackupError, match=r"work on schema inventory \(\d+ connections\): stop them first"):
            await put_back(kept, dsn, revision)
    assert (await content(dsn), await epoch(dsn)) == before


async def test_another_retailer_s_server_in_the_same_database_is_no_hindrance(kept: Path, dsn: str) -> None:
    revision = check(kept).contents.revision
    async with serving(dsn, "acorn"):
        await put_back(kept, dsn, revision)


async def test_a_dump_that_breaks_off_in_the_middle_leaves_what_was_there(kept: Path, dsn: str, tmp_path: Path) -> None:
    before = await content(dsn), await epoch(dsn)
    checked = check(kept)
    dump = dump_of(checked)
    for number, part in enumerate((dump[: len(dump) * 9 // 10], dump[: len(dump) // 2], dump[:100], b"")):
        broken = rewritten(tmp_path / f"broken-{number}", checked.contents, part)
        with pytest.raises(BackupError, match=r"pg_restore .*(failed|can't read)"):
            await put_back(broken, dsn, checked.contents.revision)
        assert (await content(dsn), await epoch(dsn)) == before


async def test_a_row_that_is_missing_is_told(kept: Path, empty_dsn: str) -> None:
    checked = check(kept)
    more = {**checked.contents.rows, "request": checked.contents.rows["request"] + 1}
    with pytest.raises(BackupError, match="is restored, but the number of rows is another in request"):
        await restore(Database(empty_dsn), checked._replace(contents=replace(checked.contents, rows=more)))


def newer_release(directory: Path) -> Path:
    """Its migrations."""
    shutil.copytree(migrations.DIRECTORY, directory)
    (directory / "0900_later.post.sql").write_text("ALTER TABLE level ADD COLUMN later integer")
    return directory


async def test_an_older_back_up_is_migrated(
    kept: Path, empty_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = newer_release(tmp_path / "migrations")
    monkeypatch.setattr(migrations, "DIRECTORY", newer)
    assert (await put_back(kept, empty_dsn)).migrations == ["0900_later.post"]


async def test_a_back_up_is_for_its_owner_s_eyes_and_overwrites_nothing(kept: Path, dsn: str, tmp_path: Path) -> None:
    assert mode_of(kept) == 0o600
    whole = bytes_of(kept)
    with pytest.raises(BackupError, match="is there already: a back-up overwrites nothing"):
        await back_up(Database(dsn), kept)
    assert bytes_of(kept) == whole
    with pytest.raises(BackupError, match="can't be written: No such file or directory"):
        await back_up(Database(dsn), tmp_path / "nowhere" / "kept")
    assert names_in(tmp_path) == ["kept.inventory"]


async def test_a_back_up_that_fails_leaves_no_file(dsn: str, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"pg_dump failed: .*(privilege|permission).*; back up as the owner"):
        await back_up(Database(as_server(dsn)), tmp_path / "kept")
    assert names_in(tmp_path) == []


async def test_what_the_file_says_of_itself_is_a_line_of_json(kept: Path, dsn: str) -> None:
    said = json.loads(bytes_of(kept).splitlines()[1])
    rows = {table: len(rows) for table, rows in (await content(dsn)).items()}
    assert (said["schema"], said["epoch"], said["rows"]) == ("inventory", await epoch(dsn), rows)
    assert said["migrations"][0][0] == "0001_spine.pre"


async def test_a_schema_without_stock_can_be_backed_up(empty_dsn: str, tmp_path: Path) -> None:
    connection = await asyncpg.connect(empty_dsn)
    try:
        await migrate(connection, "acorn")
        contents = await back_up(Database(empty_dsn, "acorn"), tmp_path / "kept")
        assert (contents.revision, contents.rows["movement"]) == (0, 0)
        await connection.execute("DROP SCHEMA acorn CASCADE")
        await restore(Database(empty_dsn, "acorn"), check(tmp_path / "kept"))
    finally:
        await connection.close()


def test_programs_older_than_the_database_are_refused() -> None:
    with pytest.raises(
        BackupError, match="the database is PostgreSQL 99, which needs pg_dump, pg_restore, psql of that"
    ):
        Programs.find(99)
