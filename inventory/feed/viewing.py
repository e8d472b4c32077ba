"""What a channel may sell, read from the database as of a revision: for who begins, is late, or meets a new day."""

from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from inventory.domain.availability import Sellable
from inventory.domain.showing import Bundles, Facts, Seller, Stock
from inventory.domain.topology import Topology
from inventory.feed.buffer import Selection
from inventory.feed.change import Filter, Group, Item, Record, Viewer, categories_of, listed
from inventory.feed.follower import Follower
from inventory.feed.hub import Feed
from inventory.postgres import views as source
from inventory.postgres.reads import Reader

SKUS_A_PAGE = 250


class Step(NamedTuple):
    """`end`: up to where everything is told with these records; None: they are a piece of one change, more follows."""

    records: Sequence[Record]
    end: int | None


class Outlook(NamedTuple):
    """What a channel's view is made of, as of one revision and moment."""

    revision: int
    topology: Topology
    bundles: Bundles
    seller: Seller


async def snapshot(
    reader: Reader, wanted: Filter, revision: int, moment: datetime
) -> AsyncGenerator[list[tuple[str, Sellable]]]:
    """Pages of what a channel may sell as of a revision, of nothing that it can't."""
    outlook = await look(reader, wanted.viewer, revision, moment)
    async for page in _pages(reader, wanted, revision, dated=False):
        stocks = await source.stocks_of(reader, page, revision)
        values = await values_of(reader, outlook, stocks, await parts_of(reader, outlook, stocks))
        yield [(sku, value) for sku, value in values.items() if value.total]


async def catch_up(feed: Feed, selection: Selection, after: int, moment: datetime) -> AsyncGenerator[Step]:
    """Everything after a revision up to the head, or to what is in memory by then."""
    outlook: Outlook | None = None
    wanted = selection.wanted
    while feed.at_hand(selection, after) is None:
        groups, end = await feed.read_on(after, wanted)
        if not groups:
            return
        resettled = next((number for number, group in enumerate(groups) if group.locations or group.channels), None)
        if resettled is not None:
            groups = groups[: max(resettled, 1)]
            end = groups[-1].revision
        if resettled == 0:
            async for step in _resettled(feed, wanted, groups[0], moment):
                yield step
            outlook = None
        else:
            async with feed.catching_up:
                if outlook is None:
                    outlook = await look(feed.reader, wanted.viewer, end, moment)
                elif any(group.skus for group in groups):
                    outlook = outlook._replace(bundles=await source.read_bundles(feed.reader, end))
                outlook = outlook._replace(revision=end)
                items = await _touched(feed, wanted, outlook, groups, ())
            yield Step(_records(feed, wanted, groups, items), end)
        after = end


async def turned(
    feed: Feed, follower: Follower, after: int, told_at: datetime, moment: datetime
) -> AsyncGenerator[Step]:
    """What the calendar alone has changed between two moments, as a change of a revision that was told before."""
    reader, wanted = feed.reader, follower.selection.wanted
    before = await look(reader, wanted.viewer, after, told_at)
    seller = Seller(before.seller.channel, before.topology, moment, wanted.location_ids)
    now = before._replace(seller=seller)
    dated: set[str] = set()
    held: list[Item] = []  # the last piece of a change must be known as such
    recorded_at = feed.encoder.timestamp(moment)
    async for page in _pages(reader, replace(wanted, skus=None, categories=None, within=None), after, dated=True):
        dated.update(facts.sku for facts in page)
        stocks = await source.stocks_of(reader, page, after)
        items = await _differing(feed, wanted, before, now, stocks, ())
        if items and held:
            yield Step([Record(after, recorded_at, tuple(held))], None)
        held = items or held
    stocks = await source.read_stocks(reader, before.bundles.containing(dated), after)
    held += await _differing(feed, wanted, before, now, stocks, ())
    follower.told_at = moment
    yield Step([Record(after, recorded_at, tuple(held))] if held else [], after)


