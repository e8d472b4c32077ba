"""What stands around every method: parsing the bytes, the channel, the deadline, and one way for errors to leave.

Handlers are registered with raw bytes. So a message that can't be parsed is our INVALID_ARGUMENT instead of the
library's UNKNOWN, a stored answer goes out as it is, and no exception's text reaches a client.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NamedTuple, NoReturn, Protocol, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status

from inventory.domain.code import channel_code
from inventory.domain.refusal import Reason, Refusal
from inventory.engine.failures import Defect, EngineError, ShuttingDown
from inventory.postgres.errors import CommandFault, StorageError
from inventory.rpc.errors import BY_NUMBER, status
from inventory.rpc.meter import Meter
from inventory.rpc.streams import Streams

UNARY_BYTES_MAX = 1024 * 1024
BULK_BYTES_MAX = 8 * 1024 * 1024
DEADLINE_DEFAULT_S = 10.0
CHANNEL_KEY = "inventory-channel"
CHANNEL_DEFAULT = "default"
CHANNELS_KNOWN_MAX = 1_000
DETAILS_KEY = "grpc-status-details-bin"

_EXPECTED = (Refusal, EngineError, StorageError, DecodeError)
Context = grpc.aio.ServicerContext
Request = TypeVar("Request", bound=Message)


class Call(NamedTuple):
    """Who calls, and until when; `deadline` is in the loop's time, in seconds."""

    channel_id: int
    channel: str
    deadline: float
    context: Any


class Channels(Protocol):
    """Gives channels their numbers."""

    async def channel_id(self, code: str) -> int:
        """The channel's number, made at first sight."""


class Caller:
    """A channel that calls; its number is known after its first call."""

    def __init__(self, code: str, channels: Channels, streams: Streams) -> None:
        self.code = code
        self.streams = streams
        self._channels = channels
        self._channel_id: int | None = None
        self._loop = asyncio.get_running_loop()

    async def call(self, context: Context[bytes, bytes]) -> Call:
        """Raises CHANNEL_FORMAT, DEADLINE."""
        remaining = cast("float | None", context.time_remaining())
        if remaining is None:
            remaining = DEADLINE_DEFAULT_S
        elif remaining <= 0:
            raise Refusal(Reason.DEADLINE, "the deadline had passed before work was started")
        if self._channel_id is None:
            self._channel_id = await self._channels.channel_id(channel_code(self.code))
        return Call(self._channel_id, self.code, self._loop.time() + remaining, context)


Write = Callable[[bytes], Awaitable[None]]
Method = Callable[[Caller], "grpc.RpcMethodHandler[bytes, bytes]"]
"""Makes what grpc.aio runs, for one channel."""


def unary(
    request_type: type[Request],
    handler: Callable[[Request, Call], Awaitable[bytes]],
    *,
    bytes_max: int = UNARY_BYTES_MAX,
) -> Method:
    """One request, one answer; the handler gives the answer's bytes."""
    parse = request_type.FromString

    def method(caller: Caller) -> grpc.RpcMethodHandler[bytes, bytes]:
        async def work(raw: bytes, context: Context[bytes, bytes]) -> bytes:
            call = await caller.call(context)
            if len(raw) > bytes_max:
                await context.abort(
                    grpc.StatusCode.RESOURCE_EXHAUSTED, f"a message of this method has at most {bytes_max} bytes"
                )
            return await handler(parse(raw), call)

        return grpc.unary_unary_rpc_method_handler(_guarded(work, caller))

    return method


def server_stream(request_type: type[Request], handler: Callable[[Request, Call, Write], Awaitable[None]]) -> Method:
    """One request, many answers: the handler writes each one's bytes."""
    name = request_type.__name__.removesuffix("Request")

    def method(caller: Caller) -> grpc.RpcMethodHandler[bytes, bytes]:
        async def work(raw: bytes, context: Context[bytes, bytes]) -> None:
            call = await caller.call(context)
            await handler(request_type.FromString(raw), call, context.write)

        return grpc.unary_stream_rpc_method_handler(_guarded_stream(name, work, caller))

    return method


