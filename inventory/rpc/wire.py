"""The few bytes of protobuf's wire format that are put together by hand, so that a stored or shared message is sent
as it is instead of being parsed and serialised again.

Source: protobuf.dev, "Encoding": a message is the concatenation of its fields, the last value of a field counts.
"""

_VARINT, _DELIMITED = 0, 2
REVISION_TAG = bytes([1 << 3 | _VARINT])
REPLAYED = bytes([2 << 3 | _VARINT, 1])


def varint(value: int) -> bytes:
    """A non-negative integer."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def tag(field: int) -> bytes:
    """Of a string, bytes or message field with a number below 16."""
    return bytes((field << 3 | _DELIMITED,))


def delimited(field: int, body: bytes) -> bytes:
    """A string, bytes or message field with a number below 16."""
    return tag(field) + varint(len(body)) + body


def integer_tag(field: int) -> bytes:
    """Of an integer field with a number below 16."""
    return bytes((field << 3 | _VARINT,))


def integer(field: int, value: int) -> bytes:
    """A non-negative integer field with a number below 16."""
    return integer_tag(field) + varint(value)


def with_revision(payload: bytes, revision: int | None, replayed: bool) -> bytes:
    """A stored answer completed with what every write's response says: field 1 its revision, field 2 replayed."""
    if revision is not None:
        payload = payload + REVISION_TAG + varint(revision)
    return payload + REPLAYED if replayed else payload
