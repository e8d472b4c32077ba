"""Single pieces as messages."""

from collections.abc import Sequence

from inventory.postgres.serials import EventRow
from inventory.rpc import formats
from inventory.v1 import stock_service_pb2 as pb2


def serial_answer(present: EventRow, history: Sequence[EventRow]) -> bytes:
    return pb2.GetSerialResponse(present=_event(present), history=map(_event, history)).SerializeToString()


def _event(row: EventRow) -> pb2.SerialEvent:
    return pb2.SerialEvent(
        revision=row.revision,
        state=row.state.value,  # type: ignore[arg-type]  # the numbers are the same
        location=row.location or "",
        disposition=formats.disposition(row.disposition),
        reservation_id=str(row.reservation_id) if row.reservation_id else "",
        reference=row.reference,
        recorded_at=formats.timestamp(row.recorded_at),
    )
