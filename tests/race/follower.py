"""Followers of the feed on raw stubs, and what the ledger says of the same changes, by SQL that shares nothing with the
server's.

A follower believes a change when a bookmark has come after it; on whichever replica it goes on, it does so from there.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty

from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from tests.race.house import TRY_AGAIN, Client

READ_TIMEOUT_S = 60.0
HEARTBEAT = Duration(seconds=1)  # the shortest: whether it is enough is only looked at when a message comes
ALL_KINDS = (
    watch_pb2.CHANGE_KIND_STOCK,
    watch_pb2.CHANGE_KIND_SKU,
    watch_pb2.CHANGE_KIND_LOCATION,
    watch_pb2.CHANGE_KIND_SUBSCRIBER,
)
Pair = tuple[str, str]
Balances = tuple[int, ...]
"""on_hand, held, allocated, quality_control, damaged, quarantined."""
Row = tuple[object, ...]
"""One change of one thing, as both the stream and the ledger can tell it."""


class Follower:
    """Keeps every change it was told, in order, and the levels they lead to. Checks what needs no ledger: order, that a
    command's changes are never parted, and, when it follows everything, that no revision is missing."""

    def __init__(self, after: int | None = None, **wanted: Any) -> None:
        """`after`: the revision to start after; None: a snapshot. `wanted`: other fields of WatchRequest."""
        self.cursor = None if after is None else core_pb2.Cursor(revision=after)
        self.wanted = wanted
        self.whole = not wanted.keys() & {"locations", "skus", "categories", "movement_kinds"} and set(
            wanted.get("kinds", ())
        ) == set(ALL_KINDS)
        self.changes: list[watch_pb2.Change] = []
        self.levels: dict[Pair, Balances] = {}
        self.snapshot_revision = 0
        self.snapshot: dict[Pair, Balances] = {}
        self.messages = self.bytes = 0
        self.fragments = self.resumed = self.parted = 0
        """Pieces of changes; streams after the first; streams that broke off within a change."""
        self.begun = asyncio.Event()
        """A message has come."""
        self.pause_s = 0.0
        """How long it does something else after each message."""
        self._fresh: list[watch_pb2.Change] = []
        self._pieces: list[watch_pb2.Change] = []

    @property
    def at(self) -> int:
        """The last bookmark's revision; -1 before the first."""
        return -1 if self.cursor is None else self.cursor.revision

    async def follow(self, client: Client, enough: Callable[[], bool]) -> None:
        """Reads a new stream from where it stands until it is enough. Raises what ends the stream."""
        self._begin_again()
        call = client.feed.Watch(self._request())
        try:
            while not enough():
                async with asyncio.timeout(READ_TIMEOUT_S):
                    message = await call.read()
                if not isinstance(message, watch_pb2.WatchResponse):
                    raise AssertionError(f"the stream ended: {await call.code()} {await call.details()}")
                self.take(message)
                if self.pause_s:
                    await asyncio.sleep(self.pause_s)
        finally:
            call.cancel()
            self.parted += bool(self._pieces)

    async def some(self, client: Client, messages: int, *, breaks_off: bool) -> None:
        """Reads so many messages of a new stream, or, if it breaks off, until it is between a change's pieces."""
        last = self.messages + messages
        await self.follow(client, lambda: self.messages >= last or (breaks_off and bool(self._pieces)))

    async def up_to(self, client: Client, revision: int) -> None:
        """Reads a new stream until a bookmark has come that far."""
        await self.follow(client, lambda: self.at >= revision)

    async def keep_following(self, clients: Sequence[Client], enough: Callable[[], bool], *, first: int = 0) -> None:
        """As `follow`; a stream that breaks is resumed at the next replica. `clients` may change meanwhile."""
        turn = first
        while not enough():
            try:
                await self.follow(clients[turn % len(clients)], enough)
            except grpc.aio.AioRpcError as error:
                if error.code() not in TRY_AGAIN:
                    raise
                self.resumed += 1
                turn += 1
                await asyncio.sleep(0.05)

    def take(self, message: watch_pb2.WatchResponse) -> None:
        """Reads one message."""
        self.messages += 1
        self.begun.set()
        self.bytes += message.ByteSize()
        if message.snapshot_revision:
            self._take_snapshot(message)
        for piece in message.changes:
            self._take_piece(piece)
        if message.HasField("bookmark"):
            self._believe(message.bookmark)

    def rows(self) -> list[Row]:
        """What it was told, comparable with `ledger`."""
        return [row for change in self.changes for row in told(change)]

    def _request(self) -> watch_pb2.WatchRequest:
        start: dict[str, Any] = {"snapshot": Empty()} if self.cursor is None else {"after": self.cursor}
        return watch_pb2.WatchRequest(**{"heartbeat": HEARTBEAT, **start, **self.wanted})

    def _begin_again(self) -> None:
        self._fresh.clear()
        self._pieces.clear()
        if self.cursor is None:
            self.snapshot.clear()
            self.snapshot_revision = 0

    def _take_snapshot(self, message: watch_pb2.WatchResponse) -> None:
        assert self.cursor is None, "a snapshot nobody asked for"
        assert self.snapshot_revision in (0, message.snapshot_revision), "a snapshot of two revisions"
        self.snapshot_revision = message.snapshot_revision
        for level in message.levels:
            pair = (level.sku, level.location)
            assert pair not in self.snapshot, "a level comes twice"
            assert level.revision <= message.snapshot_revision
            self.snapshot[pair] = balances(level.quantities)
        if message.snapshot_complete:
            self.levels = dict(self.snapshot)

    def _take_piece(self, piece: watch_pb2.Change) -> None:
        if self._pieces:
            assert piece.revision == self._pieces[0].revision, "another change between the pieces of one"
        last = self._fresh[-1].revision if self._fresh else self.at
        assert piece.revision > last, "a revision comes twice, or late"
        self.fragments += piece.fragment
        self._pieces.append(piece)
        if piece.fragment:
            return
        change = watch_pb2.Change(revision=piece.revision, recorded_at=piece.recorded_at)
        for part in self._pieces:
            change.MergeFrom(part)
        change.fragment = False
        self._pieces.clear()
        ordinals = [row.ordinal for row in change.movements]
        assert ordinals == (list(range(len(ordinals))) if self.whole else sorted(set(ordinals)))
        assert {row.revision for row in change.movements} <= {change.revision}
        assert {row.recorded_at.ToNanoseconds() for row in change.movements} <= {change.recorded_at.ToNanoseconds()}
        self._fresh.append(change)

    def _believe(self, bookmark: core_pb2.Cursor) -> None:
        assert not self._pieces, "a bookmark parts the changes of a command"
        assert bookmark.revision >= self.at, "a bookmark goes back"
        assert self.cursor is None or self.cursor.epoch in ("", bookmark.epoch)
        told_now = [change.revision for change in self._fresh]
        if self.whole and self.cursor is not None:
            assert told_now == list(range(self.at + 1, bookmark.revision + 1)), "a revision is missing"
        assert not told_now or told_now[-1] <= bookmark.revision, "a change is ahead of its bookmark"
        for change in self._fresh:
            for row in (*change.entered, *change.movements):
                self.levels[(row.sku, row.location)] = balances(row.after)
        self.changes += self._fresh
        self._fresh.clear()
        self.cursor = core_pb2.Cursor(epoch=bookmark.epoch, revision=bookmark.revision)


