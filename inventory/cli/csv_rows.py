"""Kinds of files: rows become messages, messages become rows. What the columns of files of stock mean."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from google.protobuf.message import Message

from inventory.cli.csv_file import Columns, integer, shown
from inventory.domain.code import calendar_date, location_code, lot_code, sku_code
from inventory.domain.limits import QUANTITY_MAX
from inventory.domain.refusal import Reason, Refusal
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
_BOOLEANS = {"": None, "true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
_UNSELLABLE = ("quality_control", "damaged", "quarantined")


@dataclass(frozen=True)
class Table(Generic[Row]):
    """One kind of file. `parse` takes the fields in the order of `columns` and raises `Refusal`, whose field is the
    column; `unique` names what may stand in the file only once, `parts` what of it a row needs to be there before."""

    noun: str
    columns: Columns
    parse: Callable[[Sequence[str]], Row]
    unique: Callable[[Row], str] | None = None
    parts: Callable[[Row], Sequence[str]] | None = None


@dataclass
class Judged:
    """A file whose rows are all good: how many, their codes, and which of them need others to be there."""

    rows: int = 0
    codes: set[str] = field(default_factory=set)
    composed: set[str] = field(default_factory=set)

    def add(self, table: Table[Row], message: Row) -> None:
        """Raises CODE_TAKEN."""
        if table.unique is None:
            return
        code = table.unique(message)
        if code in self.codes:
            raise Refusal(Reason.CODE_TAKEN, f"{code!r} stands twice in the file")
        self.codes.add(code)
        if table.parts is not None and table.parts(message):
            self.composed.add(code)

    def turn(self, table: Table[Row], message: Row) -> int:
        """When it is sent: what needs nothing, what needs such, what needs the latter."""
        parts = table.parts(message) if table.parts is not None else ()
        return 0 if not parts else 1 if self.composed.isdisjoint(parts) else 2


def _parse_stock(fields: Sequence[str]) -> StockRow:
    """What names a lot is received: a correction would not say until when the lot lasts."""
    sku, location, quantity, disposition, lot, expires_on = fields
    delta = number_between(quantity, "quantity", 1, QUANTITY_MAX)
    code, place = sku_code(sku, "sku"), location_code(location, "location")
    stands = one_of(disposition, _DISPOSITIONS, "disposition")
    if lot:
        line = stock_pb2.ReceiptLine(
            sku=code,
            quantity=delta,
            disposition=stands,
            lot=lot_code(lot, "lot"),
            expires_on=quoting(calendar_date, expires_on, "expires_on"),
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


STOCK: Table[StockRow] = Table(
    "stock", Columns(("sku", "location", "quantity"), ("disposition", "lot", "expires_on")), _parse_stock
)


Value = TypeVar("Value")


def one_of(text: str, choices: dict[str, Value], column: str) -> Value:
    """Raises CSV_ROW."""
    try:
        return choices[text]
    except KeyError:
        names = ", ".join(name for name in choices if name)
        raise Refusal(Reason.CSV_ROW, f"{shown(text)} is not one of {names}, or empty", field=column) from None


def number_between(text: str, column: str, low: int, high: int) -> int:
    """Raises NOT_AN_INTEGER, QUANTITY_OUT_OF_RANGE."""
    number = integer(text, column)
    if not low <= number <= high:
        raise Refusal(Reason.QUANTITY_OUT_OF_RANGE, f"{column} is {low} to {high}", field=column)
    return number


def quoting(check: Callable[[str, str], object], text: str, column: str) -> str:
    """The text itself, when it is empty or `check` takes it. Raises its `Refusal`, which says what the text is."""
    if text:
        try:
            check(text, column)
        except Refusal as refusal:
            raise Refusal(refusal.reason, f"{shown(text)}: {refusal.message}", field=column) from None
    return text


def boolean_of(text: str, column: str) -> bool | None:
    """As people and spreadsheets write it; '': not said. Raises CSV_ROW."""
    known = text.lower()
    return one_of(known if known in _BOOLEANS else text, _BOOLEANS, column)


def boolean(value: bool) -> str:
    return "true" if value else "false"
