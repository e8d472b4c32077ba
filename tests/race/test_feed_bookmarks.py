"""Bookmarks asked for at one replica, of a stream at another."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from google.protobuf.duration_pb2 import Duration

from inventory.v1.watch_service_pb2 import WATCH_MODE_LATEST, RequestBookmarkRequest
from tests.race.follower import Follower, head
from tests.race.house import SHOP, Client, House, until, within
from tests.race.load import open_shops, writing
from tests.race.proxy import Fault, Moment, Proxy

SKUS = [f"sku-{n:02}" for n in range(20)]
SHOPS = [SHOP, "station"]
LISTENERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle'
"""
CUT_LISTENERS = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle'
"""
NEVER = Duration(seconds=3600)  # the longest heartbeat: no bookmark comes unasked


async def listens(house: House) -> bool:
    """Whether a replica hears the others' bells."""
    return bool(await house.sql.fetchval(LISTENERS))


def quiet_follower(house: House, after: int, **wanted: Any) -> Follower:
    """Follows what never changes."""
    return Follower(after, skus=["quiet"], heartbeat=NEVER, stream_id=house.uuid(), **wanted)


async def ask(client: Client, follower: Follower) -> int:
    """How far the bookmark will be."""
    answer = await client.feed.RequestBookmark(
        RequestBookmarkRequest(stream_id=follower.wanted["stream_id"]), timeout=10
    )
    return answer.head.revision


async def until_at(followers: Sequence[Follower], revision: int) -> None:
    async def are_there() -> bool:
        return all(follower.at >= revision for follower in followers)

    await until(are_there)


@within(60)
async def test_a_bookmark_asked_for_on_one_replica_is_sent_on_the_other(house: House) -> None:
    """Under load and without, in both modes, to streams that nothing matches and that would be silent for an hour."""
    times = 20
    clients = [client for _, client in await house.servers(None, None)]
    await open_shops(house, clients[0], [*SKUS, "quiet"], SHOPS)
    start = await head(house.sql)
    quiet = [quiet_follower(house, start), quiet_follower(house, start, mode=WATCH_MODE_LATEST)]
    over = asyncio.Event()
    moved = 0

    async def ask_for_all(client: Client) -> None:
        nonlocal moved
        before = min(follower.at for follower in quiet)
        due = [await ask(client, follower) for follower in quiet]
        await until_at(quiet, min(due))
        moved += due[0] > before

    async with asyncio.TaskGroup() as group:
        for follower in quiet:
            group.create_task(follower.follow(clients[0], over.is_set))
        await asyncio.gather(*(follower.begun.wait() for follower in quiet))
        await until(partial(listens, house))
        async with writing(house, clients, SKUS, SHOPS) as load:
            for turn in range(times):
                await load.more(2)
                await ask_for_all(clients[turn % 2])
        await ask_for_all(clients[1])
        over.set()
        for follower in quiet:
            await ask(clients[1], follower)  # so that it looks once more
    assert moved > times / 4
    assert not any(follower.changes for follower in quiet)


@within(60)
async def test_a_bookmark_can_be_asked_for_as_soon_as_the_stream_has_begun(house: House) -> None:
    """At the other replica, of the first stream of a replica that nobody followed before."""
    clients = [client for _, client in await house.servers(None, None)]
    await open_shops(house, clients[0], [*SKUS, "quiet"], SHOPS)
    for turn in range(4):
        there, here = clients[turn % 2], clients[(turn + 1) % 2]
        follower = quiet_follower(house, await head(house.sql) - 2)
        over = asyncio.Event()
        following = asyncio.create_task(follower.follow(there, over.is_set))
        await follower.begun.wait()
        over.set()
        due = await ask(here, follower)
        await following
        assert follower.at >= due


@within(60)
async def test_a_bookmark_asked_for_while_the_bell_is_cut_comes_all_the_same(house: House) -> None:
    proxy: Proxy = await house.enter(Proxy(house.dsn))
    (_, deaf), (_, other) = await house.servers(proxy.dsn, None)
    await open_shops(house, other, [*SKUS, "quiet"], SHOPS)
    follower = quiet_follower(house, await head(house.sql))
    over = asyncio.Event()
    following = asyncio.create_task(follower.follow(deaf, over.is_set))
    await until(partial(listens, house))
    trap = proxy.arm('LISTEN "', Moment.BEFORE, Fault.STALL)
    assert await house.sql.fetchval(CUT_LISTENERS) == 1
    await trap.hit.wait()
    await other.stock.AdjustStock(house.correction(SKUS[0], 1), timeout=30)
    due = await ask(other, follower)
    over.set()
    trap.release()
    await until(partial(listens, house))
    await following
    assert follower.at >= due
