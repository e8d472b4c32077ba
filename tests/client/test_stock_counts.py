"""Stock counts with the Python client, with and without a loop."""

import asyncio

import pytest

from inventory.v1 import stock_count_service_pb2 as pb2
from inventory_client import ExpectationFailed, InvalidRequest, NotFound, PreconditionFailed
from inventory_client.sync import SyncInventoryClient
from tests.client.conftest import House, stocked
from tests.rpc.client import PATIENCE_S


async def test_a_count_is_recorded_looked_at_and_posted(house: House) -> None:
    await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 10)
    count = (await client.open_stock_count(place, reference="INV 1")).count
    await client.record_stock_count(count.count_id, [(sku, 7)])
    again = pb2.CountedQuantity(sku=sku, counted=8, expected_counted=7)
    recorded = await client.record_stock_count(count.count_id, [again])
    assert (recorded.lines[0].on_hand, recorded.lines[0].difference) == (10, -2)
    with pytest.raises(ExpectationFailed) as caught:
        await client.post_stock_count(count.count_id, 1)
    assert caught.value.current == 2
    posted = await client.post_stock_count(count.count_id, recorded.count.version)
    level = await client.get_stock(sku, place, min_revision=posted.revision)
    assert level.quantities.on_hand == 8
    with pytest.raises(PreconditionFailed, match="POSTED"):
        await client.cancel_stock_count(count.count_id)
    with pytest.raises(NotFound):
        await client.open_stock_count("nowhere")
    with pytest.raises(InvalidRequest):
        await client.get_stock_count("7")


async def test_a_count_comes_with_all_of_its_lines(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory_client.stock_counts.PAGE_ROWS", 2)
    await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 10)
    others = [(await stocked(client, 10))[0] for _ in range(4)]
    count = (await client.open_stock_count(place)).count
    await client.record_stock_count(count.count_id, [(sku, 10), *((other, 1) for other in others)])
    everything = await client.get_stock_count(count.count_id)
    assert [line.sku for line in everything.lines] == sorted([sku, *others])
    differing = await client.get_stock_count(count.count_id, only_differences=True)
    assert ([line.sku for line in differing.lines], differing.next_page_token) == (sorted(others), "")
    more = [(await client.open_stock_count(place)).count.count_id for _ in range(4)]
    await client.cancel_stock_count(more[0])
    opened = [found.count_id async for found in client.list_stock_counts(state=pb2.STOCK_COUNT_STATE_OPEN)]
    assert opened == [*more[:0:-1], count.count_id]


async def test_what_was_recorded_earlier_names_its_moment(house: House) -> None:
    await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 10)
    moment = (await client.adjust_stock(sku, place, -1, "test")).revision
    await client.adjust_stock(sku, place, -4, "test")
    count = (await client.open_stock_count(place)).count
    recorded = await client.record_stock_count(count.count_id, [(sku, 9)], at_revision=moment)
    assert (recorded.lines[0].on_hand, recorded.lines[0].at_revision) == (9, moment)


async def test_the_same_without_a_loop(house: House) -> None:
    replica = await house.replica()
    sku, place = await stocked(await house.client(), 10)

    def work() -> int:
        with SyncInventoryClient(replica.address, "shop") as client:
            count = client.open_stock_count(place).count
            client.record_stock_count(count.count_id, [(sku, 4)])
            looked = client.get_stock_count(count.count_id)
            assert [found.count_id for found in client.list_stock_counts(location=place)] == [count.count_id]
            client.post_stock_count(count.count_id, looked.count.version)
            return client.get_stock(sku, place).quantities.on_hand

    assert await asyncio.wait_for(asyncio.to_thread(work), PATIENCE_S * 2) == 4
