"""WatchService: parse, follow, formats."""

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing

from inventory.domain.code import subscriber_name
from inventory.domain.limits import FILTERS_MAX, HEARTBEAT_DEFAULT, HEARTBEAT_MAX, HEARTBEAT_MIN
from inventory.domain.movement import MovementKind
from inventory.domain.refusal import Reason, Refusal, subscriber_not_found
from inventory.engine.failures import ShuttingDown
from inventory.feed.change import ChangeKind, Filter
from inventory.feed.hub import Feed, Stream
from inventory.postgres.reads import Head, Reader
from inventory.postgres.subscribers import acknowledged
from inventory.rpc import formats, parse
from inventory.rpc.method import Call, Method, server_stream, unary
from inventory.rpc.reading import resumable
from inventory.rpc.streams import Streams
from inventory.rpc.wire import delimited
from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as pb2

SERVICE = pb2.DESCRIPTOR.services_by_name["WatchService"].full_name
_BOOKMARK = pb2.WatchResponse.DESCRIPTOR.fields_by_name["bookmark"].number


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

    async def watch(self, request: pb2.WatchRequest, call: Call) -> AsyncGenerator[bytes]:
        wanted, idle_s, stream = _filter(request), _idle_s(request), _stream(request.stream_id, call)
        latest = _is_latest(request)
        with self._streams.one_more(call.channel_id):
            head = await self._feed.head()
            epoch = str(head.epoch)
            revision = await self._start(request, head, call)
            if request.WhichOneof("start") == "snapshot":
                async with aclosing(self._snapshot(revision, wanted)) as pieces:
                    async for piece in pieces:
                        yield piece
            yield _bookmark(epoch, revision)
            follow = self._feed.latest if latest else self._feed.follow
            async with aclosing(follow(revision, wanted, idle_s, stream)) as changes:
                async for frames, bookmark in changes:
                    yield _message(frames, b"" if bookmark is None else _bookmark(epoch, bookmark))
        raise ShuttingDown

    async def request_bookmark(self, request: pb2.RequestBookmarkRequest, call: Call) -> bytes:
        stream = _stream(request.stream_id, call, required=True)
        assert stream is not None
        head = await self._feed.request_bookmark(stream)
        return pb2.RequestBookmarkResponse(
            head=core_pb2.Cursor(epoch=str(head.epoch), revision=head.revision)
        ).SerializeToString()

    async def _start(self, request: pb2.WatchRequest, head: Head, call: Call) -> int:
        """The revision to start after."""
        name = subscriber_name(request.subscriber, "subscriber") if request.subscriber else ""
        known = await acknowledged(self._reader, call.channel_id, name) if name else None
        if name and known is None:
            raise subscriber_not_found(name)
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

    async def _snapshot(self, revision: int, wanted: Filter) -> AsyncGenerator[bytes]:
        async with aclosing(self._feed.catalog_snapshot(revision, wanted)) as catalog:
            async for skus, locations in catalog:
                yield pb2.WatchResponse(
                    skus=[formats.sku(sku) for sku in skus],
                    locations=[formats.location(location) for location in locations],
                    snapshot_revision=revision,
                ).SerializeToString()
        if ChangeKind.STOCK in wanted.kinds:
            async with aclosing(self._feed.snapshot(revision, wanted)) as pages:
                async for rows in pages:
                    levels = [formats.level_row(row) for row in rows]
                    yield pb2.WatchResponse(levels=levels, snapshot_revision=revision).SerializeToString()
        yield pb2.WatchResponse(snapshot_revision=revision, snapshot_complete=True).SerializeToString()


def _filter(request: pb2.WatchRequest) -> Filter:
    skus, locations = parse.codes(request.skus, "skus"), parse.codes(request.locations, "locations")
    categories = parse.codes(request.categories, "categories")
    kinds = _kinds(request.kinds, "kinds", ChangeKind)
    movement_kinds = _kinds(request.movement_kinds, "movement_kinds", MovementKind)
    return Filter(
        None if skus is None else frozenset(skus),
        None if locations is None else frozenset(locations),
        None if categories is None else frozenset(categories),
        frozenset(map(ChangeKind, kinds or (ChangeKind.STOCK,))),
        movement_kinds,
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
    if any(kind != pb2.CHANGE_KIND_STOCK for kind in request.kinds):
        raise Refusal(Reason.FIELD_CONFLICT, "the newest rows are of stock only", field="kinds")
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


def _bookmark(epoch: str, revision: int) -> bytes:
    return delimited(_BOOKMARK, core_pb2.Cursor(epoch=epoch, revision=revision).SerializeToString())


def _message(frames: Sequence[bytes], bookmark: bytes) -> bytes:
    return b"".join((bookmark, *frames))
