"""Follows what its channel may sell, has it sent, and remembers how far the marketplace has it."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

from inventory.v1 import watch_service_pb2 as pb2
from inventory_client import (
    Bookmark,
    Changes,
    Connection,
    ConnectionState,
    Cursor,
    CursorLost,
    CursorStore,
    Event,
    InventoryClient,
    InventoryError,
    Latest,
    NotFound,
    Overloaded,
    Restarted,
    SnapshotComplete,
    SnapshotPiece,
    Unavailable,
    WatchMode,
)
from inventory_marketplace.offers import Offers
from inventory_marketplace.reconciler import Reconciler
from inventory_marketplace.sender import Sender

DEADLINE = timedelta(days=7)
"""The feed is kept so long for an adapter that does not come back."""
KEEP_PERIOD_S = 0.5
"""The cursor is kept at most so often."""
ASK_AGAIN_S = 1.0

log = logging.getLogger(__name__)


class Adapter:
    """Up to the cursor in `store` the marketplace has accepted everything: after a crash what came after it is sent
    again, and nothing is lost. Without a cursor everything is sent."""

    def __init__(self, client: InventoryClient, store: CursorStore, offers: Offers, subscriber: str) -> None:
        self._client = client
        self._store = store
        self._offers = offers
        self._subscriber = subscriber
        self._accepted = asyncio.Event()
        self._kept: Cursor | None = None
        self._reconciler: Reconciler | None = None
        self._begins = True
        """Whether it is not known yet up to where the marketplace has everything."""

    def on_accepted(self) -> None:
        """The marketplace has accepted something."""
        self._accepted.set()

    async def run(self, sender: Sender, reconciler: Reconciler | None = None) -> None:
        """For ever; without a `reconciler` nobody looks at what the marketplace shows. Raises `InventoryError` when the
        service refuses what is asked for, `OSError` when the cursor can't be kept, `CursorFileCorrupt`."""
        self._reconciler = reconciler
        self._kept = await asyncio.to_thread(self._store.load)
        self._begins = self._kept is None
        await self._register()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(sender.run())
                group.create_task(self._follow(sender))
                group.create_task(self._keep())
                if reconciler is not None:
                    group.create_task(reconciler.run(self._accepted_to, sender.wake))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _register(self) -> None:
        try:
            await self._client.register_subscriber(self._subscriber, after=self._kept, deadline=DEADLINE)
        except CursorLost:  # watching from there says so too, and begins anew
            await self._client.register_subscriber(self._subscriber, deadline=DEADLINE)

    async def _follow(self, sender: Sender) -> None:
        # Not as the subscriber: what was read is not yet accepted, so `_keep` acknowledges.
        async with self._client.watch(
            self._kept or "snapshot",
            kinds=(pb2.CHANGE_KIND_AVAILABILITY,),
            mode=WatchMode.LATEST,
            on_connection=self._connection,
        ) as watch:
            async for event in watch:
                await self._take(event)
                sender.wake()
                self._accepted.set()  # perhaps there was nothing to accept

    def _accepted_to(self) -> Cursor | None:
        return None if self._begins else self._kept

    def _connection(self, connection: Connection) -> None:
        if self._reconciler is not None and connection.state is ConnectionState.LIVE:
            self._reconciler.ask()

    async def _take(self, event: Event) -> None:
        offers = self._offers
        match event:
            case Restarted(reason):
                log.info("everything is told anew: %s", reason)
                self._begins = True
                offers.begin_snapshot()
            case SnapshotPiece(availability=rows):
                for row in rows:
                    offers.tell(row.sku, row.available_to_sell)
            case SnapshotComplete(cursor=cursor):
                offers.end_snapshot(await self._catalogue())
                offers.bookmark(cursor)
            case Latest(availability=rows, cursor=cursor):
                for row in rows:
                    offers.tell(row.sku, row.available_to_sell)
                offers.bookmark(cursor)
            case Bookmark(cursor):
                offers.bookmark(cursor)
            case Changes():
                raise AssertionError("the latest was asked for")

    async def _catalogue(self) -> list[str]:
        """All SKUs: a snapshot leaves out what can't be sold, and the marketplace may still show it."""
        while True:
            try:
                return [sku.sku async for sku in self._client.list_skus()]
            except (Unavailable, Overloaded) as failed:
                log.warning("the SKUs are asked for again: %s", failed)
                await asyncio.sleep(ASK_AGAIN_S)

    async def _keep(self) -> None:
        while True:
            await self._accepted.wait()
            self._accepted.clear()
            cursor = self._offers.safe()
            if cursor is None or cursor == self._kept:
                continue
            began, self._begins = self._begins, False
            await asyncio.to_thread(self._store.save, cursor)
            self._kept = cursor
            if began and self._reconciler is not None:
                self._reconciler.ask()
            await self._acknowledge(cursor)
            await asyncio.sleep(KEEP_PERIOD_S)

    async def _acknowledge(self, cursor: Cursor) -> None:
        """Lets the lag be seen; offers go out whether or not it can be."""
        try:
            await self._client.acknowledge(self._subscriber, cursor)
        except NotFound:  # somebody removed it
            with suppress(InventoryError):
                await self._client.register_subscriber(self._subscriber, after=cursor, deadline=DEADLINE)
        except InventoryError as failed:
            log.warning("the service was not told of %s: %s", cursor, failed)
