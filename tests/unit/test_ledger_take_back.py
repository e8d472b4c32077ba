"""A refused command changes nothing, whatever it had done before it was refused, and spoils nobody else's."""

from copy import deepcopy
from typing import Any

import pytest

from inventory.domain.adjustment import Adjust, Row, SetThresholds
from inventory.domain.decide import StockCommand, decide
from inventory.domain.ledger import Ledger
from inventory.domain.level import Level
from inventory.domain.refusal import Refusal
from inventory.domain.reservation import Ask, Commit, Fulfil, Line, Release, Reserve
from tests.unit.shelf import HOLD, MINUTE, NEW, SHOP, WEB, put, shelf

KEPT = (
    "levels",
    "reservations",
    "movements",
    "touched_levels",
    "touched_reservations",
    "held_by_owner",
    "step",
)


def state(ledger: Ledger) -> dict[str, Any]:
    found = {name: deepcopy(getattr(ledger, name)) for name in KEPT}
    found["held_by_owner"] = {owner: ids for owner, ids in found["held_by_owner"].items() if ids}
    return found


def busy() -> Ledger:
    ledger = shelf(apple=Level(10, held=5), pear=Level(0, held=2, backorder_limit=3))
    put(ledger, Line(1, 1, 5, held=5), Line(2, 1, 2, held=2), owner="cart")
    return ledger


EARLIER: list[StockCommand] = [
    Adjust(WEB, (Row("apple", SHOP, 1), Row("pear", SHOP, 1)), "before"),
    SetThresholds(WEB, "pear", SHOP, 1, 1, 9),
    Commit(WEB, HOLD, (Ask("apple", SHOP, 1),)),
]
REFUSED: dict[str, StockCommand] = {
    "the last row of many": Adjust(WEB, (Row("apple", SHOP, 1), Row("pear", SHOP, 1), Row("pear", SHOP, -99)), "no"),
    "a replacement that is too much": Reserve(
        WEB, NEW, (Ask("apple", SHOP, 1), Ask("pear", SHOP, 99)), MINUTE, owner="cart", replace_owner_holds=True
    ),
    "a threshold that breaks promises": SetThresholds(WEB, "pear", SHOP, 0, 0, None),
    "a commit whose second line is too much": Commit(WEB, HOLD, (Ask("apple", SHOP, 1), Ask("pear", SHOP, 3))),
    "a release whose second line is too much": Release(WEB, HOLD, (Ask("apple", SHOP, 1), Ask("pear", SHOP, 3))),
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
