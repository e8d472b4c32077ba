"""A proxy between server and PostgreSQL that fails at a chosen point of a chosen statement.

Source: PostgreSQL documentation, chapter "Frontend/Backend Protocol": after the start-up packet every message is a
type byte, a length that counts itself, and a body. `Query` carries SQL; `Parse` gives SQL a statement name, `Bind`
names it again; every answer ends with `ReadyForQuery`. So a statement is known when it passes, and so is the end of
its answer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import Enum, auto
from typing import Self
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

QUERY, PARSE, BIND, SYNC = b"Q", b"P", b"B", b"S"
READY_FOR_QUERY = b"Z"
_SECRET_START = 80877102  # the code of a CancelRequest, which no answer follows


class Moment(Enum):
    """Where in a statement's life the fault comes."""

    BEFORE = auto()
    """PostgreSQL has not seen it."""
    AFTER = auto()
    """PostgreSQL has done it and has answered; the server has not heard."""


class Fault(Enum):
    """What comes there."""

    CUT = auto()
    """Both sides lose the connection."""
    STALL = auto()
    """It waits for `Trap.release`, or, told so, is cut then."""
    LATE = auto()
    """The server loses the connection at once, PostgreSQL gets the statement with `Trap.release`: a packet that was
    under way when the line broke. Only BEFORE."""


class Trap:
    """One armed fault. `hit` is set when it has caught a statement."""

    def __init__(self, statement: str, moment: Moment, fault: Fault, skip: int) -> None:
        self.statement = statement
        self.moment = moment
        self.fault = fault
        self.skip = skip
        self.hit = asyncio.Event()
        self.done = asyncio.Event()
        """PostgreSQL has answered the caught statement."""
        self._released = asyncio.Event()
        self._cut = False

    def release(self, *, cut: bool = False) -> None:
        """Lets a stalled statement, or its answer, go on; or cuts the connection instead."""
        self._cut = cut
        self._released.set()

    async def wait(self) -> bool:
        """Whether it may go on."""
        await self._released.wait()
        return not self._cut

    def catches(self, sql: str) -> bool:
        if self.hit.is_set() or self.statement not in sql:
            return False
        self.skip -= 1
        return self.skip < 0


class Proxy:
    """`dsn` reaches the database of `upstream` through it."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        query = parse_qs(parts.query)
        host = query.get("host", [parts.hostname or "127.0.0.1"])[0]
        port = int(query.get("port", [str(parts.port or 5432)])[0])
        self._connect: Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
        if host.startswith("/"):
            self._connect = lambda: asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            self._connect = lambda: asyncio.open_connection(host, port)
        self._parts = parts
        self._server: asyncio.Server | None = None
        self._lines: set[_Line] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._traps: list[Trap] = []
        self.dsn = ""
        self.away = False
        """While set, new connections are closed at once: PostgreSQL seems to be gone."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        user = f"{quote(self._parts.username or 'inventory')}"
        if self._parts.password:
            user += f":{quote(self._parts.password)}"
        netloc = f"{user}@127.0.0.1:{port}"
        self.dsn = urlunsplit(("postgresql", netloc, self._parts.path, "sslmode=disable", ""))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for trap in self._traps:
            trap.release(cut=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def arm(
        self,
        statement: str,
        moment: Moment,
        fault: Fault,
        *,
        skip: int = 0,
    ) -> Trap:
        """Catches one passing of a statement that contains this text, after letting `skip` of them pass."""
        trap = Trap(statement, moment, fault, skip)
        self._traps.append(trap)
        return trap

    def cut(self) -> None:
        """Cuts every connection there is."""
        for line in tuple(self._lines):
            line.cut()

    def caught(self, sql: str) -> Trap | None:
        return next((trap for trap in self._traps if trap.catches(sql)), None)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.away:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            up_reader, up_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            self._tasks.discard(task)
            return
        line = _Line(self, reader, writer, up_reader, up_writer)
        self._lines.add(line)
        try:
            await line.run()
        except asyncio.CancelledError:
            pass  # the proxy ends
        finally:
            line.cut()
            self._lines.discard(line)
            self._tasks.discard(task)


class _Line:
    """One connection of the server and its twin to PostgreSQL."""

    def __init__(
        self,
        proxy: Proxy,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._reader, self._writer = reader, writer
        self._up_reader, self._up_writer = up_reader, up_writer
        self._prepared: dict[bytes, str] = {}
        self._trap: Trap | None = None
        self._answered = asyncio.Event()

    def cut(self) -> None:
        self._writer.transport.abort()
        self._up_writer.transport.abort()

    async def run(self) -> None:
        back = asyncio.create_task(self._backward())
        forth = asyncio.create_task(self._forward())
        try:
            await asyncio.wait((back, forth), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (back, forth):
                task.cancel()
            await asyncio.gather(back, forth, return_exceptions=True)

    async def _forward(self) -> None:
        head = await self._reader.readexactly(8)
        rest = await self._reader.readexactly(int.from_bytes(head[:4]) - 8)
        self._up_writer.write(head + rest)
        if int.from_bytes(head[4:]) == _SECRET_START:
            return
        held = b""
        while True:
            kind, message = await _message(self._reader)
            trap = None if self._trap else self._proxy.caught(self._sql(kind, message))
            if trap is None:
                self._up_writer.write(held + message)
                held = b""
                continue
            self._trap = trap
            if kind == BIND:  # up to Sync it is one round trip
                while kind != SYNC:
                    kind, more = await _message(self._reader)
                    message += more
            if trap.moment is Moment.AFTER:
                self._up_writer.write(message)
                continue
            trap.hit.set()
            if trap.fault is Fault.CUT:
                return
            if trap.fault is Fault.LATE:
                self._writer.transport.abort()
            if not await trap.wait():
                return
            self._up_writer.write(message)
            if trap.fault is Fault.LATE:
                await self._answered.wait()
                trap.done.set()
                return
            self._trap = None

    async def _backward(self) -> None:
        while True:
            kind, message = await _message(self._up_reader)
            trap = self._trap
            if trap is not None and trap.fault is Fault.LATE:
                if kind == READY_FOR_QUERY:
                    self._answered.set()
                continue
            if trap is None or trap.moment is Moment.BEFORE:
                self._writer.write(message)
                continue
            answer = message
            while kind != READY_FOR_QUERY:
                kind, message = await _message(self._up_reader)
                answer += message
            trap.done.set()
            trap.hit.set()
            if trap.fault is Fault.CUT or not await trap.wait():
                return
            self._trap = None
            with suppress(OSError):
                self._writer.write(answer)

    def _sql(self, kind: bytes, message: bytes) -> str:
        """The SQL that this message runs; '' when it runs none."""
        body = message[5:]
        if kind == QUERY:
            return body.rstrip(b"\0").decode()
        if kind == PARSE:
            name, sql, _ = body.split(b"\0", 2)
            self._prepared[name] = sql.decode()
        if kind == BIND:
            _, name, _ = body.split(b"\0", 2)
            return self._prepared.get(name, "")
        return ""


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    body = await reader.readexactly(int.from_bytes(head[1:]) - 4)
    return head[:1], head + body
