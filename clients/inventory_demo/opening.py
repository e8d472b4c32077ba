"""Set-up: the products, the places, the channels and the opening stock, by the bulk calls."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Container, Coroutine, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, TypeVar

from inventory.v1 import catalog_service_pb2 as catalog
from inventory.v1 import stock_service_pb2 as stock
from inventory.v1.channel_service_pb2 import Channel
from inventory.v1.core_pb2 import DISPOSITION_QUALITY_CONTROL as QUALITY_CONTROL
from inventory.v1.core_pb2 import DISPOSITION_SELLABLE as SELLABLE
from inventory_client import InventoryClient, InventoryError
from inventory_demo.bundles import Bundle
from inventory_demo.crew import DemoFailed
from inventory_demo.journey import Location, OpeningStock
from inventory_demo.lots import LIFE_DAYS, opening_lots
from inventory_demo.names import Names
from inventory_demo.places import location
from inventory_demo.quantities import Key, Quantities
from inventory_demo.source import Product

ROWS_MAX = 5_000
"""A message; twice as many would fit, but half shows progress and keeps the server answering others."""
CALLS_IN_FLIGHT_MAX = 2
RECEIPT_ROWS_MAX = 1_000
TIMEOUT_S = 120.0
CHANNEL = "back-office"

Advance = Callable[[int], object]
"""Is told how many rows more are done."""
Row = TypeVar("Row", bound=Any)
Response = TypeVar("Response")


async def import_products(client: InventoryClient, products: Sequence[Product], names: Names, advance: Advance) -> None:
    """Raises `DemoFailed` when a row is refused."""
    await _import_skus(client, (_sku(product, names) for product in products), advance)


async def import_bundles(client: InventoryClient, bundles: Sequence[Bundle], advance: Advance) -> None:
    """After the products. Raises `DemoFailed` when a row is refused."""
    await _import_skus(client, map(_bundle, bundles), advance)


async def _import_skus(client: InventoryClient, skus: Iterable[catalog.Sku], advance: Advance) -> None:
    pages = _pages(skus, ROWS_MAX)
    calls = ((client.import_catalog(skus=page), page) for page in pages)
    async for answer, page in _pipelined(calls):
        _check_import(answer, len(page))
        advance(len(page))


async def import_places(
    client: InventoryClient,
    places: Iterable[Location],
    names: Names,
    advance: Advance,
    *,
    active: bool = True,
) -> None:
    """Raises `DemoFailed` when a row is refused."""
    rows = [location(place, names, active=active) for place in places]
    async for answer, page in _pipelined((client.import_catalog(locations=page), page) for page in [rows]):
        _check_import(answer, len(page))
        advance(len(page))


async def set_channels(client: InventoryClient, channels: Iterable[Channel]) -> None:
    """Raises `DemoFailed` when one is refused."""
    try:
        for channel in channels:
            await client.set_channel(channel)
    except InventoryError as error:
        raise DemoFailed(f"a channel was refused: {error}") from error


async def stock_shops(
    client: InventoryClient, opening: OpeningStock, perishable: Container[str], names: Names, advance: Advance
) -> None:
    """What is `perishable` is received in lots, the rest is counted in. Raises `DemoFailed` when a row is refused, or a
    level was not empty before."""
    pages = _pages(
        (
            (names.sku(sku), names.location(location), quantity)
            for sku, location, quantity in opening
            if sku not in perishable
        ),
        ROWS_MAX,
    )
    async for answer, page in _adjust(client, pages, f"opening {names.run}", "opening stock"):
        if list(answer.on_hand) != [quantity for _, _, quantity in page]:
            raise DemoFailed("the shops were not empty before their opening stock")
        advance(len(page))


async def receive_lots(
    client: InventoryClient, opening: OpeningStock, perishable: Container[str], names: Names, advance: Advance
) -> None:
    """Raises `DemoFailed` when a row is refused, or a level was not empty before."""
    today = datetime.now(UTC).date()
    calls = (
        (
            client.receive_stock(
                names.location(location),
                [
                    lot
                    for sku, _, quantity in page
                    for lot in opening_lots(names.sku(sku), int(sku) + len(location), quantity, today)
                ],
                reason="opening stock",
                reference=f"opening {names.run}",
            ),
            page,
        )
        for location, rows in groupby(opening, key=itemgetter(1))
        for page in _pages((row for row in rows if row[0] in perishable), RECEIPT_ROWS_MAX // len(LIFE_DAYS))
    )
    async for answer, page in _pipelined(calls):
        if {level.sku: level.quantities.on_hand for level in answer.levels} != {
            names.sku(sku): quantity for sku, _, quantity in page
        }:
            raise DemoFailed("the shops were not empty before their opening stock")
        advance(len(page))


async def clear_shops(client: InventoryClient, left: Iterable[tuple[Key, str, Quantities]], names: Names) -> None:
    """Takes away what is left, given as (SKU and location by full codes, lot, quantities): of what is for sale and of
    what waits for inspection. Raises `DemoFailed`."""
    rows = (
        stock.StockAdjustment(sku=sku, location=location, delta=-quantity, disposition=disposition, lot=lot)
        for (sku, location), lot, of in left
        for quantity, disposition in ((of[0] - of[3], SELLABLE), (of[3], QUALITY_CONTROL))
        if quantity
    )
    pages = _pages(rows, ROWS_MAX)
    async for _ in _adjust(client, pages, f"closing {names.run}", "the demo is over"):
        pass


def _sku(product: Product, names: Names) -> catalog.Sku:
    attributes = {"brand": product.brand, "package_size": product.package_size}
    return catalog.Sku(
        sku=names.sku(product.code),
        name=product.name,
        category=product.category,
        unit=product.unit,
        unit_digits=product.unit_digits,
        tracking=catalog.TRACKING_LOTS if product.perishable else catalog.TRACKING_UNSPECIFIED,
        active=product.stocked,
        attributes={name: value for name, value in attributes.items() if value},
    )


def _bundle(bundle: Bundle) -> catalog.Sku:
    return catalog.Sku(
        sku=bundle.sku,
        name=bundle.name,
        category="BUNDLES",
        kind=catalog.SKU_KIND_BUNDLE,
        components=[catalog.BundleComponent(sku=sku, quantity=each) for sku, each in bundle.parts],
        from_several_places=bundle.from_several_places,
    )


def _check_import(answer: catalog.ImportCatalogResponse, rows: int) -> None:
    done = answer.created + answer.updated + answer.unchanged
    if done != rows:
        raise DemoFailed(f"{rows - done} of {rows} catalogue rows were not imported")


async def _adjust(
    client: InventoryClient, pages: Iterable[list[Row]], reference: str, reason: str
) -> AsyncIterator[tuple[stock.BatchAdjustStockResponse, list[Row]]]:
    calls = ((client.batch_adjust_stock(page, reason, reference=reference), page) for page in pages)
    async for answer, page in _pipelined(calls):
        if answer.applied != len(page):
            raise DemoFailed(f"{len(page) - answer.applied} of {len(page)} stock rows were not applied")
        yield answer, page


def _pages(rows: Iterable[Row], rows_max: int) -> Iterator[list[Row]]:
    left = iter(rows)
    while page := list(islice(left, rows_max)):
        yield page


async def _pipelined(
    calls: Iterable[tuple[Coroutine[Any, Any, Response], list[Row]]],
) -> AsyncIterator[tuple[Response, list[Row]]]:
    """The next message is made while the server works on the one before. Raises `DemoFailed`."""
    waiting: deque[tuple[asyncio.Task[Response], list[Row]]] = deque()
    try:
        for call, page in calls:
            waiting.append((asyncio.create_task(call), page))
            await asyncio.sleep(0)  # lets it be sent
            if len(waiting) == CALLS_IN_FLIGHT_MAX:
                yield await waiting[0][0], waiting.popleft()[1]
        while waiting:
            yield await waiting[0][0], waiting.popleft()[1]
    except InventoryError as error:
        raise DemoFailed(f"set-up was refused: {error}") from error
    finally:
        for task, _ in waiting:
            task.cancel()
