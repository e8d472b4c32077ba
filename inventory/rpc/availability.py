"""AvailabilityService: parse, look, decide, format. Nothing is locked and nothing is promised."""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from inventory.domain.code import channel_code, sku_code
from inventory.domain.decide import decide
from inventory.domain.explain import (
    DueIn,
    Explanation,
    LotShelf,
    Shelf,
    explain,
    explain_bundle,
    unused_places,
)
from inventory.domain.goods import Goods, SkuKind, Tracking
from inventory.domain.ledger import Ledger
from inventory.domain.limits import KEYS_MAX, VIOLATIONS_MAX
from inventory.domain.promise import Due, Promise, promise
from inventory.domain.refusal import Reason, Refusal, channel_not_found, sku_not_found
from inventory.domain.reservation import Ask, Reservation, Reserve
from inventory.domain.selling import Seller
from inventory.domain.topology import Site, Use
from inventory.postgres.availability import DueRow, Looking, Seen, Shown
from inventory.postgres.reads import Reader
from inventory.rpc import parse
from inventory.rpc.availability_messages import explanation, line_message, seen_message
from inventory.rpc.method import Call, Method, unary
from inventory.rpc.reading import check_revision
from inventory.v1 import availability_service_pb2 as pb2

SERVICE = pb2.DESCRIPTOR.services_by_name["AvailabilityService"].full_name
NOBODY = UUID(int=0)


class AvailabilityService:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._looking = Looking(reader)

    def methods(self) -> dict[str, Method]:
        return {
            "GetAvailability": unary(pb2.GetAvailabilityRequest, self.get),
            "CheckAvailability": unary(pb2.CheckAvailabilityRequest, self.check),
            "ExplainAvailability": unary(pb2.ExplainAvailabilityRequest, self.explain),
        }

    async def get(self, request: pb2.GetAvailabilityRequest, call: Call) -> bytes:
        parse.within(len(request.skus), KEYS_MAX, "skus")
        skus = list(dict.fromkeys(sku_code(sku, f"skus[{n}]") for n, sku in enumerate(request.skus)))
        use = parse.purpose(request.purpose, "purpose")
        channel_id = await self._channel(request.channel, call)
        await check_revision(self._reader, request.min_revision)
        ledger = (await self._looking.look(channel_id, skus)).ledger
        seller = Seller(ledger, channel_id, use)
        known = [ledger.goods[sku] for sku in skus if sku in ledger.goods]
        return pb2.GetAvailabilityResponse(
            availability=[seen_message(goods.sku, seller.sellable(goods)) for goods in known],
            unknown=[sku for sku in skus if sku not in ledger.goods],
        ).SerializeToString()

    async def explain(self, request: pb2.ExplainAvailabilityRequest, call: Call) -> bytes:
        sku = sku_code(request.sku, "sku")
        use = parse.purpose(request.purpose, "purpose")
        channel_id = await self._channel(request.channel, call)
        await check_revision(self._reader, request.min_revision)
        seen = await self._looking.look(channel_id, [sku])
        goods = seen.ledger.goods.get(sku)
        if goods is None:
            raise sku_not_found(sku)
        seller = Seller(seen.ledger, channel_id, use)
        found = await self._explained(seen, goods, seller)
        shown = (await self._looking.shown([goods.sku_id]))[goods.sku_id]
        channel = request.channel or call.channel
        return explanation(found, goods, shown, channel, seen.revision).SerializeToString()

    async def check(self, request: pb2.CheckAvailabilityRequest, call: Call) -> bytes:
        command = _command(request, call.channel_id)
        await check_revision(self._reader, request.min_revision)
        skus = dict.fromkeys(ask.sku for ask in command.asks)
        pairs = [(ask.sku, ask.location) for ask in command.asks if ask.location]
        seen = await self._looking.look(call.channel_id, skus, pairs)
        ledger = seen.ledger
        seller = Seller(ledger, call.channel_id, command.purpose)
        granted, _ = decide(ledger, command)
        if isinstance(granted, Refusal) and granted.reason is not Reason.INSUFFICIENT_STOCK:
            raise granted
        reservation = granted if isinstance(granted, Reservation) else None
        sku_ids = [goods.sku_id for goods in ledger.goods_by_id.values()]
        due = await self._looking.due_in(sku_ids, [site.location_id for site in seller.sites])
        shown = await self._looking.shown(sku_ids)
        basket = _Basket(ledger, seller, reservation, due, shown)
        lines = [basket.line(number, ask) for number, ask in enumerate(command.asks)]
        return _basket_message(lines, seen).SerializeToString()

    async def _channel(self, code: str, call: Call) -> int:
        if not code:
            return call.channel_id
        channel_id = await self._looking.channel(channel_code(code, "channel"))
        if channel_id is None:
            raise channel_not_found(code)
        return channel_id

    async def _explained(self, seen: Seen, goods: Goods, seller: Seller) -> Explanation:
        ledger = seen.ledger
        if goods.kind == SkuKind.BUNDLE:
            return explain_bundle(
                goods,
                seller.bundle_view(goods.sku_id),
                seller.free_of(goods),
                seller.sellable_of(goods),
                {site.location_id: site.code for site in seller.sites},
            )
        location_ids = [site.location_id for site in seller.sites]
        held, allocated = await self._looking.claims(goods.sku_id, location_ids)
        sites = ledger.topology.sites
        due = await self._looking.due_in([goods.sku_id], location_ids)
        levels = {number: ledger.level_at((goods.sku_id, number)) for number in ledger.locations_of(goods.sku_id)}
        return explain(
            goods,
            seller.view(goods.sku_id),
            [_shelf(ledger, seller, goods, site) for site in seller.sites],
            held=held,
            allocated=allocated,
            backordered_elsewhere=seller.backordered(goods.sku_id, location_ids),
            due=[DueIn(sites[row.location_id].code, row.due_on, row.quantity, row.reference) for row in due],
            unused=unused_places(ledger.topology, seller.channel.channel_id, seller.use, levels),
        )


