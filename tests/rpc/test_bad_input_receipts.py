"""What bad input to receipts, expectations, reclassifications and lots gets: a definite no, and nothing has changed."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as pb2
from tests.rpc.client import DOMAIN, Client, Server, new_id, refusal
from tests.rpc.test_bad_input import BAD_CODES, BAD_IDS, BAD_QUANTITIES, INVALID, PRECONDITION
from tests.rpc.tracked import day, of_lot, tracked

DAMAGED = core_pb2.DISPOSITION_DAMAGED
MISSING = "NOT_FOUND"


@dataclass
class World:
    """What the table speaks of. Each method is one good call, with fields to spoil."""

    client: Client
    sku: str = ""
    milk: str = ""
    bundle: str = ""
    phone: str = ""
    location: str = ""

    def line(self, **over: Any) -> pb2.ReceiptLine:
        return pb2.ReceiptLine(**{"sku": self.sku, "quantity": 1, **over})

    def receive(self, *lines: pb2.ReceiptLine, **over: Any) -> Awaitable[object]:
        good = {"request_id": new_id(), "location": self.location, "lines": lines or [self.line()]}
        return self.client.stock.ReceiveStock(pb2.ReceiveStockRequest(**{**good, **over}))

    def spoilt(self, **over: Any) -> Awaitable[object]:
        """A receipt whose second row is bad."""
        return self.receive(self.line(), self.line(**over))

    def reclassify(self, **over: Any) -> Awaitable[object]:
        good = {"request_id": new_id(), "sku": self.sku, "location": self.location, "quantity": 1, "reason": "test"}
        return self.client.stock.ReclassifyStock(
            pb2.ReclassifyStockRequest(**{**good, "to_disposition": DAMAGED, **over})
        )

    def expectation(self, **over: Any) -> pb2.IncomingLine:
        good = {"sku": self.sku, "location": self.location, "quantity": 1, "due_on": "2031-01-01"}
        return pb2.IncomingLine(**{**good, **over})

    def expect(self, *lines: pb2.IncomingLine, **over: Any) -> Awaitable[object]:
        good = {"request_id": new_id(), "reference": "PO", "lines": lines or [self.expectation()]}
        return self.client.stock.SetIncoming(pb2.SetIncomingRequest(**{**good, **over}))

    def misled(self, **over: Any) -> Awaitable[object]:
        """An expectation whose second row is bad."""
        return self.expect(self.expectation(), self.expectation(**over))

    def adjust(self, **over: Any) -> Awaitable[object]:
        return self.client.adjust(**{"sku": self.sku, "location": self.location, "delta": 1, **over})

    def batch_adjust(self, **over: Any) -> Awaitable[object]:
        row = pb2.StockAdjustment(**{"sku": self.sku, "location": self.location, "delta": 1, **over})
        return self.client.stock.BatchAdjustStock(
            pb2.BatchAdjustStockRequest(request_id=new_id(), reason="test", adjustments=[row])
        )

    def lots(self, **over: Any) -> Awaitable[object]:
        return self.client.stock.ListLots(pb2.ListLotsRequest(**{"sku": self.milk, **over}))


@pytest.fixture(scope="module")
async def world(server: Server) -> AsyncIterator[World]:
    client = Client(server.address)
    made = World(client)
    made.sku, made.location = await client.stocked(10)
    db = await server.connect()
    made.milk, _ = await tracked(client, db, made.location)
    made.bundle, made.phone = await client.sku(), await client.sku()
    await db.execute("UPDATE sku SET kind = 2 WHERE code = $1", made.bundle)
    await db.execute("UPDATE sku SET tracking = 2 WHERE code = $1", made.phone)
    await client.receive(made.location, of_lot(made.milk, 5, "L1", day(9)))
    await db.close()
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


def _everywhere(name: str, reason: str, field: str, **over: Any) -> Iterator[Bad]:
    """The same bad value in a row of a receipt and of what is expected."""
    yield Bad(f"{name} in a receipt", lambda w: w.spoilt(**over), INVALID, reason, f"lines[1].{field}")
    yield Bad(f"{name} expected", lambda w: w.misled(**over), INVALID, reason, f"lines[1].{field}")


def _bad_sku(name: str, code: str) -> Iterator[Bad]:
    yield from _everywhere(f"a SKU: {name}", "SKU_FORMAT", "sku", sku=code)
    yield Bad(f"a SKU reclassified: {name}", lambda w: w.reclassify(sku=code), INVALID, "SKU_FORMAT", "sku")
    yield Bad(f"lots of a SKU: {name}", lambda w: w.lots(sku=code), INVALID, "SKU_FORMAT", "sku")


def _bad_location(name: str, code: str) -> Iterator[Bad]:
    what = (INVALID, "LOCATION_FORMAT")
    yield Bad(f"a location in a receipt: {name}", lambda w: w.receive(location=code), *what, "location")
    yield Bad(f"a location expected: {name}", lambda w: w.misled(location=code), *what, "lines[1].location")
    yield Bad(f"a location reclassified: {name}", lambda w: w.reclassify(location=code), *what, "location")
    if code:
        yield Bad(f"a location's lots: {name}", lambda w: w.lots(location=code), *what, "location")


def _bad_lot(name: str, code: str) -> Iterator[Bad]:
    what = (INVALID, "LOT_FORMAT")
    yield Bad(f"a lot in a receipt: {name}", lambda w: w.spoilt(sku=w.milk, lot=code), *what, "lines[1].lot")
    yield Bad(f"a lot reclassified: {name}", lambda w: w.reclassify(sku=w.milk, lot=code), *what, "lot")
    yield Bad(f"a lot corrected: {name}", lambda w: w.adjust(sku=w.milk, lot=code), *what, "lot")
    yield Bad(f"a lot in a bulk: {name}", lambda w: w.batch_adjust(sku=w.milk, lot=code), *what, "adjustments[0].lot")


def _bad_day(text: str) -> Iterator[Bad]:
    what = (INVALID, "DATE_FORMAT")
    yield Bad(
        f"a last day: {text}",
        lambda w: w.spoilt(sku=w.milk, lot="L9", expires_on=text),
        *what,
        "lines[1].expires_on",
    )
    yield Bad(f"a due day: {text}", lambda w: w.misled(due_on=text), *what, "lines[1].due_on")


def _bad_quantity(n: int) -> Iterator[Bad]:
    what = (INVALID, "QUANTITY_OUT_OF_RANGE")
    yield Bad(f"{n} received", lambda w: w.spoilt(quantity=n), *what, "lines[1].quantity")
    yield Bad(f"{n} reclassified", lambda w: w.reclassify(quantity=n), *what, "quantity")
    if n:
        yield Bad(f"{n} expected", lambda w: w.misled(quantity=n), *what, "lines[1].quantity")


def _bad_id(text: str) -> Iterator[Bad]:
    for name, send in (("receive", World.receive), ("expect", World.expect), ("reclassify", World.reclassify)):
        yield Bad(
            f"{name} under {text!r}",
            lambda w, send=send: send(w, request_id=text),  # type: ignore[misc]  # a default binds the row's value
            INVALID,
            "REQUEST_ID_FORMAT" if text else "REQUEST_ID_REQUIRED",
            "request_id",
        )


BAD_DAYS = [
    "2026-13-01",
    "2026-02-30",
    "2026-1-1",
    "20260101",
    "2026-W01-1",
    "2026-01-01T00:00",
    " 2026-01-01",
    "2026-01-01\n",
    "today",
    "０２６６-01-01",
    "0000-01-01",
    "-001-01-01",
    "10000-01-01",
]
LONG = "x" * 129
TABLE = [
    *(bad for name, code in BAD_CODES.items() for bad in _bad_sku(name, code)),
    *(bad for name, code in BAD_CODES.items() for bad in _bad_location(name, code)),
    *(bad for name, code in BAD_CODES.items() if code for bad in _bad_lot(name, code)),
    *(bad for text in BAD_DAYS for bad in _bad_day(text)),
    *(bad for text in ("", *BAD_IDS) for bad in _bad_id(text)),
    *(bad for quantity in BAD_QUANTITIES for bad in _bad_quantity(quantity)),
    Bad("no due day", lambda w: w.misled(due_on=""), INVALID, "DATE_FORMAT", "lines[1].due_on"),
    Bad(
        "a bad day of nothing",
        lambda w: w.misled(due_on="x", quantity=0),
        INVALID,
        "DATE_FORMAT",
        "lines[1].due_on",
    ),
    Bad("no reference", lambda w: w.expect(reference=""), INVALID, "TEXT_FORMAT", "reference"),
    Bad("a blank reference", lambda w: w.expect(reference=" "), INVALID, "TEXT_FORMAT", "reference"),
    Bad("a long reference expected", lambda w: w.expect(reference=LONG), INVALID, "TEXT_FORMAT", "reference"),
    Bad("a long reference", lambda w: w.receive(reference=LONG), INVALID, "TEXT_FORMAT", "reference"),
    Bad("NUL in a reference", lambda w: w.receive(reference="a\0b"), INVALID, "TEXT_FORMAT", "reference"),
    Bad(
        "a long incoming_reference",
        lambda w: w.receive(incoming_reference=LONG),
        INVALID,
        "TEXT_FORMAT",
        "incoming_reference",
    ),
    Bad("a long reason", lambda w: w.receive(reason="x" * 513), INVALID, "TEXT_FORMAT", "reason"),
    Bad("no reason", lambda w: w.reclassify(reason=""), INVALID, "TEXT_FORMAT", "reason"),
    Bad("a long reference reclassified", lambda w: w.reclassify(reference=LONG), INVALID, "TEXT_FORMAT", "reference"),
    Bad("an empty receipt", lambda w: w.receive(lines=[]), INVALID, "LINES_EMPTY", "lines"),
    Bad("1,001 rows", lambda w: w.receive(*[w.line()] * 1_001), INVALID, "TOO_MANY_LINES", "lines"),
    Bad("nothing expected", lambda w: w.expect(lines=[]), INVALID, "LINES_EMPTY", "lines"),
    Bad("1,001 expected", lambda w: w.expect(*[w.expectation()] * 1_001), INVALID, "TOO_MANY_LINES", "lines"),
    Bad("an unknown kind", lambda w: w.receive(kind=9), INVALID, "FIELD_REQUIRED", "kind"),
    Bad("an unknown disposition", lambda w: w.spoilt(disposition=9), INVALID, "FIELD_REQUIRED", "lines[1].disposition"),
    Bad("from nowhere", lambda w: w.reclassify(from_disposition=9), INVALID, "FIELD_REQUIRED", "from_disposition"),
    Bad("to nowhere", lambda w: w.reclassify(to_disposition=9), INVALID, "FIELD_REQUIRED", "to_disposition"),
    Bad("sellable to itself", lambda w: w.reclassify(to_disposition=0), INVALID, "FIELD_CONFLICT", "to_disposition"),
    Bad(
        "from damaged to itself",
        lambda w: w.reclassify(from_disposition=DAMAGED),
        INVALID,
        "FIELD_CONFLICT",
        "to_disposition",
    ),
    Bad("an unknown SKU received", lambda w: w.spoilt(sku="nobody"), MISSING, "SKU_NOT_FOUND"),
    Bad("an unknown SKU with a lot", lambda w: w.spoilt(sku="nobody", lot="L1"), MISSING, "SKU_NOT_FOUND"),
    Bad("an unknown SKU expected", lambda w: w.misled(sku="nobody"), MISSING, "SKU_NOT_FOUND"),
    Bad("an unknown SKU reclassified", lambda w: w.reclassify(sku="nobody"), MISSING, "SKU_NOT_FOUND"),
    Bad("an unknown SKU's lots", lambda w: w.lots(sku="nobody"), MISSING, "SKU_NOT_FOUND"),
    Bad("received nowhere", lambda w: w.receive(location="nowhere"), MISSING, "LOCATION_NOT_FOUND"),
    Bad("expected nowhere", lambda w: w.misled(location="nowhere"), MISSING, "LOCATION_NOT_FOUND"),
    Bad("reclassified nowhere", lambda w: w.reclassify(location="nowhere"), MISSING, "LOCATION_NOT_FOUND"),
    Bad("a bundle received", lambda w: w.spoilt(sku=w.bundle), PRECONDITION, "SKU_NOT_STOCKED"),
    Bad("a bundle expected", lambda w: w.misled(sku=w.bundle), PRECONDITION, "SKU_NOT_STOCKED"),
    Bad("a bundle reclassified", lambda w: w.reclassify(sku=w.bundle), PRECONDITION, "SKU_NOT_STOCKED"),
    Bad("a bundle corrected", lambda w: w.adjust(sku=w.bundle), PRECONDITION, "SKU_NOT_STOCKED"),
    Bad("no lot", lambda w: w.spoilt(sku=w.milk), PRECONDITION, "LOT_REQUIRED"),
    Bad("no lot corrected", lambda w: w.adjust(sku=w.milk), PRECONDITION, "LOT_REQUIRED"),
    Bad("no lot reclassified", lambda w: w.reclassify(sku=w.milk), PRECONDITION, "LOT_REQUIRED"),
    Bad("a lot of what has none", lambda w: w.spoilt(lot="L1"), PRECONDITION, "LOT_CONFLICT"),
    Bad("a lot of what has none corrected", lambda w: w.adjust(lot="L1"), PRECONDITION, "LOT_CONFLICT"),
    Bad("a last day without a lot", lambda w: w.spoilt(expires_on="2031-01-01"), PRECONDITION, "LOT_CONFLICT"),
    Bad(
        "another last day",
        lambda w: w.spoilt(sku=w.milk, lot="L1", expires_on="2031-01-01"),
        PRECONDITION,
        "LOT_CONFLICT",
    ),
    Bad(
        "a lot that is over",
        lambda w: w.spoilt(sku=w.milk, lot="OLD", expires_on="2020-01-01"),
        PRECONDITION,
        "LOT_EXPIRED",
    ),
    Bad("an unknown lot corrected", lambda w: w.adjust(sku=w.milk, lot="L9"), MISSING, "LOT_NOT_FOUND"),
    Bad("an unknown lot reclassified", lambda w: w.reclassify(sku=w.milk, lot="L9"), MISSING, "LOT_NOT_FOUND"),
    Bad("more than there is reclassified", lambda w: w.reclassify(quantity=11), PRECONDITION, "BELOW_PROMISED"),
    Bad(
        "more than there is of a lot",
        lambda w: w.reclassify(sku=w.milk, lot="L1", quantity=6),
        PRECONDITION,
        "BELOW_PROMISED",
    ),
    Bad("no serial numbers", lambda w: w.spoilt(sku=w.phone), PRECONDITION, "SERIALS_REQUIRED"),
    Bad("serial numbers of what has none", lambda w: w.spoilt(serials=["S1"]), PRECONDITION, "SERIALS_REQUIRED"),
]


@pytest.mark.parametrize("bad", TABLE, ids=lambda bad: bad.name.encode("ascii", "replace").decode())
async def test_bad_input_is_refused_and_changes_nothing(bad: Bad, world: World, db: asyncpg.Connection) -> None:
    head = await db.fetchval("SELECT revision FROM feed_head")
    found = await refusal(bad.send(world))
    assert found.what == (bad.code, bad.reason), found
    assert found.domain == DOMAIN
    assert found.fields == ([bad.field] if bad.field else []), found
    assert found.message
    assert await db.fetchval("SELECT revision FROM feed_head") == head, "something changed"
    assert await db.fetchval("SELECT count(*) FROM incoming") == 0
    assert await db.fetchval("SELECT count(*) FROM lot WHERE known") == 1
    assert (await world.client.quantities(world.sku, world.location)).on_hand == 10
