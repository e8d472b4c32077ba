"""The role that servers work as may do what servers do, and nothing that could rewrite what has happened."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest
import structlog

from inventory.postgres.connection import Database
from inventory.postgres.embedded import SERVER_ROLE
from inventory.postgres.grants import grant, look
from inventory.postgres.migrate import MigrationError, NotTheOwner, migrate, pending
from inventory.postgres.preparation import prepare
from inventory.server import start
from inventory.settings import Settings
from tests.conftest import as_server
from tests.rpc.client import Client

APPEND_ONLY = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'inventory'::regnamespace AND relkind IN ('r', 'p') AND (
        EXISTS (SELECT FROM pg_trigger WHERE tgrelid = pg_class.oid AND tgname LIKE '%is_append_only')
        OR relname IN ('audit_entry', 'audit_batch')
    ) ORDER BY relname
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'inventory' ORDER BY tablename"
FIRST_COLUMN = "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum = 1"
SHELF = "CREATE TABLE shelf (n integer); INSERT INTO shelf VALUES (1)"
JOURNAL = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
CREATE TABLE journal (entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, said text);
CREATE TRIGGER journal_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TYPE mood AS ENUM ('good'); CREATE SEQUENCE ticket;
"""


async def connect(dsn: str) -> asyncpg.Connection:
    return await asyncpg.connect(dsn, server_settings={"search_path": "inventory"})


