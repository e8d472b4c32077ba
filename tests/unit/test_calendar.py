"""When an order can leave a place. Times are written as the place's clocks show them."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inventory.domain.calendar import (
    DAYS_AHEAD_MAX,
    arrives_at,
    arrives_on,
    begins_at,
    leaves_at,
    local_date,
    time_zone,
)
from inventory.domain.limits import CODE_BYTES_MAX
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.topology import Site, Weekday

WEEK = Weekday.ALL ^ (Weekday.SATURDAY | Weekday.SUNDAY)
TWO_PM = 14 * 60
HALF_PAST_TWO = 2 * 60 + 30
WARSAW, CAIRO, BEIRUT, SANTIAGO = "Europe/Warsaw", "Africa/Cairo", "Asia/Beirut", "America/Santiago"


def at(text: str, zone: str = "UTC") -> datetime:
    """A moment by a zone's clocks; a trailing * is the second of two that show it."""
    return datetime.fromisoformat(text.rstrip("*")).replace(tzinfo=ZoneInfo(zone), fold=text.endswith("*"))


def leaves(site: Site, ordered: str) -> str:
    """When an order leaves, by the place's clocks."""
    found = leaves_at(site, at(ordered, site.time_zone).astimezone(UTC))
    if found is None:
        return "never"
    assert found.tzinfo is UTC
    local = found.astimezone(ZoneInfo(site.time_zone))
    return f"{local:%a %Y-%m-%d %H:%M}" + "*" * local.fold


def shop(
    working_days: Weekday = Weekday.ALL,
    cutoff_minute: int | None = None,
    hours: float = 0,
    zone: str = WARSAW,
    closed_on: frozenset[date] = frozenset(),
    transit_days: int = 0,
) -> Site:
    return Site(
        1,
        "shop",
        handling=timedelta(hours=hours),
        cutoff_minute=cutoff_minute,
        working_days=working_days,
        closed_on=closed_on,
        time_zone=zone,
        transit_days=transit_days,
    )


CHRISTMAS = frozenset({date(2026, 12, 24), date(2026, 12, 25)})


@pytest.mark.parametrize(
    ("site", "ordered", "expected"),
    [
        # The cut-off.
        (shop(), "2026-06-01T23:59", "Mon 2026-06-01 23:59"),
        (shop(WEEK, TWO_PM), "2026-06-01T13:59", "Mon 2026-06-01 13:59"),
        (shop(WEEK, TWO_PM), "2026-06-01T14:00", "Mon 2026-06-01 14:00"),
        (shop(WEEK, TWO_PM), "2026-06-01T14:00:00.000001", "Tue 2026-06-02 00:00"),
        (shop(WEEK, 0), "2026-06-01T00:00", "Mon 2026-06-01 00:00"),
        (shop(WEEK, 0), "2026-06-01T00:01", "Tue 2026-06-02 00:00"),
        (shop(WEEK, 24 * 60), "2026-06-01T23:59", "Mon 2026-06-01 23:59"),
        # Closed days.
        (shop(WEEK, TWO_PM), "2026-06-05T14:01", "Mon 2026-06-08 00:00"),
        (shop(WEEK, TWO_PM), "2026-06-06T10:00", "Mon 2026-06-08 00:00"),
        (shop(Weekday.SUNDAY), "2026-06-01T10:00", "Sun 2026-06-07 00:00"),
        (shop(WEEK, TWO_PM, closed_on=CHRISTMAS), "2026-12-23T15:00", "Mon 2026-12-28 00:00"),
        (shop(WEEK, closed_on=CHRISTMAS), "2026-12-24T10:00", "Mon 2026-12-28 00:00"),
        # Handling: elapsed time of open days.
        (shop(WEEK, TWO_PM, hours=2), "2026-06-01T13:00", "Mon 2026-06-01 15:00"),
        (shop(WEEK, TWO_PM, hours=2), "2026-06-01T14:30", "Tue 2026-06-02 02:00"),
        (shop(WEEK, hours=2), "2026-06-01T23:00", "Tue 2026-06-02 01:00"),
        (shop(WEEK, hours=2), "2026-06-05T23:00", "Mon 2026-06-08 01:00"),
        (shop(WEEK, hours=48), "2026-06-05T12:00", "Tue 2026-06-09 12:00"),
        (shop(WEEK, hours=48), "2026-06-06T12:00", "Wed 2026-06-10 00:00"),
        (shop(WEEK, hours=36, closed_on=CHRISTMAS), "2026-12-23T18:00", "Tue 2026-12-29 06:00"),
        # What is ready as the doors close leaves as they open.
        (shop(WEEK, hours=1), "2026-06-05T23:00", "Mon 2026-06-08 00:00"),
        # Never.
        (shop(Weekday(0)), "2026-06-01T10:00", "never"),
        (shop(Weekday.MONDAY, hours=24 * 60), "2026-06-01T10:00", "never"),
    ],
)
def test_when_an_order_leaves(site: Site, ordered: str, expected: str) -> None:
    assert leaves(site, ordered) == expected


