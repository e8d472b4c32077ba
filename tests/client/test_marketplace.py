"""The marketplace adapter, between a real server and a real HTTP server."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from inventory.v1 import subscriber_service_pb2 as subscriber_pb2
from inventory.v1.catalog_service_pb2 import SKU_KIND_BUNDLE, BundleComponent, Sku
from inventory.v1.channel_service_pb2 import Channel, ChannelSku, ChannelView
from inventory.v1.core_pb2 import OversellPolicy
from inventory_client import FileCursorStore, InventoryClient
from inventory_marketplace.adapter import Adapter
from inventory_marketplace.bucket import TokenBucket
from inventory_marketplace.marketplace import Marketplace
from inventory_marketplace.offers import Offers
from inventory_marketplace.sender import Sender
from tests.client.conftest import CHANNEL, House, stocked
from tests.client.marketplace_server import FakeShop, Trouble, marketplace
from tests.client.programs import program
from tests.rpc.client import eventually, unique

NAME = "allegro"


@pytest.fixture
async def shop() -> AsyncIterator[FakeShop]:
    async with marketplace() as running:
        yield running


@asynccontextmanager
async def adapting(client: InventoryClient, shop: FakeShop, cursor: Path) -> AsyncIterator[Adapter]:
    """Leaving it is a crash: it is cancelled wherever it is."""
    async with httpx.AsyncClient() as http:
        offers = Offers()
        adapter = Adapter(client, FileCursorStore(cursor), offers, NAME)
        bucket = TokenBucket(600_000, 600_000, asyncio.get_running_loop().time)
        running = asyncio.create_task(
            adapter.run(Sender(offers, bucket, Marketplace(http, shop.url), adapter.on_accepted))
        )
        try:
            yield adapter
        finally:
            running.cancel()
            ended = (await asyncio.gather(running, return_exceptions=True))[0]
            assert isinstance(ended, asyncio.CancelledError), f"ended by itself: {ended!r}"


async def kept(cursor: Path, revision: int) -> None:
    """Until the cursor's file has come so far."""

    async def far_enough() -> bool:
        found = await asyncio.to_thread(FileCursorStore(cursor).load)
        return found is not None and found.revision >= revision

    await eventually(far_enough, f"the cursor is kept at {revision}")


async def test_a_marketplace_is_told_what_its_channel_may_sell_and_what_changes(
    house: House, shop: FakeShop, tmp_path: Path
) -> None:
    await house.replica()
    client = await house.client()
    pear, place = await stocked(client, 5)
    plum, _ = await stocked(client, 1, place)
    elsewhere, _ = await stocked(client, 7)
    await client.set_channel(Channel(channel=CHANNEL, locations=[place], view=ChannelView(buffer=1)))
    async with adapting(client, shop, tmp_path / "cursor"):
        await shop.until_shows(**{pear: 4, plum: 0})
        held = await client.reserve([(pear, place, 2)], ttl=timedelta(minutes=1))
        await shop.until_shows(**{pear: 2})
        await client.release(held.reservation.reservation_id)
        await shop.until_shows(**{pear: 4, plum: 0})
    assert shop.shows == {pear: 4, plum: 0, elsewhere: 0}, "not what is elsewhere"
    assert sorted(shop.calls[0]) == sorted([(plum, 0), (elsewhere, 0), (pear, 4)])
    assert shop.calls[0][-1] == (pear, 4)


async def test_places_shares_own_views_bundles_and_back_orders_count_as_the_channel_is_set(
    house: House, shop: FakeShop, tmp_path: Path
) -> None:
    await house.replica()
    client = await house.client()
    pear, place = await stocked(client, 20)
    _, other = await stocked(client, 0)
    await client.adjust_stock(pear, other, 12, "test")
    plum, late = (await stocked(client, 8, place))[0], (await stocked(client, 0, place))[0]
    kit = unique("kit")
    parts = [BundleComponent(sku=pear, quantity=2), BundleComponent(sku=plum, quantity=1)]
    await client.create_sku(Sku(sku=kit, kind=SKU_KIND_BUNDLE, components=parts))
    async with adapting(client, shop, tmp_path / "cursor"):
        await shop.until_shows(**{pear: 32, plum: 8, kit: 8, late: 0})
        await client.set_channel(Channel(channel=CHANNEL, view=ChannelView(share_bp=5_000)))
        await shop.until_shows(**{pear: 16, plum: 4})
        await client.set_channel(Channel(channel=CHANNEL, locations=[other]))
        await shop.until_shows(**{pear: 12, plum: 0, kit: 0})
        await client.set_channel(Channel(channel=CHANNEL))
        await shop.until_shows(**{pear: 32, plum: 8, kit: 8})
        own = [
            ChannelSku(sku=pear, view=ChannelView(cap=7)),
            ChannelSku(sku=late, view=ChannelView(oversell=OversellPolicy(limit=6))),
        ]
        await client.set_channel_skus(CHANNEL, own)
        await shop.until_shows(**{pear: 7, late: 6, plum: 8, kit: 3})
        await client.adjust_stock(plum, place, -6, "sold")
        await shop.until_shows(**{plum: 2, kit: 2})


