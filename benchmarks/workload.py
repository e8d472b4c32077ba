"""The shop a benchmark sells from, and the requests it sends."""

import os
import random
from collections.abc import Iterator, Sequence
from uuid import uuid4

import grpc
from google.protobuf.duration_pb2 import Duration

from benchmarks.frames import framed
from benchmarks.servers import Server
from inventory.v1 import catalog_service_pb2 as catalog
from inventory.v1 import catalog_service_pb2_grpc as catalog_grpc
from inventory.v1 import core_pb2 as core
from inventory.v1 import reservation_service_pb2 as reservation
from inventory.v1 import stock_service_pb2 as stock
from inventory.v1 import stock_service_pb2_grpc as stock_grpc

HOLD_TTL_S = 3600  # nothing expires while it is measured
PIECES = 1_000_000_000  # of every SKU: nothing runs short
ROWS_MAX = 10_000
CALL_TIMEOUT_S = 120
REQUESTS_MAX = 10_000
"""Different requests prepared for a run, each sent many times with a request_id of its own."""

_REQUEST_ID = reservation.ReserveRequest.DESCRIPTOR.fields_by_name["request_id"]
_HEAD = bytes((_REQUEST_ID.number << 3 | 2, 36))
"""What stands before a request_id of 36 characters."""


def sku(number: int) -> str:
    return f"SKU-{number:06}"


def shop(number: int, shops: int = 1) -> str:
    """The one shop that has a SKU."""
    return f"SHOP-{number % shops + 1}"


def stock_up(
    server: Server, skus: int, movements_per_sku: int = 1, shops: int = 1, *, everywhere: bool = False
) -> None:
    """Makes SKUs with `PIECES` of each, received in so many equal movements, each SKU in one of the shops or in every
    one. By the product's own bulk calls."""
    with grpc.insecure_channel(server.address) as channel:
        importer = catalog_grpc.CatalogServiceStub(channel)
        adjuster = stock_grpc.StockServiceStub(channel)
        locations = [
            catalog.Location(location=shop(each, shops), kind=catalog.LOCATION_KIND_SHOP) for each in range(shops)
        ]
        for first in range(0, skus, ROWS_MAX - shops):
            rows = [catalog.Sku(sku=sku(number)) for number in range(first, min(first + ROWS_MAX - shops, skus))]
            importer.ImportCatalog(
                catalog.ImportCatalogRequest(request_id=str(uuid4()), skus=rows, locations=locations),
                timeout=CALL_TIMEOUT_S,
                metadata=server.metadata,
            )
            locations = []
        places = [
            (sku(number), shop(each, shops))
            for number in range(skus)
            for each in (range(shops) if everywhere else (number,))
        ]
        for _ in range(movements_per_sku):
            for first in range(0, len(places), ROWS_MAX):
                adjuster.BatchAdjustStock(
                    stock.BatchAdjustStockRequest(
                        request_id=str(uuid4()),
                        adjustments=[
                            stock.StockAdjustment(sku=code, location=location, delta=PIECES // movements_per_sku)
                            for code, location in places[first : first + ROWS_MAX]
                        ],
                        reason="opening stock",
                    ),
                    timeout=CALL_TIMEOUT_S,
                    metadata=server.metadata,
                )


class Orders:
    """Reserve requests of one piece of each of `lines` different SKUs, drawn from the first `skus`.

    A ReserveRequest is put together from its request_id and the rest, which is serialised once: the client is to be
    cheap. Give `seed` to get the same orders for yardstick and product. `sourced`: the service chooses the shop.
    """

    def __init__(self, skus: int, lines: int = 1, seed: int = 1, shops: int = 1, *, sourced: bool = False) -> None:
        self.lines = lines
        self._random = random.Random(seed)
        if lines == 1 and skus <= REQUESTS_MAX:
            chosen: Sequence[Sequence[int]] = [[number] for number in range(skus)]
        else:
            chosen = [self._random.sample(range(skus), lines) for _ in range(REQUESTS_MAX)]
        self._rests = [_rest(numbers, shops, sourced) for numbers in chosen]

    def messages(self) -> Iterator[bytes]:
        """Serialised ReserveRequests without end."""
        rests = self._random.choices
        while True:
            for identity, rest in zip(_uuids(1_000), rests(self._rests, k=1_000), strict=True):
                yield _HEAD + identity + rest

    def bodies(self) -> Iterator[bytes]:
        """The same as gRPC sends them."""
        return map(framed, self.messages())


def _rest(numbers: Sequence[int], shops: int, sourced: bool) -> bytes:
    """A ReserveRequest without its request_id."""
    return reservation.ReserveRequest(
        lines=[
            core.LineQuantity(sku=sku(number), location="" if sourced else shop(number, shops), quantity=1)
            for number in numbers
        ],
        hold_ttl=Duration(seconds=HOLD_TTL_S),
    ).SerializeToString()


def _uuids(count: int) -> Iterator[bytes]:
    """Version 4, as text."""
    digits = os.urandom(16 * count).hex()
    for at in range(0, 32 * count, 32):
        h = digits[at : at + 32]
        yield f"{h[:8]}-{h[8:12]}-4{h[13:16]}-8{h[17:20]}-{h[20:]}".encode("ascii")
