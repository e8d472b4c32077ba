"""Page tokens: where the next page starts, bound to the query they belong to."""

import base64
import hashlib
import json
from collections.abc import Sequence

from google.protobuf.message import Message

from inventory.domain.refusal import Reason, Refusal

_DIGEST_BYTES = 8
_TOKEN_CHARS_MAX = 1024


def encode(request: Message, position: Sequence[object]) -> str:
    """A token for the page after `position`, good only for the same query."""
    body = json.dumps(position, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_digest(request, body) + body).decode()


def decode(request: Message, shape: tuple[type, ...]) -> list[object] | None:
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
        position = json.loads(body)
        if [type(value) for value in position] != list(shape):
            raise ValueError
    except (ValueError, TypeError):
        raise Refusal(Reason.PAGE_TOKEN_INVALID, "page_token is not one of this query", field="page_token") from None
    return list(position)


def _digest(request: Message, body: bytes) -> bytes:
    query = type(request)()
    query.CopyFrom(request)
    query.ClearField("page_token")
    query.ClearField("page_size")
    digest = hashlib.blake2b(query.SerializeToString(deterministic=True), digest_size=_DIGEST_BYTES)
    digest.update(type(request).__name__.encode() + body)
    return digest.digest()
