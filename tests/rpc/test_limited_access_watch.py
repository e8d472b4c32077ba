"""What a follower with limits is told: its part of everything, and nothing else."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from inventory.domain.access import Scope
from inventory.feed import hub
from inventory.feed.buffer import Selection
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import watch_service_pb2 as pb2
from tests.rpc.client import Client, new_id, seconds, unique
from tests.rpc.doors import EVERYDAY, Doors, guarded
from tests.rpc.follower import ALL_KINDS, NOW, Follower, categorise, following
from tests.rpc.limited import CANARY

SHOWN = [pb2.CHANGE_KIND_AVAILABILITY]
OFTEN = seconds(1)


@pytest.fixture(scope="module", params=["from memory", "from the database"])
async def doors(request: pytest.FixtureRequest, module_dsn: str) -> AsyncIterator[Doors]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "from the database":
            patch.setattr(hub, "RING_RECORDS_MAX", 1)
            patch.setattr(Selection, "RECORDS_MAX", 1)
            patch.setattr("inventory.postgres.changes.PAGE_ROWS", 4)
        async with guarded(module_dsn) as running:
            yield running


class Town:
    """A channel that may know one place and what is food, and what it may not know."""

    def __init__(self, channel: str, client: Client, admin: Client) -> None:
        self.channel = channel
        self.client = client
        self.admin = admin
        self.food = unique("food")
        self.here = self.far = self.apple = self.saw = ""

    async def trade(self) -> int:
        """Something happens everywhere; the last revision."""
        for sku in (self.apple, self.saw):
            for place in (self.here, self.far):
                await self.admin.adjust(sku, place, 1, reference="CANARY-ref" if (sku, place) != self.known else "")
        await self.admin.stock.BatchAdjustStock(_everywhere(self))
        return (await self.admin.adjust(self.apple, self.here, 1)).revision

    @property
    def known(self) -> tuple[str, str]:
        return self.apple, self.here


def _everywhere(town: Town) -> stock_pb2.BatchAdjustStockRequest:
    rows = [
        stock_pb2.StockAdjustment(sku=sku, location=place, delta=1)
        for sku in (town.apple, town.saw)
        for place in (town.here, town.far)
    ]
    return stock_pb2.BatchAdjustStockRequest(request_id=new_id(), reason="test", adjustments=rows)


@pytest.fixture
async def town(doors: Doors) -> Town:
    admin, channel = doors.admin, unique("town")
    here, far = await admin.location(), await admin.location(unique("CANARY"))
    client = await doors.let_in(channel, *EVERYDAY)
    found = Town(channel, client, admin)
    await doors.limit(channel, *EVERYDAY, locations=[here], categories=[found.food])
    found.here, found.far = here, far
    found.apple = await admin.sku(category=f"{found.food}/fruit")
    found.saw = await admin.sku(unique("CANARY"), category="tools")
    for sku in (found.apple, found.saw):
        for place in (here, far):
            await admin.adjust(sku, place, 10, reference="" if (sku, place) == found.known else "CANARY-ref")
    return found


def silent_of_others(follower: Follower) -> bool:
    return not any(CANARY in message.SerializeToString() for message in follower.messages)


async def told_up_to(follower: Follower, town: Town, revision: int) -> None:
    await follower.up_to(revision)
    assert silent_of_others(follower)


async def test_a_snapshot_and_what_follows_are_of_what_is_allowed(town: Town) -> None:
    async with following(town.client, snapshot=NOW, kinds=ALL_KINDS) as follower:
        await follower.begun()
        assert set(follower.levels) == {town.known}
        last = await town.trade()
        await told_up_to(follower, town, last)
        assert follower.levels[town.known].on_hand == 13
        assert {(row.sku, row.location) for row in follower.rows} == {town.known}


async def test_every_change_is_told_from_any_revision(town: Town) -> None:
    async with following(town.client, now=NOW) as follower:
        start = await follower.begun()
    last = await town.trade()
    for after in range(start.revision, last):
        async with following(town.client, after=pb2.WatchRequest(after=start).after) as follower:
            await told_up_to(follower, town, last)
            assert follower.levels[town.known].on_hand == 13
        if after - start.revision == 1:
            break


async def test_the_latest_is_of_what_is_allowed(town: Town) -> None:
    async with following(town.client, snapshot=NOW, mode=pb2.WATCH_MODE_LATEST) as follower:
        await follower.begun()
        await told_up_to(follower, town, await town.trade())
        assert set(follower.levels) == {town.known}
        assert follower.levels[town.known].on_hand == 13


async def test_a_filter_only_narrows_what_is_allowed(town: Town) -> None:
    filters: tuple[dict[str, Any], ...] = (
        {"skus": [town.apple, town.saw]},
        {"locations": [town.here, town.far]},
        {"categories": [f"{town.food}/fruit", "tools"]},
        {"locations": [town.far]},
        {"categories": ["tools"]},
        {"skus": [town.saw]},
    )
    for wanted in filters:
        async with following(town.client, snapshot=NOW, kinds=ALL_KINDS, heartbeat=OFTEN, **wanted) as follower:
            await follower.begun()
            await told_up_to(follower, town, await town.trade())
            assert set(follower.levels) <= {town.known}
            assert bool(follower.levels) == (len(next(iter(wanted.values()))) == 2), wanted


async def test_a_sku_that_comes_into_an_allowed_category_is_told_with_its_stock(town: Town) -> None:
    kinds = [pb2.CHANGE_KIND_STOCK, pb2.CHANGE_KIND_SKU]
    async with following(town.client, snapshot=NOW, kinds=kinds, heartbeat=OFTEN) as follower:
        await follower.begun()
        revision = await categorise(town.admin, town.saw, f"{town.food}/odd")
        await follower.up_to(revision)
        assert follower.levels[(town.saw, town.here)].on_hand == 10
        assert (town.saw, town.far) not in follower.levels
        left = await categorise(town.admin, town.saw, "tools")
        silent = (await town.admin.adjust(town.saw, town.here, 1)).revision
        await follower.up_to(silent)
        assert follower.changes[-1].revision == left
        assert [sku.category for sku in follower.changes[-1].skus] == ["tools"]


async def test_the_latest_of_what_comes_into_an_allowed_category_is_told(town: Town) -> None:
    async with following(town.client, now=NOW, mode=pb2.WATCH_MODE_LATEST) as follower:
        await follower.begun()
        await follower.up_to(await categorise(town.admin, town.saw, f"{town.food}/odd"))
        assert (town.saw, town.far) not in follower.levels


async def test_what_may_be_sold_is_told_of_allowed_places_only(town: Town, doors: Doors) -> None:
    async with (
        following(town.client, snapshot=NOW, kinds=SHOWN) as follower,
        following(town.admin, snapshot=NOW, kinds=SHOWN, metadata=(("inventory-channel", town.channel),)) as everything,
    ):
        for each in (follower, everything):
            await each.begun()
        assert follower.shown == {town.apple: (10, 0)}
        assert everything.shown[town.apple] == (20, 0)
        last = await town.trade()
        await told_up_to(follower, town, last)
        await everything.up_to(last)
        assert follower.shown == {town.apple: (13, 0)}
        assert everything.shown[town.apple] == (25, 0)


async def test_what_may_be_sold_is_told_beside_the_stock(town: Town) -> None:
    kinds = [pb2.CHANGE_KIND_STOCK, pb2.CHANGE_KIND_AVAILABILITY]
    async with following(town.client, snapshot=NOW, kinds=kinds) as follower:
        await follower.begun()
        last = await town.trade()
        await told_up_to(follower, town, last)
        assert follower.shown == {town.apple: (13, 0)}
        assert follower.levels[town.known].on_hand == 13


async def test_who_sells_from_elsewhere_from_now_on_is_told_what_that_changes_here(town: Town) -> None:
    async with following(town.client, snapshot=NOW, kinds=SHOWN) as follower:
        await follower.begun()
        for places, value in (([town.far], (0, 0)), ([town.far, town.here], (10, 0))):
            settings = channel_pb2.Channel(channel=town.channel, locations=places)
            request = channel_pb2.SetChannelRequest(request_id=new_id(), channel=settings)
            await told_up_to(follower, town, (await town.admin.channels.SetChannel(request)).revision)
            assert follower.shown == {town.apple: value}


async def test_a_channel_is_told_of_itself_and_its_own_subscribers(town: Town, doors: Doors) -> None:
    other = unique("canary")
    await doors.limit(other, *EVERYDAY)
    kinds = [pb2.CHANGE_KIND_CHANNEL, pb2.CHANGE_KIND_SUBSCRIBER]
    reporter = await doors.let_in(unique("office"), Scope.WATCH, Scope.REPORT)
    async with (
        following(town.client, snapshot=NOW, kinds=kinds) as follower,
        following(reporter, snapshot=NOW, kinds=kinds) as office,
    ):
        for each in (follower, office):
            await each.begun()
        last = 0
        for channel in (other, town.channel):
            settings = channel_pb2.Channel(channel=channel, locations=[town.far, town.here])
            request = channel_pb2.SetChannelRequest(request_id=new_id(), channel=settings)
            last = (await town.admin.channels.SetChannel(request)).revision
        await told_up_to(follower, town, last)
        await office.up_to(last)
        told = [found for change in follower.changes for found in change.channels]
        assert [(found.channel, list(found.locations)) for found in told] == [(town.channel, [town.here])]
        assert {found.channel for change in office.changes for found in change.channels} == {other, town.channel}
    async with following(town.client, snapshot=NOW, kinds=kinds) as follower:
        await follower.begun()
        assert silent_of_others(follower)
        (settings,) = [found for message in follower.messages for found in message.channels]
        assert list(settings.locations) == [town.here]


async def test_a_quiet_follower_is_still_given_bookmarks(town: Town) -> None:
    async with following(town.client, now=NOW, locations=[town.far], stream_id=(stream := new_id())) as follower:
        await follower.begun()
        last = await town.trade()
        await town.client.watch.RequestBookmark(pb2.RequestBookmarkRequest(stream_id=stream))
        await told_up_to(follower, town, last)
        assert not follower.changes
