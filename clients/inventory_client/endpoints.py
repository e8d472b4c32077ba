"""The servers a client may ask: one is used while it is well, and left for another when it is not."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

import grpc
from google.protobuf.message import Message

from inventory_client.complaint import Trouble, trouble
from inventory_client.credentials import is_loopback

CONNECT_S = 2.0
COMPLAINT_S = 0.5
KEEPALIVE_MS = 20_000
KEEPALIVE_TIMEOUT_MS = 5_000
RECONNECT_PAUSE_MIN_MS = 100
RECONNECT_PAUSE_MAX_MS = 1_000
RECEIVED_BYTES_MAX = 16 * 1024 * 1024

_HEALTH = "/grpc.health.v1.Health/Check"
Response = TypeVar("Response", bound=Message)
Unary = Callable[..., Awaitable[Response]]

_OPTIONS: Sequence[tuple[str, Any]] = (
    ("grpc.max_receive_message_length", RECEIVED_BYTES_MAX),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.initial_reconnect_backoff_ms", RECONNECT_PAUSE_MIN_MS),
    ("grpc.min_reconnect_backoff_ms", RECONNECT_PAUSE_MIN_MS),
    ("grpc.max_reconnect_backoff_ms", RECONNECT_PAUSE_MAX_MS),
    ("grpc.enable_retries", 0),  # retried here, where it is known what is safe
)


def ways(address: str) -> Sequence[tuple[str, Any]]:
    """gRPC's options of how to get there: to this machine never through a proxy of the environment
    (http_proxy), which gRPC would show the token in the clear (seen)."""
    return (("grpc.enable_http_proxy", 0),) if is_loopback(address) else ()


class Endpoint:
    """One server: its connection, and its methods by their request's type."""

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None) -> None:
        self.address = address
        self._tls = credentials is not None
        options = (*_OPTIONS, *ways(address))
        self._wire = (
            grpc.aio.insecure_channel(address, options)
            if credentials is None
            else grpc.aio.secure_channel(address, credentials, options)
        )
        self._methods: dict[type[Message], Any] = {}

    def unary(self, request_type: type[Message], response_type: type[Response]) -> Unary[Response]:
        """The method that takes this request."""
        return cast("Unary[Response]", self._method(self._wire.unary_unary, request_type, response_type))

    def stream(self, request_type: type[Message], response_type: type[Message]) -> Any:
        """The method that answers this request with a stream."""
        return self._method(self._wire.unary_stream, request_type, response_type)

    def conversation(self, request_type: type[Message], response_type: type[Message]) -> Any:
        """The method that takes a stream of such requests and answers with a stream."""
        return self._method(self._wire.stream_stream, request_type, response_type)

    async def connected(self, within_s: float) -> bool:
        """Whether there is a connection, now or soon. False: nothing was sent."""
        ready = grpc.ChannelConnectivity.READY
        try:
            state = self._wire.get_state(try_to_connect=True)
            if state is ready:
                return True
            async with asyncio.timeout(within_s):
                while state is not ready:
                    if state in (grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN):
                        return False
                    await self._wire.wait_for_state_change(state)
                    state = self._wire.get_state(try_to_connect=True)
        except (TimeoutError, grpc.aio.UsageError):  # the latter: closed meanwhile
            return False
        return True

    async def trouble(self) -> Trouble | None:
        """Why there is no connection, if it is for TLS. Only a call that fails is told: one that any server
        answers, and that changes nothing."""
        try:
            if self._wire.get_state() is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
                health: Any = self._wire.unary_unary(_HEALTH)
                await health(b"", timeout=COMPLAINT_S)
        except grpc.aio.AioRpcError as failed:
            return trouble(failed.details() or "", tls=self._tls)
        except grpc.aio.UsageError:  # closed meanwhile
            return None
        except asyncio.CancelledError:
            if is_cancelled():
                raise
        return None

    async def close(self) -> None:
        await self._wire.close()

    def _method(self, make: Callable[..., Any], request_type: type[Message], response_type: type[Message]) -> Any:
        method = self._methods.get(request_type)
        if method is None:
            (service,) = request_type.DESCRIPTOR.file.services_by_name.values()
            name = request_type.DESCRIPTOR.name.removesuffix("Request")
            method = self._methods[request_type] = make(
                f"/{service.full_name}/{name}",
                request_serializer=request_type.SerializeToString,
                response_deserializer=response_type.FromString,
            )
        return method


class Endpoints:
    """Begins with a random server and stays with it; `leave` moves on to a random other one, so that the clients of a
    server that fell spread over the rest. Make it in the loop that uses it."""

    def __init__(self, addresses: Sequence[str], credentials: grpc.ChannelCredentials | None = None) -> None:
        self._all = [Endpoint(address, credentials) for address in dict.fromkeys(addresses)]
        self.current = random.choice(self._all)  # noqa: S311 - spreads load, guards nothing
        self._left: list[Endpoint] = []

    def __len__(self) -> int:
        return len(self._all)

    def leave(self, endpoint: Endpoint) -> None:
        """Moves on, unless somebody did already: to one that was not left since all others were."""
        if endpoint is not self.current or len(self._all) == 1:
            return
        self._left.append(endpoint)
        others = [other for other in self._all if other not in self._left]
        if not others:
            self._left = [endpoint]
            others = [other for other in self._all if other is not endpoint]
        self.current = random.choice(others)  # noqa: S311 - spreads load, guards nothing

    def praise(self, endpoint: Endpoint) -> None:
        """It has answered: the others are forgiven."""
        if self._left and endpoint is self.current:
            self._left.clear()

    async def close(self) -> None:
        for endpoint in self._all:
            await endpoint.close()


def addresses(endpoints: str | Sequence[str]) -> tuple[str, ...]:
    """One HOST:PORT or several. Raises `ValueError` when there is none, or one has no port."""
    listed = (endpoints,) if isinstance(endpoints, str) else tuple(endpoints)
    if not listed:
        raise ValueError("name at least one server, HOST:PORT")
    for address in listed:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or "//" in address:
            raise ValueError(f"not HOST:PORT: {address!r}")
    return listed


def is_cancelled() -> bool:
    """Whether somebody cancels this task, rather than gRPC its call."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
