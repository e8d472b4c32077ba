"""What a batch over many places reads: levels by key, and as many rows as it asks for, however large the tables are."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from inventory.postgres.connection import Database, Planning
from inventory.postgres.stock import LOCKED_LEVELS_MAX, RUN_OUT_LINES_MAX
from tests.integration.test_plans import SQL, nodes

PLACES = 20
SKUS = 2_000
WAITING = 500
HOT = 5_000
FILL = f"""
INSERT INTO channel (code) VALUES ('web');
INSERT INTO location (code, name, kind, active, revision)
    SELECT 'place-' || n, '', 1, true, 1 FROM generate_series(1, {PLACES}) AS n;
INSERT INTO sku (code, name, category, unit, unit_digits, barcodes, active, attributes, revision, kind, tracking,
        oversell_limit)
    SELECT 'sku-' || n, '', '', 'piece', 0, '{{}}', true, '{{}}', 1, CASE WHEN n % 10 = 0 THEN 2 ELSE 1 END,
        CASE WHEN n % 10 = 1 THEN 1 ELSE 0 END, CASE WHEN n % 10 = 2 THEN 5 END
    FROM generate_series(1, {SKUS}) AS n;
INSERT INTO bundle_component SELECT sku_id, sku_id - part, part FROM sku, generate_series(1, 3) AS part WHERE kind = 2;
INSERT INTO level (sku_id, location_id, on_hand, held, revision)
    SELECT sku_id, location_id, 100, 1, 1 FROM sku, location WHERE sku.kind = 1;
INSERT INTO lot (sku_id, code, known) SELECT sku_id, 'lot-' || n, true FROM sku, generate_series(1, 3) AS n
    WHERE tracking = 1;
INSERT INTO lot_level SELECT sku_id, location_id, lot_id, 30, 0, 0, 0, 0, 0, NULL FROM lot, location;
INSERT INTO channel_sku (channel_id, sku_id, buffer) SELECT 1, sku_id, 1 FROM sku WHERE kind = 1;
INSERT INTO reservation (reservation_id, channel_id, owner, reference, state, expires_at, created_at)
    SELECT gen_random_uuid(), 1, 'cart-' || n, '', 1, now() + interval '1 hour', now()
    FROM generate_series(1, 50000) AS n;
INSERT INTO reservation_line (reservation_id, line_no, sku_id, location_id, requested, held, allocated, fulfilled,
        released, expires_at, channel_id)
    SELECT reservation_id, 0, 1 + abs(hashtext(owner)) % {SKUS}, 1 + abs(hashtext(owner)) % {PLACES}, 1, 1, 0, 0, 0,
        expires_at, 1
    FROM reservation;
INSERT INTO reservation (reservation_id, channel_id, owner, reference, state, expires_at, created_at)
    SELECT gen_random_uuid(), 1, '', 'hot', 1, now() + interval '1 hour', now() FROM generate_series(1, {HOT});
INSERT INTO reservation_line (reservation_id, line_no, sku_id, location_id, requested, held, allocated, fulfilled,
        released, expires_at, channel_id)
    SELECT reservation_id, 0, 11, 3, 1, 1, 0, 0, 0, expires_at, CASE row_number() OVER () WHEN 1 THEN 2 ELSE 1 END
    FROM reservation WHERE reference = 'hot';
INSERT INTO reservation (reservation_id, channel_id, owner, reference, state, expires_at, created_at)
    SELECT gen_random_uuid(), 1, '', 'waits', 2, NULL, now() FROM generate_series(1, {WAITING});
INSERT INTO reservation_line (reservation_id, line_no, sku_id, location_id, requested, held, allocated, backordered,
        fulfilled, released, accepted_revision)
    SELECT reservation_id, 0, 7, 7, 1, 0, 0, 1, 0, 0, 1 FROM reservation WHERE reference = 'waits';
