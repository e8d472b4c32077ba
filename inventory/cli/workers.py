"""`inventory serve --workers`: the parent of N servers on one port and one database.

It serves nothing itself and never loads gRPC: it holds the port, prepares the database, starts the workers, starts
again those that die, and stops them in order.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Coroutine

import structlog

from inventory.cli.failure import Failed
from inventory.cli.worker import Order, Said
from inventory.port import SharedPort
from inventory.postgres.access import first_admin
from inventory.postgres.connection import Database
from inventory.postgres.preparation import prepare
from inventory.settings import Settings

STOP_S = 9.0
PAUSE_MIN_S = 0.1
PAUSE_MAX_S = 10.0
RAN_WELL_S = 30.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

log = structlog.get_logger(__name__)


async def serve(
    settings: Settings,
    dsn: str,
    port: SharedPort,
    client_port: SharedPort | None,
    *,
    ready: Callable[[], None],
    first_token: Callable[[str], None],
    beside: Coroutine[None, None, None] | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM. `ready` is told once all workers answer; `first_token` a token that may do
    everything, when nobody has one; `beside` runs beside it.

    Raises `Failed` when a worker can't start, as long as not all of them have answered; `RuntimeError`, a
    `MigrationError` or a `StorageError` when the database can't be used.
    """
    stop = asyncio.Event()
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    workers = [Worker(number, settings, dsn, port, client_port) for number in range(settings.workers)]
    tasks = [
        asyncio.create_task(work) for work in (stop.wait(), _start(settings, dsn, workers, first_token), beside) if work
    ]
    stopped, started = tasks[:2]
    try:
        await asyncio.wait((stopped, started), return_when=asyncio.FIRST_COMPLETED)
        if started.done():
            started.result()
            ready()
            await stopped
        log.info("stopping", workers=len(workers))
    finally:
        started.cancel()
        await asyncio.gather(*(worker.stop() for worker in workers))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _start(settings: Settings, dsn: str, workers: list["Worker"], first_token: Callable[[str], None]) -> None:
    database = Database(dsn, settings.db_schema)
    await prepare(
        database,
        apply=settings.migrate,
        owner_dsn=settings.owner_dsn,
        server_role=settings.server_role,
        alone=settings.dsn is None,
    )
    if not settings.development and (token := await first_admin(database)):
        first_token(token)
    for worker in workers:
        worker.start()
    await asyncio.gather(*(worker.started for worker in workers))


class Worker:
    """One place among the workers, and the process that fills it. `started` is done when it served for the first time,
    or failed to."""

    def __init__(
        self, number: int, settings: Settings, dsn: str, port: SharedPort, client_port: SharedPort | None
    ) -> None:
        own = settings.model_copy(
            update={"migrate": False, "owner_dsn": None, "metrics": _metrics(settings.metrics, number)}
        )
        self._number = number
        self._order = Order(
            number=number,
            parent=os.getpid(),
            dsn=dsn,
            addresses=port.addresses,
            client_addresses=() if client_port is None else client_port.addresses,
            settings=own,
        )
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        """Asks the process to end, and ends it when it doesn't in time."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.started.cancel()
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            log.error("a worker did not stop in time and is killed", worker=self._number, pid=process.pid)
            process.kill()
            await process.wait()

    async def _keep_running(self) -> None:
        loop = asyncio.get_running_loop()
        pause_s = PAUSE_MIN_S
        while True:
            began = loop.time()
            why = await self._run()
            if not self.started.done():
                self.started.set_exception(Failed(*why))
                return
            if loop.time() - began >= RAN_WELL_S:
                pause_s = PAUSE_MIN_S
            log.error(
                "a worker has ended and is started again", worker=self._number, why="; ".join(why), pause_s=pause_s
            )
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_MAX_S)

    async def _run(self) -> list[str]:
        """Runs one process to its end, and gives why it ended."""
        try:
            self._process = process = await _spawn()
        except OSError as error:
            return [f"worker {self._number} can't be started: {error.strerror}"]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(self._order.model_dump_json().encode() + b"\n")
        process.stdin.close()
        said = await process.stdout.readline()
        failed: list[str] = []
        if said:
            failed = list(Said.model_validate_json(said).failed)
            if not failed:
                log.info("a worker serves", worker=self._number, pid=process.pid)
                if not self.started.done():
                    self.started.set_result(None)
        code = await process.wait()
        return failed or [f"worker {self._number} has ended with exit code {code}"]


async def _spawn() -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # the same modules as ours, wherever we stand
        "-m",
        "inventory.cli.worker",
        stdin=PIPE,
        stdout=PIPE,
        env={
            **{name: value for name, value in os.environ.items() if name != "INVENTORY_OWNER_DSN"},
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        start_new_session=True,  # else Ctrl-C would end it before we have stopped it
    )


def _metrics(address: str | None, number: int) -> str | None:
    if address is None:
        return None
    host, _, first = address.rpartition(":")
    return f"{host}:{int(first) + number if int(first) else 0}"
