"""`inventory receive`."""

from typing import Annotated

from cyclopts import Parameter

from inventory.cli.options import CHANNEL_DEFAULT, SERVER_DEFAULT, ChannelCode, ServerAddress
from inventory.v1 import stock_service_pb2 as stock_pb2


def receive(
    location: str,
    sku: str,
    quantity: int,
    /,
    *,
    lot: str = "",
    expires_on: str = "",
    returned: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    expected_as: str = "",
    reference: str = "",
    reason: str = "",
    server: ServerAddress = SERVER_DEFAULT,
    channel: ChannelCode = CHANNEL_DEFAULT,
) -> int:
    """Take goods in; waiting back-orders are filled at once.

    Example: inventory receive warehouse MILK-1L 120 --lot L-17 --expires-on 2026-12-24 --expected-as PO-12

    Example: inventory receive shop-07 S-000017 1 --returned

    Parameters
    ----------
    location
        Where: the location's code.
    sku
        The SKU's code.
    quantity
        In the SKU's smallest unit.
    lot
        The lot, for a SKU tracked by lots.
    expires_on
        The lot's last day, such as 2026-12-24. Empty: as known, and a new lot lasts.
    returned
        A customer brings it back: it is inspected before it is for sale.
    expected_as
        The reference under which it was expected.
    reference
        The document behind it.
    reason
        Why.
    """
    from inventory.cli.connection import connect, run

    line = stock_pb2.ReceiptLine(sku=sku, quantity=quantity, lot=lot, expires_on=expires_on)
    kind = stock_pb2.RECEIPT_KIND_RETURN if returned else stock_pb2.RECEIPT_KIND_GOODS

    async def call() -> stock_pb2.ReceiveStockResponse:
        async with connect(server, channel) as client:
            return await client.receive_stock(
                location, [line], kind=kind, incoming_reference=expected_as, reason=reason, reference=reference
            )

    answer = run(call())
    after = answer.levels[0].quantities
    print(
        f"revision {answer.revision}: on_hand {after.on_hand}, available {after.available}, "
        f"backordered {after.backordered}, incoming {after.incoming}"
    )
    return 0