def _command(request: pb2.CheckAvailabilityRequest, channel_id: int) -> Reserve:
    """A Reserve that takes what there is."""
    return Reserve(
        channel_id,
        NOBODY,
        parse.asks(request.lines, "", required=True),
        None,
        partial=True,
        purpose=parse.purpose(request.purpose, "purpose"),
        sourcing=parse.sourcing(request.sourcing, "sourcing"),
    )


def _shelf(ledger: Ledger, seller: Seller, goods: Goods, site: Site) -> Shelf:
    key = (goods.sku_id, site.location_id)
    lots = None
    if goods.tracking == Tracking.LOTS:
        last_day = seller.last_day(site.location_id)
        lots = tuple(
            LotShelf(lot.code, level, lot.expires_on is None or lot.expires_on >= last_day)
            for lot_id, level in sorted(
                ledger.lot_levels.get(key, {}).items(),
                key=lambda of: (ledger.lots[of[0]].expires_on or date.max, of[0]),
            )
            for lot in (ledger.lots[lot_id],)
        )
    return Shelf(site.code, ledger.level_at(key), lots)


class PromisedLine(NamedTuple):
    """A line's part of the answer."""

    message: pb2.PromisedLine
    arrives_on: date | None
    leaves_from: frozenset[str]
    whole: bool


