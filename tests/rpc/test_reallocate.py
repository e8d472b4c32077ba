"""Reallocate: a promise moves to another place in one step, all of it or nothing."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as pb2
from tests.rpc.client import Client, Server, new_id, refusal
from tests.rpc.test_pickup import told, topology_changed
from tests.rpc.test_transfers import levels, prove

KIND = core_pb2.MovementKind
Moved = tuple[str, str, str, int]


async def move(client: Client, reservation_id: str, *moves: Moved, reason: str = "") -> core_pb2.Reservation:
    request = pb2.ReallocateRequest(
        request_id=new_id(),
        reservation_id=reservation_id,
        moves=[
            pb2.Reallocation(sku=sku, from_location=origin, to_location=target, quantity=quantity)
            for sku, origin, target, quantity in moves
        ],
        reason=reason,
    )
    return (await client.reservations.Reallocate(request)).reservation


@pytest.fixture(autouse=True)
async def proof(server: Server) -> AsyncIterator[None]:
    yield
    await prove(server)


@pytest.mark.parametrize("ttl", [3600, None], ids=["held", "allocated"])
async def test_a_promise_moves_in_one_revision(client: Client, ttl: int | None) -> None:
    sku, here = await client.stocked(5)
    _, there = await client.stocked(0)
    await client.adjust(sku, there, 5)
    made = (await client.reserve((sku, here, 4), ttl=ttl)).reservation
    moved = await move(client, made.reservation_id, (sku, here, there, 3), reason="the shelf is damaged")
    amounts = (1, 0) if ttl else (0, 1)
    assert told(moved) == [(here, 1, *amounts, 0), (there, 3, *(3 * amount for amount in amounts), 0)]
    assert await client.reservation(made.reservation_id) == moved
    assert await levels(client, sku, here, there) == [(5, 4, 0, 0), (5, 2, 0, 0)]
    there_row, here_row = (await client.movements(sku=sku))[:2]
    assert there_row.kind == here_row.kind == KIND.MOVEMENT_KIND_REALLOCATION
    assert (there_row.location, here_row.location, there_row.revision) == (there, here, here_row.revision)
    assert (there_row.reason, there_row.reservation_id) == ("the shelf is damaged", made.reservation_id)


async def test_without_a_quantity_all_of_it_moves(client: Client) -> None:
    sku, here = await client.stocked(5)
    there = await client.location()
    await client.adjust(sku, there, 5)
    made = (await client.reserve((sku, here, 4))).reservation
    committed = await client.commit(made.reservation_id, (sku, here, 1))
    moved = await move(client, committed.reservation_id, (sku, here, there, 0))
    assert told(moved) == [(there, 4, 3, 1, 0)]
    back = await move(client, made.reservation_id, (sku, there, here, 2))
    assert told(back) == [(here, 2, 2, 0, 0), (there, 2, 1, 1, 0)], "what is held moves before what is allocated"
    done = await client.fulfil(made.reservation_id)
    assert sum(line.fulfilled for line in done.lines) == 1


async def test_all_moves_or_nothing(client: Client) -> None:
    sku, here = await client.stocked(5)
    other, _ = await client.stocked(5, here)
    there = await client.location()
    await client.adjust(sku, there, 5)
    await client.adjust(other, there, 2)
    made = (await client.reserve((sku, here, 4), (other, here, 4))).reservation
    found = await refusal(move(client, made.reservation_id, (sku, here, there, 0), (other, here, there, 3)))
    assert found.what == ("FAILED_PRECONDITION", "INSUFFICIENT_STOCK")
    assert found.metadata == {"sku": other, "location": there, "requested": "3", "available": "2"}
    assert await client.reservation(made.reservation_id) == made
    found = await refusal(move(client, made.reservation_id, (sku, here, there, 5)))
    assert found.what == ("FAILED_PRECONDITION", "EXCEEDS_HELD")
    assert found.metadata == {"sku": sku, "location": here, "requested": "5", "has": "4"}
    assert (await refusal(move(client, made.reservation_id, (sku, there, here, 0)))).reason == "EXCEEDS_HELD"


async def test_nobody_who_waits_is_passed(client: Client) -> None:
    sku, here = await client.stocked(5)
    there = await client.location()
    await client.allow_backorders(sku, there, 5)
    await client.reserve((sku, there, 2), ttl=None)
    made = (await client.reserve((sku, here, 3), ttl=None)).reservation
    found = await refusal(move(client, made.reservation_id, (sku, here, there, 1)))
    assert (found.reason, found.metadata["available"]) == ("INSUFFICIENT_STOCK", "0")


async def test_a_back_order_keeps_its_turn_and_is_filled_where_there_is_stock(client: Client) -> None:
    sku, here = await client.stocked(0)
    there, third = await client.location(), await client.location()
    for location in (here, there):
        await client.allow_backorders(sku, location, 5)
    early = (await client.reserve((sku, here, 2), ttl=None)).reservation
    late = (await client.reserve((sku, there, 2), ttl=None)).reservation
    moved = await move(client, early.reservation_id, (sku, here, there, 0))
    assert told(moved) == [(there, 2, 0, 0, 2)]
    await client.adjust(sku, there, 2)
    assert told(await client.reservation(early.reservation_id)) == [(there, 2, 0, 2, 0)]
    assert told(await client.reservation(late.reservation_id)) == [(there, 2, 0, 0, 2)]
    await client.adjust(sku, third, 1)
    moved = await move(client, late.reservation_id, (sku, there, third, 0))
    assert told(moved) == [(third, 2, 0, 1, 1)], "what stands there is given at once"


async def test_no_more_may_wait_there_than_the_place_allows(client: Client) -> None:
    sku, here = await client.stocked(0)
    there = await client.location()
    await client.allow_backorders(sku, here, 5)
    await client.allow_backorders(sku, there, 1)
    made = (await client.reserve((sku, here, 2), ttl=None)).reservation
    found = await refusal(move(client, made.reservation_id, (sku, here, there, 0)))
    assert (found.reason, found.metadata["available"]) == ("INSUFFICIENT_STOCK", "1")


async def test_it_moves_only_to_where_the_channel_sells(client: Client, db: asyncpg.Connection) -> None:
    sku, here = await client.stocked(5)
    there, closed = await client.location(), await client.location()
    await db.execute("UPDATE location SET uses = 2 WHERE code = $1", there)
    await topology_changed(db)
    await client.retire(closed)
    made = (await client.reserve((sku, here, 2))).reservation
    found = await refusal(move(client, made.reservation_id, (sku, here, there, 1)))
    assert found.what == ("FAILED_PRECONDITION", "LOCATION_NOT_SELLING")
    found = await refusal(move(client, made.reservation_id, (sku, here, closed, 1)))
    assert found.what == ("FAILED_PRECONDITION", "LOCATION_RETIRED")


async def test_what_has_ended_does_not_move(client: Client) -> None:
    sku, here = await client.stocked(5)
    there = await client.location()
    made = (await client.reserve((sku, here, 2))).reservation
    await client.release(made.reservation_id)
    found = await refusal(move(client, made.reservation_id, (sku, here, there, 1)))
    assert found.what == ("FAILED_PRECONDITION", "RESERVATION_STATE")


async def test_a_replay_moves_nothing_more(client: Client) -> None:
    sku, here = await client.stocked(5)
    there = await client.location()
    await client.adjust(sku, there, 5)
    made = (await client.reserve((sku, here, 4))).reservation
    request = pb2.ReallocateRequest(
        request_id=new_id(),
        reservation_id=made.reservation_id,
        moves=[pb2.Reallocation(sku=sku, from_location=here, to_location=there, quantity=2)],
    )
    first, again = [await client.reservations.Reallocate(request) for _ in range(2)]
    assert (first.reservation, again.replayed) == (again.reservation, True)
    assert await levels(client, sku, here, there) == [(5, 3, 0, 0), (5, 3, 0, 0)]
