"""The engine's own tidying, as commands: holds and lots that ran out, and stock that became free while somebody waits
for it. What has run out stopped counting before this comes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

import structlog

from inventory.domain.calendar import has_passed
from inventory.domain.receipt import ExpireLots
from inventory.domain.reservation import Expire, FillBackorders
from inventory.engine.failures import EngineError
from inventory.engine.lane import Lane
from inventory.engine.submission import Outcome, Submission
from inventory.postgres import lots
from inventory.postgres.errors import StorageError
from inventory.postgres.reads import Reader

SWEEP_PERIOD_S = 0.4
SWEEP_RESERVATIONS_MAX = 1_000
SWEEP_LEVELS_MAX = 500
SWEEP_DEADLINE_S = 5.0
BACKORDER_PERIOD_S = 1.0
BACKORDER_LINES = 40
"""How many lines filling one level counts for, which is not known before the look."""
FUTILE_S = 60.0
LOT_PERIOD_S = 60.0
FORGET_PERIOD_S = 60.0
FORGET_ROWS_MAX = 5_000
REQUESTS_KEPT = timedelta(days=8)
CHANNEL = "inventory"
"""The channel that the engine's own changes are said to come from."""

log = structlog.get_logger(__name__)
Command = Expire | FillBackorders | ExpireLots


async def sweep(lane: Lane, reader: Reader) -> None:
    """Does each chore once in its period, for ever; two replicas may do it at once. Cancel it to end it."""
    loop = asyncio.get_running_loop()
    sweeper = _Sweeper(lane, reader)
    chores: list[tuple[Callable[[], Awaitable[bool]], float]] = [
        (sweeper.end_holds, SWEEP_PERIOD_S),
        (sweeper.fill_backorders, BACKORDER_PERIOD_S),
        (sweeper.expire_lots, LOT_PERIOD_S),
        (sweeper.forget_requests, FORGET_PERIOD_S),
    ]
    due_at = [loop.time()] * len(chores)
    waiting: set[int] = set()
    while True:
        for number, (chore, period_s) in enumerate(chores):
            if loop.time() < due_at[number]:
                continue
            more = False
            try:
                more = await chore()
                if number in waiting:
                    waiting.discard(number)
                    if not waiting:
                        log.info("the sweep goes on")
            except (EngineError, StorageError) as error:
                if not waiting:
                    log.warning("the sweep waits", error=type(error).__name__)
                waiting.add(number)
            due_at[number] = loop.time() + (0 if more else period_s)
        await asyncio.sleep(max(min(due_at) - loop.time(), 0))


class _Sweeper:
    """Each chore says whether there is more to do at once."""

    def __init__(self, lane: Lane, reader: Reader) -> None:
        self._lane = lane
        self._reader = reader
        self._loop = asyncio.get_running_loop()
        self._filled_to = (0, 0)
        self._futile: dict[tuple[int, int], int] = {}
        self._futile_until = 0.0

    async def end_holds(self) -> bool:
        due = await self._reader.due_reservations(SWEEP_RESERVATIONS_MAX)
        await self._all((Expire(reservation_id), lines) for reservation_id, lines in due)
        return len(due) == SWEEP_RESERVATIONS_MAX

    async def fill_backorders(self) -> bool:
        """Where something is free that nobody who waits may have (a lot that doesn't last long enough) is left alone
        for a while, unless the level changes."""
        if self._loop.time() >= self._futile_until:
            self._futile.clear()
            self._futile_until = self._loop.time() + FUTILE_S
        found = await lots.levels_to_fill(self._reader, self._filled_to, SWEEP_LEVELS_MAX)
        whole = len(found) == SWEEP_LEVELS_MAX
        self._filled_to = found[-1].key if whole else (0, 0)
        owing = [level for level in found if self._futile.get(level.key) != level.revision]
        outcomes = await self._all((FillBackorders(level.sku, level.location), BACKORDER_LINES) for level in owing)
        for level, outcome in zip(owing, outcomes, strict=True):
            if outcome.revision is None:
                self._futile[level.key] = level.revision
        return whole or any(outcome.revision is not None for outcome in outcomes)

    async def expire_lots(self) -> bool:
        found = await lots.expired_lots(self._reader, SWEEP_LEVELS_MAX)
        over = [level for level in found if has_passed(level.expires_on, level.time_zone, level.now)]
        if over:
            channel_id = await self._reader.channel_id(CHANNEL)
            await self._all((ExpireLots(channel_id, level.sku, level.location), 1) for level in over)
        return len(over) == SWEEP_LEVELS_MAX

    async def forget_requests(self) -> bool:
        return await self._reader.forget_requests(REQUESTS_KEPT, FORGET_ROWS_MAX) == FORGET_ROWS_MAX

    async def _all(self, commands: Iterable[tuple[Command, int]]) -> list[Outcome]:
        """Commands with how many lines each counts for; all of them are waited for, whatever comes of one."""
        futures = []
        try:
            for command, lines in commands:
                futures.append(
                    self._lane.submit(
                        Submission(
                            command,
                            0,
                            None,
                            b"",
                            lambda codes, answer: b"",
                            self._loop.create_future(),
                            self._loop.time() + SWEEP_DEADLINE_S,
                            lines,
                        )
                    )
                )
        finally:
            outcomes = await asyncio.gather(*futures, return_exceptions=True)
        done = []
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            done.append(outcome)
        return done
