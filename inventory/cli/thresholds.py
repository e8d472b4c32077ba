"""`inventory thresholds`."""

import json as encoder
from typing import Annotated

from cyclopts import Parameter

from inventory.cli.csv_file import shown
from inventory.cli.failure import Failed, printable
from inventory.cli.movements import amount
from inventory.cli.options import SERVER_DEFAULT, Json, Server
from inventory.cli.said import INT64_MAX
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2

NAMES = ("safety_stock", "reorder_point", "backorder_limit")
DIGITS_MAX = len(str(INT64_MAX))

Threshold = Annotated[str | None, Parameter(show_default=False, allow_leading_hyphen=True)]


def thresholds(
    sku: str,
    location: str,
    /,
    *,
    safety_stock: Threshold = None,
    reorder_point: Threshold = None,
    backorder_limit: Threshold = None,
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Show the thresholds of a SKU at a location, or set those that are named; the others stay.

    Each is a whole number of the SKU's smallest unit, or `none`: not set, which differs from 0.

    Example: inventory thresholds S-000017 shop-07 --reorder-point 10 --safety-stock 3

    Example: inventory thresholds S-000017 shop-07 --backorder-limit none

    Parameters
    ----------
    sku
        The SKU's code, or one of its barcodes.
    location
        The location's code.
    safety_stock
        With less than this available there is the alarm low_stock.
    reorder_point
        At or below it there is the alarm reorder_point.
    backorder_limit
        How much may be back-ordered here at most; where neither SKU nor channel has a policy, it is the policy.
    """
    from inventory.cli.connection import connect, run
    from inventory.cli.stock import find_sku

    given = zip(NAMES, (safety_stock, reorder_point, backorder_limit), strict=True)
    wanted = {name: _number(text, name) for name, text in given if text is not None}

    async def work() -> tuple[catalog_pb2.Sku, core_pb2.Level]:
        async with connect(server) as client:
            known = await find_sku(client, sku)
            level = await client.get_stock(known.sku, location)
            if wanted:
                values = _set(level) | wanted
                answer = await client.set_thresholds(
                    known.sku,
                    location,
                    safety_stock=values["safety_stock"],
                    reorder_point=values["reorder_point"],
                    backorder_limit=values["backorder_limit"],
                )
                level = answer.level
            return known, level

    known, level = run(work())
    if json:
        document = {"sku": known.sku, "unit": known.unit, "unit_digits": known.unit_digits, "location": level.location}
        print(encoder.dumps(document | _set(level), ensure_ascii=False, indent=2))
        return 0
    said = (
        f"{name.replace('_', ' ')} {'none' if value is None else amount(value, known.unit_digits, known.unit)}"
        for name, value in _set(level).items()
    )
    print(printable(f"{known.sku} at {level.location}: {', '.join(said)}"))
    return 0


def _set(level: core_pb2.Level) -> dict[str, int | None]:
    return {
        "safety_stock": level.safety_stock if level.HasField("safety_stock") else None,
        "reorder_point": level.reorder_point if level.HasField("reorder_point") else None,
        "backorder_limit": level.backorder_limit if level.HasField("backorder_limit") else None,
    }


def _number(text: str, name: str) -> int | None:
    """Raises `Failed`."""
    if text == "none":
        return None
    if not (text.isascii() and text.isdigit()):
        raise Failed(f"--{name.replace('_', '-')} is a whole number of the SKU's smallest unit, or none: {shown(text)}")
    return INT64_MAX if len(text) >= DIGITS_MAX else int(text)
