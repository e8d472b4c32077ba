"""Watch in latest mode: for whoever wants to be right and is slow, the newest row of each level, scarcest first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import pytest

from inventory.feed import following as following_feed
from inventory.feed.change import Filter
from inventory.feed.follower import Follower as FeedFollower
from inventory.feed.hub import Feed
from inventory.postgres.connection import Database
from inventory.postgres.reads import Reader
from inventory.rpc.change_encoder import ChangeEncoder
from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as pb2
from tests.rpc.client import PATIENCE_S, Client, Server, seconds, unique
from tests.rpc.follower import ALL_KINDS, NOW, Follower, Pair, bulk, categorise, following, shop, stock_of, trade

LATEST = pb2.WATCH_MODE_LATEST


@pytest.fixture(params=["from memory", "from the database"])
def source(request: pytest.FixtureRequest, client: Client) -> Client:
    """Whose feed answers a late follower: one that remembers, or one that has to read."""
    return client if request.param == "from memory" else request.getfixturevalue("forgetful")


def pair(row: core_pb2.Movement) -> Pair:
    return row.sku, row.location


async def test_of_each_level_only_the_newest_row_comes(client: Client) -> None:
    skus, places = await shop(client)
    start = await client.adjust(skus[0], places[0], 1)
    last = max([await trade(client, skus, places) for _ in range(5)])
    async with following(client, after=core_pb2.Cursor(revision=start.revision), mode=LATEST) as follower:
        await follower.up_to(last)
    assert not follower.changes
    assert len(follower.latest) == 4, "each level once"
    newest = [(await client.movements(sku=sku, location=place, page_size=1))[0] for sku in skus for place in places]
    assert sorted(follower.latest, key=pair) == sorted(newest, key=pair)
    assert follower.levels == await stock_of(client, skus=skus)


async def test_those_with_the_least_available_come_first(client: Client) -> None:
    place = await client.location()
    wanted = [7, 3, 0, 1_000, 40, 1]
    skus = [await client.sku() for _ in wanted]
    async with following(client, now=NOW, skus=skus, mode=LATEST) as follower:
        start = await follower.begun()
        for sku, available in zip(skus, wanted, strict=True):
            if available > 0:
                await client.adjust(sku, place, available)
            else:
                await client.adjust(sku, place, 5)
                await client.hold((sku, place, 5))
        last = (await client.adjust(skus[0], place, 1)).revision
        await follower.up_to(last)  # so that all of it is one round for who comes now
    async with following(client, after=start, skus=skus, mode=LATEST) as resumed:
        await resumed.up_to(last)
    assert [row.after.available for row in resumed.latest] == [0, 1, 3, 8, 40, 1_000]


async def test_a_bookmark_comes_only_when_a_round_is_whole(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following_feed, "LATEST_ROWS_MAX", 3)
    place = await client.location()
    skus = [await client.sku() for _ in range(10)]
    start = (await client.adjust(skus[0], place, 1)).revision
    last = await bulk(client, [(sku, place, number) for number, sku in enumerate(skus, 1)])
    async with following(client, after=core_pb2.Cursor(revision=start), skus=skus, mode=LATEST) as follower:
        await follower.up_to(last)
    sent = [(len(message.latest), message.bookmark.revision) for message in follower.messages]
    assert sent == [(0, start), (3, 0), (3, 0), (3, 0), (1, last)]


async def test_a_round_gives_each_row_in_its_newest_form_and_no_older_one_after_it(
    client: Client, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written by a feed of our own, row by row: a stream's buffers would hide when what is taken."""
    monkeypatch.setattr(following_feed, "LATEST_ROWS_MAX", 1)
    place = await client.location()
    skus = [await client.sku() for _ in range(3)]
    start = (await client.adjust(skus[0], place, 1)).revision
    end = await bulk(client, [(sku, place, 10 * number) for number, sku in enumerate(skus, 1)])
    async with AsyncExitStack() as stack:
        database = Database(server.dsn)
        reader = await Reader.open(database)
        stack.push_async_callback(reader.close)
        epoch = (await reader.head()).epoch
        feed = Feed(database, reader, ChangeEncoder())
        stack.callback(asyncio.ensure_future(feed.run(lambda: False, lambda: None)).cancel)
        wanted = Filter(skus=frozenset(skus))
        awake = SlowReader(stack, feed, following_feed.every_change, wanted, epoch, start)
        while (await awake.read()).bookmark.revision < end:
            pass
        slow = SlowReader(stack, feed, following_feed.latest, wanted, epoch, start)

        async def read() -> tuple[list[tuple[str, int]], int]:
            message = await slow.read()
            return [(row.sku, row.after.available) for row in message.latest], message.bookmark.revision

        assert await read() == ([(skus[0], 11)], 0)
        last = await bulk(client, [(skus[0], place, 50), (skus[1], place, 100)])  # one told already, one not yet
        while (await awake.read()).bookmark.revision < last:
            pass
        assert await read() == ([(skus[1], 120)], 0)
        assert await read() == ([(skus[2], 30)], end)
        assert await read() == ([(skus[0], 61)], last)
        assert await read() == ([], last), "and nothing twice"


