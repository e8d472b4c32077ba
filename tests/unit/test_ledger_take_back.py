"""A refused command changes nothing, whatever it had done before it was refused, and spoils nobody else's."""

from copy import deepcopy
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from inventory.domain.adjustment import Adjust, Row, SetThresholds
from inventory.domain.decide import StockCommand, decide
from inventory.domain.goods import Tracking
from inventory.domain.ledger import Ledger
from inventory.domain.level import Level
from inventory.domain.lot import Lot, LotLevel
from inventory.domain.refusal import Refusal
from inventory.domain.reservation import Ask, Commit, Fulfil, Line, Release, Reserve
from tests.unit.shelf import HOLD, MINUTE, NEW, SHOP, WEB, put, shelf

MILK = (3, 1)
DAY = date(2026, 12, 1)
KEPT = (
    "levels",
    "reservations",
    "movements",
    "touched_levels",
    "touched_reservations",
    "held_by_owner",
    "lot_levels",
    "touched_lots",
    "step",
)


def state(ledger: Ledger) -> dict[str, Any]:
    found = {name: deepcopy(getattr(ledger, name)) for name in KEPT}
    found["held_by_owner"] = {owner: ids for owner, ids in found["held_by_owner"].items() if ids}
    return found


def busy() -> Ledger:
    """Apples, of pears one that is held and two that are waited for, and milk of two lots, of which two are held."""
    ledger = shelf(
        apple=Level(10, held=5), pear=Level(1, held=1, backordered=2, backorder_limit=3), milk=Level(7, held=2)
    )
    ledger.codes[MILK] = ledger.places["milk", SHOP] = ledger.codes[MILK]._replace(tracking=Tracking.LOTS)
    for lot, of_it in ((Lot(1, "old", DAY), LotLevel(3, held=2)), (Lot(2, "new", DAY.replace(day=9)), LotLevel(4))):
        ledger.put_lot(MILK, lot, of_it)
        ledger.put_named_lot("milk", lot)
    put(
        ledger,
        Line(1, 1, 5, held=5),
        Line(2, 1, 3, held=1, backordered=2),
        Line(3, 1, 2, held=2, lot_id=1),
        owner="cart",
    )
    return ledger


EARLIER: list[StockCommand] = [
    Adjust(WEB, (Row("apple", SHOP, 1), Row("pear", SHOP, 1)), "before"),
    SetThresholds(WEB, "pear", SHOP, 1, 1, 9),
    Commit(WEB, HOLD, (Ask("apple", SHOP, 1), Ask("milk", SHOP, 1))),
    Reserve(WEB, UUID(int=98), (Ask("milk", SHOP, 3),), MINUTE),
]
REFUSED: dict[str, StockCommand] = {
    "the last row of many": Adjust(WEB, (Row("apple", SHOP, 1), Row("pear", SHOP, 1), Row("pear", SHOP, -99)), "no"),
    "a replacement that is too much": Reserve(
        WEB, NEW, (Ask("milk", SHOP, 4), Ask("pear", SHOP, 99)), MINUTE, owner="cart", replace_owner_holds=True
    ),
    "lots, and a line that is too much": Reserve(WEB, NEW, (Ask("milk", SHOP, 4), Ask("apple", SHOP, 99)), MINUTE),
    "a lot that has less": Adjust(WEB, (Row("milk", SHOP, 2, lot="new"), Row("milk", SHOP, -4, lot="old")), "no"),
    "goods that are waited for, and a row that is too much": Adjust(
        WEB, (Row("pear", SHOP, 9), Row("apple", SHOP, -99)), "no"
    ),
    "a threshold that breaks promises": SetThresholds(WEB, "pear", SHOP, 0, 0, 0),
    "a commit whose second line is too much": Commit(WEB, HOLD, (Ask("milk", SHOP, 1), Ask("pear", SHOP, 3))),
    "a release whose second line is too much": Release(WEB, HOLD, (Ask("milk", SHOP, 1), Ask("pear", SHOP, 4))),
    "a fulfilment whose second line is too much": Fulfil(WEB, HOLD, (Ask("apple", SHOP, 1), Ask("pear", SHOP, 1))),
}


@pytest.mark.parametrize("earlier", range(len(EARLIER) + 1), ids=lambda number: f"after {number} commands")
@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_command_leaves_the_ledger_as_it_was(name: str, earlier: int) -> None:
    ledger = busy()
    for command in EARLIER[:earlier]:
        found, _ = decide(ledger, command)
        assert not isinstance(found, Refusal)
    before = state(ledger)
    found, step = decide(ledger, REFUSED[name])
    assert isinstance(found, Refusal), found
    assert step is None
    assert state(ledger) == before


def test_the_next_command_takes_the_step_of_the_refused_one() -> None:
    ledger = busy()
    steps = [
        decide(ledger, command)[1]
        for command in (
            EARLIER[0],
            REFUSED["the last row of many"],
            EARLIER[2],
            REFUSED["the last row of many"],
            EARLIER[1],
        )
    ]
    assert steps == [1, None, 2, None, 3]
    assert sorted({row.step for row in ledger.movements}) == [1, 2, 3]


def test_a_refused_command_s_neighbours_decide_as_if_it_had_not_been() -> None:
    with_them, without = busy(), busy()
    for command in EARLIER:
        for refused in REFUSED.values():
            assert isinstance(decide(with_them, refused)[0], Refusal)
        assert decide(with_them, command) == decide(without, command)
    assert state(with_them) == state(without)
