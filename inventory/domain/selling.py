"""What a channel may sell for a use, on what is locked or looked at."""

from collections.abc import Collection
from datetime import date, timedelta

from inventory.domain import availability
from inventory.domain.availability import NOTHING, Sellable
from inventory.domain.calendar import local_date
from inventory.domain.goods import Goods, SkuKind, Tracking
from inventory.domain.ledger import Ledger
from inventory.domain.lot import usable
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.topology import NO_VIEW, OVERSELL_UNLIMITED, Channel, Site, Use, View


class Seller:
    """A channel that sells for a use."""

    def __init__(self, ledger: Ledger, channel_id: int, use: Use | None) -> None:
        """`use` None: what the channel is for."""
        self._ledger = ledger
        self.channel = ledger.topology.channel(channel_id)
        self.use = use or self.channel.use
        self.sites = ledger.topology.selling(channel_id, self.use)

    def free(self, sku_id: int, location_id: int) -> int:
        """What may be promised of a SKU at a place."""
        key = (sku_id, location_id)
        what = self._ledger.codes.get(key) or self._ledger.goods_by_id.get(sku_id)
        if what is None:
            return 0
        if what.kind == SkuKind.VIRTUAL:
            return OVERSELL_UNLIMITED
        free = max(self._ledger.level_at(key).free, 0)
        if free and what.tracking == Tracking.LOTS:
            return min(free, sum(available for _, available in usable(self._ledger, key, self.last_day(location_id))))
        return free

    def expires(self, sku_id: int, location_id: int) -> date | None:
        """When the first lot expires that may be promised there."""
        for lot, _ in usable(self._ledger, (sku_id, location_id), self.last_day(location_id)):
            return lot.expires_on
        return None

    def last_day(self, location_id: int) -> date:
        """Until when a lot must last that is promised now."""
        site = self._ledger.topology.sites[location_id]
        return local_date(site, self._ledger.now) + timedelta(days=self.channel.min_life_days)

    def view(self, sku_id: int) -> View:
        """A bundle's own view is only what is set for it: the channel's acts on its components."""
        return self.channel.seen_with(self._ledger.views.get((self.channel.channel_id, sku_id)))

    def backordered(self, sku_id: int, but: Collection[int]) -> int:
        """What waits for a SKU elsewhere than at some places."""
        level_at = self._ledger.level_at
        return sum(
            level_at((sku_id, other)).backordered for other in self._ledger.locations_of(sku_id) if other not in but
        )

    def sellable(self, goods: Goods) -> Sellable:
        """What the channel may sell now over all its places."""
        if not goods.active:
            return NOTHING
        if goods.kind == SkuKind.BUNDLE:
            return self._bundles(goods)
        keys = [(goods.sku_id, site.location_id) for site in self.sites]
        levels = [self._ledger.level_at(key) for key in keys]
        short_lived = 0
        if goods.tracking == Tracking.LOTS:
            short_lived = sum(max(level.free, 0) - self.free(*key) for key, level in zip(keys, levels, strict=True))
        return availability.available_to_sell(
            self.view(goods.sku_id),
            levels,
            oversell_limit=goods.oversell_limit,
            backordered_elsewhere=self.backordered(goods.sku_id, {location_id for _, location_id in keys}),
            short_lived=short_lived,
            never_short=goods.kind == SkuKind.VIRTUAL,
        )

    def bundle_view(self, sku_id: int) -> View:
        return self._ledger.views.get((self.channel.channel_id, sku_id), NO_VIEW)

    def free_of(self, goods: Goods) -> dict[int, dict[int, int]]:
        """sku_id → location_id → what may be promised of a bundle's components."""
        return {
            leaf.sku_id: {site.location_id: self.free(leaf.sku_id, site.location_id) for site in self.sites}
            for leaf in goods.leaves
        }

    def sellable_of(self, goods: Goods) -> dict[int, Sellable]:
        """sku_id → what the channel may sell of a bundle's components."""
        return {leaf.sku_id: self.sellable(self._ledger.goods_by_id[leaf.sku_id]) for leaf in goods.leaves}

    def _bundles(self, goods: Goods) -> Sellable:
        stock = {sku_id: found.stock for sku_id, found in self.sellable_of(goods).items()}
        leaves = [(leaf.sku_id, leaf.quantity) for leaf in goods.leaves]
        whole = availability.bundle_available(
            leaves, self.free_of(goods), stock, from_several_places=goods.from_several_places
        )
        return Sellable(availability.seen(self.bundle_view(goods.sku_id), whole), 0)


class StillSeller(Seller):
    """On what doesn't change meanwhile: what many bundles have in common is worked out once."""

    def __init__(self, ledger: Ledger, channel_id: int, use: Use | None) -> None:
        super().__init__(ledger, channel_id, use)
        self._sellable: dict[int, Sellable] = {}
        self._free: dict[int, dict[int, int]] = {}

    def sellable(self, goods: Goods) -> Sellable:
        found = self._sellable.get(goods.sku_id)
        if found is None:
            found = self._sellable[goods.sku_id] = super().sellable(goods)
        return found

    def free_of(self, goods: Goods) -> dict[int, dict[int, int]]:
        for leaf in goods.leaves:
            if leaf.sku_id not in self._free:
                self._free[leaf.sku_id] = {
                    site.location_id: self.free(leaf.sku_id, site.location_id) for site in self.sites
                }
        return {leaf.sku_id: self._free[leaf.sku_id] for leaf in goods.leaves}


def check_selling(channel: Channel, use: Use, site: Site) -> None:
    """Raises LOCATION_RETIRED, LOCATION_NOT_SELLING."""
    if not site.active:
        raise Refusal(
            Reason.LOCATION_RETIRED,
            f"location {site.code!r} is no longer active",
            metadata={"location": site.code},
        )
    if use not in site.uses or (channel.location_ids and site.location_id not in channel.location_ids):
        raise Refusal(
            Reason.LOCATION_NOT_SELLING,
            f"the channel doesn't sell from location {site.code!r} for {use.name}",
            metadata={"location": site.code, "purpose": str(use.name)},
        )
