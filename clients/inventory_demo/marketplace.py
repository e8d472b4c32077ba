"""A marketplace: an order that comes in is paid, so it is allocated at once, from wherever the channel sells first."""

import random

from inventory_client import Strategy
from inventory_demo.desk import Desk, Line, Sourcing
from inventory_demo.journey import Basket
from inventory_demo.sales import Outcome, Sales

ANYWHERE = Sourcing(Strategy.MOST_STOCK)


class Marketplace:
    def __init__(self, desk: Desk, sales: Sales) -> None:
        self._desk = desk
        self._sales = sales

    async def serve(self, basket: Basket, chance: random.Random) -> None:
        names = self._desk.names
        lines: list[Line] = [(names.sku(sku), "", quantity) for sku, quantity in basket.lines]
        promise = await self._desk.hold(lines, None, chance, sourcing=ANYWHERE)
        if promise is None:
            promise = await self._desk.hold(lines, None, chance, partly=True, sourcing=ANYWHERE)
        if promise is None:
            self._sales.outcomes[Outcome.NOTHING] += 1
            return
        sold = await self._desk.sell(promise, f"marketplace order {names.run}-{basket.basket_id}", chance)
        whole = sold == sum(quantity for _, quantity in basket.lines)
        self._sales.lines_fulfilled += len({sku for sku, _, _ in promise.lines})
        self._sales.parcels[len({location for _, location, _ in promise.lines})] += 1
        self._sales.outcomes[Outcome.FULL if whole else Outcome.PART] += 1
