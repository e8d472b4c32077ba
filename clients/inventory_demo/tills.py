"""A till: hold, commit, fulfil in one go. What is short is left out, what there is is sold."""

import random

from inventory_demo.desk import Desk
from inventory_demo.journey import Basket
from inventory_demo.sales import Outcome, Sales

HOLD_TTL_S = 60


class Tills:
    def __init__(self, desk: Desk, sales: Sales) -> None:
        self._desk = desk
        self._sales = sales

    async def serve(self, basket: Basket, chance: random.Random) -> None:
        names = self._desk.names
        location = names.location(basket.location)
        lines = [(names.sku(sku), location, quantity) for sku, quantity in basket.lines]
        reference = f"receipt {names.run}-{basket.basket_id}"
        promise = await self._desk.hold(lines, HOLD_TTL_S, chance)
        if promise is None:
            promise = await self._desk.hold(lines, HOLD_TTL_S, chance, partly=True)
        if promise is None:
            self._sales.outcomes[Outcome.NOTHING] += 1
            return
        sold = await self._desk.sell(promise, reference, chance)
        if not sold:
            outcome = Outcome.EXPIRED
        else:
            outcome = Outcome.FULL if sold == sum(line[2] for line in lines) else Outcome.PART
            self._sales.lines_fulfilled += len(promise.lines)
        self._sales.outcomes[outcome] += 1
