"""What bad input about single pieces gets: a definite no, and nothing has changed."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from inventory.domain.limits import SERIALS_MAX
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_service_pb2 as pb2
from tests.rpc.client import DOMAIN, Client, Server, new_id, refusal
from tests.rpc.test_bad_input import BAD_CODES, INVALID, PRECONDITION

MISSING = "NOT_FOUND"


@dataclass
class World:
    """What the table speaks of. Each method is one good call, with serial numbers to spoil."""

    client: Client
    phone: str = ""
    tea: str = ""
    location: str = ""
    order: str = ""

    def receive(self, *serials: str, **over: Any) -> Awaitable[object]:
        """A receipt whose second row is bad."""
        good = pb2.ReceiptLine(sku=self.phone, quantity=1, serials=["NEW"])
        bad = pb2.ReceiptLine(**{"sku": self.phone, "quantity": len(serials), "serials": serials, **over})
        return self.client.receive(self.location, good, bad)

    def adjust(self, *serials: str, **over: Any) -> Awaitable[object]:
        row = {"sku": self.phone, "location": self.location, "delta": len(serials), "serials": serials}
        return self.client.adjust(**{**row, **over})

    def batch_adjust(self, *serials: str, **over: Any) -> Awaitable[object]:
        row = {"sku": self.phone, "location": self.location, "delta": len(serials), "serials": serials}
        good = pb2.StockAdjustment(sku=self.phone, location=self.location, delta=1, serials=["NEW"])
        return self.client.stock.BatchAdjustStock(
            pb2.BatchAdjustStockRequest(
                request_id=new_id(), reason="test", adjustments=[good, pb2.StockAdjustment(**{**row, **over})]
            )
        )

    def reclassify(self, *serials: str, **over: Any) -> Awaitable[object]:
        row = {"sku": self.phone, "location": self.location, "quantity": len(serials), "serials": serials}
        return self.client.reclassify(**{"to_disposition": core_pb2.DISPOSITION_DAMAGED, **row, **over})

    def lines(self, serials: tuple[str, ...], **over: Any) -> list[core_pb2.LineQuantity]:
        good = {"sku": self.phone, "location": self.location, "quantity": len(serials), "serials": serials}
        first = core_pb2.LineQuantity(sku=self.tea, location=self.location, quantity=1)
        return [first, core_pb2.LineQuantity(**{**good, **over})]

    def reserve(self, *serials: str, **over: Any) -> Awaitable[object]:
        return self.client.reservations.Reserve(
            reservation_pb2.ReserveRequest(request_id=new_id(), lines=self.lines(serials, **over), allocate=True)
        )

    def again(self, method: str, *serials: str, **over: Any) -> Awaitable[object]:
        """Commit, Release or Fulfil."""
        request = getattr(reservation_pb2, f"{method}Request")(
            request_id=new_id(), reservation_id=self.order, lines=self.lines(serials, **over)
        )
        return getattr(self.client.reservations, method)(request)  # type: ignore[no-any-return]  # a stub's call

    def get(self, serial: str, **over: Any) -> Awaitable[object]:
        return self.client.stock.GetSerial(pb2.GetSerialRequest(**{"sku": self.phone, "serial": serial, **over}))


@pytest.fixture(scope="module")
async def world(server: Server) -> AsyncIterator[World]:
    client = Client(server.address)
    made = World(client)
    made.tea, made.location = await client.stocked(10)
    made.phone = await client.sku()
    db = await server.connect()
    await db.execute("UPDATE sku SET tracking = 2 WHERE code = $1", made.phone)
    await db.close()
    line = pb2.ReceiptLine(sku=made.phone, quantity=4, serials=["S1", "S2", "S3", "S4"])
    await client.receive(made.location, line)
    lines = [
        core_pb2.LineQuantity(sku=made.phone, location=made.location, quantity=1, serials=["S1"]),
        core_pb2.LineQuantity(sku=made.tea, location=made.location, quantity=1),
    ]
    order = reservation_pb2.ReserveRequest(request_id=new_id(), lines=lines, allocate=True)
    made.order = (await client.reservations.Reserve(order)).reservation.reservation_id
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


Send = Callable[..., Awaitable[object]]


def _fulfil(world: World, *serials: str, **over: Any) -> Awaitable[object]:
    return world.again("Fulfil", *serials, **over)


def _release(world: World, *serials: str, **over: Any) -> Awaitable[object]:
    return world.again("Release", *serials, **over)


WHERE: list[tuple[str, Send, str]] = [
    ("received", World.receive, "lines[1]."),
    ("corrected", World.adjust, ""),
    ("corrected in bulk", World.batch_adjust, "adjustments[1]."),
    ("reclassified", World.reclassify, ""),
    ("reserved", World.reserve, "lines[1]."),
    ("issued", _fulfil, "lines[1]."),
    ("released", _release, "lines[1]."),
]


def _everywhere(name: str, reason: str, field: str, *serials: str) -> Iterator[Bad]:
    for where, send, path in WHERE:
        yield Bad(
            f"{name} {where}",
            lambda w, send=send: send(w, *serials),  # type: ignore[misc]  # a default binds the row's value
            INVALID,
            reason,
            f"{path}{field}",
        )


TABLE = [
    *(
        bad
        for name, code in BAD_CODES.items()
        for bad in _everywhere(f"a serial number: {name}", "SERIAL_FORMAT", "serials[1]", "X1", code)
    ),
    *(
        Bad(f"a piece: {name}", lambda w, code=code: w.get(code), INVALID, "SERIAL_FORMAT", "serial")  # type: ignore[misc]  # a default binds the row's value
        for name, code in BAD_CODES.items()
    ),
    *_everywhere("one piece twice", "SERIAL_FORMAT", "serials[1]", "X1", "X1"),
    *_everywhere("too many", "TOO_MANY_LINES", "serials", *map(str, range(SERIALS_MAX + 1))),
    Bad("a piece in two rows", lambda w: w.receive("NEW"), INVALID, "SERIAL_FORMAT", "lines[1].serials[0]"),
    Bad(
        "a piece in two corrections",
        lambda w: w.batch_adjust("NEW"),
        INVALID,
        "SERIAL_FORMAT",
        "adjustments[1].serials[0]",
    ),
    Bad("a piece of a bad SKU", lambda w: w.get("S1", sku=""), INVALID, "SKU_FORMAT", "sku"),
    Bad("a piece of an unknown SKU", lambda w: w.get("S1", sku="nobody"), MISSING, "SKU_NOT_FOUND"),
    Bad("an unknown piece", lambda w: w.get("S9"), MISSING, "SERIAL_NOT_FOUND"),
    Bad("fewer reserved", lambda w: w.reserve("S2", quantity=2), INVALID, "FIELD_CONFLICT", "lines[1].serials"),
    Bad("more reserved", lambda w: w.reserve("S2", "S3", quantity=1), INVALID, "FIELD_CONFLICT", "lines[1].serials"),
    Bad("reserved anywhere", lambda w: w.reserve("S2", location=""), INVALID, "FIELD_CONFLICT", "lines[1].serials"),
    Bad("fewer issued", lambda w: _fulfil(w, "S1", quantity=2), INVALID, "FIELD_CONFLICT", "lines[1].serials"),
    Bad("fewer released", lambda w: _release(w, "S1", quantity=2), INVALID, "FIELD_CONFLICT", "lines[1].serials"),
    Bad("pieces of a commit", lambda w: w.again("Commit", "S1"), INVALID, "FIELD_CONFLICT", "lines[1].serials"),
    Bad("named and unnamed", lambda w: w.reserve("S2", sku=w.tea), INVALID, "FIELD_CONFLICT", "lines"),
    Bad("fewer received", lambda w: w.receive("X1", quantity=2), PRECONDITION, "SERIALS_REQUIRED"),
    Bad("fewer corrected", lambda w: w.adjust("S2", delta=-2), PRECONDITION, "SERIALS_REQUIRED"),
    Bad("fewer reclassified", lambda w: w.reclassify("S2", quantity=2), PRECONDITION, "SERIALS_REQUIRED"),
    Bad("none received", lambda w: w.receive(quantity=1), PRECONDITION, "SERIALS_REQUIRED"),
    Bad("none corrected", lambda w: w.adjust(delta=1), PRECONDITION, "SERIALS_REQUIRED"),
    Bad("none reclassified", lambda w: w.reclassify(quantity=1), PRECONDITION, "SERIALS_REQUIRED"),
    Bad("of what has none received", lambda w: w.receive("X1", sku=w.tea), PRECONDITION, "SERIALS_REQUIRED"),
    Bad("of what has none corrected", lambda w: w.adjust("X1", sku=w.tea), PRECONDITION, "SERIALS_REQUIRED"),
    Bad("of what has none reclassified", lambda w: w.reclassify("X1", sku=w.tea), PRECONDITION, "SERIALS_REQUIRED"),
    Bad("received again", lambda w: w.receive("S2"), PRECONDITION, "SERIAL_TAKEN"),
    Bad("promised, received again", lambda w: w.receive("S1"), PRECONDITION, "SERIAL_TAKEN"),
    Bad("corrected again", lambda w: w.adjust("S2"), PRECONDITION, "SERIAL_TAKEN"),
    Bad("promised, taken away", lambda w: w.adjust("S1", delta=-1), PRECONDITION, "SERIAL_TAKEN"),
    Bad("unknown, taken away", lambda w: w.adjust("S9", delta=-1), MISSING, "SERIAL_NOT_FOUND"),
    Bad("promised, reclassified", lambda w: w.reclassify("S1"), PRECONDITION, "SERIAL_TAKEN"),
    Bad("unknown, reclassified", lambda w: w.reclassify("S9"), MISSING, "SERIAL_NOT_FOUND"),
    Bad("promised, reserved", lambda w: w.reserve("S1"), PRECONDITION, "SERIAL_TAKEN"),
    Bad("unknown, reserved", lambda w: w.reserve("S9"), MISSING, "SERIAL_NOT_FOUND"),
    Bad("unknown, issued", lambda w: _fulfil(w, "S9"), MISSING, "SERIAL_NOT_FOUND"),
    Bad("not its own, released", lambda w: _release(w, "S2"), MISSING, "SERIAL_NOT_FOUND"),
    Bad("more issued than it has", lambda w: _fulfil(w, "S1", "S2"), PRECONDITION, "EXCEEDS_HELD"),
]


@pytest.mark.parametrize("bad", TABLE, ids=lambda bad: bad.name.encode("ascii", "replace").decode())
async def test_bad_input_is_refused_and_changes_nothing(bad: Bad, world: World, db: asyncpg.Connection) -> None:
    head = await db.fetchval("SELECT revision FROM feed_head")
    found = await refusal(bad.send(world))
    assert found.what == (bad.code, bad.reason), found
    assert found.domain == DOMAIN
    if bad.code == INVALID:
        assert found.fields == [bad.field], found
    assert found.message
    assert await db.fetchval("SELECT revision FROM feed_head") == head, "something changed"
    assert await db.fetchval("SELECT count(*) FROM serial") == 4
    assert await db.fetchval("SELECT count(*) FROM serial_event") == 5
