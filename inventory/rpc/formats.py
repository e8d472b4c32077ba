"""Answers become messages."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from inventory.domain.adjustment import Adjusted, Disposition, LevelAfter
from inventory.domain.ledger import Ledger
from inventory.domain.level import Level, Place
from inventory.domain.movement import Movement
from inventory.domain.refusal import Refusal
from inventory.domain.reservation import Reservation
from inventory.domain.subscriber import Subscriber
from inventory.postgres.reads import LevelRow, LineCodes, ReservationRow
from inventory.rpc.errors import status
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import subscriber_service_pb2 as subscriber_pb2

_DISPOSITIONS: dict[Disposition | None, core_pb2.Disposition] = {
    None: core_pb2.DISPOSITION_SELLABLE,
    Disposition.QUALITY_CONTROL: core_pb2.DISPOSITION_QUALITY_CONTROL,
    Disposition.DAMAGED: core_pb2.DISPOSITION_DAMAGED,
    Disposition.QUARANTINED: core_pb2.DISPOSITION_QUARANTINED,
}
ROWS_DETAILED_MAX = 1_000
"""Refused rows of a bulk request that are answered in full."""


@lru_cache(maxsize=64)
def timestamp(time: datetime) -> Timestamp:
    """A shared message: not to be changed. All of one batch has the same few times."""
    seconds = int(time.timestamp())
    return Timestamp(seconds=seconds, nanos=time.microsecond * 1000)


def reservation(
    found: Reservation,
    codes: Sequence[LineCodes],
    channel: str,
    pickup_location: str = "",
    transfer_ids: Sequence[UUID] = (),
) -> core_pb2.Reservation:
    """`codes` are those of the lines, in their order."""
    lines = []
    for line, (sku, location, lot, bundle, serials) in zip(found.lines, codes, strict=True):
        if not line.requested:  # a back-order that lots have filled
            continue
        message = core_pb2.ReservationLine(
            sku=sku,
            location=location,
            requested=line.requested,
            held=line.held,
            allocated=line.allocated,
            fulfilled=line.fulfilled,
            released=line.released,
            backordered=line.backordered,
            ask=line.ask_no,
        )
        if lot or bundle or serials:
            message.MergeFrom(
                core_pb2.ReservationLine(lot=lot, bundle=bundle, bundle_quantity=line.bundle_quantity, serials=serials)
            )
        lines.append(message)
    return core_pb2.Reservation(
        reservation_id=str(found.reservation_id),
        channel=channel,
        owner=found.owner,
        reference=found.reference,
        state=found.state.value,  # type: ignore[arg-type]  # the numbers are the same
        expires_at=timestamp(found.expires_at) if found.expires_at else None,
        created_at=timestamp(found.created_at),
        lines=lines,
        purpose=found.purpose.value,  # type: ignore[arg-type]  # the numbers are the same
        pickup_location=pickup_location,
        ready_at=timestamp(found.ready_at) if found.ready_at else None,
        transfer_ids=map(str, transfer_ids),
    )


def reservation_row(row: ReservationRow, channel: str) -> core_pb2.Reservation:
    return reservation(row.reservation, row.codes, channel, row.pickup_location, row.transfer_ids)


class ReservationAnswer:
    """Encodes the answer of every reservation command: their responses have one shape."""

    def __init__(self, channel: str) -> None:
        self._channel = channel

    def __call__(self, ledger: Ledger, found: Reservation) -> bytes:
        codes = []
        pieces: dict[int, list[str]] = {}
        for piece in ledger.pieces.of(found.reservation_id):
            pieces.setdefault(piece.line_no, []).append(piece.serial)
        for line_no, line in enumerate(found.lines):
            place = ledger.codes[(line.sku_id, line.location_id)]
            lot = ledger.lot_codes[line.lot_id] if line.lot_id else ""
            bundle = ledger.bundles[line.bundle_sku_id] if line.bundle_sku_id else ""
            codes.append(LineCodes(place.sku, place.location, lot, bundle, tuple(pieces.get(line_no, ()))))
        pickup = ledger.topology.sites[found.pickup_location_id].code if found.pickup_location_id else ""
        message = reservation_pb2.ReserveResponse(
            reservation=reservation(found, codes, self._channel, pickup, found.transfer_ids)
        )
        return message.SerializeToString()


def disposition(found: Disposition | None) -> core_pb2.Disposition:
    return _DISPOSITIONS[found]


def quantities(level: Level) -> core_pb2.Quantities:
    return core_pb2.Quantities(
        on_hand=level.on_hand,
        held=level.held,
        allocated=level.allocated,
        quality_control=level.quality_control,
        damaged=level.damaged,
        quarantined=level.quarantined,
        available=level.available,
        backordered=level.backordered,
        in_transit=level.in_transit,
        incoming=level.incoming,
    )


def level(sku: str, location: str, found: Level, revision: int) -> core_pb2.Level:
    return core_pb2.Level(
        sku=sku,
        location=location,
        quantities=quantities(found),
        revision=revision,
        safety_stock=found.safety_stock,
        reorder_point=found.reorder_point,
        backorder_limit=found.backorder_limit,
    )


def level_row(row: LevelRow) -> core_pb2.Level:
    return level(row.sku, row.location, row.level, row.revision)


def level_answer(ledger: Ledger, answer: LevelAfter) -> bytes:
    """The answer of SetStock and SetThresholds, whose responses have AdjustStock's shape."""
    message = level(answer.place.sku, answer.place.location, answer.level, 0)
    return stock_pb2.AdjustStockResponse(level=message).SerializeToString()


