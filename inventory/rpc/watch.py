"""WatchService: parse, follow, formats."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from uuid import UUID

from inventory.domain.limits import HEARTBEAT_DEFAULT, HEARTBEAT_MAX, HEARTBEAT_MIN
from inventory.domain.refusal import Reason, Refusal
from inventory.engine.failures import ShuttingDown
from inventory.feed.change import Filter, Group, Item, Record
from inventory.feed.hub import Feed
from inventory.postgres.catalog import location_of, sku_of
from inventory.postgres.reads import Head
from inventory.rpc import formats, parse
from inventory.rpc.method import Call, Method, server_stream
from inventory.rpc.reading import revision_in_future
from inventory.rpc.streams import Streams
from inventory.rpc.wire import delimited, integer
from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as pb2

SERVICE = pb2.DESCRIPTOR.services_by_name["WatchService"].full_name
_BOOKMARK, _CHANGES = 1, 5
_RECORDED_AT, _MOVEMENTS, _SKUS, _LOCATIONS = 2, 3, 4, 5


class WatchService:
    def __init__(self, feed: Feed, streams: Streams) -> None:
        self._feed = feed
        self._streams = streams

    def methods(self) -> dict[str, Method]:
        return {"Watch": server_stream(pb2.WatchRequest, self.watch)}

    async def watch(self, request: pb2.WatchRequest, call: Call) -> AsyncGenerator[bytes]:
        wanted, idle_s = _filter(request), _idle_s(request)
        start = request.WhichOneof("start")
        if start is None:
            raise Refusal(Reason.FIELD_REQUIRED, "say snapshot, after or now", field="start")
        with self._streams.one_more(call.channel_id):
            head = await self._feed.head()
            epoch = str(head.epoch)
            revision = head.revision if start != "after" else _cursor(request.after, head)
            if start == "snapshot":
                async with aclosing(self._snapshot(revision, wanted)) as pieces:
                    async for piece in pieces:
                        yield piece
            yield _message((), _bookmark(epoch, revision))
            async with aclosing(self._feed.follow(revision, wanted, idle_s)) as changes:
                async for frames, bookmark in changes:
                    yield _message(frames, _bookmark(epoch, bookmark))
        raise ShuttingDown

    async def _snapshot(self, revision: int, wanted: Filter) -> AsyncGenerator[bytes]:
        async with aclosing(self._feed.snapshot(revision, wanted)) as pages:
            async for rows in pages:
                levels = [formats.level_row(row) for row in rows]
                yield pb2.WatchResponse(levels=levels, snapshot_revision=revision).SerializeToString()
        yield pb2.WatchResponse(snapshot_revision=revision, snapshot_complete=True).SerializeToString()


class ChangeEncoder:
    """How the feed's changes look on the wire."""

    def record(self, group: Group) -> Record:
        """Serialises one revision."""
        first = (group.movements or group.skus or group.locations)[0]
        head = integer(1, group.revision) + delimited(
            _RECORDED_AT, formats.timestamp(first["recorded_at"]).SerializeToString()
        )
        items = [
            Item(
                row["sku"],
                row["location"],
                False,
                delimited(_MOVEMENTS, formats.movement(row).SerializeToString()),
            )
            for row in group.movements
        ]
        items += [
            Item(row["code"], "", True, delimited(_SKUS, formats.sku(sku_of(row)).SerializeToString()))
            for row in group.skus
        ]
        items += [
            Item(
                "",
                row["code"],
                True,
                delimited(_LOCATIONS, formats.location(location_of(row)).SerializeToString()),
            )
            for row in group.locations
        ]
        has_catalog = bool(group.skus or group.locations)
        return Record(group.revision, head, tuple(items), self.frame(head, items), has_catalog)

    def frame(self, head: bytes, items: Sequence[Item]) -> bytes:
        """One revision with only some of its items, as a field of WatchResponse."""
        return delimited(_CHANGES, head + b"".join(item.body for item in items))


def _filter(request: pb2.WatchRequest) -> Filter:
    skus, locations = parse.codes(request.skus, "skus"), parse.codes(request.locations, "locations")
    return Filter(
        None if skus is None else frozenset(skus),
        None if locations is None else frozenset(locations),
        any(kind != pb2.CHANGE_KIND_STOCK for kind in request.kinds),
    )


def _idle_s(request: pb2.WatchRequest) -> float:
    if not request.HasField("heartbeat"):
        return HEARTBEAT_DEFAULT.total_seconds()
    return parse.duration(
        request.heartbeat, "heartbeat", HEARTBEAT_MIN, HEARTBEAT_MAX, Reason.TTL_OUT_OF_RANGE
    ).total_seconds()


def _cursor(cursor: core_pb2.Cursor, head: Head) -> int:
    if cursor.revision < 0:
        raise Refusal(Reason.REVISION_FORMAT, "a revision is not negative", field="after.revision")
    if cursor.epoch:
        try:
            epoch = UUID(cursor.epoch)
        except ValueError:
            raise Refusal(Reason.REVISION_FORMAT, "an epoch is a UUID", field="after.epoch") from None
        if epoch != head.epoch:
            raise Refusal(
                Reason.EPOCH_CHANGED,
                "the cursor is of another epoch: start from a snapshot",
                metadata={"epoch": str(head.epoch)},
            )
    if cursor.revision > head.revision:
        raise revision_in_future(cursor.revision, head.revision)
    if cursor.revision < head.compacted:
        raise Refusal(
            Reason.COMPACTED,
            "the feed keeps nothing that old: start from a snapshot",
            metadata={"oldest": str(head.compacted), "revision": str(cursor.revision)},
        )
    return cursor.revision


def _bookmark(epoch: str, revision: int) -> bytes:
    return delimited(_BOOKMARK, core_pb2.Cursor(epoch=epoch, revision=revision).SerializeToString())


def _message(frames: Sequence[bytes], bookmark: bytes) -> bytes:
    return b"".join((bookmark, *frames))
