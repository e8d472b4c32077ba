"""What followed channels may sell, computed in memory where changes are published, in their one order.

One task takes the published records one after the other and adds to each what it changed for each channel. It has a
tail of its own behind that of the feed, so who follows only stock never waits for it. What it needs of a SKU it reads
as of that tail when the SKU is first touched, and keeps current by the records. While nobody follows a view there is
nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from time import perf_counter

import structlog

from inventory.domain.availability import NOTHING
from inventory.domain.level import EMPTY, Level
from inventory.domain.movement import MovementKind
from inventory.domain.showing import Seller, midnights
from inventory.feed.buffer import NOWHERE, Selection, Selections
from inventory.feed.change import Filter, Item, Record, Viewer, categories_of
from inventory.feed.encoder import Encoder
from inventory.feed.heard import Heard, Moved
from inventory.feed.turns import Turns
from inventory.feed.world import LONG_AGO, World
from inventory.postgres import views as source
from inventory.postgres.errors import StorageError
from inventory.postgres.reads import Reader

RECORDS_A_STEP_MAX = 256
PENDING_RECORDS_MAX = 8_192
LOOK_S = 60.0
RETRY_S = 0.5
SLICE_S = 0.002
"""For so long it computes, then others have their turn, also within a record."""

log = structlog.get_logger(__name__)


class _Gone(Exception):
    """The world that was worked on counts no more."""


class Views:
    """Made by the feed, which hands it what it publishes. `turned_at`: when the date last changed at some place."""

    def __init__(self, reader: Reader, encoder: Encoder, turns: Turns, advanced: Callable[[], None]) -> None:
        """`advanced`: told when more is here."""
        self.selections = Selections()
        self.turned_at = LONG_AGO
        self._reader = reader
        self._encoder = encoder
        self._turns = turns
        self._advanced = advanced
        self._followers: Counter[Viewer] = Counter()
        self._world: World | None = None
        self._rung = asyncio.Event()
        self._looks = True
        self._is_blind = False
        self._slice_ends = 0.0

    @property
    def on(self) -> bool:
        """Whether anybody follows."""
        return self._world is not None

    def join(self, wanted: Filter, tail: int | None) -> Selection:
        """`tail`: the feed's."""
        self._followers[wanted.viewer] += 1
        if self._world is None and tail is not None:
            self._world = World(tail)
        world = self._world
        start = world.tail if world is not None and wanted.viewer in world.sellers else NOWHERE
        self._rung.set()
        return self.selections.join(wanted, start)

    def leave(self, selection: Selection) -> None:
        self.selections.leave(selection)
        viewer = selection.wanted.viewer
        self._followers[viewer] -= 1
        if not self._followers[viewer]:
            del self._followers[viewer]
            if self._world is not None:
                self._world.sellers.pop(viewer, None)
        if not self._followers:
            self._world = None

    def reset(self, tail: int | None) -> None:
        """Anew, after this revision."""
        self._world = World(tail) if tail is not None and self._followers else None
        self._looks = True
        for selection in self.selections:
            selection.clear(NOWHERE)
            selection.wake(self._turns)
        self._rung.set()

    def hear(self, heard: Iterable[Heard]) -> None:
        """What has just been published, in order."""
        world = self._world
        if world is None:
            return
        world.pending.extend(heard)
        if world.pending:
            world.newest = world.pending[-1].record.revision
            if len(world.pending) > PENDING_RECORDS_MAX:
                self.reset(world.newest)
            self._rung.set()

    def at_hand(self, selection: Selection, after: int) -> tuple[Sequence[Record], int] | None:
        """What of a filter's changes is in memory, and how far that reaches; None: the database must be asked."""
        if self._world is None or after < selection.start:
            return None
        records, all_of_them = selection.after(after)
        return records, max(self._world.tail, after) if all_of_them else records[-1].revision

    async def run(self) -> None:
        """For ever; cancel it to end it."""
        while True:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._rung.wait()
            except TimeoutError:
                self._looks = True
            self._rung.clear()
            world = self._world
            if world is None:
                continue
            try:
                await self._work(world)
                self._is_blind = False
            except _Gone:
                pass
            except Exception as error:  # noqa: BLE001 - whatever it was, followers must not starve
                self._failed(world, error)
                await asyncio.sleep(RETRY_S)
                self._rung.set()

    def _failed(self, world: World, error: Exception) -> None:
        is_defect = not isinstance(error, StorageError)
        if is_defect:
            log.error("a view could not be computed", error=f"{type(error).__name__}: {error}")
        elif not self._is_blind:
            self._is_blind = True
            log.warning("views can't be read", why=type(error).__name__, error=str(error))
        if (is_defect or world.spoilt) and world is self._world:
            self.reset(world.newest)

    async def _work(self, world: World) -> None:
        if world.topology is None:
            topology = await source.read_topology(self._reader, world.tail)
            world.bundles = await source.read_bundles(self._reader, world.tail)
            world.topology = topology
        if self._looks:
            self._looks = False
            now = await source.read_clock(self._reader)
            self._turn(world, now)
        await self._activate(world)
        while world.pending:
            first = world.pending[0]
            self._turn(world, first.recorded_at)
            if first.group is not None:
                await self._relearn(world, first)
                self._told(world, 1)
            else:
                batch = self._batch(world)
                await self._learn(world, batch)
                for heard in batch:
                    await self._apply(world, heard)
                self._told(world, len(batch))
                await asyncio.sleep(0)
            self._check(world)

    def _check(self, world: World) -> None:
        if world is not self._world:
            raise _Gone

    def _told(self, world: World, records: int) -> None:
        for _ in range(records):
            world.pending.popleft()
        world.shrink()
        self._advanced()

    def _turn(self, world: World, now: datetime) -> None:
        """When the date has changed somewhere, what was computed before counts no more: who follows is told what that
        has changed."""
        self._check(world)
        if now < world.turns_at or world.topology is None:
            return
        last, world.turns_at = midnights(world.topology.sites.values(), now)
        self.turned_at = max(self.turned_at, last)
        for viewer, seller in world.sellers.items():
            world.sellers[viewer] = Seller(seller.channel, world.topology, self.turned_at, seller.only)
            self._restart(world, viewer, world.tail)
        for stock in world.stocks.values():
            stock.told.clear()

    def _restart(self, world: World, viewer: Viewer, start: int) -> None:
        """What a channel's followers have not read by now they read from the database."""
        for selection in self.selections.of_viewer(viewer):
            selection.clear(start)
            selection.wake(self._turns)

    async def _activate(self, world: World) -> None:
        """Channels that are followed for the first time."""
        for viewer in [each for each in self._followers if each not in world.sellers]:
            channel = await source.read_channel(self._reader, viewer.channel_id, world.tail)
            self._check(world)
            assert world.topology is not None
            for stock in world.stocks.values():
                stock.own.pop(viewer.channel_id, None)
                stock.told.pop(viewer, None)
            await source.read_own_views(self._reader, channel, world.stocks.values(), world.tail)
            self._check(world)
            if viewer in self._followers:
                world.sellers[viewer] = Seller(channel, world.topology, self.turned_at, viewer.location_ids)
                self._restart(world, viewer, world.tail)

    def _batch(self, world: World) -> list[Heard]:
        """The next records that are about stock alone, of one day."""
        batch: list[Heard] = []
        for heard in world.pending:
            if heard.group is not None or heard.recorded_at >= world.turns_at or len(batch) == RECORDS_A_STEP_MAX:
                break
            batch.append(heard)
        return batch

    async def _learn(self, world: World, batch: Sequence[Heard]) -> None:
        """Reads what of the SKUs that some records touch isn't known yet."""
        skus = {moved.sku for heard in batch for moved in heard.moved}
        await self._load(world, await self._lacking(world, skus | world.bundles.containing(skus)), world.tail)
        stocks = world.stocks
        lots = {
            (moved.sku, moved.lot)
            for heard in batch
            for moved in heard.moved
            if moved.lot and moved.lot not in stocks[moved.sku].expiries
        }
        if lots:
            for (sku, lot), expires_on in (await source.read_expiries(self._reader, list(lots))).items():
                stocks[sku].expiries[lot] = expires_on
            self._check(world)
        changed = {moved.sku for heard in batch for moved in heard.moved if moved.kind == MovementKind.THRESHOLD}
        world.limits = {}
        if changed:
            world.limits = await source.read_backorder_limits(self._reader, [stocks[sku] for sku in changed])
            self._check(world)

    async def _lacking(self, world: World, skus: Iterable[str]) -> set[str]:
        lacking: set[str] = set()
        for sku in skus:
            await self._pause(world)
            lacking |= world.lacking(sku)
        return lacking

    async def _load(self, world: World, skus: Collection[str], revision: int) -> None:
        if skus:
            stocks = await source.read_stocks(self._reader, skus, revision)
            for seller in tuple(world.sellers.values()):
                await source.read_own_views(self._reader, seller.channel, stocks.values(), revision)
            self._check(world)
            world.put(stocks.values())

    async def _pause(self, world: World) -> None:
        """Whoever joins or leaves meanwhile doesn't matter to a record that is being computed: it is published as a
        whole, and its place in the order is its own."""
        now = perf_counter()
        if now >= self._slice_ends:
            await asyncio.sleep(0)
            self._check(world)
            self._slice_ends = perf_counter() + SLICE_S

    async def _apply(self, world: World, heard: Heard) -> None:
        """Computes before and after one record that is about stock alone."""
        skus = dict.fromkeys(moved.sku for moved in heard.moved)
        if not skus or not world.sellers:
            self._publish(world, heard, [])
            return
        skus.update(dict.fromkeys(sorted(world.bundles.containing(skus))))
        await self._value(world, skus)
        for moved in heard.moved:
            self._move(world, moved)
        forced = {moved.sku: () for moved in heard.moved if moved.kind == MovementKind.THRESHOLD}
        self._publish(world, heard, await self._changed(world, skus, forced))

    def _move(self, world: World, moved: Moved) -> None:
        assert world.topology is not None
        stock, location_id = world.stocks[moved.sku], world.topology.by_code[moved.location].location_id
        limit = stock.levels.get(location_id, EMPTY).backorder_limit
        if moved.kind == MovementKind.THRESHOLD:
            limit = world.limits.get((moved.sku, location_id))
        world.levels += location_id not in stock.levels
        stock.levels[location_id] = Level._make((*moved.after, None, None, limit))
        if moved.lot:
            lots = stock.lots.setdefault(location_id, {})
            lots[moved.lot] = lots.get(moved.lot, 0) + moved.lot_delta

    async def _value(self, world: World, skus: Iterable[str]) -> None:
        """Has what was told last of the SKUs at hand."""
        for viewer, seller in tuple(world.sellers.items()):
            for sku in skus:
                await self._pause(world)
                stock = world.stocks.get(sku)
                if stock is not None and viewer not in stock.told:
                    stock.told[viewer] = seller.sellable(stock, world.stocks, world.bundles.leaves(sku))

    async def _changed(
        self, world: World, skus: Iterable[str], forced: Mapping[str, tuple[str, ...]], but: Collection[Viewer] = ()
    ) -> list[Item]:
        """What differs from what was told last, or is `forced`, by SKU with its categories, to be told. `but`: nothing
        of these channels."""
        items: list[Item] = []
        for viewer, seller in tuple(world.sellers.items()):
            if viewer in but:
                continue
            for sku in skus:
                await self._pause(world)
                stock = world.stocks.get(sku)
                if stock is None:
                    continue
                now = seller.sellable(stock, world.stocks, world.bundles.leaves(sku))
                if now != stock.told.get(viewer, NOTHING) or sku in forced:
                    stock.told[viewer] = now
                    categories = forced.get(sku) or (stock.facts.category,)
                    items.append(self._encoder.shown(viewer, sku, categories, now))
        return items

    def _publish(self, world: World, heard: Heard, items: Sequence[Item]) -> None:
        record = heard.record
        if items:
            record = Record(record.revision, record.recorded_at, (*record.items, *items))
        for selection in self.selections.publish(record):
            selection.wake(self._turns)
        world.tail = record.revision

    async def _relearn(self, world: World, heard: Heard) -> None:
        """A record about more than stock. A channel that sells otherwise from now on is another one: its followers read
        from the database what that changes, each in pages, while others are told on."""
        assert heard.group is not None
        assert world.topology is not None
        group, revision = heard.group, heard.record.revision
        categories = {row["code"]: categories_of(row) for row in group.skus}
        dropped = {*categories, *(moved.sku for moved in heard.moved)}
        for viewer in tuple(world.sellers) if group.channels else ():
            dropped.update(await source.read_viewed_skus(self._reader, viewer.channel_id, revision))
            self._check(world)
        touched = dropped | world.bundles.containing(dropped)
        await self._load(world, await self._lacking(world, touched), world.tail)
        await self._value(world, touched)
        told = {sku: world.stocks[sku].told for sku in dropped if sku in world.stocks}

        world.spoilt = True
        for row in group.skus:
            world.bundles.put(row["code"], source.components_of(row))
        for sku in dropped:
            world.drop(sku)
        others = await self._resettle(world, heard) if group.locations or group.channels else set()
        await self._load(world, await self._lacking(world, touched), revision)
        for sku in dropped:
            if sku in world.stocks:
                world.stocks[sku].told = told.get(sku, {})
        for stock in world.stocks.values() if others else ():
            for viewer in others:
                stock.told.pop(viewer, None)
        forced = {sku: both for sku, both in categories.items() if len(both) > 1}
        self._publish(world, heard, await self._changed(world, sorted(touched), forced, but=others))
        for viewer in others:
            self._restart(world, viewer, revision)
        world.spoilt = False

    async def _resettle(self, world: World, heard: Heard) -> set[Viewer]:
        """Places and channels as of a record; which channels sell otherwise from now on."""
        assert heard.group is not None
        assert world.topology is not None
        revision = heard.record.revision
        if heard.group.locations:
            world.topology = await source.read_topology(self._reader, revision)
            last, world.turns_at = midnights(world.topology.sites.values(), heard.recorded_at)
            self.turned_at = max(self.turned_at, last)
        others: set[Viewer] = set()
        for viewer, seller in tuple(world.sellers.items()):
            channel = seller.channel
            if heard.group.channels:
                channel = await source.read_channel(self._reader, viewer.channel_id, revision)
            self._check(world)
            new = Seller(channel, world.topology, self.turned_at, viewer.location_ids)
            if viewer in world.sellers:
                world.sellers[viewer] = new
            if not new.sells_as(seller):
                others.add(viewer)
        return others
