"""Snapshots taken in the middle of the writing: each is the ledger at its revision, and the rest leads to the stock."""

import asyncio

from tests.race.follower import Follower, balances_at, head, ledger, stock_table
from tests.race.house import House, within
from tests.race.load import open_shops, writing

SKUS = [f"sku-{n:04}" for n in range(1_500)]
BUSY_SKUS = SKUS[::50]
SHOPS = ["airport", "station"]


@within(60)
async def test_snapshots_under_full_load_are_the_ledger_at_their_revision(house: House) -> None:
    """Several at once on both replicas, of all shops and of one, each of more than one page."""
    clients = [client for _, client in await house.servers(None, None)]
    await open_shops(house, clients[0], SKUS, SHOPS)
    wanted: list[list[str] | None] = [None, SHOPS[:1], None, SHOPS[1:]] * 2
    followers = [Follower(locations=shops or []) for shops in wanted]
    moved: list[int] = []
    asking = asyncio.Lock()

    async def take(follower: Follower, turn: int) -> None:
        await follower.up_to(clients[turn % 2], 0)
        async with asking:
            moved.append(await head(house.sql) - follower.snapshot_revision)

    async with writing(house, clients, BUSY_SKUS, SHOPS, workers=8) as load:
        await load.more(50)
        async with asyncio.TaskGroup() as group:
            for turn, follower in enumerate(followers):
                await load.more(4)
                group.create_task(take(follower, turn))
        await load.more(50)
        await load.stop()
    last = await head(house.sql)
    for turn, (follower, shops) in enumerate(zip(followers, wanted, strict=True)):
        assert follower.snapshot == await balances_at(house.sql, follower.snapshot_revision, shops)
        await follower.up_to(clients[(turn + 1) % 2], last)
        assert follower.rows() == await ledger(house.sql, follower.snapshot_revision, last, locations=shops)
        assert follower.levels == await stock_table(house.sql, shops)
    assert len({follower.snapshot_revision for follower in followers}) > 1
    assert sum(by > 0 for by in moved) >= len(followers) / 2, "written to while they were taken"
    await house.prove()
