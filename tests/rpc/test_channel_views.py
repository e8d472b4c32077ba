"""What a channel may promise: from its places, in its order, and no more of the stock than it sees."""

import asyncio
from typing import Any, NamedTuple

import asyncpg
import pytest

from inventory.v1 import channel_service_pb2 as pb2
from inventory.v1 import core_pb2
from tests.rpc.client import Client, Metadata, Refused, Server, eventually, refusal
from tests.rpc.test_channels import code, row, set_channel, set_skus
from tests.rpc.test_refused_for_now import locked, waits_for_a_lock

ALLOW = core_pb2.OversellPolicy(allow=True)
LIMITED = core_pb2.OversellPolicy(limit=3)
DENY = core_pb2.OversellPolicy(deny=True)


class Seller(NamedTuple):
    """A channel, and how to call as it."""

    code: str
    metadata: Metadata


def seller() -> Seller:
    name = code()
    return Seller(name, (("inventory-channel", name),))


async def sold(client: Client, by: Seller, *lines: tuple[str, str, int], **fields: Any) -> list[tuple[str, int]]:
    """From where, and how much."""
    answer = await client.reserve(*lines, metadata=by.metadata, **fields)
    return [(line.location, line.held + line.backordered) for line in answer.reservation.lines]


async def refused(client: Client, by: Seller, *lines: tuple[str, str, int], **fields: Any) -> Refused:
    return await refusal(client.reserve(*lines, metadata=by.metadata, **fields))


async def test_it_sells_from_its_places_in_its_order(client: Client) -> None:
    web = seller()
    sku = await client.sku()
    first, second, foreign = [await client.location() for _ in range(3)]
    for place in (first, second, foreign):
        await client.adjust(sku, place, 5)
    await set_channel(client, web.code, locations=[second, first])
    assert await sold(client, web, (sku, "", 3)) == [(second, 3)]
    assert await sold(client, web, (sku, "", 3)) == [(first, 3)]
    assert (await refused(client, web, (sku, "", 5))).reason == "INSUFFICIENT_STOCK"
    await set_channel(client, web.code, locations=[first, second])
    assert await sold(client, web, (sku, "", 2)) == [(first, 2)]
    await set_channel(client, web.code, locations=[foreign])
    assert await sold(client, web, (sku, "", 5)) == [(foreign, 5)]


async def test_a_place_of_others_is_refused_and_named(client: Client) -> None:
    web = seller()
    sku, mine = await client.stocked(5)
    foreign = await client.location()
    await client.adjust(sku, foreign, 5)
    await set_channel(client, web.code, locations=[mine])
    no = await refused(client, web, (sku, foreign, 1))
    assert no.what == ("FAILED_PRECONDITION", "LOCATION_NOT_SELLING")
    assert no.metadata == {"location": foreign, "purpose": "ONLINE"}
    assert await sold(client, web, (sku, mine, 1)) == [(mine, 1)]
    assert await sold(client, seller(), (sku, foreign, 1)) == [(foreign, 1)], "who has no list sells from everywhere"


async def test_a_place_that_is_not_for_the_purpose_is_refused(client: Client, db: asyncpg.Connection) -> None:
    web, till = seller(), seller()
    sku, shop = await client.stocked(5)
    await db.execute("UPDATE location SET uses = 4 WHERE code = $1", shop)  # to walk in only
    await set_channel(client, web.code, name="online")  # as a change of the location would, it has all look again
    await set_channel(client, till.code, kind=pb2.CHANNEL_KIND_POS)
    no = await refused(client, web, (sku, shop, 1))
    assert (no.reason, no.metadata["purpose"]) == ("LOCATION_NOT_SELLING", "ONLINE")
    assert (await refused(client, web, (sku, "", 1))).reason == "INSUFFICIENT_STOCK"
    assert await sold(client, till, (sku, shop, 1)) == [(shop, 1)]
    assert await sold(client, web, (sku, shop, 1), purpose=core_pb2.PURPOSE_WALK_IN) == [(shop, 1)]


