"""What callers may write instead of a message: tuples for lines, timedeltas for durations, datetimes for times."""

from collections.abc import Iterable
from datetime import datetime, timedelta
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


def _rows(given: Iterable[object], kind: type[Row], noun: str, number: str) -> list[Row]:
    what = f'{noun} are a list of (sku, location, {number}), as [("A-1", "shop-7", 2)]'
    if isinstance(given, str | bytes | Message) or not isinstance(given, Iterable):
        raise TypeError(f"{what}, not {given!r:.200}")
    rows = []
    for position, each in enumerate(given):
        match each:
            case kind():
                rows.append(each)
            case (str(sku), str(location), int(amount)):
                rows.append(kind(sku=sku, location=location, **{number: amount}))
            case _:
                raise TypeError(f"{what}; {noun}[{position}] is {each!r:.200}")
    return rows


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
