"""What all sellers have in common: holding, extending, releasing and selling, and the counting of it."""

import math
import random
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as pb2
from inventory.v1 import stock_service_pb2 as stock
from inventory_client import InsufficientStock, Refused, Strategy
from inventory_client.sourcing import Degrees
from inventory_demo.asks import Parts, check_asks
from inventory_demo.caller import Caller
from inventory_demo.names import Names
from inventory_demo.sales import Sales

RETURNED_SHARE = 0.04
"""Of sales, of which one piece comes back."""
RESTORED_SHARE = 0.5

Line = tuple[str, str, int]
"""SKU, location, quantity; where the service is to choose the location, it is empty."""


class Sourcing(NamedTuple):
    """How the service is to choose locations; a line may come from several."""

    strategy: Strategy = Strategy.PRIORITY
    destination: Degrees | None = None


BY_LINE = Sourcing()
"""Each line names its own."""


@dataclass(slots=True)
class Promise:
    """What is held, and until when it is held at least, in this process's monotonic time."""

    reservation: core_pb2.Reservation
    safe_until: float

    @property
    def pieces(self) -> int:
        return sum(quantity for _, _, quantity in self.lines)

    @property
    def lines(self) -> list[Line]:
        """What is promised; each SKU and location once."""
        promised: Counter[tuple[str, str]] = Counter()
        for line in self.reservation.lines:
            promised[line.sku, line.location] += line.held + line.allocated
        return [(*key, quantity) for key, quantity in promised.items() if quantity]


