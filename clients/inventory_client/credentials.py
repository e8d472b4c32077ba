"""What a client shows: its token, channel and operator with every call, and its certificate to the connection."""

import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import grpc

CHANNEL_KEY = "inventory-channel"
OPERATOR_KEY = "inventory-operator"
TOKEN_KEY = "authorization"  # noqa: S105 - the name of the metadata
OPERATOR_BYTES_MAX = 64
LOOK_S = 1.0

Metadata = Sequence[tuple[str, str]]
Token = str | Callable[[], str]
"""A token; or what gives the present one, at once and from any thread: it is asked for every call."""
Pem = bytes | str | Path
"""The content of a PEM file, or where it is."""

_CHANNEL = re.compile(r"[a-z0-9_-]{1,32}")
_TOKEN = re.compile(r"[!-~]{1,512}")
_OPERATOR = re.compile(r"[ -~]+")


class Introduction:
    """Gives the metadata of each call, with the token that is the present one."""

    def __init__(self, known: Sequence[tuple[str, str]], token: Token) -> None:
        self._token = token
        self._known = tuple(known)
        self._unchanging = None if callable(token) else (*known, _bearer(token)) if token else self._known

    def __call__(self) -> Metadata:
        if self._unchanging is not None:
            return self._unchanging
        assert callable(self._token)
        return (*self._known, _bearer(self._token()))

    def differs(self, refused: Metadata) -> bool:
        """Whether there is another token by now than the one that was refused; a file is read for that at once."""
        if isinstance(self._token, TokenFile):
            self._token.look()
        return self() != refused


def introduction(channel: str, token: Token, operator: str) -> Introduction:
    """What a client shows with each call. Raises `ValueError`, which never holds a token."""
    if channel and not _CHANNEL.fullmatch(channel):
        raise ValueError(f"not a channel's code: {channel!r}")
    if operator and (not _OPERATOR.fullmatch(operator) or len(operator) > OPERATOR_BYTES_MAX):
        raise ValueError(f"an operator is up to {OPERATOR_BYTES_MAX} printable characters of ASCII, not {operator!r}")
    known: list[tuple[str, str]] = [(CHANNEL_KEY, channel)] if channel else []
    if operator:
        known.append((OPERATOR_KEY, operator))
    return Introduction(known, token)


def wire_credentials(
    addresses: Sequence[str],
    credentials: grpc.ChannelCredentials | None,
    *,
    tls: bool,
    ca: Pem | None,
    certificate: tuple[Pem, Pem] | None,
    token: Token,
    token_in_clear: bool = False,
) -> grpc.ChannelCredentials | None:
    """What secures the connections; None: nothing does. Raises `ValueError`, and `OSError` for a file."""
    if credentials is not None:
        if tls or ca is not None or certificate is not None:
            raise ValueError("give credentials, or tls, ca and certificate: not both")
        return credentials
    if tls or ca is not None or certificate is not None:
        cert, key = (None, None) if certificate is None else map(_pem, certificate)
        return grpc.ssl_channel_credentials(None if ca is None else _pem(ca), key, cert)
    if token and not token_in_clear:
        for address in addresses:
            if not is_loopback(address):
                raise ValueError(
                    f"a token would go to {address} in the clear: give ca= (or tls=True), or say token_in_clear=True"
                )
    return None


def is_loopback(address: str) -> bool:
    """Whether HOST:PORT is on this machine, for certain.

    >>> is_loopback("[::1]:50051"), is_loopback("127.example.com:50051")
    (True, False)
    """
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class TokenFile:
    """The token in a file, and the next one as soon as the file has it: to be given as `token=`."""

    def __init__(self, path: str | Path) -> None:
        """Raises `OSError` when the file can't be read, and `ValueError` when no token is in it."""
        self._path = Path(path)
        self._lock = threading.Lock()
        self._token = self._read()
        self._looked_at = time.monotonic()

    def __call__(self) -> str:
        """The present one; the file is read at most once a second, and the last good token is kept."""
        with self._lock:
            if time.monotonic() - self._looked_at >= LOOK_S:
                self._look()
            return self._token

    def look(self) -> None:
        """Reads the file now, for the present one was refused."""
        with self._lock:
            self._look()

    def __repr__(self) -> str:
        return f"TokenFile({str(self._path)!r})"

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        with suppress(OSError, ValueError):  # it may be being written
            self._token = self._read()

    def _read(self) -> str:
        token = self._path.read_text(encoding="utf-8", errors="replace").strip()
        if not _TOKEN.fullmatch(token):
            raise ValueError(f"no token is in {self._path}")
        return token


def token_of(file: str | Path | None) -> Token:
    """What a program is given: the token in the file, else in INVENTORY_TOKEN; '' when there is neither.

    Raises `OSError` and `ValueError` as `TokenFile`.
    """
    return os.environ.get("INVENTORY_TOKEN", "").strip() if file is None else TokenFile(file)


def set_text(_: object, value: str, delimiter: str | None = None) -> list[str]:
    """How programs read their environment: a variable that is empty counts as not set."""
    return [value] if value else []


def _bearer(token: str) -> tuple[str, str]:
    if not _TOKEN.fullmatch(token):
        raise ValueError("not a token: it is one word of printable ASCII")
    return TOKEN_KEY, f"Bearer {token}"


def _pem(given: Pem) -> bytes:
    return given if isinstance(given, bytes) else Path(given).read_bytes()
