"""Requests become commands; everything wrong with a request is said here, with the path of the field."""

import hashlib
import re
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from inventory.domain.adjustment import Adjust, Count, Disposition, Row, SetThresholds
from inventory.domain.code import calendar_date, free_text, is_code, location_code, lot_code, serial_number, sku_code
from inventory.domain.limits import (
    BULK_ROWS_MAX,
    CATEGORY_BYTES_MAX,
    FILTERS_MAX,
    ON_HAND_MAX,
    PAGE_ROWS_DEFAULT,
    PAGE_ROWS_MAX,
    QUANTITY_MAX,
    REASON_BYTES_MAX,
    REFERENCE_BYTES_MAX,
    SERIALS_MAX,
)
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.topology import Point, Use
from inventory.postgres.identity import UUID
from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_ALL_OR_NOTHING = (core_pb2.ERROR_POLICY_UNSPECIFIED, core_pb2.ERROR_POLICY_ALL_OR_NOTHING)
_DURATION_S_MAX = 3_660 * 86_400  # above every limit, and within what a timedelta can hold
_NANOS_PER_S = 1_000_000_000
Lines = Collection[core_pb2.LineQuantity]
"""Of a request, with quantities in the SKU's smallest unit."""
_PURPOSES = frozenset(core_pb2.Purpose.values())
_ERROR_POLICIES = frozenset(core_pb2.ErrorPolicy.values())
_DISPOSITIONS: dict[int, Disposition | None] = {
    core_pb2.DISPOSITION_UNSPECIFIED: None,
    core_pb2.DISPOSITION_SELLABLE: None,
    core_pb2.DISPOSITION_QUALITY_CONTROL: Disposition.QUALITY_CONTROL,
    core_pb2.DISPOSITION_DAMAGED: Disposition.DAMAGED,
    core_pb2.DISPOSITION_QUARANTINED: Disposition.QUARANTINED,
}


def fingerprint(request: Message) -> bytes:
    """16 bytes that stand for the request's content: what the same request_id must repeat."""
    digest = hashlib.blake2b(request.SerializeToString(deterministic=True), digest_size=16)
    digest.update(type(request).__name__.encode())
    return digest.digest()


def request_id(text: str, field: str = "request_id") -> UUID:
    """Raises REQUEST_ID_REQUIRED, REQUEST_ID_FORMAT."""
    if not text:
        raise Refusal(
            Reason.REQUEST_ID_REQUIRED,
            "every write needs a request_id, a UUID made once per intent",
            field=field,
        )
    return _uuid(text, Reason.REQUEST_ID_FORMAT, "request_id is not a UUID", field)


def stream_id(text: str, *, required: bool = False) -> UUID | None:
    """None: not given. Raises STREAM_ID_FORMAT."""
    if not text and not required:
        return None
    return _uuid(text, Reason.STREAM_ID_FORMAT, "stream_id is a UUID made by the client", "stream_id")


def reservation_id(text: str) -> UUID:
    """Raises RESERVATION_ID_FORMAT."""
    return _uuid(text, Reason.RESERVATION_ID_FORMAT, "reservation_id is not a UUID", "reservation_id")


def transfer_id(text: str) -> UUID:
    """Raises TRANSFER_ID_FORMAT."""
    return _uuid(text, Reason.TRANSFER_ID_FORMAT, "transfer_id is not a UUID", "transfer_id")


def count_id(text: str) -> UUID:
    """Raises COUNT_ID_FORMAT."""
    return _uuid(text, Reason.COUNT_ID_FORMAT, "count_id is not a UUID", "count_id")


def alarm_id(text: str) -> UUID:
    """Raises ALARM_ID_FORMAT."""
    return _uuid(text, Reason.ALARM_ID_FORMAT, "alarm_id is not a UUID", "alarm_id")


def reconciliation_id(text: str) -> UUID:
    """Raises RECONCILIATION_ID_FORMAT."""
    return _uuid(text, Reason.RECONCILIATION_ID_FORMAT, "reconciliation_id is not a UUID", "reconciliation_id")


def _uuid(text: str, reason: Reason, message: str, field: str) -> UUID:
    if not _UUID.fullmatch(text):
        raise Refusal(reason, message, field=field)
    return UUID(text)


def purpose(number: int, field: str) -> Use | None:
    """None: what the channel is for."""
    if number == 0:
        return None
    if number not in _PURPOSES:
        raise unknown_enum(field)
    return Use(number)


