"""A server that asks for credentials, and clients that have some."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc.status_pb2 import Status

from inventory.domain.access import Scope
from inventory.postgres.access import changing, new_admin
from inventory.postgres.connection import Database
from inventory.server import start
from inventory.settings import Settings
from inventory.v1 import access_pb2
from inventory.v1 import access_service_pb2 as pb2
from inventory.v1.access_service_pb2_grpc import AccessServiceStub
from tests.rpc.client import Client, eventually, new_id

EVERYDAY = (Scope.STOCK_READ, Scope.STOCK_WRITE, Scope.RESERVATION, Scope.CATALOG_WRITE, Scope.WATCH)
"""All that isn't about other channels."""


class _Bearer:
    """Shows a token with every call."""

    def __init__(self, token: str) -> None:
        self._token = token

    def _with(self, details: Any) -> Any:
        shown = ("authorization", f"Bearer {self._token}")
        return details._replace(metadata=grpc.aio.Metadata(*(details.metadata or ()), shown))


class _UnaryUnary(_Bearer, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return await continuation(self._with(details), request)


class _UnaryStream(_Bearer, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return await continuation(self._with(details), request)


class _StreamStream(_Bearer, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(self, continuation: Any, details: Any, request_iterator: Any) -> Any:
        return await continuation(self._with(details), request_iterator)


def _interceptors(token: str) -> Sequence[grpc.aio.ClientInterceptor]:
    """grpc.aio files each under one kind of call only."""
    return _UnaryUnary(token), _UnaryStream(token), _StreamStream(token)


@dataclass
class Doors:
    """Servers on one database, and an admin of theirs."""

    addresses: list[str]
    dsn: str
    stack: AsyncExitStack
    admin: Client

    async def limit(self, channel: str, *scopes: Scope, **limits: Any) -> None:
        """What a channel may from now on."""
        access = pb2.Access(scopes=[access_pb2.Scope.Name(scope) for scope in scopes], **limits)
        stub: Any = AccessServiceStub(self.admin.channel)
        await stub.SetAccess(pb2.SetAccessRequest(request_id=new_id(), channel=channel, access=access))

    async def token(self, channel: str) -> str:
        stub: Any = AccessServiceStub(self.admin.channel)
        made = await stub.CreateToken(pb2.CreateTokenRequest(request_id=new_id(), channel=channel))
        return str(made.token)

    async def let_in(self, channel: str, *scopes: Scope, **limits: Any) -> Client:
        """A client of the first server, with a token of a channel that may so much."""
        await self.limit(channel, *scopes, **limits)
        return self.client(await self.token(channel))

    def client(self, token: str, at: int = 0) -> Client:
        """With a token, of the server of that number."""
        client = Client(self.addresses[at], interceptors=_interceptors(token))
        self.stack.push_async_callback(client.close)
        return client


@asynccontextmanager
async def guarded(dsn: str, servers: int = 1) -> AsyncIterator[Doors]:
    """Servers that ask for credentials."""
    settings = Settings(listen="127.0.0.1:0", development=False)
    async with AsyncExitStack() as stack:
        addresses = [await start(settings, dsn, stack) for _ in range(servers)]
        async with changing(Database(dsn, "inventory")) as change:
            token = await new_admin(change, "tests")
        clients = [Client(address, interceptors=_interceptors(token)) for address in addresses]
        for client in clients:
            stack.push_async_callback(client.close)
        for client in clients:
            await eventually(_comes_in(client), "the admin can come in")
        yield Doors(addresses, dsn, stack, clients[0])


def _comes_in(client: Client) -> Callable[[], Any]:
    async def comes_in() -> bool:
        return isinstance(await outcome(client, "AccessService/WhoAmI", b""), bytes)

    return comes_in


async def outcome(client: Client, method: str, body: bytes) -> bytes | Status:
    """The answer's bytes, or the status."""
    try:
        return await client.raw(method, body, timeout=20)
    except grpc.aio.AioRpcError as error:
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                assert isinstance(value, bytes)
                return Status.FromString(value)
        return Status(code=error.code().value[0], message=error.details() or "")