async def test_settings_that_changed_while_it_was_away_count_after_a_resume(
    house: House, shop: FakeShop, tmp_path: Path
) -> None:
    await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 9)
    cursor = tmp_path / "cursor"
    async with adapting(client, shop, cursor):
        await shop.until_shows(**{sku: 9})
        await kept(cursor, (await client.get_stock(sku, place)).revision)
    await client.set_channel(Channel(channel=CHANNEL, view=ChannelView(buffer=4)))
    async with adapting(client, shop, cursor):
        await shop.until_shows(**{sku: 5})


async def test_what_sold_out_while_it_was_away_is_told_even_without_a_cursor(
    house: House, shop: FakeShop, tmp_path: Path
) -> None:
    await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 2)
    cursor = tmp_path / "cursor"
    async with adapting(client, shop, cursor):
        await shop.until_shows(**{sku: 2})
    await client.adjust_stock(sku, place, -2, "sold")
    await asyncio.to_thread(cursor.unlink, missing_ok=True)
    async with adapting(client, shop, cursor):
        await shop.until_shows(**{sku: 0})


async def test_its_lag_is_seen_until_the_marketplace_has_accepted(house: House, shop: FakeShop, tmp_path: Path) -> None:
    await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 5)

    async def subscriber() -> subscriber_pb2.Subscriber:
        return (await client.list_subscribers()).subscribers[0]

    async with adapting(client, shop, tmp_path / "cursor"):
        await shop.until_shows(**{sku: 5})
        answer = asyncio.Event()
        shop.troubles.append(Trouble(204, wait=answer, lands=True))
        revision = (await client.adjust_stock(sku, place, -1, "sold")).revision
        await shop.until_called(2)
        seen = await subscriber()
        assert seen.name == NAME
        assert seen.acknowledged.revision < revision
        assert seen.lag_changes >= 1
        answer.set()

        async def caught_up() -> bool:
            return (await subscriber()).acknowledged.revision >= revision

        await eventually(caught_up, "it is acknowledged")
        await kept(tmp_path / "cursor", revision)


