"""The lane: commands that arrive while a batch is under way form the next batch.

The shape is group commit: one batch at a time, no timer when idle, every limit on collecting a named constant.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter
from uuid import UUID

import structlog

from inventory.domain import decide
from inventory.domain.committed import Committed
from inventory.engine import failures
from inventory.engine.batch import EncodeRefusal, Executed, execute
from inventory.engine.figures import BatchFigures
from inventory.engine.locked_out import LockedOut
from inventory.engine.submission import Outcome, Submission
from inventory.engine.suspects import Suspects, limit_ms
from inventory.postgres.connection import BATCH_STATEMENT_TIMEOUT_MS, Writer
from inventory.postgres.errors import (
    Contention,
    Interfered,
    LookAgain,
    OutcomeUnknown,
    StorageError,
    TooSlow,
    Unavailable,
)
from inventory.postgres.stock import Limits
from inventory.postgres.topology import Directory
from inventory.tracing import Tracing

QUEUE_COMMANDS_MAX = 10_000
BATCH_COMMANDS_MAX = 512
BATCH_LINES_MAX = 8_000
BATCH_SOURCES_MAX = 50_000
GATHER_FROM_COMMANDS = 8
GATHER_COMMANDS_MAX = 256
GATHER_S_MAX = 0.012
GATHER_STEP_S = 0.001
FOLLOW_MARGIN_S = 0.05  # so that the answer still reaches a caller who listens until the deadline
RETRY_PAUSE_MIN_S = 0.01
LOOKS_AT_ONCE_MAX = 3  # then others have made us look again, and get a pause
LOCK_WAIT_SHORT_MS = 50
SPREAD_TRIES_MAX = 24
STOP_S = 3.0
RETRY_PAUSE_MAX_S = 0.5

log = structlog.get_logger(__name__)


class Lane:
    """One connection, one batch at a time. `run` drives it; `submit` may be called from anywhere on the loop."""

    def __init__(
        self,
        writer: Writer,
        encode_refusal: EncodeRefusal,
        on_commit: Callable[[int, Committed | None], None] = lambda head, committed: None,
        tracing: Tracing | None = None,
    ) -> None:
        """`on_commit` is told the last revision of each batch that was committed, and what it has written."""
        self._writer = writer
        self._directory = Directory()
        self._encode_refusal = encode_refusal
        self._on_commit = on_commit
        self._tracing = tracing
        self._queue: deque[Submission] = deque()
        self._running: dict[tuple[int, UUID], Submission] = {}
        self._arrived = asyncio.Event()
        self._locked_out = LockedOut(self._give_up, self._arrived.set)
        self._suspects = Suspects(self._give_up)
        self._stopping = False
        self._waits = False
        self._stop_at = float("inf")
        self._loop = asyncio.get_running_loop()
        self._answered_at = perf_counter()
        self._longer_s = 0.0
        self.batches = 0
        self.commands = 0
        self.figures = BatchFigures()

    @property
    def queued(self) -> int:
        """How many commands wait for the next batch."""
        return len(self._queue)

    @property
    def busy(self) -> bool:
        """Whether somebody waits for a write."""
        return bool(self._running or self._queue)

    @property
    def stuck_s(self) -> float:
        """For how long a caller has waited while no batch was answered; 0: nobody waits."""
        oldest = next(iter(self._running.values()), None)
        return 0.0 if oldest is None else perf_counter() - max(oldest.submitted_at, self._answered_at)

    @property
    def round_s(self) -> float:
        """How long ago it began a batch, without what a statement of that may take longer than usual."""
        return perf_counter() - self.figures.began_at - self._longer_s

    @property
    def may_take_longer(self) -> bool:
        """Whether it tries something whose statement may take longer than usual, and still has time for that."""
        return self._longer_s > 0 and self.round_s <= BATCH_STATEMENT_TIMEOUT_MS / 1000

    def submit(self, submission: Submission) -> asyncio.Future[Outcome]:
        """Queues a command; the future gives its outcome. Raises `Overloaded` or `ShuttingDown`, at once.

        A second submission with the same request_id waits for the first and gets its outcome as a replay; with
        other content it is queued after the first, when it is known which content the id stands for.
        """
        if self._stopping:
            raise failures.ShuttingDown
        submission.submitted_at = perf_counter()
        if submission.request_id is not None and not submission.validate_only:
            key = (submission.channel_id, submission.request_id)
            first = self._running.get(key)
            if first is not None:
                return self._follow(first, submission)
            self._assert_room()
            self._running[key] = submission
        else:
            self._assert_room()
        self._queue.append(submission)
        if not self._arrived.is_set():
            self._arrived.set()
        return submission.future

    def _assert_room(self) -> None:
        if len(self._queue) + len(self._locked_out) >= QUEUE_COMMANDS_MAX:
            raise failures.Overloaded

    async def run(self) -> None:
        """Works until `stop`, and then until the queue is empty."""
        try:
            while True:
                suspects, limit = self._suspects.take(others_wait=bool(self._queue))
                if suspects:
                    began = self._loop.time()
                    await self._serve(suspects, limit)
                    self._suspects.tried(suspects, self._loop.time() - began)
                    continue
                locked_out = self._locked_out.take(
                    BATCH_COMMANDS_MAX, BATCH_LINES_MAX, BATCH_SOURCES_MAX, others_wait=bool(self._queue)
                )
                if locked_out:
                    began = self._loop.time()
                    await self._serve(locked_out, lock_wait_ms=LOCK_WAIT_SHORT_MS)
                    self._queue.extend(self._locked_out.tried(self._loop.time() - began))
                    continue
                batch = self._collect()
                if batch:
                    began = self._loop.time()
                    await self._serve(batch)
                    if len(batch) >= GATHER_FROM_COMMANDS and not self._stopping:
                        await self._gather(self._loop.time() - began)
                elif self._suspects or self._locked_out.is_due:
                    continue
                elif self._stopping:
                    return
                else:
                    self._arrived.clear()
                    await self._arrived.wait()
        finally:
            for submission in self._queue:
                self._finish(submission, failures.ShuttingDown())
            self._queue.clear()
            await self._writer.close()

    async def _gather(self, took_s: float) -> None:
        """After a batch of many, lets the next one grow for as long as commands keep coming, at most as long as the
        last batch took: larger batches cost each command less. A lone caller never comes here."""
        until = self._loop.time() + min(took_s, GATHER_S_MAX)
        seen = -1
        while seen < len(self._queue) < GATHER_COMMANDS_MAX and self._loop.time() < until:
            seen = len(self._queue)
            await asyncio.sleep(GATHER_STEP_S)

    def stop(self) -> None:
        """Takes nothing new; what was taken is finished, or given up after `STOP_S`. Again: no effect."""
        if self._stopping:
            return
        self._stopping = True
        self._stop_at = self._loop.time() + STOP_S
        self._locked_out.close()
        self._suspects.close()
        self._arrived.set()

    def _follow(self, first: Submission, second: Submission) -> asyncio.Future[Outcome]:
        if first.fingerprint != second.fingerprint:
            first.rivals.append(second)
            return second.future
        first.followers.append(second.future)
        due = self._loop.call_at(second.deadline - FOLLOW_MARGIN_S, _give_up_following, second.future)
        second.future.add_done_callback(lambda _: due.cancel())  # else the answer is kept until the caller's deadline
        return second.future

    def _collect(self) -> list[Submission]:
        queue = self._queue
        batch: list[Submission] = []
        lines = levels = 0
        while queue and len(batch) < BATCH_COMMANDS_MAX:
            submission = queue[0]
            if submission.abandoned:
                self._forget(queue.popleft())
                continue
            submission.sources = decide.sources(submission.command, submission.topology(self._directory.topology))
            if self._suspects.suspects(submission) or self._locked_out.keeps(submission):
                queue.popleft()
                continue
            lines += submission.weight
            levels += submission.sources
            if batch and (submission.solo or lines > BATCH_LINES_MAX or levels > BATCH_SOURCES_MAX):
                break
            batch.append(queue.popleft())
            if submission.solo:
                break
        return batch

    async def _serve(
        self, batch: list[Submission], statement_ms: int | None = None, lock_wait_ms: int | None = None
    ) -> None:
        """Runs a batch until each of its commands has an outcome or waits for another try, or its caller's deadline has
        passed. `statement_ms`: what a statement may take, None: as long as suits the batch; `lock_wait_ms`: what all of
        them wait for locks that were held before, None: as long as the session says."""
        pause = RETRY_PAUSE_MIN_S
        looks = 0
        while batch:
            limits = Limits(lock_wait_ms, statement_ms or limit_ms(batch))
            try:
                executed = await self._execute(batch, limits)
            except TooSlow as error:
                self.figures.again[type(error).__name__] += 1
                self._suspects.failed(batch, limits.statement_ms)
                return
            except Contention as error:
                self.figures.again[type(error).__name__] += 1
                log.info("locks can't be had", error=str(error), commands=len(batch))
                if lock_wait_ms is None:
                    await self._spread(batch, SPREAD_TRIES_MAX)
                else:
                    self._locked_out.failed(batch)
                return
            except (Interfered, Unavailable, OutcomeUnknown) as error:
                self.figures.again[type(error).__name__] += 1
                looks += isinstance(error, LookAgain)
                if isinstance(error, LookAgain) and looks <= LOOKS_AT_ONCE_MAX:
                    continue
                batch = self._still_due(batch, error, pause)
            except Exception as error:  # noqa: BLE001 - logged and answered there, for each command on its own
                await self._isolate(batch, error)
                return
            else:
                batch = self._settle(batch, executed)
                continue
            await asyncio.sleep(pause)
            pause = min(pause * 2, RETRY_PAUSE_MAX_S)

    async def _execute(self, batch: Sequence[Submission], limits: Limits) -> Executed:
        now = perf_counter()
        self._longer_s = max((limits.statement_ms or 0) - BATCH_STATEMENT_TIMEOUT_MS, 0) / 1000
        for submission in batch:
            if not submission.is_measured:
                submission.is_measured = True
                self.figures.wait.add(now - submission.submitted_at)
        work = execute(
            self._writer, self._directory, batch, self._encode_refusal, self.figures, limits if any(limits) else None
        )
        if self._tracing is None:
            executed = await work
        else:
            with self._tracing.batch([submission.span for submission in batch]):
                executed = await work
        self._suspects.answered(perf_counter() - now)
        return executed

    async def _spread(self, batch: list[Submission], tries: int) -> int:
        """Somebody holds a lock that the batch needs: finds by halves, each with a short wait, whose lock it is. Those
        commands are parked and tried again without the others, which go on. Gives the tries that are left."""
        if len(batch) == 1 or tries <= 0:  # without tries left it is everybody's lock: the feed's head
            for submission in batch:
                self._locked_out.park(submission)
            return tries
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            tries -= 1
            limits = Limits(LOCK_WAIT_SHORT_MS, limit_ms(half))
            try:
                executed = await self._execute(half, limits)
            except TooSlow:
                self._suspects.failed(half, limits.statement_ms)
            except Contention:
                tries = await self._spread(half, tries)
            except Exception as error:  # noqa: BLE001 - met again there, and handled
                for submission in half:
                    submission.in_doubt = submission.in_doubt or isinstance(error, OutcomeUnknown)
                await self._serve(half)
            else:
                await self._serve(self._settle(half, executed))
        return tries

    def _still_due(self, batch: list[Submission], error: StorageError, pause: float) -> list[Submission]:
        """What of a batch is to be tried again after the pause; the others' deadlines come before that, and they are
        told why while they still listen."""
        waits_for_locks = isinstance(error, Interfered)
        if not self._waits:  # once: without a database it is tried twice a second
            self._waits = not waits_for_locks
            log.info("a batch is tried again", why=type(error).__name__, error=str(error), commands=len(batch))
        next_try = self._loop.time() + pause
        kept = []
        for submission in batch:
            submission.in_doubt = submission.in_doubt or isinstance(error, OutcomeUnknown)
            if submission.abandoned:
                self._forget(submission)
            elif min(submission.deadline, self._stop_at) > next_try:
                kept.append(submission)
            else:
                self._give_up(
                    submission, failures.LockContention() if waits_for_locks else failures.StorageUnavailable()
                )
        return kept

    async def _isolate(self, batch: list[Submission], error: Exception) -> None:
        """The database refuses a statement, or a decision has a defect: find the one command that has it, and spare
        its neighbours."""
        if len(batch) > 1:
            log.warning("a batch is run one by one", error=failures.described(error), commands=len(batch))
            for submission in batch:
                await self._serve([submission])
            return
        log.error("a command failed", command=type(batch[0].command).__name__, error=failures.described(error))
        self._finish(batch[0], failures.Defect())

    def _settle(self, batch: list[Submission], executed: Executed) -> list[Submission]:
        """Answers the callers first; then the feed is told. Gives those that have no outcome yet."""
        outcomes, committed = executed
        if self._waits:
            self._waits = False
            log.info("batches are written again")
        head = committed.head if committed is not None and committed.steps else 0
        if outcomes:
            self.batches += 1
            self.commands += len(outcomes)
            self.figures.size.add(len(outcomes))
            self._answered_at = perf_counter()
            head = max(head, self._answer(batch, outcomes))
        if head and not batch[0].validate_only:
            self._loop.call_soon(self._on_commit, head, committed)  # the callers' tasks come first
        return batch[len(outcomes) :]

    def _answer(self, batch: list[Submission], outcomes: list[Outcome]) -> int:
        """The last revision among the answers; 0: nothing changed."""
        head = 0
        for submission, outcome in zip(batch, outcomes, strict=False):
            self._forget(submission)
            submission.settle(outcome)
            if outcome.revision is not None and not outcome.replayed:
                head = outcome.revision
        return head

    def _give_up(self, submission: Submission, error: failures.EngineError) -> None:
        """Ends a command that had no effect, unless an earlier try of it left that open."""
        self._finish(submission, failures.Unknown() if submission.in_doubt else error)

    def _finish(self, submission: Submission, error: failures.EngineError) -> None:
        self._forget(submission)
        submission.fail(error)

    def _forget(self, submission: Submission) -> None:
        if submission.request_id is not None and not submission.validate_only:
            self._running.pop((submission.channel_id, submission.request_id), None)
        rivals, submission.rivals = submission.rivals, []
        for rival in rivals:
            try:
                _ = self.submit(rival)
            except failures.EngineError as error:
                rival.fail(error)


def _give_up_following(future: asyncio.Future[Outcome]) -> None:
    if not future.done():
        future.set_exception(failures.InProgress())
