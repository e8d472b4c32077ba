"""Expiry: a hold stops counting the moment it runs out, is ended exactly once, and never early."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from inventory.engine import expiry
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from tests.rpc.client import Client, Server, eventually, refusal, unique
from tests.rpc.conftest import serving

STATE = core_pb2.ReservationState
EXPIRED = STATE.RESERVATION_STATE_EXPIRED
NEVER_S = 3600.0
SWEEP_PERIOD_S = expiry.SWEEP_PERIOD_S


@pytest.fixture(scope="module")
async def unswept(module_dsn: str) -> AsyncIterator[Server]:
    """A server that doesn't sweep: what has run out stays in the tables."""
    patch = pytest.MonkeyPatch()
    patch.setattr(expiry, "SWEEP_PERIOD_S", NEVER_S)
    async with AsyncExitStack() as stack:
        stack.callback(patch.undo)
        running = await stack.enter_async_context(serving(module_dsn))
        yield running


@pytest.fixture(scope="module")
async def server(unswept: Server) -> Server:
    return unswept


async def run_out(db: asyncpg.Connection, *reservations: str) -> None:
    """As if their time had passed."""
    for table in ("reservation", "reservation_line"):
        await db.execute(
            f"UPDATE {table} SET expires_at = clock_timestamp() - interval '1 ms' WHERE reservation_id = ANY ($1)",
            reservations,
        )


