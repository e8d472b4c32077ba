"""The proof at the end: what five independent witnesses say about every SKU in every shop.

The levels, the ledger, the stream of changes, the selling processes' own counting, and the opening stock.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from inventory_demo.mirror import NOTHING, Key, Mirror, Quantities, available
from inventory_demo.sales import Replay, Sales

EXAMPLES_MAX = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    baskets: int
    lines: int
    opening: Mapping[Key, int]
    """What was put on the shelves before the first basket."""
    sales: Sales
    """As counted by the sellers from the answers they got."""
    mirror: Mirror
    """As rebuilt from the stream of changes."""
    start: int
    """The revision the stream was followed from."""
    head: int
    """The last revision there was when all was over."""
    levels: Mapping[Key, Quantities]
    """As ListStock says."""
    ledger: Mapping[Key, Quantities]
    """As the movements of ListMovements add up."""
    live: int
    """Reservations that still hold or are allocated something."""
    expired: AbstractSet[str]
    """The web shop's reservations that ran out."""
    verified: tuple[bool, str] | None
    """Whether `inventory verify` passed, and its last words; None when the database is somebody else's."""


class Check(NamedTuple):
    name: str
    passed: bool
    detail: str


def oversold_pieces(evidence: Evidence) -> int:
    """By whom ever: below zero in the stream or in the levels, or more sold than there was."""
    in_stream = evidence.mirror.oversold
    below = {key: -left for key, of in evidence.levels.items() if (left := available(of)) < 0}
    beyond = {
        key: more for key, sold in evidence.sales.fulfilled.items() if (more := sold - evidence.opening.get(key, 0)) > 0
    }
    keys = {*in_stream, *below, *beyond}
    return sum(max(in_stream.get(key, 0), below.get(key, 0), beyond.get(key, 0)) for key in keys)


def judge(evidence: Evidence) -> list[Check]:
    checks = [
        _oversold(evidence),
        _books_agree(evidence),
        _all_pieces_accounted_for(evidence),
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
    ]
    if evidence.verified is not None:
        checks.append(Check("inventory verify", *evidence.verified))
    return checks


def _oversold(evidence: Evidence) -> Check:
    pieces = oversold_pieces(evidence)
    keys = sorted(evidence.mirror.oversold)
    return Check("oversold pieces", pieces == 0, f"{pieces:,}" + _such_as([str(key) for key in keys]))


def _books_agree(evidence: Evidence) -> Check:
    levels, ledger, mirror = evidence.levels, evidence.ledger, evidence.mirror.levels
    keys = {*levels, *ledger, *mirror}
    wrong = []
    for key in keys:
        said = (ledger.get(key, NOTHING), levels.get(key, NOTHING), mirror.get(key, NOTHING))
        if not said[0] == said[1] == said[2]:
            wrong.append(f"{key}: {said[0]}, {said[1]}, {said[2]}")
    detail = f"{len(wrong):,} of {len(keys):,} levels differ" if wrong else f"{len(keys):,} levels"
    return Check("ledger = levels = mirror", bool(keys) and not wrong, detail + _such_as(wrong))


def _all_pieces_accounted_for(evidence: Evidence) -> Check:
    """Nothing lost and nothing counted twice."""
    fulfilled = evidence.sales.fulfilled
    wrong = []
    for key in {*evidence.opening, *fulfilled, *evidence.levels}:
        gone = evidence.opening.get(key, 0) - evidence.levels.get(key, NOTHING)[0]
        if gone != fulfilled[key]:
            wrong.append(f"{key}: {gone} gone, {fulfilled[key]} sold")
    detail = f"{len(wrong):,} levels differ" if wrong else f"{len(fulfilled):,} levels sold from"
    return Check("opening stock - on hand = sold as acknowledged", not wrong, detail + _such_as(wrong))


def _nothing_promised(evidence: Evidence) -> Check:
    witnesses = (evidence.levels, evidence.ledger, evidence.mirror.levels)
    held = max(sum(of[1] for of in witness.values()) for witness in witnesses)
    allocated = max(sum(of[2] for of in witness.values()) for witness in witnesses)
    return Check(
        "nothing is held or allocated any more",
        held == allocated == evidence.live == 0,
        f"held {held:,}, allocated {allocated:,}, live reservations {evidence.live:,}",
    )


def _reservations_known(evidence: Evidence) -> Check:
    """A reservation made twice, or one whose acknowledgement was a lie, would show here."""
    stray = evidence.mirror.reservations - evidence.sales.reservations
    lost = evidence.sales.reservations - evidence.mirror.reservations
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
    mirror = evidence.mirror
    expected = evidence.head - evidence.start
    complete = mirror.revision >= evidence.head and mirror.changes == mirror.revision - evidence.start
    detail = str(mirror.findings) or f"{mirror.changes:,} revisions, {mirror.movements:,} movements"
    if not complete:
        detail += f"; {expected:,} expected, {mirror.changes:,} came"
    return Check("feed: ordered, no gap, every balance adds up", complete and not mirror.findings, detail)


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


def _such_as(examples: list[str]) -> str:
    return f", such as {' | '.join(sorted(examples)[:EXAMPLES_MAX])}" if examples else ""
