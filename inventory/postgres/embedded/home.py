"""The directory an embedded PostgreSQL lives in: who owns it, and where its socket is.

A home holds `server.json` (locked by the process that owns the home; names its pid and DSNs), `data` (the
cluster), `socket`, `log` (one file a weekday), `start.log` (what the last start printed), `password` (for
TCP) and perhaps `binaries` (a copy of the wheel). As root the home stays root's; PostgreSQL's user owns only
`data`, `socket` and `log`.
"""

import fcntl
import hashlib
import json
import os
import re
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from inventory.postgres.embedded.binaries import EmbeddedPostgresError, SystemUser
from inventory.postgres.embedded.processes import poll

OWNER_TIMEOUT_S = 2
SOCKET_DIRECTORY_BYTES_MAX = 85  # sun_path is 104 bytes on macOS, and the file in it is `.s.PGSQL.65535`


class DataDirectoryInUse(EmbeddedPostgresError):
    """Another live process owns the home. `dsn` is for servers, `owner_dsn` for the owner of the tables. While that
    process has not said who it is, `pid` is 0 and both are empty."""

    def __init__(self, home: Path, pid: int, dsn: str, owner_dsn: str) -> None:
        self.pid = pid
        self.dsn = dsn
        self.owner_dsn = owner_dsn
        join = f" A second server joins the same database with: --dsn '{dsn}'" if dsn else ""
        super().__init__(f"{home} is in use by process {pid or '(unknown)'}.{join}")


class DataDirectoryUnusable(EmbeddedPostgresError):
    """What is found in the home can't be used. It was left as it is."""


def default_home() -> Path:
    """Where the data lives unless told otherwise. Never in root's home: PostgreSQL could not enter it."""
    if os.geteuid() == 0:
        return Path("/var/lib/inventory")
    state = os.environ.get("XDG_STATE_HOME", "")
    # The XDG specification: a relative path is invalid and ignored.
    return (Path(state) if os.path.isabs(state) else Path.home() / ".local" / "state") / "inventory"


def prepare(home: Path, user: SystemUser) -> Path:
    """Make the home if missing; give its real path. `OSError` and `EmbeddedPostgresError` say why not."""
    home = home.expanduser().absolute()
    if (home / "PG_VERSION").exists():
        raise DataDirectoryUnusable(
            f"{home} is itself a PostgreSQL data directory, not a home of ours. Name an empty directory; "
            "to use that cluster, start it and pass its --dsn."
        )
    home = home.resolve()
    _check_way(home.parent, user)
    home.mkdir(parents=True, exist_ok=True)
    if not any(home.iterdir()):  # ours to open; a directory with something in it keeps its mode
        home.chmod(0o711 if os.geteuid() == 0 else 0o700)
    _check_way(home, user)
    return home


def _check_way(path: Path, user: SystemUser) -> None:
    if user.uid != os.geteuid() and (closed := user.blocked_by(path)) is not None:
        raise EmbeddedPostgresError(
            "PostgreSQL refuses to run as root, and the user nobody, whom it runs as instead, may not enter "
            f"{closed}. Choose a home outside it; the default is {default_home()}."
        )


def lock(home: Path) -> int:
    """Own the home until this descriptor is closed; the kernel closes it at our death."""
    descriptor = os.open(home / "server.json", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # A new owner needs a moment to write its name over that of a dead one; and a process that the dead one had just
        # forked keeps the lock until it is another program.
        poll(lambda: _is_locked(descriptor) or _is_process(read_record(home).get("pid", 0)), OWNER_TIMEOUT_S)
        if not _is_locked(descriptor):
            record = read_record(home)
            dsn = record.get("dsn", "")  # the only one, and the owner's, in the record of an older version
            raise DataDirectoryInUse(home, record.get("pid", 0), dsn, record.get("owner_dsn", dsn))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_locked(descriptor: int) -> bool:
    """Whether it is ours, now or already."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_record(home: Path) -> dict[str, Any]:
    """What the owner wrote, or the last one that was killed; empty after an orderly stop."""
    try:
        record = json.loads((home / "server.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def write_record(descriptor: int, record: dict[str, Any]) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(record, indent=1).encode(), 0)


def _is_process(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def short_name(home: Path) -> str:
    """One name for one home; in the title of its PostgreSQL processes too, so that we know ours again."""
    return f"inventory-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"


def socket_directory(home: Path, user: SystemUser) -> Path:
    """A directory only PostgreSQL's user enters: in the home if that path suits a DSN, else in /tmp."""
    inside = home / "socket"
    suits_dsn = re.fullmatch(r"[\w./+~-]+", str(inside), re.ASCII)
    if suits_dsn and len(os.fsencode(inside)) <= SOCKET_DIRECTORY_BYTES_MAX:
        inside.mkdir(mode=0o700, exist_ok=True)
        user.own(inside)
        return inside
    # The same name each time keeps the DSN. In /tmp anybody may have taken it: then any name will do.
    # A directory that was there is never given away, it could be swapped for a link meanwhile.
    short = Path("/tmp") / short_name(home)  # noqa: S108 - made by mkdir, checked if it exists
    try:
        short.mkdir(mode=0o700)
    except FileExistsError:
        found = short.lstat()
        if found.st_uid == user.uid and stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700:
            return short
        short = Path(tempfile.mkdtemp(prefix="inventory-", dir="/tmp"))
    user.own(short)
    return short


def discard_sockets(directory: Path) -> None:
    for path in directory.glob(".s.PGSQL.*"):
        path.unlink(missing_ok=True)


def discard_socket_directory(directory: Path) -> None:
    with suppress(OSError):  # it may be gone, or somebody else's by now
        discard_sockets(directory)
        directory.rmdir()
