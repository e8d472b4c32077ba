"""Channels through the client package: set, read, listed, followed; with and without a loop."""

from __future__ import annotations

import asyncio

import pytest

from inventory.v1.channel_service_pb2 import Channel, ChannelSku, ChannelView
from inventory.v1.watch_service_pb2 import CHANGE_KIND_CHANNEL
from inventory_client import Changes, Conflict, InvalidRequest, NotFound, SnapshotComplete, SnapshotPiece
from inventory_client.sync import SyncInventoryClient
from tests.client.conftest import CHANNEL, House, stocked
from tests.rpc.client import PATIENCE_S


async def test_a_channel_is_set_read_listed_and_followed(house: House) -> None:
    await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 10)
    wished = Channel(channel="amazon", locations=[place], view=ChannelView(buffer=0))
    made = await client.set_channel(wished)
    assert await client.get_channel("amazon") == made.channel
    assert (await client.get_channel()).channel == CHANNEL
    assert [channel.channel async for channel in client.list_channels()] == ["amazon", CHANNEL]
    async with asyncio.timeout(PATIENCE_S), client.watch(kinds=[CHANGE_KIND_CHANNEL]) as watch:
        told: list[Channel] = []
        revision = 0
        async for event in watch:
            match event:
                case SnapshotPiece(channels=channels):
                    told += channels
                case SnapshotComplete():
                    rows = [ChannelSku(sku=sku, view=ChannelView(cap=1))]
                    revision = (await client.set_channel_skus("amazon", rows)).revision
                case Changes(changes=[change]):
                    assert (change.revision, list(change.channels)) == (revision, [made.channel])
                    break
                case _:
                    pass
    assert told == [made.channel]
    assert [row.sku async for row in client.list_channel_skus("amazon")] == [sku]


async def test_what_a_channel_can_not_be_is_a_typed_refusal(house: House) -> None:
    await house.replica()
    client = await house.client()
    with pytest.raises(NotFound, match="LOCATION_NOT_FOUND"):
        await client.set_channel(Channel(channel="amazon", locations=["nowhere"]))
    with pytest.raises(InvalidRequest, match="QUANTITY_OUT_OF_RANGE"):
        await client.set_channel(Channel(channel="amazon", view=ChannelView(buffer=-1)))
    with pytest.raises(NotFound, match="CHANNEL_NOT_FOUND"):
        await client.get_channel("amazon")
    sku, _ = await stocked(client, 0)
    with pytest.raises(Conflict, match="CODE_TAKEN"):
        await client.set_channel_skus(CHANNEL, [ChannelSku(sku=sku)] * 2)


async def test_channels_without_a_loop(house: House) -> None:
    replica = await house.replica()
    sku, _ = await stocked(await house.client(), 10)

    def work() -> None:
        with SyncInventoryClient(replica.address, CHANNEL) as client:
            client.set_channel(Channel(channel=CHANNEL, name="Shop"))
            assert client.get_channel().name == "Shop"
            assert [channel.name for channel in client.list_channels()] == ["Shop"]
            assert client.set_channel_skus(CHANNEL, [ChannelSku(sku=sku, view=ChannelView(cap=0))]).updated == 1
            assert [row.sku for row in client.list_channel_skus(CHANNEL)] == [sku]

    await asyncio.wait_for(asyncio.to_thread(work), PATIENCE_S)
