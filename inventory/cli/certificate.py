"""Certificates for TLS: a first set for a server, one for each channel, and what is in a file.

`inventory certificate create` makes a private authority (ca.pem, ca-key.pem) and a server's certificate (server.pem,
server-key.pem). Start the server with `--tls-cert server.pem --tls-key server-key.pem`, and give ca.pem to its clients
(`--tls-ca ca.pem`). Keep ca-key.pem elsewhere: whoever has it can pass for your server.

Example: inventory certificate create --host stock.example --out tls
"""

import json as encoder
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter, validators

from inventory.cli.failure import Failed, printable
from inventory.cli.options import Json
from inventory.domain.code import channel_code
from inventory.domain.refusal import Refusal

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from inventory.cli.issuing import Issued

AUTHORITY_DAYS = 3_653
LEAF_DAYS = 397
"""As long as browsers trust one: renewing is meant to be ordinary."""
DAYS_MAX = 36_500

Days = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=DAYS_MAX))]

app = App(name="certificate", help=(__doc__ or ""))


@app.command
def create(
    *,
    host: Annotated[list[str], Parameter(negative="", consume_multiple=True)],
    out: Path,
    ca: Path | None = None,
    days: Days = LEAF_DAYS,
    ca_days: Days = AUTHORITY_DAYS,
) -> int:
    """Make a private authority and a server's certificate; or, with --ca, only a server's certificate.

    Nothing is ever written over. To renew a certificate make the new one in another directory and move its two files
    over the old ones: a running server takes them at the next connection.

    Example: inventory certificate create --host stock.example --host 10.0.0.7 --out tls

    Example: inventory certificate create --host stock.example --ca tls --out tls-new

    Parameters
    ----------
    host
        A name or an IP address under which clients reach the server. May be said several times.
    out
        The directory for the files; made when there is none.
    ca
        The directory of an authority made before, with ca.pem and ca-key.pem.
    days
        For how long the server's certificate is valid, at most as long as its authority.
    ca_days
        For how long a new authority is.
    """
    from inventory.cli import issuing

    files: dict[Path, bytes] = {}
    keys: dict[Path, bytes] = {}
    if ca is None:
        signs = issuing.authority(f"Inventory CA of {host[0]}", ca_days)
        files[out / "ca.pem"], keys[out / "ca-key.pem"] = signs.pem, signs.key_pem
    else:
        signs = _authority(ca)
    made = issuing.server(signs, host, days)
    files[out / "server.pem"], keys[out / "server-key.pem"] = made.pem, made.key_pem
    issuing.write(files, keys)
    _say_made(files, keys)
    if ca is not None:
        print(
            "To renew, move the two over the server's old ones: it takes them at the next connection.\n"
            f"For a new server, start it with --tls-cert {out / 'server.pem'} --tls-key {out / 'server-key.pem'}"
        )
    else:
        print(f"Start the server with --tls-cert {out / 'server.pem'} --tls-key {out / 'server-key.pem'}")
        print(f"Its clients need {out / 'ca.pem'} (--tls-ca). Keep {out / 'ca-key.pem'} where the server is not.")
    return 0


@app.command
def issue(channel: str, /, *, ca: Path, out: Path, days: Days = LEAF_DAYS) -> int:
    """Make a client's certificate for a channel: CHANNEL.pem and CHANNEL-key.pem.

    The server must be told of it: it knows a channel's certificate by its SHA-256, which is printed here. And it asks
    for certificates only where it was started with --tls-client-ca ca.pem.

    Example: inventory certificate issue web --ca tls --out web-tls

    Parameters
    ----------
    channel
        The channel's code.
    ca
        The directory of the authority, with ca.pem and ca-key.pem.
    out
        The directory for the files; made when there is none.
    days
        For how long it is valid, at most as long as its authority.
    """
    from inventory.cli import issuing

    try:
        channel_code(channel)
    except Refusal as refusal:
        raise Failed(f"{refusal.reason}: {refusal.message}") from None
    made = issuing.client(_authority(ca), channel, days)
    files, keys = {out / f"{channel}.pem": made.pem}, {out / f"{channel}-key.pem": made.key_pem}
    issuing.write(files, keys)
    _say_made(files, keys)
    print(f"SHA-256 {_sha256(made.certificate)}")
    return 0


