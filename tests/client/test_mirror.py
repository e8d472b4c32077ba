"""The mirror: equals the table, says how fresh it is, and costs little memory."""

from __future__ import annotations

import asyncio
import gc
import random
import tracemalloc
from collections.abc import Sequence
from datetime import timedelta

import pytest

from inventory.v1 import core_pb2
from inventory.v1.catalog_service_pb2 import Location, Sku
from inventory_client import InsufficientStock, InventoryClient, Level, NotFound, StockMirror, WatchMode
from inventory_client.events import ConnectionState
from inventory_client.levels import Levels
from tests.client.conftest import House, stocked
from tests.rpc.client import eventually, unique

HEARTBEAT = timedelta(seconds=1)
BYTES_PER_LEVEL_MAX = 200


@pytest.fixture
async def client(house: House) -> InventoryClient:
    await house.replica()
    return await house.client()


def as_level(level: core_pb2.Level) -> Level:
    found = level.quantities
    return Level(
        found.on_hand,
        found.held,
        found.allocated,
        found.quality_control,
        found.damaged,
        found.quarantined,
        found.available,
        level.revision,
    )


async def table(client: InventoryClient, locations: Sequence[str] = ()) -> dict[tuple[str, str], Level]:
    return {(level.sku, level.location): as_level(level) async for level in client.list_stock(locations=locations)}


def content(mirror: StockMirror) -> dict[tuple[str, str], Level]:
    return {(sku, location): level for sku, location, level in mirror}


async def trade(client: InventoryClient, skus: list[str], places: list[str], number: int, seed: int) -> int:
    """Random work of every kind. Returns the last revision."""
    chance = random.Random(seed)
    last = 0
    held: list[str] = []
    for _ in range(number):
        line = (chance.choice(skus), chance.choice(places), chance.randint(1, 5))
        try:
            match chance.randrange(6):
                case 0 | 1:
                    made = await client.reserve([line], ttl=timedelta(hours=1))
                    held.append(made.reservation.reservation_id)
                    last = made.revision
                case 2 if held:
                    last = (await client.release(held.pop())).revision
                case 3 if held:
                    reservation_id = held.pop()
                    await client.commit(reservation_id)
                    last = (await client.fulfil(reservation_id)).revision
                case 4:
                    kinds = [core_pb2.DISPOSITION_DAMAGED, core_pb2.DISPOSITION_QUARANTINED]
                    answer = await client.adjust_stock(*line, "returned", disposition=chance.choice(kinds))
                    last = answer.revision
                case _:
                    rows = [(sku, place, 1) for sku in skus for place in places]
                    last = (await client.batch_adjust_stock(rows, "delivery")).revision
        except InsufficientStock:
            continue
    return last


async def shop(client: InventoryClient, skus: int, places: int) -> tuple[list[str], list[str]]:
    codes = [unique("sku") for _ in range(skus)]
    locations = [unique("loc") for _ in range(places)]
    await client.import_catalog(
        skus=[Sku(sku=code) for code in codes], locations=[Location(location=place) for place in locations]
    )
    await client.batch_adjust_stock([(code, place, 20) for code in codes for place in locations], "opening")
    return codes, locations


@pytest.mark.parametrize("mode", WatchMode)
async def test_after_random_work_it_equals_the_table(client: InventoryClient, mode: WatchMode) -> None:
    skus, places = await shop(client, 20, 3)
    async with StockMirror(client, mode=mode, heartbeat=HEARTBEAT) as mirror:
        assert content(mirror) == await table(client)
        last = await trade(client, skus, places, 200, seed=mode)
        await mirror.wait_until(last)
        assert content(mirror) == await table(client)
        assert len(mirror) == 60
        sku, place = skus[0], places[0]
        level = mirror.level(sku, place)
        assert level is not None
        assert mirror.available(sku, place) == level.available
        assert mirror.get(sku)[place] == level
        assert (mirror.available("none", place), mirror.level(sku, "none"), mirror.get("none")) == (0, None, {})


async def test_one_shops_mirror_has_that_shop_only(client: InventoryClient) -> None:
    skus, places = await shop(client, 5, 2)
    async with StockMirror(client, locations=places[:1]) as mirror:
        last = await trade(client, skus, places, 20, seed=1)
        await mirror.wait_until(last)
        assert content(mirror) == await table(client, locations=places[:1])


