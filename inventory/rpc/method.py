"""What stands around every method: parsing the bytes, the caller's limits, the deadline, one way for errors to leave.

Handlers are registered with raw bytes. So a message that can't be parsed is our INVALID_ARGUMENT instead of the
library's UNKNOWN, a stored answer goes out as it is, and no exception's text reaches a client.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple, NoReturn, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status

from inventory.domain.access import FULL_ACCESS, Access
from inventory.domain.audit import Author
from inventory.domain.refusal import Reason, Refusal
from inventory.engine.failures import Defect, EngineError, ShuttingDown
from inventory.postgres.access import InForce
from inventory.postgres.errors import CommandFault, StorageError
from inventory.rpc.bulk import check, kind_of
from inventory.rpc.doors import OF_ACCESS, Doors, Gate
from inventory.rpc.errors import BY_NUMBER, CODES, status
from inventory.rpc.streams import Streams

UNARY_BYTES_MAX = 1024 * 1024
BULK_BYTES_MAX = 8 * 1024 * 1024
METADATA_BYTES_MAX = 16 * 1024
"""Keys and values of one call's metadata."""
DEADLINE_DEFAULT_S = 10.0
DETAILS_KEY = "grpc-status-details-bin"

_EXPECTED = (Refusal, EngineError, StorageError, DecodeError)
Context = grpc.aio.ServicerContext
Request = TypeVar("Request", bound=Message)


class Caller:
    """Who calls, as which channel: the same for all calls with the same credential and names. `known` None:
    development, where a caller is who it says to be."""

    def __init__(
        self,
        channel: str,
        find_channel: Callable[[str], Awaitable[int]],
        streams: Streams,
        gate: Gate,
        *,
        known: InForce | None = None,
        operator: str = "",
        doors: Doors | None = None,
    ) -> None:
        """`find_channel` gives the channel's number, when the first call comes, and raises CHANNEL_FORMAT,
        CHANNEL_NOT_FOUND."""
        self.channel = channel
        self.streams = streams
        self.gate = gate
        self.known = known
        self.access = FULL_ACCESS if known is None else known.access
        self.within = self.access.limits
        self.key_id = "" if known is None else known.key_id
        self.operator = operator
        self._doors = doors
        self._find_channel = find_channel
        self._channel_id: int | None = None
        self._loop = asyncio.get_running_loop()

    def assert_in_force(self) -> None:
        """A call is let in when its headers come, and its client sends the request as late as it likes (seen:
        after its token was revoked). Raises CREDENTIALS_INVALID, `AccessChanged`."""
        if self.known is None or self._doors is None:
            return
        why = self._doors.why_out(self.known)
        if why is not None:
            raise why

    def note_refused(self, error: Exception, context: Context[bytes, bytes], what: str) -> None:
        """Has it told to the audit trail, if it is about access. `what`: the method."""
        if self._doors is None or not isinstance(error, (Refusal, EngineError)) or error.reason not in OF_ACCESS:
            return
        self._doors.note_refused(error.reason, CODES[error.reason].value[0], context.peer(), self.known, what)

    async def call(self, context: Context[bytes, bytes]) -> Call:
        """Raises CHANNEL_FORMAT, CHANNEL_NOT_FOUND, DEADLINE."""
        remaining = cast("float | None", context.time_remaining())
        if remaining is None:
            remaining = DEADLINE_DEFAULT_S
        elif remaining <= 0:
            raise Refusal(Reason.DEADLINE, "the deadline had passed before work was started")
        if self._channel_id is None:
            self._channel_id = await self._find_channel(self.channel)
        return Call(self._channel_id, self.channel, self._loop.time() + remaining, context, self)


class Call(NamedTuple):
    """Who calls, and until when; `deadline` is in the loop's time, in seconds."""

    channel_id: int
    channel: str
    deadline: float
    context: Any
    caller: Caller

    @property
    def access(self) -> Access:
        return self.caller.access

    @property
    def within(self) -> Access | None:
        """What the caller is limited to; None: nothing."""
        return self.caller.within

    @property
    def only_channel_id(self) -> int | None:
        """The channel that it may see the things of; None: all."""
        return None if self.caller.access.reports else self.channel_id

    @property
    def author(self) -> Author:
        """For the audit trail."""
        return Author(self.caller.key_id, self.caller.operator, self.context.peer())


Write = Callable[[bytes], Awaitable[None]]
Method = Callable[[Caller], "grpc.RpcMethodHandler[bytes, bytes]"]
"""Makes what grpc.aio runs, for one caller."""


def unary(
    request_type: type[Request],
    handler: Callable[[Request, Call], Awaitable[bytes]],
    *,
    bytes_max: int = UNARY_BYTES_MAX,
) -> Method:
    """One request, one answer; the handler gives the answer's bytes."""
    name = _name(request_type)
    parse = request_type.FromString
    kind = kind_of(request_type)

    def method(caller: Caller) -> grpc.RpcMethodHandler[bytes, bytes]:
        async def work(raw: bytes, context: Context[bytes, bytes]) -> bytes:
            call = await caller.call(context)
            if len(raw) > bytes_max:
                await context.abort(
                    grpc.StatusCode.RESOURCE_EXHAUSTED, f"a message of this method has at most {bytes_max} bytes"
                )
            check(raw, kind)
            return await handler(parse(raw), call)

        return grpc.unary_unary_rpc_method_handler(_guarded(name, work, caller))

    return method


def server_stream(request_type: type[Request], handler: Callable[[Request, Call, Write], Awaitable[None]]) -> Method:
    """One request, many answers: the handler writes each one's bytes."""
    name = _name(request_type)

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


def _name(request_type: type[Message]) -> str:
    """Of the method that takes it."""
    return request_type.__name__.removesuffix("Request")


def _guarded(name: str, work: Callable[[bytes, Context[bytes, bytes]], Awaitable[bytes]], caller: Caller) -> Any:
    """Lets nothing but an answer or a proper status out of a method, and counts its calls."""
    streams, gate = caller.streams, caller.gate

    async def run(raw: bytes, context: Context[bytes, bytes]) -> bytes:
        gate.arrived()
        try:
            caller.assert_in_force()
            gate.enter()
        except (EngineError, Refusal) as refused:
            caller.note_refused(refused, context, name)
            await abort(context, refused)
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
            gate.leave()
        caller.note_refused(found, context, name)
        return await _leave(context, found)

    return run


def _guarded_stream(name: str, work: Callable[[Any, Context[bytes, bytes]], Awaitable[None]], caller: Caller) -> Any:
    """As `_guarded`; it can be ended by us."""
    streams = caller.streams

    async def run(argument: Any, context: Context[bytes, bytes]) -> None:
        with streams.opened(name, caller.channel, caller):
            caller.gate.arrived()
            try:
                caller.assert_in_force()
                caller.gate.charge()
                await work(argument, context)
                return
            except grpc.aio.AbortError:
                raise
            except asyncio.CancelledError as cancelled:
                found: Exception = streams.ended(cancelled)
            except Exception as error:  # noqa: BLE001 - whatever it is leaves as a status
                found = error
            caller.note_refused(found, context, name)
            await _leave(context, found)

    return run


async def _leave(context: Context[bytes, bytes], error: Exception) -> NoReturn:
    unexpected = not isinstance(error, _EXPECTED) or isinstance(error, CommandFault)
    try:
        await abort(context, Defect() if unexpected else error)
    except grpc.aio.AbortError as ended:
        if not unexpected:
            # Its frames have the request, and hold it in a circle until the collector comes by: three hostile requests
            # of 6 MiB kept a gigabyte (seen).
            error.__traceback__ = error.__context__ = None
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
