"""Callers who go away: a write goes on without them or was never begun, and nothing of them stays behind."""

import asyncio
from collections.abc import Sequence

import grpc
import pytest

from inventory.postgres.reads import LOOK_UP_CONNECTIONS_MAX
from inventory.v1.reservation_service_pb2 import ReserveRequest
from inventory.v1.stock_service_pb2 import GetStockRequest
from tests.race.house import SHOP, Client, House, outcomes, until, within
from tests.race.proxy import Fault, Moment, Proxy

READS = 32


async def all_connections(house: House, clients: Sequence[Client]) -> int:
    """Makes the servers open every connection they may have: each its lane's, and a full pool for look-ups.
    Gives their number."""
    most = len(clients) * (LOOK_UP_CONNECTIONS_MAX + 3)  # the lane's, health's, and the one that lists keep open

    async def open_now() -> bool:
        request = GetStockRequest(sku="a", location=SHOP)
        await asyncio.gather(*(client.stock.GetStock(request, timeout=30) for client in clients for _ in range(READS)))
        return await house.backends() >= most

    await until(open_now)
    return await house.backends()


@within(60)
async def test_a_write_under_way_goes_on_without_its_caller(house: House) -> None:
    """Cancelled at each of the lane's await points: before and after each statement."""
    proxy: Proxy = await house.enter(Proxy(house.dsn))
    _, client = await house.server(proxy.dsn)
    await house.stock(client, {"a": 1000, "b": 1000})
    await client.reserve(house.request({"a": 1, "b": 1}))
    connections = await all_connections(house, [client])
    requests = []
    for statement in ("BEGIN", "FROM level WHERE", "UPDATE feed_head", "COMMIT"):
        for moment in Moment:
            trap = proxy.arm(statement, moment, Fault.STALL)
            request = house.request({"a": 1, "b": 1})
            requests.append(request)
            call = client.reserve(request)
            waits = asyncio.create_task(outcomes([call]))
            await trap.hit.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waits
            await house.ping(client)
            queued = house.request({"a": 1, "b": 1})
            next_call = client.reserve(queued)
            await house.ping(client)
            trap.release()
            await next_call
            assert [len(found) for found in (await house.effects([request, queued])).values()] == [1, 1]
    again = await asyncio.gather(*(client.reserve(request) for request in requests))
    assert all(answer.replayed for answer in again)
    assert await house.backends() == connections
    await house.prove()


@within(90)
async def test_a_storm_of_cancelled_and_late_callers_leaves_nothing_behind(house: House) -> None:
    calls, rounds = 60, 12
    servers = await house.servers(None, None)
    clients = [client for _, client in servers]
    await house.stock(clients[0], {"a": 100_000, "b": 100_000})
    for client in clients:
        await client.reserve(house.request({"a": 1, "b": 1}))
    connections = await all_connections(house, clients)
    requests: list[ReserveRequest] = []
    ends = {"answered": 0, "cancelled": 0, "late": 0}

    async def call_off(client: Client, request: ReserveRequest, delay_s: float, *, by_deadline: bool) -> None:
        call = client.reserve(request, delay_s if by_deadline else 10)
        if not by_deadline:
            asyncio.get_running_loop().call_later(delay_s, call.cancel)
        try:
            await call
        except asyncio.CancelledError:
            ends["cancelled"] += 1
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                raise
            ends["late"] += 1
        else:
            ends["answered"] += 1

    for _ in range(rounds):
        batch = [house.request({"a": 1, "b": 1}) for _ in range(calls)]
        requests += batch
        await asyncio.gather(
            *(
                call_off(
                    house.random.choice(clients),
                    request,
                    house.random.uniform(50e-6, 40e-3),
                    by_deadline=house.random.random() < 0.5,
                )
                for request in batch
            )
        )
    assert min(ends.values()) > 0, ends
    # The lanes are alive, and nothing is left to be done for those who went.
    for client in clients:
        await client.reserve(house.request({"a": 1, "b": 1}))
    before = await house.effects(requests)
    assert {len(found) for found in before.values()} == {0, 1}
    assert await house.backends() == connections
    await house.prove()

    # Sent again, each request has its answer: the effect it had had, or one now.
    answers = await asyncio.gather(*(clients[n % 2].reserve(request) for n, request in enumerate(requests)))
    after = await house.effects(requests)
    for request, answer in zip(requests, answers, strict=True):
        assert answer.replayed == bool(before[request.request_id])
        assert after[request.request_id] == [answer.reservation.reservation_id]

    assert await house.backends() == connections
    await house.prove()
    for server, _ in servers:
        said = "\n".join(server.said)
        assert "never retrieved" not in said, said
        assert "Traceback" not in said, said
        assert await server.stop() == 0
