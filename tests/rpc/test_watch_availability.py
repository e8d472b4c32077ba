"""Watch of what a channel may sell: the numbers of its view, kept right by stock, settings, catalogue and calendar."""

from __future__ import annotations

import asyncio
import contextlib
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import grpc
import pytest

from inventory.feed import views
from inventory.feed.views import Views
from inventory.postgres import views as source
from inventory.postgres.errors import Unavailable
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import watch_service_pb2 as pb2
from tests.rpc.client import Client, Metadata, new_id, seconds, unique
from tests.rpc.follower import NOW, Follower, bulk, categorise, following
from tests.rpc.shown import ENDLESS, alter, expected
from tests.rpc.tracked import day, of_lot

SHOWN = pb2.CHANGE_KIND_AVAILABILITY
STOCK = pb2.CHANGE_KIND_STOCK


class Channel:
    """A channel of its own, its settings, and its streams."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.code = unique("ch")[:32]

    @property
    def metadata(self) -> Metadata:
        return (("inventory-channel", self.code),)

    async def set(self, *locations: str, days: int = 0, kind: Any = 0, **view: Any) -> int:
        """Returns the revision."""
        answer = await self.client.channels.SetChannel(
            channel_pb2.SetChannelRequest(
                request_id=new_id(),
                channel=channel_pb2.Channel(
                    channel=self.code,
                    locations=locations,
                    view=channel_pb2.ChannelView(**view),
                    min_life_days=days,
                    kind=kind,
                ),
            )
        )
        return answer.revision

    async def set_sku(self, sku: str, **view: Any) -> int:
        answer = await self.client.channels.SetChannelSkus(
            channel_pb2.SetChannelSkusRequest(
                request_id=new_id(),
                channel=self.code,
                skus=[channel_pb2.ChannelSku(sku=sku, view=channel_pb2.ChannelView(**view))],
            )
        )
        return answer.revision

    def follow(self, client: Client | None = None, **request: Any) -> Any:
        wish = {"kinds": [SHOWN], "heartbeat": seconds(1), **request}
        return following(client or self.client, metadata=self.metadata, **wish)


@pytest.fixture
async def channel(client: Client) -> Channel:
    return Channel(client)


async def test_the_snapshot_has_what_may_be_sold_and_nothing_else(client: Client, channel: Channel) -> None:
    sku, place = await client.stocked(10)
    empty, _ = await client.stocked(0, place)
    elsewhere, _ = await client.stocked(7)
    await channel.set(place, buffer=3)
    async with channel.follow(snapshot=NOW) as follower:
        await follower.begun()
    assert follower.shown[sku] == (7, 0)
    assert empty not in follower.shown
    assert elsewhere not in follower.shown


async def test_a_change_of_stock_at_any_of_its_places_is_told_as_the_view_shows_it(
    client: Client, channel: Channel
) -> None:
    sku, place = await client.stocked(10)
    other = await client.location()
    await channel.set(place, other, buffer=3, share_bp=5_000, cap=5)
    async with channel.follow(snapshot=NOW, skus=[sku]) as follower:
        await follower.begun()
        assert follower.shown == {sku: (3, 0)}
        last = (await client.adjust(sku, other, 4)).revision
        await follower.up_to(last)
        assert follower.shown == {sku: (5, 0)}
        held = await client.reserve((sku, place, 6))
        await follower.up_to(held.revision)
        assert follower.shown == {sku: (2, 0)}
    assert [change.revision for change in follower.changes] == [last, held.revision]


def nonzero(shown: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    return {sku: value for sku, value in shown.items() if value[0]}


class House:
    """Goods of every kind at four places, and whatever may happen to them."""

    def __init__(
        self, client: Client, twin: Client, db: asyncpg.Connection, channels: list[Channel], seed: int
    ) -> None:
        self.clients = (client, twin)
        self.db = db
        self.channels = channels
        self.draw = random.Random(seed)
        self.places: list[str] = []
        self.goods: list[str] = []
        self.lots: list[str] = []
        self.bundles: list[str] = []
        self.held: list[str] = []

    @property
    def limited(self) -> str:
        """The one with limits at its levels, which the ledger doesn't remember."""
        return self.goods[5]

    async def open(self) -> None:
        client = self.clients[0]
        self.places = [await client.location() for _ in range(4)]
        self.goods = [await client.sku() for _ in range(6)]
        for _ in range(2):
            sku = await client.sku()
            await alter(self.db, "sku", sku, tracking=1)
            self.lots.append(sku)
        for kind in (3, 4):
            sku = await client.sku()
            await alter(self.db, "sku", sku, kind=kind)
            self.goods.append(sku)
        await self._bundle([(self.goods[0], 2), (self.goods[1], 1)])
        await self._bundle([(self.goods[1], 1), (self.lots[0], 1)])
        await self._bundle([(self.bundles[0], 2), (self.goods[2], 1)])
        for place in self.places:
            await client.receive(place, *((sku, self.draw.randint(0, 30) + 1) for sku in self.goods[:6]))

    async def _bundle(self, parts: list[tuple[str, int]]) -> None:
        sku = await self.clients[0].sku()
        await alter(self.db, "sku", sku, kind=2, components=parts)
        self.bundles.append(sku)

    async def something(self) -> None:
        """One command, on either replica; some are refused."""
        client, draw = self.draw.choice(self.clients), self.draw
        place, sku = draw.choice(self.places), draw.choice(self.goods[:6])
        deeds: list[Any] = [
            lambda: self._reserve(client),
            lambda: self._reserve(client),
            lambda: self._reserve(client),
            lambda: client.receive(place, (sku, draw.randint(1, 9))),
            lambda: client.adjust(sku, place, draw.choice((-3, -1, 2, 5))),
            lambda: client.receive(
                place,
                of_lot(draw.choice(self.lots), draw.randint(1, 9), f"L{draw.randint(1, 4)}", day(9)),
            ),
            lambda: self._end(client),
            lambda: client.stock.SetThresholds(
                stock_pb2.SetThresholdsRequest(
                    request_id=new_id(), sku=self.limited, location=place, backorder_limit=draw.randint(0, 6)
                )
            ),
        ]
        with contextlib.suppress(grpc.aio.AioRpcError):
            await draw.choice(deeds)()

    async def _reserve(self, client: Client) -> None:
        sku = self.draw.choice((*self.goods, *self.lots, *self.bundles))
        place = self.draw.choice(("", *self.places))
        ttl = self.draw.choice((None, 3600, 1))
        self.held.append(await client.hold((sku, place, self.draw.randint(1, 6)), ttl=ttl))

    async def _end(self, client: Client) -> None:
        if self.held:
            held = self.held.pop(self.draw.randrange(len(self.held)))
            await self.draw.choice((client.release, client.fulfil, client.commit))(held)

    async def resettle(self) -> int:
        """Settings, places or the catalogue change. Returns the revision."""
        draw, channel = self.draw, self.draw.choice(self.channels)
        view: dict[str, Any] = {}
        for name, values in (("buffer", (0, 3, 9)), ("cap", (0, 4, 50)), ("share_bp", (0, 5_000, 10_000))):
            if draw.random() < 0.4:
                view[name] = draw.choice(values)
        if draw.random() < 0.3:
            view["oversell"] = core_pb2.OversellPolicy(limit=draw.randint(1, 9))
        sku = draw.choice((*self.goods, *self.lots, *self.bundles))
        match draw.randrange(8):
            case 0 | 1:
                places = draw.sample(self.places, draw.randint(0, 3))
                return await channel.set(*places, kind=draw.choice((1, 2)), days=draw.choice((0, 8, 30)), **view)
            case 2 | 3:
                return await channel.set_sku(sku, **view)
            case 4:
                place = draw.choice(self.places)
                return await alter(self.db, "location", place, active=draw.random() < 0.7, uses=draw.choice((7, 1, 4)))
            case 5:
                return await alter(self.db, "sku", sku, active=draw.random() < 0.7)
            case 6:
                until = draw.choice((None, day(3), day(-3)))
                limit = None if until is None else draw.randint(0, 5)
                return await alter(
                    self.db,
                    "sku",
                    draw.choice(self.goods[:6]),
                    oversell_limit=draw.choice((None, 0, 4, ENDLESS)),
                    preorder_until=until,
                    preorder_limit=limit,
                )
            case _:
                parts = [(sku, draw.randint(1, 3)) for sku in draw.sample((*self.goods, *self.lots), 2)]
                several = draw.random() < 0.5
                return await alter(
                    self.db, "sku", draw.choice(self.bundles[:2]), components=parts, from_several_places=several
                )


