"""A load client for unary gRPC calls that costs a few microseconds a call, where grpc's own costs a hundred.

h2load, which would do, sends one fixed body, and every write needs a request_id of its own. So: blocking sockets,
header blocks that are constant (RFC 7541: the first request of a connection puts its headers into the dynamic table,
all later ones are the same six bytes), and answers of which only the frames' heads are read (RFC 9113). The server
sees what it sees from any client. A call has succeeded when a message came back before the end of its stream: a
refused call is answered by trailers alone. What really happened is then counted in the database.
"""

import select
import socket
import struct
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

ANSWER_TIMEOUT_S = 30.0
BODY_BYTES_MAX = 4_096  # one DATA frame a call, and little of the connection's flow-control window
RECEIVE_BYTES_MAX = 1 << 18
WINDOW_BYTES_MAX = (1 << 31) - 1
WINDOW_BYTES_DEFAULT = 65_535

_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM = _ACK = 1
_END_HEADERS_FLAG = 4
_HEAD = struct.Struct(">IBI")  # length and type in one word, flags, stream
_INITIAL_WINDOW_SIZE = 4


@dataclass(frozen=True)
class Answers:
    """What one run brought. `latencies_s` has one entry per call, in the order of the answers; `primed` calls opened
    the connections before the clock started."""

    primed: int
    calls: int
    seconds: float
    latencies_s: "array[float]"


class CallFailed(Exception):
    """A call was refused, or a connection broke: a benchmark counts only what worked."""


def framed(message: bytes) -> bytes:
    """A message as gRPC sends it: not compressed, its length in front."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def run(
    address: str, path: str, bodies: Iterator[bytes], *, in_flight: int, connections: int, seconds: float
) -> Answers:
    """Keeps `in_flight` calls of `path` under way for `seconds`, then waits for the last answers.

    `bodies` gives framed messages. Raises `CallFailed`.
    """
    clients = [_Connection(address, path, bodies) for _ in range(connections)]
    try:
        for client in clients:  # the connection is made and its headers are known before the clock starts
            client.send(1)
        _serve(clients, 0.0)
        latencies = array("d")
        for client in clients:
            client.latencies_s = latencies
        started = time.perf_counter()
        for number, client in enumerate(clients):
            client.send(in_flight // connections + (number < in_flight % connections))
        _serve(clients, started + seconds)
        ended = time.perf_counter()
    finally:
        for client in clients:
            client.close()
    return Answers(connections, len(latencies), ended - started, latencies)


def _serve(clients: "list[_Connection]", deadline: float) -> None:
    """Answers each answer with the next call until the deadline, then waits until none is under way."""
    with select.epoll() as epoll:
        by_descriptor = {client.socket.fileno(): client for client in clients}
        for descriptor in by_descriptor:
            epoll.register(descriptor, select.EPOLLIN)
        while any(client.under_way for client in clients):
            ready = epoll.poll(ANSWER_TIMEOUT_S)
            if not ready:
                raise CallFailed(f"no answer within {ANSWER_TIMEOUT_S:g} s")
            for descriptor, _ in ready:
                client = by_descriptor[descriptor]
                answered = client.receive()
                client.send(answered if time.perf_counter() < deadline else 0)


class _Connection:
    def __init__(self, address: str, path: str, bodies: Iterator[bytes]) -> None:
        host, _, port = address.rpartition(":")
        self.latencies_s = array("d")
        self.socket = socket.create_connection((host, int(port)), ANSWER_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bodies = bodies
        self._first_block, self._block = _header_blocks(path, address)
        self._next_stream = 1
        self._owed = 0
        self._window_bytes = WINDOW_BYTES_DEFAULT
        self._consumed_bytes = 0
        self._rest = b""
        self._started: dict[int, float] = {}
        self._with_message: set[int] = set()
        settings = struct.pack(">HI", _INITIAL_WINDOW_SIZE, WINDOW_BYTES_MAX)
        window = struct.pack(">I", WINDOW_BYTES_MAX - WINDOW_BYTES_DEFAULT)
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        self.socket.sendall(preface + _frame(_SETTINGS, 0, 0, settings) + _frame(_WINDOW_UPDATE, 0, 0, window))

    @property
    def under_way(self) -> int:
        return len(self._started) + self._owed

    def close(self) -> None:
        self.socket.close()

    def send(self, calls: int) -> None:
        """Starts so many calls more; those the server's flow control doesn't admit yet follow later."""
        self._owed += calls
        if not self._owed:
            return
        parts = []
        now = time.perf_counter()
        while self._owed and self._window_bytes >= BODY_BYTES_MAX:
            body = next(self._bodies)
            size = len(body)
            if size > BODY_BYTES_MAX:
                raise ValueError(f"a body of {size} bytes does not fit one frame")
            stream = self._next_stream
            self._next_stream += 2
            self._window_bytes -= size
            self._owed -= 1
            self._started[stream] = now
            block = self._first_block if stream == 1 else self._block
            parts.append(_HEAD.pack(len(block) << 8 | _HEADERS, _END_HEADERS_FLAG, stream))
            parts.append(block)
            parts.append(_HEAD.pack(size << 8 | _DATA, _END_STREAM, stream))
            parts.append(body)
        if parts:
            self.socket.sendall(b"".join(parts))

    def receive(self) -> int:
        """Reads what is there; gives the number of calls that ended."""
        received = self.socket.recv(RECEIVE_BYTES_MAX)
        if not received:
            raise CallFailed("the server closed the connection")
        buffer = self._rest + received if self._rest else received
        now = time.perf_counter()
        position, size, ended = 0, len(buffer), 0
        while size - position >= 9:
            word, flags, stream = _HEAD.unpack_from(buffer, position)
            end = position + 9 + (word >> 8)
            if end > size:
                break
            kind = word & 0xFF
            if kind == _DATA:
                self._consumed_bytes += word >> 8
                self._with_message.add(stream)
            elif kind == _HEADERS:
                if flags & _END_STREAM:
                    self._end(stream, buffer[position + 9 : end])
                    self.latencies_s.append(now - self._started.pop(stream))
                    ended += 1
            else:
                self._control(kind, flags, stream, buffer[position + 9 : end])
            position = end
        self._rest = buffer[position:]
        if self._consumed_bytes > WINDOW_BYTES_MAX // 2:
            self.socket.sendall(_frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", self._consumed_bytes)))
            self._consumed_bytes = 0
        return ended

    def _end(self, stream: int, trailers: bytes) -> None:
        try:
            self._with_message.remove(stream)
        except KeyError:
            raise CallFailed(f"a call was refused; its trailers: {trailers!r}") from None

    def _control(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _WINDOW_UPDATE:
            if stream == 0:
                self._window_bytes += int.from_bytes(payload, "big")
        elif kind == _SETTINGS and not flags & _ACK:
            self.socket.sendall(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING and not flags & _ACK:
            self.socket.sendall(_frame(_PING, _ACK, 0, payload))
        elif kind == _GOAWAY or (kind == _RST_STREAM and stream in self._started):
            raise CallFailed(f"the server ended stream {stream or 'all'}: {payload!r}")


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return _HEAD.pack(len(payload) << 8 | kind, flags, stream) + payload


def _header_blocks(path: str, authority: str) -> tuple[bytes, bytes]:
    """The header block of a connection's first request, and that of all later ones (RFC 7541, appendix A)."""
    method_post, scheme_http = b"\x83", b"\x86"
    first = (
        _indexing(4, path),
        _indexing(1, authority),
        _indexing(31, "application/grpc"),
        b"\x40" + _string("te") + _string("trailers"),
        _indexing(58, "benchmarks-h2"),
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
