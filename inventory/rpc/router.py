"""Picks what runs by method and caller: the one place where callers are known, and turned away.

grpc.aio has parsed the metadata when it asks; asking the context again, or an interceptor, would cost every call.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import grpc

from inventory.domain.access import Scope, acting_refused, scope_required
from inventory.domain.audit import OPERATOR_BYTES_MAX
from inventory.domain.code import channel_code, free_text
from inventory.domain.refusal import Reason, Refusal, channel_not_found
from inventory.engine.failures import EngineError
from inventory.postgres.access import InForce, find_channel
from inventory.postgres.reads import Reader
from inventory.rpc.doors import Doors, OpenGate, TooManyCalls, not_in_force
from inventory.rpc.errors import CODES
from inventory.rpc.meter import Meter
from inventory.rpc.method import METADATA_BYTES_MAX, Caller, Context, Method, abort
from inventory.rpc.peer import certificate_sha256
from inventory.rpc.streams import Streams
from inventory.v1 import access_pb2

AUTHORIZATION_KEY = "authorization"
CHANNEL_KEY = "inventory-channel"
OPERATOR_KEY = "inventory-operator"
CHANNEL_DEFAULT = "default"
"""In development, of callers who name none."""
READY_MAX = 20_000
"""Handlers kept; each is of one method and one caller."""
KEPT_CHARS_MAX = 256
"""Of a caller's metadata, by which its handlers are kept: a token, a channel and an operator have fewer."""

METADATA_REFUSED_MAX_BYTES = 4 * 1024 * 1024
"""Of calls with too much metadata, until it is looked for (see `_Oversized`)."""

Handler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"


class _Found(NamedTuple):
    """What runs for a call; `caller`: in whose name it counts from now on, before its message has come."""

    handler: Handler
    caller: Caller | None


class Service:
    """A service's methods, each with the scope that its descriptor says."""

    def __init__(self, descriptor: Any, methods: Mapping[str, Method]) -> None:
        """Raises `RuntimeError` for a method without a scope."""
        self.name: str = descriptor.full_name
        self.methods: dict[str, tuple[Method, Scope]] = {}
        for name, method in methods.items():
            number = descriptor.methods_by_name[name].GetOptions().Extensions[access_pb2.scope]
            if not number:
                raise RuntimeError(f"{self.name}/{name} says no scope")
            self.methods[f"/{self.name}/{name}"] = (method, Scope(number))


