"""A load client for unary gRPC calls that costs a few microseconds a call, where grpc's own costs a hundred.

h2load, which would do, sends one fixed body, and every write needs a request_id of its own. So: blocking sockets,
header blocks that are constant (RFC 7541: the first request of a connection puts its headers into the dynamic table,
all later ones are the same six bytes), and answers of which only the frames' heads are read (RFC 9113). The server
sees what it sees from any client. A call has succeeded when a message came back before the end of its stream: a
refused call is answered by trailers alone. What really happened is then counted in the database.
"""

import select
import socket
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
    WINDOW_BYTES_DEFAULT,
    WINDOW_BYTES_MAX,
    WINDOW_UPDATE,
    CallFailed,
    frame,
    header_blocks,
    preface,
    window_update,
)

ANSWER_TIMEOUT_S = 30.0
BODY_BYTES_MAX = 4_096  # one DATA frame a call, and little of the connection's flow-control window
RECEIVE_BYTES_MAX = 1 << 18


@dataclass(frozen=True)
class Answers:
    """What one run brought. `latencies_s` has one entry per call, in the order of the answers; `primed` calls opened
    the connections before the clock started."""

    primed: int
    calls: int
    seconds: float
    latencies_s: "array[float]"


def run(
    address: str,
    path: str,
    bodies: Iterator[bytes],
    *,
    in_flight: int,
    connections: int,
    seconds: float,
    metadata: Sequence[tuple[str, str]] = (),
) -> Answers:
    """Keeps `in_flight` calls of `path` under way for `seconds`, then waits for the last answers.

    `bodies` gives framed messages. Raises `CallFailed`.
    """
    clients = [_Connection(address, path, bodies, metadata) for _ in range(connections)]
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
    def __init__(self, address: str, path: str, bodies: Iterator[bytes], metadata: Sequence[tuple[str, str]]) -> None:
        host, _, port = address.rpartition(":")
        self.latencies_s = array("d")
        self.socket = socket.create_connection((host, int(port)), ANSWER_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bodies = bodies
        self._first_block, self._block = header_blocks(path, address, metadata)
        self._next_stream = 1
        self._owed = 0
        self._window_bytes = WINDOW_BYTES_DEFAULT
        self._consumed_bytes = 0
        self._rest = b""
        self._started: dict[int, float] = {}
        self._with_message: set[int] = set()
        self.socket.sendall(preface())

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
            parts.append(HEAD.pack(len(block) << 8 | HEADERS, END_HEADERS, stream))
            parts.append(block)
            parts.append(HEAD.pack(size << 8 | DATA, END_STREAM, stream))
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
        while size - position >= HEAD_BYTES:
            word, flags, stream = HEAD.unpack_from(buffer, position)
            end = position + HEAD_BYTES + (word >> 8)
            if end > size:
                break
            kind = word & 0xFF
            if kind == DATA:
                self._consumed_bytes += word >> 8
                self._with_message.add(stream)
            elif kind == HEADERS:
                if flags & END_STREAM:
                    self._end(stream, buffer[position + HEAD_BYTES : end])
                    self.latencies_s.append(now - self._started.pop(stream))
                    ended += 1
            else:
                self._control(kind, flags, stream, buffer[position + HEAD_BYTES : end])
            position = end
        self._rest = buffer[position:]
        if self._consumed_bytes > WINDOW_BYTES_MAX // 2:
            self.socket.sendall(window_update(self._consumed_bytes))
            self._consumed_bytes = 0
        return ended

    def _end(self, stream: int, trailers: bytes) -> None:
        try:
            self._with_message.remove(stream)
        except KeyError:
            raise CallFailed(f"a call was refused; its trailers: {trailers!r}") from None

    def _control(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == WINDOW_UPDATE:
            if stream == 0:
                self._window_bytes += int.from_bytes(payload, "big")
        elif kind == SETTINGS and not flags & ACK:
            self.socket.sendall(frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self.socket.sendall(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY or (kind == RST_STREAM and stream in self._started):
            raise CallFailed(f"the server ended stream {stream or 'all'}: {payload!r}")
