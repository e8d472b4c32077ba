"""Just enough HTTP/2 (RFC 9113) and HPACK (RFC 7541) to send a server what no client library would."""

import asyncio
import re
import ssl
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

HTTPS = "https://"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
NO_ERROR, PROTOCOL_ERROR, CANCEL, ENHANCE_YOUR_CALM = 0, 1, 8, 11
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_HEADER_LIST_SIZE = 3, 4, 6
FRAME_BYTES_MAX = 16_384
WINDOW_BYTES = 65_535
STREAM = 1
TIMEOUT_S = 20.0


def message(body: bytes, *, compressed: bool = False, declared: int | None = None) -> bytes:
    """A gRPC message; it may lie about its length."""
    return struct.pack(">?I", compressed, len(body) if declared is None else declared) + body


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return struct.pack(">I", len(body))[1:] + struct.pack(">BBI", kind, flags, stream) + body


def _length(length: int) -> bytes:
    """An HPACK integer with a prefix of 7 bits."""
    if length < 127:
        return bytes((length,))
    rest, found = length - 127, bytearray((127,))
    while rest >= 128:
        found.append(rest % 128 + 128)
        rest //= 128
    return bytes((*found, rest))


def literal(name: str | bytes, value: str | bytes) -> bytes:
    """A header that is never indexed, without Huffman coding."""
    texts = [text.encode() if isinstance(text, str) else text for text in (name, value)]
    return b"\x10" + b"".join(_length(len(text)) + text for text in texts)


def header_block(path: str, headers: Sequence[tuple[str | bytes, str | bytes]] = ()) -> bytes:
    """The headers of a gRPC call of `path`."""
    return b"".join(
        literal(name, value)
        for name, value in (
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "test"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            *headers,
        )
    )


def status_in(block: bytes) -> int | None:
    """The gRPC status code of trailers. gRPC's encoder writes their names and values as plain literals."""
    found = re.search(rb"grpc-status[\x01\x02](\d+)", block)
    return int(found[1]) if found else None


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
        self._writer.write(PREFACE + frame(SETTINGS, 0, 0, b""))
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        await asyncio.wait((self._listening,), timeout=TIMEOUT_S)

    async def open(self, method: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Starts `/inventory.v1.Service/Method`."""
        block = header_block(f"/inventory.v1.{method}", headers)
        self._writer.write(frame(HEADERS, END_HEADERS, STREAM, block))
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
                self._writer.write(frame(DATA, END_STREAM if end and not data else 0, STREAM, piece))
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
        return status_in(self._header_bytes)

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
            self._writer.write(frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self._writer.write(frame(PING, ACK, 0, body))
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


def _trusting() -> ssl.SSLContext:
    """Of a client that speaks HTTP/2 to whoever answers."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


class Rough:
    """A connection that sends whatever frames, and remembers what comes back. It acknowledges nothing by itself, unless
    it `acknowledges`."""

    def __init__(
        self, address: str, *, opening: bytes | None = None, acknowledges: bool = False, source: str | None = None
    ) -> None:
        """`address`: HOST:PORT, after https:// with TLS. `opening`: what is sent first, instead of a preface and empty
        settings. `source`: the host it comes from."""
        self._source = None if source is None else (source, 0)
        self._acknowledges = acknowledges
        self._tls = _trusting() if address.startswith(HTTPS) else None
        self._host, _, port = address.removeprefix(HTTPS).rpartition(":")
        self._port = int(port)
        self._opening = PREFACE + frame(SETTINGS, 0, 0, b"") if opening is None else opening
        self._news = asyncio.Condition()
        self._blocks: dict[int, bytes] = {}
        self.settings: dict[int, int] = {}
        """What the server said of itself, by identifier."""
        self.goaways: list[tuple[int, bytes]] = []
        """Error codes and what the server said with them."""
        self.resets: dict[int, int] = {}
        """Error codes by stream."""
        self.received: Counter[int] = Counter()
        """Frames by kind."""
        self.received_bytes = 0
        self.pings: list[bytes] = []
        """What the server's own pings carried."""
        self.closed = False

    async def __aenter__(self) -> Self:
        async with asyncio.timeout(TIMEOUT_S):
            self._reader, self._writer = await asyncio.open_connection(
                self._host, self._port, ssl=self._tls, local_addr=self._source
            )
        self._writer.write(self._opening)
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.transport.abort()
        await asyncio.wait((self._listening,), timeout=TIMEOUT_S)

    async def send(self, *frames: bytes) -> None:
        """Sends them in one piece; nothing when the server has gone."""
        await asyncio.sleep(0)  # else what comes back is heard only when nothing more can be sent
        if self.closed or self._writer.transport.is_closing():
            return
        try:
            self._writer.write(b"".join(frames))
            async with asyncio.timeout(TIMEOUT_S):
                await self._writer.drain()
        except OSError:
            pass  # what was heard before says why

    async def open(
        self, stream: int, method: str, headers: Sequence[tuple[str | bytes, str | bytes]] = (), *, flags: int = 0
    ) -> None:
        """Starts `/inventory.v1.Service/Method`."""
        await self.send(frame(HEADERS, END_HEADERS | flags, stream, header_block(f"/inventory.v1.{method}", headers)))

    async def half_close(self) -> None:
        """Of TLS, which has no such thing: the end."""
        if not self._writer.can_write_eof():
            self._writer.close()
        elif not self.closed:
            self._writer.write_eof()

    async def until(self, true: Callable[[], object], timeout_s: float = TIMEOUT_S) -> bool:
        """Whether it became true while something came, or the end. False: the time is over, or the server has gone."""
        try:
            async with asyncio.timeout(timeout_s), self._news:
                while not true():
                    if self.closed:
                        return False
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    def status(self, stream: int) -> int | None:
        """The gRPC status code of a stream's trailers; None: it has none yet."""
        return status_in(self._blocks.get(stream, b""))

    async def _listen(self) -> None:
        try:
            while True:
                head = await self._reader.readexactly(9)
                stream = int.from_bytes(head[5:]) & 0x7FFFFFFF
                body = await self._reader.readexactly(int.from_bytes(head[:3]))
                async with self._news:
                    self._take(head[3], head[4], stream, body)
                    self._news.notify_all()
        except (asyncio.IncompleteReadError, OSError):
            pass
        async with self._news:
            self.closed = True
            self._news.notify_all()

    def _take(self, kind: int, flags: int, stream: int, body: bytes) -> None:
        self.received[kind] += 1
        self.received_bytes += len(body)
        if kind in (SETTINGS, PING) and not flags & ACK and self._acknowledges:
            self._writer.write(frame(kind, ACK, 0, body if kind == PING else b""))
        if kind == SETTINGS and not flags & ACK:
            self.settings.update(struct.iter_unpack(">HI", body))
        elif kind == PING and not flags & ACK:
            self.pings.append(body)
        elif kind == GOAWAY:
            self.goaways.append((int.from_bytes(body[4:8]), body[8:]))
        elif kind == RST_STREAM:
            self.resets[stream] = int.from_bytes(body)
        elif kind == HEADERS:
            self._blocks[stream] = self._blocks.get(stream, b"") + body