class Router(grpc.GenericRpcHandler):
    """`doors` None: development, where every caller is who it says to be and may do everything. `free`: methods that
    ask for no credential, by path; they limit themselves."""

    def __init__(
        self,
        services: list[Service],
        reader: Reader,
        streams: Streams,
        doors: Doors | None,
        meter: Meter,
        free: Mapping[str, Handler] | None = None,
    ) -> None:
        self._meter = meter
        self._methods = {path: method for service in services for path, method in service.methods.items()}
        self._reader = reader
        self._streams = streams
        self._doors = doors
        self._open_gate = OpenGate()
        self._oversized = _Oversized()
        self._free = free or {}
        self._ready: dict[tuple[str, str | None, str | None, str], _Found] = {}
        self._ready_late: dict[tuple[str, str, str | None, str], _Found] = {}
        self._callers: dict[tuple[str | None, str | None, str], Caller] = {}
        if doors is not None:
            doors.on_change.append(self._forget)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """What grpc calls for every call; None: not ours."""
        path = handler_call_details.method
        authorization: str | None = None
        channel: str | None = None
        operator = ""
        size = 0
        for key, value in handler_call_details.invocation_metadata:
            size += len(key) + len(value)
            if key == AUTHORIZATION_KEY:
                # A second one makes it a credential that nobody has.
                authorization = str(value) if authorization is None else ""
            elif key == CHANNEL_KEY:
                channel = str(value)
            elif key == OPERATOR_KEY:
                operator = str(value)
        if size > METADATA_BYTES_MAX:
            return self._oversized.one_of(size)
        ready = self._ready.get((path, authorization, channel, operator))
        ready = ready or self._make(path, authorization, channel, operator)
        if ready is None:
            return None
        caller = ready.caller
        return ready.handler if caller is None or caller.gate.expect() else self._refuse_one_more(caller)

    def _make(self, path: str, authorization: str | None, channel: str | None, operator: str) -> _Found | None:
        found = self._methods.get(path)
        if found is None:
            free = self._free.get(path)
            if free is not None:
                return _Found(free, None)
            self._meter.unknown += 1
            return None
        method, scope = found
        doors = self._doors
        known = None
        if doors is not None:
            if authorization is None:
                return self._by_certificate(doors, path, channel, operator)
            known = doors.by_token(authorization)
            if known is None:  # nothing is kept of it, however many there are
                return _refuse(not_in_force(Reason.CREDENTIALS_INVALID), doors, None, path)
            if known.access.certificate_required:
                return self._by_both(doors, known, path, channel, operator)
        made = self._admit(method, scope, path, known, channel, operator, authorization)
        if _is_kept(authorization, channel, operator):
            self._make_room()
            self._ready[(path, authorization, channel, operator)] = made
        return made

    def _refuse_one_more(self, caller: Caller) -> Handler:
        self._meter.refused(caller.channel, CODES[TooManyCalls.reason].name)
        return _TOO_MANY_CALLS

    def _by_certificate(self, doors: Doors, path: str, channel: str | None, operator: str) -> _Found:
        """Who shows no token: what the connection says of its peer is known only when the call is served."""

        def find(context: Context[bytes, bytes]) -> _Found:
            digest = certificate_sha256(context)
            if digest is None:
                return _refuse(not_in_force(Reason.CREDENTIALS_MISSING), doors, None, path)
            known = doors.by_certificate(digest)
            if known is None:
                return _refuse(not_in_force(Reason.CREDENTIALS_INVALID), doors, None, path)
            return self._ready_for(known, path, channel, operator)

        return self._found_late(find)

    def _by_both(self, doors: Doors, token: InForce, path: str, channel: str | None, operator: str) -> _Found:
        """Whose token takes a certificate of the same channel beside it."""

        def find(context: Context[bytes, bytes]) -> _Found:
            digest = certificate_sha256(context)
            shown = None if digest is None else doors.by_certificate(digest)
            now = doors.current(token)  # what is made of it is kept: of what it was before nothing may be
            if shown is None or now is None or shown.channel_id != now.channel_id:
                return _refuse(not_in_force(Reason.CREDENTIALS_INVALID), doors, None, path)
            return self._ready_for(now, path, channel, operator)

        return self._found_late(find)

    def _found_late(self, find: Callable[[Context[bytes, bytes]], _Found]) -> _Found:
        """Runs what is found for a call when it is served, whatever its arity."""

        async def run(requests: Any, context: Context[bytes, bytes]) -> None:
            found = find(context)
            handler: Any = found.handler
            if handler.stream_stream is not None:
                await handler.stream_stream(requests, context)
                return
            if found.caller is not None and not found.caller.gate.expect():
                self._refuse_one_more(found.caller)
                await _refuse_call(requests, context)
            raw: Any = await context.read()
            if not isinstance(raw, bytes):  # the call has ended without its request
                await abort(context, Refusal(Reason.MALFORMED_REQUEST, "the call has no request"))
            elif handler.unary_stream is not None:
                await handler.unary_stream(raw, context)
            else:
                await context.write(await handler.unary_unary(raw, context))

        return _Found(grpc.stream_stream_rpc_method_handler(run), None)

    def _ready_for(self, known: InForce, path: str, channel: str | None, operator: str) -> _Found:
        # Kept apart from what is found by a token's text: a key_id is no secret, and must open nothing as one.
        key = (path, known.key_id, channel, operator)
        ready = self._ready_late.get(key)
        if ready is None:
            method, scope = self._methods[path]
            ready = self._admit(method, scope, path, known, channel, operator, known.key_id)
            if _is_kept(channel, operator):
                self._make_room()
                self._ready_late[key] = ready
        return ready

    def _make_room(self) -> None:
        if len(self._ready) + len(self._ready_late) >= READY_MAX:
            self._forget()

    def _admit(
        self,
        method: Method,
        scope: Scope,
        path: str,
        known: InForce | None,
        channel: str | None,
        operator: str,
        authorization: str | None,
    ) -> _Found:
        """What runs for a caller that is known, or what refuses it."""
        try:
            free_text(operator, OPERATOR_BYTES_MAX, OPERATOR_KEY)
        except Refusal as refusal:
            return _refuse(refusal, None, known, path)
        if known is not None:
            if not known.access.allows(scope):
                return _refuse(scope_required(scope), self._doors, known, path)
            if channel is not None and channel != known.channel and not known.access.is_admin:
                return _refuse(acting_refused(known.channel, channel), self._doors, known, path)
        key = (authorization, channel, operator)
        caller = self._callers.get(key)
        if caller is None:
            caller = self._caller(known, channel, operator)
            if _is_kept(*key):
                self._callers[key] = caller
        handler: Any = self._meter.around(path, caller.channel, method(caller), caller.key_id)
        one_message = handler.stream_stream is None
        return _Found(handler, caller if one_message else None)

    def _caller(self, known: InForce | None, channel: str | None, operator: str) -> Caller:
        if known is None:
            code = CHANNEL_DEFAULT if channel is None else channel
            return Caller(code, self._made_channel, self._streams, self._open_gate, operator=operator)
        assert self._doors is not None
        code, gate = known.channel if channel is None else channel, self._doors.gate(known)
        return Caller(
            code, self._existing_channel, self._streams, gate, known=known, operator=operator, doors=self._doors
        )

    async def _made_channel(self, code: str) -> int:
        return await self._reader.channel_id(channel_code(code))

    async def _existing_channel(self, code: str) -> int:
        found = await find_channel(self._reader, channel_code(code))
        if found is None:
            raise channel_not_found(code)
        self._reader.channels[found] = code
        return found

    def _forget(self) -> None:
        """What callers may has changed: all are asked again, and streams ended whose callers may no longer."""
        self._ready.clear()
        self._ready_late.clear()
        self._callers.clear()
        if self._doors is not None:
            self._streams.end(_why_end(self._doors))


