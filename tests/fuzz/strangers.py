"""Peers that keep to nothing: what HTTP/2 lets them try, and what isn't HTTP/2 at all. None has a credential."""

from __future__ import annotations

import asyncio
import random
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from tests.rpc.http2 import (
    CANCEL,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Rough,
    frame,
    header_block,
    literal,
    message,
)

METHOD = "/inventory.v1.StockService/GetStock"
MIB = 1 << 20
FRAMES = 3_000
STREAMS = 1_000
LISTEN_S = 0.3
PIECE_BYTES = 16_384
LOITERING: dict[str, tuple[str, bytes | None]] = {
    "Health/Watch": ("/grpc.health.v1.Health/Watch", b""),
    "Health/Check": ("/grpc.health.v1.Health/Check", None),
    "reflection": ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", None),
}
"""What asks for no credential: its path, and the one message that is sent."""
Stranger = Callable[[str, random.Random], Awaitable[None]]


async def rapid_reset(address: str, chance: random.Random) -> None:
    async with Rough(address) as rough:
        for number in range(FRAMES):
            stream = 2 * number + 1
            await rough.send(
                frame(HEADERS, END_HEADERS, stream, header_block(METHOD)),
                frame(RST_STREAM, 0, stream, CANCEL.to_bytes(4)),
            )
        await rough.until(lambda: rough.closed, LISTEN_S)


async def pings(address: str, chance: random.Random) -> None:
    await _flood(address, lambda number: frame(PING, 0, 0, number.to_bytes(8)))


async def settings(address: str, chance: random.Random) -> None:
    await _flood(address, lambda number: frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, number + 1)))


