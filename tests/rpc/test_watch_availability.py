"""Watch of what a channel may sell: the numbers of its view, kept right by stock, settings, catalogue and calendar."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import asyncpg
import grpc
import pytest

from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import watch_service_pb2 as pb2
from tests.rpc.client import Client, Metadata, new_id, seconds, unique
from tests.rpc.follower import NOW, Follower, following
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
                    request_id=new_id(), sku=sku, location=place, backorder_limit=draw.randint(0, 6)
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
                await resumed.up_to(head)
            assert nonzero(resumed.shown) == await expected(db, channel.code, resumed.bookmark.revision)
