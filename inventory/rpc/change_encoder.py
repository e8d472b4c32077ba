"""How the feed's changes look on the wire."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from inventory.domain.availability import Sellable
from inventory.domain.channel import ChannelSettings
from inventory.domain.committed import Committed
from inventory.feed.change import ChangeKind, Group, Item, Record, Viewer, categories_of
from inventory.postgres.alarms import alarm_of
from inventory.postgres.catalog import location_of, sku_of
from inventory.postgres.channels import settings_of
from inventory.postgres.subscribers import subscriber_of
from inventory.rpc import formats
from inventory.rpc.alarm_messages import format_alarm
from inventory.rpc.catalog_messages import format_location, format_sku
from inventory.rpc.channel_messages import channel
from inventory.rpc.wire import delimited, integer, integer_tag, tag, varint
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as pb2

_RESPONSE = pb2.WatchResponse.DESCRIPTOR.fields_by_name
_CHANGE = pb2.Change.DESCRIPTOR.fields_by_name
_BOOKMARK = _RESPONSE["bookmark"].number
_CHANGES = _RESPONSE["changes"].number
_LATEST = tag(_RESPONSE["latest"].number)
_LATEST_SHOWN = tag(_RESPONSE["availability"].number)
_REVISION, _FRAGMENT = _CHANGE["revision"].number, _CHANGE["fragment"].number
_RECORDED_AT = _CHANGE["recorded_at"].number
_ENTERED = tag(_CHANGE["entered"].number)
_TAGS = {
    ChangeKind.STOCK: tag(_CHANGE["movements"].number),
    ChangeKind.SKU: tag(_CHANGE["skus"].number),
    ChangeKind.LOCATION: tag(_CHANGE["locations"].number),
    ChangeKind.SUBSCRIBER: tag(_CHANGE["subscribers"].number),
    ChangeKind.AVAILABILITY: tag(_CHANGE["availability"].number),
    ChangeKind.CHANNEL: tag(_CHANGE["channels"].number),
    ChangeKind.ALARM: tag(_CHANGE["alarms"].number),
}


_SHOWN = channel_pb2.ChannelAvailability.DESCRIPTOR.fields_by_name
_SKU = tag(_SHOWN["sku"].number)
_TO_SELL = integer_tag(_SHOWN["available_to_sell"].number)
_BACKORDER = integer_tag(_SHOWN["backorder"].number)


class ChangeEncoder:
    """An `Item`'s body is a serialised message behind its length; the field's tag comes when it is framed."""

    def record(self, group: Group) -> Record:
        """Serialises one revision."""
        items = [self.row(row) for row in group.movements]
        entered: dict[str, list[Item]] = {}
        for row in group.entered:
            entered.setdefault(row["sku"], []).append(self.row(row))
        for row in group.skus:
            sku = sku_of(row)
            items.append(Item(ChangeKind.SKU, sku.code, "", categories_of(row), 0, 0, _sized(format_sku(sku))))
            items += [item._replace(categories=(sku.category,), entered=True) for item in entered.get(sku.code, ())]
        for row in group.locations:
            location = location_of(row)
            items.append(Item(ChangeKind.LOCATION, "", location.code, (), 0, 0, _sized(format_location(location))))
        for row in group.subscribers:
            message = formats.subscriber(subscriber_of(row), row["epoch"])
            items.append(Item(ChangeKind.SUBSCRIBER, "", "", (), 0, 0, _sized(message), of_channel=row["channel"]))
        for row in group.channels:
            settings = settings_of(row)
            body, cut = _sized(channel(settings)), partial(_cut, settings)
            items.append(Item(ChangeKind.CHANNEL, "", "", (), 0, 0, body, of_channel=settings.code, cut=cut))
        for row in group.alarms:
            items.append(Item(ChangeKind.ALARM, "", "", (), 0, 0, _sized(format_alarm(alarm_of(row)))))
        recorded_at = formats.timestamp(group.first["recorded_at"]).SerializeToString()
        return Record(group.revision, recorded_at, tuple(items))

    def row(self, row: Any) -> Item:
        """Serialises one ledger row."""
        return _stock(formats.movement(row), row["category"])

    def committed(self, committed: Committed, channels: Mapping[int, str]) -> list[Record] | None:
        """Serialises a batch as it will be read back; None: a channel's code isn't known."""
        if any(movement.channel_id not in channels for movement in committed.movements):
            return None
        items: list[list[Item]] = [[] for _ in range(committed.steps)]
        for movement in committed.movements:
            place = committed.places[(movement.sku_id, movement.location_id)]
            lot = committed.lots[movement.lot_id] if movement.lot_id else None
            message = formats.committed_movement(
                movement, committed.base, place, channels[movement.channel_id], committed.recorded_at, lot
            )
            items[movement.step - 1].append(_stock(message, place.category))
        recorded_at = formats.timestamp(committed.recorded_at).SerializeToString()
        return [Record(revision, recorded_at, tuple(of)) for revision, of in enumerate(items, committed.base + 1)]

    def shown(self, viewer: Viewer, sku: str, categories: tuple[str, ...], sellable: Sellable) -> Item:
        """Serialises what a channel may sell of a SKU."""
        code, total = sku.encode(), sellable.total
        body = _SKU + varint(len(code)) + code
        if total:
            body += _TO_SELL + varint(total)
        if waiting := sellable.waiting:
            body += _BACKORDER + varint(waiting)
        sized = varint(len(body)) + body
        return Item(ChangeKind.AVAILABILITY, sku, "", categories, 0, total, sized, False, *viewer)

    def timestamp(self, moment: datetime) -> bytes:
        """A record's `recorded_at`."""
        return formats.timestamp(moment).SerializeToString()

    def frame(self, revision: int, recorded_at: bytes, items: Sequence[Item], fragment: bool) -> bytes:
        """A change, or a fragment of one, as a field of WatchResponse."""
        parts = [integer(_REVISION, revision), delimited(_RECORDED_AT, recorded_at)]
        for item in items:
            parts += (_ENTERED if item.entered else _TAGS[item.kind], item.body)
        if fragment:
            parts.append(integer(_FRAGMENT, 1))
        return delimited(_CHANGES, b"".join(parts))

    def latest(self, items: Sequence[Item]) -> bytes:
        """Newest rows as fields of WatchResponse."""
        parts: list[bytes] = []
        for item in items:
            parts += (_LATEST_SHOWN if item.channel_id else _LATEST, item.body)
        return b"".join(parts)

    def message(self, epoch: UUID, frames: Sequence[bytes], bookmark: int | None) -> bytes:
        """A WatchResponse."""
        return b"".join((b"" if bookmark is None else bookmark_field(epoch, bookmark), *frames))


def bookmark_field(epoch: UUID, revision: int) -> bytes:
    """A field of WatchResponse."""
    return delimited(_BOOKMARK, core_pb2.Cursor(epoch=str(epoch), revision=revision).SerializeToString())


def _cut(settings: ChannelSettings, places: frozenset[str]) -> bytes:
    """A channel's settings for who knows these places only."""
    return _sized(channel(settings._replace(locations=tuple(code for code in settings.locations if code in places))))


def _stock(message: core_pb2.Movement, category: str) -> Item:
    return Item(
        ChangeKind.STOCK,
        message.sku,
        message.location,
        (category,),
        message.kind,
        message.after.available,
        _sized(message),
    )


def _sized(message: Any) -> bytes:
    body: bytes = message.SerializeToString()
    return varint(len(body)) + body
