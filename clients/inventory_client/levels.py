"""Levels in little memory: one array of numbers, and one index per location."""

from array import array
from collections.abc import Iterator
from typing import NamedTuple

from inventory.v1 import core_pb2

COLUMNS = 7
_REVISION = 6


class Level(NamedTuple):
    """The stock of one SKU at one location, in the SKU's smallest unit, as of `revision`."""

    on_hand: int
    held: int
    allocated: int
    quality_control: int
    damaged: int
    quarantined: int
    available: int
    revision: int


class Levels:
    """One writer; any number of readers in any thread: a row is read and written by one step of the interpreter."""

    def __init__(self) -> None:
        self._cells: array[int] = array("q")
        self._rows: dict[str, dict[str, int]] = {}
        self._codes: dict[str, str] = {}
        """Each SKU's code once, whatever the number of locations."""
        self._free: list[int] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """(sku, location) of every level; of one look, whatever is written meanwhile."""
        for location, rows in list(self._rows.items()):
            for sku in list(rows):
                yield sku, location

    def available(self, sku: str, location: str) -> int:
        """0 where there is no level."""
        cells = self._read(sku, location)
        if cells is None:
            return 0
        on_hand, held, allocated, quality_control, damaged, quarantined, _ = cells
        return on_hand - held - allocated - quality_control - damaged - quarantined

    def get(self, sku: str, location: str) -> Level | None:
        cells = self._read(sku, location)
        if cells is None:
            return None
        on_hand, held, allocated, quality_control, damaged, quarantined, revision = cells
        available = on_hand - held - allocated - quality_control - damaged - quarantined
        return Level(on_hand, held, allocated, quality_control, damaged, quarantined, available, revision)

    def of_sku(self, sku: str) -> dict[str, Level]:
        """By location."""
        found = ((location, self.get(sku, location)) for location in list(self._rows))
        return {location: level for location, level in found if level is not None}

    def put(self, sku: str, location: str, after: core_pb2.Quantities, revision: int) -> bool:
        """Whether it was taken: what is older than the level it has is not."""
        row = self._row(sku, location)
        cells = array(
            "q",
            (
                after.on_hand,
                after.held,
                after.allocated,
                after.quality_control,
                after.damaged,
                after.quarantined,
                revision,
            ),
        )
        if row is not None:
            if self._cells[row + _REVISION] > revision:
                return False
            self._cells[row : row + COLUMNS] = cells
            return True
        if self._free:
            row = self._free.pop()
            self._cells[row : row + COLUMNS] = cells
        else:
            row = len(self._cells)
            self._cells.extend(cells)
        rows = self._rows.get(location)
        if rows is None:
            rows = self._rows[location] = {}
        rows[self._codes.setdefault(sku, sku)] = row
        self._count += 1
        return True

    def drop(self, sku: str) -> dict[str, Level]:
        """Forgets a SKU. Returns what it had, by location."""
        dropped = self.of_sku(sku)
        for location in dropped:
            self._free.append(self._rows[location].pop(sku))
        self._codes.pop(sku, None)
        self._count -= len(dropped)
        return dropped

    def _row(self, sku: str, location: str) -> int | None:
        rows = self._rows.get(location)
        return None if rows is None else rows.get(sku)

    def _read(self, sku: str, location: str) -> "array[int] | None":
        row = self._row(sku, location)
        while row is not None:
            cells = self._cells[row : row + COLUMNS]
            found, row = row, self._row(sku, location)
            if found == row:  # else it was dropped meanwhile, and the row may be another's
                return cells
        return None
