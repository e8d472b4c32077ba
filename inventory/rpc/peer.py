"""Who is at the other end of a connection, as far as TLS can tell."""

import hashlib
import ssl
from functools import lru_cache
from typing import Any

CERTIFICATES_KNOWN_MAX = 4_096
_CERTIFICATE_KEY = "x509_pem_cert"


def certificate_sha256(context: Any) -> bytes | None:
    """The SHA-256 of the DER of the certificate that the client of this call (a `ServicerContext`) has shown, and whose
    key it has; None: it has shown none. TLS has verified it before the call came."""
    shown = context.auth_context().get(_CERTIFICATE_KEY)
    return fingerprint(shown[0]) if shown else None


@lru_cache(CERTIFICATES_KNOWN_MAX)
def fingerprint(pem: bytes) -> bytes:
    """The SHA-256 of a certificate's DER. Raises `ValueError` for what is not PEM."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.decode("ascii"))).digest()
