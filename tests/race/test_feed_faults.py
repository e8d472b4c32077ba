"""Replicas killed, PostgreSQL crashed, the bell cut: followers go on without a gap, and what they hold is the stock."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Self

from inventory_client import InventoryClient, StockMirror, WatchMode
from tests.race.follower import ALL_KINDS, Follower, head, ledger, stock_table, whole_ledger
from tests.race.house import Client, House, until, within
from tests.race.load import CATEGORIES, Load, open_shops, writing
from tests.race.processes import Postgres
from tests.race.proxy import Fault, Moment, Proxy

SKUS = [f"sku-{n:02}" for n in range(30)]
SHOPS = ["airport", "station"]
LISTENERS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle'
"""  # active: one that is still held up


class Crowd:
    """Followers of everything, of one shop, and from a snapshot."""

    def __init__(self) -> None:
        self.whole = [Follower(0, kinds=ALL_KINDS), Follower(0, kinds=ALL_KINDS)]
        self.of_a_shop = Follower(0, locations=SHOPS[:1])
        self.from_snapshot = Follower()
        self.followers = [*self.whole, self.of_a_shop, self.from_snapshot]
        self.end: int | None = None

    async def follow(self, clients: Sequence[Client]) -> None:
        """Until all are at the end, once that is known; every second one begins at the second replica."""
        async with asyncio.TaskGroup() as group:
            for turn, follower in enumerate(self.followers):
                group.create_task(follower.keep_following(clients, partial(self._is_enough, follower), first=turn % 2))

    async def caught_up(self, house: House) -> None:
        """Every one is where the head was at the call."""
        now = await head(house.sql)

        async def all_are() -> bool:
            return all(follower.at >= now for follower in self.followers)

        await until(all_are)

    async def prove(self, house: House) -> None:
        """What they were told is the ledger, and what they made of it the stock."""
        assert self.end is not None
        for follower in self.whole:
            assert follower.rows() == await whole_ledger(house.sql, 0, self.end)
        assert self.of_a_shop.rows() == await ledger(house.sql, 0, self.end, locations=SHOPS[:1])
        begun = self.from_snapshot.snapshot_revision
        assert self.from_snapshot.rows() == await ledger(house.sql, begun, self.end)
        table = await stock_table(house.sql)
        assert all(follower.levels == table for follower in (*self.whole, self.from_snapshot))
        assert self.of_a_shop.levels == await stock_table(house.sql, SHOPS[:1])

    def _is_enough(self, follower: Follower) -> bool:
        return self.end is not None and follower.at >= self.end


