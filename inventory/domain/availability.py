"""What one channel may see of the stock."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from inventory.domain.level import Level
from inventory.domain.topology import OVERSELL_UNLIMITED, SHARE_WHOLE_BP, View


class Sellable(NamedTuple):
    """What a channel may sell of one SKU, in its smallest unit. `stock`: from the shelves, at most OVERSELL_UNLIMITED.
    `backorder`: room for back-orders, OVERSELL_UNLIMITED when it has no end."""

    stock: int
    backorder: int

    @property
    def total(self) -> int:
        return min(self.stock + self.backorder, OVERSELL_UNLIMITED)

    @property
    def waiting(self) -> int:
        """What of the total would wait for goods."""
        return self.total - self.stock


NOTHING = Sellable(0, 0)
"""Of a SKU that is no longer active."""


def seen(view: View, raw: int) -> int:
    """Of so many: less the buffer, times the share, at most the cap."""
    left = max(raw - (view.buffer or 0), 0)
    if view.share_bp is not None:
        left = left * view.share_bp // SHARE_WHOLE_BP
    return left if view.cap is None else min(left, view.cap)


def raw_for(view: View, wanted: int) -> int | None:
    """The least of which so much is seen. None: of however much it isn't."""
    if wanted <= 0:
        return 0
    share_bp = SHARE_WHOLE_BP if view.share_bp is None else view.share_bp
    if share_bp == 0 or (view.cap is not None and view.cap < wanted):
        return None
    return -(-wanted * SHARE_WHOLE_BP // share_bp) + (view.buffer or 0)


def of_the_endless(view: View) -> View:
    """What counts of a view where a SKU is never short: less a buffer, and a share of it, are still without end; but no
    share of it is nothing."""
    return View(cap=view.cap, share_bp=0 if view.share_bp == 0 else None)


def available_to_sell(
    view: View,
    places: Iterable[Level],
    *,
    oversell_limit: int | None,
    backordered_elsewhere: int = 0,
    short_lived: int = 0,
    never_short: bool = False,
) -> Sellable:
    """`places`: the SKU's level at each place that the channel sells from, EMPTY where it has none. `oversell_limit`:
    the SKU's. `backordered_elsewhere`: at its other places. `short_lived`: what of the places no lot covers that lasts
    long enough. `never_short`: a virtual SKU."""
    levels = tuple(places)
    if never_short:
        return Sellable(seen(of_the_endless(view), OVERSELL_UNLIMITED if levels else 0), 0)
    raw = sum(free for level in levels if (free := level.free) > 0) - short_lived
    stock = min(seen(view, raw), OVERSELL_UNLIMITED)
    backorder = backorder_room(view, levels, oversell_limit=oversell_limit, backordered_elsewhere=backordered_elsewhere)
    return Sellable(stock, backorder if view.cap is None else max(min(backorder, view.cap - stock), 0))


def short_lived(level: Level, usable: int) -> int:
    """What of a level may not be promised because only so many are of lots that last long enough."""
    return max(level.free - usable, 0)


def room(view: View, oversell_limit: int | None, level: Level, backordered_elsewhere: int) -> int:
    """How much may be back-ordered at one place; the cap, which bounds all places together, isn't looked at."""
    return backorder_room(view, (level,), oversell_limit=oversell_limit, backordered_elsewhere=backordered_elsewhere)


def backorder_room(
    view: View, places: Collection[Level], *, oversell_limit: int | None, backordered_elsewhere: int = 0
) -> int:
    """How much may be back-ordered at all of these places together, whatever the cap. The channel's policy goes before
    the SKU's; where neither is set, the places' own limits are the policy."""
    limit = oversell_limit if view.oversell_limit is None else view.oversell_limit
    if limit is None:
        total = 0
        for level in places:
            own_limit = level.backorder_limit
            if own_limit:
                total += max(own_limit - level.backordered, 0)
        return total
    if limit <= 0:
        return 0
    own = sum(
        OVERSELL_UNLIMITED if level.backorder_limit is None else max(level.backorder_limit - level.backordered, 0)
        for level in places
    )
    if limit < OVERSELL_UNLIMITED:
        waiting = backordered_elsewhere + sum(level.backordered for level in places)
        own = min(own, max(limit - waiting, 0))
    return min(own, OVERSELL_UNLIMITED)


def bundles_at(leaves: Sequence[tuple[int, int]], free: Mapping[int, Mapping[int, int]], location_id: int) -> int:
    """How many whole bundles one place can give."""
    return min(max(free.get(sku_id, {}).get(location_id, 0), 0) // quantity for sku_id, quantity in leaves)


def bundle_available(
    leaves: Sequence[tuple[int, int]],
    free: Mapping[int, Mapping[int, int]],
    sellable: Mapping[int, int],
    *,
    from_several_places: bool,
) -> int:
    """Whole bundles; the bundle's own view isn't applied. `leaves`: (sku_id, quantity in one bundle), each SKU once.
    `free`: sku_id → location_id → what may be promised there, for the places that the channel sells from; a place that
    isn't named has none. `sellable`: sku_id → what the channel may sell of a component from the shelves; for a bundle
    nothing is back-ordered."""
    if not leaves:
        return 0
    if from_several_places:
        stock = {sku_id: sum(max(here, 0) for here in free.get(sku_id, {}).values()) for sku_id, _ in leaves}
        whole = min(stock[sku_id] // quantity for sku_id, quantity in leaves)
    else:
        location_ids = free.get(leaves[0][0], {})
        whole = sum(bundles_at(leaves, free, location_id) for location_id in location_ids)
    return min(whole, OVERSELL_UNLIMITED, *(sellable[sku_id] // quantity for sku_id, quantity in leaves))
