"""Making a promise: bundles taken apart, places chosen, stock taken or back-ordered; decided on what is locked."""

from collections.abc import Sequence

from inventory.domain import availability, pickup
from inventory.domain.goods import Goods, SkuKind, Tracking
from inventory.domain.grant import NO_BUNDLE, Grants, Wanted
from inventory.domain.held import check_held
from inventory.domain.ledger import Ledger
from inventory.domain.level import Place
from inventory.domain.limits import SEEN_MAX
from inventory.domain.lot import usable
from inventory.domain.movement import MovementKind
from inventory.domain.refusal import (
    Shortage,
    insufficient,
    location_not_found,
    sku_retired,
    too_many_sources,
)
from inventory.domain.reservation import Ask, Line, Pickup, Reservation, ReservationState, Reserve
from inventory.domain.reservation_life import give_back_holds
from inventory.domain.selling import Seller, check_selling
from inventory.domain.serial import not_tracked, promise, standing
from inventory.domain.sourcing import Want, source
from inventory.domain.topology import OVERSELL_UNLIMITED, Site, Use

_COUNTED = (SkuKind.GOODS, SkuKind.VIRTUAL_LIMITED)


def reserve(ledger: Ledger, command: Reserve) -> Reservation:
    """Raises SKU_NOT_FOUND, SKU_RETIRED, LOCATION_NOT_FOUND, LOCATION_RETIRED, LOCATION_NOT_SELLING,
    SERIALS_REQUIRED, SERIAL_NOT_FOUND, SERIAL_TAKEN, INSUFFICIENT_STOCK, HELD_LIMIT, TOO_MANY_LINES."""
    if command.replace_owner_holds:
        for reservation_id in tuple(ledger.held_by_owner.get((command.channel_id, command.owner), ())):
            earlier = ledger.reservations[reservation_id]
            if earlier.is_held:
                give_back_holds(ledger, earlier, MovementKind.RELEASE, "replaced by its owner")
    if not ledger.topology.restricts(command.channel_id):
        lines = _taken_plainly(ledger, command)
        if lines is not None:
            return _saved(ledger, command, lines, command.purpose or ledger.topology.channel(command.channel_id).use)
    pickup.check_sources(ledger.topology, command)
    promise = _Promise(ledger, command)
    for number, ask in enumerate(command.asks):
        if ask.location:
            promise.take_from(number, ask)
    if promise.spread:
        promise.choose()
    return promise.made()


def _taken_plainly(ledger: Ledger, command: Reserve) -> list[Line] | None:
    """The lines of what is asked for most often: goods that stand where the line says. None, and nothing taken: it
    isn't as simple as that."""
    if ledger.within is not None:
        return None
    topology = ledger.topology
    channel = topology.channel(command.channel_id)
    use = command.purpose or channel.use
    keys = []
    for ask in command.asks:
        place = ledger.places.get((ask.sku, ask.location))
        if place is None or not (place.sku_active and place.location_active):
            return None
        key = (place.sku_id, place.location_id)
        level = ledger.levels.get(key)
        if (
            level is None
            or ask.serials
            or place.kind not in _COUNTED
            or place.tracking != Tracking.NONE
            or level.free < ask.quantity
            or use not in topology.sites[place.location_id].uses
            or (channel.location_ids and place.location_id not in channel.location_ids)
        ):
            return None
        keys.append(key)
    hold = command.ttl is not None
    kind = MovementKind.HOLD if hold else MovementKind.ALLOCATION
    lines = []
    for number, (key, ask) in enumerate(zip(keys, command.asks, strict=True)):
        quantity = ask.quantity
        held, allocated = (quantity, 0) if hold else (0, quantity)
        lines.append(Line(*key, quantity, held, allocated, 0, 0, 0, number, 0, 0, 0, -ledger.step))
        ledger.move(
            key,
            kind,
            command.channel_id,
            held=held,
            allocated=allocated,
            reservation_id=command.reservation_id,
            reference=command.reference or None,
        )
    return lines


def _saved(
    ledger: Ledger, command: Reserve, lines: Sequence[Line], use: Use, pickup_location_id: int | None = None
) -> Reservation:
    hold = command.ttl is not None
    reservation = Reservation(
        command.reservation_id,
        command.channel_id,
        command.owner,
        command.reference,
        ReservationState.HELD if hold else ReservationState.ALLOCATED,
        None if command.ttl is None else ledger.now + command.ttl,
        ledger.now,
        tuple(lines),
        use,
        pickup_location_id,
    )
    if pickup_location_id is not None:
        reservation = pickup.arranged(ledger, reservation)
    ledger.save(reservation)
    if ledger.within is not None:
        check_held(ledger, ledger.within, reservation)
    return reservation


