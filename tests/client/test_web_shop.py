"""The web shop's back end, over a real socket, on a real server."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.types import Message

from inventory.postgres.access import first_admin
from inventory.postgres.connection import Database
from inventory.server import start
from inventory.settings import Settings
from inventory.v1 import core_pb2
from inventory.v1.access_pb2 import SCOPE_STOCK_READ, SCOPE_WATCH
from inventory.v1.access_service_pb2 import Access
from inventory.v1.catalog_service_pb2 import SKU_KIND_BUNDLE, BundleComponent, Sku
from inventory.v1.channel_service_pb2 import Channel, ChannelSku, ChannelView
from inventory_client import AvailabilityMirror, InventoryClient
from inventory_web_shop.shop import Shop
from tests.client.conftest import stocked
from tests.client.line import line
from tests.client.marketplace_server import http_server
from tests.client.programs import program
from tests.rpc.client import PATIENCE_S, Server, eventually, new_id, unique
from tests.rpc.conftest import serving

HELD, ALLOCATED = core_pb2.RESERVATION_STATE_HELD, core_pb2.RESERVATION_STATE_ALLOCATED


@dataclass
class Open:
    """A shop that is open: `http` is its front end, `client` the same channel behind its back."""

    http: httpx.AsyncClient
    client: InventoryClient
    mirror: AvailabilityMirror
    sku: str
    place: str
    shop: Shop

    async def is_fresh(self) -> bool:
        return (await self.http.get(f"/stock/{self.sku}")).status_code == 200

    async def left(self, sku: str = "") -> int:
        return (await self.client.get_stock(sku or self.sku, self.place)).quantities.available

    async def shows(self, sku: str, available: int) -> None:
        async def so() -> bool:
            answer = await self.http.get(f"/stock/{sku}")
            return bool(answer.json()["available"] == available)

        await eventually(so, f"{sku} is shown as {available}")

    async def checkout(self, cart: str, *lines: tuple[str, Any], **headers: str) -> httpx.Response:
        body = {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines]}
        return await self.http.post(f"/carts/{cart}/checkout", json=body, headers=headers)

    async def order(self, **body: str) -> httpx.Response:
        return await self.http.post("/orders", json=body)


@asynccontextmanager
async def opening(
    client: InventoryClient, place: str, sku: str, stale_max_s: float = 15.0, *, sourced: bool = False
) -> AsyncIterator[Open]:
    async with AvailabilityMirror(client, heartbeat=timedelta(seconds=1)) as mirror:
        shop = Shop(client, mirror, "" if sourced else place, timedelta(minutes=15), stale_max_s)
        async with http_server(shop.app()) as url, httpx.AsyncClient(base_url=url) as http:
            opened = Open(http, client, mirror, sku, place, shop)
            await eventually(opened.is_fresh, "the stock is known")
            yield opened
            shop.viewers.end()


@pytest.fixture(scope="module")
async def server(module_dsn: str) -> AsyncIterator[Server]:
    async with serving(module_dsn) as running:
        yield running


@pytest.fixture
async def client(server: Server) -> AsyncIterator[InventoryClient]:
    async with InventoryClient(server.address, channel="web") as opened:
        yield opened


@pytest.fixture
async def shop(client: InventoryClient) -> AsyncIterator[Open]:
    """With a location and a SKU of its own; carts are the channel's, so each test has others."""
    sku, place = await stocked(client, 10)
    async with opening(client, place, sku) as opened:
        yield opened


@pytest.fixture
def cart() -> str:
    return unique("cart")


