"""What stands around every method: parsing the bytes, the channel, the deadline, and one way for errors to leave.

Handlers are registered with raw bytes. So a message that can't be parsed is our INVALID_ARGUMENT instead of the
library's UNKNOWN, a stored answer goes out as it is, and no exception's text reaches a client.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, TypeVar, cast

import grpc
import structlog
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status

from inventory.domain.code import channel_code
from inventory.domain.refusal import Reason, Refusal
from inventory.engine.failures import Defect, EngineError
from inventory.postgres.errors import StorageError
from inventory.rpc.errors import BY_NUMBER, status

UNARY_BYTES_MAX = 1024 * 1024
BULK_BYTES_MAX = 8 * 1024 * 1024
DEADLINE_DEFAULT_S = 10.0
CHANNEL_KEY = "inventory-channel"
CHANNEL_DEFAULT = "default"
DETAILS_KEY = "grpc-status-details-bin"

log = structlog.get_logger(__name__)
Context = grpc.aio.ServicerContext
Request = TypeVar("Request", bound=Message)
Handlers = dict[str, "grpc.RpcMethodHandler[bytes, bytes]"]


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls, and until when; `deadline` is in the loop's time, in seconds."""

    channel_id: int
    channel: str
    deadline: float
    context: Any


class Channels(Protocol):
    """Gives channels their numbers."""

    async def channel_id(self, code: str) -> int:
        """The channel's number, made at first sight."""


class Methods:
    """Turns handlers into what grpc.aio registers."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._known: dict[str, int] = {}
        self._loop = asyncio.get_running_loop()

    def unary(
        self,
        request_type: type[Request],
        handler: Callable[[Request, Call], Awaitable[bytes]],
        *,
        bytes_max: int = UNARY_BYTES_MAX,
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        """One request, one answer; the handler gives the answer's bytes."""
        parse = request_type.FromString

        async def work(raw: bytes, context: Context[bytes, bytes]) -> bytes:
            call = await self._call(context)
            if len(raw) > bytes_max:
                await context.abort(
                    grpc.StatusCode.RESOURCE_EXHAUSTED, f"a message of this method has at most {bytes_max} bytes"
                )
            return await handler(parse(raw), call)

        return grpc.unary_unary_rpc_method_handler(_guarded(request_type.__name__, work))

    def server_stream(
        self, request_type: type[Request], handler: Callable[[Request, Call], AsyncGenerator[bytes]]
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        """One request, many answers."""

        async def work(raw: bytes, context: Context[bytes, bytes]) -> None:
            call = await self._call(context)
            async with aclosing(handler(request_type.FromString(raw), call)) as messages:
                async for message in messages:
                    await context.write(message)

        return grpc.unary_stream_rpc_method_handler(_guarded(request_type.__name__, work))

    def both_streams(
        self, name: str, handler: Callable[[Context[bytes, bytes], Call], Awaitable[None]]
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Many requests, many answers: the handler reads and writes the context's bytes itself."""

        async def work(_: AsyncIterator[bytes], context: Context[bytes, bytes]) -> None:
            await handler(context, await self._call(context))

        return grpc.stream_stream_rpc_method_handler(_guarded(name, work))

    async def _call(self, context: Context[bytes, bytes]) -> Call:
        remaining = cast("float | None", context.time_remaining())
        if remaining is None:
            remaining = DEADLINE_DEFAULT_S
        elif remaining <= 0:
            await abort(context, Refusal(Reason.DEADLINE, "the deadline had passed before work was started"))
        channel = CHANNEL_DEFAULT
        for key, value in context.invocation_metadata() or ():
            if key == CHANNEL_KEY:
                channel = channel_code(value if isinstance(value, str) else "")
        number = self._known.get(channel)
        if number is None:
            number = self._known[channel] = await self._channels.channel_id(channel)
        return Call(number, channel, self._loop.time() + remaining, context)


def _guarded(name: str, work: Callable[[Any, Context[bytes, bytes]], Awaitable[Any]]) -> Callable[..., Any]:
    """Lets nothing but a proper status out of a method."""

    async def run(argument: Any, context: Context[bytes, bytes]) -> Any:
        try:
            return await work(argument, context)
        except (Refusal, EngineError, StorageError, DecodeError) as error:
            found: Exception = error
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            log.exception("a method failed", method=name)
            found = error
        return await abort(context, found)

    return run


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
