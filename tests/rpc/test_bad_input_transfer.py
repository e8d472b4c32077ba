"""What is wrong with a transfer, a pick-up or a reallocation: what each field gets, and that nothing happens."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import transfer_service_pb2 as pb2
from tests.rpc.client import Client, Server, new_id, refusal, reserve_request
from tests.rpc.test_bad_input import (
    BAD_CODES,
    BAD_IDS,
    BAD_QUANTITIES,
    INT64_MAX,
    INVALID,
    OTHER,
    PRECONDITION,
    UNKNOWN,
)

BAD_TEXTS = {"512 bytes and one": "x" * 513, "NUL": "a\0b"}
BAD_REFERENCES = {"128 bytes and one": "x" * 129, "NUL": "a\0b"}
BAD_DAYS = (
    "2026-02-30",
    "2026-2-1",
    "20260201",
    "2026-W05-1",
    "01.02.2026",
    "0000-01-01",
    "2026-02-01T00:00",
    " ",
    "１２３４-01-01",
)


@dataclass
class World:
    """What the table speaks of. Each method is one good call, with fields to spoil."""

    client: Client
    sku: str = ""
    here: str = ""
    there: str = ""
    closed: str = ""
    bundle: str = ""
    virtual: str = ""
    lots: str = ""
    phone: str = ""
    planned: str = ""
    shipped: str = ""
    received: str = ""
    cancelled: str = ""
    held: str = ""
    released: str = ""
    token: str = ""

    def row(self, **over: Any) -> pb2.TransferQuantity:
        return pb2.TransferQuantity(**{"sku": self.sku, "quantity": 1, **over})

    def create(self, *rows: pb2.TransferQuantity, **over: Any) -> Awaitable[object]:
        good = {"request_id": new_id(), "from_location": self.here, "to_location": self.there}
        return self.client.transfers.CreateTransfer(
            pb2.CreateTransferRequest(**{**good, "lines": rows or [self.row()], **over})
        )

    def ship(self, *rows: pb2.TransferQuantity, **over: Any) -> Awaitable[object]:
        good = {"request_id": new_id(), "transfer_id": self.planned, "lines": rows}
        return self.client.transfers.ShipTransfer(pb2.ShipTransferRequest(**{**good, **over}))

    def receive(self, *rows: pb2.TransferQuantity, **over: Any) -> Awaitable[object]:
        good = {"request_id": new_id(), "transfer_id": self.shipped, "lines": rows}
        return self.client.transfers.ReceiveTransfer(pb2.ReceiveTransferRequest(**{**good, **over}))

    def cancel(self, **over: Any) -> Awaitable[object]:
        good = {"request_id": new_id(), "transfer_id": self.planned}
        return self.client.transfers.CancelTransfer(pb2.CancelTransferRequest(**{**good, **over}))

    def get(self, transfer_id: str) -> Awaitable[object]:
        return self.client.transfers.GetTransfer(pb2.GetTransferRequest(transfer_id=transfer_id))

    def listed(self, **over: Any) -> Awaitable[object]:
        return self.client.transfers.ListTransfers(pb2.ListTransfersRequest(**over))

    def collect(self, *, location: str | None = None, line_at: str = "", **over: Any) -> Awaitable[object]:
        request = reserve_request((self.sku, line_at, 1), **over)
        request.pickup.location = self.here if location is None else location
        return self.client.reservations.Reserve(request)

    def move(
        self, *, metadata: Any = None, moves: int = 1, head: dict[str, Any] | None = None, **over: Any
    ) -> Awaitable[object]:
        good = {"sku": self.sku, "from_location": self.here, "to_location": self.there, "quantity": 1}
        request = reservation_pb2.ReallocateRequest(
            **{"request_id": new_id(), "reservation_id": self.held, **(head or {})},
            moves=[reservation_pb2.Reallocation(**{**good, **over})] * moves,
        )
        return self.client.reservations.Reallocate(request, metadata=metadata)


@pytest.fixture(scope="module")
async def world(server: Server, db: asyncpg.Connection) -> AsyncIterator[World]:
    client = Client(server.address)
    made = World(client)
    made.here, made.there, made.closed = [await client.location() for _ in range(3)]
    made.sku, made.bundle, made.virtual, made.lots, made.phone = [await client.sku() for _ in range(5)]
    await db.execute("UPDATE sku SET kind = 2 WHERE code = $1", made.bundle)
    await db.execute("UPDATE sku SET kind = 3 WHERE code = $1", made.virtual)
    await db.execute("UPDATE sku SET tracking = 1 WHERE code = $1", made.lots)
    await db.execute("UPDATE sku SET tracking = 2 WHERE code = $1", made.phone)
    await client.adjust(made.sku, made.here, 100)
    await client.retire(made.closed)
    for name in ("planned", "shipped", "received", "cancelled"):
        answer = await client.transfers.CreateTransfer(
            pb2.CreateTransferRequest(
                request_id=new_id(),
                from_location=made.here,
                to_location=made.there,
                lines=[made.row(quantity=5)],
                ship=name in ("shipped", "received"),
            )
        )
        setattr(made, name, answer.transfer.transfer_id)
    await made.receive(transfer_id=made.received)
    await made.cancel(transfer_id=made.cancelled)
    made.held = await client.hold((made.sku, made.here, 10))
    made.released = await client.hold((made.sku, made.here, 1))
    await client.release(made.released)
    page = await client.transfers.ListTransfers(pb2.ListTransfersRequest(page_size=1))
    made.token = page.next_page_token
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


def invalid(name: str, reason: str, field: str, send: Callable[..., Awaitable[object]], *spoilt: Any) -> Bad:
    """A row whose call gets the spoilt value."""
    return Bad(f"{field} {name}", lambda world: send(world, *spoilt), INVALID, reason, field)


TABLE = [
    *(
        invalid(f"{bad!r} of {method}", "REQUEST_ID_FORMAT" if bad else "REQUEST_ID_REQUIRED", "request_id", send, bad)
        for bad in ("", "no", UNKNOWN + "0")
        for method, send in (
            ("CreateTransfer", lambda w, b: w.create(request_id=b)),
            ("ShipTransfer", lambda w, b: w.ship(request_id=b)),
            ("ReceiveTransfer", lambda w, b: w.receive(request_id=b)),
            ("CancelTransfer", lambda w, b: w.cancel(request_id=b)),
            ("Reallocate", lambda w, b: w.move(head={"request_id": b})),
        )
    ),
    *(
        invalid(f"{bad!r} of {method}", "TRANSFER_ID_FORMAT", "transfer_id", send, bad)
        for bad in ("", *BAD_IDS)
        for method, send in (
            ("ShipTransfer", lambda w, b: w.ship(transfer_id=b)),
            ("ReceiveTransfer", lambda w, b: w.receive(transfer_id=b)),
            ("CancelTransfer", lambda w, b: w.cancel(transfer_id=b)),
            ("GetTransfer", lambda w, b: w.get(b)),
        )
    ),
    *(
        invalid(repr(bad), "RESERVATION_ID_FORMAT", "reservation_id", lambda w, b: w.listed(reservation_id=b), bad)
        for bad in BAD_IDS
    ),
    *(
        invalid(
            f"{bad!r} of Reallocate",
            "RESERVATION_ID_FORMAT",
            "reservation_id",
            lambda w, b: w.move(head={"reservation_id": b}),
            bad,
        )
        for bad in ("", *BAD_IDS)
    ),
    # Places
    *(
        invalid(f"{name} of {method}", "LOCATION_FORMAT", field, send, bad)
        for name, bad in BAD_CODES.items()
        for method, field, send in (
            ("CreateTransfer", "from_location", lambda w, b: w.create(from_location=b)),
            ("CreateTransfer", "to_location", lambda w, b: w.create(to_location=b)),
            ("Reserve", "pickup.location", lambda w, b: w.collect(location=b)),
            ("Reallocate", "moves[0].from_location", lambda w, b: w.move(from_location=b)),
            ("Reallocate", "moves[0].to_location", lambda w, b: w.move(to_location=b)),
        )
    ),
    *(
        invalid(f"{name} of ListTransfers", "LOCATION_FORMAT", field, send, bad)
        for name, bad in BAD_CODES.items()
        if bad
        for field, send in (
            ("from_location", lambda w, b: w.listed(from_location=b)),
            ("to_location", lambda w, b: w.listed(to_location=b)),
        )
    ),
    invalid("the same", "FIELD_CONFLICT", "to_location", lambda w: w.create(to_location=w.here)),
    invalid("the same of a move", "FIELD_CONFLICT", "moves[0].to_location", lambda w: w.move(to_location=w.here)),
    invalid("with pickup", "FIELD_CONFLICT", "lines[0].location", lambda w: w.collect(line_at=w.here)),
    *(
        invalid(
            f"{core_pb2.Purpose.Name(use)} with pickup",
            "FIELD_CONFLICT",
            "purpose",
            lambda w, u: w.collect(purpose=u),
            use,
        )
        for use in (core_pb2.PURPOSE_ONLINE, core_pb2.PURPOSE_WALK_IN)
    ),
    # Rows
    *(
        invalid(f"{name} of {method}", "SKU_FORMAT", field, send, bad)
        for name, bad in BAD_CODES.items()
        for method, field, send in (
            ("CreateTransfer", "lines[0].sku", lambda w, b: w.create(w.row(sku=b))),
            ("ShipTransfer", "lines[1].sku", lambda w, b: w.ship(w.row(), w.row(sku=b))),
            ("ReceiveTransfer", "lines[0].sku", lambda w, b: w.receive(w.row(sku=b))),
            ("Reallocate", "moves[0].sku", lambda w, b: w.move(sku=b)),
        )
    ),
    *(
        invalid(f"{bad} of {method}", "QUANTITY_OUT_OF_RANGE", "lines[0].quantity", send, bad)
        for bad in BAD_QUANTITIES
        for method, send in (
            ("CreateTransfer", lambda w, b: w.create(w.row(quantity=b))),
            ("ShipTransfer", lambda w, b: w.ship(w.row(quantity=b))),
            ("ReceiveTransfer", lambda w, b: w.receive(w.row(quantity=b))),
        )
    ),
    *(
        invalid(f"{bad} of a move", "QUANTITY_OUT_OF_RANGE", "moves[0].quantity", lambda w, b: w.move(quantity=b), bad)
        for bad in (-1, 10**9 + 1, INT64_MAX)
    ),
    invalid(
        "-1 when nothing more comes",
        "QUANTITY_OUT_OF_RANGE",
        "lines[0].quantity",
        lambda w: w.receive(w.row(quantity=-1), close=True),
    ),
    *(
        invalid(name, "LOT_FORMAT", "lines[0].lot", lambda w, b: w.create(w.row(lot=b)), bad)
        for name, bad in BAD_CODES.items()
        if bad
    ),
    *(
        invalid(name, "SERIAL_FORMAT", "lines[0].serials[1]", lambda w, b: w.create(w.row(serials=["A1", b])), bad)
        for name, bad in {**BAD_CODES, "twice": "A1"}.items()
    ),
    invalid("twice", "FIELD_CONFLICT", "lines[1].sku", lambda w: w.create(w.row(), w.row())),
    invalid("twice of ShipTransfer", "FIELD_CONFLICT", "lines[1].sku", lambda w: w.ship(w.row(), w.row())),
    Bad("no lines", lambda w: w.create(lines=[]), INVALID, "LINES_EMPTY", "lines"),
    Bad("no moves", lambda w: w.move(moves=0), INVALID, "LINES_EMPTY", "moves"),
    *(
        Bad(f"201 {field} of {method}", send, INVALID, "TOO_MANY_LINES", field, lambda w: {"max": "200"})
        for method, field, send in (
            ("CreateTransfer", "lines", lambda w: w.create(*[w.row(lot=str(n)) for n in range(201)])),
            ("ShipTransfer", "lines", lambda w: w.ship(*[w.row(lot=str(n)) for n in range(201)])),
            ("ReceiveTransfer", "lines", lambda w: w.receive(*[w.row(lot=str(n)) for n in range(201)])),
            ("Reallocate", "moves", lambda w: w.move(moves=201)),
        )
    ),
    # Texts, days, enums, pages
    *(
        invalid(f"of {name}: {method}", "TEXT_FORMAT", field, send, bad)
        for name, bad in BAD_TEXTS.items()
        for method, field, send in (
            ("CreateTransfer", "reason", lambda w, b: w.create(reason=b)),
            ("ReceiveTransfer", "difference_reason", lambda w, b: w.receive(difference_reason=b)),
            ("CancelTransfer", "reason", lambda w, b: w.cancel(reason=b)),
            ("Reallocate", "reason", lambda w, b: w.move(head={"reason": b})),
        )
    ),
    *(
        invalid(f"of {name}", "TEXT_FORMAT", "reference", lambda w, b: w.create(reference=b), bad)
        for name, bad in BAD_REFERENCES.items()
    ),
    *(invalid(repr(bad), "DATE_FORMAT", "expected_on", lambda w, b: w.create(expected_on=b), bad) for bad in BAD_DAYS),
    invalid("unknown", "FIELD_REQUIRED", "disposition", lambda w: w.receive(disposition=99)),
    invalid("unknown", "FIELD_REQUIRED", "state", lambda w: w.listed(state=99)),
    invalid("negative", "PAGE_SIZE_INVALID", "page_size", lambda w: w.listed(page_size=-1)),
    *(
        invalid(name, "PAGE_TOKEN_INVALID", "page_token", send)
        for name, send in (
            ("of rubbish", lambda w: w.listed(page_token="rubbish")),
            ("of another query", lambda w: w.listed(page_token=w.token, to_location=w.there)),
            ("cut short", lambda w: w.listed(page_token=w.token[:-4])),
        )
    ),
    invalid("for a difference", "FIELD_REQUIRED", "difference_reason", lambda w: w.receive(w.row(), close=True)),
    # What isn't there, or isn't so
    *(
        Bad(
            f"an unknown transfer: {method}",
            send,
            "NOT_FOUND",
            "TRANSFER_NOT_FOUND",
            "",
            lambda w: {"transfer_id": UNKNOWN},
        )
        for method, send in (
            ("ShipTransfer", lambda w: w.ship(transfer_id=UNKNOWN)),
            ("ReceiveTransfer", lambda w: w.receive(transfer_id=UNKNOWN)),
            ("CancelTransfer", lambda w: w.cancel(transfer_id=UNKNOWN)),
            ("GetTransfer", lambda w: w.get(UNKNOWN)),
        )
    ),
    *(
        Bad(
            f"a transfer that is {state}: {method}",
            send,
            PRECONDITION,
            "TRANSFER_STATE",
            "",
            lambda w, s=state: {"state": s},  # type: ignore[misc]  # a default binds the row's value
        )
        for method, state, send in (
            ("ShipTransfer", "SHIPPED", lambda w: w.ship(transfer_id=w.shipped)),
            ("ShipTransfer", "RECEIVED", lambda w: w.ship(transfer_id=w.received)),
            ("ShipTransfer", "CANCELLED", lambda w: w.ship(transfer_id=w.cancelled)),
            ("ReceiveTransfer", "PLANNED", lambda w: w.receive(transfer_id=w.planned)),
            ("ReceiveTransfer", "RECEIVED", lambda w: w.receive(transfer_id=w.received)),
            ("CancelTransfer", "RECEIVED", lambda w: w.cancel(transfer_id=w.received)),
            ("CancelTransfer", "CANCELLED", lambda w: w.cancel(transfer_id=w.cancelled)),
        )
    ),
    *(
        Bad(
            f"more than it has: {method}",
            send,
            PRECONDITION,
            "EXCEEDS_TRANSFER",
            "",
            lambda w: {"requested": "6", "has": "5"},
        )
        for method, send in (
            ("ShipTransfer", lambda w: w.ship(w.row(quantity=6))),
            ("ReceiveTransfer", lambda w: w.receive(w.row(quantity=6))),
        )
    ),
    Bad(
        "a SKU it doesn't have",
        lambda w: w.ship(w.row(sku=w.lots)),
        PRECONDITION,
        "EXCEEDS_TRANSFER",
        "",
        lambda w: {"has": "0"},
    ),
    Bad(
        "more than is free",
        lambda w: w.create(w.row(quantity=1_000), ship=True),
        PRECONDITION,
        "INSUFFICIENT_STOCK",
        "",
        lambda w: {"requested": "1000"},
    ),
    Bad(
        "an unknown SKU",
        lambda w: w.create(w.row(sku="nobody")),
        "NOT_FOUND",
        "SKU_NOT_FOUND",
        "",
        lambda w: {"sku": "nobody"},
    ),
    *(
        Bad(f"an unknown place {field}", send, "NOT_FOUND", "LOCATION_NOT_FOUND", "", lambda w: {"location": "nowhere"})
        for field, send in (
            ("to leave from", lambda w: w.create(from_location="nowhere")),
            ("to go to", lambda w: w.create(to_location="nowhere")),
            ("to collect at", lambda w: w.collect(location="nowhere")),
            ("to promise at", lambda w: w.move(to_location="nowhere")),
        )
    ),
    *(
        Bad(f"a closed place {field}", send, PRECONDITION, "LOCATION_RETIRED", "", lambda w: {"location": w.closed})
        for field, send in (
            ("to go to", lambda w: w.create(to_location=w.closed)),
            ("to collect at", lambda w: w.collect(location=w.closed)),
            ("to promise at", lambda w: w.move(to_location=w.closed)),
        )
    ),
    *(
        Bad(f"a {name} SKU", send, PRECONDITION, "SKU_NOT_STOCKED")
        for name, send in (
            ("bundle's", lambda w: w.create(w.row(sku=w.bundle))),
            ("bundle's, at once", lambda w: w.create(w.row(sku=w.bundle), ship=True)),
            ("virtual", lambda w: w.create(w.row(sku=w.virtual))),
        )
    ),
    Bad(
        "a SKU tracked by serial numbers",
        lambda w: w.create(w.row(sku=w.phone)),
        PRECONDITION,
        "SERIALS_REQUIRED",
        "",
        lambda w: {"sku": w.phone},
    ),
    Bad(
        "serial numbers of one that isn't", lambda w: w.create(w.row(serials=["A1"])), PRECONDITION, "SERIALS_REQUIRED"
    ),
    Bad(
        "an unknown lot",
        lambda w: w.create(w.row(sku=w.lots, lot="L-17")),
        "NOT_FOUND",
        "LOT_NOT_FOUND",
        "",
        lambda w: {"sku": w.lots, "lot": "L-17"},
    ),
    Bad("a lot of a SKU without", lambda w: w.create(w.row(lot="L-17")), PRECONDITION, "LOT_CONFLICT"),
    Bad(
        "an unknown reservation",
        lambda w: w.move(head={"reservation_id": UNKNOWN}),
        "NOT_FOUND",
        "RESERVATION_NOT_FOUND",
    ),
    Bad("another channel's reservation", lambda w: w.move(metadata=OTHER), "NOT_FOUND", "RESERVATION_NOT_FOUND"),
    Bad(
        "a released reservation",
        lambda w: w.move(head={"reservation_id": w.released}),
        PRECONDITION,
        "RESERVATION_STATE",
    ),
    Bad(
        "more than is promised",
        lambda w: w.move(quantity=11),
        PRECONDITION,
        "EXCEEDS_HELD",
        "",
        lambda w: {"requested": "11", "has": "10"},
    ),
    Bad(
        "what isn't promised there",
        lambda w: w.move(from_location=w.there, to_location=w.here),
        PRECONDITION,
        "EXCEEDS_HELD",
    ),
    Bad(
        "more than is free there",
        lambda w: w.move(quantity=10),
        PRECONDITION,
        "INSUFFICIENT_STOCK",
        "",
        lambda w: {"requested": "10", "available": "5"},
    ),
]


@pytest.mark.parametrize("bad", TABLE, ids=lambda bad: bad.name.encode("ascii", "replace").decode())
async def test_bad_input_is_refused_and_changes_nothing(bad: Bad, world: World, db: asyncpg.Connection) -> None:
    before = await everything(db)
    found = await refusal(bad.send(world))
    assert found.what == (bad.code, bad.reason), found
    assert found.fields == ([bad.field] if bad.field else []), found
    assert bad.metadata(world).items() <= found.metadata.items(), found
    if "NOT_FOUND" in bad.reason:
        assert found.resource[1], found
    assert await everything(db) == before, "something changed"


async def everything(db: asyncpg.Connection) -> list[Any]:
    return [
        await db.fetchval("SELECT revision FROM feed_head"),
        await db.fetch("SELECT * FROM transfer ORDER BY transfer_id"),
        await db.fetch("SELECT * FROM transfer_line ORDER BY transfer_id, line_no"),
    ]
