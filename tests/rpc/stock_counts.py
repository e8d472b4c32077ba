"""Stock counts through the real channel, each call with its usual fields."""

from typing import Any

from inventory.v1 import stock_count_service_pb2 as pb2
from tests.rpc.client import Client, new_id

OPEN, POSTED, CANCELLED = pb2.STOCK_COUNT_STATE_OPEN, pb2.STOCK_COUNT_STATE_POSTED, pb2.STOCK_COUNT_STATE_CANCELLED


def counted(sku: str, number: int, **fields: Any) -> pb2.CountedQuantity:
    return pb2.CountedQuantity(sku=sku, counted=number, **fields)


async def opened(client: Client, location: str, **fields: Any) -> pb2.StockCount:
    request = pb2.OpenStockCountRequest(**{"request_id": new_id(), "location": location, **fields})
    return (await client.counts.OpenStockCount(request)).count


async def record(
    client: Client, count_id: str, *lines: pb2.CountedQuantity, **fields: Any
) -> pb2.RecordStockCountResponse:
    request = pb2.RecordStockCountRequest(**{"request_id": new_id(), "count_id": count_id, **fields}, lines=lines)
    return await client.counts.RecordStockCount(request)


async def post(client: Client, count_id: str, version: int, **fields: Any) -> pb2.PostStockCountResponse:
    request = pb2.PostStockCountRequest(
        **{"request_id": new_id(), "count_id": count_id, "expected_version": version, **fields}
    )
    return await client.counts.PostStockCount(request)


async def cancel(client: Client, count_id: str, **fields: Any) -> pb2.CancelStockCountResponse:
    request = pb2.CancelStockCountRequest(**{"request_id": new_id(), "count_id": count_id, **fields})
    return await client.counts.CancelStockCount(request)


async def get(client: Client, count_id: str, **fields: Any) -> pb2.GetStockCountResponse:
    return await client.counts.GetStockCount(pb2.GetStockCountRequest(count_id=count_id, **fields))


async def listed(client: Client, **fields: Any) -> pb2.ListStockCountsResponse:
    return await client.counts.ListStockCounts(pb2.ListStockCountsRequest(**fields))