@app.command
def show(file: Path, /, *, json: Json = False) -> int:
    """Show what is in a file of certificates: subject, hosts, purpose, validity, SHA-256.

    Exit code 1 when one of them is not valid now.

    Example: inventory certificate show tls/server.pem
    """
    from cryptography.x509 import load_pem_x509_certificates

    try:
        found = load_pem_x509_certificates(file.read_bytes())
    except OSError as error:
        raise Failed(f"{file}: {error.strerror}") from None
    except ValueError:
        raise Failed(f"{file} holds no certificate in PEM") from None
    now = datetime.now(UTC)
    described = [_described(certificate, now) for certificate in found]
    if json:
        print(encoder.dumps(described, ensure_ascii=False, indent=2))
    else:
        print("\n\n".join("\n".join(_lines(each)) for each in described))
    return 0 if all(each["valid"] for each in described) else 1


def _authority(directory: Path) -> "Issued":
    from inventory.cli import issuing

    return issuing.load_authority(directory / "ca.pem", directory / "ca-key.pem")


def _say_made(files: dict[Path, bytes], keys: dict[Path, bytes]) -> None:
    for path in sorted((*files, *keys)):
        print(f"made {path}{' (secret)' if path in keys else ''}")


def _described(certificate: "Certificate", now: datetime) -> dict[str, Any]:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "hosts": _hosts(certificate),
        "purpose": _purpose(certificate),
        "not_before": f"{begins:%Y-%m-%dT%H:%M:%SZ}",
        "not_after": f"{ends:%Y-%m-%dT%H:%M:%SZ}",
        "valid": begins <= now <= ends,
        "days_left": (ends - now).days,
        "sha256": _sha256(certificate),
    }


def _lines(described: dict[str, Any]) -> list[str]:
    days = described["days_left"]
    wrong = "EXPIRED" if days < 0 else "NOT YET VALID"
    state = f"{days} days left" if described["valid"] else wrong
    return [
        f"subject  {printable(described['subject'])}",
        f"issuer   {printable(described['issuer'])}",
        f"hosts    {printable(', '.join(described['hosts'])) or '–'}",
        f"purpose  {', '.join(described['purpose']) or 'any'}",
        f"valid    {described['not_before']} to {described['not_after']} ({state})",
        f"SHA-256  {described['sha256']}",
    ]


def _hosts(certificate: "Certificate") -> list[str]:
    from cryptography.x509 import DNSName, ExtensionNotFound, IPAddress, SubjectAlternativeName

    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except (ExtensionNotFound, ValueError):
        return []
    return [str(name.value) for name in names if isinstance(name, (DNSName, IPAddress))]


def _purpose(certificate: "Certificate") -> list[str]:
    from cryptography.x509 import BasicConstraints, ExtendedKeyUsage, ExtensionNotFound
    from cryptography.x509.oid import ExtendedKeyUsageOID

    found: list[str] = []
    try:
        if certificate.extensions.get_extension_for_class(BasicConstraints).value.ca:
            found.append("authority")
        usages = certificate.extensions.get_extension_for_class(ExtendedKeyUsage).value
    except (ExtensionNotFound, ValueError):
        return found
    named = {ExtendedKeyUsageOID.SERVER_AUTH: "server", ExtendedKeyUsageOID.CLIENT_AUTH: "client"}
    return found + [named[usage] for usage in usages if usage in named]


def _sha256(certificate: "Certificate") -> str:
    from cryptography.hazmat.primitives.hashes import SHA256

    return certificate.fingerprint(SHA256()).hex()
