"""What the feed does on its own account: it looks how far its registered subscribers have come, tells when one falls
behind, and moves the oldest cursor it can be resumed from."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog

from inventory.domain.subscriber import SubscriberState, state_of
from inventory.postgres.connection import Database
from inventory.postgres.outage import Outage
from inventory.postgres.reads import Reader
from inventory.postgres.subscribers import SubscriberRow, compact, move_subscriber, read_subscribers

LOOK_S = 1.0
LATELY_S = 5.0
COMPACT_S = 60.0
PAGE_ROWS = 1_000

log = structlog.get_logger(__name__)


class Keeping:
    """Any number of replicas may keep one feed at once. `subscribers`: as of the last look."""

    def __init__(self, database: Database, reader: Reader, age: timedelta | None, changes_max: int | None) -> None:
        """`age`, `changes_max`: what of the feed is kept at least for whoever resumes; None: all of it."""
        self._database = database
        self._reader = reader
        self._age = age
        self._changes_max = changes_max
        self.subscribers: Sequence[SubscriberRow] = ()
        self._looked_at: float | None = None

    def lately(self) -> Sequence[SubscriberRow] | None:
        """The subscribers, when they were looked at lately."""
        looked_at = self._looked_at
        is_old = looked_at is None or asyncio.get_running_loop().time() - looked_at > LATELY_S
        return None if is_old else self.subscribers

    async def run(self) -> None:
        """For ever; cancel it to end it."""
        loop = asyncio.get_running_loop()
        compact_at = loop.time() + COMPACT_S
        outage = Outage(log, "the feed's keeping")
        while True:
            with outage.outlived():
                await self.look()
                if loop.time() >= compact_at:
                    compact_at = loop.time() + COMPACT_S
                    await self._compact()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Reads every subscriber, and tells the feed whose state has changed."""
        rows: list[SubscriberRow] = []
        last = ("", "")
        while len(page := await read_subscribers(self._reader, last, limit=PAGE_ROWS)) == PAGE_ROWS:
            rows += page
            last = (page[-1].subscriber.channel, page[-1].subscriber.name)
        self.subscribers = rows + page
        self._looked_at = asyncio.get_running_loop().time()
        for row in self.subscribers:
            found = row.subscriber
            state = state_of(found, row.silent)
            if state is not found.state and await move_subscriber(self._reader, self._database, row, state):
                say = log.info if state is SubscriberState.FOLLOWING else log.warning
                say(
                    "a subscriber's state has changed",
                    channel=found.channel,
                    subscriber=found.name,
                    state=state.name,
                    lag_changes=found.lag_changes,
                    lag_s=round(found.lag.total_seconds(), 1),
                    silent_s=round(row.silent.total_seconds(), 1),
                )

    async def _compact(self) -> None:
        if self._age is None and self._changes_max is None:
            return
        window = await compact(self._database, self._age, self._changes_max)
        if window.after > window.before:
            log.info("the feed was compacted", oldest=window.after, head=window.head)
