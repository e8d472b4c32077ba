"""The feed of one replica: one tailer reads committed changes, any number of subscribers follow.

There is no queue per subscriber. The newest changes stand once, serialised, in one ring; each subscriber has only a
cursor and reads at its own pace, from the ring, or from the database when it has fallen out of it. So a slow or dead
subscriber delays nobody and costs its cursor.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

import structlog

from inventory.feed.change import Filter, Group, Item, Record, grouped
from inventory.postgres import changes
from inventory.postgres.changes import Page
from inventory.postgres.connection import Database
from inventory.postgres.errors import StorageError
from inventory.postgres.reads import Head, LevelRow, Reader

RING_RECORDS_MAX = 8_192
RING_BYTES_MAX = 16 * 1024 * 1024
MESSAGE_BYTES_MAX = 512 * 1024
PICK_RECORDS_MAX = 1_000
POLL_S = 1.0
RETRY_S = 0.5
NOWHERE = 2**63 - 1
"""Where the ring starts while it is empty and nobody fills it: no cursor is in it."""

log = structlog.get_logger(__name__)


class LedgerGap(Exception):
    """A revision has no rows: following on would silently skip a change."""


class Encoder(Protocol):
    """How changes look on the wire; the feed itself doesn't know."""

    def record(self, group: Group) -> Record:
        """Serialises one revision."""

    def frame(self, head: bytes, items: Sequence[Item]) -> bytes:
        """One revision with only some of its items."""


class Piece(NamedTuple):
    """Serialised changes for one subscriber. `bookmark`: everything up to it that matches has been given."""

    frames: Sequence[bytes]
    bookmark: int


class Feed:
    """Call `run` once; `follow` as often as there are subscribers."""

    def __init__(self, database: Database, reader: Reader, encoder: Encoder) -> None:
        self._database = database
        self._reader = reader
        self._encoder = encoder
        self._ring: deque[Record] = deque()
        self._ring_bytes = 0
        self._rung = asyncio.Event()
        self._moved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tail: int | None = None
        self._ring_start = NOWHERE
        self._stopping = False
        self.subscribers = 0

    def ring_bell(self, revision: int) -> None:
        """Says that there may be something new, committed here or elsewhere."""
        if self.subscribers and (self._tail is None or revision > self._tail):
            self._rung.set()

    async def run(self) -> None:
        """Tails committed changes while there are subscribers. Cancel it to end it."""
        listener: asyncio.Task[None] | None = None
        try:
            while True:
                if self.subscribers:
                    listener = listener or asyncio.create_task(self._listen())
                    await self._read_on()
                elif listener is not None:  # a bell costs every batch, so it hangs only while somebody follows
                    listener.cancel()
                    listener = None
                    self._rest()
                try:
                    async with asyncio.timeout(POLL_S):
                        await self._rung.wait()
                except TimeoutError:
                    pass
                self._rung.clear()
        finally:
            if listener is not None:
                listener.cancel()

    async def _listen(self) -> None:
        await changes.listen(
            self._database, self.ring_bell, lambda why: log.warning("the feed's bell is lost", why=why)
        )

    def stop(self) -> None:
        """Wakes every subscriber; `follow` ends for each."""
        self._stopping = True
        self._wake()

    async def head(self) -> Head:
        return await self._reader.head()

    async def snapshot(self, revision: int, wanted: Filter) -> AsyncGenerator[list[LevelRow]]:
        """Pages of the levels as of `revision`, in bounded memory and without a lasting transaction."""
        skus = None if wanted.skus is None else list(wanted.skus)
        locations = None if wanted.locations is None else list(wanted.locations)
        after = (0, 0)
        while True:
            page = await changes.read_snapshot(self._reader, revision, after, skus, locations)
            if page:
                yield page
            if len(page) < changes.SNAPSHOT_ROWS:
                return
            after = page[-1].key

    async def follow(self, after: int, wanted: Filter, idle_s: float) -> AsyncGenerator[Piece]:
        """Every change after a revision that matches, in order, in pieces; an empty piece after `idle_s` without one.

        Ends only when the feed is stopped.
        """
        self.subscribers += 1
        self._rung.set()
        loop = asyncio.get_running_loop()
        spoken = loop.time()
        try:
            while not self._stopping:
                moved = self._moved  # taken before the look: a change between look and wait is not slept over
                if after >= self._ring_start:
                    frames, end = self._from_ring(after, wanted)
                else:
                    page = await changes.read_page(self._reader, after)
                    frames, end = self._pick(self._records(page, after), wanted, page.end)
                if frames:
                    yield Piece(frames, end)
                    after = end
                    spoken = loop.time()
                elif end > after:
                    after = end
                else:
                    await self._wait(moved, spoken + idle_s - loop.time())
                if loop.time() >= spoken + idle_s:
                    yield Piece((), after)
                    spoken = loop.time()
        finally:
            self.subscribers -= 1

    async def _read_on(self) -> None:
        try:
            if self._tail is None:
                self._tail = self._ring_start = (await self._reader.head()).revision
                self._wake()
            while (page := await changes.read_page(self._reader, self._tail)).end > self._tail:
                for record in self._records(page, self._tail):
                    self._ring.append(record)
                    self._ring_bytes += len(record.whole)
                while self._ring and (len(self._ring) > RING_RECORDS_MAX or self._ring_bytes > RING_BYTES_MAX):
                    dropped = self._ring.popleft()
                    self._ring_bytes -= len(dropped.whole)
                    self._ring_start = dropped.revision
                self._tail = page.end
                self._wake()
        except (StorageError, LedgerGap) as error:
            log.warning("the feed can't read", why=type(error).__name__, error=str(error))
            await asyncio.sleep(RETRY_S)

    def _rest(self) -> None:
        """With nobody following there is nothing to read; the next one begins anew at the head."""
        self._ring.clear()
        self._ring_bytes = 0
        self._tail = None
        self._ring_start = NOWHERE

    def _records(self, page: Page, after: int) -> list[Record]:
        records = [self._encoder.record(group) for group in grouped(page)]
        if [record.revision for record in records] != list(range(after + 1, page.end + 1)):
            raise LedgerGap(f"revisions {after + 1} to {page.end} are not all there")
        return records

    def _from_ring(self, after: int, wanted: Filter) -> tuple[list[bytes], int]:
        # Revisions are dense, so a record's place in the ring is its revision's distance from the first one's.
        skip = after - self._ring_start
        records = list(islice(self._ring, skip, skip + PICK_RECORDS_MAX))
        return self._pick(records, wanted, records[-1].revision if records else after)

    def _pick(self, records: Sequence[Record], wanted: Filter, end: int) -> tuple[list[bytes], int]:
        frames: list[bytes] = []
        size = 0
        for record in records:
            if wanted.takes_whole(record):
                frame = record.whole
            else:
                items = [item for item in record.items if wanted.matches(item)]
                if not items:
                    continue
                frame = self._encoder.frame(record.head, items)
            if frames and size + len(frame) > MESSAGE_BYTES_MAX:
                return frames, record.revision - 1
            frames.append(frame)
            size += len(frame)
        return frames, end

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.get_running_loop().create_future()
        moved.set_result(None)

    async def _wait(self, moved: asyncio.Future[None], seconds: float) -> None:
        if seconds > 0 and not self._stopping:
            await asyncio.wait((moved,), timeout=seconds)
