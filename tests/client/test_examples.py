"""Every example in a docstring of the client package runs."""

from __future__ import annotations

import ast
import asyncio
import doctest
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

import inventory_client
import inventory_client.sync
from inventory.v1 import access_service_pb2 as access_pb2
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1.access_pb2 import SCOPE_RESERVATION, SCOPE_STOCK_READ
from inventory.v1.catalog_service_pb2 import Location, Sku
from inventory.v1.channel_service_pb2 import Channel, ChannelView
from inventory.v1.stock_service_pb2 import ReceiptLine
from inventory_client import InventoryClient, StockMirror
from inventory_client.sync_availability import SyncAvailabilityMirror
from tests.client.conftest import House
from tests.rpc.client import PATIENCE_S

MODULES = [
    importlib.import_module(module.name)
    for module in pkgutil.iter_modules(inventory_client.__path__, "inventory_client.")
]
ADDRESS = "127.0.0.1:50051"


def documented(module: ModuleType) -> Iterator[Any]:
    yield module
    for _, made in inspect.getmembers(module):
        if getattr(made, "__module__", "") == module.__name__:
            yield made
            if inspect.isclass(made):
                yield from (method for _, method in inspect.getmembers(made, inspect.isfunction))


def examples() -> dict[str, str]:
    """By name: a docstring's indented lines."""
    found = {}
    for module in (inventory_client, *MODULES):
        for made in documented(module):
            lines = (inspect.getdoc(made) or "").splitlines()
            code = [line if line.startswith(" ") else "" for line in lines]
            if any(code):
                found[getattr(made, "__qualname__", made.__name__)] = textwrap.dedent("\n".join(code))
    return found


EXAMPLES = examples()


def test_the_examples_are_found() -> None:
    assert {
        "inventory_client",
        "InventoryClient",
        "InventoryClient.watch",
        "StockMirror",
        "StockCalls.adjust_stock",
        "SyncInventoryClient.reserve",
        "SyncInventoryClient.watch",
    } <= set(EXAMPLES)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_prompts_answer_as_shown(module: ModuleType) -> None:
    extra = {"core_pb2": importlib.import_module("inventory.v1.core_pb2"), "timedelta": timedelta}
    assert doctest.testmod(module, extraglobs=extra).failed == 0


@pytest.mark.parametrize("name", EXAMPLES)
async def test_an_example_runs(house: House, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    replica = await house.replica()
    client = await house.client()
    await client.import_catalog(
        skus=[
            Sku(sku="A-1", category="GROCERY"),
            Sku(sku="MILK-1L", tracking=catalog_pb2.TRACKING_LOTS),
            Sku(sku="PHONE", tracking=catalog_pb2.TRACKING_SERIALS),
        ],
        locations=[Location(location="shop-7"), Location(location="shop-8"), Location(location="warehouse")],
    )
    await client.adjust_stock("A-1", "shop-7", 10, "opening")
    await client.receive_stock("shop-7", [ReceiptLine(sku="PHONE", quantity=1, serials=["356938035643809"])])
    code = compile(EXAMPLES[name].replace(ADDRESS, replica.address), name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    names = {
        **vars(inventory_client),
        **vars(inventory_client.sync),
        "Access": access_pb2.Access,
        "SCOPE_RESERVATION": SCOPE_RESERVATION,
        "SCOPE_STOCK_READ": SCOPE_STOCK_READ,
        "Sku": Sku,
        "Channel": Channel,
        "ChannelView": ChannelView,
        "ReceiptLine": ReceiptLine,
        "SyncAvailabilityMirror": SyncAvailabilityMirror,
        "timedelta": timedelta,
        "client": client,
    }
    paid = asyncio.Event()

    async def take_payment() -> None:
        paid.set()

    async with asyncio.timeout(PATIENCE_S), StockMirror(client) as mirror:
        books = Books(client)
        names |= {"take_payment": take_payment, "mirror": mirror, "books": books}
        if name.startswith("Sync"):
            await asyncio.to_thread(run_synchronously, code, names, replica.address)
            return
        running = eval(code, names)
        with suppress(Books.Full):
            if inspect.iscoroutine(running):
                await running
    assert name != "inventory_client" or paid.is_set()


def run_synchronously(code: CodeType, names: dict[str, Any], address: str) -> None:
    with inventory_client.sync.SyncInventoryClient(address) as client, suppress(Books.Full):
        eval(code, names | {"client": client, "books": SyncBooks(client)})


class Books(list[Any]):
    """Asks for a change once it has a level, and for no more once it has that."""

    class Full(Exception):
        pass

    def __init__(self, client: InventoryClient) -> None:
        super().__init__()
        self._client = client
        self._is_answered = False
        self.asking: asyncio.Task[None] | None = None

    def extend(self, rows: Any) -> None:
        super().extend(rows)
        if self._is_answered:
            raise Books.Full
        if self and self.asking is None:
            self.asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        await self._client.adjust_stock("A-1", "shop-7", 1, "found")
        self._is_answered = True
        # The first one may have been told before it was answered; this one is told after that.
        await self._client.adjust_stock("A-1", "shop-7", 1, "found")


class SyncBooks(list[Any]):
    """As `Books`, without a loop."""

    def __init__(self, client: inventory_client.sync.SyncInventoryClient) -> None:
        super().__init__()
        self._client = client
        self._asked = False

    def extend(self, rows: Any) -> None:
        super().extend(rows)
        if self._asked:
            raise Books.Full
        if self:
            self._asked = True
            self._client.adjust_stock("A-1", "shop-7", 1, "found")