@pytest.mark.parametrize(
    ("site", "ordered", "expected"),
    [
        # Warsaw, Sunday 2027-03-28: 02:00 becomes 03:00. Half past two counts as 03:00.
        (shop(cutoff_minute=HALF_PAST_TWO), "2027-03-28T01:59", "Sun 2027-03-28 01:59"),
        (shop(cutoff_minute=HALF_PAST_TWO), "2027-03-28T03:00", "Sun 2027-03-28 03:00"),
        (shop(cutoff_minute=HALF_PAST_TWO), "2027-03-28T03:00:01", "Mon 2027-03-29 00:00"),
        (shop(cutoff_minute=HALF_PAST_TWO), "2027-03-27T02:31", "Sun 2027-03-28 00:00"),
        (shop(hours=2), "2027-03-28T01:30", "Sun 2027-03-28 04:30"),
        (shop(hours=24), "2027-03-27T12:00", "Sun 2027-03-28 13:00"),
        (shop(Weekday.SUNDAY, hours=23), "2027-03-28T00:00", "Sun 2027-04-04 00:00"),
        # Warsaw, Sunday 2027-10-31: 03:00 becomes 02:00. Half past two is the first of the two.
        (shop(cutoff_minute=HALF_PAST_TWO), "2027-10-31T02:30", "Sun 2027-10-31 02:30"),
        (shop(cutoff_minute=HALF_PAST_TWO), "2027-10-31T02:31", "Mon 2027-11-01 00:00"),
        (shop(cutoff_minute=HALF_PAST_TWO), "2027-10-31T02:15*", "Mon 2027-11-01 00:00"),
        (shop(cutoff_minute=HALF_PAST_TWO), "2027-10-31T02:30*", "Mon 2027-11-01 00:00"),
        (shop(hours=1), "2027-10-31T02:30", "Sun 2027-10-31 02:30*"),
        (shop(hours=24), "2027-10-30T12:00", "Sun 2027-10-31 11:00"),
        (shop(Weekday.SUNDAY, hours=24), "2027-10-31T00:00", "Sun 2027-10-31 23:00"),
        # Cairo, Friday 2027-04-30: the day begins at 01:00. Thursday 2027-10-28: 24:00 becomes 23:00.
        (shop(zone=CAIRO, hours=1), "2027-04-29T23:30", "Fri 2027-04-30 01:30"),
        (shop(zone=CAIRO, cutoff_minute=0), "2027-04-29T00:01", "Fri 2027-04-30 01:00"),
        (shop(zone=CAIRO, cutoff_minute=0), "2027-04-30T01:00", "Fri 2027-04-30 01:00"),
        (shop(zone=CAIRO, cutoff_minute=30), "2027-04-30T01:00", "Fri 2027-04-30 01:00"),
        (shop(zone=CAIRO, cutoff_minute=30), "2027-04-30T01:01", "Sat 2027-05-01 00:00"),
        (shop(Weekday.FRIDAY, zone=CAIRO, hours=23), "2027-04-30T01:00", "Fri 2027-05-07 00:00"),
        (shop(zone=CAIRO, hours=1), "2027-10-28T23:30", "Thu 2027-10-28 23:30*"),
        (shop(zone=CAIRO, cutoff_minute=23 * 60 + 30), "2027-10-28T23:10*", "Fri 2027-10-29 00:00"),
        # Beirut, Sunday 2027-03-28, and Santiago, Sunday 2027-09-05, begin at 01:00 too.
        (shop(zone=BEIRUT, cutoff_minute=TWO_PM), "2027-03-27T15:00", "Sun 2027-03-28 01:00"),
        (shop(zone=SANTIAGO, cutoff_minute=TWO_PM), "2027-09-04T15:00", "Sun 2027-09-05 01:00"),
        # São Paulo as it was: Sunday 2018-11-04 began at 01:00, Saturday 2019-02-16 had two hours from 23:00.
        (shop(zone="America/Sao_Paulo", cutoff_minute=TWO_PM), "2018-11-03T15:00", "Sun 2018-11-04 01:00"),
        (shop(zone="America/Sao_Paulo", hours=2), "2019-02-16T22:30", "Sat 2019-02-16 23:30*"),
        # Havana, Sunday 2027-11-07: midnight comes twice, the day begins with the first.
        (shop(zone="America/Havana", cutoff_minute=TWO_PM), "2027-11-06T15:00", "Sun 2027-11-07 00:00"),
        (shop(Weekday.SUNDAY, zone="America/Havana", hours=24.5), "2027-11-07T00:00", "Sun 2027-11-07 23:30"),
        # Lord Howe turns its clocks by half an hour: Sunday 2027-10-03, 02:00 becomes 02:30.
        (shop(zone="Australia/Lord_Howe", cutoff_minute=2 * 60 + 10), "2027-10-03T02:30", "Sun 2027-10-03 02:30"),
        (shop(zone="Australia/Lord_Howe", cutoff_minute=2 * 60 + 10), "2027-10-03T02:31", "Mon 2027-10-04 00:00"),
        # Samoa had no 2011-12-30, a Friday: no order leaves on it.
        (shop(zone="Pacific/Apia", cutoff_minute=TWO_PM), "2011-12-29T15:00", "Sat 2011-12-31 00:00"),
        (shop(Weekday.FRIDAY, zone="Pacific/Apia"), "2011-12-29T15:00", "Fri 2012-01-06 00:00"),
    ],
)
def test_when_an_order_leaves_while_the_clocks_change(site: Site, ordered: str, expected: str) -> None:
    assert leaves(site, ordered) == expected


