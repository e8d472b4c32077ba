"""Compaction: how far back the feed can be resumed is a setting; the ledger stays whole, and nobody alive is passed."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import pytest

from inventory.__main__ import run
from inventory.feed import keeping
from inventory.postgres.connection import Database
from inventory.postgres.subscribers import Window, compact
from inventory.settings import Settings
from inventory.v1 import core_pb2
from inventory.v1 import subscriber_service_pb2 as pb2
from tests.integration.test_cli_commands import Cli
from tests.rpc.client import Client, eventually, seconds
from tests.rpc.conftest import serving
from tests.rpc.follower import ALL_KINDS, NOW, assert_dense, following

HOUR = timedelta(hours=1)


@dataclass
class House:
    """A server with a history of one revision a change."""

    client: Client
    cli: Cli
    dsn: str
    db: asyncpg.Connection
    sku: str = ""
    location: str = ""

    async def changes(self, number: int) -> int:
        """So many more. Returns the head."""
        head = 0
        for _ in range(number):
            head = (await self.client.adjust(self.sku, self.location, 1)).revision
        return head

    async def compact(self, age: timedelta | None = None, changes_max: int | None = None) -> Window:
        return await compact(Database(self.dsn), age, changes_max)

    async def command(self, *arguments: str) -> int:
        """The exit code of a command that speaks to the database; a process of its own would show no more."""
        return await asyncio.to_thread(run, [*arguments, "--dsn", self.dsn])

    async def oldest(self) -> int:
        return int(await self.db.fetchval("SELECT compacted FROM feed_head"))

    async def resumes(self, revision: int) -> str:
        """Why a stream can't begin after a revision; empty: it gives everything up to the head."""
        head = int(await self.db.fetchval("SELECT revision FROM feed_head"))
        async with following(self.client, after=core_pb2.Cursor(revision=revision), kinds=ALL_KINDS) as follower:
            with suppress(Exception):
                await follower.up_to(head)
                assert_dense(follower.changes, revision, head)
                return ""
            refused = await follower.ended()
        assert refused.what == ("OUT_OF_RANGE", "COMPACTED")
        assert refused.metadata == {"oldest": str(await self.oldest()), "revision": str(revision)}
        return refused.reason

    async def register(self, name: str, after: int, deadline_s: float = 3600) -> None:
        await self.client.subscribers.RegisterSubscriber(
            pb2.RegisterSubscriberRequest(
                name=name, after=core_pb2.Cursor(revision=after), deadline=seconds(deadline_s)
            )
        )

    async def silent_for(self, name: str, age: timedelta) -> None:
        await self.db.execute("UPDATE subscriber SET acknowledged_at = now() - $2::interval WHERE name = $1", name, age)

    async def back_date(self, up_to: int, age: timedelta) -> None:
        """Makes changes older: no test can wait for that. The ledger refuses, so its guard is off meanwhile."""
        for table in ("movement", "sku_version", "location_version"):
            async with self.db.transaction():
                await self.db.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
                await self.db.execute(
                    f"UPDATE {table} SET recorded_at = recorded_at - $2::interval WHERE revision <= $1", up_to, age
                )
                await self.db.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


@pytest.fixture
async def house(dsn: str) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(dsn))
        client = Client(server.address)
        stack.push_async_callback(client.close)
        db = await server.connect()
        stack.push_async_callback(db.close)
        cli = Cli(server.address, dsn)
        stack.push_async_callback(cli.end)
        made = House(client, cli, dsn, db)
        made.sku, made.location = await client.stocked(5)
        yield made


# How far


async def test_all_but_the_newest_changes_are_let_go(house: House) -> None:
    head = await house.changes(10)
    assert await house.compact(changes_max=4) == Window(0, head - 4, head - 4, head)
    assert await house.oldest() == head - 4
    assert await house.resumes(head - 4) == "", "exactly there it goes on"
    assert await house.resumes(head - 5) == "COMPACTED", "one before it doesn't"
    assert await house.resumes(0) == "COMPACTED"
    assert await house.resumes(head) == ""
    entries = await house.db.fetch("SELECT operator, detail FROM audit_entry WHERE action = 'Compact'")
    assert [entry["operator"] for entry in entries] == ["server"]


