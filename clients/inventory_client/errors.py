"""What the service can say instead of an answer, as exceptions; made from a status and its google.rpc details.

Two families. `Refused`: a definite no, nothing happened. `Unavailable`: no definite answer; of these `OutcomeUnknown`
is a write that may have happened: send it again with its `request_id`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2 as details_pb2
from google.rpc.status_pb2 import Status

from inventory.v1 import core_pb2

DETAILS_KEY = "grpc-status-details-bin"

_CODES = {code.value[0]: code.name for code in grpc.StatusCode}
_DOUBTFUL_CODES = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL", "UNKNOWN"})
_WITHOUT_EFFECT = frozenset(
    {"SHUTTING_DOWN", "STREAM_OLD", "STORAGE_UNAVAILABLE", "CONTENTION", "DEADLINE", "CHANNEL_SILENT"}
)
"""Reasons whose code alone would leave it open."""
_CURSOR_LOST = frozenset({"COMPACTED", "REVISION_IN_FUTURE", "EPOCH_CHANGED"})
_PASSING = frozenset({"OVERLOADED", "STREAM_LIMIT", "RATE_LIMITED", "CALL_LIMIT", "TOO_HEAVY"})


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One wrong field of a request: its path, such as `lines[0].quantity`, and what is wrong with it."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class Shortage:
    """One line of which there is not enough, in the SKU's smallest unit. `due_on`: the first day on which more is due;
    None: not known."""

    sku: str
    location: str
    requested: int
    available: int
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A call's end without an answer, as it came over the wire. `code` is the gRPC code's name; `reason` a name of
    `inventory.v1.ErrorReason` without its prefix, '' when the server gave none."""

    code: str
    reason: str = ""
    message: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    field_violations: tuple[FieldViolation, ...] = ()
    shortages: tuple[Shortage, ...] = ()
    retry_after_s: float | None = None
    sent: bool = True
    """False: there was no connection, so nothing can have happened."""

    @property
    def is_doubtful(self) -> bool:
        """Whether the request may have had an effect, or still may get one."""
        if self.reason == "REQUEST_IN_PROGRESS":
            return True
        return self.sent and self.code in _DOUBTFUL_CODES and self.reason not in _WITHOUT_EFFECT

    @property
    def passes(self) -> bool:
        """Whether the same request may be answered later without anybody's doing."""
        return self.code in _DOUBTFUL_CODES or self.reason == "REQUEST_IN_PROGRESS" or self.reason in _PASSING

    def __str__(self) -> str:
        """
        >>> str(Failure("UNAVAILABLE", "SHUTTING_DOWN", "the server stops", retry_after_s=0.5))
        'SHUTTING_DOWN: the server stops'
        """
        return f"{self.reason or self.code}: {self.message}"


class InventoryError(Exception):
    """Base of all that this package raises about a call.

    `code`: the gRPC code's name. `reason`: a name of `inventory.v1.ErrorReason` without its prefix, '' when the server
    gave none. `message`: for people. `metadata`: the reason's particulars, as its comment in error_reason.proto shows.
    `field_violations`: what is wrong in the request. `retry_after_s`: the server's hint. `request_id`: the write's;
    '' for a read.
    """

    def __init__(self, failure: Failure, request_id: str = "") -> None:
        super().__init__(str(failure))
        self.failure = failure
        self.request_id = request_id

    @property
    def code(self) -> str:
        return self.failure.code

    @property
    def reason(self) -> str:
        return self.failure.reason

    @property
    def message(self) -> str:
        return self.failure.message

    @property
    def metadata(self) -> Mapping[str, str]:
        return self.failure.metadata

    @property
    def field_violations(self) -> tuple[FieldViolation, ...]:
        return self.failure.field_violations

    @property
    def retry_after_s(self) -> float | None:
        return self.failure.retry_after_s

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.failure, self.request_id)


class Refused(InventoryError):
    """A definite no: the request had no effect."""


class InvalidRequest(Refused):
    """The request itself is wrong, whatever the state; see `field_violations`."""


class NotFound(Refused):
    """No such SKU, location, reservation or subscriber."""


class Unauthenticated(Refused):
    """Who calls is not known: CREDENTIALS_MISSING, or CREDENTIALS_INVALID (wrong, expired or revoked)."""


class PermissionDenied(Refused):
    """The channel may not do this."""

    @property
    def scope(self) -> str:
        """What it would need, such as `stock:write`; '' when the server does not say."""
        return self.metadata.get("scope", "")


class Conflict(Refused):
    """Something else is there, or is not what was expected: CODE_TAKEN, EXPECTATION_FAILED, REQUEST_ID_REUSED."""


class ExpectationFailed(Conflict):
    """What was expected, on_hand or the version of a stock count, is not the present one, which is `current` (None when
    the server does not say)."""

    @property
    def current(self) -> int | None:
        return _number(self.metadata.get("current", ""))


class PreconditionFailed(Refused):
    """The present state does not allow it: RESERVATION_STATE, EXCEEDS_HELD, SKU_RETIRED, BELOW_PROMISED …"""


