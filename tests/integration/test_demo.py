"""The demo as a user runs it: a process of its own, servers of its own, and nothing left afterwards."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

TIMEOUT_S = 240
POLL_S = 0.02
COMMAND = [sys.executable, "-m", "inventory_demo"]


@pytest.fixture
def scratch(scratch: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="inventory-test-demo-", dir=scratch) as folder:
        path = Path(folder)
        path.chmod(0o711)
        yield path


def environment(scratch: Path) -> dict[str, str]:
    return os.environ | {"TMPDIR": str(scratch), "PYTHONPATH": ":".join(filter(None, sys.path))}


def processes_in(folder: Path) -> list[str]:
    """Those that name it, or have inherited it as their TMPDIR."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes()
            about = line + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in about:
            found.append(line.replace(b"\0", b" ").decode())
    return found


def test_it_proves_the_run_and_leaves_nothing_behind(scratch: Path) -> None:
    run = subprocess.run(
        [*COMMAND, "--baskets", "60", "--json"],
        env=environment(scratch),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    assert found["passed"]
    assert found["baskets"] == sum(found["outcomes"].values()) == 60
    assert found["refused"]["reasons"]["INSUFFICIENT_STOCK"] > 0
    assert found["oversold_pieces"] == 0
    assert found["sent_twice"]["second_effects"] == 0
    pieces = found["pieces"]
    assert pieces["opening"] - pieces["on_hand"] == pieces["sold"] - pieces["returned"] > 0
    assert sum(found["parcels"].values()) > 0
    assert found["bundles"]["made"] > 0
    assert found["lots"]["promises"] > found["lots"]["choices"] > 0
    assert {view["looks_at_bundles"] > 0 for view in found["views"].values()} == {True}
    assert {view["too_much"] + view["too_little"] for view in found["views"].values()} == {0}
    assert all(check["passed"] for check in found["checks"])
    assert "inventory verify" in {check["name"] for check in found["checks"]}
    killed, mirrors = found["killed"], {mirror["name"]: mirror for mirror in found["mirrors"]}
    assert killed["calls"] > 0
    assert killed["calls_answered_elsewhere"] == killed["calls_broken"] >= killed["calls"]
    assert killed["streams"] == 1 + sum(mirror["reconnected"] for mirror in mirrors.values()) == 3
    assert mirrors["marketplace"]["levels"] == mirrors["web shop"]["levels"] == found["levels"]
    assert 0 < mirrors["till"]["levels"] < found["levels"]
    assert {mirror["snapshots"] for mirror in mirrors.values()} == {1}
    assert list(scratch.iterdir()) == []
    assert processes_in(scratch) == []


@pytest.mark.parametrize("begun", ["*/data/[dp]*", "*/replica-2.log"], ids=["the database", "the second replica"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_everything_it_started(scratch: Path, number: signal.Signals, code: int, begun: str) -> None:
    run = subprocess.Popen(
        [*COMMAND, "--baskets", "60"],
        env=environment(scratch),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of its own, as a terminal gives it
    )
    try:
        while not any(scratch.glob(begun)):
            with suppress(subprocess.TimeoutExpired):
                pytest.fail(f"it ended with {run.wait(POLL_S)}")
        if number == signal.SIGINT:
            os.killpg(run.pid, number)  # Ctrl-C reaches all of the group
        else:
            run.send_signal(number)
        _, said = run.communicate(timeout=TIMEOUT_S)
    finally:
        run.kill()
    assert run.returncode == code
    assert "Traceback" not in said
    assert list(scratch.iterdir()) == []
    assert processes_in(scratch) == []


def test_a_server_that_does_not_answer_is_one_line_and_exit_code_1(scratch: Path) -> None:
    run = subprocess.run(
        [*COMMAND, "--server", "127.0.0.1:1", "--baskets", "60"],
        env=environment(scratch),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert run.returncode == 1
    assert "no server answers on 127.0.0.1:1" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_database_that_does_not_answer_is_told_in_the_servers_words(scratch: Path) -> None:
    run = subprocess.run(
        [*COMMAND, "--dsn", "postgresql://nobody:secret@127.0.0.1:1/none", "--baskets", "60"],
        env=environment(scratch),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert run.returncode == 1
    assert "can't be reached" in run.stderr
    assert "secret" not in run.stderr
    assert list(scratch.iterdir()) == []
