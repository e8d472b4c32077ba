"""CatalogService: parse, call, formats."""

from inventory.domain.catalog import ChangeCatalog, Intent
from inventory.domain.code import free_text, location_code, sku_code
from inventory.domain.limits import BULK_ROWS_MAX, CATEGORY_BYTES_MAX
from inventory.domain.refusal import Reason, Refusal, location_not_found, sku_not_found
from inventory.postgres.reads import Reader
from inventory.rpc import catalog_messages as messages
from inventory.rpc import page_token, parse
from inventory.rpc.method import BULK_BYTES_MAX, Call, Method, unary
from inventory.rpc.writes import Writes
from inventory.v1 import catalog_service_pb2 as pb2

SERVICE = pb2.DESCRIPTOR.services_by_name["CatalogService"]
BARCODE_CHARS_MAX = 14


class CatalogService:
    def __init__(self, writes: Writes, reader: Reader) -> None:
        self._writes = writes
        self._reader = reader

    def methods(self) -> dict[str, Method]:
        return {
            "CreateSku": unary(pb2.CreateSkuRequest, self.create_sku),
            "UpdateSku": unary(pb2.UpdateSkuRequest, self.update_sku),
            "GetSku": unary(pb2.GetSkuRequest, self.get_sku),
            "ListSkus": unary(pb2.ListSkusRequest, self.list_skus),
            "CreateLocation": unary(pb2.CreateLocationRequest, self.create_location),
            "UpdateLocation": unary(pb2.UpdateLocationRequest, self.update_location),
            "GetLocation": unary(pb2.GetLocationRequest, self.get_location),
            "ListLocations": unary(pb2.ListLocationsRequest, self.list_locations),
            "ImportCatalog": unary(pb2.ImportCatalogRequest, self.import_catalog, bytes_max=BULK_BYTES_MAX),
        }

    async def create_sku(self, request: pb2.CreateSkuRequest, call: Call) -> bytes:
        return await self._write_sku(request, call, Intent.CREATE)

    async def update_sku(self, request: pb2.UpdateSkuRequest, call: Call) -> bytes:
        return await self._write_sku(request, call, Intent.UPDATE)

    async def create_location(self, request: pb2.CreateLocationRequest, call: Call) -> bytes:
        return await self._write_location(request, call, Intent.CREATE)

    async def update_location(self, request: pb2.UpdateLocationRequest, call: Call) -> bytes:
        return await self._write_location(request, call, Intent.UPDATE)

    async def import_catalog(self, request: pb2.ImportCatalogRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        parse.within(len(request.skus) + len(request.locations), BULK_ROWS_MAX, "skus")
        command = ChangeCatalog(
            call.channel_id,
            Intent.UPSERT,
            tuple(messages.parse_sku(sku, f"skus[{n}]") for n, sku in enumerate(request.skus)),
            tuple(messages.parse_location(location, f"locations[{n}]") for n, location in enumerate(request.locations)),
            parse.skips_refused(request.error_policy),
            call.within,
        )
        return await self._writes.answer(request, identity, command, call, messages.imported_answer)

    async def get_sku(self, request: pb2.GetSkuRequest, call: Call) -> bytes:
        by = request.WhichOneof("by")
        if by is None:
            raise Refusal(Reason.FIELD_REQUIRED, "say sku or barcode", field="by")
        code = sku_code(request.sku, "sku") if by == "sku" else None
        barcode = free_text(request.barcode, BARCODE_CHARS_MAX, "barcode") if by == "barcode" else None
        found = await self._reader.find_sku(code, barcode, call.within)
        if found is None:
            raise sku_not_found(code or barcode or "")
        return pb2.GetSkuResponse(sku=messages.format_sku(found)).SerializeToString()

    async def list_skus(self, request: pb2.ListSkusRequest, call: Call) -> bytes:
        size = parse.page_size(request.page_size)
        category = free_text(request.category, CATEGORY_BYTES_MAX, "category") or None
        active = request.active if request.HasField("active") else None
        position = page_token.decode(request, page_token.code) or [""]
        rows = await self._reader.list_skus(position[0], category, active, size + 1, call.within)
        token = page_token.encode(request, [rows[size - 1].code]) if len(rows) > size else ""
        return pb2.ListSkusResponse(
            skus=[messages.format_sku(row) for row in rows[:size]], next_page_token=token
        ).SerializeToString()

    async def get_location(self, request: pb2.GetLocationRequest, call: Call) -> bytes:
        code = location_code(request.location, "location")
        rows = await self._reader.list_locations("", code, None, None, 1, call.within)
        if not rows:
            raise location_not_found(code)
        return pb2.GetLocationResponse(location=messages.format_location(rows[0])).SerializeToString()

    async def list_locations(self, request: pb2.ListLocationsRequest, call: Call) -> bytes:
        size = parse.page_size(request.page_size)
        kind = messages.location_kind(request.kind, "kind")
        active = request.active if request.HasField("active") else None
        position = page_token.decode(request, page_token.code) or [""]
        rows = await self._reader.list_locations(position[0], None, kind, active, size + 1, call.within)
        token = page_token.encode(request, [rows[size - 1].code]) if len(rows) > size else ""
        return pb2.ListLocationsResponse(
            locations=[messages.format_location(row) for row in rows[:size]], next_page_token=token
        ).SerializeToString()

    async def _write_sku(
        self, request: pb2.CreateSkuRequest | pb2.UpdateSkuRequest, call: Call, intent: Intent
    ) -> bytes:
        identity = parse.request_id(request.request_id)
        if not request.HasField("sku"):
            raise Refusal(Reason.FIELD_REQUIRED, "sku is required", field="sku")
        sku = messages.parse_sku(request.sku, "sku")
        command = ChangeCatalog(call.channel_id, intent, (sku,), within=call.within)
        return await self._writes.answer(request, identity, command, call, messages.sku_answer)

    async def _write_location(
        self, request: pb2.CreateLocationRequest | pb2.UpdateLocationRequest, call: Call, intent: Intent
    ) -> bytes:
        identity = parse.request_id(request.request_id)
        if not request.HasField("location"):
            raise Refusal(Reason.FIELD_REQUIRED, "location is required", field="location")
        location = messages.parse_location(request.location, "location")
        command = ChangeCatalog(call.channel_id, intent, (), (location,), within=call.within)
        return await self._writes.answer(request, identity, command, call, messages.location_answer)
