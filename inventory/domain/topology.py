"""The places and channels of a retailer, as decisions see them."""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import IntEnum, IntFlag
from typing import NamedTuple

OVERSELL_UNLIMITED = 1_000_000_000_000
"""The oversell limit of who may promise without end."""
SHARE_WHOLE_BP = 10_000
"""All of the stock, in basis points."""


class LocationKind(IntEnum):
    """What kind of place; the numbers are the API's and the table's."""

    WAREHOUSE = 1
    SHOP = 2
    PICKUP_POINT = 3
    EXTERNAL = 4


class Use(IntFlag):
    """What a place's stock may be promised for."""

    ONLINE = 1
    PICKUP = 2
    WALK_IN = 4
    ALL = 7


class ChannelKind(IntEnum):
    """What kind of channel; the numbers are the API's and the table's."""

    WEB = 1
    POS = 2
    TELEPHONE = 3
    MARKETPLACE = 4


class Weekday(IntFlag):
    """Days that a place works on, as a set."""

    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 4
    THURSDAY = 8
    FRIDAY = 16
    SATURDAY = 32
    SUNDAY = 64
    ALL = 127


class Point(NamedTuple):
    """Degrees north and east, WGS 84."""

    latitude: float
    longitude: float


class Site(NamedTuple):
    """A location as decisions see it. Lower `priority` comes first. `handling`: from the order to the parcel at the
    door, on days the place works; `cutoff_minute`: minutes of the local day until which an order is handled that day,
    None: until its end. `transit_days`: calendar days from the door to the customer, or to another place."""

    location_id: int
    code: str
    kind: LocationKind = LocationKind.WAREHOUSE
    active: bool = True
    priority: int = 100
    point: Point | None = None
    handling: timedelta = timedelta(0)
    cutoff_minute: int | None = None
    working_days: Weekday = Weekday.ALL
    closed_on: frozenset[date] = frozenset()
    time_zone: str = "UTC"
    uses: Use = Use.ALL
    transit_days: int = 0


class View(NamedTuple):
    """How much of the stock a channel may see. None: not set, which differs from 0."""

    buffer: int | None = None
    cap: int | None = None
    share_bp: int | None = None
    oversell_limit: int | None = None

    @property
    def restricts(self) -> bool:
        return self != NO_VIEW

    def over(self, general: "View") -> "View":
        """These settings where they are set, the general ones where they aren't."""
        return View(
            general.buffer if self.buffer is None else self.buffer,
            general.cap if self.cap is None else self.cap,
            general.share_bp if self.share_bp is None else self.share_bp,
            general.oversell_limit if self.oversell_limit is None else self.oversell_limit,
        )


NO_VIEW = View()
NOTHING_SEEN = View(cap=0)
"""Of a channel that may sell nothing for now."""


class Channel(NamedTuple):
    """A channel's settings. `location_ids`: where it sells from, in its order; empty: everywhere, in the order of the
    places' priority. `has_overrides`: some SKUs have a view of their own. `min_life_days`: how long a lot must still
    last when it is promised. `stopped`: it is silent, and may sell nothing until it is heard of again."""

    channel_id: int
    kind: ChannelKind = ChannelKind.WEB
    location_ids: tuple[int, ...] = ()
    view: View = NO_VIEW
    has_overrides: bool = False
    min_life_days: int = 0
    stopped: bool = False

    @property
    def use(self) -> Use:
        """What it promises stock for unless a request says otherwise."""
        return Use.WALK_IN if self.kind is ChannelKind.POS else Use.ONLINE

    @property
    def counts_everywhere(self) -> bool:
        """Whether it has a limit for back-orders of its own, which is counted over all places."""
        return self.has_overrides or self.view.oversell_limit is not None

    @property
    def restricted(self) -> bool:
        """Whether it sees less, or may promise more, than what stands on the shelf."""
        return self.stopped or self.has_overrides or self.view != NO_VIEW

    def seen_with(self, own: View | None) -> View:
        """Its view of a SKU that has this view of its own."""
        if self.stopped:
            return NOTHING_SEEN
        return self.view if own is None else own.over(self.view)


class Topology:
    """All places and all channels that have settings, as of one revision; small, and kept in memory."""

    def __init__(
        self,
        revision: int,
        sites: Mapping[int, Site],
        channels: Mapping[int, Channel],
        only: frozenset[int] = frozenset(),
    ) -> None:
        """`only`: the places that can be named and sold from; empty: all."""
        self.revision = revision
        self.sites = sites
        named = [site for site in sites.values() if not only or site.location_id in only]
        self.by_code = {site.code: site for site in named}
        self._channels = dict(channels)
        self._restricted: dict[int, bool] = {}
        self._by_priority = tuple(sorted(named, key=lambda site: (site.priority, site.location_id)))
        self._only = only
        self._limited: dict[frozenset[int], Topology] = {}
        self._selling: dict[tuple[int, Use], tuple[Site, ...]] = {}
        self._selling_ids: dict[tuple[int, Use], tuple[int, ...]] = {}

    def channel(self, channel_id: int) -> Channel:
        """One without settings sells everything from everywhere."""
        found = self._channels.get(channel_id)
        if found is None:
            found = self._channels[channel_id] = Channel(channel_id)
        return found

    def restricts(self, channel_id: int) -> bool:
        """Whether a channel sees less, or may promise more, than what stands on the shelf."""
        found = self._restricted.get(channel_id)
        if found is None:
            found = self._restricted[channel_id] = self.channel(channel_id).restricted
        return found

    def selling(self, channel_id: int, use: Use) -> tuple[Site, ...]:
        """The active places that a channel sells from for a use, in its order."""
        key = (channel_id, use)
        found = self._selling.get(key)
        if found is None:
            named = self.channel(channel_id).location_ids
            sites = (self.sites[number] for number in named) if named else self._by_priority
            only = self._only
            found = self._selling[key] = tuple(
                site for site in sites if site.active and use in site.uses and (not only or site.location_id in only)
            )
        return found

    def limited(self, only: frozenset[int]) -> "Topology":
        """The same, of which only these places can be named and sold from; one object each time."""
        if not only:
            return self
        found = self._limited.get(only)
        if found is None:
            found = self._limited[only] = Topology(self.revision, self.sites, self._channels, only)
        return found

    def selling_ids(self, channel_id: int, use: Use) -> tuple[int, ...]:
        """Their numbers: one object each time."""
        key = (channel_id, use)
        found = self._selling_ids.get(key)
        if found is None:
            found = tuple(site.location_id for site in self.selling(channel_id, use))
            self._selling_ids[key] = found
        return found


NOWHERE = Topology(-1, {}, {})
"""Known to be out of date."""
