"""Bundles and the settings of places, from the catalogue to who reserves and who follows."""

import json
from typing import Any

import asyncpg
import pytest
from google.protobuf.empty_pb2 import Empty

from inventory.v1 import catalog_service_pb2 as pb2
from inventory.v1 import core_pb2
from tests.rpc.client import Client, new_id, refusal, unique
from tests.rpc.follower import ALL_KINDS, following

BUNDLE = pb2.SKU_KIND_BUNDLE


def of(components: dict[str, int]) -> dict[str, Any]:
    return {"kind": BUNDLE, "components": [pb2.BundleComponent(sku=sku, quantity=n) for sku, n in components.items()]}


async def update(client: Client, sku: str, **fields: Any) -> pb2.UpdateSkuResponse:
    return await client.catalog.UpdateSku(pb2.UpdateSkuRequest(request_id=new_id(), sku=pb2.Sku(sku=sku, **fields)))


async def shelf(client: Client, **on_hand: int) -> tuple[str, dict[str, str]]:
    """A location, and SKUs by the names given."""
    location = await client.location()
    codes = {}
    for name, quantity in on_hand.items():
        codes[name], _ = await client.stocked(quantity, location)
    return location, codes


async def taken(client: Client, bundle: str, location: str, times: int = 1) -> dict[str, int]:
    answer = await client.reserve((bundle, location, times), ttl=None)
    return {line.sku: line.allocated for line in answer.reservation.lines}


async def test_a_bundle_in_a_bundle_is_taken_apart_and_a_part_of_both_is_summed(client: Client) -> None:
    location, sku = await shelf(client, cup=100, tea=100)
    tea_set = await client.sku(**of({sku["cup"]: 2, sku["tea"]: 3}))
    gift = await client.sku(**of({tea_set: 2, sku["tea"]: 1}))
    answer = await client.reserve((gift, location, 5), ttl=None)
    found = {line.sku: (line.allocated, line.bundle_quantity, line.bundle) for line in answer.reservation.lines}
    assert found == {sku["cup"]: (20, 4, gift), sku["tea"]: (35, 7, gift)}
    assert len(answer.reservation.lines) == 2
    found_short = await refusal(client.reserve((gift, location, 20)))
    assert found_short.reason == "INSUFFICIENT_STOCK"


async def test_a_bundle_is_given_back_and_fulfilled_by_its_own_code(client: Client) -> None:
    location, sku = await shelf(client, cup=10, tea=10)
    tea_set = await client.sku(**of({sku["cup"]: 1, sku["tea"]: 2}))
    reserved = await client.reserve((tea_set, location, 3), (sku["tea"], location, 1), ttl=None)
    identity = reserved.reservation.reservation_id
    await client.fulfil(identity, (tea_set, location, 1))
    found = await refusal(client.fulfil(identity, (tea_set, location, 3)))
    assert (found.reason, found.metadata["has"]) == ("EXCEEDS_HELD", "2")
    after = await client.release(identity, (tea_set, "", 2))
    assert {(line.sku, line.bundle): (line.allocated, line.fulfilled, line.released) for line in after.lines} == {
        (sku["cup"], tea_set): (0, 1, 2),
        (sku["tea"], tea_set): (0, 2, 4),
        (sku["tea"], ""): (1, 0, 0),
    }


async def test_what_a_bundle_is_made_of_is_written_as_it_was_said(client: Client, db: asyncpg.Connection) -> None:
    _, sku = await shelf(client, a=0, b=0)
    made = await client.sku(**of({sku["b"]: 2, sku["a"]: 1}))
    read = (await client.catalog.GetSku(pb2.GetSkuRequest(sku=made))).sku
    assert [(part.sku, part.quantity) for part in read.components] == [(sku["b"], 2), (sku["a"], 1)]
    await update(client, made, **of({sku["a"]: 4}))
    rows = await db.fetch(
        "SELECT part.code, quantity FROM bundle_component AS inside JOIN sku AS part USING (sku_id)"
        " JOIN sku AS bundle ON bundle.sku_id = bundle_sku_id WHERE bundle.code = $1",
        made,
    )
    assert [tuple(row) for row in rows] == [(sku["a"], 4)]
    assert json.loads(await db.fetchval("SELECT components FROM sku WHERE code = $1", made)) == [[sku["a"], 4]]


