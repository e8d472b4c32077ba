"""`inventory stock`."""

import json as encoder
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType

from inventory.cli.failure import Failed
from inventory.cli.fitted import FittedTable, code, moment, number, whole, words
from inventory.cli.movements import amount, changes, kind, level_json, movement_json, time, why
from inventory.cli.options import SERVER_DEFAULT, Json, Server
from inventory.cli.terminal import out
from inventory.domain.limits import PAGE_ROWS_MAX
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2

if TYPE_CHECKING:
    from inventory_client import InventoryClient

COLUMNS = ("on_hand", "held", "allocated", "available")
SELDOM = ("quality_control", "damaged", "quarantined", "backordered", "in_transit", "incoming")
"""Shown when there is some of it."""


def stock(
    sku: str,
    /,
    *,
    location: str | None = None,
    movements: int = 10,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Show where a SKU lies, how much of it, and what happened to it last.

    Example: inventory stock S-000017

    Example: inventory stock S-000017 --location shop-07 --movements 50

    Parameters
    ----------
    sku
        The SKU's code, or one of its barcodes.
    location
        Only this location.
    movements
        How many of the last movements, up to 1,000; they take the scope report.
    """
    from inventory.cli.connection import run

    if not 0 <= movements <= PAGE_ROWS_MAX:
        raise Failed(f"--movements is 0 to {PAGE_ROWS_MAX}")
    found, levels, ledger = run(_read(sku, location, movements, server))
    if json:
        print(encoder.dumps(_document(found, levels, ledger), ensure_ascii=False, indent=2))
    else:
        out().print(Group(_levels(found, levels), _ledger(found, ledger)))
    return 0


async def _read(
    text: str, location: str | None, movements: int, server: Server
) -> tuple[catalog_pb2.Sku, list[core_pb2.Level], list[core_pb2.Movement] | None]:
    from inventory.cli.connection import connect

    async with connect(server) as client:
        sku = await find_sku(client, text)
        if location is not None:  # else an unknown one would look like an empty one
            await client.get_location(location)
        places = [] if location is None else [location]
        levels = [level async for level in client.list_stock(skus=[sku.sku], locations=places)]
        return sku, levels, await _last(client, sku.sku, location or "", movements)


async def _last(client: "InventoryClient", sku: str, location: str, movements: int) -> list[core_pb2.Movement] | None:
    """The last movements; None for a channel that may read stock but not the ledger."""
    from inventory_client import PermissionDenied

    ledger: list[core_pb2.Movement] = []
    if movements:
        try:
            async for row in client.list_movements(sku=sku, location=location, page_size=movements):
                ledger.append(row)
                if len(ledger) == movements:
                    break
        except PermissionDenied:
            return None
    return ledger


async def find_sku(client: "InventoryClient", text: str) -> catalog_pb2.Sku:
    """By code or barcode."""
    from inventory_client import NotFound

    try:
        return await client.get_sku(text)
    except NotFound:
        if not (text.isascii() and text.isdigit()):
            raise
    return await client.get_sku(barcode=text)


def _levels(sku: catalog_pb2.Sku, levels: list[core_pb2.Level]) -> FittedTable:
    name = f" {sku.name}" if sku.name != sku.sku else ""
    state = "" if sku.active else ", inactive"
    seldom = [name for name in SELDOM if any(getattr(level.quantities, name) for level in levels)]
    columns = (*COLUMNS, *seldom)
    totals = (sum(getattr(level.quantities, column) for level in levels) for column in columns)
    table = FittedTable(
        [code("location"), *(number(column.replace("_", " ")) for column in columns), number("revision", 1)],
        title=f"{sku.sku}{name} (in {sku.unit}{state})",
        caption="" if levels else "nothing ever moved here",
        footers=[f"{len(levels)} locations", *(amount(total, sku.unit_digits, sku.unit) for total in totals), ""]
        if len(levels) > 1
        else (),
    )
    for level in levels:
        cells = [amount(getattr(level.quantities, column), sku.unit_digits, sku.unit) for column in columns]
        table.add(level.location, *cells, f"{level.revision:,}")
    return table


def _ledger(sku: catalog_pb2.Sku, ledger: list[core_pb2.Movement] | None) -> RenderableType:
    if ledger is None:
        return "the movements take the scope report"
    table = FittedTable(
        [
            number("revision", 1), moment("time"), code("location"), whole("what"), words("change"),
            number("on hand after"), number("available after", 2), code("why", 3),
        ],
        title="Last movements, newest first",
    )  # fmt: skip
    for movement in ledger:
        table.add(
            f"{movement.revision:,}",
            time(movement),
            movement.location,
            kind(movement),
            ", ".join(changes(movement, sku.unit_digits)) or "–",
            amount(movement.after.on_hand, sku.unit_digits),
            amount(movement.after.available, sku.unit_digits),
            why(movement, short=True),
        )
    return table


def _document(
    sku: catalog_pb2.Sku, levels: list[core_pb2.Level], ledger: list[core_pb2.Movement] | None
) -> dict[str, Any]:
    """`movements` is null where the channel may not read them."""
    return {
        "sku": sku.sku,
        "name": sku.name,
        "unit": sku.unit,
        "unit_digits": sku.unit_digits,
        "active": sku.active,
        "levels": [level_json(level) for level in levels],
        "movements": None if ledger is None else [movement_json(movement) for movement in ledger],
    }