def reason(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["reason"]


async def test_a_cart_goes_its_whole_way(shop: Open, cart: str) -> None:
    assert (await shop.http.get(f"/stock/{shop.sku}")).json()["available"] == 10
    held = await shop.checkout(cart, (shop.sku, 3))
    assert held.status_code == 201
    assert held.json()["state"] == "HELD"
    assert held.json()["lines"] == [
        {"sku": shop.sku, "location": shop.place, "quantity": 3, "backordered": 0, "bundle": ""}
    ]
    assert held.json()["expires_at"].endswith("Z")
    await shop.shows(shop.sku, 7)
    ordered = await shop.order(cart=cart, reference="o1")
    assert (ordered.status_code, ordered.json()["state"], ordered.json()["reference"]) == (201, "ALLOCATED", "o1")
    assert ordered.json()["expires_at"] is None, "an order does not run out"
    assert await shop.left() == 7


async def test_a_front_end_that_goes_away_amid_its_request_is_no_defect(shop: Open, cart: str) -> None:
    heard: list[Message] = [{"type": "http.request", "body": b'{"lines": [', "more_body": True}]
    said: list[Message] = []

    async def receive() -> Message:
        return heard.pop() if heard else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        said.append(message)

    scope = {"type": "http", "method": "POST", "path": f"/carts/{cart}/checkout", "query_string": b"", "headers": []}
    await shop.shop.app()(scope, receive, send)
    assert said[0]["status"] == 400
    assert await shop.left() == 10


async def test_a_second_checkout_replaces_the_first(shop: Open, cart: str) -> None:
    await shop.checkout(cart, (shop.sku, 8))
    assert (await shop.checkout(cart, (shop.sku, 9))).status_code == 201
    assert await shop.left() == 1


async def test_a_shortage_names_the_lines_and_what_is_left(shop: Open, cart: str) -> None:
    plum, _ = await stocked(shop.client, 2, shop.place)
    answer = await shop.checkout(cart, (shop.sku, 1), (plum, 3), (shop.sku, 10))
    assert reason(answer) == (409, "INSUFFICIENT_STOCK")
    lines = {line["sku"]: (line["requested"], line["available"]) for line in answer.json()["error"]["lines"]}
    assert lines == {plum: (3, 2), shop.sku: (11, 10)}
    assert await shop.left() == 10


async def test_an_abandoned_cart_gives_back_what_it_held_and_no_order(shop: Open, cart: str) -> None:
    await shop.checkout(cart, (shop.sku, 3))
    await shop.order(cart=cart, reference="o1")
    await shop.checkout(cart, (shop.sku, 3))
    assert (await shop.http.delete(f"/carts/{cart}")).json() == {"released": 1}
    assert (await shop.http.delete(f"/carts/{cart}")).json() == {"released": 0}
    assert await shop.left() == 7


async def test_an_order_sent_twice_is_one_order(shop: Open, cart: str) -> None:
    held = (await shop.checkout(cart, (shop.sku, 3))).json()["reservation_id"]
    first = await shop.order(cart=cart, reference="o1")
    await shop.checkout(cart, (shop.sku, 2))
    again = await shop.order(cart=cart, reference="o1")
    by_id = await shop.order(reservation_id=held, reference="o1")
    assert first.json() == again.json() == by_id.json()
    assert reason(await shop.order(reservation_id=held, reference="o2")) == (409, "RESERVATION_STATE")
    states = [made.state async for made in shop.client.list_reservations(owner=cart)]
    assert states == [HELD, ALLOCATED]


async def test_a_checkout_sent_twice_under_one_key_is_one_hold(shop: Open, cart: str) -> None:
    key = new_id()
    first = await shop.checkout(cart, (shop.sku, 3), **{"Idempotency-Key": key})
    again = await shop.checkout(cart, (shop.sku, 3), **{"Idempotency-Key": key})
    assert first.json() == again.json()
    other = await shop.checkout(cart, (shop.sku, 4), **{"Idempotency-Key": key})
    assert reason(other) == (409, "REQUEST_ID_REUSED")
    assert await shop.left() == 7


async def test_an_order_of_nothing_is_refused(shop: Open, cart: str) -> None:
    assert reason(await shop.order(cart=unique("cart"), reference="o1")) == (409, "NOTHING_HELD")
    assert reason(await shop.order(reservation_id=new_id(), reference="o1")) == (404, "RESERVATION_NOT_FOUND")


async def test_a_quantity_is_an_integer(shop: Open, cart: str) -> None:
    quantities: tuple[object, ...] = (True, 1.0, "1", None, 0, -1, 10**9 + 1, [], {})
    for quantity in quantities:
        answer = await shop.checkout(cart, (shop.sku, quantity))
        assert reason(answer) == (400, "INVALID_REQUEST"), quantity
        assert answer.json()["error"]["field"] == "lines[0].quantity"
    assert await shop.left() == 10


async def test_errors_are_json_and_say_what_is_wrong(shop: Open, cart: str) -> None:
    http = shop.http
    assert reason(await shop.checkout(cart, ("nothing", 1))) == (404, "SKU_NOT_FOUND")
    assert reason(await http.post(f"/carts/{cart}/checkout", content=b"{")) == (400, "INVALID_REQUEST")
    assert reason(await http.post(f"/carts/{cart}/checkout", content=b" " * 65_537)) == (413, "INVALID_REQUEST")
    bad_key = await shop.checkout(cart, (shop.sku, 1), **{"Idempotency-Key": "7"})
    assert reason(bad_key) == (400, "INVALID_REQUEST")
    assert reason(await http.get("/stock?sku=A")) == (400, "INVALID_REQUEST")
    assert reason(await http.get("/nowhere")) == (404, "HTTP")
    assert reason(await http.get("/orders")) == (405, "HTTP")
    assert reason(await shop.checkout("c" * 129, (shop.sku, 1))) == (400, "INVALID_REQUEST")


async def test_stock_of_many_skus_is_read_together_and_codes_may_hold_anything(shop: Open) -> None:
    odd, _ = await stocked(shop.client, 4, shop.place)
    answer = (await shop.http.get(f"/stock?skus={shop.sku},{odd}&skus=a%2Cb%2Fc")).json()
    levels = {level["sku"]: level["available"] for level in answer["levels"]}
    await shop.shows(odd, 4)
    assert levels[shop.sku] == 10
    assert levels["a,b/c"] == 0
    assert answer["staleness_s"] < 5
    assert (await shop.http.get("/stock/a%2Cb%2Fc")).json()["sku"] == "a,b/c"


async def test_it_shows_what_its_channel_may_sell(shop: Open) -> None:
    _, other = await stocked(shop.client, 0)
    await shop.client.adjust_stock(shop.sku, other, 5, "test")
    kit = unique("kit")
    parts = [BundleComponent(sku=shop.sku, quantity=4)]
    await shop.client.create_sku(Sku(sku=kit, kind=SKU_KIND_BUNDLE, components=parts))
    await shop.shows(shop.sku, 15)
    await shop.shows(kit, 3)
    async with shop.http.stream("GET", f"/stock/events?skus={kit}") as answer:
        page = Page(answer.aiter_lines())
        assert await page.next() == ("stock", {"sku": kit, "available": 3})
        own = ChannelSku(sku=shop.sku, view=ChannelView(buffer=6))
        await shop.client.set_channel(Channel(channel="web"))
        await shop.client.set_channel_skus("web", [own])
        assert await page.next() == ("stock", {"sku": kit, "available": 2})
    await shop.shows(shop.sku, 9)


async def test_without_a_location_the_service_chooses_from_where(client: InventoryClient, cart: str) -> None:
    sku, place = await stocked(client, 10)
    _, other = await stocked(client, 0)
    await client.adjust_stock(sku, other, 5, "test")
    async with opening(client, place, sku, sourced=True) as shop:
        await shop.shows(sku, 15)
        held = await shop.checkout(cart, (sku, 15))
        assert held.status_code == 201, "all that is shown can be had"
        assert {(line["location"], line["quantity"]) for line in held.json()["lines"]} == {(place, 10), (other, 5)}
        short = await shop.checkout(unique("cart"), (sku, 1))
        assert reason(short) == (409, "INSUFFICIENT_STOCK")
        assert short.json()["error"]["lines"] == [{"sku": sku, "requested": 1, "available": 0}]
        ordered = await shop.order(cart=cart, reference="o1")
        assert (ordered.status_code, ordered.json()["state"]) == (201, "ALLOCATED")


async def test_a_token_that_does_not_do_is_the_shop_s_own_trouble(dsn: str, cart: str) -> None:
    async with AsyncExitStack() as stack:
        admin = await first_admin(Database(dsn, "inventory"))
        assert admin is not None
        address = await start(Settings(listen="127.0.0.1:0", development=False), dsn, stack)
        boss = await stack.enter_async_context(InventoryClient(address, token=admin))
        sku, place = await stocked(boss, 10)
        await boss.set_access("web", Access(scopes=[SCOPE_STOCK_READ, SCOPE_WATCH]))
        token = (await boss.create_token("web")).token
        client = await stack.enter_async_context(InventoryClient(address, token=token))
        shop = await stack.enter_async_context(opening(client, place, sku))
        assert reason(await shop.checkout(cart, (sku, 1))) == (502, "SCOPE_REQUIRED")


async def test_without_a_server_old_stock_is_not_given_out_and_calls_say_so(server: Server, cart: str) -> None:
    async with line(server.address) as wire, InventoryClient(wire.address, channel="web", timeout_s=0.5) as client:
        sku, place = await stocked(client, 10)
        async with opening(client, place, sku, stale_max_s=1.2) as shop:
            wire.away = True
            wire.cut()

            async def is_stale() -> bool:
                return not await shop.is_fresh()

            await eventually(is_stale, "it is stale")
            answer = await shop.http.get(f"/stock/{sku}")
            assert reason(answer) == (503, "STALE")
            assert answer.json()["error"]["staleness_s"] > 1.2
            assert answer.headers["retry-after"] == "1"
            assert (await shop.checkout(cart, (sku, 1))).status_code == 503
            wire.away = False
            await eventually(shop.is_fresh, "it is fresh again")
            assert (await shop.checkout(cart, (sku, 1))).status_code == 201


async def test_an_order_whose_answer_is_lost_is_made_once(server: Server, cart: str) -> None:
    async with line(server.address) as wire, InventoryClient(wire.address, channel="web", timeout_s=0.5) as client:
        sku, place = await stocked(client, 10)
        async with opening(client, place, sku) as shop:
            await shop.checkout(cart, (sku, 3))
            wire.deaf = True
            assert (await shop.order(cart=cart, reference="o1")).status_code == 503
            wire.cut()
            wire.deaf = False

            async def gets_through() -> bool:
                return (await shop.order(cart=cart, reference="o1")).status_code == 201

            await eventually(gets_through, "the order is made")
            assert await shop.left() == 7


class Page:
    """A product page's stream of events."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self) -> tuple[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            async for text in self._lines:
                if text.startswith("event: "):
                    given = await anext(self._lines)
                    return text.removeprefix("event: "), json.loads(given.removeprefix("data: "))
        raise AssertionError("the stream ended")


async def test_a_product_page_is_told_the_latest(shop: Open) -> None:
    plum, _ = await stocked(shop.client, 2, shop.place)
    await shop.shows(plum, 2)
    async with shop.http.stream("GET", f"/stock/events?skus={shop.sku},{plum}") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        page = Page(answer.aiter_lines())
        first = [await page.next(), await page.next()]
        assert sorted((given["sku"], given["available"]) for _, given in first) == sorted([(shop.sku, 10), (plum, 2)])
        for _ in range(30):
            await shop.client.adjust_stock(plum, shop.place, 1, "test")
        told: list[int] = []
        while not told or told[-1] != 32:
            kind, given = await page.next()
            assert (kind, given["sku"]) == ("stock", plum)
            told.append(given["available"])
        assert told == sorted(told)
        assert len(shop.shop.viewers) == 1

    async def gone() -> bool:
        await shop.client.adjust_stock(plum, shop.place, 1, "test")
        return len(shop.shop.viewers) == 0

    await eventually(gone, "a page that was closed is forgotten")


async def test_there_are_only_so_many_pages(shop: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory_web_shop.viewers.VIEWERS_MAX", 1)
    async with shop.http.stream("GET", f"/stock/events?skus={shop.sku}") as answer:
        await Page(answer.aiter_lines()).next()
        assert reason(await shop.http.get(f"/stock/events?skus={shop.sku}")) == (503, "TOO_MANY_VIEWERS")


async def test_the_program_serves_and_ends_with_a_page_open(server: Server, client: InventoryClient) -> None:
    sku, place = await stocked(client, 10)
    arguments = ["--server", server.address, "--location", place, "--listen", "127.0.0.1:0"]
    async with program("inventory_web_shop", *arguments) as running:
        said = await running.until_says("running on http://")
        url = said.partition("running on ")[2].partition(" ")[0]
        async with httpx.AsyncClient(base_url=url) as http:

            async def is_fresh() -> bool:
                return (await http.get(f"/stock/{sku}")).status_code == 200

            await eventually(is_fresh, "the stock is known")
            assert (await http.get(f"/stock/{sku}")).json()["available"] == 10
            async with http.stream("GET", f"/stock/events?skus={sku}") as answer:
                lines = answer.aiter_lines()
                await Page(lines).next()
                running.signal(signal.SIGTERM)
                assert not [text async for text in lines if text.startswith("event")], "and the stream ends in order"
        await running.until_says("Finished server process")
