"""Bundles, and orders that name no place, from two servers at once: nothing twice, nothing negative, no deadlock."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest

from inventory.v1.catalog_service_pb2 import BundleComponent, ImportCatalogRequest, Location, Sku, SkuKind
from inventory.v1.core_pb2 import LineQuantity
from inventory.v1.reservation_service_pb2 import (
    FillPolicy,
    FulfilRequest,
    ReserveRequest,
    Sourcing,
    SourcingStrategy,
)
from inventory.v1.stock_service_pb2 import BatchAdjustStockRequest, StockAdjustment
from tests.race.house import CALL_TIMEOUT_S, Client, House, outcomes, reason, until, within

SEEDS = 6
PLACES = [f"place-{number}" for number in range(5)]
SKUS = ["a", "b", "c"]
PIECES = 40
AT_ONCE = timedelta(milliseconds=10)
STRATEGIES = (
    SourcingStrategy.SOURCING_STRATEGY_PRIORITY,
    SourcingStrategy.SOURCING_STRATEGY_MOST_STOCK,
    SourcingStrategy.SOURCING_STRATEGY_FEWEST_PARCELS,
)


async def make_bundles(house: House, client: Client, bundles: dict[str, dict[str, int]]) -> None:
    skus = [
        Sku(
            sku=bundle,
            kind=SkuKind.SKU_KIND_BUNDLE,
            components=[BundleComponent(sku=sku, quantity=quantity) for sku, quantity in parts.items()],
        )
        for bundle, parts in bundles.items()
    ]
    await client.catalog.ImportCatalog(ImportCatalogRequest(request_id=house.uuid(), skus=skus), timeout=CALL_TIMEOUT_S)


@pytest.mark.parametrize("seed", range(SEEDS))
@within(60)
async def test_of_two_bundles_that_need_the_last_component_one_is_sold(house: House, seed: int) -> None:
    (_, left), (_, right) = await house.servers(None, None)
    rounds = [f"lens-{seed}-{number}" for number in range(10)]
    await house.stock(left, {"body": 1_000, "bag": 1_000, **dict.fromkeys(rounds, 1)})
    bundles = {f"kit {lens}": {"body": 1, lens: 1} for lens in rounds}
    bundles |= {f"set {lens}": {lens: 1, "bag": 2} for lens in rounds}
    await make_bundles(house, left, bundles)
    house.random.shuffle(rounds)
    for lens in rounds:
        requests = [house.request({f"kit {lens}": 1}), house.request({f"set {lens}": 1}), house.request({lens: 1})]
        house.random.shuffle(requests)
        for request in requests[:1]:
            request.lines[0].location = ""  # the one that names no place takes other locks in the same order
        answers, errors = await outcomes(
            client.reserve(request) for client, request in zip((left, right, left), requests, strict=True)
        )
        assert (len(answers), [reason(error) for error in errors]) == (1, ["INSUFFICIENT_STOCK"] * 2)
        assert await house.available(lens) == 0
    await house.prove()


def order(house: House, *, named: bool) -> ReserveRequest:
    """Some of the SKUs, from wherever they are; or from named places, which are locked by another query."""
    chosen = house.random.sample(SKUS, house.random.randint(1, len(SKUS)))
    request_id = house.uuid()
    return ReserveRequest(
        request_id=request_id,
        reference=request_id,
        allocate=True,
        fill_policy=house.random.choice(
            (FillPolicy.FILL_POLICY_ALL_OR_NOTHING, FillPolicy.FILL_POLICY_AS_MUCH_AS_POSSIBLE)
        ),
        lines=[
            LineQuantity(
                sku=sku, location=house.random.choice(PLACES) if named else "", quantity=house.random.randint(1, 4)
            )
            for sku in chosen
        ],
        sourcing=Sourcing(strategy=house.random.choice(STRATEGIES), split=house.random.random() < 0.5),
    )


@pytest.mark.parametrize("seed", range(3))
@within(60)
async def test_orders_that_name_no_place_never_oversell_and_never_wait_in_a_circle(house: House, seed: int) -> None:
    """Against such that name places, on the other server. More is ordered than there is; what is sold is fulfilled and
    given back meanwhile."""
    buyers, turns = 12, 12
    servers = await house.servers(None, None)
    left = servers[0][1]
    skus = [Sku(sku=sku) for sku in SKUS]
    house.random.shuffle(skus)
    await left.catalog.ImportCatalog(
        ImportCatalogRequest(
            request_id=house.uuid(), skus=skus, locations=[Location(location=place) for place in PLACES]
        )
    )
    rows = [StockAdjustment(sku=sku, location=place, delta=PIECES) for sku in SKUS for place in PLACES]
    await left.stock.BatchAdjustStock(
        BatchAdjustStockRequest(request_id=house.uuid(), reason=f"opening {seed}", adjustments=rows)
    )
    found: Counter[str] = Counter()
    sold: Counter[str] = Counter()

    async def buy(client: Client) -> None:
        for _ in range(turns):
            request = order(house, named=client is left)
            answers, errors = await outcomes([client.reserve(request)])
            found.update([*("" for _ in answers), *(reason(error) for error in errors)])
            for answer in answers:
                identity = answer.reservation.reservation_id
                if house.random.random() < 0.2:
                    await client.reservations.Release(house.release(identity), timeout=CALL_TIMEOUT_S)
                    continue
                for line in answer.reservation.lines:
                    sold[line.sku] += line.allocated
                if house.random.random() < 0.5:
                    await client.reservations.Fulfil(
                        FulfilRequest(request_id=house.uuid(), reservation_id=identity), timeout=CALL_TIMEOUT_S
                    )

    await asyncio.gather(*(buy(servers[number % 2][1]) for number in range(buyers)))
    assert set(found) <= {"", "INSUFFICIENT_STOCK"}
    assert found[""]
    left_over = await house.sql.fetch(
        "SELECT sku.code, sum(on_hand - held - allocated)::bigint, min(on_hand - held - allocated)"
        " FROM level JOIN sku USING (sku_id) GROUP BY 1"
    )
    assert {sku: total + sold[sku] for sku, total, _ in left_over} == dict.fromkeys(SKUS, PIECES * len(PLACES))
    assert all(least >= 0 for _, _, least in left_over)
    await house.prove()
    for server, _ in servers:
        assert await server.stop() == 0

    async def counted() -> bool:  # a backend's counts are certain once it has ended
        return await house.backends() == 0

    await until(counted)
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert await house.sql.fetchval(deadlocks) == 0
    for server, _ in servers:
        assert not [line for line in server.said if "one by one" in line or "Contention" in line]
    assert not _waited_in_a_circle(*(server.said for server, _ in servers))


def _waited_in_a_circle(left: list[str], right: list[str]) -> list[tuple[str, str]]:
    """When both gave up at once, each had waited for the other: who waits in a queue is let in by the one before."""

    def gave_up(said: list[str]) -> list[datetime]:
        return [datetime.fromisoformat(line.split(" ")[0]) for line in said if "locks can't be had" in line]

    return [(str(one), str(two)) for one in gave_up(left) for two in gave_up(right) if abs(one - two) < AT_ONCE]


@within(60)
async def test_what_may_be_back_ordered_is_promised_once_whatever_the_place(house: House) -> None:
    """A limit counts over all places: two servers sell beyond the shelves of two places, each by name or by choice."""
    limit, pieces = 7, 3
    (_, left), (_, right) = await house.servers(None, None)
    await left.catalog.ImportCatalog(
        ImportCatalogRequest(
            request_id=house.uuid(), skus=[Sku(sku="a")], locations=[Location(location=place) for place in PLACES[:2]]
        )
    )
    rows = [StockAdjustment(sku="a", location=place, delta=pieces) for place in PLACES[:2]]
    await left.stock.BatchAdjustStock(
        BatchAdjustStockRequest(request_id=house.uuid(), reason="opening", adjustments=rows)
    )
    await house.sql.execute("UPDATE sku SET oversell_limit = $1", limit)
    requests = [house.request({"a": 1}) for _ in range(40)]
    for number, request in enumerate(requests):
        request.lines[0].location = ("", *PLACES[:2])[number % 3]
    answers, errors = await outcomes(
        (left, right)[number % 2].reserve(request) for number, request in enumerate(requests)
    )
    assert {reason(error) for error in errors} == {"INSUFFICIENT_STOCK"}
    assert len(answers) == 2 * pieces + limit
    assert await house.sql.fetchval("SELECT sum(backordered)::bigint FROM level") == limit
    for answer in answers[:5]:
        await left.reservations.Release(house.release(answer.reservation.reservation_id), timeout=CALL_TIMEOUT_S)
    await house.prove()


@within(60)
async def test_a_hold_of_what_may_be_back_ordered_goes_on(house: House) -> None:
    """Fulfilled and given back by a server that has never had to look at its back-orders."""
    (_, left), (_, right) = await house.servers(None, None)
    await house.stock(left, {"a": 2})
    await house.sql.execute("UPDATE sku SET oversell_limit = 5")
    held = [await left.reserve(house.request({"a": 1})) for _ in range(3)]
    for answer in held[:2]:
        identity = answer.reservation.reservation_id
        await right.reservations.Fulfil(FulfilRequest(request_id=house.uuid(), reservation_id=identity), timeout=30)
    await right.reservations.Release(house.release(held[2].reservation.reservation_id), timeout=30)
    await house.prove()
