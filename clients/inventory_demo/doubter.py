"""Stock levels rebuilt from the stream of changes alone, doubting every event."""

from collections import Counter
from dataclasses import dataclass, field

from inventory.v1 import core_pb2, watch_service_pb2
from inventory_client import Bookmark, Changes, Cursor, Event
from inventory_demo.findings import Findings
from inventory_demo.lots import LotBook
from inventory_demo.quantities import NOTHING, Key, Quantities, available, quantities


@dataclass(slots=True)
class Doubter:
    """Starts after `revision`, when no location whose code begins with `prefix` had any stock.

    The stream must be unfiltered and of all kinds: then every revision has to appear.
    """

    revision: int
    prefix: str = ""
    levels: dict[Key, Quantities] = field(default_factory=dict)
    oversold: dict[Key, int] = field(default_factory=dict)
    """How far below zero `available` ever was, per key."""
    reservations: set[str] = field(default_factory=set)
    kinds: Counter[int] = field(default_factory=Counter)
    changes: int = 0
    movements: int = 0
    held: int = 0
    allocated: int = 0
    epoch: str = ""
    lots: LotBook = field(default_factory=LotBook)
    findings: Findings = field(default_factory=Findings)

    def take(self, event: Event) -> None:
        match event:
            case Changes(changes=changes, cursor=cursor):
                for change in changes:
                    self._change(change)
                self._mark(cursor)
            case Bookmark(cursor=cursor):
                self._mark(cursor)
            case _:  # it follows from now on, and was never away for long
                self.findings.note("the stream began anew", type(event).__name__)

    def _change(self, change: watch_service_pb2.Change) -> None:
        if change.revision <= self.revision:
            self.findings.note("revision repeated", f"{change.revision} after {self.revision}")
            return
        if change.revision > self.revision + 1:
            self.findings.note("revision missing", f"{change.revision} after {self.revision}")
        self.revision = change.revision
        self.changes += 1
        for position, movement in enumerate(change.movements):
            if movement.ordinal != position or movement.revision != change.revision:
                place = f"{movement.revision}.{movement.ordinal} at {change.revision}.{position}"
                self.findings.note("ledger row out of its place", place)
            if movement.location.startswith(self.prefix):
                self._move(movement)

    def _mark(self, cursor: Cursor) -> None:
        if self.epoch and cursor.epoch != self.epoch:
            self.findings.note("epoch changed", cursor.epoch)
        self.epoch = cursor.epoch
        if cursor.revision != self.revision:
            self.findings.note("bookmark without its changes", f"{cursor.revision} after {self.revision}")

    def _move(self, movement: core_pb2.Movement) -> None:
        self.movements += 1
        self.kinds[movement.kind] += 1
        if movement.reservation_id:
            self.reservations.add(movement.reservation_id)
        if movement.lot:
            self.lots.take(movement)
        key = (movement.sku, movement.location)
        before = self.levels.get(key, NOTHING)
        delta, after = quantities(movement.delta), quantities(movement.after)
        self.held += after[1] - before[1]
        self.allocated += after[2] - before[2]
        self.levels[key] = after
        if any(now != was + change for now, was, change in zip(after, before, delta, strict=True)):
            self.findings.note("balance is not the one before plus the change", _say(movement, before))
        left = available(after)
        if left != movement.after.available:
            self.findings.note("available is not what the quantities say", _say(movement, before))
        if min(after) < 0:
            self.findings.note("quantity below zero", _say(movement, before))
        if left < 0:
            self.oversold[key] = max(self.oversold.get(key, 0), -left)


def _say(movement: core_pb2.Movement, before: Quantities) -> str:
    place = f"{movement.sku} at {movement.location}, {movement.revision}.{movement.ordinal}"
    return f"{place}: {before} + {quantities(movement.delta)} = {quantities(movement.after)}"
