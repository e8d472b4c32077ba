"""Receipts, what is expected, dispositions and lots: requests become commands, answers become messages."""

from collections.abc import Sequence

from inventory.domain.adjustment import Disposition, LevelAfter
from inventory.domain.code import free_text, location_code, sku_code
from inventory.domain.incoming import Expectation, SetIncoming
from inventory.domain.ledger import Ledger
from inventory.domain.limits import QUANTITY_MAX, REASON_BYTES_MAX, RECEIPT_LINES_MAX, REFERENCE_BYTES_MAX
from inventory.domain.movement import MovementKind
from inventory.domain.receipt import Arrival, Receive, Reclassify
from inventory.domain.refusal import Reason, Refusal
from inventory.postgres.lots import LotRow
from inventory.rpc import formats, parse
from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as pb2

_KINDS = {
    pb2.RECEIPT_KIND_UNSPECIFIED: MovementKind.RECEIPT,
    pb2.RECEIPT_KIND_GOODS: MovementKind.RECEIPT,
    pb2.RECEIPT_KIND_RETURN: MovementKind.RETURN,
}


def receive(request: pb2.ReceiveStockRequest, lines: Sequence[pb2.ReceiptLine], channel_id: int) -> Receive:
    """`lines`: the request's, in smallest units. Returned goods that name no disposition are inspected first."""
    if request.kind not in _KINDS:
        raise parse.unknown_enum("kind")
    kind = _KINDS[request.kind]
    named: set[tuple[str, str]] = set()
    unnamed = Disposition.QUALITY_CONTROL if kind == MovementKind.RETURN else None
    return Receive(
        channel_id,
        location_code(request.location, "location"),
        tuple(_arrival(line, f"lines[{position}].", unnamed, named) for position, line in enumerate(lines)),
        kind,
        free_text(request.incoming_reference, REFERENCE_BYTES_MAX, "incoming_reference"),
        free_text(request.reason, REASON_BYTES_MAX, "reason"),
        free_text(request.reference, REFERENCE_BYTES_MAX, "reference"),
    )


def reclassify(request: pb2.ReclassifyStockRequest, channel_id: int) -> Reclassify:
    source = parse.disposition(request.from_disposition, "from_disposition")
    target = parse.disposition(request.to_disposition, "to_disposition")
    if source is target:
        raise Refusal(Reason.FIELD_CONFLICT, "the goods stand there already", field="to_disposition")
    reason, reference = parse.why(request.reason, request.reference)
    return Reclassify(
        channel_id,
        sku_code(request.sku, "sku"),
        location_code(request.location, "location"),
        parse.quantity_between(request.quantity, "quantity", 1, QUANTITY_MAX),
        source,
        target,
        reason,
        reference,
        parse.lot(request.lot, "lot"),
        parse.serials(request.serials, request.sku, "", set()),
    )


def set_incoming(request: pb2.SetIncomingRequest, channel_id: int) -> SetIncoming:
    parse.within(len(request.lines), RECEIPT_LINES_MAX, "lines")
    return SetIncoming(
        channel_id,
        free_text(request.reference, REFERENCE_BYTES_MAX, "reference", required=True),
        tuple(_expectation(line, f"lines[{position}].") for position, line in enumerate(request.lines)),
    )


def levels_answer(ledger: Ledger, answer: Sequence[LevelAfter]) -> bytes:
    """The answer of ReceiveStock and SetIncoming, whose responses have one shape."""
    levels = [formats.level(after.place.sku, after.place.location, after.level, 0) for after in answer]
    return pb2.ReceiveStockResponse(levels=levels).SerializeToString()


def lots_answer(rows: Sequence[LotRow]) -> bytes:
    return pb2.ListLotsResponse(lots=[_lot_level(row) for row in rows]).SerializeToString()


def _arrival(line: pb2.ReceiptLine, path: str, unnamed: Disposition | None, named: set[tuple[str, str]]) -> Arrival:
    return Arrival(
        sku_code(line.sku, f"{path}sku"),
        parse.quantity_between(line.quantity, f"{path}quantity", 1, QUANTITY_MAX),
        parse.disposition(line.disposition, f"{path}disposition") if line.disposition else unnamed,
        parse.lot(line.lot, f"{path}lot"),
        parse.day(line.expires_on, f"{path}expires_on"),
        parse.serials(line.serials, line.sku, path, named),
    )


def _expectation(line: pb2.IncomingLine, path: str) -> Expectation:
    quantity = parse.quantity_between(line.quantity, f"{path}quantity", 0, QUANTITY_MAX)
    return Expectation(
        sku_code(line.sku, f"{path}sku"),
        location_code(line.location, f"{path}location"),
        quantity,
        parse.day(line.due_on, f"{path}due_on", required=quantity > 0),
    )


def _lot_level(row: LotRow) -> pb2.LotLevel:
    level = row.level
    return pb2.LotLevel(
        lot=row.lot,
        expires_on=row.expires_on.isoformat() if row.expires_on else "",
        location=row.location,
        quantities=core_pb2.Quantities(
            on_hand=level.on_hand,
            held=level.held,
            allocated=level.allocated,
            quality_control=level.quality_control,
            damaged=level.damaged,
            quarantined=level.quarantined,
            available=level.available,
        ),
    )
