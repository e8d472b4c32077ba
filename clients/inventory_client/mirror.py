"""A local copy of stock levels that the feed keeps fresh."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import chain
from types import TracebackType
from typing import Self

from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as pb2
from inventory_client.arguments import codes
from inventory_client.client import HEARTBEAT, InventoryClient, WatchMode
from inventory_client.cursor import Cursor
from inventory_client.errors import InventoryError
from inventory_client.events import (
    Bookmark,
    Changes,
    Connection,
    ConnectionState,
    Event,
    Latest,
    Restarted,
    SnapshotComplete,
    SnapshotPiece,
)
from inventory_client.levels import Level, Levels
from inventory_client.watch import Watch

READY_S = 30.0
WAIT_S = 5.0
PATIENCE_S = 0.02
"""How long the stream is given to say by itself that it has come far enough."""
ASK_PERIOD_S = 0.25
SWAP_SLICE = 1_000
_STOCK_AND_SKUS = (pb2.CHANGE_KIND_STOCK, pb2.CHANGE_KIND_SKU)

OnChange = Callable[[str, str, Level | None, Level | None], None]
"""Takes sku, location, the level before and after; None: there was none, or is none any more."""

log = logging.getLogger(__name__)


class StockMirror:
    """The levels of some locations, SKUs or categories, read in microseconds and at most moments behind.

    `mode`: LATEST (the default, and the cheapest) or EVERY_CHANGE. With `categories` it is EVERY_CHANGE: a SKU that
    comes into one brings its levels, one that leaves takes them along. While a connection is lost the content stays
    readable and grows stale; when a new snapshot is needed the old content is readable until all of the new one is
    there. Reads are safe in any thread; everything else belongs to the client's loop.

    Example:
        async with StockMirror(client, locations=["shop-7"]) as mirror:
            sold = await client.reserve([("A-1", "shop-7", 2)])
            await mirror.wait_until(sold.revision)
            print(mirror.available("A-1", "shop-7"), mirror.staleness_s)
    """

    def __init__(
        self,
        client: InventoryClient,
        *,
        locations: Iterable[str] = (),
        skus: Iterable[str] = (),
        categories: Iterable[str] = (),
        mode: WatchMode | None = None,
        heartbeat: timedelta = HEARTBEAT,
        ready_s: float | None = READY_S,
    ) -> None:
        """`ready_s`: how long `async with` waits until it is live, in seconds; None: for ever.

        Raises `ValueError` for LATEST with categories.
        """
        self._client = client
        self._locations, self._skus = codes(locations, "locations"), codes(skus, "skus")
        self._categories = frozenset(codes(categories, "categories"))
        self._mode = mode or (WatchMode.EVERY_CHANGE if self._categories else WatchMode.LATEST)
        if self._mode is WatchMode.LATEST and self._categories:
            raise ValueError("in the latest mode nobody tells when a SKU leaves a category")
        self._heartbeat = heartbeat
        self._ready_s = ready_s
        self._levels = Levels()
        self._coming: Levels | None = None
        self._callbacks: list[OnChange] = []
        self._watch: Watch | None = None
        self._task: asyncio.Task[None] | None = None
        self._catching_up: asyncio.Task[None] | None = None
        self._cursor: Cursor | None = None
        self._advanced: asyncio.Future[None] | None = None
        self._target: int | None = None
        self._asked_at = -ASK_PERIOD_S
        self._fresh_at: float | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Returns when it is live: the first snapshot is there, and what happened meanwhile.

        Raises `TimeoutError`, which says what it waited for, or `InventoryError`.
        """
        self._watch = self._client.watch(
            locations=self._locations,
            skus=self._skus,
            categories=self._categories,
            kinds=_STOCK_AND_SKUS if self._categories else (),
            mode=self._mode,
            heartbeat=self._heartbeat,
            on_connection=self._on_connection,
        )
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

    def available(self, sku: str, location: str) -> int:
        """What can be promised, in the SKU's smallest unit; 0 where there is no level."""
        return self._levels.available(sku, location)

    def level(self, sku: str, location: str) -> Level | None:
        return self._levels.get(sku, location)

    def get(self, sku: str) -> dict[str, Level]:
        """A SKU's levels by location."""
        return self._levels.of_sku(sku)

    def __len__(self) -> int:
        """How many levels there are."""
        return len(self._levels)

    def __iter__(self) -> Iterator[tuple[str, str, Level]]:
        """(sku, location, level) of all; of one content, whatever comes meanwhile."""
        levels = self._levels
        for sku, location in levels:
            level = levels.get(sku, location)
            if level is not None:
                yield sku, location, level

    @property
    def revision(self) -> int:
        """Everything up to it is in here; 0 before the first snapshot."""
        return 0 if self._cursor is None else self._cursor.revision

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
        """How it is connected, and since when; None before `start`."""
        return None if self._watch is None else self._watch.connection

    def on_change(self, callback: OnChange) -> Callable[[], None]:
        """Has every change of a level told, in the loop, after it can be read. Returns what ends that.

        Example:
            stop = mirror.on_change(lambda sku, location, before, after: print(sku, after))
        """
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback) if callback in self._callbacks else None

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

    async def _take(self, event: Event) -> None:
        match event:
            case Restarted():
                self._coming = Levels()
            case SnapshotPiece(levels=levels):
                assert self._coming is not None
                for level in levels:
                    self._coming.put(level.sku, level.location, level.quantities, level.revision)
            case SnapshotComplete(cursor=cursor):
                before, self._levels, self._coming = self._levels, self._coming or Levels(), None
                self._advance(cursor)
                await self._tell_swap(before, self._levels)
            case Latest(movements=movements, cursor=cursor):
                self._move(movements)
                if cursor != self._cursor:  # else more of the same round follows
                    self._advance(cursor)
            case Changes(changes=changes, cursor=cursor):
                for change in changes:
                    self._change(change)
                self._advance(cursor)
            case Bookmark(cursor=cursor):
                self._advance(cursor)

    def _change(self, change: pb2.Change) -> None:
        for sku in change.skus:
            if self._categories and sku.category not in self._categories:
                for location, level in self._levels.drop(sku.sku).items():
                    self._tell(sku.sku, location, level, None)
        self._move(change.entered)
        self._move(change.movements)

    def _move(self, movements: Iterable[core_pb2.Movement]) -> None:
        for row in movements:
            self._put(row.sku, row.location, row.after, row.revision)

    def _put(self, sku: str, location: str, after: core_pb2.Quantities, revision: int) -> None:
        levels = self._levels
        if not self._callbacks:
            levels.put(sku, location, after, revision)
            return
        before = levels.get(sku, location)
        if levels.put(sku, location, after, revision):
            self._tell(sku, location, before, levels.get(sku, location))

    async def _tell_swap(self, before: Levels, after: Levels) -> None:
        """Tells what a new snapshot has changed, with pauses for others: it may be much."""
        if not self._callbacks:
            return
        for number, (sku, location) in enumerate(chain(after, before), 1):
            was, now = before.get(sku, location), after.get(sku, location)
            if was != now and (number <= len(after) or now is None):
                self._tell(sku, location, was, now)
            if number % SWAP_SLICE == 0:
                await asyncio.sleep(0)

    def _tell(self, sku: str, location: str, before: Level | None, after: Level | None) -> None:
        for callback in tuple(self._callbacks):
            try:
                callback(sku, location, before, after)
            except Exception:
                log.exception("a callback of the mirror failed")

    def _advance(self, cursor: Cursor) -> None:
        self._cursor = cursor
        if self._target is None:
            self._catch_up()
        self._wake()

    def _wake(self) -> None:
        """Whoever waits looks again."""
        if self.live:
            self._fresh_at = time.monotonic()
        advanced, self._advanced = self._advanced, None
        if advanced is not None and not advanced.done():
            advanced.set_result(None)

    def _on_connection(self, connection: Connection) -> None:
        if connection.state is not ConnectionState.LIVE:
            self._target = None

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
