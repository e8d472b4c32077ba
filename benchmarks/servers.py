"""What a benchmark runs on: PostgreSQL in a directory of its own, the product, and the echo server."""

import asyncio
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import asyncpg

from benchmarks import pgbench
from benchmarks.processes import CHECKOUT, cpu_s, family_cpu_s, on_cores, serving
from inventory.postgres.embedded import EmbeddedPostgres
from inventory.postgres.embedded.binaries import SystemUser, find

DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")
VERSIONS = ("grpcio", "protobuf", "uvloop", "asyncpg")


@dataclass
class Server:
    """A running gRPC server. The product has a database; what a benchmark reserved there is counted here."""

    name: str
    pid: int
    address: str
    dsn: str | None = None
    reservations: int = 0
    lines: int = 0
    metadata: tuple[tuple[str, str], ...] = ()
    """What its callers show."""

    def cpu_s(self) -> float:
        return cpu_s(self.pid)


@dataclass
class Site:
    """Everything a benchmark runs, and on which cores."""

    directory: Path
    dsn: str
    postgres_pid: int
    pgbench_program: str
    server_cores: frozenset[int]
    other_cores: frozenset[int]
    _stack: ExitStack
    products: list[Server] = field(default_factory=list)

    @classmethod
    @contextmanager
    def open(cls, *, pin: bool, commit_times: bool = False) -> Iterator[Self]:
        """PostgreSQL on a fresh data directory. With `pin` and two cores or more, a gRPC server gets the first core
        to itself; the client and PostgreSQL share the others. With `commit_times` PostgreSQL remembers when each
        transaction committed. At the end everything is stopped and deleted."""
        cores = sorted(os.sched_getaffinity(0))
        server_cores, other_cores = frozenset(cores[:1]), frozenset(cores[1:])
        if not pin or len(cores) == 1:
            server_cores = other_cores = frozenset(cores)
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="inventory-bench-", dir="/tmp")))
            directory.chmod(0o711)  # PostgreSQL may run as another user
            stack.enter_context(on_cores(other_cores))
            home = directory / "postgres"
            if commit_times:
                with EmbeddedPostgres.start(home) as postgres:
                    query(as_owner(postgres.dsn), "ALTER SYSTEM SET track_commit_timestamp = on")
            postgres = stack.enter_context(EmbeddedPostgres.start(home))
            programs = find(home, SystemUser.current(), None).directory
            pid = int((home / "data" / "postmaster.pid").read_text().split()[0])
            site = cls(
                directory, postgres.dsn, pid, pgbench.program(programs), server_cores, other_cores, stack.pop_all()
            )
            with site._stack:
                site._describe(home)
                yield site
                site.verify()

    def product(self, name: str = "product", checkout: Path = CHECKOUT) -> Server:
        """Starts the product, or that of another checkout, on a new database, as `inventory serve` would be started by
        anybody."""
        query(self.dsn, f"CREATE DATABASE {name}")
        dsn = in_database(self.dsn, name)
        arguments = ["-m", "inventory", "serve", "--listen", "127.0.0.1:0", "--dsn", dsn]
        server = self._start(name, arguments, dsn, checkout)
        self.products.append(server)
        return server

    def guarded(self, name: str = "guarded") -> Server:
        """Starts the product as it stands on a network but for TLS: callers show a token, and metrics are served."""
        query(self.dsn, f"CREATE DATABASE {name}")
        dsn = in_database(self.dsn, name)
        arguments = ["-m", "inventory", "serve", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--dsn", dsn]
        server = self._start(name, arguments, dsn, development=False)
        found = re.search(r"inv_\w+", (self.directory / f"{name}.log").read_text())
        assert found is not None
        server.metadata = (("authorization", f"Bearer {found[0]}"),)
        self.products.append(server)
        return server

    def bare(self, name: str = "bare") -> Server:
        """Starts the product without credentials, limits, audit trail and metrics."""
        query(self.dsn, f"CREATE DATABASE {name}")
        dsn = in_database(self.dsn, name)
        server = self._start(name, ["-m", "benchmarks.bare_server", dsn], dsn)
        self.products.append(server)
        return server

    def echo(self) -> Server:
        """Starts the echo server."""
        return self._start("echo", ["-m", "benchmarks.echo_server"], None)

    def postgres_cpu_s(self) -> float:
        return family_cpu_s(self.postgres_pid)

    def checkpoint(self) -> None:
        """Writes out what loading has left behind."""
        query(as_owner(self.dsn), "CHECKPOINT")

    def plain_tables(self) -> None:
        """Makes the tables of the plain SQL reservation."""
        query(self.dsn, pgbench.TABLES)

    def plain_sql(self, clients: int, seconds: float) -> pgbench.Transactions:
        """Runs the plain SQL reservation with so many clients."""
        threads = min(clients, len(self.other_cores))
        return pgbench.run(
            self.pgbench_program, self.dsn, self.directory, clients=clients, threads=threads, seconds=seconds
        )

    def verify(self) -> None:
        """Counts what is in the databases. Raises `RuntimeError` when it isn't what was answered."""
        for server in self.products:
            assert server.dsn is not None
            ((reservations, lines, held, levels),) = query(
                server.dsn,
                "SELECT (SELECT count(*) FROM inventory.reservation WHERE state = 1),"
                " (SELECT count(*) FROM inventory.reservation_line),"
                " (SELECT coalesce(sum(held), 0) FROM inventory.reservation_line),"
                " (SELECT coalesce(sum(held), 0) FROM inventory.level)",
            )
            expected = (server.reservations, server.lines, server.lines, server.lines)
            if (reservations, lines, held, levels) != expected:
                raise RuntimeError(
                    f"{server.name}: answered {server.reservations} reservations with {server.lines} lines, but the"
                    f" database holds {reservations} with {lines}, {held} pieces in lines, {levels} in levels"
                )
            print(f"{server.name}: {reservations:,} reservations answered, as many in the database")

    def _start(
        self,
        name: str,
        arguments: Sequence[str],
        dsn: str | None,
        checkout: Path = CHECKOUT,
        *,
        development: bool = True,
    ) -> Server:
        output = self.directory / f"{name}.log"
        command = [sys.executable, *arguments]
        pid, address = self._stack.enter_context(
            serving(command, self.server_cores, output, checkout=checkout, development=development)
        )
        print(f"{name}: process {pid} on {address}")
        return Server(name, pid, address, dsn)

    def _describe(self, home: Path) -> None:
        settings = {name: query(self.dsn, f"SHOW {name}")[0][0] for name in DURABILITY}
        if any(value != "on" for value in settings.values()):
            raise RuntimeError(f"a benchmark of durable writes needs them durable: {settings}")
        filesystem = subprocess.run(
            ["stat", "--file-system", "--format=%T", home], check=True, capture_output=True, text=True
        ).stdout.strip()
        if filesystem == "tmpfs":
            raise RuntimeError("fsync does nothing in memory: /tmp must be on a disk")
        versions = ", ".join(f"{name} {metadata.version(name)}" for name in VERSIONS)
        print(f"machine: {_processor()}, {os.cpu_count()} cores, Linux {platform.release()}")
        print(f"versions: Python {platform.python_version()}, {versions}, PostgreSQL {_postgres_version(self.dsn)}")
        print("durability: " + ", ".join(f"{name} = {value}" for name, value in settings.items()) + f", {filesystem}")
        if self.server_cores == self.other_cores:
            print("cores: nothing is bound to a core")
        else:
            print(f"cores: server on {_listed(self.server_cores)}, all else on {_listed(self.other_cores)}")


def query(dsn: str, statement: str, *arguments: object) -> list[asyncpg.Record]:
    """Runs one statement, or several that give no rows, on a connection of its own."""

    async def work() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(dsn)
        try:
            if ";" in statement:
                await connection.execute(statement)
                return []
            return list(await connection.fetch(statement, *arguments))
        finally:
            await connection.close()

    return asyncio.run(work())


def as_owner(dsn: str) -> str:
    """The same database as PostgreSQL's superuser."""
    return dsn.replace("//inventory@", "//postgres@")


def in_database(dsn: str, name: str) -> str:
    """The same server's other database."""
    # Not urlunsplit: it drops the empty host of a socket's DSN.
    parts = urlsplit(dsn)
    return f"{parts.scheme}://{parts.netloc}/{name}?{parts.query}"


def commit() -> str:
    """The commit that is measured, with a + when files differ from it."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    done = subprocess.run(
        [git, "describe", "--always", "--dirty=+"],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
    )
    return done.stdout.strip() or "unknown"


def _postgres_version(dsn: str) -> str:
    return str(query(dsn, "SHOW server_version")[0][0])


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _listed(cores: frozenset[int]) -> str:
    return ("core " if len(cores) == 1 else "cores ") + ", ".join(map(str, sorted(cores)))
