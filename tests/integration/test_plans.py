"""The plans of the hot queries: each row by an index, on tables of some size, whether the planner knows that or not."""

import json
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from inventory.postgres import queries
from inventory.postgres.connection import Database, Planning
from inventory.postgres.reads import LISTS

SQL = queries.load()
TRAFFIC = {"incoming", "level", "lot", "lot_level", "movement", "request", "reservation", "reservation_line"}
BIG = {
    *TRAFFIC,
    "alarm",
    "alarm_version",
    "sku",
    "sku_version",
    "barcode",
    "channel_sku",
    "channel_version",
    "channel_sku_version",
}
FILL = """
INSERT INTO channel (code) VALUES ('web');
INSERT INTO location (code, name, kind, active, revision)
    SELECT 'place-' || n, '', 1, true, 1 FROM generate_series(1, 10) AS n;
INSERT INTO sku (code, name, category, unit, unit_digits, barcodes, active, attributes, revision)
    SELECT 'sku-' || n, '', 'C' || n % 500, 'piece', 0, '{}', true, '{}', 1 FROM generate_series(1, 5000) AS n;
INSERT INTO barcode SELECT sku_id::text, sku_id FROM sku;
INSERT INTO sku_version SELECT sku_id, sku_id, '', category, 'piece', 0, '{}', true, '{}', 1, now() FROM sku;
INSERT INTO level (sku_id, location_id, on_hand, held, revision)
    SELECT sku_id, location_id, 100, 1, sku_id * 10 + location_id FROM sku, location;
INSERT INTO movement SELECT 5000 + n, 0, n % 5000 + 1, n % 10 + 1, 3, 0, 1, 0, 0, 0, 0, 100, 1, 0, 0, 0, 0, 1,
    gen_random_uuid(), NULL, NULL, now() - (50000 - n) * interval '1 minute' FROM generate_series(1, 50000) AS n;
INSERT INTO reservation (reservation_id, channel_id, owner, reference, state, expires_at, created_at)
    SELECT gen_random_uuid(), 1, 'cart-' || n, 'order-' || n, CASE WHEN n % 20 = 0 THEN 1 ELSE 3 END,
    now() + interval '1 hour', now() FROM generate_series(1, 100000) AS n;
INSERT INTO reservation_line SELECT reservation_id, 0, 1 + abs(hashtext(owner)) % 5000, 1 + abs(hashtext(owner)) % 10,
    1, CASE WHEN state = 1 THEN 1 ELSE 0 END, 0, CASE WHEN state = 1 THEN 0 ELSE 1 END, 0, expires_at FROM reservation;
INSERT INTO request SELECT 1, gen_random_uuid(), '', 0, '', n, now() FROM generate_series(1, 50000) AS n;
INSERT INTO channel_sku (channel_id, sku_id, buffer) SELECT 1, sku_id, 1 FROM sku;
INSERT INTO channel (code) SELECT 'channel-' || n FROM generate_series(1, 1000) AS n;
INSERT INTO channel_version SELECT n, n % 1000 + 1, '', 1, '{}', NULL, NULL, NULL, NULL, 0, 1, now()
    FROM generate_series(1, 5000) AS n;
INSERT INTO channel_sku_version SELECT sku_id, 1, sku_id, 1, NULL, NULL, NULL, 1, now() FROM sku;
UPDATE feed_head SET revision = 55000;
INSERT INTO alarm (kind, subject, severity, summary, details, opened_at, last_seen_at, closed_at)
    SELECT 6, jsonb_build_object('sku', 'sku-' || n % 5000, 'location', 'place-1'), 2, '', '{}', now(), now(),
        CASE WHEN n > 1000 THEN now() END FROM generate_series(1, 20000) AS n;
INSERT INTO alarm_version
    SELECT 2 * n, gen_random_uuid(), 1, 6, '{}', 2, '', '{}', now(), now(), NULL, NULL, NULL, NULL, now()
    FROM generate_series(1, 20000) AS n;
INSERT INTO lot (sku_id, code, expires_on, known)
    SELECT sku_id, 'L' || n, current_date + (sku_id * n % 700)::integer - 5, true FROM sku, generate_series(1, 4) AS n;
INSERT INTO lot_level SELECT sku_id, 1 + lot_id % 10, lot_id, 10, 0, 0, 0, 0, 0, expires_on FROM lot;
INSERT INTO incoming SELECT sku_id, 1 + sku_id % 10, 'PO ' || n, current_date + n, 5
    FROM sku, generate_series(1, 4) AS n;
UPDATE level SET backordered = 5 WHERE sku_id % 50 = 0;
"""
NOBODY = UUID(int=0)
HEAD = 2**63 - 1
NEWEST = datetime.max.replace(tzinfo=UTC)
READS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "stock by key": ("read_stock", (["sku-7", "sku-8"], ["place-1", "place-2"], None, None)),
    "the first page of stock": ("list_stock", ("", "", None, None, 101, None, None)),
    "a later page of stock": ("list_stock", ("sku-4", "place-3", None, None, 101, None, None)),
    "stock of some SKUs": ("list_stock", ("", "", ["sku-7", "sku-8"], None, 101, None, None)),
    "where the next page of changes ends": ("read_page_end", (54_990, 2_000)),
    "changes at the head": ("read_movements", (54_990, 55_000)),
    "catalogue changes": ("read_sku_versions", (4_990, 5_000)),
    "channels' changes": ("read_channel_versions", (4_990, 5_000)),
    "a page of a snapshot of channels": ("read_channel_snapshot", (54_990, 500, 1_000, None, None)),
    "a channel by code": ("find_channel_settings", ("channel-7", None, None)),
    "a channel's number": ("find_channel", ("channel-7", None)),
    "channels by code": ("list_channels", ("channel-4", 101)),
    "SKUs' views in a channel": ("list_channel_skus", (1, "sku-4", 101)),
    "the newest movements": ("list_movements", (HEAD, 2**31 - 1, None, None, None, None, None, 101, None, None)),
    "movements of a SKU": ("list_movements", (HEAD, 2**31 - 1, "sku-7", None, None, None, None, 101, None, None)),
    "movements of a reservation": (
        "list_movements",
        (HEAD, 2**31 - 1, None, None, NOBODY, None, None, 101, None, None),
    ),
    "one reservation": ("list_reservations", (1, None, NOBODY, None, None, None, 1)),
    "the newest reservations": ("list_reservations", (1, None, None, None, None, None, 101)),
    "reservations of an owner": ("list_reservations", (1, None, None, None, "cart-7", None, 101)),
    "reservations of an order": ("list_reservations", (1, None, None, None, None, "order-7", 101)),
    "holds that are due": ("due_reservations", (1_000,)),
    "a SKU by code": ("find_sku", ("sku-7", None, None)),
    "a SKU by barcode": ("find_sku", (None, "7", None)),
    "SKUs by code": ("list_skus", ("sku-4", None, None, 101, None)),
    "a page of a snapshot": ("read_snapshot", (54_990, 2_500, 5, None, None, None, 1_000, None)),
    "a snapshot of some SKUs": ("read_snapshot", (54_990, 0, 0, ["sku-7"], None, None, 1_000, None)),
    "a page of a snapshot of a category": ("read_snapshot", (54_990, 0, 0, None, None, ["C7"], 1_000, None)),
    "a page of a snapshot of SKUs": ("read_sku_snapshot", (54_990, 2_500, None, None, 1_000, None)),
    "the newest rows of the last changes": ("read_latest", (54_000, 55_000, None, None, None, None)),
    "the newest rows of a SKU": ("read_newest_of_skus", (["sku-7"], 55_000)),
    "subscribers with their lag": ("read_subscribers", ("", "", None, None, 101, None)),
    "lots of a SKU": ("list_lots", ("sku-7", None, 1_000, None)),
    "lots of a SKU at a place": ("list_lots", ("sku-7", "place-1", 1_000, None)),
    "lots that are over": ("expired_lots", (500,)),
    "levels that owe goods and have some": ("levels_to_fill", (2_000, 3, 500)),
    "SKUs of a view": ("read_facts", (["sku-7", "sku-8"], 54_000)),
    "a page of SKUs of a view": ("read_facts_page", (54_000, 2_500, None, None, False, 250, None)),
    "a page of SKUs of a view that is of a category": ("read_facts_page", (54_000, 0, None, ["C7"], False, 250, None)),
    "levels of a view": ("read_levels_as_of", ([7, 8], 30_000)),
    "lots of a view": ("read_lots_as_of", ([7, 8], 30_000)),
    "days of lots": ("read_expiries", (["sku-7"], ["L1"])),
    "limits of back-orders of a view": ("read_backorder_limits", ([7, 8],)),
    "SKUs' own views": ("read_own_views", (1, [7, 8], 54_000)),
    "a channel's settings then": ("read_seller", (7, 54_000)),
    "SKUs whose own views changed": ("read_viewed_skus", (1, 7)),
    "bundles then": ("read_bundles_as_of", (54_000,)),
    "what a SKU's levels are promised to": ("read_claims", (7, [1, 2, 3], 20)),
    "what is due in": ("read_due_in", ([7, 8], [1, 2, 3])),
    "how SKUs are shown": ("read_shown", ([7, 8],)),
    "what some channels hold of SKUs": ("read_held", ([1, 1], [7, 8], datetime(2026, 1, 1, tzinfo=UTC), [])),
    "stock of who sees some places": ("list_stock", ("", "", None, None, 101, [1, 2], None)),
    "SKUs that a reader may know": ("read_visible_skus", (["sku-7", "sku-8"], ["C7/"])),
    "what changed, as alarms see it": ("read_changed_levels", (54_990, 55_000)),
    "levels with their alarms": ("read_levels_of_alarms", ([7, 8], [1, 2])),
    "alarms that changed": ("read_alarm_versions", (39_990, 40_000)),
    "a page of alarms": ("list_alarms", (NEWEST, NOBODY, True, None, None, 101)),
    "levels that moved lately": ("read_moved_levels", (54_990, 55_000, 50)),
    "levels in order": ("read_level_round", (2_500, 5, 50)),
    "proved levels": ("prove_levels", ([7, 8], [1, 2], 20)),
    "proved revisions": ("prove_revisions", (54_000, 55_000)),
    "when a change was decided": ("read_recorded_at", (54_000,)),
}
WRITES = [
    name
    for name in SQL
    if name
    in {
        "find",
        "find_answer",
        "lock_holders",
        "find_and_lock",
        "find_and_lock_wide",
        "find_wide",
        "lock_levels",
        "ensure_levels",
        "read_places",
        "read_reservations",
        "write_stock",
        "write_thresholds",
        "lock_skus",
        "lock_locations",
        "read_barcode_owners",
        "lock_channel",
        "read_location_numbers",
        "read_channel_views",
        "read_views",
        "read_channels",
        "write_channel",
        "write_channel_skus",
        "write_skus",
        "read_named_lots",
        "lock_new_lots",
        "ensure_lots",
        "settle_lots",
        "read_lot_levels",
        "write_lot_levels",
        "read_incoming",
        "write_incoming",
        "forget_incoming",
        "read_due",
        "write_barcodes",
        "drop_barcodes",
        "write_requests",
    }
]


