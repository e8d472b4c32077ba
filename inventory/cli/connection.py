"""The command line's way to a server: the client package, and what it says for people."""

import asyncio
import getpass
import os
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from inventory.cli.failure import Failed, printable
from inventory.cli.options import Server
from inventory.domain.code import channel_code
from inventory.domain.refusal import Refusal

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # else gRPC's core prints to stderr beside our one line

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from inventory_client import Failure, InsufficientStock, InventoryClient, InventoryError, OnRetry, Unauthenticated
from inventory_client.complaint import Trouble, trouble
from inventory_client.credentials import OPERATOR_BYTES_MAX, Token, is_loopback, token_of, wire_credentials
from inventory_client.endpoints import ways

HEALTH_DEADLINE_S = 5.0
READ_PATIENCE_S = 10.0
"""How long a read is made again while the server doesn't answer."""
WRITE_PATIENCE_S = 120.0
"""How long a write is: whoever imports a file would rather wait than begin again."""
QUIET_S = 5.0
SILENT_S = 2.0
"""After so long it is said that a call is made again."""

Result = TypeVar("Result")

__all__ = ["SayAgain", "assert_serving", "connect", "failed", "is_loopback", "run"]


@asynccontextmanager
async def connect(
    server: Server,
    channel: str = "",
    on_retry: OnRetry | None = None,
    *,
    patience_s: float = READ_PATIENCE_S,
    must_serve: bool = True,
) -> AsyncIterator[InventoryClient]:
    """A client of the server, which serves now; `channel` '': that of the credential. `on_retry`: None: what takes long
    is said on stderr. With `must_serve` false a server that does not serve now will do.

    Raises `Failed`; an error of a call leaves the block as `Failed`.
    """
    if channel:
        try:
            channel_code(channel)
        except Refusal as refusal:
            raise Failed(f"{refusal.reason}: {refusal.message}") from None
    client = _client(server, channel, on_retry or SayAgain(server.address), patience_s)
    if must_serve:
        await assert_serving(server)
    async with client:
        try:
            yield client
        except InventoryError as error:
            raise failed(error, server) from error


def _client(server: Server, channel: str, on_retry: OnRetry, patience_s: float) -> InventoryClient:
    token, wire = _token(server), _wire(server)
    if token and wire is None and not is_loopback(server.address):
        raise Failed(
            f"the token would go to {server.address} in the clear: name who signs the server's certificate with "
            "--tls-ca (INVENTORY_TLS_CA), or say --tls when it is a well-known authority"
        )
    try:
        return InventoryClient(
            server.address,
            channel,
            token=token,
            operator=_operator(server),
            credentials=wire,
            timeout_s=patience_s,
            on_retry=on_retry,
        )
    except ValueError as error:
        raise Failed(str(error)) from None


def _token(server: Server) -> Token:
    try:
        return token_of(server.token_file)
    except OSError as error:
        raise Failed(f"--token-file: {server.token_file} can't be read: {error.strerror}") from None
    except ValueError as error:
        raise Failed(f"--token-file: {error}") from None


def _operator(server: Server) -> str:
    if server.operator is not None:
        return server.operator
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return ""
    return "".join(char if " " <= char <= "~" else "?" for char in name)[:OPERATOR_BYTES_MAX]


def _wire(server: Server) -> grpc.ChannelCredentials | None:
    certificate = None
    if server.tls_client_cert is not None and server.tls_client_key is not None:
        certificate = (server.tls_client_cert, server.tls_client_key)
    elif server.tls_client_cert is not None or server.tls_client_key is not None:
        raise Failed("--tls-client-cert and --tls-client-key belong together: a certificate and its key")
    try:
        return wire_credentials(
            [server.address], None, tls=server.tls, ca=server.tls_ca, certificate=certificate, token=""
        )
    except OSError as error:
        raise Failed(f"{error.filename} can't be read: {error.strerror}") from None


