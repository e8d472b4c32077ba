"""A mirror whose channel is no longer let in, and then is again: it says so meanwhile, and goes on by itself."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from inventory_client import (
    AvailabilityMirror,
    Connection,
    ConnectionState,
    InvalidRequest,
    InventoryClient,
    PermissionDenied,
    StockMirror,
    TokenFile,
    Unauthenticated,
)
from inventory_client.mirroring import Mirror
from inventory_client.sync import SyncInventoryClient, SyncStockMirror
from inventory_web_shop.shop import Shop
from tests.client.conftest import Guarded, stocked
from tests.client.marketplace_server import http_server
from tests.client.programs import program
from tests.rpc.client import PATIENCE_S, eventually

ALL = ("stock:read", "stock:write", "catalog:write", "watch")
BLIND = ALL[:-1]
HEARTBEAT = timedelta(seconds=1)


@dataclass(frozen=True)
class Kind:
    """Which mirror, and how it is read."""

    make: Callable[[InventoryClient], Mirror]
    read: Callable[[Mirror, str, str], int]


def _stock(mirror: Mirror, sku: str, place: str) -> int:
    assert isinstance(mirror, StockMirror)
    return mirror.available(sku, place)


def _sellable(mirror: Mirror, sku: str, _: str) -> int:
    assert isinstance(mirror, AvailabilityMirror)
    return mirror.available_to_sell(sku)


KINDS = [
    pytest.param(Kind(lambda client: StockMirror(client, heartbeat=HEARTBEAT), _stock), id="stock"),
    pytest.param(Kind(lambda client: AvailabilityMirror(client, heartbeat=HEARTBEAT), _sellable), id="availability"),
]


async def refused(mirror: Mirror, code: str) -> Connection:
    """Its connection, once it is lost for that."""

    async def is_refused() -> bool:
        return mirror.connection is not None and getattr(mirror.connection.failure, "code", "") == code

    await eventually(is_refused, f"it is told {code}")
    assert mirror.connection is not None
    return mirror.connection


async def back(mirror: Mirror) -> None:
    async def is_live() -> bool:
        return mirror.live

    await eventually(is_live, "it is live again")
    assert mirror.connection is not None
    assert (mirror.connection.state, mirror.connection.why, mirror.connection.failure) == (
        ConnectionState.LIVE,
        "",
        None,
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_a_scope_taken_away_and_given_back_is_outlived(guarded: Guarded, kind: Kind) -> None:
    sku, place = await stocked(guarded.admin, 10)
    token, _ = await guarded.token("web", *ALL)
    async with InventoryClient(guarded.address, token=token) as client, kind.make(client) as mirror:
        await guarded.let_in("web", *BLIND)
        lost = await refused(mirror, "PERMISSION_DENIED")
        assert (lost.state, lost.failure and lost.failure.reason) == (ConnectionState.LOST, "SCOPE_REQUIRED")
        assert "SCOPE_REQUIRED" in lost.why
        assert (mirror.live, kind.read(mirror, sku, place)) == (False, 10)
        stale_s = mirror.staleness_s
        made = await guarded.admin.adjust_stock(sku, place, -3, "sold elsewhere")
        with pytest.raises(TimeoutError, match="SCOPE_REQUIRED"):
            await mirror.wait_until(made.revision, 0.1)
        assert mirror.staleness_s > stale_s
        await guarded.let_in("web", *ALL)
        await back(mirror)
        await mirror.wait_until(made.revision, PATIENCE_S)
        assert kind.read(mirror, sku, place) == 7


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_revoked_and_replaced_in_its_file_is_outlived(
    guarded: Guarded, kind: Kind, tmp_path: Path
) -> None:
    sku, place = await stocked(guarded.admin, 10)
    token, key_id = await guarded.token("web", *ALL)
    path = tmp_path / "web.token"
    path.write_text(token)
    async with InventoryClient(guarded.address, token=TokenFile(path)) as client, kind.make(client) as mirror:
        await guarded.admin.revoke_credential(key_id)
        lost = await refused(mirror, "UNAUTHENTICATED")
        assert (lost.state, lost.failure and lost.failure.reason) == (ConnectionState.LOST, "CREDENTIALS_INVALID")
        made = await guarded.admin.adjust_stock(sku, place, -3, "sold elsewhere")
        path.write_text((await guarded.admin.create_token("web")).token)
        await back(mirror)
        await mirror.wait_until(made.revision, PATIENCE_S)
        assert kind.read(mirror, sku, place) == 7


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_refused_at_the_first_start_is_raised_at_once(guarded: Guarded, kind: Kind) -> None:
    token, key_id = await guarded.token("web", *BLIND)
    async with InventoryClient(guarded.address, token=token) as client, asyncio.timeout(PATIENCE_S):
        mirror = kind.make(client)
        with pytest.raises(PermissionDenied):
            await mirror.start()
        assert mirror.connection is not None
        assert (mirror.connection.state, mirror.connection.failure and mirror.connection.failure.reason) == (
            ConnectionState.CLOSED,
            "SCOPE_REQUIRED",
        )
        await guarded.admin.revoke_credential(key_id)

        async def is_out() -> bool:
            try:
                await kind.make(client).start()
            except Unauthenticated:
                return True
            except PermissionDenied:
                return False
            raise AssertionError("it was let in")

        await eventually(is_out, "the token is revoked everywhere")


async def test_what_no_time_can_mend_ends_it_and_says_why(guarded: Guarded) -> None:
    mirror = StockMirror(guarded.admin, skus=["x" * 65])
    told: list[Connection] = []
    mirror.on_connection(told.append)
    with pytest.raises(InvalidRequest) as caught:
        await mirror.start()
    assert mirror.connection is not None
    assert (mirror.connection.state, mirror.connection.why, mirror.connection.failure) == (
        ConnectionState.CLOSED,
        str(caught.value),
        caught.value.failure,
    )
    assert told == [mirror.connection]


async def test_whoever_asks_is_told_of_each_reason_until_it_is_back(guarded: Guarded) -> None:
    token, _ = await guarded.token("web", *ALL)
    told: list[str] = []

    def note(connection: Connection) -> None:
        told.append("" if connection.failure is None else connection.failure.reason)

    def fail(_: Connection) -> None:
        raise RuntimeError("a callback's own mistake")

    async with InventoryClient(guarded.address, token=token) as client, StockMirror(client) as mirror:
        mirror.on_connection(fail)
        stop = mirror.on_connection(note)
        await guarded.let_in("web", *BLIND)
        await refused(mirror, "PERMISSION_DENIED")
        await guarded.let_in("web", *ALL)
        await back(mirror)
        stop()
    assert told == ["ACCESS_CHANGED", "SCOPE_REQUIRED", ""]


async def test_without_a_loop_it_is_told_the_same(guarded: Guarded) -> None:
    token, _ = await guarded.token("web", *ALL)
    loop, opened, lost = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def note(connection: Connection) -> None:
        if connection.failure is not None and connection.failure.reason == "SCOPE_REQUIRED":
            lost.set()

    def work() -> bool:
        with SyncInventoryClient(guarded.address, token=token) as client, SyncStockMirror(client) as mirror:
            mirror.on_connection(note)
            loop.call_soon_threadsafe(opened.set)
            return lost.wait(PATIENCE_S)

    working = asyncio.create_task(asyncio.to_thread(work))
    async with asyncio.timeout(PATIENCE_S):
        await opened.wait()
    await guarded.let_in("web", *BLIND)
    assert await working


@asynccontextmanager
async def shop_front(client: InventoryClient, stale_max_s: float) -> AsyncIterator[httpx.AsyncClient]:
    async with AvailabilityMirror(client, heartbeat=HEARTBEAT) as mirror:
        shop = Shop(client, mirror, "", timedelta(minutes=15), stale_max_s)
        async with http_server(shop.app()) as url, httpx.AsyncClient(base_url=url) as http:
            yield http


async def test_the_web_shop_says_why_it_is_closed_and_opens_again(
    guarded: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "inventory_web_shop")
    sku, _ = await stocked(guarded.admin, 10)
    token, _ = await guarded.token("web", *ALL)
    async with (
        InventoryClient(guarded.address, token=token) as client,
        shop_front(client, stale_max_s=2.5) as http,
    ):

        async def answers() -> httpx.Response:
            return await http.get(f"/stock/{sku}")

        async def is_open() -> bool:
            return (await answers()).status_code == 200

        async def is_closed() -> bool:
            return not await is_open()

        await eventually(is_open, "the stock is known")
        await guarded.let_in("web", *BLIND)
        await eventually(is_closed, "it is stale")

        async def says_why() -> bool:
            said = (await answers()).json()["error"]
            return said["reason"] == "STALE" and "SCOPE_REQUIRED" in said["message"]

        await eventually(says_why, "it says why")
        await guarded.let_in("web", *ALL)
        await eventually(is_open, "it is open again")
        said = [each.getMessage() for each in caplog.records if each.name.startswith("inventory_web_shop")]
    lost = next(number for number, line in enumerate(said) if "lost" in line and "SCOPE_REQUIRED" in line)
    assert any(line.startswith("the mirror is back, from ") for line in said[lost:])
    assert all(line != following for line, following in pairwise(said)), "each reason once"


async def test_the_web_shops_log_says_that_its_token_is_revoked_and_replaced(guarded: Guarded, tmp_path: Path) -> None:
    token, key_id = await guarded.token("web", *ALL)
    path = tmp_path / "web.token"
    path.write_text(token)
    arguments = ["--server", guarded.address, "--token-file", str(path), "--listen", "127.0.0.1:0"]
    async with program("inventory_web_shop", *arguments) as running:
        await running.until_says("running on http://")
        await guarded.admin.revoke_credential(key_id)
        await running.until_says("the mirror is lost, and tries again: CREDENTIALS_INVALID")
        path.write_text((await guarded.admin.create_token("web")).token)
        await running.until_says("the mirror is back")
