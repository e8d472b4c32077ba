"""What the ledger knows of the numbers a channel tells: as they are, and as they were since it has seen them."""

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Protocol

from inventory.domain.access import Access
from inventory.domain.level import Level
from inventory.domain.reconciliation import Known, Number, ReconciliationKind, State
from inventory.domain.showing import Seller, Stock
from inventory.feed import snapshot
from inventory.feed.change import Filter, Viewer
from inventory.feed.named import Named
from inventory.feed.pasts import Looks, Past, Stretch, read_pasts
from inventory.feed.viewing import SKUS_A_PAGE, Outlook, look, parts_of, values_of
from inventory.postgres import reconciliation as source
from inventory.postgres import views
from inventory.postgres.reads import Reader

_LOCATION_BITS = 24


class Numbers(Protocol):
    """One kind of numbers."""

    async def known(self, numbers: Sequence[Number], seen: int | None, revision: int) -> list[Known | None]:
        """What is known of each, as of `revision` or newer; None: there is no such SKU or location. `seen`: the
        revision up to which the channel knows the changes; None: not known."""

    def unnamed(self, revision: int) -> AsyncGenerator[list[Number]]:
        """Pages of what is not 0 and hasn't been asked for, as 0."""


class LevelNumbers:
    """Of levels. `locations`: where to look for what isn't named; empty: where something is. `access`: what it doesn't
    cover isn't known. `remembers`: what is named, so that it can be told what isn't."""

    def __init__(
        self, reader: Reader, kind: ReconciliationKind, locations: Collection[str], access: Access, *, remembers: bool
    ) -> None:
        self._reader = reader
        self._kind = kind
        self._access = access
        self._locations = set(locations)
        self._is_given = bool(locations)
        self._named = Named()
        self._remembers = remembers

    async def known(self, numbers: Sequence[Number], seen: int | None, revision: int) -> list[Known | None]:
        found = await source.read_numbers(self._reader, numbers, seen, self._kind)
        if self._access.is_limited:
            found = [level if self._covers(level) else source.NO_NUMBER for level in found]
        if self._remembers:
            self._named.add(_key(*level.key) for level in found if level.key is not None)
        if not self._is_given:
            self._locations.update(number.location for number, level in zip(numbers, found, strict=True) if level.key)
        return [level.known for level in found]

    async def unnamed(self, revision: int) -> AsyncGenerator[list[Number]]:
        if not self._locations:
            return
        others = self._named.others()
        wanted = Filter(locations=frozenset(self._locations), within=self._access.prefixes)
        async with aclosing(snapshot.levels(self._reader, revision, wanted)) as pages:
            async for page in pages:
                absent = others.among([_key(*row.key) for row in page])
                yield [
                    Number(row.sku, row.location, 0)
                    for row in page
                    if _key(*row.key) in absent and self._number(row.level)
                ]

    def _covers(self, level: source.LevelNumber) -> bool:
        return (
            level.key is not None
            and self._access.covers_location(level.key[1])
            and self._access.covers_category(level.category)
        )

    def _number(self, level: Level) -> int:
        return level.on_hand if self._kind is ReconciliationKind.ON_HAND else level.available


def _key(sku_id: int, location_id: int) -> int:
    return sku_id << _LOCATION_BITS | location_id


