"""A line between a client and a server that can be cut, or let answers get lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

CHUNK_BYTES = 1 << 16


class Line:
    """`address` reaches the server behind it. Use `line`."""

    def __init__(self, upstream: str) -> None:
        host, _, port = upstream.rpartition(":")
        self._upstream = host, int(port)
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self.address = ""
        self.away = False
        """While set, nobody gets through."""
        self.deaf = False
        """While set, requests get through and answers get lost."""
        self.lost = asyncio.Event()
        """An answer was lost."""
        self.answering = asyncio.Event()
        """While cleared, requests get through and answers wait."""
        self.answering.set()

    def cut(self) -> None:
        for pair in tuple(self._pairs):
            for writer in pair:
                writer.transport.abort()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.away:
            writer.transport.abort()
            return
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        except OSError:
            writer.transport.abort()
            return
        pair = writer, up_writer
        self._pairs.add(pair)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, up_writer, answers=False))
                both.create_task(self._carry(up_reader, writer, answers=True))
        finally:
            self._pairs.discard(pair)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        with suppress(OSError):
            while some := await reader.read(CHUNK_BYTES):
                if answers:
                    await self.answering.wait()
                if answers and self.deaf:
                    self.lost.set()
                    continue
                writer.write(some)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def line(upstream: str) -> AsyncIterator[Line]:
    made = Line(upstream)
    server = await asyncio.start_server(made.accept, "127.0.0.1", 0)
    made.address = "{}:{}".format(*server.sockets[0].getsockname()[:2])
    try:
        yield made
    finally:
        server.close()
        made.answering.set()
        made.cut()
        await server.wait_closed()
