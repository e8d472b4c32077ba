"""kill -9 of the server and crashes of PostgreSQL: what was answered is there, and a retry has one effect."""

import asyncio

import grpc
import pytest

from inventory.v1.reservation_service_pb2 import ReserveRequest, ReserveResponse
from tests.race.house import TRY_AGAIN, House, outcomes, reason, until_answered, within
from tests.race.processes import Postgres
from tests.race.proxy import Fault, Moment, Proxy


@within(60)
@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("statement", ["COMMIT", "UPDATE feed_head"])
async def test_a_killed_server_s_requests_have_one_effect(house: House, statement: str, moment: Moment) -> None:
    """Its batch is caught at the statement; then it is killed, started again, and everything is sent again."""
    proxy: Proxy = await house.enter(Proxy(house.dsn))
    server, client = await house.server(proxy.dsn)
    await house.stock(client, {"a": 100, "b": 100})
    trap = proxy.arm(statement, moment, Fault.STALL)
    requests = [house.request({"a": 1, "b": 2}) for _ in range(30)]
    calls = asyncio.gather(*(outcomes([client.reserve(request)]) for request in requests))
    await trap.hit.wait()
    committed = statement == "COMMIT" and moment is Moment.AFTER
    caught = sum(len(found) for found in (await house.effects(requests)).values())
    assert (caught > 0) == committed
    await server.kill()
    trap.release(cut=True)
    assert [reason(error) for _, errors in await calls for error in errors] == ["UNAVAILABLE"] * 30

    _, again = await house.server(proxy.dsn)
    answers = await asyncio.gather(*(again.reserve(request) for request in requests))
    assert sum(answer.replayed for answer in answers) == caught
    third = await asyncio.gather(*(again.reserve(request) for request in requests))
    effects = await house.effects(requests)
    for request, answer, replay in zip(requests, answers, third, strict=True):
        assert effects[request.request_id] == [answer.reservation.reservation_id]
        assert (replay.reservation, replay.revision, replay.replayed) == (
            answer.reservation,
            answer.revision,
            True,
        )
    assert await house.available("b") == 40
    await house.prove()


@within(90)
async def test_postgres_crashes_under_load_and_nothing_answered_is_lost(
    crashing: tuple[Postgres, House],
) -> None:
    postgres, house = crashing
    crashes, workers, turns_between = 2, 24, 150
    servers = await house.servers(None, None)
    clients = [client for _, client in servers]
    await house.stock(clients[0], dict.fromkeys("abcd", 1_000_000))
    answered: list[tuple[ReserveRequest, ReserveResponse]] = []
    failed: set[str] = set()
    progress = asyncio.Condition()
    over = asyncio.Event()

    async def buy(worker: int) -> None:
        while not over.is_set():
            request = house.request(dict.fromkeys(house.random.sample("abcd", 2), 1))
            answer: ReserveResponse | None = None
            attempt = worker
            while answer is None:
                try:
                    answer = await clients[attempt % 2].reserve(request, 4.0)
                except grpc.aio.AioRpcError as error:
                    if error.code() not in TRY_AGAIN:
                        raise
                    failed.add(request.request_id)
                    attempt += 1  # a retry goes to the other server
                    await asyncio.sleep(house.random.uniform(0.01, 0.1))
            answered.append((request, answer))
            async with progress:
                progress.notify_all()

    async with asyncio.TaskGroup() as group:
        for worker in range(workers):
            group.create_task(buy(worker))

        async def more(count: int) -> None:
            target = len(answered) + count
            async with progress:
                await progress.wait_for(lambda: len(answered) >= target)

        await more(turns_between)
        for _ in range(crashes):
            before = postgres.pid
            await postgres.crash()
            postgres = await Postgres.start(postgres.home)
            house.keep(postgres)
            assert postgres.dsn == house.dsn
            assert postgres.pid != before
            await more(turns_between)
        over.set()

    assert failed or any("tried again" in line for server, _ in servers for line in server.said)
    house.sql = await house.connect()
    requests = [request for request, _ in answered]
    effects = await house.effects(requests)
    for request, answer in answered:
        assert effects[request.request_id] == [answer.reservation.reservation_id]
    assert await house.sql.fetchval("SELECT count(*) FROM reservation") == len(answered)
    replays = await asyncio.gather(*(until_answered(clients[0], request) for request in requests[-50:]))
    for (_, answer), replay in zip(answered[-50:], replays, strict=True):
        assert (replay.replayed, replay.reservation) == (True, answer.reservation)
    await house.prove()
