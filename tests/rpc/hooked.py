"""A real HTTP server that is told of alarms, and behaves as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple


class Told(NamedTuple):
    """A request: its headers, with names in lower case, and its body."""

    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class Hooked:
    """`behaves`: how the next requests are treated, one after the other, then "well": "fails", "redirects", "hangs",
    "resets", "never ends"."""

    def __init__(self) -> None:
        self.url = ""
        self.told: list[Told] = []
        self.behaves: list[str] = []
        self.redirected = 0
        self.open = self.open_most = 0
        self.may_go_on = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.open_most = max(self.open, self.open_most)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if "/elsewhere" in first:
            self.redirected += 1
        self.told.append(Told(headers, body))
        match self.behaves.pop(0) if self.behaves else "well":
            case "fails":
                writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy")
            case "redirects":
                location = f"{self.url}/elsewhere".encode()
                writer.write(b"HTTP/1.1 307 Go\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")
            case "hangs":
                await self._until_gone(reader)
            case "resets":
                writer.transport.abort()
            case "never ends":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + b"x" * 100_000)
                await writer.drain()
                await self._until_gone(reader)
            case _:
                writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        if not writer.is_closing():
            await writer.drain()

    async def _until_gone(self, reader: asyncio.StreamReader) -> None:
        """Until the other side has had enough."""
        waits = asyncio.create_task(reader.read(1)), asyncio.create_task(self.may_go_on.wait())
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


@asynccontextmanager
async def hooked() -> AsyncIterator[Hooked]:
    made = Hooked()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        made.may_go_on.set()
        server.close()
