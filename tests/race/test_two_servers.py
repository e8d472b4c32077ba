"""Two server processes on one database: no piece twice, no deadlock, one answer per request_id, one order."""

import asyncio
import json
from collections import Counter
from datetime import timedelta

from inventory.v1.catalog_service_pb2 import ImportCatalogRequest, Location
from inventory.v1.reservation_service_pb2 import GetReservationRequest
from inventory.v1.stock_service_pb2 import BatchAdjustStockRequest, StockAdjustment
from tests.race.house import CALL_TIMEOUT_S, SHOP, Client, House, outcomes, reason, until, within
from tests.race.processes import start_buyers

BUYERS = 100
CLIENTS = 4


@within(60)
async def test_a_hundred_buyers_get_one_piece(house: House) -> None:
    (one, client), (two, _) = await house.servers(None, None)
    await house.stock(client, {"last": 1})
    calls = [[n % 2, house.uuid(), [("last", SHOP, 1)]] for n in range(BUYERS)]
    buyers = await start_buyers([(one.address, two.address)] * CLIENTS)
    for buyer in buyers:
        house.keep(buyer)
    for n, buyer in enumerate(buyers):
        buyer.ask(json.dumps(calls[n::CLIENTS]))
    answers: Counter[str] = Counter()
    for buyer in buyers:
        answers.update(await buyer.answer())
    assert answers == {"": 1, "INSUFFICIENT_STOCK": BUYERS - 1}
    assert await house.available("last") == 0
    await house.prove()


@within(60)
async def test_lines_in_reversed_order_never_deadlock(house: House) -> None:
    """Reservations of the same SKUs, and receipts that make the same new levels."""
    workers, turns, pieces = 6, 25, 10_000
    (one, left), (two, right) = await house.servers(None, None)
    skus = [f"sku-{n:02}" for n in range(20)]
    await house.stock(left, dict.fromkeys(skus, pieces))
    new_shops = [f"new-{n}" for n in range(turns)]
    await left.catalog.ImportCatalog(
        ImportCatalogRequest(request_id=house.uuid(), locations=[Location(location=shop) for shop in new_shops])
    )
    requests = []

    async def buy(client: Client, backward: bool) -> None:
        for _ in range(turns):
            chosen = sorted(house.random.sample(skus, 12), reverse=backward)
            requests.append(house.request(dict.fromkeys(chosen, 1)))
            await client.reserve(requests[-1])

    async def receive(client: Client, backward: bool) -> None:
        for shop in new_shops:
            rows = [StockAdjustment(sku=sku, location=shop, delta=1) for sku in skus]
            await client.stock.BatchAdjustStock(
                BatchAdjustStockRequest(
                    request_id=house.uuid(), reason="receipt", adjustments=rows[::-1] if backward else rows
                ),
                timeout=CALL_TIMEOUT_S,
            )

    await asyncio.gather(
        *(buy(client, backward) for client, backward in ((left, False), (right, True)) for _ in range(workers)),
        *(receive(client, backward) for client, backward in ((left, False), (right, True))),
    )
    assert all(len(found) == 1 for found in (await house.effects(requests)).values())
    await house.prove()
    assert await one.stop() == 0
    assert await two.stop() == 0

    async def counted() -> bool:  # a backend's counts are certain once it has ended
        return await house.backends() == 0

    await until(counted)
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert await house.sql.fetchval(deadlocks) == 0
    for server in (one, two):
        assert not [line for line in server.said if "tried again" in line or "one by one" in line]


