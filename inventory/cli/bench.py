"""`inventory bench`."""

import asyncio
import random
import statistics
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from google.protobuf.duration_pb2 import Duration
from rich.table import Table

from inventory.cli.failure import Failed
from inventory.cli.options import SERVER_DEFAULT, ServerAddress
from inventory.cli.terminal import out, spinner
from inventory.domain.limits import BULK_ROWS_MAX
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2

if TYPE_CHECKING:
    from inventory.cli.connection import Server

CHANNEL = "bench"
LOCATION = "bench"
STOCK = 1_000_000
HOLD_S = 600
SECONDS_MAX = 300
IN_FLIGHT_MAX = 1_024
CALL_DEADLINE_S = 10.0
BULK_DEADLINE_S = 60.0


def bench(*, server: ServerAddress = SERVER_DEFAULT, seconds: float = 5.0, in_flight: int = 64, skus: int = 500) -> int:
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
    from inventory.cli.connection import run

    host = server.rpartition(":")[0].strip("[]")
    if not (host in ("localhost", "::1") or host.startswith("127.")):
        raise Failed(f"bench loads only servers on this machine, and {server} isn't one")
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
    took_s: float = 0.0


async def _bench(address: str, seconds: float, in_flight: int, skus: int) -> Load:
    from inventory.cli.connection import connect

    run_name = uuid.uuid4().hex[:8]
    load = Load([f"bench-{run_name}-{number:05}" for number in range(skus)])
    async with connect(address, CHANNEL) as server:
        await server.assert_serving()
        with spinner() as progress:
            progress.add_task(f"{in_flight} callers reserve {skus:,} SKUs for {seconds:g} s", total=None)
            await _set_up(server, load)
            try:
                started = time.perf_counter()
                async with asyncio.TaskGroup() as group:
                    for _ in range(in_flight):
                        group.create_task(_reserve(server, load, started + seconds))
                load.took_s = time.perf_counter() - started
            finally:
                progress.add_task(f"giving {len(load.reservations):,} back", total=None)
                await _tear_down(server, load, in_flight)
    return load


async def _set_up(server: "Server", load: Load) -> None:
    await _catalogue(server, load, active=True)
    await _adjust(server, load, STOCK)


async def _tear_down(server: "Server", load: Load, in_flight: int) -> None:
    left = iter(load.reservations)
    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(_release(server, left))
    await _adjust(server, load, -STOCK)
    await _catalogue(server, load, active=False)


async def _reserve(server: "Server", load: Load, until: float) -> None:
    from inventory.cli.connection import RpcError, is_refusal, reason

    choose = random.Random().choice  # noqa: S311 - which SKU is nobody's secret
    hold = Duration(seconds=HOLD_S)
    while (asked := time.perf_counter()) < until:
        line = core_pb2.LineQuantity(sku=choose(load.codes), location=LOCATION, quantity=1)
        request = reservation_pb2.ReserveRequest(request_id=str(uuid.uuid4()), lines=[line], hold_ttl=hold)
        try:
            answer = await server.reservations.Reserve(request, timeout=CALL_DEADLINE_S, metadata=server.metadata)
        except RpcError as error:
            counted = load.refusals if is_refusal(error) else load.failures
            counted[reason(error)] += 1
        else:
            load.reservations.append(answer.reservation.reservation_id)
            load.waits_ms.append((time.perf_counter() - asked) * 1000)


async def _release(server: "Server", left: Iterator[str]) -> None:
    from inventory.cli.connection import until_answered

    for reservation_id in left:
        request = reservation_pb2.ReleaseRequest(
            request_id=str(uuid.uuid4()), reservation_id=reservation_id, reason="bench"
        )
        release = partial(server.reservations.Release, request, timeout=CALL_DEADLINE_S, metadata=server.metadata)
        await until_answered(release)


async def _catalogue(server: "Server", load: Load, *, active: bool) -> None:
    request = catalog_pb2.ImportCatalogRequest(
        request_id=str(uuid.uuid4()), skus=[catalog_pb2.Sku(sku=code, active=active) for code in load.codes]
    )
    location = catalog_pb2.ImportCatalogRequest(
        request_id=str(uuid.uuid4()),
        locations=[catalog_pb2.Location(location=LOCATION, name="inventory bench")],
    )
    for message in (location, request):
        await server.catalog.ImportCatalog(message, timeout=BULK_DEADLINE_S, metadata=server.metadata)


async def _adjust(server: "Server", load: Load, delta: int) -> None:
    request = stock_pb2.BatchAdjustStockRequest(
        request_id=str(uuid.uuid4()),
        adjustments=[stock_pb2.StockAdjustment(sku=code, location=LOCATION, delta=delta) for code in load.codes],
        reason="bench",
    )
    await server.stock.BatchAdjustStock(request, timeout=BULK_DEADLINE_S, metadata=server.metadata)


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
    return table
