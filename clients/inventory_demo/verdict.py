"""The proof at the end: what independent witnesses say about every SKU in every shop.

The levels, the ledger, the stream of changes, each channel's mirror, the selling processes' own counting, and the
opening stock.
"""

import signal
from collections.abc import Mapping
from typing import NamedTuple

from inventory_client import WatchMode
from inventory_demo.evidence import Evidence
from inventory_demo.fault import Kill
from inventory_demo.findings import Findings
from inventory_demo.mirrors import MirrorEnded
from inventory_demo.quantities import NOTHING, Key, Quantities, available
from inventory_demo.sales import Replay
from inventory_demo.views import ViewDoubter

EXAMPLES_MAX = 3


class Check(NamedTuple):
    name: str
    passed: bool
    detail: str


def oversold_pieces(evidence: Evidence) -> int:
    """By whom ever: below zero in the stream or in the levels, or more sold than there was."""
    in_stream = evidence.watched.doubter.oversold
    below = {key: -left for key, of in evidence.levels.items() if (left := available(of)) < 0}
    beyond = {
        key: more
        for key, sold in evidence.sales.fulfilled.items()
        if (more := sold - evidence.opening.get(key, 0) - evidence.sales.returned[key]) > 0
    }
    keys = {*in_stream, *below, *beyond}
    return sum(max(in_stream.get(key, 0), below.get(key, 0), beyond.get(key, 0)) for key in keys)


def judge(evidence: Evidence) -> list[Check]:
    checks = [
        _oversold(evidence),
        _books_agree(evidence),
        *(_mirror_agrees(evidence, mirror) for mirror in evidence.mirrors),
        *(_view_kept(evidence, name, view) for name, view in evidence.views.items()),
        _bundles_are_their_parts(evidence),
        _first_expiring_first(evidence),
        _all_pieces_accounted_for(evidence),
        _returns_were_kept(evidence),
        _asks_add_up(evidence),
        _nothing_promised(evidence),
        _reservations_known(evidence),
        _replays_harmless(evidence),
        _feed_dense(evidence),
        _abandoned_ran_out(evidence),
        _all_baskets_ended(evidence),
        Check(
            "no answer was out of order",
            not evidence.sales.findings,
            str(evidence.sales.findings) or f"{evidence.sales.requests.total():,} requests",
        ),
        _no_defects(evidence),
    ]
    if evidence.kill is not None:
        checks += [_killed_amid_work(evidence, evidence.kill), _went_on_elsewhere(evidence, evidence.kill)]
    if evidence.verified is not None:
        checks.append(Check("inventory verify", *evidence.verified))
    if evidence.audited is not None:
        checks.append(Check("every change has its author, chained", *evidence.audited))
    return checks


def _oversold(evidence: Evidence) -> Check:
    pieces = oversold_pieces(evidence)
    keys = sorted(evidence.watched.doubter.oversold)
    return Check("oversold pieces", pieces == 0, f"{pieces:,}" + _such_as([str(key) for key in keys]))


def _books_agree(evidence: Evidence) -> Check:
    levels, ledger, watched = evidence.levels, evidence.ledger, evidence.watched.doubter.levels
    keys = {*levels, *ledger, *watched}
    wrong = []
    for key in keys:
        said = (ledger.get(key, NOTHING), levels.get(key, NOTHING), watched.get(key, NOTHING))
        if not said[0] == said[1] == said[2]:
            wrong.append(f"{key}: {said[0]}, {said[1]}, {said[2]}")
    mirrors = [len(_mirror_differs(evidence.levels, mirror)) for mirror in evidence.mirrors]
    differ = len(wrong) + sum(mirrors)
    detail = f"{len(keys):,} levels" + (f", {differ:,} times they differ" if differ else "")
    good = (bool(keys) or not evidence.opening) and bool(mirrors) and not differ
    return Check("ledger = levels = every mirror", good, detail + _such_as(wrong))


def _mirror_agrees(evidence: Evidence, mirror: MirrorEnded) -> Check:
    wrong = _mirror_differs(evidence.levels, mirror)
    order, current = mirror.order, mirror.live and mirror.revision >= evidence.head
    mode = "latest" if order.mode is WatchMode.LATEST else "every change"
    detail = (
        f"{len(mirror.levels):,} levels of {len(order.locations):,} places, {mode}; "
        f"connected anew {mirror.connections.reconnected}, snapshots {mirror.snapshots}"
    )
    if wrong:
        detail += f"; {len(wrong):,} differ"
    if not current:
        detail += f"; at {mirror.revision:,} of {evidence.head:,}"
    shops = frozenset(order.locations)
    opened = any(location in shops for _, location in evidence.opening)
    filled = bool(order.locations) and (bool(mirror.levels) or not opened)
    return Check(f"mirror of the {order.name}", filled and current and not wrong, detail + _such_as(wrong))


