"""Calls: one effect whatever happens on the way, and exceptions that say what it was."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest

from inventory.v1.catalog_service_pb2 import Location, Sku
from inventory.v1.core_pb2 import DISPOSITION_DAMAGED as DAMAGED
from inventory.v1.stock_service_pb2 import ReceiptLine
from inventory_client import (
    Conflict,
    ExpectationFailed,
    Failure,
    InsufficientStock,
    InvalidRequest,
    InventoryClient,
    NotFound,
    OutcomeUnknown,
    PreconditionFailed,
    Refused,
    ReservationExpired,
    Shortage,
    Unavailable,
    reserve_request,
    row_error,
)
from tests.client.conftest import House, stocked
from tests.rpc.client import eventually, new_id, unique

MINUTE = timedelta(minutes=1)


async def test_a_reservation_goes_its_whole_way(house: House) -> None:
    await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 10)
    made = await client.reserve([(sku, place, 3)], ttl=MINUTE, owner="cart")
    reservation_id = made.reservation.reservation_id
    await client.extend(reservation_id, 2 * MINUTE)
    await client.commit(reservation_id, reference="order")
    await client.release(reservation_id, [(sku, place, 1)], reason="one less")
    done = await client.fulfil(reservation_id)
    level = await client.get_stock(sku, place, min_revision=done.revision)
    assert (level.quantities.on_hand, level.quantities.allocated, level.quantities.available) == (8, 0, 8)
    assert (await client.get_reservation(reservation_id)).reference == "order"
    assert [found.reservation_id async for found in client.list_reservations(owner="cart")] == [reservation_id]
    assert len([row async for row in client.list_movements(sku=sku)]) == 6
    assert [level.sku async for level in client.list_stock(locations=[place])] == [sku]


async def test_goods_are_expected_received_and_reclassified(house: House) -> None:
    await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 0)
    await client.set_incoming("PO 1", [(sku, place, 10, date(2031, 2, 1))])
    with pytest.raises(InsufficientStock) as short:
        await client.reserve([(sku, place, 3)])
    assert short.value.shortages == (Shortage(sku, place, 3, 0, date(2031, 2, 1)),)
    answer = await client.receive_stock(place, [(sku, 4), ReceiptLine(sku=sku, quantity=1)], incoming_reference="PO 1")
    assert (answer.levels[0].quantities.on_hand, answer.levels[0].quantities.incoming) == (5, 5)
    await client.set_incoming("PO 1", [(sku, place, 0, None)])
    after = (await client.reclassify_stock(sku, place, 2, "broken", to_disposition=DAMAGED)).level.quantities
    assert (after.on_hand, after.damaged, after.available, after.incoming) == (5, 2, 3, 0)
    assert list(await client.list_lots(sku)) == []
    with pytest.raises(PreconditionFailed, match="LOT_CONFLICT"):
        await client.adjust_stock(sku, place, 1, "found", lot="L 1")


async def test_lists_go_over_all_pages(house: House) -> None:
    await house.replica()
    client = await house.client()
    codes = [f"sku-{number:04}" for number in range(2_500)]
    answer = await client.import_catalog(skus=[Sku(sku=code) for code in codes])
    assert answer.created == 2_500
    assert [sku.sku async for sku in client.list_skus()] == codes


async def test_corrections_and_bulk_answers(house: House) -> None:
    await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 10)
    await client.set_stock(sku, place, 12, 10, "counted")
    await client.set_thresholds(sku, place, reorder_point=4)
    bulk = await client.batch_adjust_stock([(sku, place, 1), (sku, place, 2)], "found", reference="PW 1")
    assert list(bulk.on_hand) == [13, 15]
    answer = await client.batch_get_stock([(sku, place), ("none", place)])
    assert (answer.levels[0].reorder_point, answer.unknown[0].sku) == (4, "none")
    good, bad = reserve_request([(sku, place, 15)], ttl=MINUTE), reserve_request([(sku, place, 1)])
    results = (await client.batch_reserve([good, bad])).results
    assert results[0].response.reservation.lines[0].held == 15
    assert isinstance(row_error(results[1].error, bad.request_id), InsufficientStock)
    assert (await client.batch_reserve([good])).results[0].response.replayed


@pytest.fixture
async def client(house: House) -> InventoryClient:
    await house.replica()
    return await house.client()


async def test_a_shortage_names_each_short_line(client: InventoryClient) -> None:
    sku, place = await stocked(client, 2)
    other, _ = await stocked(client, 0, place)
    odd = f"odd@{unique('sku')}"
    await client.create_sku(Sku(sku=odd))
    with pytest.raises(InsufficientStock) as refused:
        await client.reserve([(odd, place, 1), (sku, place, 3), (other, place, 1)])
    assert set(refused.value.shortages) == {
        Shortage(odd, place, 1, 0),
        Shortage(sku, place, 3, 2),
        Shortage(other, place, 1, 0),
    }
    assert (refused.value.code, refused.value.reason) == ("FAILED_PRECONDITION", "INSUFFICIENT_STOCK")
    assert (await client.get_stock(sku, place)).quantities.available == 2


async def test_each_refusal_has_its_exception(client: InventoryClient) -> None:
    sku, place = await stocked(client, 5)
    with pytest.raises(NotFound) as not_found:
        await client.get_stock("none", place)
    assert not_found.value.metadata == {"sku": "none"}
    with pytest.raises(InvalidRequest) as invalid:
        await client.reserve([(sku, place, 0)])
    assert invalid.value.field_violations[0].field == "lines[0].quantity"
    with pytest.raises(Conflict) as taken:
        await client.create_location(Location(location=place))
    assert taken.value.reason == "CODE_TAKEN"
    with pytest.raises(ExpectationFailed) as other:
        await client.set_stock(sku, place, 7, 4, "counted")
    assert other.value.current == 5
    with pytest.raises(PreconditionFailed) as below:
        await client.adjust_stock(sku, place, -6, "broken")
    assert below.value.reason == "BELOW_PROMISED"
    held = (await client.reserve([(sku, place, 1)], ttl=timedelta(seconds=1))).reservation.reservation_id

    async def has_run_out() -> bool:
        return (await client.get_reservation(held)).state != 1

    await eventually(has_run_out, "the hold has run out")
    with pytest.raises(ReservationExpired):
        await client.commit(held)


async def test_an_intent_repeated_under_its_id_has_one_effect(client: InventoryClient) -> None:
    sku, place = await stocked(client, 5)
    intent = new_id()
    first = await client.reserve([(sku, place, 2)], request_id=intent)
    again = await client.reserve([(sku, place, 2)], request_id=intent)
    assert (first.replayed, again.replayed) == (False, True)
    assert first.reservation == again.reservation
    with pytest.raises(Conflict) as reused:
        await client.reserve([(sku, place, 3)], request_id=intent)
    assert (reused.value.reason, reused.value.request_id) == ("REQUEST_ID_REUSED", intent)
    dry = await client.reserve([(sku, place, 3)], validate_only=True)
    assert dry.reservation.lines[0].allocated == 3
    assert (await client.get_stock(sku, place)).quantities.available == 3


async def test_a_server_that_is_not_there_is_unavailable_and_nothing_happened(house: House) -> None:
    replica = await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 5)
    await replica.stop()
    with pytest.raises(Unavailable) as gone:
        await client.reserve([(sku, place, 1)], timeout_s=0.5)
    assert not isinstance(gone.value, OutcomeUnknown)
    assert not isinstance(gone.value, Refused)
    assert gone.value.request_id
    await replica.start()
    assert (await client.get_stock(sku, place)).quantities.available == 5


async def test_a_call_waits_for_a_server_that_comes_back(house: House) -> None:
    replica = await house.replica()
    sku, place = await stocked(await house.client(), 5)
    tried = asyncio.Event()
    why: list[str] = []

    def note(failure: Failure, pause_s: float) -> None:
        why.append(failure.code)
        tried.set()

    async with InventoryClient(replica.address, on_retry=note) as client:
        await replica.stop()
        waiting = asyncio.create_task(client.reserve([(sku, place, 1)]))
        await tried.wait()
        await replica.start()
        assert not (await waiting).replayed
    assert set(why) == {"UNAVAILABLE"}


async def test_when_a_server_stops_mid_way_every_write_has_one_effect(house: House) -> None:
    first, second = await house.replica(), await house.replica()
    clients = [await house.client(first, second) for _ in range(4)]
    sku, place = await stocked(clients[0], 10_000)
    sold = 0
    half = asyncio.Event()

    async def buy(client: InventoryClient) -> None:
        nonlocal sold
        for _ in range(50):
            made = await client.reserve([(sku, place, 1)], owner="buyer")
            assert made.reservation.lines[0].allocated == 1
            sold += 1
            if sold == 100:
                half.set()

    async def stop() -> None:
        await half.wait()
        await first.stop()

    await asyncio.gather(stop(), *(buy(client) for client in clients))
    assert sold == 200
    level = await clients[0].get_stock(sku, place)
    assert level.quantities.allocated == 200
