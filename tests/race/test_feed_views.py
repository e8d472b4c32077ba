"""Followers of what channels may sell, while two replicas are written to, settings change, and a replica is killed."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import asyncpg
import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty

from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as pb2
from tests.race.follower import head
from tests.race.house import TRY_AGAIN, Client, House, within
from tests.race.load import open_shops, writing
from tests.rpc.shown import expected

SKUS = [f"sku-{n:02}" for n in range(20)]
SHOPS = ["airport", "market", "station"]
CHANNELS = ["web", "market", "amazon"]
LOOKED_AT_EACH = 7
"""Bookmarks: computing all from the tables takes its time."""


class Viewer:
    """Goes on at the other replica after some messages, from its last bookmark."""

    def __init__(self, channel: str, sql: asyncpg.Connection, chance: random.Random) -> None:
        self.channel = channel
        self.shown: dict[str, tuple[int, int]] = {}
        self.bookmark: core_pb2.Cursor | None = None
        self.looks = self.breaks = 0
        self._bookmarks = 0
        self._sql = sql
        self._chance = chance

    async def follow(self, clients: Sequence[Client], ended: asyncio.Event) -> None:
        """Until the end is known and reached."""
        turn = self._chance.randrange(2)
        while not (ended.is_set() and self.bookmark is not None and self.bookmark.revision >= await head(self._sql)):
            turn += 1
            try:
                await self._some(clients[turn % 2], self._chance.randint(3, 40), ended)
            except grpc.aio.AioRpcError as failed:
                if failed.code() not in TRY_AGAIN:
                    raise
                self.breaks += 1
                await asyncio.sleep(0.1)  # a server that isn't there says so at once

    async def _some(self, client: Client, messages: int, ended: asyncio.Event) -> None:
        start: dict[str, Any] = {"snapshot": Empty()} if self.bookmark is None else {"after": self.bookmark}
        request = pb2.WatchRequest(kinds=[pb2.CHANGE_KIND_AVAILABILITY], heartbeat=Duration(seconds=1), **start)
        call = client.feed.Watch(request, metadata=(("inventory-channel", self.channel),))
        began = False
        while messages > 0 or self.bookmark is None:
            message = await call.read()
            assert isinstance(message, pb2.WatchResponse), await call.code()
            for rows in (message.availability, *(change.availability for change in message.changes)):
                self.shown.update({row.sku: (row.available_to_sell, row.backorder) for row in rows})
            if message.HasField("bookmark"):
                self.bookmark = message.bookmark
                messages -= 1
                await self._look()
            began = began or bool(message.changes)
            if ended.is_set() and self.bookmark is not None and self.bookmark.revision >= await head(self._sql):
                break
        call.cancel()

    async def _look(self) -> None:
        """At this bookmark everything is as the tables say."""
        assert self.bookmark is not None
        self._bookmarks += 1
        if self._bookmarks % LOOKED_AT_EACH == 0:
            await self.prove()

    async def close(self) -> None:
        await self._sql.close()

    async def prove(self) -> None:
        assert self.bookmark is not None
        self.looks += 1
        told = {sku: value for sku, value in self.shown.items() if value[0]}
        assert told == await expected(self._sql, self.channel, self.bookmark.revision)


async def settle(house: House, client: Client, channel: str) -> None:
    chance = house.random
    view = channel_pb2.ChannelView(buffer=chance.randint(0, 9), share_bp=chance.randint(1_000, 10_000))
    if chance.random() < 0.5:
        view.cap = chance.randint(0, 2_000_000)
    settings = channel_pb2.Channel(channel=channel, view=view, locations=chance.sample(SHOPS, chance.randint(0, 3)))
    await client.channels.SetChannel(channel_pb2.SetChannelRequest(request_id=house.uuid(), channel=settings))


@within(90)
async def test_at_any_bookmark_on_any_replica_a_view_is_that_of_the_tables(house: House) -> None:
    pairs = await house.servers(None, None)
    servers, clients = [server for server, _ in pairs], [client for _, client in pairs]
    await open_shops(house, clients[0], SKUS, SHOPS)
    for channel in CHANNELS:
        await settle(house, clients[0], channel)
    viewers = [
        Viewer(channel, await house.connect(), random.Random(house.random.getrandbits(64)))
        for channel in (*CHANNELS, *CHANNELS)
    ]
    ended = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for viewer in viewers:
            group.create_task(viewer.follow(clients, ended))
        async with writing(house, clients, SKUS, SHOPS, patient=True) as load:
            for turn in range(6):
                await load.more(40)
                await settle(house, clients[0], house.random.choice(CHANNELS))
                if turn == 3:
                    address = servers[1].address
                    await servers[1].kill()
                    await load.more(40)
                    servers[1], clients[1] = await house.server_at(address)
            await load.stop()
        ended.set()
    for viewer in viewers:
        await viewer.prove()
        await viewer.close()
        assert viewer.looks > 1
    assert sum(viewer.breaks for viewer in viewers) > 0
    await house.prove()