class _Basket:
    """What a basket would get, and when."""

    def __init__(
        self,
        ledger: Ledger,
        seller: Seller,
        reservation: Reservation | None,
        due: list[DueRow],
        shown: dict[int, Shown],
    ) -> None:
        self._ledger = ledger
        self._seller = seller
        self._lines = reservation.lines if reservation else ()
        self._due = due
        self._shown = shown

    def line(self, number: int, ask: Ask) -> PromisedLine:
        ledger, sites = self._ledger, self._ledger.topology.sites
        goods = ledger.goods[ask.sku]
        lines = [line for line in self._lines if line.ask_no == number and line.live]
        parts, promises = [], []
        for line in lines:
            site = sites[line.location_id]
            standing = line.held + line.allocated
            found = self._promise(line.sku_id, [(site, standing)], line.backordered, [site])
            promises.append(found)
            parts.append((line, found))
        per = sum(leaf.quantity for leaf in goods.leaves) or 1
        promised = sum(line.live for line in lines) // per
        missing = ask.quantity - promised
        restock = [found.restock for found in promises if found.short]
        if missing and not goods.leaves:
            more = self._promise(goods.sku_id, [], missing, self._seller.sites)
            restock.append(more.restock)
        elif missing:
            restock.append(None)
        message = line_message(
            ledger,
            ask,
            promised,
            parts,
            self._promisable_from(restock),
            self._due_in(goods),
            self._others(ask, missing),
        )
        arrives = [found.arrives_on for found in promises]
        whole = not missing
        return PromisedLine(
            message,
            max((day for day in arrives if day is not None), default=None) if whole and None not in arrives else None,
            frozenset(sites[line.location_id].code for line in lines),
            whole,
        )

    def _promise(self, sku_id: int, allocation: list[tuple[Site, int]], short: int, sites: Iterable[Site]) -> Promise:
        ledger = self._ledger
        here = {site.location_id: site for site in sites}
        waiting = {
            number: max(level.backordered - short - max(level.available, 0), 0)
            for number in here
            for level in (ledger.level_at((sku_id, number)),)
        }
        due = [
            Due(here[row.location_id], row.due_on, row.quantity)
            for row in self._due
            if row.sku_id == sku_id and row.location_id in here and row.due_on is not None
        ]
        return promise(
            allocation,
            short,
            ledger.now,
            due=due,
            waiting=waiting,
            preorder_until=self._shown[sku_id].preorder_until,
        )

    def _promisable_from(self, restock: list[date | None]) -> str:
        today = self._ledger.now.date()
        if any(day is None for day in restock):
            return ""
        return max([today, *(day for day in restock if day is not None)]).isoformat()

    def _due_in(self, goods: Goods) -> list[pb2.DueIn]:
        sku_ids = {goods.sku_id, *(leaf.sku_id for leaf in goods.leaves)}
        sites = self._ledger.topology.sites
        return [
            pb2.DueIn(
                location=sites[row.location_id].code,
                due_on=row.due_on.isoformat() if row.due_on else "",
                quantity=row.quantity,
                reference=row.reference,
            )
            for row in self._due
            if row.sku_id in sku_ids
        ][:VIOLATIONS_MAX]

    def _others(self, ask: Ask, missing: int) -> list[pb2.Alternative]:
        """Where else there is something, for this purpose or for another one."""
        goods = self._ledger.goods[ask.sku]
        if not missing or goods.leaves:
            return []
        found: dict[str, pb2.Alternative] = {}
        for use in (self._seller.use, Use.ONLINE, Use.PICKUP, Use.WALK_IN):
            seller = Seller(self._ledger, self._seller.channel.channel_id, use)
            for site in seller.sites:
                free = seller.free(goods.sku_id, site.location_id)
                if free and site.code != ask.location:
                    purpose: Any = use.value
                    found.setdefault(site.code, pb2.Alternative(location=site.code, available=free, purpose=purpose))
        return sorted(found.values(), key=lambda other: (-other.available, other.location))[:VIOLATIONS_MAX]


def _basket_message(lines: list[PromisedLine], seen: Seen) -> pb2.CheckAvailabilityResponse:
    whole = all(line.whole for line in lines)
    days = [line.arrives_on for line in lines]
    known = [day for day in days if day is not None]
    return pb2.CheckAvailabilityResponse(
        lines=[line.message for line in lines],
        promisable=whole,
        arrives_on=max(known).isoformat() if whole and len(known) == len(days) else "",
        parcels=len(frozenset[str]().union(*(line.leaves_from for line in lines))),
        revision=seen.revision,
    )
