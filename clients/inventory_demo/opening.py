"""Set-up: the products, the shops and their opening stock, by the bulk calls."""

import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import grpc

from inventory.v1 import catalog_service_pb2 as catalog
from inventory.v1 import catalog_service_pb2_grpc as catalog_grpc
from inventory.v1 import stock_service_pb2 as stock
from inventory.v1 import stock_service_pb2_grpc as stock_grpc
from inventory_demo.crew import DemoFailed
from inventory_demo.journey import Location, OpeningStock
from inventory_demo.names import Names
from inventory_demo.source import Product

ROWS_MAX = 5_000
"""A message; twice as many would fit, but half shows progress and keeps the server answering others."""
CALLS_IN_FLIGHT_MAX = 2
DEADLINE_S = 120.0
METADATA = (("inventory-channel", "back-office"),)

Advance = Callable[[int], object]
"""Is told how many rows more are done."""


def import_products(connection: grpc.Channel, products: Sequence[Product], names: Names, advance: Advance) -> None:
    """Raises `DemoFailed` when a row is refused."""

    def requests() -> Iterator[tuple[catalog.ImportCatalogRequest, int]]:
        rows = iter(products)
        while page := [_sku(product, names) for product in islice(rows, ROWS_MAX)]:
            yield catalog.ImportCatalogRequest(request_id=str(uuid.uuid4()), skus=page), len(page)

    _import(connection, requests(), advance)


def import_shops(
    connection: grpc.Channel,
    shops: Iterable[Location],
    names: Names,
    advance: Advance,
    *,
    active: bool = True,
) -> None:
    """Raises `DemoFailed` when a row is refused."""
    page = [
        catalog.Location(
            location=names.location(shop.code),
            name=shop.name,
            kind=catalog.LOCATION_KIND_SHOP,
            active=active,
        )
        for shop in shops
    ]
    request = catalog.ImportCatalogRequest(request_id=str(uuid.uuid4()), locations=page)
    _import(connection, iter([(request, len(page))]), advance)


def stock_shops(connection: grpc.Channel, opening: OpeningStock, names: Names, advance: Advance) -> None:
    """Raises `DemoFailed` when a row is refused, or a level was not empty before."""
    pages = (
        [
            stock.StockAdjustment(sku=names.sku(sku), location=names.location(location), delta=quantity)
            for sku, location, quantity in page
        ]
        for page in opening.pages(ROWS_MAX)
    )
    for request, answer in _adjust(connection, pages, f"opening {names.run}", "opening stock"):
        if list(answer.on_hand) != [row.delta for row in request.adjustments]:
            raise DemoFailed("the shops were not empty before their opening stock")
        advance(len(request.adjustments))


def clear_shops(connection: grpc.Channel, left: Iterable[tuple[str, str, int]], names: Names) -> None:
    """Takes away what is left, by full codes. Raises `DemoFailed`."""
    rows = iter(left)
    pages = iter(
        lambda: [
            stock.StockAdjustment(sku=sku, location=location, delta=-on_hand)
            for sku, location, on_hand in islice(rows, ROWS_MAX)
        ],
        [],
    )
    for _ in _adjust(connection, pages, f"closing {names.run}", "the demo is over"):
        pass


def _sku(product: Product, names: Names) -> catalog.Sku:
    attributes = {"brand": product.brand, "package_size": product.package_size}
    return catalog.Sku(
        sku=names.sku(product.code),
        name=product.name,
        category=product.category,
        unit=product.unit,
        unit_digits=product.unit_digits,
        active=product.stocked,
        attributes={name: value for name, value in attributes.items() if value},
    )


def _import(
    connection: grpc.Channel, requests: Iterator[tuple[catalog.ImportCatalogRequest, int]], advance: Advance
) -> None:
    stub = catalog_grpc.CatalogServiceStub(connection)
    for _, answer, rows in _pipelined(stub.ImportCatalog, requests):
        done = answer.created + answer.updated + answer.unchanged
        if done != rows:
            raise DemoFailed(f"{rows - done} of {rows} catalogue rows were not imported")
        advance(rows)


def _adjust(
    connection: grpc.Channel, pages: Iterable[list[stock.StockAdjustment]], reference: str, reason: str
) -> Iterator[tuple[stock.BatchAdjustStockRequest, stock.BatchAdjustStockResponse]]:
    stub = stock_grpc.StockServiceStub(connection)
    requests = (
        (
            stock.BatchAdjustStockRequest(
                request_id=str(uuid.uuid4()), adjustments=page, reason=reason, reference=reference
            ),
            len(page),
        )
        for page in pages
    )
    for request, answer, rows in _pipelined(stub.BatchAdjustStock, requests):
        if answer.applied != rows:
            raise DemoFailed(f"{rows - answer.applied} of {rows} stock rows were not applied")
        yield request, answer


def _pipelined(method: Any, requests: Iterator[tuple[Any, int]]) -> Iterator[tuple[Any, Any, int]]:
    """The next message is made while the server works on the one before."""
    waiting: deque[tuple[Any, Any, int]] = deque()
    for request, rows in requests:
        waiting.append((request, method.future(request, timeout=DEADLINE_S, metadata=METADATA), rows))
        if len(waiting) == CALLS_IN_FLIGHT_MAX:
            yield _settled(waiting.popleft())
    while waiting:
        yield _settled(waiting.popleft())


def _settled(call: tuple[Any, Any, int]) -> tuple[Any, Any, int]:
    request, future, rows = call
    try:
        return request, future.result(), rows
    except grpc.RpcError as error:
        raise DemoFailed(f"set-up was refused: {future.code().name} {future.details()}") from error
