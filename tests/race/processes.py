"""Real processes: servers, clients, and a PostgreSQL that can crash."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

from tests.race.warm import Forked, fork

ROOT = Path(__file__).parents[2]
READY = "Inventory serves gRPC on "
START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 45
LINE_BYTES_MAX = 1 << 20
POLL_S = 0.01
ESTABLISHED = "01"  # as /proc/net/tcp says it


def _environment(development: bool) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("INVENTORY_")},
        "INVENTORY_DEVELOPMENT": str(int(development)),
        "INVENTORY_ALARMS": os.environ.get("INVENTORY_ALARMS", "1"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "clients")]),
    }


class Process:
    """A Python process of ours in a session of its own; `said` is its stderr so far."""

    def __init__(self, process: subprocess.Popen[bytes] | Forked) -> None:
        """Use `run`."""
        self._process = process
        self.pid = process.pid
        self.said: list[str] = []
        self._heard = asyncio.Condition()
        self._listening: asyncio.Task[None]
        self._output: asyncio.StreamReader
        self._transports: list[asyncio.BaseTransport] = []

    @classmethod
    async def run(cls, *arguments: str, development: bool = True, environment: Mapping[str, str] | None = None) -> Self:
        """`environment`: what else differs from ours."""
        # Not asyncio's: under uvloop it forks, and a child of a process with gRPC in it may crash before it is another
        # program (seen here). This one uses vfork.
        process = subprocess.Popen(  # noqa: ASYNC220 - as said; it takes a millisecond
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=_environment(development) | dict(environment or {}),
            start_new_session=True,
        )
        return await cls._of(process)

    @classmethod
    async def _of(cls, process: subprocess.Popen[bytes] | Forked) -> Self:
        self = cls(process)
        self._output = await self._reader(process.stdout)
        self._listening = asyncio.create_task(self._listen(await self._reader(process.stderr)))
        return self

    async def until_says(self, text: str, timeout_s: float = START_TIMEOUT_S) -> str:
        """The first line of stderr with this text."""

        def found() -> str | None:
            if line := next((line for line in self.said if text in line), None):
                return line
            if self._listening.done():
                raise AssertionError(f"ended without saying {text!r}:\n" + "\n".join(self.said[-20:]))
            return None

        try:
            async with asyncio.timeout(timeout_s), self._heard:
                while (line := found()) is None:
                    await self._heard.wait()
                return line
        except TimeoutError:
            raise AssertionError(f"never said {text!r}:\n" + "\n".join(self.said[-20:])) from None

    def memory_bytes(self) -> int:
        """What it has of the machine's memory now."""
        return self._memory_bytes("VmRSS:")

    def memory_peak_bytes(self) -> int:
        """The most it ever had."""
        return self._memory_bytes("VmHWM:")

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def is_stopped(self) -> bool:
        """Whether SIGSTOP holds it."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ask(self, line: str) -> None:
        """Writes a line to its input. It must fit into a pipe."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    async def answer(self) -> Any:
        """The next line of its output, as JSON."""
        line = await self._output.readline()
        if not line:
            code = await self._gone()
            raise AssertionError(f"ended with {code} without an answer:\n" + "\n".join(self.said[-20:]))
        return json.loads(line)

    async def output(self) -> str:
        """All it writes until it ends, and it ends well."""
        text = (await self._output.read()).decode()
        code = await self._gone()
        assert code == 0, "\n".join(self.said[-20:])
        return text

    async def ended(self) -> int:
        """Its exit code, when it ends by itself."""
        async with asyncio.timeout(STOP_TIMEOUT_S):
            return await self._gone()

    async def kill(self) -> None:
        """kill -9. Again: no effect."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._gone()

    async def stop(self) -> int:
        """Asks it to end, and gives its exit code."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                return await self._gone()
        except TimeoutError:
            await self.kill()
            raise AssertionError("did not stop:\n" + "\n".join(self.said[-20:])) from None

    def _memory_bytes(self, field: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))

    async def _gone(self) -> int:
        while (code := self._process.poll()) is None:  # noqa: ASYNC110 - the kernel tells only who asks
            await asyncio.sleep(POLL_S)
        await self._listening
        assert self._process.stdin is not None
        self._process.stdin.close()
        for transport in self._transports:
            transport.close()
        return code

    async def _reader(self, pipe: IO[bytes] | None) -> asyncio.StreamReader:
        assert pipe is not None
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=LINE_BYTES_MAX)
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        self._transports.append(transport)
        return reader

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        async for line in reader:
            async with self._heard:
                self.said.append(line.decode(errors="replace").rstrip())
                self._heard.notify_all()
        async with self._heard:
            self._heard.notify_all()


