"""What a channel is shown of a SKU, from what is known of it as of one revision: the decision is `availability`'s."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from inventory.domain.availability import (
    NOTHING,
    Sellable,
    available_to_sell,
    bundle_available,
    seen,
    short_lived,
)
from inventory.domain.calendar import begins_at, local_date
from inventory.domain.goods import SkuKind, Tracking
from inventory.domain.level import EMPTY, Level
from inventory.domain.topology import NO_VIEW, OVERSELL_UNLIMITED, Channel, Site, Topology, View

Parts = tuple[tuple[str, int], ...]
"""SKU codes, and how many of each."""


class Facts(NamedTuple):
    """A SKU as of one revision. `components`: of a bundle, as the catalogue names them."""

    sku_id: int
    sku: str
    category: str
    active: bool
    kind: int = SkuKind.GOODS
    tracking: int = Tracking.NONE
    oversell_limit: int | None = None
    preorder_until: date | None = None
    preorder_limit: int | None = None
    from_several_places: bool = False
    components: Parts = ()

    @property
    def is_dated(self) -> bool:
        """Whether what may be sold of it changes with the calendar alone."""
        return self.tracking == Tracking.LOTS or self.preorder_until is not None

    def policy(self, today: date) -> int | None:
        """The limit of back-orders; that of the pre-order while it lasts."""
        if self.preorder_until is not None and self.preorder_until > today:
            return self.preorder_limit
        return self.oversell_limit


class Stock:
    """What is known of a SKU. `levels` by location_id; `lots`: of each place what is available of each lot that had
    stock; `expiries`: the lots' last days; `own`: channels' own views of it, `NO_VIEW` where there is none; `told`:
    what viewers, channels with the places that they are limited to, were shown last."""

    __slots__ = ("expiries", "facts", "levels", "lots", "own", "told")

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.levels: dict[int, Level] = {}
        self.lots: dict[int, dict[str, int]] = {}
        self.expiries: dict[str, date | None] = {}
        self.own: dict[int, View] = {}
        self.told: dict[tuple[int, frozenset[int]], Sellable] = {}

    def usable(self, location_id: int, last_day: date) -> int:
        """What of a place is of lots that last at least until a day."""
        return sum(
            available
            for lot, available in self.lots.get(location_id, {}).items()
            if available > 0 and ((expires := self.expiries[lot]) is None or expires >= last_day)
        )


class Seller:
    """A channel's settings, with the places it sells from and the days that count, at one moment."""

    __slots__ = ("_last_days", "channel", "only", "place_set", "places", "today")

    def __init__(
        self, channel: Channel, topology: Topology, moment: datetime, only: frozenset[int] = frozenset()
    ) -> None:
        """`topology` may know the places only. `only`: the places that the view is of; empty: all."""
        sold_from = Topology(topology.revision, topology.sites, {channel.channel_id: channel}, only)
        self.only = only
        sites = sold_from.selling(channel.channel_id, channel.use)
        life = timedelta(days=channel.min_life_days)
        self.channel = channel
        self.places = tuple(site.location_id for site in sites)
        self.place_set = frozenset(self.places)
        self.today = moment.astimezone(UTC).date()
        self._last_days = {site.location_id: local_date(site, moment) + life for site in sites}

    def sells_as(self, other: "Seller") -> bool:
        """Whether both see the same of everything that has no view of its own."""
        return (
            self.channel.view == other.channel.view
            and self.channel.stopped == other.channel.stopped
            and self.place_set == other.place_set
            and self._last_days == other._last_days
        )

    def sellable(self, stock: Stock, stocks: Mapping[str, Stock], leaves: Parts) -> Sellable:
        """What the channel may sell. `stocks` and `leaves`: of a bundle what it is made of in the end."""
        if not stock.facts.active:
            return NOTHING
        if stock.facts.kind == SkuKind.BUNDLE:
            return self._bundle(stock, stocks, leaves)
        return self._single(stock)

    def _view(self, stock: Stock) -> View:
        own = stock.own.get(self.channel.channel_id, NO_VIEW)
        return self.channel.seen_with(None if own is NO_VIEW else own)

    def _single(self, stock: Stock) -> Sellable:
        facts, levels, view = stock.facts, stock.levels, self._view(stock)
        here = [level for location_id, level in levels.items() if location_id in self.place_set]
        policy = facts.policy(self.today)
        short = elsewhere = 0
        if facts.tracking == Tracking.LOTS:
            short = sum(
                short_lived(levels[place], stock.usable(place, self._last_days[place]))
                for place in self.places
                if place in levels
            )
        if policy is not None or view.oversell_limit is not None:
            elsewhere = sum(level.backordered for place, level in levels.items() if place not in self.place_set)
        if len(here) < len(self.places):  # it has room for back-orders where it never was, too
            here.append(EMPTY)
        return available_to_sell(
            view,
            here,
            oversell_limit=policy,
            backordered_elsewhere=elsewhere,
            short_lived=short,
            never_short=facts.kind == SkuKind.VIRTUAL,
        )

    def _bundle(self, stock: Stock, stocks: Mapping[str, Stock], leaves: Parts) -> Sellable:
        parts = [(stocks.get(sku), quantity) for sku, quantity in leaves]
        free: dict[int, dict[int, int]] = {}
        sellable: dict[int, int] = {}
        numbered: list[tuple[int, int]] = []
        for part, quantity in parts:
            if part is None or not part.facts.active:
                return NOTHING
            sku_id = part.facts.sku_id
            numbered.append((sku_id, quantity))
            endless = part.facts.kind == SkuKind.VIRTUAL
            free[sku_id] = {place: self._free(part, place) for place in self.places if endless or place in part.levels}
            sellable[sku_id] = self._single(part).stock
        whole = bundle_available(numbered, free, sellable, from_several_places=stock.facts.from_several_places)
        return Sellable(seen(stock.own.get(self.channel.channel_id, NO_VIEW), whole), 0)

    def _free(self, stock: Stock, place: int) -> int:
        if stock.facts.kind == SkuKind.VIRTUAL:
            return OVERSELL_UNLIMITED
        level = stock.levels.get(place)
        if level is None:
            return 0
        free = max(level.free, 0)
        if free and stock.facts.tracking == Tracking.LOTS:
            return min(free, stock.usable(place, self._last_days[place]))
        return free


