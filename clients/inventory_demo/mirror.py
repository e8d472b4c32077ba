"""Stock levels rebuilt from the stream of changes alone, doubting every message."""

from collections import Counter
from dataclasses import dataclass, field

from inventory.v1 import core_pb2, watch_service_pb2
from inventory_demo.findings import Findings

Key = tuple[str, str]
"""SKU and location."""
Quantities = tuple[int, int, int, int, int, int]
"""on_hand, held, allocated, quality_control, damaged, quarantined."""

NOTHING: Quantities = (0, 0, 0, 0, 0, 0)


def quantities(message: core_pb2.Quantities) -> Quantities:
    return (
        message.on_hand,
        message.held,
        message.allocated,
        message.quality_control,
        message.damaged,
        message.quarantined,
    )


def available(of: Quantities) -> int:
    return of[0] - of[1] - of[2] - of[3] - of[4] - of[5]


@dataclass(slots=True)
class Mirror:
    """Starts after `revision`, when no location whose code begins with `prefix` had any stock.

    The stream must be unfiltered and with the catalogue's changes: then every revision has to appear.
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
    findings: Findings = field(default_factory=Findings)

    def take(self, message: watch_service_pb2.WatchResponse) -> None:
        for change in message.changes:
            if change.revision <= self.revision:
                self.findings.note("revision repeated", f"{change.revision} after {self.revision}")
                continue
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
        if message.HasField("bookmark"):
            self._mark(message.bookmark)

    def _mark(self, bookmark: core_pb2.Cursor) -> None:
        if self.epoch and bookmark.epoch != self.epoch:
            self.findings.note("epoch changed", bookmark.epoch)
        self.epoch = bookmark.epoch
        if bookmark.revision != self.revision:
            self.findings.note("bookmark without its changes", f"{bookmark.revision} after {self.revision}")

    def _move(self, movement: core_pb2.Movement) -> None:
        self.movements += 1
        self.kinds[movement.kind] += 1
        if movement.reservation_id:
            self.reservations.add(movement.reservation_id)
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
