"""A process that sells: it takes its baskets in time order, several at once, one at a time in each shop."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from inventory_demo.bundles import Bundle
from inventory_demo.caller import GAVE_UP, Caller
from inventory_demo.channels import MARKETPLACE, TILL
from inventory_demo.connection import CountingClient
from inventory_demo.crew import Ready, Trouble, run_until_orphaned
from inventory_demo.desk import Desk
from inventory_demo.journey import Basket, Baskets
from inventory_demo.marketplace import Marketplace
from inventory_demo.names import Names
from inventory_demo.sales import Sales
from inventory_demo.tills import Tills
from inventory_demo.web import WebShop

BASKETS_IN_FLIGHT_MAX = 24
REPORT_PERIOD_S = 0.25

Seller = Tills | WebShop | Marketplace


@dataclass(frozen=True, slots=True)
class Shift:
    """What one process is to sell, and through which servers."""

    channel: str
    """Without its prefix."""
    addresses: tuple[str, ...]
    names: Names
    seed: int
    baskets: Baskets
    bundles: tuple[Bundle, ...]
    never_returned: frozenset[str]
    """SKUs."""
    stops_halfway: bool = False
    """Whether it says `Halfway` in the middle, and starts no further basket before it is told anything."""


@dataclass(frozen=True, slots=True)
class Halfway:
    """About half of this process's baskets have ended, and at least one has not begun."""


@dataclass(frozen=True, slots=True)
class Sold:
    """How far it is."""

    baskets: int
    lines: int
    refusals: int
    revision: int
    under_way: Mapping[str, int]
    """Calls, by the address of the server they wait for."""
    at: float
    """When that was so, by the machine's monotonic clock."""


@dataclass(frozen=True, slots=True)
class ShiftEnded:
    sales: Sales
    seconds: float
    cpu_s: float


def sell(orders: Connection) -> None:
    """The process's entry: takes a `Shift`, says `Ready`, and starts when told anything."""
    run_until_orphaned(orders, _sell(orders))


async def _sell(orders: Connection) -> None:
    shift: Shift = orders.recv()
    sales = Sales()
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(CountingClient(addresses, shift.names.channel(shift.channel), sales.tally))
            for addresses in _rotations(shift.addresses)
        ]
        caller = Caller(clients, sales)
        seller = _seller(shift, caller, sales)
        loop = asyncio.get_running_loop()

        async def halfway() -> None:
            if shift.stops_halfway:
                orders.send(Halfway())
                await loop.run_in_executor(None, orders.recv)

        orders.send(Ready())
        await loop.run_in_executor(None, orders.recv)
        started, cpu_started = time.monotonic(), time.process_time()
        reporting = asyncio.create_task(_report(orders, sales))
        last: Trouble | ShiftEnded
        try:
            await replay(shift.baskets, seller, shift.seed, sales, halfway)
            await caller.finish()
        except* GAVE_UP as errors:
            last = Trouble(str(errors.exceptions[0]))
        else:
            last = ShiftEnded(sales, time.monotonic() - started, time.process_time() - cpu_started)
        reporting.cancel()
        orders.send(last)


def _seller(shift: Shift, caller: Caller, sales: Sales) -> Seller:
    bundles = {bundle.sku: dict(bundle.parts) for bundle in shift.bundles}
    desk = Desk(caller, sales, shift.names, bundles, shift.never_returned)
    if shift.channel == TILL:
        return Tills(desk, sales)
    return Marketplace(desk, sales) if shift.channel == MARKETPLACE else WebShop(desk, sales, shift.bundles)


def _rotations(addresses: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Each address is first once."""
    return [addresses[turn:] + addresses[:turn] for turn in range(len(addresses))]


async def replay(
    baskets: Baskets, seller: Seller, seed: int, sales: Sales, halfway: Callable[[], Awaitable[None]]
) -> None:
    """Ends when every basket has ended, also those that wait. `halfway` is awaited once in the middle, while others
    are under way."""
    places = asyncio.Semaphore(BASKETS_IN_FLIGHT_MAX)
    turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def serve(basket: Basket) -> Coroutine[Any, Any, None] | None:
        try:
            async with turns[basket.location]:  # first come, first served
                return await seller.serve(basket, random.Random(f"{seed} {basket.basket_id}"))
        finally:
            places.release()

    async def see_through(basket: Basket) -> None:
        rest = await serve(basket)
        if rest is not None:
            await rest

    # So many have begun when half of them have ended; but at least the last one comes after it.
    begun_halfway = min(len(baskets) // 2 + BASKETS_IN_FLIGHT_MAX, len(baskets) - 1)
    async with asyncio.TaskGroup() as group:
        for position, basket in enumerate(baskets):
            if position == begun_halfway:
                await halfway()
            await places.acquire()
            sales.lines_asked += len(basket.lines)
            group.create_task(see_through(basket))


async def _report(orders: Connection, sales: Sales) -> None:
    while True:
        orders.send(
            Sold(
                sales.baskets,
                sales.lines_asked,
                sales.refusals.total(),
                sales.revision,
                dict(sales.tally.under_way),
                time.monotonic(),
            )
        )
        await asyncio.sleep(REPORT_PERIOD_S)