@pytest.mark.parametrize(
    ("zone", "ordered", "expected"),
    [
        ("UTC", "2026-06-05T22:30", "2026-06-05T22:30"),
        (WARSAW, "2026-06-05T22:30", "2026-06-07T22:00"),
        ("Pacific/Kiritimati", "2026-06-07T10:00", "2026-06-07T10:00"),
        ("Pacific/Pago_Pago", "2026-06-06T10:59", "2026-06-06T10:59"),
    ],
)
def test_the_day_is_the_places_own(zone: str, ordered: str, expected: str) -> None:
    assert leaves_at(shop(WEEK, zone=zone), at(ordered)) == at(expected)


def test_a_moment_counts_whatever_zone_it_is_written_in() -> None:
    here, there = at("2026-06-05T22:30", WARSAW), at("2026-06-05T22:30", WARSAW).astimezone(ZoneInfo("Asia/Tokyo"))
    assert leaves_at(shop(WEEK), here) == leaves_at(shop(WEEK), there)


@pytest.mark.parametrize(
    ("site", "left", "day", "moment"),
    [
        (shop(), "2026-06-01T12:00", date(2026, 6, 1), "2026-06-01T12:00"),
        (shop(transit_days=2), "2026-06-01T12:00", date(2026, 6, 3), "2026-06-03T12:00"),
        (shop(WEEK, transit_days=1), "2026-06-05T12:00", date(2026, 6, 6), "2026-06-06T12:00"),
        (shop(transit_days=1), "2027-03-27T02:30", date(2027, 3, 28), "2027-03-28T03:00"),
        (shop(transit_days=1), "2027-03-27T02:30:00.25", date(2027, 3, 28), "2027-03-28T03:00"),
        (shop(transit_days=1), "2027-10-30T02:30", date(2027, 10, 31), "2027-10-31T02:30"),
        (shop(transit_days=1), "2027-10-31T02:30*", date(2027, 11, 1), "2027-11-01T02:30"),
        (shop(zone=CAIRO, transit_days=1), "2027-04-29T00:15", date(2027, 4, 30), "2027-04-30T01:00"),
    ],
)
def test_goods_arrive_calendar_days_later_at_the_same_time_of_day(
    site: Site, left: str, day: date, moment: str
) -> None:
    leaving = at(left, site.time_zone)
    assert arrives_on(site, leaving) == day
    assert arrives_at(site, leaving).astimezone(UTC) == at(moment, site.time_zone).astimezone(UTC)


