"""What the server is made of can be listed without a network, and an audit that found nothing is told from one that
could not look."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_lock import entries

PROJECT_ROOT = Path(__file__).parents[2]
AUDIT = PROJECT_ROOT / ".ci/audit.py"
OFFLINE = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}
KNOWN = {"name": "grpcio", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}
CLEAN = {"name": "rich", "version": "1", "vulns": []}
SKIPPED = {"name": "uvloop", "skip_reason": "Dependency not found"}


def offline() -> dict[str, str]:
    return {**os.environ, **OFFLINE, **{name.upper(): value for name, value in OFFLINE.items()}}


def test_the_bill_of_materials_is_the_lock_and_needs_no_network(tmp_path: Path) -> None:
    makefile = (PROJECT_ROOT / "Makefile").read_text("utf-8")
    command = makefile.partition("cyclonedx-py ")[2].replace("\\\n", " ").partition("\n")[0].split()
    target = tmp_path / "sbom.json"
    command[command.index("--output-file") + 1] = str(target)
    made = []
    for _ in range(2):
        subprocess.run(
            [str(Path(sys.executable).with_name("cyclonedx-py")), *command],
            cwd=PROJECT_ROOT,
            env=offline(),
            check=True,
            capture_output=True,
        )
        made.append(target.read_bytes())
    assert made[0] == made[1], "the same lock, the same bytes"
    listed = {(part["name"], part["version"]) for part in json.loads(made[0])["components"]}
    assert listed == set(entries("requirements-server.lock"))


@pytest.mark.parametrize(
    ("packages", "code", "says"),
    [
        ([CLEAN, CLEAN], 0, "none is known in 2 packages"),
        ([CLEAN, KNOWN, SKIPPED], 1, "grpcio 1: CVE-1, mended in ['2']"),
        ([CLEAN, SKIPPED], 3, "1 of 2 packages could not be looked up"),
        ([], 3, "could not be looked up"),
        (None, 3, "it needs a network"),
    ],
)
def test_an_audit_says_what_it_knows(packages: list[dict[str, Any]] | None, code: int, says: str) -> None:
    judged = runpy.run_path(str(AUDIT))["judged"]
    found, said = judged("" if packages is None else json.dumps({"dependencies": packages}))
    assert found == code
    assert says in said[0]


def test_without_a_network_an_audit_says_so() -> None:
    ran = subprocess.run(
        [sys.executable, str(AUDIT)], cwd=PROJECT_ROOT, env=offline(), capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "needs a network" in ran.stderr
    assert "Traceback" not in ran.stderr
