"""Where the lines of an order come from, as tables."""

from datetime import date
from random import Random

import pytest

from inventory.domain.sourcing import FIGURES_MAX, Choice, Sourcing, Strategy, Want, distance_km, source
from inventory.domain.topology import Point, Site

BERLIN, HAMBURG, MUNICH = Point(52.5200, 13.4050), Point(53.5511, 9.9937), Point(48.1372, 11.5755)
A, B, C, D = 101, 102, 103, 104
Stock = dict[int, dict[int, int]]
"""By place, then by SKU."""
Found = list[dict[int, int]]


def places(*points: Point | None) -> list[Site]:
    """Numbered 1, 2, 3 … in the channel's order."""
    return [Site(number, f"place-{number}", point=point) for number, point in enumerate(points, 1)]


def one(sku_id: int, quantity: int, *, split: bool = False, limit: int = 10**9) -> Want:
    return Want(quantity, ((sku_id, 1),), split, limit)


def chosen(
    stock: Stock,
    *wants: Want,
    by: Strategy = Strategy.PRIORITY,
    to: Point | None = None,
    sites: list[Site] | None = None,
    lots: dict[tuple[int, int], date] | None = None,
) -> Found:
    found = source(
        wants,
        sites or places(*[None] * len(stock)),
        lambda sku_id, location_id: stock[location_id].get(sku_id, 0),
        Sourcing(by, to),
        lambda sku_id, location_id: (lots or {}).get((sku_id, location_id)),
    )
    assert all(isinstance(choice, Choice) for choices in found for choice in choices)
    return [dict(choices) for choices in found]


@pytest.mark.parametrize(
    ("free", "asked", "split", "given"),
    [
        ([5, 5, 5], 5, False, {1: 5}),
        ([4, 5, 9], 5, False, {2: 5}),
        ([4, 5, 9], 5, True, {2: 5}),
        ([3, 4, 2], 5, False, {2: 4}),
        ([4, 4, 2], 5, False, {1: 4}),
        ([3, 4, 2], 5, True, {1: 3, 2: 2}),
        ([3, 0, 2], 5, True, {1: 3, 3: 2}),
        ([3, 0, 1], 5, True, {1: 3, 3: 1}),
        ([0, 0, 0], 5, True, {}),
        ([0, 0, 0], 5, False, {}),
        ([5, 5, 5], 0, False, {}),
    ],
)
def test_a_line_by_priority(free: list[int], asked: int, split: bool, given: dict[int, int]) -> None:
    stock = {place: {A: quantity} for place, quantity in enumerate(free, 1)}
    assert chosen(stock, one(A, asked, split=split)) == [given]


@pytest.mark.parametrize(("limit", "given"), [(9, {1: 6}), (6, {1: 6}), (4, {1: 4}), (0, {}), (-1, {})], ids=str)
def test_a_line_is_given_no_more_than_the_limit(limit: int, given: dict[int, int]) -> None:
    assert chosen({1: {A: 10}}, one(A, 6, limit=limit)) == [given]


@pytest.mark.parametrize(
    ("free", "asked", "split", "given"),
    [
        ([5, 9, 7], 5, False, {2: 5}),
        ([7, 9, 9], 5, False, {2: 5}),
        ([5, 9, 7], 15, True, {2: 9, 3: 6}),
        ([5, 9, 7], 15, False, {2: 9}),
    ],
)
def test_most_stock_first(free: list[int], asked: int, split: bool, given: dict[int, int]) -> None:
    stock = {place: {A: quantity} for place, quantity in enumerate(free, 1)}
    assert chosen(stock, one(A, asked, split=split), by=Strategy.MOST_STOCK) == [given]


def test_most_stock_of_a_bundle_is_most_whole_bundles() -> None:
    stock = {1: {A: 100, B: 1}, 2: {A: 4, B: 4}}
    assert chosen(stock, Want(1, ((A, 2), (B, 1)), False, 9), by=Strategy.MOST_STOCK) == [{2: 1}]


