"""No answer and no log line carries SQL, a DSN or a credential, also when everything that can go wrong does.

A server of its own process logs as it does in production; canaries stand in its DSN and are looked for in all it says.
"""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from google.protobuf.empty_pb2 import Empty

from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import subscriber_service_pb2 as subscriber_pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from tests.rpc.client import PATIENCE_S, Client, Refused, Server, new_id, refusal

PASSWORD = "canary-7f3a"
SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|unnest|FROM (level|sku|movement|request))\b")
DATABASE_WORDS = re.compile(r"column|relation|constraint|asyncpg|postgres", re.IGNORECASE)


@dataclass
class Process:
    server: Server
    log: Path

    def said(self) -> str:
        return _text(self.log)


@asynccontextmanager
async def process(dsn: str, log: Path, **environment: str) -> AsyncIterator[Process]:
    parts = urlsplit(dsn)
    user = parts.username or "inventory"
    host = f"{parts.hostname}:{parts.port}" if parts.port else (parts.hostname or "")
    query = f"?{parts.query}" if parts.query else ""
    canary = f"{parts.scheme}://{user}:{parts.password or PASSWORD}@{host}{parts.path}{query}"
    with log.open("wb") as out:
        running = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "inventory",
            "serve",
            "--listen",
            "127.0.0.1:0",
            stdout=out,
            stderr=out,
            env={**os.environ, **environment, "INVENTORY_DSN": canary},
        )
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (found := re.search(r"127\.0\.0\.1:\d+", _text(log))):
                assert running.returncode is None, _text(log)
                await asyncio.sleep(0.02)
        yield Process(Server(found[0], dsn), log)
    finally:
        if running.returncode is None:
            running.terminate()
        await running.wait()


BREAKS = [
    "ALTER TABLE level ADD CONSTRAINT level_canary CHECK (on_hand < 3) NOT VALID",
    "ALTER TABLE location DROP CONSTRAINT location_kind_is_known; UPDATE location SET kind = 77",
    "ALTER TABLE sku RENAME COLUMN name TO canary",
    "ALTER TABLE level DROP COLUMN held CASCADE",
    "DROP TABLE level CASCADE",
    "ALTER TABLE subscriber RENAME COLUMN deadline TO canary",
    "ALTER TABLE feed_head RENAME COLUMN revision TO canary",
]


@pytest.mark.parametrize("log_json", ["0", "1"], ids=["console", "json"])
async def test_nothing_of_the_inside_gets_outside(dsn: str, tmp_path: Path, log_json: str) -> None:
    async with process(dsn, tmp_path / "log", INVENTORY_LOG_JSON=log_json) as running:
        client = Client(running.server.address)
        sku, location = await client.stocked(5)
        refusals: list[Refused] = []
        for statement in BREAKS:
            db = await running.server.connect()
            await db.execute(statement)
            await db.close()
            for call in _calls(client, sku, location):
                try:
                    async with asyncio.timeout(PATIENCE_S):
                        refusals.append(await refusal(call()))
                except AssertionError:
                    continue  # not every call meets every break
        assert len(refusals) > 10
        for refused in refusals:
            assert refused.code in {"INTERNAL", "UNAVAILABLE"}, refused
            assert refused.reason in {"INTERNAL", "STORAGE_UNAVAILABLE"}, refused
            for secret in (PASSWORD, dsn, "level", sku, "Traceback", 'File "'):
                assert secret not in refused.message, refused
            assert not SQL.search(refused.message), refused
            assert not DATABASE_WORDS.search(refused.message), refused
            assert not refused.metadata, refused
        assert "INTERNAL" in {refused.reason for refused in refusals}
        await client.close()
    said = running.said()
    assert "failed" in said, "a defect is in the log"
    assert "Traceback" not in said, _around(said, "Traceback")
    assert len(said) / len(refusals) < 1_000, "a defect floods the log"
    for secret in (PASSWORD, dsn, urlsplit(dsn).query or dsn):
        assert secret not in said, _around(said, secret)
    found = SQL.search(said)
    assert not found, _around(said, found[0])


def _text(log: Path) -> str:
    return log.read_text()


def _calls(client: Client, sku: str, location: str) -> list[Callable[[], Awaitable[object]]]:
    return [
        lambda: client.reserve((sku, location, 1)),
        lambda: client.adjust(sku, location, 1),
        client.sku,
        lambda: client.quantities(sku, location),
        lambda: client.movements(sku=sku),
        lambda: client.stock.ListStock(stock_pb2.ListStockRequest(skus=[sku])),
        lambda: client.catalog.ListLocations(catalog_pb2.ListLocationsRequest()),
        lambda: client.catalog.GetSku(catalog_pb2.GetSkuRequest(sku=sku)),
        lambda: anext(aiter(client.watch.Watch(watch_pb2.WatchRequest(snapshot=Empty())))),
        lambda: client.watch.RequestBookmark(watch_pb2.RequestBookmarkRequest(stream_id=new_id())),
        lambda: client.subscribers.RegisterSubscriber(subscriber_pb2.RegisterSubscriberRequest(name=sku)),
        lambda: client.subscribers.Acknowledge(
            subscriber_pb2.AcknowledgeRequest(name=sku, cursor=core_pb2.Cursor(revision=1))
        ),
        lambda: client.subscribers.ListSubscribers(subscriber_pb2.ListSubscribersRequest()),
        lambda: client.subscribers.RemoveSubscriber(subscriber_pb2.RemoveSubscriberRequest(name="nobody")),
    ]


def _around(said: str, secret: str) -> str:
    at = said.index(secret)
    return f"{secret!r} stands in the log: …{said[max(0, at - 500) : at + 300]}…"
