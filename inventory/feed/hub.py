"""The feed of one replica: one tailer takes committed changes, any number of subscribers follow.

There is no queue per subscriber. The newest changes stand once, serialised, in bounded buffers: one of everything, and
one per filter in use. Each subscriber has only a cursor and reads at its own pace, from its filter's buffer, else from
that of everything, else from the database. So a slow or dead subscriber delays nobody and costs its cursor.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import structlog

from inventory.domain.committed import Committed
from inventory.feed.buffer import NOWHERE, Buffer, Selection, Selections
from inventory.feed.change import ChangeKind, Filter, Group, Item, Record, grouped, listed
from inventory.feed.encoder import Encoder
from inventory.feed.follower import Follower
from inventory.feed.heard import heard_from_lane, heard_from_ledger
from inventory.feed.turns import Turns
from inventory.feed.views import Views
from inventory.postgres import changes
from inventory.postgres.changes import Page
from inventory.postgres.connection import Database
from inventory.postgres.errors import StorageError
from inventory.postgres.reads import Head, Reader

RING_RECORDS_MAX = 8_192
RING_BYTES_MAX = 16 * 1024 * 1024
CATCH_UP_READS_MAX = 3
POLL_S = 1.0
HEAR_S = 1.0
RETRY_S = 0.5
TICK_S = 0.2

Stream = tuple[int, UUID]
"""channel_id and stream_id."""

log = structlog.get_logger(__name__)


class LedgerGap(Exception):
    """A revision has no rows: following on would silently skip a change."""


class Feed:
    """Call `run` once, and `joined` for each that follows."""

    def __init__(self, database: Database, reader: Reader, encoder: Encoder) -> None:
        self._database = database
        self.reader = reader
        self.encoder = encoder
        self._loop = asyncio.get_running_loop()
        self._ring = Buffer(RING_RECORDS_MAX, RING_BYTES_MAX)
        self._selections = Selections()
        self.turns = Turns()
        self.views = Views(reader, encoder, self.turns, self._wake_asked)
        self.stopping = False
        self._followers: set[Follower] = set()
        self._streams: dict[Stream, Follower] = {}
        self._asked: set[Follower] = set()
        self._ahead: set[tuple[Stream, int]] = set()
        self.catching_up = asyncio.Semaphore(CATCH_UP_READS_MAX)
        self._rung = asyncio.Event()
        self._hears = asyncio.Event()
        self._own_pid: Callable[[], int | None] = lambda: None
        self._missed = False
        self._is_deaf = self._is_blind = False
        self._tail: int | None = None
        self.epoch: UUID | None = None
        self._catalog_changed = 0
        self._without_entered = 0

    @property
    def tail(self) -> int | None:
        """The last revision that has been published; None: nobody has followed until now."""
        return self._tail

    def ring_bell(self, revision: int) -> None:
        """Says that there may be something new, committed here or elsewhere."""
        if self._followers and (self._tail is None or revision > self._tail):
            self._rung.set()

    def take(self, head: int, committed: Committed | None) -> None:
        """What this server has just committed: published as it is when nothing lies between, else read back. Codes and
        categories that were read before a catalogue change that has been told meanwhile may be old ones."""
        if (
            committed is not None
            and self._followers
            and self._tail == committed.base
            and self._catalog_changed <= committed.seen
        ):
            records = self.encoder.committed(committed, self.reader.channels)
            if records is not None:
                self._publish(records)
                if self.views.on:
                    self.views.hear(heard_from_lane(records, committed))
                return  # with nobody else on the database the tailer has nothing to do
        self.ring_bell(head)

    async def run(self, busy: Callable[[], bool], own_pid: Callable[[], int | None]) -> None:
        """Tails committed changes while there are subscribers; `busy`: whether somebody waits for a write, who then
        comes first; `own_pid`: PostgreSQL's process for our own writes, whose bell says nothing that `take` doesn't.
        Cancel it to end it."""
        self._own_pid = own_pid
        works = self._tick(), self.turns.deal(busy), self.views.run()
        beside = [asyncio.create_task(work) for work in works]
        listening: asyncio.Task[None] | None = None
        try:
            while True:
                if self._followers:
                    listening = listening or asyncio.create_task(self._listen())
                    await self._read_on()
                elif listening is not None:  # a bell costs every batch, so it hangs only while somebody follows
                    listening.cancel()
                    listening = None
                    self._hears.clear()
                    self._begin(None)
                    self.epoch = None  # what is restored meanwhile is nothing new to who follows then
                try:
                    async with asyncio.timeout(POLL_S):
                        await self._rung.wait()
                except TimeoutError:
                    pass
                self._rung.clear()
        finally:
            for task in beside:
                task.cancel()
            if listening is not None:
                listening.cancel()

    def stop(self) -> None:
        """Wakes every follower, and each ends."""
        self.stopping = True
        for follower in self._followers:
            follower.wake()

    async def head(self) -> Head:
        return await self.reader.head()

    async def request_bookmark(self, stream: Stream) -> Head:
        """Has the stream, wherever it is, speak as soon as it has come as far as the head is now."""
        head = await self.head()
        if stream in self._streams:
            self._speak(stream, head.revision)
        else:
            channel_id, stream_id = stream
            await changes.ring(self.reader, self._database, f"bookmark {channel_id} {stream_id} {head.revision}")
        return head

    @contextmanager
    def joined(self, wanted: Filter, idle_s: float, stream: Stream | None = None) -> Iterator[Follower]:
        """A follower of what a filter lets through, for the length of the block."""
        if wanted.shows:
            selection = self.views.join(wanted, self._tail)
        else:
            selection = self._selections.join(wanted, NOWHERE if self._tail is None else self._tail)
        follower = Follower(selection, idle_s)
        self._followers.add(follower)
        if stream is not None:
            self._streams[stream] = follower
        self._rung.set()
        try:
            yield follower
        finally:
            self._followers.discard(follower)
            self._asked.discard(follower)
            if stream is not None and self._streams.get(stream) is follower:
                del self._streams[stream]
            (self.views if wanted.shows else self._selections).leave(selection)

    async def _tick(self) -> None:
        """Wakes those who have been silent for long. One timer for all: with thousands of streams theirs would cost."""
        while True:
            await asyncio.sleep(TICK_S)
            now = self._loop.time()
            self.turns.enqueue(
                follower.waiter
                for follower in self._followers
                if follower.waiter is not None and now >= follower.speak_at
            )

    async def hears(self) -> None:
        """Waits a moment until other replicas are heard: so that no bookmark that is asked for there is missed."""
        if self._hears.is_set() or self._missed:
            return
        try:
            async with asyncio.timeout(HEAR_S):
                await self._hears.wait()
        except TimeoutError:
            self._missed = True

    async def _listen(self) -> None:
        await changes.listen(self._database, self._hear, self._deaf, self._hearing)

    def _deaf(self, why: str) -> None:
        if not self._is_deaf:
            self._is_deaf = True
            log.warning("the feed's bell is lost", why=why)
        self._hears.clear()
        self._missed = True

    async def _hearing(self) -> None:
        if self._missed:  # bookmarks may have been asked for: so every stream speaks that could have been meant
            head = await self.head()
            for stream in self._streams:
                self._speak(stream, head.revision)
            self._missed = False
        if self._is_deaf:
            self._is_deaf = False
            log.info("the feed's bell is heard again")
        self._hears.set()

    def _hear(self, pid: int, text: str) -> None:
        """What a replica rang with: the head it committed, or a stream that shall speak. Anybody on the database can
        ring, with anything."""
        word, *rest = text.split(" ")
        try:
            if text.isdecimal():
                if pid != self._own_pid():
                    self.ring_bell(int(text))
            elif word == "bookmark" and len(rest) == 3:
                self._asked_elsewhere((int(rest[0]), UUID(rest[1])), int(rest[2]))
        except ValueError:
            log.warning("the feed's bell was rung with nonsense", text=text[:100])

    def _asked_elsewhere(self, stream: Stream, revision: int) -> None:
        """A revision ahead of us is read first: what lies beyond the ledger's end is none, and waiting for it would
        keep back the bookmarks that can be given."""
        if stream in self._streams:
            self._ahead.add((stream, revision))
            self._speak_reached()
            self._rung.set()

    def _speak_reached(self) -> None:
        for stream, revision in tuple(self._ahead):
            if self._tail is not None and revision <= self._tail:
                self._ahead.discard((stream, revision))
                self._speak(stream, revision)

    def _speak(self, stream: Stream, revision: int) -> None:
        follower = self._streams.get(stream)
        if follower is not None:
            follower.due = max(revision, follower.due or 0)
            self._asked.add(follower)
            follower.wake()
            self.ring_bell(revision)

    async def _read_on(self) -> None:
        asked_before = tuple(self._ahead)
        try:
            await self._read_to_the_end()
        except (StorageError, LedgerGap) as error:
            if not self._is_blind:
                self._is_blind = True
                log.warning("the feed can't read", why=type(error).__name__, error=str(error))
            await asyncio.sleep(RETRY_S)
            return
        if self._is_blind:
            self._is_blind = False
            log.info("the feed reads again")
        for stream, revision in asked_before:
            if (stream, revision) in self._ahead:
                self._ahead.discard((stream, revision))
                self._speak(stream, self._tail or 0)

    async def _read_to_the_end(self) -> None:
        if self._tail is None:
            head = await self.reader.head()
            self.epoch = head.epoch
            self._begin(head.revision)
        while self._tail is not None:
            after = self._tail
            entered = self._names_categories
            page = await changes.read_page(self.reader, after, entered=entered)
            if page.epoch != self.epoch:
                self._restart(page.epoch)
                break
            if page.end <= self._tail:  # or all of it was taken from the lane meanwhile
                break
            if page.skus and not entered:
                if self._names_categories:  # since the reading began
                    continue
                self._without_entered = page.end
            groups = [group for group in self._groups(page, after) if group.revision > self._tail]
            records = [self.encoder.record(group) for group in groups]
            self._publish(records)
            if self.views.on:
                self.views.hear(heard_from_ledger(records, groups))

    @property
    def _names_categories(self) -> bool:
        return self._selections.of_categories + self.views.selections.of_categories > 0

    def _restart(self, epoch: UUID) -> None:
        """The database was restored from a back-up: nothing that was published counts. Every follower ends."""
        log.warning("the database is another one now", epoch=str(epoch))
        self.epoch = epoch
        self._begin(None)
        for follower in self._followers:
            follower.wake()
        self._rung.set()

    def _begin(self, tail: int | None) -> None:
        """Anew, after this revision; None: with nobody following there is nothing to read."""
        self._tail = tail
        self._catalog_changed = self._without_entered = tail or 0
        start = NOWHERE if tail is None else tail
        self._ring.clear(start)
        for selection in self._selections:
            selection.clear(start)
            selection.wake(self.turns)
        self.views.reset(tail)

    def _publish(self, records: Sequence[Record]) -> None:
        concerned: set[Selection] = set()
        for record in records:
            self._ring.append(record)
            concerned |= self._selections.publish(record)
            self._tail = record.revision
            if ChangeKind.SKU in record.kinds:
                self._catalog_changed = record.revision
        for selection in concerned:
            selection.wake(self.turns)
        self._speak_reached()
        self._wake_asked()

    def _wake_asked(self) -> None:
        for follower in tuple(self._asked):
            if follower.due is None:
                self._asked.discard(follower)
            follower.wake()

    def _groups(self, page: Page, after: int) -> list[Group]:
        groups = list(grouped(page))
        if [group.revision for group in groups] != list(range(after + 1, page.end + 1)):
            raise LedgerGap(f"revisions {after + 1} to {page.end} are not all there")
        return groups

    def at_hand(self, selection: Selection, after: int) -> tuple[Sequence[Record], int] | None:
        """What of a filter's changes is in memory, and how far that reaches; None: the database must be asked."""
        if self._tail is None or (selection.wanted.by_category and after < self._without_entered):
            return None
        if selection.wanted.shows:
            return self.views.at_hand(selection, after)
        if after >= selection.start:
            records, all_of_them = selection.after(after)
            return records, max(self._tail, after) if all_of_them else records[-1].revision
        if after >= self._ring.start:
            scanned, _ = self._ring.after(after)
            picked = [record for one in scanned if (record := selection.wanted.pick(one)) is not None]
            return picked, scanned[-1].revision if scanned else max(self._tail, after)
        return None

    async def catch_up(self, after: int, wanted: Filter) -> tuple[Sequence[Record], int]:
        """The next page of a filter's changes from the database, and how far it reaches."""
        groups, end = await self.read_on(after, wanted)
        records = map(self.encoder.record, groups)
        return [record for one in records if (record := wanted.pick(one)) is not None], end

    async def read_on(self, after: int, wanted: Filter) -> tuple[Sequence[Group], int]:
        """The next page of all changes from the database, and how far it reaches."""
        async with self.catching_up:
            page = await changes.read_page(self.reader, after, entered=wanted.by_category)
        if self.epoch is not None and page.epoch != self.epoch:
            self._restart(page.epoch)
            return (), after
        return self._groups(page, after), page.end

    async def catch_up_latest(self, after: int, wanted: Filter) -> tuple[Sequence[Item], int]:
        """The newest row of each level in the next page of a filter's changes, and how far it reaches."""
        filters = listed(wanted.skus), listed(wanted.locations), listed(wanted.categories)
        async with self.catching_up:
            end, rows = await changes.read_latest(self.reader, after, *filters, wanted.within)
        return [self.encoder.row(row) for row in rows], end
