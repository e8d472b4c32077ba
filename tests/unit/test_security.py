"""Every threat that SECURITY.md names has its answer, and a test that is really there."""

import re
from pathlib import Path

import pytest

PROJECT_ROOT = Path(__file__).parents[2]
TEXT = (PROJECT_ROOT / "SECURITY.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.partition("## Threats")[2].partition("\n## ")[0].splitlines()
    if line.startswith("| ") and not line.startswith("| asset")
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2])
def test_a_threat_has_an_answer_and_a_test(row: list[str]) -> None:
    assert len(row) == 5
    assert all(row)
    path, _, name = row[4].strip("`").partition("::")
    file = PROJECT_ROOT / path
    assert file.is_file()
    if name:
        assert re.search(rf"^(async )?def {name}\(", file.read_text("utf-8"), re.MULTILINE)
    else:
        assert "def test_" in file.read_text("utf-8")


def test_there_are_threats() -> None:
    assert len(ROWS) > 20
