"""Servers without the second of CPU that a start spends on imports: they are forked from a process that has imported
everything and done nothing. From there on a server is what `python -m inventory serve` runs."""

import asyncio
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock
from typing import IO

ROOT = Path(__file__).parents[2]
REQUEST_BYTES_MAX = 1 << 16
_FORKING = Lock()


class Forked:
    """As a `subprocess.Popen` with three pipes; a child of the warm process, which tells its exit code."""

    def __init__(self, pid: int, told: socket.socket, pipes: Sequence[int]) -> None:
        """`pipes` are our ends of its stdin, stdout and stderr."""
        self.pid = pid
        self.returncode: int | None = None
        self._told = told
        self.stdin: IO[bytes] = os.fdopen(pipes[0], "wb")
        self.stdout: IO[bytes] = os.fdopen(pipes[1], "rb")
        self.stderr: IO[bytes] = os.fdopen(pipes[2], "rb")

    def poll(self) -> int | None:
        if self.returncode is None:
            try:
                code = self._told.recv(16)
            except BlockingIOError:
                return None
            self._told.close()
            assert code, "the warm process has ended"
            self.returncode = int(code)
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """No effect when it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Warm:
    """The warm process; it ends when we do."""

    def __init__(self) -> None:
        """Use `fork`."""
        self._asked, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.race.warm", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
                env={
                    **{name: value for name, value in os.environ.items() if not name.startswith("INVENTORY_")},
                    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "clients")]),
                },
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def fork(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Forked:
        ours, theirs = [], []
        for is_input in (True, False, False):
            reading, writing = os.pipe()
            ours.append(writing if is_input else reading)
            theirs.append(reading if is_input else writing)
        told, telling = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with telling:
            request = json.dumps([list(arguments), dict(environment)]).encode()
            assert len(request) <= REQUEST_BYTES_MAX
            socket.send_fds(self._asked, [request], [*theirs, telling.fileno()])
        for descriptor in theirs:
            os.close(descriptor)
        pid = int(told.recv(16))
        told.setblocking(False)
        return Forked(pid, told, ours)


@cache
def _warm() -> Warm:
    """The one of this run of tests."""
    return Warm()


async def fork(arguments: Sequence[str], environment: Mapping[str, str]) -> Forked:
    """`python -m inventory` with these arguments, in a session of its own.

    Not in the loop's thread: the first call waits for the imports, and servers may run in this loop.
    """

    def run() -> Forked:
        with _FORKING:
            return _warm().fork(arguments, environment)

    return await asyncio.to_thread(run)


def main(asked: socket.socket) -> None:
    """Forks at each request, and tells of each child's end, until nobody can ask any more."""
    import inventory.cli.serve
    import inventory.loop
    import inventory.server  # noqa: F401 - for the children
    from inventory.__main__ import main as run

    gc.collect()
    gc.freeze()  # so that children share it with us
    if (request := _next(asked)) is None:
        return
    arguments, environment = json.loads(request)
    os.environ.clear()
    os.environ.update(environment)
    # Those of the warm process are of what it was started in, such as a terminal.
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    sys.argv = ["inventory", *arguments]
    run()


def _next(asked: socket.socket) -> bytes | None:
    """In each child, what it was asked for; in the warm process None, at the end."""
    children: dict[int, tuple[int, socket.socket]] = {}  # by pidfd
    with selectors.DefaultSelector() as selector:
        selector.register(asked, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd != asked.fileno():
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    _tell_end(*children.pop(key.fd))
                    continue
                request, descriptors, _, _ = socket.recv_fds(asked, REQUEST_BYTES_MAX, 4)
                if not request:
                    return None
                if not (pid := os.fork()):
                    os.setsid()
                    for number, descriptor in enumerate(descriptors[:3]):
                        os.dup2(descriptor, number)
                    for open_one in (*descriptors, asked.detach(), *children):
                        os.close(open_one)
                    for _, telling in children.values():
                        telling.close()
                    return request
                for descriptor in descriptors[:3]:
                    os.close(descriptor)
                telling = socket.socket(fileno=descriptors[3])
                telling.send(str(pid).encode())
                pidfd = os.pidfd_open(pid)
                children[pidfd] = pid, telling
                selector.register(pidfd, selectors.EVENT_READ)


def _tell_end(pid: int, telling: socket.socket) -> None:
    _, ended = os.waitpid(pid, 0)
    with telling, suppress(BrokenPipeError):  # who asked for it may be gone
        telling.send(str(os.waitstatus_to_exitcode(ended)).encode())


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
