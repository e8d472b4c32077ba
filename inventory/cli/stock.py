"""`inventory stock`."""

import json as encoder
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from inventory.cli.failure import Failed, printable
from inventory.cli.movements import amount, changes, kind, level_json, movement_json, time, why
from inventory.cli.options import SERVER_DEFAULT, Json, ServerAddress
from inventory.cli.terminal import out
from inventory.domain.limits import PAGE_ROWS_MAX
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2

if TYPE_CHECKING:
    from inventory_client import InventoryClient

COLUMNS = ("on_hand", "held", "allocated", "available")
UNSELLABLE = ("quality_control", "damaged", "quarantined")


def stock(
    sku: str,
    /,
    *,
    location: str | None = None,
    movements: int = 10,
    server: ServerAddress = SERVER_DEFAULT,
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
        How many of the last movements, up to 1,000.
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
    code: str, location: str | None, movements: int, address: str
) -> tuple[catalog_pb2.Sku, list[core_pb2.Level], list[core_pb2.Movement]]:
    from inventory.cli.connection import connect

    async with connect(address) as client:
        sku = await find_sku(client, code)
        if location is not None:  # else an unknown one would look like an empty one
            await client.get_location(location)
        places = [] if location is None else [location]
        levels = [level async for level in client.list_stock(skus=[sku.sku], locations=places)]
        ledger: list[core_pb2.Movement] = []
        if movements:
            async for row in client.list_movements(sku=sku.sku, location=location or "", page_size=movements):
                ledger.append(row)
                if len(ledger) == movements:
                    break
    return sku, levels, ledger


async def find_sku(client: "InventoryClient", code: str) -> catalog_pb2.Sku:
    """By code or barcode."""
    from inventory_client import NotFound

    try:
        return await client.get_sku(code)
    except NotFound:
        if not (code.isascii() and code.isdigit()):
            raise
    return await client.get_sku(barcode=code)


def _levels(sku: catalog_pb2.Sku, levels: list[core_pb2.Level]) -> Table:
    name = f" {sku.name}" if sku.name != sku.sku else ""
    state = "" if sku.active else ", inactive"
    table = Table(
        title=Text(printable(f"{sku.sku}{name} (in {sku.unit}{state})")),
        title_justify="left",
        show_footer=len(levels) > 1,
    )
    unsellable = [name for name in UNSELLABLE if any(getattr(level.quantities, name) for level in levels)]
    columns = (*COLUMNS, *unsellable)
    table.add_column("location", footer=f"{len(levels)} locations")
    for column in columns:
        total = sum(getattr(level.quantities, column) for level in levels)
        table.add_column(
            column.replace("_", " "),
            footer=amount(total, sku.unit_digits, sku.unit),
            justify="right",
            no_wrap=True,
        )
    table.add_column("revision", justify="right")
    for level in levels:
        cells = [amount(getattr(level.quantities, column), sku.unit_digits, sku.unit) for column in columns]
        table.add_row(Text(level.location), *map(Text, cells), f"{level.revision:,}")
    if not levels:
        table.caption = "nothing ever moved here"
    return table


def _ledger(sku: catalog_pb2.Sku, ledger: list[core_pb2.Movement]) -> Table:
    table = Table(title="Last movements, newest first", title_justify="left")
    for column in ("revision", "time", "location", "what", "change", "on hand after", "available after", "why"):
        right = "after" in column or column == "revision"
        table.add_column(
            column,
            justify="right" if right else "left",
            no_wrap=not right and column != "change",
            min_width=5 if column == "why" else 8,
        )
    for movement in ledger:
        table.add_row(
            f"{movement.revision:,}",
            time(movement),
            Text(movement.location),
            kind(movement),
            ", ".join(changes(movement, sku.unit_digits)) or "–",
            amount(movement.after.on_hand, sku.unit_digits),
            amount(movement.after.available, sku.unit_digits),
            Text(why(movement, short=True)),
        )
    return table


def _document(sku: catalog_pb2.Sku, levels: list[core_pb2.Level], ledger: list[core_pb2.Movement]) -> dict[str, Any]:
    return {
        "sku": sku.sku,
        "name": sku.name,
        "unit": sku.unit,
        "unit_digits": sku.unit_digits,
        "active": sku.active,
        "levels": [level_json(level) for level in levels],
        "movements": [movement_json(movement) for movement in ledger],
    }
