"""Around every method: how long it took, how it ended, and what the log and the trace say of that.

A call that went well costs two looks at the clock and one count. Everything else is paid for by whoever asks: a
scrape, a line of the log, a trace.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message

from inventory.domain.code import channel_code
from inventory.domain.refusal import Refusal
from inventory.figures.counters import CHANNELS_COUNTED_MAX, OTHERS
from inventory.figures.histogram import SECONDS, Histogram
from inventory.rpc import call_log
from inventory.rpc.call_log import DEFECTS, SLOW_S, CallLog, LogCalls
from inventory.tracing import Tracing

OK = "OK"
_CODES = {code: code.name for code in grpc.StatusCode}
_NUMBERS = {code.name: int(code.value[0]) for code in grpc.StatusCode}

Context = grpc.aio.ServicerContext
Unary = Callable[[bytes, Any], Awaitable[bytes]]
Stream = Callable[[Any, Any], Awaitable[None]]


class Meter:
    """What the calls of this server came to: `unary` calls' seconds by method and code, `streams` that ended by method
    and code, `channels` by channel and code, and how many calls were of an `unknown` method. A method is named
    Service/Method."""

    def __init__(
        self,
        log: CallLog | None = None,
        tracing: Tracing | None = None,
        finished: Callable[[str, str], None] = lambda channel, code: None,
    ) -> None:
        """`finished` is told of every call that has ended: whose it was, and its code."""
        self.finished = finished
        self.unary: dict[tuple[str, str], Histogram] = {}
        self.streams: Counter[tuple[str, str]] = Counter()
        self.channels: dict[str, Counter[str]] = {}
        self.unknown = 0
        self.log = log or CallLog()
        self.tracing = tracing
        self.stopping = False
        """Then UNAVAILABLE is no news."""

    def counts(self) -> dict[str, list[int]]:
        """How many unary calls fell into each bucket of seconds, by method, whatever their codes."""
        merged: dict[str, list[int]] = {}
        for (method, _), histogram in self.unary.items():
            before = merged.get(method, [0] * len(histogram.counts))
            merged[method] = [a + b for a, b in zip(before, histogram.counts, strict=True)]
        return merged

    def of_channel(self, channel: str) -> Counter[str]:
        """The codes of a channel's calls; those of many more than there may be are counted together."""
        found = self.channels.get(channel)
        if found is None:
            if len(self.channels) >= CHANNELS_COUNTED_MAX:
                channel = OTHERS
            found = self.channels.setdefault(channel, Counter())
        return found

    def refused(self, channel: str, code: str) -> None:
        """A call of that channel was refused before its message came."""
        self.of_channel(_known(channel))[code] += 1
        self.finished(channel, code)

    def around(
        self, path: str, channel: str, handler: grpc.RpcMethodHandler[bytes, bytes], key_id: str = ""
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        """The handler, measured. `channel` and `key_id`: who calls it."""
        calls = _Calls(self, path, channel, key_id)
        found: Any = handler  # its types are those of servers with threads
        if found.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(self._traced(calls, calls.unary(found.unary_unary)))
        if found.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(self._traced(calls, calls.stream(found.unary_stream)))
        return grpc.stream_stream_rpc_method_handler(self._traced(calls, calls.stream(found.stream_stream)))

    def _traced(self, calls: _Calls, run: Any) -> Any:
        return run if self.tracing is None else calls.traced(run)


class _Calls:
    """One method's calls by one caller."""

    def __init__(self, meter: Meter, path: str, channel: str, key_id: str) -> None:
        self._meter = meter
        self._path = path
        self._method = path.rpartition(".")[2]
        self._caller = channel
        self._channel = channel = _known(channel)
        self._key_id = key_id
        self._codes = meter.of_channel(channel)
        self._request_type, self._response_type = _types(path)
        writes = self._request_type is not None and "request_id" in self._request_type.DESCRIPTOR.fields_by_name
        self._says_all = meter.log.says_all(writes=writes)
        self._slow_s = 0.0 if self._says_all else float("inf") if meter.log.which is LogCalls.NONE else SLOW_S

    def unary(self, run: Unary) -> Unary:
        seconds = self._seconds(OK)
        codes, slow_s = self._codes, self._slow_s
        finished, caller = self._meter.finished, self._caller

        async def measured(raw: bytes, context: Context[bytes, bytes]) -> bytes:
            began = perf_counter()
            try:
                answer = await run(raw, context)
            except BaseException as error:
                self._failed(perf_counter() - began, error, raw, context)
                raise
            took_s = perf_counter() - began
            seconds.add(took_s)
            codes[OK] += 1
            finished(caller, OK)
            if took_s >= slow_s:
                self._say("a call", OK, took_s, raw, answer, context)
            return answer

        return measured

    def stream(self, run: Stream) -> Stream:
        async def measured(argument: Any, context: Context[bytes, bytes]) -> None:
            began = perf_counter()
            code, error = OK, None
            try:
                await run(argument, context)
            except BaseException as raised:
                code, error = _code(raised, context), raised
                raise
            finally:
                self._meter.streams[(self._method, code)] += 1
                self._codes[code] += 1
                self._meter.finished(self._caller, code)
                self._say_ended(code, perf_counter() - began, error, argument, context, is_slow=False)

        return measured

    def traced(self, run: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
        tracing = self._meter.tracing
        assert tracing is not None

        async def traced(argument: Any, context: Context[bytes, bytes]) -> Any:
            with tracing.call(self._path, _texts(context)) as span:
                code = OK
                try:
                    return await run(argument, context)
                except BaseException as error:
                    code = _code(error, context)
                    raise
                finally:
                    tracing.finish(span, _NUMBERS[code], code, self._channel)

        return traced

    def _seconds(self, code: str) -> Histogram:
        found = self._meter.unary.get((self._method, code))
        if found is None:
            found = self._meter.unary[(self._method, code)] = Histogram(SECONDS)
        return found

    def _failed(self, took_s: float, error: BaseException, raw: bytes, context: Context[bytes, bytes]) -> None:
        code = _code(error, context)
        self._seconds(code).add(took_s)
        self._codes[code] += 1
        self._meter.finished(self._caller, code)
        self._say_ended(code, took_s, error, raw, context, is_slow=took_s >= self._slow_s)

    def _say_ended(
        self,
        code: str,
        took_s: float,
        error: BaseException | None,
        raw: Any,
        context: Context[bytes, bytes],
        *,
        is_slow: bool,
    ) -> None:
        way = call_log.defect_of(error) if error is not None and code == "INTERNAL" else ""
        if way:
            self._say("a method failed", code, took_s, raw, None, context, error=way)
        elif self._says_all:
            self._say("a call", code, took_s, raw, None, context)
        elif self._meter.log.which is LogCalls.NONE or (self._meter.stopping and code == "UNAVAILABLE"):
            return
        elif is_slow or code in DEFECTS:
            self._say("a call", code, took_s, raw, None, context)

    def _say(
        self,
        event: str,
        code: str,
        took_s: float,
        raw: Any,
        answer: object,
        context: Context[bytes, bytes],
        **more: object,
    ) -> None:
        fields: dict[str, object] = {"method": self._method, "ms": round(took_s * 1e3, 1), "channel": self._channel}
        found = {
            "key_id": self._key_id,
            "request_id": call_log.request_id_of(self._request_type, raw),
            "revision": call_log.revision_of(self._response_type, answer),
            "trace_id": self._trace_id(context),
        }
        fields.update({name: value for name, value in found.items() if value})
        self._meter.log.say(event, code, {**fields, **more}, bounded=not self._says_all)

    def _trace_id(self, context: Context[bytes, bytes]) -> str:
        if self._meter.tracing is not None and (found := self._meter.tracing.trace_id()):
            return found
        return call_log.trace_id_of(_texts(context))


def _known(channel: str) -> str:
    """A caller's text that is no channel's code is nobody's name."""
    try:
        return channel_code(channel)
    except Refusal:
        return OTHERS


def _code(error: BaseException, context: Context[bytes, bytes]) -> str:
    """How a call that raised this has ended."""
    if isinstance(error, asyncio.CancelledError):  # which is what a deadline is to a handler, too
        left_s: Any = context.time_remaining()  # also None
        return "DEADLINE_EXCEEDED" if left_s is not None and left_s <= 0 else "CANCELLED"
    found: Any = context.code()
    return _CODES.get(found, "UNKNOWN")


def _texts(context: Context[bytes, bytes]) -> Mapping[str, str]:
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}


def _types(path: str) -> tuple[type[Message] | None, type[Message] | None]:
    """Of a unary method's request and answer; None for what is a stream."""
    service, _, name = path.strip("/").rpartition("/")
    try:
        method = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
    except KeyError:
        return None, None
    return (
        None if method.client_streaming else message_factory.GetMessageClass(method.input_type),
        None if method.server_streaming else message_factory.GetMessageClass(method.output_type),
    )
