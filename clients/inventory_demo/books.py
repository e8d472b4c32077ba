"""What the server's books say."""

from collections.abc import Callable, Iterator, Sequence
from operator import add
from uuid import uuid4

from inventory.v1 import core_pb2
from inventory_client.sync import SyncInventoryClient
from inventory_demo.quantities import Key, Quantities, quantities

STEP_ROWS = 1_000

Advance = Callable[[int], object]
"""Is told how many rows more are read."""


def head(client: SyncInventoryClient) -> int:
    """The last revision there is."""
    return client.request_bookmark(str(uuid4())).revision


def levels(client: SyncInventoryClient, locations: Sequence[str], advance: Advance) -> dict[Key, Quantities]:
    """Every level at these locations, from the levels themselves."""
    found: dict[Key, Quantities] = {}
    for row, level in enumerate(client.list_stock(locations=locations), 1):
        found[level.sku, level.location] = quantities(level.quantities)
        if row % STEP_ROWS == 0:
            advance(STEP_ROWS)
    return found


def ledger(client: SyncInventoryClient, after: int, location_prefix: str, advance: Advance) -> dict[Key, Quantities]:
    """The sums of every movement after a revision, at the locations whose code begins so."""
    sums: dict[Key, Quantities] = {}
    for row, movement in enumerate(client.list_movements(), 1):
        if movement.revision <= after:
            break
        if row % STEP_ROWS == 0:
            advance(STEP_ROWS)
        if not movement.location.startswith(location_prefix):
            continue
        key = (movement.sku, movement.location)
        delta = quantities(movement.delta)
        before = sums.get(key)
        sums[key] = delta if before is None else tuple(map(add, before, delta))
    return sums


def reservation_ids(address: str, channel: str, state: core_pb2.ReservationState) -> Iterator[str]:
    """Every reservation of a channel that is in this state now."""
    with SyncInventoryClient(address, channel) as client:
        for reservation in client.list_reservations(state=state):
            yield reservation.reservation_id
