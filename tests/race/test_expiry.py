"""Holds run out while two servers sweep and callers commit at the very moment: each ends once, and on time."""

import asyncio
import time
from collections import Counter
from datetime import timedelta
from uuid import UUID

import grpc

from inventory.v1.reservation_service_pb2 import CommitRequest, ReserveRequest, ReserveResponse
from tests.race.house import Client, House, outcomes, reason, until, within

TTL = timedelta(seconds=1)
COMMIT, EXPIRY = 5, 8
ALLOCATED, EXPIRED = 2, 5


@within(60)
async def test_each_hold_ends_once_and_on_time(house: House) -> None:
    raced, left = 120, 300
    clients = [client for _, client in await house.servers(None, None)]
    await house.stock(clients[0], {"a": raced, "b": raced + left})

    async def race(client: Client) -> str:
        """Holds, and commits within a few milliseconds of the expiry. Gives the commit's reason."""
        answer = await client.reserve(house.request({"a": 1, "b": 1}, ttl=TTL))
        at = answer.reservation.expires_at.seconds + answer.reservation.expires_at.nanos / 1e9
        await asyncio.sleep(at - time.time() + house.random.uniform(-0.06, 0.02))
        commit = CommitRequest(request_id=house.uuid(), reservation_id=answer.reservation.reservation_id)
        _, errors = await outcomes([house.random.choice(clients).reservations.Commit(commit, timeout=30)])
        return reason(errors[0]) if errors else ""

    holds = [house.request({"b": 1}, ttl=TTL) for _ in range(left)]
    ends = Counter(
        await asyncio.gather(
            *(race(clients[n % 2]) for n in range(raced)),
            *(_held(clients[n % 2].reserve(hold)) for n, hold in enumerate(holds)),
        )
    )
    assert set(ends) == {"", "RESERVATION_EXPIRED", "held"}

    async def swept() -> bool:
        return not await house.sql.fetchval("SELECT count(*) FROM reservation WHERE state = 1")

    await until(swept)
    rows = await house.sql.fetch(
        """
        SELECT reservation_id, state, expires_at, array_agg(DISTINCT kind) AS kinds, max(recorded_at) AS ended_at,
            count(DISTINCT movement.revision) AS changes
        FROM reservation JOIN movement USING (reservation_id)
        GROUP BY reservation_id, state, expires_at
        """
    )
    assert len(rows) == raced + left
    states = Counter(row["state"] for row in rows)
    assert states == {ALLOCATED: ends[""], EXPIRED: ends["RESERVATION_EXPIRED"] + left}
    for row in rows:
        assert row["changes"] == 2  # the hold, and its one end
        if row["state"] == ALLOCATED:
            assert COMMIT in row["kinds"]
            assert row["ended_at"] < row["expires_at"]
        else:
            assert EXPIRY in row["kinds"]
            assert row["ended_at"] >= row["expires_at"]
    assert await house.available("a") == raced - ends[""]
    await house.prove()


async def _held(call: "grpc.aio.UnaryUnaryCall[ReserveRequest, ReserveResponse]") -> str:
    await call
    return "held"


@within(60)
async def test_stock_is_free_from_the_moment_a_hold_runs_out(house: House) -> None:
    """Neither early nor only when somebody sweeps: one piece goes through many hands, on both servers."""
    hands = 3
    clients = [client for _, client in await house.servers(None, None)]
    await house.stock(clients[0], {"last": 1})
    for hand in range(hands):
        answer = await clients[hand % 2].reserve(house.request({"last": 1}, ttl=TTL))
        expires_at = answer.reservation.expires_at.seconds + answer.reservation.expires_at.nanos / 1e9
        reservation_id = UUID(answer.reservation.reservation_id)
        while True:
            asked_at = time.time()
            next_answer, errors = await outcomes([clients[(hand + 1) % 2].reserve(house.request({"last": 1}, ttl=TTL))])
            if next_answer:
                break
            assert reason(errors[0]) == "INSUFFICIENT_STOCK"
            assert asked_at < expires_at, "a hold that has run out still counts"
        ended = await house.sql.fetchrow(
            "SELECT recorded_at >= expires_at AS on_time FROM movement JOIN reservation USING (reservation_id)"
            " WHERE reservation_id = $1 AND movement.kind = $2",
            reservation_id,
            EXPIRY,
        )
        assert ended is not None
        assert ended["on_time"]
        # Give it back, so that the next hand starts with a free piece.
        await clients[0].reservations.Release(house.release(next_answer[0].reservation.reservation_id), timeout=30)
    await house.prove()
