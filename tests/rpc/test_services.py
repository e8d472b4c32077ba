"""The standard services, and the port."""

import socket
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from inventory.postgres.connection import Database
from inventory.server import start
from inventory.settings import Settings
from tests.guarded import certificate_files
from tests.rpc.client import Client, Server

SERVICES = [
    "inventory.v1.AccessService",
    "inventory.v1.AlarmService",
    "inventory.v1.AuditService",
    "inventory.v1.AvailabilityService",
    "inventory.v1.CatalogService",
    "inventory.v1.ChannelService",
    "inventory.v1.OperationsService",
    "inventory.v1.ReservationService",
    "inventory.v1.StockCountService",
    "inventory.v1.StockService",
    "inventory.v1.SubscriberService",
    "inventory.v1.ReconciliationService",
    "inventory.v1.TransferService",
    "inventory.v1.WatchService",
]


@pytest.mark.parametrize("service", ["", *SERVICES])
async def test_every_service_is_healthy(client: Client, service: str) -> None:
    stub = health_pb2_grpc.HealthStub(client.channel)
    answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_health_of_an_unknown_service_is_not_found(client: Client) -> None:
    stub = health_pb2_grpc.HealthStub(client.channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Check(health_pb2.HealthCheckRequest(service="inventory.v1.Nobody"))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


async def reflected(address: str, request: reflection_pb2.ServerReflectionRequest) -> object:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        return await anext(aiter(stub.ServerReflectionInfo(iter((request,)))))


async def test_on_loopback_the_server_describes_itself(server: Server) -> None:
    listing = await reflected(server.address, reflection_pb2.ServerReflectionRequest(list_services=""))
    assert isinstance(listing, reflection_pb2.ServerReflectionResponse)
    names = [service.name for service in listing.list_services_response.service]
    assert set(names) == {
        *SERVICES,
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    symbol = await reflected(
        server.address, reflection_pb2.ServerReflectionRequest(file_containing_symbol="inventory.v1.ReservationService")
    )
    assert isinstance(symbol, reflection_pb2.ServerReflectionResponse)
    assert b"ReserveStream" in symbol.file_descriptor_response.file_descriptor_proto[0]


async def test_unwanted_it_does_not(module_dsn: str) -> None:
    async with AsyncExitStack() as stack:
        address = await start(Settings(listen="127.0.0.1:0", reflection=False), module_dsn, stack)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await reflected(address, reflection_pb2.ServerReflectionRequest(list_services=""))
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_elsewhere_it_does_not(module_dsn: str, tmp_path: Path) -> None:
    cert, key = certificate_files(tmp_path)
    settings = Settings(listen="0.0.0.0:0", development=False, tls_cert=cert, tls_key=key)
    authority = (tmp_path / "ca.pem").read_bytes()
    async with AsyncExitStack() as stack:
        address = (await start(settings, module_dsn, stack)).replace("0.0.0.0", "127.0.0.1")
        channel = await stack.enter_async_context(
            grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(authority))
        )
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(aiter(stub.ServerReflectionInfo(iter((reflection_pb2.ServerReflectionRequest(),)))))
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("host", "reflection", "reflects"),
    [
        ("127.0.0.1", None, True),
        ("127.8.8.8", None, True),
        ("localhost", None, True),
        ("[::1]", None, True),
        ("0.0.0.0", None, False),
        ("[::]", None, False),
        ("10.0.0.7", None, False),
        ("0.0.0.0", True, True),
        ("127.0.0.1", False, False),
    ],
)
def test_reflection_is_for_loopback_unless_configured(host: str, reflection: bool | None, reflects: bool) -> None:
    assert Settings(listen=f"{host}:1", reflection=reflection).reflects is reflects


async def test_a_second_server_on_the_same_port_fails_at_start(server: Server, client: Client) -> None:
    async with AsyncExitStack() as stack:
        with pytest.raises(RuntimeError, match=f"can't listen on {server.address}: is another server"):
            await start(Settings(listen=server.address), server.dsn, stack)
    assert await client.sku(), "the first one goes on"


async def test_a_port_that_somebody_else_has_is_said_plainly(module_dsn: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        async with AsyncExitStack() as stack:
            with pytest.raises(RuntimeError, match=f"can't listen on {listen}"):
                await start(Settings(listen=listen), module_dsn, stack)


async def test_after_the_stack_is_left_nobody_listens(module_dsn: str) -> None:
    async with AsyncExitStack() as stack:
        address = await start(Settings(listen="127.0.0.1:0"), module_dsn, stack)
    client = Client(address)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.sku()
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    await client.close()


async def test_an_unknown_method_is_unimplemented(client: Client) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.raw("StockService/Nothing", b"")
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_second_port_that_others_reach_is_told_nothing_of_the_api_either() -> None:
    assert not Settings(listen="127.0.0.1:1", tls_client_listen="0.0.0.0:2").reflects
    assert Settings(listen="127.0.0.1:1", tls_client_listen="[::1]:2").reflects


def test_what_settings_look_like_tells_no_secret() -> None:
    secret = "canary"
    settings = Settings(dsn=secret, owner_dsn=secret, webhook_url=secret, webhook_secret=secret)
    assert secret not in repr((settings, Database(secret)))
