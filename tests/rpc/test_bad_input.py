"""What bad input gets: one table through the real channel, one more for what stands below messages.

Whatever is sent, the answer is a definite no with its reason, nothing has changed, and the server goes on.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp

from inventory.rpc import page_token
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2, watch_service_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import subscriber_service_pb2 as subscriber_pb2
from tests.rpc.client import (
    DOMAIN,
    Client,
    Server,
    eventually,
    new_id,
    refusal,
    reserve_request,
    unique,
)

HOUR = Duration(seconds=3600)
OTHER = (("inventory-channel", "other"),)
UNKNOWN = "0198f000-0000-7000-8000-000000000000"
INT64_MAX = 2**63 - 1


@dataclass
class World:
    """What the table speaks of. Each method is one good call, with fields to spoil."""

    client: Client
    sku: str = ""
    location: str = ""
    retired_sku: str = ""
    closed_location: str = ""
    empty_location: str = ""
    held: str = ""
    allocated: str = ""
    released: str = ""
    fulfilled: str = ""
    expired: str = ""
    foreign: str = ""
    used_id: str = ""
    full_sku: str = ""
    barcode: str = "5901234123457"
    head: int = 0
    epoch: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    subscribers: list[tuple[str, int, timedelta]] = field(default_factory=list)

    def get(self, **over: Any) -> Awaitable[object]:
        return self.client.stock.GetStock(
            stock_pb2.GetStockRequest(**{"sku": self.sku, "location": self.location, **over})
        )

    def batch_get(self, **over: Any) -> Awaitable[object]:
        return self.client.stock.BatchGetStock(stock_pb2.BatchGetStockRequest(**over))

    def list_stock(self, **over: Any) -> Awaitable[object]:
        return self.client.stock.ListStock(stock_pb2.ListStockRequest(**over))

    def movements(self, **over: Any) -> Awaitable[object]:
        return self.client.stock.ListMovements(stock_pb2.ListMovementsRequest(**over))

    def adjust(self, **over: Any) -> Awaitable[object]:
        good = {"request_id": new_id(), "sku": self.sku, "location": self.location, "delta": 1, "reason": "test"}
        return self.client.stock.AdjustStock(stock_pb2.AdjustStockRequest(**{**good, **over}))

    def count(self, **over: Any) -> Awaitable[object]:
        good = {
            "request_id": new_id(),
            "sku": self.sku,
            "location": self.location,
            "on_hand": 100,
            "expected_on_hand": 100,
            "reason": "test",
        }
        kept = {name: value for name, value in {**good, **over}.items() if value is not None}
        return self.client.stock.SetStock(stock_pb2.SetStockRequest(**kept))

    def row(self, **over: Any) -> stock_pb2.StockAdjustment:
        return stock_pb2.StockAdjustment(**{"sku": self.sku, "location": self.location, "delta": 1, **over})

    def batch_adjust(self, *rows: stock_pb2.StockAdjustment, **over: Any) -> Awaitable[object]:
        good = {"request_id": new_id(), "reason": "test"}
        return self.client.stock.BatchAdjustStock(
            stock_pb2.BatchAdjustStockRequest(**{**good, **over}, adjustments=rows)
        )

    def thresholds(self, **over: Any) -> Awaitable[object]:
        good = {"request_id": new_id(), "sku": self.sku, "location": self.location}
        return self.client.stock.SetThresholds(stock_pb2.SetThresholdsRequest(**{**good, **over}))

    def line(self, **over: Any) -> core_pb2.LineQuantity:
        return core_pb2.LineQuantity(**{"sku": self.sku, "location": self.location, "quantity": 1, **over})

    def reserve(self, *lines: core_pb2.LineQuantity, metadata: Any = None, **over: Any) -> Awaitable[object]:
        good = {"request_id": new_id(), "hold_ttl": HOUR}
        kept = {name: value for name, value in {**good, **over}.items() if value is not None}
        return self.client.reservations.Reserve(
            reservation_pb2.ReserveRequest(**kept, lines=lines or [self.line()]), metadata=metadata
        )

    def spoilt(self, **over: Any) -> Awaitable[object]:
        """A reservation whose second line is bad."""
        return self.reserve(self.line(), self.line(**over))

    def batch_reserve(self, *requests: reservation_pb2.ReserveRequest) -> Awaitable[object]:
        return self.client.reservations.BatchReserve(reservation_pb2.BatchReserveRequest(requests=requests))

    def commit(self, metadata: Any = None, **over: Any) -> Awaitable[object]:
        good = {"request_id": new_id(), "reservation_id": self.held}
        return self.client.reservations.Commit(reservation_pb2.CommitRequest(**{**good, **over}), metadata=metadata)

    def extend(self, metadata: Any = None, **over: Any) -> Awaitable[object]:
        good = {"request_id": new_id(), "reservation_id": self.held, "ttl": HOUR}
        kept = {name: value for name, value in {**good, **over}.items() if value is not None}
        return self.client.reservations.Extend(reservation_pb2.ExtendRequest(**kept), metadata=metadata)

    def release(self, metadata: Any = None, **over: Any) -> Awaitable[object]:
        good = {"request_id": new_id(), "reservation_id": self.held}
        return self.client.reservations.Release(reservation_pb2.ReleaseRequest(**{**good, **over}), metadata=metadata)

    def fulfil(self, metadata: Any = None, **over: Any) -> Awaitable[object]:
        good = {"request_id": new_id(), "reservation_id": self.allocated}
        return self.client.reservations.Fulfil(reservation_pb2.FulfilRequest(**{**good, **over}), metadata=metadata)

    def reservation(self, metadata: Any = None, **over: Any) -> Awaitable[object]:
        return self.client.reservations.GetReservation(
            reservation_pb2.GetReservationRequest(**{"reservation_id": self.held, **over}), metadata=metadata
        )

    def reservations(self, **over: Any) -> Awaitable[object]:
        return self.client.reservations.ListReservations(reservation_pb2.ListReservationsRequest(**over))

    def create_sku(self, **over: Any) -> Awaitable[object]:
        request_id = over.pop("request_id", new_id())
        sku = catalog_pb2.Sku(**{"sku": unique("sku"), **over})
        return self.client.catalog.CreateSku(catalog_pb2.CreateSkuRequest(request_id=request_id, sku=sku))

    def update_sku(self, **over: Any) -> Awaitable[object]:
        sku = catalog_pb2.Sku(**{"sku": self.sku, **over})
        return self.client.catalog.UpdateSku(catalog_pb2.UpdateSkuRequest(request_id=new_id(), sku=sku))

    def get_sku(self, **over: Any) -> Awaitable[object]:
        return self.client.catalog.GetSku(catalog_pb2.GetSkuRequest(**over))

    def list_skus(self, **over: Any) -> Awaitable[object]:
        return self.client.catalog.ListSkus(catalog_pb2.ListSkusRequest(**over))

    def create_location(self, **over: Any) -> Awaitable[object]:
        location = catalog_pb2.Location(**{"location": unique("loc"), **over})
        return self.client.catalog.CreateLocation(
            catalog_pb2.CreateLocationRequest(request_id=new_id(), location=location)
        )

    def update_location(self, **over: Any) -> Awaitable[object]:
        location = catalog_pb2.Location(**{"location": self.location, **over})
        return self.client.catalog.UpdateLocation(
            catalog_pb2.UpdateLocationRequest(request_id=new_id(), location=location)
        )

    def get_location(self, location: str) -> Awaitable[object]:
        return self.client.catalog.GetLocation(catalog_pb2.GetLocationRequest(location=location))

    def list_locations(self, **over: Any) -> Awaitable[object]:
        return self.client.catalog.ListLocations(catalog_pb2.ListLocationsRequest(**over))

    def import_catalog(self, *skus: catalog_pb2.Sku, **over: Any) -> Awaitable[object]:
        return self.client.catalog.ImportCatalog(
            catalog_pb2.ImportCatalogRequest(**{"request_id": new_id(), **over}, skus=skus)
        )

    def watch(self, **over: Any) -> Awaitable[object]:
        call = self.client.watch.Watch(watch_service_pb2.WatchRequest(**over))
        return anext(aiter(call))

    def after(self, **cursor: Any) -> Awaitable[object]:
        return self.watch(after=core_pb2.Cursor(**cursor))

    def request_bookmark(self, stream_id: str) -> Awaitable[object]:
        request = watch_service_pb2.RequestBookmarkRequest(stream_id=stream_id)
        return self.client.watch.RequestBookmark(request)

    def register(self, **over: Any) -> Awaitable[object]:
        return self.client.subscribers.RegisterSubscriber(
            subscriber_pb2.RegisterSubscriberRequest(**{"name": "first", **over})
        )

    def acknowledge(self, **over: Any) -> Awaitable[object]:
        good = {"name": "first", "cursor": core_pb2.Cursor(revision=self.head)}
        kept = {name: value for name, value in {**good, **over}.items() if value is not None}
        return self.client.subscribers.Acknowledge(subscriber_pb2.AcknowledgeRequest(**kept))

    def list_subscribers(self, **over: Any) -> Awaitable[object]:
        return self.client.subscribers.ListSubscribers(subscriber_pb2.ListSubscribersRequest(**over))

    def remove_subscriber(self, name: str) -> Awaitable[object]:
        return self.client.subscribers.RemoveSubscriber(subscriber_pb2.RemoveSubscriberRequest(name=name))

    def stream(self, *messages: reservation_pb2.ReserveStreamRequest) -> Awaitable[object]:
        call = self.client.reservations.ReserveStream(iter(messages))
        return anext(aiter(call))

    def raw(self, method: str, body: bytes) -> Awaitable[object]:
        return self.client.raw(method, body)


@pytest.fixture(scope="module")
async def world(server: Server) -> AsyncIterator[World]:
    client = Client(server.address)
    made = World(client)
    made.location = await client.location()
    made.sku = await client.sku(unit="kg", unit_digits=3, barcodes=[made.barcode])
    await client.adjust(made.sku, made.location, 100)
    made.retired_sku = await client.sku()
    await client.adjust(made.retired_sku, made.location, 5)
    await made.update_sku(sku=made.retired_sku, active=False)
    made.closed_location = await client.location()
    await client.adjust(made.sku, made.closed_location, 5)
    await made.update_location(location=made.closed_location, active=False)
    made.empty_location = await client.location()
    made.full_sku = await client.sku()
    await made.count(sku=made.full_sku, on_hand=10**12, expected_on_hand=0)

    mine = (made.sku, made.location, 5)
    made.held = await client.hold(mine)
    made.allocated = await client.hold(mine, ttl=None)
    made.released = await client.hold(mine)
    await client.release(made.released)
    made.fulfilled = await client.hold(mine, ttl=None)
    await client.fulfil(made.fulfilled)
    made.foreign = await client.hold(mine, metadata=OTHER)
    made.expired = await client.hold(mine, ttl=1)
    made.used_id = new_id()
    await made.adjust(request_id=made.used_id, delta=5)

    db = await server.connect()
    try:

        async def swept() -> bool:
            state = await db.fetchval("SELECT state FROM reservation WHERE reservation_id = $1", made.expired)
            return bool(state == 5)

        await eventually(swept, "the hold of one second is swept")
        await db.execute("UPDATE feed_head SET compacted = 3")
        made.epoch = await db.fetchval("SELECT epoch::text FROM feed_head")
    finally:
        await db.close()
    for name in ("first", "second"):
        registered = await client.subscribers.RegisterSubscriber(subscriber_pb2.RegisterSubscriberRequest(name=name))
        made.subscribers.append((name, registered.subscriber.acknowledged.revision, timedelta(days=1)))
    made.tokens = {
        "stock": (await client.stock.ListStock(stock_pb2.ListStockRequest(page_size=1))).next_page_token,
        "movements": (await client.stock.ListMovements(stock_pb2.ListMovementsRequest(page_size=1))).next_page_token,
        "reservations": (
            await client.reservations.ListReservations(reservation_pb2.ListReservationsRequest(page_size=1))
        ).next_page_token,
        "skus": (await client.catalog.ListSkus(catalog_pb2.ListSkusRequest(page_size=1))).next_page_token,
        "locations": (
            await client.catalog.ListLocations(catalog_pb2.ListLocationsRequest(page_size=1))
        ).next_page_token,
        "subscribers": (
            await client.subscribers.ListSubscribers(subscriber_pb2.ListSubscribersRequest(page_size=1))
        ).next_page_token,
    }
    assert all(made.tokens.values())
    yield made
    await client.close()


@dataclass(frozen=True)
class Bad:
    """A row: what is sent, and what it gets."""

    name: str
    send: Callable[[World], Awaitable[object]]
    code: str
    reason: str
    field: str = ""
    metadata: Callable[[World], dict[str, str]] = lambda world: {}
    resource: Callable[[World], tuple[str, str]] = lambda world: ("", "")


INVALID = "INVALID_ARGUMENT"
PRECONDITION = "FAILED_PRECONDITION"

BAD_CODES = {
    "empty": "",
    "blank": "   ",
    "65 bytes": "x" * 65,
    "33 letters of 2 bytes": "ü" * 33,
    "NUL": "a\0b",
    "newline": "a\nb",
    "newline at its end": "ab\n",
    "carriage return": "a\rb",
    "tab": "a\tb",
    "escape": "a\x1b[31mb",
    "delete": "a\x7fb",
    "left-to-right mark": "a\u200eb",
    "right-to-left override": "a\u202eb",
    "isolate": "a\u2067b",
    "zero-width space": "a\u200bb",
    "zero-width joiner": "a\u200db",
    "byte order mark": "\ufeffab",
    "soft hyphen": "a\u00adb",
    "no-break space": "a\u00a0b",
    "line separator": "a\u2028b",
    "private use": "a\ue000b",
    "tag": "a\U000e0041b",
    "not NFC": "Cafe\u0301",
    "NFC changes it": "\u212b",
    "space before": " ab",
    "space after": "ab ",
}
BAD_UTF8 = {
    "overlong": b"\xc0\xaf",
    "lone surrogate": b"\xed\xa0\x80",
    "surrogate pair": b"\xed\xa0\xbd\xed\xb8\x80",
    "cut off": b"ab\xc3",
    "Latin-1": b"Caf\xe9",
    "above U+10FFFF": b"\xf4\x90\x80\x80",
}
BAD_TTLS = {
    "0": Duration(),
    "a nanosecond": Duration(nanos=1),
    "just below 1 s": Duration(nanos=999_999_999),
    "negative": Duration(seconds=-1),
    "just above 24 h": Duration(seconds=86_400, nanos=1_000),
    "25 h": Duration(seconds=90_000),
    "2^62 s": Duration(seconds=2**62),
    "-2^63 s": Duration(seconds=-(2**63)),
    "mixed signs": Duration(seconds=60, nanos=-1),
    "mixed signs the other way": Duration(seconds=-60, nanos=1),
    "nanos over a second": Duration(seconds=60, nanos=1_000_000_000),
    "nanos alone": Duration(nanos=2_000_000_000),
}
BAD_DAYS = {
    **{name: ttl for name, ttl in BAD_TTLS.items() if not name.endswith(" h")},
    "just above 31 days": Duration(seconds=31 * 86_400, nanos=1_000),
    "a year": Duration(seconds=365 * 86_400),
}
BAD_IDS = [
    "no-uuid",
    "0198f000000070008000000000000000",
    "{" + UNKNOWN + "}",
    "urn:uuid:" + UNKNOWN,
    UNKNOWN + "\n",
    "０" * 36,
]
BAD_QUANTITIES = [0, -1, -(2**63), 1_000_000_001, INT64_MAX]
LISTS: dict[str, Callable[..., Callable[[World], Awaitable[object]]]] = {
    "stock": lambda **over: lambda w: w.list_stock(**over),
    "movements": lambda **over: lambda w: w.movements(**over),
    "reservations": lambda **over: lambda w: w.reservations(**over),
    "skus": lambda **over: lambda w: w.list_skus(**over),
    "locations": lambda **over: lambda w: w.list_locations(**over),
    "subscribers": lambda **over: lambda w: w.list_subscribers(**over),
}
WRITES = {
    "AdjustStock": World.adjust,
    "SetStock": World.count,
    "SetThresholds": World.thresholds,
    "Reserve": World.reserve,
    "Commit": World.commit,
    "Extend": World.extend,
    "Release": World.release,
    "Fulfil": World.fulfil,
    "CreateSku": World.create_sku,
    "ImportCatalog": World.import_catalog,
    "BatchAdjustStock": World.batch_adjust,
}


def _listed(name: str, token: Callable[[World], str]) -> Callable[[World], Awaitable[object]]:
    return lambda w: LISTS[name](page_token=token(w))(w)


def _forged(kind: Any, *position: object) -> str:
    """Made by somebody who has read the source."""
    return page_token.encode(kind(), list(position))


def _string_field(number: int, body: bytes) -> bytes:
    return bytes((number << 3 | 2, len(body))) + body


TABLE = [
    # Bytes
    *(
        Bad(f"{name} to {method}", lambda w, m=method, b=body: w.raw(m, b), INVALID, "MALFORMED_REQUEST")  # type: ignore[misc]  # a default binds the row's value
        for method in (
            "StockService/GetStock",
            "StockService/BatchAdjustStock",
            "ReservationService/Reserve",
            "CatalogService/ImportCatalog",
            "WatchService/Watch",
            "WatchService/RequestBookmark",
            "SubscriberService/RegisterSubscriber",
            "SubscriberService/Acknowledge",
            "SubscriberService/ListSubscribers",
            "SubscriberService/RemoveSubscriber",
        )
        for name, body in {
            "garbage": b"\xff\xff\xff\xff",
            "a field cut off": b"\x0a\x10abc",
            "field number 0": b"\x02\x00",
            "an end without a group": b"\x0c",
            "a varint of 11 bytes": b"\x28" + b"\xff" * 10 + b"\x01",
            "a HTTP request": b"GET / HTTP/1.1\r\n\r\n",
        }.items()
    ),
    *(
        Bad(
            f"a string that is not UTF-8: {name}",
            lambda w, b=body: w.raw("StockService/GetStock", _string_field(1, b)),  # type: ignore[misc]  # a default binds the row's value
            INVALID,
            "MALFORMED_REQUEST",
        )
        for name, body in BAD_UTF8.items()
    ),
    Bad(
        "a message of 100,000 groups in each other",
        lambda w: w.raw("StockService/GetStock", b"\x7b" * 100_000 + b"\x7c" * 100_000),
        INVALID,
        "MALFORMED_REQUEST",
    ),
    Bad("a unary message over 1 MiB", lambda w: w.get(sku="x" * (1 << 20)), "RESOURCE_EXHAUSTED", ""),
    Bad(
        "a bulk message over 8 MiB",
        lambda w: w.batch_adjust(w.row(), reference="x" * (8 << 20)),
        "RESOURCE_EXHAUSTED",
        "",
    ),
    Bad(
        "a bulk message of a million empty rows",
        lambda w: w.raw("StockService/BatchAdjustStock", b"\x1a\x00" * 1_000_000),
        INVALID,
        "TOO_MANY_LINES",
    ),
    # Identity
    *(
        Bad(
            f"{name} without request_id",
            lambda w, c=call: c(w, request_id=""),  # type: ignore[misc]  # a default binds the row's value
            INVALID,
            "REQUEST_ID_REQUIRED",
            "request_id",
        )
        for name, call in WRITES.items()
    ),
    *(
        Bad(
            f"{name} with request_id {bad!r}",
            lambda w, c=call, b=bad: c(w, request_id=b),  # type: ignore[misc]  # a default binds the row's value
            INVALID,
            "REQUEST_ID_FORMAT",
            "request_id",
        )
        for bad in BAD_IDS
        for name, call in (("AdjustStock", World.adjust), ("Reserve", World.reserve))
    ),
    *(
        Bad(
            f"request_id again for another {name}",
            lambda w, c=call: c(w, request_id=w.used_id),  # type: ignore[misc]  # a default binds the row's value
            "ALREADY_EXISTS",
            "REQUEST_ID_REUSED",
            metadata=lambda w: {"request_id": w.used_id},
        )
        for name, call in (
            ("delta", World.adjust),
            ("method", World.reserve),
            ("method of the catalogue", World.create_sku),
        )
    ),
    *(
        Bad(
            f"channel {code!r}",
            lambda w, c=code: w.reserve(metadata=(("inventory-channel", c),)),  # type: ignore[misc]  # a default binds the row's value
            INVALID,
            "CHANNEL_FORMAT",
            "inventory-channel",
        )
        for code in ("", "Shop", "a" * 33, "a b", "a/b", "a'b", "a.b")
    ),
    # Codes
    *(
        Bad(f"SKU {name}: {method}", send, INVALID, "SKU_FORMAT", path)
        for name, bad in BAD_CODES.items()
        for method, send, path in (
            ("GetStock", lambda w, b=bad: w.get(sku=b), "sku"),
            ("Reserve", lambda w, b=bad: w.spoilt(sku=b), "lines[1].sku"),
            ("CreateSku", lambda w, b=bad: w.create_sku(sku=b), "sku.sku"),
        )
    ),
    *(
        Bad(f"location {name}: {method}", send, INVALID, "LOCATION_FORMAT", path)
        for name, bad in BAD_CODES.items()
        for method, send, path in (
            ("Reserve", lambda w, b=bad: w.spoilt(location=b), "lines[1].location"),
            ("CreateLocation", lambda w, b=bad: w.create_location(location=b), "location.location"),
        )
        if bad or method != "Reserve"  # without a location the service chooses
    ),
    *(
        Bad(f"a SKU with newline: {method}", send, INVALID, "SKU_FORMAT", path)
        for method, send, path in (
            ("AdjustStock", lambda w: w.adjust(sku="a\n"), "sku"),
            ("SetStock", lambda w: w.count(sku="a\n"), "sku"),
            ("SetThresholds", lambda w: w.thresholds(sku="a\n"), "sku"),
            ("BatchAdjustStock", lambda w: w.batch_adjust(w.row(), w.row(sku="a\n")), "adjustments[1].sku"),
            ("BatchGetStock", lambda w: w.batch_get(keys=[{"sku": "a\n", "location": "x"}]), "keys[0].sku"),
            ("ListStock", lambda w: w.list_stock(skus=["a", "a\n"]), "skus[1]"),
            ("ListMovements", lambda w: w.movements(sku="a\n"), "sku"),
            ("Commit", lambda w: w.commit(lines=[w.line(sku="a\n")]), "lines[0].sku"),
            ("GetSku", lambda w: w.get_sku(sku="a\n"), "sku"),
            ("ImportCatalog", lambda w: w.import_catalog(catalog_pb2.Sku(sku="a\n")), "skus[0].sku"),
            ("Watch", lambda w: w.watch(now=Empty(), skus=["a\n"]), "skus[0]"),
        )
    ),
    Bad(
        "a location with newline: GetLocation", lambda w: w.get_location("a\n"), INVALID, "LOCATION_FORMAT", "location"
    ),
    Bad(
        "a location with newline: Watch",
        lambda w: w.watch(now=Empty(), locations=["a", "a\n"]),
        INVALID,
        "LOCATION_FORMAT",
        "locations[1]",
    ),
    *(
        Bad(
            f"barcode {bad!r}",
            lambda w, b=bad: w.create_sku(barcodes=[b]),  # type: ignore[misc]  # a default binds the row's value
            INVALID,
            "BARCODE_FORMAT",
            "sku.barcodes[0]",
        )
        for bad in ("", "5901234123458", "590123412345", "59012341234a7", " 5901234123457", "５901234123457", "9" * 15)
    ),
    Bad(
        "the right check digit is said",
        lambda w: w.create_sku(barcodes=["5901234123457", "5901234123458"]),
        INVALID,
        "BARCODE_FORMAT",
        "sku.barcodes[1]",
        metadata=lambda w: {"expected_check_digit": "7"},
    ),
    *(
        Bad(
            f"{n} unit digits",
            lambda w, n=n: w.create_sku(unit_digits=n),  # type: ignore[misc]  # a default binds the row's value
            INVALID,
            "UNIT_DIGITS_OUT_OF_RANGE",
            "sku.unit_digits",
        )
        for n in (-1, 7, 2**31 - 1)
    ),
    Bad("21 barcodes", lambda w: w.create_sku(barcodes=[w.barcode] * 21), INVALID, "TOO_MANY_LINES", "sku.barcodes"),
    Bad(
        "33 attributes",
        lambda w: w.create_sku(attributes={str(n): "" for n in range(33)}),
        INVALID,
        "TOO_MANY_LINES",
        "sku.attributes",
    ),
    # Texts
    *(
        Bad(name, send, INVALID, "TEXT_FORMAT", path)
        for name, send, path in (
            ("reason with NUL", lambda w: w.adjust(reason="a\0b"), "reason"),
            ("reason empty", lambda w: w.adjust(reason=""), "reason"),
            ("reason blank", lambda w: w.count(reason=" \n\t "), "reason"),
            ("reason of 513 bytes", lambda w: w.adjust(reason="x" * 513), "reason"),
            ("reason of 257 letters of 2 bytes", lambda w: w.adjust(reason="ü" * 257), "reason"),
            ("reference of 129 bytes", lambda w: w.reserve(reference="x" * 129), "reference"),
            ("owner with NUL", lambda w: w.reserve(owner="\0"), "owner"),
            ("name with NUL", lambda w: w.create_sku(name="\0"), "sku.name"),
            ("name of 513 bytes", lambda w: w.create_location(name="x" * 513), "location.name"),
            ("category of 257 bytes", lambda w: w.create_sku(category="x" * 257), "sku.category"),
            ("unit of 17 bytes", lambda w: w.create_sku(unit="x" * 17), "sku.unit"),
            ("attributes of 4,097 bytes", lambda w: w.create_sku(attributes={"k": "x" * 4096}), "sku.attributes"),
            ("attribute with NUL", lambda w: w.create_sku(attributes={"k": "\0"}), "sku.attributes"),
            ("owner with NUL in a filter", lambda w: w.reservations(owner="\0"), "owner"),
            ("category with NUL in a filter", lambda w: w.list_skus(category="\0"), "category"),
            ("barcode with NUL in a question", lambda w: w.get_sku(barcode="\0"), "barcode"),
        )
    ),
    # Quantities
    *(
        Bad(f"quantity {n}", lambda w, n=n: w.spoilt(quantity=n), INVALID, "QUANTITY_OUT_OF_RANGE", "lines[1].quantity")  # type: ignore[misc]  # a default binds the row's value
        for n in BAD_QUANTITIES
    ),
    Bad(
        "the same SKU twice, over the limit together",
        lambda w: w.reserve(w.line(quantity=600_000_000), w.line(quantity=600_000_000)),
        INVALID,
        "QUANTITY_OUT_OF_RANGE",
        "lines[1].quantity",
    ),
    *(
        Bad(f"{name}: {method} of {n}", lambda w, s=send, n=n: s(w, n), INVALID, "QUANTITY_OUT_OF_RANGE", path)  # type: ignore[misc]  # a default binds the row's value
        for name, numbers, calls in (
            (
                "a reservation's part",
                BAD_QUANTITIES,
                (
                    ("Commit", lambda w, n: w.commit(lines=[w.line(quantity=n)]), "lines[0].quantity"),
                    ("Release", lambda w, n: w.release(lines=[w.line(quantity=n)]), "lines[0].quantity"),
                    ("Fulfil", lambda w, n: w.fulfil(lines=[w.line(quantity=n)]), "lines[0].quantity"),
                ),
            ),
            (
                "a delta",
                [0, 1_000_000_001, -1_000_000_001, INT64_MAX, -(2**63)],
                (
                    ("AdjustStock", lambda w, n: w.adjust(delta=n), "delta"),
                    ("BatchAdjustStock", lambda w, n: w.batch_adjust(w.row(), w.row(delta=n)), "adjustments[1].delta"),
                ),
            ),
            (
                "a count",
                [-1, 10**12 + 1, INT64_MAX, -(2**63)],
                (
                    ("SetStock", lambda w, n: w.count(on_hand=n), "on_hand"),
                    ("SetStock's expectation", lambda w, n: w.count(expected_on_hand=n), "expected_on_hand"),
                    (
                        "BatchAdjustStock's expectation",
                        lambda w, n: w.batch_adjust(w.row(expected_on_hand=n)),
                        "adjustments[0].expected_on_hand",
                    ),
                ),
            ),
            (
                "a threshold",
                [-1, 1_000_000_001, INT64_MAX],
                (
                    ("safety_stock", lambda w, n: w.thresholds(safety_stock=n), "safety_stock"),
                    ("reorder_point", lambda w, n: w.thresholds(reorder_point=n), "reorder_point"),
                    ("backorder_limit", lambda w, n: w.thresholds(backorder_limit=n), "backorder_limit"),
                ),
            ),
        )
        for n in numbers
        for method, send, path in calls
    ),
    # Numbers of rows
    *(
        Bad(f"nothing in {method}", send, INVALID, "LINES_EMPTY", path)
        for method, send, path in (
            (
                "Reserve",
                lambda w: w.client.reservations.Reserve(
                    reservation_pb2.ReserveRequest(request_id=new_id(), hold_ttl=HOUR)
                ),
                "lines",
            ),
            ("BatchReserve", lambda w: w.batch_reserve(), "requests"),
            ("BatchAdjustStock", lambda w: w.batch_adjust(), "adjustments"),
            ("BatchGetStock", lambda w: w.batch_get(), "keys"),
            ("ImportCatalog", lambda w: w.import_catalog(), "skus"),
            ("a message of ReserveStream", lambda w: w.stream(reservation_pb2.ReserveStreamRequest()), "requests"),
        )
    ),
    *(
        Bad(f"too much in {method}", send, INVALID, "TOO_MANY_LINES", path, metadata=lambda w, m=limit: {"max": m})  # type: ignore[misc]  # a default binds the row's value
        for method, send, path, limit in (
            ("Reserve", lambda w: w.reserve(*[w.line()] * 201), "lines", "200"),
            ("Commit", lambda w: w.commit(lines=[w.line()] * 201), "lines", "200"),
            ("BatchReserve", lambda w: w.batch_reserve(*[reserve_request()] * 1_001), "requests", "1000"),
            (
                "BatchReserve's lines",
                lambda w: w.batch_reserve(*[reserve_request(*[("a", "b", 1)] * 101)] * 100),
                "requests",
                "10000",
            ),
            ("BatchAdjustStock", lambda w: w.batch_adjust(*[w.row()] * 10_001), "adjustments", "10000"),
            ("BatchGetStock", lambda w: w.batch_get(keys=[{"sku": "a", "location": "b"}] * 1_001), "keys", "1000"),
            ("ImportCatalog", lambda w: w.import_catalog(*[catalog_pb2.Sku(sku="a")] * 10_001), "skus", "10000"),
            (
                "a message of ReserveStream",
                lambda w: w.stream(reservation_pb2.ReserveStreamRequest(requests=[reserve_request()] * 1_001)),
                "requests",
                "1000",
            ),
        )
    ),
    *(
        Bad(f"10,000 filters: {name}", send, INVALID, "TOO_MANY_FILTERS", path, metadata=lambda w: {"max": "1000"})
        for name, send, path in (
            ("ListStock's SKUs", lambda w: w.list_stock(skus=["a"] * 10_000), "skus"),
            ("ListStock's locations", lambda w: w.list_stock(locations=["a"] * 10_000), "locations"),
            ("Watch's SKUs", lambda w: w.watch(now=Empty(), skus=["a"] * 10_000), "skus"),
            ("Watch's locations", lambda w: w.watch(now=Empty(), locations=["a"] * 1_001), "locations"),
            ("Watch's categories", lambda w: w.watch(now=Empty(), categories=["a"] * 1_001), "categories"),
            ("Watch's kinds", lambda w: w.watch(now=Empty(), kinds=[1] * 1_001), "kinds"),
            ("Watch's ledger kinds", lambda w: w.watch(now=Empty(), movement_kinds=[1] * 1_001), "movement_kinds"),
        )
    ),
    # Fields
    *(
        Bad(f"{name}", send, INVALID, reason, path)
        for name, send, reason, path in (
            ("neither hold nor allocation", lambda w: w.reserve(hold_ttl=None), "FIELD_REQUIRED", "promise"),
            ("allocate, but false", lambda w: w.reserve(hold_ttl=None, allocate=False), "FIELD_REQUIRED", "promise"),
            ("unknown fill policy", lambda w: w.reserve(fill_policy=99), "FIELD_REQUIRED", "fill_policy"),
            ("unknown disposition", lambda w: w.adjust(disposition=99), "FIELD_REQUIRED", "disposition"),
            (
                "unknown disposition in a row",
                lambda w: w.batch_adjust(w.row(disposition=99)),
                "FIELD_REQUIRED",
                "adjustments[0].disposition",
            ),
            ("negative enum", lambda w: w.adjust(disposition=-1), "FIELD_REQUIRED", "disposition"),
            (
                "unknown error policy",
                lambda w: w.batch_adjust(w.row(), error_policy=99),
                "FIELD_REQUIRED",
                "error_policy",
            ),
            ("unknown state", lambda w: w.reservations(state=99), "FIELD_REQUIRED", "state"),
            ("unknown kind in a filter", lambda w: w.list_locations(kind=99), "FIELD_REQUIRED", "kind"),
            ("unknown kind", lambda w: w.create_location(kind=99), "FIELD_REQUIRED", "location.kind"),
            ("no expectation", lambda w: w.count(expected_on_hand=None), "FIELD_REQUIRED", "expected_on_hand"),
            ("no ttl", lambda w: w.extend(ttl=None), "FIELD_REQUIRED", "ttl"),
            ("neither code nor barcode", lambda w: w.get_sku(), "FIELD_REQUIRED", "by"),
            ("no start", lambda w: w.watch(), "FIELD_REQUIRED", "start"),
            (
                "no SKU to create",
                lambda w: w.client.catalog.CreateSku(catalog_pb2.CreateSkuRequest(request_id=new_id())),
                "FIELD_REQUIRED",
                "sku",
            ),
            (
                "no location to update",
                lambda w: w.client.catalog.UpdateLocation(catalog_pb2.UpdateLocationRequest(request_id=new_id())),
                "FIELD_REQUIRED",
                "location",
            ),
            (
                "replace holds of nobody",
                lambda w: w.reserve(replace_owner_holds=True),
                "FIELD_CONFLICT",
                "replace_owner_holds",
            ),
            ("another unit", lambda w: w.update_sku(unit="piece"), "FIELD_CONFLICT", "sku"),
            ("other unit digits", lambda w: w.update_sku(unit="kg", unit_digits=2), "FIELD_CONFLICT", "sku"),
        )
    ),
    *(
        Bad(f"hold_ttl {name}", lambda w, t=ttl: w.reserve(hold_ttl=t), INVALID, "TTL_OUT_OF_RANGE", "hold_ttl")  # type: ignore[misc]  # a default binds the row's value
        for name, ttl in BAD_TTLS.items()
    ),
    *(
        Bad(f"ttl {name}", lambda w, t=ttl: w.extend(ttl=t), INVALID, "TTL_OUT_OF_RANGE", "ttl")  # type: ignore[misc]  # a default binds the row's value
        for name, ttl in BAD_TTLS.items()
    ),
    *(
        Bad(
            f"heartbeat {name}",
            lambda w, t=ttl: w.watch(now=Empty(), heartbeat=t),  # type: ignore[misc]  # a default binds the row's value
            INVALID,
            "TTL_OUT_OF_RANGE",
            "heartbeat",
        )
        for name, ttl in BAD_TTLS.items()
    ),
    # Lists
    *(
        Bad(f"page_size {size} of {name}", call(page_size=size), INVALID, "PAGE_SIZE_INVALID", "page_size")
        for name, call in LISTS.items()
        for size in (-1, -(2**31))
    ),
    *(
        Bad(f"page_token of {name} {how}", _listed(name, token), INVALID, "PAGE_TOKEN_INVALID", "page_token")
        for name in LISTS
        for how, token in {
            "forged": lambda w: "bm90IG9uZSBvZiBvdXJz",
            "not base64": lambda w: "%%%%",
            "not ASCII": lambda w: "żółć",
            "empty inside": lambda w: "====",
            "of 2,000 characters": lambda w: "A" * 2_000,
            "truncated": lambda w, n=name: w.tokens[n][:-4],  # type: ignore[misc]  # a default binds the row's value
            "changed": lambda w, n=name: w.tokens[n][:-3] + "AAA",  # type: ignore[misc]  # a default binds the row's value
            "of another method": lambda w, n=name: next(t for other, t in w.tokens.items() if other != n),  # type: ignore[misc]  # a default binds the row's value
        }.items()
    ),
    *(
        Bad(f"page_token of other {name}", send, INVALID, "PAGE_TOKEN_INVALID", "page_token")
        for name, send in (
            ("SKUs", lambda w: w.list_stock(skus=[w.sku], page_token=w.tokens["stock"])),
            ("movements", lambda w: w.movements(sku=w.sku, page_token=w.tokens["movements"])),
            ("reservations", lambda w: w.reservations(state=1, page_token=w.tokens["reservations"])),
            ("categories", lambda w: w.list_skus(category="A", page_token=w.tokens["skus"])),
            ("kinds", lambda w: w.list_locations(kind=2, page_token=w.tokens["locations"])),
            ("channels", lambda w: w.list_subscribers(channel="web", page_token=w.tokens["subscribers"])),
        )
    ),
    *(
        Bad(
            f"page_token of {name} with made-up place {number}",
            _listed(name, lambda w, t=token: t),  # type: ignore[misc]  # a default binds the row's value
            INVALID,
            "PAGE_TOKEN_INVALID",
            "page_token",
        )
        for number, (name, token) in enumerate(
            (
                ("stock", _forged(stock_pb2.ListStockRequest, "a\0", "b")),
                ("stock", _forged(stock_pb2.ListStockRequest, "\ud800", "b")),
                ("stock", _forged(stock_pb2.ListStockRequest, 1, 2)),
                ("movements", _forged(stock_pb2.ListMovementsRequest, 2**80, 0)),
                ("movements", _forged(stock_pb2.ListMovementsRequest, 1, 2**40)),
                ("movements", _forged(stock_pb2.ListMovementsRequest, True, 1)),
                ("movements", _forged(stock_pb2.ListMovementsRequest, 1, 1.5)),
                ("reservations", _forged(reservation_pb2.ListReservationsRequest, "no-uuid")),
                ("skus", _forged(catalog_pb2.ListSkusRequest, "a\0")),
                ("locations", _forged(catalog_pb2.ListLocationsRequest, "\udfff")),
                ("subscribers", _forged(subscriber_pb2.ListSubscribersRequest, "a", "b\0")),
                ("subscribers", _forged(subscriber_pb2.ListSubscribersRequest, "a")),
                ("subscribers", _forged(subscriber_pb2.ListSubscribersRequest, "a", "b", "c")),
                ("subscribers", _forged(subscriber_pb2.ListSubscribersRequest, 1, None)),
            )
        )
    ),
    *(
        Bad(f"time {name}", send, INVALID, "TIME_RANGE", path)
        for name, send, path in (
            ("2^62", lambda w: w.movements(recorded_from=Timestamp(seconds=2**62)), "recorded_from"),
            ("of negative nanos", lambda w: w.movements(recorded_from=Timestamp(nanos=-1)), "recorded_from"),
            ("of too many nanos", lambda w: w.movements(recorded_before=Timestamp(nanos=10**9)), "recorded_before"),
            ("before year 1", lambda w: w.movements(recorded_before=Timestamp(seconds=-(2**40))), "recorded_before"),
            (
                "that ends before it starts",
                lambda w: w.movements(recorded_from=Timestamp(seconds=2), recorded_before=Timestamp(seconds=1)),
                "recorded_before",
            ),
        )
    ),
    # Things that aren't there
    *(
        Bad(
            f"unknown SKU: {method}",
            send,
            "NOT_FOUND",
            "SKU_NOT_FOUND",
            metadata=lambda w: {"sku": "nobody"},
            resource=lambda w: ("sku", "nobody"),
        )
        for method, send in (
            ("GetStock", lambda w: w.get(sku="nobody")),
            ("AdjustStock", lambda w: w.adjust(sku="nobody")),
            ("SetStock", lambda w: w.count(sku="nobody")),
            ("SetThresholds", lambda w: w.thresholds(sku="nobody")),
            ("BatchAdjustStock", lambda w: w.batch_adjust(w.row(), w.row(sku="nobody"))),
            ("Reserve", lambda w: w.spoilt(sku="nobody")),
            ("UpdateSku", lambda w: w.update_sku(sku="nobody")),
            ("GetSku", lambda w: w.get_sku(sku="nobody")),
            ("GetSku by barcode", lambda w: w.get_sku(barcode="nobody")),
        )
    ),
    *(
        Bad(
            f"unknown location: {method}",
            send,
            "NOT_FOUND",
            "LOCATION_NOT_FOUND",
            metadata=lambda w: {"location": "nowhere"},
            resource=lambda w: ("location", "nowhere"),
        )
        for method, send in (
            ("GetStock", lambda w: w.get(location="nowhere")),
            ("AdjustStock", lambda w: w.adjust(location="nowhere")),
            ("SetStock", lambda w: w.count(location="nowhere")),
            ("Reserve", lambda w: w.spoilt(location="nowhere")),
            ("UpdateLocation", lambda w: w.update_location(location="nowhere")),
            ("GetLocation", lambda w: w.get_location("nowhere")),
        )
    ),
    Bad(
        "a retired SKU",
        lambda w: w.spoilt(sku=w.retired_sku),
        PRECONDITION,
        "SKU_RETIRED",
        metadata=lambda w: {"sku": w.retired_sku},
    ),
    Bad(
        "a retired location",
        lambda w: w.spoilt(location=w.closed_location),
        PRECONDITION,
        "LOCATION_RETIRED",
        metadata=lambda w: {"location": w.closed_location},
    ),
    Bad(
        "a code that is taken",
        lambda w: w.create_sku(sku=w.sku),
        "ALREADY_EXISTS",
        "CODE_TAKEN",
        metadata=lambda w: {"sku": w.sku},
        resource=lambda w: ("sku", w.sku),
    ),
    Bad(
        "a location's code that is taken",
        lambda w: w.create_location(location=w.location),
        "ALREADY_EXISTS",
        "CODE_TAKEN",
        metadata=lambda w: {"location": w.location},
        resource=lambda w: ("location", w.location),
    ),
    Bad(
        "a barcode that is taken",
        lambda w: w.create_sku(barcodes=[w.barcode]),
        "ALREADY_EXISTS",
        "CODE_TAKEN",
        metadata=lambda w: {"barcode": w.barcode, "sku": w.sku},
    ),
    Bad(
        "a code twice in an import",
        lambda w: w.import_catalog(catalog_pb2.Sku(sku="twice"), catalog_pb2.Sku(sku="twice")),
        "ALREADY_EXISTS",
        "CODE_TAKEN",
        metadata=lambda w: {"sku": "twice"},
    ),
    # Reservations
    *(
        Bad(
            f"{name} of {bad!r}",
            lambda w, c=call, b=bad: c(w, reservation_id=b),  # type: ignore[misc]  # a default binds the row's value
            INVALID,
            "RESERVATION_ID_FORMAT",
            "reservation_id",
        )
        for name, call in (
            ("Commit", World.commit),
            ("Extend", World.extend),
            ("Release", World.release),
            ("Fulfil", World.fulfil),
            ("GetReservation", World.reservation),
        )
        for bad in ("", "no-uuid")
    ),
    *(
        Bad(
            f"{name} of {whose}",
            lambda w, c=call, i=identity: c(w, reservation_id=i(w)),  # type: ignore[misc]  # a default binds the row's value
            "NOT_FOUND",
            "RESERVATION_NOT_FOUND",
            metadata=lambda w, i=identity: {"reservation_id": i(w)},  # type: ignore[misc]  # a default binds the row's value
            resource=lambda w, i=identity: ("reservation", i(w)),  # type: ignore[misc]  # a default binds the row's value
        )
        for name, call in (
            ("Commit", World.commit),
            ("Extend", World.extend),
            ("Release", World.release),
            ("Fulfil", World.fulfil),
            ("GetReservation", World.reservation),
        )
        for whose, identity in (
            ("an unknown reservation", lambda w: UNKNOWN),
            ("another channel's", lambda w: w.foreign),
        )
    ),
    *(
        Bad(
            f"{name} of an expired reservation",
            lambda w, c=call: c(w, reservation_id=w.expired),  # type: ignore[misc]  # a default binds the row's value
            PRECONDITION,
            "RESERVATION_EXPIRED",
            metadata=lambda w: {"reservation_id": w.expired},
        )
        for name, call in (
            ("Commit", World.commit),
            ("Extend", World.extend),
            ("Release", World.release),
            ("Fulfil", World.fulfil),
        )
    ),
    *(
        Bad(
            f"{name} of {what}",
            lambda w, c=call, i=identity: c(w, reservation_id=i(w)),  # type: ignore[misc]  # a default binds the row's value
            PRECONDITION,
            "RESERVATION_STATE",
            metadata=lambda w, i=identity, s=state: {"reservation_id": i(w), "state": s},  # type: ignore[misc]  # a default binds the row's value
        )
        for name, call, what, identity, state in (
            ("Commit", World.commit, "an allocated one", lambda w: w.allocated, "ALLOCATED"),
            ("Extend", World.extend, "an allocated one", lambda w: w.allocated, "ALLOCATED"),
            ("Fulfil", World.fulfil, "a held one", lambda w: w.held, "HELD"),
            *(
                (name, call, what, identity, state)
                for name, call in (
                    ("Commit", World.commit),
                    ("Extend", World.extend),
                    ("Release", World.release),
                    ("Fulfil", World.fulfil),
                )
                for what, identity, state in (
                    ("a released one", lambda w: w.released, "RELEASED"),
                    ("a fulfilled one", lambda w: w.fulfilled, "FULFILLED"),
                )
            ),
        )
    ),
    *(
        Bad(
            f"{name}",
            send,
            PRECONDITION,
            "EXCEEDS_HELD",
            metadata=lambda w, r=requested: {"sku": w.sku, "requested": r, "has": "5"},  # type: ignore[misc]  # a default binds the row's value
        )
        for name, send, requested in (
            ("commit more than held", lambda w: w.commit(lines=[w.line(quantity=6)]), "6"),
            ("release more than there is", lambda w: w.release(lines=[w.line(quantity=6)]), "6"),
            ("fulfil more than allocated", lambda w: w.fulfil(lines=[w.line(quantity=6)]), "6"),
            ("commit 3 and 3 of 5", lambda w: w.commit(lines=[w.line(quantity=3)] * 2), "6"),
        )
    ),
    Bad(
        "commit what the reservation has no line of",
        lambda w: w.commit(lines=[w.line(sku="nobody")]),
        PRECONDITION,
        "EXCEEDS_HELD",
        metadata=lambda w: {"sku": "nobody", "has": "0"},
    ),
    # Stock
    Bad(
        "more than there is",
        lambda w: w.reserve(w.line(quantity=1_000)),
        PRECONDITION,
        "INSUFFICIENT_STOCK",
        metadata=lambda w: {"sku": w.sku, "location": w.location, "requested": "1000", "available": "85"},
    ),
    Bad(
        "the same SKU twice, together more than there is",
        lambda w: w.reserve(w.line(quantity=43), w.line(quantity=43)),
        PRECONDITION,
        "INSUFFICIENT_STOCK",
        metadata=lambda w: {"requested": "86", "available": "85"},
    ),
    Bad(
        "as much as possible of nothing",
        lambda w: w.reserve(
            w.line(sku=w.full_sku, location=w.empty_location),
            fill_policy=reservation_pb2.FILL_POLICY_AS_MUCH_AS_POSSIBLE,
        ),
        PRECONDITION,
        "INSUFFICIENT_STOCK",
        metadata=lambda w: {"requested": "1", "available": "0"},
    ),
    Bad(
        "an expectation that doesn't hold",
        lambda w: w.count(expected_on_hand=99, on_hand=50),
        "ABORTED",
        "EXPECTATION_FAILED",
        metadata=lambda w: {"current": "100", "expected": "99"},
    ),
    Bad(
        "a row's expectation that doesn't hold",
        lambda w: w.batch_adjust(w.row(expected_on_hand=100), w.row(expected_on_hand=100)),
        "ABORTED",
        "EXPECTATION_FAILED",
        metadata=lambda w: {"current": "101", "expected": "100"},
    ),
    Bad(
        "a correction below what is promised",
        lambda w: w.adjust(delta=-86),
        PRECONDITION,
        "BELOW_PROMISED",
        metadata=lambda w: {"sku": w.sku, "location": w.location, "lowest": "15"},
    ),
    Bad("a count below what is promised", lambda w: w.count(on_hand=14), PRECONDITION, "BELOW_PROMISED"),
    Bad("goods below nothing", lambda w: w.adjust(delta=-1_000), PRECONDITION, "BELOW_PROMISED"),
    Bad(
        "damaged goods below nothing",
        lambda w: w.adjust(delta=-1, disposition=core_pb2.DISPOSITION_DAMAGED),
        PRECONDITION,
        "BELOW_PROMISED",
    ),
    Bad(
        "more than a shelf holds",
        lambda w: w.adjust(sku=w.full_sku),
        PRECONDITION,
        "ON_HAND_LIMIT",
        metadata=lambda w: {"max": "1000000000000"},
    ),
    # Revisions and cursors
    Bad("a negative min_revision", lambda w: w.get(min_revision=-1), INVALID, "REVISION_FORMAT", "min_revision"),
    *(
        Bad(
            f"min_revision of the future: {method}",
            send,
            "OUT_OF_RANGE",
            "REVISION_IN_FUTURE",
            metadata=lambda w: {"head": str(w.head), "revision": str(INT64_MAX)},
        )
        for method, send in (
            ("GetStock", lambda w: w.get(min_revision=INT64_MAX)),
            (
                "BatchGetStock",
                lambda w: w.batch_get(min_revision=INT64_MAX, keys=[{"sku": w.sku, "location": w.location}]),
            ),
            ("GetReservation", lambda w: w.reservation(min_revision=INT64_MAX)),
        )
    ),
    Bad("a negative cursor", lambda w: w.after(revision=-1), INVALID, "REVISION_FORMAT", "after.revision"),
    Bad(
        "an epoch that is no UUID",
        lambda w: w.after(epoch="now", revision=5),
        INVALID,
        "REVISION_FORMAT",
        "after.epoch",
    ),
    Bad(
        "a cursor that is compacted",
        lambda w: w.after(epoch=w.epoch, revision=2),
        "OUT_OF_RANGE",
        "COMPACTED",
        metadata=lambda w: {"oldest": "3", "revision": "2"},
    ),
    Bad("from the beginning, which is compacted", lambda w: w.after(), "OUT_OF_RANGE", "COMPACTED"),
    Bad(
        "a cursor of the future",
        lambda w: w.after(epoch=w.epoch, revision=w.head + 1),
        "OUT_OF_RANGE",
        "REVISION_IN_FUTURE",
        metadata=lambda w: {"head": str(w.head), "revision": str(w.head + 1)},
    ),
    Bad(
        "a cursor of another epoch",
        lambda w: w.after(epoch=UNKNOWN, revision=5),
        PRECONDITION,
        "EPOCH_CHANGED",
        metadata=lambda w: {"epoch": w.epoch},
    ),
    Bad(
        "a cursor of another epoch and of the future",
        lambda w: w.after(epoch=UNKNOWN, revision=INT64_MAX),
        PRECONDITION,
        "EPOCH_CHANGED",
    ),
    # Following
    *(
        Bad(f"{name} of {numbers}", send, INVALID, "FIELD_REQUIRED", path)
        for numbers, position in (([99], 0), ([0], 0), ([1, -1], 1), ([2, 1, 2**31 - 1], 2))
        for name, send, path in (
            ("kinds", lambda w, n=numbers: w.watch(now=Empty(), kinds=n), f"kinds[{position}]"),
            (
                "movement_kinds",
                lambda w, n=numbers: w.watch(now=Empty(), movement_kinds=n),
                f"movement_kinds[{position}]",
            ),
        )
    ),
    *(
        Bad(f"mode {mode}", lambda w, m=mode: w.watch(now=Empty(), mode=m), INVALID, "FIELD_REQUIRED", "mode")  # type: ignore[misc]  # a default binds the row's value
        for mode in (3, 99, -1)
    ),
    *(
        Bad(
            f"a followed category {name}",
            lambda w, b=bad: w.watch(now=Empty(), categories=["A", b]),  # type: ignore[misc]  # a default binds the row's value
            INVALID,
            "TEXT_FORMAT",
            "categories[1]",
        )
        for name, bad in {
            "empty": "",
            "blank": " \t ",
            "with NUL": "a\0b",
            "of 257 bytes": "x" * 257,
            "of 129 letters of 2 bytes": "ü" * 129,
        }.items()
    ),
    *(
        Bad(f"stream_id {bad!r}: {method}", send, INVALID, "STREAM_ID_FORMAT", "stream_id")
        for bad in BAD_IDS
        for method, send in (
            ("Watch", lambda w, b=bad: w.watch(now=Empty(), stream_id=b)),
            ("RequestBookmark", lambda w, b=bad: w.request_bookmark(b)),
        )
    ),
    Bad("no stream_id", lambda w: w.request_bookmark(""), INVALID, "STREAM_ID_FORMAT", "stream_id"),
    Bad("nobody's cursor", lambda w: w.watch(acknowledged=Empty()), INVALID, "FIELD_REQUIRED", "subscriber"),
    # Subscribers
    *(
        Bad(f"a subscriber named {name}", lambda w, b=bad: w.register(name=b), INVALID, "SUBSCRIBER_FORMAT", "name")  # type: ignore[misc]  # a default binds the row's value
        for name, bad in BAD_CODES.items()
    ),
    *(
        Bad(f"a subscriber named {bad!r}: {method}", send, INVALID, "SUBSCRIBER_FORMAT", path)
        for bad in ("x" * 65, "a\n", "a\0b")
        for method, send, path in (
            ("Acknowledge", lambda w, b=bad: w.acknowledge(name=b), "name"),
            ("RemoveSubscriber", lambda w, b=bad: w.remove_subscriber(b), "name"),
            ("Watch", lambda w, b=bad: w.watch(now=Empty(), subscriber=b), "subscriber"),
        )
    ),
    *(
        Bad(f"no name: {method}", send, INVALID, "SUBSCRIBER_FORMAT", "name")
        for method, send in (
            ("Acknowledge", lambda w: w.acknowledge(name="")),
            ("RemoveSubscriber", lambda w: w.remove_subscriber("")),
        )
    ),
    *(
        Bad(
            f"{path} {name}",
            lambda w, p=path, t=ttl: w.register(**{p: t}),  # type: ignore[misc]  # a default binds the row's value
            INVALID,
            "TTL_OUT_OF_RANGE",
            path,
        )
        for path in ("deadline", "lag_max")
        for name, ttl in BAD_DAYS.items()
    ),
    *(
        Bad(
            f"lag_changes_max {bad}",
            lambda w, b=bad: w.register(lag_changes_max=b),  # type: ignore[misc]  # a default binds the row's value
            INVALID,
            "QUANTITY_OUT_OF_RANGE",
            "lag_changes_max",
        )
        for bad in BAD_QUANTITIES
    ),
    *(
        Bad(
            f"a subscriber's channel {bad!r}",
            lambda w, b=bad: w.list_subscribers(channel=b),  # type: ignore[misc]  # a default binds the row's value
            INVALID,
            "CHANNEL_FORMAT",
            "channel",
        )
        for bad in ("WEB", "a\0b", "x" * 33, " ", "web\n")
    ),
    Bad("no cursor", lambda w: w.acknowledge(cursor=None), INVALID, "FIELD_REQUIRED", "cursor"),
    *(
        Bad(
            f"{name}: {method}",
            lambda w, c=call, k=cursor: c(w, k(w)),  # type: ignore[misc]  # a default binds the row's value
            code,
            reason,
            path and f"{field}.{path}",
        )
        for method, field, call in (
            ("RegisterSubscriber", "after", lambda w, cursor: w.register(name="new", after=cursor)),
            ("Acknowledge", "cursor", lambda w, cursor: w.acknowledge(cursor=cursor)),
        )
        for name, cursor, code, reason, path in (
            (
                "a negative cursor",
                lambda w: core_pb2.Cursor(revision=-1),
                INVALID,
                "REVISION_FORMAT",
                "revision",
            ),
            (
                "an epoch that is no UUID",
                lambda w: core_pb2.Cursor(epoch="now", revision=5),
                INVALID,
                "REVISION_FORMAT",
                "epoch",
            ),
            (
                "a cursor of the future",
                lambda w: core_pb2.Cursor(epoch=w.epoch, revision=w.head + 1),
                "OUT_OF_RANGE",
                "REVISION_IN_FUTURE",
                "",
            ),
            (
                "a cursor of the far future",
                lambda w: core_pb2.Cursor(revision=INT64_MAX),
                "OUT_OF_RANGE",
                "REVISION_IN_FUTURE",
                "",
            ),
            (
                "a cursor of another epoch",
                lambda w: core_pb2.Cursor(epoch=UNKNOWN, revision=5),
                PRECONDITION,
                "EPOCH_CHANGED",
                "",
            ),
        )
    ),
    Bad(
        "a subscriber at a cursor that is compacted",
        lambda w: w.register(name="new", after=core_pb2.Cursor(revision=2)),
        "OUT_OF_RANGE",
        "COMPACTED",
        metadata=lambda w: {"oldest": "3", "revision": "2"},
    ),
    *(
        Bad(
            f"an unknown subscriber: {method}",
            send,
            "NOT_FOUND",
            "SUBSCRIBER_NOT_FOUND",
            metadata=lambda w: {"subscriber": "nobody"},
            resource=lambda w: ("subscriber", "nobody"),
        )
        for method, send in (
            ("Acknowledge", lambda w: w.acknowledge(name="nobody")),
            ("Watch from what it acknowledged", lambda w: w.watch(acknowledged=Empty(), subscriber="nobody")),
            ("Watch from now", lambda w: w.watch(now=Empty(), subscriber="nobody")),
        )
    ),
]


@pytest.mark.parametrize("bad", TABLE, ids=lambda bad: bad.name.encode("ascii", "replace").decode())
async def test_bad_input_is_refused_and_changes_nothing(bad: Bad, world: World, db: asyncpg.Connection) -> None:
    world.head = await db.fetchval("SELECT revision FROM feed_head")
    found = await refusal(bad.send(world))
    assert found.what == (bad.code, bad.reason), found
    assert found.domain == (DOMAIN if bad.reason else "")
    assert found.fields == ([bad.field] if bad.field else []), found
    assert bad.metadata(world).items() <= found.metadata.items(), found
    assert found.resource == bad.resource(world)
    assert found.message
    assert await db.fetchval("SELECT revision FROM feed_head") == world.head, "something changed"
    subscribers = await db.fetch("SELECT name, acknowledged, deadline FROM subscriber ORDER BY name")
    assert [tuple(row) for row in subscribers] == world.subscribers
    assert (await world.client.quantities(world.sku, world.location)).on_hand == 100
