"""The one way of every unary call: repeated while that is safe and may help, on whichever server is well."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any, TypedDict, TypeVar
from uuid import UUID, uuid4

import grpc
from google.protobuf.message import Message

from inventory_client.backoff import Backoff, Line
from inventory_client.credentials import Introduction, Metadata
from inventory_client.endpoints import CONNECT_S, Endpoint, Endpoints, is_cancelled
from inventory_client.errors import Failure, error, failure_of
from inventory_client.tracing import Tracing

TIMEOUT_S = 10.0
ATTEMPT_MIN_S = 1.0
CALL_PAUSE_MAX_S = 1.0
DEFECT_TRIES_MAX = 3
"""A defect of the server seldom passes."""

_OF_EVERY_SERVER = frozenset({"CONTENTION", "CHANNEL_SILENT"})
"""Reasons that another server would give as well."""

Response = TypeVar("Response", bound=Message)
OnRetry = Callable[[Failure, float], None]
"""Is told why a call is made again, and after how many seconds."""


class WriteOptions(TypedDict, total=False):
    """What every write takes, by keyword."""

    request_id: str | UUID
    """The intent's id. Give your own, and keep it with your work, to repeat the same intent after a crash: it has one
    effect at most, and the second answer is the first one, marked as `replayed`. Default: a new one per call."""
    validate_only: bool
    """Run everything, answer truly, and roll back. Default: False."""
    timeout_s: float
    """For all tries together, in seconds. Default: the client's."""


class Calls:
    """Sends requests. Opened and closed by the client that inherits it."""

    def __init__(self, introduce: Introduction, timeout_s: float, on_retry: OnRetry | None = None) -> None:
        self._introduce = introduce
        self._timeout_s = timeout_s
        self._on_retry = on_retry
        self._line = Line()
        self._endpoints: Endpoints | None = None
        self._tracing: Tracing | None = None

    async def _write(self, request: Any, response_type: type[Response], options: WriteOptions) -> Response:
        """Sends a write, always with the same request_id. Raises `InventoryError`."""
        request.request_id = str(options.get("request_id") or uuid4())
        request.validate_only = options.get("validate_only", False)
        return await self._call(request, response_type, options.get("timeout_s"), request.request_id, writes=True)

    async def _read(self, request: Message, response_type: type[Response], timeout_s: float | None) -> Response:
        """Sends what may be sent any number of times. Raises `InventoryError`."""
        return await self._call(request, response_type, timeout_s)

    async def _pages(
        self, request: Any, response_type: type[Message], rows: str, timeout_s: float | None
    ) -> AsyncGenerator[Any]:
        """The rows of all pages; the next page is asked for when it is needed. `timeout_s` is for each page."""
        while True:
            answer: Any = await self._read(request, response_type, timeout_s)
            for row in getattr(answer, rows):
                yield row
            if not answer.next_page_token:
                return
            request.page_token = answer.next_page_token

    async def _call(
        self,
        request: Message,
        response_type: type[Response],
        timeout_s: float | None,
        request_id: str = "",
        *,
        writes: bool = False,
    ) -> Response:
        if self._tracing is None:
            return await self._tried(request, response_type, timeout_s, request_id, writes=writes)
        with self._tracing.call(type(request)):
            return await self._tried(request, response_type, timeout_s, request_id, writes=writes)

    async def _tried(
        self,
        request: Message,
        response_type: type[Response],
        timeout_s: float | None,
        request_id: str,
        *,
        writes: bool,
    ) -> Response:
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + (self._timeout_s if timeout_s is None else timeout_s)
        backoff = Backoff(pause_max_s=CALL_PAUSE_MAX_S)
        in_doubt = False
        defects = limited = 0
        renewed = False
        while True:
            endpoints = self._opened()
            endpoint = endpoints.current
            shown = self._introduce()
            answer = await self._attempt(endpoint, request, response_type, shown, give_up_at - loop.time())
            if not isinstance(answer, Failure):
                endpoints.praise(endpoint)
                return answer
            if answer.code == "UNAUTHENTICATED" and not renewed and self._introduce.differs(shown):
                renewed = True  # once: what gives another token each time would be asked for ever
                if self._on_retry is not None:
                    self._on_retry(answer, 0.0)
                continue
            in_doubt = in_doubt or (writes and answer.is_doubtful)
            defects += answer.code == "INTERNAL"
            if answer.reason == "RATE_LIMITED":
                pause_s = self._line.pause_s(answer.retry_after_s, limited, give_up_at - loop.time())
                limited += 1
            else:
                pause_s = backoff.pause_s(answer.retry_after_s)
            if not answer.passes or defects == DEFECT_TRIES_MAX or loop.time() + pause_s >= give_up_at:
                raise error(answer, request_id, in_doubt=in_doubt)
            if is_unwell(answer):
                endpoints.leave(endpoint)
            if self._on_retry is not None:
                self._on_retry(answer, pause_s)
            await asyncio.sleep(pause_s)

    async def _attempt(
        self,
        endpoint: Endpoint,
        request: Message,
        response_type: type[Response],
        metadata: Metadata,
        left_s: float,
    ) -> Response | Failure:
        alone = len(self._opened()) == 1
        if not await endpoint.connected(left_s if alone else min(left_s, CONNECT_S)):
            return await not_connected(endpoint)
        timeout_s = left_s if alone else min(left_s, max(left_s / 2, ATTEMPT_MIN_S))
        try:
            if self._tracing is not None:
                metadata = (*metadata, *self._tracing.told())
            return await endpoint.unary(type(request), response_type)(request, timeout=timeout_s, metadata=metadata)
        except grpc.aio.AioRpcError as failed:
            return failure_of(failed)
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            return Failure("CANCELLED", message="the client was closed")

    def _opened(self) -> Endpoints:
        if self._endpoints is None:
            raise RuntimeError("the client is closed: use it within `async with`")
        return self._endpoints


def is_unwell(failure: Failure) -> bool:
    """Whether another server may do better."""
    return failure.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED") and failure.reason not in _OF_EVERY_SERVER


async def not_connected(endpoint: Endpoint) -> Failure:
    trouble = await endpoint.trouble()
    why = "" if trouble is None else f": {trouble.value}"
    return Failure("UNAVAILABLE", message=f"no server answers at {endpoint.address}{why}", sent=False)
