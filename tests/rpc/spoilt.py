"""What can be wrong with a field, by its type and its name, and what it gets: BAD_INPUT as rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

INT32_MAX, INT64_MAX = 2**31 - 1, 2**63 - 1
ROWS_OVER = 10_001
FIELD_REQUIRED = "FIELD_REQUIRED"
TOO_MANY = ("TOO_MANY_LINES", "TOO_MANY_FILTERS")

CODES = {
    "blank": "   ",
    "of 65 bytes": "x" * 65,
    "of 33 letters of 2 bytes": "ü" * 33,
    "with NUL": "a\0b",
    "with a newline": "a\nb",
    "with a tab": "a\tb",
    "with an escape": "a\x1b[31mb",
    "with a right-to-left override": "a\u202eb",
    "with a left-to-right mark": "a\u200eb",
    "with a zero-width space": "a\u200bb",
    "not NFC": "Cafe\u0301",
    "with a space before": " ab",
    "with a space after": "ab ",
}
IDENTITIES = {"no UUID": "1234", "too long": "0" * 37, "with NUL": "a\0b", "of braces": "{" + "0" * 36 + "}"}
TEXTS = {"with NUL": "a\0b", "of 5,000 bytes": "x" * 5_000}
DATES = {"with NUL": "2026-01-0\0", "of no calendar": "2026-02-30", "in another order": "01.02.2026", "blank": " "}


@dataclass(frozen=True)
class Text:
    """Bad values of a string; `empty`: the reason when it is empty and must not be."""

    bad: dict[str, str]
    reason: str
    empty: str = ""


def _code(reason: str, *, required: bool = False) -> Text:
    return Text(CODES, reason, reason if required else "")


TEXT_BY_NAME = {
    "sku": _code("SKU_FORMAT", required=True),
    "skus": _code("SKU_FORMAT", required=True),
    "unknown": _code("SKU_FORMAT"),
    "location": _code("LOCATION_FORMAT", required=True),
    "locations": _code("LOCATION_FORMAT", required=True),
    "from_location": _code("LOCATION_FORMAT", required=True),
    "to_location": _code("LOCATION_FORMAT", required=True),
    "lot": _code("LOT_FORMAT"),
    "serial": _code("SERIAL_FORMAT", required=True),
    "serials": _code("SERIAL_FORMAT", required=True),
    "channel": Text({**CODES, "in capitals": "WEB", "of 33 characters": "x" * 33}, "CHANNEL_FORMAT"),
    "subscriber": _code("SUBSCRIBER_FORMAT"),
    "request_id": Text(IDENTITIES, "REQUEST_ID_FORMAT", "REQUEST_ID_REQUIRED"),
    "reservation_id": Text(IDENTITIES, "RESERVATION_ID_FORMAT", "RESERVATION_ID_FORMAT"),
    "transfer_id": Text(IDENTITIES, "TRANSFER_ID_FORMAT", "TRANSFER_ID_FORMAT"),
    "count_id": Text(IDENTITIES, "COUNT_ID_FORMAT", "COUNT_ID_FORMAT"),
    "alarm_id": Text(IDENTITIES, "ALARM_ID_FORMAT", "ALARM_ID_FORMAT"),
    "reconciliation_id": Text(IDENTITIES, "RECONCILIATION_ID_FORMAT", "RECONCILIATION_ID_FORMAT"),
    "stream_id": Text(IDENTITIES, "STREAM_ID_FORMAT", "STREAM_ID_FORMAT"),
    "epoch": Text(IDENTITIES, "REVISION_FORMAT"),
    "page_token": Text(
        {"forged": "AAAA", "no base64": "%%%", "with NUL": "\0", "long": "A" * 4_096}, "PAGE_TOKEN_INVALID"
    ),
    "barcode": Text({"too short": "123", "with a wrong check digit": "5901234123450"}, "BARCODE_FORMAT"),
    "barcodes": Text({"too short": "123", "with a wrong check digit": "5901234123450"}, "BARCODE_FORMAT"),
    "due_on": Text(DATES, "DATE_FORMAT", "DATE_FORMAT"),
    "expires_on": Text(DATES, "DATE_FORMAT"),
    "expected_on": Text(DATES, "DATE_FORMAT"),
    "until": Text(DATES, "DATE_FORMAT"),
    "closed_on": Text(DATES, "DATE_FORMAT"),
    "cutoff": Text({"24:00": "24:00", "with seconds": "10:00:00", "with NUL": "10:0\0"}, "TIME_FORMAT"),
    "time_zone": Text({"unknown": "Europe/Atlantis", "a path": "../../etc/passwd", "NUL": "\0"}, "TIME_ZONE_UNKNOWN"),
    "country": Text({"in small letters": "pl", "with NUL": "P\0"}, "TEXT_FORMAT"),
    "certificate": Text({"with NUL": "a\0b", "no PEM": "x" * 5_000}, "CERTIFICATE_FORMAT", "CERTIFICATE_FORMAT"),
    "amount": Text(
        {"full-width": "\uff11", "1e3": "1e3", "1_000": "1_000", "with NUL": "1\0", "NaN": "NaN", "+5": "+5"},
        "AMOUNT_FORMAT",
    ),
    "unit": Text({"with NUL": "k\0", "of 17 bytes": "x" * 17}, "UNIT_NOT_FOUND"),
}
TEXT_OTHERWISE = Text(TEXTS, "TEXT_FORMAT")
TEXT_WHERE = {
    ("RegisterSubscriberRequest", "name"): _code("SUBSCRIBER_FORMAT", required=True),
    ("AcknowledgeRequest", "name"): _code("SUBSCRIBER_FORMAT", required=True),
    ("RemoveSubscriberRequest", "name"): _code("SUBSCRIBER_FORMAT", required=True),
}

_OVER = {"over its limit": 10**15, "2^63 - 1": INT64_MAX}
NUMBERS: dict[str, tuple[dict[str, int], str]] = {
    "page_size": ({"negative": -1, "-2^31": -(2**31)}, "PAGE_SIZE_INVALID"),
    "min_revision": ({"negative": -1}, "REVISION_FORMAT"),
    "revision": ({"negative": -1}, "REVISION_FORMAT"),
    "at_revision": ({"negative": -1}, "REVISION_FORMAT"),
    "quantity": ({"0": 0, "negative": -1, "10^9 + 1": 10**9 + 1, **_OVER}, "QUANTITY_OUT_OF_RANGE"),
    "delta": ({"0": 0, "-10^9 - 1": -(10**9) - 1, "10^9 + 1": 10**9 + 1, **_OVER}, "QUANTITY_OUT_OF_RANGE"),
    "limit": ({"0": 0, "negative": -1, **_OVER}, "QUANTITY_OUT_OF_RANGE"),
    "unit_digits": ({"negative": -1, "7": 7, "2^31 - 1": INT32_MAX}, "UNIT_DIGITS_OUT_OF_RANGE"),
    "lag_changes_max": ({"0": 0, "negative": -1, **_OVER}, "QUANTITY_OUT_OF_RANGE"),
}
NUMBERS_WHERE = {
    ("ReconcileRow", "quantity"): (
        {"-10^12 - 1": -(10**12) - 1, "10^12 + 1": 10**12 + 1, **_OVER},
        "QUANTITY_OUT_OF_RANGE",
    )
}
NUMBER_OTHERWISE = ({"negative": -1, **_OVER}, "QUANTITY_OUT_OF_RANGE")
DURATIONS = {
    "negative": (-1, 0),
    "of mixed signs": (1, -1),
    "negative with positive nanos": (-1, 1),
    "of too many nanos": (1, 1_000_000_000),
    "of 2^62 s": (2**62, 0),
    "-2^63 s": (-(2**63), -999_999_999),
}
TIMES = {"before year 1": (-(10**12), 0), "after year 9999": (10**12, 0), "of negative nanos": (0, -1)}
POINTS = {"NaN": float("nan"), "infinite": float("inf"), "181": 181.0}


@dataclass(frozen=True)
class Spoilt:
    """One way to spoil one field. `spoil` is given the message that holds it. `reasons`: one of them comes with
    INVALID_ARGUMENT. `path`: the field that is named, from the holder."""

    name: str
    spoil: Callable[[Any], None]
    reasons: tuple[str, ...]
    path: str


def ways(owner: str, found: FieldDescriptor) -> Iterator[Spoilt]:
    """All that the rules say of a field of the message `owner`."""
    name = found.name
    if found.is_repeated and found.message_type is not None and found.message_type.GetOptions().map_entry:
        return
    if found.is_repeated:
        yield from _of_many(found)
    elif found.type == FieldDescriptor.TYPE_STRING:
        text = TEXT_WHERE.get((owner, name)) or TEXT_BY_NAME.get(name, TEXT_OTHERWISE)
        for how, bad in text.bad.items():
            yield Spoilt(how, _setting(name, bad), (text.reason,), name)
        if text.empty:
            yield Spoilt("empty", _setting(name, ""), (text.empty,), name)
    elif found.type in (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_INT32):
        numbers, reason = NUMBERS_WHERE.get((owner, name)) or NUMBERS.get(name, NUMBER_OTHERWISE)
        for how, number in numbers.items():
            bad_number = min(number, INT32_MAX) if found.type == FieldDescriptor.TYPE_INT32 else number
            yield Spoilt(how, _setting(name, bad_number), (reason,), name)
    elif found.type == FieldDescriptor.TYPE_ENUM:
        for number in (99, -1, INT32_MAX):
            yield Spoilt(f"{number}", _setting(name, number), (FIELD_REQUIRED,), name)
    elif found.type == FieldDescriptor.TYPE_DOUBLE:
        for how, point in POINTS.items():
            yield Spoilt(how, _setting(name, point), ("POINT_OUT_OF_RANGE",), name)
    elif found.message_type is not None:
        yield from _of_message(found)


def _of_many(found: FieldDescriptor) -> Iterator[Spoilt]:
    name = found.name
    if found.type == FieldDescriptor.TYPE_STRING:
        text = TEXT_BY_NAME.get(name, TEXT_OTHERWISE)
        for how, bad in text.bad.items():
            yield Spoilt(how, _filling(name, [bad]), (text.reason,), f"{name}[0]")
        if text.empty:
            yield Spoilt("empty", _filling(name, [""]), (text.empty,), f"{name}[0]")
        yield Spoilt("too many", _filling(name, [f"a{n}" for n in range(ROWS_OVER)]), TOO_MANY, name)
    elif found.type == FieldDescriptor.TYPE_ENUM:
        yield Spoilt("99", _filling(name, [99]), (FIELD_REQUIRED,), f"{name}[0]")
    elif found.type == FieldDescriptor.TYPE_MESSAGE:
        yield Spoilt("empty", _filling(name, []), ("LINES_EMPTY",), name)
        yield Spoilt("too many", _again(name), TOO_MANY, name)
    else:
        yield Spoilt("too many", _filling(name, [1] * ROWS_OVER), TOO_MANY, name)


def _of_message(found: FieldDescriptor) -> Iterator[Spoilt]:
    assert found.message_type is not None
    values, reason = {
        "google.protobuf.Duration": (DURATIONS, "TTL_OUT_OF_RANGE"),
        "google.protobuf.Timestamp": (TIMES, "TIME_RANGE"),
    }.get(found.message_type.full_name, ({}, ""))
    for how, (seconds, nanos) in values.items():

        def spoil(holder: Any, seconds: int = seconds, nanos: int = nanos) -> None:
            at = getattr(holder, found.name)
            at.seconds, at.nanos = seconds, nanos

        yield Spoilt(how, spoil, (reason,), found.name)


def _setting(name: str, value: object) -> Callable[[Any], None]:
    def put(holder: Any) -> None:
        if name in ("amount", "unit") and "amount" in holder.DESCRIPTOR.fields_by_name:
            holder.quantity, holder.amount = 0, "1"  # of the three ways to say how much this is one
        setattr(holder, name, value)

    return put


def _filling(name: str, values: Sequence[object]) -> Callable[[Any], None]:
    def fill(holder: Any) -> None:
        holder.ClearField(name)
        getattr(holder, name).extend(values)

    return fill


def _again(name: str) -> Callable[[Any], None]:
    def fill(holder: Any) -> None:
        rows = getattr(holder, name)
        row: Message = rows[0] if rows else rows.add()
        rows.extend([row] * ROWS_OVER)

    return fill
