"""Single pieces while two servers sell and receive: each goes to one, and comes in once."""

import asyncio
from collections import Counter

import grpc

from inventory.v1.catalog_service_pb2 import ImportCatalogRequest, Location, Sku
from inventory.v1.core_pb2 import LineQuantity
from inventory.v1.reservation_service_pb2 import FulfilRequest, FulfilResponse, ReserveRequest
from inventory.v1.stock_service_pb2 import ReceiptLine, ReceiveStockRequest
from tests.race.house import CALL_TIMEOUT_S, SHOP, Client, House, outcomes, reason, within

PHONE, OTHER_SHOP = "phone", "other-shop"
ISSUED = 3


def piece(*serials: str, location: str = SHOP) -> LineQuantity:
    return LineQuantity(sku=PHONE, location=location, quantity=len(serials), serials=serials)


async def phones(house: House, client: Client, *serials: str) -> None:
    """A SKU tracked by serial numbers, these pieces of it in the shop, and another shop."""
    places = [Location(location=SHOP), Location(location=OTHER_SHOP)]
    await client.catalog.ImportCatalog(
        ImportCatalogRequest(request_id=house.uuid(), skus=[Sku(sku=PHONE)], locations=places)
    )
    await house.sql.execute("UPDATE sku SET tracking = 2")
    if serials:
        await receive(house, client, SHOP, *serials)


async def receive(house: House, client: Client, location: str, *serials: str) -> None:
    line = ReceiptLine(sku=PHONE, quantity=len(serials), serials=serials)
    request = ReceiveStockRequest(request_id=house.uuid(), location=location, lines=[line])
    await client.stock.ReceiveStock(request, timeout=CALL_TIMEOUT_S)


async def prove(house: House) -> None:
    """Pieces agree with counts and with their histories."""
    assert (
        await house.sql.fetch(
            """
        SELECT sku_id, location_id, on_hand, pieces
        FROM level FULL JOIN (
            SELECT sku_id, location_id, count(*) AS pieces FROM serial WHERE state <= 2 GROUP BY 1, 2
        ) AS piece USING (sku_id, location_id)
        WHERE coalesce(on_hand, 0) <> coalesce(pieces, 0)
        """
        )
        == []
    )
    assert (
        await house.sql.fetch(
            """
        SELECT serial FROM serial JOIN (
            SELECT DISTINCT ON (sku_id, serial) sku_id, serial, revision, state, reservation_id
            FROM serial_event ORDER BY sku_id, serial, revision DESC
        ) AS last USING (sku_id, serial)
        WHERE (serial.revision, serial.state) <> (last.revision, last.state)
            OR serial.reservation_id IS DISTINCT FROM last.reservation_id
        """
        )
        == []
    )
    await house.prove()


@within(60)
async def test_a_piece_named_by_two_tills_at_once_is_reserved_by_one(house: House) -> None:
    numbers = [f"S{number}" for number in range(40)]
    clients = [client for _, client in await house.servers(None, None)]
    await phones(house, clients[0], *numbers)
    for serial in numbers:
        calls = [
            client.reserve(ReserveRequest(request_id=house.uuid(), lines=[piece(serial)], allocate=True))
            for client in clients
        ]
        house.random.shuffle(calls)
        answers, errors = await outcomes(calls)
        assert (len(answers), [reason(error) for error in errors]) == (1, ["SERIAL_TAKEN"])
        assert list(answers[0].reservation.lines[0].serials) == [serial]
    await prove(house)


