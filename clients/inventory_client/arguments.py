"""What callers may write instead of a message: tuples for lines, timedeltas for durations, datetimes for times."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from inventory.v1 import core_pb2

Line = tuple[str, str, int] | core_pb2.LineQuantity
"""(sku, location, quantity), the quantity in the SKU's smallest unit."""


def lines(given: Iterable[Line]) -> list[core_pb2.LineQuantity]:
    """
    >>> lines([("A-1", "shop-7", 2)])[0].quantity
    2
    """
    return [
        line
        if isinstance(line, core_pb2.LineQuantity)
        else core_pb2.LineQuantity(sku=line[0], location=line[1], quantity=line[2])
        for line in given
    ]


def duration(given: timedelta) -> Duration:
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
