"""Page tokens: where the next page starts, bound to the query they belong to."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from inventory.domain.code import is_code
from inventory.domain.refusal import Reason, Refusal

_DIGEST_BYTES = 8
_TOKEN_CHARS_MAX = 1024
_REVISION_MAX = 2**63 - 1
_ORDINAL_MAX = 2**31 - 1
_MICROSECONDS_MAX = 2**57
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Part = Callable[[Any], object]
"""Reads one part of a position. Raises `ValueError`: the digest has no secret, so a part may be anything."""


def encode(request: Message, position: Sequence[object]) -> str:
    """A token for the page after `position`, good only for the same query."""
    body = json.dumps(position, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_digest(request, body) + body).decode()


def decode(request: Message, *parts: Part) -> list[Any] | None:
    """The position, or None for the first page. Raises PAGE_TOKEN_INVALID."""
    token: str = request.page_token  # type: ignore[attr-defined]  # every list request has one
    if not token:
        return None
    try:
        if len(token) > _TOKEN_CHARS_MAX:
            raise ValueError
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
        digest, body = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        if digest != _digest(request, body):
            raise ValueError
        return [part(value) for part, value in zip(parts, json.loads(body), strict=True)]
    except (ValueError, TypeError, RecursionError):
        raise Refusal(Reason.PAGE_TOKEN_INVALID, "page_token is not one of this query", field="page_token") from None


def code(value: Any) -> str:
    """A SKU's or location's code."""
    if not (isinstance(value, str) and is_code(value)):
        raise ValueError
    return value


def identity(value: Any) -> UUID:
    """A reservation's id."""
    return UUID(code(value))


def revision(value: Any) -> int:
    return _whole(value, _REVISION_MAX)


def ordinal(value: Any) -> int:
    return _whole(value, _ORDINAL_MAX)


def moment(value: Any) -> datetime:
    """As `moment_part` writes it: whole microseconds since 1970."""
    return EPOCH + timedelta(microseconds=_whole(value, _MICROSECONDS_MAX))


def moment_part(found: datetime) -> int:
    return (found - EPOCH) // timedelta(microseconds=1)


def _whole(value: Any, high: int) -> int:
    if type(value) is not int or not 0 <= value <= high:
        raise ValueError
    return value


def _digest(request: Message, body: bytes) -> bytes:
    query = type(request)()
    query.CopyFrom(request)
    query.ClearField("page_token")
    query.ClearField("page_size")
    digest = hashlib.blake2b(query.SerializeToString(deterministic=True), digest_size=_DIGEST_BYTES)
    digest.update(type(request).__name__.encode() + body)
    return digest.digest()
