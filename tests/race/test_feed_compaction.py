"""The oldest cursor moves on while the feed is written to, resumed and registered with: at the boundary a follower is
refused or gets everything, and nobody who is registered is passed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import grpc
from google.protobuf.duration_pb2 import Duration

from inventory.postgres.connection import Database
from inventory.postgres.subscribers import Window, compact
from inventory.v1 import subscriber_service_pb2 as subscriber_pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from inventory.v1.core_pb2 import Cursor
from tests.race.follower import ALL_KINDS, Follower, head, whole_ledger
from tests.race.house import SHOP, Client, House, error_info, reason, until, within
from tests.race.load import open_shops, writing
from tests.race.processes import Process
from tests.race.proxy import Fault, Moment, Proxy

SKUS = [f"sku-{n:02}" for n in range(30)]
SHOPS = [SHOP, "station"]
COMPACTED = "SELECT compacted FROM feed_head"


async def oldest(sql: asyncpg.Connection) -> int:
    return int(await sql.fetchval(COMPACTED))


async def resume(client: Client, cursor: int, revision: int) -> Follower | int:
    """Follows from a cursor up to a revision; or, refused as compacted, the oldest cursor that isn't."""
    follower = Follower(cursor, kinds=ALL_KINDS)
    try:
        await follower.up_to(client, revision)
    except grpc.aio.AioRpcError as error:
        if follower.messages or error.code() is not grpc.StatusCode.OUT_OF_RANGE or reason(error) != "COMPACTED":
            raise
        return int(error_info(error).metadata["oldest"])
    return follower


@asynccontextmanager
async def compacting(house: House) -> AsyncIterator[list[Window]]:
    """Moves the oldest cursor on, close behind the head, without a pause. Gives what became of each."""
    over = asyncio.Event()
    windows: list[Window] = []

    async def work() -> None:
        while not over.is_set():
            windows.append(await compact(Database(house.dsn), None, house.random.randint(10, 60)))

    async with asyncio.TaskGroup() as group:
        group.create_task(work())
        try:
            yield windows
        finally:
            over.set()


@within(60)
async def test_at_the_boundary_a_cursor_is_refused_or_resumed_without_a_gap(house: House) -> None:
    times = 60
    clients = [client for _, client in await house.servers(None, None)]
    await open_shops(house, clients[0], SKUS, SHOPS)
    refused: list[int] = []
    resumed: list[tuple[int, Follower]] = []
    async with writing(house, clients, SKUS, SHOPS) as load:
        await load.more(100)
        async with compacting(house) as windows:
            for turn in range(times):
                before, now = await oldest(house.sql), await head(house.sql)
                cursor = min(max(before + house.random.choice((-1, 0, 0, 1, house.random.randint(0, 30))), 0), now)
                found = await resume(clients[turn % 2], cursor, now)
                after = await oldest(house.sql)
                if isinstance(found, int):
                    assert cursor < found
                    assert before <= found <= after
                    refused.append(cursor)
                else:
                    assert cursor >= before
                    resumed.append((cursor, found))
    # Now that it stands still, at the very boundary.
    boundary, last = await oldest(house.sql), await head(house.sql)
    for client in clients:
        assert await resume(client, boundary - 1, last) == boundary
        at_boundary = await resume(client, boundary, last)
        assert isinstance(at_boundary, Follower)
        resumed.append((boundary, at_boundary))
    expected = await whole_ledger(house.sql, 0, last)
    for cursor, follower in resumed:
        assert follower.rows() == [row for row in expected if cursor < int(str(row[1])) <= follower.at]
    assert len({window.after for window in windows}) > 10, "it moved"
    assert len(refused) > 3
    assert len(resumed) > 3
    await house.prove()


