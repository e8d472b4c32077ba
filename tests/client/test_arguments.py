"""What a programmer gets wrong is said where it happens, with what is right."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as pb2
from inventory_client import Cursor, InventoryClient, StockMirror, reserve_request
from inventory_client.arguments import adjustments, lines
from inventory_client.sync import SyncInventoryClient

NOWHERE = "127.0.0.1:1"
METHODS = [
    (kind, name)
    for kind in (InventoryClient, SyncInventoryClient)
    for name, _ in inspect.getmembers(kind, inspect.isfunction)
    if not name.startswith("_")
]


@pytest.mark.parametrize(
    "given",
    [("A-1", "shop-7", 2), "A-1", 7, ["A-1"], [("A-1", "shop-7")], [("A-1", "shop-7", "2")], [("A-1", "shop-7", 2.0)]],
)
def test_lines_without_their_brackets_are_explained(given: Any) -> None:
    with pytest.raises(
        TypeError, match=r"lines are a list of \(sku, location, quantity\), as \[\(\"A-1\", \"shop-7\", 2"
    ):
        lines(given)
    with pytest.raises(TypeError, match=r"adjustments are a list of \(sku, location, delta\), as \[\(\"A-1\", "):
        adjustments(given)


async def test_a_reserve_of_one_line_says_what_is_expected() -> None:
    wrong: Any = ("A-1", "shop-7", 2)
    async with InventoryClient(NOWHERE) as client:
        with pytest.raises(TypeError, match="lines are a list of"):
            await client.reserve(wrong)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda client: client.watch("latest"), "mode=WatchMode.LATEST"),
        (lambda client: client.watch("tomorrow"), "'snapshot', 'now', 'acknowledged' or a Cursor, not 'tomorrow'"),
        (lambda client: client.watch(17), "not 17"),
        (lambda client: client.watch(Cursor("", 2**63)), "at most 9223372036854775807"),
        (lambda client: client.watch("acknowledged"), "needs subscriber="),
        (lambda client: client.watch(mode="latest"), "mode is WatchMode.EVERY_CHANGE or WatchMode.LATEST"),
        (lambda client: client.watch(store="erp.cursor"), "FileCursorStore"),
        (lambda client: client.watch(heartbeat=5), "timedelta"),
        (lambda client: client.watch(locations="shop-7"), r"locations=\["),
        (lambda client: client.list_stock(skus="A-1"), r"skus=\["),
        (lambda client: StockMirror(client, locations="shop-7"), r"a list, as locations=\["),
        (lambda client: StockMirror(client, categories="DAIRY"), r"categories=\["),
    ],
)
async def test_a_wrong_argument_is_explained(ask: Callable[[InventoryClient], object], says: str) -> None:
    async with InventoryClient(NOWHERE) as client:
        with pytest.raises((TypeError, ValueError), match=says):
            ask(client)


async def test_a_mirror_without_a_server_says_which_one_does_not_answer() -> None:
    async with InventoryClient(NOWHERE) as client:
        mirror = StockMirror(client, ready_s=0.5)
        with pytest.raises(
            TimeoutError, match=f"not ready after 0.5 s: .*no server answers at {NOWHERE}.*ready_s=None"
        ):
            await mirror.start()


@pytest.mark.parametrize(("kind", "name"), METHODS, ids=lambda one: getattr(one, "__name__", one))
def test_help_speaks_of_our_names(kind: type, name: str) -> None:
    shown = f"{inspect.signature(getattr(kind, name))} {inspect.getdoc(getattr(kind, name))}"
    assert "EnumTypeWrapper" not in shown
    if kind is SyncInventoryClient:
        assert "await" not in shown
        assert "async " not in shown


async def test_a_duration_in_bare_seconds_is_explained() -> None:
    seconds: Any = 900
    async with InventoryClient(NOWHERE) as client:
        with pytest.raises(TypeError, match="timedelta"):
            await client.reserve([("A-1", "shop-7", 2)], ttl=seconds)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (
            lambda client: client.set_incoming("PO 7", [("A-1", "shop-7", 5)]),
            r"\(sku, location, quantity, day\), as .*; lines\[0\] is \('A-1', 'shop-7', 5\)",
        ),
        (lambda client: client.set_incoming("PO 7", ("A-1", "shop-7", 5, None)), r"day\), as .*; lines\[0\] is 'A-1'"),
        (lambda client: client.receive_stock("shop-7", [("A-1", "5")]), r"\(sku, quantity\), as .*; lines\[0\] is"),
        (lambda client: client.adjust_stock("A-1", "shop-7", "5", "x"), "delta is a whole number .*, not '5'"),
        (lambda client: client.adjust_stock("A-1", "shop-7", 1.5, "x"), "delta is a whole number .*, not 1.5"),
        (lambda client: client.set_stock("A-1", "shop-7", "5", 4, "x"), "on_hand is a whole number"),
        (lambda client: client.set_stock("A-1", "shop-7", 5, None, "x"), "expected_on_hand is a whole number"),
        (lambda client: client.reclassify_stock("A-1", "shop-7", "5", "x"), "quantity is a whole number"),
        (
            lambda client: client.reserve([("A-1", "", 1)], strategy="closest"),
            "strategy is one of Strategy.PRIORITY, .*not 'closest'",
        ),
        (lambda client: client.reserve([("A-1", "", 1)], purpose=77), "purpose is one of Purpose.ONLINE, .*not 77"),
        (lambda client: client.check_availability([("A-1", "", 1)], strategy=99), "strategy is one of .*not 99"),
    ],
)
async def test_a_wrong_argument_of_a_call_is_explained(
    ask: Callable[[InventoryClient], Awaitable[object]], says: str
) -> None:
    async with InventoryClient(NOWHERE) as client:
        with pytest.raises((TypeError, ValueError), match=says):
            await ask(client)


@pytest.mark.parametrize("text", ["nearest", "NEAREST", "Nearest "])
def test_a_strategy_may_be_named_as_text(text: str) -> None:
    nearest = reserve_request([("A-1", "", 1)], strategy=text)
    assert nearest.sourcing.strategy == pb2.SOURCING_STRATEGY_NEAREST
    other = reserve_request([("A-1", "", 1)], strategy="most-stock", purpose="walk-in")
    assert other.sourcing.strategy == pb2.SOURCING_STRATEGY_MOST_STOCK
    assert other.purpose == core_pb2.PURPOSE_WALK_IN
