"""What a reservation's lines are granted while it is made: each grant a line, and its movement."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from inventory.domain.ledger import Key, Ledger
from inventory.domain.limits import GRANTS_MAX
from inventory.domain.movement import MovementKind
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.reservation import Ask, Line, Reserve

Parts = tuple[tuple[int, int], ...]
"""What one piece takes: sku_id and quantity."""
NO_BUNDLE: Mapping[int, int] = MappingProxyType({})


class Wanted(NamedTuple):
    """A line of the request on its way, or the part of a bundle that may come from elsewhere than the others. `bundle`:
    what one bundle takes of each SKU; empty: no bundle."""

    number: int
    ask: Ask
    sku_id: int
    parts: Parts
    bundle: Mapping[int, int]
    oversell_limit: int | None
    parts_apart: bool = False


class Grants:
    """The lines of one reservation on its way, as they are granted."""

    def __init__(self, ledger: Ledger, command: Reserve) -> None:
        self.lines: list[Line] = []
        self._ledger = ledger
        self._command = command
        self._hold = command.ttl is not None
        self._kind = MovementKind.HOLD if self._hold else MovementKind.ALLOCATION

    def take(self, wanted: Wanted, key: Key, quantity: int, *, made: int = 0, lot_id: int = 0) -> None:
        """Promises so much of what stands at a place; `made` of it is there only now. Raises TOO_MANY_LINES."""
        held, allocated = (quantity, 0) if self._hold else (0, quantity)
        self._grant(wanted, key, quantity, made=made, held=held, allocated=allocated, lot_id=lot_id)
        if len(self.lines) > GRANTS_MAX:  # at once: it could become millions
            raise Refusal(
                Reason.TOO_MANY_LINES,
                f"the reservation would come to more than {GRANTS_MAX} lines",
                field="lines",
                metadata={"max": str(GRANTS_MAX)},
            )

    def put_off(self, wanted: Wanted, location_id: int, quantity: int) -> None:
        """Back-orders so much at a place."""
        self._grant(wanted, (wanted.sku_id, location_id), quantity, backordered=quantity)

    def note_missing(self, wanted: Wanted, location_id: int, missing: int) -> None:
        """In a reservation in part: what was asked for and not granted stays in the lines' `requested`."""
        for sku_id, per in wanted.parts:
            for index in reversed(range(len(self.lines))):
                line = self.lines[index]
                if line.ask_no == wanted.number and line.sku_id == sku_id:
                    self.lines[index] = line._replace(requested=line.requested + missing * per)
                    break
            else:
                if location_id:
                    self._ledger.place_at((sku_id, location_id))
                    self.lines.append(self._line(wanted, (sku_id, location_id), missing * per))

    def _grant(
        self,
        wanted: Wanted,
        key: Key,
        quantity: int,
        *,
        made: int = 0,
        held: int = 0,
        allocated: int = 0,
        backordered: int = 0,
        lot_id: int = 0,
    ) -> None:
        self._ledger.move(
            key,
            self._kind,
            self._command.channel_id,
            on_hand=made,
            held=held,
            allocated=allocated,
            backordered=backordered,
            reservation_id=self._command.reservation_id,
            reference=self._command.reference or None,
            lot_id=lot_id,
        )
        self.lines.append(self._line(wanted, key, quantity, held, allocated, backordered, lot_id))

    def _line(
        self,
        wanted: Wanted,
        key: Key,
        requested: int,
        held: int = 0,
        allocated: int = 0,
        backordered: int = 0,
        lot_id: int = 0,
    ) -> Line:
        bundle_sku_id, bundle_quantity = (wanted.sku_id, wanted.bundle[key[0]]) if wanted.bundle else (0, 0)
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