@pytest.mark.parametrize(
    ("to", "order"), [(BERLIN, [2, 1, 3, 4]), (HAMBURG, [1, 2, 3, 4]), (MUNICH, [3, 2, 1, 4])], ids=["B", "H", "M"]
)
def test_nearest_first_and_places_without_coordinates_last(to: Point, order: list[int]) -> None:
    stock = {place: {A: 1} for place in (1, 2, 3, 4)}
    sites = places(HAMBURG, BERLIN, MUNICH, None)
    for asked in (1, 2, 3, 4):
        want = one(A, asked, split=True)
        assert chosen(stock, want, by=Strategy.NEAREST, to=to, sites=sites) == [dict.fromkeys(order[:asked], 1)]


def test_places_at_the_same_point_stay_in_the_channels_order() -> None:
    sites = places(None, BERLIN, BERLIN, None)
    stock = {place: {A: 1} for place in (1, 2, 3, 4)}
    assert list(chosen(stock, one(A, 4, split=True), by=Strategy.NEAREST, to=HAMBURG, sites=sites)[0]) == [2, 3, 1, 4]


@pytest.mark.parametrize(
    ("here", "there", "km"),
    [
        (BERLIN, BERLIN, 0),
        (BERLIN, HAMBURG, 255),
        (BERLIN, MUNICH, 504),
        (Point(0, 179.5), Point(0, -179.5), 111),
        (Point(90, 0), Point(90, 120), 0),
        (Point(90, 0), Point(-90, 0), 20_015),
        (Point(0, 0), Point(0, 180), 20_015),
    ],
)
def test_distances_are_great_circles(here: Point, there: Point, km: int) -> None:
    assert round(distance_km(here, there)) == km
    assert round(distance_km(there, here)) == km


def test_earliest_expiry_first_and_places_without_lots_last() -> None:
    lots = {(A, 2): date(2026, 3, 2), (A, 3): date(2026, 3, 1), (A, 4): date(2026, 2, 1)}
    stock = {1: {A: 5}, 2: {A: 5}, 3: {A: 4}, 4: {}}
    by = Strategy.EARLIEST_EXPIRY
    assert chosen(stock, one(A, 4), by=by, lots=lots) == [{3: 4}]
    assert chosen(stock, one(A, 5), by=by, lots=lots) == [{2: 5}]
    assert list(chosen(stock, one(A, 12, split=True), by=by, lots=lots)[0].items()) == [(3, 4), (2, 5), (1, 3)]


def test_a_bundle_expires_with_its_first_part() -> None:
    lots = {(A, 1): date(2026, 3, 2), (B, 1): date(2026, 5, 1), (A, 2): date(2026, 4, 1), (B, 2): date(2026, 3, 1)}
    stock = {1: {A: 5, B: 5}, 2: {A: 5, B: 5}}
    want = Want(1, ((A, 1), (B, 1)), False, 9)
    assert chosen(stock, want, by=Strategy.EARLIEST_EXPIRY, lots=lots) == [{2: 1}]


def test_a_bundle_comes_in_whole_bundles_from_each_place() -> None:
    stock = {1: {A: 5, B: 9}, 2: {A: 9, B: 1}, 3: {A: 9}}
    assert chosen(stock, Want(4, ((A, 2), (B, 1)), True, 9)) == [{1: 2, 2: 1}]
    assert chosen(stock, Want(4, ((A, 2), (B, 1)), False, 9)) == [{1: 2}]


@pytest.mark.parametrize("by", [Strategy.PRIORITY, Strategy.MOST_STOCK, Strategy.FEWEST_PARCELS])
def test_what_one_line_takes_is_not_free_for_the_next(by: Strategy) -> None:
    stock = {1: {A: 5, B: 5}, 2: {A: 3}}
    assert chosen(stock, Want(2, ((A, 2), (B, 1)), False, 9), one(A, 5, split=True), by=by) == [
        {1: 2},
        {1: 1, 2: 3},
    ] or (by is not Strategy.PRIORITY)
    bundle = Want(2, ((A, 2), (B, 1)), False, 9)
    assert chosen(stock, bundle, one(A, 5, split=True), by=by) == [{1: 2}, {1: 1, 2: 3}]


