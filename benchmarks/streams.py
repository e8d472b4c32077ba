"""A light client for gRPC streams: hundreds of them on a blocking socket, at a few microseconds a message.

Like `h2.py` it writes constant header blocks and reads frames' heads, but it also hands out the messages.
"""

import socket
import time
from collections.abc import Sequence

from benchmarks.frames import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEAD,
    HEAD_BYTES,
    HEADERS,
    PING,
    RST_STREAM,
    SETTINGS,
    WINDOW_BYTES_MAX,
    CallFailed,
    frame,
    framed,
    header_blocks,
    preface,
    window_update,
)

ANSWER_TIMEOUT_S = 30.0
RECEIVE_BYTES_MAX = 1 << 20
LENGTH_BYTES = 5


class Connection:
    """One connection, one method, any number of calls. Not for requests beyond the server's flow-control window:
    calls are small, and never many at once."""

    def __init__(self, address: str, path: str, metadata: Sequence[tuple[str, str]] = ()) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), ANSWER_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received_ns = 0
        """When the last bytes came, by the monotonic clock, which all processes of a machine share."""
        self.trailers = b""
        """Of the stream that ended last, compressed as they came."""
        self._first_block, self._block = header_blocks(path, address, metadata)
        self._next_stream = 1
        self._rest = b""
        self._partial: dict[int, bytes] = {}
        self._consumed_bytes = 0
        self.socket.sendall(preface())

    def close(self) -> None:
        self.socket.close()

    def open(self, message: bytes, *, more: bool = False) -> int:
        """Starts a call; gives the number of its stream. With `more` the client's side stays open."""
        stream = self._next_stream
        self._next_stream += 2
        block = self._first_block if stream == 1 else self._block
        self.socket.sendall(
            frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, 0 if more else END_STREAM, stream, framed(message))
        )
        return stream

    def call(self, message: bytes) -> bytes:
        """A unary call, the only one under way. Raises `CallFailed`."""
        stream = self.open(message)
        answer = None
        while True:
            for of, received in self.receive():
                if of == stream and received is None:
                    if answer is None:
                        raise CallFailed(f"a call was refused; its trailers: {self.trailers!r}")
                    return answer
                answer = received

    def receive(self) -> list[tuple[int, bytes | None]]:
        """Waits for bytes; gives the whole messages in them, each with its stream, and None where a stream ended."""
        received = self.socket.recv(RECEIVE_BYTES_MAX)
        self.received_ns = time.monotonic_ns()
        if not received:
            raise CallFailed("the server closed the connection")
        buffer = self._rest + received if self._rest else received
        found: list[tuple[int, bytes | None]] = []
        position, size = 0, len(buffer)
        while size - position >= HEAD_BYTES:
            word, flags, stream = HEAD.unpack_from(buffer, position)
            start = position + HEAD_BYTES
            position = start + (word >> 8)
            if position > size:
                position = start - HEAD_BYTES
                break
            kind = word & 0xFF
            if kind == DATA:
                self._consumed_bytes += word >> 8
                if stream not in self._partial and (
                    position - start - LENGTH_BYTES == int.from_bytes(buffer[start + 1 : start + LENGTH_BYTES], "big")
                ):
                    found.append((stream, buffer[start + LENGTH_BYTES : position]))
                else:
                    found += self._assembled(stream, buffer[start:position])
            elif kind == HEADERS:
                if flags & END_STREAM:
                    self.trailers = buffer[start:position]
                    found.append((stream, None))
            else:
                self._control(kind, flags, stream, buffer[start:position])
        self._rest = buffer[position:]
        if self._consumed_bytes > WINDOW_BYTES_MAX // 2:
            self.socket.sendall(window_update(self._consumed_bytes))
            self._consumed_bytes = 0
        return found

    def _assembled(self, stream: int, piece: bytes) -> list[tuple[int, bytes | None]]:
        """The messages that a frame completes, where frames and messages don't coincide."""
        found: list[tuple[int, bytes | None]] = []
        rest = self._partial.pop(stream, b"") + piece
        while len(rest) >= LENGTH_BYTES:
            end = LENGTH_BYTES + int.from_bytes(rest[1:LENGTH_BYTES], "big")
            if len(rest) < end:
                break
            found.append((stream, rest[LENGTH_BYTES:end]))
            rest = rest[end:]
        if rest:
            self._partial[stream] = rest
        return found

    def _control(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == SETTINGS and not flags & ACK:
            self.socket.sendall(frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self.socket.sendall(frame(PING, ACK, 0, payload))
        elif kind in {GOAWAY, RST_STREAM}:
            raise CallFailed(f"the server ended stream {stream or 'all'}: {payload!r}")
