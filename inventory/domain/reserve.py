"""Making a promise: bundles taken apart, places chosen, stock taken or back-ordered; decided on what is locked."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from inventory.domain import availability, pickup
from inventory.domain.calendar import local_date
from inventory.domain.goods import Goods, SkuKind, Tracking
from inventory.domain.ledger import Key, Ledger
from inventory.domain.level import Place
from inventory.domain.lot import usable
from inventory.domain.movement import MovementKind
from inventory.domain.refusal import Reason, Refusal, Shortage, insufficient, location_not_found, sku_retired
from inventory.domain.reservation import (
    Ask,
    Line,
    Pickup,
    Reservation,
    ReservationState,
    Reserve,
    give_back_holds,
)
from inventory.domain.sourcing import Want, source
from inventory.domain.topology import NO_VIEW, OVERSELL_UNLIMITED, Channel, Site, Use, View

Parts = tuple[tuple[int, int], ...]
"""What one piece takes: sku_id and quantity."""


def reserve(ledger: Ledger, command: Reserve) -> Reservation:
    """Raises SKU_NOT_FOUND, SKU_RETIRED, LOCATION_NOT_FOUND, LOCATION_RETIRED, LOCATION_NOT_SELLING,
    INSUFFICIENT_STOCK."""
    if command.replace_owner_holds:
        for reservation_id in tuple(ledger.held_by_owner.get((command.channel_id, command.owner), ())):
            earlier = ledger.reservations[reservation_id]
            if earlier.state == ReservationState.HELD:
                give_back_holds(ledger, earlier, MovementKind.RELEASE, "replaced by its owner")
    promise = _Promise(ledger, command)
    for number, ask in enumerate(command.asks):
        if ask.location:
            promise.take_from(number, ask)
    if promise.spread:
        promise.choose()
    return promise.made()


class _Wanted(NamedTuple):
    """A line of the request on its way."""

    number: int
    ask: Ask
    sku_id: int
    parts: Parts
    bundle: bool
    oversell_limit: int | None
    splits: bool = False


class _Promise:
    """One command's promise while it is being made, on the ledger: a refusal takes all of it back."""

    def __init__(self, ledger: Ledger, command: Reserve) -> None:
        self._ledger = ledger
        self._command = command
        self._channel: Channel = ledger.topology.channel(command.channel_id)
        self._use = command.purpose or self._channel.use
        self._hold = command.ttl is not None
        self._kind = MovementKind.HOLD if self._hold else MovementKind.ALLOCATION
        self._lines: list[Line] = []
        self._shortages: list[Shortage] = []
        self._short_of: list[tuple[_Wanted, int, int]] = []
        self._limits: dict[int, int] = {}
        self.spread = any(not ask.location for ask in command.asks)
        self._viewed: tuple[Site, ...] = ()
        if self._channel.restricted:
            self._viewed = pickup.viewed(ledger.topology, command)
        self._pickup_location_id = None if command.pickup is None else self._pickup_site(command.pickup).location_id

    def take_from(self, number: int, ask: Ask) -> None:
        """From the place that the line names."""
        place = self._place(ask)
        wanted = self._wanted(number, ask, place)
        location_id = place.location_id
        if wanted.bundle:
            can = min(self.free(sku_id, location_id) // per for sku_id, per in wanted.parts)
        else:
            can = self.free(place.sku_id, location_id)
        if self._channel.restricted:
            can = min(can, self._limit(wanted))
        granted = min(ask.quantity, can)
        if granted > 0:
            self._take(wanted, location_id, granted)
        if granted < ask.quantity:
            self._lack(wanted, location_id, max(granted, 0))

    def choose(self) -> None:
        """For the lines that name no place, all at once, from one stage of places after the other."""
        stages = pickup.stages(self._ledger.topology, self._command)
        sourcing = self._command.sourcing
        wanteds = [self._unplaced(number, ask) for number, ask in enumerate(self._command.asks) if not ask.location]
        limits = [self._limit(wanted) if self._channel.restricted else OVERSELL_UNLIMITED for wanted in wanteds]
        granted = [0] * len(wanteds)
        for sites in stages:
            turns = [turn for turn, wanted in enumerate(wanteds) if granted[turn] < wanted.ask.quantity]
            wants = [
                Want(
                    wanteds[turn].ask.quantity - granted[turn],
                    wanteds[turn].parts,
                    sourcing.split or wanteds[turn].splits,
                    limits[turn] - granted[turn],
                )
                for turn in turns
            ]
            choices = source(wants, sites, self.free, sourcing, self._expires) if wants else []
            for turn, chosen in zip(turns, choices, strict=True):
                for location_id, quantity in chosen:
                    self._take(wanteds[turn], location_id, quantity)
                    granted[turn] += quantity
        for wanted, has in zip(wanteds, granted, strict=True):
            if has < wanted.ask.quantity:
                self._lack(wanted, self._where_to_wait(wanted, stages[0]), has)

    def made(self) -> Reservation:
        """The reservation, saved. Raises INSUFFICIENT_STOCK."""
        command, ledger = self._command, self._ledger
        if self._shortages and not (command.partial and any(line.live for line in self._lines)):
            raise insufficient(self._shortages)
        for wanted, location_id, missing in self._short_of:
            self._note_missing(wanted, location_id, missing)
        self._lines.sort(key=lambda line: line.ask_no)
        reservation = Reservation(
            command.reservation_id,
            command.channel_id,
            command.owner,
            command.reference,
            ReservationState.HELD if self._hold else ReservationState.ALLOCATED,
            None if command.ttl is None else ledger.now + command.ttl,
            ledger.now,
            tuple(self._lines),
            self._use,
            self._pickup_location_id,
        )
        if command.pickup is not None:
            reservation = pickup.arranged(ledger, reservation)
        ledger.save(reservation)
        return reservation

    def free(self, sku_id: int, location_id: int) -> int:
        """What may be promised of a SKU at a place."""
        key = (sku_id, location_id)
        level = self._ledger.level_at(key)
        place = self._ledger.codes.get(key) or self._ledger.goods_by_id.get(sku_id)
        if place is None:
            return 0
        if place.kind == SkuKind.VIRTUAL:
            return OVERSELL_UNLIMITED
        free = max(level.free, 0)
        if free and place.tracking == Tracking.LOTS:
            return min(free, sum(available for _, available in usable(self._ledger, key, self._last_day(location_id))))
        return free

    def _expires(self, sku_id: int, location_id: int) -> date | None:
        for lot, _ in usable(self._ledger, (sku_id, location_id), self._last_day(location_id)):
            return lot.expires_on
        return None

    def _last_day(self, location_id: int) -> date:
        """Until when a lot must last that is promised now."""
        site = self._ledger.topology.sites[location_id]
        return local_date(site, self._ledger.now) + timedelta(days=self._channel.min_life_days)

    def _place(self, ask: Ask) -> Place:
        place = self._ledger.place(ask.sku, ask.location)
        if not place.sku_active:
            raise sku_retired(ask.sku)
        check_selling(self._channel, self._use, self._ledger.topology.sites[place.location_id])
        return place

    def _pickup_site(self, wanted: Pickup) -> Site:
        site = self._ledger.topology.by_code.get(wanted.location)
        if site is None:
            raise location_not_found(wanted.location)
        check_selling(self._channel, self._use, site)
        return site

    def _unplaced(self, number: int, ask: Ask) -> _Wanted:
        goods = self._ledger.sku(ask.sku)
        if not goods.active:
            raise sku_retired(ask.sku)
        wanted = self._wanted(number, ask, goods)
        return wanted._replace(splits=wanted.bundle and goods.from_several_places)

    def _wanted(self, number: int, ask: Ask, what: Place | Goods) -> _Wanted:
        if what.kind != SkuKind.BUNDLE:
            return _Wanted(number, ask, what.sku_id, ((what.sku_id, 1),), False, what.oversell_limit)
        goods = self._ledger.sku(ask.sku)
        for leaf in goods.leaves:
            if not self._ledger.goods_by_id[leaf.sku_id].active:
                raise sku_retired(leaf.sku)
        parts = tuple((leaf.sku_id, leaf.quantity) for leaf in goods.leaves)
        return _Wanted(number, ask, what.sku_id, parts, True, 0)

    def _view(self, sku_id: int) -> View:
        own = self._ledger.views.get((self._command.channel_id, sku_id))
        return self._channel.view if own is None else own.over(self._channel.view)

    def _limit(self, wanted: _Wanted) -> int:
        """What the channel may sell of it at most, over all its places."""
        if not wanted.bundle:
            return self._sellable(wanted.sku_id)
        raw = sum(
            min(self.free(sku_id, site.location_id) // per for sku_id, per in wanted.parts) for site in self._viewed
        )
        raw = min(raw, *(self._sellable(sku_id) // per for sku_id, per in wanted.parts))
        own = self._ledger.views.get((self._command.channel_id, wanted.sku_id), NO_VIEW)
        return availability.seen(own, raw)

    def _sellable(self, sku_id: int) -> int:
        """As it was before this command took of it."""
        if sku_id not in self._limits:
            raw = sum(self.free(sku_id, site.location_id) for site in self._viewed)
            self._limits[sku_id] = availability.seen(self._view(sku_id), raw)
        return self._limits[sku_id]

    def _take(self, wanted: _Wanted, location_id: int, quantity: int) -> None:
        for sku_id, per in wanted.parts:
            key = (sku_id, location_id)
            amount = quantity * per
            if sku_id in self._limits:
                self._limits[sku_id] -= amount
            place = self._ledger.place_at(key)
            if place.tracking != Tracking.LOTS:
                made = amount if place.kind == SkuKind.VIRTUAL else 0
                self._move(wanted, key, per, amount, made=made)
                continue
            for lot, available in usable(self._ledger, key, self._last_day(location_id)):
                part = min(available, amount)
                if part:
                    self._move(wanted, key, per, part, lot_id=lot.lot_id)
                    amount -= part

    def _move(self, wanted: _Wanted, key: Key, per: int, amount: int, *, made: int = 0, lot_id: int = 0) -> None:
        held, allocated = (amount, 0) if self._hold else (0, amount)
        self._ledger.move(
            key,
            self._kind,
            self._command.channel_id,
            on_hand=made,
            held=held,
            allocated=allocated,
            reservation_id=self._command.reservation_id,
            reference=self._command.reference or None,
            lot_id=lot_id,
        )
        self._lines.append(self._line(wanted, key, per, amount, held, allocated, lot_id=lot_id))

    def _line(
        self,
        wanted: _Wanted,
        key: Key,
        per: int,
        requested: int,
        held: int = 0,
        allocated: int = 0,
        *,
        backordered: int = 0,
        lot_id: int = 0,
    ) -> Line:
        bundle_sku_id, bundle_quantity = (wanted.sku_id, per) if wanted.bundle else (0, 0)
        return Line(
            *key,
            requested,
            held,
            allocated,
            backordered,
            0,
            0,
            wanted.number,
            lot_id,
            bundle_sku_id,
            bundle_quantity,
            -self._ledger.step,
        )

    def _where_to_wait(self, wanted: _Wanted, sites: Sequence[Site]) -> int:
        """The place that owes what isn't there: the channel's first with room for a back-order, else its first."""
        for site in sites:
            if self._room(wanted, site.location_id) > 0:
                return site.location_id
        return sites[0].location_id if sites else 0

    def _room(self, wanted: _Wanted, location_id: int) -> int:
        if self._command.stock_only or wanted.bundle:
            return 0
        sku_id = wanted.sku_id
        elsewhere = sum(
            self._ledger.level_at((sku_id, other)).backordered
            for other in self._ledger.locations_of(sku_id)
            if other != location_id
        )
        level = self._ledger.level_at((sku_id, location_id))
        return availability.room(self._view(sku_id), wanted.oversell_limit, level, elsewhere)

    def _lack(self, wanted: _Wanted, location_id: int, granted: int) -> None:
        """What isn't on the shelf is back-ordered as far as that is allowed; else the line is short."""
        missing = wanted.ask.quantity - granted
        room = min(self._room(wanted, location_id), missing) if location_id else 0
        if room > 0 and (room == missing or self._command.partial):
            key = (wanted.sku_id, location_id)
            self._ledger.place_at(key)
            self._ledger.move(
                key,
                self._kind,
                self._command.channel_id,
                backordered=room,
                reservation_id=self._command.reservation_id,
                reference=self._command.reference or None,
            )
            self._lines.append(self._line(wanted, key, 1, room, backordered=room))
            missing -= room
        if missing:
            ask = wanted.ask
            self._shortages.append(Shortage(ask.sku, ask.location, ask.quantity, granted + max(room, 0)))
            self._short_of.append((wanted, location_id, missing))

    def _note_missing(self, wanted: _Wanted, location_id: int, missing: int) -> None:
        """In a reservation in part: what was asked for and not granted stays in the lines' `requested`."""
        for sku_id, per in wanted.parts:
            for index in reversed(range(len(self._lines))):
                line = self._lines[index]
                if line.ask_no == wanted.number and line.sku_id == sku_id:
                    self._lines[index] = line._replace(requested=line.requested + missing * per)
                    break
            else:
                if location_id:
                    self._ledger.place_at((sku_id, location_id))
                    self._lines.append(self._line(wanted, (sku_id, location_id), per, missing * per))


def check_selling(channel: Channel, use: Use, site: Site) -> None:
    """Raises LOCATION_RETIRED, LOCATION_NOT_SELLING."""
    if not site.active:
        raise Refusal(
            Reason.LOCATION_RETIRED,
            f"location {site.code!r} is no longer active",
            metadata={"location": site.code},
        )
    if use not in site.uses or (channel.location_ids and site.location_id not in channel.location_ids):
        raise Refusal(
            Reason.LOCATION_NOT_SELLING,
            f"the channel doesn't sell from location {site.code!r} for {use.name}",
            metadata={"location": site.code, "purpose": str(use.name)},
        )
