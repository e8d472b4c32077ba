"""One PostgreSQL for the run, one migrated template, and a database of its own for each test that asks."""

import asyncio
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
import uvloop

from inventory.postgres.embedded import SERVER_ROLE, EmbeddedPostgres
from inventory.postgres.migrate import migrate

SCHEMA = "inventory"
MEMORY_FREE_MIN_BYTES = 2 << 30
DROP_TRIES = 3  # each waits 5 s in the server


def pytest_configure() -> None:
    """Programs that tests run say all they have to say, as in a pipe; the runner tells its processes a width of 80.
    Servers know callers by the name they give, unless a test wants credentials."""
    os.environ.pop("COLUMNS", None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)  # else programs that tests run would ignore it too
    os.environ |= {"INVENTORY_DEVELOPMENT": "1", "INVENTORY_ALARMS": "0"}


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="module", autouse=True)
def looking_for_alarms(request: pytest.FixtureRequest) -> Iterator[None]:
    """Servers of a module look for alarms if it says `ALARMS = True`: elsewhere an alarm, which is a change of the
    feed, would come between what a test does and what it expects."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("INVENTORY_ALARMS", str(int(getattr(request.module, "ALARMS", False))))
        yield


@pytest.fixture(scope="session")
def scratch() -> Path:
    """Where to make homes: in memory if there is room, PostgreSQL's many small files are faster there.

    Not tmp_path: as root PostgreSQL runs as nobody, and pytest closes its directories to others.
    """
    memory = Path("/dev/shm")
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY_FREE_MIN_BYTES
    return memory if roomy else Path("/tmp")


@pytest.fixture(scope="session")
def postgres(scratch: Path) -> Iterator[str]:
    """The DSN of a server whose role may make databases: our own one, or that of INVENTORY_TEST_DSN. There is a role
    inventory_server too, which may log in as that one does."""
    if given := os.environ.get("INVENTORY_TEST_DSN"):
        yield given
        return
    with (
        tempfile.TemporaryDirectory(prefix="inventory-tests-", dir=scratch) as directory,
        EmbeddedPostgres.start(Path(directory), shared_buffers_mb=128) as server,
    ):
        yield server.dsn


@pytest.fixture(scope="session")
def template(postgres: str) -> Iterator[str]:
    """The name of a migrated database nobody is connected to."""
    name = f"inventory_template_{secrets.token_hex(4)}"
    _run(_execute(postgres, f'CREATE DATABASE "{name}"'))
    _run(_migrate(_in_database(postgres, name)))
    yield name
    _run(_execute(postgres, f'DROP DATABASE "{name}"'))


@pytest.fixture
def empty_dsn(postgres: str) -> Iterator[str]:
    """The DSN of a new database without any migration."""
    yield from _database(postgres, "template1")


@pytest.fixture
def dsn(postgres: str, template: str) -> Iterator[str]:
    """The DSN of a new database with all migrations applied."""
    yield from _database(postgres, template)


@pytest.fixture(scope="module")
def module_dsn(postgres: str, template: str) -> Iterator[str]:
    """As `dsn`, for a module whose tests keep to data of their own."""
    yield from _database(postgres, template)


def _database(server: str, template: str) -> Iterator[str]:
    # Synchronous, so that tests with a loop of their own can ask for one as well.
    name = f"inventory_test_{secrets.token_hex(4)}"
    # The files are copied as they are: through the WAL, block by block, it takes six times as long.
    _run(_execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy'))
    yield _in_database(server, name)
    _run(_drop(server, name))


def _in_database(dsn: str, name: str) -> str:
    # Not urlunsplit: it drops the empty host of a socket's DSN.
    parts = urlsplit(dsn)
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}/{name}{query}"


def as_server(dsn: str) -> str:
    """The same database, as the role that servers work as and that owns nothing."""
    parts = urlsplit(dsn)
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{SERVER_ROLE}@{place}{parts.path}?{parts.query}"


def _run(work: Coroutine[Any, Any, None]) -> None:
    # A loop of our own: that of the tests may not exist yet.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


async def _drop(server: str, name: str) -> None:
    # Not WITH (FORCE): it may not end an autovacuum worker, which a plain DROP DATABASE asks to stop.
    connection: asyncpg.Connection = await asyncpg.connect(server)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = $1 AND pg_has_role(usesysid, 'MEMBER')",
            name,
        )
        for remaining in reversed(range(DROP_TRIES)):
            try:
                await connection.execute(f'DROP DATABASE "{name}"')
            except asyncpg.ObjectInUseError:
                if not remaining:
                    raise
            else:
                return
    finally:
        await connection.close()


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _migrate(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await migrate(connection, SCHEMA, server_role=SERVER_ROLE)
    finally:
        await connection.close()
