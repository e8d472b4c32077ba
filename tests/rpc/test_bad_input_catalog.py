"""What bad input gets in the catalogue's fields, and in amounts of any unit: one table through the real channel.

Whatever is sent, the answer is a definite no with its reason, nothing has changed, and the server goes on.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from google.protobuf.duration_pb2 import Duration

from inventory.v1 import availability_service_pb2 as availability_pb2
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1.availability_service_pb2_grpc import AvailabilityServiceStub
from tests.rpc.client import DOMAIN, Client, Server, new_id, refusal, unique

BUNDLE = catalog_pb2.SKU_KIND_BUNDLE
INVALID, PRECONDITION = "INVALID_ARGUMENT", "FAILED_PRECONDITION"
INT64_MAX = 2**63 - 1
NAN, INFINITY = float("nan"), float("inf")


@dataclass
class World:
    """What the table speaks of. Each method is one good call, with fields to spoil."""

    client: Client
    location: str = ""
    tea: str = ""
    """Has moved; 12 are a box."""
    oil: str = ""
    """In kg of 1,000 g."""
    inner: str = ""
    outer: str = ""
    named: dict[str, str] = field(default_factory=dict)

    def create_sku(self, **over: Any) -> Awaitable[object]:
        sku = catalog_pb2.Sku(**{"sku": unique("sku"), **over})
        return self.client.catalog.CreateSku(catalog_pb2.CreateSkuRequest(request_id=new_id(), sku=sku))

    def update_sku(self, sku: str, **over: Any) -> Awaitable[object]:
        return self.client.catalog.UpdateSku(
            catalog_pb2.UpdateSkuRequest(request_id=new_id(), sku=catalog_pb2.Sku(sku=sku, **over))
        )

    def bundle(self, *components: tuple[str, int], **over: Any) -> Awaitable[object]:
        return self.create_sku(**{"kind": BUNDLE, "components": parts(*components), **over})

    def import_skus(self, *skus: catalog_pb2.Sku) -> Awaitable[object]:
        return self.client.catalog.ImportCatalog(
            catalog_pb2.ImportCatalogRequest(request_id=new_id(), skus=[catalog_pb2.Sku(sku=unique("good")), *skus])
        )

    def create_location(self, **over: Any) -> Awaitable[object]:
        location = catalog_pb2.Location(**{"location": unique("loc"), **over})
        return self.client.catalog.CreateLocation(
            catalog_pb2.CreateLocationRequest(request_id=new_id(), location=location)
        )

    def reserve(self, **over: Any) -> Awaitable[object]:
        """Its second line is bad."""
        return self.client.reservations.Reserve(self.request(**over))

    def request(self, **over: Any) -> reservation_pb2.ReserveRequest:
        good = core_pb2.LineQuantity(sku=self.tea, location=self.location, quantity=1)
        bad = core_pb2.LineQuantity(**{"sku": self.tea, "location": self.location, **over})
        return reservation_pb2.ReserveRequest(request_id=new_id(), allocate=True, lines=[good, bad])


def parts(*components: tuple[str, int]) -> list[catalog_pb2.BundleComponent]:
    return [catalog_pb2.BundleComponent(sku=sku, quantity=quantity) for sku, quantity in components]


def units(*named: tuple[str, int]) -> list[catalog_pb2.Unit]:
    return [catalog_pb2.Unit(unit=unit, quantity=quantity) for unit, quantity in named]


@pytest.fixture(scope="module")
async def world(server: Server) -> AsyncIterator[World]:
    client = Client(server.address)
    made = World(client)
    made.location = await client.location()
    made.tea = await client.sku(units=units(("box", 12)))
    await client.adjust(made.tea, made.location, 100)
    made.oil = await client.sku(unit="kg", unit_digits=3)
    made.inner = await client.sku(kind=BUNDLE, components=parts((made.tea, 2)))
    made.outer = await client.sku(kind=BUNDLE, components=parts((made.inner, 1)))
    yield made
    await client.close()


@dataclass(frozen=True)
class Bad:
    """A row: what is sent, and what it gets."""

    name: str
    send: Callable[[World], Awaitable[object]]
    reason: str
    field: str = ""
    code: str = INVALID
    metadata: Callable[[World], dict[str, str]] = lambda world: {}


def sku_with(reason: str, path: str, **over: Any) -> Bad:
    return Bad(f"a SKU with {over!r}"[:90], lambda w: w.create_sku(**over), reason, f"sku.{path}")


def location_with(reason: str, path: str, **over: Any) -> Bad:
    return Bad(f"a location with {over!r}"[:90], lambda w: w.create_location(**over), reason, f"location.{path}")


def line_with(reason: str, path: str, **over: Any) -> Bad:
    return Bad(f"a line with {over!r}"[:90], lambda w: w.reserve(**over), reason, f"lines[1].{path}")


TABLE = [
    # What kind of thing
    sku_with("FIELD_REQUIRED", "kind", kind=5),
    sku_with("FIELD_REQUIRED", "kind", kind=-1),
    sku_with("FIELD_REQUIRED", "tracking", tracking=3),
    sku_with("FIELD_REQUIRED", "tracking", tracking=-(2**31)),
    *(
        sku_with("FIELD_CONFLICT", "tracking", kind=kind, tracking=tracking)
        for kind in (catalog_pb2.SKU_KIND_VIRTUAL, catalog_pb2.SKU_KIND_VIRTUAL_LIMITED)
        for tracking in (catalog_pb2.TRACKING_LOTS, catalog_pb2.TRACKING_SERIALS)
    ),
    Bad(
        "a bundle with tracking",
        lambda w: w.bundle((w.tea, 1), tracking=catalog_pb2.TRACKING_LOTS),
        "FIELD_CONFLICT",
        "sku.tracking",
    ),
    Bad(
        "goods with components",
        lambda w: w.create_sku(components=parts((w.tea, 1))),
        "FIELD_CONFLICT",
        "sku.components",
    ),
    sku_with("FIELD_CONFLICT", "from_several_places", from_several_places=True),
    sku_with("FIELD_REQUIRED", "components", kind=BUNDLE),
    # Units
    sku_with("UNIT_FORMAT", "units[0].unit", units=units(("", 1))),
    sku_with("UNIT_FORMAT", "units[0].unit", units=units((" box", 1))),
    sku_with("UNIT_FORMAT", "units[0].unit", units=units(("x" * 17, 1))),
    sku_with("UNIT_FORMAT", "units[0].unit", units=units(("b\0x", 1))),
    sku_with("UNIT_FORMAT", "units[0].unit", units=units(("e\u0301", 1))),
    sku_with("UNIT_FORMAT", "units[1].unit", units=units(("box", 1), ("box", 2))),
    sku_with("UNIT_FORMAT", "units[1].unit", units=units(("box", 1), ("piece", 1))),  # its own, unsaid
    sku_with("UNIT_FORMAT", "units[0].unit", unit="kg", unit_digits=3, units=units(("kg", 1_000))),
    *(
        sku_with("QUANTITY_OUT_OF_RANGE", "units[1].quantity", units=units(("box", 12), ("pallet", quantity)))
        for quantity in (0, -1, 10**9 + 1, INT64_MAX, -(2**63))
    ),
    sku_with("TOO_MANY_LINES", "units", units=units(*((f"u{n}", 1) for n in range(21)))),
    Bad("another box", lambda w: w.update_sku(w.tea, units=units(("box", 24))), "FIELD_CONFLICT", "sku.units"),
    Bad("no box", lambda w: w.update_sku(w.tea, units=units(("crate", 24))), "FIELD_CONFLICT", "sku.units"),
    Bad(
        "its own unit, in an update",
        lambda w: w.update_sku(w.oil, units=units(("kg", 1))),
        "UNIT_FORMAT",
        "sku.units[0].unit",
    ),
    # Components
    *(
        Bad(
            f"a component with quantity {quantity}",
            lambda w, q=quantity: w.bundle((w.oil, 1), (w.tea, q)),  # type: ignore[misc]  # a default binds the row's value
            "QUANTITY_OUT_OF_RANGE",
            "sku.components[1].quantity",
        )
        for quantity in (0, -1, 1_000_001, INT64_MAX)
    ),
    Bad("a component without a code", lambda w: w.bundle(("", 1)), "SKU_FORMAT", "sku.components[0].sku"),
    Bad("a component twice", lambda w: w.bundle((w.tea, 1), (w.tea, 2)), "FIELD_CONFLICT", "sku.components[1].sku"),
    Bad(
        "51 components", lambda w: w.bundle(*((f"c{n}", 1) for n in range(51))), "TOO_MANY_LINES", "sku.components"
    ),
    Bad(
        "a component that isn't there",
        lambda w: w.bundle((w.tea, 1), ("nowhere", 1)),
        "SKU_NOT_FOUND",
        code="NOT_FOUND",
        metadata=lambda w: {"sku": "nowhere"},
    ),
    Bad("a bundle of itself", lambda w: w.bundle(("me", 1), sku="me"), "BUNDLE_CYCLE", code=PRECONDITION),
    Bad(
        "a bundle in its own part",
        lambda w: w.update_sku(w.inner, kind=BUNDLE, components=parts((w.outer, 1))),
        "BUNDLE_CYCLE",
        code=PRECONDITION,
        metadata=lambda w: {"sku": w.inner, "component": w.outer},
    ),
    Bad(
        "a bundle in its own part, within one import",
        lambda w: w.import_skus(
            catalog_pb2.Sku(sku="x", kind=BUNDLE, components=parts(("y", 1))),
            catalog_pb2.Sku(sku="y", kind=BUNDLE, components=parts(("z", 1))),
            catalog_pb2.Sku(sku="z", kind=BUNDLE, components=parts(("x", 1))),
        ),
        "BUNDLE_CYCLE",
        code=PRECONDITION,
        metadata=lambda w: {"sku": "x", "component": "y"},
    ),
    Bad(
        "bundles three deep",
        lambda w: w.bundle((w.tea, 1), (w.outer, 1)),
        "BUNDLE_TOO_DEEP",
        code=PRECONDITION,
        metadata=lambda w: {"component": w.outer},
    ),
    Bad(
        "bundles three deep, from below",
        lambda w: w.update_sku(w.oil, kind=BUNDLE, components=parts((w.outer, 1))),
        "BUNDLE_TOO_DEEP",
        code=PRECONDITION,
    ),
    Bad(
        "more than a quantity in the end",
        lambda w: w.import_skus(
            catalog_pb2.Sku(sku="x", kind=BUNDLE, components=parts((w.tea, 1_000_000))),
            catalog_pb2.Sku(sku="y", kind=BUNDLE, components=parts(("x", 1_001))),
        ),
        "QUANTITY_OUT_OF_RANGE",
        "skus[2].components",
    ),
    *(
        Bad(
            f"what has moved becomes {over}",
            lambda w, o=over: w.update_sku(w.tea, **o),  # type: ignore[misc]  # a default binds the row's value
            "SKU_IN_USE",
            code=PRECONDITION,
            metadata=lambda w: {"sku": w.tea},
        )
        for over in (
            {"kind": catalog_pb2.SKU_KIND_VIRTUAL},
            {"tracking": catalog_pb2.TRACKING_SERIALS},
        )
    ),
    Bad(
        "what has moved becomes a bundle",
        lambda w: w.update_sku(w.tea, kind=BUNDLE, components=parts((w.oil, 1))),
        "SKU_IN_USE",
        code=PRECONDITION,
    ),
    # Promised beyond the shelf
    sku_with("FIELD_REQUIRED", "oversell.policy", oversell=core_pb2.OversellPolicy()),
    sku_with("FIELD_REQUIRED", "oversell.deny", oversell=core_pb2.OversellPolicy(deny=False)),
    sku_with("FIELD_REQUIRED", "oversell.allow", oversell=core_pb2.OversellPolicy(allow=False)),
    *(
        sku_with("QUANTITY_OUT_OF_RANGE", "oversell.limit", oversell=core_pb2.OversellPolicy(limit=limit))
        for limit in (0, -1, 10**9 + 1, INT64_MAX)
    ),
    sku_with("DATE_FORMAT", "preorder.until", preorder=catalog_pb2.Preorder(limit=1)),
    sku_with("QUANTITY_OUT_OF_RANGE", "preorder.limit", preorder=catalog_pb2.Preorder(until="2026-12-01")),
    *(
        sku_with("DATE_FORMAT", "preorder.until", preorder=catalog_pb2.Preorder(until=day, limit=1))
        for day in (
            "2026-02-30", "2026-2-3", "2026-02-3", "20260203", "2026-W05-2", "2027-02-29", "0000-01-01", "10000-01-01",
            " 2026-02-03", "2026-02-03 ", "2026-02-03\n", "2026-02-03T00:00", "２026-02-03", "2026/02/03", "today",
        )
    ),
    # Where a place is
    *(
        location_with("TEXT_FORMAT", f"address.{name}", address=catalog_pb2.Address(**{name: "x" * (most + 1)}))
        for name, most in {"street": 256, "postal_code": 32, "city": 128}.items()
    ),
    location_with("TEXT_FORMAT", "address.street", address=catalog_pb2.Address(street="a\0b")),
    *(
        location_with("TEXT_FORMAT", "address.country", address=catalog_pb2.Address(country=country))
        for country in ("pl", "P", "POL", "P1", "ПЛ", "PL\n")
    ),
    *(
        location_with("POINT_OUT_OF_RANGE", f"point.{name}", point=core_pb2.Point(**{name: degrees}))
        for name, most in {"latitude": 90, "longitude": 180}.items()
        for degrees in (NAN, INFINITY, -INFINITY, most + 1e-9, -most - 1e-9, 1e308)
    ),
    *(
        location_with("QUANTITY_OUT_OF_RANGE", "priority", priority=priority)
        for priority in (-1, 1_000_001, 2**31 - 1, -(2**31))
    ),
    # When it works
    *(
        location_with("TTL_OUT_OF_RANGE", "handling", handling=Duration(seconds=seconds, nanos=nanos))
        for seconds, nanos in (
            (-1, 0), (0, -1), (30 * 86_400, 1_000), (30 * 86_400 + 1, 0), (2**62, 0), (1, -1), (0, 10**9),
            (-(2**63), 0),
        )
    ),
    *(
        location_with("TIME_FORMAT", "cutoff", cutoff=cutoff)
        for cutoff in (
            "24:00", "7:00", "07:0", "07:60", "0700", "07:00:00", " 07:00", "07:00\n", "-7:00", "１２:00",
            "12.00", "noon",
        )
    ),
    *(
        location_with("QUANTITY_OUT_OF_RANGE", "working_days[1]", working_days=[1, day])
        for day in (0, 8, -1, 2**31 - 1)
    ),
    location_with("FIELD_CONFLICT", "working_days[2]", working_days=[1, 2, 1]),
    location_with("DATE_FORMAT", "closed_on[1]", closed_on=["2026-12-24", "2026-12-32"]),
    location_with("DATE_FORMAT", "closed_on[0]", closed_on=["2026-2-3"]),
    location_with("DATE_FORMAT", "closed_on[0]", closed_on=[""]),
    location_with("FIELD_CONFLICT", "closed_on[1]", closed_on=["2026-12-24", "2026-12-24"]),
    location_with("TOO_MANY_LINES", "closed_on", closed_on=["2026-12-24"] * 367),
    *(
        location_with("TIME_ZONE_UNKNOWN", "time_zone", time_zone=zone)
        for zone in (
            "Mars/Base", "europe/warsaw", "Europe/Warsaw ", "../../etc/passwd", "/etc/localtime", "Europe", "Europe/",
            "localtime", "posixrules", "UTC+2", "CEST", "Europe/Warsaw\0", ".", "x" * 10_000, "Europe/../Europe/Warsaw",
        )
    ),
    location_with("FIELD_REQUIRED", "purposes[1]", purposes=[1, 3]),
    location_with("FIELD_REQUIRED", "purposes[0]", purposes=[0]),
    location_with("FIELD_REQUIRED", "purposes[0]", purposes=[7]),
    location_with("FIELD_CONFLICT", "purposes[1]", purposes=[4, 4]),
    *(
        location_with("QUANTITY_OUT_OF_RANGE", "transit_days", transit_days=days) for days in (-1, 366, 2**31 - 1)
    ),
    # Amounts
    line_with("FIELD_CONFLICT", "amount", quantity=1, amount="1"),
    line_with("FIELD_CONFLICT", "unit", quantity=1, unit="box"),
    line_with("FIELD_REQUIRED", "amount", unit="box"),
    *(
        line_with("AMOUNT_FORMAT", "amount", amount=amount)
        for amount in ("-1", "+1", "1,5", "1.", ".5", "1e3", " 1", "1\n", "１", "x", "0x1", "1" * 33, "NaN")
    ),
    line_with("QUANTITY_OUT_OF_RANGE", "amount", amount="0"),
    line_with("QUANTITY_OUT_OF_RANGE", "amount", amount="0.00", unit="box"),
    line_with("QUANTITY_OUT_OF_RANGE", "amount", amount="1000000001"),
    line_with("QUANTITY_OUT_OF_RANGE", "amount", amount="83333334", unit="box"),
    line_with("QUANTITY_NOT_WHOLE", "amount", amount="0.5"),
    line_with("QUANTITY_NOT_WHOLE", "amount", amount="0.3", unit="box"),
    line_with("UNIT_NOT_FOUND", "unit", amount="1", unit="pallet"),
    line_with("UNIT_NOT_FOUND", "unit", amount="1", unit="BOX"),
    line_with("UNIT_NOT_FOUND", "unit", amount="1", unit="x" * 100_000),
    line_with("SKU_FORMAT", "sku", amount="1", sku=""),
    Bad(
        "an amount of a SKU that isn't there",
        lambda w: w.reserve(sku="nowhere", amount="1"),
        "SKU_NOT_FOUND",
        code="NOT_FOUND",
        metadata=lambda w: {"sku": "nowhere"},
    ),
    Bad(
        "tenths of a gram",
        lambda w: w.reserve(sku=w.oil, amount="0.0001", unit="kg"),
        "QUANTITY_NOT_WHOLE",
        "lines[1].amount",
        metadata=lambda w: {"sku": w.oil, "amount": "0.0001", "unit": "kg"},
    ),
    *(
        Bad(f"an amount in {name}", send, "QUANTITY_NOT_WHOLE", "lines[0].amount")
        for name, send in {
            "Commit": lambda w: w.client.reservations.Commit(
                reservation_pb2.CommitRequest(request_id=new_id(), reservation_id=new_id(), lines=half(w))
            ),
            "Release": lambda w: w.client.reservations.Release(
                reservation_pb2.ReleaseRequest(request_id=new_id(), reservation_id=new_id(), lines=half(w))
            ),
            "Fulfil": lambda w: w.client.reservations.Fulfil(
                reservation_pb2.FulfilRequest(request_id=new_id(), reservation_id=new_id(), lines=half(w))
            ),
            "ReceiveStock": lambda w: w.client.stock.ReceiveStock(
                stock_pb2.ReceiveStockRequest(
                    request_id=new_id(),
                    location=w.location,
                    lines=[stock_pb2.ReceiptLine(sku=w.tea, amount="0.5")],
                )
            ),
            "CheckAvailability": lambda w: AvailabilityServiceStub(w.client.channel).CheckAvailability(
                availability_pb2.CheckAvailabilityRequest(lines=half(w))
            ),
        }.items()
    ),
]  # fmt: skip


def half(world: World) -> list[core_pb2.LineQuantity]:
    return [core_pb2.LineQuantity(sku=world.tea, location=world.location, amount="0.5")]


@pytest.mark.parametrize("bad", TABLE, ids=lambda bad: ascii(bad.name))
async def test_bad_input_is_refused_and_changes_nothing(bad: Bad, world: World, db: asyncpg.Connection) -> None:
    head = await db.fetchval("SELECT revision FROM feed_head")
    found = await refusal(bad.send(world))
    assert found.what == (bad.code, bad.reason), found
    assert found.domain == DOMAIN
    assert found.fields == ([bad.field] if bad.field else []), found
    assert bad.metadata(world).items() <= found.metadata.items(), found
    assert 0 < len(found.message) < 300
    assert await db.fetchval("SELECT revision FROM feed_head") == head, "something changed"
    assert (await world.client.quantities(world.tea, world.location)).available == 100
