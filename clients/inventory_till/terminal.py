"""The terminal the till runs in: keys as they are pressed, whole screens, and at the end all as it was before."""

import asyncio
import contextlib
import os
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator

from inventory_till.keys import Keys, Press

READ_BYTES_MAX = 4096
ESCAPE_WAIT_S = 0.05
"""So long after an escape nothing more of its sequence comes."""
ENTER_SCREEN = "\x1b[?1049h\x1b[?25l"
LEAVE_SCREEN = "\x1b[?25h\x1b[?1049l"
TO_TOP, CLEAR_LINE, CLEAR_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


class Terminal:
    """Use `open_terminal`."""

    def __init__(self, fd_in: int, fd_out: int) -> None:
        self._in, self._out = fd_in, fd_out
        self._shown = ""

    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return os.get_terminal_size(self._out)

    def draw(self, screen: str) -> None:
        """Shows this and nothing else; writes only when it differs from what is shown."""
        if screen == self._shown:
            return
        self._shown = screen
        rows = f"{CLEAR_LINE}\r\n".join(screen.split("\n"))
        self._write(f"{TO_TOP}{rows}{CLEAR_LINE}{CLEAR_BELOW}")

    def redraw(self, screen: str) -> None:
        """Also when it is what is shown: the size has changed."""
        self._shown = ""
        self.draw(screen)

    @contextlib.contextmanager
    def watched(
        self, on_keys: Callable[[list[Press]], None], on_resize: Callable[[], None], on_end: Callable[[], None]
    ) -> Iterator[None]:
        """Calls back from the running loop; `on_end` when the terminal is gone or the till is told to end."""
        loop, keys = asyncio.get_running_loop(), Keys()
        waiting: asyncio.TimerHandle | None = None

        def read() -> None:
            nonlocal waiting
            if waiting:
                waiting.cancel()
            try:
                some = os.read(self._in, READ_BYTES_MAX)
            except OSError:  # the terminal is gone
                some = b""
            if not some:
                loop.remove_reader(self._in)
                on_end()
                return
            on_keys(keys.feed(some))
            if keys.waits:
                waiting = loop.call_later(ESCAPE_WAIT_S, lambda: on_keys(keys.settle()))

        loop.add_reader(self._in, read)
        loop.add_signal_handler(signal.SIGWINCH, on_resize)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, on_end)
        try:
            yield
        finally:
            loop.remove_reader(self._in)
            for number in (signal.SIGWINCH, signal.SIGTERM, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def _write(self, text: str) -> None:
        rest = text.encode()
        with contextlib.suppress(OSError):  # gone: reading says so
            while rest:
                rest = rest[os.write(self._out, rest) :]


@contextlib.contextmanager
def open_terminal() -> Iterator[Terminal]:
    """Of stdin and stdout. Keys come one by one and unechoed, Ctrl-C among them."""
    fd_in, fd_out = sys.stdin.fileno(), sys.stdout.fileno()
    before = termios.tcgetattr(fd_in)
    terminal = Terminal(fd_in, fd_out)
    try:
        tty.setcbreak(fd_in)
        mode = termios.tcgetattr(fd_in)
        mode[0] &= ~(termios.IXON | termios.ICRNL)
        mode[3] &= ~termios.ISIG  # a hold may be open: we end in order
        termios.tcsetattr(fd_in, termios.TCSAFLUSH, mode)
        terminal._write(ENTER_SCREEN)
        yield terminal
    finally:
        terminal._write(LEAVE_SCREEN)
        with contextlib.suppress(termios.error):
            termios.tcsetattr(fd_in, termios.TCSAFLUSH, before)
