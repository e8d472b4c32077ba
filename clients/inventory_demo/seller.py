"""A process that sells: it takes its baskets in time order, several at once, one at a time in each shop."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import grpc

from inventory_demo.caller import Caller, NoAnswer
from inventory_demo.crew import Ready, Trouble, run_until_orphaned
from inventory_demo.desk import Desk
from inventory_demo.journey import Basket, Baskets
from inventory_demo.names import Names
from inventory_demo.sales import Sales
from inventory_demo.tills import Tills
from inventory_demo.web import WebShop

BASKETS_IN_FLIGHT_MAX = 24
REPORT_PERIOD_S = 0.25
CONNECT_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Shift:
    """What one process is to sell."""

    channel: str
    address: str
    names: Names
    seed: int
    baskets: Baskets
    neighbours: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sold:
    """How far it is."""

    baskets: int
    lines: int
    refusals: int
    revision: int


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
    async with grpc.aio.insecure_channel(shift.address) as connection:
        await asyncio.wait_for(connection.channel_ready(), CONNECT_TIMEOUT_S)
        caller = Caller(connection, shift.channel, sales)
        desk = Desk(caller, sales, shift.names)
        seller = Tills(desk, sales) if shift.channel == Tills.channel else WebShop(desk, sales, shift.neighbours)
        orders.send(Ready())
        await asyncio.get_running_loop().run_in_executor(None, orders.recv)
        started, cpu_started = time.monotonic(), time.process_time()
        reporting = asyncio.create_task(_report(orders, sales))
        last: Trouble | ShiftEnded
        try:
            await replay(shift.baskets, seller, shift.seed, sales)
            await caller.finish()
        except* NoAnswer as errors:
            last = Trouble(str(errors.exceptions[0]))
        else:
            last = ShiftEnded(sales, time.monotonic() - started, time.process_time() - cpu_started)
        reporting.cancel()
        orders.send(last)


async def replay(baskets: Baskets, seller: Tills | WebShop, seed: int, sales: Sales) -> None:
    """Ends when every basket has ended, also those that wait."""
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

    async with asyncio.TaskGroup() as group:
        for basket in baskets:
            await places.acquire()
            sales.lines_asked += len(basket.lines)
            group.create_task(see_through(basket))


async def _report(orders: Connection, sales: Sales) -> None:
    while True:
        orders.send(Sold(sales.baskets, sales.lines_asked, sales.refusals.total(), sales.revision))
        await asyncio.sleep(REPORT_PERIOD_S)
