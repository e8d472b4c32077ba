"""The promises are proved all the time, and never look broken while two servers write."""

import asyncio
from contextlib import AsyncExitStack

import asyncpg
import pytest

from inventory.alarms import proving
from inventory.server import start
from inventory.settings import Settings
from tests.rpc.client import Client, Server

ALARMS = True

BUYERS = 24
PURCHASES = 12
LOOKS_MIN = 20


async def test_no_promise_looks_broken_while_many_write(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "LOOK_S", 0.0)
    monkeypatch.setattr(proving, "SHARE_MAX", 1.0)
    looks = 0
    look = proving.Proving.look

    async def counted(self: proving.Proving) -> None:
        nonlocal looks
        await look(self)
        looks += 1

    monkeypatch.setattr(proving.Proving, "look", counted)
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(2):
            clients.append(Client(await start(Settings(listen="127.0.0.1:0"), dsn, stack)))
            stack.push_async_callback(clients[-1].close)
        hot = [await clients[0].stocked(1_000) for _ in range(3)]

        async def buy(number: int) -> None:
            client = clients[number % 2]
            for turn in range(PURCHASES):
                sku, place = hot[(number + turn) % len(hot)]
                held = await client.hold((sku, place, 1))
                await (client.commit(held) if turn % 2 else client.release(held))

        await asyncio.gather(*map(buy, range(BUYERS)))
        assert looks > LOOKS_MIN, "it has looked all the while"
        connection: asyncpg.Connection = await Server("", dsn).connect()
        assert await connection.fetchval("SELECT count(*) FROM alarm") == 0
        await connection.close()
