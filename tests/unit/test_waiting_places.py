"""Where a back-order waits, as a table: the first place that has room for all of it, else one after the other."""

import pytest

from inventory.domain.goods import Goods
from inventory.domain.ledger import Ledger
from inventory.domain.level import Level, Place
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.reservation import Ask, Reservation, Reserve
from inventory.domain.topology import NO_VIEW, Channel, Site, Topology, View
from tests.unit.shelf import NEW, NOW, WEB, answer, refused

Limits = dict[int, int | None]
"""What may be back-ordered by place; None: the place has no limit of its own."""


def house(limits: Limits, on_hand: int = 0, oversell_limit: int | None = None, view: View = NO_VIEW) -> Ledger:
    """An apple at each of these places, which the channel sells from in this order."""
    sites = {number: Site(number, f"place-{number}") for number in limits}
    ledger = Ledger(NOW, Topology(1, sites, {WEB: Channel(WEB, location_ids=tuple(limits), view=view)}))
    ledger.put_goods(Goods(1, "apple", True, "", oversell_limit=oversell_limit))
    for number, limit in limits.items():
        place = Place(1, number, "apple", f"place-{number}", True, True, oversell_limit=oversell_limit)
        ledger.put(place, Level(on_hand, backorder_limit=limit))
    return ledger


def reserve(quantity: int, location: str = "", *, partial: bool = False, stock_only: bool = False) -> Reserve:
    return Reserve(WEB, NEW, (Ask("apple", location, quantity),), None, partial, stock_only=stock_only)


def granted(ledger: Ledger, command: Reserve) -> list[tuple[int, int, int]]:
    """By line: where, how much of it stands there, and how much waits."""
    made = answer(ledger, command)
    assert isinstance(made, Reservation)
    return [(line.location_id, line.held + line.allocated, line.backordered) for line in made.lines if line.live]


@pytest.mark.parametrize(
    ("limits", "quantity", "waits"),
    [
        ({1: 2, 2: 3}, 2, [(1, 0, 2)]),
        ({1: 2, 2: 3}, 3, [(2, 0, 3)]),  # one place rather than two
        ({1: 2, 2: 3}, 5, [(1, 0, 2), (2, 0, 3)]),
        ({1: 2, 2: 0, 3: 3}, 4, [(1, 0, 2), (3, 0, 2)]),
        ({2: 3, 1: 2}, 4, [(2, 0, 3), (1, 0, 1)]),  # in the channel's order
        ({1: 0, 2: 3}, 3, [(2, 0, 3)]),
    ],
)
def test_a_back_order_waits_where_there_is_room(
    limits: Limits, quantity: int, waits: list[tuple[int, int, int]]
) -> None:
    assert granted(house(limits), reserve(quantity)) == waits


def test_what_stands_on_a_shelf_is_given_and_only_the_rest_waits() -> None:
    assert granted(house({1: 1, 2: 2}, on_hand=1), reserve(4)) == [(1, 1, 0), (1, 0, 1), (2, 0, 2)]


def test_more_than_all_places_have_room_for_is_refused_and_nothing_waits() -> None:
    ledger = house({1: 2, 2: 3})
    refusal = refused(ledger, reserve(6))
    assert (refusal.reason, refusal.shortages[0].available) == (Reason.INSUFFICIENT_STOCK, 5)
    assert not any(level.backordered for level in ledger.levels.values())
    assert not ledger.movements


def test_as_much_as_possible_waits_at_all_places_and_the_rest_is_noted_as_asked_for() -> None:
    made = answer(house({1: 2, 2: 3}), reserve(9, partial=True))
    assert isinstance(made, Reservation)
    assert [line.backordered for line in made.lines] == [2, 3]
    assert sum(line.requested for line in made.lines) == 9


def test_a_limit_over_all_places_bounds_what_is_spread() -> None:
    assert granted(house({1: 2, 2: None}, oversell_limit=4), reserve(4)) == [(2, 0, 4)]
    assert isinstance(refused(house({1: 2, 2: 3}, oversell_limit=4), reserve(5)), Refusal)
    assert granted(house({1: 2, 2: 3}, oversell_limit=4), reserve(4)) == [(1, 0, 2), (2, 0, 2)]
    assert granted(house({1: 2, 2: 3}, view=View(cap=4)), reserve(4)) == [(1, 0, 2), (2, 0, 2)]
    assert isinstance(refused(house({1: 2, 2: 3}, view=View(cap=4)), reserve(5)), Refusal)


def test_a_line_that_names_its_place_waits_there_or_nowhere() -> None:
    assert granted(house({1: 2, 2: 3}), reserve(2, "place-1")) == [(1, 0, 2)]
    assert isinstance(refused(house({1: 2, 2: 3}), reserve(3, "place-1")), Refusal)


def test_who_wants_only_what_is_there_waits_nowhere() -> None:
    assert isinstance(refused(house({1: 2, 2: 3}), reserve(1, stock_only=True)), Refusal)
