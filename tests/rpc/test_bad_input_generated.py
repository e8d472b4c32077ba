"""BAD_INPUT for every method and every field, generated from the descriptors: a new service is covered by itself.

Whatever the rules of `spoilt` find wrong with a field gets INVALID_ARGUMENT, the rule's reason and the field's path,
and changes nothing. What differs stands in `OTHERWISE`, with the reason why.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import asyncpg
import grpc
import pytest
from google.protobuf.message import Message

from tests.fuzz.methods import Known, Method, holder, leaves, methods
from tests.fuzz.tables import checksums
from tests.fuzz.world import Caller, opened
from tests.rpc.client import Refused, Server, of_error, of_row
from tests.rpc.spoilt import Spoilt, ways

INVALID = "INVALID_ARGUMENT"
GOOD = ("OK", "", "")
REMEMBERED = ("request",)
"""Refusals are remembered too."""
Outcome = tuple[str, str, str]
"""Code, reason, field."""


@dataclass(frozen=True)
class Otherwise:
    """What gets another outcome than the rules say. `methods`: names, or beginnings that end in *; `path` without
    indices; `way`: '' for all."""

    methods: tuple[str, ...]
    path: str
    way: str
    outcome: Outcome
    why: str

    def speaks_of(self, method: str, path: str, way: str) -> bool:
        named = any(fnmatchcase(method, each) for each in self.methods)
        return named and self.path == re.sub(r"\[\d+\]", "", path) and self.way in ("", way)


RESERVING = ("ReservationService/Reserve", "ReservationService/BatchReserve", "ReservationService/ReserveStream")
CARRYING_ON = ("ReservationService/Commit", "ReservationService/Release", "ReservationService/Fulfil")
OTHERWISE = [
    *(
        Otherwise(RESERVING, f"{above}lines.location", "empty", GOOD, "the service chooses")
        for above in ("", "requests.")
    ),
    Otherwise(("AvailabilityService/CheckAvailability",), "lines.location", "empty", GOOD, "the service chooses"),
    Otherwise(CARRYING_ON, "lines.location", "empty", GOOD, "whichever the reservation has"),
    Otherwise(
        (*CARRYING_ON, "TransferService/ShipTransfer", "TransferService/ReceiveTransfer"),
        "lines",
        "empty",
        GOOD,
        "all of it",
    ),
    Otherwise(("StockService/ListMovements",), "sku", "empty", GOOD, "no filter"),
    Otherwise(("*/List*",), "location", "empty", GOOD, "no filter"),
    Otherwise(("*/List*",), "from_location", "empty", GOOD, "no filter"),
    Otherwise(("*/List*",), "to_location", "empty", GOOD, "no filter"),
    Otherwise(("*/List*",), "reservation_id", "empty", GOOD, "no filter"),
    Otherwise(("AlarmService/List*",), "alarm_id", "empty", GOOD, "no filter"),
    Otherwise(("WatchService/Watch",), "stream_id", "empty", GOOD, "it can't be asked for a bookmark then"),
    Otherwise(("AuditService/*",), "request_id", "empty", GOOD, "no filter"),
    Otherwise(("StockService/SetIncoming",), "lines.quantity", "0", GOOD, "nothing is expected any more"),
    *(
        Otherwise(("CatalogService/*",), f"{sku}.{field}", "empty", GOOD, "it has none")
        for sku in ("sku", "skus")
        for field in ("units", "components")
    ),
    Otherwise(("CatalogService/ImportCatalog",), "skus", "empty", GOOD, "there are locations"),
    Otherwise(("CatalogService/ImportCatalog",), "locations", "empty", GOOD, "there are SKUs"),
    Otherwise(
        ("CatalogService/ImportCatalog",),
        "locations",
        "too many",
        (INVALID, "TOO_MANY_LINES", "skus"),
        "SKUs and locations count together",
    ),
    *(
        Otherwise(
            ("CatalogService/*",),
            f"{sku}.components",
            "too many",
            (INVALID, "FIELD_CONFLICT", "components"),
            "only a bundle has any",
        )
        for sku in ("sku", "skus")
    ),
    *(
        Otherwise(
            ("CatalogService/*",),
            f"{place}.working_days",
            "too many",
            (INVALID, "FIELD_CONFLICT", "working_days[1]"),
            "the second day is the first one again",
        )
        for place in ("location", "locations")
    ),
    *(
        Otherwise(
            ("CatalogService/*",), f"{sku}.unit", "", (INVALID, "TEXT_FORMAT", "unit"), "any short text is a unit"
        )
        for sku in ("sku", "skus")
    ),
    Otherwise(("CatalogService/GetSku",), "barcode", "", ("NOT_FOUND", "SKU_NOT_FOUND", ""), "whatever a scanner read"),
    Otherwise(
        ("StockCountService/PostStockCount",),
        "expected_version",
        "",
        ("ABORTED", "EXPECTATION_FAILED", ""),
        "any number is compared",
    ),
    Otherwise(
        ("ReservationService/Commit",),
        "lines.serials",
        "",
        (INVALID, "FIELD_CONFLICT", "serials"),
        "pieces are named when they leave, or come back",
    ),
    Otherwise(("ReservationService/Reallocate",), "moves.quantity", "0", GOOD, "all of it"),
    Otherwise(
        ("ReservationService/BatchReserve", "ReservationService/ReserveStream"),
        "requests.lines",
        "too many",
        (INVALID, "TOO_MANY_LINES", "/requests"),
        "the lines of all requests are counted first",
    ),
]


@dataclass
class Shop:
    caller: Caller
    known: Known


@pytest.fixture(scope="module")
async def shop(server: Server) -> AsyncIterator[Shop]:
    caller = Caller(server.address)
    yield Shop(caller, await opened(caller))
    await caller.close()


async def answered(shop: Shop, method: Method, body: bytes, before: Sequence[bytes] = ()) -> Refused | None:
    """None: it was not refused. Of a bulk answer the first row's refusal. `before`: said on the same stream first."""
    try:
        raw = await shop.caller.raw(method, body, before=before)
    except grpc.aio.AioRpcError as error:
        return of_error(error)
    answer: Any = method.response_type.FromString(raw)
    rows: Any = getattr(answer, "results", ()) or getattr(answer, "refused", ())
    return of_row(rows[0].error) if len(rows) and rows[0].HasField("error") else None


