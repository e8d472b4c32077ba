"""WatchService: every committed change, in order, once, to whoever follows, from wherever they left off."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from google.protobuf.empty_pb2 import Empty

from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from tests.rpc.client import Client, Server, eventually, new_id, seconds, unique
from tests.rpc.conftest import serving
from tests.rpc.follower import ALL_KINDS, Follower, Pair, assert_dense, following, shop, spread, stock_of, trade


async def test_from_now_every_later_change_comes_in_order_once_and_whole(client: Client) -> None:
    skus, places = await shop(client)
    async with following(client, now=Empty(), kinds=ALL_KINDS) as follower:
        start = await follower.begun()
        assert not follower.changes
        last = await trade(client, skus, places)
        await follower.up_to(last)
        assert_dense(follower.changes, start.revision, last)
        bulk = follower.changes[-1]
        assert [(row.sku, row.location) for row in bulk.movements] == [
            (sku, place) for sku in skus for place in places
        ], "a command's changes share a revision and come in one message"
        assert [row.ordinal for row in bulk.movements] == [0, 1, 2, 3]
        for change in follower.changes:
            assert {row.revision for row in change.movements} == {change.revision}
            assert {row.recorded_at.ToNanoseconds() for row in change.movements} == {change.recorded_at.ToNanoseconds()}


async def test_what_the_feed_tells_is_what_the_ledger_says(client: Client) -> None:
    skus, places = await shop(client)
    async with following(client, now=Empty()) as follower:
        start = await follower.begun()
        last = await trade(client, skus, places)
        await follower.up_to(last)
    told = [row for change in follower.changes for row in change.movements]
    listed = [row for place in places for row in await client.movements(location=place)]
    listed = sorted(
        (row for row in listed if row.revision > start.revision), key=lambda row: (row.revision, row.ordinal)
    )
    assert told == listed


async def test_a_snapshot_and_what_follows_are_the_stock(client: Client) -> None:
    skus, places = await shop(client)
    async with following(client, snapshot=Empty(), skus=skus) as follower:
        start = await follower.begun()
        assert follower.levels == await stock_of(client, skus=skus)
        pieces = [message for message in follower.messages if message.snapshot_revision]
        assert {piece.snapshot_revision for piece in pieces} == {start.revision}
        assert [piece.snapshot_complete for piece in pieces] == [False] * (len(pieces) - 1) + [True]
        assert not any(piece.HasField("bookmark") for piece in pieces)
        assert len([level for piece in pieces for level in piece.levels]) == 4
        last = await trade(client, skus, places)
        await follower.up_to(last)
        assert follower.levels == await stock_of(client, skus=skus)
        assert follower.changes[0].revision > start.revision


async def test_snapshots_taken_while_stock_moves_are_each_of_one_revision(client: Client, twin_client: Client) -> None:
    skus, places = await shop(client)
    moving = True

    async def move() -> int:
        last = 0
        while moving:
            last = await trade(client, skus, places)
        return last

    mover = asyncio.ensure_future(move())
    followers = []
    for turn in range(6):
        follower = Follower((client, twin_client)[turn % 2], snapshot=Empty(), locations=places)
        await follower.begun()
        followers.append(follower)
    moving = False
    last = await mover
    stock = await stock_of(client, locations=places)
    for follower in followers:
        await follower.up_to(last)
        assert follower.levels == stock
        follower.cancel()


async def test_a_large_snapshot_comes_in_pieces_and_each_level_once(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory.postgres.changes.SNAPSHOT_ROWS", 7)
    place = await client.location()
    skus = [await client.sku() for _ in range(20)]
    rows = [stock_pb2.StockAdjustment(sku=sku, location=place, delta=number + 1) for number, sku in enumerate(skus)]
    await client.stock.BatchAdjustStock(
        stock_pb2.BatchAdjustStockRequest(request_id=new_id(), reason="test", adjustments=rows)
    )
    async with following(client, snapshot=Empty(), locations=[place]) as follower:
        await follower.begun()
        pieces = [len(message.levels) for message in follower.messages if message.snapshot_revision]
        assert pieces == [7, 7, 6, 0]
        assert follower.levels == await stock_of(client, locations=[place])


async def test_changes_come_only_of_the_skus_and_locations_that_are_wanted(client: Client) -> None:
    skus, places = await shop(client)
    wanted: list[tuple[dict[str, Any], set[Pair]]] = [
        ({"skus": skus[:1]}, {(skus[0], place) for place in places}),
        ({"locations": places[:1]}, {(sku, places[0]) for sku in skus}),
        ({"skus": skus[:1], "locations": places[1:]}, {(skus[0], places[1])}),
        ({"skus": ["nobody"]}, set()),
    ]
    followers = [Follower(client, now=Empty(), heartbeat=seconds(1), **filters) for filters, _ in wanted]
    for follower in followers:
        await follower.begun()
    last = await trade(client, skus, places)
    for follower, (_, pairs) in zip(followers, wanted, strict=True):
        await follower.up_to(last)
        assert {(row.sku, row.location) for change in follower.changes for row in change.movements} == pairs
        assert all(change.movements for change in follower.changes)
        follower.cancel()


async def test_while_nothing_matches_bookmarks_go_on(client: Client) -> None:
    skus, places = await shop(client)
    async with following(client, now=Empty(), skus=["nobody"], heartbeat=seconds(1)) as follower:
        start = await follower.begun()
        last = await trade(client, skus, places)
        await follower.up_to(last)
        assert last > start.revision
        assert not follower.changes
        await follower.read()
        assert follower.bookmark.revision >= last, "and also while nothing happens at all"


async def test_catalogue_changes_come_when_wanted_and_are_filtered_too(client: Client) -> None:
    sku, place = unique("sku"), unique("loc")
    wishes: list[dict[str, Any]] = [
        {"kinds": ALL_KINDS},
        {},
        {"kinds": ALL_KINDS, "skus": [sku]},
        {"kinds": ALL_KINDS, "locations": [place]},
        {"kinds": ALL_KINDS, "skus": ["nobody"], "locations": ["nowhere"]},
    ]
    followers = [Follower(client, now=Empty(), heartbeat=seconds(1), **wish) for wish in wishes]
    for follower in followers:
        await follower.begun()
    await client.sku(sku, name="first")
    await client.location(place)
    other = await client.sku()
    await client.catalog.UpdateSku(
        catalog_pb2.UpdateSkuRequest(request_id=new_id(), sku=catalog_pb2.Sku(sku=sku, name="second"))
    )
    last = (await client.adjust(sku, place, 1)).revision
    seen = []
    for follower in followers:
        await follower.up_to(last)
        follower.cancel()
        seen.append(
            [
                (
                    [(each.sku, each.name) for each in change.skus],
                    [each.location for each in change.locations],
                    [row.delta.on_hand for row in change.movements],
                )
                for change in follower.changes
            ]
        )
    all_of_it = [
        ([(sku, "first")], [], []),
        ([], [place], []),
        ([(other, other)], [], []),
        ([(sku, "second")], [], []),
        ([], [], [1]),
    ]
    assert seen[0] == all_of_it
    assert seen[1] == [all_of_it[4]]
    assert seen[2] == [each for each in all_of_it if each != all_of_it[2]]
    assert seen[3] == all_of_it
    assert seen[4] == []


async def test_resuming_at_any_bookmark_on_another_server_gives_exactly_the_rest(
    client: Client, twin_client: Client, forgetful: Client
) -> None:
    skus, places = await shop(client)
    async with following(client, now=Empty(), kinds=ALL_KINDS) as follower:
        start = await follower.begun()
        last = 0
        for _ in range(3):
            last = await trade(client, skus, places)
            await client.sku()
        last += 1
        await follower.up_to(last)
    assert_dense(follower.changes, start.revision, last)
    for revision in range(start.revision, last + 1):
        cursor = core_pb2.Cursor(epoch=start.epoch, revision=revision)
        rest = [change for change in follower.changes if change.revision > revision]
        for somewhere in (client, twin_client, forgetful):
            async with following(somewhere, after=cursor, kinds=ALL_KINDS) as resumed:
                assert await resumed.begun() == cursor
                await resumed.up_to(last)
                assert spread(resumed.changes) == spread(rest)


async def test_a_bookmark_promises_that_all_before_it_was_sent(client: Client) -> None:
    skus, places = await shop(client)
    async with following(client, now=Empty(), skus=skus[:1]) as follower:
        start = await follower.begun()
        last = max([await trade(client, skus, places) for _ in range(5)])
        await follower.up_to(last)
    everything = [row for row in await client.movements(sku=skus[0], page_size=1_000) if row.revision > start.revision]
    sent = 0
    for message in follower.messages[1:]:
        sent += sum(len(change.movements) for change in message.changes)
        assert sent == sum(row.revision <= message.bookmark.revision for row in everything)


async def test_changes_of_another_server_arrive_too(client: Client, twin_client: Client) -> None:
    skus, places = await shop(client)
    async with following(client, now=Empty()) as here, following(twin_client, now=Empty()) as there:
        await here.begun()
        await there.begun()
        for somewhere in (client, twin_client):
            last = await trade(somewhere, skus, places)
            await here.up_to(last)
            await there.up_to(last)
        assert spread(here.changes) == spread(there.changes)


async def test_without_the_bell_changes_still_arrive(
    client: Client, twin_client: Client, db: asyncpg.Connection
) -> None:
    skus, places = await shop(client)
    async with following(client, now=Empty()) as follower:
        await follower.begun()
        assert await db.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        ), "somebody listened"
        await follower.up_to(await trade(twin_client, skus, places))


async def test_a_first_follower_after_a_pause_misses_nothing(client: Client, twin_client: Client) -> None:
    skus, places = await shop(client)
    cursor = core_pb2.Cursor(revision=(await client.adjust(skus[0], places[0], 1)).revision)
    for turn in range(15):
        async with following(client, after=cursor) as follower:
            if turn % 2:
                await follower.begun()
            last = (await (client, twin_client)[turn % 2].adjust(skus[0], places[0], 1)).revision
            await follower.up_to(last)
            assert_dense(follower.changes, cursor.revision, last)
            cursor = follower.bookmark


async def test_a_follower_that_reads_nothing_delays_nobody(client: Client) -> None:
    skus, places = await shop(client)
    sleepers = [Follower(client, now=Empty()) for _ in range(5)]
    for sleeper in sleepers:
        await sleeper.begun()
    rows = [stock_pb2.StockAdjustment(sku=skus[0], location=places[0], delta=1)] * 2_000
    async with following(client, now=Empty()) as awake:
        await awake.begun()
        last = 0
        for _ in range(10):
            answer = await client.stock.BatchAdjustStock(
                stock_pb2.BatchAdjustStockRequest(request_id=new_id(), reason="test", adjustments=rows)
            )
            last = answer.revision
            await awake.up_to(last)
    for sleeper in sleepers:
        await sleeper.up_to(last)
        assert spread(sleeper.changes) == spread(awake.changes)
        sleeper.cancel()


async def test_a_cursor_without_an_epoch_is_of_the_present_one(client: Client, db: asyncpg.Connection) -> None:
    skus, places = await shop(client)
    epoch = str(await db.fetchval("SELECT epoch FROM feed_head"))
    revision = (await client.adjust(skus[0], places[0], 1)).revision - 1
    async with following(client, after=core_pb2.Cursor(revision=revision)) as follower:
        assert await follower.begun() == core_pb2.Cursor(epoch=epoch, revision=revision)
        await follower.up_to(revision + 1)


async def test_a_cursor_too_old_too_new_or_of_another_database_is_refused_and_never_skips(dsn: str) -> None:
    async with serving(dsn) as server:
        client = Client(server.address)
        db = await server.connect()
        sku, place = await client.stocked(5)
        last = max([(await client.adjust(sku, place, 1)).revision for _ in range(5)])
        await db.execute("UPDATE feed_head SET compacted = 4")

        async def reason(**cursor: Any) -> str:
            async with following(client, after=core_pb2.Cursor(**cursor)) as follower:
                return (await follower.ended()).reason

        assert await reason(revision=3) == "COMPACTED"
        assert await reason(revision=last + 1) == "REVISION_IN_FUTURE"
        assert await reason(epoch=new_id(), revision=last) == "EPOCH_CHANGED"
        for revision in range(4, last + 1):
            async with following(client, after=core_pb2.Cursor(revision=revision)) as follower:
                await follower.up_to(last)
                assert_dense(follower.changes, revision, last)

        epoch = str(await db.fetchval("SELECT epoch FROM feed_head"))
        await db.execute("UPDATE feed_head SET epoch = gen_random_uuid()")  # what a restore does
        assert await reason(epoch=epoch, revision=last) == "EPOCH_CHANGED"
        await db.close()
        await client.close()


async def test_when_the_server_stops_streams_end_with_a_hint_to_resume_elsewhere(dsn: str) -> None:
    async with serving(dsn) as other:
        async with serving(dsn) as server:
            client = Client(server.address)
            sku, place = await client.stocked(5)
            follower = Follower(client, now=Empty())
            cursor = await follower.begun()
            await follower.up_to((await client.adjust(sku, place, 1)).revision)
        assert (await follower.ended()).what == ("UNAVAILABLE", "SHUTTING_DOWN")
        await client.close()
        elsewhere = Client(other.address)
        last = (await elsewhere.adjust(sku, place, 1)).revision
        async with following(elsewhere, after=follower.bookmark) as resumed:
            await resumed.up_to(last)
            assert_dense(resumed.changes, cursor.revision + 1, last)
        await elsewhere.close()


async def test_a_hold_that_runs_out_is_told(client: Client) -> None:
    sku, place = await client.stocked(5)
    async with following(client, now=Empty(), skus=[sku]) as follower:
        await follower.begun()
        await client.hold((sku, place, 2), ttl=1)
        await follower.read()
        await follower.read()
        assert [row.kind for change in follower.changes for row in change.movements] == [
            core_pb2.MOVEMENT_KIND_HOLD,
            core_pb2.MOVEMENT_KIND_EXPIRY,
        ]


async def test_followers_that_leave_are_forgotten(client: Client, server: Server, db: asyncpg.Connection) -> None:
    sku, place = await client.stocked(5)
    for _ in range(3):
        followers = [Follower(client, now=Empty()) for _ in range(90)]
        for follower in followers:
            await follower.begun()
        for follower in followers:
            follower.cancel()

        async def all_fit() -> bool:
            again = [Follower(client, now=Empty()) for _ in range(100)]
            outcomes = await asyncio.gather(*(each.begun() for each in again), return_exceptions=True)
            for each in again:
                each.cancel()
            return not any(isinstance(outcome, BaseException) for outcome in outcomes)

        await eventually(all_fit, "100 new ones have room")
    idle = await db.fetchval("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
    assert idle == 0, "no stream holds a transaction"
    assert (await client.adjust(sku, place, 1)).revision
