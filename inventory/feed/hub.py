"""The feed of one replica: one tailer takes committed changes, any number of subscribers follow.

There is no queue per subscriber. The newest changes stand once, serialised, in bounded buffers: one of everything, and
one per filter in use. Each subscriber has only a cursor and reads at its own pace, from its filter's buffer, else from
that of everything, else from the database. So a slow or dead subscriber delays nobody and costs its cursor.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import structlog

from inventory.domain.catalog import Location, Sku
from inventory.domain.ledger import Committed
from inventory.feed.buffer import NOWHERE, Buffer, Selection, Selections
from inventory.feed.change import MESSAGE_BYTES_MAX, ChangeKind, Filter, Group, Item, Record, grouped
from inventory.feed.turns import Turns
from inventory.postgres import changes
from inventory.postgres.changes import Page
from inventory.postgres.connection import Database
from inventory.postgres.errors import StorageError
from inventory.postgres.reads import Head, LevelRow, Reader

RING_RECORDS_MAX = 8_192
RING_BYTES_MAX = 16 * 1024 * 1024
CATCH_UP_READS_MAX = 3
LATEST_ROWS_MAX = 1_000
POLL_S = 1.0
RETRY_S = 0.5
TICK_S = 0.2

Stream = tuple[int, UUID]
"""channel_id and stream_id."""

log = structlog.get_logger(__name__)


class LedgerGap(Exception):
    """A revision has no rows: following on would silently skip a change."""


class Encoder(Protocol):
    """How changes look on the wire; the feed itself doesn't know."""

    def record(self, group: Group) -> Record:
        """Serialises one revision."""

    def row(self, row: Any) -> Item:
        """Serialises one ledger row."""

    def committed(self, committed: Committed, channels: Mapping[int, str]) -> list[Record] | None:
        """Serialises a batch as it will be read back; None: a channel's code isn't known."""

    def frame(self, revision: int, recorded_at: bytes, items: Sequence[Item], fragment: bool) -> bytes:
        """A change, or a fragment of one, as a field of the message."""

    def latest(self, items: Sequence[Item]) -> bytes:
        """Newest rows as fields of the message."""


class Piece(NamedTuple):
    """What one message holds. `bookmark`: everything up to it that matches has been given; None: not yet all of it."""

    frames: Sequence[bytes]
    bookmark: int | None


