"""What is refused for the moment's sake: the same call may do later. Each answer says so, and what was not done."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from inventory.domain.access import STREAMS_MAX
from inventory.engine import lane
from inventory.rpc import method
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from tests.rpc.client import (
    Client,
    Server,
    eventually,
    of_error,
    of_row,
    refusal,
    reserve_request,
    unique,
)
from tests.rpc.conftest import serving

WATCH_NOW = watch_pb2.WatchRequest(now=Empty())


@asynccontextmanager
async def locked(server: Server, sku: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody else holds the levels of a SKU."""
    other = await server.connect()
    try:
        async with other.transaction():
            found = await other.fetch(
                "SELECT 1 FROM level WHERE sku_id = (SELECT sku_id FROM sku WHERE code = $1) FOR UPDATE", sku
            )
            assert found
            yield other
    finally:
        await other.close()


async def waits_for_a_lock(db: asyncpg.Connection) -> bool:
    return bool(
        await db.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'inventory' AND wait_event_type = 'Lock'"
        )
    )


async def test_a_channel_has_at_most_100_streams_open(server: Server, client: Client) -> None:
    crowd = (("inventory-channel", unique("crowd")[:32]),)
    calls = [client.watch.Watch(WATCH_NOW, metadata=crowd) for _ in range(STREAMS_MAX)]
    for call in calls:
        assert (await anext(aiter(call))).HasField("bookmark")
    refused = await refusal(anext(aiter(client.watch.Watch(WATCH_NOW, metadata=crowd))))
    assert refused.what == ("RESOURCE_EXHAUSTED", "STREAM_LIMIT")
    assert refused.retry

    elsewhere = client.watch.Watch(WATCH_NOW)
    assert (await anext(aiter(elsewhere))).HasField("bookmark"), "another channel has room"
    calls.append(elsewhere)

    calls.pop(0).cancel()

    async def room_again() -> bool:
        try:
            call = client.watch.Watch(WATCH_NOW, metadata=crowd)
            await anext(aiter(call))
        except grpc.aio.AioRpcError:
            return False
        calls.append(call)
        return True

    await eventually(room_again, "a stream that ended makes room")
    for call in calls:
        call.cancel()