@pytest.mark.parametrize("by", [Strategy.PRIORITY, Strategy.FEWEST_PARCELS])
def test_a_line_leaves_the_last_piece_to_a_bundle_that_has_no_other_place(by: Strategy) -> None:
    stock = {1: {A: 1, B: 1}, 2: {A: 1}}
    bundle = Want(1, ((A, 1), (B, 1)), False, 9)
    assert chosen(stock, one(A, 1), bundle, by=by) == [{2: 1}, {1: 1}]
    assert chosen(stock, one(A, 2), bundle, by=by) == [{1: 1}, {}], "no order serves both: the given one stays"


@pytest.mark.parametrize(
    ("stock", "wants", "given"),
    [
        ({1: {A: 1}, 2: {B: 1}, 3: {A: 1, B: 1}}, [one(A, 1), one(B, 1)], [{3: 1}, {3: 1}]),
        ({1: {A: 1, B: 1}, 2: {A: 1, B: 1}}, [one(A, 1), one(B, 1)], [{1: 1}, {1: 1}]),
        (
            {1: {A: 1}, 2: {B: 1}, 3: {C: 1}, 4: {A: 1, B: 1}, 5: {B: 1, C: 1}},
            [one(A, 1), one(B, 1), one(C, 1)],
            [{1: 1}, {5: 1}, {5: 1}],
        ),
        (
            {1: {A: 1, B: 1}, 2: {C: 1}, 3: {D: 1}, 4: {B: 1, C: 1, D: 1}, 5: {A: 1}},
            [one(A, 1), one(B, 1), one(C, 1), one(D, 1)],
            [{1: 1}, {1: 1}, {4: 1}, {4: 1}],
        ),
        # Greedily 1 would come first, for it serves most, and three parcels would be needed.
        (
            {1: {A: 1, B: 1, C: 1}, 2: {A: 1, B: 1}, 3: {C: 1, D: 1}},
            [one(A, 1), one(B, 1), one(C, 1), one(D, 1)],
            [{1: 1}, {1: 1}, {1: 1}, {3: 1}],
        ),
        # What nobody has needs no parcel.
        ({1: {A: 1}, 2: {A: 1, B: 1}}, [one(A, 1), one(B, 1), one(C, 1)], [{2: 1}, {2: 1}, {}]),
        # As much as there is, from as few places.
        ({1: {A: 2}, 2: {A: 3}, 3: {B: 1}}, [one(A, 9), one(B, 1)], [{2: 3}, {3: 1}]),
        ({1: {A: 2}, 2: {A: 3}, 3: {B: 1}}, [one(A, 9, split=True), one(B, 1)], [{2: 3, 1: 2}, {3: 1}]),
        # Fewest pieces among the chosen.
        (
            {1: {A: 1, B: 1}, 2: {A: 4, C: 1}, 3: {A: 5, D: 1}},
            [one(A, 9, split=True), one(B, 1), one(C, 1), one(D, 1)],
            [{3: 5, 2: 4}, {1: 1}, {2: 1}, {3: 1}],
        ),
    ],
)
def test_fewest_parcels_for_the_whole_order(stock: Stock, wants: list[Want], given: Found) -> None:
    assert chosen(stock, *wants, by=Strategy.FEWEST_PARCELS) == given


def test_a_line_that_one_place_has_is_split_only_to_save_a_parcel() -> None:
    by = Strategy.FEWEST_PARCELS
    stock = {1: {A: 1, B: 1}, 2: {A: 1, C: 1}, 3: {A: 2}}
    found = chosen(stock, one(A, 2, split=True), one(B, 1), one(C, 1), by=by)
    assert found == [{1: 1, 2: 1}, {1: 1}, {2: 1}], "two parcels instead of three"
    assert chosen(stock, one(A, 2), one(B, 1), one(C, 1), by=by) == [{3: 2}, {1: 1}, {2: 1}]
    stock = {1: {A: 1, B: 1}, 2: {A: 1}, 3: {A: 2}}
    assert chosen(stock, one(A, 2, split=True), one(B, 1), by=by) == [{3: 2}, {1: 1}], "two parcels either way"


def test_among_equally_few_parcels_the_nearest_win_when_a_destination_is_given() -> None:
    sites = places(HAMBURG, None, MUNICH)
    stock = {place: {A: 1, B: 1} for place in (1, 2, 3)}
    by = Strategy.FEWEST_PARCELS
    assert chosen(stock, one(A, 1), one(B, 1), by=by, sites=sites) == [{1: 1}, {1: 1}]
    assert chosen(stock, one(A, 1), one(B, 1), by=by, sites=sites, to=MUNICH) == [{3: 1}, {3: 1}]


