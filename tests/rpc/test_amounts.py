"""Amounts in any unit of a SKU: what is reserved, committed, given back and looked at is exact."""

from typing import Any

import asyncpg
import pytest

from inventory.rpc import amounts
from inventory.v1 import availability_service_pb2 as availability_pb2
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1.availability_service_pb2_grpc import AvailabilityServiceStub
from tests.rpc.client import Client, new_id, refusal

BOX, PALLET = catalog_pb2.Unit(unit="box", quantity=12), catalog_pb2.Unit(unit="pallet", quantity=480)


async def stocked(client: Client, **fields: Any) -> tuple[str, str]:
    location = await client.location()
    sku = await client.sku(**fields)
    await client.adjust(sku, location, 10_000)
    return sku, location


def line(place: tuple[str, str], amount: str, unit: str = "") -> core_pb2.LineQuantity:
    return core_pb2.LineQuantity(sku=place[0], location=place[1], amount=amount, unit=unit)


def reserve(*lines: core_pb2.LineQuantity) -> pb2.ReserveRequest:
    return pb2.ReserveRequest(request_id=new_id(), allocate=True, lines=lines)


@pytest.mark.parametrize(
    ("amount", "unit", "quantity"),
    [("2", "box", 24), ("0.5", "box", 6), ("1.50", "pallet", 720), ("7", "piece", 7), ("7", "", 7), ("007.0", "", 7)],
)
async def test_an_amount_is_reserved_in_the_smallest_unit(
    client: Client, amount: str, unit: str, quantity: int
) -> None:
    place = await stocked(client, units=[BOX, PALLET])
    answer = await client.reservations.Reserve(reserve(line(place, amount, unit)))
    assert [found.requested for found in answer.reservation.lines] == [quantity]
    assert (await client.quantities(*place)).allocated == quantity


async def test_weights_are_exact(client: Client) -> None:
    """0.1 + 0.2 kg is 300 g, in one line or two."""
    place = await stocked(client, unit="kg", unit_digits=3)
    answer = await client.reservations.Reserve(reserve(line(place, "0.1"), line(place, "0.2", "kg")))
    assert [found.allocated for found in answer.reservation.lines] == [300]


async def test_what_was_reserved_in_boxes_is_committed_given_back_and_fulfilled_in_them(client: Client) -> None:
    place = await stocked(client, units=[BOX])
    held = await client.hold((*place, 60))
    named = {"reservation_id": held, "lines": [line(place, "1", "box")]}
    await client.reservations.Commit(pb2.CommitRequest(request_id=new_id(), **named))  # type: ignore[arg-type]  # one dict for three
    assert (await client.quantities(*place)).allocated == 12
    await client.reservations.Release(pb2.ReleaseRequest(request_id=new_id(), **named))  # type: ignore[arg-type]  # one dict for three
    half = {"reservation_id": held, "lines": [line(place, "0.5", "box")]}
    await client.reservations.Fulfil(pb2.FulfilRequest(request_id=new_id(), **half))  # type: ignore[arg-type]  # one dict for three
    found = (await client.reservation(held)).lines[0]
    assert (found.requested, found.held, found.released, found.fulfilled) == (60, 36, 12, 6)


async def test_amounts_and_quantities_of_one_sku_are_summed(client: Client) -> None:
    place = await stocked(client, units=[BOX])
    pieces = core_pb2.LineQuantity(sku=place[0], location=place[1], quantity=3)
    answer = await client.reservations.Reserve(reserve(line(place, "1", "box"), pieces))
    assert [found.requested for found in answer.reservation.lines] == [15]


async def test_goods_are_received_in_any_unit(client: Client) -> None:
    sku, location = await stocked(client, units=[BOX])
    answer = await client.stock.ReceiveStock(
        stock_pb2.ReceiveStockRequest(
            request_id=new_id(),
            location=location,
            lines=[
                stock_pb2.ReceiptLine(sku=sku, amount="2.5", unit="box"),
                stock_pb2.ReceiptLine(sku=sku, quantity=1, disposition=core_pb2.DISPOSITION_DAMAGED),
            ],
        )
    )
    found = answer.levels[0].quantities
    assert (found.on_hand, found.damaged) == (10_031, 1)


