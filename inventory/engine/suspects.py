"""Commands of batches that took the database too long: which one does is found by halves, beside everybody else's."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from uuid import UUID

import structlog

from inventory.domain import decide
from inventory.engine import failures
from inventory.engine.submission import Submission
from inventory.postgres.connection import BATCH_STATEMENT_TIMEOUT_MS, STATEMENT_TIMEOUT_MS

GROUP_MS = 250
"""What a statement for several suspects may take, and what lines and levels add."""
GROUP_TIMES_USUAL = 3
"""Or so many times what a batch takes of late, when the database is slow for everybody."""
ALONE_MS = 5_000
"""What it may take for one: it has one try."""
ALONE_AGAIN_MS = 1_000
"""What it may take for one that names the same SKUs, or the same document, as one that took too long."""
LINE_MS = 1.0
SOURCE_MS = 0.05
EXTRA_UNSAID_MS = 500
"""As much more than a session's own limit is not worth a round trip."""
SUSPECTS_MAX = 2_000
LAST_MOMENT_S = 0.5
"""Before its deadline a caller is told."""
SLOW_S = 30.0
SLOW_MAX = 1_000
SLOW_EACH_MAX = 10
"""Who names more was slow for their number."""
USUAL_SHARE = 0.1

log = structlog.get_logger(__name__)

GiveUp = Callable[[Submission, failures.EngineError], None]


def limit_ms(batch: Sequence[Submission]) -> int | None:
    """What a statement for a batch may take; None: as long as the session says."""
    limit = _limit_ms(batch, BATCH_STATEMENT_TIMEOUT_MS)
    return None if limit <= BATCH_STATEMENT_TIMEOUT_MS + EXTRA_UNSAID_MS else limit


def _limit_ms(batch: Sequence[Submission], base_ms: float) -> int:
    if not batch[0].is_stock:  # an import of a whole catalogue, whose rows nobody counts
        return STATEMENT_TIMEOUT_MS
    extra_ms = sum(submission.weight * LINE_MS + submission.sources * SOURCE_MS for submission in batch)
    return min(STATEMENT_TIMEOUT_MS, round(base_ms + extra_ms))


