"""Every check of the verdict can fail: the truth is tampered with, and the right one says so."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping

import pytest

from inventory_client import WatchMode
from inventory_demo.bundles import Bundle
from inventory_demo.connection import ConnectionLog, Tally
from inventory_demo.doubter import Doubter
from inventory_demo.evidence import Evidence
from inventory_demo.fault import Kill
from inventory_demo.follower import WatchEnded
from inventory_demo.lots import LotBook
from inventory_demo.mirrors import MirrorEnded, Mirroring
from inventory_demo.quantities import Key, Quantities
from inventory_demo.sales import Outcome, Replay, Sales
from inventory_demo.verdict import judge, oversold_pieces
from inventory_demo.views import ViewDoubter, ViewRule

MILK, BREAD, TEA = ("milk", "shop-1"), ("bread", "shop-1"), ("tea", "shop-2")
SNACK = Bundle("snack", "Milk and bread", (("milk", 1), ("bread", 1)))
RULE = ViewRule(frozenset({"shop-1"}), bundles=(SNACK,))
BLIND = ViewDoubter(RULE, shown={"milk": 3})
LIVING, DEAD = "127.0.0.1:1", "127.0.0.1:2"


def mirror(name: str, levels: Mapping[Key, Quantities], *shops: str, mode: WatchMode, lives: list[str]) -> MirrorEnded:
    order = Mirroring(name, name, (LIVING, DEAD), shops, mode)
    mine = {key: of for key, of in levels.items() if key[1] in shops}
    return MirrorEnded(order, mine, 20, live=True, snapshots=1, connections=ConnectionLog(lives), cpu_s=1.0)


def evidence() -> Evidence:
    """Five milks, one bread and a tea; two milks and the bread were sold in two reservations, a third ran out. When
    the second server was killed, two streams and two calls were on it."""
    levels = {MILK: (3, 0, 0, 0, 0, 0), BREAD: (0, 0, 0, 0, 0, 0), TEA: (1, 0, 0, 0, 0, 0)}
    sales = Sales(
        outcomes=Counter({Outcome.FULL: 2, Outcome.ABANDONED: 1}),
        replays=Counter({Replay.AT_ONCE: 3, Replay.LATER: 2}),
        lines_asked=4,
        asks=4,
        fulfilled=Counter({MILK: 2, BREAD: 1}),
        reservations={"r-1", "r-2", "r-3"},
        abandoned={"r-3"},
        tally=Tally(broken=Counter({DEAD: 2}), moved=Counter({DEAD: 2})),
    )
    lots = LotBook(promises=2)
    lots.levels[TEA]["2026-12-24"] = levels[TEA]
    doubter = Doubter(20, levels=dict(levels), reservations={"r-1", "r-2", "r-3"}, changes=13, lots=lots)
    return Evidence(
        baskets=3,
        lines=4,
        opening={MILK: 5, BREAD: 1, TEA: 1},
        sales=sales,
        watched=WatchEnded(doubter, 7, ConnectionLog([DEAD, LIVING]), 1.0),
        mirrors=[
            mirror("till", levels, "shop-1", mode=WatchMode.EVERY_CHANGE, lives=[LIVING]),
            mirror("marketplace", levels, "shop-1", "shop-2", mode=WatchMode.LATEST, lives=[DEAD, LIVING]),
        ],
        views={"marketplace": ViewDoubter(RULE, shown={"milk": 3, "snack": 0}, looks=9, bundle_looks=2)},
        head=20,
        levels=levels,
        ledger=dict(levels),
        live=0,
        expired={"r-3"},
        kill=Kill(DEAD, baskets=1, streams=2, calls=2, exit_code=-9, frozen_s=0.2),
        verified=(True, "10 promises"),
        audited=(True, "10 batches"),
    )


def failed(tampered: Evidence) -> set[str]:
    return {check.name for check in judge(tampered) if not check.passed}


def test_the_untampered_truth_passes() -> None:
    assert failed(evidence()) == set()


BOOKS = "ledger = levels = every mirror"
TILL = "mirror of the till"
MARKETPLACE = "mirror of the marketplace"
KILLED = "replica 2 killed amid streams and calls"
WENT_ON = "its streams and calls went on elsewhere"
DEFECTS = "no answer told of a defect"
PIECES = "opening - on hand = sold - returned"
PROMISED = "nothing is held or allocated any more"
KNOWN = "reservations in the feed = acknowledged"
TWICE = "requests sent twice: one effect, one answer"
FEED = "feed: ordered, no gap, every balance adds up"
OVERSOLD = "oversold pieces"
ABANDONED = "abandoned holds ran out"
BASKETS = "every basket ended in one way"
ORDER = "no answer was out of order"
VERIFY = "inventory verify"
AUDIT = "every change has its author, chained"
ASKS = "every line's allocations add up to it"
LOTS = "lots leave first-expiring first"
BUNDLES = "bundles shown = what their parts make"
RETURNS = "returns went into quality control"
VIEW = "marketplace sees what it may, never more"

NO_SHOPS = Mirroring("till", "till", (LIVING, DEAD), (), WatchMode.EVERY_CHANGE)

Tampering = Callable[[Evidence], object]


def rewrite(books: Mapping[Key, Quantities], quantities: Quantities | None) -> None:
    """What they say of MILK."""
    assert isinstance(books, dict)
    books.pop(MILK)
    if quantities is not None:
        books[MILK] = quantities


def hold_for_ever(truth: Evidence) -> None:
    mirrored = [one.levels for one in truth.mirrors]
    for books in (truth.levels, truth.ledger, truth.watched.doubter.levels, *mirrored):
        rewrite(books, (3, 1, 0, 0, 0, 0))


def inspect_for_ever(truth: Evidence) -> None:
    mirrored = [one.levels for one in truth.mirrors]
    for books in (truth.levels, truth.ledger, truth.watched.doubter.levels, *mirrored):
        rewrite(books, (3, 0, 0, 1, 0, 0))


def forget_promises(truth: Evidence) -> None:
    truth.watched.doubter.lots.promises = 0


def forget_calls(truth: Evidence) -> None:
    truth.sales.tally = Tally()


def no_asks(truth: Evidence) -> None:
    truth.sales.asks = 0


def replaced(**values: object) -> Tampering:
    return lambda truth: dataclasses.replace(truth, **values)  # type: ignore[arg-type]  # any field


def of_watcher(**values: object) -> Tampering:
    return lambda truth: dataclasses.replace(truth, watched=dataclasses.replace(truth.watched, **values))  # type: ignore[arg-type]  # as above


def of_mirror(number: int, **values: object) -> Tampering:
    def tamper(truth: Evidence) -> Evidence:
        mirrors = list(truth.mirrors)
        mirrors[number] = dataclasses.replace(mirrors[number], **values)  # type: ignore[arg-type]  # as above
        return dataclasses.replace(truth, mirrors=mirrors)

    return tamper


def of_kill(**values: object) -> Tampering:
    def tamper(truth: Evidence) -> Evidence:
        assert truth.kill is not None
        return dataclasses.replace(truth, kill=dataclasses.replace(truth.kill, **values))  # type: ignore[arg-type]  # as above

    return tamper


TAMPERED: list[tuple[str, Tampering, set[str]]] = [
    ("went below zero in the stream", lambda truth: truth.watched.doubter.oversold.update({MILK: 2}), {OVERSOLD}),
    ("sold more than there was", lambda truth: truth.sales.fulfilled.update({BREAD: 1}), {OVERSOLD, PIECES}),
    ("the ledger lacks a level", lambda truth: rewrite(truth.ledger, None), {BOOKS}),
    (
        "the stream told another quantity",
        lambda truth: rewrite(truth.watched.doubter.levels, (4, 0, 0, 0, 0, 0)),
        {BOOKS},
    ),
    ("nothing was read at all", replaced(levels={}, ledger={}), {BOOKS, PIECES, TILL, MARKETPLACE, VIEW}),
    ("an acknowledged sale is lost", lambda truth: truth.sales.fulfilled.subtract({MILK: 1}), {PIECES}),
    ("a piece is held for ever", hold_for_ever, {PROMISED, VIEW}),
    (
        "a piece is allocated for ever, but only the ledger knows",
        lambda truth: rewrite(truth.ledger, (3, 0, 1, 0, 0, 0)),
        {PROMISED, BOOKS},
    ),
    ("a reservation lives on", replaced(live=1), {PROMISED}),
    ("a reservation nobody made", lambda truth: truth.watched.doubter.reservations.add("r-9"), {KNOWN}),
    ("an acknowledged reservation is lost", lambda truth: truth.watched.doubter.reservations.remove("r-1"), {KNOWN}),
    ("a second effect", lambda truth: truth.sales.replays.update({Replay.SECOND_EFFECT: 1}), {TWICE}),
    ("another answer", lambda truth: truth.sales.replays.update({Replay.OTHER_ANSWER: 1}), {TWICE}),
    ("a gap in the feed", lambda truth: truth.watched.doubter.findings.note("revision missing", "9 after 7"), {FEED}),
    ("the feed stopped early", replaced(head=21), {FEED, TILL, MARKETPLACE}),
    ("a revision did not come", of_watcher(start=6), {FEED}),
    ("an abandoned hold did not run out", replaced(expired=frozenset()), {ABANDONED}),
    ("a basket got lost", replaced(baskets=4), {BASKETS}),
    ("lines got lost", replaced(lines=5), {BASKETS}),
    ("a hold ran out early", lambda truth: truth.sales.findings.note("hold ran out before its time", "r-1"), {ORDER}),
    (
        "a mirror has another quantity",
        lambda truth: rewrite(truth.mirrors[0].levels, (4, 0, 0, 0, 0, 0)),
        {BOOKS, TILL},
    ),
    ("a mirror lacks a level", lambda truth: rewrite(truth.mirrors[1].levels, None), {BOOKS, MARKETPLACE}),
    (
        "a mirror has a shop that it was not to have",
        lambda truth: truth.mirrors[0].levels.update({TEA: truth.levels[TEA]}),
        {BOOKS, TILL},
    ),
    ("a mirror is empty, and of no shop", of_mirror(0, levels={}, order=NO_SHOPS), {TILL}),
    ("a mirror is not up to date", of_mirror(1, revision=19), {MARKETPLACE}),
    ("a mirror does not know that it is up to date", of_mirror(1, live=False), {MARKETPLACE}),
    ("there is no mirror", replaced(mirrors=[]), {BOOKS, WENT_ON}),
    ("the server stopped orderly", of_kill(exit_code=0), {KILLED}),
    ("no stream was on the server", of_kill(streams=0), {KILLED, WENT_ON}),
    ("no call was on the server", of_kill(calls=0), {KILLED, WENT_ON}),
    ("a stream did not come back", of_watcher(connections=ConnectionLog([DEAD])), {WENT_ON}),
    ("a stream was never on the server", of_watcher(connections=ConnectionLog([LIVING])), {WENT_ON}),
    ("a broken call was not answered", lambda truth: truth.sales.tally.broken.update({DEAD: 1}), {WENT_ON}),
    ("no call noticed", forget_calls, {WENT_ON}),
    ("a server told of a defect", lambda truth: truth.sales.tally.defects.update({"INTERNAL": 1}), {DEFECTS}),
    ("a line got less than it asked", lambda truth: truth.sales.asks_wrong.note("less", "r-1"), {ASKS}),
    ("no line was looked at", no_asks, {ASKS}),
    ("a channel saw too much", lambda truth: truth.views["marketplace"].more.note("more", "milk"), {VIEW}),
    ("a channel saw too little", lambda truth: truth.views["marketplace"].less.note("less", "milk"), {VIEW}),
    ("nobody looked at what a channel saw", replaced(views={"marketplace": BLIND}), {VIEW, BUNDLES}),
    ("a channel was told otherwise last", lambda truth: truth.views["marketplace"].shown.update(milk=4), {VIEW}),
    ("a bundle is not its parts", lambda truth: truth.views["marketplace"].bundles_wrong.note("more", "s"), {BUNDLES}),
    ("a bundle is not its parts in the end", lambda truth: truth.views["marketplace"].shown.update(snack=1), {BUNDLES}),
    ("a lot left too early", lambda truth: truth.watched.doubter.lots.findings.note("later", "milk"), {LOTS}),
    ("there were lots, and none was promised", forget_promises, {LOTS}),
    ("a return vanished", lambda truth: truth.sales.returned.update({MILK: 1}), {RETURNS, PIECES}),
    ("a piece is in quality control that nobody brought", inspect_for_ever, {RETURNS, VIEW}),
    ("the database's own proof fails", replaced(verified=(False, "I1 is broken")), {VERIFY}),
    ("the audit trail was rewritten", replaced(audited=(False, "batch 7 is not what was written")), {AUDIT}),
]


@pytest.mark.parametrize(("tamper", "names"), [row[1:] for row in TAMPERED], ids=[row[0] for row in TAMPERED])
def test_what_is_wrong_is_found_by(tamper: Tampering, names: set[str]) -> None:
    truth = evidence()
    found = tamper(truth)
    assert failed(found if isinstance(found, Evidence) else truth) == names


def test_oversold_pieces_are_counted_once_however_many_witnesses_saw_them() -> None:
    truth = evidence()
    truth.watched.doubter.oversold[BREAD] = 2
    truth.sales.fulfilled[BREAD] += 1
    assert oversold_pieces(truth) == 2


def test_where_nothing_was_killed_nothing_is_said_of_it() -> None:
    names = {check.name for check in judge(dataclasses.replace(evidence(), kill=None))}
    assert not names & {KILLED, WENT_ON}


def test_somebody_elses_database_is_not_verified() -> None:
    assert VERIFY not in {check.name for check in judge(dataclasses.replace(evidence(), verified=None))}