@pytest.mark.parametrize("seed", range(4))
async def test_at_every_bookmark_the_numbers_are_those_of_the_tables(
    client: Client, twin_client: Client, forgetful: Client, db: asyncpg.Connection, seed: int
) -> None:
    channels = [Channel(client) for _ in range(3)]
    await channels[0].set(buffer=1)
    await channels[1].set(cap=9, share_bp=7_000)
    house = House(client, twin_client, db, channels, seed)
    await house.open()
    sources = (client, twin_client, forgetful)
    followers: list[tuple[Channel, Follower]] = []
    streams: list[tuple[Channel, str]] = []
    async with contextlib.AsyncExitStack() as stack:
        for number, channel in enumerate(channels):
            for source in sources[: 2 if number else 3]:
                streams.append((channel, new_id()))
                wish = {"snapshot": NOW, "stream_id": streams[-1][1], "heartbeat": seconds(10)}
                follower = await stack.enter_async_context(channel.follow(source, **wish))
                await follower.begun()
                followers.append((channel, follower))
        cursors: list[tuple[Channel, core_pb2.Cursor, dict[str, tuple[int, int]]]] = []
        for _ in range(12):
            for _ in range(house.draw.randint(1, 12)):
                await house.something()
            if house.draw.random() < 0.7:
                await house.resettle()
            head = await db.fetchval("SELECT revision FROM feed_head")
            for channel, stream_id in streams:
                await client.watch.RequestBookmark(
                    pb2.RequestBookmarkRequest(stream_id=stream_id), metadata=channel.metadata
                )
            for _, follower in followers:
                await follower.up_to(head)
            if await db.fetchval("SELECT revision FROM feed_head") != head:  # a hold ran out meanwhile
                continue
            for channel, follower in followers:
                assert nonzero(follower.shown) == await expected(db, channel.code, follower.bookmark.revision)
                cursors.append((channel, follower.bookmark, dict(follower.shown)))
        assert len(cursors) > 20
        head = await db.fetchval("SELECT revision FROM feed_head")
        for channel, cursor, shown in house.draw.sample(cursors, 8):
            source = house.draw.choice(sources)
            async with channel.follow(source, after=cursor) as resumed:
                resumed.shown.update(shown)
                while not (resumed.messages and resumed.bookmark.revision >= head):
                    message = await resumed.read()
                    if message.HasField("bookmark"):
                        told, right = (
                            nonzero(resumed.shown),
                            await expected(db, channel.code, message.bookmark.revision),
                        )
                        assert told.pop(house.limited, None) == right.pop(house.limited, None) or (
                            message.bookmark.revision < head
                        )
                        assert told == right