def adjusted_one_answer(ledger: Ledger, answer: Adjusted) -> bytes:
    assert answer.last is not None
    return level_answer(ledger, answer.last)


def adjusted_answer(ledger: Ledger, answer: Adjusted) -> bytes:
    message = stock_pb2.BatchAdjustStockResponse(
        applied=len(answer.on_hand) - len(answer.refused),
        refused=[
            stock_pb2.RefusedRow(row=row, error=row_error(refusal, brief=number >= ROWS_DETAILED_MAX))
            for number, (row, refusal) in enumerate(answer.refused.items())
        ],
        on_hand=answer.on_hand,
    )
    return message.SerializeToString()


def row_error(refusal: Refusal, *, brief: bool = False) -> core_pb2.RowError:
    """`brief`: only the code and the reason."""
    found = status(Refusal(refusal.reason, "") if brief else refusal)
    return core_pb2.RowError(code=found.code, message=found.message, details=found.details)


def movement(row: Any) -> core_pb2.Movement:
    """`row` is of the queries that read the ledger."""
    return _movement(
        row["revision"],
        row["ordinal"],
        row["sku"],
        row["location"],
        row["kind"],
        Level(*row[3:12]),
        Level(*row[12:21]),
        row["reservation_id"],
        row["channel"],
        row["reason"],
        row["reference"],
        row["recorded_at"],
        row["lot"],
    )


def committed_movement(
    found: Movement, base: int, place: Place, channel: str, recorded_at: datetime, lot: str | None
) -> core_pb2.Movement:
    """As it will be read back: `base` is the revision before its batch."""
    return _movement(
        base + found.step,
        found.ordinal,
        place.sku,
        place.location,
        found.kind,
        Level(*found[5:14]),
        Level(*found[14:23]),
        found.reservation_id,
        channel,
        found.reason,
        found.reference,
        recorded_at,
        lot,
    )


def _movement(
    revision: int,
    ordinal: int,
    sku: str,
    location: str,
    kind: int,
    delta: Level,
    after: Level,
    reservation_id: UUID | None,
    channel: str,
    reason: str | None,
    reference: str | None,
    recorded_at: datetime,
    lot: str | None,
) -> core_pb2.Movement:
    return core_pb2.Movement(
        revision=revision,
        ordinal=ordinal,
        sku=sku,
        location=location,
        kind=kind,  # type: ignore[arg-type]  # the numbers are the same
        delta=quantities(delta),
        after=quantities(after),
        reservation_id=str(reservation_id) if reservation_id else "",
        channel=channel,
        reason=reason or "",
        reference=reference or "",
        recorded_at=timestamp(recorded_at),
        lot=lot or "",
    )


def subscriber(found: Subscriber, epoch: UUID, silent: timedelta | None = None) -> subscriber_pb2.Subscriber:
    return subscriber_pb2.Subscriber(
        channel=found.channel,
        name=found.name,
        acknowledged=core_pb2.Cursor(epoch=str(epoch), revision=found.acknowledged),
        acknowledged_at=timestamp(found.acknowledged_at),
        registered_at=timestamp(found.registered_at),
        deadline=found.deadline,
        lag_changes_max=found.lag_changes_max,
        lag_max=found.lag_max,
        state=found.state.value,  # type: ignore[arg-type]  # the numbers are the same
        lag_changes=found.lag_changes,
        lag=found.lag,
        silent=silent,
    )
