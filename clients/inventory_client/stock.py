"""Stock levels: reading, correcting, and the ledger behind them."""

from __future__ import annotations  # so that `help` names enums, which are objects of protobuf, as we do

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Unpack

from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as pb2
from inventory_client import arguments
from inventory_client.arguments import Adjustment, Incoming, Receipt, codes, timestamp, whole
from inventory_client.calls import Calls, WriteOptions

PAGE_ROWS = 1_000
SELLABLE = core_pb2.DISPOSITION_SELLABLE
GOODS = pb2.RECEIPT_KIND_GOODS
ALL_OR_NOTHING = core_pb2.ERROR_POLICY_ALL_OR_NOTHING


class StockCalls(Calls):
    """Of `InventoryClient`: see inventory/v1/stock_service.proto for every field and reason."""

    async def get_stock(
        self, sku: str, location: str, *, min_revision: int = 0, timeout_s: float | None = None
    ) -> core_pb2.Level:
        """One level; all quantities are 0 where the SKU never was. `min_revision`: read your own write.

        Raises `NotFound`.
        """
        request = pb2.GetStockRequest(sku=sku, location=location, min_revision=min_revision)
        return (await self._read(request, pb2.GetStockResponse, timeout_s)).level

    async def batch_get_stock(
        self, keys: Iterable[tuple[str, str]], *, min_revision: int = 0, timeout_s: float | None = None
    ) -> pb2.BatchGetStockResponse:
        """Up to 1,000 levels, given as (sku, location), in one consistent look; `unknown` names what does not exist."""
        listed = [pb2.StockKey(sku=sku, location=location) for sku, location in keys]
        request = pb2.BatchGetStockRequest(keys=listed, min_revision=min_revision)
        return await self._read(request, pb2.BatchGetStockResponse, timeout_s)

    def list_stock(
        self, *, skus: Iterable[str] = (), locations: Iterable[str] = (), timeout_s: float | None = None
    ) -> AsyncIterator[core_pb2.Level]:
        """Levels that ever moved or have thresholds, by SKU and location; up to 1,000 of each filter, none: all.

        Example:
            async for level in client.list_stock(locations=["shop-7"]):
                print(level.sku, level.quantities.available)
        """
        request = pb2.ListStockRequest(
            skus=codes(skus, "skus"), locations=codes(locations, "locations"), page_size=PAGE_ROWS
        )
        return self._pages(request, pb2.ListStockResponse, "levels", timeout_s)

    async def adjust_stock(
        self,
        sku: str,
        location: str,
        delta: int,
        reason: str,
        *,
        disposition: core_pb2.Disposition = SELLABLE,
        reference: str = "",
        lot: str = "",
        serials: Iterable[str] = (),
        **options: Unpack[WriteOptions],
    ) -> pb2.AdjustStockResponse:
        """Adds `delta` to on_hand (negative: takes away), of `lot` for a SKU tracked by lots, of the pieces `serials`
        for one tracked by serial numbers. Raises `NotFound`, `PreconditionFailed` (BELOW_PROMISED, SERIAL_TAKEN).

        Example:
            await client.adjust_stock("A-1", "shop-7", -1, "broken", reference="RW 12/2026")
        """
        request = pb2.AdjustStockRequest(
            sku=sku,
            location=location,
            delta=whole(delta, "delta"),
            reason=reason,
            disposition=disposition,
            reference=reference,
            lot=lot,
            serials=codes(serials, "serials"),
        )
        return await self._write(request, pb2.AdjustStockResponse, options)

    async def set_stock(
        self,
        sku: str,
        location: str,
        on_hand: int,
        expected_on_hand: int,
        reason: str,
        *,
        reference: str = "",
        **options: Unpack[WriteOptions],
    ) -> pb2.SetStockResponse:
        """Sets on_hand to a counted number if it is `expected_on_hand` now. Raises `ExpectationFailed` (which says the
        present one), `NotFound`, `PreconditionFailed`."""
        request = pb2.SetStockRequest(
            sku=sku,
            location=location,
            on_hand=whole(on_hand, "on_hand"),
            expected_on_hand=whole(expected_on_hand, "expected_on_hand"),
            reason=reason,
            reference=reference,
        )
        return await self._write(request, pb2.SetStockResponse, options)

    async def set_thresholds(
        self,
        sku: str,
        location: str,
        *,
        safety_stock: int | None = None,
        reorder_point: int | None = None,
        backorder_limit: int | None = None,
        **options: Unpack[WriteOptions],
    ) -> pb2.SetThresholdsResponse:
        """Sets all three thresholds; None: unset, which differs from 0."""
        request = pb2.SetThresholdsRequest(
            sku=sku,
            location=location,
            safety_stock=safety_stock,
            reorder_point=reorder_point,
            backorder_limit=backorder_limit,
        )
        return await self._write(request, pb2.SetThresholdsResponse, options)

    async def batch_adjust_stock(
        self,
        adjustments: Iterable[Adjustment],
        reason: str,
        *,
        error_policy: core_pb2.ErrorPolicy = ALL_OR_NOTHING,
        reference: str = "",
        **options: Unpack[WriteOptions],
    ) -> pb2.BatchAdjustStockResponse:
        """Corrects up to 10,000 levels, given as (sku, location, delta), as one command under one revision. With
        ERROR_POLICY_SKIP_REFUSED the refused rows are in the answer; `row_error` makes exceptions of them."""
        request = pb2.BatchAdjustStockRequest(
            adjustments=arguments.adjustments(adjustments),
            reason=reason,
            error_policy=error_policy,
            reference=reference,
        )
        return await self._write(request, pb2.BatchAdjustStockResponse, options)

    async def receive_stock(
        self,
        location: str,
        lines: Iterable[Receipt],
        *,
        kind: pb2.ReceiptKind = GOODS,
        incoming_reference: str = "",
        reason: str = "",
        reference: str = "",
        **options: Unpack[WriteOptions],
    ) -> pb2.ReceiveStockResponse:
        """Takes goods in, given as (sku, quantity) or as lines that name a lot, serial numbers or a disposition; up to
        1,000, all or nothing. What was expected under `incoming_reference` becomes less; waiting back-orders are
        filled. Raises `NotFound`, `PreconditionFailed` (LOT_REQUIRED, LOT_EXPIRED and others).

        Example:
            milk = ReceiptLine(sku="MILK-1L", quantity=120, lot="L-17", expires_on="2026-12-24")
            await client.receive_stock("warehouse", [("A-1", 5), milk], incoming_reference="PO 12", reference="PZ 4")
        """
        request = pb2.ReceiveStockRequest(
            location=location,
            lines=arguments.receipts(lines),
            kind=kind,
            incoming_reference=incoming_reference,
            reason=reason,
            reference=reference,
        )
        return await self._write(request, pb2.ReceiveStockResponse, options)

    async def reclassify_stock(
        self,
        sku: str,
        location: str,
        quantity: int,
        reason: str,
        *,
        from_disposition: core_pb2.Disposition = SELLABLE,
        to_disposition: core_pb2.Disposition = SELLABLE,
        lot: str = "",
        serials: Iterable[str] = (),
        reference: str = "",
        **options: Unpack[WriteOptions],
    ) -> pb2.ReclassifyStockResponse:
        """Moves goods between sellable and the dispositions that are not for sale, for a SKU tracked by serial numbers
        the pieces `serials`; what becomes sellable fills waiting back-orders. Raises `NotFound`, `PreconditionFailed`
        (BELOW_PROMISED, SERIAL_TAKEN)."""
        request = pb2.ReclassifyStockRequest(
            sku=sku,
            location=location,
            quantity=whole(quantity, "quantity"),
            from_disposition=from_disposition,
            to_disposition=to_disposition,
            lot=lot,
            serials=codes(serials, "serials"),
            reason=reason,
            reference=reference,
        )
        return await self._write(request, pb2.ReclassifyStockResponse, options)

    async def set_incoming(
        self,
        reference: str,
        lines: Iterable[Incoming],
        **options: Unpack[WriteOptions],
    ) -> pb2.SetIncomingResponse:
        """Says what is expected under a purchase order or another reference, given as (sku, location, quantity, day),
        the day as a date or "2026-12-24"; quantity 0 takes it back, and needs no day. Up to 1,000, all or nothing.
        Raises `NotFound`."""
        request = pb2.SetIncomingRequest(reference=reference, lines=arguments.incoming(lines))
        return await self._write(request, pb2.SetIncomingResponse, options)

    async def list_lots(
        self, sku: str, *, location: str = "", timeout_s: float | None = None
    ) -> Sequence[pb2.LotLevel]:
        """What of a SKU is of which lot, first-expiring first, at most 1,000; those with something on hand. Raises
        `NotFound`."""
        request = pb2.ListLotsRequest(sku=sku, location=location)
        return (await self._read(request, pb2.ListLotsResponse, timeout_s)).lots

    async def get_serial(self, sku: str, serial: str, *, timeout_s: float | None = None) -> pb2.GetSerialResponse:
        """A single piece as it is now, and what happened to it, newest first. Raises `NotFound`.

        Example:
            piece = await client.get_serial("PHONE", "356938035643809")
            print(piece.present.state, piece.present.location)
        """
        request = pb2.GetSerialRequest(sku=sku, serial=serial)
        return await self._read(request, pb2.GetSerialResponse, timeout_s)

    def list_movements(
        self,
        *,
        sku: str = "",
        location: str = "",
        reservation_id: str = "",
        recorded_from: datetime | None = None,
        recorded_before: datetime | None = None,
        page_size: int = PAGE_ROWS,
        timeout_s: float | None = None,
    ) -> AsyncIterator[core_pb2.Movement]:
        """Ledger rows, newest first. `page_size`: how many are fetched at once, for whoever wants only some."""
        request = pb2.ListMovementsRequest(
            sku=sku,
            location=location,
            reservation_id=reservation_id,
            recorded_from=timestamp(recorded_from),
            recorded_before=timestamp(recorded_before),
            page_size=page_size,
        )
        return self._pages(request, pb2.ListMovementsResponse, "movements", timeout_s)