@within(60)
async def test_compaction_never_passes_a_subscriber_within_its_deadline(house: House) -> None:
    """Whoever registers or acknowledges meanwhile can resume there, on either replica."""
    turns = 20
    clients = [client for _, client in await house.servers(None, None)]
    await open_shops(house, clients[0], SKUS, SHOPS)
    resumed: list[tuple[int, Follower]] = []
    too_late = 0
    async with writing(house, clients, SKUS, SHOPS) as load:
        await load.more(50)
        acknowledged = await register(clients[0], "books")
        assert acknowledged is not None
        async with compacting(house) as windows:
            for turn in range(turns):
                here, there = clients[turn % 2], clients[(turn + 1) % 2]
                books = await resume(here, acknowledged, await head(house.sql))
                assert isinstance(books, Follower), "it was passed"
                resumed.append((acknowledged, books))
                # Another one registers at the boundary, or is told that it comes too late.
                cursor = max(await oldest(house.sql) + house.random.choice((-1, 0, 1)), 0)
                await acknowledge(there, "books", books.at)  # lets the boundary go
                acknowledged = books.at
                name = f"visitor-{turn}"
                if await register(here, name, after=cursor) is None:
                    too_late += 1
                    continue
                visitor = await resume(there, cursor, await head(house.sql))
                assert isinstance(visitor, Follower), "it was passed"
                resumed.append((cursor, visitor))
                await here.subscribers.RemoveSubscriber(subscriber_pb2.RemoveSubscriberRequest(name=name))
        assert max(window.after for window in windows) <= acknowledged
        assert len({window.after for window in windows}) > 10, "it moved"
        assert any(window.wanted > window.after for window in windows), "it was held back"
    assert 0 < too_late < turns
    expected = await whole_ledger(house.sql, 0, await head(house.sql))
    for cursor, follower in resumed:
        assert follower.rows() == [row for row in expected if cursor < int(str(row[1])) <= follower.at]
    await house.prove()


@within(60)
async def test_who_registers_while_the_feed_is_compacted_is_refused_or_waited_for(house: House) -> None:
    """The compaction is caught before its COMMIT; who registers meanwhile learns what comes of it."""
    proxy: Proxy = await house.enter(Proxy(house.dsn))
    _, client = await house.server()
    await open_shops(house, client, SKUS, SHOPS)
    trap = proxy.arm("COMMIT", Moment.BEFORE, Fault.STALL)
    under_way = asyncio.create_task(compact(Database(proxy.dsn), None, 0))
    await trap.hit.wait()
    too_late = asyncio.create_task(register(client, "too-late", after=await head(house.sql) - 1))
    in_time = asyncio.create_task(register(client, "in-time"))
    await until(house.two_wait_for_a_lock)
    trap.release()
    window = await under_way
    assert window.before < window.after
    assert await too_late is None
    assert await in_time == window.after
    await house.prove()


@within(60)
async def test_who_is_silent_for_too_long_is_passed_and_the_others_are_told(house: House) -> None:
    _, client = await house.server()
    await open_shops(house, client, SKUS, SHOPS)
    start = await register(client, "books")
    assert start == await register(client, "gone", deadline_s=1)
    await asyncio.gather(*(client.reserve(house.request({SKUS[0]: 1})) for _ in range(5)))
    assert "held back" in await compacted(house)
    assert await oldest(house.sql) == start
    books = Follower(start, kinds=[watch_pb2.CHANGE_KIND_SUBSCRIBER])
    await books.follow(client, lambda: bool(books.changes))
    [lost] = books.changes[0].subscribers
    assert (lost.name, lost.state) == ("gone", subscriber_pb2.SUBSCRIBER_STATE_LOST)
    last = await acknowledge(client, "books", books.at)
    assert "held back" not in await compacted(house)
    assert await oldest(house.sql) == last == await head(house.sql)
    assert await resume(client, start, last) == last
    await house.prove()


async def compacted(house: House) -> str:
    """What `inventory compact` says, asked to keep nothing."""
    command = await Process.run("-m", "inventory", "compact", "--dsn", house.dsn, "--keep-changes", "0")
    house.keep(command)
    return await command.output()


async def register(client: Client, name: str, *, after: int | None = None, deadline_s: int = 3600) -> int | None:
    """The revision where it begins; None: refused as compacted."""
    request = subscriber_pb2.RegisterSubscriberRequest(name=name, deadline=Duration(seconds=deadline_s))
    if after is not None:
        request.after.revision = after
    try:
        answer = await client.subscribers.RegisterSubscriber(request, timeout=30)
    except grpc.aio.AioRpcError as error:
        if reason(error) != "COMPACTED":
            raise
        return None
    return answer.subscriber.acknowledged.revision


async def acknowledge(client: Client, name: str, revision: int) -> int:
    """How far it has come."""
    request = subscriber_pb2.AcknowledgeRequest(name=name, cursor=Cursor(revision=revision))
    answer = await client.subscribers.Acknowledge(request, timeout=30)
    return answer.subscriber.acknowledged.revision