class SlowReader:
    """Somebody whom a feed can write a message to only when the one before has been read, and the next is asked for."""

    def __init__(
        self,
        stack: AsyncExitStack,
        feed: Feed,
        follow: Callable[[Feed, FeedFollower, UUID, int, following_feed.Write], Awaitable[None]],
        wanted: Filter,
        epoch: UUID,
        after: int,
    ) -> None:
        self._asked = asyncio.Semaphore(0)
        self._reads = False
        self._told: asyncio.Queue[bytes] = asyncio.Queue()
        follower = stack.enter_context(feed.joined(wanted, 1.0))
        stack.callback(asyncio.ensure_future(follow(feed, follower, epoch, after, self._write)).cancel)

    async def _write(self, message: bytes) -> None:
        self._told.put_nowait(message)
        await self._asked.acquire()

    async def read(self) -> pb2.WatchResponse:
        if self._reads:
            self._asked.release()
        self._reads = True
        async with asyncio.timeout(PATIENCE_S):
            return pb2.WatchResponse.FromString(await self._told.get())


async def test_whoever_resumes_at_any_bookmark_has_the_stock_in_the_end(
    client: Client, twin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following_feed, "LATEST_ROWS_MAX", 2)
    skus, places = await shop(client)
    held: dict[int, dict[Pair, core_pb2.Quantities]] = {}
    async with following(client, snapshot=NOW, skus=skus, mode=LATEST) as follower:
        await follower.begun()
        last = 0
        for _ in range(6):
            last = await trade(client, skus, places)
            await follower.read()
            held[follower.bookmark.revision] = dict(follower.levels)
        await follower.up_to(last)
        held[follower.bookmark.revision] = dict(follower.levels)
    stock = await stock_of(client, skus=skus)
    assert follower.levels == stock
    assert len(held) > 2
    for revision, levels in held.items():
        for somewhere in (client, twin_client):
            cursor = core_pb2.Cursor(revision=revision)
            async with following(somewhere, after=cursor, skus=skus, mode=LATEST) as resumed:
                await resumed.up_to(last)
                assert {**levels, **resumed.levels} == stock, f"a bookmark at {revision} promised too much"


