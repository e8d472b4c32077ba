"""The plans of what numbers are compared with, at 100,000 levels: each row by an index."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from inventory.postgres import queries
from inventory.postgres.connection import Database, Planning
from inventory.postgres.reads import LISTS
from tests.integration.test_plans import scanned_whole

SQL = queries.load()
BIG = {"level", "movement", "sku", "sku_version", "reservation_line", "reconciliation", "reconciliation_row"}
FILL = """
INSERT INTO channel (code) VALUES ('web');
INSERT INTO location (code, name, kind, active, revision)
    SELECT 'place-' || n, '', 1, true, 1 FROM generate_series(1, 10) AS n;
INSERT INTO sku (code, name, category, unit, unit_digits, barcodes, active, attributes, revision)
    SELECT 'sku-' || n, '', '', 'piece', 0, '{}', true, '{}', 1 FROM generate_series(1, 10000) AS n;
INSERT INTO sku_version SELECT sku_id, sku_id, '', category, 'piece', 0, '{}', true, '{}', 1, now() FROM sku;
INSERT INTO level (sku_id, location_id, on_hand, revision)
    SELECT sku_id, location_id, 100, 20000 + sku_id * 10 + location_id FROM sku, location;
INSERT INTO movement SELECT 20000 + sku_id * 10 + location_id, 0, sku_id, location_id, 1, 100, 0, 0, 0, 0, 0, 100, 0, 0,
    0, 0, 0, 1, NULL, NULL, NULL, now() FROM level;
INSERT INTO reservation_line (reservation_id, line_no, sku_id, location_id, requested, held, allocated, fulfilled,
    released, expires_at)
    SELECT gen_random_uuid(), 0, sku_id, 1, 1, 1, 0, 0, 0, now() FROM sku;
INSERT INTO reconciliation (reconciliation_id, channel_id, kind, state, reference, begun_at, ended_at, drift, kept)
    SELECT gen_random_uuid(), 1, 1, 2, '', now() - n * interval '1 minute', now(), 50, 50
    FROM generate_series(1, 2000) AS n;
INSERT INTO reconciliation_row SELECT reconciliation_id, n, n, 'sku', '', 3, 1, 2, NULL, 0, false
    FROM reconciliation, generate_series(1, 50) AS n;
UPDATE feed_head SET revision = 130000;
"""
SKUS = [f"sku-{n}" for n in range(1, 1_001)]
READS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "a message of levels": ("read_numbers", (SKUS, ["place-7"] * 1_000, [3] * 1_000, [25_000] * 1_000, True, 500)),
    "a message of what is available": (
        "read_numbers",
        (SKUS, ["place-7"] * 1_000, [3] * 1_000, [25_000] * 1_000, False, 500),
    ),
    "moves since": ("read_moves", (list(range(1, 21)), 25_000, 130_000, 400)),
    "changes of settings since": ("read_settings_changes", (1, list(range(1, 251)), 5_000, 130_000, 9)),
    "holds that have run out": ("read_due_holds", (list(range(1, 251)),)),
    "the newest reconciliations": ("list_reconciliations", (1, None, None, None, 101)),
    "one reconciliation": ("list_reconciliations", (1, None, None, UUID(int=0), 1)),
    "what was kept": ("list_reconciliation_rows", (UUID(int=0), 10, None, 101)),
    "the end of one": ("end_reconciliation", (UUID(int=0), 2)),
    "those of lost servers": ("abandon_reconciliations", (timedelta(hours=1),)),
    "what is forgotten": ("forget_reconciliations", (timedelta(days=90), 1_000)),
}


@pytest.fixture(scope="module", params=["fresh", "analysed"])
async def filled(request: pytest.FixtureRequest, module_dsn: str) -> Database:
    """ "fresh": nobody has told the planner yet how much there is."""
    database = Database(module_dsn)
    connection = await database.connect(patient=True)
    if not await connection.fetchval("SELECT count(*) FROM level"):
        for table in sorted(BIG):
            await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        await connection.execute(FILL)
    if request.param == "analysed":
        await connection.execute("ANALYZE")
    await connection.close()
    return database


@pytest.mark.parametrize("name", READS)
async def test_every_row_is_found_by_an_index(filled: Database, name: str) -> None:
    query, arguments = READS[name]
    planning = Planning.BY_VALUES if query in LISTS else Planning.BY_KEY
    connection: asyncpg.Connection = await filled.connect(planning=planning)
    try:
        explained = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {SQL[query]}", *arguments)
    finally:
        await connection.close()
    assert not scanned_whole(explained, BIG)


async def test_a_message_of_wrong_levels_reads_few_pages(filled: Database) -> None:
    query, arguments = READS["a message of levels"]
    connection: asyncpg.Connection = await filled.connect(planning=Planning.BY_KEY)
    try:
        explained = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {SQL[query]}", *arguments)
    finally:
        await connection.close()
    plan = json.loads(explained)[0]["Plan"]
    assert plan["Actual Rows"] == 1_000
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 40 * 1_000
