"""How much of a SKU a channel holds: counted while a batch is decided, for channels that may hold only so much."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from inventory.domain.access import Access
from inventory.domain.refusal import held_limit
from inventory.domain.reservation import Reservation

if TYPE_CHECKING:
    from inventory.domain.ledger import Ledger

Holder = tuple[int, int]
"""channel_id and sku_id."""


class Held:
    """What channels hold, and have back-ordered with their holds, over all places. What the batch's own reservations
    hold is counted again whenever a movement says that it has changed."""

    def __init__(self, ledger: "Ledger", elsewhere: Mapping[Holder, int]) -> None:
        """`elsewhere`: what is held by reservations that are not in the ledger, of everything that may be asked for."""
        self._ledger = ledger
        self._elsewhere = elsewhere
        self._here: Counter[Holder] = Counter()
        self._by_reservation: dict[UUID, Mapping[Holder, int]] = {}
        self._seen = 0
        self._count(ledger.reservations)

    def of(self, holder: Holder) -> int:
        """After everything that the ledger has been told."""
        ledger = self._ledger
        fresh = {movement.reservation_id for movement in ledger.movements[self._seen :]}
        changed = {reservation_id for reservation_id in fresh if reservation_id is not None}
        if changed:
            self._count(changed)
            began = ledger.movements_before

            def undo() -> None:
                self._seen = min(self._seen, began)
                self._count(changed)

            ledger.on_take_back(undo)
        self._seen = len(ledger.movements)
        return self._elsewhere.get(holder, 0) + self._here[holder]

    def _count(self, reservation_ids: Iterable[UUID]) -> None:
        for reservation_id in reservation_ids:
            self._here.subtract(self._by_reservation.pop(reservation_id, {}))
            reservation = self._ledger.reservations.get(reservation_id)
            if reservation is not None:
                holds = self._by_reservation[reservation_id] = holds_of(reservation)
                self._here.update(holds)


def holds_of(reservation: Reservation) -> Counter[Holder]:
    """What a reservation holds. Once nothing of it runs out any more it is promised for good, and held no longer."""
    found: Counter[Holder] = Counter()
    if reservation.is_held:
        for line in reservation.lines:
            found[(reservation.channel_id, line.sku_id)] += line.held + line.backordered
    return found


def check_held(ledger: "Ledger", within: Access, reservation: Reservation) -> None:
    """Of a new reservation, which the ledger has. A bundle counts as what it is made of. Raises HELD_LIMIT."""
    most = within.held_per_sku_max
    if most is None or ledger.held is None:
        return
    for holder, requested in holds_of(reservation).items():
        total = ledger.held.of(holder)
        if total > most:
            sku = next(ledger.place_at(line[:2]).sku for line in reservation.lines if line.sku_id == holder[1])
            raise held_limit(sku, most, total - requested, requested)
