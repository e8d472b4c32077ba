"""Answers get lost, and connections die without a word: the client finds out, and nothing happens twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from inventory.v1.catalog_service_pb2 import Sku
from inventory_client import (
    Changes,
    ConnectionState,
    Event,
    InventoryClient,
    OutcomeUnknown,
    Restarted,
    RestartReason,
    SnapshotComplete,
)
from tests.client.conftest import House, stocked
from tests.client.test_watch import reaches, revisions, take
from tests.client.wire import Wire
from tests.rpc.client import eventually


@pytest.fixture
async def wire(house: House) -> AsyncIterator[Wire]:
    replica = await house.replica()
    async with Wire(replica.address) as opened:
        yield opened


@pytest.fixture
async def near(house: House, wire: Wire) -> InventoryClient:
    """A client without the wire."""
    return await house.client()


async def allocated(client: InventoryClient, sku: str, place: str) -> int:
    return (await client.get_stock(sku, place)).quantities.allocated


async def test_a_write_whose_answer_got_lost_is_sent_again_under_its_id(wire: Wire, near: InventoryClient) -> None:
    sku, place = await stocked(near, 10)
    async with InventoryClient(wire.address, "shop") as far:
        await far.get_stock(sku, place)
        wire.mute = True
        waiting = asyncio.create_task(far.reserve([(sku, place, 3)]))

        async def has_happened() -> bool:
            return await allocated(near, sku, place) == 3

        await eventually(has_happened, "the reservation was made")
        assert wire.swallowed_bytes
        wire.mute = False
        wire.cut()
        answer = await waiting
    assert answer.replayed
    assert await allocated(near, sku, place) == 3


async def test_when_the_answer_stays_away_the_outcome_is_unknown_until_it_is_asked_again(
    wire: Wire, near: InventoryClient
) -> None:
    sku, place = await stocked(near, 10)
    async with InventoryClient(wire.address, "shop") as far:
        await far.get_stock(sku, place)
        wire.mute = True
        with pytest.raises(OutcomeUnknown) as unknown:
            await far.reserve([(sku, place, 3)], timeout_s=0.5)
        wire.mute = False
        wire.cut()
        again = await far.reserve([(sku, place, 3)], request_id=unknown.value.request_id)
    assert again.replayed
    assert await allocated(near, sku, place) == 3


async def test_a_server_that_falls_silent_is_left_for_another(house: House, wire: Wire, near: InventoryClient) -> None:
    other = await house.replica()
    sku, place = await stocked(near, 10)
    wire.mute = True
    for _ in range(6):  # each begins with a random one
        async with InventoryClient([wire.address, other.address], "shop", timeout_s=6) as client:
            await client.reserve([(sku, place, 1)])
    assert await allocated(near, sku, place) == 6


async def test_a_connection_that_falls_silent_is_left_for_another(
    house: House, wire: Wire, near: InventoryClient
) -> None:
    sku, place = await stocked(near, 10)
    async with (
        Wire((await house.replica()).address) as other,
        InventoryClient([wire.address, other.address], "shop", timeout_s=6) as client,
    ):
        first = await client.reserve([(sku, place, 1)])
        used = wire if wire.returned_bytes else other
        used.mute = True
        second = await client.reserve([(sku, place, 1)])
        assert second.revision > first.revision
        assert second.replayed, "the silent server has made it"
    assert await allocated(near, sku, place) == 2


async def test_a_watch_notices_that_its_connection_is_dead(wire: Wire, near: InventoryClient) -> None:
    sku, place = await stocked(near, 10)
    async with (
        InventoryClient(wire.address, "shop") as far,
        far.watch("now", heartbeat=timedelta(seconds=1)) as watch,
    ):
        await take(watch, reaches(0))
        wire.mute = True
        made = [(await near.reserve([(sku, place, 1)])).revision for _ in range(3)]
        waiting = asyncio.create_task(take(watch, lambda event: isinstance(event, Changes)))

        async def is_lost() -> bool:
            return watch.connection.state is ConnectionState.LOST

        await eventually(is_lost, "three heartbeats are missing")
        assert "nothing was heard" in watch.connection.why
        wire.mute = False
        wire.cut()
        assert revisions(await waiting) == made


async def test_a_snapshot_that_breaks_starts_over(wire: Wire, near: InventoryClient) -> None:
    place = (await stocked(near, 1))[1]
    codes = [f"sku-{number}" for number in range(20_000)]
    for start in range(0, len(codes), 10_000):
        part = codes[start : start + 10_000]
        await near.import_catalog(skus=[Sku(sku=code) for code in part])
        await near.batch_adjust_stock([(code, place, 1) for code in part], "opening")
    async with InventoryClient(wire.address, "shop") as far, far.watch() as watch:
        first = await anext(watch)
        assert isinstance(first, Restarted)
        wire.cut()
        events: list[Event] = await take(watch, lambda event: isinstance(event, SnapshotComplete))
    restarts = [event.reason for event in events if isinstance(event, Restarted)]
    assert restarts == [RestartReason.SNAPSHOT_BROKEN]
    begun = max(number for number, event in enumerate(events) if isinstance(event, Restarted))
    levels = [level.sku for event in events[begun:] for level in getattr(event, "levels", ())]
    assert sorted(levels) == sorted([*codes, *set(levels) - set(codes)])
    assert len(levels) == len(codes) + 1