@pytest.mark.parametrize("by_place", [True, False])
@pytest.mark.parametrize(
    ("view", "seen"),
    [
        ({}, 10),
        ({"buffer": 0}, 10),
        ({"buffer": 4}, 6),
        ({"buffer": 10}, 0),
        ({"buffer": 1_000_000_000}, 0),
        ({"cap": 3}, 3),
        ({"cap": 0}, 0),
        ({"cap": 11}, 10),
        ({"share_bp": 2_500}, 2),
        ({"share_bp": 999}, 0),
        ({"share_bp": 0}, 0),
        ({"share_bp": 10_000}, 10),
        ({"buffer": 3, "share_bp": 5_000}, 3),
        ({"buffer": 3, "share_bp": 5_000, "cap": 2}, 2),
    ],
)
async def test_a_channel_takes_what_it_sees_and_another_the_rest(
    client: Client, view: dict[str, Any], seen: int, by_place: bool
) -> None:
    web, other = seller(), seller()
    sku, place = await client.stocked(10)
    await set_channel(client, web.code, locations=[place], view=pb2.ChannelView(**view))
    at = place if by_place else ""
    no = await refused(client, web, (sku, at, seen + 1))
    assert no.reason == "INSUFFICIENT_STOCK"
    assert no.shortages == [(f"{sku}@{at}", f"requested {seen + 1}, available {seen}")]
    if seen:
        assert await sold(client, web, (sku, at, seen)) == [(place, seen)]
    if seen < 10:
        assert await sold(client, other, (sku, place, 10 - seen)) == [(place, 10 - seen)]


async def test_a_buffer_counts_over_all_places_of_the_channel(client: Client) -> None:
    web = seller()
    sku = await client.sku()
    one, two = [await client.location() for _ in range(2)]
    for place in (one, two):
        await client.adjust(sku, place, 5)
    await set_channel(client, web.code, locations=[one, two], view=pb2.ChannelView(buffer=7))
    assert (await refused(client, web, (sku, one, 4))).shortages == [(f"{sku}@{one}", "requested 4, available 3")]
    assert await sold(client, web, (sku, one, 3)) == [(one, 3)]
    assert (await refused(client, web, (sku, two, 1))).reason == "INSUFFICIENT_STOCK"


async def test_lines_of_one_request_share_what_the_channel_sees(client: Client) -> None:
    web = seller()
    sku = await client.sku()
    one, two = [await client.location() for _ in range(2)]
    for place in (one, two):
        await client.adjust(sku, place, 5)
    await set_channel(client, web.code, view=pb2.ChannelView(cap=4))
    assert (await refused(client, web, (sku, one, 3), (sku, two, 2))).reason == "INSUFFICIENT_STOCK"
    assert await sold(client, web, (sku, one, 3), (sku, two, 1)) == [(one, 3), (two, 1)]


OVERRIDES: list[tuple[dict[str, Any], dict[str, Any], int]] = [
    ({"buffer": 4}, {"buffer": 0}, 10),
    ({"buffer": 4}, {"buffer": 1}, 9),
    ({"buffer": 4}, {"cap": 5}, 5),
    ({"buffer": 4}, {"cap": 9}, 6),
    ({"buffer": 4}, {"cap": 0}, 0),
    ({"cap": 2}, {"cap": 8}, 8),
    ({"cap": 2}, {"buffer": 0}, 2),
    ({"share_bp": 5_000}, {"share_bp": 10_000}, 10),
    ({"share_bp": 5_000}, {"share_bp": 0}, 0),
    ({"share_bp": 5_000}, {"buffer": 6}, 2),
    ({}, {"cap": 1}, 1),
    ({"oversell": LIMITED}, {"oversell": DENY}, 10),
    ({"oversell": DENY}, {"oversell": LIMITED}, 13),
    ({"oversell": LIMITED}, {"cap": 0}, 0),
    ({"oversell": LIMITED}, {"cap": 11}, 11),
    ({"buffer": 4}, {"oversell": LIMITED}, 9),
]


@pytest.mark.parametrize(("general", "own", "seen"), OVERRIDES)
async def test_a_skus_own_view_goes_before_the_channels(
    client: Client, general: dict[str, Any], own: dict[str, Any], seen: int
) -> None:
    web = seller()
    sku, place = await client.stocked(10)
    plain = await client.sku()
    await client.adjust(plain, place, 10)
    await set_channel(client, web.code, locations=[place], view=pb2.ChannelView(**general))
    as_before = await most(client, web, sku, place)
    await set_skus(client, web.code, row(sku, **own))
    assert await most(client, web, sku, place) == seen
    assert await most(client, web, plain, place) == as_before, "other SKUs have the channel's"
    assert await most(client, seller(), sku, place) == 10, "other channels have their own"
    await set_skus(client, web.code, row(sku))
    assert await most(client, web, sku, place) == as_before, "what is taken away counts no more"


