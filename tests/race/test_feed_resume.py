"""Followers that break off and go on at the other replica, again and again, while both are written to."""

import asyncio
import random
from collections.abc import Sequence

from tests.race.follower import ALL_KINDS, Follower, head, ledger, whole_ledger
from tests.race.house import Client, House, within
from tests.race.load import open_shops, writing

SKUS = [f"sku-{n:02}" for n in range(40)]
SHOPS = ["airport", "market", "station"]
HOPS = 15


async def hop(follower: Follower, clients: Sequence[Client], chance: random.Random) -> None:
    """Goes on at the other replica after a few messages, many times; the whole ones, until a change was parted."""
    turn = 0
    while turn < HOPS or (follower.whole and not follower.parted):
        await follower.some(clients[turn % 2], chance.randint(1, 8), breaks_off=chance.random() < 0.5)
        turn += 1


@within(60)
async def test_a_follower_that_hops_between_replicas_is_told_the_ledger(house: House) -> None:
    """Every revision once, in order and whole, whatever it follows; also when it breaks off within a change."""
    clients = [client for _, client in await house.servers(None, None)]
    await open_shops(house, clients[0], SKUS, SHOPS)
    filters = [{"locations": SHOPS[:1]}, {"skus": SKUS[:5]}, {"locations": SHOPS[1:], "skus": SKUS[10:30]}]
    filtered = [Follower(0, **wanted) for wanted in filters]
    by_category = Follower(0, categories=["fish"])
    everything = [Follower(0, kinds=ALL_KINDS) for _ in range(2)]
    followers = [*everything, by_category, *filtered]
    async with writing(house, clients, SKUS, SHOPS, fat_every=50) as load, asyncio.TaskGroup() as group:
        for follower in followers:
            group.create_task(hop(follower, clients, random.Random(house.random.getrandbits(64))))
    last = await head(house.sql)
    for turn, follower in enumerate(followers):
        await follower.up_to(clients[turn % 2], last)
    expected = await whole_ledger(house.sql, 0, last)
    for follower in everything:
        assert follower.rows() == expected
    for follower, wanted in zip(filtered, filters, strict=True):
        assert follower.rows() == await ledger(house.sql, 0, last, **wanted)
    assert by_category.rows() == await ledger(house.sql, 0, last, categories=["fish"])
    # It was tried: commands came in pieces, and streams ended between the pieces.
    assert all(follower.fragments and follower.parted for follower in everything)
    assert load.answered > 100
    await house.prove()


@within(60)
async def test_any_revision_can_be_resumed_from_on_any_replica(house: House) -> None:
    times = 45
    clients = [client for _, client in await house.servers(None, None)]
    await open_shops(house, clients[0], SKUS, SHOPS)
    resumed: list[tuple[int, Follower]] = []
    async with writing(house, clients, SKUS, SHOPS) as load:
        await load.more(300)
        for turn in range(times):
            now = await head(house.sql)
            start = house.random.choice((now, now - 1, *(house.random.randint(now - 300, now) for _ in range(4))))
            follower = Follower(start, kinds=ALL_KINDS)
            await follower.up_to(clients[turn % 2], now)
            resumed.append((start, follower))
    expected = await whole_ledger(house.sql, 0, await head(house.sql))
    for start, follower in resumed:
        assert follower.rows() == [row for row in expected if start < int(str(row[1])) <= follower.at]
    assert len({start for start, _ in resumed}) > times / 2, "many different revisions"
    assert load.answered > 330, "while writers wrote"
