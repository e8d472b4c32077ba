"""The command line's way to a server: the client package, and what it says for people."""

import asyncio
import os
import sys
import time
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

from inventory_client import Failure, InsufficientStock, InventoryClient, InventoryError, OnRetry

HEALTH_DEADLINE_S = 5.0
READ_PATIENCE_S = 10.0
"""How long a read is made again while the server doesn't answer."""
WRITE_PATIENCE_S = 120.0
"""How long a write is: whoever imports a file would rather wait than begin again."""
QUIET_S = 5.0
SILENT_S = 2.0
"""After so long it is said that a call is made again."""

Result = TypeVar("Result")


@asynccontextmanager
async def connect(
    address: str,
    channel: str = "",
    on_retry: OnRetry | None = None,
    *,
    patience_s: float = READ_PATIENCE_S,
    must_serve: bool = True,
) -> AsyncIterator[InventoryClient]:
    """A client of the server at HOST:PORT, which serves now; `channel` '': the server's default one. `on_retry`: None:
    what takes long is said on stderr. With `must_serve` false a server that does not serve now will do.

    Raises `Failed`; an error of a call leaves the block as `Failed`.
    """
    if channel:
        try:
            channel_code(channel)
        except Refusal as refusal:
            raise Failed(f"{refusal.reason}: {refusal.message}") from None
    if must_serve:
        await assert_serving(address)
    say_again = on_retry or SayAgain(address)
    async with InventoryClient(address, channel, timeout_s=patience_s, on_retry=say_again) as client:
        try:
            yield client
        except InventoryError as error:
            raise failed(error, address) from error


class SayAgain:
    """Says on stderr that a call is made again, when that goes on for long: once, until it has gone well for long."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._began_at = self._last_at = float("-inf")
        self._said = False

    def __call__(self, failure: Failure, pause_s: float) -> None:
        now = time.monotonic()
        if now - self._last_at > QUIET_S:
            self._began_at, self._said = now, False
        self._last_at = now + pause_s
        if not self._said and self._last_at - self._began_at >= SILENT_S:
            self._said = True
            what = f"the server at {self._address} does not answer ({printable(failure.reason or failure.code)})"
            print(f"{what}: trying again ...", file=sys.stderr, flush=True)


async def assert_serving(address: str, service: str = "") -> None:
    """Raises `Failed` unless the server answers that it serves."""
    async with grpc.aio.insecure_channel(address, [("grpc.enable_retries", 0)]) as wire:
        try:
            answer = await health_pb2_grpc.HealthStub(wire).Check(
                health_pb2.HealthCheckRequest(service=service), timeout=HEALTH_DEADLINE_S
            )
        except grpc.aio.AioRpcError as error:
            raise _unanswered(error.code().name, error.details() or "", address) from error
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise Failed(f"the server at {address} does not serve now: its log says why, or it is stopping")


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
    if code == "DEADLINE_EXCEEDED":
        return Failed(f"the server at {address} has not answered in time")
    return Failed(f"{code}: {printable(message or 'no more is known')}")