def _mirror_differs(levels: Mapping[Key, Quantities], mirror: MirrorEnded) -> list[str]:
    """Where it is not what the levels of its locations are, or has what it was not to have."""
    locations = frozenset(mirror.order.locations)
    due = {key: of for key, of in levels.items() if key[1] in locations}
    return [
        f"{key}: {due.get(key)}, {mirror.levels.get(key)}"
        for key in {*due, *mirror.levels}
        if due.get(key) != mirror.levels.get(key)
    ]


def _view_kept(evidence: Evidence, name: str, view: ViewDoubter) -> Check:
    """At every bookmark of one stream that brings both, what the channel was shown is what it may see of the levels; at
    the end also of those that ListStock gave."""
    bundles = {bundle.sku for bundle in view.rule.bundles}
    last = [wrong for sku, wrong in view.differs(evidence.levels) if sku not in bundles]
    detail = f"{view.looks:,} looks: {len(view.more):,} too much, {len(view.less):,} too little"
    if view.more or view.less:
        detail += f": {view.more or view.less}"
    good = view.looks > 0 and not (view.more or view.less or last)
    return Check(f"{name} sees what it may, never more", good, detail + _such_as(last))


def _bundles_are_their_parts(evidence: Evidence) -> Check:
    """What each channel was shown of each bundle, at every bookmark after a part of it changed, and at the end."""
    wrong, last, looks, bundles = Findings(), [], 0, 0
    for view in evidence.views.values():
        wrong.merge(view.bundles_wrong)
        looks += view.bundle_looks
        codes = {bundle.sku for bundle in view.rule.bundles}
        bundles = max(bundles, len(codes))
        last += [found for sku, found in view.differs(evidence.levels) if sku in codes]
    detail = str(wrong) or f"{looks:,} looks at {bundles:,} bundles, {evidence.sales.bundles:,} sold"
    good = not (wrong or last) and (looks > 0 or not bundles)
    return Check("bundles shown = what their parts make", good, detail + _such_as(last))


def _first_expiring_first(evidence: Evidence) -> Check:
    """Each row of the ledger that holds or allocates something of a lot, judged by the rows before it: no lot of that
    SKU in that place with something free expires earlier."""
    lots = evidence.watched.doubter.lots
    detail = str(lots.findings) or f"{lots.promises:,} promises, {lots.choices:,} with a choice of lots"
    perishable = any(lots.levels)
    return Check("lots leave first-expiring first", not lots.findings and (lots.promises > 0 or not perishable), detail)


def _returns_were_kept(evidence: Evidence) -> Check:
    """What came back is in quality control, unless it was found good."""
    returned, restored = evidence.sales.returned, evidence.sales.restored
    wrong = [
        f"{key}: {of[3]}"
        for key, of in evidence.levels.items()
        if of[3] != returned[key] - restored[key] or of[4] or of[5]
    ]
    detail = f"{returned.total():,} came back, {restored.total():,} for sale again"
    return Check("returns went into quality control", not wrong, detail + _such_as(wrong))


def _asks_add_up(evidence: Evidence) -> Check:
    wrong = evidence.sales.asks_wrong
    detail = str(wrong) or f"{evidence.sales.asks:,} lines asked for"
    return Check("every line's allocations add up to it", evidence.sales.asks > 0 and not wrong, detail)


def _all_pieces_accounted_for(evidence: Evidence) -> Check:
    """Nothing lost and nothing counted twice."""
    fulfilled, returned = evidence.sales.fulfilled, evidence.sales.returned
    wrong = []
    for key in {*evidence.opening, *fulfilled, *evidence.levels}:
        gone = evidence.opening.get(key, 0) - evidence.levels.get(key, NOTHING)[0]
        if gone != fulfilled[key] - returned[key]:
            wrong.append(f"{key}: {gone} gone, {fulfilled[key]} sold, {returned[key]} back")
    detail = f"{len(wrong):,} levels differ" if wrong else f"{len(fulfilled):,} levels sold from"
    return Check("opening - on hand = sold - returned", not wrong, detail + _such_as(wrong))


