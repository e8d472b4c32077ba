"""The working state of one batch: what was locked, and what the commands made of it so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from inventory.domain.level import EMPTY, Level, Place
from inventory.domain.movement import Movement, MovementKind
from inventory.domain.refusal import Refusal

if TYPE_CHECKING:
    from inventory.domain.reservation import Reservation

Key = tuple[int, int]
"""sku_id and location_id."""


class Ledger:
    """Holds the locked levels and reservations, changes them by movements, and can take a command's changes back.

    Everything a batch will write stands here in the end: `levels` in `touched_levels`, `movements`, `reservations`
    in `touched_reservations`.
    """

    def __init__(self, now: datetime) -> None:
        """`now` is the database's clock, read when the last lock was had."""
        self.now = now
        self.places: dict[tuple[str, str], Place] = {}
        self.unknown: dict[tuple[str, str], Callable[[], Refusal]] = {}
        self.codes: dict[Key, Place] = {}
        self.levels: dict[Key, Level] = {}
        self.reservations: dict[UUID, Reservation] = {}
        self.movements: list[Movement] = []
        self.touched_levels: dict[Key, int] = {}
        self.touched_reservations: dict[UUID, None] = {}
        self.held_by_owner: dict[tuple[int, str], list[UUID]] = {}
        self.step = 0
        self._ordinal = 0
        self._levels_before: list[tuple[Key, Level, int | None]] = []
        self._reservations_before: list[tuple[UUID, Reservation | None, bool]] = []
        self._movements_before = 0

    def put(self, place: Place, level: Level | None) -> None:
        """Takes in a locked level, or a place without one, where nothing ever moved."""
        key = (place.sku_id, place.location_id)
        self.places[(place.sku, place.location)] = place
        self.codes[key] = place
        if level is not None:
            self.levels[key] = level

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
        self._ordinal = 0
        self._levels_before.clear()
        self._reservations_before.clear()
        self._movements_before = len(self.movements)

    @property
    def moved(self) -> bool:
        """Whether the present command has changed anything."""
        return len(self.movements) > self._movements_before

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
        del self.movements[self._movements_before :]
        self.step -= 1

    def place(self, sku: str, location: str) -> Place:
        """Raises SKU_NOT_FOUND, LOCATION_NOT_FOUND."""
        place = self.places.get((sku, location))
        if place is None:
            refusal = self.unknown[(sku, location)]
            raise refusal()
        return place

    def level(self, place: Place) -> Level:
        return self.levels.get((place.sku_id, place.location_id), EMPTY)

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
        reservation_id: UUID | None = None,
        reason: str | None = None,
        reference: str | None = None,
    ) -> Level:
        """Adds to a locked level's quantities and writes the movement. Returns the level after it."""
        before = self.levels[key]
        after = Level(
            before[0] + on_hand,
            before[1] + held,
            before[2] + allocated,
            before[3] + quality_control,
            before[4] + damaged,
            before[5] + quarantined,
            before[6],
            before[7],
            before[8],
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
                after[0],
                after[1],
                after[2],
                after[3],
                after[4],
                after[5],
                channel_id,
                reservation_id,
                reason,
                reference,
            )
        )
        self._ordinal += 1
        return after

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


class Committed(NamedTuple):
    """What a batch has written: the commands' movements in order, each with its `step`; a command's revision is `base`
    and its step. Codes and categories of the levels are those of revision `seen`."""

    base: int
    steps: int
    seen: int
    recorded_at: datetime
    movements: Sequence[Movement]
    places: Mapping[Key, Place]

    @property
    def head(self) -> int:
        """The last revision."""
        return self.base + self.steps
