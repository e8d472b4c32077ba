"""`inventory incoming`."""

from inventory.cli import said
from inventory.cli.failure import Failed
from inventory.cli.options import CHANNEL_DEFAULT, SERVER_DEFAULT, ChannelCode, Server
from inventory.v1 import stock_service_pb2 as stock_pb2


def incoming(
    reference: str,
    sku: str,
    location: str,
    quantity: int,
    /,
    *,
    due_on: str = "",
    server: Server = SERVER_DEFAULT,
    channel: ChannelCode = CHANNEL_DEFAULT,
) -> int:
    """Say what is expected at a location, and when; quantity 0 takes it back.

    Example: inventory incoming PO-12 MILK-1L warehouse 120 --due-on 2026-12-01

    Parameters
    ----------
    reference
        The purchase order or another reference.
    sku
        The SKU's code.
    location
        Where: the location's code.
    quantity
        In the SKU's smallest unit; 0: nothing any more.
    due_on
        The day, such as 2026-12-01. Needed unless the quantity is 0.
    """
    from inventory.cli.connection import connect, run

    if quantity and not due_on:
        raise Failed("say --due-on: the day on which it is due")
    line = stock_pb2.IncomingLine(sku=sku, location=location, quantity=quantity, due_on=said.day(due_on, "--due-on"))

    async def call() -> stock_pb2.SetIncomingResponse:
        async with connect(server, channel) as client:
            return await client.set_incoming(reference, [line])

    with said.one_line():
        answer = run(call())
    after = answer.levels[0].quantities
    changed = f"revision {answer.revision}" if answer.revision else "nothing has changed"
    print(f"{changed}: incoming {after.incoming}, on_hand {after.on_hand}")
    return 0
