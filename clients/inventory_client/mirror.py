"""A local copy of stock levels that the feed keeps fresh."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import chain

from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as pb2
from inventory_client.arguments import codes
from inventory_client.client import HEARTBEAT, InventoryClient, WatchMode
from inventory_client.events import (
    Bookmark,
    Changes,
    Event,
    Latest,
    Restarted,
    SnapshotComplete,
    SnapshotPiece,
)
from inventory_client.levels import Level, Levels
from inventory_client.mirroring import READY_S, Mirror
from inventory_client.reconciliations import OwnNumber, ReconciliationKind, Reconciling, as_reconciliation_kind
from inventory_client.watch import OnConnection, Watch

SWAP_SLICE = 1_000
_STOCK_AND_SKUS = (pb2.CHANGE_KIND_STOCK, pb2.CHANGE_KIND_SKU)

OnChange = Callable[[str, str, Level | None, Level | None], None]
"""Takes sku, location, the level before and after; None: there was none, or is none any more."""

log = logging.getLogger(__name__)


class StockMirror(Mirror):
    """The levels of some locations, SKUs or categories, read in microseconds and at most moments behind.

    `mode`: LATEST (the default, and the cheapest) or EVERY_CHANGE. With `categories` it is EVERY_CHANGE: a SKU that
    comes into one brings its levels, one that leaves takes them along. While a connection is lost, or the channel is
    not let in, the content stays readable and grows stale, and it goes on trying; `connection` says why. When a new
    snapshot is needed the old content is readable until all of the new one is there. Reads are safe in any thread;
    everything else belongs to the client's loop.

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
        super().__init__(client, ready_s)
        self._locations, self._skus = codes(locations, "locations"), codes(skus, "skus")
        self._categories = frozenset(codes(categories, "categories"))
        self._mode = mode or (WatchMode.EVERY_CHANGE if self._categories else WatchMode.LATEST)
        if self._mode is WatchMode.LATEST and self._categories:
            raise ValueError("in the latest mode nobody tells when a SKU leaves a category")
        self._heartbeat = heartbeat
        self._levels = Levels()
        self._coming: Levels | None = None
        self._callbacks: list[OnChange] = []

    def _open(self, on_connection: OnConnection) -> Watch:
        return self._client.watch(
            locations=self._locations,
            skus=self._skus,
            categories=self._categories,
            kinds=_STOCK_AND_SKUS if self._categories else (),
            mode=self._mode,
            heartbeat=self._heartbeat,
            on_connection=on_connection,
        )

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

    def reconcile(
        self, kind: ReconciliationKind | str = ReconciliationKind.AVAILABLE, *, reference: str = ""
    ) -> Reconciling:
        """Compares what is in here now with the ledger, without asking the stream. Nothing of it should ever be DRIFT
        or MISSING. `kind`: AVAILABLE or ON_HAND.

        Raises `ValueError`, and what `InventoryClient.reconcile` does.
        """
        of = as_reconciliation_kind(kind)
        if of is ReconciliationKind.AVAILABLE_TO_SELL:
            raise ValueError("this mirror knows levels; what may be sold is in an AvailabilityMirror")
        whole = bool(self._locations) and not self._skus and not self._categories
        return self._client.reconcile(
            lambda: self._numbers(of),
            of,
            cursor=self._cursor,
            list_missing=whole,
            locations=self._locations if whole else (),
            reference=reference,
        )

    def _numbers(self, kind: ReconciliationKind) -> Iterator[OwnNumber]:
        """A level may be newer than the cursor. After a new snapshot the old content is of the old cursor."""
        levels, cursor = self._levels, self._cursor
        for sku, location, level in self:
            if self._levels is levels:
                cursor = self._cursor
            quantity = level.on_hand if kind is ReconciliationKind.ON_HAND else level.available
            newer = level.revision if cursor is None or level.revision > cursor.revision else 0
            yield OwnNumber(sku, quantity, location, cursor, newer)

    def on_change(self, callback: OnChange) -> Callable[[], None]:
        """Has every change of a level told, in the loop, after it can be read. Returns what ends that.

        Example:
            stop = mirror.on_change(lambda sku, location, before, after: print(sku, after))
        """
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback) if callback in self._callbacks else None

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
