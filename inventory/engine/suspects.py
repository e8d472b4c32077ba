"""Commands of batches that took the database too long: which one does is found by halves, beside everybody else's."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from inventory.engine import failures
from inventory.engine.submission import Submission
from inventory.postgres.connection import BATCH_STATEMENT_TIMEOUT_MS, STATEMENT_TIMEOUT_MS

GROUP_MS = 250
"""What a statement for several suspects may take, and what lines and levels add."""
ALONE_MS = 5_000
"""What it may take for one: it has one try."""
LINE_MS = 1.0
SOURCE_MS = 0.05
EXTRA_UNSAID_MS = 500
"""As much more than a session's own limit is not worth a round trip."""
SUSPECTS_MAX = 2_000
LAST_MOMENT_S = 0.5
"""Before its deadline a caller is told."""

log = structlog.get_logger(__name__)

GiveUp = Callable[[Submission, failures.EngineError], None]


def limit_ms(batch: Sequence[Submission]) -> int | None:
    """What a statement for a batch may take; None: as long as the session says."""
    limit = _limit_ms(batch, BATCH_STATEMENT_TIMEOUT_MS)
    return None if limit <= BATCH_STATEMENT_TIMEOUT_MS + EXTRA_UNSAID_MS else limit


def _limit_ms(batch: Sequence[Submission], base_ms: int) -> int:
    if not batch[0].is_stock:  # an import of a whole catalogue, whose rows nobody counts
        return STATEMENT_TIMEOUT_MS
    extra_ms = sum(submission.weight * LINE_MS + submission.sources * SOURCE_MS for submission in batch)
    return min(STATEMENT_TIMEOUT_MS, base_ms + round(extra_ms))


class Suspects:
    """Groups that wait for their next try. They get half of the lane's time at most, so that however many there are,
    everybody else waits for one try of them, no longer."""

    def __init__(self, give_up: GiveUp) -> None:
        """`give_up` ends a command without effect."""
        self._give_up = give_up
        self._groups: deque[list[Submission]] = deque()
        self._waiting: set[Submission] = set()
        self._loop = asyncio.get_running_loop()
        self._rest_until = 0.0
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def failed(self, batch: list[Submission], limit: int | None) -> None:
        """A statement for the batch took longer than its limit (None: the session's). Who had all the time that one
        command gets is told so; else halves are tried."""
        if len(batch) == 1:
            if (limit or BATCH_STATEMENT_TIMEOUT_MS) >= _limit_ms(batch, ALONE_MS):
                log.warning("a command took too long", command=type(batch[0].command).__name__, limit_ms=limit)
                self._give_up(batch[0], failures.TooHeavy())
            else:
                self._put(batch)
            return
        log.warning("a batch took too long: it is tried by halves", commands=len(batch), limit_ms=limit)
        middle = len(batch) // 2
        self._put(batch[:middle])
        self._put(batch[middle:])

    def _put(self, group: list[Submission]) -> None:
        if self._is_closed or len(self._waiting) + len(group) > SUSPECTS_MAX:
            for submission in group:
                self._give_up(submission, failures.ShuttingDown() if self._is_closed else failures.Overloaded())
            return
        self._groups.append(group)
        for submission in group:
            self._waiting.add(submission)
            self._loop.call_at(submission.deadline - LAST_MOMENT_S, self._is_due, submission)

    def _is_due(self, submission: Submission) -> None:
        if submission in self._waiting:
            self._waiting.discard(submission)
            self._give_up(submission, failures.TooHeavy())

    def take(self, *, others_wait: bool) -> tuple[list[Submission], int]:
        """The next ones to try together, with what a statement may take in milliseconds; none when `others_wait` whose
        turn it is."""
        while self._groups and not (others_wait and self._loop.time() < self._rest_until):
            group = [submission for submission in self._groups.popleft() if submission in self._waiting]
            self._waiting.difference_update(group)
            if len(group) > 1:
                return group, _limit_ms(group, GROUP_MS)
            for submission in group:
                left_ms = round((submission.deadline - LAST_MOMENT_S - self._loop.time()) * 1000)
                if left_ms > 0:
                    return group, min(_limit_ms(group, ALONE_MS), left_ms)
                self._give_up(submission, failures.TooHeavy())
        return [], 0

    def tried(self, took_s: float) -> None:
        """The others' turn is as long."""
        self._rest_until = self._loop.time() + took_s

    def close(self) -> None:
        """Nobody is tried any more: the server stops."""
        self._is_closed = True
        waiting, self._waiting = self._waiting, set()
        self._groups.clear()
        for submission in waiting:
            self._give_up(submission, failures.ShuttingDown())
