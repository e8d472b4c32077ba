"""Why there is no connection, as far as TLS has to do with it: gRPC's words, made into a line that says what to do."""

from collections.abc import Sequence

_WITHOUT_TLS = "the server there speaks without TLS: leave ca and tls out"
_WANTS_CERTIFICATE = "the server wants a certificate, or another one: see certificate"
_HUNG_UP = "the server has hung up: perhaps it wants a certificate, or another one: see certificate"
_HUNG_UP_IN_CLEAR = "the server has hung up: perhaps it speaks TLS: see ca"
_OF_TLS: Sequence[tuple[str, str]] = (
    ("WRONG_VERSION_NUMBER", _WITHOUT_TLS),
    ("HTTP_REQUEST", _WITHOUT_TLS),
    ("certificate has expired", "the server's certificate has expired"),
    ("certificate is not yet valid", "the server's certificate is not yet valid, or this machine's clock is wrong"),
    ("CERTIFICATE_VERIFY_FAILED", "the server's certificate is not of an authority that is trusted here: see ca"),
    ("Hostname Verification Check failed", "the server's certificate is for other hosts than this one"),
    ("TLSV1_ALERT_", _WANTS_CERTIFICATE),
    ("SSLV3_ALERT_", _WANTS_CERTIFICATE),
    ("Socket closed", _HUNG_UP),
    ("Connection reset", _HUNG_UP),
)
_IN_CLEAR: Sequence[tuple[str, str]] = (("Socket closed", _HUNG_UP_IN_CLEAR), ("Connection reset", _HUNG_UP_IN_CLEAR))


def tls_complaint(details: str, *, tls: bool) -> str:
    """What is wrong between two that don't agree on TLS; '' when that isn't it. `details`: what gRPC says of a call
    that found no connection; `tls`: whether we speak it.

    >>> tls_complaint("Tls handshake failed: ... CERTIFICATE_VERIFY_FAILED: certificate has expired", tls=True)
    "the server's certificate has expired"
    >>> tls_complaint("connect: Connection refused (111)", tls=True)
    ''
    """
    for words, complaint in _OF_TLS if tls else _IN_CLEAR:
        if words in details:
            return complaint
    return ""
