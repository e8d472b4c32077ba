"""Receipts, expectations and lots on the command line, and lots in files of stock."""

import json
from datetime import timedelta
from pathlib import Path

import asyncpg

from inventory.v1.core_pb2 import LineQuantity
from inventory_client import InventoryClient
from tests.integration.test_cli_commands import Cli, cli, write  # noqa: F401 - cli is a fixture

DAY = "2040-12-24"


async def with_lots(cli: Cli, tmp_path: Path) -> None:  # noqa: F811 - the fixture's value
    """A SKU "MILK" that is tracked by lots, "TEA" that isn't, and a place "HOUSE"."""
    await cli.ok("import", "locations", write(tmp_path / "locations.csv", "location", "HOUSE", "SHOP"))
    await cli.ok("import", "skus", write(tmp_path / "skus.csv", "sku", "MILK", "TEA"))
    connection = await asyncpg.connect(cli.dsn, server_settings={"search_path": "inventory"})
    try:
        await connection.execute("UPDATE sku SET tracking = 1 WHERE code = 'MILK'")
    finally:
        await connection.close()


async def lots_of(cli: Cli, sku: str) -> list[tuple[object, ...]]:  # noqa: F811
    found = json.loads(await cli.ok("lots", sku, "--json"))
    return [(row["lot"], row["expires_on"], row["location"], row["on_hand"], row["damaged"]) for row in found]


