"""A ledger of several places and kinds of SKU, for tests of promises."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from inventory.domain.decide import StockCommand, decide
from inventory.domain.goods import Goods, Leaf, SkuKind
from inventory.domain.ledger import Ledger
from inventory.domain.level import EMPTY, Level, Place
from inventory.domain.lot import Lot, LotLevel
from inventory.domain.refusal import Refusal
from inventory.domain.reservation import Ask, Reservation, Reserve
from inventory.domain.topology import Channel, Site, Topology, View
from tests.unit.shelf import MINUTE, NEW, NOW, WEB

NORTH, SOUTH, WEST = Site(1, "north"), Site(2, "south"), Site(3, "west")
PLACES = (NORTH, SOUTH, WEST)
Stock = Mapping[str, Mapping[str, Level | int]]
"""By SKU, then by place; a number is all on hand and free."""
Lots = Mapping[str, Mapping[str, tuple[date | None, Mapping[str, LotLevel | int]]]]
"""By SKU, then by lot: its last day, and what of it stands at which place."""


def market(
    stock: Stock,
    *,
    sites: tuple[Site, ...] = PLACES,
    channels: tuple[Channel, ...] = (),
    bundles: Mapping[str, Mapping[str, int]] | None = None,
    from_several_places: bool = False,
    of_sku: Mapping[str, Mapping[str, Any]] | None = None,
    views: Mapping[tuple[int, str], View] | None = None,
    lots: Lots | None = None,
) -> Ledger:
    """`of_sku`: fields of `Goods`. `bundles`: so many of each component. SKUs are numbered in the order of `stock`,
    lots in that of `lots`."""
    ledger = Ledger(
        NOW, Topology(1, {site.location_id: site for site in sites}, {one.channel_id: one for one in channels})
    )
    for sku_id, (sku, there) in enumerate(stock.items(), 1):
        goods = Goods(**{"sku_id": sku_id, "sku": sku, "active": True, "category": "", **((of_sku or {}).get(sku, {}))})
        _put(ledger, goods, sites, {place: _level(level) for place, level in there.items()})
    for sku_id, (sku, parts) in enumerate((bundles or {}).items(), len(stock) + 1):
        leaves = tuple(Leaf(ledger.goods[part].sku_id, part, quantity) for part, quantity in parts.items())
        _put(ledger, Goods(sku_id, sku, True, "", SkuKind.BUNDLE, 0, None, from_several_places, leaves), sites, {})
    for (channel_id, sku), view in (views or {}).items():
        ledger.views[(channel_id, ledger.goods[sku].sku_id)] = view
    number = 0
    for sku, of_lots in (lots or {}).items():
        for code, (expires_on, stands) in of_lots.items():
            number += 1
            for site in sites:
                if site.code in stands:
                    level = stands[site.code]
                    of_lot = LotLevel(level) if isinstance(level, int) else level
                    ledger.put_lot((ledger.goods[sku].sku_id, site.location_id), Lot(number, code, expires_on), of_lot)
    return ledger


def _put(ledger: Ledger, goods: Goods, sites: tuple[Site, ...], there: Mapping[str, Level]) -> None:
    ledger.put_goods(goods)
    for site in sites:
        place = Place(
            goods.sku_id,
            site.location_id,
            goods.sku,
            site.code,
            goods.active,
            site.active,
            "",
            goods.kind,
            goods.tracking,
            goods.oversell_limit,
        )
        ledger.put(place, there.get(site.code, None if goods.leaves else EMPTY._replace()))


def _level(level: Level | int) -> Level:
    return Level(level) if isinstance(level, int) else level


def order(*asks: tuple[str, int] | tuple[str, str, int], **fields: Any) -> Reserve:
    """SKU and quantity, or SKU, place and quantity."""
    found = tuple(Ask(ask[0], ask[1], ask[2]) if len(ask) == 3 else Ask(ask[0], "", ask[1]) for ask in asks)
    return Reserve(**{"channel_id": WEB, "reservation_id": NEW, "asks": found, "ttl": MINUTE, **fields})


def reserved(ledger: Ledger, command: Reserve) -> Reservation:
    """The promise, which must be whole: each line of the request is the sum of its lines, nothing is negative, and what
    the levels and their lots lost is what the lines got."""
    before = dict(ledger.levels)
    made, _ = decide(ledger, command)
    assert isinstance(made, Reservation), made
    assert [line.ask_no for line in made.lines] == sorted(line.ask_no for line in made.lines)
    for number, ask in enumerate(command.asks):
        lines = [line for line in made.lines if line.ask_no == number]
        leaves = {leaf.sku_id: leaf.quantity for leaf in ledger.goods[ask.sku].leaves} or {lines[0].sku_id: 1}
        for sku_id, per in leaves.items():
            asked = sum(line.requested for line in lines if line.sku_id == sku_id)
            assert asked == ask.quantity * per, "the lines of an ask add up to it"
        assert all(line.live <= line.requested for line in lines)
        assert command.partial or all(line.live == line.requested for line in lines)
    for key, level in ledger.levels.items():
        was = before.get(key, EMPTY)
        of_it = [line for line in made.lines if (line.sku_id, line.location_id) == key]
        for part in ("held", "allocated", "backordered"):
            assert getattr(level, part) - getattr(was, part) == sum(getattr(line, part) for line in of_it)
        assert min(level[:9]) >= 0
        assert level.available >= 0
        if key in ledger.lot_levels:
            of_lots = list(ledger.lot_levels[key].values())
            assert level[:6] == tuple(map(sum, zip(*of_lots, strict=True))), "the lots add up to their level"
            assert all(of_lot.available >= 0 for of_lot in of_lots)
    return made


def given(ledger: Ledger, command: Reserve) -> list[dict[str, int]]:
    """Of each ask: from which place how many of each component, as "place" or, of a bundle, "place component"; what is
    back-ordered as "place later"."""
    found: list[dict[str, int]] = [{} for _ in command.asks]
    for line in reserved(ledger, command).lines:
        place = ledger.codes[(line.sku_id, line.location_id)]
        name = f"{place.location} {place.sku}" if line.bundle_sku_id else place.location
        for suffix, quantity in (("", line.held + line.allocated), (" later", line.backordered)):
            if quantity:
                found[line.ask_no][name + suffix] = found[line.ask_no].get(name + suffix, 0) + quantity
    return found


def short(ledger: Ledger, command: StockCommand) -> list[tuple[str, str, int, int]]:
    """The lines that a refusal names: SKU, place, requested, available."""
    levels, movements = dict(ledger.levels), list(ledger.movements)
    found, step = decide(ledger, command)
    assert isinstance(found, Refusal), found
    assert (step, ledger.levels, ledger.movements) == (None, levels, movements)
    return [(one.sku, one.location, one.requested, one.available) for one in found.shortages]
