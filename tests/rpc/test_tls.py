"""A port with TLS: who gets in, who doesn't and is told why, and certificates renewed while streams are open."""

import asyncio
import hashlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from inventory import listening, tls
from inventory.cli import issuing
from inventory.postgres.access import first_admin
from inventory.postgres.connection import Database
from inventory.rpc import transport
from inventory.rpc.peer import certificate_sha256, fingerprint
from inventory.server import start
from inventory.settings import Settings
from inventory.v1.access_pb2 import SCOPE_STOCK_READ
from inventory.v1.access_service_pb2 import Access
from inventory_client import Changes, Connection, ConnectionState, InventoryClient, Unauthenticated, Unavailable
from tests.client.conftest import stocked
from tests.rpc.client import PATIENCE_S, eventually

DAYS = 30
PATIENT_S = 1.5


@dataclass(frozen=True)
class Files:
    """An authority and what it has signed, on disk."""

    directory: Path
    authority: issuing.Issued

    @property
    def ca(self) -> Path:
        return self.directory / "ca.pem"

    @property
    def cert(self) -> Path:
        return self.directory / "server.pem"

    @property
    def key(self) -> Path:
        return self.directory / "server-key.pem"

    def client(self, channel: str) -> tuple[bytes, bytes]:
        made = issuing.client(self.authority, channel, DAYS)
        return made.pem, made.key_pem

    def renew(self, hosts: Sequence[str] = ("127.0.0.1",)) -> issuing.Issued:
        """A new certificate, moved over the old one."""
        made = issuing.server(self.authority, hosts, DAYS)
        for path, content in ((self.key, made.key_pem), (self.cert, made.pem)):
            new = path.with_suffix(".new")
            new.write_bytes(content)
            new.replace(path)
        return made


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path, issuing.authority("Inventory CA of the tests", DAYS))
    made.ca.write_bytes(made.authority.pem)
    made.renew()
    return made