@pytest.fixture
async def owner(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await connect(dsn)
    yield opened
    await opened.close()


@pytest.fixture
async def server(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A session of the servers' role."""
    opened = await connect(as_server(dsn))
    yield opened
    await opened.close()


async def refused(connection: asyncpg.Connection, statement: str) -> bool:
    """By PostgreSQL, for want of the right; and not by a trigger, which its owner could take away."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return True
    finally:
        await transaction.rollback()
    return False


async def test_what_is_append_only_can_be_added_to_and_never_changed(
    owner: asyncpg.Connection, server: asyncpg.Connection
) -> None:
    tables = [row[0] for row in await owner.fetch(APPEND_ONLY)]
    assert {"movement", "sku_version", "serial_event"} <= set(tables)
    for table in tables:
        column = await owner.fetchval(FIRST_COLUMN, table)
        assert await server.fetchval(f"SELECT has_table_privilege('{table}', 'INSERT')"), table
        await server.fetch(f"SELECT * FROM {table} LIMIT 1")
        for statement in (
            f"UPDATE {table} SET {column} = {column}",
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            f"DROP TRIGGER {table}_is_append_only ON {table}",
            f"ALTER TABLE {table} ADD COLUMN more integer",
            f"ALTER TABLE {table} OWNER TO {SERVER_ROLE}",
            f"DROP TABLE {table}",
            f"GRANT UPDATE ON {table} TO {SERVER_ROLE}",
            f"CREATE RULE silently AS ON INSERT TO {table} DO INSTEAD NOTHING",
            f"SELECT * FROM {table} FOR UPDATE",
        ):
            if statement.startswith("GRANT"):
                await server.execute(statement)  # PostgreSQL only warns that nothing was granted
                assert not await server.fetchval(f"SELECT has_table_privilege('{table}', 'UPDATE')")
            else:
                assert await refused(server, statement), statement


async def test_ordinary_tables_are_read_and_written_and_nothing_is_made(
    owner: asyncpg.Connection, server: asyncpg.Connection
) -> None:
    append_only = {row[0] for row in await owner.fetch(APPEND_ONLY)}
    tables = {row[0] for row in await owner.fetch(TABLES)} - append_only - {"migration"}
    assert {"level", "reservation", "request", "feed_head"} <= tables
    for table in tables:
        rights = [
            right
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
            if await server.fetchval(f"SELECT has_table_privilege('{table}', '{right}')")
        ]
        assert rights == ["SELECT", "INSERT", "UPDATE", "DELETE"], table
        assert await refused(server, f"TRUNCATE {table}")
        assert await refused(server, f"ALTER TABLE {table} DROP COLUMN {await owner.fetchval(FIRST_COLUMN, table)}")
        assert await refused(server, f"DROP TABLE {table}")
    for statement in (
        "CREATE TABLE inventory.mine (n integer)",
        "CREATE FUNCTION inventory.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE SCHEMA mine",
        "CREATE TABLE public.mine (n integer)",
        "CREATE ROLE mine",
        "SET session_replication_role = replica",
        "INSERT INTO migration (number, name, phase, checksum) VALUES (9, 'x', 'pre', '')",
        "UPDATE migration SET checksum = ''",
        "DELETE FROM migration",
        f"ALTER ROLE {SERVER_ROLE} SUPERUSER",
        "SET ROLE inventory",
    ):
        assert await refused(server, statement), statement
    assert await pending(server, "inventory") == []


async def test_who_did_something_and_to_what_can_t_be_renamed(
    owner: asyncpg.Connection, server: asyncpg.Connection
) -> None:
    await server.execute("INSERT INTO channel (code) VALUES ('web')")
    await server.execute("INSERT INTO location (code, name, kind, active, revision) VALUES ('a', 'A', 1, true, 1)")
    await server.execute(
        "INSERT INTO sku (code, name, category, unit, unit_digits, barcodes, active, attributes, revision)"
        " VALUES ('pear', 'Pear', '', 'pcs', 0, '{}', true, '{}', 1)"
    )
    for statement in (
        "UPDATE channel SET code = 'till' WHERE code = 'web'",
        "UPDATE location SET code = 'b' WHERE code = 'a'",
        "UPDATE sku SET code = 'plum' WHERE code = 'pear'",
        "DELETE FROM channel WHERE code = 'web'",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await server.execute(statement)
    await server.execute("UPDATE channel SET name = 'Web' WHERE code = 'web'")


async def test_granting_again_finds_nothing_to_do_and_what_is_too_much_is_taken(
    dsn: str, owner: asyncpg.Connection, server: asyncpg.Connection
) -> None:
    assert await grant(owner, "inventory", SERVER_ROLE) == []
    await owner.execute(f"GRANT UPDATE ON movement TO {SERVER_ROLE}; GRANT DELETE ON sku_version TO PUBLIC")
    await owner.execute(
        f"GRANT UPDATE (name) ON location_version TO {SERVER_ROLE}; REVOKE INSERT ON level FROM {SERVER_ROLE}"
    )
    await owner.execute(f"GRANT CREATE ON SCHEMA inventory TO {SERVER_ROLE}; GRANT TRUNCATE ON level TO {SERVER_ROLE}")
    rights = await look(server, "inventory")
    assert rights.lacking == ["INSERT on inventory.level"]
    assert rights.beyond == [
        "UPDATE on inventory.location_version",
        "UPDATE on inventory.movement",
        "DELETE on inventory.sku_version",
    ]
    with pytest.raises(
        RuntimeError, match=r"role inventory_server may not INSERT on inventory.level: run `inventory migra"
    ):
        await prepare(Database(as_server(dsn)), apply=False)
    assert len(await grant(owner, "inventory", SERVER_ROLE)) == 6
    assert await look(server, "inventory") == ([], [])
    assert await refused(server, "CREATE TABLE mine (n integer)")


async def test_a_new_table_is_granted_with_the_migration_that_makes_it(empty_dsn: str, tmp_path: Path) -> None:
    owner = await asyncpg.connect(empty_dsn)
    server = await asyncpg.connect(as_server(empty_dsn), server_settings={"search_path": "shop"})
    try:
        (tmp_path / "0001_shelf.pre.sql").write_text(SHELF)
        await migrate(owner, "shop", directory=tmp_path, server_role=SERVER_ROLE)
        await server.execute("UPDATE shelf SET n = 2")
        (tmp_path / "0002_journal.pre.sql").write_text(JOURNAL)
        await migrate(owner, "shop", directory=tmp_path, server_role=SERVER_ROLE)
        await server.execute(
            "INSERT INTO journal (said) VALUES ('here'); SELECT nextval('ticket'); SELECT 'good'::mood"
        )
        assert await refused(server, "UPDATE journal SET said = ''")
        # What became append-only is taken, and what is made by hand is not forgotten.
        (tmp_path / "0003_closed.pre.sql").write_text(
            "CREATE TRIGGER shelf_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shelf"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        await migrate(owner, "shop", directory=tmp_path, server_role=SERVER_ROLE)
        assert await refused(server, "DELETE FROM shelf")
        await owner.execute("CREATE TABLE by_hand (n integer)")
        await server.execute("INSERT INTO by_hand VALUES (1)")
        assert await refused(server, "UPDATE by_hand SET n = 2")
        await migrate(owner, "shop", directory=tmp_path, server_role=SERVER_ROLE)
        await server.execute("UPDATE by_hand SET n = 2")
    finally:
        await owner.close()
        await server.close()


async def test_who_may_not_migrate_is_told_what_to_do(empty_dsn: str, dsn: str, tmp_path: Path) -> None:
    with pytest.raises(NotTheOwner, match="run `inventory migrate` as its owner, with --owner-dsn"):
        await prepare(Database(as_server(empty_dsn)), apply=True)
    await prepare(Database(as_server(dsn)), apply=True)  # nothing is pending: nothing has to be allowed
    owner = await asyncpg.connect(dsn)
    try:
        with pytest.raises(MigrationError, match="no role nobody_knows for servers to work as: CREATE ROLE"):
            await migrate(owner, "inventory", server_role="nobody_knows")
        await owner.execute(f"REVOKE USAGE ON SCHEMA inventory FROM {SERVER_ROLE}")
        with pytest.raises(NotTheOwner, match="permission denied for schema inventory"):
            await prepare(Database(as_server(dsn)), apply=True)
    finally:
        await owner.close()


@pytest.mark.parametrize("protected", [True, False])
async def test_a_server_says_once_when_its_role_could_rewrite_the_ledger(dsn: str, protected: bool) -> None:
    with structlog.testing.capture_logs() as logged:
        async with AsyncExitStack() as stack:
            await start(Settings(listen="127.0.0.1:0"), as_server(dsn) if protected else dsn, stack)
    warnings = [line for line in logged if "not protected" in line["event"]]
    assert len(warnings) == (0 if protected else 1)


async def test_an_owner_s_dsn_migrates_and_grants_what_the_server_needs(empty_dsn: str) -> None:
    async with AsyncExitStack() as stack:
        settings = Settings(listen="127.0.0.1:0", dsn=as_server(empty_dsn), owner_dsn=empty_dsn)
        address = await start(settings, as_server(empty_dsn), stack)
        client = Client(address)
        stack.push_async_callback(client.close)
        sku, place = await client.stocked(5)
        await client.reserve((sku, place, 5))
        assert (await client.quantities(sku, place)).available == 0
        owner = await connect(empty_dsn)
        stack.push_async_callback(owner.close)
        assert await owner.fetchval("SELECT tableowner FROM pg_tables WHERE tablename = 'movement'") == "inventory"
        users = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'inventory' AND datname = $1"
        database = await owner.fetchval("SELECT current_database()")
        assert [row[0] for row in await owner.fetch(users, database)] == [SERVER_ROLE]


async def test_replicas_that_start_together_grant_once(empty_dsn: str) -> None:
    server = Database(as_server(empty_dsn))
    await asyncio.gather(*(prepare(server, apply=True, owner_dsn=empty_dsn) for _ in range(3)))
