"""Two servers that change what SKUs are made of at once: no cycle, never three deep, and never a bundle with stock."""

import asyncio
from typing import Any, TypeAlias

import grpc

from inventory.v1 import catalog_service_pb2 as pb2
from tests.race.house import CALL_TIMEOUT_S, Client, House, outcomes, reason, within

TURNS = 40
BUNDLE = pb2.SKU_KIND_BUNDLE
Update: TypeAlias = "grpc.aio.UnaryUnaryCall[pb2.UpdateSkuRequest, pb2.UpdateSkuResponse]"


def bundle(house: House, client: Client, code: str, *parts: str) -> Update:
    sku = pb2.Sku(sku=code, kind=BUNDLE, components=[pb2.BundleComponent(sku=part, quantity=2) for part in parts])
    return client.catalog.UpdateSku(pb2.UpdateSkuRequest(request_id=house.uuid(), sku=sku), timeout=CALL_TIMEOUT_S)


async def make(house: House, client: Client, *codes: str) -> None:
    await client.catalog.ImportCatalog(
        pb2.ImportCatalogRequest(request_id=house.uuid(), skus=[pb2.Sku(sku=code) for code in codes])
    )


async def deepest(house: House) -> int:
    """How many bundles stand in each other at most; a cycle is more than ten."""
    return int(
        await house.sql.fetchval(
            """
            WITH RECURSIVE inside AS (
                SELECT bundle_sku_id, sku_id, 1 AS depth FROM bundle_component
                UNION ALL
                SELECT inside.bundle_sku_id, bundle_component.sku_id, depth + 1
                FROM inside JOIN bundle_component ON bundle_component.bundle_sku_id = inside.sku_id
                WHERE depth < 10
            )
            SELECT coalesce(max(depth), 0) FROM inside
            """
        )
    )


@within(60)
async def test_of_two_bundles_that_would_contain_each_other_exactly_one_is_made(house: House) -> None:
    (_, left), (_, right) = await house.servers(None, None)
    for turn in range(TURNS):
        one, two, part = f"{turn}-one", f"{turn}-two", f"{turn}-part"
        await make(house, left, one, two, part)
        calls = [bundle(house, left, one, part, two), bundle(house, right, two, one)]
        house.random.shuffle(calls)
        answers, errors = await outcomes(calls)
        assert len(answers) == 1
        assert [reason(error) for error in errors] == ["BUNDLE_CYCLE"]
    assert await deepest(house) == 1
    await house.prove()


@within(60)
async def test_a_bundle_is_never_made_three_deep_from_both_ends(house: House) -> None:
    """The middle one is in the outer one at the moment when its part becomes a bundle."""
    (_, left), (_, right) = await house.servers(None, None)
    for turn in range(TURNS):
        outer, middle, inner, part = (f"{turn}-{name}" for name in ("outer", "middle", "inner", "part"))
        await make(house, left, outer, middle, inner, part)
        await bundle(house, left, middle, inner)
        calls = [bundle(house, left, outer, middle), bundle(house, right, inner, part)]
        house.random.shuffle(calls)
        answers, errors = await outcomes(calls)
        assert len(answers) == 1
        assert [reason(error) for error in errors] == ["BUNDLE_TOO_DEEP"]
    assert await deepest(house) == 2
    await house.prove()


@within(60)
async def test_a_ring_of_three_is_never_closed(house: House) -> None:
    (_, left), (_, right) = await house.servers(None, None)
    for turn in range(TURNS):
        ring = [f"{turn}-{n}" for n in range(3)]
        await make(house, left, *ring)
        calls = [
            bundle(house, client, ring[n], ring[(n + 1) % 3])
            for n, client in enumerate(house.random.choices((left, right), k=3))
        ]
        answers, errors = await outcomes(calls)
        assert len(answers) in (1, 2)
        assert {reason(error) for error in errors} <= {"BUNDLE_CYCLE", "BUNDLE_TOO_DEEP"}
    assert await deepest(house) <= 2
    await house.prove()


@within(60)
async def test_what_becomes_a_bundle_has_no_stock_and_gets_none(house: House) -> None:
    (_, left), (_, right) = await house.servers(None, None)
    await house.stock(left, {"part": 100})
    won = {"bundle": 0, "stock": 0}
    for turn in range(TURNS):
        sku = f"{turn}-sku"
        await make(house, left, sku)
        correction = right.stock.AdjustStock(house.correction(sku, 1), timeout=CALL_TIMEOUT_S)
        calls: list[Any] = [correction, bundle(house, left, sku, "part")]
        answers, errors = await outcomes(calls)
        assert len(answers) == 1
        assert [reason(error) for error in errors] in (["SKU_IN_USE"], ["SKU_NOT_STOCKED"])
        won["stock" if reason(errors[0]) == "SKU_IN_USE" else "bundle"] += 1
    stocked = "SELECT count(*) FROM level JOIN sku USING (sku_id) WHERE kind = 2 AND level.revision > 0"
    assert await house.sql.fetchval(stocked) == 0
    assert sum(won.values()) == TURNS
    await house.prove()


@within(60)
async def test_who_reserves_while_a_bundle_changes_gets_the_old_parts_before_it_or_the_new_ones_after(
    house: House,
) -> None:
    (_, left), (_, right) = await house.servers(None, None)
    await house.stock(left, {"a": 100_000, "b": 100_000})
    await make(house, left, "set")
    await bundle(house, left, "set", "a")
    changes, reserved = [(0, "a")], []
    for turn in range(TURNS):
        part = "ba"[turn % 2]
        changing = asyncio.ensure_future(bundle(house, left, "set", part))
        answers, errors = await outcomes(right.reserve(house.request({"set": 1})) for _ in range(8))
        assert errors == []
        changes.append(((await changing).revision, part))
        reserved += [(answer.revision, answer.reservation.lines[0].sku) for answer in answers]
    for revision, part in reserved:
        assert part == max(change for change in changes if change[0] < revision)[1]
    assert {part for _, part in reserved} == {"a", "b"}
    await house.prove()
