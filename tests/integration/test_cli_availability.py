"""`inventory explain` and `inventory promise` as processes of their own, against a real server."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import asyncpg
import pytest

from inventory.server import start
from inventory.settings import Settings
from inventory.v1 import core_pb2
from inventory.v1.catalog_service_pb2 import Location, Sku
from inventory_client import InventoryClient
from tests.integration.test_cli_commands import Cli


@pytest.fixture
async def cli(dsn: str) -> AsyncIterator[Cli]:
    """Milk in a central warehouse that needs two days and in a shop; a cart holds some, an order has some."""
    async with AsyncExitStack() as stack:
        cli = Cli(await start(Settings(listen="127.0.0.1:0"), dsn, stack), dsn)
        stack.push_async_callback(cli.end)
        client = await stack.enter_async_context(InventoryClient(cli.address, "web"))
        await client.import_catalog(
            skus=[
                Sku(sku="MILK", name="Milk 1 l", barcodes=["5901234123457"]),
                Sku(sku="CHEESE", unit="kg", unit_digits=3),
                Sku(sku="SET"),
            ],
            locations=[Location(location="central"), Location(location="shop-07"), Location(location="[outlet]")],
        )
        rows = [("MILK", "central", 10), ("MILK", "shop-07", 3), ("MILK", "[outlet]", 5), ("CHEESE", "shop-07", 1_250)]
        await client.batch_adjust_stock(rows, "opening")
        await client.adjust_stock("MILK", "shop-07", 1, "fell", disposition=core_pb2.DISPOSITION_DAMAGED)
        await client.reserve([("MILK", "central", 4)], ttl=timedelta(hours=12), owner="cart-17")
        await client.reserve([("MILK", "central", 1)], reference="order 5")
        connection = await asyncpg.connect(dsn, server_settings={"search_path": "inventory"})
        await connection.execute(
            "UPDATE location SET priority = CASE code WHEN 'central' THEN 1 ELSE 2 END, uses = 7, transit_days ="
            " CASE code WHEN 'central' THEN 2 ELSE 0 END, latitude = CASE code WHEN 'central' THEN 52.2 ELSE 54.4 END,"
            " longitude = CASE code WHEN 'central' THEN 21.0 ELSE 18.6 END;"
            "UPDATE location SET uses = 4 WHERE code = '[outlet]';"
            "UPDATE channel SET buffer = 2, revision = 1 WHERE code = 'web';"
            "INSERT INTO incoming SELECT sku_id, location_id, 'PO-17', (now() AT TIME ZONE 'UTC')::date + 3, 8"
            " FROM sku, location WHERE sku.code = 'MILK' AND location.code = 'central';"
            "UPDATE sku SET kind = 2 WHERE code = 'SET';"
            "INSERT INTO bundle_component SELECT kit.sku_id, part.sku_id, CASE part.code"
            " WHEN 'MILK' THEN 2 ELSE 500 END"
            " FROM sku AS kit, sku AS part WHERE kit.code = 'SET' AND part.code <> 'SET';"
            "UPDATE feed_head SET topology = topology + 1"
        )
        await connection.close()
        yield cli


def rows(printed: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines() if "│" in line]


async def test_an_explanation_is_a_table_whose_numbers_add_up(cli: Cli) -> None:
    printed = await cli.ok("explain", "MILK", "--channel", "web")
    assert "MILK Milk 1 l (in piece): web may sell 6" in printed
    steps = [row for row in rows(printed) if len(row) == 4 and re.fullmatch("-?[0-9]+", row[2]) and row[3].isdigit()]
    running = 0
    for _, _, quantity, so_far in steps:
        running += int(quantity)
        assert running == int(so_far)
    assert running == 7 - 1
    what = [row[1] for row in steps]
    assert re.fullmatch(r"held by cart-17 of web until (\d+ [A-Z][a-z]{2} )?\d{2}:\d{2}Z", what[3]), what
    assert what[:3] == ["on hand", "on hand", "damaged"]
    assert what[4:] == ["allocated by web for order 5", "the channel's buffer"]
    assert "PO-17" in printed
    assert ["[outlet]", "5", "not for this purpose"] in rows(printed)
    assert max(map(len, printed.splitlines())) <= 80, printed


async def test_an_explanation_of_a_bundle_names_its_components(cli: Cli) -> None:
    found = rows(await cli.ok("explain", "SET", "--channel", "web"))
    assert ["shop-07", "bundles from what stands there", "1", "1"] in found
    assert ["CHEESE", "500", "1,248", "2", "the scarcest"] in found


async def test_an_explanation_for_programs(cli: Cli) -> None:
    found = json.loads(await cli.ok("explain", "5901234123457", "--channel", "web", "--purpose", "walk-in", "--json"))
    assert found["sku"] == "MILK"
    assert sum(step["quantity"] for step in found["steps"]) == found["available_to_sell"] == 11
    held = next(step for step in found["steps"] if step["kind"] == "HELD")
    assert (held["owner"], held["channel"], held["quantity"], held["until"] is not None) == ("cart-17", "web", -4, True)
    assert [(due["reference"], due["quantity"]) for due in found["due_in"]] == [("PO-17", 8)]


async def test_a_promise_says_where_from_and_when(cli: Cli) -> None:
    printed = await cli.ok("promise", "MILK=4", "CHEESE=250@shop-07", "--channel", "web")
    assert "All of it, in 2 parcels, arriving 20" in printed
    found = {row[0]: row for row in rows(printed)}
    assert found["MILK"][1:3] == ["4", "central"]
    assert found["CHEESE"][1:3] == ["0.250 kg", "shop-07"]
    assert found["CHEESE"][4] == "the same day"
    assert max(map(len, printed.splitlines())) <= 80, printed
    near = await cli.ok("promise", "MILK", "--channel", "web", "--to", "54.5,18.5", "--strategy", "nearest")
    assert {row[0]: row for row in rows(near)}["MILK"][2] == "shop-07"
    ready = await cli.ok("promise", "MILK", "--pickup", "shop-07", "--channel", "web")
    assert "All of it, ready for collection" in ready


async def test_what_is_short_says_when_and_where_else(cli: Cli) -> None:
    printed = await cli.ok("promise", "MILK=12", "--split", "--channel", "web")
    assert "Not all of it can be promised now" in printed
    assert ["MILK", "6 short", "", "", ""] in rows(printed)
    assert re.search(r"MILK: all 12 can be promised from \d{4}-\d{2}-\d{2} on", printed)
    assert re.search(r"due in: 8 of MILK at central on \d{4}-\d{2}-\d{2} \(PO-17\)", printed)
    assert "elsewhere: 5 at [outlet], walk-in" in printed
    never = await cli.ok("promise", "CHEESE=99kg@shop-07", "--channel", "web")
    assert "CHEESE: nobody knows yet when all 99.000 kg can be promised" in never
    found = json.loads(await cli.ok("promise", "MILK=12", "--split", "--channel", "web", "--json"))
    (line,) = found["lines"]
    assert (found["promisable"], line["promised"], [part["quantity"] for part in line["parts"]]) == (False, 6, [5, 1])


WRONG = {
    ("explain", "NONE"): "SKU_NOT_FOUND",
    ("explain", "MILK", "--channel", "nobody"): "CHANNEL_NOT_FOUND",
    ("promise", "NONE"): "SKU_NOT_FOUND",
    ("promise", "MILK=0"): "QUANTITY_OUT_OF_RANGE",
    ("promise", "MILK@nowhere"): "LOCATION_NOT_FOUND",
    ("promise", "MILK", "--to", "here"): "--to is LATITUDE,LONGITUDE",
    ("promise", "MILK", "--strategy", "nearest"): "--strategy nearest needs --to",
    ("promise", "MILK", "--by-transfer"): "--by-transfer needs --pickup",
}


async def test_what_is_wrong_is_one_line(cli: Cli) -> None:
    for arguments, said in WRONG.items():
        ended = await cli.run(*arguments)
        assert (ended.code, ended.out) == (1, "")
        assert ended.err.startswith(said), ended.err
        assert len(ended.err.splitlines()) == 1
