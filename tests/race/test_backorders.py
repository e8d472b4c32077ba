"""Back-orders and lots while two servers sell and receive: order of acceptance, nothing twice, nothing negative."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

from inventory.v1.catalog_service_pb2 import ImportCatalogRequest, Location, Sku
from inventory.v1.stock_service_pb2 import ReceiptLine, ReceiveStockRequest, SetThresholdsRequest
from tests.race.house import CALL_TIMEOUT_S, SHOP, Client, House, outcomes, reason, until, within

HOLD, ALLOCATION, RELEASE, FULFILMENT, RECEIPT, FILL = 3, 4, 7, 9, 11, 17
BACKORDERS_MAX = 1_000


async def empty_shelf(house: House, client: Client, sku: str) -> None:
    await client.catalog.ImportCatalog(
        ImportCatalogRequest(request_id=house.uuid(), skus=[Sku(sku=sku)], locations=[Location(location=SHOP)])
    )


async def let_wait(house: House, client: Client, sku: str) -> None:
    await client.stock.SetThresholds(
        SetThresholdsRequest(request_id=house.uuid(), sku=sku, location=SHOP, backorder_limit=BACKORDERS_MAX)
    )


async def receive(house: House, client: Client, *lines: ReceiptLine) -> int:
    """The receipt's revision."""
    request = ReceiveStockRequest(request_id=house.uuid(), location=SHOP, lines=lines)
    return (await client.stock.ReceiveStock(request, timeout=CALL_TIMEOUT_S)).revision


@within(60)
async def test_back_orders_are_filled_in_order_of_acceptance_and_never_twice(house: House) -> None:
    """Orders and holds wait, some are given back, while both servers receive goods piece by piece."""
    waiting = 60
    clients = [client for _, client in await house.servers(None, None)]
    await empty_shelf(house, clients[0], "a")
    await let_wait(house, clients[0], "a")

    async def order(client: Client) -> None:
        ttl = house.random.choice((None, timedelta(hours=1)))
        quantity = house.random.randint(1, 4)
        answer = await client.reserve(house.request({"a": quantity}, ttl=ttl))
        if house.random.random() < 0.2:
            release = house.release(answer.reservation.reservation_id)
            await client.reservations.Release(release, timeout=CALL_TIMEOUT_S)

    async def deliver(client: Client) -> None:
        for _ in range(15):
            await receive(house, client, ReceiptLine(sku="a", quantity=house.random.randint(1, 5)))

    await asyncio.gather(
        *(order(clients[n % 2]) for n in range(waiting)),
        *(deliver(clients[n % 2]) for n in range(4)),
    )

    async def nobody_waits_for_what_is_there() -> bool:
        return not await house.sql.fetchval(
            "SELECT count(*) FROM level WHERE backordered > 0 AND on_hand > held + allocated"
        )

    await until(nobody_waits_for_what_is_there)
    await _filled_in_order(house)
    await house.prove()


async def _filled_in_order(house: House) -> None:
    """Whoever was given something had waited longest of all who waited at that moment."""
    rows = await house.sql.fetch(
        "SELECT revision, reservation_id, kind, backordered_delta FROM movement"
        " WHERE backordered_delta <> 0 ORDER BY revision, ordinal"
    )
    queue: dict[object, int] = {}
    filled: Counter[object] = Counter()
    for row in rows:
        if row["backordered_delta"] > 0:
            assert row["kind"] in (HOLD, ALLOCATION)
            queue[row["reservation_id"]] = row["backordered_delta"]
        else:
            if row["kind"] == FILL:
                assert next(iter(queue)) == row["reservation_id"], f"out of turn in revision {row['revision']}"
                filled[row["reservation_id"]] -= row["backordered_delta"]
            queue[row["reservation_id"]] += row["backordered_delta"]
            assert queue[row["reservation_id"]] >= 0, "filled twice"
            if not queue[row["reservation_id"]]:
                del queue[row["reservation_id"]]
    left = await house.sql.fetch(
        "SELECT reservation_id, sum(backordered)::bigint FROM reservation_line WHERE backordered > 0 GROUP BY 1"
    )
    assert {row[0]: row[1] for row in left} == queue
    assert filled


