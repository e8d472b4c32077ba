"""Sourcing against brute force on small orders: nothing is promised twice, and no fewer places would do."""

from collections import Counter
from itertools import combinations
from typing import NamedTuple

from hypothesis import event, given
from hypothesis import strategies as st

from inventory.domain.sourcing import Choice, Sourcing, Strategy, Want, source
from inventory.domain.topology import Point, Site

SKUS = range(1, 7)
points = st.none() | st.builds(Point, st.sampled_from((0.0, 10.0, 50.0)), st.sampled_from((0.0, 5.0, 179.0)))


class Case(NamedTuple):
    wants: list[Want]
    sites: list[Site]
    stock: dict[tuple[int, int], int]

    def choose(self, sourcing: Sourcing) -> list[list[Choice]]:
        return source(self.wants, self.sites, lambda *key: self.stock[key], sourcing)

    def room(self, want: Want, location_id: int) -> int:
        return min(self.stock[sku_id, location_id] // each for sku_id, each in want.parts)

    def most(self, want: Want, location_ids: tuple[int, ...]) -> int:
        """As many as these places could give if nobody else wanted anything."""
        rooms = [self.room(want, location_id) for location_id in location_ids]
        return min(want.quantity, want.limit, sum(rooms) if want.split else max(rooms, default=0))

    def one_place(self, want: Want, amount: int, location_ids: tuple[int, ...]) -> bool:
        return any(self.room(want, location_id) >= amount for location_id in location_ids)


@st.composite
def cases(draw: st.DrawFn, competing: bool) -> Case:
    """`competing`: several wants may need the same SKU."""
    count = draw(st.integers(1, 6))
    sites = [Site(10 - number, f"place-{number}", point=draw(points)) for number in range(count)]
    skus = list(SKUS)
    wants = []
    for _ in range(draw(st.integers(1, 4))):
        mine = draw(st.lists(st.sampled_from(skus), min_size=1, max_size=2, unique=True))
        parts = tuple((sku, draw(st.integers(1, 2 if len(mine) > 1 else 1))) for sku in mine)
        wants.append(Want(draw(st.integers(1, 5)), parts, draw(st.booleans()), draw(st.sampled_from((9, 9, 2)))))
        if not competing:
            skus = [sku for sku in skus if sku not in mine]
            if not skus:
                break
    wanted = sorted({sku for want in wants for sku, _ in want.parts})
    rows = st.sampled_from((0, 0, 1, 2, 3, 6))
    stock = {(sku, site.location_id): draw(rows) for sku in wanted for site in sites}
    return Case(wants, sites, stock)


def used(found: list[list[Choice]]) -> set[int]:
    return {choice.location_id for choices in found for choice in choices}


sourcings = st.builds(Sourcing, st.sampled_from(Strategy), st.just(Point(0, 0)))


@given(cases(competing=True), sourcings)
def test_nothing_is_given_twice_and_no_want_gets_more_than_it_asked_for(case: Case, sourcing: Sourcing) -> None:
    found = case.choose(sourcing)
    taken: Counter[tuple[int, int]] = Counter()
    assert len(found) == len(case.wants)
    for want, choices in zip(case.wants, found, strict=True):
        assert all(quantity > 0 for _, quantity in choices)
        assert sum(quantity for _, quantity in choices) <= min(want.quantity, want.limit)
        assert len(choices) <= 1 or want.split
        assert len({location_id for location_id, _ in choices}) == len(choices)
        for location_id, quantity in choices:
            taken.update({(sku_id, location_id): each * quantity for sku_id, each in want.parts})
    assert all(quantity <= case.stock[key] for key, quantity in taken.items())


@given(cases(competing=True), sourcings)
def test_the_same_question_gets_the_same_answer(case: Case, sourcing: Sourcing) -> None:
    assert case.choose(sourcing) == case.choose(sourcing)


@given(cases(competing=False), sourcings)
def test_wants_that_do_not_compete_get_all_there_is(case: Case, sourcing: Sourcing) -> None:
    everywhere = tuple(site.location_id for site in case.sites)
    for want, choices in zip(case.wants, case.choose(sourcing), strict=True):
        assert sum(choice.quantity for choice in choices) == case.most(want, everywhere)


@given(cases(competing=False), sourcings)
def test_a_want_that_one_place_has_is_not_split_unless_parcels_are_counted(case: Case, sourcing: Sourcing) -> None:
    everywhere = tuple(site.location_id for site in case.sites)
    found = case.choose(sourcing)
    within = tuple(used(found)) if sourcing.strategy is Strategy.FEWEST_PARCELS else everywhere
    for want, choices in zip(case.wants, found, strict=True):
        if len(choices) > 1:
            assert not case.one_place(want, sum(choice.quantity for choice in choices), within)


@given(cases(competing=False), st.sampled_from((None, Point(0, 0))))
def test_no_fewer_places_serve_the_order_and_of_equals_the_best_are_taken(case: Case, to: Point | None) -> None:
    found = case.choose(Sourcing(Strategy.FEWEST_PARCELS, to))
    nearest = case.choose(Sourcing(Strategy.NEAREST, to)) if to else None
    assert nearest is None or len(used(found)) <= len(used(nearest))
    everywhere = tuple(site.location_id for site in case.sites)
    amounts = [case.most(want, everywhere) for want in case.wants]

    def serves(places: tuple[int, ...]) -> bool:
        return all(case.most(want, places) >= amount for want, amount in zip(case.wants, amounts, strict=True))

    def splits(places: tuple[int, ...]) -> bool:
        """Whether a want that one place has would have to be split."""
        return any(
            amount and case.one_place(want, amount, everywhere) and not case.one_place(want, amount, places)
            for want, amount in zip(case.wants, amounts, strict=True)
        )

    covers: list[tuple[int, ...]] = []
    for size in range(len(everywhere) + 1):
        covers = [places for places in combinations(everywhere, size) if serves(places)]
        if covers:
            break
    assert len(used(found)) == len(covers[0])
    whole = [places for places in covers if not splits(places)]
    event(f"{len(covers[0])} places, split: {not whole}")
    if to is None:
        assert used(found) == set((whole or covers)[0])
    else:
        assert not whole or not splits(tuple(used(found)))


@given(cases(competing=True))
def test_lines_of_one_sku_that_may_be_split_come_from_the_fewest_places_too(case: Case) -> None:
    wants = [Want(want.quantity, ((want.parts[0][0], 1),), True, want.limit) for want in case.wants]
    found = case._replace(wants=wants).choose(Sourcing(Strategy.FEWEST_PARCELS))
    needs: Counter[int] = Counter()
    for want in wants:
        needs[want.parts[0][0]] += min(want.quantity, want.limit)
    everywhere = tuple(site.location_id for site in case.sites)

    def most(sku_id: int, places: tuple[int, ...]) -> int:
        return min(needs[sku_id], sum(case.stock[sku_id, place] for place in places))

    given_in_all = Counter[int]()
    for want, choices in zip(wants, found, strict=True):
        given_in_all[want.parts[0][0]] += sum(choice.quantity for choice in choices)
    assert all(given_in_all[sku_id] == most(sku_id, everywhere) for sku_id in needs)
    fewest = next(
        size
        for size in range(len(everywhere) + 1)
        for places in combinations(everywhere, size)
        if all(most(sku_id, places) == most(sku_id, everywhere) for sku_id in needs)
    )
    assert len(used(found)) == fewest