@pytest.fixture(scope="module", params=["fresh", "analysed"])
async def filled(request: pytest.FixtureRequest, module_dsn: str) -> Database:
    """A database of 50,000 levels; "fresh": nobody has told the planner yet."""
    database = Database(module_dsn)
    connection = await database.connect(patient=True)
    if not await connection.fetchval("SELECT count(*) FROM level"):
        for table in (*TRAFFIC, "sku"):
            await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        await connection.execute(FILL)
    if request.param == "analysed":
        await connection.execute("ANALYZE")
    await connection.close()
    return database


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def scanned_whole(explained: str, big: Collection[str] = BIG) -> set[str]:
    """The big tables that are read from end to end."""
    found = nodes(json.loads(explained)[0]["Plan"])
    return {str(node["Relation Name"]) for node in found if node["Node Type"] == "Seq Scan"} & set(big)


@pytest.mark.parametrize("name", WRITES)
async def test_a_write_finds_every_row_by_its_key(filled: Database, name: str) -> None:
    connection = await filled.connect(planning=Planning.BY_KEY)
    try:
        parameters = (await connection.prepare(SQL[name])).get_parameters()
        await connection.execute(f"PREPARE hot AS {SQL[name]}")
        nulls = f"({', '.join(['NULL'] * len(parameters))})" if parameters else ""
        explained = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE hot{nulls}")
    finally:
        await connection.close()
    assert not scanned_whole(explained)
    assert "Index" in explained or name in ("write_requests", "write_incoming")