async def test_what_has_run_out_stops_counting_at_once_for_every_reader(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await client.stocked(10)
    owner = unique("cart")
    made = await client.hold((sku, location, 4), owner=owner)
    await client.hold((sku, location, 1))
    await run_out(db, made)
    assert (await client.quantities(sku, location)).held == 1
    assert (await client.quantities(sku, location)).available == 9
    listed = await client.stock.ListStock(stock_pb2.ListStockRequest(skus=[sku]))
    assert listed.levels[0].quantities.held == 1
    many = await client.stock.BatchGetStock(
        stock_pb2.BatchGetStockRequest(keys=[stock_pb2.StockKey(sku=sku, location=location)])
    )
    assert many.levels[0].quantities.held == 1
    found = await client.reservation(made)
    assert (found.state, found.lines[0].held, found.lines[0].released) == (EXPIRED, 0, 4)
    for state, ids in ((EXPIRED, [made]), (STATE.RESERVATION_STATE_HELD, [])):
        page = await client.reservations.ListReservations(pb2.ListReservationsRequest(owner=owner, state=state))
        assert [each.reservation_id for each in page.reservations] == ids
    assert await db.fetchval("SELECT state FROM reservation WHERE reservation_id = $1", made) == 1, "not swept"


async def test_what_waits_for_goods_with_a_hold_that_has_run_out_stops_counting_at_once(
    client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await client.stocked(3)
    await client.allow_backorders(sku, location, 20)
    made = await client.hold((sku, location, 8))
    await client.hold((sku, location, 2))
    seen = await client.quantities(sku, location)
    assert (seen.held, seen.backordered) == (3, 7)
    await run_out(db, made)
    listed = (await client.stock.ListStock(stock_pb2.ListStockRequest(skus=[sku]))).levels[0].quantities
    for quantities in (await client.quantities(sku, location), listed):
        assert (quantities.held, quantities.backordered) == (0, 2)


async def test_what_has_run_out_can_be_sold_again_before_any_sweep(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await client.stocked(4)
    made = await client.hold((sku, location, 4))
    assert (await refusal(client.reserve((sku, location, 1)))).reason == "INSUFFICIENT_STOCK"
    await run_out(db, made)
    answer = await client.reserve((sku, location, 4))
    rows = await client.movements(sku=sku)
    assert [(row.kind, row.delta.held, row.after.held) for row in rows[:2]] == [
        (core_pb2.MOVEMENT_KIND_HOLD, 4, 4),
        (core_pb2.MOVEMENT_KIND_EXPIRY, -4, 0),
    ]
    assert rows[1].revision < rows[0].revision == answer.revision
    assert (await client.reservation(made)).state == EXPIRED


async def test_what_has_run_out_can_be_corrected_away_before_any_sweep(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await client.stocked(4)
    made = await client.hold((sku, location, 4))
    await run_out(db, made)
    assert (await client.adjust(sku, location, -4)).level.quantities.on_hand == 0


@pytest.mark.parametrize("step", ["commit", "release", "extend"])
async def test_what_has_run_out_cannot_go_on(client: Client, db: asyncpg.Connection, step: str) -> None:
    sku, location = await client.stocked(4)
    made = await client.hold((sku, location, 4))
    await run_out(db, made)
    call = client.extend(made, 60) if step == "extend" else getattr(client, step)(made)
    found = await refusal(call)
    assert found.what == ("FAILED_PRECONDITION", "RESERVATION_EXPIRED")
    assert found.metadata["reservation_id"] == made
    assert found.metadata["expired_at"].endswith("Z")
    assert (await client.quantities(sku, location)).available == 4


async def test_of_a_hold_committed_in_part_only_the_rest_runs_out(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await client.stocked(10)
    made = await client.hold((sku, location, 5))
    await client.commit(made, (sku, location, 3))
    await run_out(db, made)
    found = await client.reservation(made)
    assert found.state == STATE.RESERVATION_STATE_ALLOCATED
    assert (found.lines[0].held, found.lines[0].allocated, found.lines[0].released) == (0, 3, 2)
    done = await client.fulfil(made)
    assert (done.state, done.lines[0].fulfilled) == (STATE.RESERVATION_STATE_FULFILLED, 3)
    assert (await client.quantities(sku, location)).available == 7


async def test_of_an_owner_s_hold_that_has_run_out_nothing_is_replaced_twice(
    client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await client.stocked(5)
    owner = unique("cart")
    made = await client.hold((sku, location, 5), owner=owner)
    await run_out(db, made)
    await client.reserve((sku, location, 5), owner=owner, replace_owner_holds=True)
    assert [row.kind for row in await client.movements(reservation_id=made)] == [
        core_pb2.MOVEMENT_KIND_EXPIRY,
        core_pb2.MOVEMENT_KIND_HOLD,
    ]


async def test_a_dry_run_sees_what_has_run_out_and_ends_nothing(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await client.stocked(5)
    made = await client.hold((sku, location, 5))
    await run_out(db, made)
    assert (await client.reserve((sku, location, 5), validate_only=True)).reservation.lines[0].held == 5
    assert await db.fetchval("SELECT state FROM reservation WHERE reservation_id = $1", made) == 1


async def test_a_hold_ends_at_its_time_by_the_database_s_clock_and_never_earlier(
    client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await client.stocked(1)
    made = (await client.reserve((sku, location, 1), ttl=1)).reservation
    expires = made.expires_at.ToDatetime()

    async def ended() -> bool:
        # The clock is read first and last: in between, what was answered must fit.
        before = await db.fetchval("SELECT clock_timestamp() AT TIME ZONE 'UTC'")
        held = (await client.quantities(sku, location)).held
        state = (await client.reservation(made.reservation_id)).state
        after = await db.fetchval("SELECT clock_timestamp() AT TIME ZONE 'UTC'")
        if held == 0 or state == EXPIRED:
            assert after >= expires, "early"
        if before >= expires:
            assert (held, state) == (0, EXPIRED), "late"
        return bool(before >= expires)

    await eventually(ended, "a second passes")
    assert (await refusal(client.commit(made.reservation_id))).reason == "RESERVATION_EXPIRED"


async def test_two_servers_sweep_and_each_hold_ends_exactly_once(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "SWEEP_PERIOD_S", SWEEP_PERIOD_S)
    async with serving(dsn) as first, serving(dsn) as second:
        one, two = Client(first.address), Client(second.address)
        db = await first.connect()
        sku, location = await one.stocked(400)
        other, _ = await one.stocked(400, location)
        made = await asyncio.gather(
            *(
                somewhere.hold((sku, location, 1), (other, location, 2), ttl=1)
                for somewhere in (one, two)
                for _ in range(100)
            )
        )

        async def swept() -> bool:
            return not await db.fetchval("SELECT count(*) FROM reservation WHERE state = 1")

        await eventually(swept, "both servers tidy up")
        ends = await db.fetch(
            "SELECT reservation_id, count(*) AS rows, count(DISTINCT revision) AS revisions, sum(held_delta) AS held"
            " FROM movement WHERE kind = 8 GROUP BY 1"
        )
        assert {(row["rows"], row["revisions"], int(row["held"])) for row in ends} == {(2, 1, -3)}
        assert {str(row["reservation_id"]) for row in ends} == set(made)
        early = "SELECT count(*) FROM movement JOIN reservation USING (reservation_id)"
        assert not await db.fetchval(f"{early} WHERE kind = 8 AND movement.recorded_at < reservation.expires_at")
        for place in (sku, other):
            found = await one.quantities(place, location)
            assert (found.held, found.available) == (0, 400)
        await db.close()
        await one.close()
        await two.close()
