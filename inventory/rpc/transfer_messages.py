"""Transfers on the wire: requests become commands, transfers become messages."""

from collections.abc import Collection, Sequence

from inventory.domain.code import free_text, is_code, location_code, sku_code
from inventory.domain.ledger import Ledger
from inventory.domain.limits import BULK_ROWS_MAX, LINES_MAX, QUANTITY_MAX, REASON_BYTES_MAX, REFERENCE_BYTES_MAX
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.transfer import (
    CancelTransfer,
    CreateTransfer,
    Moved,
    ReceiveTransfer,
    ShipTransfer,
    Transfer,
    TransferState,
)
from inventory.postgres.identity import UUID
from inventory.postgres.transfers import TransferRow
from inventory.rpc import parse
from inventory.rpc.formats import timestamp
from inventory.v1 import transfer_service_pb2 as pb2


def state(number: int) -> TransferState | None:
    if number == 0:
        return None
    try:
        return TransferState(number)
    except ValueError:
        raise parse.unknown_enum("state") from None


def create(request: pb2.CreateTransferRequest, channel_id: int, new_id: UUID) -> CreateTransfer:
    origin = location_code(request.from_location, "from_location")
    target = location_code(request.to_location, "to_location")
    if origin == target:
        raise Refusal(Reason.FIELD_CONFLICT, "a transfer goes to another location", field="to_location")
    return CreateTransfer(
        channel_id,
        new_id,
        origin,
        target,
        _rows(request.lines, required=True),
        request.ship,
        parse.day(request.expected_on, "expected_on"),
        free_text(request.reason, REASON_BYTES_MAX, "reason"),
        free_text(request.reference, REFERENCE_BYTES_MAX, "reference"),
    )


def ship(request: pb2.ShipTransferRequest, channel_id: int) -> ShipTransfer:
    return ShipTransfer(channel_id, parse.transfer_id(request.transfer_id), _rows(request.lines))


def receive(request: pb2.ReceiveTransferRequest, channel_id: int) -> ReceiveTransfer:
    disposition = parse.disposition(request.disposition, "disposition")
    return ReceiveTransfer(
        channel_id,
        parse.transfer_id(request.transfer_id),
        _rows(request.lines, quantity_min=0 if request.close else 1),
        request.close,
        free_text(request.difference_reason, REASON_BYTES_MAX, "difference_reason"),
        disposition,
    )


def cancel(request: pb2.CancelTransferRequest, channel_id: int) -> CancelTransfer:
    return CancelTransfer(
        channel_id, parse.transfer_id(request.transfer_id), free_text(request.reason, REASON_BYTES_MAX, "reason")
    )


def transfer_of(ledger: Ledger, found: Transfer, channel: str) -> pb2.Transfer:
    """As a command of `channel` left it."""
    sites = ledger.topology.sites
    codes = [
        (
            ledger.place_at((line.sku_id, found.from_location_id)).sku,
            ledger.lot_codes[line.lot_id] if line.lot_id else "",
        )
        for line in found.lines
    ]
    places = sites[found.from_location_id].code, sites[found.to_location_id].code
    return _transfer(found, *places, codes, found.channel or channel)


def transfer_row(row: TransferRow) -> pb2.Transfer:
    return _transfer(row.transfer, row.from_location, row.to_location, row.codes, row.transfer.channel)


def _transfer(
    found: Transfer, from_location: str, to_location: str, codes: Sequence[tuple[str, str]], channel: str
) -> pb2.Transfer:
    return pb2.Transfer(
        transfer_id=str(found.transfer_id),
        from_location=from_location,
        to_location=to_location,
        state=found.state.value,  # type: ignore[arg-type]  # the numbers are the same
        lines=[
            pb2.TransferLine(
                sku=sku,
                requested=line.requested,
                shipped=line.shipped,
                received=line.received,
                missing=line.missing,
                lot=lot,
                difference_reason=line.difference_reason,
                serials=line.serials,
            )
            for line, (sku, lot) in zip(found.lines, codes, strict=True)
        ],
        reservation_id=str(found.reservation_id) if found.reservation_id else "",
        reference=found.reference,
        reason=found.reason,
        created_at=timestamp(found.created_at),
        shipped_at=timestamp(found.shipped_at) if found.shipped_at else None,
        ended_at=timestamp(found.ended_at) if found.ended_at else None,
        expected_on=found.expected_on.isoformat() if found.expected_on else "",
        channel=channel,
    )


def _rows(
    lines: Collection[pb2.TransferQuantity], *, required: bool = False, quantity_min: int = 1
) -> tuple[Moved, ...]:
    """Each SKU and lot once."""
    if lines or required:
        parse.within(len(lines), LINES_MAX, "lines")
    rows: dict[tuple[str, str], Moved] = {}
    for position, line in enumerate(lines):
        path = f"lines[{position}]"
        sku = sku_code(line.sku, f"{path}.sku")
        quantity = parse.quantity_between(line.quantity, f"{path}.quantity", quantity_min, QUANTITY_MAX)
        lot = parse.lot(line.lot, f"{path}.lot")
        if (sku, lot) in rows:
            raise Refusal(Reason.FIELD_CONFLICT, "each SKU and lot stands in one line", field=f"{path}.sku")
        rows[(sku, lot)] = Moved(sku, quantity, lot, _serials(line.serials, f"{path}.serials"))
    return tuple(rows.values())


def _serials(serials: Sequence[str], path: str) -> tuple[str, ...]:
    if not serials:
        return ()
    parse.within(len(serials), BULK_ROWS_MAX, path)
    seen: set[str] = set()
    for position, serial in enumerate(serials):
        if not is_code(serial) or serial in seen:
            raise Refusal(
                Reason.SERIAL_FORMAT,
                "a serial number is 1 to 64 bytes of printable NFC text, and named once",
                field=f"{path}[{position}]",
            )
        seen.add(serial)
    return tuple(serials)
