"""Every check of the verdict can fail: the truth is tampered with, and the right one says so."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping

import pytest

from inventory_demo.mirror import Key, Mirror, Quantities
from inventory_demo.sales import Outcome, Replay, Sales
from inventory_demo.verdict import Evidence, judge, oversold_pieces

MILK, BREAD = ("milk", "shop-1"), ("bread", "shop-1")


def evidence() -> Evidence:
    """Five milks and one bread; two milks and the bread were sold in two reservations, a third ran out."""
    levels = {MILK: (3, 0, 0, 0, 0, 0), BREAD: (0, 0, 0, 0, 0, 0)}
    sales = Sales(
        outcomes=Counter({Outcome.FULL: 2, Outcome.ABANDONED: 1}),
        replays=Counter({Replay.AT_ONCE: 3, Replay.LATER: 2}),
        lines_asked=4,
        fulfilled=Counter({MILK: 2, BREAD: 1}),
        reservations={"r-1", "r-2", "r-3"},
        abandoned={"r-3"},
    )
    mirror = Mirror(20, levels=dict(levels), reservations={"r-1", "r-2", "r-3"}, changes=13)
    return Evidence(
        baskets=3,
        lines=4,
        opening={MILK: 5, BREAD: 1},
        sales=sales,
        mirror=mirror,
        start=7,
        head=20,
        levels=levels,
        ledger=dict(levels),
        live=0,
        expired={"r-3"},
        verified=(True, "10 promises"),
    )


def failed(tampered: Evidence) -> set[str]:
    return {check.name for check in judge(tampered) if not check.passed}


def test_the_untampered_truth_passes() -> None:
    assert failed(evidence()) == set()


BOOKS = "ledger = levels = mirror"
PIECES = "opening stock - on hand = sold as acknowledged"
PROMISED = "nothing is held or allocated any more"
KNOWN = "reservations in the feed = acknowledged"
TWICE = "requests sent twice: one effect, one answer"
FEED = "feed: ordered, no gap, every balance adds up"
OVERSOLD = "oversold pieces"
ABANDONED = "abandoned holds ran out"
BASKETS = "every basket ended in one way"
ORDER = "no answer was out of order"
VERIFY = "inventory verify"

Tampering = Callable[[Evidence], object]


def rewrite(books: Mapping[Key, Quantities], quantities: Quantities | None) -> None:
    """What they say of MILK."""
    assert isinstance(books, dict)
    books.pop(MILK)
    if quantities is not None:
        books[MILK] = quantities


def hold_for_ever(*witnesses: Mapping[Key, Quantities]) -> None:
    for books in witnesses:
        rewrite(books, (3, 1, 0, 0, 0, 0))


def replaced(**values: object) -> Tampering:
    return lambda truth: dataclasses.replace(truth, **values)  # type: ignore[arg-type]  # any field


TAMPERED: list[tuple[str, Tampering, set[str]]] = [
    ("went below zero in the stream", lambda truth: truth.mirror.oversold.update({MILK: 2}), {OVERSOLD}),
    ("sold more than there was", lambda truth: truth.sales.fulfilled.update({BREAD: 1}), {OVERSOLD, PIECES}),
    ("the ledger lacks a level", lambda truth: rewrite(truth.ledger, None), {BOOKS}),
    ("the mirror has another quantity", lambda truth: rewrite(truth.mirror.levels, (4, 0, 0, 0, 0, 0)), {BOOKS}),
    ("nothing was read at all", replaced(levels={}, ledger={}), {BOOKS, PIECES}),
    ("an acknowledged sale is lost", lambda truth: truth.sales.fulfilled.subtract({MILK: 1}), {PIECES}),
    (
        "a piece is held for ever",
        lambda truth: hold_for_ever(truth.levels, truth.ledger, truth.mirror.levels),
        {PROMISED},
    ),
    (
        "a piece is allocated for ever, but only the ledger knows",
        lambda truth: rewrite(truth.ledger, (3, 0, 1, 0, 0, 0)),
        {PROMISED, BOOKS},
    ),
    ("a reservation lives on", replaced(live=1), {PROMISED}),
    ("a reservation nobody made", lambda truth: truth.mirror.reservations.add("r-9"), {KNOWN}),
    ("an acknowledged reservation is lost", lambda truth: truth.mirror.reservations.remove("r-1"), {KNOWN}),
    ("a second effect", lambda truth: truth.sales.replays.update({Replay.SECOND_EFFECT: 1}), {TWICE}),
    ("another answer", lambda truth: truth.sales.replays.update({Replay.OTHER_ANSWER: 1}), {TWICE}),
    ("a gap in the feed", lambda truth: truth.mirror.findings.note("revision missing", "9 after 7"), {FEED}),
    ("the feed stopped early", replaced(head=21), {FEED}),
    ("a revision did not come", replaced(start=6), {FEED}),
    ("an abandoned hold did not run out", replaced(expired=frozenset()), {ABANDONED}),
    ("a basket got lost", replaced(baskets=4), {BASKETS}),
    ("lines got lost", replaced(lines=5), {BASKETS}),
    ("a hold ran out early", lambda truth: truth.sales.findings.note("hold ran out before its time", "r-1"), {ORDER}),
    ("the database's own proof fails", replaced(verified=(False, "I1 is broken")), {VERIFY}),
]


@pytest.mark.parametrize(("tamper", "names"), [row[1:] for row in TAMPERED], ids=[row[0] for row in TAMPERED])
def test_what_is_wrong_is_found_by(tamper: Tampering, names: set[str]) -> None:
    truth = evidence()
    found = tamper(truth)
    assert failed(found if isinstance(found, Evidence) else truth) == names


def test_oversold_pieces_are_counted_once_however_many_witnesses_saw_them() -> None:
    truth = evidence()
    truth.mirror.oversold[BREAD] = 2
    truth.sales.fulfilled[BREAD] += 1
    assert oversold_pieces(truth) == 2


def test_somebody_elses_database_is_not_verified() -> None:
    assert VERIFY not in {check.name for check in judge(dataclasses.replace(evidence(), verified=None))}
