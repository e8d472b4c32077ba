"""The demo's report: readable in a narrow terminal as in a wide one."""

import io
from typing import Any

import pytest
from rich.console import Console

from inventory_demo.journey import Journey
from inventory_demo.names import Names
from inventory_demo.replay import Result
from inventory_demo.report import show
from inventory_demo.verdict import judge
from tests.unit.test_demo_verdict import evidence

NOTHING: Any = None


@pytest.mark.parametrize("width", [80, 120])
def test_every_word_of_the_report_is_whole(width: int) -> None:
    found = evidence()
    journey = Journey((), (), NOTHING, NOTHING, {"unknown product": 12}, 0, 0)
    seconds = {"start": 1.0, "set-up": 2.0, "replay": 30.0, "checks": 3.0, "all": 36.0}
    console = Console(width=width, file=io.StringIO(), highlight=False)
    show(Result(journey, found, judge(found), seconds, {}, Names("run"), ""), console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    lines = text.splitlines()
    assert "…" not in text
    assert max(map(len, lines)) <= width
    words = text.split()
    for check in judge(found):
        assert set(check.name.split()) | set(check.detail.split()) <= set(words)
    assert "30.0 s replay; start 1.0, set-up 2.0, checks 3.0, all 36.0" in " ".join(words)
