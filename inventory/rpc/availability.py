"""AvailabilityService: parse, look, decide, format. Nothing is locked and nothing is promised."""

import asyncio
from datetime import date
from uuid import UUID

from inventory.domain.code import channel_code, sku_code
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
from inventory.domain.limits import KEYS_MAX
from inventory.domain.pickup import check_sources
from inventory.domain.refusal import channel_not_found, sku_not_found
from inventory.domain.reservation import Reserve
from inventory.domain.selling import Seller, StillSeller
from inventory.domain.topology import Site, Use
from inventory.postgres.availability import Looking, Seen
from inventory.postgres.reads import Reader
from inventory.rpc import parse, reservation_messages
from inventory.rpc.amounts import Amounts
from inventory.rpc.availability_messages import explanation, seen_message
from inventory.rpc.basket import Basket
from inventory.rpc.method import Call, Method, unary
from inventory.rpc.reading import check_revision
from inventory.v1 import availability_service_pb2 as pb2

SERVICE = pb2.DESCRIPTOR.services_by_name["AvailabilityService"]
NOBODY = UUID(int=0)


class AvailabilityService:
    def __init__(self, reader: Reader, amounts: Amounts) -> None:
        self._reader = reader
        self._amounts = amounts
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
        async with self._looking.look(channel_id, skus, field="skus", within=call.within) as seen:
            found = {sku: seen.ledger.find(sku) for sku in skus}
            seller = StillSeller(seen.ledger, channel_id, use)
        answer = pb2.GetAvailabilityResponse(unknown=[sku for sku, goods in found.items() if goods is None])
        for goods in filter(None, found.values()):
            answer.availability.append(seen_message(goods.sku, seller.sellable(goods)))
            if goods.leaves:  # a thousand large bundles take seconds
                await asyncio.sleep(0)
        return answer.SerializeToString()

    async def explain(self, request: pb2.ExplainAvailabilityRequest, call: Call) -> bytes:
        sku = sku_code(request.sku, "sku")
        use = parse.purpose(request.purpose, "purpose")
        channel_id = await self._channel(request.channel, call)
        await check_revision(self._reader, request.min_revision)
        async with self._looking.look(channel_id, [sku], within=call.within) as seen:
            goods = seen.ledger.find(sku)
            if goods is None:
                raise sku_not_found(sku)
            found = await _explained(seen, goods, Seller(seen.ledger, channel_id, use))
            shown = (await seen.shown([goods.sku_id]))[goods.sku_id]
        channel = request.channel or call.channel
        return explanation(found, goods, shown, channel, seen.revision).SerializeToString()

    async def check(self, request: pb2.CheckAvailabilityRequest, call: Call) -> bytes:
        asked = await self._amounts.in_smallest(request.lines, "lines", call.within)
        command = _command(request, asked, call.channel_id)
        await check_revision(self._reader, request.min_revision)
        skus = dict.fromkeys(ask.sku for ask in command.asks)
        pairs = [(ask.sku, ask.location) for ask in command.asks if ask.location]
        topology, within = self._looking.directory.topology, call.within
        check_sources(topology if within is None else topology.limited(within.location_ids), command)
        async with self._looking.look(call.channel_id, skus, pairs, within=within) as seen:
            basket = Basket(seen.ledger, command)
            due = await seen.due_in(basket.sku_ids, basket.location_ids)
            shown = await seen.shown(basket.sku_ids)
        return basket.answer(due, shown, seen.revision).SerializeToString()

    async def _channel(self, code: str, call: Call) -> int:
        if not code:
            return call.channel_id
        channel_id = await self._looking.channel(channel_code(code, "channel"), call.only_channel_id)
        if channel_id is None:
            raise channel_not_found(code)
        return channel_id


async def _explained(seen: Seen, goods: Goods, seller: Seller) -> Explanation:
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
    held, allocated = await seen.claims(goods.sku_id, location_ids)
    sites = ledger.topology.sites
    due = await seen.due_in([goods.sku_id], location_ids)
    within = ledger.within
    levels = {
        number: ledger.level_at((goods.sku_id, number))
        for number in ledger.locations_of(goods.sku_id)
        if within is None or within.covers_location(number)
    }
    stocked = {number: level for number, level in levels.items() if level.available}
    return explain(
        goods,
        seller.view(goods.sku_id),
        [_shelf(ledger, seller, goods, site) for site in seller.sites],
        held=held,
        allocated=allocated,
        backordered_elsewhere=seller.backordered(goods.sku_id, location_ids),
        due=[DueIn(sites[row.location_id].code, row.due_on, row.quantity, row.reference) for row in due],
        unused=unused_places(ledger.topology, seller.channel.channel_id, seller.use, stocked),
    )


def _command(request: pb2.CheckAvailabilityRequest, lines: parse.Lines, channel_id: int) -> Reserve:
    """A Reserve that takes what there is."""
    use = parse.purpose(request.purpose, "purpose")
    pickup = None
    if request.HasField("pickup"):
        use, pickup = Use.PICKUP, reservation_messages.pickup(request, "")
    return Reserve(
        channel_id,
        NOBODY,
        reservation_messages.asks(lines, "", required=True),
        None,
        partial=True,
        purpose=use,
        sourcing=reservation_messages.sourcing(request.sourcing, "sourcing"),
        pickup=pickup,
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
