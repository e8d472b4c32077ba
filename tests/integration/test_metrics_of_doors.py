"""The Prometheus text about who was turned away, and whose credentials end soon."""

import asyncio
import socket
from contextlib import AsyncExitStack
from datetime import timedelta

import grpc
import pytest

from inventory.postgres.access import first_admin
from inventory.postgres.connection import Database
from inventory.server import start
from inventory.settings import Settings
from inventory.v1 import access_pb2
from inventory.v1 import access_service_pb2 as pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1.access_service_pb2_grpc import AccessServiceStub
from tests.integration.test_metrics_of_calls import Scraped
from tests.rpc.client import Client, Metadata, eventually, new_id


def bearer(token: str) -> Metadata:
    return (("authorization", f"Bearer {token}"),)


async def test_refused_and_limited_callers_are_counted_and_ends_are_told_without_any_secret(dsn: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with AsyncExitStack() as stack:
        settings = Settings(listen="127.0.0.1:0", metrics=f"127.0.0.1:{port}", development=False)
        client = Client(await start(settings, dsn, stack))
        stack.push_async_callback(client.close)
        scraped = Scraped(client, port)
        admin = await first_admin(Database(dsn, "inventory"))
        assert admin is not None
        access = AccessServiceStub(client.channel)

        async def comes_in() -> bool:
            try:
                await access.WhoAmI(pb2.WhoAmIRequest(), metadata=bearer(admin))
            except grpc.aio.AioRpcError:
                return False
            return True

        await eventually(comes_in, "the admin can come in")
        await access.SetAccess(
            pb2.SetAccessRequest(
                request_id=new_id(),
                channel="web",
                access=pb2.Access(scopes=[access_pb2.SCOPE_STOCK_READ], requests_per_second=1, requests_burst=1),
            ),
            metadata=bearer(admin),
        )
        made = await access.CreateToken(
            pb2.CreateTokenRequest(request_id=new_id(), channel="web", ttl=timedelta(hours=1)), metadata=bearer(admin)
        )

        async def told() -> bool:
            return (await scraped.look()).total("inventory_credential_expires_seconds") > 0

        await eventually(told, "the token's end is told")
        before = (await scraped.look()).value("inventory_credentials_refused_total", reason="CREDENTIALS_INVALID")
        read = stock_pb2.ListStockRequest()
        for metadata in ((), bearer("inv_wrong"), bearer("inv_wrong")):
            with pytest.raises(grpc.aio.AioRpcError):
                await client.stock.ListStock(read, metadata=metadata)
        limited = 0
        for _ in range(5):
            try:
                await client.stock.ListStock(read, metadata=bearer(made.token))
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # noqa: PT017 - not every one is refused
                limited += 1
        found = await scraped.look()
        text = await asyncio.to_thread(scraped.text)
    labels = {"kind": "token", "channel": "web", "key_id": made.credential.key_id}
    assert 3500 < found.value("inventory_credential_expires_seconds", **labels) <= 3600
    assert found.value("inventory_credentials_refused_total", reason="CREDENTIALS_MISSING") >= 1
    assert found.value("inventory_credentials_refused_total", reason="CREDENTIALS_INVALID") == before + 2
    assert limited >= 3
    assert found.value("inventory_calls_limited_total", channel="web") == limited
    assert found.value("inventory_channel_calls_total", channel="web", code="RESOURCE_EXHAUSTED") == limited
    for secret in (admin, made.token, admin.split("_")[2], made.token.split("_")[2]):
        assert secret not in text
