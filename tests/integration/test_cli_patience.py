"""How long the command line waits for a server that went away meanwhile, and what it says."""

from contextlib import AsyncExitStack

import pytest

from inventory.cli import connection
from inventory.cli.connection import SayAgain, connect
from inventory.cli.failure import Failed
from inventory.cli.options import Server
from inventory.server import start
from inventory.settings import Settings
from inventory_client import Failure
from tests.client.line import Line, line

GONE = Failure("UNAVAILABLE", "STORAGE_UNAVAILABLE", "the database can't be reached")


async def read_while_away(way: Line) -> None:
    async with connect(Server(address=way.address), patience_s=4.0) as client:
        way.away = True
        way.cut()
        await client.list_subscribers()


async def test_a_read_says_that_it_is_made_again_and_is_given_up_soon(
    dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert connection.READ_PATIENCE_S <= 10
    async with AsyncExitStack() as stack:
        server = await start(Settings(listen="127.0.0.1:0"), dsn, stack)
        way = await stack.enter_async_context(line(server))
        with pytest.raises(Failed) as failed:
            await read_while_away(way)
    said = capsys.readouterr().err
    assert said == f"the server at {way.address} does not answer (UNAVAILABLE): trying again ...\n"
    assert failed.value.lines[0].startswith(f"no server answers at {way.address}: start one")


async def test_a_read_that_goes_well_again_soon_says_nothing(dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with AsyncExitStack() as stack:
        server = await start(Settings(listen="127.0.0.1:0"), dsn, stack)
        way = await stack.enter_async_context(line(server))
        async with connect(Server(address=way.address)) as client:
            way.cut()
            await client.list_subscribers()
    assert capsys.readouterr().err == ""


def test_it_is_said_once_a_time_of_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    say_again = SayAgain("shop:1")
    for _ in range(4):
        say_again(GONE, connection.SILENT_S)
    assert capsys.readouterr().err == "the server at shop:1 does not answer (STORAGE_UNAVAILABLE): trying again ...\n"
