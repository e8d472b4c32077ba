"""A wire between client and server that can lose answers, fall silent, or break."""

import asyncio
from contextlib import suppress
from typing import Self

CHUNK_BYTES = 65_536


class Wire:
    """`address` reaches `upstream`. While `mute` is set nothing comes back, though everything arrives there."""

    def __init__(self, upstream: str) -> None:
        self._host, _, port = upstream.rpartition(":")
        self._port = int(port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.address = ""
        self.mute = False
        self.swallowed_bytes = 0
        self.returned_bytes = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks)

    def cut(self) -> None:
        """Breaks every connection there is."""
        for writer in self._writers:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        up_reader, up_writer = await asyncio.open_connection(self._host, self._port)
        both = {writer, up_writer}
        self._writers |= both
        try:
            await asyncio.gather(self._forward(reader, up_writer), self._back(up_reader, writer))
        finally:
            for each in both:
                each.transport.abort()
            self._writers -= both
            self._tasks.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                writer.write(chunk)
        writer.transport.abort()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if self.mute:
                    self.swallowed_bytes += len(chunk)
                else:
                    self.returned_bytes += len(chunk)
                    writer.write(chunk)
        writer.transport.abort()
