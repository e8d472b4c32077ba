"""A process that keeps one channel's `StockMirror`, and at the end says what is in it."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection

import inventory_client
from inventory_client import Event, InventoryError, Restarted, StockMirror, WatchMode
from inventory_demo.connection import ConnectionLog, CountingClient
from inventory_demo.crew import Ready, Trouble, run_until_orphaned
from inventory_demo.quantities import Key, Quantities

REPORT_PERIOD_S = 0.25
HEAD_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Mirroring:
    """What to mirror, through which servers: the first one while it lives."""

    name: str
    channel: str
    addresses: tuple[str, ...]
    locations: tuple[str, ...]
    mode: WatchMode


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


def keep_mirror(orders: Connection) -> None:
    """The process's entry: takes a `Mirroring`, says `Ready` when the first snapshot is there, and ends with
    `UntilHead`."""
    run_until_orphaned(orders, _keep(orders))


async def _keep(orders: Connection) -> None:
    order: Mirroring = orders.recv()
    async with CountingClient(order.addresses, order.channel) as client:
        try:
            async with _CountingMirror(client, order) as mirror:
                orders.send(Ready())
                reporting = asyncio.create_task(_report(orders, mirror))
                until: UntilHead = await asyncio.get_running_loop().run_in_executor(None, orders.recv)
                reporting.cancel()
                await mirror.wait_until(until.revision, HEAD_TIMEOUT_S)
                ended = _ended(order, mirror)
        except (InventoryError, TimeoutError) as error:
            orders.send(Trouble(str(error) or f"it did not come as far as the feed within {HEAD_TIMEOUT_S:.0f} s"))
            return
    orders.send(ended)


def _ended(order: Mirroring, mirror: _CountingMirror) -> MirrorEnded:
    levels = {(sku, location): level[:6] for sku, location, level in mirror}
    return MirrorEnded(
        order,
        levels,
        mirror.revision,
        mirror.live,
        mirror.restarts.total(),
        mirror.connections,
        time.process_time(),
    )


async def _report(orders: Connection, mirror: _CountingMirror) -> None:
    while True:
        orders.send(Mirrored(mirror.revision, mirror.connections.now, time.monotonic()))
        await asyncio.sleep(REPORT_PERIOD_S)
