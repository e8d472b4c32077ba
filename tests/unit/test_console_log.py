"""Lines of the console log are one line each, whatever they say."""

import io
import re

import pytest
import structlog

from inventory.cli import log as logging
from inventory.rpc.call_log import LINES_BURST_MAX, CallLog


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "\x1b[31mred", "\x9b2J", "a\x00b", "\u202etxt"])
def test_text_from_outside_is_escaped_in_every_place(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    err = io.StringIO()
    monkeypatch.setattr("sys.stderr", err)
    try:
        logging.configure(as_json=False)
        structlog.get_logger("test").info(text, channel=text, listed=[text], error=ValueError(text), number=1)
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    said = err.getvalue()
    assert said.count("\n") == 1
    assert said.removesuffix("\n").isprintable()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_so_many_lines_at_once_then_two_a_second_and_the_rest_is_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    log = CallLog(clock=clock)
    for _ in range(LINES_BURST_MAX + 5):
        log.say("a call", "INTERNAL", {}, bounded=True)
    assert log.left_out == 5
    clock.now += 1.0
    for _ in range(3):
        log.say("a call", "INTERNAL", {}, bounded=True)
    assert log.left_out == 6
    log.say("a call", "OK", {}, bounded=False)
    log.say_left_out()
    said = capsys.readouterr().out
    assert said.count("a call") == LINES_BURST_MAX + 3
    assert "lines=6" in re.sub(r"\x1b\[[0-9;]*m", "", said)