def test_the_date_of_arrival_starts_from_the_places_own_date() -> None:
    assert local_date(shop(), at("2026-06-01T22:00")) == date(2026, 6, 2)
    assert arrives_on(shop(transit_days=1), at("2026-06-01T22:00")) == date(2026, 6, 3)


def test_a_day_begins_when_the_gap_at_midnight_ends() -> None:
    assert begins_at(shop(zone=CAIRO), date(2027, 4, 30)) == at("2027-04-29T22:00")


@pytest.mark.parametrize("name", ["UTC", "Europe/Warsaw", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "CET"])
def test_time_zones(name: str) -> None:
    assert time_zone(name).key == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "Europe/Warszawa",
        "europe/warsaw",
        " Europe/Warsaw",
        "Europe/Warsaw\n",
        "Europe/Warsaw\0",
        "Europe",
        "Europe/",
        "America/Argentina",
        "../zoneinfo/UTC",
        "Europe/../UTC",
        "./UTC",
        "/usr/share/zoneinfo/UTC",
        "posix/UTC",
        "right/UTC",
        "localtime",
        "posixrules",
        "Factory",
        "zone.tab",
        "tzdata.zi",
        "UTC+1",
        "+01:00",
        "x" * 100_000,
        "Ł/ódź",
    ],
    ids=lambda name: ascii(name[:30]),
)
def test_what_is_no_time_zone(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        time_zone(name)
    assert (refused.value.reason, refused.value.field) == (Reason.TIME_ZONE_UNKNOWN, "time_zone")
    assert len(refused.value.metadata["time_zone"]) <= CODE_BYTES_MAX
    with pytest.raises(Refusal):
        leaves_at(shop(zone=name), at("2026-06-01T12:00"))


ZONES = (WARSAW, CAIRO, BEIRUT, SANTIAGO, "UTC", "America/Havana", "Australia/Lord_Howe", "Pacific/Kiritimati")
FIRST = datetime(2027, 1, 1, tzinfo=UTC)
# Whole minutes meet cut-offs, ends of days and changes of clocks; microseconds meet what lies between.
moments = st.one_of(
    st.integers(0, 2 * 365 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes)),
    st.integers(0, 2 * 365 * 86_400 * 10**6).map(lambda micros: FIRST + timedelta(microseconds=micros)),
)


@st.composite
def sites(draw: st.DrawFn) -> Site:
    closed = st.integers(0, 800).map(lambda days: FIRST.date() + timedelta(days=days))
    return shop(
        Weekday(draw(st.integers(1, 127))),
        draw(st.none() | st.integers(0, 24 * 60)),
        draw(st.sampled_from((0, 0.25, 1, 5, 24, 50))),
        draw(st.sampled_from(ZONES)),
        draw(st.frozensets(closed, max_size=20)),
    )


def left(site: Site, now: datetime) -> datetime:
    found = leaves_at(site, now)
    assert found is not None
    return found


@given(sites(), moments)
def test_an_order_leaves_on_an_open_day_and_never_before_it_came(site: Site, now: datetime) -> None:
    leaving = left(site, now)
    day = local_date(site, leaving)
    assert leaving >= now + site.handling
    assert Weekday(1 << day.weekday()) in site.working_days
    assert day not in site.closed_on
    assert day <= local_date(site, now) + timedelta(days=DAYS_AHEAD_MAX)


@given(sites(), moments, st.timedeltas(timedelta(0), timedelta(days=3)))
@example(shop(cutoff_minute=HALF_PAST_TWO), at("2027-10-31T00:30"), timedelta(hours=1))
def test_who_orders_later_is_served_no_sooner(site: Site, now: datetime, later: timedelta) -> None:
    assert left(site, now) <= left(site, now + later)


@given(sites(), moments)
def test_a_place_that_is_always_open_leaves_after_its_handling(site: Site, now: datetime) -> None:
    always = site._replace(working_days=Weekday.ALL, closed_on=frozenset(), cutoff_minute=None)
    assert left(always, now) == now + site.handling


@given(sites(), moments)
def test_an_order_up_to_the_cutoff_is_ready_as_if_there_were_none(site: Site, now: datetime) -> None:
    clock = now.astimezone(ZoneInfo(site.time_zone))
    early = clock.hour * 60 + clock.minute < (site.cutoff_minute or 0) and not clock.fold
    if early:
        assert left(site, now) == left(site._replace(cutoff_minute=None), now)
    else:
        assert left(site, now) >= left(site._replace(cutoff_minute=None), now)
