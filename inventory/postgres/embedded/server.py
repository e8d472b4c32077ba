"""Start PostgreSQL on a home, making the cluster when there is none, and stop it."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from inventory.postgres.embedded import home as homes
from inventory.postgres.embedded.binaries import (
    Binaries,
    BinariesNotFound,
    EmbeddedPostgresError,
    SystemUser,
    environment,
    find,
)
from inventory.postgres.embedded.home import DataDirectoryInUse, DataDirectoryUnusable
from inventory.postgres.embedded.processes import (
    FAST_SHUTDOWN_TIMEOUT_S,
    POLL_INTERVAL_S,
    QUIT_TIMEOUT_S,
    Processes,
    poll,
    ready,
)

START_TIMEOUT_S = 300  # recovering `max_wal_size` on a slow disk fits
UNIX_PORT = 5432  # only part of the socket's name while nothing listens on TCP

# On the command line, so that old data gets a newer version's settings too; `ALTER SYSTEM` sets all others.
# fsync, synchronous_commit and full_page_writes are left alone: what was acknowledged must survive.
_SETTINGS = {
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "unix_socket_permissions": "0700",
    "logging_collector": "on",
    "log_filename": "postgres-%a.log",  # a week of files, each emptied when its day comes again
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_min_error_statement": "panic",  # no customer's row in the log
    "log_line_prefix": "%m [%p] %q%u@%d ",
}

DISCARD_TIMEOUT_S = 5
_UNFINISHED = "data.new-"

SERVER_ROLE = "inventory_server"
"""Servers work as it; it owns nothing. What it may is granted by the migrations."""

_DATABASE_SQL = """\
CREATE ROLE inventory LOGIN CREATEDB;
GRANT pg_monitor TO inventory;
CREATE DATABASE inventory OWNER inventory;
"""
# Once for each cluster, also of those that an older version has made. The owner may end the sessions of servers.
_SERVER_ROLE_SQL = """\
DO $$ BEGIN CREATE ROLE inventory_server LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
GRANT inventory_server TO inventory;
REVOKE ALL ON DATABASE inventory FROM PUBLIC;
GRANT CONNECT ON DATABASE inventory TO inventory_server;
"""
_HAS_SERVER_ROLE = "inventory.server_role"  # a file beside PostgreSQL's own, so that it goes wherever the data goes


class EmbeddedPostgres:
    """A running PostgreSQL of ours.

    `dsn` reaches its database `inventory` by unix socket, as the owner of the tables, `server_dsn` as the role that
    servers work as. `tcp_dsn` is set when a TCP port was asked for: loopback only, as the owner, with password.
    """

    home: Path
    dsn: str
    server_dsn: str
    tcp_dsn: str | None

    def __init__(self, home: Path, user: SystemUser, lock: int) -> None:
        """Use `start`."""
        self.home = home
        self.dsn = ""
        self.server_dsn = ""
        self.tcp_dsn = None
        self._user = user
        self._lock: int | None = lock
        self._asked: tuple[int, int | None, int] = (0, None, 0)
        self._cluster = home / "data"
        self._processes = Processes(self._cluster, homes.short_name(home), user.uid)
        self._postmaster: subprocess.Popen[bytes] | None = None
        self._socket_directory: Path | None = None

    @classmethod
    def start(
        cls, home: Path, *, shared_buffers_mb: int = 256, tcp_port: int | None = None, connections_max: int = 200
    ) -> Self:
        """Own `home`, make a cluster there if it has none, run PostgreSQL on it until `stop` or our death.

        Blocks until it accepts connections. Raises `DataDirectoryInUse`, `DataDirectoryUnusable`,
        `BinariesNotFound` or their base `EmbeddedPostgresError`.
        """
        if threading.current_thread() is not threading.main_thread():
            # Linux ends PostgreSQL when the *thread* that started it ends.
            raise RuntimeError("EmbeddedPostgres.start belongs to the main thread")
        user = SystemUser.current()
        try:
            home = homes.prepare(home, user)
            lock = homes.lock(home)
        except OSError as error:
            raise EmbeddedPostgresError(f"{home} can't be used as the home of PostgreSQL: {error}") from error
        server = cls(home, user, lock)
        server._asked = (shared_buffers_mb, tcp_port, connections_max)
        try:
            server._launch(*server._asked)
        except subprocess.CalledProcessError as error:
            server.stop()
            raise EmbeddedPostgresError(f"PostgreSQL could not prepare {home}:\n{_tail(error.stdout)}") from error
        except BaseException:
            server.stop()
            raise
        return server

    @property
    def alive(self) -> bool:
        """False once PostgreSQL has ended, by `stop` or by itself. It is not started again but by `restart`."""
        return self._postmaster is not None and self._postmaster.poll() is None

    def restart(self) -> None:
        """Run PostgreSQL again after it has ended by itself (killed, crashed): same home, same `dsn`.

        Blocks and raises as `start` does, and belongs to the main thread too; what failed can be tried again.
        """
        try:
            self._launch(*self._asked)
        except (OSError, subprocess.CalledProcessError) as error:
            raise EmbeddedPostgresError(f"PostgreSQL could not be started again in {self.home}: {error}") from error

    def stop(self) -> None:
        """End every session, write a checkpoint, wait for the end, give the home back. Again: no effect."""
        if self._lock is None:
            return
        if self._postmaster is not None:
            if self.alive:
                self._postmaster.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    self._postmaster.wait(FAST_SHUTDOWN_TIMEOUT_S)
            self._processes.end()
            self._postmaster.wait()
        if self._socket_directory is not None and not self._socket_directory.is_relative_to(self.home):
            homes.discard_socket_directory(self._socket_directory)
        os.ftruncate(self._lock, 0)
        os.close(self._lock)
        self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _launch(self, shared_buffers_mb: int, tcp_port: int | None, connections_max: int) -> None:
        port = tcp_port or UNIX_PORT
        sockets = self._claim_socket(port)

        # Ownership is checked first: a stranger's pid file is not ours to drop.
        major = _check_cluster(self._cluster, self._user)
        self._processes.end()
        homes.discard_sockets(sockets)
        for unfinished in self.home.glob(f"{_UNFINISHED}*"):
            _discard_unfinished(unfinished, self._user)

        try:
            programs = find(self.home, self._user, major)
        except BinariesNotFound as error:
            if major is None:
                raise
            raise DataDirectoryUnusable(
                f"{self._cluster} was made by PostgreSQL {major}, and only that version reads it; it was left "
                f"as it is. To go on, set PG_BIN to the programs of PostgreSQL {major}. To change the "
                f"version, dump the database with them and load it into a new home.\n{error}"
            ) from error
        if major is None:
            _initialise(self._cluster, programs, self._user)
        _make_server_role(self._cluster, programs, self._user)
        if tcp_port is not None:
            password = _set_password(self.home, programs, self._user)
            self.tcp_dsn = f"postgresql://inventory:{password}@127.0.0.1:{port}/inventory"

        log = self.home / "log"
        log.mkdir(mode=0o700, exist_ok=True)
        self._user.own(log)
        settings = _SETTINGS | {
            "cluster_name": self._processes.name,
            "shared_buffers": f"{shared_buffers_mb}MB",
            "max_connections": str(connections_max),
            "listen_addresses": "127.0.0.1" if tcp_port is not None else "",
            "port": str(port),
            "unix_socket_directories": str(sockets),
            "log_directory": str(log),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.home / "start.log").open("wb") as output:
            self._postmaster = subprocess.Popen(
                self._user.command(programs.program("postgres"), "-D", self._cluster, *options),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=environment(programs.directory),
                start_new_session=True,  # else Ctrl-C would end it before we have drained
            )
        pid = self._postmaster.pid
        poll(lambda: not self.alive or ready(self._cluster, pid), START_TIMEOUT_S)
        if not self.alive:
            raise EmbeddedPostgresError(
                f"PostgreSQL did not start on {self._cluster}; nothing was deleted. If the data is damaged, "
                "restore a backup there, or move it away to begin with an empty one. It said:\n"
                + _last_words(self.home)
            )
        if not ready(self._cluster, pid):
            raise EmbeddedPostgresError(f"PostgreSQL was not ready within {START_TIMEOUT_S} s; see {log}")

    def _claim_socket(self, port: int) -> Path:
        """Choose the socket's directory, and say in the record who owns the home and how to reach it."""
        assert self._lock is not None
        earlier = homes.read_record(self.home).get("socket_directory")
        chosen = self._socket_directory = homes.socket_directory(self.home, self._user)
        self.dsn, self.server_dsn = (
            f"postgresql://{role}@/inventory?host={quote(str(chosen))}&port={port}"
            for role in ("inventory", SERVER_ROLE)
        )
        record = {
            "pid": os.getpid(),
            "dsn": self.server_dsn,
            "owner_dsn": self.dsn,
            "socket_directory": str(chosen),
        }
        homes.write_record(self._lock, record)
        if earlier is not None and Path(earlier) not in {chosen, self.home / "socket"}:
            homes.discard_socket_directory(Path(earlier))
        return chosen


