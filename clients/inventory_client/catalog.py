"""SKUs and locations."""

from __future__ import annotations  # so that `help` names enums, which are objects of protobuf, as we do

from collections.abc import AsyncIterator, Iterable
from typing import Unpack

from inventory.v1 import catalog_service_pb2 as pb2
from inventory.v1 import core_pb2
from inventory_client.calls import Calls, WriteOptions

PAGE_ROWS = 1_000
ALL_OR_NOTHING = core_pb2.ERROR_POLICY_ALL_OR_NOTHING


class CatalogCalls(Calls):
    """Of `InventoryClient`: see inventory/v1/catalog_service.proto for every field and reason."""

    async def create_sku(self, sku: pb2.Sku, **options: Unpack[WriteOptions]) -> pb2.CreateSkuResponse:
        """Raises `Conflict` (CODE_TAKEN), `InvalidRequest`.

        Example:
            await client.create_sku(Sku(sku="A-2", name="Milk", category="GROCERY/DAIRY"))
        """
        return await self._write(pb2.CreateSkuRequest(sku=sku), pb2.CreateSkuResponse, options)

    async def update_sku(self, sku: pb2.Sku, **options: Unpack[WriteOptions]) -> pb2.UpdateSkuResponse:
        """Replaces everything but the code and unit. Raises `NotFound`, `Conflict`, `InvalidRequest`."""
        return await self._write(pb2.UpdateSkuRequest(sku=sku), pb2.UpdateSkuResponse, options)

    async def get_sku(self, code: str = "", *, barcode: str = "", timeout_s: float | None = None) -> pb2.Sku:
        """By code or by barcode. Raises `NotFound`."""
        request = pb2.GetSkuRequest(barcode=barcode) if barcode else pb2.GetSkuRequest(sku=code)
        return (await self._read(request, pb2.GetSkuResponse, timeout_s)).sku

    def list_skus(
        self, *, category: str = "", active: bool | None = None, timeout_s: float | None = None
    ) -> AsyncIterator[pb2.Sku]:
        """By code; of a category and those below it."""
        request = pb2.ListSkusRequest(category=category, active=active, page_size=PAGE_ROWS)
        return self._pages(request, pb2.ListSkusResponse, "skus", timeout_s)

    async def create_location(
        self, location: pb2.Location, **options: Unpack[WriteOptions]
    ) -> pb2.CreateLocationResponse:
        """Raises `Conflict` (CODE_TAKEN), `InvalidRequest`."""
        return await self._write(pb2.CreateLocationRequest(location=location), pb2.CreateLocationResponse, options)

    async def update_location(
        self, location: pb2.Location, **options: Unpack[WriteOptions]
    ) -> pb2.UpdateLocationResponse:
        """Replaces everything but the code. Raises `NotFound`, `InvalidRequest`."""
        return await self._write(pb2.UpdateLocationRequest(location=location), pb2.UpdateLocationResponse, options)

    async def get_location(self, code: str, *, timeout_s: float | None = None) -> pb2.Location:
        """Raises `NotFound`."""
        return (await self._read(pb2.GetLocationRequest(location=code), pb2.GetLocationResponse, timeout_s)).location

    def list_locations(
        self,
        *,
        kind: pb2.LocationKind = pb2.LOCATION_KIND_UNSPECIFIED,
        active: bool | None = None,
        timeout_s: float | None = None,
    ) -> AsyncIterator[pb2.Location]:
        """By code."""
        request = pb2.ListLocationsRequest(kind=kind, active=active, page_size=PAGE_ROWS)
        return self._pages(request, pb2.ListLocationsResponse, "locations", timeout_s)

    async def import_catalog(
        self,
        *,
        skus: Iterable[pb2.Sku] = (),
        locations: Iterable[pb2.Location] = (),
        error_policy: core_pb2.ErrorPolicy = ALL_OR_NOTHING,
        **options: Unpack[WriteOptions],
    ) -> pb2.ImportCatalogResponse:
        """Creates or updates up to 10,000 rows as one command under one revision."""
        request = pb2.ImportCatalogRequest(skus=skus, locations=locations, error_policy=error_policy)
        return await self._write(request, pb2.ImportCatalogResponse, options)
