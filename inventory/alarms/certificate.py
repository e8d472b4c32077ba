"""The certificate that this server shows, and when it expires."""

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

import structlog
from cryptography.x509 import load_pem_x509_certificates

from inventory.domain.alarm import Expiring

log = structlog.get_logger(__name__)


def own_certificate(path: Path | None, address: str) -> Sequence[Expiring]:
    """Of a chain in PEM that of the server itself, which comes first; nothing without one. Reads a file."""
    if path is None:
        return ()
    try:
        certificate = load_pem_x509_certificates(path.read_bytes())[0]
    except (OSError, ValueError) as error:
        log.warning("the server's certificate can't be read", why=type(error).__name__)
        return ()
    return (
        Expiring(
            {"certificate": "server", "address": address},
            f"the server's certificate at {address}",
            certificate.not_valid_before_utc.astimezone(UTC),
            certificate.not_valid_after_utc.astimezone(UTC),
        ),
    )
