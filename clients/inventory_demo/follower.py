"""A process that only watches: it knows nothing but the stream, and rebuilds the stock from it."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection

from inventory.v1 import watch_service_pb2 as pb2
from inventory_client import Watch
from inventory_demo.connection import ConnectionLog, CountingClient
from inventory_demo.crew import Ready, Trouble, run_until_orphaned
from inventory_demo.doubter import Doubter

REPORT_PERIOD_S = 0.25
BEGIN_TIMEOUT_S = 30.0
HEARTBEAT = timedelta(seconds=1)
ALL_KINDS = (
    pb2.CHANGE_KIND_STOCK,
    pb2.CHANGE_KIND_SKU,
    pb2.CHANGE_KIND_LOCATION,
    pb2.CHANGE_KIND_SUBSCRIBER,
    pb2.CHANGE_KIND_CHANNEL,
    pb2.CHANGE_KIND_ALARM,
)


@dataclass(frozen=True, slots=True)
class Following:
    """What to follow, from now on, through which servers: the first one while it lives."""

    addresses: tuple[str, ...]
    location_prefix: str


@dataclass(frozen=True, slots=True)
class Followed:
    """How far it is, what is promised there, and with which server it is connected at this moment ('': none)."""

    revision: int
    movements: int
    held: int
    allocated: int
    endpoint: str
    at: float


@dataclass(frozen=True, slots=True)
class WatchEnded:
    doubter: Doubter
    start: int
    connections: ConnectionLog
    cpu_s: float


def follow(orders: Connection) -> None:
    """The process's entry: takes a `Following`, says `Ready` when it follows, and ends when told anything."""
    run_until_orphaned(orders, _follow(orders))


async def _follow(orders: Connection) -> None:
    order: Following = orders.recv()
    doubter, connections = Doubter(-1, order.location_prefix), ConnectionLog()
    async with (
        CountingClient(order.addresses, "watcher") as client,
        client.watch("now", kinds=ALL_KINDS, heartbeat=HEARTBEAT, on_connection=connections.take) as watch,
    ):
        async with asyncio.timeout(BEGIN_TIMEOUT_S):
            first = await anext(watch)
        start = doubter.revision = watch.cursor.revision if watch.cursor else -1
        doubter.take(first)
        orders.send(Ready())
        reporting = asyncio.create_task(_report(orders, doubter, connections))
        following = asyncio.create_task(_take(watch, doubter))
        stop = asyncio.get_running_loop().run_in_executor(None, orders.recv)
        await asyncio.wait({following, stop}, return_when=asyncio.FIRST_COMPLETED)
        reporting.cancel()
        if following.done():  # it never ends by itself
            orders.send(Trouble(f"the stream of changes broke: {following.exception()}"))
            return
        following.cancel()
    orders.send(WatchEnded(doubter, start, connections, time.process_time()))


async def _take(watch: Watch, doubter: Doubter) -> None:
    async for event in watch:
        doubter.take(event)


async def _report(orders: Connection, doubter: Doubter, connections: ConnectionLog) -> None:
    while True:
        orders.send(
            Followed(
                doubter.revision,
                doubter.movements,
                doubter.held,
                doubter.allocated,
                connections.now,
                time.monotonic(),
            )
        )
        await asyncio.sleep(REPORT_PERIOD_S)
