"""What a basket would get, and when: decided as the engine decides it, on what is only looked at."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from inventory.domain import pickup
from inventory.domain.availability import raw_for
from inventory.domain.decide import decide
from inventory.domain.goods import Goods
from inventory.domain.ledger import Key, Ledger, NoLevel
from inventory.domain.level import Level
from inventory.domain.limits import VIOLATIONS_MAX
from inventory.domain.promise import Due, Promise, promise
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.reservation import Ask, Line, Reservation, Reserve
from inventory.domain.selling import Seller
from inventory.domain.topology import OVERSELL_UNLIMITED, Site, Use
from inventory.postgres.availability import DueRow, Shown
from inventory.rpc.availability_messages import due_in_message, part_message
from inventory.rpc.formats import timestamp
from inventory.v1 import availability_service_pb2 as pb2

_USES = (Use.ONLINE, Use.PICKUP, Use.WALK_IN)


class _Promised(NamedTuple):
    """A line of the request, what it would get, and each part's times."""

    ask: Ask
    goods: Goods
    parts: Sequence[tuple[Line, Promise]]

    @property
    def quantity(self) -> int:
        per = sum(leaf.quantity for leaf in self.goods.leaves) or 1
        return sum(line.live for line, _ in self.parts) // per

    @property
    def missing(self) -> int:
        return self.ask.quantity - self.quantity

    @property
    def arrives_on(self) -> date | None:
        """When all of it is there. None: not known."""
        days = [found.arrives_on for _, found in self.parts]
        known = [day for day in days if day is not None]
        return max(known) if known and not self.missing and len(known) == len(days) else None

    @property
    def ready_at(self) -> datetime | None:
        """When all of it can be collected. None: not known."""
        moments = [found.ready_at for _, found in self.parts]
        known = [moment for moment in moments if moment is not None]
        return max(known) if known and not self.missing and len(known) == len(moments) else None