async def test_it_says_when_it_is_as_new_as_a_write(client: InventoryClient) -> None:
    sku, place = await stocked(client, 10)
    other, _ = await stocked(client, 10, place)
    async with StockMirror(client, skus=[sku], heartbeat=timedelta(minutes=10)) as mirror:
        elsewhere = await client.reserve([(other, place, 1)])
        await mirror.wait_until(elsewhere.revision)
        assert mirror.revision >= elsewhere.revision
        here = await client.reserve([(sku, place, 1)])
        await mirror.wait_until(here.revision)
        assert mirror.available(sku, place) == 9
        with pytest.raises(TimeoutError):
            await mirror.wait_until(here.revision + 1, timeout_s=0.3)


async def test_callbacks_are_told_of_every_change(client: InventoryClient) -> None:
    sku, place = await stocked(client, 10)
    told: list[tuple[str, str, int, int]] = []

    def note(sku: str, location: str, before: Level | None, after: Level | None) -> None:
        assert before is not None
        assert after is not None
        told.append((sku, location, before.available, after.available))

    def fail(*_: object) -> None:
        raise RuntimeError("a callback's own mistake")

    async with StockMirror(client, mode=WatchMode.EVERY_CHANGE) as mirror:
        mirror.on_change(fail)
        stop = mirror.on_change(note)
        await client.reserve([(sku, place, 1)])
        await mirror.wait_until((await client.reserve([(sku, place, 2)])).revision)
        assert told == [(sku, place, 10, 9), (sku, place, 9, 7)]
        stop()
        await mirror.wait_until((await client.reserve([(sku, place, 2)])).revision)
        assert len(told) == 2


async def test_it_stays_readable_and_grows_stale_while_nobody_answers(house: House) -> None:
    replica = await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 10)
    async with StockMirror(client, heartbeat=HEARTBEAT) as mirror:

        async def is_live() -> bool:
            return mirror.live

        async def is_lost() -> bool:
            assert mirror.connection is not None
            return mirror.connection.state is ConnectionState.LOST

        await eventually(is_live, "it has caught up")
        assert mirror.staleness_s < 60
        await replica.stop()
        await eventually(is_lost, "the loss is noticed")
        assert not mirror.live
        before_s = mirror.staleness_s
        assert mirror.available(sku, place) == 10
        await replica.start()
        await eventually(is_live, "it has caught up again")
        assert before_s > 0
        made = await client.reserve([(sku, place, 1)])
        await mirror.wait_until(made.revision)
        assert mirror.available(sku, place) == 9


async def test_a_new_snapshot_replaces_the_content_at_once(house: House) -> None:
    replica = await house.replica()
    client = await house.client()
    sql = await house.sql()
    skus, places = await shop(client, 30, 2)
    other = InventoryClient(replica.address)
    async with StockMirror(client, heartbeat=HEARTBEAT) as mirror:
        told: set[tuple[str, str]] = set()
        mirror.on_change(lambda sku, location, before, after: told.add((sku, location)))
        await replica.stop()
        sizes = {len(mirror)}
        await sql.execute("UPDATE feed_head SET epoch = gen_random_uuid()")
        await replica.start()
        async with other:
            made = await other.reserve([(skus[0], places[0], 1)])
        waiting = asyncio.create_task(mirror.wait_until(made.revision, 15))
        while not waiting.done():
            sizes.add(len(mirror))
            await asyncio.sleep(0)
        await waiting
        assert sizes == {60}
        assert content(mirror) == await table(client)

        async def is_told() -> bool:
            return told == {(skus[0], places[0])}

        await eventually(is_told, "what differs is told")


