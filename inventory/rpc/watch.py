"""WatchService: parse, follow, formats."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message

from inventory.domain.code import subscriber_name
from inventory.domain.limits import FILTERS_MAX, HEARTBEAT_DEFAULT, HEARTBEAT_MAX, HEARTBEAT_MIN
from inventory.domain.movement import MovementKind
from inventory.domain.refusal import Reason, Refusal, subscriber_not_found
from inventory.engine.failures import ShuttingDown
from inventory.feed import snapshot, viewing
from inventory.feed.change import MESSAGE_BYTES_MAX, ChangeKind, Filter
from inventory.feed.following import every_change, latest, restored
from inventory.feed.hub import Feed, Stream
from inventory.postgres.reads import Head, Reader
from inventory.postgres.subscribers import acknowledged
from inventory.postgres.views import read_places
from inventory.rpc import formats, parse
from inventory.rpc.alarm import check_alarms
from inventory.rpc.alarm_messages import format_alarm
from inventory.rpc.catalog_messages import format_location, format_sku
from inventory.rpc.change_encoder import bookmark_field
from inventory.rpc.channel_messages import channel, channel_availability
from inventory.rpc.method import Call, Method, Write, server_stream, unary
from inventory.rpc.reading import epoch_changed, resumable
from inventory.rpc.streams import Streams
from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as pb2

Row = TypeVar("Row", bound=Message)
SERVICE = pb2.DESCRIPTOR.services_by_name["WatchService"]


_CONFLATED = (pb2.CHANGE_KIND_STOCK, pb2.CHANGE_KIND_AVAILABILITY)


class WatchService:
    def __init__(self, feed: Feed, reader: Reader, streams: Streams) -> None:
        self._feed = feed
        self._reader = reader
        self._streams = streams

    def methods(self) -> dict[str, Method]:
        return {
            "Watch": server_stream(pb2.WatchRequest, self.watch),
            "RequestBookmark": unary(pb2.RequestBookmarkRequest, self.request_bookmark),
        }

    async def watch(self, request: pb2.WatchRequest, call: Call, write: Write) -> None:
        wanted, idle_s, stream = _filter(request, call), _idle_s(request), _stream(request.stream_id, call)
        wanted = await self._limited(wanted, call)
        follow = latest if _is_latest(request) else every_change
        with self._streams.one_more(call.channel_id, call.caller.gate.streams_max):
            known = await self._acknowledged(request.subscriber, call)
            head = await self._feed.head()  # after what was acknowledged, which would be of the future else
            revision = _start(request, head, known)
            with self._feed.joined(wanted, idle_s, stream) as follower:
                await self._feed.hears()
                if wanted.shows:
                    follower.told_at = await self._told_at(request, revision)
                if request.WhichOneof("start") == "snapshot":
                    await self._snapshot(revision, wanted, follower.told_at, write)
                await write(bookmark_field(head.epoch, revision))
                await follow(self._feed, follower, head.epoch, revision, write)
        if restored(self._feed, head.epoch):
            raise epoch_changed(await self._feed.head())
        raise ShuttingDown

    async def request_bookmark(self, request: pb2.RequestBookmarkRequest, call: Call) -> bytes:
        stream = _stream(request.stream_id, call, required=True)
        assert stream is not None
        head = await self._feed.request_bookmark(stream)
        return pb2.RequestBookmarkResponse(
            head=core_pb2.Cursor(epoch=str(head.epoch), revision=head.revision)
        ).SerializeToString()

    async def _limited(self, wanted: Filter, call: Call) -> Filter:
        """What of it the caller may know."""
        if not call.access.reports and wanted.kinds & {ChangeKind.SUBSCRIBER, ChangeKind.CHANNEL}:
            wanted = replace(wanted, only_channel=call.channel)
        within = call.within
        if within is None:
            return wanted
        if within.location_ids:
            places = await read_places(self._reader, within.location_ids)
            wanted = replace(
                wanted,
                locations=places if wanted.locations is None else wanted.locations & places,
                location_ids=within.location_ids if wanted.shows else frozenset(),
                places=places if ChangeKind.CHANNEL in wanted.kinds else None,
            )
        if wanted.categories is None:
            return replace(wanted, within=within.prefixes)
        return replace(wanted, categories=frozenset(filter(within.covers_category, wanted.categories)))

    async def _acknowledged(self, name: str, call: Call) -> int | None:
        """How far the subscriber that follows has come; None: nobody in particular."""
        if not name:
            return None
        known = await acknowledged(self._reader, call.channel_id, subscriber_name(name, "subscriber"))
        if known is None:
            raise subscriber_not_found(name)
        return known

    async def _told_at(self, request: pb2.WatchRequest, revision: int) -> datetime:
        """Since when the calendar may have changed what the stream's consumer knows; the database's clock."""
        recorded_at: datetime | None
        now: datetime
        recorded_at, now = (await self._reader.fetch("read_recorded_at", revision))[0]
        knows = request.WhichOneof("start") in {"after", "acknowledged"}
        return recorded_at if knows and recorded_at is not None else now

    async def _snapshot(self, revision: int, wanted: Filter, moment: datetime | None, write: Write) -> None:
        """Each page in its turn: writes come before many who begin at once."""
        async with aclosing(snapshot.skus(self._reader, revision, wanted)) as pages:
            async for skus in pages:
                await self._feed.turns.take()
                for few in _messages_of([format_sku(sku) for sku in skus]):
                    piece = pb2.WatchResponse(skus=few, snapshot_revision=revision)
                    await write(piece.SerializeToString())
        async with aclosing(snapshot.locations(self._reader, revision, wanted)) as places:
            async for locations in places:
                await self._feed.turns.take()
                piece = pb2.WatchResponse(locations=map(format_location, locations), snapshot_revision=revision)
                await write(piece.SerializeToString())
        await self._snapshot_of_channels(revision, wanted, write)
        async with aclosing(snapshot.levels(self._reader, revision, wanted)) as levels:
            async for rows in levels:
                await self._feed.turns.take()
                piece = pb2.WatchResponse(levels=map(formats.level_row, rows), snapshot_revision=revision)
                await write(piece.SerializeToString())
        if moment is not None:
            async with aclosing(viewing.snapshot(self._reader, wanted, revision, moment)) as shown:
                async for sellable in shown:
                    await self._feed.turns.take()
                    values = [channel_availability(*each) for each in sellable]
                    piece = pb2.WatchResponse(availability=values, snapshot_revision=revision)
                    await write(piece.SerializeToString())
        await write(pb2.WatchResponse(snapshot_revision=revision, snapshot_complete=True).SerializeToString())

    async def _snapshot_of_channels(self, revision: int, wanted: Filter, write: Write) -> None:
        """And of what is wrong."""
        async with aclosing(snapshot.channels(self._reader, revision, wanted)) as settings:
            async for channels in settings:
                await self._feed.turns.take()
                for some in _messages_of([channel(each) for each in channels]):
                    piece = pb2.WatchResponse(channels=some, snapshot_revision=revision)
                    await write(piece.SerializeToString())
        async with aclosing(snapshot.alarms(self._reader, revision, wanted)) as alarms:
            async for found in alarms:
                await self._feed.turns.take()
                for part in _messages_of([format_alarm(each) for each in found]):
                    piece = pb2.WatchResponse(alarms=part, snapshot_revision=revision)
                    await write(piece.SerializeToString())


def _messages_of(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """SKUs may have long attributes, and channels long lists: only as many as a message holds."""
    first = size = 0
    for number, row in enumerate(rows):
        if size and size + row.ByteSize() > MESSAGE_BYTES_MAX:
            yield rows[first:number]
            first, size = number, 0
        size += row.ByteSize()
    yield rows[first:]


def _start(request: pb2.WatchRequest, head: Head, known: int | None) -> int:
    """The revision to start after. `known`: how far the subscriber has come."""
    match request.WhichOneof("start"):
        case "after":
            return resumable(request.after, head, "after")
        case "acknowledged":
            if known is None:
                raise Refusal(Reason.FIELD_REQUIRED, "say whose acknowledged cursor", field="subscriber")
            return resumable(core_pb2.Cursor(revision=known), head, "acknowledged")
        case "snapshot" | "now":
            return head.revision
        case _:
            raise Refusal(Reason.FIELD_REQUIRED, "say snapshot, after, now or acknowledged", field="start")


def _filter(request: pb2.WatchRequest, call: Call) -> Filter:
    skus, locations = parse.codes(request.skus, "skus"), parse.codes(request.locations, "locations")
    categories = parse.codes(request.categories, "categories")
    kinds = _kinds(request.kinds, "kinds", ChangeKind)
    movement_kinds = _kinds(request.movement_kinds, "movement_kinds", MovementKind)
    shows = pb2.CHANGE_KIND_AVAILABILITY in (kinds or ())
    if pb2.CHANGE_KIND_ALARM in (kinds or ()):
        check_alarms(call)
    if shows and locations:
        raise Refusal(Reason.FIELD_CONFLICT, "what a channel may sell is of all its locations", field="locations")
    return Filter(
        None if skus is None else frozenset(skus),
        None if locations is None else frozenset(locations),
        None if categories is None else frozenset(categories),
        frozenset(map(ChangeKind, kinds or (ChangeKind.STOCK,))),
        movement_kinds,
        call.channel_id if shows else 0,
    )


def _kinds(numbers: Collection[int], field: str, known: type[ChangeKind] | type[MovementKind]) -> frozenset[int] | None:
    if len(numbers) > FILTERS_MAX:
        raise parse.too_many_filters(field)
    for position, number in enumerate(numbers):
        if number not in known._value2member_map_:
            raise parse.unknown_enum(f"{field}[{position}]")
    return frozenset(numbers) or None


def _is_latest(request: pb2.WatchRequest) -> bool:
    if request.mode not in pb2.WatchMode.values():
        raise parse.unknown_enum("mode")
    if request.mode != pb2.WATCH_MODE_LATEST:
        return False
    if request.movement_kinds:
        raise Refusal(Reason.FIELD_CONFLICT, "the newest row may be of a kind left out", field="movement_kinds")
    if any(kind not in _CONFLATED for kind in request.kinds):
        raise Refusal(Reason.FIELD_CONFLICT, "the newest is told of stock and availability only", field="kinds")
    return True


def _idle_s(request: pb2.WatchRequest) -> float:
    if not request.HasField("heartbeat"):
        return HEARTBEAT_DEFAULT.total_seconds()
    return parse.duration(
        request.heartbeat, "heartbeat", HEARTBEAT_MIN, HEARTBEAT_MAX, Reason.TTL_OUT_OF_RANGE
    ).total_seconds()


def _stream(text: str, call: Call, *, required: bool = False) -> Stream | None:
    stream_id = parse.stream_id(text, required=required)
    return None if stream_id is None else (call.channel_id, stream_id)