def point(message: core_pb2.Point, path: str) -> Point:
    """Raises POINT_OUT_OF_RANGE, also for what is no number."""
    for name, degrees, most in (("latitude", message.latitude, 90), ("longitude", message.longitude, 180)):
        if not -most <= degrees <= most:
            raise Refusal(
                Reason.POINT_OUT_OF_RANGE,
                f"{name} is -{most} to {most} degrees",
                field=f"{path}.{name}",
                metadata={"min": str(-most), "max": str(most)},
            )
    return Point(message.latitude, message.longitude)


def adjust(request: stock_pb2.AdjustStockRequest, channel_id: int) -> Adjust:
    row = Row(
        sku_code(request.sku, "sku"),
        location_code(request.location, "location"),
        _delta(request.delta, "delta"),
        disposition(request.disposition, "disposition"),
        None,
        lot(request.lot, "lot"),
        serials(request.serials, request.sku, "", set()),
    )
    return Adjust(channel_id, (row,), *why(request.reason, request.reference))


def adjust_batch(request: stock_pb2.BatchAdjustStockRequest, channel_id: int) -> Adjust:
    rows = request.adjustments
    within(len(rows), BULK_ROWS_MAX, "adjustments")
    skip_refused = skips_refused(request.error_policy)
    reason, reference = why(request.reason, request.reference)
    named: set[tuple[str, str]] = set()
    return Adjust(
        channel_id,
        tuple(_adjustment(row, f"adjustments[{position}].", named) for position, row in enumerate(rows)),
        reason,
        reference,
        skip_refused,
    )


def count(request: stock_pb2.SetStockRequest, channel_id: int) -> Count:
    if not request.HasField("expected_on_hand"):
        raise Refusal(Reason.FIELD_REQUIRED, "say what on_hand is expected to be", field="expected_on_hand")
    return Count(
        channel_id,
        sku_code(request.sku, "sku"),
        location_code(request.location, "location"),
        quantity_between(request.on_hand, "on_hand", 0, ON_HAND_MAX),
        quantity_between(request.expected_on_hand, "expected_on_hand", 0, ON_HAND_MAX),
        *why(request.reason, request.reference),
    )


def thresholds(request: stock_pb2.SetThresholdsRequest, channel_id: int) -> SetThresholds:
    values = [
        quantity_between(getattr(request, name), name, 0, QUANTITY_MAX) if request.HasField(name) else None
        for name in ("safety_stock", "reorder_point", "backorder_limit")
    ]
    return SetThresholds(channel_id, sku_code(request.sku, "sku"), location_code(request.location, "location"), *values)


def skips_refused(policy: int) -> bool:
    if policy not in _ERROR_POLICIES:
        raise unknown_enum("error_policy")
    return policy not in _ALL_OR_NOTHING


def page_size(asked: int) -> int:
    """Raises PAGE_SIZE_INVALID; a huge size is clamped."""
    if asked < 0:
        raise Refusal(Reason.PAGE_SIZE_INVALID, "page_size must not be negative", field="page_size")
    return min(asked or PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX)


def codes(texts: Sequence[str], field: str) -> list[str] | None:
    """A filter of SKU or location codes or of categories; None when it is empty. Raises TOO_MANY_FILTERS and what is
    wrong with a code."""
    if not texts:
        return None
    if len(texts) > FILTERS_MAX:
        raise too_many_filters(field)
    check = {"skus": sku_code, "locations": location_code, "categories": _category}[field]
    return [check(text, f"{field}[{position}]") for position, text in enumerate(texts)]


def _category(text: str, field: str) -> str:
    return free_text(text, CATEGORY_BYTES_MAX, field, required=True)


def min_revision(revision: int, field: str = "min_revision") -> int:
    if revision < 0:
        raise Refusal(Reason.REVISION_FORMAT, "a revision is not negative", field=field)
    return revision


def time(message: Timestamp, field: str) -> datetime:
    """Raises TIME_RANGE."""
    try:
        return message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Refusal(Reason.TIME_RANGE, f"{field} is not a valid time", field=field) from None


