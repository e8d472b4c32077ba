"""Connections and streams end by age, and nothing is lost by it."""

import asyncio
from datetime import timedelta

import pytest

from inventory.rpc import streams, transport
from inventory_client import Bookmark, Changes, Connection, ConnectionState
from tests.client.conftest import House, stocked
from tests.rpc.client import PATIENCE_S

STREAMS_ENDED_MIN = 4
HEARTBEAT = timedelta(seconds=1)


@pytest.mark.parametrize("ended_by", ["the stream's age", "the connection's grace"])
async def test_a_watch_goes_on_over_many_connections_without_loss(
    ended_by: str, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_stream = ended_by == "the stream's age"
    monkeypatch.setattr(streams, "STREAM_AGE_MAX_S", 0.4 if by_stream else 60.0)
    monkeypatch.setattr(transport, "CONNECTION_AGE_MAX_MS", 300)
    monkeypatch.setattr(transport, "CONNECTION_GRACE_MS", 5_000 if by_stream else 100)
    await house.replica()
    client = await house.client()
    sku, location = await stocked(client, 1_000)
    lost: list[str] = []
    seen: list[int] = []

    def on_connection(connection: Connection) -> None:
        if connection.state is ConnectionState.LOST:
            lost.append(connection.why)

    async def write() -> int:
        revision = 0
        while len(lost) < STREAMS_ENDED_MIN:
            answer = await client.adjust_stock(sku, location, 1, "restock")
            revision = answer.revision
            await asyncio.sleep(0.005)
        return revision

    async with (
        asyncio.timeout(2 * PATIENCE_S),
        client.watch(start="now", heartbeat=HEARTBEAT, on_connection=on_connection) as watch,
    ):
        first = await anext(watch)
        writing = asyncio.create_task(write())
        async for event in watch:
            if isinstance(event, Changes):
                seen += [change.revision for change in event.changes]
            if writing.done() and seen and seen[-1] >= writing.result():
                break
    assert isinstance(first, Bookmark)
    begun = first.cursor.revision
    assert seen == list(range(begun + 1, writing.result() + 1))
    assert by_stream == all("STREAM_OLD" in why for why in lost), lost
