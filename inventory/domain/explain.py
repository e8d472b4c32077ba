"""Why a channel may sell so much of a SKU: steps that add up to what `availability` says."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple
from uuid import UUID

from inventory.domain.adjustment import Disposition
from inventory.domain.availability import (
    NOTHING,
    Sellable,
    available_to_sell,
    backorder_room,
    bundle_available,
    bundles_at,
    of_the_endless,
    seen,
    short_lived,
)
from inventory.domain.goods import Goods, SkuKind
from inventory.domain.level import Level
from inventory.domain.lot import LotLevel
from inventory.domain.topology import OVERSELL_UNLIMITED, Topology, Use, View

CLAIMS_NAMED_MAX = 20
"""Held, and again allocated, that are named with whose they are; the others are one step."""


class StepKind(IntEnum):
    """What a step takes away or adds; the numbers are the API's."""

    ON_HAND = 1
    UNSELLABLE = 2
    HELD = 3
    ALLOCATED = 4
    WAITING = 5
    SHORT_LIVED = 6
    BUFFER = 7
    SHARE = 8
    CAP = 9
    BACKORDER = 10
    VIRTUAL = 11
    COMPONENTS = 12
    INACTIVE = 13
    SILENT = 14


class Step(NamedTuple):
    """`quantity` is added, or taken away when it is negative; `running` is the sum so far. No location: all of the
    channel's. `until` None: without end. `reservations`: how many stand behind a step that names none."""

    kind: StepKind
    quantity: int
    running: int = 0
    location: str = ""
    lot: str = ""
    disposition: Disposition | None = None
    reservation_id: UUID | None = None
    channel: str = ""
    owner: str = ""
    until: datetime | None = None
    reservations: int = 0
    reference: str = ""


class LotShelf(NamedTuple):
    """A lot at a place. `lasts`: long enough for the channel."""

    code: str
    level: LotLevel
    lasts: bool = True


class Shelf(NamedTuple):
    """A place that the channel sells the SKU from. `lots` None: they aren't told apart."""

    location: str
    level: Level
    lots: tuple[LotShelf, ...] | None = None

    @property
    def short_lived(self) -> int:
        if self.lots is None:
            return 0
        return short_lived(self.level, sum(max(lot.level.available, 0) for lot in self.lots if lot.lasts))


class Claim(NamedTuple):
    """What one reservation holds, or has allocated, of one lot at one place."""

    quantity: int
    location: str
    reservation_id: UUID
    channel: str
    owner: str = ""
    until: datetime | None = None
    reference: str = ""
    lot: str = ""


class Claims(NamedTuple):
    """`largest`: at least the CLAIMS_NAMED_MAX largest, in any order. `reservations`: how many there are in all."""

    largest: Sequence[Claim] = ()
    reservations: int = 0


NO_CLAIMS = Claims()


class DueIn(NamedTuple):
    """Goods that are due. `due_on` None: not known. `reference`: the purchase order, or the transfer's id."""

    location: str
    due_on: date | None
    quantity: int
    reference: str = ""


class WhyUnused(StrEnum):
    """Why a channel doesn't sell from a place; the values are the API's."""

    INACTIVE = "inactive"
    NOT_FOR_THIS_PURPOSE = "not for this purpose"
    NOT_THE_CHANNELS = "not the channel's"


class Unused(NamedTuple):
    """A place of the SKU that the channel doesn't sell from."""

    location: str
    available: int
    why: WhyUnused


class Component(NamedTuple):
    """`quantity`: what one bundle takes. `bundles`: what the channel may sell of it from the shelves is enough for so
    many, wherever it stands."""

    sku: str
    quantity: int
    sellable: Sellable
    bundles: int
    scarcest: bool


class Explanation(NamedTuple):
    """There is always a step. `in_transit`, `incoming`, `due` (soonest first) and `unused` aren't counted. A bundle has
    components, and nothing else has; several are the scarcest when they are equally scarce. `apart`: how many bundles
    more the components would make if those of one bundle could come from several places."""

    sellable: Sellable
    steps: tuple[Step, ...]
    in_transit: int = 0
    incoming: int = 0
    due: tuple[DueIn, ...] = ()
    unused: tuple[Unused, ...] = ()
    components: tuple[Component, ...] = ()
    apart: int = 0

    @property
    def available_to_sell(self) -> int:
        return self.steps[-1].running