async def test_a_basket_is_looked_at_in_any_unit(client: Client) -> None:
    place = await stocked(client, units=[BOX])
    stub = AvailabilityServiceStub(client.channel)
    answer = await stub.CheckAvailability(availability_pb2.CheckAvailabilityRequest(lines=[line(place, "3", "box")]))
    assert answer.lines[0].requested == 36


async def test_in_a_batch_and_a_stream_a_bad_amount_is_that_request_s_error(client: Client) -> None:
    place = await stocked(client, units=[BOX])
    requests = [reserve(line(place, "1", "box")), reserve(line(place, "0.3", "box")), reserve(line(place, "2", "box"))]
    batch = await client.reservations.BatchReserve(pb2.BatchReserveRequest(requests=requests))
    for request in requests:
        request.request_id = new_id()
    call = client.reservations.ReserveStream(iter([pb2.ReserveStreamRequest(requests=requests)]))
    stream = await anext(aiter(call))
    for results in (batch.results, stream.results):
        assert [found.WhichOneof("outcome") for found in results] == ["response", "error", "response"]
        assert "requests[1].lines[0].amount" in str(results[1].error)
    assert (await client.quantities(*place)).allocated == 72


async def test_the_same_request_again_has_the_same_answer(client: Client) -> None:
    place = await stocked(client, units=[BOX])
    request = reserve(line(place, "1", "box"))
    first = await client.reservations.Reserve(request)
    again = await client.reservations.Reserve(request)
    assert again.replayed
    assert again.reservation == first.reservation
    request.lines[0].amount = "2"
    assert (await refusal(client.reservations.Reserve(request))).reason == "REQUEST_ID_REUSED"


async def test_a_unit_that_was_added_is_known_to_every_server_at_once(client: Client, twin_client: Client) -> None:
    place = await stocked(client, units=[BOX])
    for each in (client, twin_client):
        assert (
            await refusal(each.reservations.Reserve(reserve(line(place, "1", "pallet"))))
        ).reason == "UNIT_NOT_FOUND"
    await client.catalog.UpdateSku(
        catalog_pb2.UpdateSkuRequest(request_id=new_id(), sku=catalog_pb2.Sku(sku=place[0], units=[BOX, PALLET]))
    )
    for each in (client, twin_client):
        answer = await each.reservations.Reserve(reserve(line(place, "1", "pallet"), line(place, "1", "box")))
        assert answer.reservation.lines[0].requested == 492


async def test_more_skus_than_are_kept_are_read_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amounts, "SKUS_KEPT_MAX", 2)
    places = [await stocked(client, units=[BOX]) for _ in range(5)]
    for _ in range(2):
        answer = await client.reservations.Reserve(reserve(*(line(place, "1", "box") for place in places)))
        assert [found.requested for found in answer.reservation.lines] == [12] * 5


async def test_validate_only_answers_in_the_smallest_unit_and_changes_nothing(
    client: Client, db: asyncpg.Connection
) -> None:
    place = await stocked(client, units=[BOX])
    before = await db.fetchval("SELECT revision FROM feed_head")
    request = reserve(line(place, "2", "box"))
    request.validate_only = True
    answer = await client.reservations.Reserve(request)
    assert answer.reservation.lines[0].allocated == 24
    assert await db.fetchval("SELECT revision FROM feed_head") == before


async def test_a_shortage_is_told_in_the_smallest_unit(client: Client) -> None:
    place = await stocked(client, units=[BOX])
    found = await refusal(client.reservations.Reserve(reserve(line(place, "1000", "box"))))
    assert found.shortages == [(f"{place[0]}@{place[1]}", "requested 12000, available 10000")]