class _Promise:
    """One command's promise while it is being made, on the ledger: a refusal takes all of it back."""

    def __init__(self, ledger: Ledger, command: Reserve) -> None:
        self._ledger = ledger
        self._command = command
        self._seller = Seller(ledger, command.channel_id, command.purpose)
        self._pickup_location_id = None
        if command.pickup is not None:
            self._pickup_location_id = self._pickup_site(command.pickup).location_id
            self._seller.sites = pickup.viewed(ledger.topology, command)
        self._channel = self._seller.channel
        self._use = self._seller.use
        self._grants = Grants(ledger, command)
        self._shortages: list[Shortage] = []
        self._short_of: list[tuple[Wanted, int, int]] = []
        self._limits: dict[int, int] = {}
        self._totals: dict[int, int] = {}
        self._torn = False
        self.spread = any(not ask.location for ask in command.asks)

    def take_from(self, number: int, ask: Ask) -> None:
        """From the place that the line names."""
        place = self._place(ask)
        wanted = self._wanted(number, ask, place)
        location_id = place.location_id
        if ask.serials:
            if place.tracking != Tracking.SERIALS:
                raise not_tracked(ask.sku, ask.serials)
            standing(self._ledger, place, ask.serials, None)
        if wanted.bundle:
            can = min(self._seller.free(sku_id, location_id) // per for sku_id, per in wanted.parts)
        else:
            can = self._seller.free(place.sku_id, location_id)
        if self._channel.restricted:
            can = min(can, self._limit(wanted))
        granted = min(ask.quantity, can)
        if ask.serials and granted < ask.quantity:
            granted = 0  # these very pieces, or none
        if granted > 0:
            self._take(wanted, location_id, granted)
        if granted < ask.quantity:
            self._lack(wanted, (location_id,), max(granted, 0))

    def choose(self) -> None:
        """For the lines that name no place, all at once, from one stage of places after the other."""
        stages = pickup.stages(self._ledger.topology, self._command)
        wanteds = [self._unplaced(number, ask) for number, ask in enumerate(self._command.asks) if not ask.location]
        looked_at = sum(len(wanted.parts) for wanted in wanteds) * sum(len(sites) for sites in stages)
        if looked_at > SEEN_MAX:
            raise too_many_sources(looked_at, SEEN_MAX, "lines")
        limits = [self._limit(wanted) if self._channel.restricted else OVERSELL_UNLIMITED for wanted in wanteds]
        left = [wanted.ask.quantity for wanted in wanteds]
        for sites in stages:
            for turn, granted in self._choose_from(sites, wanteds, left, limits):
                left[turn] -= granted
                limits[turn] -= granted
        for wanted, missing in zip(wanteds, left, strict=True):
            if missing and not self._torn:
                self._lack(wanted, [site.location_id for site in stages[0]], wanted.ask.quantity - missing)

    def _choose_from(
        self, sites: Sequence[Site], wanteds: Sequence[Wanted], left: Sequence[int], limits: Sequence[int]
    ) -> list[tuple[int, int]]:
        """Takes what there is; which lines, by their place among them, got how much."""
        got: list[tuple[int, int]] = []
        wants: list[Want] = []
        takers: list[tuple[int, Wanted]] = []
        for turn, wanted in enumerate(wanteds):
            if wanted.parts_apart and left[turn]:
                bundles = min(left[turn], limits[turn], self._in_parts(wanted, sites))
                if bundles > 0:
                    got.append((turn, bundles))
                    wants += [
                        Want(bundles * per, ((sku_id, 1),), True, OVERSELL_UNLIMITED) for sku_id, per in wanted.parts
                    ]
                    takers += [(turn, wanted._replace(parts=((sku_id, 1),))) for sku_id, _ in wanted.parts]
            elif left[turn]:
                wants.append(Want(left[turn], wanted.parts, self._command.sourcing.split, limits[turn]))
                takers.append((turn, wanted))
        choices = source(wants, sites, self._seller.free, self._command.sourcing, self._seller.expires)
        for want, (turn, wanted), chosen in zip(wants, takers, choices, strict=True):
            granted = 0
            for location_id, quantity in chosen:
                self._take(wanted, location_id, quantity)
                granted += quantity
            if not wanted.parts_apart:
                got.append((turn, granted))
            elif granted < want.quantity:
                self._torn = True  # a bundle's parts were there each for itself, and not all at once
                self._shortages.append(Shortage(wanted.ask.sku, "", wanted.ask.quantity, 0))
        return got

    def _in_parts(self, whole: Wanted, sites: Sequence[Site]) -> int:
        """How many bundles there are whose components may come from several places."""
        return min(
            sum(self._seller.free(sku_id, site.location_id) for site in sites) // per for sku_id, per in whole.parts
        )

    def made(self) -> Reservation:
        """The reservation, saved. Raises INSUFFICIENT_STOCK."""
        command, ledger = self._command, self._ledger
        lines = self._grants.lines
        partial = command.partial and not self._torn and any(line.live for line in lines)
        if self._shortages and not partial:
            raise insufficient(self._shortages)
        for wanted, location_id, missing in self._short_of:
            self._grants.note_missing(wanted, location_id, missing)
        lines.sort(key=lambda line: line.ask_no)
        reservation = _saved(ledger, command, lines, self._use, self._pickup_location_id)
        for line_no, line in enumerate(lines):
            pieces = command.asks[line.ask_no].serials
            if pieces and line.live:
                promise(ledger, ledger.place_at(line[:2]), pieces, reservation, line_no)
        return reservation

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
        check_selling(self._seller.channel, self._seller.use, site)
        return site

    def _unplaced(self, number: int, ask: Ask) -> Wanted:
        goods = self._ledger.sku(ask.sku)
        if not goods.active:
            raise sku_retired(ask.sku)
        wanted = self._wanted(number, ask, goods)
        return wanted._replace(parts_apart=bool(wanted.bundle) and goods.from_several_places)

    def _wanted(self, number: int, ask: Ask, what: Place | Goods) -> Wanted:
        if what.kind != SkuKind.BUNDLE:
            return Wanted(number, ask, what.sku_id, ((what.sku_id, 1),), NO_BUNDLE, what.oversell_limit)
        goods = self._ledger.sku(ask.sku)
        for leaf in goods.leaves:
            if not self._ledger.goods_by_id[leaf.sku_id].active:
                raise sku_retired(leaf.sku)
        parts = tuple((leaf.sku_id, leaf.quantity) for leaf in goods.leaves)
        return Wanted(number, ask, what.sku_id, parts, dict(parts), 0)

    def _limit(self, wanted: Wanted) -> int:
        """What the channel may sell of it from the shelves, over all its places: as it was before this command, less
        what it took since; of a bundle, as it is now."""
        goods = self._ledger.goods_by_id[wanted.sku_id]
        if wanted.bundle:
            return self._seller.sellable(goods).stock
        if goods.sku_id not in self._limits:
            found = self._seller.sellable(goods)
            self._limits[goods.sku_id], self._totals[goods.sku_id] = found.stock, found.total
        return self._limits[goods.sku_id]

    def _take(self, wanted: Wanted, location_id: int, quantity: int) -> None:
        for sku_id, per in wanted.parts:
            key = (sku_id, location_id)
            amount = quantity * per
            if sku_id in self._limits:
                self._limits[sku_id] -= amount
                self._totals[sku_id] -= amount
            place = self._ledger.place_at(key)
            if place.tracking != Tracking.LOTS:
                made = amount if place.kind == SkuKind.VIRTUAL else 0
                self._grants.take(wanted, key, amount, made=made)
                continue
            for lot, available in usable(self._ledger, key, self._seller.last_day(location_id)):
                part = min(available, amount)
                if part:
                    self._grants.take(wanted, key, part, lot_id=lot.lot_id)
                    amount -= part

    def _room(self, wanted: Wanted, location_id: int, waiting: int) -> int:
        """`waiting`: what is back-ordered of the SKU at all places together."""
        sku_id = wanted.sku_id
        level = self._ledger.level_at((sku_id, location_id))
        elsewhere = waiting - level.backordered
        room = availability.room(self._seller.view(sku_id), wanted.oversell_limit, level, elsewhere)
        if room and self._channel.restricted:
            self._limit(wanted)
            room = min(room, max(self._totals[sku_id], 0))
        return room

    def _lack(self, wanted: Wanted, location_ids: Sequence[int], granted: int) -> None:
        """What isn't on the shelf is back-ordered as far as that is allowed; what is left makes the line short."""
        missing = wanted.ask.quantity - granted
        if not (self._command.stock_only or wanted.bundle or wanted.ask.serials):
            missing = self._put_off(wanted, location_ids, missing)
        if missing:
            ask = wanted.ask
            self._shortages.append(Shortage(ask.sku, ask.location, ask.quantity, ask.quantity - missing))
            self._short_of.append((wanted, location_ids[0] if location_ids else 0, missing))

    def _put_off(self, wanted: Wanted, location_ids: Sequence[int], missing: int) -> int:
        """Back-orders at the first of these places that has room for all of it, else at one after the other. Returns
        what there is no room for."""
        waiting = self._seller.backordered(wanted.sku_id, ())
        roomy = []
        for location_id in location_ids:
            room = self._room(wanted, location_id, waiting)
            if room >= missing:
                self._wait(wanted, location_id, missing)
                return 0
            if room > 0:
                roomy.append(location_id)
        for location_id in roomy:
            room = min(self._room(wanted, location_id, waiting), missing)
            if room > 0:
                self._wait(wanted, location_id, room)
                missing -= room
                waiting += room
        return missing

    def _wait(self, wanted: Wanted, location_id: int, quantity: int) -> None:
        self._grants.put_off(wanted, location_id, quantity)
        if wanted.sku_id in self._totals:
            self._totals[wanted.sku_id] -= quantity
