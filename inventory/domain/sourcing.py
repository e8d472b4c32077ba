"""Where each line of an order comes from: the places that have it are found, sorted, and the line is given to them."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from enum import IntEnum
from itertools import chain, islice
from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

from inventory.domain.cover import Cover, Need, greedy, smallest
from inventory.domain.topology import OVERSELL_UNLIMITED, Point, Site

FIGURES_MAX = 10_000
"""What is free of a SKU at a place, of so many, is compared."""
TRIALS_MAX = 16
"""Sets of places that are tried in earnest when lines of an order compete for the same SKU."""
EARTH_RADIUS_KM = 6371.0088


class Strategy(IntEnum):
    """Which place comes first; the numbers are the API's."""

    PRIORITY = 1
    NEAREST = 2
    MOST_STOCK = 3
    EARLIEST_EXPIRY = 4
    FEWEST_PARCELS = 5


class Sourcing(NamedTuple):
    """How a request wants its lines to be sourced. `destination`: needed for NEAREST, and the tie-breaker of
    FEWEST_PARCELS when it is given. `split`: a line may come from several places; `source` reads each `Want.split`."""

    strategy: Strategy = Strategy.PRIORITY
    destination: Point | None = None
    split: bool = False


class Want(NamedTuple):
    """One line to be sourced. `quantity` in units of the SKU or, for a bundle, in whole bundles; at most `limit` are
    given (the channel's view). `parts`: (sku_id, quantity per unit), each SKU once: one part of 1 for a plain SKU, the
    leaves of a bundle. `split`: the line may come from several places, each giving whole units; the components of
    a bundle that may part are wants of their own."""

    quantity: int
    parts: tuple[tuple[int, int], ...]
    split: bool
    limit: int

    @property
    def target(self) -> int:
        return min(self.quantity, self.limit)


class Choice(NamedTuple):
    """A place gives so many units (whole bundles), at least one."""

    location_id: int
    quantity: int


def no_lots(sku_id: int, location_id: int) -> date | None:
    """Nothing expires."""
    return None


def distance_km(here: Point, there: Point) -> float:
    """Great-circle distance by the haversine formula on the mean Earth radius; within 0.6 % of the ellipsoid's."""
    north, other_north = radians(here.latitude), radians(there.latitude)
    chord = (
        sin((other_north - north) / 2) ** 2
        + cos(north) * cos(other_north) * sin(radians(there.longitude - here.longitude) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, chord)))


def nearest_first(sites: Sequence[Site], destination: Point) -> list[Site]:
    """Sorted by distance; places without coordinates last; equals stay in the order they came in."""
    return sorted(sites, key=lambda site: float("inf") if site.point is None else distance_km(site.point, destination))


def source(
    wants: Sequence[Want],
    sites: Sequence[Site],
    free: Callable[[int, int], int],
    sourcing: Sourcing,
    expires: Callable[[int, int], date | None] = no_lots,
) -> list[list[Choice]]:
    """Choose the places of each want; the sum of its choices is below its target when there isn't enough.

    `sites`: in the channel's order, which PRIORITY follows and which decides between equals.
    `free(sku_id, location_id)`: what may be promised there, never negative. `expires(sku_id, location_id)`: the
    earliest usable expiry there, None without lots (such places come last); a bundle's is the earliest of its parts.

    A want comes whole from the first place, in the strategy's order, that has all of it. When no place has, it is
    gathered in that order if it may be split (FEWEST_PARCELS: most first), else it comes from the place that has most.
    What a want takes is not free for the next. When wants share a SKU and one falls short in the given order, those
    with fewest places choose first, if that serves the whole order.

    FEWEST_PARCELS gives each want as much as that, from the smallest number of places that can: proven up to
    COMBINATIONS_MAX sets, unless wants share a SKU; of more than FIGURES_MAX figures those of the first places are
    compared, and of those that each want for itself would come from. Wants that some place has whole are split only if
    the order would need more places otherwise. Of equally many places, those win that come first in the channel's
    order, or are nearest to the destination when there is one (the first place decides, then the second, and so on).
    """
    strategy, destination = sourcing.strategy, sourcing.destination
    assert destination is not None or strategy is not Strategy.NEAREST
    if destination is not None and strategy in {Strategy.NEAREST, Strategy.FEWEST_PARCELS}:
        sites = nearest_first(sites, destination)
    order = _Order(wants, [site.location_id for site in sites], free, strategy, expires)
    turns: Sequence[int] = range(len(wants))
    found = order.give(turns, order.location_ids)
    if order.shared and not order.complete(found):
        scarcest = order.scarcest_first()
        again = order.give(scarcest, order.location_ids)
        if order.complete(again):
            turns, found = scarcest, again
    if strategy is Strategy.FEWEST_PARCELS:
        return order.in_fewest_parcels(turns, found)
    return found


