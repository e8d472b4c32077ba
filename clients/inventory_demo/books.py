"""What the server's books say, read page by page."""

from collections.abc import Callable, Iterator, Sequence
from operator import add

import grpc
from google.protobuf import empty_pb2

from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservations
from inventory.v1 import reservation_service_pb2_grpc as reservations_grpc
from inventory.v1 import stock_service_pb2 as stock
from inventory.v1 import stock_service_pb2_grpc as stock_grpc
from inventory.v1 import watch_service_pb2 as watching
from inventory.v1 import watch_service_pb2_grpc as watching_grpc
from inventory_demo.mirror import Key, Quantities, quantities

PAGE_ROWS = 1_000
DEADLINE_S = 60.0


def head(connection: grpc.Channel) -> int:
    """The last revision there is."""
    stub = watching_grpc.WatchServiceStub(connection)
    stream = stub.Watch(watching.WatchRequest(now=empty_pb2.Empty()), timeout=DEADLINE_S)
    revision = next(iter(stream)).bookmark.revision
    stream.cancel()
    return revision


def levels(
    connection: grpc.Channel, locations: Sequence[str], advance: Callable[[int], object] = lambda rows: None
) -> dict[Key, Quantities]:
    """Every level at these locations, from the levels themselves."""
    stub = stock_grpc.StockServiceStub(connection)
    found: dict[Key, Quantities] = {}
    request = stock.ListStockRequest(locations=locations, page_size=PAGE_ROWS)
    while True:
        page = stub.ListStock(request, timeout=DEADLINE_S)
        for level in page.levels:
            found[level.sku, level.location] = quantities(level.quantities)
        advance(len(page.levels))
        request.page_token = page.next_page_token
        if not request.page_token:
            return found


def ledger(
    connection: grpc.Channel,
    after: int,
    location_prefix: str,
    advance: Callable[[int], object] = lambda rows: None,
) -> dict[Key, Quantities]:
    """The sums of every movement after a revision, at the locations whose code begins so."""
    stub = stock_grpc.StockServiceStub(connection)
    sums: dict[Key, Quantities] = {}
    request = stock.ListMovementsRequest(page_size=PAGE_ROWS)
    while True:
        page = stub.ListMovements(request, timeout=DEADLINE_S)
        for movement in page.movements:
            if movement.revision <= after:
                return sums
            if not movement.location.startswith(location_prefix):
                continue
            key = (movement.sku, movement.location)
            delta = quantities(movement.delta)
            before = sums.get(key)
            sums[key] = delta if before is None else tuple(map(add, before, delta))
        advance(len(page.movements))
        request.page_token = page.next_page_token
        if not request.page_token:
            return sums


def reservation_ids(connection: grpc.Channel, channel: str, state: core_pb2.ReservationState) -> Iterator[str]:
    """Every reservation of a channel that is in this state now."""
    stub = reservations_grpc.ReservationServiceStub(connection)
    request = reservations.ListReservationsRequest(state=state, page_size=PAGE_ROWS)
    while True:
        page = stub.ListReservations(request, timeout=DEADLINE_S, metadata=(("inventory-channel", channel),))
        yield from (reservation.reservation_id for reservation in page.reservations)
        request.page_token = page.next_page_token
        if not request.page_token:
            return
