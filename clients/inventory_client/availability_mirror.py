"""A local copy of what the client's channel may sell, that the feed keeps fresh."""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import NamedTuple

from inventory.v1 import channel_service_pb2 as channel_pb2
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
from inventory_client.mirroring import READY_S, Mirror
from inventory_client.reconciliations import Reconciling
from inventory_client.watch import OnConnection, Watch

log = logging.getLogger(__name__)


class Sellable(NamedTuple):
    """What may be sold of a SKU, in its smallest unit; 1,000,000,000,000 where it is never short. `backorder`: how much
    of it is promised beyond the shelf."""

    available_to_sell: int
    backorder: int


NOTHING = Sellable(0, 0)

OnSellable = Callable[[str, Sellable, Sellable], None]
"""Takes the SKU, and what may be sold before and after."""


class AvailabilityMirror(Mirror):
    """What the client's channel may sell of each SKU: by its places, buffer, cap, share and back-orders, bundles too.
    Read in microseconds, and at most moments behind; safe in any thread. Everything else belongs to the client's loop.
    While a connection is lost, or the channel is not let in, it stays readable, grows stale and goes on trying;
    `connection` says why.

    Example:
        async with AvailabilityMirror(client) as mirror:
            mirror.on_change(lambda sku, before, after: page.update(sku, after.available_to_sell))
            sold = await client.reserve([("A-1", "", 2)])
            await mirror.wait_until(sold.revision)
            print(mirror.available_to_sell("A-1"))
    """

    def __init__(
        self,
        client: InventoryClient,
        *,
        skus: Iterable[str] = (),
        heartbeat: timedelta = HEARTBEAT,
        ready_s: float | None = READY_S,
    ) -> None:
        """`skus`: only these, up to 1,000; none: all. `ready_s`: how long `async with` waits until it is live, in
        seconds; None: for ever."""
        super().__init__(client, ready_s)
        self._skus = codes(skus, "skus")
        self._heartbeat = heartbeat
        self._sellable: dict[str, Sellable] = {}
        self._coming: dict[str, Sellable] | None = None
        self._callbacks: list[OnSellable] = []

    def available_to_sell(self, sku: str) -> int:
        """What may be sold of it, back-orders included, in its smallest unit; 0 for what isn't known."""
        return self.get(sku).available_to_sell

    def get(self, sku: str) -> Sellable:
        return self._sellable.get(sku, NOTHING)

    def __len__(self) -> int:
        """Of how many SKUs something may be sold."""
        return len(self._sellable)

    def __iter__(self) -> Iterator[tuple[str, Sellable]]:
        """(sku, sellable) of all of which something may be sold; of one look, whatever comes meanwhile."""
        yield from list(self._sellable.items())

    def reconcile(self, *, reference: str = "") -> Reconciling:
        """Compares what is in here now with the ledger, without asking the stream. Nothing of it should ever be DRIFT
        or MISSING. Raises what `InventoryClient.reconcile` does."""
        shown = dict(self._sellable)
        rows = [(sku, sellable.available_to_sell) for sku, sellable in shown.items()]
        rows += [(sku, 0) for sku in self._skus if sku not in shown]
        return self._client.reconcile(rows, cursor=self._cursor, list_missing=not self._skus, reference=reference)

    def on_change(self, callback: OnSellable) -> Callable[[], None]:
        """Has every change told, in the loop, after it can be read. Returns what ends that."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback) if callback in self._callbacks else None

    def _open(self, on_connection: OnConnection) -> Watch:
        return self._client.watch(
            skus=self._skus,
            kinds=(pb2.CHANGE_KIND_AVAILABILITY,),
            mode=WatchMode.LATEST,
            heartbeat=self._heartbeat,
            on_connection=on_connection,
        )

    async def _take(self, event: Event) -> None:
        match event:
            case Restarted():
                self._coming = {}
            case SnapshotPiece(availability=rows):
                assert self._coming is not None
                self._coming.update((row.sku, Sellable(row.available_to_sell, row.backorder)) for row in rows)
            case SnapshotComplete(cursor=cursor):
                before, self._sellable, self._coming = self._sellable, self._coming or {}, None
                self._advance(cursor)
                for sku in (before | self._sellable) if self._callbacks else ():
                    self._tell(sku, before.get(sku, NOTHING), self.get(sku))
            case Latest(availability=rows, cursor=cursor):
                self._put(rows)
                if cursor != self._cursor:  # else more of the same round follows
                    self._advance(cursor)
            case Changes(changes=changes, cursor=cursor):
                for change in changes:
                    self._put(change.availability)
                self._advance(cursor)
            case Bookmark(cursor=cursor):
                self._advance(cursor)

    def _put(self, rows: Iterable[channel_pb2.ChannelAvailability]) -> None:
        for row in rows:
            before, after = self.get(row.sku), Sellable(row.available_to_sell, row.backorder)
            if after.available_to_sell:
                self._sellable[row.sku] = after
            else:
                self._sellable.pop(row.sku, None)
            self._tell(row.sku, before, after)

    def _tell(self, sku: str, before: Sellable, after: Sellable) -> None:
        for callback in tuple(self._callbacks) if before != after else ():
            try:
                callback(sku, before, after)
            except Exception:
                log.exception("a callback of the mirror failed")
