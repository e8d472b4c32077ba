"""The little of HTTP/2 (RFC 9113), its header compression (RFC 7541) and gRPC that the load clients write and read."""

import struct
from collections.abc import Sequence

WINDOW_BYTES_MAX = (1 << 31) - 1
WINDOW_BYTES_DEFAULT = 65_535
HEAD_BYTES = 9

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM = ACK = 1
END_HEADERS = 4
HEAD = struct.Struct(">IBI")  # length and type in one word, flags, stream
_INITIAL_WINDOW_SIZE = 4


class CallFailed(Exception):
    """A call was refused, or a connection broke: a benchmark counts only what worked."""


def framed(message: bytes) -> bytes:
    """A message as gRPC sends it: not compressed, its length in front."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return HEAD.pack(len(payload) << 8 | kind, flags, stream) + payload


def preface() -> bytes:
    """What a client says first; it grants the server as much flow-control window as there is."""
    settings = struct.pack(">HI", _INITIAL_WINDOW_SIZE, WINDOW_BYTES_MAX)
    return (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        + frame(SETTINGS, 0, 0, settings)
        + window_update(WINDOW_BYTES_MAX - WINDOW_BYTES_DEFAULT)
    )


def window_update(size_bytes: int) -> bytes:
    """Grants the connection so many bytes more."""
    return frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", size_bytes))


def header_blocks(path: str, authority: str, metadata: Sequence[tuple[str, str]] = ()) -> tuple[bytes, bytes]:
    """The header block of a connection's first request, and that of all later ones (RFC 7541, appendix A)."""
    method_post, scheme_http = b"\x83", b"\x86"
    first = (
        _indexing(4, path),
        _indexing(1, authority),
        _indexing(31, "application/grpc"),
        b"\x40" + _string("te") + _string("trailers"),
        _indexing(58, "benchmarks-h2"),
        *(b"\x40" + _string(name) + _string(value) for name, value in metadata),
    )
    newest = 62  # the dynamic table begins there, its newest entry in front
    later = bytes(0x80 | newest + age for age in reversed(range(len(first))))
    return method_post + scheme_http + b"".join(first), method_post + scheme_http + later


def _indexing(name: int, value: str) -> bytes:
    """A literal with incremental indexing whose name is in the static table."""
    return bytes((0x40 | name,)) + _string(value)


def _string(text: str) -> bytes:
    """Not Huffman coded."""
    assert len(text) < 0x7F
    return bytes((len(text),)) + text.encode("ascii")
