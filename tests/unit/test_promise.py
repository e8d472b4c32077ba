"""What a customer is told, by the clocks of Warsaw: ordered on Wednesday, 2 June 2027, at noon."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from inventory.domain.promise import Due, Portion, Promise, basket_arrives_on, promise
from inventory.domain.topology import Site, Weekday

ZONE = ZoneInfo("Europe/Warsaw")
WEEK = Weekday.ALL ^ (Weekday.SATURDAY | Weekday.SUNDAY)
NOW = datetime(2027, 6, 2, 12, 0, tzinfo=ZONE)

HALL = Site(1, "hall", handling=timedelta(hours=4), working_days=WEEK, time_zone="Europe/Warsaw", transit_days=1)
LATE = HALL._replace(location_id=2, code="late", cutoff_minute=11 * 60, transit_days=2)
SHOP = Site(3, "shop", handling=timedelta(hours=1), cutoff_minute=18 * 60, time_zone="Europe/Warsaw")
SHUT = Site(4, "shut", working_days=Weekday(0), time_zone="Europe/Warsaw")


def june(day: int) -> date:
    return date(2027, 6, day)


def told(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment.astimezone(ZONE):%-d %H:%M}"


def row(portion: Portion) -> tuple[str, int, int | None, str, int | None]:
    """Where from, how many, restock day, leaves, arrives."""
    restock = None if portion.restock is None else portion.restock.day
    arrives = None if portion.arrives_on is None else portion.arrives_on.day
    return portion.site.code, portion.quantity, restock, told(portion.leaves_at), arrives


def rows(found: Promise) -> list[tuple[str, int, int | None, str, int | None]]:
    return [row(portion) for portion in found.portions]


@pytest.mark.parametrize(
    ("allocation", "expected", "arrives", "same_day"),
    [
        ([(HALL, 3)], [("hall", 3, None, "2 16:00", 3)], june(3), False),
        ([(SHOP, 3)], [("shop", 3, None, "2 13:00", 2)], june(2), True),
        ([(LATE, 3)], [("late", 3, None, "3 04:00", 5)], june(5), False),
        ([(SHOP, 1), (HALL, 2)], [("shop", 1, None, "2 13:00", 2), ("hall", 2, None, "2 16:00", 3)], june(3), False),
        ([(SHOP, 1), (HALL, 0)], [("shop", 1, None, "2 13:00", 2)], june(2), True),
        ([(SHOP, 1), (SHUT, 2)], [("shop", 1, None, "2 13:00", 2), ("shut", 2, None, "never", None)], None, False),
        ([], [], None, False),
    ],
)
def test_what_stands_in_places_now(
    allocation: Sequence[tuple[Site, int]],
    expected: list[tuple[str, int, int | None, str, int | None]],
    arrives: date | None,
    same_day: bool,
) -> None:
    found = promise(allocation, 0, NOW)
    assert rows(found) == expected
    assert (found.arrives_on, found.same_day) == (arrives, same_day)
    assert (found.short, found.restock, found.ready_at) == (0, None, None)


@pytest.mark.parametrize(
    ("short", "due", "waiting", "restock", "expected", "arrives"),
    [
        # Covered by the first date on which enough has come.
        (5, [Due(HALL, june(7), 5)], {}, 7, [("hall", 5, 7, "7 04:00", 8)], 8),
        (5, [Due(HALL, june(9), 9), Due(HALL, june(7), 5)], {}, 7, [("hall", 5, 7, "7 04:00", 8)], 8),
        (
            5,
            [Due(HALL, june(7), 4), Due(HALL, june(9), 9)],
            {},
            9,
            [("hall", 4, 7, "7 04:00", 8), ("hall", 1, 9, "9 04:00", 10)],
            10,
        ),
        # Due on a closed day: it leaves when the place is open. Overdue: as if it came now.
        (5, [Due(HALL, june(5), 5)], {}, 5, [("hall", 5, 5, "7 04:00", 8)], 8),
        (5, [Due(HALL, june(1), 5)], {}, 2, [("hall", 5, 2, "2 16:00", 3)], 3),
        (5, [Due(HALL, june(2), 5)], {}, 2, [("hall", 5, 2, "2 16:00", 3)], 3),
        # From several places: on one day the one with priority first.
        (
            5,
            [Due(SHOP, june(7), 3), Due(HALL, june(7), 3)],
            {},
            7,
            [("hall", 3, 7, "7 04:00", 8), ("shop", 2, 7, "7 01:00", 7)],
            8,
        ),
        # Older back-orders of a place are served first, out of what comes to that place.
        (5, [Due(HALL, june(7), 7)], {1: 2}, 7, [("hall", 5, 7, "7 04:00", 8)], 8),
        (5, [Due(HALL, june(7), 7)], {1: 3}, None, [], None),
        (5, [Due(HALL, june(7), 7)], {3: 9}, 7, [("hall", 5, 7, "7 04:00", 8)], 8),
        (5, [Due(HALL, june(7), 4), Due(HALL, june(9), 9)], {1: 6}, 9, [("hall", 5, 9, "9 04:00", 10)], 10),
        (5, [Due(HALL, june(7), 4), Due(SHOP, june(9), 9)], {1: 4}, 9, [("shop", 5, 9, "9 01:00", 9)], 9),
        # Not covered: no date, not even for a part.
        (5, [], {}, None, [], None),
        (5, [Due(HALL, june(7), 4)], {}, None, [], None),
        # Due at a place that is never open.
        (5, [Due(SHUT, june(7), 5)], {}, 7, [("shut", 5, 7, "never", None)], None),
    ],
)
def test_what_is_short(
    short: int,
    due: list[Due],
    waiting: dict[int, int],
    restock: int | None,
    expected: list[tuple[str, int, int | None, str, int | None]],
    arrives: int | None,
) -> None:
    found = promise([(SHOP, 1)], short, NOW, due=due, waiting=waiting)
    assert found.short == short
    assert found.restock == (restock and june(restock))
    assert rows(found) == [("shop", 1, None, "2 13:00", 2), *expected]
    assert found.arrives_on == (arrives and june(arrives))


def test_nothing_is_taken_from_what_is_due_in_while_enough_stands() -> None:
    found = promise([(SHOP, 1)], 0, NOW, due=[Due(HALL, june(7), 5)])
    assert (found.restock, len(found.portions)) == (None, 1)


@pytest.mark.parametrize(
    ("until", "leaves", "arrives"),
    [
        (None, "2 16:00", 3),
        (june(1), "2 16:00", 3),
        (june(2), "2 16:00", 3),
        (june(3), "3 04:00", 4),
        (june(5), "7 04:00", 8),
    ],
)
def test_a_preorder_leaves_no_earlier_than_its_date(until: date | None, leaves: str, arrives: int) -> None:
    found = promise([(HALL, 1)], 0, NOW, preorder_until=until)
    assert rows(found) == [("hall", 1, None, leaves, arrives)]


@pytest.mark.parametrize(("until", "restock"), [(june(4), 7), (june(7), 7), (june(8), 8)])
def test_a_preorder_is_restocked_no_earlier_than_its_date(until: date, restock: int) -> None:
    found = promise([], 1, NOW, due=[Due(HALL, june(7), 5)], preorder_until=until)
    assert found.restock == june(restock)


@pytest.mark.parametrize(
    ("source", "pickup", "ready", "same_day"),
    [
        # From its own stock: the shop's handling, if its cut-off allows.
        (SHOP, SHOP, "2 13:00", True),
        (SHOP, SHOP._replace(working_days=WEEK), "2 13:00", True),
        # By transfer: leaves on the 2nd at 16:00, arrives a day later at 16:00, and is handled there.
        (HALL, SHOP, "3 17:00", False),
        (HALL._replace(transit_days=0), SHOP, "2 17:00", True),
        # It arrives after the cut-off, or on a closed day.
        (HALL, SHOP._replace(cutoff_minute=15 * 60), "4 01:00", False),
        (HALL._replace(transit_days=3), SHOP._replace(working_days=WEEK), "7 01:00", False),
        (HALL, SHOP._replace(closed_on=frozenset({june(3), june(4)})), "5 01:00", False),
        # Either place never opens.
        (SHUT, SHOP, "never", False),
        (HALL, SHUT, "never", False),
    ],
)
def test_when_a_pickup_is_ready(source: Site, pickup: Site, ready: str, same_day: bool) -> None:
    found = promise([(source if source is not SHOP else pickup, 2)], 0, NOW, pickup=pickup)
    assert told(found.ready_at) == ready
    assert found.same_day is same_day
    assert found.arrives_on == (found.ready_at and found.ready_at.astimezone(ZONE).date())


def test_the_date_of_a_pickup_is_the_pickup_places_own() -> None:
    tokyo = SHOP._replace(location_id=5, time_zone="Asia/Tokyo", cutoff_minute=None)
    evening = NOW.replace(hour=16, minute=30)
    found = promise([(tokyo, 1)], 0, evening, pickup=tokyo)
    assert (told(found.ready_at), found.arrives_on, found.same_day) == ("2 17:30", june(3), False)


def test_a_pickup_waits_for_goods_due_in_elsewhere() -> None:
    found = promise([(SHOP, 1)], 2, NOW, due=[Due(HALL, june(7), 2)], pickup=SHOP)
    assert [told(portion.ready_at) for portion in found.portions] == ["2 13:00", "8 05:00"]
    assert told(found.ready_at) == "8 05:00"


def test_the_last_line_decides_for_the_basket() -> None:
    soon, later = promise([(SHOP, 1)], 0, NOW), promise([(HALL, 1)], 0, NOW)
    assert basket_arrives_on([soon, later]) == june(3)
    assert basket_arrives_on([later, soon]) == june(3)
    assert basket_arrives_on([soon, promise([], 1, NOW)]) is None
    assert basket_arrives_on([]) is None


@pytest.mark.parametrize("on", [date.min, date(9989, 12, 31), date(9990, 1, 2), date.max])
def test_what_is_due_at_the_end_of_time_is_promised_for_no_day(on: date) -> None:
    west = HALL._replace(time_zone="Pacific/Honolulu", transit_days=365)
    for pickup in (None, SHOP, west):
        found = promise([], 3, NOW, due=[Due(west, on, 3)], preorder_until=on, pickup=pickup)
        assert (found.arrives_on is None) == (on > date(9990, 1, 1))
        assert found.restock == max(on, NOW.date())
