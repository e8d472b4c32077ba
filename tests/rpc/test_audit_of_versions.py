"""The chain covers what the feed tells beside the ledger: versions of catalogue, channels, subscribers, alarms."""

import asyncpg
import pytest

from inventory.domain.alarm import Drift
from inventory.domain.subscriber import SubscriberState
from inventory.postgres.alarms import tell_drift
from inventory.postgres.connection import Database
from inventory.postgres.reads import Reader
from inventory.postgres.subscribers import move_subscriber, read_subscribers
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import subscriber_service_pb2 as subscriber_pb2
from tests.conftest import as_server
from tests.rpc.client import Client, Server, new_id
from tests.rpc.test_audit import verified

TABLES = (
    "sku_version",
    "location_version",
    "channel_version",
    "channel_sku_version",
    "subscriber_version",
    "alarm_version",
)
CHANGE = "UPDATE {table} SET recorded_at = recorded_at + interval '1 microsecond' WHERE revision = $1"
TAKE_AWAY = "DELETE FROM {table} WHERE revision = $1"
PUT_IN = """
    INSERT INTO {table}
    SELECT (jsonb_populate_record(version, jsonb_build_object('revision', $2::bigint))).*
    FROM {table} AS version WHERE revision = $1 LIMIT 1
"""
OTHERS = {
    "bigint": "coalesce({column}, 0) + 1",
    "integer": "coalesce({column}, 0) + 1",
    "smallint": "CASE WHEN {column} = 1 THEN 2 ELSE 1 END",
    "double precision": "coalesce({column}, 0) + 1e-15",
    "text": "coalesce({column}, '') || ' '",
    "boolean": "NOT {column}",
    "uuid": "gen_random_uuid()",
    "jsonb": """'{{"other": "x"}}'""",
    "timestamp with time zone": "coalesce({column}, now()) + interval '1 microsecond'",
    "interval": "coalesce({column}, '0') + interval '1 microsecond'",
    "date": "coalesce({column}, '2001-01-01') + 1",
    "text[]": "{column} || ARRAY['']",
    "integer[]": "{column} || 0",
    "date[]": "{column} || '2001-01-01'::date",
}
"""By type: a value that is hardly another one."""


@pytest.fixture(scope="module")
async def stock_revision(server: Server) -> int:
    """There is a version of each kind, and a revision of stock alone."""
    return await a_version_of_each_kind(server)


async def a_version_of_each_kind(server: Server) -> int:
    """And the revision of a change of stock alone."""
    client = Client(server.address)
    reader = await Reader.open(Database(as_server(server.dsn)))
    sku, place = await client.stocked(5)
    await client.channels.SetChannel(
        channel_pb2.SetChannelRequest(request_id=new_id(), channel=channel_pb2.Channel(channel="web", name="Web"))
    )
    view = channel_pb2.ChannelSku(sku=sku, view=channel_pb2.ChannelView(buffer=1))
    await client.channels.SetChannelSkus(
        channel_pb2.SetChannelSkusRequest(request_id=new_id(), channel="web", skus=[view])
    )
    await client.subscribers.RegisterSubscriber(subscriber_pb2.RegisterSubscriberRequest(name="books"))
    connection = await server.connect()
    await connection.execute("UPDATE subscriber SET acknowledged_at = now() - interval '2 days'")
    await connection.close()
    [row] = await read_subscribers(reader, name="books", limit=1)
    await move_subscriber(reader, Database(server.dsn), row, SubscriberState.LOST)  # unless the server has done it
    await tell_drift(reader, Database(server.dsn), Drift("web", "on_hand", 3, "r"))
    adjusted = await client.adjust(sku, place, 1)
    await reader.close()
    await client.close()
    return adjusted.revision


async def batch_of(db: asyncpg.Connection, revision: int) -> int:
    found: int = await db.fetchval("SELECT max(batch) FROM audit_batch WHERE base < $1", revision)
    return found


@pytest.mark.parametrize("statement", [CHANGE, TAKE_AWAY, PUT_IN], ids=["changes", "takes away", "puts in"])
@pytest.mark.parametrize("table", TABLES)
async def test_whoever_changes_a_version_is_found_out(
    table: str, statement: str, server: Server, db: asyncpg.Connection, stock_revision: int
) -> None:
    """As the owner of the tables; what is put in, a server that was taken over could put in too."""
    revision = await db.fetchval(f"SELECT max(revision) FROM {table}")
    batch = await batch_of(db, stock_revision if statement is PUT_IN else revision)
    assert await verified(server) == []
    await db.execute(f"CREATE TEMPORARY TABLE saved AS SELECT * FROM {table}")
    await db.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    try:
        values = (revision, stock_revision) if statement is PUT_IN else (revision,)
        assert (await db.execute(statement.format(table=table), *values)).endswith(" 1")
        found = await verified(server)
        assert any(line.startswith(f"batch {batch} of ") for line in found), found
    finally:
        async with db.transaction():
            await db.execute(f"DELETE FROM {table}")
            await db.execute(f"INSERT INTO {table} SELECT * FROM saved")
            await db.execute("DROP TABLE saved")
        await db.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    assert await verified(server) == []


@pytest.mark.parametrize("table", TABLES)
async def test_every_column_of_a_version_counts(table: str, db: asyncpg.Connection, stock_revision: int) -> None:
    assert stock_revision
    columns = await db.fetch(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
        " WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'revision'",
        table,
    )
    revision = await db.fetchval(f"SELECT max(revision) FROM {table}")
    text = "SELECT audit_versions($1::bigint - 1, $1)"
    before = await db.fetchval(text, revision)
    for column, kind in columns:
        transaction = db.transaction()
        await transaction.start()
        await db.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        other = OTHERS[kind].format(column=column)
        await db.execute(f"UPDATE {table} SET {column} = {other} WHERE revision = $1", revision)
        after = await db.fetchval(text, revision)
        await transaction.rollback()
        assert after != before, column


async def test_tables_of_versions_are_all_known(db: asyncpg.Connection) -> None:
    found = await db.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'inventory' AND tablename LIKE '%version'"
    )
    assert {row[0] for row in found} == set(TABLES)


async def test_what_is_hashed_is_the_same_in_every_session(
    server: Server, db: asyncpg.Connection, stock_revision: int
) -> None:
    text = "SELECT audit_versions(0, $1)"
    before = await db.fetchval(text, stock_revision)
    settings = {
        "TimeZone": "Asia/Kathmandu",
        "DateStyle": "German",
        "IntervalStyle": "iso_8601",
        "extra_float_digits": "0",
        "bytea_output": "escape",
    }
    other = await asyncpg.connect(server.dsn, server_settings={"search_path": "inventory", **settings})
    try:
        assert await other.fetchval(text, stock_revision) == before
    finally:
        await other.close()
