"""`inventory bench`."""

import asyncio
import random
import statistics
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.table import Table

from inventory.cli.failure import Failed
from inventory.cli.options import SERVER_DEFAULT, Server
from inventory.cli.terminal import out, spinner
from inventory.domain.limits import BULK_ROWS_MAX
from inventory.v1 import catalog_service_pb2 as catalog_pb2

if TYPE_CHECKING:
    from inventory_client import Failure, InventoryClient

CHANNEL = "bench"
LOCATION = "bench"
STOCK = 1_000_000
HOLD = timedelta(minutes=10)
SECONDS_MAX = 300
IN_FLIGHT_MAX = 1_024
CALL_DEADLINE_S = 10.0


def bench(*, server: Server = SERVER_DEFAULT, seconds: float = 5.0, in_flight: int = 64, skus: int = 500) -> int:
    """Load a server on this machine with reservations of one line, and say how many it takes and how long they wait.

    It reserves SKUs of its own at a location of its own, gives everything back and takes them out of use at the end.
    They and their movements stay in the database, inactive: not for a production server.

    Example: inventory bench --seconds 10 --in-flight 64 --skus 1

    Parameters
    ----------
    seconds
        How long, up to 300.
    in_flight
        How many callers wait for an answer at once, up to 1,024.
    skus
        How many SKUs they reserve, up to 10,000; 1 is the hottest.
    """
    from inventory.cli.connection import is_loopback, run

    if not is_loopback(server.address):
        raise Failed(f"bench loads only servers on this machine, and {server.address} isn't one")
    if not 0 < seconds <= SECONDS_MAX:
        raise Failed(f"--seconds is above 0 and up to {SECONDS_MAX}")
    if not 1 <= in_flight <= IN_FLIGHT_MAX:
        raise Failed(f"--in-flight is 1 to {IN_FLIGHT_MAX}")
    if not 1 <= skus <= BULK_ROWS_MAX:
        raise Failed(f"--skus is 1 to {BULK_ROWS_MAX}")
    load = run(_bench(server, seconds, in_flight, skus))
    out().print(_table(load))
    return 1 if load.failures else 0


@dataclass
class Load:
    """What was asked and answered."""

    codes: list[str]
    reservations: list[str] = field(default_factory=list)
    waits_ms: list[float] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    took_s: float = 0.0

    def note_retry(self, failure: "Failure", pause_s: float) -> None:
        self.retries[failure.reason or failure.code] += 1


async def _bench(server: Server, seconds: float, in_flight: int, skus: int) -> Load:
    from inventory.cli.connection import WRITE_PATIENCE_S, connect

    run_name = uuid.uuid4().hex[:8]
    load = Load([f"bench-{run_name}-{number:05}" for number in range(skus)])
    async with connect(server, CHANNEL, load.note_retry, patience_s=WRITE_PATIENCE_S) as client:
        with spinner() as progress:
            progress.add_task(f"{in_flight} callers reserve {skus:,} SKUs for {seconds:g} s", total=None)
            await _set_up(client, load)
            try:
                started = time.perf_counter()
                async with asyncio.TaskGroup() as group:
                    for _ in range(in_flight):
                        group.create_task(_reserve(client, load, started + seconds))
                load.took_s = time.perf_counter() - started
            finally:
                progress.add_task(f"giving {len(load.reservations):,} back", total=None)
                await _tear_down(client, load, in_flight)
    return load


async def _set_up(client: "InventoryClient", load: Load) -> None:
    await client.import_catalog(locations=[catalog_pb2.Location(location=LOCATION, name="inventory bench")])
    await _catalogue(client, load, active=True)
    await _adjust(client, load, STOCK)


async def _tear_down(client: "InventoryClient", load: Load, in_flight: int) -> None:
    left = iter(load.reservations)
    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(_release(client, left))
    await _adjust(client, load, -STOCK)
    await _catalogue(client, load, active=False)


async def _reserve(client: "InventoryClient", load: Load, until: float) -> None:
    from inventory_client import InventoryError, Refused

    choose = random.Random().choice  # noqa: S311 - which SKU is nobody's secret
    while (asked := time.perf_counter()) < until:
        try:
            answer = await client.reserve([(choose(load.codes), LOCATION, 1)], ttl=HOLD, timeout_s=CALL_DEADLINE_S)
        except InventoryError as error:
            counted = load.refusals if isinstance(error, Refused) else load.failures
            counted[error.reason or error.code] += 1
        else:
            load.reservations.append(answer.reservation.reservation_id)
            load.waits_ms.append((time.perf_counter() - asked) * 1000)


async def _release(client: "InventoryClient", left: Iterator[str]) -> None:
    for reservation_id in left:
        await client.release(reservation_id, reason="bench")


async def _catalogue(client: "InventoryClient", load: Load, *, active: bool) -> None:
    await client.import_catalog(skus=[catalog_pb2.Sku(sku=code, active=active) for code in load.codes])


async def _adjust(client: "InventoryClient", load: Load, delta: int) -> None:
    await client.batch_adjust_stock([(code, LOCATION, delta) for code in load.codes], "bench")


def _table(load: Load) -> Table:
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("reservations/s", f"{len(load.waits_ms) / load.took_s:,.0f}")
    table.add_row("reservations", f"{len(load.waits_ms):,}")
    if len(load.waits_ms) > 1:
        percentiles = statistics.quantiles(load.waits_ms, n=100, method="inclusive")
        table.add_row("p50", f"{percentiles[49]:.1f} ms")
        table.add_row("p99", f"{percentiles[98]:.1f} ms")
    table.add_row("refused", f"{load.refusals.total():,}")
    for counted in (load.refusals, load.failures):
        for reason, count in counted.most_common():
            table.add_row(f"  {reason}", f"{count:,}")
    for reason, count in load.retries.most_common():
        table.add_row(f"asked again: {reason}", f"{count:,}")
    return table
