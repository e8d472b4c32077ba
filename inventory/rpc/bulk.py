"""Whether a message is worth parsing: two bytes on the wire are an empty row, which takes 80 bytes when it is parsed.
Four million of them took 330 MiB and a second, in which nothing else was served (seen)."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from inventory.domain.refusal import Reason, Refusal

LOOKED_AT_BYTES_MIN = 1024 * 1024
"""Below it whatever is in a message is parsed fast enough."""
MESSAGES_MAX = 200_000
"""Messages within one: twenty for each of the most rows that a bulk request may have."""

_VARINT, _FIXED64, _BYTES, _GROUP, _GROUP_END, _FIXED32 = range(6)


class Kind(dict[int, "Kind"]):
    """A kind of message: the kinds of the messages within it, by field number."""


_OPAQUE = Kind()


def kind_of(message_type: type[Message]) -> Kind:
    """Read from its descriptor."""
    return _kind(message_type.DESCRIPTOR, {})


def _kind(descriptor: Any, known: dict[str, Kind]) -> Kind:
    """`known`: kinds already met, by name; a message may be within itself."""
    found = known.get(descriptor.full_name)
    if found is None:
        found = known[descriptor.full_name] = Kind()
        for field in descriptor.fields:
            if field.message_type is not None:
                found[field.number] = _kind(field.message_type, known)
    return found


def check(raw: bytes, kind: Kind) -> None:
    """Raises TOO_MANY_LINES."""
    if len(raw) >= LOOKED_AT_BYTES_MIN and messages_within(raw, kind) > MESSAGES_MAX:
        raise Refusal(
            Reason.TOO_MANY_LINES,
            f"a message has at most {MESSAGES_MAX} messages within it",
            metadata={"max": str(MESSAGES_MAX)},
        )


def messages_within(raw: bytes, kind: Kind) -> int:  # noqa: C901, PLR0912 - a call for each field would cost more
    """How many are within a message, at any depth; no more than `MESSAGES_MAX` + 1 are counted, and none behind what
    can't be parsed.

    Source of the format: https://protobuf.dev/programming-guides/encoding
    """
    found = at = 0
    end = len(raw)
    above: list[tuple[int, Kind]] = []
    try:
        while True:
            while at >= end:
                if not above:
                    return found
                end, kind = above.pop()
            tag = raw[at]
            at += 1
            if tag > 127:
                tag, at = _rest(raw, at, tag)
            wire = tag & 7
            if wire == _BYTES:
                length = raw[at]
                at += 1
                if length > 127:
                    length, at = _rest(raw, at, length)
                inner = kind.get(tag >> 3)
                if inner is None:
                    at += length
                    continue
                found += 1
                if found > MESSAGES_MAX:
                    return found
                if not inner:  # such a message has none within it
                    at += length
                    continue
                above.append((end, kind))
                end, kind = min(at + length, end), inner
            elif wire == _VARINT:
                while raw[at] > 127:
                    at += 1
                at += 1
            elif wire == _GROUP:
                above.append((end, kind))
                kind = _OPAQUE
            elif wire == _GROUP_END:
                end, kind = above.pop()
            elif wire in (_FIXED64, _FIXED32):
                at += 8 if wire == _FIXED64 else 4
            else:
                return found
    except IndexError:  # it ends too early, and is refused by who parses it
        return found


def _rest(raw: bytes, at: int, first: int) -> tuple[int, int]:
    """A number whose first byte says that there are more, and where it ends."""
    number, shift = first & 127, 7
    while (byte := raw[at]) > 127:
        number |= (byte & 127) << shift
        shift += 7
        at += 1
    return number | byte << shift, at + 1