async def _resettled(feed: Feed, wanted: Filter, group: Group, moment: datetime) -> AsyncGenerator[Step]:
    """A change of places or of a channel's settings, and what it changes for this one: its old settings and its new
    ones are compared on the same stock."""
    reader, revision = feed.reader, group.revision
    before = await look(reader, wanted.viewer, revision - 1, moment)
    now = await look(reader, wanted.viewer, revision, moment)
    viewed = await source.read_viewed_skus(reader, wanted.channel_id, revision)
    held: list[Item] = []
    if not now.seller.sells_as(before.seller):
        touched = {*viewed, *(row["code"] for row in group.skus)}
        recorded_at = feed.encoder.record(group).recorded_at
        async for page in _pages(reader, wanted, revision, dated=False):
            async with feed.catching_up:
                stocks = await source.stocks_of(reader, page, revision)
                items = await _differing(feed, wanted, before, now, stocks, touched)
            if items and held:
                yield Step([Record(revision, recorded_at, tuple(held))], None)
            held = items or held
    held += await _touched(feed, wanted, now, [group], viewed)
    yield Step(_records(feed, wanted, [group], held), revision)


async def look(reader: Reader, viewer: Viewer, revision: int, moment: datetime) -> Outlook:
    topology = await source.read_topology(reader, revision)
    channel = await source.read_channel(reader, viewer.channel_id, revision)
    bundles = await source.read_bundles(reader, revision)
    return Outlook(revision, topology, bundles, Seller(channel, topology, moment, viewer.location_ids))


async def _pages(reader: Reader, wanted: Filter, revision: int, *, dated: bool) -> AsyncGenerator[list[Facts]]:
    after, filters = 0, (listed(wanted.skus), listed(wanted.categories))
    while page := await source.read_facts_page(
        reader, revision, after, *filters, SKUS_A_PAGE, dated=dated, within=wanted.within
    ):
        yield page
        after = page[-1].sku_id


async def parts_of(reader: Reader, outlook: Outlook, stocks: dict[str, Stock]) -> dict[str, Stock]:
    """What bundles among the SKUs are made of."""
    leaves = {leaf for sku in stocks for leaf, _ in outlook.bundles.leaves(sku)} - stocks.keys()
    return await source.read_stocks(reader, leaves, outlook.revision)


async def values_of(
    reader: Reader, outlook: Outlook, stocks: dict[str, Stock], parts: dict[str, Stock]
) -> dict[str, Sellable]:
    known = {**parts, **stocks}
    await source.read_own_views(reader, outlook.seller.channel, known.values(), outlook.revision)
    leaves, sellable = outlook.bundles.leaves, outlook.seller.sellable
    return {sku: sellable(stock, known, leaves(sku)) for sku, stock in stocks.items()}


async def _differing(
    feed: Feed, wanted: Filter, before: Outlook, now: Outlook, stocks: dict[str, Stock], but: Collection[str]
) -> list[Item]:
    parts = await parts_of(feed.reader, now, stocks)
    was = await values_of(feed.reader, before, stocks, parts)
    values = await values_of(feed.reader, now, stocks, parts)
    return [
        item
        for sku, value in values.items()
        if value != was[sku] and sku not in but and wanted.matches(item := _item(feed, wanted, stocks[sku], value))
    ]


async def _touched(
    feed: Feed, wanted: Filter, outlook: Outlook, groups: Sequence[Group], viewed: Iterable[str]
) -> list[Item]:
    """Of the SKUs that some changes are about, and of the bundles these are in, what may be sold after them."""
    categories: dict[str, tuple[str, ...]] = {}
    for group in groups:
        for row in group.skus:
            categories[row["code"]] = (*categories.get(row["code"], ()), *categories_of(row))
    skus = {row["sku"] for group in groups for row in group.movements} | categories.keys() | set(viewed)
    skus |= outlook.bundles.containing(skus)
    if wanted.skus is not None:
        skus &= wanted.skus
    stocks = await source.read_stocks(feed.reader, sorted(skus), outlook.revision)
    values = await values_of(feed.reader, outlook, stocks, await parts_of(feed.reader, outlook, stocks))
    items = (_item(feed, wanted, stocks[sku], value, categories.get(sku)) for sku, value in values.items())
    return [item for item in items if wanted.matches(item)]


def _item(feed: Feed, wanted: Filter, stock: Stock, value: Sellable, categories: tuple[str, ...] | None = None) -> Item:
    return feed.encoder.shown(wanted.viewer, stock.facts.sku, categories or (stock.facts.category,), value)


def _records(feed: Feed, wanted: Filter, groups: Sequence[Group], items: Sequence[Item]) -> list[Record]:
    """What a filter lets through of some changes; what may be sold after them belongs to the last one."""
    records = list(map(feed.encoder.record, groups))
    if items:
        last = records[-1]
        records[-1] = Record(last.revision, last.recorded_at, (*last.items, *items))
    return [picked for record in records if (picked := wanted.pick(record)) is not None]