async def test_goods_are_expected_received_and_listed_by_lot(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    await with_lots(cli, tmp_path)
    said = await cli.ok("incoming", "PO-1", "MILK", "HOUSE", "120", "--due-on", "2031-01-01")
    assert "incoming 120, on_hand 0" in said
    assert "nothing has changed" in await cli.ok("incoming", "PO-1", "MILK", "HOUSE", "120", "--due-on", "2031-01-01")
    said = await cli.ok(
        "receive", "HOUSE", "MILK", "100", "--lot", "L-17", "--expires-on", DAY, "--expected-as", "PO-1"
    )
    assert "on_hand 100, available 100, backordered 0, incoming 20" in said
    assert "on_hand 1, available 0" in await cli.ok("receive", "SHOP", "TEA", "1", "--returned")
    assert "incoming 0" in await cli.ok("incoming", "PO-1", "MILK", "HOUSE", "0")
    assert await lots_of(cli, "MILK") == [("L-17", DAY, "HOUSE", 100, 0)]
    shown = await cli.ok("lots", "MILK", "--location", "HOUSE")
    assert "L-17" in shown
    assert DAY in shown
    refused = await cli.run("receive", "HOUSE", "MILK", "1")
    assert (refused.code, "LOT_REQUIRED" in refused.err) == (1, True)
    refused = await cli.run("incoming", "PO-1", "MILK", "HOUSE", "5")
    assert (refused.code, refused.err) == (1, "say --due-on: the day on which it is due\n")


async def test_a_file_of_stock_names_lots_and_adds_nothing_twice(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    await with_lots(cli, tmp_path)
    file = write(
        tmp_path / "stock.csv",
        "sku,location,quantity,disposition,lot,expires_on",
        f"MILK,HOUSE,10,,L-1,{DAY}",
        "TEA,HOUSE,5,,,",
        "MILK,SHOP,3,damaged,L-1,",
        "MILK,HOUSE,4,,L-1,",
    )
    for counted in ("4 added", "0 added, 4 had been added before"):
        assert f"4 rows of stock read, {counted}" in await cli.ok("import", "stock", file)
    assert await lots_of(cli, "MILK") == [("L-1", DAY, "HOUSE", 14, 0), ("L-1", DAY, "SHOP", 3, 3)]


async def test_of_a_file_with_lots_each_bad_row_is_named_and_the_others_can_be_added(
    cli: Cli,  # noqa: F811
    tmp_path: Path,
) -> None:
    await with_lots(cli, tmp_path)
    file = write(
        tmp_path / "stock.csv",
        "sku,location,quantity,lot,expires_on",
        f"MILK,HOUSE,10,L-1,{DAY}",
        "MILK,HOUSE,10,OLD,2020-01-01",
        "MILK,HOUSE,10,,",
        f"TEA,HOUSE,10,L-1,{DAY}",
        "TEA,NOWHERE,1,,",
    )
    for options, code in (((), 1), (("--partial",), 1)):
        ended = await cli.run("import", "stock", file, *options)
        assert ended.code == code
        complaints = [line.split(": ")[:2] for line in ended.err.splitlines() if line.startswith("  row")]
        assert [(row.strip(), reason.split()[0]) for row, reason in complaints] == [
            ("row 3", "LOT_EXPIRED"),
            ("row 4", "LOT_REQUIRED"),
            ("row 5", "LOT_CONFLICT"),
            ("row 6", "LOCATION_NOT_FOUND"),
        ]
    assert await lots_of(cli, "MILK") == [("L-1", DAY, "HOUSE", 10, 0)]


async def test_a_piece_and_its_history_are_shown(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    await cli.ok("import", "locations", write(tmp_path / "locations.csv", "location", "HOUSE"))
    await cli.ok("import", "skus", write(tmp_path / "skus.csv", "sku", "PHONE"))
    connection = await asyncpg.connect(cli.dsn, server_settings={"search_path": "inventory"})
    try:
        await connection.execute("UPDATE sku SET tracking = 2 WHERE code = 'PHONE'")
    finally:
        await connection.close()
    refused = await cli.run("receive", "HOUSE", "PHONE", "2")
    assert (refused.code, "say --serial NUMBER, once for each piece" in refused.err) == (1, True)
    pieces = ("--serial", "S-1", "--serial", "S-2")
    assert "on_hand 2" in await cli.ok("receive", "HOUSE", "PHONE", "2", *pieces, "--reference", "PZ 1")
    async with InventoryClient(cli.address) as client:
        await client.adjust_stock("PHONE", "HOUSE", -1, "broken", serials=["S-2"], reference="RW 1")
        very = LineQuantity(sku="PHONE", location="HOUSE", quantity=1, serials=["S-1"])
        held = (await client.reserve([very], ttl=timedelta(minutes=5))).reservation
    shown = await cli.ok("serial", "PHONE", "S-1")
    assert "PHONE S-1: promised at HOUSE, sellable" in shown
    assert f"…{held.reservation_id[-8:]}" in shown
    found = json.loads(await cli.ok("serial", "PHONE", "S-2", "--json"))
    assert [(event["state"], event["location"], event["reference"]) for event in found["history"]] == [
        ("lost", None, "RW 1"),
        ("in_stock", "HOUSE", "PZ 1"),
    ]
    assert found["present"] == found["history"][0]
    refused = await cli.run("serial", "PHONE", "S-3")
    assert (refused.code, "SERIAL_NOT_FOUND" in refused.err) == (1, True)


async def test_goods_are_received_in_their_units_and_a_wrong_quantity_is_said_plainly(
    cli: Cli,  # noqa: F811
    tmp_path: Path,
) -> None:
    await cli.ok("import", "locations", write(tmp_path / "locations.csv", "location", "HOUSE"))
    skus = write(tmp_path / "skus.csv", "sku,unit,unit_digits,units", "CHEESE,kg,3,", 'TEA,,,"{""box"": 12}"')
    await cli.ok("import", "skus", skus)
    assert "on_hand 1500," in await cli.ok("receive", "HOUSE", "CHEESE", "1.5kg")
    assert "on_hand 24," in await cli.ok("receive", "HOUSE", "TEA", "2box")
    for arguments in (
        ("receive", "HOUSE", "TEA", "0"),
        ("incoming", "PO", "TEA", "HOUSE", "1000000001", "--due-on", DAY),
    ):
        refused = await cli.run(*arguments)
        assert refused.code == 1
        assert "the quantity" in refused.err
        assert "lines[" not in refused.err


async def test_a_place_or_category_that_isnt_there_is_said_at_once(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    await cli.ok("import", "locations", write(tmp_path / "locations.csv", "location", "HOUSE"))
    for arguments in (
        ("watch", "--location", "NOWHERE"),
        ("count", "list", "--location", "NOWHERE"),
        ("count", "open", "NOWHERE"),
        ("transfer", "list", "--to-location", "NOWHERE"),
    ):
        refused = await cli.run(*arguments)
        assert (refused.code, "LOCATION_NOT_FOUND" in refused.err) == (1, True)
    refused = await cli.run("count", "open", "HOUSE", "--category", "FOOD")
    assert (refused.code, refused.err) == (1, "no SKU is of the category 'FOOD'\n")