class Follower:
    """A stream: when it must speak next, and a bookmark that was asked for."""

    __slots__ = ("due", "idle_s", "selection", "speak_at", "waiter")

    def __init__(self, selection: Selection, idle_s: float) -> None:
        self.selection = selection
        self.idle_s = idle_s
        self.speak_at = 0.0
        self.due: int | None = None
        self.waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class Feed:
    """Call `run` once; `follow` and `latest` as often as there are subscribers."""

    def __init__(self, database: Database, reader: Reader, encoder: Encoder) -> None:
        self._database = database
        self._reader = reader
        self._encoder = encoder
        self._loop = asyncio.get_running_loop()
        self._ring = Buffer(RING_RECORDS_MAX, RING_BYTES_MAX)
        self._selections = Selections()
        self._followers: set[Follower] = set()
        self._streams: dict[Stream, Follower] = {}
        self._asked: set[Follower] = set()
        self._catching_up = asyncio.Semaphore(CATCH_UP_READS_MAX)
        self._turns = Turns()
        self._rung = asyncio.Event()
        self._tail: int | None = None
        self._catalog_changed = 0
        self._stopping = False

    @property
    def subscribers(self) -> int:
        """How many follow."""
        return len(self._followers)

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
            records = self._encoder.committed(committed, self._reader.channels)
            if records is not None:
                self._publish(records)
                return  # with nobody else on the database the tailer has nothing to do
        self.ring_bell(head)

    async def run(self, busy: Callable[[], bool]) -> None:
        """Tails committed changes while there are subscribers; `busy`: whether somebody waits for a write, who then
        comes first. Cancel it to end it."""
        beside = asyncio.create_task(self._tick()), asyncio.create_task(self._turns.deal(busy))
        listening: asyncio.Task[None] | None = None
        try:
            while True:
                if self._followers:
                    listening = listening or asyncio.create_task(
                        changes.listen(
                            self._database, self._hear, lambda why: log.warning("the feed's bell is lost", why=why)
                        )
                    )
                    await self._read_on()
                elif listening is not None:  # a bell costs every batch, so it hangs only while somebody follows
                    listening.cancel()
                    listening = None
                    self._begin(None)
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
        """Wakes every subscriber; `follow` and `latest` end for each."""
        self._stopping = True
        for follower in self._followers:
            follower.wake()

    async def head(self) -> Head:
        return await self._reader.head()

    async def request_bookmark(self, stream: Stream) -> Head:
        """Has the stream, wherever it is, speak as soon as it has come as far as the head is now."""
        head = await self.head()
        if stream in self._streams:
            self._speak(stream, head.revision)
        else:
            channel_id, stream_id = stream
            await changes.ring(self._reader, self._database, f"bookmark {channel_id} {stream_id} {head.revision}")
        return head

    async def snapshot(self, revision: int, wanted: Filter) -> AsyncGenerator[list[LevelRow]]:
        """Pages of the levels as of `revision`, in bounded memory and without a lasting transaction."""
        filters = _listed(wanted.skus), _listed(wanted.locations), _listed(wanted.categories)
        after = (0, 0)
        while True:
            page = await changes.read_snapshot(self._reader, revision, after, *filters)
            if page:
                yield page
            if len(page) < changes.SNAPSHOT_ROWS:
                return
            after = page[-1].key

    async def catalog_snapshot(self, revision: int, wanted: Filter) -> AsyncGenerator[tuple[list[Sku], list[Location]]]:
        """Pages of the SKUs, then of the locations, as of `revision`, as far as their kinds are wanted."""
        after, skus = 0, [None] * changes.SNAPSHOT_ROWS if ChangeKind.SKU in wanted.kinds else []
        while len(skus) == changes.SNAPSHOT_ROWS:
            after, page = await changes.read_sku_snapshot(
                self._reader, revision, after, _listed(wanted.skus), _listed(wanted.categories)
            )
            yield page, []
            skus = [None] * len(page)
        after, full = 0, ChangeKind.LOCATION in wanted.kinds
        while full:
            after, places = await changes.read_location_snapshot(
                self._reader, revision, after, _listed(wanted.locations)
            )
            yield [], places
            full = len(places) == changes.SNAPSHOT_ROWS

    async def follow(
        self, after: int, wanted: Filter, idle_s: float, stream: Stream | None = None
    ) -> AsyncGenerator[Piece]:
        """Every change after a revision that matches, in order, in pieces; an empty piece after `idle_s` without one,
        or when a bookmark was asked for. Ends only when the feed is stopped."""
        has_turn = False
        with self._following(wanted, idle_s, stream) as follower:
            while not self._stopping:
                found = self._at_hand(follower.selection, after)
                if not has_turn and (found is None or found[0]):
                    await self._turns.take()
                    has_turn = True
                    continue  # there may be more by now, for one message
                records, end = found or await self._catch_up(after, wanted)
                for piece in self._pieces(records, end):
                    yield piece
                    follower.speak_at = self._loop.time() + idle_s
                has_turn = False
                if self._must_speak(follower, end):
                    yield Piece((), end)
                elif end == after and (found or self._tail is None):
                    await self._wait(follower)
                    has_turn = True
                after = end

    async def latest(
        self, after: int, wanted: Filter, idle_s: float, stream: Stream | None = None
    ) -> AsyncGenerator[Piece]:
        """The newest ledger row of each level that changed after a revision, those with the least available first. What
        changes while a round is being given is given in its newest form: so nobody is behind by more than one round,
        and what is pending is bounded by the number of levels. Ends only when the feed is stopped."""
        pending: dict[tuple[str, str], Item] = {}
        with self._following(wanted, idle_s, stream) as follower:
            while not self._stopping:
                end = self._newer_at_hand(follower.selection, after, pending)
                waits = end is not None or self._tail is None
                if end is None:
                    end = await self._catch_up_latest(after, wanted, pending)
                if pending:
                    due, pending = sorted(pending.items(), key=lambda pair: pair[1].available, reverse=True), {}
                    after = end
                    while due:
                        chunk = _take(due, pending)
                        yield Piece((self._encoder.latest(chunk),), None if due else end)
                        follower.speak_at = self._loop.time() + idle_s
                        await self._turns.take()
                        after = self._newer_at_hand(follower.selection, after, pending) or after
                elif self._must_speak(follower, end):
                    yield Piece((), end)
                    after = end
                elif end == after and waits:
                    await self._wait(follower)
                else:
                    after = end

    @contextmanager
    def _following(self, wanted: Filter, idle_s: float, stream: Stream | None) -> Iterator[Follower]:
        selection = self._selections.join(wanted, NOWHERE if self._tail is None else self._tail)
        follower = Follower(selection, idle_s)
        follower.speak_at = self._loop.time() + idle_s
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
            self._selections.leave(selection)

    def _must_speak(self, follower: Follower, end: int) -> bool:
        """Whether a bookmark is due though there is nothing else to say."""
        asked = follower.due is not None and end >= follower.due
        if asked:
            follower.due = None
            self._asked.discard(follower)
        now = self._loop.time()
        if not asked and now < follower.speak_at:
            return False
        follower.speak_at = now + follower.idle_s
        return True

    async def _wait(self, follower: Follower) -> None:
        """Until there is something for the follower's filter, or it must speak."""
        if self._stopping:
            return
        waiter = follower.waiter = self._loop.create_future()
        follower.selection.waiting[waiter] = None
        try:
            await waiter
        finally:
            follower.waiter = None
            follower.selection.waiting.pop(waiter, None)

    async def _tick(self) -> None:
        """Wakes those who have been silent for long. One timer for all: with thousands of streams theirs would cost."""
        while True:
            await asyncio.sleep(TICK_S)
            now = self._loop.time()
            for follower in self._followers:
                if now >= follower.speak_at:
                    follower.wake()

    def _hear(self, text: str) -> None:
        """What a replica rang with: the head it committed, or a stream that shall speak."""
        if text.isdigit():
            self.ring_bell(int(text))
            return
        word, *rest = text.split(" ")
        if word == "bookmark" and len(rest) == 3:
            self._speak((int(rest[0]), UUID(rest[1])), int(rest[2]))

    def _speak(self, stream: Stream, revision: int) -> None:
        follower = self._streams.get(stream)
        if follower is not None:
            follower.due = max(revision, follower.due or 0)
            self._asked.add(follower)
            follower.wake()
            self.ring_bell(revision)

    async def _read_on(self) -> None:
        try:
            if self._tail is None:
                self._begin((await self._reader.head()).revision)
            while self._tail is not None:
                after = self._tail
                page = await changes.read_page(self._reader, after)
                if page.end <= self._tail:  # or all of it was taken from the lane meanwhile
                    break
                self._publish([record for record in self._records(page, after) if record.revision > self._tail])
        except (StorageError, LedgerGap) as error:
            log.warning("the feed can't read", why=type(error).__name__, error=str(error))
            await asyncio.sleep(RETRY_S)

    def _begin(self, tail: int | None) -> None:
        """Anew, after this revision; None: with nobody following there is nothing to read."""
        self._tail = tail
        self._catalog_changed = tail or 0
        start = NOWHERE if tail is None else tail
        self._ring.clear(start)
        for selection in self._selections:
            selection.clear(start)
            selection.wake(self._turns)

    def _publish(self, records: Sequence[Record]) -> None:
        concerned: set[Selection] = set()
        for record in records:
            self._ring.append(record)
            concerned |= self._selections.publish(record)
            self._tail = record.revision
            if ChangeKind.SKU in record.kinds:
                self._catalog_changed = record.revision
        for selection in concerned:
            selection.wake(self._turns)
        for follower in self._asked:
            follower.wake()

    def _records(self, page: Page, after: int) -> list[Record]:
        records = [self._encoder.record(group) for group in grouped(page)]
        if [record.revision for record in records] != list(range(after + 1, page.end + 1)):
            raise LedgerGap(f"revisions {after + 1} to {page.end} are not all there")
        return records

    def _at_hand(self, selection: Selection, after: int) -> tuple[Sequence[Record], int] | None:
        """What of a filter's changes is in memory, and how far that reaches; None: the database must be asked."""
        if self._tail is None:
            return None
        if after >= selection.start:
            records, all_of_them = selection.after(after)
            return records, max(self._tail, after) if all_of_them else records[-1].revision
        if after >= self._ring.start:
            scanned, _ = self._ring.after(after)
            picked = [record for one in scanned if (record := selection.wanted.pick(one)) is not None]
            return picked, scanned[-1].revision if scanned else max(self._tail, after)
        return None

    async def _catch_up(self, after: int, wanted: Filter) -> tuple[Sequence[Record], int]:
        async with self._catching_up:
            page = await changes.read_page(self._reader, after)
        records = [wanted.pick(record) for record in self._records(page, after)]
        return [record for record in records if record is not None], page.end

    def _newer_at_hand(self, selection: Selection, after: int, pending: dict[tuple[str, str], Item]) -> int | None:
        """Puts what is in memory into `pending`; how far that reaches, None: the database must be asked."""
        while (found := self._at_hand(selection, after)) is not None:
            records, end = found
            for record in records:
                for item in record.items:
                    pending[(item.sku, item.location)] = item
            if end == after:
                return end
            after = end
        return None

    async def _catch_up_latest(self, after: int, wanted: Filter, pending: dict[tuple[str, str], Item]) -> int:
        filters = _listed(wanted.skus), _listed(wanted.locations), _listed(wanted.categories)
        async with self._catching_up:
            end, rows = await changes.read_latest(self._reader, after, *filters)
        for row in rows:
            item = self._encoder.row(row)
            pending[(item.sku, item.location)] = item
        return end

    def _pieces(self, records: Sequence[Record], end: int) -> Iterator[Piece]:
        """Messages: as many changes as fit; a change that doesn't fit into one is alone, in fragments."""
        frames: list[bytes] = []
        size = last = 0
        for record in records:
            *fragments, frame = record.frames(self._encoder.frame)
            if frames and (fragments or size + len(frame) > MESSAGE_BYTES_MAX):
                yield Piece(frames, last)
                frames, size = [], 0
            for fragment in fragments:
                yield Piece((fragment,), None)
            frames.append(frame)
            size += len(frame)
            last = record.revision
        if frames:
            yield Piece(frames, end)


def _listed(codes: frozenset[str] | None) -> list[str] | None:
    return None if codes is None else list(codes)


def _take(due: list[tuple[tuple[str, str], Item]], newer: dict[tuple[str, str], Item]) -> list[Item]:
    """The next message's rows from the end of `due`, each in its newest form."""
    chunk: list[Item] = []
    size = 0
    while due and len(chunk) < LATEST_ROWS_MAX and size < MESSAGE_BYTES_MAX:
        key, item = due.pop()
        item = newer.pop(key, item)
        chunk.append(item)
        size += len(item.body)
    return chunk
