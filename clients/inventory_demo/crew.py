"""The demo's processes: started by spawning, spoken to over pipes, ended by their ids."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Any, Self

import uvloop

END_TIMEOUT_S = 5.0
ENDING = (signal.SIGINT, signal.SIGTERM)


class DemoFailed(Exception):
    """The demo can't go on; the message says why."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The process can start."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """The process can't go on."""

    message: str


@dataclass(frozen=True, slots=True, eq=False)
class Worker:
    name: str
    process: SpawnProcess
    orders: Connection


class Crew:
    """Use as a context: leaving it ends every process that still runs."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[Worker] = []

    def hire(self, name: str, entry: Callable[[Connection], None]) -> Worker:
        resource_tracker.ensure_running()  # its own start would unblock the signal below
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=entry, args=(theirs,), name=name, daemon=True)
        # Ctrl-C reaches the whole group; what is blocked here stays blocked in the child, and it is we who end it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            with undisturbed():
                process.start()
            worker = Worker(name, process, ours)
            self._workers.append(worker)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        return worker

    def messages(self, timeout_s: float) -> Iterator[tuple[Worker, object]]:
        """What the workers have said, after waiting for at most so long. Raises `DemoFailed` if one is in
        trouble or has died."""
        by_pipe = {worker.orders: worker for worker in self._workers}
        for pipe in wait(list(by_pipe), timeout_s):
            assert isinstance(pipe, Connection)
            worker = by_pipe[pipe]
            try:
                message = pipe.recv()
            except (EOFError, ConnectionResetError):
                worker.process.join(END_TIMEOUT_S)
                raise DemoFailed(f"{worker.name} ended with {worker.process.exitcode}") from None
            if isinstance(message, Trouble):
                raise DemoFailed(f"{worker.name}: {message.message}")
            yield worker, message

    def dismiss(self, worker: Worker) -> None:
        """After its last message."""
        worker.process.join(END_TIMEOUT_S)
        self._workers.remove(worker)
        self._end([worker])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(self._workers)

    def _end(self, workers: list[Worker]) -> None:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.join(END_TIMEOUT_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.orders.close()


@contextmanager
def undisturbed() -> Iterator[None]:
    """A signal to end that comes meanwhile counts at the end: in mid-start it would leave a child that was told only
    half of what it needs, or that nobody knows of. It isn't blocked, for the child would stay so, and that is how we
    end it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {one: signal.signal(one, lambda number, frame: came.append(number)) for one in ENDING}
    try:
        yield
    finally:
        for one in ENDING:
            signal.signal(one, before[one])
        if came:
            signal.raise_signal(came[0])


def run_until_orphaned(orders: Connection, work: Coroutine[Any, Any, None]) -> None:
    """Runs a worker's life. It ends with its parent, however that ends."""
    sentinel = multiprocessing.parent_process()
    assert sentinel is not None

    def end_with_parent() -> None:
        wait([sentinel.sentinel])
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    with (
        suppress(BrokenPipeError, EOFError),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        orders,
    ):
        runner.run(work)
