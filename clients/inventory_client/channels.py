"""Channels' settings: what each sells from, and how much of the stock it sees."""

from __future__ import annotations  # so that `help` names enums, which are objects of protobuf, as we do

from collections.abc import AsyncIterator, Iterable
from typing import Unpack

from inventory.v1 import channel_service_pb2 as pb2
from inventory.v1 import core_pb2
from inventory_client.calls import Calls, WriteOptions

PAGE_ROWS = 1_000
ALL_OR_NOTHING = core_pb2.ERROR_POLICY_ALL_OR_NOTHING


class ChannelCalls(Calls):
    """Of `InventoryClient`: see inventory/v1/channel_service.proto for every field and reason."""

    async def set_channel(self, channel: pb2.Channel, **options: Unpack[WriteOptions]) -> pb2.SetChannelResponse:
        """Replaces all of a channel's settings; makes the channel when it is new. In force for every call that comes
        after the answer, on any server. Raises `NotFound` (LOCATION_NOT_FOUND), `InvalidRequest`.

        Example:
            await client.set_channel(Channel(channel="amazon", locations=["shop-7"], view=ChannelView(buffer=2)))
        """
        return await self._write(pb2.SetChannelRequest(channel=channel), pb2.SetChannelResponse, options)

    async def get_channel(self, code: str = "", *, timeout_s: float | None = None) -> pb2.Channel:
        """'': the client's own. Raises `NotFound`."""
        return (await self._read(pb2.GetChannelRequest(channel=code), pb2.GetChannelResponse, timeout_s)).channel

    def list_channels(self, *, timeout_s: float | None = None) -> AsyncIterator[pb2.Channel]:
        """By code; those without settings too."""
        request = pb2.ListChannelsRequest(page_size=PAGE_ROWS)
        return self._pages(request, pb2.ListChannelsResponse, "channels", timeout_s)

    async def set_channel_skus(
        self,
        channel: str,
        skus: Iterable[pb2.ChannelSku],
        *,
        error_policy: core_pb2.ErrorPolicy = ALL_OR_NOTHING,
        **options: Unpack[WriteOptions],
    ) -> pb2.SetChannelSkusResponse:
        """Gives up to 10,000 SKUs a view of their own in a channel, under one revision; an empty view: the channel's
        again. Raises `NotFound`, `Conflict` (a SKU twice), `InvalidRequest`."""
        request = pb2.SetChannelSkusRequest(channel=channel, skus=skus, error_policy=error_policy)
        return await self._write(request, pb2.SetChannelSkusResponse, options)

    def list_channel_skus(self, channel: str, *, timeout_s: float | None = None) -> AsyncIterator[pb2.ChannelSku]:
        """By code; those that have a view of their own. Raises `NotFound`."""
        request = pb2.ListChannelSkusRequest(channel=channel, page_size=PAGE_ROWS)
        return self._pages(request, pb2.ListChannelSkusResponse, "skus", timeout_s)