@asynccontextmanager
async def serving(dsn: str, files: Files, **settings: Any) -> AsyncIterator[str]:
    async with AsyncExitStack() as stack:
        yield await start(
            Settings(listen="127.0.0.1:0", tls_cert=files.cert, tls_key=files.key, **settings), dsn, stack
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def gets_in(address: str, **shown: Any) -> None:
    async with InventoryClient(address, "web", timeout_s=PATIENCE_S, **shown) as client:
        assert [channel.channel async for channel in client.list_channels()].count("web") == 1


async def kept_out(address: str, **shown: Any) -> str:
    """What the client is told."""
    async with InventoryClient(address, "web", timeout_s=PATIENT_S, **shown) as client:
        with pytest.raises(Unavailable) as caught:
            await client.get_sku("A-1")
    assert not caught.value.failure.sent
    return caught.value.message


def shown_by(address: str, ca: Path) -> bytes:
    """The SHA-256 of the certificate that the server shows to a new connection."""
    context = ssl.create_default_context(cafile=str(ca))
    context.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")
    plain = socket.create_connection((host, int(port)), PATIENCE_S)
    with plain, context.wrap_socket(plain, server_hostname=host) as wrapped:
        der = wrapped.getpeercert(binary_form=True)
    assert der is not None
    return hashlib.sha256(der).digest()


async def test_a_client_that_trusts_the_authority_gets_in_and_others_are_told_why_not(
    dsn: str, files: Files, tmp_path: Path
) -> None:
    other = issuing.authority("Another CA", DAYS)
    async with serving(dsn, files) as address:
        await gets_in(address, ca=files.ca)
        await gets_in(address, ca=files.authority.pem)
        assert "not of an authority that is trusted here" in await kept_out(address, ca=other.pem)
        assert "not of an authority that is trusted here" in await kept_out(address, tls=True)
        assert "perhaps it speaks TLS" in await kept_out(address)


async def test_a_certificate_of_another_host_is_not_taken(dsn: str, files: Files) -> None:
    files.renew(["stock.example", "10.0.0.7"])
    async with serving(dsn, files) as address:
        assert "for other hosts" in await kept_out(address, ca=files.ca)


async def test_a_tls_client_at_a_port_without_tls_is_told_so(dsn: str, files: Files) -> None:
    async with AsyncExitStack() as stack:
        address = await start(Settings(listen="127.0.0.1:0"), dsn, stack)
        assert "speaks without TLS" in await kept_out(address, ca=files.ca)


async def test_a_watch_says_what_is_wrong_with_tls_and_goes_on_when_it_is_mended(dsn: str, files: Files) -> None:
    port = free_port()
    said: list[Connection] = []
    told = asyncio.Event()

    def note(connection: Connection) -> None:
        said.append(connection)
        if connection.state is ConnectionState.LOST:
            told.set()

    files.renew(["stock.example"])
    async with AsyncExitStack() as stack:
        settings = Settings(listen=f"127.0.0.1:{port}", tls_cert=files.cert, tls_key=files.key)
        await start(settings, dsn, stack)
        client = await stack.enter_async_context(InventoryClient(f"127.0.0.1:{port}", "web", ca=files.ca))
        watch = client.watch("now", on_connection=note)
        reading = asyncio.ensure_future(anext(watch))
        async with asyncio.timeout(PATIENCE_S):
            await told.wait()
            assert "for other hosts" in said[-1].why
            files.renew(["127.0.0.1"])
            await reading
        await watch.aclose()


async def test_where_all_must_show_a_certificate_only_one_of_the_authority_gets_in(dsn: str, files: Files) -> None:
    stranger = issuing.client(issuing.authority("Another CA", DAYS), "web", DAYS)
    async with serving(dsn, files, tls_client_ca=files.ca) as address:
        await gets_in(address, ca=files.ca, certificate=files.client("web"))
        assert "wants a certificate" in await kept_out(address, ca=files.ca)
        unknown = await kept_out(address, ca=files.ca, certificate=(stranger.pem, stranger.key_pem))
        assert "wants a certificate" in unknown
        server_as_client = await kept_out(address, ca=files.ca, certificate=(files.cert, files.key))
        assert "wants a certificate" in server_as_client


async def test_beside_a_port_for_certificates_clients_without_one_get_in(dsn: str, files: Files) -> None:
    certificates = f"127.0.0.1:{free_port()}"
    async with serving(dsn, files, tls_client_ca=files.ca, tls_client_listen=certificates) as address:
        await gets_in(address, ca=files.ca)
        await gets_in(certificates, ca=files.ca, certificate=files.client("web"))
        assert "wants a certificate" in await kept_out(certificates, ca=files.ca)


async def test_a_certificate_that_is_bound_to_a_channel_opens_the_door_and_another_of_the_authority_does_not(
    dsn: str, files: Files
) -> None:
    token = await first_admin(Database(dsn, "inventory"))
    assert token is not None
    certificates = f"127.0.0.1:{free_port()}"
    guarded = {"tls_client_ca": files.ca, "tls_client_listen": certificates, "development": False}
    cert, key = files.client("web")
    async with (
        serving(dsn, files, **guarded) as address,
        InventoryClient(address, token=token, ca=files.ca) as admin,
        InventoryClient(certificates, ca=files.ca, certificate=(cert, key)) as web,
        InventoryClient(certificates, ca=files.ca, certificate=files.client("till")) as till,
    ):
        await admin.set_access("web", Access(scopes=[SCOPE_STOCK_READ]))
        with pytest.raises(Unauthenticated):
            await web.who_am_i()
        bound = await admin.bind_certificate("web", cert.decode())
        found = await web.who_am_i()
        assert (found.channel, found.key_id) == ("web", bound.key_id)
        with pytest.raises(Unauthenticated):
            await till.who_am_i()


async def test_a_call_knows_the_sha256_of_its_clients_certificate(files: Files) -> None:
    seen: list[bytes | None] = []

    class Handler(grpc.GenericRpcHandler):
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
            async def answer(_: bytes, context: Any) -> bytes:
                seen.append(certificate_sha256(context))
                return b""

            return grpc.unary_unary_rpc_method_handler(answer)

    certificate = tls.Certificate(files.cert, files.key, files.ca)
    settings = Settings(listen="127.0.0.1:0", tls_client_ca=files.ca, tls_cert=files.cert, tls_key=files.key)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handler(),))
    asking = listening.listen(server, settings, certificate, listening.Shared())
    plain = listening.listen(
        server, settings.model_copy(update={"tls_client_ca": None}), certificate, listening.Shared()
    )
    await server.start()
    web, till = files.client("web"), files.client("till")
    for port, shown in ((asking, web), (asking, till), (asking, web), (plain, None)):
        cert, key = shown or (None, None)
        credentials = grpc.ssl_channel_credentials(files.authority.pem, key, cert)
        async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
            call: Any = channel.unary_unary("/a/b")
            await call(b"")
    await server.stop(0)
    sha256 = [hashlib.sha256(ssl.PEM_cert_to_DER_cert(cert.decode())).digest() for cert, _ in (web, till, web)]
    assert seen == [*sha256, None]


