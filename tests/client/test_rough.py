"""Everything at once: servers come and go under full work, and in the end watch and mirrors equal ledger and table."""

from __future__ import annotations

import asyncio
import random

import pytest

from inventory_client import Changes, InventoryClient, MemoryCursorStore, StockMirror, Unavailable, WatchMode
from tests.client.conftest import House
from tests.client.test_mirror import HEARTBEAT, content, shop, table, trade
from tests.rpc.client import eventually

SEED = 20261123
ROUNDS = 4
PATIENCE_S = 60.0


async def follow(client: InventoryClient, store: MemoryCursorStore, told: list[tuple[int, int, str]]) -> None:
    """Keeps the ledger it is told. Begins a new watch now and then, from what was saved."""
    chance = random.Random(SEED)
    while True:
        async with client.watch("now", store=store, heartbeat=HEARTBEAT) as watch:
            left = chance.randint(20, 60)
            async for event in watch:
                if left == 0:  # the event before was processed and saved; this one was not
                    break
                if isinstance(event, Changes):
                    told += [
                        (row.revision, row.ordinal, row.sku) for change in event.changes for row in change.movements
                    ]
                    left -= 1


async def test_after_servers_came_and_went_everything_is_equal(house: House) -> None:
    replicas = [await house.replica(), await house.replica()]
    client = await house.client(timeout_s=30)
    skus, places = await shop(client, 40, 5)
    start = max([level.revision async for level in client.list_stock()])
    told: list[tuple[int, int, str]] = []
    follower = await house.client(channel="erp")
    store = MemoryCursorStore()
    following = asyncio.create_task(follow(follower, store, told))

    async def has_begun() -> bool:
        return store.cursor is not None

    await eventually(has_begun, "the follower has begun")
    writers = [await house.client(timeout_s=30) for _ in range(3)]
    stops = 0

    async def disturb() -> None:
        nonlocal stops
        for turn in range(ROUNDS):
            replica = replicas[turn % 2]
            await replica.stop()
            stops += 1
            await replica.start()

    async with (
        asyncio.timeout(PATIENCE_S),
        StockMirror(follower, mode=WatchMode.LATEST, heartbeat=HEARTBEAT) as latest,
        StockMirror(follower, mode=WatchMode.EVERY_CHANGE, heartbeat=HEARTBEAT) as every,
    ):
        disturbing = asyncio.create_task(disturb())
        last = 0
        seed = SEED
        while not disturbing.done():
            revisions = await asyncio.gather(
                *(trade(writer, skus, places, 15, seed + number) for number, writer in enumerate(writers))
            )
            last, seed = max(last, *revisions), seed + 10
        await disturbing
        for mirror in (latest, every):
            await mirror.wait_until(last, PATIENCE_S)
        expected = await table(client)
        assert content(latest) == content(every) == expected

    async def is_told() -> bool:
        return told[-1][0] >= last

    await eventually(is_told, "the follower has all of it")
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    ledger = [(row.revision, row.ordinal, row.sku) async for row in client.list_movements() if row.revision > start]
    assert stops == ROUNDS
    assert told == ledger[::-1]
    assert len(told) > 1_000


async def test_with_every_server_gone_a_mirror_still_answers(house: House) -> None:
    replicas = [await house.replica(), await house.replica()]
    client = await house.client()
    skus, places = await shop(client, 3, 2)
    async with StockMirror(client, heartbeat=HEARTBEAT) as mirror:
        for replica in replicas:
            await replica.stop()
        with pytest.raises(Unavailable):
            await client.reserve([(skus[0], places[0], 1)], timeout_s=0.5)
        assert mirror.available(skus[0], places[0]) == 20
        for replica in replicas:
            await replica.start()
        made = await client.reserve([(skus[0], places[0], 1)])
        await mirror.wait_until(made.revision, PATIENCE_S)
        assert mirror.available(skus[0], places[0]) == 19
