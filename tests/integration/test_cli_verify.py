"""`inventory verify` finds every kind of damage: each is done to a copy of good books behind the engine's back."""

import asyncio
import json
import os
import secrets
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from inventory.postgres.connection import Database
from inventory.postgres.verify import CHECKS, snapshot
from inventory.server import start
from inventory.settings import Settings
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_count_service_pb2 as stock_count_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1.catalog_service_pb2_grpc import CatalogServiceStub
from inventory.v1.channel_service_pb2_grpc import ChannelServiceStub
from inventory.v1.reservation_service_pb2_grpc import ReservationServiceStub
from inventory.v1.stock_count_service_pb2_grpc import StockCountServiceStub
from inventory.v1.stock_service_pb2_grpc import StockServiceStub
from tests.integration.command import Command

if TYPE_CHECKING:  # the stub's name only
    from inventory.v1.stock_count_service_pb2_grpc import StockCountServiceAsyncStub

TIMEOUT_S = 90.0
APPEND_ONLY = ("movement", "sku_version", "location_version", "channel_version", "channel_sku_version", "serial_event",
               "alarm_version", "alarm_delivery")  # fmt: skip


@pytest.fixture
async def books(dsn: str) -> str:
    """The DSN of a database in which a server has done something of everything."""
    async with AsyncExitStack() as stack:
        address = await start(Settings(listen="127.0.0.1:0"), dsn, stack)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
        await _trade(channel)
    return dsn


async def _trade(channel: grpc.aio.Channel) -> None:
    reservations = ReservationServiceStub(channel)
    stock = StockServiceStub(channel)

    def line(sku: str, quantity: int) -> core_pb2.LineQuantity:
        return core_pb2.LineQuantity(sku=sku, location="L", quantity=quantity)

    await CatalogServiceStub(channel).ImportCatalog(
        catalog_pb2.ImportCatalogRequest(
            request_id=str(uuid4()),
            skus=[catalog_pb2.Sku(sku="A"), catalog_pb2.Sku(sku="B"), catalog_pb2.Sku(sku="C")],
            locations=[catalog_pb2.Location(location="L")],
        )
    )
    await _count(StockCountServiceStub(channel))
    await _sell_a_phone(channel)
    channels = ChannelServiceStub(channel)
    await channels.SetChannel(
        channel_pb2.SetChannelRequest(request_id=str(uuid4()), channel=channel_pb2.Channel(channel="web", name="Web"))
    )
    for cap in (5, None, 7):
        row = channel_pb2.ChannelSku(sku="A", view=channel_pb2.ChannelView(cap=cap))
        await channels.SetChannelSkus(
            channel_pb2.SetChannelSkusRequest(request_id=str(uuid4()), channel="web", skus=[row])
        )
    for sku in ("A", "B"):
        for delta in (10, 5):
            await stock.AdjustStock(
                stock_pb2.AdjustStockRequest(request_id=str(uuid4()), sku=sku, location="L", delta=delta, reason="test")
            )
    held = Duration(seconds=3600)
    for lines in ([line("A", 3), line("B", 1)], [line("A", 2)], [line("B", 2)], [line("B", 4)]):
        answer = await reservations.Reserve(
            reservation_pb2.ReserveRequest(request_id=str(uuid4()), lines=lines, hold_ttl=held)
        )
        name = answer.reservation.reservation_id
        if lines[0].quantity in (2, 4):
            await reservations.Commit(reservation_pb2.CommitRequest(request_id=str(uuid4()), reservation_id=name))
        if lines[0].quantity == 4:
            await reservations.Fulfil(reservation_pb2.FulfilRequest(request_id=str(uuid4()), reservation_id=name))
        if lines[0] == line("A", 2):
            await reservations.Release(reservation_pb2.ReleaseRequest(request_id=str(uuid4()), reservation_id=name))


async def _count(counts: "StockCountServiceAsyncStub") -> None:
    """C is counted twice; the first count is posted, the other one goes on."""
    for number in (3, 4):
        opened = await counts.OpenStockCount(
            stock_count_pb2.OpenStockCountRequest(request_id=str(uuid4()), location="L")
        )
        await counts.RecordStockCount(
            stock_count_pb2.RecordStockCountRequest(
                request_id=str(uuid4()),
                count_id=opened.count.count_id,
                lines=[stock_count_pb2.CountedQuantity(sku="C", counted=number)],
            )
        )
        if number == 3:
            await counts.PostStockCount(
                stock_count_pb2.PostStockCountRequest(
                    request_id=str(uuid4()), count_id=opened.count.count_id, expected_version=1
                )
            )