class Server(Process):
    """`inventory serve`; `address` once `start` has returned."""

    address = ""

    @classmethod
    async def start(
        cls, dsn: str, *options: str, development: bool = True, environment: Mapping[str, str] | None = None
    ) -> Self:
        listening = ("--dsn", dsn, "--listen", "127.0.0.1:0")
        return await cls.serve(*listening, *options, development=development, environment=environment)

    @classmethod
    async def serve(cls, *options: str, development: bool = True, environment: Mapping[str, str] | None = None) -> Self:
        if environment is None and "--dsn" in options and "--workers" not in options:
            forked = await fork(("serve", *options), _environment(development))
            server = await cls._of(forked)
        else:  # it forks others, which must be before gRPC is loaded, or is another program from its start
            run = ("-m", "inventory", "serve", *options)
            server = await cls.run(*run, development=development, environment=environment)
        try:
            line = await server.until_says(READY)
        except BaseException:
            await server.kill()
            raise
        server.address = re.split(r"[\s,\"]", line.partition(READY)[2])[0]  # may be JSON
        return server

    def connections(self) -> int:
        """How many of its clients' connections stand, as the kernel sees it."""
        port = f":{int(self.address.rpartition(':')[2]):04X}"
        tables = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))  # a socket may be of both families
        sockets = [line.split() for table in tables for line in table.read_text().splitlines()[1:]]
        return sum(local.endswith(port) and state == ESTABLISHED for _, local, _, state, *_ in sockets)


async def start_buyers(addresses: Sequence[Sequence[str]]) -> list[Process]:
    """Client processes, each with its servers' addresses, connected and waiting for an order (see buyer.py)."""
    buyers = [await Process.run(str(Path(__file__).with_name("buyer.py")), *given) for given in addresses]
    for buyer in buyers:
        assert await buyer.answer() == "ready"
    return buyers


async def start_watchers(address: str, count: int, skus: Sequence[str]) -> Process:
    """A client process with so many streams of these SKUs that it does not read (see watchers.py)."""
    watchers = await Process.run(str(Path(__file__).with_name("watchers.py")), address, str(count), *skus)
    assert await watchers.answer() == "ready"
    return watchers


def kernel_buffer_bytes() -> int:
    """What all TCP connections of the machine have under way."""
    sockets = Path("/proc/net/sockstat").read_text().splitlines()
    tcp = next(line for line in sockets if line.startswith("TCP:")).split()
    return int(tcp[tcp.index("mem") + 1]) * os.sysconf("SC_PAGE_SIZE")


# Runs until its input ends.
_POSTGRES = """
import sys
from pathlib import Path
from inventory.postgres.embedded import EmbeddedPostgres
with EmbeddedPostgres.start(Path(sys.argv[1]), shared_buffers_mb=32) as server:
    print('"' + server.dsn + '"', flush=True)
    sys.stdin.read()
"""


class Postgres(Process):
    """An embedded PostgreSQL of its own, on a home that outlives it."""

    home = Path()
    dsn = ""

    @classmethod
    async def start(cls, home: Path) -> Self:
        owner = await cls.run("-c", _POSTGRES, str(home))
        owner.home = home
        owner.dsn = await owner.answer()
        return owner

    async def crash(self) -> None:
        """Ends PostgreSQL as `pg_ctl stop -m immediate` does: without a checkpoint, so that it must recover."""
        postmaster = int((self.home / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGQUIT)
        await self.stop()

    async def stop(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                return await self._gone()
        except TimeoutError:
            await self.kill()
            raise
