"""One database with its servers: what a race test plays with, and the proof at its end."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, Self, TypeVar
from uuid import UUID

import asyncpg
import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import catalog_service_pb2_grpc as catalog_grpc
from inventory.v1 import channel_service_pb2_grpc as channel_grpc
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import reservation_service_pb2_grpc as reservation_grpc
from inventory.v1 import stock_count_service_pb2_grpc as stock_count_grpc
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import stock_service_pb2_grpc as stock_grpc
from inventory.v1 import subscriber_service_pb2_grpc as subscriber_grpc
from inventory.v1 import transfer_service_pb2_grpc as transfer_grpc
from inventory.v1 import watch_service_pb2_grpc as watch_grpc
from tests.conftest import as_server
from tests.race.invariants import broken
from tests.race.processes import Process, Server

SEED = int(os.environ.get("INVENTORY_RACE_SEED", "20261123"))
SHOP = "shop"
CALL_TIMEOUT_S = 30.0
POLL_S = 0.02
POLL_TIMEOUT_S = 60.0
SLOW_MACHINE = 3
NARROW = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_536))
TRY_AGAIN = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.ABORTED,
)

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def within(
    limit_s: float,
) -> Callable[[Callable[Parameters, Awaitable[None]]], Callable[Parameters, Coroutine[Any, Any, None]]]:
    """A test that takes longer is stuck; elsewhere than on two cores of its own, `SLOW_MACHINE` times as long."""

    def bound(
        test: Callable[Parameters, Awaitable[None]],
    ) -> Callable[Parameters, Coroutine[Any, Any, None]]:
        @wraps(test)
        async def run(*arguments: Parameters.args, **named: Parameters.kwargs) -> None:
            async with asyncio.timeout(limit_s * SLOW_MACHINE):
                await test(*arguments, **named)

        return run

    return bound


class Client:
    """Stubs of one server, on one channel; an `own` one has a connection that nobody shares."""

    def __init__(self, address: str, *, own: bool = False, narrow: bool = False) -> None:
        """`narrow`: the server may run ahead of the reader by 64 KiB only."""
        own_pool = ("grpc.use_local_subchannel_pool", int(own or narrow))
        self.channel = grpc.aio.insecure_channel(address, [own_pool, *(NARROW if narrow else ())])
        self.reservations = reservation_grpc.ReservationServiceStub(self.channel)
        self.stock = stock_grpc.StockServiceStub(self.channel)
        self.counts = stock_count_grpc.StockCountServiceStub(self.channel)
        self.catalog = catalog_grpc.CatalogServiceStub(self.channel)
        self.channels = channel_grpc.ChannelServiceStub(self.channel)
        self.feed = watch_grpc.WatchServiceStub(self.channel)
        self.subscribers = subscriber_grpc.SubscriberServiceStub(self.channel)
        self.transfers = transfer_grpc.TransferServiceStub(self.channel)

    def reserve(
        self, request: reservation_pb2.ReserveRequest, timeout_s: float | None = CALL_TIMEOUT_S
    ) -> "grpc.aio.UnaryUnaryCall[reservation_pb2.ReserveRequest, reservation_pb2.ReserveResponse]":
        return self.reservations.Reserve(request, timeout=timeout_s)


class House:
    """`sql` is the test's own connection, as the owner of the tables, which servers are not; `random` is seeded by the
    test's name."""

    def __init__(self, dsn: str, name: str) -> None:
        self.dsn = dsn
        self.random = random.Random(f"{SEED} {name}")
        self.sql: asyncpg.Connection
        self.clients: list[Client] = []
        self._processes: list[Process] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.sql = await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._stack.aclose()
        finally:
            for client in self.clients:
                await client.channel.close()
            for process in self._processes:
                await process.kill()
            self.sql.terminate()

    async def enter(self, thing: Any) -> Any:
        """Enters it, and leaves it at the end."""
        return await self._stack.enter_async_context(thing)

    async def connect(self, dsn: str | None = None) -> asyncpg.Connection:
        return await asyncpg.connect(
            dsn or self.dsn, server_settings={"search_path": "inventory", "application_name": "test"}
        )

    def keep(self, process: Process) -> None:
        """Kills it at the end, whatever happens."""
        self._processes.append(process)

    async def server(
        self, dsn: str | None = None, *options: str, environment: Mapping[str, str] | None = None
    ) -> tuple[Server, Client]:
        """A running server, and stubs for it."""
        server = await Server.start(as_server(dsn or self.dsn), *options, environment=environment)
        self.keep(server)
        client = Client(server.address)
        self.clients.append(client)
        return server, client

    async def server_at(self, address: str) -> tuple[Server, Client]:
        """As `server`, where another one was before."""
        server = await Server.serve("--dsn", as_server(self.dsn), "--listen", address)
        self.keep(server)
        return server, self.client(address)

    def client(self, address: str, *, narrow: bool = False) -> Client:
        """Stubs on a connection of their own."""
        client = Client(address, own=True, narrow=narrow)
        self.clients.append(client)
        return client

    async def servers(self, *dsns: str | None) -> list[tuple[Server, Client]]:
        return list(await asyncio.gather(*(self.server(dsn) for dsn in dsns)))

    def uuid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    async def stock(self, client: Client, quantities: Mapping[str, int]) -> None:
        """Makes the SKUs, and puts so much of each into the one shop."""
        await client.catalog.ImportCatalog(
            catalog_pb2.ImportCatalogRequest(
                request_id=self.uuid(),
                skus=[catalog_pb2.Sku(sku=sku) for sku in quantities],
                locations=[catalog_pb2.Location(location=SHOP)],
            )
        )
        await client.stock.BatchAdjustStock(
            stock_pb2.BatchAdjustStockRequest(
                request_id=self.uuid(),
                reason="opening stock",
                adjustments=[
                    stock_pb2.StockAdjustment(sku=sku, location=SHOP, delta=quantity)
                    for sku, quantity in quantities.items()
                    if quantity
                ],
            )
        )

    def request(
        self, lines: Mapping[str, int], *, ttl: timedelta | None = None, **fields: Any
    ) -> reservation_pb2.ReserveRequest:
        """A new intent to reserve; its request_id stands in `reference`, so that SQL finds its effects."""
        request_id = self.uuid()
        request = reservation_pb2.ReserveRequest(
            request_id=request_id,
            reference=request_id,
            lines=[core_pb2.LineQuantity(sku=sku, location=SHOP, quantity=quantity) for sku, quantity in lines.items()],
            **fields,
        )
        if ttl is None:
            request.allocate = True
        else:
            duration = Duration()
            duration.FromTimedelta(ttl)
            request.hold_ttl.CopyFrom(duration)
        return request

    def correction(self, sku: str, delta: int) -> stock_pb2.AdjustStockRequest:
        return stock_pb2.AdjustStockRequest(
            request_id=self.uuid(), sku=sku, location=SHOP, delta=delta, reason="correction"
        )

    def release(self, reservation_id: str) -> reservation_pb2.ReleaseRequest:
        return reservation_pb2.ReleaseRequest(request_id=self.uuid(), reservation_id=reservation_id)

    async def ping(self, client: Client) -> None:
        """The server has read what was sent to it on this channel before."""
        await client.stock.BatchGetStock(
            stock_pb2.BatchGetStockRequest(keys=[stock_pb2.StockKey(sku="none", location=SHOP)]), timeout=10
        )

    async def effects(self, requests: Iterable[reservation_pb2.ReserveRequest]) -> dict[str, list[str]]:
        """Per request_id the ids of the reservations that came of it, each proved to be whole."""
        expected = {request.request_id: len(request.lines) for request in requests}
        rows = await self.sql.fetch(
            """
            SELECT reference, reservation_id, lines, moved
            FROM reservation
            JOIN (SELECT reservation_id, count(*) AS lines FROM reservation_line GROUP BY 1) AS a USING (reservation_id)
            JOIN (SELECT reservation_id, count(*) AS moved FROM movement WHERE kind IN (3, 4) GROUP BY 1) AS b
                USING (reservation_id)
            WHERE reference = ANY ($1::text[])
            """,
            list(expected),
        )
        found: dict[str, list[str]] = {request_id: [] for request_id in expected}
        for row in rows:
            assert row["lines"] == row["moved"] == expected[row["reference"]], "a half reservation"
            found[row["reference"]].append(str(row["reservation_id"]))
        return found

    async def available(self, sku: str) -> int:
        return int(
            await self.sql.fetchval(
                "SELECT on_hand - held - allocated FROM level JOIN sku USING (sku_id) WHERE code = $1", sku
            )
        )

    async def prove(self, **options: Any) -> None:
        """I1 to I3, and that no one waits for, or holds, anything."""
        assert await broken(self.sql, **options) == {}
        await until(self._nothing_is_held)

    async def _nothing_is_held(self) -> bool:
        return not await self.sql.fetchval(
            """
            SELECT EXISTS (
                SELECT FROM pg_stat_activity AS backend
                LEFT JOIN pg_locks AS lock ON lock.pid = backend.pid AND lock.locktype <> 'virtualxid'
                WHERE backend.datname = current_database() AND backend.application_name = 'inventory'
                    AND (backend.state <> 'idle' OR lock.pid IS NOT NULL)
            )
            """
        )

    async def waits_for_a_lock(self) -> bool:
        return await self._waiting() > 0

    async def two_wait_for_a_lock(self) -> bool:
        return await self._waiting() == 2

    async def _waiting(self) -> int:
        return int(
            await self.sql.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )

    async def backends(self) -> int:
        """How many connections the servers have."""
        return int(
            await self.sql.fetchval(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'inventory'"
            )
        )


