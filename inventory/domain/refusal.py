"""Saying no: the reason, and what the caller needs to mend it."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum, auto
from typing import NamedTuple

from inventory.domain.limits import VIOLATIONS_MAX


class Reason(StrEnum):
    """Why; the names of `ErrorReason` in the API. A test holds the two against each other."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[str]) -> str:
        return name

    MALFORMED_REQUEST = auto()
    QUANTITY_OUT_OF_RANGE = auto()
    NOT_AN_INTEGER = auto()
    LINES_EMPTY = auto()
    TOO_MANY_LINES = auto()
    SKU_FORMAT = auto()
    LOCATION_FORMAT = auto()
    CHANNEL_FORMAT = auto()
    TEXT_FORMAT = auto()
    BARCODE_FORMAT = auto()
    UNIT_DIGITS_OUT_OF_RANGE = auto()
    REQUEST_ID_REQUIRED = auto()
    REQUEST_ID_FORMAT = auto()
    RESERVATION_ID_FORMAT = auto()
    TTL_OUT_OF_RANGE = auto()
    FIELD_REQUIRED = auto()
    FIELD_CONFLICT = auto()
    PAGE_SIZE_INVALID = auto()
    PAGE_TOKEN_INVALID = auto()
    TOO_MANY_FILTERS = auto()
    REVISION_FORMAT = auto()
    TIME_RANGE = auto()
    SKU_NOT_FOUND = auto()
    SKU_RETIRED = auto()
    LOCATION_NOT_FOUND = auto()
    LOCATION_RETIRED = auto()
    RESERVATION_NOT_FOUND = auto()
    INSUFFICIENT_STOCK = auto()
    RESERVATION_EXPIRED = auto()
    RESERVATION_STATE = auto()
    EXCEEDS_HELD = auto()
    EXPECTATION_FAILED = auto()
    BELOW_PROMISED = auto()
    ON_HAND_LIMIT = auto()
    CODE_TAKEN = auto()
    REQUEST_ID_REUSED = auto()
    REQUEST_IN_PROGRESS = auto()
    COMPACTED = auto()
    REVISION_IN_FUTURE = auto()
    EPOCH_CHANGED = auto()
    STREAM_LIMIT = auto()
    SHUTTING_DOWN = auto()
    STREAM_ID_FORMAT = auto()
    SUBSCRIBER_FORMAT = auto()
    SUBSCRIBER_NOT_FOUND = auto()
    SUBSCRIBER_LIMIT = auto()
    OVERLOADED = auto()
    STORAGE_UNAVAILABLE = auto()
    CONTENTION = auto()
    OUTCOME_UNKNOWN = auto()
    INTERNAL = auto()
    DEADLINE = auto()
    CSV_SYNTAX = auto()
    CSV_HEADER = auto()
    CSV_ROW = auto()
    TIME_ZONE_UNKNOWN = auto()
    POINT_OUT_OF_RANGE = auto()
    TIME_FORMAT = auto()
    DATE_FORMAT = auto()
    UNIT_FORMAT = auto()
    UNIT_NOT_FOUND = auto()
    AMOUNT_FORMAT = auto()
    QUANTITY_NOT_WHOLE = auto()
    SERIAL_FORMAT = auto()
    LOT_FORMAT = auto()
    TRANSFER_ID_FORMAT = auto()
    COUNT_ID_FORMAT = auto()
    CHANNEL_NOT_FOUND = auto()
    LOT_NOT_FOUND = auto()
    SERIAL_NOT_FOUND = auto()
    TRANSFER_NOT_FOUND = auto()
    COUNT_NOT_FOUND = auto()
    LOCATION_NOT_SELLING = auto()
    SKU_NOT_STOCKED = auto()
    LOT_REQUIRED = auto()
    LOT_EXPIRED = auto()
    LOT_CONFLICT = auto()
    SERIALS_REQUIRED = auto()
    SERIAL_TAKEN = auto()
    TRANSFER_STATE = auto()
    EXCEEDS_TRANSFER = auto()
    COUNT_STATE = auto()
    SKU_IN_USE = auto()
    BUNDLE_CYCLE = auto()
    BUNDLE_TOO_DEEP = auto()
    CREDENTIALS_MISSING = auto()
    CREDENTIALS_INVALID = auto()
    SCOPE_REQUIRED = auto()
    RATE_LIMITED = auto()
    CALL_LIMIT = auto()
    HELD_LIMIT = auto()
    ACCESS_CHANGED = auto()
    CREDENTIAL_LIMIT = auto()
    CREDENTIAL_NOT_FOUND = auto()
    CERTIFICATE_FORMAT = auto()
    ALARM_ID_FORMAT = auto()
    ALARM_NOT_FOUND = auto()
    CHANNEL_SILENT = auto()
    RECONCILIATION_NOT_FOUND = auto()
    RECONCILIATION_ID_FORMAT = auto()
    STREAM_OLD = auto()
    LAST_ADMIN = auto()
    TOO_HEAVY = auto()


class Shortage(NamedTuple):
    """A line that can't be met; quantities in the SKU's smallest unit. `due_on`: the first day on which more is due
    there; None: not known."""

    sku: str
    location: str
    requested: int
    available: int
    due_on: date | None = None


