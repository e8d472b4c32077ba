"""The generator refuses what the doors could not guard."""

import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_a_method_that_says_no_scope_is_not_generated(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "proto", tmp_path / "proto")
    path = tmp_path / "proto/inventory/v1/watch_service.proto"
    said = "option (scope) = SCOPE_WATCH;"
    text = path.read_text("utf-8")
    assert said in text
    path.write_text(text.replace(said, "option deprecated = false;", 1), "utf-8")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "proto/generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "WatchService.Watch" in done.stderr
