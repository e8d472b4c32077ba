"""The plans of what transfers read and write: each row by an index, whether the planner knows the tables or not."""

import json
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from inventory.postgres import queries
from inventory.postgres.connection import Database, Planning
from tests.integration.test_plans import nodes

SQL = queries.load()
BIG = {"transfer", "transfer_line", "sku", "lot", "reservation", "reservation_line"}
FILL = """
INSERT INTO channel (code) VALUES ('web');
INSERT INTO location (code, name, kind, active, revision)
    SELECT 'place-' || n, '', 1, true, 1 FROM generate_series(1, 10) AS n;
INSERT INTO sku (code, name, category, unit, unit_digits, barcodes, active, attributes, revision)
    SELECT 'sku-' || n, '', '', 'piece', 0, '{}', true, '{}', 1 FROM generate_series(1, 2000) AS n;
INSERT INTO lot (sku_id, code) SELECT sku_id, 'lot-' || n FROM sku, generate_series(1, 5) AS n;
INSERT INTO reservation (reservation_id, channel_id, owner, reference, state, created_at, pickup_location_id)
    SELECT gen_random_uuid(), 1, '', '', 2, now(), 1 FROM generate_series(1, 10000) AS n;
INSERT INTO reservation_line (reservation_id, line_no, sku_id, location_id, requested, held, allocated, fulfilled,
    released) SELECT reservation_id, 0, 1, 1, 1, 0, 1, 0, 0 FROM reservation;
INSERT INTO transfer SELECT lpad(to_hex(n), 32, '0')::uuid, 1, 1 + n % 9, 10, 1 + n % 4, NULL, '', '', now(), now()
    FROM generate_series(1, 30000) AS n;
INSERT INTO transfer SELECT lpad(to_hex(30000 + row_number() OVER ()), 32, '0')::uuid, 1, 2, 1, 1, reservation_id,
    '', '', now() FROM reservation;
INSERT INTO transfer_line SELECT transfer_id, 0, 1, 1, 1, 0, 0, 0, '', '{}' FROM transfer;
"""
NOBODY = UUID(int=0)
READS: dict[str, tuple[Any, ...]] = {
    "the newest": (None, None, None, None, None, None, 101, None, None),
    "a later page": (UUID(int=20_000), None, None, None, None, None, 101, None, None),
    "one": (None, NOBODY, None, None, None, None, 1, None, None),
    "those of a reservation": (None, None, None, None, None, NOBODY, 101, None, None),
    "those to a place": (None, None, None, None, "place-10", None, 101, None, None),
}


@pytest.fixture(scope="module", params=["fresh", "analysed"])
async def filled(request: pytest.FixtureRequest, module_dsn: str) -> Database:
    """A database of 40,000 transfers; "fresh": nobody has told the planner yet."""
    database = Database(module_dsn)
    connection = await database.connect(patient=True)
    if not await connection.fetchval("SELECT count(*) FROM transfer"):
        for table in BIG:
            await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        await connection.execute(FILL)
    if request.param == "analysed":
        await connection.execute("ANALYZE")
    await connection.close()
    return database


def scanned_whole(explained: str) -> set[str]:
    found = nodes(json.loads(explained)[0]["Plan"])
    return {str(node["Relation Name"]) for node in found if node["Node Type"] == "Seq Scan"} & BIG


@pytest.mark.parametrize(
    "name",
    [
        "lock_transfers",
        "read_transfers",
        "write_transfers",
        "cancel_transfers_of",
        "read_reservations",
    ],
)
async def test_a_write_finds_every_row_by_its_key(filled: Database, name: str) -> None:
    connection = await filled.connect(planning=Planning.BY_KEY)
    try:
        parameters = (await connection.prepare(SQL[name])).get_parameters()
        await connection.execute(f"PREPARE hot AS {SQL[name]}")
        nulls = ", ".join(["NULL"] * len(parameters))
        explained = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE hot({nulls})")
    finally:
        await connection.close()
    assert not scanned_whole(explained)
    assert "Index" in explained or name == "write_transfers"


@pytest.mark.parametrize("name", READS)
async def test_a_list_finds_every_row_by_an_index(filled: Database, name: str) -> None:
    connection: asyncpg.Connection = await filled.connect(planning=Planning.BY_VALUES)
    try:
        known = await connection.fetchval("SELECT reltuples > 0 FROM pg_class WHERE oid = 'transfer'::regclass")
        explained = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {SQL['list_transfers']}", *READS[name])
    finally:
        await connection.close()
    if known:
        assert not scanned_whole(explained)
    elif name != "those to a place":  # a page for people
        assert not scanned_whole(explained) & {"transfer", "reservation", "reservation_line"}
