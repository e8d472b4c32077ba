"""Callers of whom no credential is asked, those of health and reflection: how many there may be, and for how long.

Whoever is one too many is not refused, else a stranger who fills the room would keep everybody's probes out: the one
that has been there the longest is turned away, of the host that has the most.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import grpc
import structlog

from inventory.domain.refusal import Reason, Refusal
from inventory.engine.failures import EngineError
from inventory.rpc.method import abort

WAITING_MAX = 250
"""Calls of health whose message has not come, at one server; 10 KiB each. A probe's message comes with its headers."""
WATCHES_MAX = 500
"""Open `Health/Watch` streams at one server; 20 KiB each."""
REFLECTIONS_MAX = 16
"""Open streams of reflection at one server: gRPC takes answers of up to 4 MiB from each before it waits for a client
that reads nothing."""
MESSAGE_MAX_S = 10.0
"""In which a message must come, and an answer be taken."""
MESSAGE_BYTES_MAX = 4_096
SAY_S = 60.0

log = structlog.get_logger(__name__)
Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
Handler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"
Serve = Callable[[Context], Awaitable[None]]


class TooManyStrangers(EngineError):
    """More callers without a credential than there may be."""

    reason = Reason.STREAM_LIMIT
    message = "too many callers without a credential are here, and this one has been for the longest"
    retry_after_s: float | None = 1.0


class Crowd:
    """Calls that do the same, at most so many of them at a time."""

    def __init__(self, name: str, most: int) -> None:
        """`name`: for the log."""
        self._name = name
        self._most = most
        self._by_host: dict[str, dict[asyncio.Task[Any], None]] = {}
        self._say_at = 0.0
        self.count = 0
        self.turned_away = 0

    @contextmanager
    def one_more(self, peer: str) -> Iterator[None]:
        """Around what a call of `peer`, as gRPC names it, does here. Raises `TooManyStrangers` in the middle of it."""
        task = asyncio.current_task()
        assert task is not None
        if self.count >= self._most:
            self._turn_away()
        host = peer.rpartition(":")[0]
        self._by_host.setdefault(host, {})[task] = None
        self.count += 1
        try:
            yield
        except asyncio.CancelledError:
            if task in self._by_host.get(host, ()):  # it was its client's
                raise
            task.uncancel()
            raise TooManyStrangers from None
        finally:
            self._leave(host, task)

    def _turn_away(self) -> None:
        host, tasks = max(self._by_host.items(), key=lambda each: len(each[1]))
        oldest = next(iter(tasks))
        self._leave(host, oldest)
        oldest.cancel()
        self.turned_away += 1
        now = asyncio.get_running_loop().time()
        if now >= self._say_at:
            self._say_at = now + SAY_S
            log.warning("callers without a credential are turned away", of=self._name, host=host, most=self._most)

    def _leave(self, host: str, task: asyncio.Task[Any]) -> None:
        """It may have been made to leave before."""
        tasks = self._by_host.get(host, {})
        if task in tasks:
            del tasks[task]
            self.count -= 1
            if not tasks:
                del self._by_host[host]


def handler(serve: Serve) -> Handler:
    """Of a method of any kind: nothing is read before `serve` reads it."""

    async def run(_: AsyncIterator[bytes], context: Context) -> None:
        try:
            await serve(context)
            return
        except (EngineError, Refusal) as error:
            found = error
        found.__traceback__ = found.__context__ = None  # else it holds its frames, and they hold it
        await abort(context, found)

    return grpc.stream_stream_rpc_method_handler(run)


async def message(context: Context) -> bytes | None:
    """The next one; None: no more come. Raises DEADLINE, MALFORMED_REQUEST."""
    try:
        async with asyncio.timeout(MESSAGE_MAX_S):
            raw: Any = await context.read()
    except TimeoutError:
        raise Refusal(Reason.DEADLINE, f"the message has not come within {MESSAGE_MAX_S:g} s") from None
    if not isinstance(raw, bytes):
        return None
    if len(raw) > MESSAGE_BYTES_MAX:
        raise Refusal(Reason.MALFORMED_REQUEST, f"a message of this method has at most {MESSAGE_BYTES_MAX} bytes")
    return raw


async def answer(context: Context, body: bytes) -> None:
    """Raises DEADLINE when the client doesn't take it."""
    try:
        async with asyncio.timeout(MESSAGE_MAX_S):
            await context.write(body)
    except TimeoutError:
        raise Refusal(Reason.DEADLINE, f"the answer has not been taken within {MESSAGE_MAX_S:g} s") from None
