"""The watch: every change once and whole, whatever happens to servers and connections on the way."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from itertools import groupby
from pathlib import Path

import pytest

from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as pb2
from inventory.v1.catalog_service_pb2 import Sku
from inventory_client import (
    Bookmark,
    Changes,
    Connection,
    ConnectionState,
    Cursor,
    CursorFileCorrupt,
    Event,
    FileCursorStore,
    InvalidRequest,
    InventoryClient,
    Latest,
    MemoryCursorStore,
    NotFound,
    Restarted,
    RestartReason,
    SnapshotComplete,
    SnapshotPiece,
    Watch,
    WatchMode,
)
from tests.client.conftest import House, stocked
from tests.rpc.client import PATIENCE_S, eventually, unique

HEARTBEAT = timedelta(seconds=1)


async def take(watch: Watch, until: Callable[[Event], bool]) -> list[Event]:
    """Events up to and with the first for which it is true."""
    taken: list[Event] = []
    async with asyncio.timeout(PATIENCE_S):
        async for event in watch:
            taken.append(event)
            if until(event):
                return taken
    raise AssertionError("the watch ended")


def reaches(revision: int) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, Changes | Bookmark | SnapshotComplete) and event.cursor.revision >= revision


def revisions(events: list[Event]) -> list[int]:
    return [change.revision for event in events if isinstance(event, Changes) for change in event.changes]


@pytest.fixture
async def client(house: House) -> InventoryClient:
    await house.replica()
    return await house.client()


async def test_a_snapshot_comes_first_and_then_every_change(client: InventoryClient) -> None:
    sku, place = await stocked(client, 10)
    async with client.watch(heartbeat=HEARTBEAT) as watch:
        events = await take(watch, lambda event: isinstance(event, SnapshotComplete))
        first, *pieces, complete = events
        assert first == Restarted(RestartReason.FIRST_SNAPSHOT, complete.revision)  # type: ignore[union-attr]
        levels = [level for piece in pieces if isinstance(piece, SnapshotPiece) for level in piece.levels]
        assert [(level.sku, level.quantities.on_hand) for level in levels] == [(sku, 10)]
        assert isinstance(complete, SnapshotComplete)
        made = await client.reserve([(sku, place, 1)])
        assert revisions(await take(watch, reaches(made.revision))) == [made.revision]
        assert watch.connection.state is ConnectionState.LIVE
        assert watch.cursor == Cursor(complete.cursor.epoch, made.revision)


async def test_it_goes_on_where_it_was_when_its_server_is_stopped_and_started(house: House) -> None:
    replica = await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 100)
    said: list[Connection] = []
    async with client.watch("now", on_connection=said.append, heartbeat=HEARTBEAT) as watch:
        begun = (await take(watch, reaches(0)))[-1]
        assert isinstance(begun, Bookmark)
        made = [(await client.reserve([(sku, place, 1)])).revision for _ in range(3)]
        told = revisions(await take(watch, reaches(made[-1])))
        await replica.stop()
        waiting = asyncio.create_task(take(watch, lambda event: isinstance(event, Changes)))

        async def is_lost() -> bool:
            return watch.connection.state is ConnectionState.LOST

        await eventually(is_lost, "the loss is told")
        await replica.start()
        more = [(await client.reserve([(sku, place, 1)])).revision for _ in range(3)]
        told += revisions(await waiting)
        if told[-1] < more[-1]:
            told += revisions(await take(watch, reaches(more[-1])))
        assert told == made + more
    # A loss is told again when its cause is another one.
    states = [state for state, _ in groupby(connection.state for connection in said)]
    assert states[:3] == [ConnectionState.LIVE, ConnectionState.LOST, ConnectionState.LIVE]
    assert states[-1] is ConnectionState.CLOSED
    assert all(replica.address == connection.endpoint for connection in said)


async def test_it_moves_to_another_server_without_gap_or_duplicate(house: House) -> None:
    replicas = [await house.replica(), await house.replica()]
    client, writer = await house.client(), await house.client()
    sku, place = await stocked(writer, 1_000)
    enough = asyncio.Event()
    async with client.watch("now", heartbeat=HEARTBEAT) as watch:
        start = (await take(watch, reaches(0)))[-1]
        assert isinstance(start, Bookmark)

        async def write() -> int:
            for _ in range(80):
                await writer.reserve([(sku, place, 1)])
            enough.set()
            return max([(await writer.reserve([(sku, place, 1)])).revision for _ in range(120)])

        async def stop() -> None:
            await enough.wait()
            (theirs,) = [replica for replica in replicas if replica.address == watch.connection.endpoint]
            await theirs.stop()

        writing, stopping = asyncio.create_task(write()), asyncio.create_task(stop())
        told: list[int] = []
        while not (writing.done() and told and told[-1] >= writing.result()):
            told += revisions(await take(watch, lambda event: isinstance(event, Changes | Bookmark)))
        await stopping
    assert told == list(range(start.cursor.revision + 1, writing.result() + 1))


async def test_a_wait_that_is_cancelled_loses_nothing(client: InventoryClient) -> None:
    sku, place = await stocked(client, 10)
    async with client.watch("now", heartbeat=timedelta(minutes=1)) as watch:
        await take(watch, reaches(0))
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(watch), 0.01)
        made = await client.reserve([(sku, place, 1)])
        assert revisions(await take(watch, reaches(made.revision))) == [made.revision]
        assert watch.connection.state is ConnectionState.LIVE


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE feed_head SET compacted = revision", RestartReason.COMPACTED),
        ("UPDATE feed_head SET epoch = gen_random_uuid()", RestartReason.EPOCH_CHANGED),
    ],
)
async def test_a_cursor_that_is_lost_leads_to_a_new_snapshot(
    house: House, statement: str, reason: RestartReason
) -> None:
    replica = await house.replica()
    client = await house.client()
    sql = await house.sql()
    sku, place = await stocked(client, 10)
    store = MemoryCursorStore()
    async with client.watch(store=store, heartbeat=HEARTBEAT) as watch:
        await take(watch, reaches(0))
        await take(watch, lambda event: isinstance(event, Bookmark))
    await client.reserve([(sku, place, 1)])
    await replica.stop()
    await sql.execute(statement)
    await replica.start()
    assert store.cursor is not None
    async with client.watch(store=store, heartbeat=HEARTBEAT) as watch:
        events = await take(watch, lambda event: isinstance(event, Bookmark))
    assert isinstance(events[0], Restarted)
    assert events[0].reason is reason
    levels = [level for piece in events if isinstance(piece, SnapshotPiece) for level in piece.levels]
    assert [level.quantities.available for level in levels] == [9]


async def test_a_cursor_of_the_future_leads_to_a_new_snapshot(client: InventoryClient) -> None:
    await stocked(client, 10)
    async with client.watch(Cursor("", 1_000_000), heartbeat=HEARTBEAT) as watch:
        events = await take(watch, lambda event: isinstance(event, SnapshotComplete))
    assert isinstance(events[0], Restarted)
    assert events[0].reason is RestartReason.REVISION_IN_FUTURE


async def test_only_what_was_processed_is_saved(client: InventoryClient, tmp_path: Path) -> None:
    sku, place = await stocked(client, 10)
    store = FileCursorStore(tmp_path / "cursor")
    assert store.load() is None
    async with client.watch("now", store=store, heartbeat=timedelta(minutes=1)) as watch:
        begun = (await take(watch, reaches(0)))[-1]
        made = await client.reserve([(sku, place, 1)])
        (event,) = await take(watch, reaches(made.revision))
        assert isinstance(event, Changes)
        assert isinstance(begun, Bookmark)
        assert store.load() == begun.cursor, "the last event is not processed yet"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(watch), 0.2)
        assert store.load() == event.cursor
    more = await client.reserve([(sku, place, 1)])
    async with client.watch("now", store=store) as watch:
        assert revisions(await take(watch, reaches(more.revision))) == [more.revision]


async def test_a_corrupt_cursor_file_ends_the_watch_instead_of_starting_anew(
    client: InventoryClient, tmp_path: Path
) -> None:
    path = tmp_path / "cursor"
    path.write_text("")
    with pytest.raises(CursorFileCorrupt):
        await anext(client.watch(store=FileCursorStore(path)))


async def test_errors_that_no_retry_can_mend_end_it(client: InventoryClient) -> None:
    with pytest.raises(NotFound):
        await anext(client.watch("acknowledged", subscriber="nobody"))
    watch = client.watch(skus=["x" * 65])
    with pytest.raises(InvalidRequest):
        await anext(watch)
    assert [event async for event in watch] == []


async def test_the_newest_rows_come_with_the_least_available_first(client: InventoryClient) -> None:
    place = (await stocked(client, 10))[1]
    skus = [(await stocked(client, 100 * number, place))[0] for number in (3, 1, 2)]
    async with client.watch("now", mode=WatchMode.LATEST, heartbeat=timedelta(minutes=1)) as watch:
        await take(watch, reaches(0))
        made = await client.reserve([(sku, place, 1) for sku in skus])
        (event,) = await take(watch, lambda event: isinstance(event, Latest))
    assert isinstance(event, Latest)
    assert [row.after.available for row in event.movements] == [99, 199, 299]
    assert event.cursor.revision == made.revision


async def test_a_large_command_comes_as_one_change(client: InventoryClient) -> None:
    place = (await stocked(client, 1))[1]
    codes = [unique("sku") for _ in range(5_000)]
    await client.import_catalog(skus=[Sku(sku=code) for code in codes])
    async with client.watch("now", heartbeat=timedelta(minutes=1)) as watch:
        await take(watch, reaches(0))
        made = await client.batch_adjust_stock([(code, place, 1) for code in codes], "x" * 500)
        (event,) = await take(watch, reaches(made.revision))
    assert isinstance(event, Changes)
    (change,) = event.changes
    assert change.ByteSize() > 1024 * 1024
    assert not change.fragment
    assert sorted(row.sku for row in change.movements) == sorted(codes)
    assert [row.ordinal for row in change.movements] == list(range(5_000))


async def acknowledged(client: InventoryClient, name: str) -> int:
    (found,) = [each for each in (await client.list_subscribers()).subscribers if each.name == name]
    return found.acknowledged.revision


async def test_a_subscriber_is_acknowledged_for_and_goes_on_there(client: InventoryClient) -> None:
    sku, place = await stocked(client, 10)
    await client.register_subscriber("erp", deadline=timedelta(days=1))
    made = await client.reserve([(sku, place, 1)])
    async with client.watch("acknowledged", subscriber="erp", heartbeat=HEARTBEAT) as watch:
        assert revisions(await take(watch, reaches(made.revision))) == [made.revision]
        assert await acknowledged(client, "erp") < made.revision, "the last event is not processed yet"
        await take(watch, lambda event: isinstance(event, Bookmark))

        async def is_told() -> bool:
            return await acknowledged(client, "erp") == made.revision

        await eventually(is_told, "what was processed is acknowledged")
    more = await client.reserve([(sku, place, 1)])
    async with client.watch("acknowledged", subscriber="erp") as watch:
        assert revisions(await take(watch, reaches(more.revision))) == [more.revision]
    assert await client.remove_subscriber("erp")


async def test_what_could_not_be_saved_is_not_acknowledged(client: InventoryClient) -> None:
    class FullDisk(MemoryCursorStore):
        def save(self, cursor: Cursor) -> None:
            if cursor.revision > begun.acknowledged.revision:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sku, place = await stocked(client, 10)
    begun = await client.register_subscriber("erp")
    await client.reserve([(sku, place, 1)])
    async with client.watch("acknowledged", subscriber="erp", store=FullDisk(), heartbeat=HEARTBEAT) as watch:
        with pytest.raises(OSError, match="No space"):
            await take(watch, lambda _: False)
    assert await acknowledged(client, "erp") == begun.acknowledged.revision


async def test_a_bookmark_can_be_asked_for(client: InventoryClient) -> None:
    sku, place = await stocked(client, 10)
    async with client.watch("now", skus=["none"], heartbeat=timedelta(minutes=10)) as watch:
        await take(watch, reaches(0))
        made = await client.reserve([(sku, place, 1)])
        head = await client.request_bookmark(watch.stream_id)
        assert head.revision == made.revision
        assert await take(watch, reaches(made.revision)) == [Bookmark(head)]


async def test_filters_and_kinds_are_the_servers(client: InventoryClient) -> None:
    sku, place = await stocked(client, 10)
    other, _ = await stocked(client, 10, place)
    kinds = [pb2.CHANGE_KIND_STOCK, pb2.CHANGE_KIND_SKU]
    async with client.watch(
        "now", skus=[sku], kinds=kinds, movement_kinds=[core_pb2.MOVEMENT_KIND_ALLOCATION]
    ) as watch:
        await take(watch, reaches(0))
        await client.reserve([(other, place, 1)])
        await client.adjust_stock(sku, place, 1, "found")
        wanted = [(await client.reserve([(sku, place, 1)])).revision]
        wanted.append((await client.update_sku(Sku(sku=sku, name="new"))).revision)
        events: list[Event] = []
        while len(revisions(events)) < 2:
            events += await take(watch, lambda event: isinstance(event, Changes))
    assert revisions(events) == wanted


async def test_closing_the_client_ends_its_watches(house: House) -> None:
    replica = await house.replica()
    async with InventoryClient(replica.address) as client:
        watch = client.watch("now")
        await take(watch, reaches(0))
        waiting = asyncio.create_task(_all(watch))
    assert all(isinstance(event, Bookmark) for event in await waiting)
    assert watch.connection.state is ConnectionState.CLOSED


async def _all(events: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in events]
