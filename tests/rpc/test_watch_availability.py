"""Watch of what a channel may sell: the numbers of its view, kept right by stock, settings, catalogue and calendar."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as pb2
from tests.rpc.client import Client, Metadata, new_id, refusal, seconds, unique
from tests.rpc.follower import NOW, Follower, bulk, following

SHOWN = pb2.CHANGE_KIND_AVAILABILITY
STOCK = pb2.CHANGE_KIND_STOCK


class Channel:
    """A channel of its own, its settings, and its streams."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.code = unique("ch")[:32]

    @property
    def metadata(self) -> Metadata:
        return (("inventory-channel", self.code),)

    async def set(self, *locations: str, days: int = 0, kind: Any = 0, **view: Any) -> int:
        """Returns the revision."""
        answer = await self.client.channels.SetChannel(
            channel_pb2.SetChannelRequest(
                request_id=new_id(),
                channel=channel_pb2.Channel(
                    channel=self.code,
                    locations=locations,
                    view=channel_pb2.ChannelView(**view),
                    min_life_days=days,
                    kind=kind,
                ),
            )
        )
        return answer.revision

    async def set_sku(self, sku: str, **view: Any) -> int:
        answer = await self.client.channels.SetChannelSkus(
            channel_pb2.SetChannelSkusRequest(
                request_id=new_id(),
                channel=self.code,
                skus=[channel_pb2.ChannelSku(sku=sku, view=channel_pb2.ChannelView(**view))],
            )
        )
        return answer.revision

    def follow(self, client: Client | None = None, **request: Any) -> Any:
        wish = {"kinds": [SHOWN], "heartbeat": seconds(1), **request}
        return following(client or self.client, metadata=self.metadata, **wish)


@pytest.fixture
async def channel(client: Client) -> AsyncIterator[Channel]:
    yield Channel(client)


async def test_the_snapshot_has_what_may_be_sold_and_nothing_else(client: Client, channel: Channel) -> None:
    sku, place = await client.stocked(10)
    empty, _ = await client.stocked(0, place)
    elsewhere, _ = await client.stocked(7)
    await channel.set(place, buffer=3)
    async with channel.follow(snapshot=NOW) as follower:
        await follower.begun()
    assert follower.shown[sku] == (7, 0)
    assert empty not in follower.shown
    assert elsewhere not in follower.shown


async def test_a_change_of_stock_at_any_of_its_places_is_told_as_the_view_shows_it(
    client: Client, channel: Channel
) -> None:
    sku, place = await client.stocked(10)
    other = await client.location()
    await channel.set(place, other, buffer=3, share_bp=5_000, cap=5)
    async with channel.follow(snapshot=NOW, skus=[sku]) as follower:
        await follower.begun()
        assert follower.shown == {sku: (3, 0)}
        last = (await client.adjust(sku, other, 4)).revision
        await follower.up_to(last)
        assert follower.shown == {sku: (5, 0)}
        held = await client.reserve((sku, place, 6))
        await follower.up_to(held.revision)
        assert follower.shown == {sku: (2, 0)}
    assert [change.revision for change in follower.changes] == [last, held.revision]
