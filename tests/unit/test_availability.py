"""What a channel may sell, as tables."""

from collections.abc import Iterator

import pytest

from inventory.domain.availability import (
    NOTHING,
    Sellable,
    available_to_sell,
    bundle_available,
    room,
    seen,
    short_lived,
)
from inventory.domain.level import EMPTY, Level
from inventory.domain.topology import NO_VIEW, OVERSELL_UNLIMITED, View

ENDLESS = OVERSELL_UNLIMITED
TEN = Level(10)


@pytest.mark.parametrize(
    ("view", "raw", "expected"),
    [
        (View(), 10, 10),
        (View(buffer=0), 10, 10),
        (View(buffer=3), 10, 7),
        (View(buffer=10), 10, 0),
        (View(buffer=11), 10, 0),
        (View(share_bp=10_000), 10, 10),
        (View(share_bp=5_000), 9, 4),
        (View(share_bp=1), 9_999, 0),
        (View(share_bp=1), 10_000, 1),
        (View(share_bp=0), 10, 0),
        (View(cap=10), 10, 10),
        (View(cap=11), 10, 10),
        (View(cap=9), 10, 9),
        (View(cap=0), 10, 0),
        (View(buffer=2, share_bp=5_000, cap=3), 10, 3),
        (View(buffer=2, share_bp=5_000, cap=9), 10, 4),
        (View(buffer=2, share_bp=5_000, cap=9), 1, 0),
        (View(oversell_limit=99), 10, 10),
    ],
)
def test_first_the_buffer_then_the_share_then_the_cap(view: View, raw: int, expected: int) -> None:
    assert seen(view, raw) == expected


@pytest.mark.parametrize(
    ("places", "stock"),
    [
        ((), 0),
        ((EMPTY,), 0),
        ((TEN, EMPTY, Level(5)), 15),
        ((Level(10, held=3, allocated=2),), 5),
        ((Level(10, quality_control=1, damaged=2, quarantined=3),), 4),
        ((Level(10, held=10, backordered=2),), 0),
        ((Level(10, backordered=4),), 6),
        ((Level(10, held=10, backordered=7), Level(5)), 5),
        ((Level(10, in_transit=7, incoming=8),), 10),
        ((Level(10, safety_stock=9, reorder_point=9),), 10),
        ((Level(ENDLESS), Level(ENDLESS)), ENDLESS),
    ],
    ids=str,
)
def test_what_waits_at_one_place_takes_nothing_from_another(places: tuple[Level, ...], stock: int) -> None:
    assert available_to_sell(NO_VIEW, places, oversell_limit=None) == Sellable(stock, 0)


