"""What channels' views are computed from, as of any revision the ledger knows."""

import json
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from inventory.domain.goods import SkuKind, Tracking
from inventory.domain.level import Level
from inventory.domain.showing import Bundles, Facts, Stock
from inventory.domain.topology import NO_VIEW, Channel, ChannelKind, Topology, View
from inventory.postgres.reads import Reader
from inventory.postgres.stock import Source
from inventory.postgres.topology import site_of


async def read_clock(source: Source) -> datetime:
    """The database's."""
    now: datetime = (await source.fetch("read_clock"))[0][0]
    return now


async def read_topology(reader: Reader, revision: int) -> Topology:
    """The places as of a revision, without channels."""
    rows = await reader.fetch("read_sites_as_of", revision)
    return Topology(revision, {row["location_id"]: site_of(row) for row in rows}, {})


async def read_bundles(reader: Reader, revision: int) -> Bundles:
    """All bundles as of a revision."""
    rows = await reader.fetch("read_bundles_as_of", revision)
    return Bundles((row["code"], _components(row)) for row in rows)


async def read_places(reader: Reader, location_ids: Collection[int]) -> frozenset[str]:
    """The codes of locations, which never change."""
    return frozenset((await reader.fetch("read_location_codes", list(location_ids)))[0][0])


async def read_channel(reader: Reader, channel_id: int, revision: int) -> Channel:
    """A channel's settings as of a revision."""
    for row in await reader.fetch("read_seller", channel_id, revision):
        return Channel(
            channel_id,
            ChannelKind(row["kind"]),
            tuple(row["location_ids"]),
            View(row["buffer"], row["cap"], row["share_bp"], row["oversell_limit"]),
            row["has_overrides"],
            row["min_life_days"],
            row["selling_stopped"],
        )
    return Channel(channel_id)


async def read_viewed_skus(reader: Reader, channel_id: int, revision: int) -> list[str]:
    """The SKUs whose own views in a channel one revision changed."""
    return [row["code"] for row in await reader.fetch("read_viewed_skus", channel_id, revision)]


async def read_facts_page(
    reader: Reader,
    revision: int,
    after: int,
    skus: Sequence[str] | None,
    categories: Sequence[str] | None,
    limit: int,
    *,
    dated: bool,
    within: Sequence[str] | None,
) -> list[Facts]:
    """A page of SKUs as of a revision, by sku_id; `dated`: only those that change with the calendar; `within`: what the
    categories that the reader may know begin with, each with a slash at its end."""
    rows = await reader.fetch("read_facts_page", revision, after, skus, categories, dated, limit, within)
    return [_facts(row) for row in rows]


async def read_stocks(reader: Reader, skus: Collection[str], revision: int) -> dict[str, Stock]:
    """SKUs and all their levels as of a revision; none that didn't exist then."""
    if not skus:
        return {}
    rows = await reader.fetch("read_facts", list(skus), revision)
    return await stocks_of(reader, [_facts(row) for row in rows], revision)


async def stocks_of(reader: Reader, facts: Sequence[Facts], revision: int) -> dict[str, Stock]:
    """The levels, and lots, of SKUs as of a revision."""
    by_id = {each.sku_id: Stock(each) for each in facts}
    stocked = [each.sku_id for each in facts if each.kind != SkuKind.BUNDLE]
    for sku_id, location_id, *quantities, limit in await reader.fetch("read_levels_as_of", stocked, revision):
        by_id[sku_id].levels[location_id] = Level._make((*quantities, 0, 0, None, None, limit))
    in_lots = [each.sku_id for each in facts if each.tracking == Tracking.LOTS]
    for sku_id, location_id, lot, expires_on, available in (
        await reader.fetch("read_lots_as_of", in_lots, revision) if in_lots else ()
    ):
        by_id[sku_id].expiries[lot] = expires_on
        by_id[sku_id].lots.setdefault(location_id, {})[lot] = available
    return {stock.facts.sku: stock for stock in by_id.values()}


async def read_own_views(reader: Reader, channel: Channel, stocks: Collection[Stock], revision: int) -> None:
    """Puts the channel's own views of these SKUs, as of a revision, into them."""
    channel_id = channel.channel_id
    for stock in stocks:
        stock.own[channel_id] = NO_VIEW
    if channel.has_overrides and stocks:
        by_id = {stock.facts.sku_id: stock for stock in stocks}
        for sku_id, *view in await reader.fetch("read_own_views", channel_id, list(by_id), revision):
            by_id[sku_id].own[channel_id] = View._make(view)


async def read_expiries(reader: Reader, lots: Sequence[tuple[str, str]]) -> dict[tuple[str, str], date | None]:
    """Until when lots, by SKU and lot codes, last."""
    rows = await reader.fetch("read_expiries", [sku for sku, _ in lots], [lot for _, lot in lots])
    return {(row["sku"], row["code"]): row["expires_on"] for row in rows}


async def read_backorder_limits(reader: Reader, stocks: Collection[Stock]) -> dict[tuple[str, int], int | None]:
    """The present limits of back-orders of the SKUs' levels, by SKU and location_id."""
    skus = {stock.facts.sku_id: stock.facts.sku for stock in stocks}
    rows = await reader.fetch("read_backorder_limits", list(skus))
    return {(skus[sku_id], location_id): limit for sku_id, location_id, limit in rows}


def components_of(row: Any) -> tuple[tuple[str, int], ...]:
    """Of a row with a SKU's kind and components; nothing: it is no bundle."""
    return _components(row) if row["kind"] == SkuKind.BUNDLE else ()


def _facts(row: Any) -> Facts:
    return Facts(
        row["sku_id"],
        row["code"],
        row["category"],
        row["active"],
        row["kind"],
        row["tracking"],
        row["oversell_limit"],
        row["preorder_until"],
        row["preorder_limit"],
        row["from_several_places"],
        _components(row),
    )


def _components(row: Any) -> tuple[tuple[str, int], ...]:
    return tuple((sku, quantity) for sku, quantity in json.loads(row["components"]))