@pytest.mark.parametrize("method", methods(), ids=lambda method: method.name)
async def test_the_request_that_is_spoilt_below_is_good(method: Method, shop: Shop) -> None:
    refused = await answered(shop, method, shop.known.good(method.descriptor.input_type).SerializeToString())
    assert refused is None


@pytest.mark.parametrize("method", methods(), ids=lambda method: method.name)
async def test_whatever_is_wrong_with_a_field_is_refused_and_changes_nothing(
    method: Method, shop: Shop, db: asyncpg.Connection
) -> None:
    before = await checksums(db, REMEMBERED)
    wrong = []
    for path, owner, found in leaves(shop.known.good(method.descriptor.input_type)):
        for way in ways(owner.name, found):
            request = shop.known.good(method.descriptor.input_type)
            way.spoil(holder(request, path))
            refused = await answered(shop, method, request.SerializeToString())
            outcome = GOOD if refused is None else (*refused.what, ",".join(refused.fields))
            if outcome not in expected(method, path, way):
                wrong.append(f"{path} {way.name}: {outcome}, not {expected(method, path, way)}")
    assert await checksums(db, REMEMBERED) == before, "something changed"
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("part", ["rows", "end"])
async def test_whatever_is_wrong_with_a_later_message_of_a_reconciliation_is_refused(
    part: str, shop: Shop, db: asyncpg.Connection
) -> None:
    (method,) = (method for method in methods() if method.name == "ReconciliationService/Reconcile")
    begin = shop.known.good(method.descriptor.input_type).SerializeToString()
    kind = method.descriptor.input_type.fields_by_name[part].message_type
    assert kind is not None

    def good() -> Message:
        request: Any = method.request_type()
        getattr(request, part).CopyFrom(shop.known.good(kind))
        return request  # type: ignore[no-any-return]

    assert await answered(shop, method, good().SerializeToString(), [begin]) is None
    # What was begun is kept, and that it was not finished; the audit trail says both.
    without = (*REMEMBERED, "reconciliation", "audit_entry")
    before = await checksums(db, without)
    wrong = []
    for path, owner, found in leaves(good()):
        for way in () if path == "begin" else ways(owner.name, found):
            request = good()
            way.spoil(holder(request, path))
            refused = await answered(shop, method, request.SerializeToString(), [begin])
            outcome = GOOD if refused is None else (*refused.what, ",".join(refused.fields))
            if outcome not in expected(method, path, way):
                wrong.append(f"{path} {way.name}: {outcome}, not {expected(method, path, way)}")
    assert await checksums(db, without) == before, "something changed"
    assert not wrong, "\n".join(wrong)


def expected(method: Method, path: str, way: Spoilt) -> list[Outcome]:
    """Any of these."""
    above = path.rpartition(".")[0]
    outcomes = [(INVALID, reason, way.path) for reason in way.reasons]
    for other in OTHERWISE:
        if other.speaks_of(method.name, path, way.name):
            outcomes = [other.outcome]
    return [
        (code, reason, field[1:] if field.startswith("/") else (field and above and f"{above}.{field}") or field)
        for code, reason, field in outcomes
    ]


BYTES = {
    "no message": b"\xff\xff\xff",
    "a field cut off": b"\x0a\x7f",
    "a group that never ends": b"\x0b",
    "field number 0": b"\x02\x00",
    "a number of 11 bytes": b"\x08" + b"\xff" * 11,
}


@pytest.mark.parametrize("method", methods(), ids=lambda method: method.name)
async def test_bytes_that_are_not_the_message_are_refused(method: Method, shop: Shop, db: asyncpg.Connection) -> None:
    before = await checksums(db, REMEMBERED)
    for name, body in BYTES.items():
        if name == "field number 0" and not method.descriptor.input_type.fields:
            continue  # where there are no fields protobuf passes over it
        refused = await answered(shop, method, body)
        assert refused is not None, name
        assert refused.what == (INVALID, "MALFORMED_REQUEST"), name
    assert await checksums(db, REMEMBERED) == before, "something changed"
    newer = b"\xba\x3e\x05hello"
    good = shop.known.good(method.descriptor.input_type).SerializeToString()
    read = await answered(shop, method, newer + good)
    assert read is None or read.code != INVALID, "a newer client's field"


def test_every_exception_is_one_of_a_method_that_exists() -> None:
    names = [method.name for method in methods()]
    for other in OTHERWISE:
        assert any(fnmatchcase(name, each) for name in names for each in other.methods), other
