"""`inventory lots`."""

import json as encoder
from collections.abc import Sequence

from inventory.cli.fitted import FittedTable, code, number, whole
from inventory.cli.options import SERVER_DEFAULT, Json, Server
from inventory.cli.terminal import out
from inventory.v1 import stock_service_pb2 as stock_pb2

UNSELLABLE = ("quality_control", "damaged", "quarantined")
COLUMNS = ("on_hand", "held", "allocated", "available", *UNSELLABLE)


def lots(sku: str, /, *, location: str | None = None, server: Server = SERVER_DEFAULT, json: Json = False) -> int:
    """Show what of a SKU is of which lot, first-expiring first.

    Example: inventory lots MILK-1L

    Example: inventory lots MILK-1L --location shop-07

    Parameters
    ----------
    sku
        The SKU's code.
    location
        Only this location.
    """
    from inventory.cli.connection import run

    found = run(_read(sku, location, server))
    if json:
        print(encoder.dumps([_document(lot) for lot in found], ensure_ascii=False, indent=2))
    else:
        out().print(_table(found))
    return 0


async def _read(sku: str, location: str | None, server: Server) -> Sequence[stock_pb2.LotLevel]:
    from inventory.cli.connection import connect

    async with connect(server) as client:
        if location is not None:  # else an unknown one would look like an empty one
            await client.get_location(location)
        return await client.list_lots(sku, location=location or "")


def _table(found: Sequence[stock_pb2.LotLevel]) -> FittedTable:
    columns = [
        column
        for column in COLUMNS
        if column not in UNSELLABLE or any(getattr(lot.quantities, column) for lot in found)
    ]
    table = FittedTable(
        [code("lot"), whole("last day"), code("location"), *(number(column.replace("_", " ")) for column in columns)],
        caption="" if found else "nothing of any lot is on hand",
    )
    for lot in found:
        amounts = (f"{getattr(lot.quantities, column):,}" for column in columns)
        table.add(lot.lot, lot.expires_on or "–", lot.location, *amounts)
    return table


def _document(lot: stock_pb2.LotLevel) -> dict[str, object]:
    return {
        "lot": lot.lot,
        "expires_on": lot.expires_on or None,
        "location": lot.location,
        **{column: getattr(lot.quantities, column) for column in COLUMNS},
    }
