"""StockCountService: parse, call, formats."""

from typing import Any

from inventory.domain.code import free_text, location_code, lot_code, sku_code
from inventory.domain.ledger import Ledger
from inventory.domain.limits import (
    CATEGORY_BYTES_MAX,
    COUNT_LINES_MAX,
    COUNT_RECORD_LINES_MAX,
    ON_HAND_MAX,
    REASON_BYTES_MAX,
    REFERENCE_BYTES_MAX,
)
from inventory.domain.refusal import Reason, Refusal, count_not_found
from inventory.domain.stock_count import (
    CancelCount,
    Counted,
    CountLine,
    CountState,
    OpenCount,
    PostCount,
    RecordCount,
    Recorded,
    StockCount,
)
from inventory.postgres import stock_counts
from inventory.postgres.reads import Reader
from inventory.rpc import page_token, parse
from inventory.rpc.formats import timestamp
from inventory.rpc.method import Call, Method, unary
from inventory.rpc.reservation import new_id
from inventory.rpc.writes import Writes
from inventory.v1 import stock_count_service_pb2 as pb2

SERVICE = pb2.DESCRIPTOR.services_by_name["StockCountService"]


class StockCountService:
    def __init__(self, writes: Writes, reader: Reader) -> None:
        self._writes = writes
        self._reader = reader

    def methods(self) -> dict[str, Method]:
        return {
            "OpenStockCount": unary(pb2.OpenStockCountRequest, self.open),
            "RecordStockCount": unary(pb2.RecordStockCountRequest, self.record),
            "PostStockCount": unary(pb2.PostStockCountRequest, self.post),
            "CancelStockCount": unary(pb2.CancelStockCountRequest, self.cancel),
            "GetStockCount": unary(pb2.GetStockCountRequest, self.get),
            "ListStockCounts": unary(pb2.ListStockCountsRequest, self.list_counts),
        }

    async def open(self, request: pb2.OpenStockCountRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        command = OpenCount(
            call.channel_id,
            call.channel,
            new_id(),
            location_code(request.location, "location"),
            free_text(request.category, CATEGORY_BYTES_MAX, "category"),
            free_text(request.reason, REASON_BYTES_MAX, "reason"),
            free_text(request.reference, REFERENCE_BYTES_MAX, "reference"),
        )
        return await self._writes.answer(request, identity, command, call, _count_answer)

    async def record(self, request: pb2.RecordStockCountRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        command = _record(request, call.channel_id)
        return await self._writes.answer(request, identity, command, call, _recorded_answer, len(command.rows))

    async def post(self, request: pb2.PostStockCountRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        command = PostCount(call.channel_id, parse.count_id(request.count_id), request.expected_version)
        # How many lines it has is known only under its lock: it has a batch of its own.
        return await self._writes.answer(request, identity, command, call, _count_answer, COUNT_LINES_MAX)

    async def cancel(self, request: pb2.CancelStockCountRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        command = CancelCount(call.channel_id, parse.count_id(request.count_id))
        return await self._writes.answer(request, identity, command, call, _count_answer)

    async def get(self, request: pb2.GetStockCountRequest, call: Call) -> bytes:
        count_id = parse.count_id(request.count_id)
        size = parse.page_size(request.page_size)
        position = page_token.decode(request, page_token.code, _lot_position) or ["", ""]
        # Before the lines: so they are never older than the version by which they will be posted.
        found = await stock_counts.read_count(self._reader, count_id, call.within)
        if found is None:
            raise count_not_found(request.count_id)
        after = (position[0], position[1])
        rows = await stock_counts.list_lines(
            self._reader, count_id, after, request.only_differences, size + 1, call.within
        )
        page = rows[:size]
        token = page_token.encode(request, [page[-1].sku, page[-1].lot]) if len(rows) > size else ""
        return pb2.GetStockCountResponse(
            count=_count(found), lines=map(_line, page), next_page_token=token
        ).SerializeToString()

    async def list_counts(self, request: pb2.ListStockCountsRequest, call: Call) -> bytes:
        size = parse.page_size(request.page_size)
        position = page_token.decode(request, page_token.identity) or [None]
        location = location_code(request.location, "location") if request.location else None
        state = _state(request.state)
        rows = await stock_counts.list_counts(self._reader, position[0], state, location, size + 1, call.within)
        page = rows[:size]
        token = page_token.encode(request, [str(page[-1].count_id)]) if len(rows) > size else ""
        return pb2.ListStockCountsResponse(counts=map(_count, page), next_page_token=token).SerializeToString()


def _record(request: pb2.RecordStockCountRequest, channel_id: int) -> RecordCount:
    count_id = parse.count_id(request.count_id)
    parse.within(len(request.lines), COUNT_RECORD_LINES_MAX, "lines")
    rows: dict[tuple[str, str], Counted] = {}
    for position, line in enumerate(request.lines):
        path = f"lines[{position}]"
        row = _counted(line, path)
        if (row.sku, row.lot) in rows:
            raise Refusal(
                Reason.FIELD_CONFLICT,
                "the line stands twice: say one number for a SKU and lot",
                field=f"{path}.sku",
                metadata={"sku": row.sku},
            )
        rows[(row.sku, row.lot)] = row
    return RecordCount(channel_id, count_id, tuple(rows.values()))


def _counted(line: pb2.CountedQuantity, path: str) -> Counted:
    if line.at_revision < 0:
        raise Refusal(Reason.REVISION_FORMAT, "a revision is not negative", field=f"{path}.at_revision")
    expected = None
    if line.HasField("expected_counted"):
        expected = parse.quantity_between(line.expected_counted, f"{path}.expected_counted", 0, ON_HAND_MAX)
    return Counted(
        sku_code(line.sku, f"{path}.sku"),
        parse.quantity_between(line.counted, f"{path}.counted", 0, ON_HAND_MAX),
        lot_code(line.lot, f"{path}.lot") if line.lot else "",
        line.at_revision,
        expected,
    )


def _state(number: int) -> CountState | None:
    if number == 0:
        return None
    try:
        return CountState(number)
    except ValueError:
        raise parse.unknown_enum("state") from None


def _lot_position(value: Any) -> str:
    """A lot in a page token, '' where there is none."""
    return value if value == "" else page_token.code(value)


def _count(found: StockCount) -> pb2.StockCount:
    return pb2.StockCount(
        count_id=str(found.count_id),
        location=found.location,
        category=found.category,
        state=found.state.value,  # type: ignore[arg-type]  # the numbers are the same
        version=found.version,
        reference=found.reference,
        reason=found.reason,
        opened_at=timestamp(found.opened_at),
        ended_at=timestamp(found.ended_at) if found.ended_at else None,
        lines=found.lines,
        channel=found.channel,
    )


def _line(found: CountLine) -> pb2.StockCountLine:
    return pb2.StockCountLine(
        sku=found.sku,
        lot=found.lot,
        counted=found.counted,
        on_hand=found.on_hand,
        at_revision=found.at_revision,
        difference=found.difference,
    )


def _count_answer(ledger: Ledger, answer: StockCount) -> bytes:
    """Of all but RecordStockCount: their responses have one shape."""
    return pb2.OpenStockCountResponse(count=_count(answer)).SerializeToString()


def _recorded_answer(ledger: Ledger, answer: Recorded) -> bytes:
    return pb2.RecordStockCountResponse(
        count=_count(answer.stock_count), lines=map(_line, answer.lines)
    ).SerializeToString()
