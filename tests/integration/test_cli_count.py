"""`inventory count`, each command as a process of its own, against a real server."""

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
    """Beside a shop with ten of each of two SKUs."""
    async with AsyncExitStack() as stack:
        cli = Cli(await start(Settings(listen="127.0.0.1:0"), dsn, stack), dsn)
        stack.push_async_callback(cli.end)
        client = await stack.enter_async_context(InventoryClient(cli.address))
        await client.import_catalog(
            skus=[Sku(sku="A=1", category="FOOD"), Sku(sku="B")], locations=[Location(location="shop")]
        )
        await client.batch_adjust_stock([("A=1", "shop", 10), ("B", "shop", 10)], "opening")
        yield cli


async def test_a_count_from_open_to_posted(cli: Cli, tmp_path: Path) -> None:
    count_id = (await cli.ok("count", "open", "shop", "--reference", "INV 1", "--reason", "year's end")).strip()
    said = await cli.ok("count", "record", count_id, "A=1=7", "B=10")
    assert "2 lines recorded as of revision" in said
    assert "1 of them differ" in said
    shown = await cli.ok("count", "show", count_id)
    assert "A=1" in shown
    assert "-3" in shown
    assert "B" not in [cell.strip() for line in shown.splitlines() for cell in line.split("│")]
    assert f"inventory count post {count_id} 1" in shown
    everything = await cli.ok("count", "show", count_id, "--all")
    assert "B" in [cell.strip() for line in everything.splitlines() for cell in line.split("│")]

    recount = write(tmp_path / "shelf.csv", "counted,sku", "8,A=1")
    await cli.ok("count", "record", count_id, "--csv", recount)
    stale = await cli.run("count", "post", count_id, "1")
    assert (stale.code, "EXPECTATION_FAILED" in stale.err) == (1, True)
    assert "posted as revision" in await cli.ok("count", "post", count_id, "2")
    document = json.loads(await cli.ok("count", "show", count_id, "--json"))
    assert (document["state"], document["version"], document["reference"]) == ("POSTED", 2, "INV 1")
    assert [(line["sku"], line["counted"], line["on_hand"]) for line in document["counted"]] == [("A=1", 8, 10)]
    stock = json.loads(await cli.ok("stock", "A=1", "--json"))
    assert stock["levels"][0]["on_hand"] == 8
    assert (stock["movements"][0]["kind"], stock["movements"][0]["reason"]) == ("COUNT", "year's end")


async def test_counts_are_listed_and_given_up(cli: Cli) -> None:
    assert "no stock counts" in await cli.ok("count", "list")
    first = (await cli.ok("count", "open", "shop")).strip()
    second = (await cli.ok("count", "open", "shop", "--category", "FOOD")).strip()
    assert "cancelled" in await cli.ok("count", "cancel", first)
    listed = json.loads(await cli.ok("count", "list", "--json"))
    assert [(count["count_id"], count["state"]) for count in listed] == [(second, "OPEN"), (first, "CANCELLED")]
    table = await cli.ok("count", "list", "--state", "open", "--location", "shop")
    assert second in table
    assert first not in table
    outside = await cli.run("count", "record", second, "B=1")
    assert (outside.code, "FIELD_CONFLICT" in outside.err) == (1, True)
    assert "posted: nothing differed" in await cli.ok("count", "post", second, "0")


async def test_a_long_file_is_of_one_moment(cli: Cli, tmp_path: Path) -> None:
    codes = [f"S-{number:04}" for number in range(1_200)]
    async with InventoryClient(cli.address) as client:
        await client.import_catalog(skus=[Sku(sku=code) for code in codes])
    count_id = (await cli.ok("count", "open", "shop")).strip()
    counted = write(tmp_path / "all.csv", "sku,counted", *(f"{code},1" for code in codes))
    said = await cli.ok("count", "record", count_id, "--csv", counted)
    assert "1,200 lines recorded" in said
    document = json.loads(await cli.ok("count", "show", count_id, "--json"))
    assert len({line["at_revision"] for line in document["counted"]}) == 1
    assert (len(document["counted"]), document["version"]) == (1_200, 2)