class Mirrors:
    """Mirrors of the client package on both replicas: of everything, of one shop, and of a category."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._stack = AsyncExitStack()
        self._addresses = addresses

    async def __aenter__(self) -> Self:
        client = await self._stack.enter_async_context(InventoryClient(self._addresses, channel="mirrors"))
        self.of_all = StockMirror(client)
        self.of_a_shop = StockMirror(client, locations=SHOPS[:1], mode=WatchMode.EVERY_CHANGE)
        self.of_a_category = StockMirror(client, categories=CATEGORIES[:1])
        for mirror in (self.of_all, self.of_a_shop, self.of_a_category):
            await self._stack.enter_async_context(mirror)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def prove(self, house: House, revision: int) -> None:
        """Each is the stock."""
        table = await stock_table(house.sql)
        in_category = await house.sql.fetch("SELECT code FROM sku WHERE category = $1", CATEGORIES[0])
        codes = {row["code"] for row in in_category}
        for mirror, expected in (
            (self.of_all, table),
            (self.of_a_shop, {pair: level for pair, level in table.items() if pair[1] == SHOPS[0]}),
            (self.of_a_category, {pair: level for pair, level in table.items() if pair[0] in codes}),
        ):
            await mirror.wait_until(revision, 60)
            assert {(sku, shop): tuple(level[:6]) for sku, shop, level in mirror} == expected


async def end(house: House, load: Load, crowd: Crowd) -> None:
    """The last write is answered, and so the head known that all come to."""
    await load.stop()
    crowd.end = await head(house.sql)


@within(60)
async def test_followers_of_a_killed_replica_go_on_elsewhere(house: House) -> None:
    """Each replica is killed in turn, with all its streams, in the middle of the writing; another takes its place."""
    pairs = await house.servers(None, None)
    servers = [server for server, _ in pairs]
    addresses = [server.address for server in servers]
    clients = [client for _, client in pairs]
    await open_shops(house, clients[0], SKUS, SHOPS)
    crowd, mirrors = Crowd(), await house.enter(Mirrors(addresses))
    async with asyncio.TaskGroup() as group:
        group.create_task(crowd.follow(clients))
        async with writing(house, clients, SKUS, SHOPS, patient=True) as load:
            for turn in (0, 1):
                await load.more(80)
                await crowd.caught_up(house)
                before = sum(follower.resumed for follower in crowd.followers)
                await servers[turn].kill()
                await load.more(80)
                await crowd.caught_up(house)
                assert sum(follower.resumed for follower in crowd.followers) > before
                servers[turn], clients[turn] = await house.server_at(addresses[turn])
            await end(house, load, crowd)
    assert all(follower.resumed for follower in crowd.followers)
    assert load.tried_again > 0
    await crowd.prove(house)
    await mirrors.prove(house, await head(house.sql))
    await house.prove()


@within(60)
async def test_followers_outlive_a_crash_of_postgres(crashing: tuple[Postgres, House]) -> None:
    postgres, house = crashing
    pairs = await house.servers(None, None)
    clients = [client for _, client in pairs]
    await open_shops(house, clients[0], SKUS, SHOPS)
    crowd, mirrors = Crowd(), await house.enter(Mirrors([server.address for server, _ in pairs]))
    async with asyncio.TaskGroup() as group:
        group.create_task(crowd.follow(clients))
        async with writing(house, clients, SKUS, SHOPS, patient=True) as load:
            await load.more(80)
            await crowd.caught_up(house)
            pid = postgres.pid
            await postgres.crash()
            assert house.sql.is_closed()
            await asyncio.gather(*(server.until_says("the feed can't read") for server, _ in pairs))
            postgres = await Postgres.start(postgres.home)
            house.keep(postgres)
            assert postgres.pid != pid
            house.sql = await house.connect()
            await load.more(80)
            await crowd.caught_up(house)
            await end(house, load, crowd)
    assert all(any("tried again" in line for line in server.said) for server, _ in pairs)
    await crowd.prove(house)
    await mirrors.prove(house, await head(house.sql))
    await house.prove()


@within(60)
async def test_without_a_bell_the_other_replica_s_changes_still_arrive(house: House) -> None:
    """The LISTEN connection is cut, and the next one is held up, so that for a while there is none."""
    proxy: Proxy = await house.enter(Proxy(house.dsn))
    (_, deaf), (_, other) = await house.servers(proxy.dsn, None)
    await open_shops(house, other, SKUS, SHOPS)
    crowd = Crowd()

    async def listeners() -> list[int]:
        return [row["pid"] for row in await house.sql.fetch(LISTENERS)]

    async with asyncio.TaskGroup() as group:
        group.create_task(crowd.follow([deaf]))
        async with writing(house, [other], SKUS, SHOPS, workers=4) as load:
            await until(listeners)
            [cut] = await listeners()
            trap = proxy.arm('LISTEN "', Moment.BEFORE, Fault.STALL)
            assert await house.sql.fetchval("SELECT pg_terminate_backend($1)", cut)
            await trap.hit.wait()
            assert await listeners() == []
            await load.more(80)
            await crowd.caught_up(house)
            assert await listeners() == []
            trap.release()
            await until(listeners)
            assert cut not in await listeners()
            await load.more(50)
            await crowd.caught_up(house)
            await end(house, load, crowd)
    assert not any(follower.resumed for follower in crowd.followers), "no stream ended for it"
    await crowd.prove(house)
    await house.prove()
