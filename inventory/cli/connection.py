"""The command line's way to a server: the one file of it that knows gRPC."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import uvloop
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2 as details_pb2
from google.rpc.status_pb2 import Status

from inventory.cli.failure import Failed, printable
from inventory.domain.code import channel_code
from inventory.domain.refusal import Reason, Refusal
from inventory.v1 import core_pb2

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # else gRPC's core prints to stderr beside our one line

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from inventory.v1.catalog_service_pb2_grpc import CatalogServiceStub
from inventory.v1.reservation_service_pb2_grpc import ReservationServiceStub
from inventory.v1.stock_service_pb2_grpc import StockServiceStub
from inventory.v1.subscriber_service_pb2_grpc import SubscriberServiceStub
from inventory.v1.watch_service_pb2_grpc import WatchServiceStub

if TYPE_CHECKING:  # the stubs' names only
    from inventory.v1.catalog_service_pb2_grpc import CatalogServiceAsyncStub
    from inventory.v1.reservation_service_pb2_grpc import ReservationServiceAsyncStub
    from inventory.v1.stock_service_pb2_grpc import StockServiceAsyncStub
    from inventory.v1.subscriber_service_pb2_grpc import SubscriberServiceAsyncStub
    from inventory.v1.watch_service_pb2_grpc import WatchServiceAsyncStub

DETAILS_KEY = "grpc-status-details-bin"
HEALTH_DEADLINE_S = 5.0
READ_DEADLINE_S = 10.0
RETRY_PAUSE_MIN_S = 0.1
RETRY_PAUSE_MAX_S = 5.0
RETRIED_S = 120.0
KEEPALIVE_MS = 30_000

RpcError = grpc.aio.AioRpcError
Metadata = tuple[tuple[str, str], ...]
Result = TypeVar("Result")

_TRANSIENT = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNKNOWN,
)


@dataclass(frozen=True)
class Server:
    """A server's services, and the metadata that says which channel asks."""

    address: str
    metadata: Metadata
    stock: "StockServiceAsyncStub"
    catalog: "CatalogServiceAsyncStub"
    reservations: "ReservationServiceAsyncStub"
    watching: "WatchServiceAsyncStub"
    subscribers: "SubscriberServiceAsyncStub"
    health: health_pb2_grpc.HealthStub

    async def assert_serving(self) -> None:
        """Raises `Failed` unless it answers that it serves."""
        try:
            answer = await self.health.Check(health_pb2.HealthCheckRequest(), timeout=HEALTH_DEADLINE_S)
        except RpcError as error:
            raise failed(error, self.address) from error
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            name = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
            raise Failed(f"the server at {self.address} is {name}")


@asynccontextmanager
async def connect(address: str, channel: str = "") -> AsyncIterator[Server]:
    """Services at HOST:PORT, asked by `channel` ('': the server's default one). Nothing is sent yet.

    An error of a call leaves the block as `Failed`.
    """
    metadata: Metadata = ()
    if channel:
        try:
            metadata = (("inventory-channel", channel_code(channel)),)
        except Refusal as refusal:
            raise Failed(f"{refusal.reason}: {refusal.message}") from None
    options = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.max_reconnect_backoff_ms", 1000),
        ("grpc.enable_retries", 0),
    ]
    async with grpc.aio.insecure_channel(address, options=options) as wire:
        try:
            yield Server(
                address,
                metadata,
                StockServiceStub(wire),
                CatalogServiceStub(wire),
                ReservationServiceStub(wire),
                WatchServiceStub(wire),
                SubscriberServiceStub(wire),
                health_pb2_grpc.HealthStub(wire),
            )
        except RpcError as error:
            raise failed(error, address) from error


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Runs a command's coroutine to its end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


async def until_answered(
    call: Callable[[], Awaitable[Result]],
    on_pause: Callable[[str], None] = lambda why: None,
    retried_s: float = RETRIED_S,
) -> Result:
    """Makes a call again, with growing pauses, while its failure is one that may pass. Only for calls that may be
    repeated: reads, and writes with the same request_id. Raises the last error when it doesn't pass in time."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + retried_s
    pause_s = RETRY_PAUSE_MIN_S
    while True:
        try:
            return await call()
        except RpcError as error:
            if not passes(error) or loop.time() >= give_up_at:
                raise
            on_pause(error.code().name)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, RETRY_PAUSE_MAX_S)


def passes(error: RpcError) -> bool:
    """Whether the same call may succeed later without anybody's doing."""
    if error.code() in _TRANSIENT:
        return True
    return _reason(_details(error)) in (Reason.OVERLOADED, Reason.REQUEST_IN_PROGRESS)


def is_not_found(error: RpcError) -> bool:
    return error.code() is grpc.StatusCode.NOT_FOUND


def is_unavailable(error: RpcError) -> bool:
    """Whether the server is gone, or going."""
    return error.code() is grpc.StatusCode.UNAVAILABLE


def is_refusal(error: RpcError) -> bool:
    """Whether the server said a definite no: nothing happened, and asking again is no use in the same state."""
    return bool(_reason(_details(error))) and not passes(error)


def reason(error: RpcError) -> str:
    """The reason's name, or the code's when the server gave none."""
    return _reason(_details(error)) or str(error.code().name)


def failed(error: RpcError, address: str) -> Failed:
    """An error for people: REASON: message, and what it says in detail."""
    status = _details(error)
    reason = _reason(status)
    if not reason:
        if error.code() is grpc.StatusCode.UNAVAILABLE:
            return Failed(
                f"no server answers at {address}: start one with `inventory serve`, or name another with --server"
            )
        return Failed(f"{error.code().name}: {printable(error.details() or 'no more is known')}")
    lines = [f"{reason}: {printable(status.message)}"]
    precondition = details_pb2.PreconditionFailure()
    for detail in status.details:
        if detail.Unpack(precondition):
            lines += [f"  {printable(v.subject)}: {printable(v.description)}" for v in precondition.violations]
    return Failed(*lines)


def reason_of(error: core_pb2.RowError) -> str:
    """The reason of a refused row."""
    return _reason(error) or str(error.code)


def _details(error: RpcError) -> Status:
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return Status.FromString(value)
            except DecodeError:
                break
    return Status()


def _reason(status: Status | core_pb2.RowError) -> str:
    info = details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info):
            return str(info.reason)
    return ""