def _given(choices: Sequence[Choice]) -> int:
    return sum(choice.quantity for choice in choices)


def _gather(rooms: Sequence[Choice], target: int) -> list[Choice]:
    choices = []
    for location_id, room in rooms:
        choices.append(Choice(location_id, min(room, target)))
        target -= room
        if target <= 0:
            break
    return choices


def _parcels(found: Sequence[Sequence[Choice]]) -> int:
    return len({choice.location_id for choices in found for choice in choices})


class _Known(dict[tuple[int, int], int]):
    """What is free by (sku_id, location_id); each figure is asked for once, when it is needed."""

    def __init__(self, free: Callable[[int, int], int]) -> None:
        super().__init__()
        self._free = free

    def __missing__(self, key: tuple[int, int]) -> int:
        found = self[key] = self._free(*key)
        return found


class _Order:
    """The wants of one order and the places they may come from."""

    def __init__(
        self,
        wants: Sequence[Want],
        location_ids: Sequence[int],
        free: Callable[[int, int], int],
        strategy: Strategy,
        expires: Callable[[int, int], date | None],
    ) -> None:
        self.wants = wants
        self.location_ids = location_ids
        self._known = _Known(free)
        self._strategy = strategy
        self._expires = expires
        uses = Counter(sku_id for want in wants for sku_id, _ in want.parts)
        self.shared = [sku_id for sku_id, times in uses.items() if times > 1]

    def give(self, turns: Sequence[int], location_ids: Sequence[int]) -> list[list[Choice]]:
        """The wants choose in turn, from these places; the answer is in the order of the wants."""
        found: list[list[Choice]] = [[]] * len(self.wants)
        taken: dict[tuple[int, int], int] = {}
        for turn in turns:
            want = self.wants[turn]
            found[turn] = choices = self._choose(want, location_ids, taken)
            if self.shared:
                for location_id, quantity in choices:
                    for sku_id, each in want.parts:
                        key = (sku_id, location_id)
                        taken[key] = taken.get(key, 0) + each * quantity
        return found

    def complete(self, found: Sequence[Sequence[Choice]]) -> bool:
        return all(_given(choices) >= want.target for want, choices in zip(self.wants, found, strict=True))

    def scarcest_first(self) -> list[int]:
        """The wants, first those that the fewest places can serve."""

        def places(turn: int) -> int:
            want = self.wants[turn]
            enough = 1 if want.split else want.target
            return sum(self._room(want, location_id, {}) >= enough for location_id in self.location_ids)

        return sorted(range(len(self.wants)), key=places)

    def _room(self, want: Want, location_id: int, taken: dict[tuple[int, int], int]) -> int:
        """How many units of a want a place could still give."""
        fewest = OVERSELL_UNLIMITED
        for sku_id, each in want.parts:
            key = (sku_id, location_id)
            units = self._known[key]
            if taken:
                units -= taken.get(key, 0)
            if each != 1:
                units //= each
            if units <= 0:
                return 0
            fewest = min(fewest, units)
        return fewest

    def _choose(self, want: Want, location_ids: Sequence[int], taken: dict[tuple[int, int], int]) -> list[Choice]:
        target = want.target
        if target <= 0:
            return []
        if self._strategy in {Strategy.MOST_STOCK, Strategy.EARLIEST_EXPIRY}:
            location_ids = self._sorted(want, location_ids, taken)
        rooms: list[Choice] = []
        for location_id in location_ids:
            room = self._room(want, location_id, taken)
            if room >= target:
                return [Choice(location_id, target)]
            if room > 0:
                rooms.append(Choice(location_id, room))
        if not want.split:
            return [max(rooms, key=lambda choice: choice.quantity)] if rooms else []
        if self._strategy is Strategy.FEWEST_PARCELS:
            rooms.sort(key=lambda choice: -choice.quantity)
        return _gather(rooms, target)

    def _sorted(self, want: Want, location_ids: Sequence[int], taken: dict[tuple[int, int], int]) -> list[int]:
        """The places that have some, by what the strategy asks of this want."""
        rooms = {location_id: self._room(want, location_id, taken) for location_id in location_ids}
        stocked = [location_id for location_id in location_ids if rooms[location_id] > 0]
        if self._strategy is Strategy.MOST_STOCK:
            return sorted(stocked, key=lambda location_id: -rooms[location_id])
        return sorted(stocked, key=lambda location_id: self._expiry(want, location_id))

    def _expiry(self, want: Want, location_id: int) -> date:
        return min(self._expires(sku_id, location_id) or date.max for sku_id, _ in want.parts)

    def in_fewest_parcels(self, turns: Sequence[int], found: list[list[Choice]]) -> list[list[Choice]]:
        """As much for each want as was found, from as few places as can be."""
        parcels = _parcels(found)
        if parcels <= 1:
            return found
        location_ids = self._compared(found)
        amounts = [_given(choices) for choices in found]
        covers = self._covers(amounts, location_ids)
        for places in chain(islice(smallest(covers), TRIALS_MAX), greedy(covers)):
            trial = self.give(turns, [location_ids[place] for place in places])
            if all(_given(choices) >= amount for choices, amount in zip(trial, amounts, strict=True)):
                return trial if _parcels(trial) <= parcels else found
        return found

    def _compared(self, found: Sequence[Sequence[Choice]]) -> Sequence[int]:
        """All places, or the first ones and those that what was found comes from, which together have enough."""
        most = FIGURES_MAX // sum(len(want.parts) for want in self.wants)
        if len(self.location_ids) <= most:
            return self.location_ids
        used = {choice.location_id for choices in found for choice in choices}
        return [place for number, place in enumerate(self.location_ids) if number < most or place in used]

    def _covers(self, amounts: Sequence[int], location_ids: Sequence[int]) -> list[Cover]:
        """What a set of places must bring together: every want whole if one place has all of it; and, if that differs,
        whatever may be split in pieces."""
        whole: list[Need] = []
        loose: list[Need] = []
        for want, amount in zip(self.wants, amounts, strict=True):
            if amount:
                rooms = [self._room(want, location_id, {}) for location_id in location_ids]
                in_pieces = Need(amount, [min(room, amount) for room in rooms])
                in_one = Need(1, [int(room >= amount) for room in rooms])
                whole.append(in_one if any(in_one.gives) else in_pieces)
                loose.append(in_pieces if want.split else in_one)
        same = whole == loose
        for sku_id in self.shared:
            amount = sum(
                each * wanted
                for want, wanted in zip(self.wants, amounts, strict=True)
                for part, each in want.parts
                if part == sku_id
            )
            if amount:
                need = Need(amount, [min(self._known[sku_id, place], amount) for place in location_ids])
                whole.append(need)
                loose.append(need)
        return [Cover(whole)] if same else [Cover(whole), Cover(loose)]