class SayAgain:
    """Says on stderr that a call is made again, when that goes on for long: once, until it has gone well for long."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._began_at = self._last_at = float("-inf")
        self._said = False

    def __call__(self, failure: Failure, pause_s: float) -> None:
        now = time.monotonic()
        if now - self._last_at > QUIET_S:
            self._began_at, self._said = now, False
        self._last_at = now + pause_s
        if not self._said and self._last_at - self._began_at >= SILENT_S:
            self._said = True
            what = f"the server at {self._address} does not answer ({printable(failure.reason or failure.code)})"
            print(f"{what}: trying again ...", file=sys.stderr, flush=True)


async def assert_serving(server: Server, own: Path | None = None, service: str = "") -> None:
    """Raises `Failed` unless the server answers that it serves, or that one of its services does. `own`: its
    certificate, if it is ours: to be trusted by itself, when nothing else is said about TLS."""
    options: list[tuple[str, Any]] = [("grpc.enable_retries", 0), *ways(server.address)]
    wire = _wire(server)
    if wire is None and own is not None and is_loopback(server.address):
        wire, name = _pinned(own)
        options.append(("grpc.ssl_target_name_override", name))
    async with (
        grpc.aio.insecure_channel(server.address, options)
        if wire is None
        else grpc.aio.secure_channel(server.address, wire, options)
    ) as channel:
        try:
            answer = await health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service=service), timeout=HEALTH_DEADLINE_S
            )
        except grpc.aio.AioRpcError as error:
            code, details = error.code().name, error.details() or ""
            found = trouble(details, tls=wire is not None) if code == "UNAVAILABLE" else None
            raise (
                Failed(_TROUBLES[found].format(server.address)) if found else _unanswered(code, details, server)
            ) from error
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise Failed(f"the server at {server.address} does not serve now: its log says why, or it is stopping")


def _pinned(own: Path) -> tuple[grpc.ChannelCredentials, str]:
    """What trusts this certificate alone, and a name that it is for."""
    from cryptography import x509

    try:
        pem = own.read_bytes()
        leaf = x509.load_pem_x509_certificates(pem)[0]
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except OSError as error:
        raise Failed(f"INVENTORY_TLS_CERT: {own} can't be read: {error.strerror}") from None
    except (ValueError, x509.ExtensionNotFound):
        raise Failed(f"INVENTORY_TLS_CERT: {own} is not a server's certificate in PEM") from None
    hosts = [str(name.value) for name in names if isinstance(name, (x509.DNSName, x509.IPAddress))]
    name = hosts[0] if hosts else "localhost"
    return grpc.ssl_channel_credentials(pem), name.replace("*", "any", 1)


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Runs a command's coroutine to its end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def failed(error: InventoryError, server: Server) -> Failed:
    """An error for people: REASON: message, and what it says in detail."""
    if not error.reason:
        return _unanswered(error.code, error.message, server)
    lines = [f"{error.reason}: {printable(error.message)}"]
    if isinstance(error, InsufficientStock):
        for short in error.shortages:
            where = f"{printable(short.sku)}@{printable(short.location)}"
            lines.append(f"  {where}: requested {short.requested}, available {short.available}")
    if isinstance(error, Unauthenticated):
        lines.append("  the token comes from INVENTORY_TOKEN or --token-file; `inventory token create` makes one")
    return Failed(*lines)


def _unanswered(code: str, message: str, server: Server) -> Failed:
    address = server.address
    if code == "UNAVAILABLE":
        return Failed(
            f"no server answers at {address}: start one with `inventory serve`, or name another with --server"
        )
    if code == "DEADLINE_EXCEEDED":
        return Failed(f"the server at {address} has not answered in time")
    return Failed(f"{code}: {printable(message or 'no more is known')}")


_HOW = "name who signs its certificate with --tls-ca (INVENTORY_TLS_CA)"
_CERTIFICATE = "--tls-client-cert and --tls-client-key (INVENTORY_TLS_CLIENT_CERT, INVENTORY_TLS_CLIENT_KEY)"
_TROUBLES = {
    Trouble.WITHOUT_TLS: "the server at {0} speaks without TLS: leave --tls, --tls-ca and INVENTORY_TLS… out",
    Trouble.EXPIRED: "the certificate of the server at {0} has expired: it needs a new one",
    Trouble.NOT_YET_VALID: "the certificate of the server at {0} is not yet valid, or this machine's clock is wrong",
    Trouble.UNKNOWN_AUTHORITY: f"the certificate of the server at {{0}} is not of an authority trusted here: {_HOW}",
    Trouble.OTHER_HOST: "the certificate of the server at {0} is for other hosts: say --server as its certificate says "
    "(`inventory certificate show` lists the hosts)",
    Trouble.WANTS_CERTIFICATE: f"the server at {{0}} wants a certificate, or another one: {_CERTIFICATE}",
    Trouble.HUNG_UP: f"the server at {{0}} has hung up: if it wants a certificate, give {_CERTIFICATE}",
    Trouble.HUNG_UP_IN_CLEAR: f"the server at {{0}} has hung up: if it speaks TLS, {_HOW}, or say --tls",
}