def balances(quantities: core_pb2.Quantities) -> Balances:
    return (
        quantities.on_hand,
        quantities.held,
        quantities.allocated,
        quantities.quality_control,
        quantities.damaged,
        quantities.quarantined,
    )


def told(change: watch_pb2.Change) -> list[Row]:
    """A change, thing by thing."""
    rows: list[Row] = []
    for row in change.movements:
        after = balances(row.after)
        assert row.after.available == after[0] - sum(after[1:])
        rows.append(
            (
                "stock",
                row.revision,
                row.ordinal,
                row.sku,
                row.location,
                row.kind,
                balances(row.delta),
                after,
                row.reservation_id,
                row.reason,
                row.reference,
                row.recorded_at.ToMicroseconds(),
            )
        )
    rows += [("sku", change.revision, sku.sku, sku.name, sku.category) for sku in change.skus]
    rows += [("location", change.revision, place.location, place.name) for place in change.locations]
    rows += [("subscriber", change.revision, found.name, found.state) for found in change.subscribers]
    return rows


async def ledger(
    sql: asyncpg.Connection,
    after: int,
    end: int,
    *,
    skus: Sequence[str] | None = None,
    locations: Sequence[str] | None = None,
    categories: Sequence[str] | None = None,
) -> list[Row]:
    """The stock's changes after one revision up to and with another, in order, those that match."""
    rows = await sql.fetch(
        """
        SELECT movement.revision, movement.ordinal, sku.code, location.code, movement.kind,
            ARRAY[on_hand_delta, held_delta, allocated_delta, quality_control_delta, damaged_delta, quarantined_delta],
            ARRAY[on_hand_after, held_after, allocated_after, quality_control_after, damaged_after, quarantined_after],
            coalesce(reservation_id::text, ''), coalesce(reason, ''), coalesce(reference, ''),
            (extract(epoch FROM movement.recorded_at) * 1000000)::bigint
        FROM movement JOIN sku USING (sku_id) JOIN location USING (location_id)
        WHERE movement.revision > $1 AND movement.revision <= $2
            AND ($3::text[] IS NULL OR sku.code = ANY ($3::text[]))
            AND ($4::text[] IS NULL OR location.code = ANY ($4::text[]))
            AND ($5::text[] IS NULL OR (
                SELECT version.category FROM sku_version AS version
                WHERE version.sku_id = movement.sku_id AND version.revision <= movement.revision
                ORDER BY version.revision DESC LIMIT 1
            ) = ANY ($5::text[]))
        ORDER BY movement.revision, movement.ordinal
        """,
        after,
        end,
        skus,
        locations,
        categories,
    )
    found: list[list[Any]] = [list(row.values()) for row in rows]
    return [("stock", *row[:5], tuple(row[5]), tuple(row[6]), *row[7:]) for row in found]