async def test_who_reads_slowly_gets_the_newest_and_not_a_queue(client: Client) -> None:
    place = await client.location()
    skus = [await client.sku() for _ in range(20)]
    turns, reason = 1_200, "x" * 500
    every = Follower(client, now=NOW, skus=skus)
    slow = Follower(client, now=NOW, skus=skus, mode=LATEST)
    await every.begun()
    await slow.begun()
    last = 0
    for _ in range(turns // 10):  # 24,000 rows of 600 bytes: more than the library takes before anybody reads
        last = await bulk(client, [(sku, place, 1) for sku in skus for _ in range(10)], reason)
    await every.up_to(last)
    await slow.up_to(last)
    every.cancel()
    slow.cancel()
    sent, all_of_it = (sum(message.ByteSize() for message in one.messages) for one in (slow, every))
    assert len(every.rows) == turns * len(skus)
    assert sent < all_of_it / 2, "rows between the newest are left out"
    assert slow.levels == every.levels == await stock_of(client, skus=skus)


@pytest.mark.parametrize("mode", ["every change", "latest"])
async def test_memory_holds_the_newest_of_a_level_however_much_it_moves(
    client: Client, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """A round under way takes what changes meanwhile: `every change` shows that the same load is not small."""
    monkeypatch.setattr(following_feed, "LATEST_ROWS_MAX", 1)
    skus, places = await shop(client)
    request: dict[str, Any] = {"mode": LATEST} if mode == "latest" else {}
    async with following(client, now=NOW, skus=skus, **request) as follower:
        start = await follower.begun()
        last = max(await asyncio.gather(*(trade(client, skus, places) for _ in range(30))))
        await follower.up_to(last)
    told = len(follower.latest or follower.rows)
    ledger = [row for sku in skus for row in await client.movements(sku=sku, page_size=1_000)]
    ledger = [row for row in ledger if row.revision > start.revision]
    assert len(ledger) == 30 * 9
    assert told == len(ledger) if mode == "every change" else told < len(ledger)
    assert follower.levels == await stock_of(client, skus=skus)


async def test_resuming_from_an_old_cursor_gives_what_the_table_holds(
    client: Client, source: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory.postgres.changes.LATEST_PAGE_ROWS", 7)
    skus, places = await shop(client)
    async with following(source, now=NOW, mode=LATEST) as awake:  # so that the feed reads on
        start = await awake.begun()
        last = max([await trade(client, skus, places) for _ in range(6)])
        await awake.up_to(last)
        stock = await stock_of(client, skus=skus)
        assert awake.levels == stock
        wishes: list[dict[str, Any]] = [{}, {"skus": skus[:1]}, {"locations": places[1:]}]
        for wish in wishes:
            async with following(source, after=start, mode=LATEST, **wish) as resumed:
                await resumed.up_to(last)
                matching = await stock_of(client, skus=wish.get("skus", skus), locations=wish.get("locations", places))
                assert resumed.levels == matching


async def test_only_levels_that_are_wanted_come(client: Client, source: Client) -> None:
    category = unique("cat")
    skus, places = await shop(client, category=category)
    others, _ = await shop(client, category=unique("cat"))
    for sku in others:
        await client.adjust(sku, places[0], 5)
        await client.adjust(sku, places[1], 5)
    wishes: list[tuple[dict[str, Any], set[Pair]]] = [
        ({"skus": skus[:1]}, {(skus[0], place) for place in places}),
        ({"locations": places[:1]}, {(sku, places[0]) for sku in skus + others}),
        ({"skus": skus, "locations": places[1:]}, {(sku, places[1]) for sku in skus}),
        ({"categories": [category]}, {(sku, place) for sku in skus for place in places}),
        ({"categories": [category], "locations": places[:1], "skus": skus[1:]}, {(skus[1], places[0])}),
        ({"categories": [unique("cat")]}, set()),
    ]
    awake = Follower(source, now=NOW, kinds=ALL_KINDS)  # so that the feed reads on
    start = await awake.begun()
    live = [Follower(client, now=NOW, mode=LATEST, heartbeat=seconds(1), **wish) for wish, _ in wishes]
    for follower in live:
        await follower.begun()
    last = await trade(client, skus, places)
    last = await trade(client, others, places)
    await awake.up_to(last)
    late = [Follower(source, after=start, mode=LATEST, heartbeat=seconds(1), **wish) for wish, _ in wishes]
    for follower, (wish, pairs) in zip(live + late, wishes * 2, strict=True):
        await follower.up_to(last)
        assert set(map(pair, follower.latest)) == pairs, wish
        follower.cancel()
    awake.cancel()


async def test_a_sku_that_enters_a_category_brings_its_stock_to_who_wants_it(client: Client, source: Client) -> None:
    old, new, other = unique("cat"), unique("cat"), unique("cat")
    place, elsewhere = await client.location(), await client.location()
    skus = [await client.sku(category=old) for _ in range(3)]
    for sku in skus:
        await client.adjust(sku, place, 5)
        await client.adjust(sku, elsewhere, 7)
    wishes: list[tuple[dict[str, Any], set[Pair]]] = [
        ({"categories": [new]}, {(skus[0], place), (skus[0], elsewhere)}),
        ({"categories": [new], "locations": [place]}, {(skus[0], place)}),
        ({"categories": [new, other], "skus": skus[1:]}, {(skus[1], place), (skus[1], elsewhere)}),
        ({"categories": [unique("cat")]}, set()),
        ({}, set()),
    ]
    awake = Follower(source, now=NOW, kinds=ALL_KINDS)  # so that the feed reads on
    start = await awake.begun()
    live = [Follower(client, now=NOW, mode=LATEST, heartbeat=seconds(1), **wish) for wish, _ in wishes]
    for follower in live:
        await follower.begun()
    await categorise(client, skus[0], new)
    last = await categorise(client, skus[1], other)
    await awake.up_to(last)
    late = [Follower(source, after=start, mode=LATEST, heartbeat=seconds(1), **wish) for wish, _ in wishes]
    for how, followers in (("live", live), ("resumed", late)):
        for follower, (wish, pairs) in zip(followers, wishes, strict=True):
            await follower.up_to(last)
            assert set(map(pair, follower.latest)) == pairs, (how, wish)
            follower.cancel()
    awake.cancel()


async def test_a_sku_that_left_a_category_is_told_as_of_then_or_later(client: Client, source: Client) -> None:
    category = unique("cat")
    place = await client.location()
    sku = await client.sku(category=category)
    awake = Follower(source, now=NOW, kinds=ALL_KINDS)
    start = await awake.begun()
    within = (await client.adjust(sku, place, 5)).revision
    await categorise(client, sku, unique("cat"))
    last = (await client.adjust(sku, place, 7)).revision
    await awake.up_to(last)
    awake.cancel()
    async with following(source, after=start, mode=LATEST, categories=[category], heartbeat=seconds(1)) as follower:
        await follower.up_to(last)
        assert [pair(row) for row in follower.latest] == [(sku, place)]
        assert follower.latest[0].revision >= within


async def test_a_snapshot_first_then_what_is_newer(client: Client) -> None:
    skus, places = await shop(client)
    async with following(client, snapshot=NOW, skus=skus, mode=LATEST) as follower:
        start = await follower.begun()
        assert follower.levels == await stock_of(client, skus=skus)
        assert not follower.latest
        last = await trade(client, skus, places)
        await follower.up_to(last)
        assert follower.levels == await stock_of(client, skus=skus)
        assert all(start.revision < row.revision <= last for row in follower.latest)
        assert not follower.changes


async def test_while_nothing_changes_bookmarks_go_on(client: Client) -> None:
    skus, places = await shop(client)
    async with following(client, now=NOW, skus=["nobody"], mode=LATEST, heartbeat=seconds(1)) as follower:
        await follower.begun()
        last = await trade(client, skus, places)
        await follower.up_to(last)
        await follower.read()
        assert not follower.latest


@pytest.mark.parametrize(
    ("request_fields", "field"),
    [
        ({"movement_kinds": [core_pb2.MOVEMENT_KIND_HOLD]}, "movement_kinds"),
        ({"kinds": [pb2.CHANGE_KIND_SKU]}, "kinds"),
        ({"kinds": [pb2.CHANGE_KIND_STOCK, pb2.CHANGE_KIND_LOCATION]}, "kinds"),
        ({"kinds": [pb2.CHANGE_KIND_SUBSCRIBER]}, "kinds"),
    ],
)
async def test_what_the_newest_row_cannot_tell_is_refused(
    client: Client, request_fields: dict[str, Any], field: str
) -> None:
    async with following(client, now=NOW, mode=LATEST, **request_fields) as follower:
        refused = await follower.ended()
    assert refused.what == ("INVALID_ARGUMENT", "FIELD_CONFLICT")
    assert refused.fields == [field]


async def test_stock_may_be_named_in_latest_mode(client: Client) -> None:
    async with following(client, now=NOW, mode=LATEST, kinds=[pb2.CHANGE_KIND_STOCK]) as follower:
        assert (await follower.begun()).epoch
