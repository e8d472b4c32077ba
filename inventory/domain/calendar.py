"""When a place works: from when an order is accepted to when it can leave, in the place's own time zone.

A day is open when it is a working day and not among the closed dates; it is open as a whole, from its first moment to
the first moment of the next date. Handling is elapsed time, counted while days are open, from the acceptance of the
order. An order that comes on a closed day or after the cut-off is accepted at the first moment of the next open day.
"""

import zoneinfo
from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from inventory.domain.limits import CODE_BYTES_MAX
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.topology import Site

DAYS_AHEAD_MAX = 366
"""How far a place's calendar is looked through for the day an order leaves on."""
LAST_DAY = date(9990, 1, 1)
"""Beyond it nothing is foreseen: time itself ends in the year 9999."""
_NOWHERE = frozenset({"Factory", "localtime", "posixrules"})
"""Files of the time zone database that name no zone: what they mean differs from machine to machine."""


def time_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name such as `Europe/Warsaw`, exactly as it is spelt. The first call lists the machine's time
    zone database. Raises TIME_ZONE_UNKNOWN."""
    if name not in _names():
        told = name[:CODE_BYTES_MAX]
        raise Refusal(
            Reason.TIME_ZONE_UNKNOWN, f"no time zone {told!r}", field="time_zone", metadata={"time_zone": told}
        )
    return ZoneInfo(name)


def local_date(site: Site, moment: datetime) -> date:
    """The place's date at an aware moment. Raises TIME_ZONE_UNKNOWN."""
    return moment.astimezone(time_zone(site.time_zone)).date()


def has_passed(day: date, zone: str, moment: datetime) -> bool:
    """Whether a date is over at an aware moment where such clocks are. Raises TIME_ZONE_UNKNOWN."""
    return day < moment.astimezone(time_zone(zone)).date()


def begins_at(site: Site, day: date) -> datetime:
    """The first moment of a date at the place, in UTC. Raises TIME_ZONE_UNKNOWN."""
    return _first_moment(time_zone(site.time_zone), datetime.combine(day, time.min))


def leaves_at(site: Site, now: datetime) -> datetime | None:
    """When an order accepted at `now` (aware) can leave the place, in UTC: never before `now`, always on an open day.
    Exactly at the cut-off still counts. None: not within DAYS_AHEAD_MAX days, as for a place without working days.
    Raises TIME_ZONE_UNKNOWN."""
    zone = time_zone(site.time_zone)
    now = now.astimezone(UTC)
    today = now.astimezone(zone).date()
    left = site.handling
    for ahead in range(DAYS_AHEAD_MAX + 1):
        day = today + timedelta(days=ahead)
        if not _is_open(site, day):
            continue
        midnight = datetime.combine(day, time.min)
        if ahead:
            begins = _first_moment(zone, midnight)
        elif site.cutoff_minute is None or now <= _first_moment(zone, midnight + timedelta(minutes=site.cutoff_minute)):
            begins = now
        else:
            continue
        open_for = _first_moment(zone, midnight + timedelta(days=1)) - begins
        if left < open_for:
            return begins + left
        left -= open_for
    return None


def arrives_on(site: Site, leaves: datetime) -> date:
    """The date on which what leaves the place then is with the customer. Raises TIME_ZONE_UNKNOWN."""
    return local_date(site, leaves) + timedelta(days=site.transit_days)


def arrives_at(site: Site, leaves: datetime) -> datetime:
    """When what leaves the place then is at another place, in UTC: at the same time of day by the first one's clock.
    Raises TIME_ZONE_UNKNOWN."""
    if site.transit_days == 0:
        return leaves
    zone = time_zone(site.time_zone)
    return _first_moment(zone, _clock(zone, leaves) + timedelta(days=site.transit_days))


def _is_open(site: Site, day: date) -> bool:
    return bool(int(site.working_days) >> day.weekday() & 1) and day not in site.closed_on


def _first_moment(zone: ZoneInfo, clock: datetime) -> datetime:
    """The first moment, in UTC, at which the zone's clocks show this date and time or a later one: the end of the gap
    that swallows it, the first of the two that show it."""
    found = clock.replace(tzinfo=zone).astimezone(UTC)
    if _clock(zone, found) == clock:
        return found
    # In a gap fold 1 is the moment as far before the jump as the gap goes on after it. Zones change at whole seconds.
    before = clock.replace(tzinfo=zone, fold=1).astimezone(UTC).replace(microsecond=0)
    span_s = int((found - before).total_seconds()) + 1
    jump_s = bisect_left(range(span_s), True, key=lambda s: _clock(zone, before + timedelta(seconds=s)) >= clock)
    return before + timedelta(seconds=jump_s)


def _clock(zone: ZoneInfo, moment: datetime) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


@cache
def _names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones()) - _NOWHERE
