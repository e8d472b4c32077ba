"""The working state of one batch: what was locked, and what the commands made of it so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from inventory.domain.access import Access
from inventory.domain.due import Due
from inventory.domain.goods import Goods
from inventory.domain.level import EMPTY, Level, Place
from inventory.domain.lot import Lot, LotLevel
from inventory.domain.movement import Movement, MovementKind
from inventory.domain.refusal import Refusal, location_not_found, sku_not_found
from inventory.domain.reservation import Reservation
from inventory.domain.serial import Pieces
from inventory.domain.topology import NOWHERE, Topology, View

if TYPE_CHECKING:
    from inventory.domain.held import Held
    from inventory.domain.stock_count import Counting
    from inventory.domain.transfer import Transfer

Key = tuple[int, int]
"""sku_id and location_id."""


class NoLevel(Exception):
    """A level that must change was never made: make it, and decide again."""

    def __init__(self, sku: str, location: str) -> None:
        super().__init__(f"no level of {sku!r} at {location!r}")
        self.pair = (sku, location)


class Ledger:
    """Holds the locked levels and reservations, changes them by movements, and can take a command's changes back.

    Everything a batch will write stands here in the end: `levels` in `touched_levels`, `movements`, `reservations`
    in `touched_reservations`.
    """

    def __init__(self, now: datetime, topology: Topology = NOWHERE) -> None:
        """`now` is the database's clock, read when the last lock was had."""
        self.now = now
        self.topology = topology
        self.goods: dict[str, Goods] = {}
        self.goods_by_id: dict[int, Goods] = {}
        self.views: dict[tuple[int, int], View] = {}
        self.lots: dict[int, Lot] = {}
        self.lot_levels: dict[Key, dict[int, LotLevel]] = {}
        self.bundles: dict[int, str] = {}
        self.lot_codes: dict[int, str] = {}
        self.named_lots: dict[tuple[str, str], int] = {}
        self.transfers: dict[UUID, Transfer] = {}
        self.touched_transfers: dict[UUID, None] = {}
        self.settled_lots: dict[int, None] = {}
        self.due = Due()
        self.touched_lots: dict[tuple[Key, int], None] = {}
        self.pieces = Pieces()
        self.places: dict[tuple[str, str], Place] = {}
        self.unknown: dict[tuple[str, str], Callable[[], Refusal]] = {}
        self.codes: dict[Key, Place] = {}
        self.levels: dict[Key, Level] = {}
        self.candidates: dict[Key, tuple[int | None, ...]] = {}
        """Locked levels that are only possible sources: their fields, made a `Level` when one is looked at."""
        self.reservations: dict[UUID, Reservation] = {}
        self.movements: list[Movement] = []
        self.touched_levels: dict[Key, int] = {}
        self.touched_reservations: dict[UUID, None] = {}
        self.held_by_owner: dict[tuple[int, str], list[UUID]] = {}
        self.step = 0
        self.counting: Counting | None = None
        """None: no command is about a stock count."""
        self.within: Access | None = None
        """What the present command's caller is limited to; None: to nothing."""
        self.held: Held | None = None
        """None: no command's channel may hold only so much."""
        self.noted = False
        """Whether the present command has changed a document: it is kept also when no quantity changed."""
        self._ordinal = 0
        self._levels_before: list[tuple[Key, Level, int | None]] = []
        self._reservations_before: list[tuple[UUID, Reservation | None, bool]] = []
        self._undo: list[Callable[[], object]] = []
        self._locations: dict[int, list[int]] | None = None
        self._movements_before = 0

    def put(self, place: Place, level: Level | None) -> None:
        """Takes in a locked level, or a place without one, where nothing ever moved."""
        key = (place.sku_id, place.location_id)
        self.places[(place.sku, place.location)] = place
        self.codes[key] = place
        if level is not None:
            self.levels[key] = level

    def put_goods(self, goods: Goods) -> None:
        """Takes in what a SKU is, for bundles and for lines that name no place."""
        self.goods[goods.sku] = goods
        self.goods_by_id[goods.sku_id] = goods
        if goods.leaves:
            self.bundles[goods.sku_id] = goods.sku

    def put_lot(self, key: Key, lot: Lot, level: LotLevel) -> None:
        """Takes in what of a locked level is of one lot."""
        self.lots[lot.lot_id] = lot
        self.lot_codes[lot.lot_id] = lot.code
        self.lot_levels.setdefault(key, {})[lot.lot_id] = level

    def put_named_lot(self, sku: str, lot: Lot) -> None:
        """Takes in a lot that a command names, whether or not anything of it stands anywhere."""
        self.named_lots[(sku, lot.code)] = lot.lot_id
        self.lots[lot.lot_id] = lot
        self.lot_codes[lot.lot_id] = lot.code

    def put_reservations(self, reservations: Iterable[Reservation]) -> None:
        """Takes in reservations whose levels are all locked."""
        for reservation in reservations:
            self.reservations[reservation.reservation_id] = reservation
            if reservation.owner:
                owner = (reservation.channel_id, reservation.owner)
                self.held_by_owner.setdefault(owner, []).append(reservation.reservation_id)

    def begin(self) -> None:
        """Starts a command; `take_back` returns to here."""
        self.step += 1
        self.noted = False
        self._ordinal = 0
        self._levels_before.clear()
        self._reservations_before.clear()
        self._undo.clear()
        self._movements_before = len(self.movements)

    @property
    def moved(self) -> bool:
        """Whether the present command has changed anything."""
        return len(self.movements) > self._movements_before

    @property
    def movements_before(self) -> int:
        """How many movements there were when the present command began."""
        return self._movements_before

    def free_step(self) -> None:
        """The present command changed no quantity: its step is free for the next one, and what it noted stays."""
        self.step -= 1

    def take_back(self) -> None:
        """Undoes the present command; its step is free for the next one."""
        for key, level, step in reversed(self._levels_before):
            self.levels[key] = level
            if step is None:
                del self.touched_levels[key]
            else:
                self.touched_levels[key] = step
        for reservation_id, reservation, touched in reversed(self._reservations_before):
            if reservation is None:
                new = self.reservations.pop(reservation_id)
                if new.owner:
                    self.held_by_owner[(new.channel_id, new.owner)].remove(reservation_id)
            else:
                self.reservations[reservation_id] = reservation
            if not touched:
                del self.touched_reservations[reservation_id]
        for undo in reversed(self._undo):
            undo()
        del self.movements[self._movements_before :]
        self.step -= 1

    def on_take_back(self, undo: Callable[[], object]) -> None:
        """What else the present command changes is changed back by this."""
        self._undo.append(undo)

    def place_at(self, key: Key) -> Place:
        """A level's place by its numbers."""
        place = self.codes.get(key)
        if place is None:  # locked only as a possible source
            goods, site = self.goods_by_id[key[0]], self.topology.sites[key[1]]
            place = self.codes[key] = Place(
                *key,
                goods.sku,
                site.code,
                goods.active,
                site.active,
                goods.category,
                goods.kind,
                goods.tracking,
                goods.oversell_limit,
            )
        return place

    def locations_of(self, sku_id: int) -> list[int]:
        """Where levels of a SKU are locked."""
        if self._locations is None:
            self._locations = {}
            for sku, location in (*self.levels, *self.candidates):
                self._locations.setdefault(sku, []).append(location)
        return self._locations.get(sku_id, [])

    def limit(self, within: Access) -> None:
        """From now on what the caller isn't allowed does not exist: it can't be named, nor sold."""
        self.within, self.topology = within, self.topology.limited(within.location_ids)

    @contextmanager
    def limited(self, within: Access) -> Iterator[None]:
        """As `limit`, for the length of the block."""
        topology = self.topology
        self.limit(within)
        try:
            yield
        finally:
            self.within, self.topology = None, topology

    def find(self, sku: str) -> Goods | None:
        """What a SKU is. None: there is no such SKU."""
        goods = self.goods.get(sku)
        if goods is not None and self.within is not None and not self.within.covers_category(goods.category):
            return None
        return goods

    def sku(self, sku: str) -> Goods:
        """Of a line that names no place. Raises SKU_NOT_FOUND."""
        goods = self.find(sku)
        if goods is None:
            raise sku_not_found(sku)
        return goods

    def place(self, sku: str, location: str) -> Place:
        """Raises SKU_NOT_FOUND, LOCATION_NOT_FOUND."""
        place = self.places.get((sku, location))
        if place is None:
            refusal = self.unknown[(sku, location)]
            raise refusal()
        if self.within is not None:
            if not self.within.covers_category(place.category):
                raise sku_not_found(sku)
            if not self.within.covers_location(place.location_id):
                raise location_not_found(location)
        return place

    def level(self, place: Place) -> Level:
        return self.level_at((place.sku_id, place.location_id))

    def level_at(self, key: Key) -> Level:
        """`EMPTY` where nothing ever moved."""
        level = self.levels.get(key)
        if level is None:
            fields = self.candidates.pop(key, None)
            if fields is None:
                return EMPTY
            level = self.levels[key] = Level._make(fields)
        return level

    def move(
        self,
        key: Key,
        kind: MovementKind,
        channel_id: int,
        *,
        on_hand: int = 0,
        held: int = 0,
        allocated: int = 0,
        quality_control: int = 0,
        damaged: int = 0,
        quarantined: int = 0,
        backordered: int = 0,
        in_transit: int = 0,
        incoming: int = 0,
        reservation_id: UUID | None = None,
        reason: str | None = None,
        reference: str | None = None,
        lot_id: int = 0,
    ) -> Level:
        """Adds to a locked level's quantities, and to those of the lot, and writes the movement. Returns the level
        after it. Raises `NoLevel`."""
        before = self.levels.get(key)
        if before is None or key not in self.codes:
            place = self.place_at(key)
            before = self.level_at(key)
            if before is EMPTY:
                raise NoLevel(place.sku, place.location)
        if lot_id:
            self._move_lot(key, lot_id, (on_hand, held, allocated, quality_control, damaged, quarantined))
        after = Level(
            before[0] + on_hand,
            before[1] + held,
            before[2] + allocated,
            before[3] + quality_control,
            before[4] + damaged,
            before[5] + quarantined,
            before[6] + backordered,
            before[7] + in_transit,
            before[8] + incoming,
            before[9],
            before[10],
            before[11],
        )
        self._levels_before.append((key, before, self.touched_levels.get(key)))
        self.levels[key] = after
        self.touched_levels[key] = self.step
        self.movements.append(
            Movement(
                self.step,
                self._ordinal,
                key[0],
                key[1],
                kind,
                on_hand,
                held,
                allocated,
                quality_control,
                damaged,
                quarantined,
                backordered,
                in_transit,
                incoming,
                after[0],
                after[1],
                after[2],
                after[3],
                after[4],
                after[5],
                after[6],
                after[7],
                after[8],
                channel_id,
                reservation_id,
                reason,
                reference,
                lot_id or None,
            )
        )
        self._ordinal += 1
        return after

    def _move_lot(self, key: Key, lot_id: int, deltas: tuple[int, ...]) -> None:
        levels = self.lot_levels.setdefault(key, {})
        before = levels.get(lot_id)
        touched = (key, lot_id) in self.touched_lots
        levels[lot_id] = LotLevel(*(has + delta for has, delta in zip(before or LotLevel(), deltas, strict=True)))
        self.touched_lots[(key, lot_id)] = None

        def undo() -> None:
            if before is None:
                del levels[lot_id]
            else:
                levels[lot_id] = before
            if not touched:
                del self.touched_lots[(key, lot_id)]

        self._undo.append(undo)

    def settle_lot(self, lot: Lot) -> None:
        """The last day of a lot that is received for the first time is known."""
        before = self.lots[lot.lot_id]
        self.lots[lot.lot_id] = lot
        self.settled_lots[lot.lot_id] = None

        def undo() -> None:
            self.lots[lot.lot_id] = before
            del self.settled_lots[lot.lot_id]

        self._undo.append(undo)

    def set_thresholds(
        self, key: Key, safety_stock: int | None, reorder_point: int | None, backorder_limit: int | None
    ) -> None:
        """Replaces a locked level's thresholds; the movement that tells of it is the caller's."""
        before = self.levels[key]
        self._levels_before.append((key, before, self.touched_levels.get(key)))
        self.levels[key] = before._replace(
            safety_stock=safety_stock, reorder_point=reorder_point, backorder_limit=backorder_limit
        )
        self.touched_levels[key] = self.step

    def save(self, reservation: Reservation) -> None:
        """Replaces or adds a reservation."""
        reservation_id = reservation.reservation_id
        before = self.reservations.get(reservation_id)
        touched = reservation_id in self.touched_reservations
        self._reservations_before.append((reservation_id, before, touched))
        self.reservations[reservation_id] = reservation
        self.touched_reservations[reservation_id] = None
        if before is None and reservation.owner:
            owner = (reservation.channel_id, reservation.owner)
            self.held_by_owner.setdefault(owner, []).append(reservation_id)
