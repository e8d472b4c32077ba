"""Follows the stock, has it sent, and remembers how far the marketplace has it."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from inventory.v1 import core_pb2
from inventory_client import (
    Bookmark,
    Changes,
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
from inventory_marketplace.sender import Sender

LEVELS_A_READ_MAX = 1_000
DEADLINE = timedelta(days=7)
"""The feed is kept so long for an adapter that does not come back."""
KEEP_PERIOD_S = 0.5
"""The cursor is kept at most so often."""
ASK_AGAIN_S = 1.0

log = logging.getLogger(__name__)


class Adapter:
    """Up to the cursor in `store` the marketplace has accepted everything: after a crash what came after it is sent
    again, and nothing is lost. Without a cursor everything is sent."""

    def __init__(
        self, client: InventoryClient, store: CursorStore, offers: Offers, locations: Sequence[str], subscriber: str
    ) -> None:
        self._client = client
        self._store = store
        self._offers = offers
        self._locations = tuple(locations)
        self._subscriber = subscriber
        self._accepted = asyncio.Event()
        self._kept: Cursor | None = None

    def on_accepted(self) -> None:
        """The marketplace has accepted something."""
        self._accepted.set()

    async def run(self, sender: Sender) -> None:
        """For ever. Raises `InventoryError` when the service refuses what is asked for, `OSError` when the cursor can't
        be kept, `CursorFileCorrupt`."""
        self._kept = await asyncio.to_thread(self._store.load)
        await self._register()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(sender.run())
                group.create_task(self._follow(sender))
                group.create_task(self._keep())
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
            self._kept or "snapshot", mode=WatchMode.LATEST, locations=self._locations
        ) as watch:
            async for event in watch:
                await self._take(event)
                sender.wake()
                self._accepted.set()  # perhaps there was nothing to accept

    async def _take(self, event: Event) -> None:
        offers = self._offers
        match event:
            case Restarted(reason):
                log.info("everything is told anew: %s", reason)
                offers.begin_snapshot()
            case SnapshotPiece(levels=levels):
                for level in levels:
                    offers.level(level.sku, level.location, level.quantities.available, level.revision)
            case SnapshotComplete(cursor=cursor):
                offers.end_snapshot()
                offers.bookmark(cursor)
            case Latest(movements, cursor):
                for row in movements:
                    offers.level(row.sku, row.location, row.after.available, row.revision)
                await self._complete({row.sku for row in movements})
                offers.bookmark(cursor)
            case Bookmark(cursor):
                offers.bookmark(cursor)
            case Changes():
                raise AssertionError("the latest was asked for")

    async def _complete(self, skus: set[str]) -> None:
        """Asks for the parts of numbers that the stream has not told since the cursor."""
        keys = [(sku, location) for sku in sorted(skus) for location in self._offers.unknown(sku)]
        for start in range(0, len(keys), LEVELS_A_READ_MAX):
            some = keys[start : start + LEVELS_A_READ_MAX]
            for level in await self._levels(some):
                self._offers.level(level.sku, level.location, level.quantities.available, level.revision)

    async def _levels(self, keys: Sequence[tuple[str, str]]) -> Sequence[core_pb2.Level]:
        while True:
            try:
                answer = await self._client.batch_get_stock(keys)
            except (Unavailable, Overloaded) as failed:
                log.warning("stock is asked for again: %s", failed)
                await asyncio.sleep(ASK_AGAIN_S)
            else:
                return answer.levels

    async def _keep(self) -> None:
        while True:
            await self._accepted.wait()
            self._accepted.clear()
            cursor = self._offers.safe()
            if cursor is None or cursor == self._kept:
                continue
            await asyncio.to_thread(self._store.save, cursor)
            self._kept = cursor
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