async def whole_ledger(sql: asyncpg.Connection, after: int, end: int) -> list[Row]:
    """Every change after one revision up to and with another, in order, whatever it is about."""
    rows = await ledger(sql, after, end)
    for query in (
        """
        SELECT 'sku', version.revision, code, version.name, version.category
        FROM sku_version AS version JOIN sku USING (sku_id)
        WHERE version.revision > $1 AND version.revision <= $2 ORDER BY version.revision, sku_id
        """,
        """
        SELECT 'location', version.revision, code, version.name
        FROM location_version AS version JOIN location USING (location_id)
        WHERE version.revision > $1 AND version.revision <= $2 ORDER BY version.revision, location_id
        """,
        "SELECT 'subscriber', revision, name, state FROM subscriber_version WHERE revision > $1 AND revision <= $2",
    ):
        rows += [tuple(row.values()) for row in await sql.fetch(query, after, end)]
    return sorted(rows, key=lambda row: int(str(row[1])))


async def balances_at(
    sql: asyncpg.Connection, revision: int, locations: Sequence[str] | None = None
) -> dict[Pair, Balances]:
    """Every level as the sum of its movements up to a revision."""
    rows = await sql.fetch(
        """
        SELECT sku.code, location.code,
            ARRAY[sum(on_hand_delta), sum(held_delta), sum(allocated_delta), sum(quality_control_delta),
                sum(damaged_delta), sum(quarantined_delta)]::bigint[]
        FROM movement JOIN sku USING (sku_id) JOIN location USING (location_id)
        WHERE movement.revision <= $1 AND ($2::text[] IS NULL OR location.code = ANY ($2::text[]))
        GROUP BY 1, 2
        """,
        revision,
        locations,
    )
    return {(row[0], row[1]): tuple(row[2]) for row in rows}


async def stock_table(sql: asyncpg.Connection, locations: Sequence[str] | None = None) -> dict[Pair, Balances]:
    """The levels as they stand in their table, those that have ever moved."""
    rows = await sql.fetch(
        """
        SELECT sku.code, location.code,
            ARRAY[on_hand, held, allocated, quality_control, damaged, quarantined]
        FROM level JOIN sku USING (sku_id) JOIN location USING (location_id)
        WHERE level.revision > 0 AND ($1::text[] IS NULL OR location.code = ANY ($1::text[]))
        """,
        locations,
    )
    return {(row[0], row[1]): tuple(row[2]) for row in rows}


async def head(sql: asyncpg.Connection) -> int:
    """The feed's head."""
    return int(await sql.fetchval("SELECT revision FROM feed_head"))
