"""Kinds of files: rows become messages, messages become rows. What the columns of files of stock mean."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from google.protobuf.message import Message

from inventory.cli.csv_file import Columns, integer, shown
from inventory.domain.code import location_code, sku_code
from inventory.domain.limits import QUANTITY_MAX
from inventory.domain.refusal import Reason, Refusal
from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2

Row = TypeVar("Row", bound=Message)

_DISPOSITIONS = {
    "": core_pb2.DISPOSITION_UNSPECIFIED,
    "sellable": core_pb2.DISPOSITION_SELLABLE,
    "quality_control": core_pb2.DISPOSITION_QUALITY_CONTROL,
    "damaged": core_pb2.DISPOSITION_DAMAGED,
    "quarantined": core_pb2.DISPOSITION_QUARANTINED,
}
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


def _parse_stock(fields: Sequence[str]) -> stock_pb2.StockAdjustment:
    sku, location, quantity, disposition = fields
    delta = number_between(quantity, "quantity", 1, QUANTITY_MAX)
    return stock_pb2.StockAdjustment(
        sku=sku_code(sku, "sku"),
        location=location_code(location, "location"),
        delta=delta,
        disposition=one_of(disposition, _DISPOSITIONS, "disposition"),
    )


def stock_rows(level: core_pb2.Level) -> Iterator[list[str]]:
    """What lies on the shelf, a row for each disposition; none when the shelf is empty."""
    quantities = level.quantities
    unsellable = {name: getattr(quantities, name) for name in _UNSELLABLE}
    parts = {"sellable": quantities.on_hand - sum(unsellable.values()), **unsellable}
    for disposition, quantity in parts.items():
        left = quantity
        while left > 0:  # a row holds less than a shelf may
            yield [level.sku, level.location, str(min(left, QUANTITY_MAX)), disposition]
            left -= QUANTITY_MAX


STOCK: Table[stock_pb2.StockAdjustment] = Table(
    "stock", Columns(("sku", "location", "quantity"), ("disposition",)), _parse_stock
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


def boolean(value: bool) -> str:
    return "true" if value else "false"