async def test_a_follower_sees_only_its_own_channel(client: Client, channel: Channel) -> None:
    other = Channel(client)
    sku, place = await client.stocked(10)
    await channel.set(cap=4)
    await other.set(place, buffer=1)
    async with channel.follow(snapshot=NOW, skus=[sku]) as mine, other.follow(snapshot=NOW, skus=[sku]) as theirs:
        await mine.begun()
        await theirs.begun()
        last = (await client.adjust(sku, place, -8)).revision
        await mine.up_to(last)
        await theirs.up_to(last)
    assert (mine.shown, theirs.shown) == ({sku: (2, 0)}, {sku: (1, 0)})


async def test_what_leaves_the_number_as_it_is_is_not_told(client: Client, channel: Channel) -> None:
    sku, place = await client.stocked(10)
    elsewhere = await client.location()
    await channel.set(place, cap=4)
    async with channel.follow(now=NOW, skus=[sku]) as follower:
        await follower.begun()
        await client.adjust(sku, place, -3)
        last = (await client.adjust(sku, elsewhere, 5)).revision
        await follower.up_to(last)
        assert not follower.changes
        last = (await client.adjust(sku, place, -5)).revision
        await follower.up_to(last)
    assert follower.shown == {sku: (2, 0)}


async def test_stock_and_availability_of_one_command_come_as_one_change(client: Client, channel: Channel) -> None:
    sku, place = await client.stocked(10)
    async with channel.follow(snapshot=NOW, skus=[sku], kinds=[STOCK, SHOWN]) as follower:
        await follower.begun()
        last = (await client.adjust(sku, place, 5)).revision
        await follower.up_to(last)
    (change,) = follower.changes
    assert [row.after.on_hand for row in change.movements] == [15]
    assert [(row.sku, row.available_to_sell) for row in change.availability] == [(sku, 15)]


