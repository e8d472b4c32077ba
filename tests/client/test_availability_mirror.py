"""The mirror of what a channel may sell: equals the tables, through settings and broken connections."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from inventory.v1.channel_service_pb2 import Channel, ChannelView
from inventory_client import AvailabilityMirror, InventoryClient, Sellable
from inventory_client.sync import SyncInventoryClient
from inventory_client.sync_availability import SyncAvailabilityMirror
from tests.client.conftest import House, stocked
from tests.rpc.client import eventually
from tests.rpc.shown import expected

HEARTBEAT = timedelta(seconds=1)
CHANNEL = "view-of-a-shop"


@pytest.fixture
async def client(house: House) -> InventoryClient:
    await house.replica()
    return await house.client(channel=CHANNEL)


def content(mirror: AvailabilityMirror) -> dict[str, tuple[int, int]]:
    return {sku: tuple(sellable) for sku, sellable in mirror}  # type: ignore[misc]  # a pair of numbers


async def test_it_shows_what_the_channel_may_sell_and_tells_of_changes(client: InventoryClient, house: House) -> None:
    sku, place = await stocked(client, 10)
    told: list[tuple[str, int, int]] = []
    await client.set_channel(Channel(channel=CHANNEL, view=ChannelView(buffer=2)))
    async with AvailabilityMirror(client, heartbeat=HEARTBEAT) as mirror:
        assert mirror.available_to_sell(sku) == 8
        assert mirror.available_to_sell("unknown") == 0
        stop = mirror.on_change(lambda *what: told.append((what[0], what[1][0], what[2][0])))
        made = await client.reserve([(sku, place, 3)], ttl=timedelta(hours=1))
        await mirror.wait_until(made.revision)
        assert mirror.get(sku) == Sellable(5, 0)
        answer = await client.set_channel(Channel(channel=CHANNEL, view=ChannelView(cap=0)))
        await mirror.wait_until(answer.revision)
        assert (mirror.available_to_sell(sku), len(mirror)) == (0, 0)
        stop()
        answer = await client.set_channel(Channel(channel=CHANNEL))
        await mirror.wait_until(answer.revision)
        assert content(mirror) == await expected(await house.sql(), CHANNEL, answer.revision)
    assert told == [(sku, 8, 5), (sku, 5, 0)]


async def test_it_goes_on_when_its_server_was_away(house: House) -> None:
    first, second = await house.replica(), await house.replica()
    client = await house.client(first, channel=CHANNEL)
    other = await house.client(second)
    skus = [(await stocked(other, 10))[0] for _ in range(3)]
    await client.set_channel(Channel(channel=CHANNEL, view=ChannelView(share_bp=5_000)))
    async with AvailabilityMirror(client, heartbeat=HEARTBEAT) as mirror:
        assert content(mirror) == dict.fromkeys(skus, (5, 0))
        await first.stop()
        levels = [level async for level in other.list_stock()]
        last = 0
        for level in levels:
            last = (await other.adjust_stock(level.sku, level.location, 6, "delivery")).revision
        await other.set_channel(Channel(channel=CHANNEL, view=ChannelView(share_bp=5_000, cap=7)))
        await first.start()

        async def is_right() -> bool:
            return content(mirror) == dict.fromkeys(skus, (7, 0))

        await eventually(is_right, "the mirror knows what happened meanwhile")
        assert mirror.revision >= last


async def test_without_a_loop_it_is_read_the_same(house: House) -> None:
    replica = await house.replica()
    sku, place = await stocked(await house.client(), 4)
    changed = threading.Event()

    def work() -> tuple[int, int]:
        with SyncInventoryClient(replica.address) as client, SyncAvailabilityMirror(client) as mirror:
            before = mirror.available_to_sell(sku)
            mirror.on_change(lambda *_: changed.set())
            made = client.reserve([(sku, place, 1)], ttl=timedelta(hours=1))
            mirror.wait_until(made.revision)
            assert changed.wait(5)
            return before, mirror.get(sku).available_to_sell

    assert await asyncio.to_thread(work) == (4, 3)