class Basket:
    """A Reserve that takes what there is, decided on a ledger that nobody writes."""

    def __init__(self, ledger: Ledger, command: Reserve) -> None:
        """Raises what a Reserve raises but INSUFFICIENT_STOCK."""
        self._ledger = ledger
        self._command = command
        self._seller = Seller(ledger, command.channel_id, command.purpose)
        if command.pickup is not None:
            self._seller.sites = pickup.viewed(ledger.topology, command)
        self._restricted = self._seller.channel.restricted
        self._limits = {sku: self._seller.sellable(goods).stock for sku, goods in self._restricted_goods()}
        granted = _decided(ledger, command)
        if isinstance(granted, Refusal) and granted.reason is not Reason.INSUFFICIENT_STOCK:
            raise granted
        self._lines = granted.lines if isinstance(granted, Reservation) else ()
        self._pickup = ledger.topology.by_code[command.pickup.location] if command.pickup else None
        self._due: Sequence[DueRow] = ()
        self._shown: Mapping[int, Shown] = {}
        self._waiting: dict[Key, int] = {}

    @property
    def _brought(self) -> bool:
        """Whether what isn't at the pick-up place may be brought there."""
        return self._command.pickup is not None and self._command.pickup.by_transfer

    @property
    def sku_ids(self) -> list[int]:
        return list(self._ledger.goods_by_id)

    @property
    def location_ids(self) -> list[int]:
        """Where goods that are due help."""
        return [site.location_id for site in self._seller.sites]

    def answer(self, due: Sequence[DueRow], shown: Mapping[int, Shown], revision: int) -> pb2.CheckAvailabilityResponse:
        """`due`: of these SKUs at these locations, soonest first."""
        self._due, self._shown = due, shown
        waits = Counter[Key]()
        for line in self._lines:
            waits[line.sku_id, line.location_id] += line.backordered
        for row in due:
            key = (row.sku_id, row.location_id)
            level = self._ledger.level_at(key)
            self._waiting[key] = max(level.backordered - waits[key] - max(level.available, 0), 0)
        promised = [self._promised(number, ask) for number, ask in enumerate(self._command.asks)]
        whole = not any(line.missing for line in promised)
        arrives = [line.arrives_on for line in promised]
        ready = [line.ready_at for line in promised]
        leaves_from = {line.location_id for line in self._lines if line.live}
        if self._pickup is not None:
            leaves_from.discard(self._pickup.location_id)
        return pb2.CheckAvailabilityResponse(
            lines=[self._message(line) for line in promised],
            promisable=whole,
            arrives_on=max(day for day in arrives if day).isoformat() if whole and None not in arrives else "",
            ready_at=timestamp(max(moment for moment in ready if moment)) if whole and None not in ready else None,
            parcels=len(leaves_from),
            revision=revision,
        )

    def _restricted_goods(self) -> Iterable[tuple[str, Goods]]:
        for sku in {ask.sku for ask in self._command.asks} if self._restricted else ():
            if sku in self._ledger.goods:
                yield sku, self._ledger.goods[sku]

    def _promised(self, number: int, ask: Ask) -> _Promised:
        parts = []
        for line in self._lines:
            if line.ask_no == number and line.live:
                site = self._ledger.topology.sites[line.location_id]
                standing = line.held + line.allocated
                parts.append((line, self._promise(line.sku_id, [(site, standing)], line.backordered, [site])))
                key = (line.sku_id, line.location_id)
                if line.backordered and key in self._waiting:  # who comes later waits for longer
                    self._waiting[key] += line.backordered
        return _Promised(ask, self._ledger.goods[ask.sku], parts)

    def _promise(self, sku_id: int, allocation: list[tuple[Site, int]], short: int, sites: Sequence[Site]) -> Promise:
        here = {site.location_id: site for site in sites}
        rows = [row for row in self._due if row.sku_id == sku_id and row.location_id in here] if short else []
        return promise(
            allocation,
            short,
            self._ledger.now,
            due=[Due(here[row.location_id], row.due_on, row.quantity) for row in rows if row.due_on is not None],
            waiting={row.location_id: self._waiting[sku_id, row.location_id] for row in rows},
            preorder_until=self._shown[sku_id].preorder_until,
            pickup=self._pickup,
        )

    def _message(self, line: _Promised) -> pb2.PromisedLine:
        sku_ids = {line.goods.sku_id, *(leaf.sku_id for leaf in line.goods.leaves)}
        today = self._ledger.now.date()
        day = self._promisable_from(line) if line.missing else today
        return pb2.PromisedLine(
            sku=line.ask.sku,
            requested=line.ask.quantity,
            promised=line.quantity,
            parts=[part_message(self._ledger, part, found) for part, found in line.parts],
            due_in=[due_in_message(self._ledger, row) for row in self._due if row.sku_id in sku_ids][:VIOLATIONS_MAX],
            promisable_from=max(day, today).isoformat() if day else "",
            alternatives=self._alternatives(line) if line.missing else (),
        )

    def _promisable_from(self, line: _Promised) -> date | None:
        """From when goods that are due make up for what is missing. None: not known."""
        ask, goods = line.ask, line.goods
        sites = self._sites_of(ask)
        apart = (
            goods.from_several_places
            if goods.leaves
            else (self._command.sourcing.split or any(part.backordered for part, _ in line.parts))
        )
        groups = [sites] if apart else [[site] for site in sites]
        days = [day for group in groups if (day := self._enough_from(line, group)) is not None]
        if not days or not self._restricted:
            return min(days, default=None)
        if goods.leaves:
            return None  # its view and its components' are too many to foresee
        raw = raw_for(self._seller.view(goods.sku_id), ask.quantity)
        seen_from = None if raw is None else self._covered(line, goods.sku_id, raw, self._seller.sites)
        return None if seen_from is None else max(min(days), seen_from)

    def _enough_from(self, line: _Promised, sites: Sequence[Site]) -> date | None:
        days = [self._covered(line, sku_id, line.ask.quantity * per, sites) for sku_id, per in _parts_of(line.goods)]
        known = [day for day in days if day is not None]
        return max(known) if len(known) == len(days) else None

    def _covered(self, line: _Promised, sku_id: int, wanted: int, sites: Sequence[Site]) -> date | None:
        """From when so many are at these places, with what the line has of them already."""
        here = {site.location_id for site in sites}
        has = sum(part.live for part, _ in line.parts if part.sku_id == sku_id and part.location_id in here)
        lacks = wanted - has - sum(self._seller.free(sku_id, location_id) for location_id in here)
        return self._promise(sku_id, [], lacks, sites).restock if lacks > 0 else self._ledger.now.date()

    def _sites_of(self, ask: Ask) -> Sequence[Site]:
        if ask.location:
            return [self._ledger.topology.by_code[ask.location]]
        return [site for stage in pickup.stages(self._ledger.topology, self._command) for site in stage]

    def _alternatives(self, line: _Promised) -> list[pb2.Alternative]:
        """Where else there is some, for this purpose or for another one, beside what the basket takes."""
        found: dict[str, pb2.Alternative] = {}
        for use in dict.fromkeys((self._seller.use, *_USES)):
            seller = Seller(self._ledger, self._command.channel_id, use)
            limit = self._limit(line, seller)
            for site in seller.sites if limit > 0 else ():
                free = min(
                    limit, *(seller.free(sku_id, site.location_id) // per for sku_id, per in _parts_of(line.goods))
                )
                if free > 0 and site.code != line.ask.location:
                    purpose: Any = use.value  # the numbers are the same
                    found.setdefault(site.code, pb2.Alternative(location=site.code, available=free, purpose=purpose))
        return sorted(found.values(), key=lambda other: (-other.available, other.location))[:VIOLATIONS_MAX]

    def _limit(self, line: _Promised, seller: Seller) -> int:
        """What the channel may take beside what the basket takes."""
        if not self._restricted:
            return OVERSELL_UNLIMITED
        if seller.use != self._seller.use:
            return seller.sellable(line.goods).stock
        numbers = {number for number, ask in enumerate(self._command.asks) if ask.sku == line.ask.sku}
        per = sum(leaf.quantity for leaf in line.goods.leaves) or 1
        taken = sum(part.held + part.allocated for part in self._lines if part.ask_no in numbers) // per
        return self._limits[line.ask.sku] - taken


def _decided(ledger: Ledger, command: Reserve) -> object:
    while True:
        try:
            return decide(ledger, command)[0]
        except NoLevel as missing:  # the engine would make it
            ledger.take_back()
            sku, location = missing.pair
            ledger.levels[ledger.goods[sku].sku_id, ledger.topology.by_code[location].location_id] = Level()


def _parts_of(goods: Goods) -> list[tuple[int, int]]:
    """sku_id and quantity of what one piece takes."""
    return [(leaf.sku_id, leaf.quantity) for leaf in goods.leaves] or [(goods.sku_id, 1)]
