"""`inventory transfer`, each command as a process of its own."""

import json

from tests.integration.test_cli_commands import Cli, cli, stocked

__all__ = ["cli", "stocked"]  # fixtures
NOBODY = "0198f000-0000-7000-8000-000000000000"


async def test_goods_move_from_the_command_line(stocked: Cli) -> None:
    made = json.loads(await stocked.ok("transfer", "create", "+L1", "L2", "A-1=4", "--reason", "refill", "--json"))
    assert (made["state"], made["lines"][0]["requested"], made["channel"]) == ("planned", 4, "default")
    identity = made["transfer_id"]
    assert "planned" in await stocked.ok("transfer", "list", "--from-location", "+L1")
    shipped = await stocked.ok("transfer", "ship", identity, "A-1=3", "--channel", "depot")
    assert "+L1 → L2, shipped" in shipped
    refused = await stocked.run("transfer", "receive", identity, "A-1=2", "--close")
    assert (refused.code, refused.err.splitlines()[0].split(":")[0]) == (1, "FIELD_REQUIRED")
    received = json.loads(
        await stocked.ok("transfer", "receive", identity, "A-1=2", "--close", "--difference", "broken", "--json")
    )
    assert received["lines"][0] == {
        "sku": "A-1",
        "lot": None,
        "requested": 4,
        "shipped": 3,
        "received": 2,
        "missing": 1,
        "difference_reason": "broken",
        "serials": [],
    }
    shown = await stocked.ok("transfer", "show", identity)
    assert "broken" in shown
    assert "reason refill" in shown
    assert json.loads(await stocked.ok("transfer", "list", "--state", "received", "--json")) == [received]


async def test_a_shipped_transfer_is_called_back(stocked: Cli) -> None:
    made = json.loads(await stocked.ok("transfer", "create", "+L1", "L2", "A-1=4", "--ship", "--json"))
    assert "cancelled" in await stocked.ok("transfer", "cancel", made["transfer_id"], "--reason", "wrong shop")
    again = await stocked.run("transfer", "cancel", made["transfer_id"])
    assert (again.code, again.err.split(":")[0]) == (1, "TRANSFER_STATE")


async def test_what_is_mistyped_is_said(stocked: Cli) -> None:
    for arguments, message in (
        (("create", "+L1", "L2"), "say what to move"),
        (("create", "+L1", "L2", "A-1"), "not SKU=QUANTITY"),
        (("create", "+L1", "L2", "A-1=-4"), "not SKU=QUANTITY"),
        (("create", "+L1", "L2", "A-1=" + "9" * 30), "not SKU=QUANTITY"),
        (("show", NOBODY), "TRANSFER_NOT_FOUND"),
        (("ship", "x"), "TRANSFER_ID_FORMAT"),
        (("list", "--rows", "0"), "--rows is 1 to"),
    ):
        ended = await stocked.run("transfer", *arguments)
        assert ended.code == 1
        assert message in ended.err, ended.err
    assert await stocked.ok("transfer", "list") == "no transfers\n"
