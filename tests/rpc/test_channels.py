"""Channels' settings through a real channel: what is set is read back, and nothing is written twice."""

from typing import Any

from inventory.v1 import channel_service_pb2 as pb2
from inventory.v1 import core_pb2
from tests.rpc.client import Client, new_id, unique

VIEW: dict[str, Any] = {"buffer": 0, "cap": 10, "share_bp": 5_000, "oversell": core_pb2.OversellPolicy(allow=True)}


def code() -> str:
    return unique("ch")[:32]


async def set_channel(client: Client, channel: str, *, over: Any = None, **fields: Any) -> pb2.SetChannelResponse:
    request = pb2.SetChannelRequest(request_id=new_id(), channel=pb2.Channel(channel=channel, **fields))
    if over:
        request.MergeFrom(pb2.SetChannelRequest(**over))
    return await client.channels.SetChannel(request)


async def set_skus(client: Client, channel: str, *rows: pb2.ChannelSku, **fields: Any) -> pb2.SetChannelSkusResponse:
    return await client.channels.SetChannelSkus(
        pb2.SetChannelSkusRequest(request_id=new_id(), channel=channel, skus=rows, **fields)
    )


async def get(client: Client, channel: str = "", **options: Any) -> pb2.Channel:
    return (await client.channels.GetChannel(pb2.GetChannelRequest(channel=channel), **options)).channel


def row(sku: str, **view: Any) -> pb2.ChannelSku:
    return pb2.ChannelSku(sku=sku, view=pb2.ChannelView(**view))


async def test_what_is_set_is_read_back(client: Client) -> None:
    channel = code()
    second, first = await client.location(), await client.location()
    made = await set_channel(
        client,
        channel,
        name="Marketplace",
        kind=pb2.CHANNEL_KIND_MARKETPLACE,
        locations=[second, first],
        view=pb2.ChannelView(**VIEW),
        min_life_days=30,
    )
    assert made.revision > 0
    assert made.channel.locations == [second, first]
    assert made.channel.view == pb2.ChannelView(**VIEW)
    assert await get(client, channel) == made.channel
