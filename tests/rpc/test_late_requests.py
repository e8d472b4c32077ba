"""A call begins before its request comes: who may no longer come in by then has no use of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from inventory.domain.access import Scope
from tests.rpc.client import PATIENCE_S, Client, of_error, reserve_request, unique
from tests.rpc.test_doors import WATCH_NOW, House, Metadata, house  # noqa: F401 - a fixture

RESERVE = "/inventory.v1.ReservationService/Reserve"
WATCH = "/inventory.v1.WatchService/Watch"


class Held:
    """A call whose headers have gone, and whose one request goes when it is said."""

    def __init__(self, client: Client, path: str, request: Any, metadata: Metadata) -> None:
        self._gate = asyncio.Event()
        self._request = request
        make: Any = client.channel.stream_stream
        self._call = make(path)(self._requests(), metadata=metadata, timeout=20)

    async def _requests(self) -> AsyncIterator[bytes]:
        await self._gate.wait()
        yield self._request.SerializeToString()

    async def begins(self) -> None:
        await self._call.wait_for_connection()

    def leave(self) -> None:
        self._call.cancel()

    async def ends(self) -> tuple[str, str]:
        """Code and reason, once its request has gone."""
        self._gate.set()
        async with asyncio.timeout(PATIENCE_S):
            try:
                answer = await self._call.read()
            except grpc.aio.AioRpcError as error:
                return of_error(error).what
        assert answer is grpc.aio.EOF, "it was served"
        trailing = await self._call.trailing_metadata()
        return of_error(grpc.aio.AioRpcError(await self._call.code(), grpc.aio.Metadata(), trailing, "")).what


@pytest.mark.parametrize("what", ["revoked", "changed"])
@pytest.mark.parametrize("path", [RESERVE, WATCH])
async def test_a_request_that_comes_after_its_credential_is_out_of_force_is_refused(
    path: str,
    what: str,
    house: House,  # noqa: F811
) -> None:
    channel = unique("hoarder")[:30]
    metadata = await house.let_in(channel, Scope.WATCH, Scope.RESERVATION)
    request = reserve_request() if path == RESERVE else WATCH_NOW
    held = Held(house.client, path, request, metadata)
    await held.begins()
    # Another call on the same connection comes after it: the server has seen the headers of the first.
    assert await house.client.watch.Watch(WATCH_NOW, metadata=metadata).read() is not grpc.aio.EOF
    if what == "revoked":
        await house.revoke(metadata[0][1].split("_")[1])
        assert await held.ends() == ("UNAUTHENTICATED", "CREDENTIALS_INVALID")
    else:
        await house.limit(channel, Scope.STOCK_READ)
        assert await held.ends() == ("UNAVAILABLE", "ACCESS_CHANGED")
