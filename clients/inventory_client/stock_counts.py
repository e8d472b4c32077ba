"""Stock counts: stock-taking while selling goes on."""

from __future__ import annotations  # so that `help` names enums, which are objects of protobuf, as we do

from collections.abc import AsyncIterator, Iterable
from typing import Unpack

from inventory.v1 import stock_count_service_pb2 as pb2
from inventory_client.calls import Calls, WriteOptions

PAGE_ROWS = 1_000
ANY_STATE = pb2.STOCK_COUNT_STATE_UNSPECIFIED


class StockCountCalls(Calls):
    """Of `InventoryClient`: see inventory/v1/stock_count_service.proto for every field and reason."""

    async def open_stock_count(
        self,
        location: str,
        *,
        category: str = "",
        reason: str = "",
        reference: str = "",
        **options: Unpack[WriteOptions],
    ) -> pb2.OpenStockCountResponse:
        """Opens a count of a location, or of a category there and those below it. Raises `NotFound`.

        Example:
            count = (await client.open_stock_count("shop-7", category="GROCERY")).count
            await client.record_stock_count(count.count_id, [("A-1", 17)])
            looked = await client.get_stock_count(count.count_id, only_differences=True)
            await client.post_stock_count(count.count_id, looked.count.version)
        """
        request = pb2.OpenStockCountRequest(location=location, category=category, reason=reason, reference=reference)
        return await self._write(request, pb2.OpenStockCountResponse, options)

    async def record_stock_count(
        self,
        count_id: str,
        lines: Iterable[tuple[str, int] | pb2.CountedQuantity],
        *,
        at_revision: int = 0,
        **options: Unpack[WriteOptions],
    ) -> pb2.RecordStockCountResponse:
        """Records up to 1,000 counted numbers, given as (sku, counted), all or none. `at_revision`: when those given so
        were counted; 0: now. A `CountedQuantity` says its own, its lot, and what it expects to replace.

        Raises `NotFound`, `PreconditionFailed` (COUNT_STATE), `ExpectationFailed`, `InvalidRequest`.
        """
        rows = [
            line
            if isinstance(line, pb2.CountedQuantity)
            else pb2.CountedQuantity(sku=line[0], counted=line[1], at_revision=at_revision)
            for line in lines
        ]
        request = pb2.RecordStockCountRequest(count_id=count_id, lines=rows)
        return await self._write(request, pb2.RecordStockCountResponse, options)

    async def post_stock_count(
        self, count_id: str, expected_version: int, **options: Unpack[WriteOptions]
    ) -> pb2.PostStockCountResponse:
        """Adds the differences to what is there now, if the count still is that version. Raises `ExpectationFailed`,
        `PreconditionFailed` (COUNT_STATE; BELOW_PROMISED, which names the line), `NotFound`."""
        request = pb2.PostStockCountRequest(count_id=count_id, expected_version=expected_version)
        return await self._write(request, pb2.PostStockCountResponse, options)

    async def cancel_stock_count(self, count_id: str, **options: Unpack[WriteOptions]) -> pb2.CancelStockCountResponse:
        """Gives a count up; nothing moves. Raises `NotFound`, `PreconditionFailed` (COUNT_STATE)."""
        request = pb2.CancelStockCountRequest(count_id=count_id)
        return await self._write(request, pb2.CancelStockCountResponse, options)

    async def get_stock_count(
        self, count_id: str, *, only_differences: bool = False, timeout_s: float | None = None
    ) -> pb2.GetStockCountResponse:
        """A count with all of its lines, at most 10,000, by SKU and lot; `timeout_s` is for each page. When somebody
        records meanwhile, lines may be newer than the version, never older: posting that version is then refused.

        Raises `NotFound`.
        """
        request = pb2.GetStockCountRequest(count_id=count_id, only_differences=only_differences, page_size=PAGE_ROWS)
        found = await self._read(request, pb2.GetStockCountResponse, timeout_s)
        while found.next_page_token:
            request.page_token = found.next_page_token
            page = await self._read(request, pb2.GetStockCountResponse, timeout_s)
            found.lines.extend(page.lines)
            found.next_page_token = page.next_page_token
        return found

    def list_stock_counts(
        self,
        *,
        state: pb2.StockCountState = ANY_STATE,
        location: str = "",
        timeout_s: float | None = None,
    ) -> AsyncIterator[pb2.StockCount]:
        """Counts, newest first; with no filter all."""
        request = pb2.ListStockCountsRequest(state=state, location=location, page_size=PAGE_ROWS)
        return self._pages(request, pb2.ListStockCountsResponse, "counts", timeout_s)