def _is_kept(*texts: str | None) -> bool:
    return sum(len(text or "") for text in texts) <= KEPT_CHARS_MAX


class _Oversized:
    """Refuses calls with too much metadata. From clients that have not acknowledged its settings gRPC's core takes
    16 MiB of it (seen), which grpc.aio leaves in a circle until the collector comes by: ten calls, 160 MiB."""

    def __init__(self) -> None:
        self._refused_bytes = 0
        # For methods of every kind: on the wire they differ only in how many messages come.
        self._handler: Handler = grpc.stream_stream_rpc_method_handler(self._refuse)

    def one_of(self, size_bytes: int) -> Handler:
        self._refused_bytes += size_bytes
        return self._handler

    async def _refuse(self, _: AsyncIterator[bytes], context: Context[bytes, bytes]) -> None:
        if self._refused_bytes >= METADATA_REFUSED_MAX_BYTES:
            self._refused_bytes = 0
            gc.collect(0)  # it is of this very moment, and young
        await context.abort(
            grpc.StatusCode.RESOURCE_EXHAUSTED, f"the metadata of a call has at most {METADATA_BYTES_MAX} bytes"
        )


async def _refuse_call(_: AsyncIterator[bytes], context: Context[bytes, bytes]) -> None:
    await abort(context, TooManyCalls())


_TOO_MANY_CALLS: Handler = grpc.stream_stream_rpc_method_handler(_refuse_call)


def _why_end(doors: Doors) -> Callable[[object], EngineError | Refusal | None]:
    def why(caller: object) -> EngineError | Refusal | None:
        assert isinstance(caller, Caller)
        return None if caller.known is None else doors.why_out(caller.known)

    return why


def _refuse(refusal: Refusal, doors: Doors | None, known: InForce | None, path: str) -> _Found:
    """Reads nothing of what the caller sends. `doors`: who is told of it."""
    code = CODES[refusal.reason].value[0]

    async def refuse(_: object, context: Context[bytes, bytes]) -> None:
        if doors is not None:
            doors.note_refused(refusal.reason, code, context.peer(), known, path.rpartition("/")[2] if known else "")
        await abort(context, refusal)

    return _Found(grpc.stream_stream_rpc_method_handler(refuse), None)
