"""The feed as an async iterator that survives broken connections, stopped servers and compaction."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, Self
from uuid import uuid4

import grpc
from google.protobuf.empty_pb2 import Empty

from inventory.v1 import watch_service_pb2 as pb2
from inventory_client.acknowledger import Acknowledger
from inventory_client.backoff import Backoff
from inventory_client.calls import not_connected
from inventory_client.credentials import Introduction, Metadata
from inventory_client.cursor import Cursor, CursorStore
from inventory_client.endpoints import CONNECT_S, Endpoint, Endpoints
from inventory_client.errors import Failure, InventoryError, error, failure_of
from inventory_client.events import (
    Bookmark,
    Changes,
    Connection,
    ConnectionState,
    Event,
    Latest,
    Restarted,
    RestartReason,
    SnapshotComplete,
    SnapshotPiece,
)
from inventory_client.joiner import CHANGE_BYTES_MAX, Joiner

HEARTBEATS_MISSED_MAX = 3
_TAKEN_AWAY = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})
"""Codes of what somebody may give back: a token in force, a scope."""
SNAPSHOT_SILENCE_S = 30.0
"""A page of a snapshot of few among many levels may take longer than heartbeats."""

Start = Literal["snapshot", "now", "acknowledged"] | Cursor
OnConnection = Callable[[Connection], None]


class Watch:
    """Made by `InventoryClient.watch`. Iterate it from one task; `async with` or `aclose` ends it.

    An event counts as processed when the next one is asked for: only then its cursor is saved and acknowledged.
    Cancelling a wait for an event loses nothing. `connection` says how it is connected, `cursor` how far it has come
    (None before the first bookmark).

    Ends with an `InventoryError` that no retry can mend (a wrong filter, an unknown subscriber, a credential that is
    not in force, when there is no other by then), or `ChangeTooLarge`; with nothing else. `connection` then says why.
    """

    outlives_refusals = False
    """Whether it goes on trying when it is no longer let in, rather than ends with that. For a mirror."""

    def __init__(
        self,
        endpoints: Endpoints,
        introduce: Introduction,
        request: pb2.WatchRequest,
        start: Start,
        *,
        heartbeat_s: float,
        store: CursorStore | None = None,
        acknowledger: Acknowledger | None = None,
        on_connection: OnConnection | None = None,
        change_bytes_max: int = CHANGE_BYTES_MAX,
    ) -> None:
        self.stream_id = str(uuid4())
        self.cursor = start if isinstance(start, Cursor) else None
        self.connection = Connection(ConnectionState.CONNECTING, datetime.now(UTC), "")
        self._endpoints = endpoints
        self._introduce = introduce
        self._shown: Metadata = ()
        self._request = request
        self._request.stream_id = self.stream_id
        self._start = start
        self._silence_s = HEARTBEATS_MISSED_MAX * heartbeat_s
        self._store = store
        self._acknowledger = acknowledger
        self._on_connection = on_connection
        self._backoff = Backoff()
        self._joiner = Joiner(change_bytes_max)
        self._restart: RestartReason | None = RestartReason.FIRST_SNAPSHOT if start == "snapshot" else None
        self._snapshot: int | None = None
        self._call: Any = None
        self._endpoint: Endpoint | None = None
        self._reading: asyncio.Task[Any] | None = None
        self._saving: asyncio.Task[None] | None = None
        self._ready: deque[Event] = deque()
        self._given: Cursor | None = None
        self._saved: Cursor | None = None
        self._loaded = store is None
        self._pause_s = 0.0
        self._closed = False
        self._fault: BaseException | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        if self._closed:
            raise StopAsyncIteration
        try:
            await self._settle()
            while not self._ready:
                await self._advance()
                if self._closed:
                    raise StopAsyncIteration
        except asyncio.CancelledError:
            raise
        except BaseException as fault:
            self._fault = fault
            await self.aclose()
            raise
        event = self._ready.popleft()
        match event:
            case SnapshotComplete() | Changes() | Latest() | Bookmark():
                self._given = event.cursor
            case _:
                pass
        return event

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends it. What was processed is acknowledged, and being saved is saved."""
        if self._closed:
            return
        self._closed = True
        reading = self._drop_call()
        if reading is not None:
            await asyncio.wait({reading})
        await self._saved_before()
        if self._acknowledger is not None:
            await self._acknowledger.aclose()
        fault = self._fault
        self._say(
            ConnectionState.CLOSED, fault.failure if isinstance(fault, InventoryError) else None, str(fault or "")
        )

    async def _settle(self) -> None:
        """The event given last has been processed."""
        if not self._loaded:
            await self._load()
        given = self._given
        if given is None:
            return
        if self._store is not None:
            await self._saved_before()
            if given != self._saved:
                self._saved = given
                self._saving = asyncio.create_task(asyncio.to_thread(self._store.save, given))
                await self._saved_before()
        if self._acknowledger is not None:  # only now: the feed is not kept for what was acknowledged
            self._acknowledger.processed(given)

    async def _saved_before(self) -> None:
        """Waits for the save under way. It has a task of its own: a cancelled wait must not let an older save finish
        after a newer one. Raises what the store raised."""
        saving = self._saving
        if saving is None:
            return
        try:
            await asyncio.shield(saving)
        finally:
            if saving.done():
                self._saving = None

    async def _load(self) -> None:
        assert self._store is not None
        kept = await asyncio.to_thread(self._store.load)
        if kept is not None:
            self.cursor = self._saved = kept
            self._restart = None
        self._loaded = True

    async def _advance(self) -> None:
        """One step: a pause, a connection, or a message."""
        if self._pause_s:
            pause_s, self._pause_s = self._pause_s, 0.0
            await asyncio.sleep(pause_s)
        if self._call is None:
            await self._open()
            return
        message = await self._read()
        if self._closed:
            return
        if isinstance(message, Failure):
            self._broke(message)
            return
        if self.connection.state is not ConnectionState.LIVE:
            assert self._endpoint is not None
            self._endpoints.praise(self._endpoint)
            self._say(ConnectionState.LIVE)
        self._backoff.reset()
        self._ready.extend(self._events(message))

    async def _open(self) -> None:
        endpoint = self._endpoint = self._endpoints.current
        connected = await endpoint.connected(CONNECT_S)
        if self._closed:
            return
        if not connected:
            self._broke(await not_connected(endpoint))
            return
        request = self._request
        if self._restart is not None:
            request.snapshot.CopyFrom(Empty())
        elif self.cursor is not None:
            request.after.CopyFrom(self.cursor.message())
        elif self._start == "now":
            request.now.CopyFrom(Empty())
        else:
            request.acknowledged.CopyFrom(Empty())
        self._shown = self._introduce()
        self._call = endpoint.stream(pb2.WatchRequest, pb2.WatchResponse)(request, metadata=self._shown)

    async def _read(self) -> pb2.WatchResponse | Failure:
        """The next message. The read is a task, so that a cancelled wait does not cancel the stream."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._call.read())
        silence_s = self._silence_s
        if self._restart is not None or self._snapshot is not None:
            silence_s = max(silence_s, SNAPSHOT_SILENCE_S)
        reading = self._reading
        done, _ = await asyncio.wait({reading}, timeout=silence_s)
        if not done:
            return Failure("DEADLINE_EXCEEDED", message=f"nothing was heard for {silence_s:g} s")
        self._reading = None
        try:
            message = reading.result()
        except grpc.aio.AioRpcError as failed:
            return failure_of(failed)
        except asyncio.CancelledError:
            return Failure("CANCELLED", message="the connection was closed")
        if message is grpc.aio.EOF:
            return Failure("UNAVAILABLE", message="the stream ended")
        assert isinstance(message, pb2.WatchResponse)
        return message

    def _broke(self, failure: Failure) -> None:
        """The stream is gone. Raises when it is no use to try again."""
        endpoint = self._endpoint
        self._drop_call()
        self._joiner.forget()
        if self._snapshot is not None:
            self._snapshot = None
            self._restart = RestartReason.SNAPSHOT_BROKEN
        if failure.reason in (RestartReason.COMPACTED, RestartReason.EPOCH_CHANGED, RestartReason.REVISION_IN_FUTURE):
            self._restart = RestartReason(failure.reason)
        elif failure.code in _TAKEN_AWAY:
            other = failure.code == "UNAUTHENTICATED" and self._introduce.differs(self._shown)
            if not (other or self.outlives_refusals):
                raise error(failure)
        elif not failure.passes:
            raise error(failure)
        elif endpoint is not None and failure.reason != "ACCESS_CHANGED":  # which another server would say too
            self._endpoints.leave(endpoint)
        self._pause_s = self._backoff.pause_s(failure.retry_after_s)
        self._say(ConnectionState.LOST, failure)

    def _drop_call(self) -> "asyncio.Task[Any] | None":
        """Cancels the stream. The read under way, if there is one, ends by that; its outcome is nobody's."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.add_done_callback(_retrieved)
        return reading

    def _events(self, message: pb2.WatchResponse) -> Iterator[Event]:
        bookmark = Cursor.of(message.bookmark) if message.HasField("bookmark") else None
        if message.snapshot_complete or message.snapshot_revision:
            if self._snapshot is None:
                reason, self._restart = self._restart or RestartReason.FIRST_SNAPSHOT, None
                self._snapshot = message.snapshot_revision
                yield Restarted(reason, message.snapshot_revision)
            yield SnapshotPiece(
                message.snapshot_revision,
                message.levels,
                message.skus,
                message.locations,
                message.channels,
                message.availability,
                message.alarms,
            )
        changes = self._joiner.take(message)
        if message.latest or (message.availability and not message.snapshot_revision):
            assert self.cursor is not None, "newest rows come after a bookmark"
            self.cursor = bookmark or self.cursor
            yield Latest(message.latest, self.cursor, message.availability)
        elif bookmark is not None:
            revision = -1 if self.cursor is None or self._snapshot is not None else self.cursor.revision
            new = [change for change in changes if change.revision > revision or _of_calendar(change)]
            self.cursor = bookmark
            if self._snapshot is not None:
                yield SnapshotComplete(self._snapshot, bookmark)
                self._snapshot = None
            yield Changes(new, bookmark) if new else Bookmark(bookmark)

    def _say(self, state: ConnectionState, failure: Failure | None = None, why: str = "") -> None:
        was = self.connection
        address = "" if self._endpoint is None else self._endpoint.address
        since = was.since if was.state is state else datetime.now(UTC)
        self.connection = Connection(state, since, address, why if failure is None else str(failure), failure)
        if self._on_connection is not None and self.connection != was:
            self._on_connection(self.connection)


def _of_calendar(change: pb2.Change) -> bool:
    """Whether it may be of a revision that was told before: what a new day has changed has none of its own."""
    return bool(change.availability) and not change.movements


def _retrieved(reading: "asyncio.Task[Any]") -> None:
    if not reading.cancelled():
        reading.exception()
