"""The PostgreSQL processes that run on one data directory, ours and left-over ones."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from inventory.postgres.embedded.binaries import EmbeddedPostgresError

FAST_SHUTDOWN_TIMEOUT_S = 60
QUIT_TIMEOUT_S = 10
POLL_INTERVAL_S = 0.01


@dataclass(frozen=True)
class Processes:
    """All of a data directory's, by whoever started them. A pid proves nothing: it may be a stranger's now.

    `name` is the `cluster_name` in their titles, `uid` the user they run as.
    """

    cluster: Path
    name: str
    uid: int

    def live(self) -> list[int]:
        """The pids, without the dead and the zombies."""
        if Path("/proc/self/comm").exists():
            return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and self._has(Path("/proc", entry))]
        return self.live_by_ps()

    def _has(self, process: Path) -> bool:
        try:
            if process.stat().st_uid != self.uid or (process / "comm").read_text() != "postgres\n":
                return False
            with suppress(PermissionError):  # a container's root may not look
                return (process / "cwd").samefile(self.cluster)
            title = (process / "cmdline").read_bytes()
        except OSError:  # it ended, or there is no data yet
            return False
        return self.name.encode() in title or os.fsencode(self.cluster) in title.split(b"\0")

    def live_by_ps(self) -> list[int]:
        """As `live`, where there is no /proc."""
        listing = subprocess.run(
            ["ps", "-axwwo", "pid=,uid=,stat=,command="], capture_output=True, text=True, check=True
        )
        rows = [line.split(None, 3) for line in listing.stdout.splitlines()]
        return [
            int(pid)
            for pid, uid, state, command in (row for row in rows if len(row) == 4)
            if int(uid) == self.uid
            and not state.startswith("Z")
            and "postgres" in command
            and (self.name in command or str(self.cluster) in command.split())
        ]

    def end(self) -> None:
        """End them all and drop the pid file nobody stands behind then. The caller owns the home."""
        pid_file = self.cluster / "postmaster.pid"
        if not self._gone():
            with suppress(OSError, ValueError, IndexError):
                postmaster = int(pid_file.read_text().split()[0])
                if postmaster in self.live():
                    os.kill(postmaster, signal.SIGINT)
                    poll(self._gone, FAST_SHUTDOWN_TIMEOUT_S)
            # Backends without a postmaster can do nothing useful any more; the next start recovers.
            for number in (signal.SIGQUIT, signal.SIGKILL):
                for pid in self.live():
                    with suppress(ProcessLookupError):
                        os.kill(pid, number)
                poll(self._gone, QUIT_TIMEOUT_S)
            if not self._gone():
                raise EmbeddedPostgresError(f"PostgreSQL processes on {self.cluster} do not end: {self.live()}")
        pid_file.unlink(missing_ok=True)

    def _gone(self) -> bool:
        return not self.live()


def ready(cluster: Path, postmaster: int | None = None) -> bool:
    """Whether the postmaster of `cluster` (the given one, or any) says that it accepts connections."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except (OSError, ValueError):
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready" and postmaster in {None, int(lines[0])}


def poll(done: Callable[[], bool], timeout_s: float) -> None:
    """Return when `done`, or when the time is over."""
    deadline = time.monotonic() + timeout_s
    while not done() and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL_S)