async def until(done: Callable[[], Awaitable[object]], timeout_s: float = POLL_TIMEOUT_S) -> None:
    """Polls. Fails when it takes too long."""
    try:
        async with asyncio.timeout(timeout_s):
            while not await done():  # noqa: ASYNC110 - what is waited for happens in other processes
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise AssertionError(f"waited in vain: {done}") from None


async def until_answered(
    client: Client, request: reservation_pb2.ReserveRequest, timeout_s: float = 10.0
) -> reservation_pb2.ReserveResponse:
    """Sends the same request until there is a definite answer. Raises a definite refusal."""
    while True:
        try:
            return await client.reserve(request, timeout_s)
        except grpc.aio.AioRpcError as error:
            if error.code() not in TRY_AGAIN:
                raise
        await asyncio.sleep(POLL_S)


def reason(error: BaseException) -> str:
    """ErrorInfo.reason, or the code's name."""
    assert isinstance(error, grpc.aio.AioRpcError), repr(error)
    return str(error_info(error).reason) or error.code().name


def error_info(error: grpc.aio.AioRpcError) -> Any:
    """Its ErrorInfo; an empty one when it has none."""
    info = ErrorInfo()
    any(detail.Unpack(info) for detail in _details(error))
    return info


def retry_after_s(error: grpc.aio.AioRpcError) -> float | None:
    """RetryInfo.retry_delay."""
    info = RetryInfo()
    for detail in _details(error):
        if detail.Unpack(info):
            return float(info.retry_delay.ToTimedelta().total_seconds())
    return None


def _details(error: grpc.aio.AioRpcError) -> list[Any]:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return list(Status.FromString(value).details)
    return []


async def outcomes(calls: Iterable[Awaitable[Result]]) -> tuple[list[Result], list[BaseException]]:
    """Runs all at once; the answers, and the errors."""
    done = await asyncio.gather(*(_settled(call) for call in calls))
    return [value for value, error in done if error is None and value is not None], [
        error for _, error in done if error is not None
    ]


async def _settled(call: Awaitable[Result]) -> tuple[Result | None, BaseException | None]:
    try:
        return await call, None
    except grpc.aio.AioRpcError as error:
        return None, error