@within(60)
async def test_goods_for_all_who_wait_leave_nobody_waiting_whatever_the_order(house: House) -> None:
    """The same answer on every seed: as much as was ordered is received, in other pieces; everybody has it all."""
    clients = [client for _, client in await house.servers(None, None)]
    await empty_shelf(house, clients[0], "a")
    await let_wait(house, clients[0], "a")
    orders = [house.random.randint(1, 6) for _ in range(40)]
    total = sum(orders)
    pieces: list[int] = []
    while sum(pieces) < total:
        pieces.append(min(house.random.randint(1, 9), total - sum(pieces)))
    await asyncio.gather(
        *(clients[n % 2].reserve(house.request({"a": quantity})) for n, quantity in enumerate(orders)),
        *(receive(house, clients[n % 2], ReceiptLine(sku="a", quantity=quantity)) for n, quantity in enumerate(pieces)),
    )

    async def everybody_has_it_all() -> bool:
        rows = await house.sql.fetch("SELECT on_hand, allocated, backordered FROM level")
        return [tuple(row) for row in rows] == [(total, total, 0)]

    await until(everybody_has_it_all)
    waiting = await house.sql.fetchval("SELECT count(*) FROM reservation_line WHERE requested <> allocated")
    assert waiting == 0
    await house.prove()


@within(60)
async def test_lots_are_promised_first_expiring_first_and_never_become_negative(house: House) -> None:
    """Buyers on two servers reserve, give back and take away while new lots come in, some of them twice at once."""
    buyers, turns = 12, 12
    clients = [client for _, client in await house.servers(None, None)]
    await empty_shelf(house, clients[0], "milk")
    await house.sql.execute("UPDATE sku SET tracking = 1")
    today = datetime.now(UTC).date()
    days = {f"L{n}": today + timedelta(days=house.random.randint(2, 60)) for n in range(12)}

    async def deliver(client: Client) -> None:
        for lot in house.random.sample(sorted(days), len(days)):
            line = ReceiptLine(
                sku="milk", quantity=house.random.randint(1, 9), lot=lot, expires_on=days[lot].isoformat()
            )
            await receive(house, client, line)

    async def buy(client: Client) -> Counter[str]:
        ends: Counter[str] = Counter()
        for _ in range(turns):
            request = house.request({"milk": house.random.randint(1, 5)})
            answers, errors = await outcomes([client.reserve(request)])
            ends.update(reason(error) for error in errors)
            for answer in answers:
                identity = answer.reservation.reservation_id
                if house.random.random() < 0.5:
                    await client.reservations.Release(house.release(identity), timeout=CALL_TIMEOUT_S)
        return ends

    ends = sum(
        (
            found
            for found in await asyncio.gather(
                *(buy(clients[n % 2]) for n in range(buyers)), *(deliver(clients[n % 2]) for n in range(3))
            )
            if found
        ),
        Counter(),
    )
    assert set(ends) <= {"INSUFFICIENT_STOCK"}
    await _first_expiring_first(house)
    assert await house.sql.fetchval("SELECT count(*) FROM lot") == len(days)
    await house.prove()


async def _first_expiring_first(house: House) -> None:
    """Replays the ledger: each promise was of a lot than which nothing free expired earlier."""
    rows = await house.sql.fetch(
        """
        SELECT revision, kind, lot_id, on_hand_delta, held_delta + allocated_delta AS promised, lot.expires_on
        FROM movement JOIN lot USING (lot_id) ORDER BY revision, ordinal
        """
    )
    free: Counter[int] = Counter()
    days = {row["lot_id"]: row["expires_on"] for row in rows}
    promises = 0
    for row in rows:
        if row["kind"] in (HOLD, ALLOCATION):
            promises += 1
            earlier = [lot for lot, quantity in free.items() if quantity and days[lot] < row["expires_on"]]
            assert not earlier, f"not the first to expire, in revision {row['revision']}"
        free[row["lot_id"]] += row["on_hand_delta"] - row["promised"]
        assert free[row["lot_id"]] >= 0
    assert promises
    stands = await house.sql.fetch("SELECT lot_id, on_hand - held - allocated FROM lot_level")
    assert {row[0]: row[1] for row in stands} == free
