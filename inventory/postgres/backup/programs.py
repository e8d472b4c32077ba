"""PostgreSQL's client programs: `pg_dump`, `pg_restore` and `psql`, and how they are told where the database is."""

import asyncio
import os
import re
import shutil
import subprocess
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from inventory.postgres.backup.file import BackupError
from inventory.postgres.embedded import binaries

NAMES = ("pg_dump", "pg_restore", "psql")
PROBE_TIMEOUT_S = 20
CONNECT_TIMEOUT_S = 10
PIPE_BYTES = 1 << 18
WORDS_BYTES_MAX = 4_000


@dataclass(frozen=True)
class Programs:
    """Of one version, in one directory."""

    directory: Path
    major: int

    @classmethod
    def find(cls, major: int) -> "Programs":
        """Those of PostgreSQL `major`, or else the oldest that are newer. Raises `BackupError`."""
        found: dict[int, Path] = {}
        candidates = [path for _, path in binaries.candidates()]
        if on_path := shutil.which("pg_dump"):
            candidates.append(Path(on_path).resolve().parent)
        for directory in candidates:
            if (version := _version(directory)) is not None:
                found.setdefault(version, directory)
        fit = min((version for version in found if version >= major), default=None)
        if fit is None:
            there = f"those here are of {', '.join(map(str, sorted(found)))}" if found else "there are none here"
            raise BackupError(
                f"the database is PostgreSQL {major}, which needs {', '.join(NAMES)} of that version or a newer one,"
                f" and {there}: set PG_BIN to a directory with them"
            )
        return cls(found[fit], fit)

    @asynccontextmanager
    async def run(self, name: str, *arguments: str, dsn: str = "") -> AsyncIterator[Process]:
        """Runs one, with pipes; it is killed when the block ends before it does. With `dsn` it finds the database
        there; a password goes by its environment, so that nobody sees it among the processes."""
        place, environment = _place(dsn) if dsn else ("", {})
        process = await asyncio.create_subprocess_exec(
            self.directory / name,
            *arguments,
            *((f"--dbname={place}",) if place else ()),
            stdin=PIPE,
            stdout=DEVNULL if name == "psql" else PIPE,
            stderr=PIPE,
            env={**binaries.environment(self.directory), **_ours(), **environment},
            limit=PIPE_BYTES,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
            await process.wait()


async def words(process: Process) -> str:
    """What it has said on stderr until its end: the last of it, on one line."""
    assert process.stderr is not None
    kept = b""
    while part := await process.stderr.read(WORDS_BYTES_MAX):
        kept = (kept + part)[-WORDS_BYTES_MAX:]
    lines = [line.strip() for line in kept.decode(errors="replace").splitlines()]
    return "; ".join([line for line in lines if line][-3:])


def _version(directory: Path) -> int | None:
    if not all((directory / name).is_file() for name in NAMES):
        return None
    try:
        answer = subprocess.run(
            [directory / "pg_dump", "--version"],
            capture_output=True,
            text=True,
            check=True,
            cwd="/",
            env=binaries.environment(directory),
            timeout=PROBE_TIMEOUT_S,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"\) (\d+)", answer)
    return int(version[1]) if version else None


def _place(dsn: str) -> tuple[str, dict[str, str]]:
    """The DSN without its password, and the environment that has it."""
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query))
    user, at, hosts = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    password = query.pop("password", "") or unquote(password)
    kept = f"?{urlencode(query, quote_via=quote)}" if query else ""
    return f"postgresql://{name}{at}{hosts}{parts.path}{kept}", {"PGPASSWORD": password} if password else {}


def _ours() -> dict[str, str]:
    """What libpq reads of our environment, as the driver does."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("PG") and name != "PG_BIN"}
    if "HOME" in os.environ:  # for ~/.pgpass and certificates
        kept["HOME"] = os.environ["HOME"]
    kept.setdefault("PGCONNECT_TIMEOUT", str(CONNECT_TIMEOUT_S))  # of several machines one may not answer
    return kept