@pytest.mark.parametrize("name", READS)
async def test_a_read_finds_every_row_by_an_index(filled: Database, name: str) -> None:
    query, arguments = READS[name]
    planning = Planning.BY_VALUES if query in LISTS else Planning.BY_KEY
    connection: asyncpg.Connection = await filled.connect(planning=planning)
    try:
        explained = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {SQL[query]}", *arguments)
    finally:
        await connection.close()
    # The catalogue may be hashed as long as nobody has counted it.
    if await _analysed(filled):
        assert not scanned_whole(explained)
    elif name != "the newest reservations":  # a page for people, not a step of the write path or the feed
        assert not scanned_whole(explained) & TRAFFIC


async def _analysed(database: Database) -> bool:
    connection = await database.connect()
    try:
        return bool(await connection.fetchval("SELECT reltuples > 0 FROM pg_class WHERE oid = 'level'::regclass"))
    finally:
        await connection.close()


async def test_a_query_without_its_index_is_noticed(filled: Database) -> None:
    connection = await filled.connect()
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("DROP INDEX movement_by_reservation")
        query, arguments = READS["movements of a reservation"]
        await connection.execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off")
        assert "movement" in scanned_whole(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {SQL[query]}", *arguments))
        await transaction.rollback()
    finally:
        await connection.close()
