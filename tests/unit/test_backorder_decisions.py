"""Who gets what comes in: those who wait, in the order in which they were accepted."""

from datetime import timedelta
from uuid import UUID

import pytest

from inventory.domain.adjustment import Adjust, Count, Disposition, Row
from inventory.domain.decide import StockCommand, decide
from inventory.domain.goods import Tracking
from inventory.domain.ledger import Ledger
from inventory.domain.level import Level
from inventory.domain.lot import LotLevel
from inventory.domain.receipt import Arrival, Receive, Reclassify
from inventory.domain.refusal import Refusal
from inventory.domain.reservation import (
    Commit,
    FillBackorders,
    Fulfil,
    Line,
    Release,
    Reservation,
    ReservationState,
)
from inventory.domain.topology import OVERSELL_UNLIMITED, Channel
from tests.unit.market import market, order, short
from tests.unit.shelf import HOLD, MINUTE, NOW, WEB, answer, put, told

HELD, ALLOCATED = ReservationState.HELD, ReservationState.ALLOCATED
FIRST, SECOND, THIRD = (UUID(int=number) for number in (3, 2, 1))
"""Accepted in this order, which isn't that of their numbers."""
TODAY = NOW.date()


def waiting(*quantities: int, level: Level | None = None, state: ReservationState = ALLOCATED) -> Ledger:
    """Apples at one place, for which so many wait."""
    level = level or Level(0)
    ledger = market(
        {"apple": {"north": level._replace(backordered=sum(quantities))}},
        of_sku={"apple": {"oversell_limit": OVERSELL_UNLIMITED}},
    )
    for accepted, (identity, quantity) in enumerate(zip((FIRST, SECOND, THIRD), quantities, strict=False), 11):
        line = Line(1, 1, quantity, backordered=quantity, accepted=accepted)
        expires_at = NOW + MINUTE if state == HELD else None
        put(ledger, line, reservation_id=identity, state=state, expires_at=expires_at)
    return ledger


def comes(quantity: int) -> Adjust:
    return Adjust(WEB, (Row("apple", "north", quantity),), "found")


def has(ledger: Ledger, part: str) -> list[int]:
    """By order of acceptance."""
    return [
        sum(getattr(line, part) for line in ledger.reservations[identity].lines)
        for identity in (FIRST, SECOND, THIRD)
        if identity in ledger.reservations
    ]


@pytest.mark.parametrize(
    ("quantity", "allocated", "left"),
    [
        (1, [1, 0, 0], 0),
        (2, [2, 0, 0], 0),
        (4, [2, 2, 0], 0),
        (6, [2, 3, 1], 0),
        (7, [2, 3, 2], 0),
        (9, [2, 3, 2], 2),
    ],
)
def test_what_comes_is_given_in_the_order_of_acceptance(quantity: int, allocated: list[int], left: int) -> None:
    ledger = waiting(2, 3, 2)
    answer(ledger, comes(quantity))
    assert has(ledger, "allocated") == allocated
    assert has(ledger, "backordered") == [asked - got for asked, got in zip((2, 3, 2), allocated, strict=True)]
    level = ledger.levels[1, 1]
    assert (level.allocated, level.backordered, level.available) == (sum(allocated), 7 - sum(allocated), left)


def test_all_of_it_is_one_change() -> None:
    ledger = waiting(2, 3)
    answer(ledger, comes(4))
    assert told(ledger) == [
        ("ADJUSTMENT", {"on_hand": 4}),
        ("BACKORDER_FILL", {"allocated": 2, "backordered": -2}),
        ("BACKORDER_FILL", {"allocated": 2, "backordered": -2}),
    ]
    assert {row.step for row in ledger.movements} == {1}
    assert [row.reservation_id for row in ledger.movements] == [None, FIRST, SECOND]


