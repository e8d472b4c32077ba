"""Back-orders: who waits gets what comes or is given back, in order of acceptance, and nobody else does."""

import asyncio

import asyncpg
import pytest

from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_service_pb2 as pb2
from tests.rpc.client import Client, eventually, new_id, refusal
from tests.rpc.tracked import OTHER, backorders, day, grants, of_lot, promise, set_min_life, standing, tracked

KIND = core_pb2.MovementKind
DAMAGED = core_pb2.DISPOSITION_DAMAGED


async def read(client: Client, reservation: core_pb2.Reservation) -> core_pb2.Reservation:
    metadata = (("inventory-channel", reservation.channel),)
    request = reservation_pb2.GetReservationRequest(reservation_id=reservation.reservation_id)
    return (await client.reservations.GetReservation(request, metadata=metadata)).reservation


async def test_a_receipt_fills_back_orders_in_order_of_acceptance_under_its_own_revision(client: Client) -> None:
    sku, location = await client.stocked(0)
    await backorders(client, sku, location, 100)
    first = await promise(client, sku, location, 3)
    second = await promise(client, sku, location, 4, ttl=None, metadata=OTHER)
    third = await promise(client, sku, location, 5)
    assert grants(first) == [("", 0, 0, 3)]
    answer = await client.receive(location, (sku, 8))
    after = answer.levels[0].quantities
    assert (after.on_hand, after.held, after.allocated, after.backordered, after.available) == (8, 4, 4, 4, 0)
    assert grants(await read(client, first)) == [("", 3, 0, 0)]
    assert grants(await read(client, second)) == [("", 0, 4, 0)]
    assert grants(await read(client, third)) == [("", 1, 0, 4)]
    rows = [row for row in reversed(await client.movements(sku=sku)) if row.revision == answer.revision]
    assert [(row.kind, row.reservation_id, row.channel) for row in rows] == [
        (KIND.MOVEMENT_KIND_RECEIPT, "", "default"),
        (KIND.MOVEMENT_KIND_BACKORDER_FILL, first.reservation_id, "default"),
        (KIND.MOVEMENT_KIND_BACKORDER_FILL, second.reservation_id, "other"),
        (KIND.MOVEMENT_KIND_BACKORDER_FILL, third.reservation_id, "default"),
    ]
    after = (await client.receive(location, (sku, 9))).levels[0].quantities
    assert (after.held, after.backordered, after.available) == (8, 0, 5)
    assert grants(await read(client, third)) == [("", 5, 0, 0)]


@pytest.mark.parametrize("how", ["adjustment", "count", "reclassification", "return"])
async def test_whatever_brings_goods_fills_back_orders_in_the_same_step(client: Client, how: str) -> None:
    sku, location = await client.stocked(0)
    await client.adjust(sku, location, 2, disposition=DAMAGED)
    await backorders(client, sku, location, 100)
    waiting = await promise(client, sku, location, 2)
    if how == "adjustment":
        level = (await client.adjust(sku, location, 2)).level
    elif how == "count":
        request = pb2.SetStockRequest(
            request_id=new_id(), sku=sku, location=location, on_hand=4, expected_on_hand=2, reason="test"
        )
        level = (await client.stock.SetStock(request)).level
    elif how == "reclassification":
        level = (await client.reclassify(sku, location, 2, from_disposition=DAMAGED)).level
    else:
        line = pb2.ReceiptLine(sku=sku, quantity=2, disposition=core_pb2.DISPOSITION_SELLABLE)
        level = (await client.receive(location, line, kind=pb2.RECEIPT_KIND_RETURN)).levels[0]
    assert (level.quantities.held, level.quantities.backordered) == (2, 0)
    assert grants(await read(client, waiting)) == [("", 2, 0, 0)]


async def test_what_is_not_for_sale_fills_nothing(client: Client) -> None:
    sku, location = await client.stocked(0)
    await backorders(client, sku, location, 100)
    waiting = await promise(client, sku, location, 2)
    level = (await client.receive(location, (sku, 5), kind=pb2.RECEIPT_KIND_RETURN)).levels[0]
    assert (level.quantities.quality_control, level.quantities.backordered) == (5, 2)
    assert grants(await read(client, waiting)) == [("", 0, 0, 2)]


