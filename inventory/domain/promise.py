"""What a customer may be told of a line: from where it comes, when it leaves and when it is there."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from inventory.domain.calendar import LAST_DAY, arrives_at, arrives_on, begins_at, leaves_at, local_date
from inventory.domain.topology import Site

_Time = TypeVar("_Time", date, datetime)
NOBODY: Mapping[int, int] = MappingProxyType({})
"""No back-orders wait anywhere."""


class Due(NamedTuple):
    """What is expected at a place on a date of its own, incoming or in transit; it counts from that date's
    beginning, and what is overdue counts from now. In the SKU's smallest unit."""

    site: Site
    on: date
    quantity: int


class Portion(NamedTuple):
    """What one place gives of a line. `restock`: None for what stands there now, else the date at the place from
    which it can be promised. `leaves_at` and `ready_at` are UTC; `ready_at` is set for a pick-up. `arrives_on`:
    with the customer, or ready for pick-up. `same_day`: that is the date of the order, at the pick-up place or else
    where it comes from. A time is None when no open day is near enough for it."""

    site: Site
    quantity: int
    restock: date | None
    leaves_at: datetime | None
    arrives_on: date | None
    ready_at: datetime | None
    same_day: bool


class Promise(NamedTuple):
    """A line's. `short` is what doesn't stand anywhere now. When all of it is due in, its portions are among
    `portions`, with the date `restock` from which it can be promised; else that is None, and so are the line's
    dates."""

    portions: tuple[Portion, ...]
    short: int
    restock: date | None

    @property
    def arrives_on(self) -> date | None:
        """When the whole line is there. None: not known."""
        return None if self._is_open_ended else _latest(portion.arrives_on for portion in self.portions)

    @property
    def ready_at(self) -> datetime | None:
        """When the whole line is ready for pick-up. None: not known, or it is no pick-up."""
        return None if self._is_open_ended else _latest(portion.ready_at for portion in self.portions)

    @property
    def same_day(self) -> bool:
        return not self._is_open_ended and all(portion.same_day for portion in self.portions)

    @property
    def _is_open_ended(self) -> bool:
        return not self.portions or (self.short > 0 and self.restock is None)


class _Order(NamedTuple):
    """What is the same for all portions of a line."""

    now: datetime
    preorder_until: date | None
    pickup: Site | None


def promise(
    allocation: Iterable[tuple[Site, int]],
    short: int,
    now: datetime,
    *,
    due: Iterable[Due] = (),
    waiting: Mapping[int, int] = NOBODY,
    preorder_until: date | None = None,
    pickup: Site | None = None,
) -> Promise:
    """A line ordered at `now` (aware). `allocation`: what the places give from their stock; `short`: what is
    missing from the line, at least 0. `due`: only at places that the line may come from; `waiting`: by location_id,
    what older back-orders there still lack, and get first. Nothing leaves before the date `preorder_until`.
    `pickup`: where the customer comes for it; what stands elsewhere is transferred. Quantities are in the SKU's
    smallest unit. Raises TIME_ZONE_UNKNOWN."""
    order = _Order(now, preorder_until, pickup)
    standing = [_portion(order, site, quantity, None) for site, quantity in allocation if quantity]
    coming = [_portion(order, *part) for part in _coming(due, waiting, short)]
    return Promise((*standing, *coming), short, _latest(portion.restock for portion in coming))


def basket_arrives_on(lines: Sequence[Promise]) -> date | None:
    """When the whole basket is there, the last line deciding. None: not known for some line."""
    return _latest(line.arrives_on for line in lines)


def _coming(due: Iterable[Due], waiting: Mapping[int, int], short: int) -> list[tuple[Site, int, date]]:
    """The earliest goods due in that cover the shortage, each place's back-orders served first. Empty: it isn't
    covered."""
    lacking = dict(waiting)
    parts = []
    for site, on, quantity in sorted(due, key=lambda row: (row.on, row.site.priority, row.site.location_id)):
        if short == 0:
            break
        kept = min(quantity, lacking.get(site.location_id, 0))
        if kept:
            lacking[site.location_id] -= kept
        given = min(quantity - kept, short)
        if given:
            parts.append((site, given, on))
            short -= given
    return parts if short == 0 else []


def _portion(order: _Order, site: Site, quantity: int, due_on: date | None) -> Portion:
    now, preorder_until, pickup = order
    from_date = max(day for day in (local_date(site, now), due_on, preorder_until) if day is not None)
    leaves = None if from_date > LAST_DAY else leaves_at(site, max(now, begins_at(site, from_date)))
    ready, arrives = None, None
    if leaves is not None and pickup is None:
        arrives = arrives_on(site, leaves)
    elif leaves is not None and pickup is not None:
        here = pickup.location_id == site.location_id
        ready = leaves if here else leaves_at(pickup, arrives_at(site, leaves))
        arrives = None if ready is None else local_date(pickup, ready)
    return Portion(
        site,
        quantity,
        None if due_on is None else from_date,
        leaves,
        arrives,
        ready,
        arrives == local_date(pickup or site, now),
    )


def _latest(moments: Iterable[_Time | None]) -> _Time | None:
    """The last of them; None when there is none, or when one isn't known."""
    found = list(moments)
    known = [moment for moment in found if moment is not None]
    return max(known) if known and len(known) == len(found) else None
