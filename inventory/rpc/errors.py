"""The one table from reasons to gRPC codes, and the status that a client gets."""

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2 as details_pb2
from google.rpc.status_pb2 import Status

from inventory.domain.limits import VIOLATIONS_MAX
from inventory.domain.refusal import NotNow, Reason, Refusal
from inventory.engine.failures import EngineError, StorageUnavailable
from inventory.postgres.errors import StorageError

DOMAIN = "inventory.v1"
_Code = grpc.StatusCode

CODES: dict[Reason, grpc.StatusCode] = {
    **dict.fromkeys(
        (
            Reason.MALFORMED_REQUEST,
            Reason.QUANTITY_OUT_OF_RANGE,
            Reason.NOT_AN_INTEGER,
            Reason.LINES_EMPTY,
            Reason.TOO_MANY_LINES,
            Reason.SKU_FORMAT,
            Reason.LOCATION_FORMAT,
            Reason.CHANNEL_FORMAT,
            Reason.TEXT_FORMAT,
            Reason.BARCODE_FORMAT,
            Reason.UNIT_DIGITS_OUT_OF_RANGE,
            Reason.REQUEST_ID_REQUIRED,
            Reason.REQUEST_ID_FORMAT,
            Reason.RESERVATION_ID_FORMAT,
            Reason.TTL_OUT_OF_RANGE,
            Reason.FIELD_REQUIRED,
            Reason.FIELD_CONFLICT,
            Reason.PAGE_SIZE_INVALID,
            Reason.PAGE_TOKEN_INVALID,
            Reason.TOO_MANY_FILTERS,
            Reason.REVISION_FORMAT,
            Reason.TIME_RANGE,
            Reason.STREAM_ID_FORMAT,
            Reason.SUBSCRIBER_FORMAT,
            Reason.CSV_SYNTAX,
            Reason.CSV_HEADER,
            Reason.CSV_ROW,
            Reason.TIME_ZONE_UNKNOWN,
            Reason.POINT_OUT_OF_RANGE,
            Reason.TIME_FORMAT,
            Reason.DATE_FORMAT,
            Reason.UNIT_FORMAT,
            Reason.UNIT_NOT_FOUND,
            Reason.AMOUNT_FORMAT,
            Reason.QUANTITY_NOT_WHOLE,
            Reason.SERIAL_FORMAT,
            Reason.LOT_FORMAT,
            Reason.TRANSFER_ID_FORMAT,
            Reason.COUNT_ID_FORMAT,
            Reason.CERTIFICATE_FORMAT,
            Reason.RECONCILIATION_ID_FORMAT,
        ),
        _Code.INVALID_ARGUMENT,
    ),
    Reason.SKU_NOT_FOUND: _Code.NOT_FOUND,
    Reason.SKU_RETIRED: _Code.FAILED_PRECONDITION,
    Reason.LOCATION_NOT_FOUND: _Code.NOT_FOUND,
    Reason.LOCATION_RETIRED: _Code.FAILED_PRECONDITION,
    Reason.RESERVATION_NOT_FOUND: _Code.NOT_FOUND,
    Reason.INSUFFICIENT_STOCK: _Code.FAILED_PRECONDITION,
    Reason.RESERVATION_EXPIRED: _Code.FAILED_PRECONDITION,
    Reason.RESERVATION_STATE: _Code.FAILED_PRECONDITION,
    Reason.EXCEEDS_HELD: _Code.FAILED_PRECONDITION,
    Reason.EXPECTATION_FAILED: _Code.ABORTED,
    Reason.BELOW_PROMISED: _Code.FAILED_PRECONDITION,
    Reason.ON_HAND_LIMIT: _Code.FAILED_PRECONDITION,
    Reason.CODE_TAKEN: _Code.ALREADY_EXISTS,
    Reason.REQUEST_ID_REUSED: _Code.ALREADY_EXISTS,
    Reason.REQUEST_IN_PROGRESS: _Code.ABORTED,
    Reason.COMPACTED: _Code.OUT_OF_RANGE,
    Reason.REVISION_IN_FUTURE: _Code.OUT_OF_RANGE,
    Reason.EPOCH_CHANGED: _Code.FAILED_PRECONDITION,
    Reason.STREAM_LIMIT: _Code.RESOURCE_EXHAUSTED,
    Reason.SHUTTING_DOWN: _Code.UNAVAILABLE,
    Reason.SUBSCRIBER_NOT_FOUND: _Code.NOT_FOUND,
    Reason.SUBSCRIBER_LIMIT: _Code.RESOURCE_EXHAUSTED,
    Reason.OVERLOADED: _Code.RESOURCE_EXHAUSTED,
    Reason.STORAGE_UNAVAILABLE: _Code.UNAVAILABLE,
    Reason.CONTENTION: _Code.UNAVAILABLE,
    Reason.OUTCOME_UNKNOWN: _Code.UNAVAILABLE,
    Reason.CHANNEL_NOT_FOUND: _Code.NOT_FOUND,
    Reason.LOT_NOT_FOUND: _Code.NOT_FOUND,
    Reason.SERIAL_NOT_FOUND: _Code.NOT_FOUND,
    Reason.TRANSFER_NOT_FOUND: _Code.NOT_FOUND,
    Reason.COUNT_NOT_FOUND: _Code.NOT_FOUND,
    Reason.LOCATION_NOT_SELLING: _Code.FAILED_PRECONDITION,
    Reason.SKU_NOT_STOCKED: _Code.FAILED_PRECONDITION,
    Reason.LOT_REQUIRED: _Code.FAILED_PRECONDITION,
    Reason.LOT_EXPIRED: _Code.FAILED_PRECONDITION,
    Reason.LOT_CONFLICT: _Code.FAILED_PRECONDITION,
    Reason.SERIALS_REQUIRED: _Code.FAILED_PRECONDITION,
    Reason.SERIAL_TAKEN: _Code.FAILED_PRECONDITION,
    Reason.TRANSFER_STATE: _Code.FAILED_PRECONDITION,
    Reason.EXCEEDS_TRANSFER: _Code.FAILED_PRECONDITION,
    Reason.COUNT_STATE: _Code.FAILED_PRECONDITION,
    Reason.SKU_IN_USE: _Code.FAILED_PRECONDITION,
    Reason.BUNDLE_CYCLE: _Code.FAILED_PRECONDITION,
    Reason.BUNDLE_TOO_DEEP: _Code.FAILED_PRECONDITION,
    Reason.CREDENTIALS_MISSING: _Code.UNAUTHENTICATED,
    Reason.CREDENTIALS_INVALID: _Code.UNAUTHENTICATED,
    Reason.SCOPE_REQUIRED: _Code.PERMISSION_DENIED,
    Reason.RATE_LIMITED: _Code.RESOURCE_EXHAUSTED,
    Reason.CALL_LIMIT: _Code.RESOURCE_EXHAUSTED,
    Reason.HELD_LIMIT: _Code.FAILED_PRECONDITION,
    Reason.ACCESS_CHANGED: _Code.UNAVAILABLE,
    Reason.CREDENTIAL_LIMIT: _Code.FAILED_PRECONDITION,
    Reason.CREDENTIAL_NOT_FOUND: _Code.NOT_FOUND,
    Reason.ALARM_ID_FORMAT: _Code.INVALID_ARGUMENT,
    Reason.ALARM_NOT_FOUND: _Code.NOT_FOUND,
    Reason.CHANNEL_SILENT: _Code.UNAVAILABLE,
    Reason.RECONCILIATION_NOT_FOUND: _Code.NOT_FOUND,
    Reason.STREAM_OLD: _Code.UNAVAILABLE,
    Reason.LAST_ADMIN: _Code.FAILED_PRECONDITION,
    Reason.TOO_HEAVY: _Code.RESOURCE_EXHAUSTED,
    Reason.INTERNAL: _Code.INTERNAL,
    Reason.DEADLINE: _Code.DEADLINE_EXCEEDED,
}
BY_NUMBER: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