@within(60)
async def test_a_piece_named_by_two_tills_at_once_is_issued_by_one(house: House) -> None:
    """Both have an order that names none; there is another piece for the second one."""
    numbers = [f"S{number}" for number in range(40)]
    clients = [client for _, client in await house.servers(None, None)]
    await phones(house, clients[0], *numbers)
    for wanted, other in zip(numbers[::2], numbers[1::2], strict=True):
        orders = [(await client.reserve(house.request({PHONE: 1}))).reservation.reservation_id for client in clients]

        def issue(order: str, client: Client, serial: str) -> "grpc.aio.UnaryUnaryCall[FulfilRequest, FulfilResponse]":
            request = FulfilRequest(request_id=house.uuid(), reservation_id=order, lines=[piece(serial)])
            return client.reservations.Fulfil(request, timeout=CALL_TIMEOUT_S)

        calls = [issue(order, client, wanted) for order, client in zip(orders, clients, strict=True)]
        answers, errors = await outcomes(calls)
        assert (len(answers), [reason(error) for error in errors]) == (1, ["SERIAL_NOT_FOUND"])
        left = next(order for order in orders if order != answers[0].reservation.reservation_id)
        await issue(left, clients[0], other)
    assert await house.sql.fetchval("SELECT count(*) FROM serial WHERE state = $1", ISSUED) == len(numbers)
    await prove(house)


@within(60)
async def test_tills_that_name_pieces_and_tills_that_name_none_never_take_one_twice(house: House) -> None:
    """Reserved with and without names, issued, given back and brought back, on both servers at once."""
    numbers = [f"S{number}" for number in range(12)]
    clients = [client for _, client in await house.servers(None, None)]
    await phones(house, clients[0], *numbers)

    async def till(client: Client) -> Counter[str]:
        ends: Counter[str] = Counter()
        for _ in range(12):
            serials = house.random.sample(numbers, house.random.randint(1, 2))
            lines = [
                piece(*serials) if house.random.random() < 0.6 else LineQuantity(sku=PHONE, location=SHOP, quantity=1)
            ]
            answers, errors = await outcomes(
                [client.reserve(ReserveRequest(request_id=house.uuid(), lines=lines, allocate=True))]
            )
            ends.update(reason(error) for error in errors)
            for answer in answers:
                order = answer.reservation.reservation_id
                if house.random.random() < 0.3:
                    await client.reservations.Release(house.release(order), timeout=CALL_TIMEOUT_S)
                    continue
                named = [] if answer.reservation.lines[0].serials else [piece(house.random.choice(numbers))]
                issue = FulfilRequest(request_id=house.uuid(), reservation_id=order, lines=named)
                done, errors = await outcomes([client.reservations.Fulfil(issue, timeout=CALL_TIMEOUT_S)])
                ends.update(reason(error) for error in errors)
                for fulfilled in done:
                    ends["issued"] += 1
                    await receive(house, client, SHOP, *fulfilled.reservation.lines[0].serials)
        return ends

    ends = sum(await asyncio.gather(*(till(clients[number % 2]) for number in range(8))), Counter())
    assert set(ends) <= {"issued", "SERIAL_TAKEN", "SERIAL_NOT_FOUND", "INSUFFICIENT_STOCK"}
    assert ends["issued"]
    assert await house.sql.fetchval("SELECT count(*) FROM serial WHERE state <= 2") == len(numbers)
    await prove(house)


@within(60)
async def test_a_piece_received_at_two_places_at_once_comes_in_once(house: House) -> None:
    """New pieces, and pieces that had left and come back: under the locks of two different levels."""
    numbers = [f"S{number}" for number in range(30)]
    clients = [client for _, client in await house.servers(None, None)]
    await phones(house, clients[0])
    for turn in (1, 2):
        for serial in numbers:
            places = house.random.sample((SHOP, OTHER_SHOP), 2)
            calls = [receive(house, client, place, serial) for client, place in zip(clients, places, strict=True)]
            _, errors = await outcomes(calls)
            assert [reason(error) for error in errors] == ["SERIAL_TAKEN"]
        assert await house.sql.fetchval("SELECT sum(on_hand)::bigint FROM level") == len(numbers)
        await prove(house)
        if turn == 1:
            rows = await house.sql.fetch(
                "SELECT serial, code FROM serial JOIN location USING (location_id) ORDER BY serial"
            )
            for serial, place in map(tuple, rows):
                order = await clients[0].reserve(
                    ReserveRequest(request_id=house.uuid(), lines=[piece(serial, location=place)], allocate=True)
                )
                issue = FulfilRequest(request_id=house.uuid(), reservation_id=order.reservation.reservation_id)
                await clients[0].reservations.Fulfil(issue, timeout=CALL_TIMEOUT_S)