async def test_what_is_never_short_stands_in_the_snapshot(
    client: Client, channel: Channel, db: asyncpg.Connection
) -> None:
    virtual, lenient, retired = await client.sku(), await client.sku(), await client.sku()
    await alter(db, "sku", virtual, kind=3)
    await alter(db, "sku", lenient, oversell_limit=5)
    await alter(db, "sku", retired, kind=3, active=False)
    async with channel.follow(snapshot=NOW, skus=[virtual, lenient, retired]) as follower:
        await follower.begun()
        assert follower.shown == {virtual: (ENDLESS, 0), lenient: (5, 5)}
        last = await alter(db, "sku", virtual, active=False)
        await follower.up_to(last)
        assert follower.shown[virtual] == (0, 0)
        new = await client.sku()
        await alter(db, "sku", new, kind=3)
    async with channel.follow(snapshot=NOW) as follower:
        await follower.begun()
        assert follower.shown[new] == (ENDLESS, 0)


async def test_a_limit_of_back_orders_is_told_when_it_is_set(client: Client, channel: Channel) -> None:
    sku, place = await client.stocked(1)
    async with channel.follow(snapshot=NOW, skus=[sku]) as follower:
        await follower.begun()
        answer = await client.stock.SetThresholds(
            stock_pb2.SetThresholdsRequest(request_id=new_id(), sku=sku, location=place, backorder_limit=4)
        )
        await follower.up_to(answer.revision)
        assert follower.shown == {sku: (5, 4)}
        answer = await client.stock.SetThresholds(
            stock_pb2.SetThresholdsRequest(request_id=new_id(), sku=sku, location=place, backorder_limit=1)
        )
        await follower.up_to(answer.revision)
    assert follower.shown == {sku: (2, 1)}


async def test_what_waits_elsewhere_uses_up_the_policy(
    client: Client, channel: Channel, db: asyncpg.Connection
) -> None:
    sku, place = await client.stocked(1)
    elsewhere = await client.location()
    await alter(db, "sku", sku, oversell_limit=5)
    await channel.set(place)
    async with channel.follow(snapshot=NOW, skus=[sku]) as follower:
        await follower.begun()
        assert follower.shown == {sku: (6, 5)}
        made = await client.reserve((sku, elsewhere, 3))
        await follower.up_to(made.revision)
    assert follower.shown == {sku: (3, 2)}


async def test_settings_stream_only_what_they_change(client: Client, channel: Channel) -> None:
    many, place = await client.stocked(10)
    few, _ = await client.stocked(2, place)
    async with channel.follow(snapshot=NOW, skus=[many, few]) as follower:
        await follower.begun()
        last = await channel.set(cap=5)
        await follower.up_to(last)
        (change,) = follower.changes
        assert change.revision == last
        assert [(row.sku, row.available_to_sell) for row in change.availability] == [(many, 5)]
        last = await channel.set_sku(few, cap=1)
        await follower.up_to(last)
        assert follower.shown == {many: (5, 0), few: (1, 0)}
        held = await client.reserve((few, place, 2))
        await follower.up_to(held.revision)
    assert follower.shown == {many: (5, 0), few: (0, 0)}


