"""StockService: parse, call, formats."""

from uuid import UUID

from inventory.domain.code import location_code, serial_number, sku_code
from inventory.domain.limits import KEYS_MAX, RECEIPT_LINES_MAX
from inventory.domain.refusal import Reason, Refusal, location_not_found, sku_not_found
from inventory.domain.serial import serial_not_found
from inventory.postgres import lots, serials
from inventory.postgres.reads import Reader
from inventory.rpc import formats, page_token, parse
from inventory.rpc import receipt_messages as receipts
from inventory.rpc.amounts import Amounts
from inventory.rpc.method import BULK_BYTES_MAX, Call, Method, unary
from inventory.rpc.reading import check_revision
from inventory.rpc.serial_messages import serial_answer
from inventory.rpc.writes import Writes
from inventory.v1 import stock_service_pb2 as pb2

SERVICE = pb2.DESCRIPTOR.services_by_name["StockService"]
_NEWEST = (2**63 - 1, 2**31 - 1)


class StockService:
    def __init__(self, writes: Writes, reader: Reader, amounts: Amounts) -> None:
        self._writes = writes
        self._reader = reader
        self._amounts = amounts

    def methods(self) -> dict[str, Method]:
        return {
            "GetStock": unary(pb2.GetStockRequest, self.get),
            "BatchGetStock": unary(pb2.BatchGetStockRequest, self.batch_get),
            "ListStock": unary(pb2.ListStockRequest, self.list_stock),
            "AdjustStock": unary(pb2.AdjustStockRequest, self.adjust),
            "SetStock": unary(pb2.SetStockRequest, self.set_stock),
            "BatchAdjustStock": unary(pb2.BatchAdjustStockRequest, self.batch_adjust, bytes_max=BULK_BYTES_MAX),
            "SetThresholds": unary(pb2.SetThresholdsRequest, self.set_thresholds),
            "ReceiveStock": unary(pb2.ReceiveStockRequest, self.receive),
            "ReclassifyStock": unary(pb2.ReclassifyStockRequest, self.reclassify),
            "SetIncoming": unary(pb2.SetIncomingRequest, self.set_incoming),
            "ListLots": unary(pb2.ListLotsRequest, self.list_lots),
            "GetSerial": unary(pb2.GetSerialRequest, self.get_serial),
            "ListMovements": unary(pb2.ListMovementsRequest, self.list_movements),
        }

    async def get(self, request: pb2.GetStockRequest, call: Call) -> bytes:
        pair = (sku_code(request.sku, "sku"), location_code(request.location, "location"))
        await check_revision(self._reader, request.min_revision)
        row = (await self._reader.stock([pair], call.within))[0]
        if not row.exists:
            raise location_not_found(request.location) if row.sku_exists else sku_not_found(request.sku)
        return pb2.GetStockResponse(level=formats.level_row(row)).SerializeToString()

    async def batch_get(self, request: pb2.BatchGetStockRequest, call: Call) -> bytes:
        parse.within(len(request.keys), KEYS_MAX, "keys")
        pairs = dict.fromkeys(
            (sku_code(key.sku, f"keys[{n}].sku"), location_code(key.location, f"keys[{n}].location"))
            for n, key in enumerate(request.keys)
        )
        await check_revision(self._reader, request.min_revision)
        rows = await self._reader.stock(list(pairs), call.within)
        return pb2.BatchGetStockResponse(
            levels=[formats.level_row(row) for row in rows if row.exists],
            unknown=[pb2.StockKey(sku=row.sku, location=row.location) for row in rows if not row.exists],
        ).SerializeToString()

    async def list_stock(self, request: pb2.ListStockRequest, call: Call) -> bytes:
        size = parse.page_size(request.page_size)
        skus, locations = parse.codes(request.skus, "skus"), parse.codes(request.locations, "locations")
        position = page_token.decode(request, page_token.code, page_token.code) or ["", ""]
        rows = await self._reader.list_stock((position[0], position[1]), skus, locations, size + 1, call.within)
        page = rows[:size]
        token = page_token.encode(request, [page[-1].sku, page[-1].location]) if len(rows) > size else ""
        return pb2.ListStockResponse(
            levels=[formats.level_row(row) for row in page], next_page_token=token
        ).SerializeToString()

    async def adjust(self, request: pb2.AdjustStockRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        command = parse.adjust(request, call.channel_id)
        return await self._writes.answer(request, identity, command, call, formats.adjusted_one_answer)

    async def set_stock(self, request: pb2.SetStockRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        command = parse.count(request, call.channel_id)
        return await self._writes.answer(request, identity, command, call, formats.level_answer)

    async def batch_adjust(self, request: pb2.BatchAdjustStockRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        command = parse.adjust_batch(request, call.channel_id)
        return await self._writes.answer(request, identity, command, call, formats.adjusted_answer, len(command.rows))

    async def set_thresholds(self, request: pb2.SetThresholdsRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        command = parse.thresholds(request, call.channel_id)
        return await self._writes.answer(request, identity, command, call, formats.level_answer)

    async def receive(self, request: pb2.ReceiveStockRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        parse.within(len(request.lines), RECEIPT_LINES_MAX, "lines")
        lines = await self._amounts.in_smallest(request.lines, "lines", call.within)
        command = receipts.receive(request, lines, call.channel_id)
        return await self._writes.answer(request, identity, command, call, receipts.levels_answer, len(command.rows))

    async def reclassify(self, request: pb2.ReclassifyStockRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        command = receipts.reclassify(request, call.channel_id)
        return await self._writes.answer(request, identity, command, call, formats.level_answer)

    async def set_incoming(self, request: pb2.SetIncomingRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        command = receipts.set_incoming(request, call.channel_id)
        return await self._writes.answer(request, identity, command, call, receipts.levels_answer, len(command.rows))

    async def list_lots(self, request: pb2.ListLotsRequest, call: Call) -> bytes:
        sku = sku_code(request.sku, "sku")
        location = location_code(request.location, "location") if request.location else None
        if await self._reader.find_sku(sku, None, call.within) is None:
            raise sku_not_found(sku)
        return receipts.lots_answer(await lots.list_lots(self._reader, sku, location, call.within))

    async def get_serial(self, request: pb2.GetSerialRequest, call: Call) -> bytes:
        sku, serial = sku_code(request.sku, "sku"), serial_number(request.serial, "serial")
        found = await serials.read_events(self._reader, sku, serial, call.within)
        if found is None:
            known = await self._reader.find_sku(sku, None, call.within)
            raise serial_not_found(sku, serial) if known else sku_not_found(sku)
        return serial_answer(*found)

    async def list_movements(self, request: pb2.ListMovementsRequest, call: Call) -> bytes:
        size = parse.page_size(request.page_size)
        position = page_token.decode(request, page_token.revision, page_token.ordinal) or _NEWEST
        start = parse.time(request.recorded_from, "recorded_from") if request.HasField("recorded_from") else None
        end = parse.time(request.recorded_before, "recorded_before") if request.HasField("recorded_before") else None
        if start and end and start > end:
            raise Refusal(Reason.TIME_RANGE, "the range ends before it starts", field="recorded_before")
        reservation_id: UUID | None = None
        if request.reservation_id:
            reservation_id = parse.reservation_id(request.reservation_id)
        rows = await self._reader.list_movements(
            (position[0], position[1]),
            sku_code(request.sku, "sku") if request.sku else None,
            location_code(request.location, "location") if request.location else None,
            reservation_id,
            start,
            end,
            size + 1,
            call.within,
        )
        page = rows[:size]
        token = ""
        if len(rows) > size:
            token = page_token.encode(request, [page[-1]["revision"], page[-1]["ordinal"]])
        return pb2.ListMovementsResponse(
            movements=[formats.movement(row) for row in page], next_page_token=token
        ).SerializeToString()
