"""Just enough HTTP/2 (RFC 9113) and HPACK (RFC 7541) to send a server what no client library would."""

import asyncio
import struct
from collections.abc import Sequence
from types import TracebackType
from typing import Self

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
FRAME_BYTES_MAX = 16_384
WINDOW_BYTES = 65_535
STREAM = 1
TIMEOUT_S = 20.0


def message(body: bytes, *, compressed: bool = False, declared: int | None = None) -> bytes:
    """A gRPC message; it may lie about its length."""
    return struct.pack(">?I", compressed, len(body) if declared is None else declared) + body


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return struct.pack(">I", len(body))[1:] + struct.pack(">BBI", kind, flags, stream) + body


def _literal(name: str, value: str) -> bytes:
    """A header that is never indexed, without Huffman coding."""
    parts = []
    for text in (name.encode(), value.encode()):
        assert len(text) < 127
        parts.append(bytes((len(text),)) + text)
    return b"\x10" + b"".join(parts)


class RawCall:
    """One call on a connection of its own: its headers, then whatever bytes. It takes what comes, but never says so:
    after `WINDOW_BYTES` the server has to wait."""

    def __init__(self, address: str) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._window = {0: WINDOW_BYTES, STREAM: WINDOW_BYTES}
        self._moved = asyncio.Event()
        self._header_bytes = b""
        self._ended = asyncio.Event()
        self._received = 0
        self.reset = False

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        self._writer.write(PREFACE + _frame(SETTINGS, 0, 0, b""))
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        await asyncio.wait((self._listening,), timeout=TIMEOUT_S)

    async def open(self, method: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Starts `/inventory.v1.Service/Method`."""
        block = b"".join(
            _literal(name, value)
            for name, value in (
                (":method", "POST"),
                (":scheme", "http"),
                (":path", f"/inventory.v1.{method}"),
                (":authority", "test"),
                ("content-type", "application/grpc"),
                ("te", "trailers"),
                *headers,
            )
        )
        self._writer.write(_frame(HEADERS, END_HEADERS, STREAM, block))
        await self._writer.drain()

    async def send(self, data: bytes, *, end: bool = True) -> None:
        """Sends data as the server's windows allow; stops when the server has ended the call."""
        async with asyncio.timeout(TIMEOUT_S):
            while data and not self._ended.is_set():
                room = min(self._window[0], self._window[STREAM], FRAME_BYTES_MAX)
                if room <= 0:
                    self._moved.clear()
                    await self._moved.wait()
                    continue
                piece, data = data[:room], data[room:]
                self._window[0] -= len(piece)
                self._window[STREAM] -= len(piece)
                self._writer.write(_frame(DATA, END_STREAM if end and not data else 0, STREAM, piece))
                await self._writer.drain()

    async def until_full(self) -> None:
        """Returns when the server may send no more."""
        async with asyncio.timeout(TIMEOUT_S):
            while self._received < WINDOW_BYTES:
                assert not self._ended.is_set()
                self._moved.clear()
                await self._moved.wait()

    async def status(self) -> int | None:
        """The gRPC status code the call ended with; None when the stream or the connection was cut."""
        async with asyncio.timeout(TIMEOUT_S):
            await self._ended.wait()
        # gRPC's encoder writes names and values of trailers as plain literals.
        _, found, after = self._header_bytes.partition(b"grpc-status")
        if not found:
            return None
        length = after[0]
        return int(after[1 : 1 + length])

    async def _listen(self) -> None:
        try:
            while True:
                head = await self._reader.readexactly(9)
                length, kind, flags = int.from_bytes(head[:3]), head[3], head[4]
                stream = int.from_bytes(head[5:]) & 0x7FFFFFFF
                body = await self._reader.readexactly(length)
                self._take(kind, flags, stream, body)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._end()

    def _take(self, kind: int, flags: int, stream: int, body: bytes) -> None:
        if kind == SETTINGS and not flags & ACK:
            for identifier, value in struct.iter_unpack(">HI", body):
                if identifier == 4:  # INITIAL_WINDOW_SIZE
                    self._window[STREAM] += value - WINDOW_BYTES
            self._writer.write(_frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self._writer.write(_frame(PING, ACK, 0, body))
        elif kind == WINDOW_UPDATE:
            self._window[stream] += int.from_bytes(body) & 0x7FFFFFFF
        elif kind == DATA and stream == STREAM:
            self._received += len(body)
        elif kind == HEADERS and stream == STREAM:
            self._header_bytes += body
        elif kind == RST_STREAM and stream == STREAM:
            self.reset = True
            self._end()
        if kind in (HEADERS, DATA) and stream == STREAM and flags & END_STREAM:
            self._end()
        self._moved.set()

    def _end(self) -> None:
        self._ended.set()
        self._moved.set()
