"""What there is, as of one revision, in pages: in bounded memory and without a lasting transaction."""

from collections.abc import AsyncGenerator
from uuid import UUID

from inventory.domain.alarm import Alarm
from inventory.domain.catalog import Location, Sku
from inventory.domain.channel import ChannelSettings
from inventory.feed.change import ChangeKind, Filter, listed
from inventory.postgres import changes
from inventory.postgres.reads import LevelRow, Reader


async def levels(reader: Reader, revision: int, wanted: Filter) -> AsyncGenerator[list[LevelRow]]:
    """Pages of the levels, none when stock isn't wanted."""
    filters = listed(wanted.skus), listed(wanted.locations), listed(wanted.categories)
    after = (0, 0)
    while ChangeKind.STOCK in wanted.kinds and (
        page := await changes.read_snapshot(reader, revision, after, *filters, wanted.within)
    ):
        yield page
        if len(page) < changes.SNAPSHOT_ROWS:
            return
        after = page[-1].key


async def skus(reader: Reader, revision: int, wanted: Filter) -> AsyncGenerator[list[Sku]]:
    """Pages of the SKUs, none when they aren't wanted."""
    filters = listed(wanted.skus), listed(wanted.categories)
    after, full = 0, ChangeKind.SKU in wanted.kinds
    while full:
        after, page = await changes.read_sku_snapshot(reader, revision, after, *filters, wanted.within)
        yield page
        full = len(page) == changes.SNAPSHOT_ROWS


async def locations(reader: Reader, revision: int, wanted: Filter) -> AsyncGenerator[list[Location]]:
    """Pages of the locations, none when they aren't wanted."""
    after, full = 0, ChangeKind.LOCATION in wanted.kinds
    while full:
        after, page = await changes.read_location_snapshot(reader, revision, after, listed(wanted.locations))
        yield page
        full = len(page) == changes.SNAPSHOT_ROWS


async def channels(reader: Reader, revision: int, wanted: Filter) -> AsyncGenerator[list[ChannelSettings]]:
    """Pages of the channels that have settings, none when they aren't wanted."""
    after, full = 0, ChangeKind.CHANNEL in wanted.kinds
    while full:
        limits = wanted.only_channel, listed(wanted.places)
        after, page = await changes.read_channel_snapshot(reader, revision, after, *limits)
        yield page
        full = len(page) == changes.SNAPSHOT_ROWS


async def alarms(reader: Reader, revision: int, wanted: Filter) -> AsyncGenerator[list[Alarm]]:
    """Pages of the alarms that were open, none when they aren't wanted."""
    after, full = UUID(int=0), ChangeKind.ALARM in wanted.kinds
    while full:
        after, page = await changes.read_alarm_snapshot(reader, revision, after)
        yield page
        full = len(page) == changes.SNAPSHOT_ROWS
