"""Sends what waits, within the limit, until it is accepted."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from inventory_marketplace.bucket import TokenBucket
from inventory_marketplace.marketplace import Accepted, Answer, Failed, Marketplace, Refused
from inventory_marketplace.offers import OFFERS_A_CALL_MAX, Offer, Offers

BACK_OFF_MIN_S = 0.5
BACK_OFF_MAX_S = 60.0
BATCH_WAIT_S = 1.0
"""What comes in so much time goes out together."""

log = logging.getLogger(__name__)


class Sender:
    """`wake` it when something may wait; `on_accepted` is called after each accepted call.

    A failed call's offers wait again beside what has changed meanwhile, so what is sent next is the newest. A call that
    the marketplace refuses is sent in halves until the offer is found that it refuses; that one is let alone.
    Each try counts towards the limit.
    """

    def __init__(
        self,
        offers: Offers,
        bucket: TokenBucket,
        marketplace: Marketplace,
        on_accepted: Callable[[], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._offers = offers
        self._bucket = bucket
        self._marketplace = marketplace
        self._on_accepted = on_accepted
        self._sleep = sleep
        self._woken = asyncio.Event()
        self._most = OFFERS_A_CALL_MAX
        self._failures = 0

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            offers = await self._next()
            answer = await self._marketplace.put(offers)
            await self._sleep(self._take(offers, answer))

    async def _next(self) -> list[Offer]:
        while True:
            self._woken.clear()
            if not (waiting := len(self._offers)):
                await self._woken.wait()
                continue
            wanted = min(waiting, self._most, max(1, int(self._bucket.per_s * BATCH_WAIT_S)))
            if wait_s := self._bucket.wait_s(wanted):
                await self._sleep(wait_s)
            elif offers := self._offers.take(min(self._bucket.have(), self._most)):
                self._bucket.take(len(offers))
                return offers

    def _take(self, offers: list[Offer], answer: Answer) -> float:
        """How long to wait before the next call."""
        match answer:
            case Accepted():
                self._offers.accepted(offers)
                self._failures = 0
                self._most = min(2 * self._most, OFFERS_A_CALL_MAX)
                self._on_accepted()
            case Refused(why) if len(offers) == 1:
                log.error("the marketplace refuses %r: %s", offers[0], why)
                self._offers.refused(offers)
                self._most = min(2 * self._most, OFFERS_A_CALL_MAX)
                self._on_accepted()
            case Refused(why):
                log.warning("the marketplace refuses %d offers together: %s", len(offers), why)
                self._offers.failed(offers)
                self._most = len(offers) // 2
            case Failed(why, retry_after_s):
                self._offers.failed(offers)
                self._failures += 1
                wait_s = self._back_off_s() if retry_after_s is None else max(retry_after_s, BACK_OFF_MIN_S)
                log.warning("a call with %d offers failed: %s; again in %.1f s", len(offers), why, wait_s)
                return wait_s
        return 0.0

    def _back_off_s(self) -> float:
        # Jittered, so that many adapters don't come back together.
        longest = min(BACK_OFF_MIN_S * 2.0 ** min(self._failures, 16), BACK_OFF_MAX_S)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
