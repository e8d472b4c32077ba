"""How a channel proves that it is one: tokens and certificates.

A token is `inv_KEYID_SECRETCHECK`: 60 bits that name the key, 256 bits of secret, and a CRC-32 of what stands before
it, in Crockford's base32. The check tells a mistyped token from a wrong one, and lets scanners of leaked secrets know
ours.
"""

import hashlib
import re
import zlib
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

PREFIX = "inv"
KEY_ID_BITS = 60
SECRET_BITS = 256
TOKEN_RANDOM_BYTES = 8 + SECRET_BITS // 8
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_KEY_ID_CHARS = 12
_SECRET_CHARS = 52
_CHECK_CHARS = 7
TOKEN_CHARS = len(PREFIX) + 1 + _KEY_ID_CHARS + 1 + _SECRET_CHARS + _CHECK_CHARS
_FORM = re.compile(
    f"{PREFIX}_([{_ALPHABET}]{{{_KEY_ID_CHARS}}})_[{_ALPHABET}]{{{_SECRET_CHARS}}}([{_ALPHABET}]{{{_CHECK_CHARS}}})"
)


class CredentialKind(IntEnum):
    """The numbers are the API's and the table's."""

    TOKEN = 1
    CERTIFICATE = 2


class Token(NamedTuple):
    """`text` is the secret, shown once; its SHA-256 is kept."""

    key_id: str
    text: str

    def __repr__(self) -> str:
        return f"Token({self.key_id})"


class Credential(NamedTuple):
    """What is known of one. Times by the database's clock."""

    key_id: str
    channel: str
    kind: CredentialKind
    name: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    in_force: bool


def make_token(random: bytes) -> Token:
    """From 40 random bytes: 8 for the key's name, 32 for the secret. Raises `ValueError`."""
    if len(random) != TOKEN_RANDOM_BYTES:
        raise ValueError(f"a token is made of {TOKEN_RANDOM_BYTES} random bytes")
    key_id = _base32(int.from_bytes(random[:8]) >> (64 - KEY_ID_BITS), _KEY_ID_CHARS)
    body = f"{PREFIX}_{key_id}_{_base32(int.from_bytes(random[8:]), _SECRET_CHARS)}"
    return Token(key_id, body + _check(body))


def key_id_of(text: str) -> str | None:
    """The name of the key that a well-formed token is of; None: it is none."""
    if len(text) != TOKEN_CHARS:
        return None
    found = _FORM.fullmatch(text)
    return found[1] if found and _check(text[:-_CHECK_CHARS]) == found[2] else None


def digest(text: str) -> bytes:
    """What is kept of a token. A plain hash is enough: nobody guesses 256 random bits."""
    return hashlib.sha256(text.encode()).digest()


def _check(body: str) -> str:
    return _base32(zlib.crc32(body.encode()), _CHECK_CHARS)


def _base32(number: int, chars: int) -> str:
    return "".join(_ALPHABET[number >> 5 * position & 31] for position in reversed(range(chars)))