async def test_changes_older_than_an_age_are_let_go(house: House) -> None:
    old = await house.changes(6)
    head = await house.changes(4)
    await house.back_date(old, 2 * HOUR)
    assert await house.compact(age=3 * HOUR) == Window(0, 0, 0, head)
    assert await house.compact(age=HOUR) == Window(0, old, old, head)
    assert await house.resumes(old) == ""
    assert await house.resumes(old - 1) == "COMPACTED"


async def test_whichever_limit_reaches_further_decides(house: House) -> None:
    old = await house.changes(6)
    head = await house.changes(4)
    await house.back_date(old, 2 * HOUR)
    assert (await house.compact(age=HOUR, changes_max=8)).after == old
    assert (await house.compact(age=HOUR, changes_max=2)).after == head - 2


async def test_without_limits_nothing_is_let_go(house: House) -> None:
    head = await house.changes(5)
    assert await house.compact() == Window(0, 0, 0, head)
    assert await house.compact(changes_max=1_000_000) == Window(0, 0, 0, head)


async def test_everything_may_be_let_go_but_never_more(house: House) -> None:
    head = await house.changes(5)
    assert (await house.compact(changes_max=0)).after == head
    assert (await house.compact(age=timedelta())).after == head
    assert await house.resumes(head) == ""


async def test_it_never_goes_back(house: House) -> None:
    head = await house.changes(10)
    await house.compact(changes_max=3)
    assert await house.compact(changes_max=8) == Window(head - 3, head - 3, head - 8, head)
    await house.register("late", head - 3)
    assert await house.compact(changes_max=8) == Window(head - 3, head - 3, head - 8, head)
    assert await house.oldest() == head - 3


# Past whom


async def test_a_subscriber_within_its_deadline_is_waited_for(house: House) -> None:
    head = await house.changes(10)
    await house.register("slow", head - 7)
    await house.register("slower", head - 8)
    await house.register("at the head", head)
    assert await house.compact(changes_max=2) == Window(0, head - 8, head - 2, head)
    await house.silent_for("slower", timedelta(minutes=59))
    assert (await house.compact(changes_max=2)).after == head - 8
    assert await house.resumes(head - 8) == ""


async def test_one_beyond_its_deadline_is_passed(house: House) -> None:
    head = await house.changes(10)
    await house.register("slow", head - 6)
    await house.register("lost", head - 8)
    await house.silent_for("lost", timedelta(minutes=61))
    assert (await house.compact(changes_max=2)).after == head - 6
    async with following(house.client, acknowledged=NOW, subscriber="lost") as follower:
        refused = await follower.ended()
    assert refused.what == ("OUT_OF_RANGE", "COMPACTED")
    await house.client.subscribers.Acknowledge(
        pb2.AcknowledgeRequest(name="slow", cursor=core_pb2.Cursor(revision=head - 1))
    )
    window = await house.compact(changes_max=2)  # the head may have moved: a loss that is seen is a change
    assert window.after == window.wanted == window.head - 2, "an acknowledgement lets go"
    await house.client.subscribers.RemoveSubscriber(pb2.RemoveSubscriberRequest(name="slow"))
    window = await house.compact(changes_max=0)
    assert window.after == window.head


async def test_nobody_can_register_where_the_feed_begins_no_more(house: House) -> None:
    head = await house.changes(6)
    await house.compact(changes_max=3)
    with pytest.raises(Exception, match="the feed keeps nothing that old"):
        await house.register("late", head - 4)
    await house.register("in time", head - 3)
    assert (await house.compact(changes_max=0)).after == head - 3


# What goes on