async def test_a_released_piece_goes_to_the_queue_and_not_to_a_newcomer(client: Client) -> None:
    sku, location = await client.stocked(1)
    await backorders(client, sku, location, 1)
    holder = await promise(client, sku, location, 1)
    waiting = await promise(client, sku, location, 1)
    assert grants(waiting) == [("", 0, 0, 1)]
    await client.release(holder.reservation_id)
    found = await refusal(client.reserve((sku, location, 1)))
    assert (found.reason, found.metadata["available"]) == ("INSUFFICIENT_STOCK", "0")

    async def filled() -> bool:
        return grants(await read(client, waiting)) == [("", 1, 0, 0)]

    await eventually(filled, "the one who waits has the piece")
    assert (await client.quantities(sku, location)).backordered == 0


async def test_a_back_order_that_was_given_back_in_part_gets_only_the_rest(
    client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await tracked(client, db)
    await backorders(client, sku, location, 100)
    waiting = await promise(client, sku, location, 5)
    await client.release(waiting.reservation_id, (sku, location, 2))
    level = (await client.receive(location, of_lot(sku, 9, "L1", day(9)))).levels[0]
    assert (level.quantities.held, level.quantities.backordered, level.quantities.available) == (3, 0, 6)
    lines = (await read(client, waiting)).lines
    assert [(line.lot, line.requested, line.held, line.released) for line in lines] == [("", 2, 0, 2), ("L1", 3, 3, 0)]


async def test_lots_fill_back_orders_first_expiring_first_and_are_named_in_the_lines(
    client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await tracked(client, db)
    await backorders(client, sku, location, 100)
    first = await promise(client, sku, location, 3)
    second = await promise(client, sku, location, 4, ttl=None)
    await client.receive(location, of_lot(sku, 3, "LATE", day(30)), of_lot(sku, 2, "SOON", day(3)))
    assert grants(await read(client, first)) == [("SOON", 2, 0, 0), ("LATE", 1, 0, 0)]
    assert grants(await read(client, second)) == [("", 0, 0, 2), ("LATE", 0, 2, 0)]
    await client.receive(location, of_lot(sku, 1, "LATE"))
    assert grants(await read(client, second)) == [("", 0, 0, 1), ("LATE", 0, 3, 0)]
    await client.receive(location, of_lot(sku, 1, "LATE"))
    assert grants(await read(client, second)) == [("LATE", 0, 4, 0)]
    assert await standing(client, sku) == [("SOON", 2, 0), ("LATE", 5, 0)]


async def test_a_lot_that_does_not_last_long_enough_for_the_first_goes_to_the_next(
    client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await tracked(client, db)
    await backorders(client, sku, location, 100)
    picky = await promise(client, sku, location, 2, metadata=(("inventory-channel", "picky"),))
    await set_min_life(db, "picky", 30)
    modest = await promise(client, sku, location, 2)
    await client.receive(location, of_lot(sku, 5, "SOON", day(5)))
    assert grants(await read(client, picky)) == [("", 0, 0, 2)]
    assert grants(await read(client, modest)) == [("SOON", 2, 0, 0)]
    await client.receive(location, of_lot(sku, 5, "LATE", day(60)))
    assert grants(await read(client, picky)) == [("LATE", 2, 0, 0)]


async def test_a_promise_of_what_may_be_oversold_lives_as_any_other(client: Client) -> None:
    """Its levels come along by its lines alone, without a command that names the SKU."""
    sku, location = await client.sku(oversell=core_pb2.OversellPolicy(limit=5)), await client.location()
    await client.receive(location, (sku, 1))
    held = await client.hold((sku, location, 3))
    async with asyncio.timeout(30):
        await client.extend(held, 60)
        assert grants(await client.commit(held)) == [("", 0, 1, 0), ("", 0, 0, 2)]
        await client.fulfil(held, (sku, location, 1))
        await client.release(held)
        await client.hold((sku, location, 1), ttl=1)
    quantities = await client.quantities(sku, location)
    assert (quantities.on_hand, quantities.allocated, quantities.backordered) == (0, 0, 1)

    async def is_over() -> bool:
        return any(row.kind == KIND.MOVEMENT_KIND_EXPIRY for row in await client.movements(sku=sku))

    await eventually(is_over, "the hold has run out")