def duration(message: Duration, field: str, low: timedelta, high: timedelta, reason: Reason) -> timedelta:
    """Within limits, all of which are positive, and a valid Duration: nanos below 10^9 with the sign of the seconds."""
    seconds, nanos = message.seconds, message.nanos
    if not (0 <= seconds <= _DURATION_S_MAX and 0 <= nanos < _NANOS_PER_S and seconds + nanos):
        found = None
    else:
        found = timedelta(0, seconds, nanos // 1000)
    if found is None or not low <= found <= high:
        low_s, high_s = int(low.total_seconds()), int(high.total_seconds())
        raise Refusal(
            reason,
            f"{field} is {low_s} s to {high_s} s",
            field=field,
            metadata={"min_s": str(low_s), "max_s": str(high_s)},
        )
    return found


def serials(texts: Sequence[str], sku: str, path: str, named: set[tuple[str, str]]) -> tuple[str, ...]:
    """The pieces that a row names. `named`: all that the request has named before, which grows by them. Raises
    SERIAL_FORMAT, TOO_MANY_LINES."""
    if not texts:
        return ()
    if len(named) + len(texts) > SERIALS_MAX:
        raise too_many(f"{path}serials", SERIALS_MAX)
    for position, text in enumerate(texts):
        field = f"{path}serials[{position}]"
        piece = (sku, serial_number(text, field))
        if piece in named:
            raise Refusal(Reason.SERIAL_FORMAT, f"{text!r} is named twice", field=field)
        named.add(piece)
    return tuple(texts)


def _adjustment(row: stock_pb2.StockAdjustment, path: str, named: set[tuple[str, str]]) -> Row:
    sku, location = row.sku, row.location
    if not is_code(sku):
        sku_code(sku, f"{path}sku")
    if not is_code(location):
        location_code(location, f"{path}location")
    return Row(
        sku,
        location,
        _delta(row.delta, f"{path}delta"),
        disposition(row.disposition, f"{path}disposition") if row.disposition else None,
        quantity_between(row.expected_on_hand, f"{path}expected_on_hand", 0, ON_HAND_MAX)
        if row.HasField("expected_on_hand")
        else None,
        lot(row.lot, f"{path}lot"),
        serials(row.serials, sku, path, named),
    )


def _delta(delta: int, field: str) -> int:
    if delta == 0 or not -QUANTITY_MAX <= delta <= QUANTITY_MAX:
        quantity_between(delta or QUANTITY_MAX + 1, field, -QUANTITY_MAX, QUANTITY_MAX)
    return delta


def quantity_between(quantity: int, field: str, low: int, high: int) -> int:
    if not low <= quantity <= high:
        raise Refusal(
            Reason.QUANTITY_OUT_OF_RANGE,
            f"{field} is {low} to {high}" + (", not 0" if low < 0 else ""),
            field=field,
            metadata={"min": str(low), "max": str(high)},
        )
    return quantity


def disposition(number: int, field: str) -> Disposition | None:
    try:
        return _DISPOSITIONS[number]
    except KeyError:
        raise unknown_enum(field) from None


def lot(text: str, field: str) -> str:
    """'': none is named. Raises LOT_FORMAT."""
    return lot_code(text, field) if text else ""


def day(text: str, field: str, *, required: bool = False) -> date | None:
    """None: not given. Raises DATE_FORMAT."""
    if not text and not required:
        return None
    return calendar_date(text, field)


def why(reason: str, reference: str) -> tuple[str, str]:
    return (
        free_text(reason, REASON_BYTES_MAX, "reason", required=True),
        free_text(reference, REFERENCE_BYTES_MAX, "reference"),
    )


def within(rows: int, rows_max: int, field: str) -> None:
    if rows == 0:
        raise Refusal(Reason.LINES_EMPTY, f"{field} must not be empty", field=field)
    if rows > rows_max:
        raise too_many(field, rows_max)


def too_many(field: str, rows_max: int) -> Refusal:
    return Refusal(
        Reason.TOO_MANY_LINES, f"{field} has at most {rows_max}", field=field, metadata={"max": str(rows_max)}
    )


def too_many_filters(field: str) -> Refusal:
    return Refusal(
        Reason.TOO_MANY_FILTERS,
        f"at most {FILTERS_MAX} entries in a filter",
        field=field,
        metadata={"max": str(FILTERS_MAX)},
    )


def unknown_enum(field: str) -> Refusal:
    return Refusal(Reason.FIELD_REQUIRED, f"{field} has a value this server does not know", field=field)