async def _sell_a_phone(channel: grpc.aio.Channel) -> None:
    """P is told apart by serial numbers: S1 was issued, S2 is promised, S3 stands there."""
    stock, reservations = StockServiceStub(channel), ReservationServiceStub(channel)
    phone = catalog_pb2.Sku(sku="P", tracking=catalog_pb2.TRACKING_SERIALS)
    await CatalogServiceStub(channel).CreateSku(catalog_pb2.CreateSkuRequest(request_id=str(uuid4()), sku=phone))
    line = stock_pb2.ReceiptLine(sku="P", quantity=3, serials=["S1", "S2", "S3"])
    await stock.ReceiveStock(stock_pb2.ReceiveStockRequest(request_id=str(uuid4()), location="L", lines=[line]))
    for serial in ("S1", "S2"):
        answer = await reservations.Reserve(
            reservation_pb2.ReserveRequest(
                request_id=str(uuid4()),
                lines=[core_pb2.LineQuantity(sku="P", location="L", quantity=1, serials=[serial])],
                allocate=True,
            )
        )
        if serial == "S1":
            name = answer.reservation.reservation_id
            await reservations.Fulfil(reservation_pb2.FulfilRequest(request_id=str(uuid4()), reservation_id=name))


async def broken(dsn: str) -> dict[str, int]:
    """The checks that fail, and by how many rows."""
    found = {}
    async with snapshot(Database(dsn)) as state:
        for check in CHECKS:
            finding = await state.run(check)
            assert bool(finding.rows) == (finding.broken > 0)
            if finding.broken:
                found[check.name] = finding.broken
    return found


async def damage(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "inventory"})
    try:
        for table in APPEND_ONLY:
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            assert await connection.execute(statement) not in ("UPDATE 0", "DELETE 0", "INSERT 0 0"), statement
    finally:
        await connection.close()


def without(*constraints: str) -> list[str]:
    return [f"ALTER TABLE {name.partition('.')[0]} DROP CONSTRAINT {name.partition('.')[2]}" for name in constraints]


A = "sku_id = (SELECT sku_id FROM sku WHERE code = 'A')"
B = "sku_id = (SELECT sku_id FROM sku WHERE code = 'B')"
LAST = "revision = (SELECT max(revision) FROM movement)"

