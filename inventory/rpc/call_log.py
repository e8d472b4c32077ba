"""What the log says of calls: which of them, with what, and how many lines at most.

What a line says is read from the call's bytes when it is said: a call that isn't logged pays nothing.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from time import perf_counter
from uuid import UUID

import grpc
import structlog
from google.protobuf.message import DecodeError, Message

from inventory.engine.failures import EngineError, described

SLOW_S = 1.0
LINES_BURST_MAX = 20
LINES_PER_S = 2.0
LEFT_OUT_SAID_S = 10.0
DEFECTS = frozenset(("INTERNAL", "UNKNOWN", "UNAVAILABLE", "DEADLINE_EXCEEDED"))
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)

log = structlog.get_logger(__name__)


class LogCalls(StrEnum):
    """Which calls get a line each."""

    NONE = "none"
    DEFECTS = "defects"
    """That failed by the server's fault, and unary ones that took longer than a second; so many lines at most."""
    WRITES = "writes"
    """These, and every call that changes something."""
    ALL = "all"


class CallLog:
    """Says what is to be said of calls. `left_out`: how many lines there was no room for."""

    def __init__(self, which: LogCalls = LogCalls.DEFECTS, clock: Callable[[], float] = perf_counter) -> None:
        self.which = which
        self.left_out = 0
        self._clock = clock
        self._room = float(LINES_BURST_MAX)
        self._room_at = clock()
        self._unsaid = 0

    def says_all(self, *, writes: bool) -> bool:
        """Whether every call of a method is said; `writes`: it changes something."""
        return self.which is LogCalls.ALL or (writes and self.which is LogCalls.WRITES)

    def say(self, event: str, code: str, fields: Mapping[str, object], *, bounded: bool) -> None:
        """One line; when it is `bounded`, only while there is room."""
        if bounded and not self._has_room():
            self._leave_out()
            return
        tell = log.error if code == "INTERNAL" else log.warning if code in DEFECTS else log.info
        tell(event, code=code, **fields)

    def _has_room(self) -> bool:
        now = self._clock()
        self._room = min(self._room + (now - self._room_at) * LINES_PER_S, LINES_BURST_MAX)
        self._room_at = now
        if self._room < 1:
            return False
        self._room -= 1
        return True

    def _leave_out(self) -> None:
        self.left_out += 1
        self._unsaid += 1
        if self._unsaid == 1:
            asyncio.get_running_loop().call_later(LEFT_OUT_SAID_S, self.say_left_out)

    def say_left_out(self) -> None:
        unsaid, self._unsaid = self._unsaid, 0
        log.warning("lines about calls were left out", lines=unsaid)


def trace_id_of(metadata: Mapping[str, object]) -> str:
    """The W3C trace id that the client sent; '': none, or not one."""
    told = metadata.get("traceparent")
    found = _TRACEPARENT.fullmatch(told) if isinstance(told, str) else None
    return found[1] if found else ""


def request_id_of(request_type: type[Message] | None, raw: object) -> str:
    """The request_id in the bytes of a request; '': none, or not a UUID, which is a client's free text."""
    message = _parsed(request_type, raw)
    try:
        return str(UUID(getattr(message, "request_id", "")))
    except ValueError:
        return ""


def revision_of(response_type: type[Message] | None, answer: object) -> int:
    """The revision in the bytes of an answer; 0: none."""
    found = getattr(_parsed(response_type, answer), "revision", 0)
    return found if isinstance(found, int) else 0


def _parsed(message_type: type[Message] | None, raw: object) -> Message | None:
    if message_type is None or not isinstance(raw, bytes):
        return None
    try:
        return message_type.FromString(raw)
    except DecodeError:
        return None


def defect_of(error: BaseException) -> str:
    """The way through the code of what ended a call, when that is a defect nobody has logged; '': it isn't."""
    cause = error.__cause__ if isinstance(error, grpc.aio.AbortError) else error
    return "" if cause is None or isinstance(cause, EngineError) else described(cause)
