"""A follower of the feed that keeps all it is told, and a shop whose changes it can follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import watch_service_pb2 as pb2
from tests.rpc.client import PATIENCE_S, Client, Metadata, Refused, new_id, refusal

Pair = tuple[str, str]
NOW = Empty()
ALL_KINDS = (
    pb2.CHANGE_KIND_STOCK,
    pb2.CHANGE_KIND_SKU,
    pb2.CHANGE_KIND_LOCATION,
    pb2.CHANGE_KIND_SUBSCRIBER,
    pb2.CHANGE_KIND_CHANNEL,
)


class Follower:
    """Reads a stream as it comes. `levels`: what a mirror would hold now; `latest`: newest rows as they came; `shown`:
    what the channel may sell, and how much of it back-ordered, by SKU."""

    def __init__(self, client: Client, *, metadata: Metadata | None = None, **request: Any) -> None:
        self._call = client.watch.Watch(pb2.WatchRequest(**request), metadata=metadata)
        self.messages: list[pb2.WatchResponse] = []
        self.changes: list[pb2.Change] = []
        self.latest: list[core_pb2.Movement] = []
        self.levels: dict[Pair, core_pb2.Quantities] = {}
        self.shown: dict[str, tuple[int, int]] = {}

    async def read(self) -> pb2.WatchResponse:
        async with asyncio.timeout(PATIENCE_S):
            message = await self._call.read()
        assert isinstance(message, pb2.WatchResponse), await self._call.code()
        self.messages.append(message)
        for level in message.levels:
            self.levels[(level.sku, level.location)] = level.quantities
        for shown in (message.availability, *(change.availability for change in message.changes)):
            for each in shown:
                self.shown[each.sku] = (each.available_to_sell, each.backorder)
        self.changes += message.changes
        self.latest += message.latest
        for rows in (*((*change.entered, *change.movements) for change in message.changes), message.latest):
            for row in rows:
                self.levels[(row.sku, row.location)] = row.after
        return message

    @property
    def bookmark(self) -> core_pb2.Cursor:
        """The last one."""
        return next(message.bookmark for message in reversed(self.messages) if message.HasField("bookmark"))

    @property
    def rows(self) -> list[core_pb2.Movement]:
        """The ledger rows of all changes."""
        return [row for change in self.changes for row in change.movements]

    async def up_to(self, revision: int) -> None:
        while not self.messages or self.bookmark.revision < revision:
            await self.read()

    async def begun(self) -> core_pb2.Cursor:
        while not (self.messages and self.messages[-1].HasField("bookmark")):
            await self.read()
        return self.bookmark

    async def ended(self) -> Refused:
        """How the stream ends; what comes before is thrown away."""

        async def drain() -> None:
            while await self._call.read() is not grpc.aio.EOF:
                pass

        async with asyncio.timeout(PATIENCE_S):
            return await refusal(drain())

    def cancel(self) -> None:
        self._call.cancel()


@asynccontextmanager
async def following(client: Client, *, metadata: Metadata | None = None, **request: Any) -> AsyncIterator[Follower]:
    follower = Follower(client, metadata=metadata, **request)
    try:
        yield follower
    finally:
        follower.cancel()


async def stock_of(client: Client, **filters: list[str]) -> dict[Pair, core_pb2.Quantities]:
    answer = await client.stock.ListStock(stock_pb2.ListStockRequest(page_size=1_000, **filters))  # type: ignore[arg-type]
    return {(level.sku, level.location): level.quantities for level in answer.levels}


async def shop(client: Client, **fields: Any) -> tuple[list[str], list[str]]:
    """Two new SKUs, with these fields, and with stock at two new places."""
    places = [await client.location() for _ in range(2)]
    skus = [await client.sku(**fields) for _ in range(2)]
    for sku in skus:
        for place in places:
            await client.adjust(sku, place, 100)
    return skus, places


async def trade(client: Client, skus: list[str], places: list[str]) -> int:
    """A bit of everything. Returns the last revision."""
    one, two = ((sku, place, 2) for sku, place in zip(skus, places, strict=True))
    made = await client.hold(one, two)
    await client.commit(made, one)
    await client.fulfil(made)
    await client.release(made)
    return await bulk(client, [(sku, place, 1) for sku in skus for place in places])


async def bulk(client: Client, rows: Sequence[tuple[str, str, int]], reason: str = "test") -> int:
    """Adjusts by deltas in one command. Returns its revision."""
    adjustments = [stock_pb2.StockAdjustment(sku=sku, location=place, delta=delta) for sku, place, delta in rows]
    answer = await client.stock.BatchAdjustStock(
        stock_pb2.BatchAdjustStockRequest(request_id=new_id(), reason=reason, adjustments=adjustments)
    )
    return answer.revision


async def categorise(client: Client, sku: str, category: str, **fields: Any) -> int:
    """Moves a SKU into a category. Returns the revision."""
    answer = await client.catalog.UpdateSku(
        catalog_pb2.UpdateSkuRequest(request_id=new_id(), sku=catalog_pb2.Sku(sku=sku, category=category, **fields))
    )
    return answer.revision


def assert_dense(changes: list[pb2.Change], after: int, last: int) -> None:
    assert [change.revision for change in changes] == list(range(after + 1, last + 1))


def spread(changes: list[pb2.Change]) -> list[bytes]:
    return [change.SerializeToString(deterministic=True) for change in changes]
