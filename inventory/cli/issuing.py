"""Certificates made: a private authority, and what it signs for servers and channels. ECDSA on P-256."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from inventory.cli.failure import Failed, printable

CLOCKS_APART_MAX = timedelta(minutes=5)
"""A certificate begins so long ago: the clock of whoever looks at it may be behind."""
COMMON_NAME_MAX = 64
KEY_MODE = 0o600
CERTIFICATE_MODE = 0o644

PrivateKey = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def authority(name: str, days: int) -> Issued:
    """A new authority, which signs what servers and channels show, and no other authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    builder = (
        _builder(subject, subject, key, days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    return Issued(builder.sign(key, hashes.SHA256()), key)


def server(of: Issued, hosts: Sequence[str], days: int) -> Issued:
    """What a server shows that is reached under these names and addresses. Raises `Failed`."""
    names = [general_name(host) for host in hosts]
    return _leaf(of, _name(hosts[0]), ExtendedKeyUsageOID.SERVER_AUTH, days, names)


def client(of: Issued, channel: str, days: int) -> Issued:
    """What a channel shows."""
    return _leaf(of, _name(channel), ExtendedKeyUsageOID.CLIENT_AUTH, days, ())


def load_authority(certificate: Path, key: Path) -> Issued:
    """An authority made before. Raises `Failed`."""
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except OSError as error:
        raise Failed(f"{error.filename}: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Failed(f"{certificate} and {key} are not an authority's certificate and key, in PEM") from None
    if not isinstance(private, PrivateKey) or private.public_key() != found.public_key():
        raise Failed(f"{key} is not the key of {certificate}, or not one on P-256")
    if found.not_valid_after_utc < datetime.now(UTC):
        raise Failed(f"{certificate} has expired: make a new authority with `inventory certificate create`")
    return Issued(found, private)


def general_name(host: str) -> x509.GeneralName:
    """A name or address as a certificate holds it; a name beginning with *. stands for all one level below.

    >>> general_name("127.0.0.1"), general_name("stock.example")
    (<IPAddress(value=127.0.0.1)>, <DNSName(value='stock.example')>)

    Raises `Failed`.
    """
    with suppress(ValueError):
        return x509.IPAddress(ip_address(host.strip("[]")))
    star, below = ("*.", host[2:]) if host.startswith("*.") else ("", host)
    try:
        name = below.encode("idna").decode("ascii")
        if not name or any(not (char.isalnum() or char in "-.") for char in name):
            raise ValueError
        return x509.DNSName(star + name)
    except ValueError:
        raise Failed(f"not a host's name or address: {printable(host)}") from None


def write(files: Mapping[Path, bytes], keys: Mapping[Path, bytes]) -> None:
    """Writes all or nothing, and never over what is there; only the owner may read keys. Raises `Failed`."""
    made: list[Path] = []
    try:
        for path, content, mode in (
            *((path, content, KEY_MODE) for path, content in keys.items()),
            *((path, content, CERTIFICATE_MODE) for path, content in files.items()),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                made.append(path)
                file.write(content)
    except OSError as error:
        for path in made:
            path.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            raise Failed(f"{error.filename} is there already, and is not written over") from None
        raise Failed(f"{error.filename}: {error.strerror}") from None


def _leaf(
    of: Issued,
    subject: x509.Name,
    purpose: x509.ObjectIdentifier,
    days: int,
    names: Sequence[x509.GeneralName],
) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = of.certificate
    builder = (
        _builder(subject, issuer.subject, key, days, latest=issuer.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(of.key.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Issued(builder.sign(of.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, days: int, latest: datetime | None = None
) -> x509.CertificateBuilder:
    now = datetime.now(UTC).replace(microsecond=0)
    ends = now + timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_APART_MAX)
        .not_valid_after(ends if latest is None else min(ends, latest))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:COMMON_NAME_MAX])])
