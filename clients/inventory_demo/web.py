"""The web shop: carts are held for a short time; some are abandoned, given back, extended or filled again.

What the customer's shop lacks comes from its neighbour.
"""

import asyncio
import enum
import random
import time
from collections.abc import Coroutine, Mapping
from typing import Any

from inventory_demo.desk import Desk, Line, Promise
from inventory_demo.journey import Basket
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
    channel = "web"

    def __init__(self, desk: Desk, sales: Sales, neighbours: Mapping[str, str]) -> None:
        self._desk = desk
        self._sales = sales
        self._neighbours = neighbours

    async def serve(self, basket: Basket, chance: random.Random) -> Coroutine[Any, Any, None] | None:
        """Gives back what is left to do after a pause, if anything."""
        (habit,) = chance.choices(list(HABITS), list(HABITS.values()))
        owner = f"customer {self._desk.names.run}-{basket.basket_id}"
        ttl_s = SHORT_TTL_S if habit in (Habit.ABANDON, Habit.EXTEND) else HOLD_TTL_S
        promises = await self._fill(basket, owner, ttl_s, chance)
        if not promises:
            self._sales.outcomes[Outcome.NOTHING] += 1
            return None
        self._sales.carts[habit] += 1
        match habit:
            case Habit.ABANDON:
                self._sales.abandoned.update(one.reservation.reservation_id for one in promises)
                self._sales.outcomes[Outcome.ABANDONED] += 1
            case Habit.RELEASE:
                kept = [await self._desk.release(one, "changed their mind", chance) for one in promises]
                self._sales.outcomes[Outcome.RELEASED if all(kept) else Outcome.EXPIRED] += 1
            case Habit.REPEAT:
                await self._buy(basket, await self._repeat(promises, owner, chance), chance)
            case Habit.EXTEND:
                if not all([await self._desk.extend(one, HOLD_TTL_S, chance) for one in promises]):
                    self._sales.outcomes[Outcome.EXPIRED] += 1
                    return None
                return self._buy_later(basket, promises, chance)
            case Habit.BUY:
                await self._buy(basket, promises, chance)
        return None

    async def _fill(self, basket: Basket, owner: str, ttl_s: int, chance: random.Random) -> list[Promise]:
        names = self._desk.names
        home = names.location(basket.location)
        lines: list[Line] = [(names.sku(sku), home, quantity) for sku, quantity in basket.lines]
        whole = await self._desk.hold(lines, ttl_s, chance, owner=owner)
        if whole is not None:
            return [whole]
        part = await self._desk.hold(lines, ttl_s, chance, owner=owner, partly=True)
        promises = [part] if part is not None else []
        neighbour = self._neighbours.get(basket.location)
        if neighbour is not None:
            there = {sku: held for sku, _, held in part.held} if part is not None else {}
            missing: list[Line] = [
                (sku, names.location(neighbour), quantity - there.get(sku, 0))
                for sku, _, quantity in lines
                if quantity > there.get(sku, 0)
            ]
            other = await self._desk.hold(missing, ttl_s, chance, owner=owner, partly=True)
            if other is not None:
                promises.append(other)
        return promises

    async def _repeat(self, promises: list[Promise], owner: str, chance: random.Random) -> list[Promise]:
        """The same cart again, replacing the customer's own holds, which must never stand in the way."""
        lines = [line for promise in promises for line in promise.held]
        if len(lines) > LINES_MAX:
            return promises
        again = await self._desk.hold(lines, HOLD_TTL_S, chance, owner=owner, replace=True)
        if again is not None:
            return [again]
        if time.monotonic() < min(one.safe_until for one in promises):
            self._sales.findings.note("own hold blocked its owner", owner)
        return promises

    async def _buy_later(self, basket: Basket, promises: list[Promise], chance: random.Random) -> None:
        await asyncio.sleep(EXTENDED_PAUSE_S)
        await self._buy(basket, promises, chance)

    async def _buy(self, basket: Basket, promises: list[Promise], chance: random.Random) -> None:
        names = self._desk.names
        reference = f"order {names.run}-{basket.basket_id}"
        home = names.location(basket.location)
        sold = 0
        elsewhere = False
        for promise in promises:
            pieces = await self._desk.sell(promise, reference, chance)
            if pieces:
                sold += pieces
                self._sales.lines_fulfilled += len(promise.held)
                elsewhere |= any(location != home for _, location, _ in promise.held)
        if elsewhere:
            self._sales.carts["partly or wholly from the neighbour"] += 1
        if not sold:
            outcome = Outcome.EXPIRED
        else:
            outcome = Outcome.FULL if sold == sum(line[1] for line in basket.lines) else Outcome.PART
        self._sales.outcomes[outcome] += 1
