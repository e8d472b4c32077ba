"""`inventory reconcile`, as a process of its own, against a real server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from inventory.server import start
from inventory.settings import Settings
from inventory.v1.catalog_service_pb2 import Location, Sku
from inventory_client import InventoryClient
from tests.integration.test_cli_commands import Cli, write


@pytest.fixture
async def cli(dsn: str) -> AsyncIterator[Cli]:
    """Beside a shop with ten of each of two SKUs; revision 2 is their opening."""
    async with AsyncExitStack() as stack:
        cli = Cli(await start(Settings(listen="127.0.0.1:0"), dsn, stack), dsn)
        stack.push_async_callback(cli.end)
        client = await stack.enter_async_context(InventoryClient(cli.address))
        await client.import_catalog(skus=[Sku(sku="A"), Sku(sku="B")], locations=[Location(location="shop")])
        opened = await client.batch_adjust_stock([("A", "shop", 10), ("B", "shop", 10)], "opening")
        assert opened.revision == 2
        await client.adjust_stock("B", "shop", -4, "sold")
        yield cli


async def test_what_is_equal_or_behind_is_well(cli: Cli, tmp_path: Path) -> None:
    file = write(tmp_path / "own.csv", "sku,quantity,revision", "A,10,", "B,10,2")
    said = await cli.run("reconcile", file)
    assert said.code == 0, said.err
    assert "1 equal, 1 behind, 0 drift" in said.out
    assert "behind" in said.out


async def test_what_is_wrong_is_told_with_what_mends_it(cli: Cli, tmp_path: Path) -> None:
    file = write(tmp_path / "own.csv", "location,sku,quantity", "shop,A,7", "shop,NONE,1")
    said = await cli.run("reconcile", file, "--kind", "on_hand", "--missing", "--reference", "by hand")
    assert said.code == 3, said.err
    assert "0 equal, 0 behind, 1 drift, 1 missing, 1 unknown" in said.out
    assert "A at shop to 10, B at shop to 6" in " ".join(said.out.split())
    assert "inventory count open shop" in said.out
    found = await cli.run("reconcile", file, "--kind", "on_hand", "--missing", "--json")
    document = json.loads(found.out)
    assert (found.code, document["counts"]["drift"]) == (3, 1)
    assert [(row["sku"], row["answer"], row["delta"]) for row in document["rows"]] == [
        ("A", "drift", 3),
        ("NONE", "unknown", 0),
        ("B", "missing", 6),
    ]
    again = await cli.run("reconcile", "--show", document["reconciliation_id"], "--json")
    assert json.loads(again.out) == document
    listed = json.loads(await cli.ok("reconcile", "--list", "--json"))
    assert [each["reference"] for each in listed] == ["", "by hand"]
    assert document["reconciliation_id"] in await cli.ok("reconcile", "--list")
    assert "no reconciliations" in await cli.ok("reconcile", "--list", "--channel", "other")


async def test_a_revision_of_the_whole_file_explains_as_well(cli: Cli, tmp_path: Path) -> None:
    file = write(tmp_path / "own.csv", "sku,quantity", "B,10")
    assert (await cli.run("reconcile", file)).code == 3
    assert (await cli.run("reconcile", file, "--revision", "2")).code == 0
    future = await cli.run("reconcile", file, "--revision", "99")
    assert (future.code, "REVISION_IN_FUTURE" in future.err) == (1, True)


@pytest.mark.parametrize(
    ("lines", "options", "complaint"),
    [
        (["sku,quantity"], [], "LINES_EMPTY"),
        (["sku,count", "A,1"], [], "CSV_HEADER"),
        (["sku,quantity", "A,1.5"], [], "NOT_AN_INTEGER"),
        (["sku,quantity", "A,1", " B,1"], [], "row 3, column sku: SKU_FORMAT"),
        (["sku,quantity,location", "A,1,shop"], [], "CSV_ROW"),
        (["sku,quantity", "A,1", "B,1"], ["--kind", "on_hand"], "this kind needs a column location"),
        (["sku,quantity,location", "A,1,"], ["--kind", "on_hand"], "LOCATION_FORMAT"),
        (["sku,quantity,revision", "A,1,-1"], [], "REVISION_FORMAT"),
        (["sku,quantity", "A,1000000000001"], [], "QUANTITY_OUT_OF_RANGE"),
    ],
    ids=lambda given: given if isinstance(given, str) else None,
)
async def test_a_bad_file_is_refused_whole(
    cli: Cli, tmp_path: Path, lines: list[str], options: list[str], complaint: str
) -> None:
    said = await cli.run("reconcile", write(tmp_path / "own.csv", *lines), *options)
    assert (said.code, complaint in said.err) == (1, True), said.err
    assert "no reconciliations" in await cli.ok("reconcile", "--list")


async def test_many_wrong_numbers_are_named_up_to_a_limit(cli: Cli, tmp_path: Path) -> None:
    async with InventoryClient(cli.address) as client:
        skus = [f"C{number:02}" for number in range(12)]
        await client.import_catalog(skus=[Sku(sku=sku) for sku in skus])
    said = await cli.run("reconcile", write(tmp_path / "own.csv", "sku,quantity", *(f"{sku},1" for sku in skus)))
    text = " ".join(said.out.split())
    assert "C08 to 0, C09 to 0, … and 2 more" in text
    assert "C10 to" not in text


async def test_it_needs_one_thing_to_do(cli: Cli) -> None:
    said = await cli.run("reconcile")
    assert (said.code, "say a FILE" in said.err) == (1, True)
