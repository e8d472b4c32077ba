"""What mirrors have in common: a watch that is followed, how far it has come, and how fresh that is."""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from inventory_client.client import InventoryClient
from inventory_client.cursor import Cursor
from inventory_client.errors import InventoryError
from inventory_client.events import Connection, ConnectionState, Event
from inventory_client.watch import OnConnection, Watch

READY_S = 30.0
WAIT_S = 5.0
PATIENCE_S = 0.02
"""How long the stream is given to say by itself that it has come far enough."""
ASK_PERIOD_S = 0.25

log = logging.getLogger(__name__)


class Mirror(ABC):
    """Follows one watch from `start`, or `async with`, to `aclose`. While a connection is lost the content stays
    readable and grows stale; when a new snapshot is needed the old content is readable until all of the new one is
    there.

    Once it was live, it goes on trying also while it is refused (a token that was revoked, a scope that was taken
    away), with a token that it asks for each time; `connection` is LOST, and says with what it was refused. What no
    time can mend, such as INVALID_ARGUMENT, ends it: `connection` is CLOSED, and says why.
    """

    def __init__(self, client: InventoryClient, ready_s: float | None) -> None:
        self._client = client
        self._ready_s = ready_s
        self._watch: Watch | None = None
        self._task: asyncio.Task[None] | None = None
        self._catching_up: asyncio.Task[None] | None = None
        self._cursor: Cursor | None = None
        self._advanced: asyncio.Future[None] | None = None
        self._target: int | None = None
        self._asked_at = -ASK_PERIOD_S
        self._fresh_at: float | None = None
        self._told: list[OnConnection] = []

    @abstractmethod
    def _open(self, on_connection: OnConnection) -> Watch:
        """The watch to follow."""

    @abstractmethod
    async def _take(self, event: Event) -> None:
        """Keeps what it tells, and calls `_advance` when everything up to a cursor is in here."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Returns when it is live: the first snapshot is there, and what happened meanwhile.

        Raises `TimeoutError`, which says what it waited for, or `InventoryError`: also `Unauthenticated` and
        `PermissionDenied`, which it outlives later.
        """
        self._watch = self._open(self._on_connection)
        self._task = asyncio.create_task(self._follow(self._watch))
        try:
            try:
                async with asyncio.timeout(self._ready_s):
                    while not self.live:
                        await self._next_advance()
            except TimeoutError:
                raise TimeoutError(
                    f"the mirror is not ready after {self._ready_s:g} s: {self._how_it_is()}. Is the server's address "
                    "right, and does it run? With ready_s=None it waits for ever; `live` says when it is ready"
                ) from None
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Ends following; the content stays readable."""
        for task in (self._task, self._catching_up):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, InventoryError):
                    await task
        if self._watch is not None:
            await self._watch.aclose()

    @property
    def revision(self) -> int:
        """Everything up to it is in here; 0 before the first snapshot."""
        return 0 if self._cursor is None else self._cursor.revision

    @property
    def cursor(self) -> Cursor | None:
        """Everything up to it is in here; None before the first snapshot."""
        return self._cursor

    @property
    def live(self) -> bool:
        """Whether it is connected and has caught up with what had happened when it connected."""
        return self._target is not None and self.revision >= self._target

    @property
    def staleness_s(self) -> float:
        """Seconds since the stream last said that this is up to date; infinite before it did. On a quiet stream it
        goes up to the heartbeat."""
        return float("inf") if self._fresh_at is None else time.monotonic() - self._fresh_at

    @property
    def connection(self) -> Connection | None:
        """How it is connected, since when, and why not, if it isn't; None before `start`."""
        return None if self._watch is None else self._watch.connection

    def on_connection(self, callback: OnConnection) -> Callable[[], None]:
        """Has every change of `connection` told, in the loop: that it is lost and why, each new reason, and that it
        is back. Returns what ends that."""
        self._told.append(callback)
        return lambda: self._told.remove(callback) if callback in self._told else None

    async def wait_until(self, revision: int, timeout_s: float = WAIT_S) -> None:
        """Returns when everything up to the revision is in here. Asks the server when the stream doesn't say so soon.

        Raises `TimeoutError`, which says how far it is, and `InventoryError` when the mirror has ended.
        """
        try:
            async with asyncio.timeout(timeout_s):
                patience_s = PATIENCE_S
                while self.revision < revision:
                    if await self._next_advance(patience_s):
                        continue
                    patience_s = ASK_PERIOD_S
                    await self._ask()
        except TimeoutError:
            raise TimeoutError(
                f"the mirror is at revision {self.revision}, not yet at {revision}, after {timeout_s:g} s: "
                f"{self._how_it_is()}. Its content stays readable; wait again, or ask the server with `get_stock`"
            ) from None

    def _how_it_is(self) -> str:
        assert self._watch is not None
        connection = self._watch.connection
        if connection.state is ConnectionState.LIVE:
            return f"connected with {connection.endpoint}, which has not said more"
        return connection.why or f"no answer from {connection.endpoint or ', '.join(self._client.endpoints)}"

    async def _ask(self) -> None:
        """Has a bookmark sent, unless that was just asked for."""
        assert self._watch is not None
        now = time.monotonic()
        if now - self._asked_at < ASK_PERIOD_S / 2:
            return
        self._asked_at = now
        with suppress(InventoryError):
            await self._client.request_bookmark(self._watch.stream_id, timeout_s=ASK_PERIOD_S * 4)

    async def _next_advance(self, timeout_s: float | None = None) -> bool:
        """Waits until the mirror has come further; False: not in time. Raises what ended it."""
        assert self._task is not None, "the mirror was not started"
        if self._task.done():
            if not self._task.cancelled():
                self._task.result()
            raise RuntimeError("the mirror is closed")
        if self._advanced is None:
            self._advanced = asyncio.get_running_loop().create_future()
        advanced = self._advanced
        await asyncio.wait({advanced, self._task}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        return advanced.done()

    async def _follow(self, watch: Watch) -> None:
        async with watch:
            async for event in watch:
                await self._take(event)

    def _advance(self, cursor: Cursor) -> None:
        self._cursor = cursor
        if self._target is None:
            self._catch_up()
        self._wake()

    def _wake(self) -> None:
        """Whoever waits looks again."""
        if self.live:
            assert self._watch is not None
            self._watch.outlives_refusals = True
            self._fresh_at = time.monotonic()
        advanced, self._advanced = self._advanced, None
        if advanced is not None and not advanced.done():
            advanced.set_result(None)

    def _on_connection(self, connection: Connection) -> None:
        if connection.state is not ConnectionState.LIVE:
            self._target = None
        for callback in tuple(self._told):
            try:
                callback(connection)
            except Exception:
                log.exception("a callback of the mirror failed")

    def _catch_up(self) -> None:
        """After connecting: finds out how far the feed's head is, which tells when this is up to date."""
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.create_task(self._find_target())

    async def _find_target(self) -> None:
        watch = self._watch
        assert watch is not None
        with suppress(InventoryError):
            head = await self._client.request_bookmark(watch.stream_id)
            if watch.connection.state is ConnectionState.LIVE:
                self._target = head.revision
                self._wake()