DAMAGES: list[tuple[str, list[str], set[str]]] = [
    (
        "a negative quantity",
        [*without("level.level_damaged_not_negative"), f"UPDATE level SET damaged = -1 WHERE {A}"],
        {"I1 bounds", "I3 sums", "last movement"},
    ),
    (
        "promised more than there is",
        [
            *without("level.level_promises_are_covered"),
            f"UPDATE level SET on_hand = 1 WHERE {A}",
        ],
        {"I1 bounds", "I3 sums", "last movement"},
    ),
    (
        "held without a line",
        [f"UPDATE level SET held = held + 1 WHERE {A}"],
        {"I2 promises", "I3 sums", "last movement"},
    ),
    (
        "allocated without a line",
        [f"UPDATE level SET allocated = allocated + 1 WHERE {B}"],
        {"I2 promises", "I3 sums", "last movement"},
    ),
    (
        "a line that the level doesn't know",
        ["UPDATE reservation_line SET held = held - 1, released = released + 1 WHERE held > 1"],
        {"I2 promises", "lines"},
    ),
    ("stock out of nowhere", [f"UPDATE level SET on_hand = on_hand + 1 WHERE {A}"], {"I3 sums", "last movement"}),
    ("a level gone", [f"DELETE FROM level WHERE {A}"], {"I2 promises", "I3 sums", "last movement"}),
    (
        "a movement's delta changed",
        [f"UPDATE movement SET on_hand_delta = on_hand_delta + 1 WHERE {A} AND kind = 1 AND on_hand_delta = 10"],
        {"I3 sums", "chain"},
    ),
    (
        "a movement's balance changed",
        [f"UPDATE movement SET on_hand_after = on_hand_after + 1 WHERE {A} AND kind = 1 AND on_hand_delta = 10"],
        {"chain"},
    ),
    (
        "a movement gone from the middle",
        [f"DELETE FROM movement WHERE {A} AND kind = 1 AND on_hand_delta = 10"],
        {"I3 sums", "chain", "dense order"},
    ),
    (
        "the last movement gone",
        [f"DELETE FROM movement WHERE {LAST}"],
        {"I3 sums", "last movement", "dense order", "lines"},
    ),
    (
        "two movements that cancel out",
        [
            f"UPDATE movement SET on_hand_delta = on_hand_delta + 1 WHERE {A} AND on_hand_delta = 10",
            f"UPDATE movement SET on_hand_delta = on_hand_delta - 1 WHERE {A} AND on_hand_delta = 5",
        ],
        {"chain"},
    ),
    ("a level of another revision", [f"UPDATE level SET revision = revision - 1 WHERE {A}"], {"last movement"}),
    ("a revision without rows", ["UPDATE feed_head SET revision = revision + 1"], {"dense order"}),
    ("rows beyond the head", ["UPDATE feed_head SET revision = revision - 1"], {"dense order", "answers"}),
    ("a catalogue change lost", ["DELETE FROM sku_version", "DELETE FROM location_version"], {"dense order"}),
    (
        "half of a revision moved to another number",
        ["UPDATE movement SET ordinal = 7 WHERE ordinal = 1"],
        {"atomic order"},
    ),
    (
        "a revision of two moments",
        ["UPDATE movement SET recorded_at = recorded_at - interval '1 s' WHERE ordinal = 1"],
        {"atomic order"},
    ),
    ("a held reservation that says it has ended", ["UPDATE reservation SET state = 4 WHERE state = 1"], {"states"}),
    (
        "an ended reservation that says it is allocated",
        ["UPDATE reservation SET state = 2 WHERE state = 3"],
        {"states"},
    ),
    (
        "a reservation without lines",
        ["DELETE FROM reservation_line WHERE allocated > 0"],
        {"I2 promises", "states", "lines", "pieces"},
    ),
    ("lines without a reservation", ["DELETE FROM reservation WHERE state = 3"], {"states"}),
    (
        "goods issued without a movement",
        ["UPDATE reservation_line SET released = released - 1, fulfilled = fulfilled + 1 WHERE released > 0"],
        {"states", "lines"},
    ),
    (
        "something of a lot that never came",
        [
            f"INSERT INTO lot (sku_id, code, known) SELECT sku_id, 'L', true FROM sku WHERE {A}",
            "INSERT INTO lot_level SELECT sku_id, 1, lot_id, 1, 0, 0, 0, 0, 0, NULL FROM lot",
        ],
        {"lots"},
    ),
    (
        "a lot that lasts longer at a place",
        [
            f"INSERT INTO lot (sku_id, code, known) SELECT sku_id, 'L', true FROM sku WHERE {A}",
            "INSERT INTO lot_level SELECT sku_id, 1, lot_id, 0, 0, 0, 0, 0, 0, '2031-01-01' FROM lot",
        ],
        {"lots"},
    ),
    ("goods of no lot where lots tell them apart", [f"UPDATE sku SET tracking = 1 WHERE {A}"], {"lots"}),
    (
        "goods in transit that nobody has shipped",
        [f"UPDATE level SET in_transit = in_transit + 1 WHERE {A}"],
        {"I3 sums", "last movement", "in transit"},
    ),
    ("a counted line gone", ["DELETE FROM stock_count_line WHERE on_hand = 3"], {"counts"}),
    ("a counted line too many", ["UPDATE stock_count SET lines = 2 WHERE state = 1"], {"counts"}),
    ("a count that remembers wrongly", ["UPDATE stock_count_line SET on_hand = 4 WHERE counted = 4"], {"counts"}),
    ("a count of another moment", ["UPDATE stock_count_line SET at_revision = 1 WHERE counted = 4"], {"counts"}),
    (
        "a posted count that says something else",
        ["UPDATE stock_count_line SET counted = 5 WHERE counted = 3"],
        {"counts"},
    ),
    (
        "a count that says it is posted",
        ["UPDATE stock_count SET state = 2, ended_at = now() WHERE state = 1"],
        {"counts"},
    ),
    ("settings without a version", ["UPDATE channel SET name = 'Other' WHERE code = 'web'"], {"channels"}),
    ("a view without a version", ["UPDATE channel_sku SET cap = 8"], {"channels"}),
    ("a view gone", ["DELETE FROM channel_sku"], {"channels"}),
    (
        "a view that no follower was told of",
        ["UPDATE channel_sku_version SET revision = revision + 1000 WHERE cap = 5"],
        {"dense order", "channels"},
    ),
    (
        "something of a lot that never came",
        [
            f"INSERT INTO lot (sku_id, code, known) SELECT sku_id, 'L', true FROM sku WHERE {A}",
            "INSERT INTO lot_level SELECT sku_id, 1, lot_id, 1, 0, 0, 0, 0, 0, NULL FROM lot",
        ],
        {"lots"},
    ),
    (
        "a lot that lasts longer at a place",
        [
            f"INSERT INTO lot (sku_id, code, known) SELECT sku_id, 'L', true FROM sku WHERE {A}",
            "INSERT INTO lot_level SELECT sku_id, 1, lot_id, 0, 0, 0, 0, 0, 0, '2031-01-01' FROM lot",
        ],
        {"lots"},
    ),
    ("goods of no lot where lots tell them apart", [f"UPDATE sku SET tracking = 1 WHERE {A}"], {"lots"}),
    ("a piece gone", ["DELETE FROM serial WHERE serial = 'S3'"], {"serials", "pieces"}),
    ("a piece that left and stands there", ["UPDATE serial SET state = 1 WHERE state = 3"], {"serials", "pieces"}),
    ("goods of no number where numbers tell them apart", [f"UPDATE sku SET tracking = 2 WHERE {A}"], {"serials"}),
    (
        "a piece promised to nobody",
        ["UPDATE serial SET reservation_id = gen_random_uuid() WHERE state = 2"],
        {"pieces"},
    ),
    ("a piece without its last event", ["DELETE FROM serial_event WHERE state = 2 AND serial = 'S2'"], {"pieces"}),
    (
        "two pieces promised to a line that has one",
        [
            f"UPDATE {table} SET state = 2, reservation_id = (SELECT reservation_id FROM serial WHERE serial = 'S2')"
            " WHERE serial = 'S3'"
            for table in ("serial", "serial_event")
        ],
        {"pieces"},
    ),
    ("an answer from the future", ["UPDATE request SET revision = revision + 1000"], {"answers"}),
]


