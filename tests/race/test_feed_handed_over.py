"""What a server hands to its own followers without reading it back is what the database would have said."""

import asyncio

from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from tests.race.follower import Follower
from tests.race.house import House, until, within
from tests.race.proxy import Fault, Moment, Proxy

KINDS = [watch_pb2.CHANGE_KIND_STOCK, watch_pb2.CHANGE_KIND_SKU]


@within(40)
async def test_a_category_that_changed_between_lock_and_commit_is_the_new_one(house: House) -> None:
    """Server 1 has read the category and waits with its locks; on server 2 the SKU changes its category, which is told
    to server 1's followers; then server 1 commits."""
    proxy: Proxy = await house.enter(Proxy(house.dsn))
    (_, first), (_, second) = await house.servers(proxy.dsn, None)
    await house.stock(first, {"A": 5, "other": 5})
    await second.catalog.UpdateSku(
        catalog_pb2.UpdateSkuRequest(request_id=house.uuid(), sku=catalog_pb2.Sku(sku="A", category="old"))
    )
    start = (await first.stock.AdjustStock(house.correction("other", 1))).revision

    live = Follower(start, categories=["new"], kinds=KINDS)
    following = asyncio.create_task(live.keep_following([first], lambda: live.at >= start + 2))
    await asyncio.wait_for(live.begun.wait(), 60)
    trap = proxy.arm("locked_place", Moment.AFTER, Fault.STALL)
    writing = asyncio.ensure_future(first.stock.AdjustStock(house.correction("A", 1)))
    await trap.hit.wait()
    moved = await second.catalog.UpdateSku(
        catalog_pb2.UpdateSkuRequest(request_id=house.uuid(), sku=catalog_pb2.Sku(sku="A", category="new"))
    )
    assert moved.revision == start + 1

    async def is_told() -> bool:
        return any(change.revision == moved.revision for change in live.changes)

    await until(is_told)
    trap.release()
    assert (await writing).revision == start + 2
    await following

    told = [row for change in live.changes for row in change.movements]
    assert [(row.sku, row.revision) for row in told] == [("A", start + 2)]