def test_goods_without_end_are_sourced_like_others() -> None:
    stock = {1: {A: 10**12}, 2: {A: 10**12, B: 1}}
    assert chosen(stock, one(A, 10**9), one(B, 1), by=Strategy.FEWEST_PARCELS) == [{2: 10**9}, {2: 1}]


def test_an_order_from_hundreds_of_places_is_covered_a_place_at_a_time() -> None:
    randomly = Random(4)
    stock = {place: {sku: randomly.choice((0, 0, 0, 0, 1)) for sku in range(10)} for place in range(1, 301)}
    found = chosen(stock, *(one(sku, 1) for sku in range(10)), by=Strategy.FEWEST_PARCELS)
    assert [sum(choices.values()) for choices in found] == [1] * 10
    assert len({place for choices in found for place in choices}) <= 4


def test_of_more_figures_than_can_be_compared_those_of_the_first_places_are() -> None:
    stock = {
        place: {sku: int((sku + place) % 2 == 0 or place in {20, 900}) for sku in range(100)} for place in range(1, 901)
    }
    asked: set[tuple[int, int]] = set()

    def free(sku_id: int, location_id: int) -> int:
        asked.add((sku_id, location_id))
        return stock[location_id][sku_id]

    wants = [one(sku, 1) for sku in range(100)]
    found = source(wants, places(*[None] * 900), free, Sourcing(Strategy.FEWEST_PARCELS))
    assert found == [[Choice(20, 1)]] * 100
    assert len(asked) <= FIGURES_MAX


def test_what_is_left_out_of_the_comparison_still_gives_what_only_it_has() -> None:
    stock: Stock = {place: dict.fromkeys(range(200), 1) for place in range(1, 901)}
    stock = {place: {sku: int(sku % 2 == place % 2) for sku in range(200)} for place in stock} | {900: {200: 1, 0: 1}}
    found = chosen(stock, *(one(sku, 1) for sku in range(201)), by=Strategy.FEWEST_PARCELS)
    assert found[200] == {900: 1}
    assert len({place for choices in found for place in choices}) == 3


def test_a_place_that_turns_out_superfluous_is_left_out() -> None:
    # Two hundred places with a piece each: the pairs are too many to look at. At first place 1 serves most.
    stock: Stock = {1: {2: 1, 3: 1, 4: 1, 5: 1}, 2: {1: 1, 2: 1, 3: 1}, 3: {4: 1, 5: 1, 6: 1}}
    stock |= {place: {place % 6 + 1: 1} for place in range(4, 204)}
    found = chosen(stock, *(one(sku, 1) for sku in range(1, 7)), by=Strategy.FEWEST_PARCELS)
    assert found == [{2: 1}, {2: 1}, {2: 1}, {3: 1}, {3: 1}, {3: 1}]


def test_lines_that_compete_come_together_from_the_place_that_has_enough_for_all() -> None:
    stock = {place: {A: 3, B: 9} for place in range(1, 31)} | {25: {A: 6, B: 9}}
    bundle = Want(3, ((A, 1), (B, 1)), False, 9)
    assert chosen(stock, one(A, 3), bundle, by=Strategy.FEWEST_PARCELS) == [{25: 3}, {25: 3}]


def test_nothing_wanted_and_nowhere_to_take_it_from() -> None:
    for by in Strategy:
        assert source([], places(None), lambda sku_id, location_id: 1, Sourcing(by, BERLIN)) == []
        assert source([one(A, 1)], [], lambda sku_id, location_id: 1, Sourcing(by, BERLIN)) == [[]]


def test_each_figure_is_asked_for_once() -> None:
    asked: list[tuple[int, int]] = []

    def free(sku_id: int, location_id: int) -> int:
        asked.append((sku_id, location_id))
        return 1

    wants = [one(A, 3, split=True), Want(1, ((A, 1), (B, 1)), False, 9), one(C, 1)]
    for by in Strategy:
        asked.clear()
        source(wants, places(BERLIN, MUNICH, None), free, Sourcing(by, BERLIN))
        assert len(asked) == len(set(asked))
