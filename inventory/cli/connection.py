"""The command line's way to a server: the client package, and what it says for people."""

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import uvloop

from inventory.cli.failure import Failed, printable
from inventory.domain.code import channel_code
from inventory.domain.refusal import Refusal

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # else gRPC's core prints to stderr beside our one line

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from inventory_client import InsufficientStock, InventoryClient, InventoryError, OnRetry

HEALTH_DEADLINE_S = 5.0
PATIENCE_S = 120.0
"""How long a call is made again while the server doesn't answer."""

Result = TypeVar("Result")


@asynccontextmanager
async def connect(address: str, channel: str = "", on_retry: OnRetry | None = None) -> AsyncIterator[InventoryClient]:
    """A client of the server at HOST:PORT, which serves now; `channel` '': the server's default one.

    Raises `Failed`; an error of a call leaves the block as `Failed`.
    """
    if channel:
        try:
            channel_code(channel)
        except Refusal as refusal:
            raise Failed(f"{refusal.reason}: {refusal.message}") from None
    await assert_serving(address)
    async with InventoryClient(address, channel, timeout_s=PATIENCE_S, on_retry=on_retry) as client:
        try:
            yield client
        except InventoryError as error:
            raise failed(error, address) from error


async def assert_serving(address: str) -> None:
    """Raises `Failed` unless the server answers that it serves."""
    async with grpc.aio.insecure_channel(address, [("grpc.enable_retries", 0)]) as wire:
        try:
            answer = await health_pb2_grpc.HealthStub(wire).Check(
                health_pb2.HealthCheckRequest(), timeout=HEALTH_DEADLINE_S
            )
        except grpc.aio.AioRpcError as error:
            raise _unanswered(error.code().name, error.details() or "", address) from error
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise Failed(
            f"the server at {address} does not serve now: its database can't be reached or written, or it is stopping"
        )


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Runs a command's coroutine to its end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def failed(error: InventoryError, address: str) -> Failed:
    """An error for people: REASON: message, and what it says in detail."""
    if not error.reason:
        return _unanswered(error.code, error.message, address)
    lines = [f"{error.reason}: {printable(error.message)}"]
    if isinstance(error, InsufficientStock):
        for short in error.shortages:
            where = f"{printable(short.sku)}@{printable(short.location)}"
            lines.append(f"  {where}: requested {short.requested}, available {short.available}")
    return Failed(*lines)


def _unanswered(code: str, message: str, address: str) -> Failed:
    if code == "UNAVAILABLE":
        return Failed(
            f"no server answers at {address}: start one with `inventory serve`, or name another with --server"
        )
    return Failed(f"{code}: {printable(message or 'no more is known')}")