@contextmanager
def running(home: Path) -> Iterator[str]:
    """The owner's DSN of the PostgreSQL that runs on `home`, or of one started for the length of this block.

    Meant for command-line tools. Waits for an owner that is just starting.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            server = EmbeddedPostgres.start(home)
        except DataDirectoryInUse as used:
            owner = used
        else:
            with server:
                yield server.dsn
            return
        if owner.owner_dsn and ready(home.expanduser() / "data"):
            yield owner.owner_dsn
            return
        if time.monotonic() > deadline:
            raise owner
        time.sleep(POLL_INTERVAL_S)


def _check_cluster(cluster: Path, user: SystemUser) -> int | None:
    """The major version of the cluster, None if there is none yet."""
    try:
        if not cluster.exists() or (cluster.is_dir() and not any(cluster.iterdir())):
            return None
        owner = cluster.stat().st_uid
        if owner != user.uid:
            raise DataDirectoryUnusable(
                f"{cluster} belongs to user id {owner}, and PostgreSQL would run as {user.uid}. Start as the "
                "user who made it, or choose another home."
            )
        major = int((cluster / "PG_VERSION").read_text("ascii"))
        (cluster / "global" / "pg_control").stat()
    except (OSError, ValueError) as error:
        raise DataDirectoryUnusable(
            f"{cluster} is not a whole PostgreSQL data directory ({error}). Restore a backup there, or move it "
            "away to begin with an empty one."
        ) from error
    return major


def _initialise(cluster: Path, programs: Binaries, user: SystemUser) -> None:
    """Make the cluster under another name and rename it when whole: `cluster` is complete or does not exist."""
    if programs.major >= 17:
        collation = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    else:
        collation = ["--locale-provider=libc", "--locale=C"]
        if sys.platform == "linux":  # the same: ordered by code point, letters known
            collation.append("--lc-ctype=C.UTF-8")
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=cluster.parent))
    try:
        user.own(unfinished)
        programs.run(
            user,
            "initdb",
            f"--pgdata={unfinished}",
            "--username=postgres",
            "--encoding=UTF8",
            *collation,
            "--data-checksums",
            "--no-clean",  # we do it, when the processes are gone that use it
            "--auth-local=trust",  # whoever may enter the socket's directory is PostgreSQL's user or root
            "--auth-host=scram-sha-256",
        )
        _single_user(programs, user, unfinished, _DATABASE_SQL)
        unfinished.rename(cluster)
    except BaseException:
        _discard_unfinished(unfinished, user)
        raise
    parent = os.open(cluster.parent, os.O_RDONLY)
    os.fsync(parent)
    os.close(parent)


def _make_server_role(cluster: Path, programs: Binaries, user: SystemUser) -> None:
    made = cluster / _HAS_SERVER_ROLE
    if not made.exists():
        _single_user(programs, user, cluster, _SERVER_ROLE_SQL)
        made.touch(mode=0o600)
        user.own(made)


def _discard_unfinished(unfinished: Path, user: SystemUser) -> None:
    # The PostgreSQL that initdb runs ends at the end of its input. Losing its directory before, it would leave
    # its shared memory behind until the machine is started again.
    poll(lambda: not Processes(unfinished, unfinished.name, user.uid).live(), QUIT_TIMEOUT_S)

    def is_gone() -> bool:
        shutil.rmtree(unfinished, ignore_errors=True)
        return not unfinished.exists()

    poll(is_gone, DISCARD_TIMEOUT_S)  # a child of a killed initdb may still write for a moment


def _set_password(home: Path, programs: Binaries, user: SystemUser) -> str:
    path = home / "password"
    path.touch(mode=0o600)
    password = path.read_text().strip()
    if not password:
        password = secrets.token_urlsafe(24)
        path.write_text(password + "\n")
    _single_user(programs, user, home / "data", f"ALTER ROLE inventory PASSWORD '{password}';\n")
    return password


def _single_user(programs: Binaries, user: SystemUser, cluster: Path, sql: str) -> None:
    """Run statements, one a line, on a cluster that is not running."""
    programs.run(user, "postgres", "--single", "-D", cluster, "-c", "exit_on_error=on", "postgres", sql=sql)


def _last_words(home: Path) -> str:
    printed = (home / "start.log").read_text(errors="replace")
    logs = sorted((home / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)
    if logs and "redirecting log output" in printed:
        return _tail(logs[-1].read_text(errors="replace"))
    return _tail(printed)


def _tail(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-15:])