def _nothing_promised(evidence: Evidence) -> Check:
    witnesses = (evidence.levels, evidence.ledger, evidence.watched.doubter.levels)
    held = max(sum(of[1] for of in witness.values()) for witness in witnesses)
    allocated = max(sum(of[2] for of in witness.values()) for witness in witnesses)
    return Check(
        "nothing is held or allocated any more",
        held == allocated == evidence.live == 0,
        f"held {held:,}, allocated {allocated:,}, live reservations {evidence.live:,}",
    )


def _reservations_known(evidence: Evidence) -> Check:
    """A reservation made twice, or one whose acknowledgement was a lie, would show here."""
    stray = evidence.watched.doubter.reservations - evidence.sales.reservations
    lost = evidence.sales.reservations - evidence.watched.doubter.reservations
    detail = f"{len(evidence.sales.reservations):,}"
    if stray or lost:
        detail += f", {len(stray):,} only in the feed, {len(lost):,} only acknowledged"
    return Check("reservations in the feed = acknowledged", not (stray or lost), detail)


def _replays_harmless(evidence: Evidence) -> Check:
    replays = evidence.sales.replays
    second, other = replays[Replay.SECOND_EFFECT], replays[Replay.OTHER_ANSWER]
    return Check(
        "requests sent twice: one effect, one answer",
        second == other == 0,
        f"{replays[Replay.AT_ONCE]:,} at the same time, {replays[Replay.LATER]:,} later: "
        f"{second:,} second effects, {other:,} other answers",
    )


def _feed_dense(evidence: Evidence) -> Check:
    doubter, start = evidence.watched.doubter, evidence.watched.start
    complete = doubter.revision >= evidence.head and doubter.changes == doubter.revision - start
    detail = str(doubter.findings) or f"{doubter.changes:,} revisions, {doubter.movements:,} movements"
    if not complete:
        detail += f"; {evidence.head - start:,} expected, {doubter.changes:,} came"
    return Check("feed: ordered, no gap, every balance adds up", complete and not doubter.findings, detail)


def _abandoned_ran_out(evidence: Evidence) -> Check:
    alive = evidence.sales.abandoned - evidence.expired
    detail = f"{len(evidence.sales.abandoned):,}" + (f", {len(alive):,} did not" if alive else "")
    return Check("abandoned holds ran out", not alive, detail)


def _all_baskets_ended(evidence: Evidence) -> Check:
    baskets, lines = evidence.sales.baskets, evidence.sales.lines_asked
    return Check(
        "every basket ended in one way",
        baskets == evidence.baskets and lines == evidence.lines,
        f"{baskets:,} of {evidence.baskets:,} baskets, {lines:,} of {evidence.lines:,} lines",
    )


def _no_defects(evidence: Evidence) -> Check:
    defects = evidence.sales.tally.defects
    detail = _such_as(list(defects)).removeprefix(", ")
    return Check("no answer told of a defect", not defects, f"{defects.total():,}" + (detail and f", {detail}"))


def _killed_amid_work(evidence: Evidence, kill: Kill) -> Check:
    detail = f"with -9, at basket {kill.baskets:,}: {kill.streams} streams, {kill.calls} calls"
    if kill.exit_code != -signal.SIGKILL:
        detail += f"; its exit code is {kill.exit_code}"
    return Check(
        "replica 2 killed amid streams and calls",
        kill.exit_code == -signal.SIGKILL and kill.streams > 0 and kill.calls > 0,
        detail,
    )


def _went_on_elsewhere(evidence: Evidence, kill: Kill) -> Check:
    """What was there is by now with another server, and came back to it by connecting anew."""
    logs = [evidence.watched.connections, *(mirror.connections for mirror in evidence.mirrors)]
    moved = sum(kill.address in log.lives[:-1] and log.lives[-1] != kill.address for log in logs)
    stranded = [log for log in logs if log.lives and log.lives[-1] == kill.address]
    tally = evidence.sales.tally
    broken, answered = tally.broken[kill.address], tally.moved[kill.address]
    return Check(
        "its streams and calls went on elsewhere",
        moved >= kill.streams > 0 and not stranded and answered == broken >= kill.calls > 0,
        f"{moved} of {kill.streams} streams, {answered} of {broken} calls "
        f"({tally.replayed[kill.address]} had happened before)",
    )


def _such_as(examples: list[str]) -> str:
    return f", such as {' | '.join(sorted(examples)[:EXAMPLES_MAX])}" if examples else ""