async def test_a_change_of_a_bundle_is_in_force_on_every_server_at_once(client: Client, twin_client: Client) -> None:
    location, sku = await shelf(client, a=100, b=100)
    bundle = await client.sku(**of({sku["a"]: 1}))
    for each in (client, twin_client):
        assert await taken(each, bundle, location) == {sku["a"]: 1}
    await update(client, bundle, **of({sku["b"]: 2}))
    for each in (twin_client, client):
        assert await taken(each, bundle, location, 3) == {sku["b"]: 6}
    await update(client, bundle)
    assert (await refusal(twin_client.reserve((bundle, location, 1)))).reason == "INSUFFICIENT_STOCK"


@pytest.mark.parametrize(
    ("fields", "moves"),
    [
        ({"name": "another", "category": "X", "units": [pb2.Unit(unit="box", quantity=2)]}, False),
        ({"active": False}, True),
        ({"oversell": core_pb2.OversellPolicy(deny=True)}, True),
        ({"preorder": pb2.Preorder(until="2030-01-01", limit=5)}, True),
        ({"tracking": pb2.TRACKING_LOTS}, True),
    ],
)  # fmt: skip
async def test_what_changes_decisions_moves_the_topology_s_revision(
    client: Client, db: asyncpg.Connection, fields: dict[str, Any], moves: bool
) -> None:
    sku = await client.sku()
    before = await db.fetchval("SELECT topology FROM feed_head")
    revision = (await update(client, sku, **fields)).revision
    after = await db.fetchval("SELECT topology FROM feed_head")
    assert after == (revision if moves else before)


async def test_a_place_s_settings_are_in_force_on_every_server_at_once(
    client: Client, twin_client: Client, db: asyncpg.Connection
) -> None:
    location, sku = await shelf(client, a=10)
    await twin_client.reserve((sku["a"], location, 1))
    answer = await client.catalog.UpdateLocation(
        pb2.UpdateLocationRequest(
            request_id=new_id(), location=pb2.Location(location=location, purposes=[core_pb2.PURPOSE_PICKUP])
        )
    )
    assert await db.fetchval("SELECT topology FROM feed_head") == answer.revision
    assert (await refusal(twin_client.reserve((sku["a"], location, 1)))).reason == "LOCATION_NOT_SELLING"


async def test_who_follows_is_told_all_of_a_sku_and_a_location(client: Client) -> None:
    part = await client.sku()
    sku, location = unique("sku"), unique("loc")
    filters: dict[str, Any] = {"skus": [sku], "locations": [location], "kinds": ALL_KINDS}
    async with following(client, now=Empty(), **filters) as follower:
        await follower.begun()
        said = pb2.Sku(sku=sku, **of({part: 2}), from_several_places=True, oversell=core_pb2.OversellPolicy(allow=True))
        made = await client.catalog.CreateSku(pb2.CreateSkuRequest(request_id=new_id(), sku=said))
        place = pb2.Location(location=location, cutoff="14:30", working_days=[1, 2], time_zone="Europe/Warsaw")
        placed = await client.catalog.CreateLocation(pb2.CreateLocationRequest(request_id=new_id(), location=place))
        await follower.up_to(placed.revision)
        told = [each for change in follower.changes for each in (*change.skus, *change.locations)]
    assert told == [made.sku, placed.location]
    assert made.sku.components == said.components
    async with following(client, snapshot=Empty(), **filters) as follower:
        await follower.begun()
        shown = [each for message in follower.messages for each in (*message.skus, *message.locations)]
    assert shown == told


async def test_a_bundle_with_unmoved_stock_levels_may_become_goods_again(client: Client) -> None:
    location, sku = await shelf(client, a=5)
    bundle = await client.sku(**of({sku["a"]: 1}))
    await taken(client, bundle, location)
    await update(client, bundle)
    await client.adjust(bundle, location, 1)
    assert (await refusal(update(client, bundle, **of({sku["a"]: 1})))).reason == "SKU_IN_USE"