async def test_an_open_stream_over_the_range_goes_on_without_a_gap(house: House) -> None:
    head = await house.changes(3)
    cursor = core_pb2.Cursor(revision=0)
    async with (
        following(house.client, after=cursor, kinds=ALL_KINDS) as slow,
        following(house.client, now=NOW, kinds=ALL_KINDS) as awake,
    ):
        await slow.begun()
        await awake.begun()
        await house.compact(changes_max=0)
        last = await house.changes(5)
        await house.compact(changes_max=1)
        await slow.up_to(last)
        await awake.up_to(last)
        assert_dense(slow.changes, 0, last)
        assert_dense(awake.changes, head, last)


async def test_the_ledger_is_whole_afterwards(house: House) -> None:
    head = await house.changes(10)
    await house.compact(changes_max=0)
    rows = await house.client.movements(sku=house.sku, page_size=1_000)
    assert len(rows) == 11
    assert rows[0].revision == head
    assert await house.command("verify") == 0
    assert (await house.client.adjust(house.sku, house.location, 1)).revision == head + 1
    async with following(house.client, snapshot=NOW) as follower:
        await follower.begun()
        assert follower.levels[(house.sku, house.location)].on_hand == 5 + 11


# A server's own keeping


@pytest.mark.parametrize(
    ("environment", "age", "changes_max"),
    [
        ({}, timedelta(hours=168), 10_000_000),
        ({"INVENTORY_FEED_HOURS": "0.5", "INVENTORY_FEED_CHANGES": "7"}, timedelta(minutes=30), 7),
        ({"INVENTORY_FEED_HOURS": ""}, None, 10_000_000),
        ({"INVENTORY_FEED_CHANGES": ""}, timedelta(hours=168), None),
        ({"INVENTORY_FEED_HOURS": "", "INVENTORY_FEED_CHANGES": ""}, None, None),
    ],
)
def test_what_is_kept_is_a_setting(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], age: timedelta | None, changes_max: int | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert (settings.feed_age, settings.feed_changes) == (age, changes_max)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INVENTORY_FEED_HOURS", "0"),
        ("INVENTORY_FEED_HOURS", "-1"),
        ("INVENTORY_FEED_HOURS", "nan"),
        ("INVENTORY_FEED_HOURS", "1e300"),
        ("INVENTORY_FEED_HOURS", "week"),
        ("INVENTORY_FEED_CHANGES", "0"),
        ("INVENTORY_FEED_CHANGES", "-5"),
        ("INVENTORY_FEED_CHANGES", "1.5"),
    ],
)
def test_a_setting_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=name.removeprefix("INVENTORY_").lower()):
        Settings()


async def test_a_running_server_compacts_by_its_settings(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "LOOK_S", 0.05)
    monkeypatch.setattr(keeping, "COMPACT_S", 0.1)
    monkeypatch.setenv("INVENTORY_FEED_CHANGES", "3")
    async with serving(dsn) as server:
        client, db = Client(server.address), await server.connect()
        sku, place = await client.stocked(5)
        head = max([(await client.adjust(sku, place, 1)).revision for _ in range(8)])

        async def moved() -> bool:
            return bool(await db.fetchval("SELECT compacted FROM feed_head") == head - 3)

        await eventually(moved, "three changes are kept")
        await client.close()
        await db.close()


# Commands


