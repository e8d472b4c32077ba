"""What becomes of a channel's number, as a table, and what holds for any."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as some

from inventory.domain.reconciliation import Answer, Counts, Judged, Known, Number, State, Verdict, judge
from inventory.feed.named import Named

EQUAL, BEHIND, DRIFT, UNKNOWN, MISSING = Answer


def history(*states: tuple[int, int]) -> list[State]:
    return [State(*state) for state in states]


TABLE: list[tuple[str, int, Known | None, Verdict]] = [
    ("the present number", 5, Known(5, 5), Verdict(EQUAL, 5)),
    ("as calls say it while a hold that ran out is not ended", 7, Known(5, 7), Verdict(EQUAL, 7)),
    ("nothing was seen", 4, Known(5, 5), Verdict(DRIFT, 5)),
    ("right when it was seen", 4, Known(5, 5, history((3, 4), (9, 5))), Verdict(BEHIND, 5, 4, 9)),
    ("right since", 6, Known(5, 5, history((3, 4), (7, 6), (9, 5))), Verdict(BEHIND, 5, 4, 9)),
    ("right twice", 4, Known(5, 5, history((3, 4), (7, 6), (8, 4), (9, 5))), Verdict(BEHIND, 5, 4, 9)),
    ("never right", 9, Known(5, 5, history((3, 4), (7, 6), (9, 5))), Verdict(DRIFT, 5, 4)),
    ("never right, as far as is known", 9, Known(5, 5, history((3, 4), (9, 5)), True), Verdict(DRIFT, 5, 4, 0, True)),
    ("no such SKU", 9, None, Verdict(UNKNOWN)),
]


@pytest.mark.parametrize(("name", "quantity", "known", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_a_number_is_judged(name: str, quantity: int, known: Known | None, expected: Verdict) -> None:
    assert judge(quantity, known) == expected, name


def test_what_was_not_named_is_missing_unless_it_was_nothing_then() -> None:
    assert judge(0, Known(5, 5), named=False).answer is MISSING
    assert judge(0, Known(5, 5, history((3, 0), (9, 5))), named=False).answer is BEHIND
    assert judge(0, Known(0, 0), named=False).answer is EQUAL


def test_counts_add_up_and_doubtful_ones_alarm_nobody() -> None:
    judged = [
        Judged(0, Number("a", "", 1), Verdict(answer, settings_changed_since=answer is DRIFT)) for answer in Answer
    ]
    counts = Counts().plus(judged).plus(judged)
    assert counts == Counts(2, 2, 2, 2, 2, 2)
    assert (counts.differing, counts.alarming) == (8, 2)


def test_the_delta_makes_the_number_the_present_one() -> None:
    assert Judged(0, Number("a", "", 3), judge(3, Known(5, 5))).delta == 2
    assert Judged(0, Number("a", "", 3), judge(3, None)).delta == 0


numbers = some.integers(-3, 6)


@given(some.lists(numbers, min_size=1, max_size=8), numbers, some.booleans())
def test_behind_is_exactly_what_was_right_since(values: list[int], quantity: int, doubtful: bool) -> None:
    states = history(*enumerate(values, 10))
    verdict = judge(quantity, Known(values[-1], values[-1], states, doubtful))
    assert (verdict.answer is EQUAL) == (quantity == values[-1])
    assert (verdict.answer is BEHIND) == (quantity in values and quantity != values[-1])
    assert verdict.settings_changed_since == (doubtful and verdict.answer is DRIFT)
    if verdict.answer is BEHIND:
        place = verdict.differs_since - 10
        assert values[place - 1] == quantity
        assert quantity not in values[place:]


@given(some.lists(some.lists(some.integers(0, 50), max_size=8), max_size=8), some.sets(some.integers(0, 60)))
def test_others_are_those_that_were_not_named(messages: Sequence[Sequence[int]], all_keys: set[int]) -> None:
    named = Named()
    for keys in messages:
        named.add(keys)
    ordered = sorted(all_keys)
    others = named.others()
    found = others.among(ordered[: len(ordered) // 2]) | others.among(ordered[len(ordered) // 2 :])
    assert found == all_keys - {key for keys in messages for key in keys}