async def most(client: Client, by: Seller, sku: str, place: str) -> int:
    """How much the channel can be promised at once: the same whether a place is named or not."""
    found = set()
    for at in (place, ""):
        no = await refused(client, by, (sku, at, 1_000_001), validate_only=True)
        found.add(int(no.shortages[0][1].rpartition(" ")[2]) if no.shortages else 1_000_001)
    assert len(found) == 1, found
    return found.pop()


async def test_a_channel_may_allow_what_the_sku_does_not_and_deny_what_it_does(
    client: Client, db: asyncpg.Connection
) -> None:
    generous, strict = seller(), seller()
    sku, place = await client.stocked(2)
    await set_channel(client, generous.code, view=pb2.ChannelView(oversell=LIMITED))
    await set_channel(client, strict.code, view=pb2.ChannelView(oversell=DENY))
    assert (await refused(client, generous, (sku, place, 6))).shortages[0][1].endswith("available 5")
    assert await sold(client, generous, (sku, place, 5)) == [(place, 2), (place, 3)]
    assert (await client.quantities(sku, place)).backordered == 3

    await set_skus(client, generous.code, row(sku, oversell=ALLOW))
    assert await sold(client, generous, (sku, place, 1_000_000)) == [(place, 1_000_000)]

    lenient, place = await client.stocked(1)
    await db.execute("UPDATE sku SET oversell_limit = 5 WHERE code = $1", lenient)
    assert (await refused(client, strict, (lenient, place, 2))).reason == "INSUFFICIENT_STOCK"
    assert await sold(client, seller(), (lenient, place, 2)) == [(place, 1), (place, 1)]


async def test_parts_of_a_bundle_have_views_of_their_own(client: Client, db: asyncpg.Connection) -> None:
    web = seller()
    part, place = await client.stocked(10)
    bundle = await client.sku()
    await db.execute("UPDATE sku SET kind = 2 WHERE code = $1", bundle)
    await db.execute(
        "INSERT INTO bundle_component SELECT one.sku_id, other.sku_id, 2 FROM sku AS one, sku AS other"
        " WHERE one.code = $1 AND other.code = $2",
        bundle,
        part,
    )
    await set_channel(client, web.code)
    assert await most(client, web, bundle, place) == 5
    await set_skus(client, web.code, row(part, buffer=3))
    assert await most(client, web, bundle, place) == 3
    await set_skus(client, web.code, row(bundle, cap=1))
    assert await most(client, web, bundle, place) == 1
    assert await most(client, web, part, place) == 7


async def test_settings_made_at_one_server_are_in_force_at_the_others_next_call(
    client: Client, twin_client: Client
) -> None:
    web = seller()
    sku, place = await client.stocked(1_000)
    assert await sold(twin_client, web, (sku, place, 1)) == [(place, 1)], "it has read everything once"
    for _ in range(10):
        await set_channel(client, web.code, view=pb2.ChannelView(cap=0))
        assert (await refused(twin_client, web, (sku, place, 1))).reason == "INSUFFICIENT_STOCK"
        await set_channel(client, web.code)
        assert await sold(twin_client, web, (sku, place, 1)) == [(place, 1)]
        await set_skus(client, web.code, row(sku, cap=0))
        assert (await refused(twin_client, web, (sku, place, 1))).reason == "INSUFFICIENT_STOCK"
        await set_skus(client, web.code, row(sku))
        assert await sold(twin_client, web, (sku, place, 1)) == [(place, 1)]


async def test_a_decision_that_waited_while_settings_changed_is_made_again(
    client: Client, twin_client: Client, server: Server, db: asyncpg.Connection
) -> None:
    """Settings are proved by the statement that locks, whose view of the world is older than its locks."""
    web = seller()
    sku, place = await client.stocked(10)
    await sold(twin_client, web, (sku, place, 1))
    async with locked(server, sku):
        waiting = asyncio.ensure_future(refused(twin_client, web, (sku, place, 1)))
        await eventually(lambda: waits_for_a_lock(db), "the reservation waits for the level")
        await set_channel(client, web.code, view=pb2.ChannelView(cap=0))
    assert (await waiting).reason == "INSUFFICIENT_STOCK"
