"""`inventory promise`."""

import json as encoder
import re
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from inventory.cli import said
from inventory.cli.explain import ForWhat, due_in_json
from inventory.cli.failure import Failed, printable
from inventory.cli.movements import amount
from inventory.cli.options import CHANNEL_DEFAULT, SERVER_DEFAULT, ChannelCode, Json, Server
from inventory.cli.terminal import out
from inventory.v1 import availability_service_pb2 as pb2
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2

if TYPE_CHECKING:
    from inventory_client import InventoryClient

StrategyName = Literal["priority", "nearest", "most-stock", "earliest-expiry", "fewest-parcels"]
Skus = Mapping[str, catalog_pb2.Sku]
_LINE = re.compile(rf"(?P<sku>.+?)(?:={said.QUANTITY})?(?:@(?P<location>[^@=]+))?")
_DEGREES = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?),(-?[0-9]+(?:\.[0-9]+)?)")
_PURPOSE_PREFIX = len("PURPOSE_")

Place = Annotated[str, Parameter(show_default=False)]
Switch = Annotated[bool, Parameter(negative="", show_default=False)]


def promise(
    *lines: Annotated[str, Parameter(name="SKU[=QUANTITY][@LOCATION]", required=True)],
    to: Place = "",
    strategy: StrategyName = "priority",
    split: Switch = False,
    pickup: Place = "",
    by_transfer: Switch = False,
    purpose: ForWhat = None,
    channel: ChannelCode = CHANNEL_DEFAULT,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Show what a customer could be promised now: where each line would come from, when it leaves and when it arrives.
    Nothing is reserved. What is short says from when there will be enough, and where else there is some.

    Example: inventory promise S-000017=2 S-000020 --channel web

    Example: inventory promise S-000017=5 --split --strategy nearest --to 52.23,21.01

    Example: inventory promise S-000017@shop-07 CHEESE=1.5kg@shop-07

    Example: inventory promise S-000017 --pickup shop-07

    Parameters
    ----------
    lines
        What, how much, and from where. Without a quantity: 1 of the SKU's smallest unit; a decimal number, or one with
        a unit, is of that unit, such as 1.5 or 2box. Without a location the service chooses. A SKU with = or @ in its
        code needs its quantity said.
    to
        Where the goods go: LATITUDE,LONGITUDE in degrees. South begins with a minus: --to=-33.87,151.21.
    strategy
        Which place comes first for lines that name none.
    split
        Let a line come from several places.
    pickup
        The location where the customer comes for it.
    by_transfer
        With --pickup: what isn't there may be brought from elsewhere.
    purpose
        What it is for. Default: what the channel is for.
    channel
        Who sells.
    """
    from inventory.cli.connection import run

    wanted = [_line(text) for text in lines]
    destination = _degrees(to) if to else None
    if by_transfer and not pickup:
        raise Failed("--by-transfer needs --pickup: the location where the customer comes for it")
    if strategy == "nearest" and destination is None:
        raise Failed("--strategy nearest needs --to: nearest to where?")

    async def read() -> tuple[pb2.CheckAvailabilityResponse, Skus]:
        from inventory.cli.connection import connect
        from inventory_client import Purpose, Strategy

        async with connect(server, channel) as client:
            told = await client.check_availability(
                wanted,
                strategy=Strategy[strategy.replace("-", "_").upper()],
                destination=destination,
                split=split,
                purpose=Purpose[purpose.replace("-", "_").upper()] if purpose else None,
                pickup=pickup,
                by_transfer=by_transfer,
            )
            return told, await _skus(client, told)

    with said.one_line() if len(wanted) == 1 else nullcontext():
        told, skus = run(read())
    if json:
        print(encoder.dumps(_document(told), ensure_ascii=False, indent=2))
    else:
        out().print(Group(*_shown(told, skus)))
    return 0


def _line(text: str) -> core_pb2.LineQuantity:
    from inventory_client import line

    found = _LINE.fullmatch(text)
    if found is None:
        raise Failed(f"not SKU[=QUANTITY][@LOCATION]: {printable(text)}")
    if found["number"] is None and "=" in found["sku"]:
        raise said.no_quantity(found["sku"].rpartition("=")[2])
    quantity, amount, unit = said.Quantity(1, "", "") if found["number"] is None else said.quantity_of(found)
    return line(found["sku"], found["location"] or "", quantity, amount=amount, unit=unit)


def _degrees(text: str) -> tuple[float, float]:
    found = _DEGREES.fullmatch(text)
    if found is None:
        raise Failed(f"--to is LATITUDE,LONGITUDE in degrees, such as 52.23,21.01, not {printable(text)}")
    return float(found[1]), float(found[2])


async def _skus(client: "InventoryClient", told: pb2.CheckAvailabilityResponse) -> Skus:
    """For their units."""
    codes = dict.fromkeys(
        code for line in told.lines for code in (line.sku, *(part.sku for part in line.parts), *_due_skus(line))
    )
    return {code: await client.get_sku(code) for code in codes}


def _due_skus(line: pb2.PromisedLine) -> Iterator[str]:
    return (due.sku for due in line.due_in)


def _shown(told: pb2.CheckAvailabilityResponse, skus: Skus) -> Iterator[RenderableType]:
    table = Table(title=Text(_said(told)), title_justify="left")
    table.add_column("SKU", overflow="fold")
    table.add_column("quantity", justify="right", no_wrap=True)
    table.add_column("from", overflow="fold")
    lots = any(part.lot for line in told.lines for part in line.parts)
    if lots:
        table.add_column("lot", overflow="fold")
    for column in ("leaves", "arrives"):
        table.add_column(column, no_wrap=True)
    for line in told.lines:
        for part in line.parts:
            waits = " waiting" if part.backordered else ""
            quantity = f"{_amount(part.quantity, skus[part.sku])}{waits}"
            cells = [printable(part.sku), quantity, printable(part.location)]
            cells += [printable(part.lot)] if lots else []
            table.add_row(*map(Text, (*cells, _leaves(part), _arrives(part))))
        if line.promised < line.requested:
            missing = f"{_amount(line.requested - line.promised, skus[line.sku])} short"
            table.add_row(Text(printable(line.sku)), Text(missing, style="yellow"))
    yield table
    for line in told.lines:
        yield from _remarks(line, skus)


def _said(told: pb2.CheckAvailabilityResponse) -> str:
    if not told.promisable:
        return "Not all of it can be promised now"
    parcels = f"{told.parcels:,} parcel{'s' if told.parcels > 1 else ''}"
    if told.HasField("ready_at"):
        sent = f", with {parcels} sent there" if told.parcels else ""
        return f"All of it, ready for collection {told.ready_at.ToDatetime():%Y-%m-%d %H:%M}Z{sent}"
    when = f"arriving {told.arrives_on}" if told.arrives_on else "nobody knows yet when it arrives"
    return f"All of it, in {parcels}, {when}"


def _leaves(part: pb2.PromisedPart) -> str:
    if not part.HasField("leaves_at"):
        return "when goods come" if part.backordered else "not known"
    return f"{part.leaves_at.ToDatetime():%Y-%m-%d %H:%M}Z"


def _arrives(part: pb2.PromisedPart) -> str:
    return "the same day" if part.same_day else part.arrives_on or "not known"


def _remarks(line: pb2.PromisedLine, skus: Skus) -> Iterator[Text]:
    """What is due in, and what else there is of a line that is short, or waits."""
    short = line.promised < line.requested
    if short:
        promised = f"all {_amount(line.requested, skus[line.sku])} can be promised"
        day = line.promisable_from
        when = f"{promised} from {day} on" if day else f"nobody knows yet when {promised}"
        yield Text(printable(f"{line.sku}: {when}"))
    if short or any(part.backordered for part in line.parts):
        for due in line.due_in:
            reference = f" ({due.reference})" if due.reference else ""
            what = _amount(due.quantity, skus[due.sku])
            day = due.due_on or "no known day"
            yield Text(printable(f"  due in: {what} of {due.sku} at {due.location} on {day}{reference}"))
    for other in line.alternatives:
        use = core_pb2.Purpose.Name(other.purpose)[_PURPOSE_PREFIX:].lower().replace("_", "-")
        yield Text(printable(f"  elsewhere: {_amount(other.available, skus[line.sku])} at {other.location}, {use}"))


def _amount(quantity: int, sku: catalog_pb2.Sku) -> str:
    return amount(quantity, sku.unit_digits, sku.unit)


def _document(told: pb2.CheckAvailabilityResponse) -> dict[str, Any]:
    return {
        "promisable": told.promisable,
        "arrives_on": told.arrives_on,
        "ready_at": told.ready_at.ToJsonString() if told.HasField("ready_at") else None,
        "parcels": told.parcels,
        "lines": [
            {
                "sku": line.sku,
                "requested": line.requested,
                "promised": line.promised,
                "parts": [_part_json(part) for part in line.parts],
                "due_in": [due_in_json(due) for due in line.due_in],
                "promisable_from": line.promisable_from,
                "alternatives": [
                    {
                        "location": other.location,
                        "available": other.available,
                        "purpose": core_pb2.Purpose.Name(other.purpose)[_PURPOSE_PREFIX:],
                    }
                    for other in line.alternatives
                ],
            }
            for line in told.lines
        ],
        "revision": told.revision,
    }


def _part_json(part: pb2.PromisedPart) -> dict[str, Any]:
    return {
        "sku": part.sku,
        "location": part.location,
        "quantity": part.quantity,
        "backordered": part.backordered,
        "lot": part.lot,
        "leaves_at": part.leaves_at.ToJsonString() if part.HasField("leaves_at") else None,
        "arrives_on": part.arrives_on,
        "same_day": part.same_day,
    }