@pytest.mark.parametrize(("state", "part"), [(HELD, "held"), (ALLOCATED, "allocated")])
def test_a_hold_gets_a_hold_and_an_order_an_allocation(state: ReservationState, part: str) -> None:
    ledger = waiting(2, state=state)
    answer(ledger, comes(2))
    assert ledger.reservations[FIRST].lines == (Line(1, 1, 2, accepted=11)._replace(**{part: 2}),)
    assert ledger.reservations[FIRST].state == state


BRINGS: dict[str, tuple[Level, StockCommand]] = {
    "a receipt": (Level(0), Receive(WEB, "north", (Arrival("apple", 2),))),
    "a correction upwards": (Level(0), comes(2)),
    "a count that finds more": (Level(0), Count(WEB, "apple", "north", 2, 0, "counted")),
    "goods that are for sale again": (
        Level(2, damaged=2),
        Reclassify(WEB, "apple", "north", 2, Disposition.DAMAGED, None, "repaired"),
    ),
    "the engine's sweep": (Level(2), FillBackorders("apple", "north")),
}
BRINGS_NOT: dict[str, tuple[Level, StockCommand]] = {
    "a receipt of damaged goods": (Level(0), Receive(WEB, "north", (Arrival("apple", 2, Disposition.DAMAGED),))),
    "a damaged piece that is found": (Level(0), Adjust(WEB, (Row("apple", "north", 2, Disposition.DAMAGED),), "")),
    "a sweep where nothing is free": (Level(2, damaged=2), FillBackorders("apple", "north")),
}


@pytest.mark.parametrize("what", [*BRINGS, *BRINGS_NOT])
def test_what_brings_goods_to_those_who_wait(what: str) -> None:
    level, command = (BRINGS | BRINGS_NOT)[what]
    ledger = waiting(2, level=level)
    answer(ledger, command)
    assert has(ledger, "allocated") == [2 if what in BRINGS else 0]


def test_when_nobody_waits_nothing_more_is_told() -> None:
    ledger = waiting(2, level=Level(0))
    answer(ledger, comes(5))
    before = len(ledger.movements)
    assert decide(ledger, FillBackorders("apple", "north")) == (None, None)
    assert len(ledger.movements) == before


@pytest.mark.parametrize(("asked", "good"), [(3, True), (4, False)])
def test_a_newcomer_can_t_take_what_the_queue_waits_for(asked: int, good: bool) -> None:
    """Five are free, and two of them are somebody's who waits since before they were."""
    ledger = waiting(2, level=Level(5))
    command = order(("apple", "north", asked), stock_only=True)
    if good:
        answer(ledger, command)
        answer(ledger, FillBackorders("apple", "north"))
        assert has(ledger, "allocated") == [2]
        assert ledger.levels[1, 1] == Level(5, held=3, allocated=2)
    else:
        assert short(ledger, command) == [("apple", "north", 4, 3)]


def test_a_newcomer_waits_behind_the_others() -> None:
    ledger = waiting(2)
    answer(ledger, order(("apple", "north", 2), reservation_id=SECOND, ttl=None))
    answer(ledger, order(("apple", "north", 2), reservation_id=THIRD, ttl=None))
    answer(ledger, comes(3))
    assert has(ledger, "allocated") == [2, 1, 0]


def test_what_is_given_back_is_for_the_queue() -> None:
    ledger = waiting(2, level=Level(5, held=5))
    put(ledger, Line(1, 1, 5, held=5))
    answer(ledger, Release(WEB, HOLD))
    assert short(ledger, order(("apple", "north", 4), stock_only=True)) == [("apple", "north", 4, 3)]
    answer(ledger, FillBackorders("apple", "north"))
    assert has(ledger, "allocated")[0] == 2


def test_who_gave_up_waiting_gets_nothing() -> None:
    ledger = waiting(2, 3)
    answer(ledger, Release(WEB, FIRST))
    answer(ledger, comes(3))
    assert (has(ledger, "allocated"), ledger.reservations[FIRST].state) == ([0, 3], ReservationState.RELEASED)