class SellableNumbers:
    """What one channel may sell of SKUs. `access`, `remembers`: as of `LevelNumbers`."""

    def __init__(self, reader: Reader, channel_id: int, access: Access, *, remembers: bool) -> None:
        self._reader = reader
        self._viewer = Viewer(channel_id, access.location_ids)
        self._looks = Looks(reader, self._viewer)
        self._access = access
        self._named = Named()
        self._remembers = remembers

    async def known(self, numbers: Sequence[Number], seen: int | None, revision: int) -> list[Known | None]:
        since: datetime | None
        since, now = (await self._reader.fetch("read_recorded_at", revision if seen is None else seen))[0]
        outlook = await look(self._reader, self._viewer, revision, now)
        found: list[Known | None] = []
        for start in range(0, len(numbers), SKUS_A_PAGE):
            found += await self._known(numbers[start : start + SKUS_A_PAGE], seen, outlook, since or now, now)
        return found

    async def unnamed(self, revision: int) -> AsyncGenerator[list[Number]]:
        others = self._named.others()
        outlook = await look(self._reader, self._viewer, revision, await views.read_clock(self._reader))
        after = 0
        while page := await views.read_facts_page(
            self._reader, revision, after, None, None, SKUS_A_PAGE, dated=False, within=self._access.prefixes
        ):
            after = page[-1].sku_id
            absent = others.among([facts.sku_id for facts in page])
            facts = [each for each in page if each.sku_id in absent and self._access.covers_category(each.category)]
            stocks = await views.stocks_of(self._reader, facts, revision)
            values = await values_of(self._reader, outlook, stocks, await parts_of(self._reader, outlook, stocks))
            yield [Number(sku, "", 0) for sku, value in values.items() if value.total]

    async def _known(
        self, numbers: Sequence[Number], seen: int | None, outlook: Outlook, since: datetime, now: datetime
    ) -> list[Known | None]:
        found = await views.read_stocks(self._reader, {number.sku for number in numbers}, outlook.revision)
        stocks = {sku: stock for sku, stock in found.items() if self._access.covers_category(stock.facts.category)}
        if self._remembers:
            self._named.add(stock.facts.sku_id for stock in stocks.values())
        parts = await parts_of(self._reader, outlook, stocks)
        values = await values_of(self._reader, outlook, stocks, parts)
        current = {sku: value.total for sku, value in values.items()}
        wrong = sorted({number.sku for number in numbers if number.quantity != current.get(number.sku)} & stocks.keys())
        pasts: dict[str, Past] = {}
        if seen is not None and wrong:
            pasts = await self._pasts(wrong, {**parts, **stocks}, seen, outlook, since, now)
        swept = await self._swept(outlook, stocks, parts, wrong)
        return [
            _known_of(current[number.sku], swept.get(number.sku), pasts.get(number.sku), outlook.revision)
            if number.sku in current
            else None
            for number in numbers
        ]

    async def _pasts(
        self, skus: list[str], known: dict[str, Stock], seen: int, outlook: Outlook, since: datetime, now: datetime
    ) -> dict[str, Past]:
        """Where the date has changed since, also as it was before that."""
        limits = {
            (sku, place): level.backorder_limit for sku, stock in known.items() for place, level in stock.levels.items()
        }
        ids = {stock.facts.sku_id for stock in known.values()}
        stretch = Stretch(self._viewer.channel_id, seen, outlook.revision, now)
        pasts = await read_pasts(self._reader, self._looks, skus, ids, stretch, limits)
        before = Seller(outlook.seller.channel, outlook.topology, since, self._viewer.location_ids)
        if before.today == outlook.seller.today and before.sells_as(outlook.seller):
            return pasts
        earlier = await read_pasts(self._reader, self._looks, skus, ids, stretch._replace(moment=since), limits)
        return {sku: past._replace(states=[*earlier[sku].states, *past.states]) for sku, past in pasts.items()}

    async def _swept(
        self, outlook: Outlook, stocks: dict[str, Stock], parts: dict[str, Stock], skus: Collection[str]
    ) -> dict[str, int]:
        """What may be sold of SKUs once the holds that have run out are ended; nothing is said when there are none.
        `stocks` and `parts` are as they will be then."""
        known, leaves = {**parts, **stocks}, outlook.bundles.leaves
        made_of = {*skus, *(leaf for sku in skus for leaf, _ in leaves(sku))}
        by_id = {stock.facts.sku_id: stock for sku, stock in known.items() if sku in made_of}
        due = await source.read_due_holds(self._reader, list(by_id)) if by_id else []
        for hold in due:
            _end(by_id[hold.sku_id], hold)
        sellable = outlook.seller.sellable
        return {sku: sellable(stocks[sku], known, leaves(sku)).total for sku in skus} if due else {}


def _end(stock: Stock, hold: source.DueHold) -> None:
    level = stock.levels.get(hold.location_id)
    if level is None or level.held < hold.held or level.backordered < hold.backordered:
        return  # it is newer than the level as it was read
    stock.levels[hold.location_id] = level._replace(
        held=level.held - hold.held, backordered=level.backordered - hold.backordered
    )
    lots = stock.lots.get(hold.location_id, {})
    if hold.lot in lots:
        lots[hold.lot] += hold.held


def _known_of(current: int, swept: int | None, past: Past | None, revision: int) -> Known:
    history: Sequence[State] = ()
    if past is not None:
        history = [*past.states, State(revision, current)]
    return Known(current, current if swept is None else swept, history, past is not None and past.settings_changed)
