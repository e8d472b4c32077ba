"""Latest mode: who is slow is right all the same, at the cost of what changed and not of how often."""

import asyncio
from functools import partial

from inventory.v1.reservation_service_pb2 import BatchReserveRequest
from inventory.v1.stock_service_pb2 import BatchAdjustStockRequest, StockAdjustment
from tests.race.follower import Follower, head, ledger
from tests.race.house import CALL_TIMEOUT_S, SHOP, Client, House, within
from tests.race.latest_follower import LatestFollower, assert_never_ahead
from tests.race.load import open_shops, writing

SKUS = [f"sku-{n:03}" for n in range(600)]
SHOPS = [SHOP, "station"]
HOT = SKUS[7]
HOT_COMMANDS = 20
HOT_REQUESTS = 300


@within(60)
async def test_a_slow_follower_of_the_latest_ends_with_the_newest_of_every_level(house: House) -> None:
    """One on each replica, with more levels than a message holds, while a hot SKU is sold and everything else moves."""
    pairs = await house.servers(None, None)
    clients = [client for _, client in pairs]
    await open_shops(house, clients[0], SKUS, SHOPS)
    start = await head(house.sql)
    await spread(house, clients[0])
    slow = [LatestFollower(start), LatestFollower(start)]
    hot, hot_every = LatestFollower(start, skus=[HOT]), Follower(start, skus=[HOT])
    end: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        for follower, (server, _) in zip(slow, pairs, strict=True):
            follower.pause_s = 0.2
            group.create_task(follower.follow(house.client(server.address, narrow=True), partial(is_at, follower, end)))
        group.create_task(hot.follow(clients[0], partial(is_at, hot, end)))
        group.create_task(hot_every.follow(clients[0], partial(is_at, hot_every, end)))
        async with writing(house, clients, SKUS, SHOPS, workers=4) as load:
            for turn in range(HOT_COMMANDS):
                await sell_hot(house, clients[turn % 2])
            await load.stop()
        end.set_result(await head(house.sql))
        for follower in slow:
            assert follower.at < end.result(), "still behind"
            follower.pause_s = 0.0
    rows = await ledger(house.sql, start, end.result())
    newest = {(str(row[3]), str(row[4])): (row[1], row[2]) for row in rows}
    for follower in slow:
        assert follower.newest == newest
        assert_never_ahead(follower, rows)
        assert follower.messages_per_round_max > 1
        assert len(follower.received) < len(rows) / 2, "it was left out what nobody needs"
    hot_rows = await ledger(house.sql, start, end.result(), skus=[HOT])
    assert hot_every.rows() == hot_rows
    assert_never_ahead(hot, hot_rows)
    assert hot.bytes < hot_every.bytes / 10
    await house.prove()


def is_at(follower: LatestFollower | Follower, end: "asyncio.Future[int]") -> bool:
    """Whether it has come to the end, once that is known."""
    return end.done() and follower.at >= end.result()


async def spread(house: House, client: Client) -> None:
    """Leaves a different number of pieces of each SKU in each shop."""
    rows = [
        StockAdjustment(sku=sku, location=shop, delta=-house.random.randint(1, 990_000))
        for sku in SKUS
        for shop in SHOPS
        if sku != HOT
    ]
    await client.stock.BatchAdjustStock(
        BatchAdjustStockRequest(request_id=house.uuid(), reason="spread", adjustments=rows)
    )


async def sell_hot(house: House, client: Client) -> None:
    requests = [house.request({HOT: 1}) for _ in range(HOT_REQUESTS)]
    answer = await client.reservations.BatchReserve(BatchReserveRequest(requests=requests), timeout=CALL_TIMEOUT_S)
    assert all(result.HasField("response") for result in answer.results)
