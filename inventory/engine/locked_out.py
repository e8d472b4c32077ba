"""Commands whose locks somebody else holds: tried again five times a second, beside everybody else's."""

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from inventory.domain import decide
from inventory.engine import failures
from inventory.engine.submission import Submission

PARKED_S = 0.2
LAST_TRY_S = 0.2
"""What a try may take, so that its caller is told before the deadline."""

GiveUp = Callable[[Submission, failures.EngineError], None]
_Key: TypeAlias = "tuple[frozenset[object], ...] | Submission"


class _Group:
    """Those that need the same locks, each with what tells its caller in time."""

    def __init__(self, try_at: float) -> None:
        self.try_at = try_at
        self.waiting: dict[Submission, asyncio.TimerHandle] = {}


class LockedOut:
    """Groups that wait for their next try, in its order: one try says for a whole group whether its locks are free.
    They get half of the lane's time at most: however many locks are held, everybody else waits for one try."""

    def __init__(self, give_up: GiveUp, wake: Callable[[], object]) -> None:
        """`give_up` ends a command without effect; `wake` is called when a group is due."""
        self._give_up = give_up
        self._wake = wake
        self._groups: dict[_Key, _Group] = {}
        self._count = 0
        self._trying: list[Submission] = []
        self._rest_until = 0.0
        self._loop = asyncio.get_running_loop()
        self._is_closed = False

    def __len__(self) -> int:
        return self._count

    def park(self, submission: Submission) -> None:
        """Its locks can't be had."""
        now = self._loop.time()
        if self._is_closed or submission.abandoned or submission.deadline <= now + PARKED_S + LAST_TRY_S:
            self._give_up(submission, failures.LockContention())
            return
        key = _key(submission)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group(now + PARKED_S)
            self._loop.call_at(group.try_at, self._wake)
        group.waiting[submission] = self._loop.call_at(submission.deadline - LAST_TRY_S, self._is_due, key, submission)
        self._count += 1

    def keeps(self, submission: Submission) -> bool:
        """Whether it needs the same locks as some that wait; then it waits with them."""
        if not self._groups or _key(submission) not in self._groups:
            return False
        self.park(submission)
        return True

    def _is_due(self, key: _Key, submission: Submission) -> None:
        group = self._groups.get(key)
        if group is not None and group.waiting.pop(submission, None) is not None:
            self._count -= 1
            self._give_up(submission, failures.LockContention())

    @property
    def is_due(self) -> bool:
        """Whether a group is."""
        first = next(iter(self._groups.values()), None)
        return first is not None and first.try_at <= self._loop.time()

    def take(self, commands_max: int, lines_max: int, sources_max: int, *, others_wait: bool) -> list[Submission]:
        """The next ones to try together, at most so many; none when it is the turn of `others_wait`. Each is followed
        by one `tried`, and before that by `failed` when their locks can't be had."""
        if not self.is_due or (others_wait and self._loop.time() < self._rest_until):
            return []
        key = next(iter(self._groups))
        batch: list[Submission] = []
        for submission in self._ended(self._groups.pop(key)):
            lines_max -= submission.weight
            sources_max -= submission.sources
            fits = len(batch) < commands_max and lines_max >= 0 and sources_max >= 0
            (batch if fits or not batch else self._trying).append(submission)
        return batch

    def _ended(self, group: _Group) -> list[Submission]:
        """Those whose callers still wait."""
        kept = []
        for submission, due in group.waiting.items():
            due.cancel()
            if submission.abandoned:
                self._give_up(submission, failures.LockContention())
            else:
                kept.append(submission)
        self._count -= len(group.waiting)
        return kept

    def failed(self, batch: list[Submission]) -> None:
        """Their locks are still held."""
        trying, self._trying = self._trying, []
        for submission in (*batch, *trying):
            self.park(submission)

    def tried(self, took_s: float) -> list[Submission]:
        """The others' turn is as long. Gives those that may go with everybody else's again."""
        self._rest_until = self._loop.time() + took_s
        free, self._trying = self._trying, []
        return free

    def close(self) -> None:
        """Nobody is tried any more: the server stops."""
        self._is_closed = True
        groups, self._groups = self._groups, {}
        for group in groups.values():
            for submission in self._ended(group):
                self._give_up(submission, failures.ShuttingDown())


def _key(submission: Submission) -> _Key:
    """What it needs locks for; one that runs in a transaction of its own is a group of its own."""
    if submission.solo:
        return submission
    return frozenset(decide.pairs(submission.command) or ()), frozenset(decide.subjects(submission.command))  # type: ignore[arg-type]
