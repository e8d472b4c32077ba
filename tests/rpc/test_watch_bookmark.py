"""RequestBookmark: a stream says how far it is when it is asked, on whichever server it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from inventory.v1 import watch_service_pb2 as pb2
from tests.rpc.client import PATIENCE_S, Client, Metadata, eventually, new_id, refusal, seconds, unique
from tests.rpc.follower import NOW, Follower, following, shop, trade

SILENT = seconds(3600)
"""A heartbeat so rare that a bookmark comes only when it is asked for."""


@asynccontextmanager
async def silent(client: Client, metadata: Metadata | None = None, **request: Any) -> AsyncIterator[Follower]:
    """Follows what never matches."""
    async with following(
        client, metadata=metadata, now=NOW, skus=[unique("nobody")], heartbeat=SILENT, **request
    ) as follower:
        await follower.begun()
        yield follower


async def ask(client: Client, stream_id: str, metadata: Metadata | None = None) -> int:
    answer = await client.watch.RequestBookmark(pb2.RequestBookmarkRequest(stream_id=stream_id), metadata=metadata)
    assert answer.head.epoch
    return answer.head.revision


async def listening(db: asyncpg.Connection, servers: int) -> None:
    """Waits until the bells of so many servers hang: a server listens from its first follower on."""

    async def hang() -> bool:
        found = await db.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        return bool(found >= servers)

    await eventually(hang, f"{servers} listen")


@pytest.mark.parametrize("mode", [pb2.WATCH_MODE_EVERY_CHANGE, pb2.WATCH_MODE_LATEST])
async def test_a_stream_that_has_nothing_to_say_speaks_when_it_is_asked(
    client: Client, twin_client: Client, mode: pb2.WatchMode
) -> None:
    skus, places = await shop(client)
    stream_id = new_id()
    async with silent(client, stream_id=stream_id, mode=mode) as follower:
        for trader in (client, twin_client, client):
            last = await trade(trader, skus, places)
            head = await ask(client, stream_id)
            assert head >= last
            await follower.up_to(head)
    assert len(follower.messages) == 4, "and only then"


async def test_asked_twice_with_nothing_new_it_speaks_twice(client: Client) -> None:
    stream_id = new_id()
    async with silent(client, stream_id=stream_id) as follower:
        for _ in range(2):
            head = await ask(client, stream_id)
            assert (await follower.read()).bookmark.revision >= head


async def test_another_server_may_be_asked(client: Client, twin_client: Client, db: asyncpg.Connection) -> None:
    skus, places = await shop(client)
    stream_id = new_id()
    async with silent(client, stream_id=stream_id) as follower, silent(twin_client):
        await listening(db, 2)
        for trader in (client, twin_client):
            head = await trade(trader, skus, places)
            assert await ask(twin_client, stream_id) >= head
            await follower.up_to(head)


async def test_a_bookmark_asked_for_comes_after_what_matches_before_it(client: Client) -> None:
    skus, places = await shop(client)
    stream_id = new_id()
    async with following(client, now=NOW, skus=skus, stream_id=stream_id, heartbeat=SILENT) as follower:
        await follower.begun()
        last = 0
        for _ in range(5):
            last = await trade(client, skus, places)
        others, elsewhere = await shop(client)
        assert await trade(client, others, elsewhere) > last
        head = await ask(client, stream_id)
        await follower.up_to(head)
    assert [row.revision for row in follower.rows][-1] == last
    assert len(follower.rows) == 5 * 9


async def test_a_stream_nobody_has_is_no_error(client: Client, twin_client: Client) -> None:
    for somewhere in (client, twin_client):
        assert await ask(somewhere, new_id()) >= 0


async def test_another_channel_can_not_ask(client: Client, twin_client: Client, db: asyncpg.Connection) -> None:
    mine, other = ((("inventory-channel", unique(word)[:32]),) for word in ("mine", "other"))
    stream_id = new_id()
    async with silent(client, mine, stream_id=stream_id) as follower, silent(twin_client):
        await listening(db, 2)
        await ask(client, stream_id, other)
        await ask(twin_client, stream_id, other)
        await ask(client, stream_id)
        last = await trade(client, *await shop(client))
        await ask(client, stream_id, mine)
        assert (await follower.read()).bookmark.revision >= last, "its own channel's call is the first it hears of"


async def test_two_channels_may_have_chosen_the_same_id(client: Client) -> None:
    stream_id = new_id()
    crowd = [(("inventory-channel", unique("crowd")[:32]),) for _ in range(2)]
    async with (
        silent(client, crowd[0], stream_id=stream_id) as one,
        silent(client, crowd[1], stream_id=stream_id) as two,
    ):
        for metadata, follower in zip(crowd, (one, two), strict=True):
            last = await trade(client, *await shop(client))
            await ask(client, stream_id, metadata)
            assert (await follower.read()).bookmark.revision >= last


async def test_a_stream_that_has_ended_is_forgotten_and_its_id_may_be_used_again(client: Client) -> None:
    stream_id = new_id()
    for _ in range(3):
        async with silent(client, stream_id=stream_id) as follower:
            head = await ask(client, stream_id)
            assert (await follower.read()).bookmark.revision >= head


async def test_while_changes_pour_in_an_asked_stream_still_speaks(client: Client) -> None:
    skus, places = await shop(client)
    stream_id = new_id()
    pouring = asyncio.Event()

    async def pour() -> None:
        while not pouring.is_set():
            await trade(client, skus, places)

    async with silent(client, stream_id=stream_id) as follower, asyncio.timeout(PATIENCE_S):
        pourer = asyncio.ensure_future(pour())
        for _ in range(5):
            await follower.up_to(await ask(client, stream_id))
        pouring.set()
        await pourer


@pytest.mark.parametrize("stream_id", ["", "no-uuid", "{00000000-0000-4000-8000-000000000000}", "０" * 36])
async def test_an_id_that_is_none_is_refused(client: Client, stream_id: str) -> None:
    refused = await refusal(client.watch.RequestBookmark(pb2.RequestBookmarkRequest(stream_id=stream_id)))
    assert refused.what == ("INVALID_ARGUMENT", "STREAM_ID_FORMAT")
    assert refused.fields == ["stream_id"]


async def test_nonsense_on_the_bells_channel_disturbs_nobody(client: Client, db: asyncpg.Connection) -> None:
    failed: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failed.append(context))
    stream_id = new_id()
    try:
        async with silent(client, stream_id=stream_id) as follower:
            for text in ("bookmark x y z", f"bookmark 1 {stream_id} x", "bookmark 1 2 3", "9" * 5_000, "", "no"):
                await db.execute("SELECT pg_notify('inventory_feed', $1)", text)
            head = await ask(client, stream_id)
            assert (await follower.read()).bookmark.revision >= head
            await db.execute("SELECT pg_notify('inventory_feed', '1')")
            await trade(client, *await shop(client))
    finally:
        loop.set_exception_handler(None)
    assert not failed


async def test_a_bookmark_of_the_far_future_keeps_no_other_back(
    client: Client, twin_client: Client, db: asyncpg.Connection
) -> None:
    stream_id = new_id()
    async with silent(client, stream_id=stream_id) as follower, silent(twin_client):
        await listening(db, 2)
        channel_id = await db.fetchval("SELECT channel_id FROM channel WHERE code = 'default'")
        for somewhere in (client, twin_client):
            last = await trade(client, *await shop(client))
            forged = f"bookmark {channel_id} {stream_id} {2**62}"
            await db.execute("SELECT pg_notify('inventory_feed', $1)", forged)
            assert (await follower.read()).bookmark.revision >= last, "it is told how far the feed is"
            assert await ask(somewhere, stream_id) >= last
            assert (await follower.read()).bookmark.revision >= last
            last = await trade(twin_client, *await shop(client))
            await follower.up_to(await ask(somewhere, stream_id))