def both_streams(name: str, handler: Callable[[Context[bytes, bytes], Call], Awaitable[None]]) -> Method:
    """Many requests, many answers: the handler reads and writes the context's bytes itself."""

    def method(caller: Caller) -> grpc.RpcMethodHandler[bytes, bytes]:
        async def work(_: AsyncIterator[bytes], context: Context[bytes, bytes]) -> None:
            await handler(context, await caller.call(context))

        return grpc.stream_stream_rpc_method_handler(_guarded_stream(name, work, caller))

    return method


class Router(grpc.GenericRpcHandler):
    """Picks what runs by method and channel.

    grpc.aio has parsed the metadata when it asks; asking the context again, or an interceptor, would cost every call.
    """

    def __init__(
        self, methods: Mapping[str, Method], channels: Channels, streams: Streams, meter: Meter | None = None
    ) -> None:
        """`methods` by their full path."""
        self._meter = meter or Meter()
        self._methods = methods
        self._channels = channels
        self._streams = streams
        self._ready: dict[tuple[str, str], grpc.RpcMethodHandler[bytes, bytes]] = {}
        self._callers: dict[str, Caller] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        """What grpc calls for every call; None: not ours."""
        path = handler_call_details.method
        channel = CHANNEL_DEFAULT
        for key, value in handler_call_details.invocation_metadata:
            if key == CHANNEL_KEY:
                channel = value if isinstance(value, str) else ""
        ready = self._ready.get((path, channel))
        return ready or self._make(path, channel)

    def _make(self, path: str, channel: str) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        method = self._methods.get(path)
        if method is None:
            self._meter.unknown += 1
            return None
        caller = self._callers.get(channel) or Caller(channel, self._channels, self._streams)
        made = self._meter.around(path, channel, method(caller))
        if len(self._callers) < CHANNELS_KNOWN_MAX or channel in self._callers:
            self._callers[channel] = caller
            self._ready[(path, channel)] = made
        return made


def _guarded(work: Callable[[bytes, Context[bytes, bytes]], Awaitable[bytes]], caller: Caller) -> Any:
    """Lets nothing but an answer or a proper status out of a method, and counts its calls."""
    streams = caller.streams

    async def run(raw: bytes, context: Context[bytes, bytes]) -> bytes:
        streams.calls += 1
        try:
            if streams.stopping:
                raise ShuttingDown
            return await work(raw, context)
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is leaves as a status
            found = error
        finally:
            streams.calls -= 1
        return await _leave(context, found)

    return run


def _guarded_stream(name: str, work: Callable[[Any, Context[bytes, bytes]], Awaitable[None]], caller: Caller) -> Any:
    """As `_guarded`; it can be ended by us."""
    streams = caller.streams

    async def run(argument: Any, context: Context[bytes, bytes]) -> None:
        with streams.opened(name, caller.code):
            try:
                await work(argument, context)
                return
            except grpc.aio.AbortError:
                raise
            except asyncio.CancelledError as cancelled:
                found: Exception = streams.ended(cancelled)
            except Exception as error:  # noqa: BLE001 - whatever it is leaves as a status
                found = error
            await _leave(context, found)

    return run


async def _leave(context: Context[bytes, bytes], error: Exception) -> NoReturn:
    unexpected = not isinstance(error, _EXPECTED) or isinstance(error, CommandFault)
    try:
        await abort(context, Defect() if unexpected else error)
    except grpc.aio.AbortError as ended:
        raise ended from error  # who measures the call logs a defect


async def abort(context: Context[bytes, bytes], error: Exception) -> NoReturn:
    """Ends the call with the error's status."""
    if isinstance(error, DecodeError):
        error = Refusal(Reason.MALFORMED_REQUEST, "the bytes are not the message of this method")
    elif not isinstance(error, (Refusal, EngineError, StorageError)):
        error = Defect()
    await abort_with(context, status(error))


async def abort_with(context: Context[bytes, bytes], found: Status) -> NoReturn:
    """Ends the call with a ready status."""
    context.set_trailing_metadata(((DETAILS_KEY, found.SerializeToString()),))
    await context.abort(BY_NUMBER[found.code], found.message)
