"""Reconciling by the client package: own numbers, and what mirrors hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from inventory.v1.channel_service_pb2 import Channel, ChannelView
from inventory_client import (
    Answer,
    AvailabilityMirror,
    Cursor,
    CursorLost,
    InvalidRequest,
    InventoryClient,
    NotFound,
    OwnNumber,
    StockMirror,
    Unavailable,
)
from inventory_client.sync import SyncInventoryClient, SyncStockMirror
from inventory_client.sync_availability import SyncAvailabilityMirror
from tests.client.conftest import House, stocked
from tests.rpc.client import new_id


@pytest.fixture
async def client(house: House) -> InventoryClient:
    await house.replica()
    return await house.client()


async def test_what_differs_is_told_and_the_rest_is_counted(client: InventoryClient) -> None:
    sku, place = await stocked(client, 10)
    other, _ = await stocked(client, 4, place)

    async def rows() -> AsyncIterator[tuple[str, str, int]]:
        yield sku, place, 10
        yield other, place, 5

    run = client.reconcile(rows(), "on_hand", reference="by hand")
    (wrong,) = [row async for row in run]
    assert (wrong.sku, Answer(wrong.answer), wrong.current, wrong.delta) == (other, Answer.DRIFT, 4, -1)
    assert run.result is not None
    assert (run.compared, run.result.counts.equal, run.result.counts.drift) == (2, 1, 1)
    assert await client.get_reconciliation(run.reconciliation_id) == run.result
    assert [row async for row in client.list_reconciled(run.reconciliation_id)] == [wrong]
    assert [each async for each in client.list_reconciliations(kind="on_hand")] == [run.result]
    assert not [each async for each in client.list_reconciliations(kind="available")]


async def test_rows_may_each_have_their_cursor(client: InventoryClient) -> None:
    sku, place = await stocked(client, 10)
    first = Cursor("", (await client.adjust_stock(sku, place, 1, "test")).revision)
    second = Cursor("", (await client.adjust_stock(sku, place, 1, "test")).revision)
    numbers = [
        OwnNumber(sku, 11, place, first),
        OwnNumber(sku, 11, place, second),
        OwnNumber(sku, 11, place, first, second.revision),
    ]
    rows = [row async for row in client.reconcile(numbers, "on_hand")]
    assert [Answer(row.answer) for row in rows] == [Answer.BEHIND, Answer.DRIFT, Answer.DRIFT]


async def test_refusals_come_as_the_packages_exceptions(client: InventoryClient, house: House) -> None:
    sku, _ = await stocked(client, 1)
    with pytest.raises(CursorLost):
        await client.reconcile([(sku, 1)], cursor=Cursor(new_id(), 1)).finished()
    with pytest.raises(InvalidRequest):
        await client.reconcile([("", 1)]).finished()
    with pytest.raises(NotFound):
        await client.get_reconciliation(new_id())
    with pytest.raises(ValueError, match="available_to_sell"):
        client.reconcile([], "stock")
    await house.replicas[0].stop()
    short = await house.client(house.replicas[0], timeout_s=0.3)
    with pytest.raises(Unavailable):
        await short.reconcile([(sku, 1)]).finished()


async def test_mirrors_hold_nothing_that_drifts_and_a_forged_level_is_found(client: InventoryClient) -> None:
    sku, place = await stocked(client, 10)
    await client.set_channel(Channel(channel="shop", view=ChannelView(buffer=3)))
    async with StockMirror(client, locations=[place]) as stock, AvailabilityMirror(client) as view:
        for run in (stock.reconcile(), stock.reconcile("on_hand"), view.reconcile()):
            result = await run.finished()
            assert (result.counts.equal, result.counts.drift, result.counts.missing) == (1, 0, 0)
        seen = stock.cursor
        await stocked(client, 5, place)
        await client.adjust_stock(sku, place, -2, "test")
        late = client.reconcile([(sku, place, 10)], "on_hand", cursor=seen, list_missing=True)
        assert {Answer(row.answer) for row in [row async for row in late]} == {Answer.BEHIND}
        with pytest.raises(ValueError, match="AvailabilityMirror"):
            stock.reconcile("available_to_sell")


async def test_without_a_loop_it_is_the_same(house: House) -> None:
    replica = await house.replica()
    sku, place = await stocked(await house.client(), 4)

    def use() -> None:
        with SyncInventoryClient(replica.address, channel="shop") as client:
            (row,) = client.reconcile([(sku, place, 3)], "on_hand")
            assert row.delta == 1
            run = client.reconcile([(sku, 4)])
            assert run.finished() == run.result
            with SyncStockMirror(client) as mirror, SyncAvailabilityMirror(client) as view:
                assert mirror.reconcile().finished().counts.equal == 1
                assert view.reconcile().finished().counts.equal == 1
            assert len(list(client.list_reconciliations())) == 4

    await asyncio.to_thread(use)
