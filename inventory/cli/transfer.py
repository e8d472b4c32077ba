"""`inventory transfer`."""

import json as encoder
import re
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.console import Group
from rich.text import Text

from inventory.cli import said
from inventory.cli.failure import Failed, printable
from inventory.cli.fitted import FittedTable, code, number, whole, words
from inventory.cli.options import CHANNEL_DEFAULT, SERVER_DEFAULT, ChannelCode, Json, Server
from inventory.cli.terminal import out
from inventory.domain.limits import PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX
from inventory.v1 import core_pb2
from inventory.v1 import transfer_service_pb2 as pb2

if TYPE_CHECKING:
    from inventory_client import InventoryClient

app = App(name="transfer", help="Move goods from one location to another, in two phases.")

_STATES = {
    pb2.TRANSFER_STATE_PLANNED: "planned",
    pb2.TRANSFER_STATE_SHIPPED: "shipped",
    pb2.TRANSFER_STATE_RECEIVED: "received",
    pb2.TRANSFER_STATE_CANCELLED: "cancelled",
}
_GOODS = re.compile(r"(.+)=([0-9]+)(?:@(.+))?", re.DOTALL)
_DISPOSITIONS = {
    "sellable": core_pb2.DISPOSITION_SELLABLE,
    "quality_control": core_pb2.DISPOSITION_QUALITY_CONTROL,
    "damaged": core_pb2.DISPOSITION_DAMAGED,
    "quarantined": core_pb2.DISPOSITION_QUARANTINED,
}

State = Literal["planned", "shipped", "received", "cancelled"]
Disposition = Literal["sellable", "quality_control", "damaged", "quarantined"]
Goods = Annotated[str, Parameter(help="SKU=QUANTITY or SKU=QUANTITY@LOT, the quantity in the SKU's smallest unit.")]
Call = Callable[["InventoryClient"], Awaitable[pb2.Transfer]]