@pytest.mark.parametrize(
    ("view", "oversell_limit", "places", "expected"),
    [
        # no policy at all: the places' own limits are the policy
        (View(), None, [TEN], Sellable(10, 0)),
        (View(), None, [Level(10, backorder_limit=0)], Sellable(10, 0)),
        (View(), None, [Level(10, backorder_limit=4)], Sellable(10, 4)),
        (View(), None, [Level(backorder_limit=4, backordered=1), Level(backorder_limit=2), EMPTY], Sellable(0, 5)),
        (View(), None, [Level(backorder_limit=4, backordered=9), Level(backorder_limit=2)], Sellable(0, 2)),
        # the SKU's
        (View(), 0, [Level(10, backorder_limit=4)], Sellable(10, 0)),
        (View(), 5, [TEN, EMPTY], Sellable(10, 5)),
        (View(), 5, [], NOTHING),
        (View(), 5, [Level(backordered=2), Level(backordered=1)], Sellable(0, 2)),
        (View(), 5, [Level(backordered=6)], NOTHING),
        (View(), ENDLESS, [TEN], Sellable(10, ENDLESS)),
        (View(), ENDLESS, [Level(backordered=6)], Sellable(0, ENDLESS)),
        (View(), ENDLESS, [], NOTHING),
        # a place's own limit caps its part
        (View(), 5, [Level(backorder_limit=3)], Sellable(0, 3)),
        (View(), 5, [Level(backorder_limit=0)], NOTHING),
        (View(), 5, [Level(backorder_limit=3, backordered=2)], Sellable(0, 1)),
        (View(), 5, [Level(backorder_limit=3), Level(backorder_limit=1)], Sellable(0, 4)),
        (View(), 5, [Level(backorder_limit=3), EMPTY], Sellable(0, 5)),
        (View(), ENDLESS, [Level(backorder_limit=3), Level(backorder_limit=0)], Sellable(0, 3)),
        (View(), ENDLESS, [Level(backorder_limit=3), EMPTY], Sellable(0, ENDLESS)),
        # the channel's goes before the SKU's, also where it is 0
        (View(oversell_limit=0), 5, [TEN], Sellable(10, 0)),
        (View(oversell_limit=0), ENDLESS, [Level(10, backorder_limit=4)], Sellable(10, 0)),
        (View(oversell_limit=7), 5, [TEN], Sellable(10, 7)),
        (View(oversell_limit=7), 0, [TEN], Sellable(10, 7)),
        (View(oversell_limit=7), None, [TEN], Sellable(10, 7)),
        (View(oversell_limit=ENDLESS), 0, [TEN], Sellable(10, ENDLESS)),
        # the buffer and the share are of the shelves only
        (View(buffer=3), 5, [TEN], Sellable(7, 5)),
        (View(buffer=20), 5, [TEN], Sellable(0, 5)),
        (View(share_bp=0), 5, [TEN], Sellable(0, 5)),
        # the cap bounds both together
        (View(cap=0), ENDLESS, [TEN], NOTHING),
        (View(cap=4), 5, [TEN], Sellable(4, 0)),
        (View(cap=10), 5, [TEN], Sellable(10, 0)),
        (View(cap=12), 5, [TEN], Sellable(10, 2)),
        (View(cap=15), 5, [TEN], Sellable(10, 5)),
        (View(cap=12), ENDLESS, [TEN], Sellable(10, 2)),
    ],
)
def test_the_room_for_back_orders(
    view: View, oversell_limit: int | None, places: list[Level], expected: Sellable
) -> None:
    assert available_to_sell(view, places, oversell_limit=oversell_limit) == expected


@pytest.mark.parametrize(
    ("oversell_limit", "elsewhere", "room_left"), [(5, 2, 3), (5, 9, 0), (None, 9, 4), (ENDLESS, 9, 4)]
)
def test_a_policy_counts_what_waits_at_places_that_the_channel_does_not_sell_from(
    oversell_limit: int | None, elsewhere: int, room_left: int
) -> None:
    places = [Level(backorder_limit=4)]
    found = available_to_sell(NO_VIEW, places, oversell_limit=oversell_limit, backordered_elsewhere=elsewhere)
    assert found == Sellable(0, room_left)
    assert room(NO_VIEW, oversell_limit, places[0], elsewhere) == room_left


@pytest.mark.parametrize(
    ("sellable", "total"),
    [
        (NOTHING, 0),
        (Sellable(3, 4), 7),
        (Sellable(3, ENDLESS), ENDLESS),
        (Sellable(ENDLESS, ENDLESS), ENDLESS),
    ],
)
def test_the_total_ends_where_the_endless_begins(sellable: Sellable, total: int) -> None:
    assert sellable.total == total
    assert sellable.stock + sellable.waiting == total


@pytest.mark.parametrize(
    ("view", "stock"),
    [
        (View(), ENDLESS),
        (View(buffer=5), ENDLESS),
        (View(share_bp=1), ENDLESS),
        (View(share_bp=0), 0),
        (View(cap=7), 7),
        (View(cap=0), 0),
        (View(oversell_limit=0), ENDLESS),
        (View(oversell_limit=9), ENDLESS),
    ],
)
def test_a_virtual_sku_is_never_short_but_capped(view: View, stock: int) -> None:
    promised = Level(4, held=3, allocated=1)
    assert available_to_sell(view, [promised], oversell_limit=5, never_short=True) == Sellable(stock, 0)


