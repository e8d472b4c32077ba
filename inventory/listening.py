"""The server's ports: in the clear, or with TLS whose certificate may be renewed while it runs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import grpc
import structlog

from inventory.port import addresses, taken
from inventory.settings import Settings
from inventory.tls import Certificate, Identity

log = structlog.get_logger(__name__)


class Shared(NamedTuple):
    """The addresses that all workers of a parent listen on, instead of those of the settings."""

    addresses: Sequence[str] = ()
    client_addresses: Sequence[str] = ()
    """Of `tls_client_listen`."""


def listen(server: grpc.aio.Server, settings: Settings, certificate: Certificate | None, shared: Shared) -> int:
    """Listens where the settings, or the parent, say; gives the port's number. Raises `RuntimeError` when it is taken.

    gRPC's Python server asks on a port for no client's certificate or requires one of everybody: so whoever wants
    both has two ports.
    """
    split = settings.tls_client_listen is not None
    asks = settings.tls_client_ca is not None
    number = _listen(server, settings.listen, shared.addresses, _credentials(certificate, asks=asks and not split))
    if settings.tls_client_listen is not None:
        asking = _credentials(certificate, asks=True)
        client_number = _listen(server, settings.tls_client_listen, shared.client_addresses, asking)
        log.info("clients show certificates", port=client_number)
    return number


def _listen(
    server: grpc.aio.Server, listen: str, shared: Sequence[str], credentials: grpc.ServerCredentials | None
) -> int:
    def add(place: str) -> int:
        return server.add_insecure_port(place) if credentials is None else server.add_secure_port(place, credentials)

    named, number = addresses(listen)
    try:
        for address in shared:
            number = add(address)
        for place in () if shared else named:
            number = add(place.at(number))
    except RuntimeError:
        raise taken(listen) from None
    return number


def _credentials(certificate: Certificate | None, *, asks: bool) -> grpc.ServerCredentials | None:
    if certificate is None:
        return None
    known = certificate.identity

    def renewed() -> Any:
        """Asked for by gRPC before each handshake; None: nothing new, which its types don't know."""
        nonlocal known
        certificate.renewed()
        if certificate.identity is known:
            return None
        known = certificate.identity
        return _configuration(known, asks=asks)

    return grpc.dynamic_ssl_server_credentials(_configuration(known, asks=asks), renewed, asks)


def _configuration(identity: Identity, *, asks: bool) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(identity.key, identity.chain)], root_certificates=identity.client_ca if asks else None
    )