def status(error: Refusal | EngineError | StorageError) -> Status:
    """What a client gets: code, a text for people, and the details for programs. Never SQL, never a trace."""
    if isinstance(error, StorageError):  # only reads meet it bare
        error = StorageUnavailable()
    code = CODES[error.reason].value[0]
    if isinstance(error, EngineError):
        details = [_packed(details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN))]
        if error.retry_after_s is not None:
            details.append(_retry(error.retry_after_s))
        return Status(code=code, message=error.message, details=details)
    details = [_packed(details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata))]
    if isinstance(error, NotNow):
        details.append(_retry(error.retry_after_s))
    if error.field and code == _Code.INVALID_ARGUMENT.value[0]:
        violation = details_pb2.BadRequest.FieldViolation(
            field=error.field, description=error.message, reason=error.reason
        )
        details.append(_packed(details_pb2.BadRequest(field_violations=[violation])))
    if error.shortages:
        violations = [
            details_pb2.PreconditionFailure.Violation(
                type=error.reason,
                subject=f"{short.sku}@{short.location}",
                description=f"requested {short.requested}, available {short.available}"
                + (f", due_on {short.due_on}" if short.due_on else ""),
            )
            for short in error.shortages[:VIOLATIONS_MAX]
        ]
        details.append(_packed(details_pb2.PreconditionFailure(violations=violations)))
    if error.resource is not None:
        kind, name = error.resource
        details.append(_packed(details_pb2.ResourceInfo(resource_type=kind, resource_name=name)))
    return Status(code=code, message=error.message, details=details)


def encode_refusal(refusal: Refusal) -> tuple[int, bytes]:
    """The gRPC status code's number and the serialised status."""
    encoded = status(refusal)
    return encoded.code, encoded.SerializeToString()


def _retry(after_s: float) -> Any:
    delay = Duration(nanos=0)
    delay.FromMilliseconds(round(after_s * 1000))
    return _packed(details_pb2.RetryInfo(retry_delay=delay))


def _packed(message: object) -> Any:
    packed = Any()
    packed.Pack(message)  # type: ignore[arg-type]  # every detail is a message
    return packed