UPDATE level SET backordered = {WAITING} WHERE sku_id = 7 AND location_id = 7;
"""
BIG = (
    "level",
    "sku",
    "location",
    "reservation",
    "reservation_line",
    "lot",
    "lot_level",
    "channel_sku",
    "bundle_component",
)
ALL_PLACES = tuple(range(1, PLACES + 1))
LISTED = ",".join(map(str, ALL_PLACES))
TEN = [f"sku-{number}" for number in range(103, 203, 10)]
BUNDLES = [f"sku-{number}" for number in range(100, 200, 10)]
Look = tuple[str, tuple[Any, ...] | None, dict[str, int]]
"""A query, its arguments (None: levels, and a moment), and how many rows of a table it may read at most."""


def wide(
    pairs: list[tuple[str, str]] | None = None,
    spreads: list[tuple[str, str]] | None = None,
    arrivals: list[tuple[str, str]] | None = None,
) -> tuple[Any, ...]:
    return ([], pairs or [], [], [], RUN_OUT_LINES_MAX, spreads or [], arrivals or [], LOCKED_LEVELS_MAX)


LOOKS: dict[str, Look] = {
    "ten SKUs at one place": (
        "find_and_lock",
        ([], [(sku, "place-3") for sku in TEN], [], [], RUN_OUT_LINES_MAX),
        {"level": 10, "sku": 20, "location": 20, "reservation_line": 0},
    ),
    "ten SKUs from twenty places": (
        "find_and_lock_wide",
        wide(spreads=[(sku, LISTED) for sku in TEN]),
        {"level": 10 * PLACES, "sku": 30, "location": 0, "reservation": 0, "reservation_line": 0},
    ),
    "ten bundles of three from twenty places": (
        "find_and_lock_wide",
        wide(spreads=[(sku, LISTED) for sku in BUNDLES]),
        {"level": 30 * PLACES, "bundle_component": 60, "sku": 100, "reservation_line": 0},
    ),
    "ten bundles of three at one place": (
        "find_and_lock_wide",
        wide(pairs=[(sku, "place-3") for sku in BUNDLES]),
        {"level": 30, "bundle_component": 60, "sku": 150, "location": 50, "reservation_line": 0},
    ),
    "a SKU with a limit for back-orders": (
        "find_and_lock_wide",
        wide(pairs=[("sku-2", "place-3")]),
        {"level": 2 * PLACES, "sku": 30, "location": 30, "reservation_line": 0},
    ),
    "goods for which many wait": (
        "find_and_lock_wide",
        wide(pairs=[("sku-7", "place-7")], arrivals=[("sku-7", "place-7")]),
        {"level": 1, "reservation": 0, "reservation_line": 4 * RUN_OUT_LINES_MAX},
    ),
    "the lots of ten SKUs at twenty places": (
        "read_lot_levels",
        ([(number, place) for number in range(101, 201, 10) for place in ALL_PLACES],),
        {"lot_level": 30 * PLACES, "lot": 30 * PLACES},
    ),
    "the views of ten SKUs": ("read_views", ([1], list(range(103, 203, 10))), {"channel_sku": 10}),
    "what one channel of many holds of a SKU": (
        "read_held",
        ([2], [11], datetime(2026, 1, 1, tzinfo=UTC), []),
        {"reservation_line": 1, "reservation": 0},
    ),
    "holds that ran out at all meanwhile": ("is_due_since", None, {"reservation": 0}),
    "holds that ran out meanwhile": ("has_run_out_since", None, {"reservation_line": 0}),
    "lots written": ("write_lot_levels", ([(1, 1, 1, 30, 0, 0, 0, 0, 0)],), {"lot_level": 1, "lot": 1}),
}


@pytest.fixture(scope="module", params=["fresh", "analysed"])
async def filled(request: pytest.FixtureRequest, module_dsn: str) -> Database:
    """2,000 SKUs at 20 places, and a queue at one of them; "fresh": nobody has told the planner yet."""
    database = Database(module_dsn)
    connection = await database.connect(patient=True)
    if not await connection.fetchval("SELECT count(*) FROM level"):
        for table in BIG:
            await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        await connection.execute(FILL)
    if request.param == "analysed":
        await connection.execute("ANALYZE")
    await connection.close()
    return database


@pytest.mark.parametrize("name", LOOKS)
async def test_a_look_reads_what_it_is_asked_for_and_no_more(filled: Database, name: str) -> None:
    query, arguments, rows_max = LOOKS[name]
    connection = await filled.connect(planning=Planning.BY_KEY)
    try:
        transaction = connection.transaction()
        await transaction.start()
        if arguments is None:
            now = await connection.fetchval("SELECT now()")
            arguments = (now, now) if query == "is_due_since" else ([7] * PLACES, ALL_PLACES, now, now)
        explained = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {SQL[query]}", *arguments)
        await transaction.rollback()
    finally:
        await connection.close()
    scans = [node for node in nodes(json.loads(explained)[0]["Plan"]) if node.get("Relation Name") in BIG]
    assert not [node["Relation Name"] for node in scans if node["Node Type"] == "Seq Scan" and node["Actual Loops"]]
    read = Counter[str]()
    for table, rows in _read(scans):
        read[table] += rows
    assert {table: rows for table, rows in read.items() if rows > rows_max.get(table, rows)} == {}
    assert any(read[table] for table in rows_max) or "meanwhile" in name


@pytest.mark.parametrize("named", [False, True])
async def test_four_times_as_many_bundles_are_four_times_the_work(filled: Database, named: bool) -> None:
    looked_at = []
    for count in (40, 160):
        bundles = [f"sku-{10 * number}" for number in range(1, count + 1)]
        arguments = wide(
            pairs=[(sku, "place-3") for sku in bundles] if named else [],
            spreads=[] if named else [(sku, LISTED) for sku in bundles],
        )
        plan = await _plan(filled, "find_wide", arguments)
        looked_at.append(sum(rows for _, rows in _read(list(nodes(plan)))))
    assert looked_at[1] < 5 * looked_at[0]


async def test_of_too_many_levels_none_is_looked_at(filled: Database) -> None:
    arguments = (*wide(spreads=[(sku, LISTED) for sku in BUNDLES])[:-1], 30 * PLACES - 1)
    plan = await _plan(filled, "find_and_lock_wide", arguments)
    assert not [rows for table, rows in _read(list(nodes(plan))) if table == "level" and rows]


async def _plan(database: Database, query: str, arguments: tuple[Any, ...]) -> dict[str, Any]:
    """As it was run, without effect."""
    connection = await database.connect(planning=Planning.BY_KEY)
    try:
        transaction = connection.transaction()
        await transaction.start()
        explained = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {SQL[query]}", *arguments)
        await transaction.rollback()
    finally:
        await connection.close()
    plan: dict[str, Any] = json.loads(explained)[0]["Plan"]
    return plan


def _read(scans: list[dict[str, Any]]) -> Iterator[tuple[str, int]]:
    """Rows that were looked at, those too that a filter let go."""
    for node in scans:
        looked_at = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        yield node.get("Relation Name", ""), round(looked_at * node["Actual Loops"])