def test_what_waits_for_an_order_is_allocated_when_it_comes_and_leaves_then() -> None:
    ledger = waiting(2, state=HELD)
    made = answer(ledger, Commit(WEB, FIRST))
    assert isinstance(made, Reservation)
    assert (made.state, made.lines[0].backordered) == (ALLOCATED, 2)
    assert isinstance(decide(ledger, Fulfil(WEB, FIRST))[0], Refusal)
    answer(ledger, comes(2))
    made = answer(ledger, Fulfil(WEB, FIRST))
    assert isinstance(made, Reservation)
    assert (made.state, ledger.levels[1, 1]) == (ReservationState.FULFILLED, Level(0))


def test_who_waits_at_another_place_gets_nothing() -> None:
    ledger = waiting(2)
    answer(ledger, Adjust(WEB, (Row("apple", "south", 5),), "found"))
    assert has(ledger, "allocated") == [0]


def milk(*, min_life_days: int = 0, asked: int = 6, state: ReservationState = ALLOCATED) -> Ledger:
    """So many wait for milk, of which an old lot and a new one stand at the place, one piece of each promised."""
    soon, late = TODAY + timedelta(days=1), TODAY + timedelta(days=9)
    ledger = market(
        {"milk": {"north": Level(7, allocated=2, backordered=asked)}},
        channels=(Channel(WEB, min_life_days=min_life_days),),
        of_sku={"milk": {"tracking": Tracking.LOTS, "oversell_limit": OVERSELL_UNLIMITED}},
        lots={
            "milk": {
                "new": (late, {"north": LotLevel(4, allocated=1)}),
                "old": (soon, {"north": LotLevel(3, allocated=1)}),
            }
        },
    )
    put(
        ledger,
        Line(1, 1, asked, backordered=asked, accepted=11),
        state=state,
        expires_at=NOW + MINUTE if state == HELD else None,
    )
    return ledger


def test_what_is_of_several_lots_becomes_several_lines() -> None:
    ledger = milk()
    answer(ledger, FillBackorders("milk", "north"))
    assert ledger.reservations[HOLD].lines == (
        Line(1, 1, 1, backordered=1, accepted=11),
        Line(1, 1, 2, allocated=2, lot_id=2, accepted=11),
        Line(1, 1, 3, allocated=3, lot_id=1, accepted=11),
    )
    assert sum(line.requested for line in ledger.reservations[HOLD].lines) == 6
    assert ledger.lot_levels[1, 1] == {1: LotLevel(4, allocated=4), 2: LotLevel(3, allocated=3)}
    assert ledger.levels[1, 1] == Level(7, allocated=7, backordered=1)


def test_more_of_the_same_lot_joins_its_line() -> None:
    ledger = milk(asked=7)
    answer(ledger, FillBackorders("milk", "north"))
    ledger.put_named_lot("milk", ledger.lots[1])
    answer(ledger, Adjust(WEB, (Row("milk", "north", 5, lot="new"),), "found"))
    assert ledger.reservations[HOLD].lines == (
        Line(1, 1, 0, accepted=11),
        Line(1, 1, 2, allocated=2, lot_id=2, accepted=11),
        Line(1, 1, 5, allocated=5, lot_id=1, accepted=11),
    )


def test_a_lot_that_doesn_t_last_long_enough_is_left_for_others() -> None:
    ledger = milk(min_life_days=5)
    answer(ledger, FillBackorders("milk", "north"))
    assert ledger.lot_levels[1, 1] == {1: LotLevel(4, allocated=4), 2: LotLevel(3, allocated=1)}
    assert ledger.levels[1, 1] == Level(7, allocated=5, backordered=3)


def test_a_refused_command_gives_nobody_anything() -> None:
    ledger = waiting(2)
    before = dict(ledger.levels), dict(ledger.reservations)
    command = Adjust(WEB, (Row("apple", "north", 2), Row("apple", "south", -1)), "found")
    assert isinstance(decide(ledger, command)[0], Refusal)
    assert (ledger.levels, ledger.reservations, ledger.movements) == (*before, [])
