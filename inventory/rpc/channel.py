"""ChannelService: parse, call, formats."""

from inventory.domain.channel import ChangeChannel, ChangeChannelSkus, ChannelSettings, SilenceSettings, SkuView
from inventory.domain.code import channel_code, free_text, location_code, sku_code
from inventory.domain.limits import (
    BULK_ROWS_MAX,
    CHANNEL_LOCATIONS_MAX,
    MIN_LIFE_DAYS_MAX,
    NAME_BYTES_MAX,
    QUANTITY_MAX,
    SILENT_AFTER_MAX,
    SILENT_AFTER_MIN,
)
from inventory.domain.refusal import Reason, Refusal, channel_not_found
from inventory.domain.topology import NO_VIEW, SHARE_WHOLE_BP, ChannelKind, View
from inventory.postgres import channels
from inventory.postgres.reads import Reader
from inventory.rpc import page_token, parse
from inventory.rpc.channel_messages import channel, channel_answer, channel_sku, channel_skus_answer
from inventory.rpc.method import BULK_BYTES_MAX, Call, Method, unary
from inventory.rpc.oversell import parse_oversell
from inventory.rpc.writes import Writes
from inventory.v1 import channel_service_pb2 as pb2

SERVICE = pb2.DESCRIPTOR.services_by_name["ChannelService"]
_KINDS = frozenset(pb2.ChannelKind.values())


class ChannelService:
    def __init__(self, writes: Writes, reader: Reader) -> None:
        self._writes = writes
        self._reader = reader

    def methods(self) -> dict[str, Method]:
        return {
            "SetChannel": unary(pb2.SetChannelRequest, self.set_channel),
            "GetChannel": unary(pb2.GetChannelRequest, self.get_channel),
            "ListChannels": unary(pb2.ListChannelsRequest, self.list_channels),
            "SetChannelSkus": unary(pb2.SetChannelSkusRequest, self.set_channel_skus, bytes_max=BULK_BYTES_MAX),
            "ListChannelSkus": unary(pb2.ListChannelSkusRequest, self.list_channel_skus),
        }

    async def set_channel(self, request: pb2.SetChannelRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        if not request.HasField("channel"):
            raise Refusal(Reason.FIELD_REQUIRED, "channel is required", field="channel")
        command = ChangeChannel(call.channel_id, _settings(request.channel))
        return await self._writes.answer(request, identity, command, call, channel_answer)

    async def get_channel(self, request: pb2.GetChannelRequest, call: Call) -> bytes:
        _, found = await self._find(request.channel or call.channel, call)
        return pb2.GetChannelResponse(channel=channel(found)).SerializeToString()

    async def list_channels(self, request: pb2.ListChannelsRequest, call: Call) -> bytes:
        size = parse.page_size(request.page_size)
        position = page_token.decode(request, page_token.code) or [""]
        rows = await channels.page(self._reader, position[0], size + 1)
        token = page_token.encode(request, [rows[size - 1].code]) if len(rows) > size else ""
        return pb2.ListChannelsResponse(
            channels=[channel(row) for row in rows[:size]], next_page_token=token
        ).SerializeToString()

    async def set_channel_skus(self, request: pb2.SetChannelSkusRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        parse.within(len(request.skus), BULK_ROWS_MAX, "skus")
        command = ChangeChannelSkus(
            call.channel_id,
            channel_code(request.channel, "channel"),
            tuple(_sku_view(row, f"skus[{position}]") for position, row in enumerate(request.skus)),
            parse.skips_refused(request.error_policy),
        )
        return await self._writes.answer(request, identity, command, call, channel_skus_answer)

    async def list_channel_skus(self, request: pb2.ListChannelSkusRequest, call: Call) -> bytes:
        size = parse.page_size(request.page_size)
        position = page_token.decode(request, page_token.code) or [""]
        channel_id, _ = await self._find(request.channel, call)
        rows = await channels.page_of_skus(self._reader, channel_id, position[0], size + 1)
        token = page_token.encode(request, [rows[size - 1].sku]) if len(rows) > size else ""
        return pb2.ListChannelSkusResponse(
            skus=[channel_sku(row) for row in rows[:size]], next_page_token=token
        ).SerializeToString()

    async def _find(self, code: str, call: Call) -> tuple[int, ChannelSettings]:
        found = await channels.find(self._reader, channel_code(code, "channel"), call.only_channel_id, call.within)
        if found is None:
            raise channel_not_found(code)
        return found


def _settings(message: pb2.Channel) -> ChannelSettings:
    """Raises CHANNEL_FORMAT, TEXT_FORMAT, FIELD_REQUIRED, TOO_MANY_LINES, LOCATION_FORMAT, FIELD_CONFLICT,
    QUANTITY_OUT_OF_RANGE, TTL_OUT_OF_RANGE."""
    code = channel_code(message.channel, "channel.channel")
    if message.kind not in _KINDS:
        raise parse.unknown_enum("channel.kind")
    return ChannelSettings(
        code,
        free_text(message.name, NAME_BYTES_MAX, "channel.name") or code,
        ChannelKind(message.kind or ChannelKind.WEB),
        _locations(message),
        _view(message.view, "channel.view"),
        parse.quantity_between(message.min_life_days, "channel.min_life_days", 0, MIN_LIFE_DAYS_MAX),
        _silence(message),
    )


def _silence(message: pb2.Channel) -> SilenceSettings:
    """Raises TTL_OUT_OF_RANGE, FIELD_REQUIRED."""
    path = "channel.silent_after"
    if message.HasField("silent_after"):
        after = parse.duration(message.silent_after, path, SILENT_AFTER_MIN, SILENT_AFTER_MAX, Reason.TTL_OUT_OF_RANGE)
        return SilenceSettings(after, message.stop_selling_when_silent)
    if message.stop_selling_when_silent:
        raise Refusal(Reason.FIELD_REQUIRED, "say after how long it counts as silent", field=path)
    return SilenceSettings()


def _locations(message: pb2.Channel) -> tuple[str, ...]:
    if message.locations:
        parse.within(len(message.locations), CHANNEL_LOCATIONS_MAX, "channel.locations")
    places: dict[str, None] = {}
    for position, text in enumerate(message.locations):
        path = f"channel.locations[{position}]"
        if location_code(text, path) in places:
            raise Refusal(
                Reason.FIELD_CONFLICT,
                f"location {text!r} stands twice in the channel's order",
                field=path,
                metadata={"location": text},
            )
        places[text] = None
    return tuple(places)


def _sku_view(message: pb2.ChannelSku, path: str) -> SkuView:
    return SkuView(sku_code(message.sku, f"{path}.sku"), _view(message.view, f"{path}.view"))


def _view(message: pb2.ChannelView, path: str) -> View:
    """An absent message has nothing set in it, too. Raises QUANTITY_OUT_OF_RANGE, FIELD_REQUIRED."""
    if not message.ByteSize():
        return NO_VIEW
    between = parse.quantity_between
    return View(
        between(message.buffer, f"{path}.buffer", 0, QUANTITY_MAX) if message.HasField("buffer") else None,
        between(message.cap, f"{path}.cap", 0, QUANTITY_MAX) if message.HasField("cap") else None,
        between(message.share_bp, f"{path}.share_bp", 0, SHARE_WHOLE_BP) if message.HasField("share_bp") else None,
        parse_oversell(message.oversell, f"{path}.oversell") if message.HasField("oversell") else None,
    )
