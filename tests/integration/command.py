"""A command line under way, forked from the warm process."""

import asyncio
import signal
from collections.abc import Mapping
from typing import IO, ClassVar, Self

from tests.race.warm import Forked, fork

POLL_S = 0.005


class Command:
    """`inventory …`, with the names of `asyncio.subprocess.Process`. It has nothing to read."""

    _started: ClassVar[list["Command"]] = []  # by the present test

    def __init__(self, process: Forked) -> None:
        """Use `start`."""
        self._started.append(self)
        self._process = process
        self._transports: list[asyncio.BaseTransport] = []
        self.stdout: asyncio.StreamReader
        self.stderr: asyncio.StreamReader

    @classmethod
    async def start(cls, *arguments: str, environment: Mapping[str, str]) -> Self:
        process = await fork(arguments, environment)
        process.stdin.close()
        self = cls(process)
        self.stdout = await self._reader(process.stdout)
        self.stderr = await self._reader(process.stderr)
        return self

    @classmethod
    def end_all(cls) -> None:
        """Kills those that still run."""
        for command in cls._started:
            command.kill()
            for transport in command._transports:
                transport.close()
        cls._started.clear()

    @property
    def returncode(self) -> int | None:
        """None as long as it runs."""
        return self._process.poll()

    def send_signal(self, number: signal.Signals) -> None:
        """No effect when it has ended."""
        self._process.send_signal(number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def stop_reading(self) -> None:
        """Closes our end of its stdout."""
        self._transports[0].close()

    async def communicate(self) -> tuple[bytes, bytes]:
        """All it still says, on both, until it ends."""
        out, err = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self.wait()
        return out, err

    async def wait(self) -> int:
        while (code := self._process.poll()) is None:  # noqa: ASYNC110 - told by another process
            await asyncio.sleep(POLL_S)
        for transport in self._transports:
            transport.close()
        return code

    async def _reader(self, pipe: IO[bytes]) -> asyncio.StreamReader:
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        self._transports.append(transport)
        return reader