async def test_the_cursor_is_never_ahead_of_what_the_marketplace_has_accepted(
    house: House, shop: FakeShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory_marketplace.adapter.KEEP_PERIOD_S", 0)
    await house.replica()
    client = await house.client()
    pear, place = await stocked(client, 5)
    plum, _ = await stocked(client, 6, place)
    cursor = tmp_path / "cursor"
    async with adapting(client, shop, cursor) as adapter:
        await shop.until_shows(**{pear: 5, plum: 6})
        answer, calls = asyncio.Event(), len(shop.calls)
        shop.troubles.append(Trouble(204, wait=answer, lands=True))
        sold = (await client.adjust_stock(pear, place, -1, "sold")).revision
        await shop.until_called(calls + 1)
        last = (await client.adjust_stock(plum, place, -1, "sold")).revision

        async def plum_waits() -> bool:
            return len(adapter._offers) == 1

        async def has_looked() -> bool:
            return not adapter._accepted.is_set()

        await eventually(plum_waits, "the change came")
        for _ in range(2):  # the second look begins when the first has kept what it found
            adapter.on_accepted()
            await eventually(has_looked, "it looks how far everything is accepted")
        found = await asyncio.to_thread(FileCursorStore(cursor).load)
        assert found is None or found.revision < sold
        answer.set()
        await kept(cursor, last)
        assert shop.shows == {pear: 4, plum: 5}


async def test_a_crash_resends_rather_than_loses(house: House, shop: FakeShop, tmp_path: Path) -> None:
    await house.replica()
    client = await house.client()
    pear, place = await stocked(client, 5)
    plum, _ = await stocked(client, 6, place)
    cursor = tmp_path / "cursor"
    async with adapting(client, shop, cursor):
        await shop.until_shows(**{pear: 5, plum: 6})
        await kept(cursor, (await client.get_stock(plum, place)).revision)
        shop.troubles.append(Trouble(204, wait=asyncio.Event()))
        await client.adjust_stock(pear, place, -1, "sold")
        await shop.until_called(2)
    shop.calls.clear()
    revision = (await client.adjust_stock(plum, place, -2, "sold while it was away")).revision
    async with adapting(client, shop, cursor):
        await shop.until_shows(**{pear: 4, plum: 4})
        await kept(cursor, revision)
    assert sorted(offer for call in shop.calls for offer in call) == sorted([(pear, 4), (plum, 4)])
    shop.calls.clear()
    async with adapting(client, shop, cursor):
        await client.adjust_stock(pear, place, -1, "sold")
        await shop.until_shows(**{pear: 3})
    assert shop.calls == [[(pear, 3)]], "what it has is not sent again"


async def test_crashes_at_any_moment_lose_nothing(house: House, shop: FakeShop, tmp_path: Path) -> None:
    await house.replica()
    client = await house.client()
    place = (await stocked(client, 1))[1]
    skus = [(await stocked(client, 50, place))[0] for _ in range(5)]
    cursor = tmp_path / "cursor"
    for crash in range(12):
        called = len(shop.calls)
        if crash % 3 == 0:
            shop.troubles.append(Trouble(503, retry_after="0", lands=crash % 2 == 0))
        async with adapting(client, shop, cursor):
            for step in range(crash):
                await client.adjust_stock(skus[step % 5], place, -1, "sold")
            if crash % 2:
                await shop.until_called(called + 1)
    left = {sku: (await client.get_stock(sku, place)).quantities.available for sku in skus}
    async with adapting(client, shop, cursor):
        await shop.until_shows(**left)


async def test_after_a_resume_all_locations_count_though_only_one_changed(
    house: House, shop: FakeShop, tmp_path: Path
) -> None:
    await house.replica()
    client = await house.client()
    sku, first = await stocked(client, 5)
    _, second = await stocked(client, 0)
    await client.adjust_stock(sku, second, 7, "test")
    cursor = tmp_path / "cursor"
    async with adapting(client, shop, cursor):
        await shop.until_shows(**{sku: 12})
        await kept(cursor, (await client.get_stock(sku, second)).revision)
    async with adapting(client, shop, cursor):
        await client.adjust_stock(sku, first, -1, "sold")
        await shop.until_shows(**{sku: 11})
    assert [offer for call in shop.calls for offer in call if offer[0] == sku] == [(sku, 12), (sku, 11)]


async def test_it_goes_on_when_the_server_comes_back(house: House, shop: FakeShop, tmp_path: Path) -> None:
    replica = await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 5)
    async with adapting(client, shop, tmp_path / "cursor"):
        await shop.until_shows(**{sku: 5})
        await replica.stop()
        await replica.start()
        await client.adjust_stock(sku, place, -1, "sold")
        await shop.until_shows(**{sku: 4})


async def test_the_program_runs_resumes_and_ends(house: House, shop: FakeShop, tmp_path: Path) -> None:
    replica = await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 5)
    channel = "allegro"
    await client.set_channel(Channel(channel=channel, view=ChannelView(buffer=1)))
    arguments = ["--server", replica.address, "--channel", channel, "--url", shop.url]
    arguments += ["--cursor", str(tmp_path / "cursor"), "--updates-per-minute", "600"]
    async with program("inventory_marketplace", *arguments) as running:
        await shop.until_shows(**{sku: 4})
        await kept(tmp_path / "cursor", (await client.get_stock(sku, place)).revision)
        running.signal(signal.SIGINT)
        assert await running.ended() == 0
    await client.adjust_stock(sku, place, -1, "sold")
    async with program("inventory_marketplace", *arguments) as running:
        await shop.until_shows(**{sku: 3})
        assert await running.stop() == 0
    arguments[3] = "No Channel"
    async with program("inventory_marketplace", *arguments) as running:
        await running.until_says("not a channel's code: 'No Channel'")
        assert await running.ended() == 1