def explain(
    goods: Goods,
    view: View,
    shelves: Sequence[Shelf],
    *,
    held: Claims = NO_CLAIMS,
    allocated: Claims = NO_CLAIMS,
    backordered_elsewhere: int = 0,
    due: Iterable[DueIn] = (),
    unused: tuple[Unused, ...] = (),
    silent: bool = False,
) -> Explanation:
    """Of a SKU that is no bundle, as `available_to_sell` of the same levels counts it. `shelves`: all places that the
    channel sells from, with EMPTY where the SKU has no level; a claim is at one of them. `silent`: the channel sells
    nothing for now, whatever its view."""
    levels = tuple(shelf.level for shelf in shelves)
    account = _Account()
    never_short = goods.kind == SkuKind.VIRTUAL
    if never_short:
        account.add(Step(StepKind.VIRTUAL, OVERSELL_UNLIMITED if levels else 0))
        if not silent:
            _look(account, of_the_endless(view))
    else:
        _stand(account, shelves)
        _claim(account, StepKind.HELD, sum(level.held for level in levels), held)
        _claim(account, StepKind.ALLOCATED, sum(level.allocated for level in levels), allocated)
        _keep(account, shelves)
        if not silent:
            _look(account, view)
            more = backorder_room(
                view, levels, oversell_limit=goods.oversell_limit, backordered_elsewhere=backordered_elsewhere
            )
            account.add(Step(StepKind.BACKORDER, min(more, OVERSELL_UNLIMITED - account.running)))
            _cut(account, view)
    sellable = available_to_sell(
        view,
        levels,
        oversell_limit=goods.oversell_limit,
        backordered_elsewhere=backordered_elsewhere,
        short_lived=sum(shelf.short_lived for shelf in shelves),
        never_short=never_short,
    )
    return Explanation(
        sellable if goods.active and not silent else NOTHING,
        account.closed(active=goods.active, silent=silent),
        sum(level.in_transit for level in levels),
        sum(level.incoming for level in levels),
        tuple(sorted(due, key=lambda row: (row.due_on or date.max, row.location, row.reference))),
        unused,
    )


