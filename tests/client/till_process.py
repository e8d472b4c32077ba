"""`python -m inventory_till` on a pseudo-terminal: keys in, screen out."""

import asyncio
import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from inventory_till.till import FIND_S

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
READ_BYTES_MAX = 1 << 16
TOP, END = "\x1b[H", "\x1b[J"
ENTER, ESCAPE, UP, DOWN, DELETE, F10, CTRL_C = "\r", "\x1b", "\x1b[A", "\x1b[B", "\x1b[3~", "\x1b[21~", "\x03"

# Its standard input becomes its controlling terminal, so that the kernel tells it of a new size. A test run in the
# background ignores SIGINT, and would pass that on.
_START = """
import fcntl, runpy, signal, sys, termios
signal.signal(signal.SIGINT, signal.default_int_handler)
import inventory_till.till
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
inventory_till.till.FIND_S = float(sys.argv.pop(1))
sys.argv[0] = "inventory_till"
runpy.run_module("inventory_till", run_name="__main__", alter_sys=True)
"""


class TillProcess:
    """Use `till`."""

    def __init__(self, process: "subprocess.Popen[bytes]", terminal: int, said: Path) -> None:
        self._process = process
        self._terminal = terminal
        self._said = said
        self._output = ""
        self._news = asyncio.Event()
        self._all_read = asyncio.Event()
        asyncio.get_running_loop().add_reader(terminal, self._read)

    @property
    def screen(self) -> str:
        """What is on it now, without colours: the till always draws it whole."""
        frame = self._output.rpartition(END)[0].rpartition(TOP)[2]
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame).replace("\r", "")

    @property
    def said(self) -> str:
        """Its stderr."""
        return self._said.read_text()

    @property
    def output(self) -> str:
        """Everything it ever wrote to the terminal."""
        return self._output

    def type(self, *keys: str) -> None:
        os.write(self._terminal, "".join(keys).encode())

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def until(self, so: Callable[[str], bool], what: str) -> str:
        """The screen when it is so."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not so(self.screen):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"never {what}:\n{self.screen}\n{self.said}") from None
        return self.screen

    async def until_shows(self, *texts: str) -> str:
        return await self.until(lambda screen: all(text in screen for text in texts), f"showed {texts}")

    async def until_row(self, sku: str, *last: str) -> None:
        """Until the sale has a line of this SKU that ends so."""

        def so(screen: str) -> bool:
            rows = [row.split() for row in screen.split("\n")]
            return any(sku in row and tuple(row[-len(last) :]) == last for row in rows)

        await self.until(so, f"had a line {sku} … {last}")

    def kill(self) -> None:
        self._process.kill()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code, when all that it wrote is in `output`."""
        try:
            code = await asyncio.to_thread(self._process.wait, PATIENCE_S)
            await asyncio.wait_for(self._all_read.wait(), PATIENCE_S)
            return code
        except (subprocess.TimeoutExpired, TimeoutError):
            raise AssertionError(f"never ended:\n{self.screen}\n{self.said}") from None

    async def close(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        await asyncio.to_thread(self._process.wait)
        asyncio.get_running_loop().remove_reader(self._terminal)
        os.close(self._terminal)

    def _read(self) -> None:
        try:
            some = os.read(self._terminal, READ_BYTES_MAX)
        except OSError:  # it has ended
            some = b""
        if not some:
            asyncio.get_running_loop().remove_reader(self._terminal)
            self._all_read.set()
        self._output += some.decode(errors="replace")
        self._news.set()


@asynccontextmanager
async def till(
    said: Path, *arguments: str, find_s: float = FIND_S, columns: int = 100, rows: int = 30
) -> AsyncIterator[TillProcess]:
    """`said` is a file for its stderr; `find_s`: how long it waits for a look-up."""
    ours, its = os.openpty()
    with said.open("wb") as stderr:
        # Not asyncio's: as in tests/race/processes.py.
        process = subprocess.Popen(  # noqa: ASYNC220 - as said there
            [sys.executable, "-c", _START, str(find_s), *arguments],
            stdin=its,
            stdout=its,
            stderr=stderr,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'clients'}", "TERM": "xterm-256color"},
            start_new_session=True,
        )
    running = TillProcess(process, ours, said)
    running.resize(columns, rows)
    os.close(its)
    try:
        yield running
    finally:
        await running.close()
