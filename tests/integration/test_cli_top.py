"""`inventory top`: how a server does, once or live, also while the server is away."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from inventory.v1 import alarm_service_pb2 as alarm_pb2
from inventory.v1 import subscriber_service_pb2 as subscriber_pb2
from inventory.v1.alarm_service_pb2_grpc import AlarmServiceStub
from tests.race.house import Client, House, until, within
from tests.race.processes import ROOT, Process, Server

ALARMS = True

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
async def house(dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    async with House(dsn, request.node.name) as house:
        yield house


async def busy(house: House, *options: str) -> tuple[Server, Client]:
    """A server that has sold something and has a subscriber who lags."""
    server, client = await house.server(None, *options)
    await house.stock(client, {"a": 10})
    await client.subscribers.RegisterSubscriber(
        subscriber_pb2.RegisterSubscriberRequest(name="slow-mirror", lag_changes_max=1)
    )
    for _ in range(3):
        await client.reserve(house.request({"a": 1}))
    return server, client


async def top(server: Server, *options: str) -> str:
    process = await Process.run("-m", "inventory", "top", "--server", server.address, *options)
    return await process.output()


class Terminal:
    """The live view in a terminal of so many columns."""

    def __init__(self, address: str, columns: int) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self._ours = ours
        environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "inventory", "top", "--server", address, "--every", "0.2"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=ROOT,
            env={**environment, "TERM": "xterm", "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "clients")])},
            start_new_session=True,
        )
        os.close(theirs)
        os.set_blocking(ours, False)
        self.shown = ""

    async def shows(self, text: str) -> str:
        """What was shown since the last look, up to this text."""

        async def is_shown() -> bool:
            with suppress(BlockingIOError):
                self.shown += ESCAPES.sub("", os.read(self._ours, 1 << 16).decode(errors="replace"))
            return text in self.shown

        try:
            await until(is_shown)
        except AssertionError:
            raise AssertionError(f"never showed {text!r}:\n{self.shown[-3000:]}") from None
        before, self.shown = self.shown, ""
        return before

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    async def ended(self) -> int:
        async def is_over() -> bool:
            with suppress(OSError):  # what it still says, else it waits for us
                self.shown += ESCAPES.sub("", os.read(self._ours, 1 << 16).decode(errors="replace"))
            return self.process.poll() is not None

        try:
            await until(is_over)
        except AssertionError:
            raise AssertionError(f"does not end:\n{self.shown[-3000:]}") from None
        return self.process.wait()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)


@within(60)
async def test_once_as_json_has_the_figures_of_real_calls(house: House) -> None:
    server, _ = await busy(house)

    async def found() -> dict[str, Any]:
        return dict(json.loads(await top(server, "--once", "--json")))

    figures = await found()
    methods = {one["method"]: one for one in figures["methods"]}
    assert methods["ReservationService/Reserve"]["calls"] == "3"
    assert methods["ReservationService/Reserve"]["calls_per_s"] > 0
    assert float(methods["ReservationService/Reserve"]["p99"].removesuffix("s")) > 0
    assert figures["unwell"] == ""
    assert int(figures["head"]["revision"]) >= 4
    assert int(figures["rss_bytes"]) > 10_000_000
    assert {pool["name"] for pool in figures["pools"]} == {"look_ups", "lists"}
    assert figures["lane"]["commands_per_s"] > 0

    async def lags() -> bool:
        return any(one["state"] == "SUBSCRIBER_STATE_LAGGING" for one in (await found())["subscribers"])

    await until(lags)


@within(60)
@pytest.mark.parametrize("columns", [80, 120])
async def test_the_page_fits_the_terminal(house: House, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    server, client = await busy(house)

    async def is_alarmed() -> bool:
        return "alarm subscriber_lagging since" in await top(server, "--once")

    await until(is_alarmed)
    alarms = AlarmServiceStub(client.channel)
    [alarm] = (await alarms.ListAlarms(alarm_pb2.ListAlarmsRequest())).alarms
    await alarms.AcknowledgeAlarm(
        alarm_pb2.AcknowledgeAlarmRequest(request_id=house.uuid(), alarm_id=alarm.alarm_id, note="sleeps")
    )
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = (await top(server, "--once")).splitlines()
    assert max(map(len, lines)) <= columns
    text = "\n".join(lines)
    for wanted in (
        "serving",
        "head ",
        "Reserve ",
        "calls/s",
        "p99 ms",
        "lane ",
        "pools ",
        "streams ",
        ", acknowledged by default",
    ):
        assert wanted in text, text
    assert "…" not in text, "nothing is cut"


@within(90)
async def test_live_it_says_that_the_server_is_lost_comes_back_by_itself_and_ends_on_q(house: House) -> None:
    server, _ = await busy(house)
    terminal = Terminal(server.address, 80)
    try:
        await terminal.shows("Reserve ")
        await server.kill()
        assert "Traceback" not in await terminal.shows("is lost (UNAVAILABLE): trying again")
        again = await Server.serve("--dsn", house.dsn, "--listen", server.address)
        house.keep(again)
        await terminal.shows("GetFigures")
        terminal.press(b"q")
        assert await terminal.ended() == 0
    finally:
        terminal.close()


@within(60)
async def test_ctrl_c_ends_it(house: House) -> None:
    server, _ = await busy(house)
    terminal = Terminal(server.address, 100)
    try:
        await terminal.shows("ReservationService/Reserve")
        terminal.process.send_signal(signal.SIGINT)
        assert await terminal.ended() == 0
    finally:
        terminal.close()


@within(60)
async def test_once_without_a_server_is_an_error() -> None:
    process = await Process.run("-m", "inventory", "top", "--once", "--server", "127.0.0.1:1")
    assert await process.ended() == 1
    assert process.said == [
        "no server answers at 127.0.0.1:1: start one with `inventory serve`, or name another with --server"
    ]


@within(60)
async def test_each_look_is_a_line_of_json_in_a_pipe(house: House) -> None:
    server, _ = await busy(house)
    process = await Process.run("-m", "inventory", "top", "--json", "--every", "0.2", "--server", server.address)
    looks = [await process.answer() for _ in range(3)]
    await process.kill()
    assert len({look["replica"] for look in looks}) == 1
