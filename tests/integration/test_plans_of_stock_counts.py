"""The plans of stock counts' queries: each row by an index, whether the planner knows the tables' size or not."""

from typing import Any
from uuid import UUID

import pytest

from inventory.postgres.connection import Database, Planning
from inventory.postgres.reads import LISTS
from tests.integration.test_plans import SQL, scanned_whole

FILL = """
INSERT INTO channel (code) VALUES ('web');
INSERT INTO location (code, name, kind, active, revision)
    SELECT 'place-' || n, '', 1, true, 1 FROM generate_series(1, 10) AS n;
INSERT INTO sku (code, name, category, unit, unit_digits, barcodes, active, attributes, revision)
    SELECT 'sku-' || n, '', '', 'piece', 0, '{}', true, '{}', 1 FROM generate_series(1, 5000) AS n;
INSERT INTO lot (sku_id, code) SELECT sku_id, 'lot-' || n FROM sku, generate_series(1, 2) AS n;
INSERT INTO movement (revision, ordinal, sku_id, location_id, kind, on_hand_delta, held_delta, allocated_delta,
    quality_control_delta, damaged_delta, quarantined_delta, on_hand_after, held_after, allocated_after,
    quality_control_after, damaged_after, quarantined_after, channel_id, lot_id, recorded_at)
    SELECT n, 0, n % 5000 + 1, n % 10 + 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, n % 2 + 1, now()
    FROM generate_series(1, 50000) AS n;
INSERT INTO stock_count (count_id, channel_id, location_id, category, state, reference, reason, version, lines,
    opened_at, ended_at)
    SELECT gen_random_uuid(), 1, n % 10 + 1, '', CASE WHEN n % 100 = 0 THEN 1 ELSE 2 END, '', '', 1, 20, now(),
        CASE WHEN n % 100 = 0 THEN NULL ELSE now() END
    FROM generate_series(1, 5000) AS n;
INSERT INTO stock_count_line (count_id, sku_id, lot_id, counted, on_hand, at_revision)
    SELECT count_id, n, 0, n, 10, 1 FROM stock_count, generate_series(1, 20) AS n;
"""
BIG = {"movement", "sku", "lot", "stock_count", "stock_count_line"}
ONE = UUID(int=0)
QUERIES: dict[str, tuple[Any, ...]] = {
    "lock_counts": ([ONE],),
    "read_counts": ([ONE], None, None),
    "read_count_differences": ([ONE],),
    "read_count_lines": ([ONE], ["sku-7"]),
    "read_counted_skus": (["sku-7"],),
    "read_on_hand_at": ([7], [7], [40_000]),
    "read_lot_moved_since": ([7], [7], [1], [40_000]),
    "write_counts": ([],),
    "write_count_lines": ([],),
    "list_stock_counts": (None, None, None, 101, None, None),
    "list_stock_count_lines": (ONE, "", "", True, 101, None),
}
WRITTEN_BY_KEY = {"write_counts", "write_count_lines"}
"""ON CONFLICT finds its rows by the primary key without a node of the plan."""


@pytest.fixture(scope="module", params=["fresh", "analysed"])
async def filled(request: pytest.FixtureRequest, module_dsn: str) -> Database:
    """A database of 100,000 counted lines; "fresh": nobody has told the planner yet."""
    database = Database(module_dsn)
    connection = await database.connect(patient=True)
    if not await connection.fetchval("SELECT count(*) FROM stock_count"):
        for table in BIG:
            await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        await connection.execute(FILL)
    if request.param == "analysed":
        await connection.execute("ANALYZE")
    await connection.close()
    return database


@pytest.mark.parametrize("name", QUERIES)
async def test_every_row_is_found_by_an_index(filled: Database, name: str) -> None:
    planning = Planning.BY_VALUES if name in LISTS else Planning.BY_KEY
    connection = await filled.connect(planning=planning)
    try:
        explained = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {SQL[name]}", *QUERIES[name])
    finally:
        await connection.close()
    assert not scanned_whole(explained, BIG)
    assert "Index" in explained or name in WRITTEN_BY_KEY


async def test_the_balance_at_a_revision_is_one_row_of_the_index(filled: Database) -> None:
    connection = await filled.connect(planning=Planning.BY_KEY)
    try:
        explained = await connection.fetchval(
            f"EXPLAIN (FORMAT JSON) {SQL['read_on_hand_at']}", *QUERIES["read_on_hand_at"]
        )
    finally:
        await connection.close()
    assert "movement_by_level" in explained
    assert '"Scan Direction": "Backward"' in explained


async def test_a_count_s_lines_are_found_by_its_id(filled: Database) -> None:
    connection = await filled.connect()
    try:
        explained = await connection.fetchval(
            f"EXPLAIN (FORMAT JSON) {SQL['list_stock_count_lines']}", *QUERIES["list_stock_count_lines"]
        )
    finally:
        await connection.close()
    assert "stock_count_line_pkey" in explained
