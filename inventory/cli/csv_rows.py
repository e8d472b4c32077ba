"""What the columns of each kind of file mean: rows become messages, messages become rows."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from inventory.cli.csv_file import Columns, integer, shown
from inventory.domain import barcode
from inventory.domain.code import free_text, location_code, lot_code, sku_code
from inventory.domain.limits import (
    ATTRIBUTES_BYTES_MAX,
    ATTRIBUTES_MAX,
    BARCODES_MAX,
    CATEGORY_BYTES_MAX,
    NAME_BYTES_MAX,
    QUANTITY_MAX,
    UNIT_BYTES_MAX,
    UNIT_DIGITS_MAX,
)
from inventory.domain.refusal import Reason, Refusal
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2

Row = TypeVar("Row", bound=Message)
StockRow = stock_pb2.StockAdjustment | stock_pb2.ReceiveStockRequest

_DISPOSITIONS = {
    "": core_pb2.DISPOSITION_UNSPECIFIED,
    "sellable": core_pb2.DISPOSITION_SELLABLE,
    "quality_control": core_pb2.DISPOSITION_QUALITY_CONTROL,
    "damaged": core_pb2.DISPOSITION_DAMAGED,
    "quarantined": core_pb2.DISPOSITION_QUARANTINED,
}
_UNSELLABLE = ("quality_control", "damaged", "quarantined")
_LOCATION_KINDS = {
    "": catalog_pb2.LOCATION_KIND_UNSPECIFIED,
    "warehouse": catalog_pb2.LOCATION_KIND_WAREHOUSE,
    "shop": catalog_pb2.LOCATION_KIND_SHOP,
    "pickup_point": catalog_pb2.LOCATION_KIND_PICKUP_POINT,
    "external": catalog_pb2.LOCATION_KIND_EXTERNAL,
}
_LOCATION_KIND_NAMES = {number: name for name, number in _LOCATION_KINDS.items()}
_BOOLEANS = {"": None, "true": True, "false": False}


@dataclass(frozen=True)
class Table(Generic[Row]):
    """One kind of file. `parse` takes the fields in the order of `columns` and raises `Refusal`, whose field is the
    column; `unique` names what may stand in the file only once."""

    noun: str
    columns: Columns
    parse: Callable[[Sequence[str]], Row]
    unique: Callable[[Row], str] | None = None


def _parse_sku(fields: Sequence[str]) -> catalog_pb2.Sku:
    code, name, category, unit, unit_digits, barcodes, active, attributes = fields
    digits = integer(unit_digits, "unit_digits") if unit_digits else 0
    if not 0 <= digits <= UNIT_DIGITS_MAX:
        raise Refusal(Reason.UNIT_DIGITS_OUT_OF_RANGE, f"unit_digits is 0 to {UNIT_DIGITS_MAX}", field="unit_digits")
    numbers = [barcode.checked(text, "barcodes") for text in barcodes.split()]
    if len(numbers) > BARCODES_MAX:
        raise Refusal(Reason.TOO_MANY_LINES, f"a SKU has at most {BARCODES_MAX} barcodes", field="barcodes")
    return catalog_pb2.Sku(
        sku=sku_code(code, "sku"),
        name=free_text(name, NAME_BYTES_MAX, "name"),
        category=free_text(category, CATEGORY_BYTES_MAX, "category"),
        unit=free_text(unit, UNIT_BYTES_MAX, "unit"),
        unit_digits=digits,
        barcodes=numbers,
        active=_one_of(active, _BOOLEANS, "active"),
        attributes=_attributes(attributes),
    )


def sku_row(sku: catalog_pb2.Sku) -> list[str]:
    attributes = dict(sku.attributes)
    return [
        sku.sku,
        sku.name,
        sku.category,
        sku.unit,
        str(sku.unit_digits),
        " ".join(sku.barcodes),
        _boolean(sku.active),
        json.dumps(attributes, ensure_ascii=False, sort_keys=True) if attributes else "",
    ]


def _parse_location(fields: Sequence[str]) -> catalog_pb2.Location:
    code, name, kind, active = fields
    return catalog_pb2.Location(
        location=location_code(code, "location"),
        name=free_text(name, NAME_BYTES_MAX, "name"),
        kind=_one_of(kind, _LOCATION_KINDS, "kind"),
        active=_one_of(active, _BOOLEANS, "active"),
    )


def location_row(location: catalog_pb2.Location) -> list[str]:
    return [
        location.location,
        location.name,
        _LOCATION_KIND_NAMES.get(location.kind, ""),
        _boolean(location.active),
    ]


def _parse_stock(fields: Sequence[str]) -> StockRow:
    """What names a lot is received: a correction would not say until when the lot lasts."""
    sku, location, quantity, disposition, lot, expires_on = fields
    delta = integer(quantity, "quantity")
    if not 1 <= delta <= QUANTITY_MAX:
        raise Refusal(Reason.QUANTITY_OUT_OF_RANGE, f"quantity is 1 to {QUANTITY_MAX}", field="quantity")
    code, place = sku_code(sku, "sku"), location_code(location, "location")
    stands = _one_of(disposition, _DISPOSITIONS, "disposition")
    if lot:
        line = stock_pb2.ReceiptLine(
            sku=code,
            quantity=delta,
            disposition=stands,
            lot=lot_code(lot, "lot"),
            expires_on=_day(expires_on, "expires_on"),
        )
        return stock_pb2.ReceiveStockRequest(location=place, lines=[line])
    if expires_on:
        raise Refusal(Reason.CSV_ROW, "a last day is that of a lot", field="expires_on")
    return stock_pb2.StockAdjustment(sku=code, location=place, delta=delta, disposition=stands)


def stock_rows(level: core_pb2.Level) -> Iterator[list[str]]:
    """What lies on the shelf, a row for each disposition; none when the shelf is empty."""
    return _rows(level.sku, level.location, level.quantities)


def lot_rows(sku: str, lot: stock_pb2.LotLevel) -> Iterator[list[str]]:
    """As `stock_rows`, of one lot."""
    return _rows(sku, lot.location, lot.quantities, lot.lot, lot.expires_on)


def _rows(
    sku: str, location: str, quantities: core_pb2.Quantities, lot: str = "", expires_on: str = ""
) -> Iterator[list[str]]:
    unsellable = {name: getattr(quantities, name) for name in _UNSELLABLE}
    parts = {"sellable": quantities.on_hand - sum(unsellable.values()), **unsellable}
    for disposition, quantity in parts.items():
        left = quantity
        while left > 0:  # a row holds less than a shelf may
            yield [sku, location, str(min(left, QUANTITY_MAX)), disposition, lot, expires_on]
            left -= QUANTITY_MAX


SKUS: Table[catalog_pb2.Sku] = Table(
    "skus",
    Columns(("sku",), ("name", "category", "unit", "unit_digits", "barcodes", "active", "attributes")),
    _parse_sku,
    lambda row: row.sku,
)
LOCATIONS: Table[catalog_pb2.Location] = Table(
    "locations",
    Columns(("location",), ("name", "kind", "active")),
    _parse_location,
    lambda row: row.location,
)
STOCK: Table[StockRow] = Table(
    "stock", Columns(("sku", "location", "quantity"), ("disposition", "lot", "expires_on")), _parse_stock
)


def _attributes(text: str) -> dict[str, str]:
    """A JSON object of texts. The json module takes duplicate keys and lone surrogates, and recurses."""
    if not text:
        return {}
    try:
        found = json.loads(text, object_pairs_hook=_unique)
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            raise ValueError
        joined = "".join(key + value for key, value in found.items())
        joined.encode()
    except (ValueError, RecursionError):
        raise Refusal(
            Reason.CSV_ROW,
            f'{shown(text)} is not a JSON object of texts such as {{"brand": "ACME"}}',
            field="attributes",
        ) from None
    if len(found) > ATTRIBUTES_MAX:
        raise Refusal(Reason.TOO_MANY_LINES, f"a SKU has at most {ATTRIBUTES_MAX} attributes", field="attributes")
    free_text(joined, ATTRIBUTES_BYTES_MAX, "attributes")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


Value = TypeVar("Value")


def _one_of(text: str, choices: dict[str, Value], column: str) -> Value:
    try:
        return choices[text]
    except KeyError:
        names = ", ".join(name for name in choices if name)
        raise Refusal(Reason.CSV_ROW, f"{shown(text)} is not one of {names}, or empty", field=column) from None


def _day(text: str, column: str) -> str:
    try:
        if not text or date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise Refusal(Reason.DATE_FORMAT, f"{shown(text)} is no day as 2026-12-24 is", field=column)


def _boolean(value: bool) -> str:
    return "true" if value else "false"
