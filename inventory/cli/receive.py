"""`inventory receive`."""

from typing import Annotated

from cyclopts import Parameter

from inventory.cli import said
from inventory.cli.failure import Failed
from inventory.cli.options import CHANNEL_DEFAULT, SERVER_DEFAULT, ChannelCode, Server
from inventory.v1 import stock_service_pb2 as stock_pb2

OPTIONS = {
    "SERIALS_REQUIRED": "say --serial NUMBER, once for each piece",
    "LOT_REQUIRED": "say --lot LOT, and --expires-on for a new one",
}
"""What helps against a refusal."""


def receive(
    location: str,
    sku: str,
    quantity: str,
    /,
    *,
    lot: str = "",
    expires_on: str = "",
    serial: Annotated[list[str] | None, Parameter(negative="", show_default=False)] = None,
    returned: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    expected_as: str = "",
    reference: str = "",
    reason: str = "",
    server: Server = SERVER_DEFAULT,
    channel: ChannelCode = CHANNEL_DEFAULT,
) -> int:
    """Take goods in; waiting back-orders are filled at once.

    Example: inventory receive warehouse MILK-1L 120 --lot L-17 --expires-on 2026-12-24 --expected-as PO-12

    Example: inventory receive shop-07 S-000017 1 --returned

    Example: inventory receive warehouse CHEESE 1.5kg

    Example: inventory receive warehouse PHONE 2 --serial 356938035643809 --serial 356938035643817

    Parameters
    ----------
    location
        Where: the location's code.
    sku
        The SKU's code.
    quantity
        In the SKU's smallest unit; a decimal number, or one with a unit, is of that unit, such as 1.5 or 2box.
    lot
        The lot, for a SKU tracked by lots.
    expires_on
        The lot's last day, such as 2026-12-24. Empty: as known, and a new lot lasts.
    serial
        A piece's number, for a SKU tracked by serial numbers. Say it once for each piece.
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

    number, amount, unit = said.quantity(quantity)
    serials = serial or []
    if serials and not amount and len(serials) != number:
        raise Failed(f"there are {len(serials):,} serial numbers for {number:,}: say --serial once for each piece")
    line = stock_pb2.ReceiptLine(
        sku=sku, quantity=number, amount=amount, unit=unit, lot=lot, expires_on=said.day(expires_on, "--expires-on"),
        serials=serials,
    )  # fmt: skip
    kind = stock_pb2.RECEIPT_KIND_RETURN if returned else stock_pb2.RECEIPT_KIND_GOODS

    async def call() -> stock_pb2.ReceiveStockResponse:
        async with connect(server, channel) as client:
            return await client.receive_stock(
                location, [line], kind=kind, incoming_reference=expected_as, reason=reason, reference=reference
            )

    with said.one_line(OPTIONS):
        answer = run(call())
    after = answer.levels[0].quantities
    print(
        f"revision {answer.revision}: on_hand {after.on_hand}, available {after.available}, "
        f"backordered {after.backordered}, incoming {after.incoming}"
    )
    return 0