async def test_many_changed_values_come_in_fragments_under_one_revision(
    client: Client, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory.feed.viewing.SKUS_A_PAGE", 2)
    place = await client.location()
    skus = [(await client.stocked(10, place))[0] for _ in range(7)]
    async with channel.follow(snapshot=NOW, skus=skus, kinds=[SHOWN, pb2.CHANGE_KIND_CHANNEL]) as follower:
        await follower.begun()
        last = await channel.set(buffer=4)
        after = (await client.adjust(skus[0], place, 1)).revision
        await follower.up_to(after)
    assert {change.revision for change in follower.changes} == {last, after}
    pieces = [change for change in follower.changes if change.revision == last]
    assert [change.fragment for change in pieces] == [True, True, True, False]
    assert all(len(change.availability) <= 2 for change in pieces)
    assert [row.channel for change in pieces for row in change.channels] == [channel.code]
    assert follower.shown == {skus[0]: (7, 0), **dict.fromkeys(skus[1:], (6, 0))}
    for message in follower.messages:
        assert not (message.HasField("bookmark") and any(change.fragment for change in message.changes))


async def test_a_sku_that_changes_its_category_is_told_to_both(client: Client, channel: Channel) -> None:
    first, second = unique("cat"), unique("cat")
    sku, place = await client.stocked(0)
    await categorise(client, sku, first)
    await client.adjust(sku, place, 3)
    async with (
        channel.follow(snapshot=NOW, categories=[first]) as of_first,
        channel.follow(snapshot=NOW, categories=[second]) as of_second,
    ):
        await of_first.begun()
        await of_second.begun()
        assert (of_first.shown, of_second.shown) == ({sku: (3, 0)}, {})
        last = await categorise(client, sku, second)
        await of_second.up_to(last)
        last = (await client.adjust(sku, place, 1)).revision
        await of_first.up_to(last)
        await of_second.up_to(last)
    assert of_second.shown == {sku: (4, 0)}
    assert of_first.shown == {sku: (3, 0)}, "not told of it any more"


@pytest.mark.parametrize("source", ["from memory", "from the database"])
async def test_in_latest_mode_each_sku_comes_in_its_newest_form(
    client: Client, forgetful: Client, channel: Channel, source: str
) -> None:
    place = await client.location()
    skus = [(await client.stocked(10, place))[0] for _ in range(3)]
    keeper = channel.follow(now=NOW)
    async with keeper as live:
        start = await live.begun()
        for _ in range(4):
            await bulk(client, [(sku, place, 1) for sku in skus])
        last = await channel.set(buffer=2)
        await live.up_to(last)
        where = client if source == "from memory" else forgetful
        async with channel.follow(where, after=start, skus=skus, mode=pb2.WATCH_MODE_LATEST) as follower:
            await follower.up_to(last)
            told = [row.sku for message in follower.messages for row in message.availability]
            assert sorted(told) == sorted(skus)
            assert follower.shown == dict.fromkeys(skus, (12, 0))
            assert not follower.changes
            last = (await client.adjust(skus[0], place, -5)).revision
            await follower.up_to(last)
            assert follower.shown[skus[0]] == (7, 0)


async def test_what_cannot_be_combined_is_refused(client: Client, channel: Channel) -> None:
    place = await client.location()
    async with channel.follow(snapshot=NOW, locations=[place]) as follower:
        refused = await follower.ended()
    assert (refused.code, refused.reason, refused.fields) == ("INVALID_ARGUMENT", "FIELD_CONFLICT", ["locations"])
    async with channel.follow(now=NOW, kinds=[SHOWN, pb2.CHANGE_KIND_SKU], mode=pb2.WATCH_MODE_LATEST) as follower:
        assert (await follower.ended()).fields == ["kinds"]


async def test_a_new_day_is_told_without_a_command(
    client: Client, channel: Channel, db: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = await client.location()
    sku, preorder, plain, bundle = [await client.sku() for _ in range(4)]
    await alter(db, "sku", sku, tracking=1)
    await alter(db, "sku", preorder, preorder_until=day(3), preorder_limit=8, oversell_limit=0)
    await alter(db, "sku", bundle, kind=2, components=[(sku, 2)])
    await client.receive(place, of_lot(sku, 6, "old", day(5)), of_lot(sku, 3, "new", day(50)), (plain, 4))
    await channel.set(place, days=3)
    skus = [sku, preorder, plain, bundle]
    async with channel.follow(snapshot=NOW, skus=skus) as follower:
        await follower.begun()
        assert follower.shown == {sku: (9, 0), preorder: (8, 8), plain: (4, 0), bundle: (4, 0)}
        cursor = follower.bookmark

        async def later(reader: object) -> datetime:
            return datetime.now(UTC) + timedelta(days=5)

        monkeypatch.setattr("inventory.postgres.views.read_clock", later)
        monkeypatch.setattr("inventory.feed.views.LOOK_S", 0.1)
        await client.adjust(await client.sku(), place, 1)  # whoever waits for the next look waits no longer
        while follower.shown[preorder] != (0, 0):
            await follower.read()
        assert follower.shown == {sku: (3, 0), preorder: (0, 0), plain: (4, 0), bundle: (1, 0)}
        assert plain not in {row.sku for change in follower.changes for row in change.availability}
        async with channel.follow(after=cursor, skus=skus) as resumed:
            resumed.shown.update({sku: (9, 0), preorder: (8, 8), plain: (4, 0), bundle: (4, 0)})
            while resumed.shown[preorder] != (0, 0):
                await resumed.read()
            assert resumed.shown == follower.shown


async def test_a_feed_that_can_keep_next_to_nothing_is_still_right(
    client: Client, channel: Channel, db: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory.feed.world.LEVELS_MAX", 1)
    place = await client.location()
    skus = [(await client.stocked(10, place))[0] for _ in range(5)]
    bundle = await client.sku()
    await alter(db, "sku", bundle, kind=2, components=[(skus[0], 2), (skus[1], 1)])
    async with channel.follow(snapshot=NOW, skus=[*skus, bundle]) as follower:
        await follower.begun()
        for turn in range(6):
            last = await bulk(client, [(sku, place, -1) for sku in skus[turn % 2 :]])
            await follower.up_to(last)
            assert follower.shown.items() <= (await expected(db, channel.code, last)).items()


async def test_the_first_follower_of_a_channel_costs_the_others_nothing(
    client: Client, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a view can't be read, who follows stock is told on; the view's follower gets all of it afterwards."""
    sku, place = await client.stocked(10)
    blocked, real = asyncio.Event(), source.read_stocks

    async def slow(*arguments: Any) -> Any:
        await blocked.wait()
        return await real(*arguments)

    async with channel.follow(snapshot=NOW, skus=[sku]) as shown, following(client, now=NOW, skus=[sku]) as stock:
        await shown.begun()
        await stock.begun()
        monkeypatch.setattr(source, "read_stocks", slow)
        last = (await client.adjust(sku, place, 5)).revision
        await stock.up_to(last)
        assert stock.rows[-1].after.on_hand == 15
        blocked.set()
        await shown.up_to(last)
    assert shown.shown == {sku: (15, 0)}


async def test_a_view_that_fails_once_begins_anew_and_misses_nothing(
    client: Client, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku, place = await client.stocked(10)
    real, failures = Views._load, [ValueError("a defect"), Unavailable("gone")]

    async def failing(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return await real(*arguments)

    async with channel.follow(snapshot=NOW, skus=[sku]) as follower:
        await follower.begun()
        monkeypatch.setattr(Views, "_load", failing)
        for _ in range(3):
            last = (await client.adjust(sku, place, 5)).revision
        last = await channel.set(cap=20)
        await follower.up_to(last)
    assert follower.shown == {sku: (20, 0)}
    assert not failures


async def test_whoever_was_away_is_told_of_a_skus_own_view(
    client: Client, forgetful: Client, channel: Channel, db: asyncpg.Connection
) -> None:
    sku, place = await client.stocked(10)
    bundle = await client.sku()
    await alter(db, "sku", bundle, kind=2, components=[(sku, 2)])
    start = core_pb2.Cursor(revision=await channel.set(place))
    last = await channel.set_sku(sku, cap=4)
    async with channel.follow(forgetful, after=start) as follower:
        await follower.up_to(last)
    assert follower.shown == {sku: (4, 0), bundle: (2, 0)}


async def test_a_part_of_many_bundles_lets_others_have_their_turn(
    client: Client, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, place = await client.stocked(10)
    names = [unique("bundle") for _ in range(100)]
    components = [catalog_pb2.BundleComponent(sku=part, quantity=2)]
    await client.catalog.ImportCatalog(
        catalog_pb2.ImportCatalogRequest(
            request_id=new_id(),
            skus=[catalog_pb2.Sku(sku=name, kind=catalog_pb2.SKU_KIND_BUNDLE, components=components) for name in names],
        )
    )
    await channel.set(place)
    monkeypatch.setattr(views, "SLICE_S", 0.0)  # as if each took long
    turns: list[int] = []
    apply = Views._apply

    async def counted(self: Views, *arguments: Any) -> None:
        ended = asyncio.Event()
        ticking = asyncio.create_task(_tick(ended))
        await apply(self, *arguments)
        ended.set()
        turns.append(await ticking)

    async with channel.follow(snapshot=NOW, skus=[part, *names]) as follower:
        await follower.begun()
        monkeypatch.setattr(Views, "_apply", counted)
        await follower.up_to((await client.adjust(part, place, 4)).revision)
        assert {follower.shown[name] for name in names} == {(7, 0)}
        assert [{row.sku for row in change.availability} for change in follower.changes] == [{part, *names}]
    assert max(turns) >= len(names)


async def _tick(ended: asyncio.Event) -> int:
    """How many turns of the loop go by."""
    turns = 0
    while not ended.is_set():
        turns += 1
        await asyncio.sleep(0)
    return turns
