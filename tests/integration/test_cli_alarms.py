"""`inventory alarms`, each command as a process of its own, against a real server."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from inventory.domain.alarm import Drift
from inventory.postgres.alarms import tell_drift
from inventory.postgres.connection import Database
from inventory.postgres.reads import Reader
from inventory.server import start
from inventory.settings import Settings
from inventory.v1 import watch_service_pb2 as watch_pb2
from inventory_client import InventoryClient, SnapshotPiece
from tests.integration.test_cli_commands import Cli

ALARMS = True


@pytest.fixture
async def cli(dsn: str) -> AsyncIterator[Cli]:
    """Beside a shop with two alarms."""
    async with AsyncExitStack() as stack:
        cli = Cli(await start(Settings(listen="127.0.0.1:0"), dsn, stack), dsn)
        stack.push_async_callback(cli.end)
        database = Database(dsn)
        reader = await Reader.open(database)
        stack.push_async_callback(reader.close)
        for drift in (Drift("web", "on_hand", 5, "r"), Drift("till", "available", 1, "r")):
            await tell_drift(reader, database, drift)
        yield cli


async def test_alarms_are_listed_acknowledged_and_filtered(cli: Cli) -> None:
    listed = json.loads(await cli.ok("alarms", "--json"))
    assert {(alarm["kind"], alarm["severity"], alarm["subject"]["counted"]) for alarm in listed} == {
        ("DRIFT", "WARNING", "on_hand"),
        ("DRIFT", "WARNING", "available"),
    }
    [alarm] = [each for each in listed if each["subject"]["counted"] == "on_hand"]
    table = await cli.ok("alarms")
    assert alarm["alarm_id"] in table
    assert "5 of channel web's numbers" in " ".join(table.split())
    assert "acknowledged by" in await cli.ok("alarms", "acknowledge", alarm["alarm_id"], "--note", "is looked into")
    noted = await cli.ok("alarms")
    assert "note" in noted
    assert "is looked into" in " ".join(noted.split())
    [shown] = json.loads(await cli.ok("alarms", "--channel", "web", "--json"))
    assert (shown["note"], shown["closed_at"]) == ("is looked into", None)
    assert "no alarm" in await cli.ok("alarms", "--kind", "low_stock")
    assert len(json.loads(await cli.ok("alarms", "--all", "--kind", "drift", "--json"))) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("acknowledge", "7"), "ALARM_ID_FORMAT"),
        (("acknowledge", "0b6f7f0e-3a52-4f5e-9d3e-6f6b1e0f2a01"), "ALARM_NOT_FOUND"),
        (("--kind", "fire"), "--kind is one of communication_errors"),
    ],
)
async def test_what_can_not_be_done_is_said_in_a_line(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    ended = await cli.run("alarms", *arguments)
    assert ended.code == 1
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1


async def test_the_client_package_follows_alarms(cli: Cli) -> None:
    async with InventoryClient(cli.address) as client:
        async with client.watch(kinds=[watch_pb2.CHANGE_KIND_ALARM]) as events:
            seen: set[str] = set()
            async for event in events:
                if isinstance(event, SnapshotPiece):
                    seen.update(alarm.subject["counted"] for alarm in event.alarms)
                if len(seen) == 2:
                    break
        assert seen == {"on_hand", "available"}
        assert [delivery async for delivery in client.list_deliveries()] == []
