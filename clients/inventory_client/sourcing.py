"""How a promise is to be made: what for, from where, and where the customer comes for it."""

from __future__ import annotations  # so that `help` names enums, which are objects of protobuf, as we do

from enum import IntEnum
from typing import TypeVar

from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as pb2

Degrees = tuple[float, float]
"""Latitude and longitude on WGS 84, north and east positive."""


Named = TypeVar("Named", bound=IntEnum)


class Purpose(IntEnum):
    """What stock is promised for; the numbers are the API's."""

    ONLINE = core_pb2.PURPOSE_ONLINE
    """Sent to the customer."""
    PICKUP = core_pb2.PURPOSE_PICKUP
    """Collected by the customer."""
    WALK_IN = core_pb2.PURPOSE_WALK_IN
    """Taken along from the shelf."""


class Strategy(IntEnum):
    """Which place comes first for lines that name none; the numbers are the API's."""

    PRIORITY = pb2.SOURCING_STRATEGY_PRIORITY
    """In the channel's own order."""
    NEAREST = pb2.SOURCING_STRATEGY_NEAREST
    """The nearest to the destination."""
    MOST_STOCK = pb2.SOURCING_STRATEGY_MOST_STOCK
    """Where there is most of it."""
    EARLIEST_EXPIRY = pb2.SOURCING_STRATEGY_EARLIEST_EXPIRY
    """Where a lot expires first."""
    FEWEST_PARCELS = pb2.SOURCING_STRATEGY_FEWEST_PARCELS
    """As few places as possible for the whole order."""


def as_sourcing(
    strategy: Strategy | str = Strategy.PRIORITY, destination: Degrees | None = None, *, split: bool = False
) -> pb2.Sourcing | None:
    """None: nothing is said. Raises `TypeError` for a destination that is no pair, `ValueError` for a strategy that
    there isn't.

    >>> as_sourcing(Strategy.NEAREST, (52.23, 21.01)).destination.latitude
    52.23
    """
    strategy = _named(strategy, Strategy, "strategy")
    if strategy == Strategy.PRIORITY and destination is None and not split:
        return None
    message = pb2.Sourcing(strategy=pb2.SourcingStrategy.Name(strategy), split=split)
    if destination is not None:
        match destination:
            case (float() | int() as latitude, float() | int() as longitude):
                message.destination.CopyFrom(core_pb2.Point(latitude=latitude, longitude=longitude))
            case _:
                raise TypeError(f"a destination is (latitude, longitude), as (52.23, 21.01), not {destination!r:.200}")
    return message


def as_pickup(location: str, *, by_transfer: bool = False) -> pb2.Pickup | None:
    """None: nothing is collected. Raises `ValueError` for a transfer to nowhere.

    >>> as_pickup("shop-7").location
    'shop-7'
    """
    if not location:
        if by_transfer:
            raise ValueError("by_transfer needs pickup=: the location where the customer comes for it")
        return None
    return pb2.Pickup(location=location, by_transfer=by_transfer)


def as_purpose(given: Purpose | str | None) -> str:
    """As messages take it. None: what the channel is for. Raises `ValueError` for one that there isn't.

    >>> as_purpose("walk-in")
    'PURPOSE_WALK_IN'
    """
    if given is None:
        return core_pb2.Purpose.Name(core_pb2.PURPOSE_UNSPECIFIED)
    return core_pb2.Purpose.Name(_named(given, Purpose, "purpose"))


def _named(given: Named | str, kind: type[Named], argument: str) -> Named:
    """By the name as text too: "most stock", "most-stock" or "MOST_STOCK"."""
    try:
        return (
            kind[given.strip().replace("-", "_").replace(" ", "_").upper()] if isinstance(given, str) else kind(given)
        )
    except (KeyError, ValueError):
        names = ", ".join(f"{kind.__name__}.{each.name}" for each in kind)
        raise ValueError(f"{argument} is one of {names}, or such a name as text, not {given!r:.200}") from None
