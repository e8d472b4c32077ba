"""A tenant is a schema: two retailers in one database, side by side, know nothing of each other."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from google.protobuf.empty_pb2 import Empty

from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from tests.rpc.client import PATIENCE_S, Client, Server, new_id, refusal, reserve_request
from tests.rpc.conftest import serving

SKU, SHOP = "apple", "krakow"


@pytest.fixture
async def servers(empty_dsn: str) -> AsyncIterator[tuple[Server, Server]]:
    async with serving(empty_dsn, "acorn") as acorn, serving(empty_dsn, "birch") as birch:
        yield acorn, birch


@pytest.fixture
async def clients(servers: tuple[Server, Server]) -> AsyncIterator[tuple[Client, Client]]:
    acorn, birch = (Client(server.address) for server in servers)
    for client, on_hand in ((acorn, 10), (birch, 3)):
        await client.location(SHOP)
        await client.sku(SKU, barcodes=["5901234123457"])
        await client.adjust(SKU, SHOP, on_hand)
    yield acorn, birch
    await acorn.close()
    await birch.close()


async def test_the_same_codes_barcodes_and_request_ids_are_different_things(clients: tuple[Client, Client]) -> None:
    acorn, birch = clients
    request = reserve_request((SKU, SHOP, 3), owner="cart", replace_owner_holds=True)
    one, other = await acorn.reservations.Reserve(request), await birch.reservations.Reserve(request)
    assert (one.replayed, other.replayed) == (False, False)
    assert (await acorn.quantities(SKU, SHOP)).available == 7
    assert (await birch.quantities(SKU, SHOP)).available == 0
    assert (await refusal(birch.reservation(one.reservation.reservation_id))).reason == "RESERVATION_NOT_FOUND"
    assert (await refusal(birch.commit(one.reservation.reservation_id))).reason == "RESERVATION_NOT_FOUND"
    only = await acorn.sku("only-acorn")
    assert (await refusal(birch.quantities(only, SHOP))).reason == "SKU_NOT_FOUND"
    assert len((await birch.stock.ListStock(stock_pb2.ListStockRequest())).levels) == 1


async def test_each_has_its_own_order_of_changes_and_its_own_epoch(clients: tuple[Client, Client]) -> None:
    acorn, birch = clients
    for _ in range(5):
        await acorn.adjust(SKU, SHOP, 1)
    assert (await acorn.adjust(SKU, SHOP, 1)).revision == 9
    assert (await birch.adjust(SKU, SHOP, 1)).revision == 4
    cursors = []
    for client in clients:
        stream = client.watch.Watch(watch_pb2.WatchRequest(now=Empty()))
        cursors.append((await anext(aiter(stream))).bookmark)
        stream.cancel()
    assert [cursor.revision for cursor in cursors] == [9, 4]
    assert cursors[0].epoch != cursors[1].epoch
    stream = birch.watch.Watch(watch_pb2.WatchRequest(after=cursors[0]))
    assert (await refusal(anext(aiter(stream)))).reason == "EPOCH_CHANGED"


async def test_the_bell_of_one_is_not_the_other_s(
    servers: tuple[Server, Server], clients: tuple[Client, Client]
) -> None:
    acorn, birch = clients
    heard: list[tuple[str, str]] = []
    rung = asyncio.Event()
    ear = await asyncpg.connect(servers[0].dsn)

    def hear(connection: Any, pid: int, channel: str, payload: object) -> None:
        heard.append((channel, str(payload)))
        rung.set()

    for channel in ("acorn_feed", "birch_feed", "inventory_feed"):
        await ear.add_listener(channel, hear)
    streams = [client.watch.Watch(watch_pb2.WatchRequest(now=Empty())) for client in clients]
    for stream in streams:
        await stream.read()
    revision = (await birch.adjust(SKU, SHOP, 1)).revision
    async with asyncio.timeout(PATIENCE_S):
        change: Any = await streams[1].read()
        assert [each.revision for each in change.changes] == [revision]
        await rung.wait()
    assert heard == [("birch_feed", str(revision))]
    first = (await acorn.adjust(SKU, SHOP, 1)).revision
    change = await streams[0].read()
    assert [each.revision for each in change.changes] == [first], "nothing of the other came before it"
    for stream in streams:
        stream.cancel()
    await ear.close()


async def test_nothing_stands_outside_the_schema_and_one_can_go_without_the_other(
    servers: tuple[Server, Server], clients: tuple[Client, Client]
) -> None:
    db = await asyncpg.connect(servers[0].dsn)
    outside = await db.fetch(
        "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = 'public'"
    )
    assert outside == []
    across = await db.fetch(
        "SELECT conname FROM pg_constraint JOIN pg_class AS target ON target.oid = confrelid"
        " WHERE connamespace <> target.relnamespace"
    )
    assert across == []
    await db.execute("DROP SCHEMA acorn CASCADE")
    await db.close()
    _, birch = clients
    assert (await birch.reserve((SKU, SHOP, 3), request_id=new_id())).reservation.lines[0].held == 3
