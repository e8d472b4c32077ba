"""What callers may write instead of a message: tuples for lines, timedeltas for durations, datetimes for times."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2

Line = tuple[str, str, int] | core_pb2.LineQuantity
"""(sku, location, quantity), the quantity in the SKU's smallest unit; without a location ("") the service chooses. What
tuples don't say, `line` does."""
Adjustment = tuple[str, str, int] | stock_pb2.StockAdjustment
"""(sku, location, delta), as a `Line`."""
Incoming = tuple[str, str, int, date | str | None] | stock_pb2.IncomingLine
"""(sku, location, quantity, day), the day as a date or "2026-12-24"."""
Receipt = tuple[str, int] | stock_pb2.ReceiptLine
"""(sku, quantity)."""
Row = TypeVar("Row", bound=Message)


def line(
    sku: str,
    location: str = "",
    quantity: int = 0,
    *,
    amount: str = "",
    unit: str = "",
    serials: Iterable[str] = (),
) -> core_pb2.LineQuantity:
    """A line in another unit than the SKU's smallest, or of named pieces. `amount`: instead of `quantity`, a decimal
    number of `unit`; no unit: the SKU's own. `serials`: as many as the quantity.

    >>> line("A-1", amount="1.5", unit="kg").amount
    '1.5'
    """
    return core_pb2.LineQuantity(
        sku=sku, location=location, quantity=quantity, amount=amount, unit=unit, serials=codes(serials, "serials")
    )


def lines(given: Iterable[Line]) -> list[core_pb2.LineQuantity]:
    """Raises `TypeError` with what is expected.

    >>> lines([("A-1", "shop-7", 2)])[0].quantity
    2
    """
    return _rows(given, core_pb2.LineQuantity, "lines", "quantity")


def adjustments(given: Iterable[Adjustment]) -> list[stock_pb2.StockAdjustment]:
    """Raises `TypeError` with what is expected.

    >>> adjustments([("A-1", "shop-7", -2)])[0].delta
    -2
    """
    return _rows(given, stock_pb2.StockAdjustment, "adjustments", "delta")


def incoming(given: Iterable[Incoming]) -> list[stock_pb2.IncomingLine]:
    """Raises `TypeError` with what is expected.

    >>> incoming([("A-1", "shop-7", 50, date(2026, 12, 24))])[0].due_on
    '2026-12-24'
    """
    what = 'lines are a list of (sku, location, quantity, day), as [("A-1", "shop-7", 50, "2026-12-24")]'
    rows = []
    for position, each in enumerate(_listed(given, what)):
        match each:
            case stock_pb2.IncomingLine():
                rows.append(each)
            case (str(sku), str(location), int(quantity), date() | str() | None as day):
                due_on = str(day or "")
                rows.append(stock_pb2.IncomingLine(sku=sku, location=location, quantity=quantity, due_on=due_on))
            case _:
                raise TypeError(f"{what}; lines[{position}] is {each!r:.200}")
    return rows


def receipts(given: Iterable[Receipt]) -> list[stock_pb2.ReceiptLine]:
    """Raises `TypeError` with what is expected.

    >>> receipts([("A-1", 5)])[0].quantity
    5
    """
    what = 'lines are a list of (sku, quantity), as [("A-1", 5)], or of ReceiptLine'
    rows = []
    for position, each in enumerate(_listed(given, what)):
        match each:
            case stock_pb2.ReceiptLine():
                rows.append(each)
            case (str(sku), int(quantity)):
                rows.append(stock_pb2.ReceiptLine(sku=sku, quantity=quantity))
            case _:
                raise TypeError(f"{what}; lines[{position}] is {each!r:.200}")
    return rows


def whole(given: int, name: str) -> int:
    """Raises `TypeError` for what is no whole number."""
    if not isinstance(given, int):
        raise TypeError(f"{name} is a whole number of the SKU's smallest unit, as {name}=5, not {given!r:.200}")
    return given


def _rows(given: Iterable[object], kind: type[Row], noun: str, number: str) -> list[Row]:
    what = f'{noun} are a list of (sku, location, {number}), as [("A-1", "shop-7", 2)]'
    rows = []
    for position, each in enumerate(_listed(given, what)):
        match each:
            case kind():
                rows.append(each)
            case (str(sku), str(location), int(amount)):
                rows.append(kind(sku=sku, location=location, **{number: amount}))
            case _:
                raise TypeError(f"{what}; {noun}[{position}] is {each!r:.200}")
    return rows


def _listed(given: object, what: str) -> Iterable[object]:
    if isinstance(given, str | bytes | Message) or not isinstance(given, Iterable):
        raise TypeError(f"{what}, not {given!r:.200}")
    return given


def codes(given: Iterable[str], name: str) -> list[str]:
    """Raises `TypeError` for one text, which would be taken for its letters."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise TypeError(f'{name} are a list, as {name}=["{given}"], not {given!r:.200}')
    return list(given)


def duration(given: timedelta) -> Duration:
    """Raises `TypeError`: seconds as a bare number are not taken."""
    if not isinstance(given, timedelta):
        raise TypeError(f"a duration is a timedelta, as timedelta(seconds=5), not {given!r:.200}")
    message = Duration()
    message.FromTimedelta(given)
    return message


def timestamp(given: datetime | None) -> Timestamp | None:
    """Raises `ValueError` for a time without its zone, which would be taken for UTC."""
    if given is None:
        return None
    if given.tzinfo is None:
        raise ValueError("a time needs its zone")
    message = Timestamp()
    message.FromDatetime(given)
    return message
