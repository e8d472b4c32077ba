"""A channel's numbers against the ledger's: which are right, which are behind, and which are wrong."""

from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID


class ReconciliationKind(IntEnum):
    """What numbers are compared; the numbers are the API's and the table's."""

    AVAILABLE_TO_SELL = 1
    AVAILABLE = 2
    ON_HAND = 3


class ReconciliationState(IntEnum):
    """How far a reconciliation has come; the numbers are the API's and the table's."""

    OPEN = 1
    FINISHED = 2
    UNFINISHED = 3


class Answer(IntEnum):
    """What became of a number; the numbers are the API's and the table's."""

    EQUAL = 1
    BEHIND = 2
    DRIFT = 3
    UNKNOWN = 4
    MISSING = 5


class Number(NamedTuple):
    """What a channel says of a SKU, at a location or ('') of all it sells from, in the SKU's smallest unit. `seen`: the
    revision up to which it knows this one's changes; None: that of what it says together."""

    sku: str
    location: str
    quantity: int
    seen: int | None = None


class State(NamedTuple):
    """A number as it was from a revision on."""

    revision: int
    quantity: int


class Known(NamedTuple):
    """What is known of a number. `current`: as the ledger has it. `swept`: as calls say it, which don't count holds
    that have run out and that the ledger has still to end. `history`: how it was at the revision the channel has seen,
    and each time it changed since, in order, as far as that was looked at; nothing when the channel has seen none, or
    when the number is the current one. `settings_changed`: something has changed since then that decides the number and
    of which the history may not tell."""

    current: int
    swept: int
    history: Sequence[State] = ()
    settings_changed: bool = False


class Verdict(NamedTuple):
    """What became of a number. `then`: as it was at the revision the channel has seen; None: it has seen none, or that
    doesn't matter. `differs_since`: of BEHIND the change since which the number differs; 0: of no other."""

    answer: Answer
    current: int = 0
    then: int | None = None
    differs_since: int = 0
    settings_changed_since: bool = False


UNKNOWN = Verdict(Answer.UNKNOWN)


def judge(quantity: int, known: Known | None, *, named: bool = True) -> Verdict:
    """`known` None: there is no such SKU or location. `named`: else the channel has said nothing of it, which is 0."""
    if known is None:
        return UNKNOWN
    if quantity in (known.current, known.swept):
        return Verdict(Answer.EQUAL, quantity)
    then = known.history[0].quantity if known.history else None
    right = [place for place, state in enumerate(known.history) if state.quantity == quantity]
    if right and right[-1] + 1 < len(known.history):
        return Verdict(Answer.BEHIND, known.current, then, known.history[right[-1] + 1].revision)
    wrong = Answer.DRIFT if named else Answer.MISSING
    return Verdict(wrong, known.current, then, 0, known.settings_changed)


class Judged(NamedTuple):
    """A number and its verdict. `position`: which of the channel's rows, from 0; None: it named none."""

    position: int | None
    number: Number
    verdict: Verdict

    @property
    def delta(self) -> int:
        """What to add to the channel's number to make it the current one."""
        if self.verdict.answer is Answer.UNKNOWN:
            return 0
        return self.verdict.current - self.number.quantity


class Counts(NamedTuple):
    """How many numbers were judged how. `settings_changed`: of those wrong, how many may have been right in between."""

    equal: int = 0
    behind: int = 0
    drift: int = 0
    unknown: int = 0
    missing: int = 0
    settings_changed: int = 0

    def plus(self, judged: Sequence[Judged]) -> "Counts":
        found = [0] * len(self)
        for row in judged:
            found[row.verdict.answer - 1] += 1
            found[-1] += row.verdict.settings_changed_since
        return Counts(*(before + more for before, more in zip(self, found, strict=True)))

    @property
    def differing(self) -> int:
        return self.behind + self.drift + self.unknown + self.missing

    @property
    def alarming(self) -> int:
        """How many numbers are wrong without any doubt."""
        return self.drift + self.missing - self.settings_changed


class Reconciliation(NamedTuple):
    """One comparison, as it is stored. `kept`: how many answers that are not EQUAL are. `revision`: the newest one that
    it was compared with, 0: none."""

    reconciliation_id: UUID
    channel: str
    kind: ReconciliationKind
    state: ReconciliationState
    reference: str
    begun_at: datetime
    ended_at: datetime | None
    counts: Counts
    kept: int
    revision: int