class Suspects:
    """Groups that wait for their next try. They get half of the lane's time at most, so that however many there are,
    everybody else waits for one try of them, no longer. Groups of several come first: they hold the innocent."""

    def __init__(self, give_up: GiveUp) -> None:
        """`give_up` ends a command without effect."""
        self._give_up = give_up
        self._groups: deque[list[Submission]] = deque()
        self._single: deque[list[Submission]] = deque()
        # Each with what tells its caller in time. It is called off when it is tried: callers choose their deadlines.
        self._waiting: dict[Submission, asyncio.TimerHandle] = {}
        self._slow: dict[str | UUID, float] = {}
        self._usual_s = 0.0
        self._loop = asyncio.get_running_loop()
        self._rest_until = 0.0
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def answered(self, took_s: float) -> None:
        """A batch was, after so long."""
        self._usual_s += (took_s - self._usual_s) * USUAL_SHARE

    def failed(self, batch: list[Submission], limit: int | None) -> None:
        """A statement for the batch took longer than its limit (None: the session's). Who had all the time that one
        command gets is told so; else halves are tried."""
        if len(batch) == 1:
            batch[0].tried_alone = True
            if (limit or BATCH_STATEMENT_TIMEOUT_MS) >= self._alone_ms(batch[0]):
                self._convict(batch[0], limit)
            else:
                self._put(batch)
            return
        log.warning("a batch took too long: it is tried by halves", commands=len(batch), limit_ms=limit)
        middle = len(batch) // 2
        self._put(batch[:middle])
        self._put(batch[middle:])

    def _convict(self, submission: Submission, limit: int | None) -> None:
        log.warning("a command took too long", command=type(submission.command).__name__, limit_ms=limit)
        named, now = decide.subjects(submission.command), self._loop.time()
        self._slow = {subject: until for subject, until in self._slow.items() if until > now}
        if len(named) <= SLOW_EACH_MAX and len(self._slow) < SLOW_MAX:
            self._slow.update(dict.fromkeys(named, now + SLOW_S))
        self._give_up(submission, failures.TooHeavy())

    def suspects(self, submission: Submission) -> bool:
        """Whether it names what has taken too long lately; then it is kept here, to be tried alone."""
        if not self._slow or not self._is_slow(submission):
            return False
        self._put([submission])
        return True

    def _is_slow(self, submission: Submission) -> bool:
        now = self._loop.time()
        return any(self._slow.get(subject, 0.0) > now for subject in decide.subjects(submission.command))

    def _alone_ms(self, submission: Submission) -> int:
        return _limit_ms([submission], ALONE_AGAIN_MS if self._slow and self._is_slow(submission) else ALONE_MS)

    def _put(self, group: list[Submission]) -> None:
        if self._is_closed or len(self._waiting) + len(group) > SUSPECTS_MAX:
            for submission in group:
                self._give_up(submission, failures.ShuttingDown() if self._is_closed else failures.Overloaded())
            return
        (self._groups if len(group) > 1 else self._single).append(group)
        for submission in group:
            self._waiting[submission] = self._loop.call_at(
                submission.deadline - LAST_MOMENT_S, self._is_due, submission
            )

    def _is_due(self, submission: Submission) -> None:
        if self._waiting.pop(submission, None) is not None:
            self._give_up_late(submission)

    def _give_up_late(self, submission: Submission) -> None:
        """Who has only been tried together with others is perhaps as light as any."""
        self._give_up(submission, failures.TooHeavy() if submission.tried_alone else failures.TurnNotCome())

    def take(self, *, others_wait: bool) -> tuple[list[Submission], int]:
        """The next ones to try together, with what a statement may take in milliseconds; none when `others_wait` whose
        turn it is."""
        while (self._groups or self._single) and not (others_wait and self._loop.time() < self._rest_until):
            group = (self._groups or self._single).popleft()
            group = self._still_waiting(group)
            if len(group) > 1:
                usual_ms = min(GROUP_TIMES_USUAL * self._usual_s * 1000, BATCH_STATEMENT_TIMEOUT_MS)
                return group, _limit_ms(group, max(GROUP_MS, usual_ms))
            for submission in group:
                left_ms = round((submission.deadline - LAST_MOMENT_S - self._loop.time()) * 1000)
                if left_ms > 0:
                    return group, min(self._alone_ms(submission), left_ms)
                self._give_up_late(submission)
        return [], 0

    def _still_waiting(self, group: list[Submission]) -> list[Submission]:
        """Takes them out. Whose callers are gone is not tried."""
        group = [submission for submission in group if submission in self._waiting]
        for submission in group:
            self._waiting.pop(submission).cancel()
        for submission in group:
            if submission.abandoned:
                self._give_up(submission, failures.TooHeavy())
        return [submission for submission in group if not submission.abandoned]

    def tried(self, group: Sequence[Submission], took_s: float) -> None:
        """The others' turn is as long. What one command was answered about is not slow any more."""
        self._rest_until = self._loop.time() + took_s
        if self._slow and len(group) == 1 and _is_answered(group[0]):
            for subject in decide.subjects(group[0].command):
                self._slow.pop(subject, None)

    def close(self) -> None:
        """Nobody is tried any more: the server stops."""
        self._is_closed = True
        waiting, self._waiting = self._waiting, {}
        self._groups.clear()
        self._single.clear()
        for submission, due in waiting.items():
            due.cancel()
            self._give_up(submission, failures.ShuttingDown())


def _is_answered(submission: Submission) -> bool:
    future = submission.future
    return future.done() and not future.cancelled() and future.exception() is None