def explain_bundle(
    goods: Goods,
    view: View,
    free: Mapping[int, Mapping[int, int]],
    sellable: Mapping[int, Sellable],
    locations: Mapping[int, str],
    *,
    silent: bool = False,
) -> Explanation:
    """Of a bundle. `view`: the bundle's own. `free`: as for `bundle_available`. `sellable`: sku_id → what the channel
    may sell of a component, NOTHING when that isn't active. `locations`: location_id → code of all places that the
    channel sells from, in its order. `silent`: as for `explain`."""
    leaves = [(leaf.sku_id, leaf.quantity) for leaf in goods.leaves]
    stock = {sku_id: sellable[sku_id].stock for sku_id, _ in leaves}
    account = _Account()
    if leaves and not goods.from_several_places:
        for location_id, location in locations.items():
            account.add(Step(StepKind.COMPONENTS, bundles_at(leaves, free, location_id), location=location))
    most = dict.fromkeys(stock, OVERSELL_UNLIMITED) if silent else stock
    whole = bundle_available(leaves, free, most, from_several_places=goods.from_several_places)
    account.add(Step(StepKind.COMPONENTS, whole - account.running))
    if not silent:
        _look(account, view)
    fewest = min((stock[sku_id] // quantity for sku_id, quantity in leaves), default=0)
    components = tuple(
        Component(leaf.sku, leaf.quantity, sellable[leaf.sku_id], bundles, bundles == fewest)
        for leaf in goods.leaves
        for bundles in (stock[leaf.sku_id] // leaf.quantity,)
    )
    anywhere = bundle_available(leaves, free, most, from_several_places=True)
    return Explanation(
        Sellable(seen(view, whole), 0) if goods.active and not silent else NOTHING,
        account.closed(active=goods.active, silent=silent),
        components=components,
        apart=anywhere - whole,
    )


def unused_places(topology: Topology, channel_id: int, use: Use, levels: Mapping[int, Level]) -> tuple[Unused, ...]:
    """The places among a SKU's levels, by location_id, that the channel doesn't sell from; most available first."""
    named = topology.channel(channel_id).location_ids
    found = []
    for location_id, level in levels.items():
        site = topology.sites[location_id]
        if not site.active:
            why = WhyUnused.INACTIVE
        elif use not in site.uses:
            why = WhyUnused.NOT_FOR_THIS_PURPOSE
        elif named and location_id not in named:
            why = WhyUnused.NOT_THE_CHANNELS
        else:
            continue
        found.append(Unused(site.code, level.available, why))
    return tuple(sorted(found, key=lambda row: (-row.available, row.location)))


class _Account:
    """Steps in order, each with the sum so far."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self.running = 0

    def add(self, step: Step) -> None:
        """Unless it changes nothing."""
        if step.quantity:
            self.running += step.quantity
            self._steps.append(step._replace(running=self.running))

    def closed(self, *, active: bool, silent: bool) -> tuple[Step, ...]:
        if silent:
            self.add(Step(StepKind.SILENT, -self.running))
        if not active:
            self.add(Step(StepKind.INACTIVE, -self.running))
        return tuple(self._steps) or (Step(StepKind.ON_HAND, 0),)


def _stand(account: _Account, shelves: Sequence[Shelf]) -> None:
    """What is on the shelves, less what is unsellable; by lot as far as the lots go."""
    for location, level, lots in shelves:
        rest = level.on_hand
        for lot in lots or ():
            account.add(Step(StepKind.ON_HAND, lot.level.on_hand, location=location, lot=lot.code))
            rest -= lot.level.on_hand
        account.add(Step(StepKind.ON_HAND, rest, location=location))
    for location, level, lots in shelves:
        for disposition in Disposition:
            away = Step(StepKind.UNSELLABLE, 0, location=location, disposition=disposition)
            rest = getattr(level, disposition)
            for lot in lots or ():
                part = getattr(lot.level, disposition)
                account.add(away._replace(quantity=-part, lot=lot.code))
                rest -= part
            account.add(away._replace(quantity=-rest))


def _claim(account: _Account, kind: StepKind, claimed: int, claims: Claims) -> None:
    """The largest with whose they are, and the others as one."""
    ordered = sorted(
        claims.largest, key=lambda claim: (-claim.quantity, claim.reservation_id, claim.location, claim.lot)
    )
    named = ordered[:CLAIMS_NAMED_MAX]
    for claim in named:
        account.add(
            Step(
                kind,
                -claim.quantity,
                location=claim.location,
                lot=claim.lot,
                reservation_id=claim.reservation_id,
                channel=claim.channel,
                owner=claim.owner,
                until=claim.until,
                reference=claim.reference,
            )
        )
    others = claims.reservations - len({claim.reservation_id for claim in named})
    rest = claimed - sum(claim.quantity for claim in named)
    account.add(Step(kind, -rest, reservations=max(others, 0)))


def _keep(account: _Account, shelves: Sequence[Shelf]) -> None:
    """What is available and may not be promised: others wait for it, or it doesn't last."""
    for shelf in shelves:
        kept = min(shelf.level.backordered, shelf.level.available)
        account.add(Step(StepKind.WAITING, -kept, location=shelf.location))
    for shelf in shelves:
        rest = shelf.short_lived
        for lot in shelf.lots or ():
            part = 0 if lot.lasts else min(max(lot.level.available, 0), rest)
            account.add(Step(StepKind.SHORT_LIVED, -part, location=shelf.location, lot=lot.code))
            rest -= part
        account.add(Step(StepKind.SHORT_LIVED, -rest, location=shelf.location))


def _look(account: _Account, view: View) -> None:
    """The channel's view, one setting after the other."""
    account.add(Step(StepKind.BUFFER, seen(View(buffer=view.buffer), account.running) - account.running))
    account.add(Step(StepKind.SHARE, seen(View(share_bp=view.share_bp), account.running) - account.running))
    _cut(account, view)


def _cut(account: _Account, view: View) -> None:
    most = OVERSELL_UNLIMITED if view.cap is None else view.cap
    account.add(Step(StepKind.CAP, min(most - account.running, 0)))