def test_what_is_no_certificate_has_no_fingerprint() -> None:
    with pytest.raises(ValueError, match="PEM"):
        fingerprint(b"nothing")


async def test_garbage_and_idle_handshakes_are_cut_off_while_others_are_served(
    dsn: str, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "HANDSHAKE_MAX_MS", 300)
    async with serving(dsn, files) as address:
        host, _, port = address.rpartition(":")
        opened = [await asyncio.open_connection(host, int(port)) for _ in range(20)]
        for number, (_, writer) in enumerate(opened):
            if number % 2:
                writer.write(os.urandom(1_000))
            else:
                writer.write(b"\x16\x03\x01\x02\x00\x01")  # a ClientHello that never goes on
        await gets_in(address, ca=files.ca)
        async with asyncio.timeout(PATIENCE_S):
            for reader, _ in opened:
                with suppress(ConnectionResetError):
                    await reader.read()
        for _, writer in opened:
            writer.close()
        await gets_in(address, ca=files.ca)


async def test_old_versions_of_tls_are_refused(dsn: str, files: Files) -> None:
    async with serving(dsn, files) as address:
        host, _, port = address.rpartition(":")
        context = ssl.create_default_context(cafile=str(files.ca))
        context.set_alpn_protocols(["h2"])
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.options &= ~(ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED

        def version() -> str | None:
            plain = socket.create_connection((host, int(port)), PATIENCE_S)
            with plain, context.wrap_socket(plain, server_hostname=host) as wrapped:
                return wrapped.version()

        assert await asyncio.to_thread(version) == "TLSv1.3"
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        assert await asyncio.to_thread(version) == "TLSv1.2"
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.to_thread(version)


async def test_a_renewed_certificate_is_taken_while_streams_go_on(
    dsn: str, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "LOOK_S", 0.0)
    async with serving(dsn, files) as address, InventoryClient(address, "web", ca=files.ca) as client:
        states: list[ConnectionState] = []
        async with client.watch("now", on_connection=lambda connection: states.append(connection.state)) as watch:
            await anext(watch)
            before = await asyncio.to_thread(shown_by, address, files.ca)
            new = files.renew()
            after = await asyncio.to_thread(shown_by, address, files.ca)
            assert (before != after, after) == (True, fingerprint(new.pem))
            files.cert.write_bytes(b"torn")
            assert await asyncio.to_thread(shown_by, address, files.ca) == after
            files.renew()
            assert await asyncio.to_thread(shown_by, address, files.ca) != after
            await stocked(client, 3)
            while not isinstance(await anext(watch), Changes):
                pass
        assert ConnectionState.LOST not in states


async def test_health_is_told_without_a_credential(dsn: str, files: Files) -> None:
    async with serving(dsn, files, development=False) as address:
        credentials = grpc.ssl_channel_credentials(files.authority.pem)
        async with grpc.aio.secure_channel(address, credentials) as channel:
            answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_broken_renewal_is_complained_of_once_and_a_good_one_taken(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "LOOK_S", 0.0)
    said: list[str] = []
    monkeypatch.setattr(tls.log, "error", lambda event, **more: said.append(event), raising=False)
    certificate = tls.Certificate(files.cert, files.key, files.ca)
    first = certificate.identity
    files.cert.unlink()
    for _ in range(3):
        assert certificate.renewed() is None
    files.cert.write_bytes(issuing.server(files.authority, ["127.0.0.1"], DAYS).pem)  # not of this key
    assert certificate.renewed() is None
    assert (len(said), certificate.identity) == (2, first)
    new = files.renew()
    renewed = certificate.renewed()
    assert renewed is not None
    assert (renewed.chain, certificate.identity) == (new.pem, renewed)
    assert certificate.renewed() is None


async def test_nobody_looks_at_the_files_for_every_handshake(files: Files) -> None:
    certificate = tls.Certificate(files.cert, files.key, None)
    files.renew()
    assert certificate.renewed() is None  # not so soon

    async def taken() -> bool:
        return certificate.renewed() is not None

    await eventually(taken, "it is looked at again")
