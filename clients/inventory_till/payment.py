"""A payment: reserve → commit → fulfil, each sent until it is answered, and written down before it is sent."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from inventory_client import (
    InsufficientStock,
    InventoryClient,
    InventoryError,
    Overloaded,
    ReservationExpired,
    Unavailable,
    line,
)
from inventory_till.journal import Intent, Journal, Step

TRY_S = 2.0
TRY_AGAIN_S = 0.5

Answer = TypeVar("Answer")
log = logging.getLogger(__name__)


class Declined(Exception):
    """Nothing was sold; the text says why, for the cashier."""


@dataclass(frozen=True, slots=True)
class Receipt:
    reference: str
    revision: int


class Payments:
    """Whatever happens to the line, the server or the till, each step of an intent takes effect at most once: what may
    have happened is sent again with its request_id, and a step begins only when the one before is answered.
    """

    def __init__(
        self, client: InventoryClient, journal: Journal, hold_ttl: timedelta, changed: Callable[[], None]
    ) -> None:
        self._client = client
        self._journal = journal
        self._hold_ttl = hold_ttl
        self._changed = changed
        self.progress = ""
        """What the payment waits for, for people; `changed` is called when it changes."""
        self.giving_up: dict[str, asyncio.Task[None]] = {}
        """By the intent's reference."""

    async def see_through(self, intent: Intent) -> Receipt:
        """Cancelled, it leaves the intent in the journal as it stands. Raises `Declined`."""
        self._journal.put(intent)
        try:
            revision = await self._steps(intent)
        except InventoryError as refusal:
            raise Declined(_why(refusal) + await self._undo(intent.reference, refusal)) from refusal
        self._journal.drop(intent)
        return Receipt(intent.reference, revision)

    def may_give_up(self, reference: str) -> bool:
        """Not once the sale is made: then only the goods' issue is to be booked."""
        intent = self._journal.intent(reference)
        return intent is None or intent.step is not Step.FULFIL

    def give_up(self, reference: str) -> None:
        """The cashier has had enough of a payment that was cancelled or found in the journal. A hold runs out by
        itself; what may be more than a hold is given back as soon as the server answers."""
        intent = self._journal.intent(reference)
        if intent is None:
            return
        if intent.step is Step.RESERVE:
            self._journal.drop(intent)
            return
        intent = intent.at(Step.RELEASE)
        self._journal.put(intent)
        self.giving_up[reference] = asyncio.create_task(self._release(intent))

    async def _steps(self, intent: Intent) -> int:
        client = self._client
        if intent.step is Step.RESERVE:
            new = intent
            held = await self._until_answered(
                "reserving",
                lambda: client.reserve(
                    [line(sku, new.location, quantity, serials=new.serials_of(sku)) for sku, quantity in new.lines],
                    ttl=self._hold_ttl,
                    owner=new.reference,
                    reference=new.reference,
                    request_id=new.reserve_id,
                    timeout_s=TRY_S,
                ),
            )
            intent = intent.at(Step.COMMIT, held.reservation.reservation_id)
            self._journal.put(intent)
        if intent.step is Step.COMMIT:
            hold = intent
            await self._until_answered(
                "selling",
                lambda: client.commit(
                    hold.reservation_id, reference=hold.reference, request_id=hold.commit_id, timeout_s=TRY_S
                ),
            )
            intent = intent.at(Step.FULFIL)
            self._journal.put(intent)
        sold = intent
        issued = await self._until_answered(
            "sold, booking the goods out",
            lambda: client.fulfil(sold.reservation_id, request_id=sold.fulfil_id, timeout_s=TRY_S),
        )
        return issued.revision

    async def _undo(self, reference: str, refusal: InventoryError) -> str:
        """A step was refused for good: gives back what the steps before it took. What became of it, for people."""
        intent = self._journal.intent(reference)
        assert intent is not None, "it is dropped last"
        if intent.step is Step.RESERVE or isinstance(refusal, ReservationExpired):
            self._journal.drop(intent)
            return ""
        intent = intent.at(Step.RELEASE)
        self._journal.put(intent)
        kept = await self._give_back("not sold, giving the goods back", "refused at the till", intent)
        return "; the goods are given back" if kept is None else f"; nor are the goods given back: {kept.message}"

    async def _release(self, intent: Intent) -> None:
        await self._give_back("", "given up at the till", intent)
        del self.giving_up[intent.reference]
        self._changed()

    async def _give_back(self, doing: str, reason: str, intent: Intent) -> InventoryError | None:
        """Ends an intent. The refusal, when the reservation has ended: it ran out, or was issued before the till
        crashed."""
        kept = None
        try:
            await self._until_answered(
                doing,
                lambda: self._client.release(
                    intent.reservation_id, reason=reason, request_id=intent.release_id, timeout_s=TRY_S
                ),
            )
        except InventoryError as refusal:
            log.warning("%s is not given back: %s", intent.reference, refusal)
            kept = refusal
        self._journal.drop(intent)
        return kept

    async def _until_answered(self, doing: str, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Raises what the service refuses. What is refused for now, or not answered, is asked again."""
        self._say(doing)
        while True:
            try:
                return await call()
            except (Unavailable, Overloaded) as failed:
                if doing:
                    self._say(f"{doing}: no answer yet, trying again ({failed.reason or failed.code})")
                await asyncio.sleep(TRY_AGAIN_S)

    def _say(self, progress: str) -> None:
        if progress:
            self.progress = progress
            self._changed()


def _why(refusal: InventoryError) -> str:
    match refusal:
        case InsufficientStock():
            short = (f"{each.sku}: {each.available} left of {each.requested}" for each in refusal.shortages)
            return "not enough: " + ", ".join(short)
        case ReservationExpired():
            return "the hold ran out before the server could be reached; nothing was sold, pay again"
        case _:
            return f"not sold: {refusal.message}"
