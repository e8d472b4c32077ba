"""Transfers: goods on their way from one location to another."""

from __future__ import annotations  # so that `help` names enums, which are objects of protobuf, as we do

from collections.abc import AsyncIterator, Iterable
from datetime import date
from typing import Unpack

from inventory.v1 import core_pb2
from inventory.v1 import transfer_service_pb2 as pb2
from inventory_client.calls import Calls, WriteOptions

PAGE_ROWS = 1_000
SELLABLE = core_pb2.DISPOSITION_SELLABLE
ANY_STATE = pb2.TRANSFER_STATE_UNSPECIFIED
Goods = tuple[str, int] | tuple[str, int, str] | pb2.TransferQuantity
"""(sku, quantity) or (sku, quantity, lot), the quantity in the SKU's smallest unit."""


def goods(given: Iterable[Goods]) -> list[pb2.TransferQuantity]:
    """Raises `TypeError` with what is expected.

    >>> goods([("A-1", 2)])[0].quantity
    2
    """
    rows = []
    for position, each in enumerate(given):
        match each:
            case pb2.TransferQuantity():
                rows.append(each)
            case (str(sku), int(quantity)):
                rows.append(pb2.TransferQuantity(sku=sku, quantity=quantity))
            case (str(sku), int(quantity), str(lot)):
                rows.append(pb2.TransferQuantity(sku=sku, quantity=quantity, lot=lot))
            case _:
                raise TypeError(
                    f'goods are a list of (sku, quantity), as [("A-1", 2)]; goods[{position}] is {each!r:.200}'
                )
    return rows


class TransferCalls(Calls):
    """Of `InventoryClient`: see inventory/v1/transfer_service.proto for every field and reason."""

    async def create_transfer(
        self,
        from_location: str,
        to_location: str,
        wanted: Iterable[Goods],
        *,
        ship: bool = False,
        expected_on: date | None = None,
        reason: str = "",
        reference: str = "",
        **options: Unpack[WriteOptions],
    ) -> pb2.CreateTransferResponse:
        """Plans a transfer of up to 200 rows; with `ship` they leave in the same step. `expected_on` None: by the first
        location's transit days.

        Raises `NotFound`, `InsufficientStock`, `PreconditionFailed` (LOCATION_RETIRED, SKU_NOT_STOCKED, LOT_CONFLICT,
        SERIALS_REQUIRED), `InvalidRequest`.

        Example:
            sent = await client.create_transfer("shop-7", "shop-8", [("A-1", 2)], ship=True)
            await client.receive_transfer(sent.transfer.transfer_id)
        """
        request = pb2.CreateTransferRequest(
            from_location=from_location,
            to_location=to_location,
            lines=goods(wanted),
            ship=ship,
            expected_on=expected_on.isoformat() if expected_on else "",
            reason=reason,
            reference=reference,
        )
        return await self._write(request, pb2.CreateTransferResponse, options)

    async def ship_transfer(
        self, transfer_id: str, wanted: Iterable[Goods] = (), **options: Unpack[WriteOptions]
    ) -> pb2.ShipTransferResponse:
        """Ships everything, or only `wanted`: the rest stays behind for good. Raises `NotFound`, `InsufficientStock`,
        `PreconditionFailed` (TRANSFER_STATE, EXCEEDS_TRANSFER)."""
        request = pb2.ShipTransferRequest(transfer_id=transfer_id, lines=goods(wanted))
        return await self._write(request, pb2.ShipTransferResponse, options)

    async def receive_transfer(
        self,
        transfer_id: str,
        arrived: Iterable[Goods] = (),
        *,
        close: bool = False,
        difference_reason: str = "",
        disposition: core_pb2.Disposition = SELLABLE,
        **options: Unpack[WriteOptions],
    ) -> pb2.ReceiveTransferResponse:
        """Receives everything in transit, or what has `arrived`. `close`: nothing more comes than what is named, and
        what is missing needs a `difference_reason`.

        Raises `NotFound`, `PreconditionFailed` (TRANSFER_STATE, EXCEEDS_TRANSFER)."""
        request = pb2.ReceiveTransferRequest(
            transfer_id=transfer_id,
            lines=goods(arrived),
            close=close,
            difference_reason=difference_reason,
            disposition=disposition,
        )
        return await self._write(request, pb2.ReceiveTransferResponse, options)

    async def cancel_transfer(
        self, transfer_id: str, *, reason: str = "", **options: Unpack[WriteOptions]
    ) -> pb2.CancelTransferResponse:
        """Gives a plan up, or calls back what was shipped and not yet received. Raises `NotFound`,
        `PreconditionFailed` (TRANSFER_STATE)."""
        request = pb2.CancelTransferRequest(transfer_id=transfer_id, reason=reason)
        return await self._write(request, pb2.CancelTransferResponse, options)

    async def get_transfer(self, transfer_id: str, *, timeout_s: float | None = None) -> pb2.Transfer:
        """As it is now. Raises `NotFound`."""
        request = pb2.GetTransferRequest(transfer_id=transfer_id)
        return (await self._read(request, pb2.GetTransferResponse, timeout_s)).transfer

    def list_transfers(
        self,
        *,
        state: pb2.TransferState = ANY_STATE,
        from_location: str = "",
        to_location: str = "",
        reservation_id: str = "",
        page_size: int = PAGE_ROWS,
        timeout_s: float | None = None,
    ) -> AsyncIterator[pb2.Transfer]:
        """Newest first. `page_size`: how many are fetched at once, for whoever wants only some."""
        request = pb2.ListTransfersRequest(
            state=state,
            from_location=from_location,
            to_location=to_location,
            reservation_id=reservation_id,
            page_size=page_size,
        )
        return self._pages(request, pb2.ListTransfersResponse, "transfers", timeout_s)
