"""How much of a SKU a channel may hold at once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from inventory.postgres.connection import Database
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as pb2
from tests.rpc.client import Client, eventually, new_id, refusal, reserve_request, unique
from tests.rpc.doors import EVERYDAY, Doors, guarded

MOST = 10


@pytest.fixture(scope="module")
async def doors(module_dsn: str) -> AsyncIterator[Doors]:
    async with guarded(module_dsn, servers=2) as running:
        yield running


@dataclass
class Fan:
    """A channel that may hold ten of a SKU, of which there are a thousand at each of two places."""

    client: Client
    twin: Client
    sku: str
    here: str
    there: str

    async def quantity(self) -> int:
        return sum([(await self.client.quantities(self.sku, place)).held for place in (self.here, self.there)])


@pytest.fixture
async def fan(doors: Doors) -> Fan:
    sku, here = await doors.admin.stocked(1_000)
    there = await doors.admin.location()
    await doors.admin.adjust(sku, there, 1_000)
    channel = unique("fan")
    await doors.limit(channel, *EVERYDAY, held_per_sku_max=MOST)
    token = await doors.token(channel)
    client, twin = doors.client(token), doors.client(token, at=1)

    async def comes_in() -> bool:
        try:
            await twin.quantities(sku, here)
        except Exception:  # noqa: BLE001 - not let in yet
            return False
        return True

    await eventually(comes_in, "the second server knows the token")
    return Fan(client, twin, sku, here, there)


async def test_no_more_than_the_limit_is_held_over_all_places(fan: Fan) -> None:
    await fan.client.reserve((fan.sku, fan.here, 6))
    refused = await refusal(fan.client.reserve((fan.sku, fan.there, 5)))
    assert refused.what == ("FAILED_PRECONDITION", "HELD_LIMIT")
    assert refused.metadata == {"sku": fan.sku, "max": "10", "held": "6", "requested": "5"}
    await fan.client.reserve((fan.sku, fan.there, 4))
    assert (await refusal(fan.client.reserve((fan.sku, "", 1)))).metadata["held"] == "10"
    assert await fan.quantity() == 10


async def test_one_request_s_lines_are_counted_together(fan: Fan) -> None:
    refused = await refusal(fan.client.reserve((fan.sku, fan.here, 6), (fan.sku, fan.there, 5)))
    assert refused.metadata["requested"] == "11"
    assert await fan.quantity() == 0


async def test_what_is_allocated_is_not_held(fan: Fan) -> None:
    await fan.client.reserve((fan.sku, fan.here, 500), ttl=None)
    held = await fan.client.hold((fan.sku, fan.here, 10))
    await fan.client.commit(held)
    await fan.client.reserve((fan.sku, fan.here, 10))


async def test_what_is_given_back_may_be_held_again(fan: Fan) -> None:
    held = await fan.client.hold((fan.sku, fan.here, 10))
    await fan.client.release(held, (fan.sku, fan.here, 3))
    await fan.client.reserve((fan.sku, fan.here, 3))
    assert (await refusal(fan.client.reserve((fan.sku, fan.here, 1)))).reason == "HELD_LIMIT"


async def test_a_hold_counts_whose_lines_do_not_say_whose_they_are(fan: Fan, doors: Doors) -> None:
    """As a server of an older version wrote them."""
    await fan.client.reserve((fan.sku, fan.here, 7))
    await doors.admin.reserve((fan.sku, fan.here, 5))
    db = await Database(doors.dsn).connect()
    try:
        await db.execute(
            "UPDATE reservation_line SET channel_id = NULL WHERE sku_id = (SELECT sku_id FROM sku WHERE code = $1)",
            fan.sku,
        )
    finally:
        await db.close()
    assert (await refusal(fan.client.reserve((fan.sku, fan.there, 4)))).metadata["held"] == "7"
    await fan.client.reserve((fan.sku, fan.there, 3))


async def test_a_hold_that_has_run_out_does_not_count(fan: Fan) -> None:
    await fan.client.reserve((fan.sku, fan.here, 10), ttl=1)
    assert (await refusal(fan.client.reserve((fan.sku, fan.there, 1)))).reason == "HELD_LIMIT"

    async def may_hold() -> bool:
        try:
            await fan.client.reserve((fan.sku, fan.there, 10))
        except Exception:  # noqa: BLE001 - it is the refusal of above
            return False
        return True

    await eventually(may_hold, "the hold has run out")


async def test_a_hold_is_extended_without_being_counted_again(fan: Fan) -> None:
    held = await fan.client.hold((fan.sku, fan.here, 10))
    await fan.client.extend(held, 3_600)


async def test_a_cart_replaces_its_own_hold(fan: Fan) -> None:
    for quantity in (8, 10, 9):
        await fan.client.reserve((fan.sku, fan.here, quantity), owner="cart", replace_owner_holds=True)
    refused = await refusal(fan.client.reserve((fan.sku, fan.here, 11), owner="cart", replace_owner_holds=True))
    assert refused.metadata["held"] == "0"
    assert await fan.quantity() == 9


async def test_a_bundle_counts_as_what_it_is_made_of(fan: Fan, doors: Doors) -> None:
    parts = [catalog_pb2.BundleComponent(sku=fan.sku, quantity=4)]
    pack = await doors.admin.sku(kind=catalog_pb2.SKU_KIND_BUNDLE, components=parts)
    await fan.client.reserve((pack, fan.here, 2))
    refused = await refusal(fan.client.reserve((pack, fan.here, 1)))
    assert refused.metadata == {"sku": fan.sku, "max": "10", "held": "8", "requested": "4"}
    await fan.client.reserve((fan.sku, "", 2))
    assert (await refusal(fan.client.reserve((fan.sku, fan.there, 1)))).reason == "HELD_LIMIT"


async def test_what_waits_for_goods_with_a_hold_counts(fan: Fan, doors: Doors) -> None:
    sku, place = await doors.admin.stocked(4)
    await doors.admin.allow_backorders(sku, place, 100)
    await fan.client.reserve((sku, place, 9))
    assert (await refusal(fan.client.reserve((sku, place, 2)))).metadata["held"] == "9"


async def test_many_requests_of_one_batch_are_counted_one_after_the_other(fan: Fan) -> None:
    requests = [reserve_request((fan.sku, fan.here, quantity)) for quantity in (3, 3, 9, 3, 1, 1)]
    answer = await fan.client.reservations.BatchReserve(pb2.BatchReserveRequest(requests=requests))
    refused = [bool(result.error.code) for result in answer.results]
    assert refused == [False, False, True, False, False, True]
    assert await fan.quantity() == 10


async def test_other_channels_hold_what_they_like(fan: Fan, doors: Doors) -> None:
    await fan.client.reserve((fan.sku, fan.here, 10))
    other = await doors.let_in(unique("other"), *EVERYDAY)
    await other.reserve((fan.sku, fan.here, 500))


async def test_two_servers_never_hold_more_together(fan: Fan) -> None:
    """Each at a place of its own: no level's lock is between them."""

    async def one(number: int) -> int:
        client, place = ((fan.client, fan.here), (fan.twin, fan.there))[number % 2]
        request = reserve_request((fan.sku, place, 1), request_id=new_id())
        answer = await client.reservations.BatchReserve(pb2.BatchReserveRequest(requests=[request]))
        return int(not answer.results[0].error.code)

    for _ in range(5):
        held = await fan.quantity()
        granted = sum(await asyncio.gather(*map(one, range(80))))
        assert await fan.quantity() == held + granted == MOST
        listed = await fan.client.reservations.ListReservations(
            pb2.ListReservationsRequest(state=core_pb2.RESERVATION_STATE_HELD, page_size=100)
        )
        for found in listed.reservations:
            await fan.client.release(found.reservation_id)
        assert await fan.quantity() == 0
