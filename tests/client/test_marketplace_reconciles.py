"""The marketplace adapter finds what is wrong at the marketplace, between a real server and a real HTTP server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from inventory.v1 import alarm_service_pb2 as alarm_pb2
from inventory.v1 import reconciliation_service_pb2 as pb2
from inventory_client import FileCursorStore, InventoryClient
from inventory_marketplace import reconciler
from inventory_marketplace.adapter import Adapter
from inventory_marketplace.bucket import TokenBucket
from inventory_marketplace.marketplace import Marketplace
from inventory_marketplace.offers import Offers
from inventory_marketplace.reconciler import Reconciler
from inventory_marketplace.sender import Sender
from tests.client.conftest import CHANNEL, House, stocked
from tests.client.marketplace_server import FakeShop, Trouble, marketplace
from tests.client.programs import program
from tests.client.test_marketplace import kept
from tests.rpc.client import eventually

NEVER_S = 100_000.0


@pytest.fixture
async def shop() -> AsyncIterator[FakeShop]:
    async with marketplace() as running:
        yield running


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciler, "BETWEEN_MIN_S", 0.0)
    monkeypatch.setattr(reconciler, "CONFIRM_S", 0.1)


@asynccontextmanager
async def adapting(
    client: InventoryClient, shop: FakeShop, cursor: Path, every_s: float = NEVER_S
) -> AsyncIterator[Reconciler]:
    async with httpx.AsyncClient() as http:
        offers = Offers()
        there = Marketplace(http, shop.url)
        adapter = Adapter(client, FileCursorStore(cursor), offers, "market")
        bucket = TokenBucket(600_000, 600_000, asyncio.get_running_loop().time)
        comparing = Reconciler(client, there, offers, every_s)
        running = asyncio.create_task(adapter.run(Sender(offers, bucket, there, adapter.on_accepted), comparing))
        try:
            yield comparing
        finally:
            running.cancel()
            ended = (await asyncio.gather(running, return_exceptions=True))[0]
            assert isinstance(ended, asyncio.CancelledError), f"ended by itself: {ended!r}"


async def found(client: InventoryClient, so: Callable[[list[pb2.Reconciliation]], bool]) -> list[pb2.Reconciliation]:
    """The reconciliations that have finished, the oldest first, once it is so."""
    finished: list[pb2.Reconciliation] = []

    async def look() -> bool:
        finished[:] = [
            each async for each in client.list_reconciliations() if each.state == pb2.RECONCILIATION_STATE_FINISHED
        ][::-1]
        return so(finished)

    await eventually(look, f"reconciliations came out so: {finished}")
    return finished


async def drifts(client: InventoryClient) -> list[alarm_pb2.Alarm]:
    listed = client.list_alarms(include_closed=True, kind=alarm_pb2.ALARM_KIND_DRIFT, channel=CHANNEL)
    return [alarm async for alarm in listed]


def wrong(one: pb2.Reconciliation) -> tuple[int, int]:
    return one.counts.drift, one.counts.missing


async def test_what_was_changed_or_removed_behind_our_back_is_found_mended_and_looked_at_again(
    house: House, shop: FakeShop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "inventory_marketplace")
    await house.replica()
    client = await house.client()
    pear, place = await stocked(client, 5)
    plum, _ = await stocked(client, 6, place)
    shop.shows |= {"Not ours": 3, " no code of ours ": 1}
    shop.page_max = 1
    async with adapting(client, shop, tmp_path / "cursor") as comparing:
        (first, *_) = await found(client, bool)
        assert (first.counts.equal, first.counts.unknown, *wrong(first)) == (2, 1, 0, 0)
        assert first.reference == "marketplace adapter"
        shop.shows[pear] = 99
        del shop.shows[plum]
        comparing.ask()
        await shop.until_shows(**{pear: 5, plum: 6})
        finished = await found(client, lambda finished: len(finished) > 2 and wrong(finished[-1]) == (0, 0))

        async def is_over() -> bool:
            return [alarm.HasField("closed_at") for alarm in await drifts(client)] == [True]

        await eventually(is_over, "what was sent again is right again")
    assert wrong(finished[1]) == (1, 1)
    assert f"the marketplace shows 99 of {pear!r}, not 5" in caplog.text
    assert "2 right, 0 late, 0 wrong and sent again, 2 not ours" in caplog.text
    assert "0 right, 0 late, 2 wrong and sent again, 2 not ours" in caplog.text


async def test_numbers_that_are_merely_late_alarm_nobody_and_are_not_sent_twice(
    house: House, shop: FakeShop, tmp_path: Path
) -> None:
    await house.replica()
    client = await house.client()
    pear, place = await stocked(client, 5)
    async with adapting(client, shop, tmp_path / "cursor") as comparing:
        await shop.until_shows(**{pear: 5})
        before = len(await found(client, bool))
        answer = asyncio.Event()
        shop.troubles.append(Trouble(204, wait=answer, lands=True))
        called = len(shop.calls)
        for _ in range(3):
            await client.adjust_stock(pear, place, -1, "sold")
        await shop.until_called(called + 1)
        comparing.ask()
        late = (await found(client, lambda finished: len(finished) > before))[-1]
        assert (late.counts.behind, *wrong(late)) == (1, 0, 0)
        answer.set()
        await shop.until_shows(**{pear: 2})
    assert await drifts(client) == []


async def test_it_looks_by_itself_now_and_then(house: House, shop: FakeShop, tmp_path: Path) -> None:
    await house.replica()
    client = await house.client()
    pear, _ = await stocked(client, 5)
    async with adapting(client, shop, tmp_path / "cursor", every_s=0.2):
        await shop.until_shows(**{pear: 5})
        await found(client, lambda finished: len(finished) > 1)
        shop.shows[pear] = 7
        await shop.until_shows(**{pear: 5})


async def test_it_looks_when_it_has_found_its_server_again(house: House, shop: FakeShop, tmp_path: Path) -> None:
    replica = await house.replica()
    client = await house.client()
    pear, _ = await stocked(client, 5)
    async with adapting(client, shop, tmp_path / "cursor"):
        await shop.until_shows(**{pear: 5})
        await found(client, bool)
        await replica.stop()
        shop.shows[pear] = 7
        await replica.start()
        await shop.until_shows(**{pear: 5})


async def test_what_was_changed_while_it_was_away_is_mended_with_the_right_number(
    house: House, shop: FakeShop, tmp_path: Path
) -> None:
    await house.replica()
    client = await house.client()
    pear, place = await stocked(client, 5)
    cursor = tmp_path / "cursor"
    async with adapting(client, shop, cursor):
        await shop.until_shows(**{pear: 5})
        await kept(cursor, (await client.get_stock(pear, place)).revision)
    shop.shows[pear] = 7
    shop.calls.clear()
    async with adapting(client, shop, cursor):
        await shop.until_shows(**{pear: 5})
    assert shop.calls == [[(pear, 5)]]


async def test_a_marketplace_that_can_t_be_read_gets_its_offers_all_the_same(
    house: House, shop: FakeShop, tmp_path: Path
) -> None:
    await house.replica()
    client = await house.client()
    pear, place = await stocked(client, 5)
    shop.unread = 404
    async with adapting(client, shop, tmp_path / "cursor") as comparing:
        await shop.until_shows(**{pear: 5})
        await shop.until(lambda: bool(shop.reads), "it was tried")
        await client.adjust_stock(pear, place, -1, "sold")
        await shop.until_shows(**{pear: 4})
        shop.unread = 0
        comparing.ask()
        await found(client, bool)
    assert await drifts(client) == []


async def test_the_program_compares_unless_it_is_told_not_to(house: House, shop: FakeShop, tmp_path: Path) -> None:
    replica = await house.replica()
    client = await house.client()
    pear, place = await stocked(client, 5)
    arguments = ["--server", replica.address, "--channel", CHANNEL, "--url", shop.url]
    arguments += ["--cursor", str(tmp_path / "cursor")]
    async with program("inventory_marketplace", *arguments) as running:
        await running.until_says("1 right, 0 late, 0 wrong and sent again, 0 not ours")
        assert await running.stop() == 0
    read = len(shop.reads)
    await client.adjust_stock(pear, place, -1, "sold")
    async with program("inventory_marketplace", *arguments, "--reconcile-minutes", "0") as running:
        await shop.until_shows(**{pear: 4})
        assert await running.stop() == 0
    assert len(shop.reads) == read
