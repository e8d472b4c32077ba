"""Tidying up after holds that ran out, as commands of the engine. A hold stopped counting before this comes."""

import asyncio
from datetime import timedelta

import structlog

from inventory.domain.reservation import Expire
from inventory.engine.failures import EngineError
from inventory.engine.lane import Lane
from inventory.engine.submission import Submission
from inventory.postgres.errors import StorageError
from inventory.postgres.reads import Reader

SWEEP_PERIOD_S = 0.4
SWEEP_RESERVATIONS_MAX = 1_000
SWEEP_DEADLINE_S = 5.0
FORGET_PERIOD_S = 60.0
FORGET_ROWS_MAX = 5_000
REQUESTS_KEPT = timedelta(days=8)

log = structlog.get_logger(__name__)


async def sweep(lane: Lane, reader: Reader) -> None:
    """Ends overdue holds a few times a second, for ever; two replicas may do it at once. Cancel it to end it."""
    loop = asyncio.get_running_loop()
    forget_at = loop.time() + FORGET_PERIOD_S
    waits = False
    while True:
        try:
            due = await reader.due_reservations(SWEEP_RESERVATIONS_MAX)
            futures = [
                lane.submit(
                    Submission(
                        Expire(reservation_id),
                        0,
                        None,
                        b"",
                        lambda codes, answer: b"",
                        loop.create_future(),
                        loop.time() + SWEEP_DEADLINE_S,
                        lines,
                    )
                )
                for reservation_id, lines in due
            ]
            for future in futures:
                await future
            if loop.time() >= forget_at:
                forget_at = loop.time() + FORGET_PERIOD_S
                if await reader.forget_requests(REQUESTS_KEPT, FORGET_ROWS_MAX) == FORGET_ROWS_MAX:
                    forget_at = loop.time()  # there is more
            if waits:
                waits = False
                log.info("the sweep goes on")
        except (EngineError, StorageError) as error:
            if not waits:
                waits = True
                log.warning("the sweep waits", error=type(error).__name__)
            due = []
        if len(due) < SWEEP_RESERVATIONS_MAX:
            await asyncio.sleep(SWEEP_PERIOD_S)
