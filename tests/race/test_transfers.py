"""Transfers and promises that move, on two servers at once: each thing happens once, whoever comes first."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import grpc

from inventory.postgres import verify
from inventory.postgres.connection import Database
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import transfer_service_pb2 as pb2
from inventory.v1.catalog_service_pb2 import ImportCatalogRequest, Location, Sku
from tests.race.house import SHOP, Client, House, outcomes, reason, until, within

TIMES = 8
CENTRAL = "central"
State = pb2.TransferState
Row = dict[str, Any]


async def opened(house: House, on_hand: int) -> list[Client]:
    """Two servers, and so much of each SKU in the central place; the shop has nothing."""
    clients = [client for _, client in await house.servers(None, None)]
    skus = [f"sku-{turn}" for turn in range(TIMES)]
    await clients[0].catalog.ImportCatalog(
        ImportCatalogRequest(
            request_id=house.uuid(),
            skus=[Sku(sku=sku) for sku in skus],
            locations=[Location(location=place) for place in (CENTRAL, SHOP)],
        )
    )
    await clients[0].stock.BatchAdjustStock(
        stock_pb2.BatchAdjustStockRequest(
            request_id=house.uuid(),
            reason="opening stock",
            adjustments=[stock_pb2.StockAdjustment(sku=sku, location=CENTRAL, delta=on_hand) for sku in skus],
        )
    )
    return clients


async def shipped(house: House, client: Client, sku: str, quantity: int, *, ship: bool = True) -> str:
    request = pb2.CreateTransferRequest(
        request_id=house.uuid(),
        from_location=CENTRAL,
        to_location=SHOP,
        lines=[pb2.TransferQuantity(sku=sku, quantity=quantity)],
        ship=ship,
    )
    return (await client.transfers.CreateTransfer(request)).transfer.transfer_id


async def collected(house: House, client: Client, sku: str, quantity: int) -> core_pb2.Reservation:
    """Allocated centrally, to be collected in the shop."""
    request = reservation_pb2.ReserveRequest(
        request_id=house.uuid(),
        lines=[core_pb2.LineQuantity(sku=sku, quantity=quantity)],
        allocate=True,
        pickup=reservation_pb2.Pickup(location=SHOP, by_transfer=True),
    )
    return (await client.reservations.Reserve(request)).reservation


def receive(house: House, transfer_id: str, request_id: str = "") -> pb2.ReceiveTransferRequest:
    return pb2.ReceiveTransferRequest(request_id=request_id or house.uuid(), transfer_id=transfer_id)


def ship(house: House, transfer_id: str) -> pb2.ShipTransferRequest:
    return pb2.ShipTransferRequest(request_id=house.uuid(), transfer_id=transfer_id)


async def level(house: House, sku: str, location: str) -> Row:
    row = await house.sql.fetchrow(
        "SELECT level.* FROM level JOIN sku USING (sku_id) JOIN location USING (location_id)"
        " WHERE sku.code = $1 AND location.code = $2",
        sku,
        location,
    )
    return dict(row) if row else {"on_hand": 0, "allocated": 0, "in_transit": 0, "backordered": 0}


async def in_turn(
    house: House, turn: int, *calls: Callable[[], Awaitable[Any]]
) -> tuple[list[Any], list[BaseException]]:
    """Two calls that wait for the same levels, on odd turns the second before the first; who waits first is first."""
    other = await house.connect()
    try:
        await other.execute("BEGIN")
        await other.execute("SELECT FROM level FOR UPDATE")
        first, second = calls[::-1] if turn % 2 else calls
        one = asyncio.ensure_future(first())
        await until(house.waits_for_a_lock)
        two = asyncio.ensure_future(second())
        await until(house.two_wait_for_a_lock)
        await other.execute("ROLLBACK")
        done = await asyncio.gather(one, two, return_exceptions=True)
    finally:
        await other.close()
    errors = [error for error in done if isinstance(error, BaseException)]
    assert all(isinstance(error, grpc.aio.AioRpcError) for error in errors), errors
    return [answer for answer in done if not isinstance(answer, BaseException)], errors


async def verified(house: House) -> None:
    await house.prove()
    async with verify.snapshot(Database(house.dsn)) as snapshot:
        for check in verify.CHECKS:
            found = await snapshot.run(check)
            assert not found.broken, (check.name, found.rows)


@within(90)
async def test_a_transfer_is_received_once_however_often_it_is_said(house: House) -> None:
    one, two = await opened(house, 5)
    for turn in range(TIMES):
        sku = f"sku-{turn}"
        transfer_id = await shipped(house, one, sku, 5)
        same = receive(house, transfer_id)
        second = same if turn % 2 else receive(house, transfer_id)
        answers, errors = await in_turn(
            house,
            turn,
            partial(one.transfers.ReceiveTransfer, same),
            partial(two.transfers.ReceiveTransfer, second),
        )
        if turn % 2:
            assert sorted(answer.replayed for answer in answers) == [False, True]
            assert answers[0].revision == answers[1].revision
        else:
            assert len(answers) == 1
            assert [reason(error) for error in errors] == ["TRANSFER_STATE"]
        there = await level(house, sku, SHOP)
        assert (there["on_hand"], there["in_transit"]) == (5, 0)
    await verified(house)


@within(90)
async def test_a_transfer_is_shipped_or_cancelled_and_never_both(house: House) -> None:
    one, two = await opened(house, 5)
    for turn in range(TIMES):
        sku = f"sku-{turn}"
        transfer_id = await shipped(house, one, sku, 5, ship=False)
        leave = ship(house, transfer_id)
        cancel = pb2.CancelTransferRequest(request_id=house.uuid(), transfer_id=transfer_id)
        # A plan's cancelling moves nothing, and is not held up by the levels: both start when they like.
        calls: list[Awaitable[Any]] = [one.transfers.ShipTransfer(leave), two.transfers.CancelTransfer(cancel)]
        answers, errors = await outcomes(calls)
        assert {reason(error) for error in errors} <= {"TRANSFER_STATE"}
        assert answers
        found = await two.transfers.GetTransfer(pb2.GetTransferRequest(transfer_id=transfer_id))
        assert found.transfer.state == State.TRANSFER_STATE_CANCELLED, "before or after it was shipped"
        assert ((await level(house, sku, CENTRAL))["on_hand"], (await level(house, sku, SHOP))["in_transit"]) == (5, 0)
    await verified(house)


@within(90)
async def test_goods_leave_for_a_customer_or_are_released_and_never_both(house: House) -> None:
    one, two = await opened(house, 5)
    for turn in range(TIMES):
        sku = f"sku-{turn}"
        made = await collected(house, one, sku, 5)
        (transfer_id,) = made.transfer_ids
        answers, errors = await in_turn(
            house,
            turn,
            partial(one.transfers.ShipTransfer, ship(house, transfer_id)),
            partial(two.reservations.Release, house.release(made.reservation_id)),
        )
        state = (await two.transfers.GetTransfer(pb2.GetTransferRequest(transfer_id=transfer_id))).transfer.state
        here, there = await level(house, sku, CENTRAL), await level(house, sku, SHOP)
        assert (here["allocated"], there["backordered"]) == (0, 0), "the release has had its effect either way"
        assert bool(errors) == bool(turn % 2)
        if errors:
            assert [reason(error) for error in errors] == ["TRANSFER_STATE"]
            assert (here["on_hand"], there["in_transit"], state) == (5, 0, State.TRANSFER_STATE_CANCELLED)
        else:
            assert len(answers) == 2
            assert (here["on_hand"], there["in_transit"], state) == (0, 5, State.TRANSFER_STATE_SHIPPED)
    await verified(house)


@within(90)
async def test_a_promise_moves_or_is_fulfilled_and_the_totals_are_the_same(house: House) -> None:
    one, two = await opened(house, 5)
    for turn in range(TIMES):
        sku = f"sku-{turn}"
        await one.stock.AdjustStock(house.correction(sku, 5))
        request = reservation_pb2.ReserveRequest(
            request_id=house.uuid(),
            lines=[core_pb2.LineQuantity(sku=sku, location=CENTRAL, quantity=3)],
            allocate=True,
        )
        made = (await one.reservations.Reserve(request)).reservation
        move = reservation_pb2.ReallocateRequest(
            request_id=house.uuid(),
            reservation_id=made.reservation_id,
            moves=[reservation_pb2.Reallocation(sku=sku, from_location=CENTRAL, to_location=SHOP)],
        )
        fulfil = reservation_pb2.FulfilRequest(request_id=house.uuid(), reservation_id=made.reservation_id)
        answers, errors = await in_turn(
            house, turn, partial(one.reservations.Reallocate, move), partial(two.reservations.Fulfil, fulfil)
        )
        here, there = await level(house, sku, CENTRAL), await level(house, sku, SHOP)
        assert here["on_hand"] + there["on_hand"] == 7, "three pieces have left, from one place"
        assert here["allocated"] + there["allocated"] == 0
        assert bool(errors) == bool(turn % 2)
        if errors:
            assert [reason(error) for error in errors] == ["RESERVATION_STATE"]
            assert here["on_hand"] == 2
        else:
            assert len(answers) == 2
            assert there["on_hand"] == 2
        last = await one.reservations.GetReservation(
            reservation_pb2.GetReservationRequest(reservation_id=made.reservation_id)
        )
        assert last.reservation.state == core_pb2.RESERVATION_STATE_FULFILLED
        assert sum(line.fulfilled for line in last.reservation.lines) == 3
    await verified(house)