class Refusal(Exception):
    """A definite no: the command had no effect, and the same command would be refused again in the same state."""

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        field: str = "",
        metadata: Mapping[str, str] | None = None,
        shortages: tuple[Shortage, ...] = (),
        resource: tuple[str, str] | None = None,
    ) -> None:
        """`message` is for people; `field` the path of the field at fault; `resource` the type and name of what is
        missing."""
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.field = field
        self.metadata = dict(metadata or {})
        self.shortages = shortages
        self.resource = resource


class NotNow(Refusal):
    """A no that passes by itself within `retry_after_s`: it is not remembered, so that the same request_id is decided
    anew. The command had no effect."""

    retry_after_s = 1.0


def channel_silent() -> NotNow:
    """Of a channel that sells nothing because it was silent, which this call ends."""
    return NotNow(
        Reason.CHANNEL_SILENT, "the channel was silent, and sells nothing until this call is noticed: send it again"
    )


def sku_not_found(sku: str) -> Refusal:
    return Refusal(Reason.SKU_NOT_FOUND, f"no SKU {sku!r}", metadata={"sku": sku}, resource=("sku", sku))


def sku_retired(sku: str) -> Refusal:
    return Refusal(Reason.SKU_RETIRED, f"SKU {sku!r} is no longer active", metadata={"sku": sku})


def location_not_found(location: str) -> Refusal:
    return Refusal(
        Reason.LOCATION_NOT_FOUND,
        f"no location {location!r}",
        metadata={"location": location},
        resource=("location", location),
    )


def channel_not_found(channel: str) -> Refusal:
    return Refusal(
        Reason.CHANNEL_NOT_FOUND,
        f"no channel {channel!r}",
        metadata={"channel": channel},
        resource=("channel", channel),
    )


def subscriber_not_found(name: str) -> Refusal:
    return Refusal(
        Reason.SUBSCRIBER_NOT_FOUND,
        f"no subscriber {name!r}",
        metadata={"subscriber": name},
        resource=("subscriber", name),
    )


def reservation_not_found(reservation_id: str) -> Refusal:
    """The same for an unknown reservation and for another channel's."""
    return Refusal(
        Reason.RESERVATION_NOT_FOUND,
        f"no reservation {reservation_id}",
        metadata={"reservation_id": reservation_id},
        resource=("reservation", reservation_id),
    )


def reconciliation_not_found(reconciliation_id: str) -> Refusal:
    """The same for an unknown reconciliation and for another channel's."""
    return Refusal(
        Reason.RECONCILIATION_NOT_FOUND,
        f"no reconciliation {reconciliation_id}",
        metadata={"reconciliation_id": reconciliation_id},
        resource=("reconciliation", reconciliation_id),
    )


def insufficient(shortages: Sequence[Shortage]) -> Refusal:
    """INSUFFICIENT_STOCK, naming the lines."""
    first = shortages[0]
    where = f" at {first.location!r}" if first.location else ""
    return Refusal(
        Reason.INSUFFICIENT_STOCK,
        f"{len(shortages)} of the lines can't be met; the first: SKU {first.sku!r}{where}, "
        f"requested {first.requested}, available {first.available}",
        metadata={
            "sku": first.sku,
            "location": first.location,
            "requested": str(first.requested),
            "available": str(first.available),
        },
        shortages=tuple(shortages[:VIOLATIONS_MAX]),
    )


def category_conflict(field: str) -> Refusal:
    """Of who is limited to other categories."""
    return Refusal(Reason.FIELD_CONFLICT, "the category is none of those that the channel is limited to", field=field)


def held_limit(sku: str, most: int, held: int, requested: int) -> Refusal:
    """HELD_LIMIT; in the SKU's smallest unit."""
    return Refusal(
        Reason.HELD_LIMIT,
        f"the channel holds {held} of SKU {sku!r} and may hold {most}: {requested} more are too many",
        metadata={"sku": sku, "max": str(most), "held": str(held), "requested": str(requested)},
    )


def revision_in_future(revision: int, head: int) -> Refusal:
    return Refusal(
        Reason.REVISION_IN_FUTURE,
        f"revision {revision} has not happened yet; the last one is {head}",
        metadata={"head": str(head), "revision": str(revision)},
    )


def count_not_found(count_id: str) -> Refusal:
    return Refusal(
        Reason.COUNT_NOT_FOUND,
        f"no stock count {count_id}",
        metadata={"count_id": count_id},
        resource=("stock count", count_id),
    )


def alarm_not_found(alarm_id: str) -> Refusal:
    return Refusal(
        Reason.ALARM_NOT_FOUND,
        f"no alarm {alarm_id}",
        metadata={"alarm_id": alarm_id},
        resource=("alarm", alarm_id),
    )


def too_many_sources(found: int, most: int, field: str) -> Refusal:
    """Of lines that may come from so many levels."""
    return Refusal(
        Reason.TOO_MANY_LINES,
        f"{field} may come from {found} levels, SKUs times places, more than {most}",
        field=field,
        metadata={"max": str(most)},
    )
