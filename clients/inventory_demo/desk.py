"""What a till and the web shop have in common: holding, extending, releasing and selling, and the counting of it."""

import random
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as pb2
from inventory_demo.caller import Caller, Refusal, Response
from inventory_demo.names import Names
from inventory_demo.sales import Sales

Line = tuple[str, str, int]
"""SKU, location, quantity."""


@dataclass(slots=True)
class Promise:
    """What is held, and until when it is held at least, in this process's monotonic time."""

    reservation: core_pb2.Reservation
    safe_until: float

    @property
    def pieces(self) -> int:
        return sum(line.held for line in self.reservation.lines)

    @property
    def held(self) -> list[Line]:
        return [(line.sku, line.location, line.held) for line in self.reservation.lines if line.held]


class Desk:
    def __init__(self, caller: Caller, sales: Sales, names: Names) -> None:
        self._caller = caller
        self._sales = sales
        self.names = names

    async def hold(
        self,
        lines: Iterable[Line],
        ttl_s: int,
        chance: random.Random,
        *,
        owner: str = "",
        partly: bool = False,
        replace: bool = False,
    ) -> Promise | None:
        """None when there is not enough, or with `partly` nothing at all."""
        request = pb2.ReserveRequest(
            request_id=str(uuid.uuid4()),
            lines=[
                core_pb2.LineQuantity(sku=sku, location=location, quantity=quantity)
                for sku, location, quantity in lines
            ],
            fill_policy=pb2.FILL_POLICY_AS_MUCH_AS_POSSIBLE if partly else pb2.FILL_POLICY_UNSPECIFIED,
            owner=owner,
            replace_owner_holds=replace,
        )
        request.hold_ttl.seconds = ttl_s
        asked = time.monotonic()
        answer = await self._caller.ask(request, chance)
        if isinstance(answer, Refusal):
            self._sales.refusals[answer.reason] += 1
            self._sales.short_skus.update(answer.skus)
            if answer.reason != "INSUFFICIENT_STOCK":
                self._sales.findings.note("unexpected refusal", f"Reserve: {answer.reason} {answer.message}")
            return None
        self._sales.reservations.add(answer.reservation.reservation_id)
        return Promise(answer.reservation, asked + ttl_s)

    async def extend(self, promise: Promise, ttl_s: int, chance: random.Random) -> bool:
        """False when it had run out."""
        request = pb2.ExtendRequest(request_id=str(uuid.uuid4()), reservation_id=promise.reservation.reservation_id)
        request.ttl.seconds = ttl_s
        asked = time.monotonic()
        if self._lost(promise, await self._caller.ask(request, chance)):
            return False
        promise.safe_until = asked + ttl_s
        return True

    async def release(self, promise: Promise, reason: str, chance: random.Random) -> bool:
        """False when it had run out."""
        request = pb2.ReleaseRequest(
            request_id=str(uuid.uuid4()),
            reservation_id=promise.reservation.reservation_id,
            reason=reason,
        )
        return not self._lost(promise, await self._caller.ask(request, chance))

    async def sell(self, promise: Promise, reference: str, chance: random.Random) -> int:
        """Commits and fulfils all that is held. The pieces that left; 0 when it had run out."""
        reservation_id = promise.reservation.reservation_id
        commit = pb2.CommitRequest(request_id=str(uuid.uuid4()), reservation_id=reservation_id, reference=reference)
        if self._lost(promise, await self._caller.ask(commit, chance)):
            return 0
        fulfil = pb2.FulfilRequest(request_id=str(uuid.uuid4()), reservation_id=reservation_id)
        answer = await self._caller.ask(fulfil, chance)
        if isinstance(answer, Refusal):
            self._lost(promise, answer)
            return 0
        pieces = 0
        for line in answer.reservation.lines:
            if line.fulfilled:
                self._sales.fulfilled[line.sku, line.location] += line.fulfilled
                pieces += line.fulfilled
        if pieces != promise.pieces:
            self._sales.findings.note("fulfilled other than held", f"{reservation_id}: {pieces} of {promise.pieces}")
        return pieces

    def _lost(self, promise: Promise, answer: Response | Refusal) -> bool:
        """Whether the hold had run out; before its time it may not."""
        if not isinstance(answer, Refusal):
            return False
        self._sales.refusals[answer.reason] += 1
        reservation_id = promise.reservation.reservation_id
        if answer.reason != "RESERVATION_EXPIRED":
            self._sales.findings.note("unexpected refusal", f"{answer.reason} {answer.message}")
        elif time.monotonic() < promise.safe_until:
            self._sales.findings.note("hold ran out before its time", reservation_id)
        return True