async def test_good_books_pass_every_check_also_while_the_server_runs(dsn: str) -> None:
    async with AsyncExitStack() as stack:
        address = await start(Settings(listen="127.0.0.1:0"), dsn, stack)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
        assert await broken(dsn) == {}
        await _trade(channel)
        assert await broken(dsn) == {}


async def test_every_damage_is_found_by_the_checks_that_ought_to(postgres: str, books: str) -> None:
    assert await broken(books) == {}
    original = urlsplit(books).path[1:]
    found = {}
    admin = await asyncpg.connect(postgres)
    try:
        for what, statements, _ in DAMAGES:
            copy = f"inventory_damaged_{secrets.token_hex(4)}"
            await admin.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{original}" STRATEGY file_copy')
            dsn = books.replace(original, copy)
            await damage(dsn, *statements)
            found[what] = set(await broken(dsn))
            await admin.execute(f'DROP DATABASE "{copy}" WITH (FORCE)')
    finally:
        await admin.close()
    assert found == {what: expected for what, _, expected in DAMAGES}


def test_every_check_is_shown_to_fail() -> None:
    assert {check.name for check in CHECKS} == {name for _, _, expected in DAMAGES for name in expected}


async def verify(dsn: str, *arguments: str) -> tuple[int | None, str, str]:
    process = await Command.start("verify", "--dsn", dsn, *arguments, environment=os.environ)
    out, err = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    return process.returncode, out.decode(), err.decode()


async def test_the_command_says_ok_or_names_the_rows(books: str) -> None:
    code, out, err = await verify(books)
    assert (code, "BROKEN" in out, err) == (0, False, "")
    await damage(books, f"UPDATE level SET on_hand = on_hand + 1 WHERE {A}")
    code, out, err = await verify(books)
    assert (code, err) == (1, "")
    assert "BROKEN by 1" in out
    assert "I3 sums: rows that break it" in out
    code, out, err = await verify(books, "--json")
    document = json.loads(out)
    sums = next(check for check in document["checks"] if check["check"] == "I3 sums")
    assert (code, document["ok"], sums["broken"]) == (1, False, 1)
    assert sums["rows"] == [{"sku": "A", "location": "L", "quantity": "on_hand", "level": 16, "ledger": 15}]


async def test_what_is_no_inventory_is_one_line(empty_dsn: str) -> None:
    code, out, err = await verify(empty_dsn)
    assert (code, out) == (1, "")
    assert err.startswith('the database refuses: relation "feed_head" does not exist')
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("--dsn", "postgresql://nobody@127.0.0.1:1/none"), ("--data-dir", "/nowhere")])
async def test_no_database_is_one_line(arguments: tuple[str, ...]) -> None:
    process = await Command.start("verify", *arguments, environment=os.environ)
    out, err = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    assert (process.returncode, out) == (1, b"")
    assert err.startswith((b"the database can't be reached (", b"there is no database in /nowhere"))
    assert len(err.splitlines()) == 1
