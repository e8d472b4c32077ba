"""Reconciliations that are old are dropped, and those whose server was lost are ended."""

import asyncio
from datetime import timedelta

import structlog

from inventory.postgres import reconciliation as store
from inventory.postgres.outage import Outage
from inventory.postgres.reads import Reader

LOOK_S = 60.0
KEPT = timedelta(days=90)
SILENT = timedelta(hours=1)
ROWS_AT_ONCE_MAX = 10_000
PAUSE_S = 0.1

log = structlog.get_logger(__name__)


class Forgetting:
    """Any number of replicas may do it at once."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def run(self) -> None:
        """For ever; cancel it to end it."""
        outage = Outage(log, "the keeping of reconciliations")
        while True:
            has_more = False
            with outage.outlived():
                has_more = await self.look()
            await asyncio.sleep(PAUSE_S if has_more else LOOK_S)

    async def look(self) -> bool:
        """Whether there is more to drop."""
        await store.abandon(self._reader, SILENT)
        rows, reconciliations = await store.forget(self._reader, KEPT, ROWS_AT_ONCE_MAX)
        return ROWS_AT_ONCE_MAX in (rows, reconciliations)