class Bundles:
    """All bundles as of one revision: what each is made of, and which ones a SKU is in. Nested one level."""

    def __init__(self, bundles: Iterable[tuple[str, Parts]] = ()) -> None:
        self._parts: dict[str, Parts] = {}
        self._within: dict[str, set[str]] = {}
        for sku, parts in bundles:
            self.put(sku, parts)

    def put(self, sku: str, parts: Parts) -> None:
        """Replaces what a SKU is made of; nothing: it is no bundle."""
        for part, _ in self._parts.pop(sku, ()):
            self._within[part].discard(sku)
        if parts:
            self._parts[sku] = parts
            for part, _ in parts:
                self._within.setdefault(part, set()).add(sku)

    def leaves(self, sku: str) -> Parts:
        """What it is made of in the end, each SKU once; nothing: it is no bundle."""
        found: dict[str, int] = {}
        for part, quantity in self._parts.get(sku, ()):
            for leaf, inner in self._parts.get(part, ((part, 1),)):
                found[leaf] = found.get(leaf, 0) + quantity * inner
        return tuple(found.items())

    def containing(self, skus: Iterable[str]) -> set[str]:
        """The bundles that some of the SKUs are in, directly or in a bundle of theirs."""
        if not self._within:
            return set()
        direct = {bundle for sku in skus for bundle in self._within.get(sku, ())}
        return direct | {outside for bundle in direct for outside in self._within.get(bundle, ())}


def midnights(sites: Iterable[Site], moment: datetime) -> tuple[datetime, datetime]:
    """When the date last changed, up to a moment, at one of the places or in UTC, and when it changes next."""
    zones = {site.time_zone: site for site in (*sites, Site(0, ""))}
    today = [(site, local_date(site, moment)) for site in zones.values()]
    last = max(begins_at(site, day) for site, day in today)
    return last, min(begins_at(site, day + timedelta(days=1)) for site, day in today)
