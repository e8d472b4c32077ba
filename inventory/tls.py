"""How the port is guarded: what a server may be without TLS, and the certificate it shows, checked before anything is
started and read again when its files are renewed. gRPC is not loaded here."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from inventory.port import addresses
from inventory.settings import Settings

if TYPE_CHECKING:
    from cryptography.x509 import Certificate as Parsed

LOOK_S = 1.0
"""Files are looked at for changes at most so often, and only when somebody connects."""
FILE_BYTES_MAX = 1024 * 1024

log = structlog.get_logger(__name__)


class Unguarded(RuntimeError):
    """The server may not start so, or a certificate can't be used. The message is for people."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a server shows, PEM each: its certificate chain and private key, and who signs clients' certificates."""

    chain: bytes
    key: bytes
    client_ca: bytes | None
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Identity(expires_at={self.expires_at.isoformat()})"


class Certificate:
    """The files behind a server's identity. `renewed` may be called from any thread."""

    def __init__(self, cert: Path, key: Path, client_ca: Path | None) -> None:
        """Raises `Unguarded`."""
        self._files = (cert, key, client_ca)
        self._lock = threading.Lock()
        self._looked_at = time.monotonic()
        self._seen = self._stamp()
        self._complaint = ""
        self.identity = _read(*self._files)

    def renewed(self) -> Identity | None:
        """The new identity, once, when its files have changed since they were looked at; files that can't be used are
        logged once, and the last good identity stays."""
        with self._lock:
            if time.monotonic() - self._looked_at < LOOK_S:
                return None
            self._looked_at = time.monotonic()
            stamp = self._stamp()  # before they are read: what changes meanwhile is seen at the next look
            if stamp == self._seen:
                return None
            self._seen = stamp
            try:
                found = _read(*self._files)
            except Unguarded as refused:
                if str(refused) != self._complaint:
                    self._complaint = str(refused)
                    log.error("a renewed certificate can't be used: the old one stays", why=self._complaint)
                return None
            self._complaint = ""
            self.identity = found
            log.info("a renewed certificate is used", expires_at=found.expires_at.isoformat())
            return found

    def _stamp(self) -> Sequence[object]:
        return [_stamp(path) for path in self._files if path is not None]


def guard(settings: Settings) -> Certificate | None:
    """The one place of the rules. The certificate to show; None: this server speaks in the clear.

    Raises `Unguarded` when a server may not be so, and `CannotListen` when its addresses can't be known.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        for given, missing in (
            (settings.tls_cert, "--tls-cert needs --tls-key: the private key of the certificate"),
            (settings.tls_key, "--tls-key needs --tls-cert: the certificate of the key"),
            (settings.tls_client_ca, "--tls-client-ca needs --tls-cert and --tls-key: without TLS nobody shows any"),
        ):
            if given is not None:
                raise Unguarded(missing)
    if settings.tls_client_listen is not None and settings.tls_client_ca is None:
        raise Unguarded("--tls-client-listen needs --tls-client-ca: who signs the certificates that clients show there")
    for listen in filter(None, (settings.listen, settings.tls_client_listen)):
        _assert_guarded(settings, listen)
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return Certificate(settings.tls_cert, settings.tls_key, settings.tls_client_ca)


def _assert_guarded(settings: Settings, listen: str) -> None:
    found, _ = addresses(listen)
    if all(ip_address(address.host.partition("%")[0]).is_loopback for address in found):
        return
    if settings.development:
        raise Unguarded(
            f"--development lets anybody do anything, so it is for loopback only: not on {listen}, but on "
            "--listen 127.0.0.1:50051, say"
        )
    if settings.tls_cert is None:
        raise Unguarded(
            f"others can reach {listen}, and without TLS they would read along: give --tls-cert and --tls-key "
            "(`inventory certificate create` makes both), or listen on loopback, such as --listen 127.0.0.1:50051"
        )


def _read(cert: Path, key: Path, client_ca: Path | None) -> Identity:
    # Late: a server on loopback has no need of it.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    chain, secret = _bytes(cert, "--tls-cert"), _bytes(key, "--tls-key")
    authority = None if client_ca is None else _bytes(client_ca, "--tls-client-ca")
    leaf = _certificates(chain, cert, "--tls-cert")[0]
    try:
        private = load_pem_private_key(secret, None)
    except TypeError:
        raise Unguarded(f"--tls-key: {key} is protected by a password: the server needs it without") from None
    except (ValueError, UnsupportedAlgorithm):
        raise Unguarded(f"--tls-key: {key} holds no private key in PEM") from None
    if private.public_key() != leaf.public_key():
        raise Unguarded(f"--tls-key: {key} is not the key of the certificate in {cert}")
    now = datetime.now(UTC)
    if leaf.not_valid_after_utc < now:
        raise Unguarded(f"--tls-cert: {cert} has expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")
    if leaf.not_valid_before_utc > now:
        raise Unguarded(f"--tls-cert: {cert} is not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC")
    if authority is not None and client_ca is not None:
        _certificates(authority, client_ca, "--tls-client-ca")
    return Identity(chain, secret, authority, leaf.not_valid_after_utc)


def _certificates(pem: bytes, path: Path, option: str) -> "list[Parsed]":
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(pem)
    except ValueError:
        raise Unguarded(f"{option}: {path} holds no certificate in PEM") from None


def _bytes(path: Path, option: str) -> bytes:
    try:
        with path.open("rb") as file:
            found = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise Unguarded(f"{option}: {path} can't be read: {error.strerror}") from None
    if len(found) > FILE_BYTES_MAX:
        raise Unguarded(f"{option}: {path} is larger than any certificate")
    return found


def _stamp(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
