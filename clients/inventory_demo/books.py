"""What the server's books say."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import takewhile
from operator import add
from typing import TypeVar
from uuid import uuid4

from inventory.v1 import core_pb2
from inventory_client.sync import SyncInventoryClient
from inventory_demo.quantities import Key, Quantities, quantities

STEP_ROWS = 1_000
LIVE = (core_pb2.RESERVATION_STATE_HELD, core_pb2.RESERVATION_STATE_ALLOCATED)

Row = TypeVar("Row")
Advance = Callable[[int], object]
"""Is told how many rows more are read."""


def head(client: SyncInventoryClient, timeout_s: float | None = None) -> int:
    """The last revision there is."""
    return client.request_bookmark(str(uuid4()), timeout_s=timeout_s).revision


def levels(client: SyncInventoryClient, locations: Sequence[str], advance: Advance) -> dict[Key, Quantities]:
    """Every level at these locations, from the levels themselves."""
    found: dict[Key, Quantities] = {}
    for level in _counted(client.list_stock(locations=locations), advance):
        found[level.sku, level.location] = quantities(level.quantities)
    return found


def ledger(client: SyncInventoryClient, after: int, location_prefix: str, advance: Advance) -> dict[Key, Quantities]:
    """The sums of every movement after a revision, at the locations whose code begins so."""
    sums: dict[Key, Quantities] = {}
    newer = takewhile(lambda movement: movement.revision > after, client.list_movements())
    for movement in _counted(newer, advance):
        if not movement.location.startswith(location_prefix):
            continue
        key = (movement.sku, movement.location)
        delta = quantities(movement.delta)
        before = sums.get(key)
        sums[key] = delta if before is None else tuple(map(add, before, delta))
    return sums


def live_reservations(address: str, channels: Sequence[str], known: AbstractSet[str]) -> int:
    """How many of these reservations still hold or are allocated something."""
    return sum(
        found in known for channel in channels for state in LIVE for found in _reservation_ids(address, channel, state)
    )


def expired_reservations(address: str, channel: str) -> frozenset[str]:
    """Those of a channel that ran out."""
    return frozenset(_reservation_ids(address, channel, core_pb2.RESERVATION_STATE_EXPIRED))


def _reservation_ids(address: str, channel: str, state: core_pb2.ReservationState) -> Iterator[str]:
    with SyncInventoryClient(address, channel) as client:
        for reservation in client.list_reservations(state=state):
            yield reservation.reservation_id


def _counted(rows: Iterable[Row], advance: Advance) -> Iterator[Row]:
    number = 0
    for number, row in enumerate(rows, 1):
        yield row
        if number % STEP_ROWS == 0:
            advance(STEP_ROWS)
    advance(number % STEP_ROWS)
