"""`inventory serve` and `inventory migrate`: starting, and every way of not starting, in one line."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import as_server

TIMEOUT_S = 120.0


async def spawn(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("INVENTORY_")}
    clean |= {"INVENTORY_DEVELOPMENT": "1", "INVENTORY_ALARMS": "0"}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "inventory", *arguments, env={**clean, **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def run(*arguments: str, **environment: str) -> tuple[int | None, str, str]:
    process = await spawn(*arguments, **environment)
    out, err = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    return process.returncode, out.decode(), err.decode()


EACH_ALONE = """
import os, sys
from importlib import import_module
from pathlib import Path
import inventory.__main__
import inventory.cli
broken = []
for path in sorted(Path(inventory.cli.__file__).parent.glob("*.py")):
    if not (child := os.fork()):
        import_module(f"inventory.cli.{path.stem}")
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        broken.append(path.stem)
sys.exit(", ".join(broken) or 0)
"""


def test_every_module_of_the_command_line_can_be_the_first_that_is_imported() -> None:
    """Most tests run commands in a process that has imported all of them."""
    done = subprocess.run([sys.executable, "-c", EACH_ALONE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def home(scratch: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="inventory-cli-", dir=scratch) as directory:
        Path(directory).chmod(0o711)
        yield Path(directory)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u:canary-s3cret/x@127.0.0.1:1/db",
        "postgresql://u:canary-s3cret#x@127.0.0.1:1/db",
        "postgresql://u:x?canary-s3cret@127.0.0.1:1/db",
        "canary-s3cret://u@127.0.0.1:1/db",
    ],
)
@pytest.mark.parametrize("command", ["verify", "serve"])
async def test_a_password_that_breaks_the_dsn_is_not_said(command: str, dsn: str) -> None:
    code, out, err = await run(command, INVENTORY_DSN=dsn)
    assert (code, out) == (1, "")
    assert (
        err == "the database can't be reached (its DSN can't be read: what is special in a password is written %XX)\n"
    )


async def test_migrate_lists_what_is_pending_then_applies_it_once(empty_dsn: str) -> None:
    code, out, _ = await run("migrate", "--dsn", empty_dsn, "--dry-run")
    assert (code, out.splitlines()[0]) == (0, "pending 0001_spine.pre")
    code, out, _ = await run("migrate", INVENTORY_DSN=empty_dsn)
    assert (code, out.splitlines()[0]) == (0, "applying 0001_spine.pre")
    assert await run("migrate", "--dsn", empty_dsn) == (0, "the schema is up to date\n", "")


async def test_a_migration_may_take_longer_than_a_statement_of_the_server_may(empty_dsn: str) -> None:
    from inventory.postgres.connection import Database

    patient = await Database(empty_dsn).connect(patient=True)
    ordinary = await Database(empty_dsn).connect()
    try:
        assert await patient.fetchval("SHOW statement_timeout") == "0"
        assert await ordinary.fetchval("SHOW statement_timeout") == "8s"
    finally:
        patient.terminate()
        ordinary.terminate()


async def test_serve_says_where_it_serves_and_stops_at_a_signal(dsn: str) -> None:
    server = await spawn("serve", "--dsn", as_server(dsn), "--listen", "127.0.0.1:0", "--no-migrate", "--log-json")
    assert server.stderr is not None
    line = (await asyncio.wait_for(server.stderr.readline(), TIMEOUT_S)).decode()
    said = json.loads(line)
    assert said["event"] == f"Inventory serves gRPC on {said['address']} (development: no credentials)"
    code, out, _ = await run("health", INVENTORY_SERVER=said["address"])
    assert (code, out) == (0, "SERVING\n")
    server.send_signal(signal.SIGTERM)
    _, err = await asyncio.wait_for(server.communicate(), TIMEOUT_S)
    assert server.returncode == 0, err


async def test_a_taken_port_is_one_line(dsn: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused = await run("serve", "--dsn", as_server(dsn), "--listen", address)
    assert refused == (1, "", f"can't listen on {address}: is another server running there?\n")


@pytest.mark.parametrize("option", ["--listen", "--metrics"])
async def test_a_taken_port_is_noticed_before_postgresql_is_started(home: Path, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        listen = () if option == "--listen" else ("--listen", "127.0.0.1:0")
        refused = await run("serve", "--data-dir", str(home), option, address, *listen)
    assert refused == (1, "", f"can't listen on {address}: is another server running there?\n")
    assert not os.listdir(home)


async def test_a_short_webhook_secret_is_noticed_before_postgresql_is_started(home: Path) -> None:
    place = home / "none"
    webhook = {"INVENTORY_ALARMS": "1", "INVENTORY_WEBHOOK_URL": "http://127.0.0.1:1/hook"}
    code, _, err = await run(
        "serve", "--listen", "127.0.0.1:0", "--data-dir", str(place), INVENTORY_WEBHOOK_SECRET="canary", **webhook
    )
    assert (code, len(err.splitlines())) == (1, 1)
    assert "it needs 16 characters or more" in err
    assert "canary" not in err
    assert not place.exists()


async def test_serve_says_where_its_metrics_are(dsn: str) -> None:
    server = await spawn(
        "serve", "--dsn", as_server(dsn), "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--log-json"
    )
    assert server.stderr is not None
    said: list[str] = []
    while not any("Inventory serves" in line for line in said):
        said.append((await asyncio.wait_for(server.stderr.readline(), TIMEOUT_S)).decode())
    server.send_signal(signal.SIGTERM)
    await asyncio.wait_for(server.communicate(), TIMEOUT_S)
    address = next(json.loads(line)["address"] for line in said if "metrics are served" in line)
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*/metrics", address)


async def test_pending_migrations_are_one_line(empty_dsn: str) -> None:
    code, out, err = await run("serve", "--dsn", empty_dsn, "--no-migrate", "--listen", "127.0.0.1:0")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert err.startswith("migrations are pending: 0001_spine.pre")
    assert err.endswith("run `inventory migrate`\n")


async def test_a_database_out_of_reach_is_one_line_without_the_password() -> None:
    code, out, err = await run("serve", "--dsn", "postgresql://me:canary@127.0.0.1:1/none", "--listen", "127.0.0.1:0")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert err.startswith("the database can't be reached (")
    assert "canary" not in err


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (("--listen", "nonsense"), {}, "--listen (INVENTORY_LISTEN): "),
        ((), {"INVENTORY_SHARED_BUFFERS_MB": "lots"}, "--shared-buffers-mb (INVENTORY_SHARED_BUFFERS_MB): "),
        (("--dsn", "postgresql:///x", "--data-dir", "/tmp/x"), {}, "say --dsn or --data-dir, not both"),
    ],
)
async def test_a_bad_setting_is_one_line(arguments: tuple[str, ...], environment: dict[str, str], says: str) -> None:
    code, out, err = await run("serve", *arguments, **environment)
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert err.startswith(says)


async def test_the_embedded_database_serves_one_and_is_verified_while_it_runs(home: Path) -> None:
    # The data directory on the command line is stronger than a DSN in the environment.
    server = await spawn(
        "serve", "--data-dir", str(home), "--listen", "127.0.0.1:0", "--shared-buffers-mb", "32",
        INVENTORY_DSN="postgresql://nobody@127.0.0.1:1/none",
    )  # fmt: skip
    assert server.stderr is not None
    while not (await asyncio.wait_for(server.stderr.readline(), TIMEOUT_S)).startswith(b"Inventory serves"):
        pass
    try:
        code, out, err = await run("serve", "--data-dir", str(home), "--listen", "127.0.0.1:0")
        assert (code, out, len(err.splitlines())) == (1, "", 1)
        assert f"{home} is in use by process {server.pid}. A second server joins" in err
        code, out, err = await run("verify", "--data-dir", str(home))
        assert (code, "BROKEN" in out, err) == (0, False, "")
    finally:
        server.send_signal(signal.SIGTERM)
        await asyncio.wait_for(server.communicate(), TIMEOUT_S)
    assert server.returncode == 0
    code, _, _ = await run("verify", "--data-dir", str(home))  # now without a server
    assert code == 0


async def test_demo_without_its_data_says_what_to_install(tmp_path: Path) -> None:
    hidden = tmp_path / "sitecustomize.py"
    hidden.write_text("import sys; sys.modules['pyarrow'] = None\n")
    code, out, err = await run("demo", "--baskets", "1", PYTHONPATH=str(tmp_path))
    assert (code, out) == (1, "")
    assert err == "the demo needs pyarrow: pip install 'inventory[demo]'\n"
