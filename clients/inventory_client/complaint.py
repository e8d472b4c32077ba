"""Why there is no connection, as far as TLS has to do with it, found in gRPC's words."""

from collections.abc import Sequence
from enum import Enum


class Trouble(Enum):
    """What keeps two from agreeing on TLS; the value says it, and what to do."""

    WITHOUT_TLS = "the server there speaks without TLS: leave ca and tls out"
    EXPIRED = "the server's certificate has expired"
    NOT_YET_VALID = "the server's certificate is not yet valid, or this machine's clock is wrong"
    UNKNOWN_AUTHORITY = "the server's certificate is not of an authority that is trusted here: see ca"
    OTHER_HOST = "the server's certificate is for other hosts than this one"
    WANTS_CERTIFICATE = "the server wants a certificate, or another one: see certificate"
    HUNG_UP = "the server has hung up: perhaps it wants a certificate, or another one: see certificate"
    HUNG_UP_IN_CLEAR = "the server has hung up: perhaps it speaks TLS: see ca"


_OF_TLS: Sequence[tuple[str, Trouble]] = (
    ("WRONG_VERSION_NUMBER", Trouble.WITHOUT_TLS),
    ("HTTP_REQUEST", Trouble.WITHOUT_TLS),
    ("certificate has expired", Trouble.EXPIRED),
    ("certificate is not yet valid", Trouble.NOT_YET_VALID),
    ("CERTIFICATE_VERIFY_FAILED", Trouble.UNKNOWN_AUTHORITY),
    ("Hostname Verification Check failed", Trouble.OTHER_HOST),
    ("TLSV1_ALERT_", Trouble.WANTS_CERTIFICATE),
    ("SSLV3_ALERT_", Trouble.WANTS_CERTIFICATE),
    ("Socket closed", Trouble.HUNG_UP),
    ("Connection reset", Trouble.HUNG_UP),
)
_IN_CLEAR: Sequence[tuple[str, Trouble]] = (
    ("Socket closed", Trouble.HUNG_UP_IN_CLEAR),
    ("Connection reset", Trouble.HUNG_UP_IN_CLEAR),
)


def trouble(details: str, *, tls: bool) -> Trouble | None:
    """What is wrong between two that don't agree on TLS; None: that isn't it. `details`: what gRPC says of a call that
    found no connection; `tls`: whether we speak it.

    >>> trouble("Tls handshake failed: ... CERTIFICATE_VERIFY_FAILED: certificate has expired", tls=True)
    <Trouble.EXPIRED: "the server's certificate has expired">
    >>> trouble("connect: Connection refused (111)", tls=True)
    """
    for words, found in _OF_TLS if tls else _IN_CLEAR:
        if words in details:
            return found
    return None