async def test_the_command_says_what_it_did(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    async def said(*arguments: str) -> str:
        capsys.readouterr()
        assert await house.command("compact", *arguments) == 0
        return capsys.readouterr().out

    await asyncio.gather(*(house.changes(100) for _ in range(12)))
    head = await house.changes(1)
    kept = head - 100
    tried = await said("--keep-changes", "100", "--dry-run")
    assert tried == f"the feed would be resumable from {kept:,} on, before from 0; its head is {head:,}\n"
    assert await house.oldest() == 0, "a dry run moves nothing"
    did = await said("--keep-changes", "100")
    assert did == f"the feed is resumable from {kept:,} on, before from 0; its head is {head:,}\n"
    assert await house.oldest() == kept
    again = await said("--keep-changes", "100")
    assert again == f"nothing to compact: the feed can be resumed from {kept:,} on, its head is {head:,}\n"
    await house.register("slow", head - 20)
    held = await said("--keep-hours", "0")
    assert held.splitlines()[0] == (
        f"the feed is resumable from {head - 20:,} on, before from {kept:,}; its head is {head:,}"
    )
    assert re.fullmatch(
        f"held back from {head:,} by subscriber slow of channel default \\(acknowledged {head - 20:,}, last heard of "
        r"\d+ s ago\): see `inventory subscribers`",
        held.splitlines()[1],
    )
    await house.register("other", head - 20)
    assert " and 1 more: see" in await said("--keep-hours", "0", "--dry-run")


async def test_watching_from_where_the_feed_begins_no_more_says_from_where_it_can_be(house: House) -> None:
    head = await house.changes(10)
    await house.compact(changes_max=4)
    ended = await house.cli.run("watch", "--after", "2")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "COMPACTED: what came after revision 2 is no longer told change by change. The oldest possible --after is "
        f"{head - 4}; without --after it begins with now\n"
    )
    ended = await house.cli.run("watch", "--after", str(head + 1))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        f"REVISION_IN_FUTURE: revision {head + 1} has not happened yet. The newest possible --after is {head}\n"
    )
    assert (await house.cli.run("watch", "--after", str(2**63))).code == 2


async def test_the_command_keeps_by_settings_unless_it_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    old = await house.changes(6)
    head = await house.changes(4)
    await house.back_date(old, 2 * HOUR)
    monkeypatch.setenv("INVENTORY_FEED_CHANGES", "")

    async def oldest_after(hours: str, *arguments: str) -> int:
        monkeypatch.setenv("INVENTORY_FEED_HOURS", hours)
        assert await house.command("compact", *arguments) == 0
        return await house.oldest()

    assert await oldest_after("3") == 0
    assert await oldest_after("1", "--keep-changes", "1000") == 0, "it was told"
    assert await oldest_after("1") == old
    assert await oldest_after("", "--keep-changes", "2") == head - 2
    assert await oldest_after("") == head - 2


async def test_the_command_refuses_what_is_no_window(house: House) -> None:
    await house.changes(3)
    for option, value in (
        ("--keep-changes", "-1"),
        ("--keep-changes", "many"),
        ("--keep-hours", "-1"),
        ("--keep-hours", "nan"),
        ("--keep-hours", "inf"),
        ("--keep-hours", "1e300"),
    ):
        with pytest.raises(SystemExit) as ended:
            await house.command("compact", option, value)
        assert ended.value.code
        assert await house.oldest() == 0


async def test_subscribers_are_listed(house: House) -> None:
    head = await house.changes(5)
    nobody = await house.cli.ok("subscribers")
    assert nobody == f"nobody is registered; the feed's head is {head:,}, resumable from 0 on\n"
    await house.register("erp", head - 4)
    await house.register("[bold]web", head, deadline_s=60)
    await house.client.subscribers.RegisterSubscriber(
        pb2.RegisterSubscriberRequest(name="erp", lag_changes_max=1_000, lag_max=seconds(90))
    )
    await house.compact(changes_max=5)
    table = await house.cli.ok("subscribers")
    for text in (f"head is {head:,}, resumable from {head - 5:,} on", "erp", "[bold]web", "following", "1,000 changes"):
        assert text in table
    document = json.loads(await house.cli.ok("subscribers", "--json", "--channel", "default"))
    epoch = str(await house.db.fetchval("SELECT epoch FROM feed_head"))
    assert (document["head"], document["oldest"], document["epoch"]) == (head, head - 5, epoch)
    web, erp = document["subscribers"]
    assert 0 < erp.pop("lag_s") < 60
    assert 0 < erp.pop("silent_s") < 60
    assert erp == {
        "channel": "default",
        "name": "erp",
        "state": "FOLLOWING",
        "acknowledged": head - 4,
        "lag_changes": 4,
        "deadline_s": 86_400,
        "lag_changes_max": 1_000,
        "lag_max_s": 90,
    }
    assert (web["name"], web["lag_changes"], web["lag_s"], web["lag_max_s"]) == ("[bold]web", 0, 0, None)
