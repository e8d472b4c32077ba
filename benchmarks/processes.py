"""Processes of a benchmark: on chosen cores, ended with us, and what CPU they have used. Linux only."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20
POLL_INTERVAL_S = 0.02

# Between us and the program, so that a benchmark that is killed leaves nothing behind.
_STARTER = """
import ctypes, os, signal, sys
parent, cores = int(sys.argv[1]), [int(core) for core in sys.argv[2].split(",")]
ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))
if os.getppid() != parent:
    sys.exit("the benchmark is gone")
os.sched_setaffinity(0, cores)
os.execv(sys.argv[3], sys.argv[3:])
"""

CHECKOUT = Path(__file__).parent.parent


@contextmanager
def serving(
    command: Sequence[str],
    cores: Iterable[int],
    output: Path,
    address: str = r"serves gRPC on (\S+:\d+)",
    checkout: Path = CHECKOUT,
    *,
    development: bool = True,
) -> Iterator[tuple[int, str]]:
    """Runs a program of a checkout on `cores` for the length of the block; gives its process id and the address it
    printed.

    `address` is a pattern for what it says when it serves. Raises `RuntimeError` with its last words when it doesn't.
    """
    starter = [sys.executable, "-c", _STARTER, str(os.getpid()), ",".join(map(str, cores))]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INVENTORY_")}
    if development:
        environment["INVENTORY_DEVELOPMENT"] = "1"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [*starter, *command],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=checkout,
            start_new_session=True,  # Ctrl-C is for the benchmark, which then ends its servers
        )
    try:
        yield process.pid, _address(process, output, address)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], output: Path, pattern: str) -> str:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        printed = output.read_text(errors="replace")
        if found := re.search(pattern, printed):
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(POLL_INTERVAL_S)
    raise RuntimeError("a server did not start:\n" + "\n".join(output.read_text(errors="replace").splitlines()[-20:]))


@contextmanager
def on_cores(cores: Iterable[int]) -> Iterator[None]:
    """Binds this thread, and whatever it starts meanwhile, to `cores` for the length of the block."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_s(pid: int) -> float:
    """CPU one process has used, user and system, all its threads; in steps of 10 ms."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def exact_cpu_s(pid: int) -> float:
    """The same to the nanosecond, by the clock that Linux keeps for each process (clock_getcpuclockid(3))."""
    return time.clock_gettime_ns(~pid << 3 | 2) / 1e9


def memory_bytes(pid: int) -> int:
    """What of the machine's memory is there for this process, shared pages in proportion (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the kernel says nothing about memory")


def family_cpu_s(pid: int) -> float:
    """CPU of a process, its living children, and those that have ended: all of PostgreSQL, from its postmaster."""
    while True:
        ended_s = _ended_children_cpu_s(pid)
        total = cpu_s(pid) + ended_s
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                with suppress(FileNotFoundError, ProcessLookupError):
                    total += cpu_s(int(child))
        if ended_s == _ended_children_cpu_s(pid):  # else one that ended meanwhile was counted twice, or not at all
            return total


def own_cpu_s() -> float:
    """CPU of this process and of the programs it has run to their end."""
    programs = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + programs.ru_utime + programs.ru_stime


def _ended_children_cpu_s(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on: the second, the name, may hold blanks (proc(5))."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
