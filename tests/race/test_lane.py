"""One bad command, a full queue, a paused replica: the others go on."""

import asyncio
import signal
from datetime import timedelta

import grpc

from inventory.v1.reservation_service_pb2 import BatchReserveRequest, BatchReserveResponse, ReserveResponse
from tests.race.house import House, outcomes, reason, retry_after_s, until, until_answered, within
from tests.race.proxy import Fault, Moment, Proxy

QUEUE_COMMANDS_MAX = 10_000


@within(60)
async def test_a_command_the_database_refuses_spares_its_neighbours(house: House) -> None:
    neighbours = 60
    proxy: Proxy = await house.enter(Proxy(house.dsn))
    server, client = await house.server(proxy.dsn)
    await house.stock(client, {"good": 1000, "bad": 10, "first": 1})
    await house.sql.execute(
        "ALTER TABLE level ADD CONSTRAINT test_refuses CHECK (held = 0 OR sku_id <>"
        f" {await house.sql.fetchval('SELECT sku_id FROM sku WHERE code = $1', 'bad'):d}) NOT VALID"
    )
    # While the first batch waits, all others come together in the next.
    trap = proxy.arm("COMMIT", Moment.BEFORE, Fault.STALL)
    first = client.reserve(house.request({"first": 1}))
    await trap.hit.wait()
    requests = [house.request({"good": 1}) for _ in range(neighbours)]
    bad = house.request({"bad": 1, "good": 1}, ttl=timedelta(seconds=60))
    calls = [client.reserve(request) for request in (*requests[:30], bad, *requests[30:])]
    queued = asyncio.gather(*(outcomes([call]) for call in calls))
    await house.ping(client)
    trap.release()
    await first
    results = await queued
    answers, errors = [a for a, _ in results], [e for _, e in results]
    assert [reason(error) for error in errors[30]] == ["INTERNAL"]
    assert sum(len(answer) for answer in answers) == neighbours
    assert not [error for n, found in enumerate(errors) if n != 30 for error in found]
    assert [line for line in server.said if "one by one" in line]
    effects = await house.effects([*requests, bad])
    assert effects.pop(bad.request_id) == []
    assert all(len(found) == 1 for found in effects.values())

    # It was not remembered: once the cause is gone the same request succeeds.
    await house.sql.execute("ALTER TABLE level DROP CONSTRAINT test_refuses")
    assert not (await client.reserve(bad)).replayed
    await house.prove()


@within(90)
async def test_a_full_queue_says_so_at_once_and_empties_again(house: House) -> None:
    _, client = await house.server()
    await house.stock(client, {"a": 1_000_000})
    other = await house.connect()
    await other.execute("BEGIN")
    await other.execute("SELECT FROM level FOR UPDATE")
    first = client.reserve(house.request({"a": 1}), 60)
    await until(house.waits_for_a_lock)
    batches = [
        BatchReserveRequest(requests=[house.request({"a": 1}) for _ in range(1000)])
        for _ in range(QUEUE_COMMANDS_MAX // 1000 + 1)
    ]
    pending = [client.reservations.BatchReserve(batch, timeout=60) for batch in batches]
    # Answered while the lane waits: nothing else could have answered it.
    refused = house.request({"a": 1})
    probes: list[asyncio.Task[tuple[list[ReserveResponse], list[BaseException]]]] = []

    async def is_refused() -> bool:
        # Only tried: one that came before the queue was full would be followed by the others with its request_id.
        # One that found room keeps it: giving up would make room for the next one, and the queue would never be full.
        probe = client.reserve(house.request({"a": 1}, validate_only=True), 60)
        probes.append(asyncio.ensure_future(outcomes([probe])))
        answered, _ = await asyncio.wait(probes, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
        for _, (error,) in (probe.result() for probe in answered):
            assert isinstance(error, grpc.aio.AioRpcError)
            assert reason(error) == "OVERLOADED"
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert (retry_after_s(error) or 0) > 0
        return bool(answered)

    await until(is_refused)
    assert not first.done()
    await other.execute("ROLLBACK")
    await other.close()

    answers: list[BatchReserveResponse] = await asyncio.gather(*pending)
    assert (await first).reservation.reservation_id
    tried = await asyncio.gather(*probes)
    assert {reason(error) for _, errors in tried for error in errors} == {"OVERLOADED"}
    results = [result for answer in answers for result in answer.results]
    served = [result for result in results if result.HasField("response")]
    assert len(served) >= QUEUE_COMMANDS_MAX - sum(len(found_room) for found_room, _ in tried)
    assert all("queue" in result.error.message for result in results if result.HasField("error"))
    assert not (await until_answered(client, refused)).replayed
    stock = await house.sql.fetchval("SELECT count(*) FROM reservation")
    assert stock == len(served) + 2
    await house.prove()


@within(60)
async def test_a_paused_server_does_not_stop_the_other(house: House) -> None:
    """Paused with locks on stock and on the feed's head in its hands."""
    proxy: Proxy = await house.enter(Proxy(house.dsn))
    (paused, slow), (_, client) = await house.servers(proxy.dsn, None)
    await house.stock(client, {"a": 100})
    await slow.reserve(house.request({"a": 1}))
    trap = proxy.arm("UPDATE feed_head", Moment.AFTER, Fault.STALL)
    requests = [house.request({"a": 1}) for _ in range(5)]
    calls = asyncio.gather(*(slow.reserve(request, 30) for request in requests))
    await trap.hit.wait()
    paused.signal(signal.SIGSTOP)
    try:
        trap.release()
        answer = await client.reserve(house.request({"a": 1}), 10)
        assert answer.reservation.reservation_id
        assert await house.effects(requests) == {request.request_id: [] for request in requests}
        for _ in range(20):
            await client.reserve(house.request({"a": 1}))
    finally:
        paused.signal(signal.SIGCONT)
    answers = await calls
    effects = await house.effects(requests)
    for request, found in zip(requests, answers, strict=True):
        assert effects[request.request_id] == [found.reservation.reservation_id]
    assert await house.available("a") == 100 - 1 - 1 - 20 - 5
    assert [line for line in paused.said if "tried again" in line]
    await house.prove()