def test_a_virtual_sku_without_a_place_to_sell_it_from_is_not_sold() -> None:
    assert available_to_sell(NO_VIEW, [], oversell_limit=None, never_short=True) == NOTHING


@pytest.mark.parametrize(
    ("level", "usable", "expected"),
    [
        (TEN, 10, 0),
        (TEN, 6, 4),
        (TEN, 0, 10),
        (Level(10, backordered=3), 6, 1),
        (Level(10, backordered=3), 7, 0),
        (Level(10, held=10, backordered=3), 0, 0),
    ],
)
def test_what_no_lot_covers_that_lasts_is_not_sold(level: Level, usable: int, expected: int) -> None:
    assert short_lived(level, usable) == expected
    found = available_to_sell(NO_VIEW, [level], oversell_limit=None, short_lived=expected)
    assert found.stock == max(min(level.free, usable), 0)


KIT = [(1, 2), (2, 1)]
"""Two of the first and one of the second."""


@pytest.mark.parametrize(
    ("first", "second", "sellable", "one_place", "several"),
    [
        ({7: 10}, {7: 3}, {}, 3, 3),
        ({7: 5}, {7: 3}, {}, 2, 2),
        ({7: 1}, {7: 3}, {}, 0, 0),
        ({7: 10}, {8: 3}, {}, 0, 3),
        ({7: 4, 8: 2}, {7: 1, 8: 9}, {}, 2, 3),
        ({7: 3, 8: 3}, {7: 9, 8: 9}, {}, 2, 3),
        ({}, {7: 3}, {}, 0, 0),
        ({7: 10}, {}, {}, 0, 0),
        ({7: 10, 8: -4}, {7: 3, 8: 3}, {}, 3, 5),
        # never more than a component's own view allows
        ({7: 10}, {7: 9}, {1: 7}, 3, 3),
        ({7: 10}, {7: 9}, {2: 1}, 1, 1),
        ({7: 10}, {7: 9}, {1: 0}, 0, 0),
        ({7: ENDLESS, 8: ENDLESS}, {7: 4, 8: 1}, {}, 5, 5),
        ({7: ENDLESS, 8: ENDLESS}, {7: ENDLESS, 8: ENDLESS}, {1: ENDLESS, 2: ENDLESS}, ENDLESS // 2, ENDLESS // 2),
    ],
)
def test_a_bundle_is_as_scarce_as_its_scarcest_component(
    first: dict[int, int], second: dict[int, int], sellable: dict[int, int], one_place: int, several: int
) -> None:
    free = {1: first, 2: second}
    limits = {1: ENDLESS * 4, 2: ENDLESS * 4, **sellable}
    assert bundle_available(KIT, free, limits, from_several_places=False) == one_place
    assert bundle_available(KIT, free, limits, from_several_places=True) == several


def test_a_bundle_of_nothing_is_not_sold() -> None:
    assert bundle_available([], {}, {}, from_several_places=False) == 0
    assert bundle_available([], {}, {}, from_several_places=True) == 0


@pytest.mark.parametrize(("view", "expected"), [(View(), 4), (View(buffer=1), 3), (View(cap=0), 0)])
def test_a_bundles_own_view_counts_bundles(view: View, expected: int) -> None:
    whole = bundle_available(KIT, {1: {7: 8}, 2: {7: 9}}, {1: 8, 2: 9}, from_several_places=False)
    assert seen(view, whole) == expected


def test_places_may_be_read_one_by_one() -> None:
    levels: Iterator[Level] = (Level(number) for number in (1, 2, 3))
    assert available_to_sell(View(cap=8), levels, oversell_limit=5) == Sellable(6, 2)