class InsufficientStock(PreconditionFailed):
    """Not enough is available; `shortages` names each short line, at most the first 20."""

    @property
    def shortages(self) -> tuple[Shortage, ...]:
        return self.failure.shortages


class ReservationExpired(PreconditionFailed):
    """The hold has run out."""


class CursorLost(Refused):
    """The feed can't be resumed there (COMPACTED, EPOCH_CHANGED, REVISION_IN_FUTURE): start from a snapshot. A read's
    `min_revision` that has not happened yet is one too."""


class Overloaded(Refused):
    """The service has too much to do, or a limit is reached; nothing happened. See `retry_after_s`."""


class Unavailable(InventoryError):
    """No definite answer within the deadline. Of a write: it had no effect."""


class OutcomeUnknown(Unavailable):
    """Whether the write took effect is not known. Send it again with `request_id`: it will have one effect at most."""


_BY_REASON: Mapping[str, type[Refused]] = {
    "INSUFFICIENT_STOCK": InsufficientStock,
    "RESERVATION_EXPIRED": ReservationExpired,
    "EXPECTATION_FAILED": ExpectationFailed,
    **dict.fromkeys(_CURSOR_LOST, CursorLost),
}
_BY_CODE: Mapping[str, type[Refused]] = {
    "INVALID_ARGUMENT": InvalidRequest,
    "NOT_FOUND": NotFound,
    "ALREADY_EXISTS": Conflict,
    "ABORTED": Conflict,
    "FAILED_PRECONDITION": PreconditionFailed,
    "OUT_OF_RANGE": PreconditionFailed,
    "RESOURCE_EXHAUSTED": Overloaded,
    "UNAUTHENTICATED": Unauthenticated,
    "PERMISSION_DENIED": PermissionDenied,
}


def error(failure: Failure, request_id: str = "", *, in_doubt: bool = False) -> InventoryError:
    """The exception for a call's end. `in_doubt`: an earlier try of the same write may have had its effect, which only
    a definite answer ends."""
    if in_doubt and failure.passes:
        return OutcomeUnknown(failure, request_id)
    if failure.code in _DOUBTFUL_CODES or failure.reason == "REQUEST_IN_PROGRESS":
        return Unavailable(failure, request_id)
    kind = _BY_REASON.get(failure.reason) or _BY_CODE.get(failure.code, Refused)
    return kind(failure, request_id)


def row_error(refused: core_pb2.RowError, request_id: str = "") -> InventoryError:
    """The exception for a row of a bulk answer, to raise or to look at.

    >>> row_error(core_pb2.RowError(code=5, message="no such SKU")).code
    'NOT_FOUND'
    """
    failure = _failure(_CODES.get(refused.code, "UNKNOWN"), refused.message, refused.details)
    return error(failure, request_id, in_doubt=failure.is_doubtful)


def failure_of(error: grpc.aio.AioRpcError) -> Failure:
    """What a gRPC error says."""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                status = Status.FromString(value)
            except DecodeError:
                break
            return _failure(error.code().name, status.message, status.details)
    return Failure(error.code().name, message=error.details() or "no more is known")


def _failure(code: str, message: str, details: Iterable[Any]) -> Failure:
    found: dict[str, Any] = {"code": code, "message": message}
    for detail in details:
        for kind, read in _DETAILS.items():
            unpacked = kind()
            if detail.Is(kind.DESCRIPTOR) and detail.Unpack(unpacked):
                found.update(read(unpacked))
    metadata = found.get("metadata", {})
    return Failure(**found | {"shortages": tuple(_counted(found.get("shortages", ()), metadata))})


def _read_info(info: Any) -> dict[str, Any]:
    return {"reason": info.reason, "metadata": dict(info.metadata)}


def _read_request(request: Any) -> dict[str, Any]:
    return {
        "field_violations": tuple(FieldViolation(each.field, each.description) for each in request.field_violations)
    }


def _read_precondition(precondition: Any) -> dict[str, Any]:
    return {"shortages": [(each.subject, each.description) for each in precondition.violations]}


def _read_retry(retry: Any) -> dict[str, Any]:
    return {"retry_after_s": retry.retry_delay.ToNanoseconds() / 1e9}


_DETAILS: Mapping[Any, Callable[[Any], dict[str, Any]]] = {
    details_pb2.ErrorInfo: _read_info,
    details_pb2.BadRequest: _read_request,
    details_pb2.PreconditionFailure: _read_precondition,
    details_pb2.RetryInfo: _read_retry,
}


def _counted(violations: Iterable[tuple[str, str]], metadata: Mapping[str, str]) -> Iterable[Shortage]:
    """Violations are `sku@location` and `requested 3, available 1`, or that and `, due_on 2026-12-01`. Codes may hold
    an @: ErrorInfo names the first."""
    for subject, description in violations:
        sku, _, location = subject.rpartition("@")
        if subject == f"{metadata.get('sku')}@{metadata.get('location')}":
            sku, location = metadata["sku"], metadata["location"]
        quantities, _, due_on = description.partition(", due_on ")
        requested, _, available = quantities.removeprefix("requested ").partition(", available ")
        yield Shortage(sku, location, _number(requested) or 0, _number(available) or 0, _day(due_on))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