async def windows(address: str, chance: random.Random) -> None:
    await _flood(address, lambda number: frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1"))


async def empty_data(address: str, chance: random.Random) -> None:
    opening = frame(HEADERS, END_HEADERS, 1, header_block(METHOD))
    await _flood(address, lambda number: frame(DATA, 0, 1, b""), opening)


async def unknown_frames(address: str, chance: random.Random) -> None:
    await _flood(address, lambda number: frame(0x40 + number % 0xBF, number % 256, number, b"x" * (number % 64)))


async def continuations(address: str, chance: random.Random) -> None:
    """Headers that never end, some empty and some long."""
    opening = frame(HEADERS, 0, 1, header_block(METHOD))
    long = chance.choice((b"", literal("key", "x" * 10_000)))
    await _flood(address, lambda number: frame(CONTINUATION, 0, 1, long), opening, frames=FRAMES // 3)


async def header_bomb(address: str, chance: random.Random) -> None:
    """One long header is put into HPACK's table, and then named thousands of times."""
    stored = b"\x40" + literal("bomb", "x" * 3_900)[1:]
    async with Rough(address) as rough:
        for stream in range(1, 21, 2):
            block = header_block(METHOD) + (stored if stream == 1 else b"") + b"\xbe" * 10_000
            await rough.send(frame(HEADERS, END_HEADERS, stream, block), frame(DATA, END_STREAM, stream, message(b"")))
        await rough.until(lambda: rough.closed, LISTEN_S)


async def many_streams(address: str, chance: random.Random) -> None:
    async with Rough(address) as rough:
        for number in range(STREAMS):
            await rough.send(frame(HEADERS, END_HEADERS, 2 * number + 1, header_block(METHOD)))
        await rough.until(lambda: rough.closed, LISTEN_S)


async def watching_health(address: str, chance: random.Random) -> None:
    await _loiter(address, "Health/Watch")


async def checks_without_a_message(address: str, chance: random.Random) -> None:
    await _loiter(address, "Health/Check")


async def reflecting(address: str, chance: random.Random) -> None:
    await _loiter(address, "reflection")


async def half_messages(address: str, chance: random.Random) -> None:
    """Of what needs no credential: as much as may be, and never the rest."""
    async with Rough(address) as rough:
        for number in range(20):
            await rough.send(frame(HEADERS, END_HEADERS, 2 * number + 1, header_block(LOITERING["Health/Check"][0])))
            await rough.send(frame(DATA, 0, 2 * number + 1, message(bytes(PIECE_BYTES - 5), declared=8 * MIB)))
        await rough.until(lambda: rough.closed, LISTEN_S)


async def slow_headers(address: str, chance: random.Random) -> None:
    """Slowloris, on many connections at once."""

    async def one() -> None:
        async with Rough(address) as rough:
            for byte in header_block(METHOD)[:20]:
                await rough.send(frame(HEADERS, 0, 1, bytes((byte,))))
                await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(one())


async def half_closed(address: str, chance: random.Random) -> None:
    for cut in (b"", PREFACE[:9], PREFACE, PREFACE + frame(SETTINGS, 0, 0, b"") + b"\0\0"):
        async with Rough(address, opening=cut) as rough:
            await rough.half_close()
            await rough.until(lambda: rough.closed, LISTEN_S)


async def declared_length(address: str, chance: random.Random) -> None:
    for declared in (1 << 30, 2**32 - 1, 9 * MIB):
        await _call(address, message(bytes(PIECE_BYTES), declared=declared), end=False)


async def compressed(address: str, chance: random.Random) -> None:
    """Bombs of gzip and deflate, and what only claims to be compressed."""
    for encoding, wbits in (("gzip", 31), ("deflate", 15)):
        packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
        bomb = b"".join(packer.compress(bytes(MIB)) for _ in range(256)) + packer.flush()
        for body in (bomb, bomb[: len(bomb) // 2], chance.randbytes(4_096), b""):
            await _call(address, message(body, compressed=True), ("grpc-encoding", encoding))
    await _call(address, message(b"", compressed=True), ("grpc-encoding", "none such"))
    await _call(address, message(b"", compressed=True))


async def other_protocols(address: str, chance: random.Random) -> None:
    for said in (
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
        b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + chance.randbytes(190),
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x00\x00\x00\x08\x04\xd2\x16/",
        chance.randbytes(4_096),
        PREFACE + chance.randbytes(4_096),
    ):
        async with Rough(address, opening=said) as rough:
            await rough.until(lambda: rough.closed, LISTEN_S)


async def random_frames(address: str, chance: random.Random) -> None:
    async with Rough(address) as rough:
        for _ in range(200):
            body = chance.randbytes(chance.choice((0, 1, 4, 5, 8, 64, 1_000)))
            await rough.send(
                frame(chance.randrange(11), chance.randrange(256), chance.choice((0, 1, 3, 2**31 - 1)), body)
            )
        await rough.until(lambda: rough.closed, LISTEN_S)


async def random_headers(address: str, chance: random.Random) -> None:
    """Blocks that are no HPACK, and headers that no gRPC client would send."""
    odd = (
        (":path", "/"),
        (":path", "/" + "a" * 8_000),
        (":method", "GET"),
        ("grpc-timeout", "99999999H"),
        ("grpc-timeout", "-1S"),
        ("grpc-timeout", "x"),
        ("content-type", "text/html"),
        ("authorization", "Bearer \xff\xfe"),
        ("inventory-channel", "\0\r\n"),
        ("key-bin", "!!no base64!!"),
        ("Capital", "x"),
        ("te", "gzip"),
    )
    for name, value in odd:
        async with Rough(address) as rough:
            block = header_block(METHOD, [(name, value.encode("latin-1"))])
            await rough.send(frame(HEADERS, END_HEADERS, 1, block), frame(DATA, END_STREAM, 1, message(b"")))
            await rough.until(lambda: rough.closed or rough.status(1) is not None or rough.resets, LISTEN_S)
    async with Rough(address) as rough:
        await rough.send(frame(HEADERS, END_HEADERS, 1, chance.randbytes(200)))
        await rough.until(lambda: rough.closed, LISTEN_S)


async def _loiter(address: str, what: str) -> None:
    async with loitering(address, {what: STREAMS}):
        await asyncio.sleep(LISTEN_S)


@asynccontextmanager
async def loitering(address: str, wanted: Mapping[str, int]) -> AsyncIterator[None]:
    """So many calls of each kind of `LOITERING` that are begun, do nothing more, and stay for the length of the
    block, on connections that do all that HTTP/2 asks of them."""
    async with AsyncExitStack() as stack:
        for what, count in wanted.items():
            path, body = LOITERING[what]
            for first in range(0, count, STREAMS):
                rough = await stack.enter_async_context(Rough(address, acknowledges=True))
                for number in range(min(STREAMS, count - first)):
                    stream = 2 * number + 1
                    said = b"" if body is None else frame(DATA, 0, stream, message(body))
                    await rough.send(frame(HEADERS, END_HEADERS, stream, header_block(path)), said)
        yield


async def _call(address: str, body: bytes, *headers: tuple[str | bytes, str | bytes], end: bool = True) -> None:
    async with Rough(address) as rough:
        await rough.send(frame(HEADERS, END_HEADERS, 1, header_block(METHOD, headers)))
        for at in range(0, max(len(body), 1), PIECE_BYTES):
            last = end and at + PIECE_BYTES >= len(body)
            await rough.send(frame(DATA, END_STREAM if last else 0, 1, body[at : at + PIECE_BYTES]))
        await rough.until(lambda: rough.closed or rough.status(1) is not None or rough.resets, LISTEN_S)


async def _flood(address: str, made: Callable[[int], bytes], opening: bytes = b"", frames: int = FRAMES) -> None:
    async with Rough(address) as rough:
        await rough.send(opening)
        for number in range(frames):
            if rough.closed:
                return
            await rough.send(made(number))
        await rough.until(lambda: rough.closed, LISTEN_S)


STRANGERS: dict[str, Stranger] = {
    stranger.__name__.replace("_", " "): stranger
    for stranger in (
        rapid_reset,
        pings,
        settings,
        windows,
        empty_data,
        unknown_frames,
        continuations,
        header_bomb,
        many_streams,
        watching_health,
        checks_without_a_message,
        reflecting,
        half_messages,
        slow_headers,
        half_closed,
        declared_length,
        compressed,
        other_protocols,
        random_frames,
        random_headers,
    )
}
