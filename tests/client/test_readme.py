"""The README's programs run as they stand there."""

import ast
import asyncio
import re
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import inventory_client
from inventory.postgres.access import first_admin
from inventory.postgres.connection import Database
from inventory.server import start
from inventory.settings import Settings
from inventory.v1 import watch_service_pb2 as watch_pb2
from inventory_client.sync import SyncInventoryClient, SyncStockMirror
from tests.client.conftest import House, stocked
from tests.guarded import certificate_files
from tests.race.processes import Process
from tests.rpc.client import PATIENCE_S, eventually
from tests.rpc.conftest import serving

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
PROGRAMS: list[str] = re.findall(r"```python\n(import .+?)```", README, re.DOTALL)
PARTS: list[str] = re.findall(r"```python\n((?!import ).+?)```", README, re.DOTALL)
ADDRESS = "127.0.0.1:50051"


def part(word: str, address: str) -> str:
    """The README's only piece of a program with this word in it."""
    (found,) = [part for part in PARTS if word in part]
    assert ADDRESS in found
    return found.replace(ADDRESS, address)


async def test_the_first_sale_of_the_readme_leaves_what_was_not_sold(dsn: str) -> None:
    program = PROGRAMS[0]
    assert "127.0.0.1:50051" in program
    async with serving(dsn) as server:
        process = await Process.run("-c", program.replace("127.0.0.1:50051", server.address))
        said = await process.output()
    assert said.startswith("Level(on_hand=7, held=0, allocated=0,")
    assert "available=7" in said


async def test_the_whole_stock_of_the_readme_is_sourced_as_printed(dsn: str) -> None:
    program = PROGRAMS[1]
    printed = re.search(r"\$ .venv/bin/python second.py\n(.+?)\n```", README, re.DOTALL)
    assert printed is not None
    async with serving(dsn) as server:
        process = await Process.run("-c", program.replace("127.0.0.1:50051", server.address))
        said = await process.output()
    assert [line.rstrip() for line in said.splitlines()] == printed[1].splitlines()


class Flask:
    """Keeps what it is told to serve."""

    def __init__(self) -> None:
        self.views: dict[str, Callable[..., Any]] = {}

    def get(self, path: str) -> Callable[[Callable[..., Any]], None]:
        return lambda view: self.views.update({path: view})

    post = get


async def test_the_shop_without_a_loop_sells_what_there_is(house: House) -> None:
    replica = await house.replica()
    sku, place = await stocked(await house.client(), 1)
    app = Flask()
    names = {**vars(inventory_client), "SyncInventoryClient": SyncInventoryClient, "SyncStockMirror": SyncStockMirror}
    names |= {"app": app, "timedelta": timedelta}

    def work() -> None:
        exec(part("SyncInventoryClient(", replica.address).replace("shop-1", place), names)
        try:
            assert app.views["/stock/<sku>"](sku) == {"available": 1}
            assert app.views["/carts/<cart>/<sku>"]("cart-1", sku)[1] == 201
            assert app.views["/carts/<cart>/<sku>"]("cart-2", sku) == ({"left": 0}, 409)
        finally:
            names["mirror"].close()
            names["inventory"].close()

    await asyncio.to_thread(work)


class Books:
    """Full after the first change."""

    class Full(Exception):
        pass

    def __init__(self) -> None:
        self.changes: list[watch_pb2.Change] = []

    def write(self, changes: list[watch_pb2.Change]) -> None:
        self.changes += changes
        raise Books.Full


async def test_a_subscriber_is_told_of_what_happens_from_now_on(house: House) -> None:
    replica = await house.replica()
    client = await house.client()
    sku, place = await stocked(client, 10)
    books = Books()
    code = part("register_subscriber", replica.address)
    program = compile(code, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    running = asyncio.ensure_future(eval(program, {**vars(inventory_client), "timedelta": timedelta, "books": books}))

    async def is_registered() -> bool:
        found = (await client.list_subscribers()).subscribers
        return [(one.channel, one.name) for one in found] == [("erp", "books")]

    async with asyncio.timeout(PATIENCE_S):
        await eventually(is_registered, "it is registered")
        sold = await client.adjust_stock(sku, place, -1, "sold")
        with suppress(Books.Full):
            await running
    assert [change.revision for change in books.changes] == [sold.revision]


async def test_a_guarded_server_is_used_as_printed(dsn: str, tmp_path: Path) -> None:
    printed = re.search(r"\$ .venv/bin/python third.py\n(.+?)\n```", README, re.DOTALL)
    assert printed is not None
    cert, key = certificate_files(tmp_path)
    admin = await first_admin(Database(dsn, "inventory"))
    assert admin is not None
    (tmp_path / "web.token").write_text(admin)
    settings = Settings(listen="127.0.0.1:0", development=False, tls_cert=cert, tls_key=key)
    async with AsyncExitStack() as stack:
        address = await start(settings, dsn, stack)
        program = PROGRAMS[2].replace("localhost:50051", f"localhost:{address.rpartition(':')[2]}")
        program = program.replace("web.token", str(tmp_path / "web.token")).replace(
            "tls/ca.pem", str(cert.with_name("ca.pem"))
        )
        said = await (await Process.run("-c", program)).output()
    assert said.splitlines() == printed[1].splitlines()