async def test_skus_come_and_go_with_their_category(client: InventoryClient) -> None:
    sku, place = await stocked(client, 7, category="FOOD")
    other, _ = await stocked(client, 5, place, category="TOOLS")
    async with StockMirror(client, categories=["FOOD"], heartbeat=HEARTBEAT) as mirror:
        assert set(content(mirror)) == {(sku, place)}
        told: list[tuple[str, bool]] = []
        mirror.on_change(lambda sku, location, before, after: told.append((sku, after is not None)))
        await client.update_sku(Sku(sku=sku, category="TOOLS"))
        moved = await client.update_sku(Sku(sku=other, category="FOOD"))
        await mirror.wait_until(moved.revision)
        assert content(mirror) == {(other, place): (await table(client))[(other, place)]}
        assert told == [(sku, False), (other, True)]
        await client.reserve([(sku, place, 1)])
        made = await client.reserve([(other, place, 1)])
        await mirror.wait_until(made.revision)
        assert (mirror.available(sku, place), mirror.available(other, place)) == (0, 4)
        back = await client.update_sku(Sku(sku=sku, category="FOOD"))
        await mirror.wait_until(back.revision)
        assert mirror.available(sku, place) == 6


async def test_categories_need_every_change(client: InventoryClient) -> None:
    with pytest.raises(ValueError, match="category"):
        StockMirror(client, categories=["FOOD"], mode=WatchMode.LATEST)


async def test_what_ends_the_mirror_is_raised_by_whoever_waits(client: InventoryClient) -> None:
    with pytest.raises(NotFound):
        await anext(client.watch("acknowledged", subscriber="nobody"))
    mirror = StockMirror(client, skus=["x" * 65])
    with pytest.raises(Exception, match="SKU_FORMAT"):
        await mirror.start()


async def test_closing_a_mirror_is_said_to_whoever_waits(client: InventoryClient) -> None:
    async with StockMirror(client) as mirror:
        waiting = asyncio.create_task(mirror.wait_until(mirror.revision + 1))
        await asyncio.sleep(0)  # it waits
        await mirror.aclose()
        with pytest.raises(RuntimeError, match="closed"):
            await waiting
    with pytest.raises(RuntimeError, match="closed"):
        await mirror.wait_until(mirror.revision + 1)


def test_an_older_change_does_not_turn_a_level_back() -> None:
    levels = Levels()
    assert levels.put("A-1", "shop", core_pb2.Quantities(on_hand=5), 7)
    assert not levels.put("A-1", "shop", core_pb2.Quantities(on_hand=9), 6)
    assert levels.put("A-1", "shop", core_pb2.Quantities(on_hand=4), 7)
    assert levels.available("A-1", "shop") == 4


def test_a_dropped_skus_place_is_used_again() -> None:
    levels = Levels()
    for number in range(100):
        levels.put("A-1", "shop", core_pb2.Quantities(on_hand=number), number)
        levels.put(f"B-{number}", "shop", core_pb2.Quantities(on_hand=1), number)
        dropped = levels.drop(f"B-{number}")
        assert dropped["shop"].on_hand == 1
    assert (len(levels), levels.available("A-1", "shop"), levels.available("B-1", "shop")) == (1, 99, 0)
    assert list(levels) == [("A-1", "shop")]


def test_a_level_costs_at_most_200_bytes() -> None:
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        levels = Levels()
        for number in range(10_000):
            for place in range(10):
                # Every message has strings of its own, as from the wire.
                message = core_pb2.Level.FromString(
                    core_pb2.Level(
                        sku=f"sku-{number:08}",
                        location=f"location-{place:04}",
                        quantities=core_pb2.Quantities(on_hand=number * 1_000, held=300 + number),
                        revision=1_000_000 + number,
                    ).SerializeToString()
                )
                levels.put(message.sku, message.location, message.quantities, message.revision)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(levels) == 100_000
    each = (after - before) / len(levels)
    print(f"{each:.1f} bytes a level")
    assert each <= BYTES_PER_LEVEL_MAX


async def test_a_wait_in_vain_says_how_far_it_is_and_with_whom(house: House) -> None:
    replica = await house.replica()
    client = await house.client()
    async with StockMirror(client, heartbeat=HEARTBEAT) as mirror:
        with pytest.raises(TimeoutError, match=f"not yet at 1000000, after 0.1 s: connected with {replica.address}"):
            await mirror.wait_until(1_000_000, 0.1)
        await replica.stop()

        async def is_lost() -> bool:
            return mirror.connection is not None and mirror.connection.state is ConnectionState.LOST

        await eventually(is_lost, "the connection is lost")
        with pytest.raises(TimeoutError, match=r"no server answers|SHUTTING_DOWN"):
            await mirror.wait_until(1_000_000, 0.1)
