"""Channels' settings: locked and written for the engine, and listed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from inventory.domain.access import Access
from inventory.domain.channel import (
    ChangeChannel,
    ChangeChannelSkus,
    ChannelChange,
    ChannelSettings,
    PresentChannel,
    SilenceSettings,
    SkuView,
)
from inventory.domain.topology import ChannelKind, View
from inventory.postgres.connection import Writer
from inventory.postgres.reads import Reader, reach
from inventory.postgres.stock import RequestRow


async def lock(writer: Writer, command: ChangeChannel) -> tuple[datetime, PresentChannel]:
    """The database's clock, and what exists of the channel and its locations. The channel's lock is the only one before
    the feed's head."""
    channel_id, settings = await _lock(writer, command.channel.code)
    locations = command.channel.locations
    numbers = dict(await writer.fetch("read_location_numbers", locations)) if locations else {}
    return await _clock(writer), PresentChannel(channel_id, settings, numbers)


async def lock_views(writer: Writer, command: ChangeChannelSkus) -> tuple[datetime, PresentChannel]:
    """The database's clock, and what exists of the channel, the SKUs and their views."""
    channel_id, settings = await _lock(writer, command.channel)
    if settings is None:
        return await _clock(writer), PresentChannel(None, None, {})
    numbers = dict(await writer.fetch("read_location_numbers", settings.locations)) if settings.locations else {}
    skus: dict[str, int] = {}
    views: dict[str, View] = {}
    codes = list({asked.sku for asked in command.skus})
    for code, sku_id, *view in await writer.fetch("read_channel_views", channel_id, codes):
        skus[code] = sku_id
        views[code] = View._make(view)
    return await _clock(writer), PresentChannel(channel_id, settings, numbers, skus, views)


async def write(
    writer: Writer,
    present: PresentChannel,
    change: ChannelChange,
    channel_id: int,
    now: datetime,
    requests: Sequence[RequestRow],
) -> int:
    """Writes a change of a channel that was locked as one revision. Returns the revision before it. Raises `Interfered`
    when another replica made the channel meanwhile: look again.

    The channel gets a version also when only its SKUs' views change: so each such revision has one.
    """
    rows = await writer.fetch("draw_revisions", int(change.moved), writer.database.notify_channel, change.moved)
    base = int(rows[0][0])
    if change.moved:
        assert change.settings is not None
        code, name, kind, locations, view, min_life_days, silence = change.settings
        location_ids = [present.locations[location] for location in locations]
        row = (present.channel_id, code, name, kind, location_ids, *view, min_life_days, *silence)
        await writer.fetch("write_channel", base + 1, channel_id, now, *row)
    if change.views:
        columns = zip(*((present.skus[sku], *view) for sku, view in change.views), strict=True)
        await writer.fetch("write_channel_skus", base + 1, channel_id, now, present.channel_id, *map(list, columns))
    await writer.fetch("write_requests", base, now, requests)
    return base


async def _lock(writer: Writer, code: str) -> tuple[int | None, ChannelSettings | None]:
    rows = await writer.fetch("lock_channel", code)
    return (rows[0]["channel_id"], settings_of(rows[0])) if rows else (None, None)


async def _clock(writer: Writer) -> datetime:
    now: datetime = (await writer.fetch("read_clock"))[0][0]
    return now


async def find(
    reader: Reader, code: str, only_channel_id: int | None = None, within: Access | None = None
) -> tuple[int, ChannelSettings] | None:
    """A channel's number and settings; None: there is none of this code. `only_channel_id`: the one that the reader may
    know; None: all."""
    rows = await reader.fetch("find_channel_settings", code, only_channel_id, reach(within).location_ids)
    return (rows[0]["channel_id"], settings_of(rows[0])) if rows else None


async def page(reader: Reader, after: str, limit: int) -> list[ChannelSettings]:
    """Channels by code, those without settings too."""
    return [settings_of(row) for row in await reader.fetch("list_channels", after, limit)]


async def page_of_skus(reader: Reader, channel_id: int, after: str, limit: int) -> list[SkuView]:
    """SKUs that have a view of their own in a channel, by code."""
    rows = await reader.fetch("list_channel_skus", channel_id, after, limit)
    return [SkuView(code, View._make(view)) for code, *view in rows]


def settings_of(row: Any) -> ChannelSettings:
    """The code stands for a name that was never set."""
    return ChannelSettings(
        row["code"],
        row["name"] or row["code"],
        ChannelKind(row["kind"]),
        tuple(row["locations"]),
        View(row["buffer"], row["cap"], row["share_bp"], row["oversell_limit"]),
        row["min_life_days"],
        SilenceSettings(row["silent_after"], row["stop_selling_when_silent"], row["selling_stopped"]),
    )