class Desk:
    def __init__(
        self,
        caller: Caller,
        sales: Sales,
        names: Names,
        bundles: Mapping[str, Parts],
        never_returned: Collection[str] = (),
    ) -> None:
        """`bundles`: by SKU, what each is made of. `never_returned`: SKUs."""
        self._caller = caller
        self._sales = sales
        self._bundles = bundles
        self._never_returned = never_returned
        self.names = names

    async def hold(
        self,
        lines: Iterable[Line],
        ttl_s: int | None,
        chance: random.Random,
        *,
        owner: str = "",
        partly: bool = False,
        replace: bool = False,
        sourcing: Sourcing = BY_LINE,
    ) -> Promise | None:
        """None when there is not enough, or with `partly` nothing at all. `ttl_s` None: allocated at once."""
        listed = list(lines)
        policy = pb2.FILL_POLICY_AS_MUCH_AS_POSSIBLE if partly else pb2.FILL_POLICY_ALL_OR_NOTHING
        asked = time.monotonic()
        answer = await self._caller.ask(
            "Reserve",
            lambda client, request_id: client.reserve(
                listed,
                ttl=None if ttl_s is None else timedelta(seconds=ttl_s),
                fill_policy=policy,
                owner=owner,
                replace_owner_holds=replace,
                strategy=sourcing.strategy,
                destination=sourcing.destination,
                split=sourcing is not BY_LINE,
                request_id=request_id,
            ),
            chance,
        )
        if isinstance(answer, Refused):
            self._sales.refusals[answer.reason] += 1
            if isinstance(answer, InsufficientStock):
                self._sales.short_skus.update(shortage.sku for shortage in answer.shortages)
            else:
                self._sales.findings.note("unexpected refusal", f"Reserve: {answer}")
            return None
        self._sales.reservations.add(answer.reservation.reservation_id)
        wanted = [(sku, quantity) for sku, _, quantity in listed]
        check_asks(answer.reservation, wanted, self._bundles, self._sales.asks_wrong, partly=partly)
        self._sales.asks += len(listed)
        return Promise(answer.reservation, math.inf if ttl_s is None else asked + ttl_s)

    async def extend(self, promise: Promise, ttl_s: int, chance: random.Random) -> bool:
        """False when it had run out."""
        reservation_id = promise.reservation.reservation_id
        ttl = timedelta(seconds=ttl_s)
        asked = time.monotonic()
        answer = await self._caller.ask(
            "Extend",
            lambda client, request_id: client.extend(reservation_id, ttl, request_id=request_id),
            chance,
        )
        if self._lost(promise, answer):
            return False
        promise.safe_until = asked + ttl_s
        return True

    async def release(self, promise: Promise, reason: str, chance: random.Random) -> bool:
        """False when it had run out."""
        reservation_id = promise.reservation.reservation_id
        answer = await self._caller.ask(
            "Release",
            lambda client, request_id: client.release(reservation_id, reason=reason, request_id=request_id),
            chance,
        )
        return not self._lost(promise, answer)

    async def sell(self, promise: Promise, reference: str, chance: random.Random) -> int:
        """Commits what is held, and fulfils all. The pieces that left; 0 when it had run out."""
        reservation_id = promise.reservation.reservation_id
        if promise.reservation.state == core_pb2.RESERVATION_STATE_HELD:
            committed = await self._caller.ask(
                "Commit",
                lambda client, request_id: client.commit(reservation_id, reference=reference, request_id=request_id),
                chance,
            )
            if self._lost(promise, committed):
                return 0
        answer = await self._caller.ask(
            "Fulfil",
            lambda client, request_id: client.fulfil(reservation_id, request_id=request_id),
            chance,
        )
        if isinstance(answer, Refused):
            self._lost(promise, answer)
            return 0
        pieces = 0
        for line in answer.reservation.lines:
            if line.fulfilled:
                self._sales.fulfilled[line.sku, line.location] += line.fulfilled
                pieces += line.fulfilled
        if pieces != promise.pieces:
            self._sales.findings.note("fulfilled other than held", f"{reservation_id}: {pieces} of {promise.pieces}")
        self._sales.bundles += _bundles(answer.reservation)
        left = [line for line in answer.reservation.lines if line.fulfilled and line.sku not in self._never_returned]
        if left and chance.random() < RETURNED_SHARE:
            await self._take_back(chance.choice(left), reference, chance)
        return pieces

    async def _take_back(self, line: core_pb2.ReservationLine, reference: str, chance: random.Random) -> None:
        """One piece comes back and is looked at; some are found good."""
        came = stock.ReceiptLine(sku=line.sku, quantity=1, lot=line.lot)
        key = (line.sku, line.location)
        answer = await self._caller.ask(
            "ReceiveStock",
            lambda client, request_id: client.receive_stock(
                line.location,
                [came],
                kind=stock.RECEIPT_KIND_RETURN,
                reason="brought back",
                reference=reference,
                request_id=request_id,
            ),
            chance,
        )
        if isinstance(answer, Refused):
            self._sales.findings.note("unexpected refusal", f"ReceiveStock: {answer}")
            return
        self._sales.returned[key] += 1
        if chance.random() >= RESTORED_SHARE:
            return
        looked_at = await self._caller.ask(
            "ReclassifyStock",
            lambda client, request_id: client.reclassify_stock(
                line.sku,
                line.location,
                1,
                "found good",
                from_disposition=core_pb2.DISPOSITION_QUALITY_CONTROL,
                lot=line.lot,
                reference=reference,
                request_id=request_id,
            ),
            chance,
        )
        if isinstance(looked_at, Refused):
            self._sales.findings.note("unexpected refusal", f"ReclassifyStock: {looked_at}")
            return
        self._sales.restored[key] += 1

    def _lost(self, promise: Promise, answer: object) -> bool:
        """Whether the hold had run out; before its time it may not."""
        if not isinstance(answer, Refused):
            return False
        self._sales.refusals[answer.reason] += 1
        reservation_id = promise.reservation.reservation_id
        if answer.reason != "RESERVATION_EXPIRED":
            self._sales.findings.note("unexpected refusal", str(answer))
        elif time.monotonic() < promise.safe_until:
            self._sales.findings.note("hold ran out before its time", reservation_id)
        return True


def _bundles(reservation: core_pb2.Reservation) -> int:
    """How many left, whole."""
    parts: Counter[tuple[int, str]] = Counter()
    for line in reservation.lines:
        if line.bundle:
            parts[line.ask, line.sku] += line.fulfilled
    quantities = {line.ask: (line.sku, line.bundle_quantity) for line in reservation.lines if line.bundle}
    return sum(parts[ask, sku] // each for ask, (sku, each) in quantities.items())
