"""The web shop: carts are held for a short time; some are abandoned, given back, extended or filled again.

The service chooses where each line comes from: as few parcels as possible, then the nearest to the customer.
"""

import asyncio
import enum
import random
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from inventory_client import Strategy
from inventory_demo.bundles import Bundle, pack
from inventory_demo.desk import Desk, Line, Promise, Sourcing
from inventory_demo.journey import Basket
from inventory_demo.places import AT_HOME_DEGREES, near, point
from inventory_demo.sales import Outcome, Sales

HOLD_TTL_S = 30
SHORT_TTL_S = 2
EXTENDED_PAUSE_S = 2.2
"""Longer than the first hold would have lasted."""
LINES_MAX = 200


class Habit(enum.StrEnum):
    """What a customer does with a filled cart."""

    BUY = "bought"
    ABANDON = "abandoned"
    RELEASE = "given back"
    REPEAT = "filled again"
    EXTEND = "extended"


HABITS = {Habit.BUY: 50, Habit.ABANDON: 15, Habit.RELEASE: 10, Habit.REPEAT: 15, Habit.EXTEND: 10}
"""In a hundred carts."""


class WebShop:
    def __init__(self, desk: Desk, sales: Sales, bundles: Sequence[Bundle]) -> None:
        self._desk = desk
        self._bundles = bundles
        self._sales = sales

    async def serve(self, basket: Basket, chance: random.Random) -> Coroutine[Any, Any, None] | None:
        """Gives back what is left to do after a pause, if anything."""
        (habit,) = chance.choices(list(HABITS), list(HABITS.values()))
        owner = f"customer {self._desk.names.run}-{basket.basket_id}"
        ttl_s = SHORT_TTL_S if habit in (Habit.ABANDON, Habit.EXTEND) else HOLD_TTL_S
        promise = await self._fill(basket, owner, ttl_s, chance)
        if promise is None:
            self._sales.outcomes[Outcome.NOTHING] += 1
            return None
        self._sales.carts[habit] += 1
        match habit:
            case Habit.ABANDON:
                self._sales.abandoned.add(promise.reservation.reservation_id)
                self._sales.outcomes[Outcome.ABANDONED] += 1
            case Habit.RELEASE:
                kept = await self._desk.release(promise, "changed their mind", chance)
                self._sales.outcomes[Outcome.RELEASED if kept else Outcome.EXPIRED] += 1
            case Habit.REPEAT:
                await self._buy(basket, await self._repeat(promise, owner, chance), chance)
            case Habit.EXTEND:
                if not await self._desk.extend(promise, HOLD_TTL_S, chance):
                    self._sales.outcomes[Outcome.EXPIRED] += 1
                    return None
                return self._buy_later(basket, promise, chance)
            case Habit.BUY:
                await self._buy(basket, promise, chance)
        return None

    async def _fill(self, basket: Basket, owner: str, ttl_s: int, chance: random.Random) -> Promise | None:
        names = self._desk.names
        home = near(point(basket.location), AT_HOME_DEGREES, chance)
        sourcing = Sourcing(Strategy.FEWEST_PARCELS, home)
        pieces = [(names.sku(sku), quantity) for sku, quantity in basket.lines]
        lines: list[Line] = [(sku, "", quantity) for sku, quantity in pack(pieces, self._bundles)]
        whole = await self._desk.hold(lines, ttl_s, chance, owner=owner, sourcing=sourcing)
        if whole is not None:
            return whole
        return await self._desk.hold(lines, ttl_s, chance, owner=owner, partly=True, sourcing=sourcing)

    async def _repeat(self, promise: Promise, owner: str, chance: random.Random) -> Promise:
        """The same cart again, from where it is held, replacing the customer's own hold, which must never stand in the
        way."""
        if len(promise.lines) > LINES_MAX:
            return promise
        again = await self._desk.hold(promise.lines, HOLD_TTL_S, chance, owner=owner, replace=True)
        if again is not None:
            return again
        if time.monotonic() < promise.safe_until:
            self._sales.findings.note("own hold blocked its owner", owner)
        return promise

    async def _buy_later(self, basket: Basket, promise: Promise, chance: random.Random) -> None:
        await asyncio.sleep(EXTENDED_PAUSE_S)
        await self._buy(basket, promise, chance)

    async def _buy(self, basket: Basket, promise: Promise, chance: random.Random) -> None:
        reference = f"order {self._desk.names.run}-{basket.basket_id}"
        sold = await self._desk.sell(promise, reference, chance)
        if not sold:
            self._sales.outcomes[Outcome.EXPIRED] += 1
            return
        self._sales.lines_fulfilled += len({sku for sku, _, _ in promise.lines})
        self._sales.parcels[len({location for _, location, _ in promise.lines})] += 1
        whole = sold == sum(quantity for _, quantity in basket.lines)
        self._sales.outcomes[Outcome.FULL if whole else Outcome.PART] += 1