@within(60)
async def test_a_request_on_both_servers_at_once_has_one_answer(house: House) -> None:
    times = 200
    (_, left), (_, right) = await house.servers(None, None)
    await house.stock(left, {"a": times * 2, "b": times})
    requests, raced = [], 0
    for _ in range(times // 20):
        twins = [house.request({"a": 1, "b": 1}) for _ in range(20)]
        requests += twins
        answers, errors = await outcomes(call for twin in twins for call in (left.reserve(twin), right.reserve(twin)))
        assert errors == []
        for first, second in zip(answers[::2], answers[1::2], strict=True):
            assert (first.reservation, first.revision) == (second.reservation, second.revision)
            assert sorted((first.replayed, second.replayed)) == [False, True]
            raced += second.replayed != first.replayed
    assert raced == times
    effects = await house.effects(requests)
    assert all(len(found) == 1 for found in effects.values())

    # Other content is refused by both, and has no effect.
    for request in requests[:20]:
        other = house.request({"a": 2})
        other.request_id = request.request_id
        _, errors = await outcomes((left.reserve(other), right.reserve(other)))
        assert [reason(error) for error in errors] == ["REQUEST_ID_REUSED"] * 2
    assert await house.effects(requests) == effects
    await house.prove()


@within(60)
async def test_one_request_id_with_two_contents_at_once_stands_for_one(house: House) -> None:
    times = 60
    (_, left), (_, right) = await house.servers(None, None)
    await house.stock(left, {"a": times * 2, "b": times * 2})
    for _ in range(times):
        first, second = house.request({"a": 1}), house.request({"b": 1})
        second.request_id = first.request_id
        answers, errors = await outcomes((left.reserve(first), right.reserve(second)))
        assert len(answers) == 1
        assert [reason(error) for error in errors] == ["REQUEST_ID_REUSED"]
    taken = times * 4 - await house.available("a") - await house.available("b")
    assert taken == times
    await house.prove()


@within(60)
async def test_a_refusal_is_remembered_by_both_servers(house: House) -> None:
    (_, left), (_, right) = await house.servers(None, None)
    await house.stock(left, {"a": 1})
    requests = [house.request({"a": 5}) for _ in range(20)]
    requests += [house.request({f"unknown-{n}": 1}) for n in range(20)]
    _, errors = await outcomes(call for request in requests for call in (left.reserve(request), right.reserve(request)))
    expected = ["INSUFFICIENT_STOCK"] * 40 + ["SKU_NOT_FOUND"] * 40
    assert [reason(error) for error in errors] == expected
    await house.stock(right, {"a": 1000, **{f"unknown-{n}": 10 for n in range(20)}})
    _, errors = await outcomes(call for request in requests for call in (left.reserve(request), right.reserve(request)))
    assert [reason(error) for error in errors] == expected
    await house.prove()


@within(90)
async def test_what_is_answered_first_has_the_lower_revision(house: House) -> None:
    """I9, with other buyers busy on both servers all the while."""
    times = 500
    clients = [client for _, client in await house.servers(None, None)]
    skus = [f"sku-{n}" for n in range(8)]
    await house.stock(clients[0], dict.fromkeys(skus, 1_000_000))
    over = asyncio.Event()

    async def busy(turn: int) -> int:
        bought = 0
        while not over.is_set():
            lines = dict.fromkeys(house.random.sample(skus, 2), 1)
            await clients[turn % 2].reserve(house.request(lines))
            bought += 1
        return bought

    others = [asyncio.create_task(busy(turn)) for turn in range(6)]
    last = 0
    for turn in range(times):
        answer = await clients[turn % 2].reserve(house.request({house.random.choice(skus): 1}))
        assert answer.revision > last
        last = answer.revision
        # Read your own writes, on the other server.
        if turn % 10 == 0:
            found = await clients[(turn + 1) % 2].reservations.GetReservation(
                GetReservationRequest(reservation_id=answer.reservation.reservation_id, min_revision=answer.revision)
            )
            assert found.reservation == answer.reservation
    over.set()
    assert sum(await asyncio.gather(*others)) > times / 10
    await house.prove()


@within(60)
async def test_an_owner_s_holds_are_replaced_whichever_server_took_them(house: House) -> None:
    """A customer who clicks twice, on two servers: no click stands in the other's way, and one hold is left."""
    times = 10
    clients = [client for _, client in await house.servers(None, None)]
    await house.stock(clients[0], {f"last-{turn}": 1 for turn in range(times)})
    other = await house.connect()
    for turn in range(times):
        owner = f"anna-{turn}"
        clicks = [
            house.request({f"last-{turn}": 1}, ttl=timedelta(seconds=60), owner=owner, replace_owner_holds=True)
            for _ in clients
        ]
        await other.execute("BEGIN")
        await other.execute("SELECT FROM level FOR UPDATE")
        both = asyncio.gather(*(client.reserve(click) for client, click in zip(clients, clicks, strict=True)))
        await until(house.two_wait_for_a_lock)
        await other.execute("ROLLBACK")
        assert len(await both) == 2
        live = await house.sql.fetchval("SELECT count(*) FROM reservation WHERE owner = $1 AND state = 1", owner)
        assert live == 1
    await other.close()
    await house.prove()