@app.command(name="list")
def list_(
    *,
    state: State | None = None,
    from_location: str = "",
    to_location: str = "",
    reservation: str = "",
    rows: int = PAGE_ROWS_DEFAULT,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """List transfers, newest first.

    Example: inventory transfer list --state shipped --to-location shop-07

    Parameters
    ----------
    state
        Only these. Default: all.
    from_location
        Only from there.
    to_location
        Only to there.
    reservation
        Only those that bring this reservation's goods.
    rows
        How many at most.
    """
    from inventory.cli.connection import connect, run

    if not 1 <= rows <= PAGE_ROWS_MAX:
        raise Failed(f"--rows is 1 to {PAGE_ROWS_MAX}")
    number = next((number for number, name in _STATES.items() if name == state), pb2.TRANSFER_STATE_UNSPECIFIED)

    async def read() -> list[pb2.Transfer]:
        found: list[pb2.Transfer] = []
        async with connect(server) as client:
            for location in filter(None, (from_location, to_location)):
                await client.get_location(location)
            async for transfer in client.list_transfers(
                state=number,
                from_location=from_location,
                to_location=to_location,
                reservation_id=reservation,
                page_size=rows,
            ):
                found.append(transfer)
                if len(found) == rows:
                    break
        return found

    found = run(read())
    if json:
        print(encoder.dumps([_document(transfer) for transfer in found], ensure_ascii=False, indent=2))
        return 0
    if not found:
        print("no transfers")
        return 0
    out().print(_listed(found))
    return 0


@app.command
def show(transfer_id: str, /, *, server: Server = SERVER_DEFAULT, json: Json = False) -> int:
    """Show one transfer, line by line.

    Example: inventory transfer show 0198f000-0000-7000-8000-000000000000
    """

    async def read(client: "InventoryClient") -> pb2.Transfer:
        return await client.get_transfer(transfer_id)

    return _told(server, "", read, json)


@app.command
def create(
    from_location: str,
    to_location: str,
    /,
    *goods: Goods,
    ship: Annotated[bool, Parameter(negative="")] = False,
    reason: str = "",
    reference: str = "",
    channel: ChannelCode = CHANNEL_DEFAULT,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Plan a transfer of goods, each SKU=QUANTITY or SKU=QUANTITY@LOT in the SKU's smallest unit.

    Example: inventory transfer create central shop-07 A-1=12 B-2=6 --ship --reason refill

    Parameters
    ----------
    ship
        Ship it in the same step.
    reason
        Why.
    reference
        The document.
    """
    rows = _rows(goods)
    if not rows:
        raise Failed("say what to move, such as A-1=12")

    async def call(client: "InventoryClient") -> pb2.Transfer:
        answer = await client.create_transfer(
            from_location, to_location, rows, ship=ship, reason=reason, reference=reference
        )
        return answer.transfer

    return _told(server, channel, call, json, len(goods))


@app.command
def ship(
    transfer_id: str,
    /,
    *goods: Goods,
    channel: ChannelCode = CHANNEL_DEFAULT,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Ship a planned transfer: everything, or only the goods named; the rest stays behind for good.

    Example: inventory transfer ship 0198f000-0000-7000-8000-000000000000 A-1=10
    """

    async def call(client: "InventoryClient") -> pb2.Transfer:
        return (await client.ship_transfer(transfer_id, _rows(goods))).transfer

    return _told(server, channel, call, json, len(goods))


@app.command
def receive(
    transfer_id: str,
    /,
    *goods: Goods,
    close: Annotated[bool, Parameter(negative="")] = False,
    difference: str = "",
    disposition: Disposition = "sellable",
    channel: ChannelCode = CHANNEL_DEFAULT,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Receive a shipped transfer: everything in transit, or what has arrived of it.

    Example: inventory transfer receive 0198f000-0000-7000-8000-000000000000

    Example: inventory transfer receive 0198f000-0000-7000-8000-000000000000 A-1=9 --close --difference "one broken"

    Parameters
    ----------
    close
        Nothing more comes: what is still in transit, but for what is named here, is missing.
    difference
        Why something is missing.
    disposition
        Where the goods stand after it.
    """

    async def call(client: "InventoryClient") -> pb2.Transfer:
        answer = await client.receive_transfer(
            transfer_id,
            _rows(goods),
            close=close,
            difference_reason=difference,
            disposition=_DISPOSITIONS[disposition],
        )
        return answer.transfer

    return _told(server, channel, call, json, len(goods))


@app.command
def cancel(
    transfer_id: str,
    /,
    *,
    reason: str = "",
    channel: ChannelCode = CHANNEL_DEFAULT,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Give up a planned transfer, or call back a shipped one of which nothing was received.

    Example: inventory transfer cancel 0198f000-0000-7000-8000-000000000000 --reason "wrong shop"

    Parameters
    ----------
    reason
        Why.
    """

    async def call(client: "InventoryClient") -> pb2.Transfer:
        return (await client.cancel_transfer(transfer_id, reason=reason)).transfer

    return _told(server, channel, call, json)


def _told(server: Server, channel: str, call: Call, json: bool, lines: int = 0) -> int:
    """Makes the call, which names so many lines, and shows the transfer after it."""
    from inventory.cli.connection import connect, run

    async def work() -> pb2.Transfer:
        async with connect(server, channel) as client:
            return await call(client)

    with said.one_line() if lines == 1 else nullcontext():
        transfer = run(work())
    if json:
        print(encoder.dumps(_document(transfer), ensure_ascii=False, indent=2))
    else:
        out().print(_shown(transfer))
    return 0


def _rows(goods: tuple[str, ...]) -> list[pb2.TransferQuantity]:
    """Raises `Failed`."""
    rows = []
    for text in goods:
        match = _GOODS.fullmatch(text)
        if match is None or len(match[2]) > len(str(2**63)) - 1:
            raise Failed(f"not SKU=QUANTITY or SKU=QUANTITY@LOT: {printable(text)}")
        rows.append(pb2.TransferQuantity(sku=match[1], quantity=int(match[2]), lot=match[3] or ""))
    return rows


def _listed(found: list[pb2.Transfer]) -> FittedTable:
    table = FittedTable(
        [
            whole("transfer"), whole("state"), code("from"), code("to"), number("lines", 3), number("in transit"),
            whole("expected", 2), code("reference", 4), code("reason", 5),
        ]
    )  # fmt: skip
    for transfer in found:
        way = sum(line.shipped - line.received - line.missing for line in transfer.lines)
        in_transit = way if transfer.state == pb2.TRANSFER_STATE_SHIPPED else 0
        table.add(
            transfer.transfer_id,
            _state(transfer),
            transfer.from_location,
            transfer.to_location,
            f"{len(transfer.lines):,}",
            f"{in_transit:,}",
            transfer.expected_on or "–",
            transfer.reference or "–",
            transfer.reason or "–",
        )
    return table


def _shown(transfer: pb2.Transfer) -> Group:
    numbers = ("requested", "shipped", "received", "missing")
    table = FittedTable(
        [code("SKU"), *map(number, numbers), code("lot"), words("why something is missing", 1)],
        title=f"{transfer.transfer_id}: {transfer.from_location} → {transfer.to_location}, {_state(transfer)}",
    )
    for line in transfer.lines:
        amounts = (f"{getattr(line, column):,}" for column in numbers)
        table.add(line.sku, *amounts, line.lot or "–", line.difference_reason or "–")
    told = {
        "made by": transfer.channel,
        "for reservation": transfer.reservation_id,
        "reference": transfer.reference,
        "reason": transfer.reason,
        "expected on": transfer.expected_on,
    }
    return Group(table, Text(", ".join(f"{name} {printable(text)}" for name, text in told.items() if text)))


def _state(transfer: pb2.Transfer) -> str:
    return _STATES.get(transfer.state, str(transfer.state))


def _document(transfer: pb2.Transfer) -> dict[str, Any]:
    return {
        "transfer_id": transfer.transfer_id,
        "state": _state(transfer),
        "from_location": transfer.from_location,
        "to_location": transfer.to_location,
        "channel": transfer.channel,
        "reservation_id": transfer.reservation_id or None,
        "reference": transfer.reference,
        "reason": transfer.reason,
        "created_at": transfer.created_at.ToJsonString(),
        "shipped_at": transfer.shipped_at.ToJsonString() if transfer.HasField("shipped_at") else None,
        "ended_at": transfer.ended_at.ToJsonString() if transfer.HasField("ended_at") else None,
        "expected_on": transfer.expected_on or None,
        "lines": [
            {
                "sku": line.sku,
                "lot": line.lot or None,
                "requested": line.requested,
                "shipped": line.shipped,
                "received": line.received,
                "missing": line.missing,
                "difference_reason": line.difference_reason or None,
                "serials": list(line.serials),
            }
            for line in transfer.lines
        ],
    }