async def test_a_full_queue_refuses_at_once(
    server: Server, client: Client, db: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku, location = await client.stocked(100)
    monkeypatch.setattr(lane, "QUEUE_COMMANDS_MAX", 3)
    async with locked(server, sku):
        first = asyncio.ensure_future(client.reserve((sku, location, 1)))
        await eventually(lambda: waits_for_a_lock(db), "the lane waits for the lock")
        calls = [asyncio.ensure_future(client.reserve((sku, location, 1))) for _ in range(10)]

        async def seven_are_refused() -> bool:
            return sum(call.done() for call in calls) == 7

        await eventually(seven_are_refused, "what finds the queue full is refused while the others wait")
    outcomes = await asyncio.gather(first, *calls, return_exceptions=True)
    errors = [of_error(outcome) for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    assert [(*error.what, error.retry) for error in errors] == [("RESOURCE_EXHAUSTED", "OVERLOADED", True)] * 7
    assert (await client.quantities(sku, location)).held == 4


async def test_locks_that_cannot_be_had_are_contention(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku, location = await client.stocked(5)
    monkeypatch.setattr(method, "DEADLINE_DEFAULT_S", 0.1)  # the caller's own would end the call before the answer
    request = reserve_request((sku, location, 1))
    async with locked(server, sku):
        found = await refusal(client.reservations.Reserve(request))
    assert found.what == ("UNAVAILABLE", "CONTENTION")
    assert found.retry
    assert (await client.quantities(sku, location)).held == 0
    assert not (await client.reservations.Reserve(request)).replayed, "the same call does later"


async def test_a_second_call_waits_for_the_first_and_gets_its_answer(
    server: Server, client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await client.stocked(5)
    request = reserve_request((sku, location, 1))
    async with locked(server, sku):
        first = asyncio.ensure_future(client.reservations.Reserve(request))
        await eventually(lambda: waits_for_a_lock(db), "the lane waits for the lock")
        second = asyncio.ensure_future(client.reservations.Reserve(request))
        other = reserve_request((sku, location, 2), request_id=request.request_id)
        rival = asyncio.ensure_future(client.reservations.Reserve(other))
        assert not first.done()
        assert not second.done()
    one, two = await first, await second
    assert (await refusal(rival)).what == ("ALREADY_EXISTS", "REQUEST_ID_REUSED"), "other content is refused"
    assert (one.replayed, two.replayed) == (False, True)
    assert one.reservation == two.reservation
    assert (await client.quantities(sku, location)).held == 1


async def test_at_its_deadline_the_second_call_is_told_that_the_first_still_runs(
    server: Server, client: Client, db: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku, location = await client.stocked(5)
    request = reserve_request((sku, location, 1))
    monkeypatch.setattr(method, "DEADLINE_DEFAULT_S", 0.1)
    async with locked(server, sku):
        first = asyncio.ensure_future(client.reservations.Reserve(request, timeout=20))
        await eventually(lambda: waits_for_a_lock(db), "the lane waits for the lock")
        found = await refusal(client.reservations.Reserve(request))
    assert found.what == ("ABORTED", "REQUEST_IN_PROGRESS")
    assert found.retry
    assert not (await first).replayed
    assert (await client.reservations.Reserve(request)).replayed


async def test_a_caller_who_has_gone_loses_the_answer_not_the_effect(
    server: Server, client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await client.stocked(5)
    request = reserve_request((sku, location, 1))
    async with locked(server, sku):
        first = client.reservations.Reserve(request)
        waiting = asyncio.ensure_future(first.code())
        await eventually(lambda: waits_for_a_lock(db), "the lane waits for the lock")
        first.cancel()
        assert await waiting == grpc.StatusCode.CANCELLED
    again = await client.reservations.Reserve(request)
    assert again.replayed
    assert (await client.quantities(sku, location)).held == 1


async def test_without_a_database_every_call_says_so_and_later_does(
    dsn: str, monkeypatch: pytest.MonkeyPatch, postgres: str
) -> None:
    async with serving(dsn) as server:
        client = Client(server.address)
        sku, location = await client.stocked(5)
        request = reserve_request((sku, location, 1))
        bulk_row = reserve_request((sku, location, 1))
        monkeypatch.setattr(method, "DEADLINE_DEFAULT_S", 0.3)
        elsewhere = await asyncpg.connect(postgres)
        try:
            name = await _cut_off(elsewhere, dsn)
            for call in (
                lambda: client.reservations.Reserve(request),
                lambda: client.adjust(sku, location, 1),
                client.sku,
                lambda: client.quantities(sku, location),
                lambda: client.movements(sku=sku),
                lambda: anext(aiter(client.watch.Watch(WATCH_NOW))),
            ):
                found = await refusal(call())
                assert found.what == ("UNAVAILABLE", "STORAGE_UNAVAILABLE"), found
                assert found.retry
            answer = await client.reservations.BatchReserve(reservation_pb2.BatchReserveRequest(requests=[bulk_row]))
            assert of_row(answer.results[0].error).what == ("UNAVAILABLE", "STORAGE_UNAVAILABLE")
            await elsewhere.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        finally:
            await elsewhere.close()

        async def again() -> bool:
            try:
                return not (await client.reservations.Reserve(request)).replayed
            except grpc.aio.AioRpcError:
                return False

        await eventually(again, "the server works again")
        assert (await client.quantities(sku, location)).held == 1
        await client.close()


async def _cut_off(elsewhere: asyncpg.Connection, dsn: str) -> str:
    """Lets nobody into the database any more, and those inside out."""
    name = urlsplit(dsn).path.removeprefix("/")
    await elsewhere.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    await elsewhere.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    return name
