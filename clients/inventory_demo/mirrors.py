"""A process that keeps one channel's `StockMirror`, and doubts what the channel is shown of the stock."""

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Self

import inventory_client
from inventory.v1 import watch_service_pb2 as pb2
from inventory_client import Event, InventoryError, Restarted, StockMirror, WatchMode
from inventory_demo.connection import ConnectionLog, CountingClient
from inventory_demo.crew import Ready, Trouble, run_until_orphaned
from inventory_demo.quantities import Key, Quantities
from inventory_demo.views import ViewDoubter, ViewRule

REPORT_PERIOD_S = 0.25
HEAD_TIMEOUT_S = 60.0
VIEW_HEARTBEAT = timedelta(seconds=1)
VIEW_KINDS = (pb2.CHANGE_KIND_STOCK, pb2.CHANGE_KIND_AVAILABILITY)


@dataclass(frozen=True, slots=True)
class Mirroring:
    """What to mirror, through which servers: the first one while it lives."""

    name: str
    channel: str
    addresses: tuple[str, ...]
    locations: tuple[str, ...]
    mode: WatchMode
    view: ViewRule | None = None
    """What the channel may be shown; None: nobody looks."""


@dataclass(frozen=True, slots=True)
class Mirrored:
    """How far it is, and with which server it is connected at this moment ('': none)."""

    revision: int
    endpoint: str
    at: float


@dataclass(frozen=True, slots=True)
class UntilHead:
    """The order to come as far as this revision, and to end."""

    revision: int


@dataclass(frozen=True, slots=True)
class MirrorEnded:
    order: Mirroring
    levels: dict[Key, Quantities]
    revision: int
    live: bool
    snapshots: int
    connections: ConnectionLog
    cpu_s: float
    view: ViewDoubter | None = None


class _CountingMirror(StockMirror):
    """Counts its connections and snapshots."""

    def __init__(self, client: CountingClient, order: Mirroring) -> None:
        super().__init__(client, locations=order.locations, mode=order.mode)
        self.connections = ConnectionLog()
        self.restarts: Counter[str] = Counter()

    def _on_connection(self, connection: inventory_client.Connection) -> None:
        self.connections.take(connection)
        super()._on_connection(connection)

    async def _take(self, event: Event) -> None:
        if isinstance(event, Restarted):
            self.restarts[event.reason] += 1
        await super()._take(event)


class _ViewWatch:
    """Keeps a `ViewDoubter` fresh. Use as a context; it waits for the snapshot."""

    def __init__(self, client: CountingClient, rule: ViewRule) -> None:
        self.doubter = ViewDoubter(rule)
        self._watch = client.watch(kinds=VIEW_KINDS, heartbeat=VIEW_HEARTBEAT)
        self._advanced = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._follow())
        await self.wait_until(1)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})
        await self._watch.aclose()

    async def wait_until(self, revision: int) -> None:
        """Raises `TimeoutError`, or what ended the stream."""
        async with asyncio.timeout(HEAD_TIMEOUT_S):
            while self.doubter.revision < revision:
                self._advanced.clear()
                waiting = asyncio.create_task(self._advanced.wait())
                await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if self._task.done():
                    self._task.result()

    async def _follow(self) -> None:
        async with self._watch:
            async for event in self._watch:
                self.doubter.take(event)
                self._advanced.set()


def keep_mirror(orders: Connection) -> None:
    """The process's entry: takes a `Mirroring`, says `Ready` when the first snapshot is there, and ends with
    `UntilHead`."""
    run_until_orphaned(orders, _keep(orders))


async def _keep(orders: Connection) -> None:
    order: Mirroring = orders.recv()
    async with CountingClient(order.addresses, order.channel) as client:
        try:
            async with AsyncExitStack() as stack:
                mirror = await stack.enter_async_context(_CountingMirror(client, order))
                view = None
                if order.view is not None:
                    view = await stack.enter_async_context(_ViewWatch(client, order.view))
                orders.send(Ready())
                reporting = asyncio.create_task(_report(orders, mirror))
                until: UntilHead = await asyncio.get_running_loop().run_in_executor(None, orders.recv)
                reporting.cancel()
                await mirror.wait_until(until.revision, HEAD_TIMEOUT_S)
                if view is not None:
                    await view.wait_until(until.revision)
                ended = _ended(order, mirror, None if view is None else view.doubter)
        except (InventoryError, TimeoutError) as error:
            orders.send(Trouble(str(error) or f"it did not come as far as the feed within {HEAD_TIMEOUT_S:.0f} s"))
            return
    orders.send(ended)


def _ended(order: Mirroring, mirror: _CountingMirror, view: ViewDoubter | None) -> MirrorEnded:
    levels = {(sku, location): level[:6] for sku, location, level in mirror}
    return MirrorEnded(
        order,
        levels,
        mirror.revision,
        mirror.live,
        mirror.restarts.total(),
        mirror.connections,
        time.process_time(),
        view,
    )


async def _report(orders: Connection, mirror: _CountingMirror) -> None:
    while True:
        orders.send(Mirrored(mirror.revision, mirror.connections.now, time.monotonic()))
        await asyncio.sleep(REPORT_PERIOD_S)
