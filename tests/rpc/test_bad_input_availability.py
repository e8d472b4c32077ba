"""What bad input gets when it looks at availability: a definite no with its reason, and nothing has changed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from inventory.v1 import availability_service_pb2 as pb2
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from tests.rpc.client import DOMAIN, Client, Server, new_id, refusal
from tests.rpc.retailer import Retailer, on, sourcing

INT64_MAX = 2**63 - 1
NEAREST = reservation_pb2.SOURCING_STRATEGY_NEAREST


@dataclass
class World:
    """What the table speaks of. Each method is one good call, with fields to spoil."""

    shop: Retailer
    sku: str = ""
    retired_sku: str = ""
    location: str = ""
    closed_location: str = ""
    counter: str = ""
    channel: str = ""

    def get(self, **over: Any) -> Awaitable[object]:
        return self.shop.availability.GetAvailability(pb2.GetAvailabilityRequest(**{"skus": [self.sku], **over}))

    def line(self, **over: Any) -> core_pb2.LineQuantity:
        return core_pb2.LineQuantity(**{"sku": self.sku, "location": self.location, "quantity": 1, **over})

    def check(self, *lines: core_pb2.LineQuantity, metadata: Any = None, **over: Any) -> Awaitable[object]:
        request = pb2.CheckAvailabilityRequest(**{"lines": lines or [self.line()], **over})
        return self.shop.availability.CheckAvailability(request, metadata=metadata)

    def spoilt(self, **over: Any) -> Awaitable[object]:
        """A basket whose second line is bad."""
        return self.check(self.line(), self.line(**over))

    def collect(self, location: str, **over: Any) -> Awaitable[object]:
        return self.check(*over.pop("lines", [self.line(location="")]), pickup={"location": location}, **over)

    def explain(self, **over: Any) -> Awaitable[object]:
        request = pb2.ExplainAvailabilityRequest(**{"sku": self.sku, **over})
        return self.shop.availability.ExplainAvailability(request)


@pytest.fixture(scope="module")
async def world(server: Server, db: asyncpg.Connection) -> AsyncIterator[World]:
    client = Client(server.address)
    shop = Retailer(client, db)
    made = World(shop)
    made.location, made.closed_location = await shop.place(), await shop.place()
    made.counter = await shop.place(uses=4)
    stock = dict.fromkeys((made.location, made.closed_location, made.counter), 9)
    made.sku, made.retired_sku = await shop.sku(stock), await shop.sku(stock)
    made.channel = await shop.channel(made.counter)
    for sku in (made.retired_sku,):
        await client.catalog.UpdateSku(
            catalog_pb2.UpdateSkuRequest(request_id=new_id(), sku=catalog_pb2.Sku(sku=sku, active=False))
        )
    closed = catalog_pb2.Location(location=made.closed_location, active=False)
    await client.catalog.UpdateLocation(catalog_pb2.UpdateLocationRequest(request_id=new_id(), location=closed))
    await shop.told()
    yield made
    await client.close()


def nothing(world: World) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class Bad:
    name: str
    send: Callable[[World], Awaitable[object]]
    reason: str
    field: str = ""
    code: str = "INVALID_ARGUMENT"
    metadata: Callable[[World], dict[str, str]] = nothing


BEFORE = "FAILED_PRECONDITION"
NOWHERE = "NOT_FOUND"

BAD_INPUT = [
    Bad("no SKU", lambda w: w.get(skus=[]), "LINES_EMPTY", "skus"),
    Bad("more SKUs than 1,000", lambda w: w.get(skus=["S"] * 1_001), "TOO_MANY_LINES", "skus"),
    Bad("a SKU without a code", lambda w: w.get(skus=["A", ""]), "SKU_FORMAT", "skus[1]"),
    Bad("a SKU with a control character", lambda w: w.get(skus=["A\n"]), "SKU_FORMAT", "skus[0]"),
    Bad("a channel that is none", lambda w: w.get(channel="Web Shop"), "CHANNEL_FORMAT", "channel"),
    Bad(
        "a channel that nobody is",
        lambda w: w.get(channel="nobody"),
        "CHANNEL_NOT_FOUND",
        code=NOWHERE,
        metadata=lambda w: {"channel": "nobody"},
    ),
    Bad("a purpose of another age", lambda w: w.get(purpose=3), "FIELD_REQUIRED", "purpose"),
    Bad("a revision below 0", lambda w: w.get(min_revision=-1), "REVISION_FORMAT", "min_revision"),
    Bad("a revision to come", lambda w: w.get(min_revision=INT64_MAX), "REVISION_IN_FUTURE", code="OUT_OF_RANGE"),
    Bad("a basket without lines", lambda w: w.check(lines=[]), "LINES_EMPTY", "lines"),
    Bad("a basket of 201 lines", lambda w: w.check(*[w.line()] * 201), "TOO_MANY_LINES", "lines"),
    Bad("a line without a SKU", lambda w: w.spoilt(sku=""), "SKU_FORMAT", "lines[1].sku"),
    Bad("a line of no location's code", lambda w: w.spoilt(location=" "), "LOCATION_FORMAT", "lines[1].location"),
    Bad("a line of nothing", lambda w: w.spoilt(quantity=0), "QUANTITY_OUT_OF_RANGE", "lines[1].quantity"),
    Bad("a line of less than nothing", lambda w: w.spoilt(quantity=-1), "QUANTITY_OUT_OF_RANGE", "lines[1].quantity"),
    Bad("a line of 10^9 + 1", lambda w: w.spoilt(quantity=10**9), "QUANTITY_OUT_OF_RANGE", "lines[1].quantity"),
    Bad(
        "a strategy of another age", lambda w: w.check(sourcing={"strategy": 9}), "FIELD_REQUIRED", "sourcing.strategy"
    ),
    Bad(
        "nearest to nowhere",
        lambda w: w.check(sourcing={"strategy": NEAREST}),
        "FIELD_REQUIRED",
        "sourcing.destination",
    ),
    Bad(
        "a destination off the earth",
        lambda w: w.check(sourcing=sourcing(to=(90.1, 0))),
        "POINT_OUT_OF_RANGE",
        "sourcing.destination.latitude",
    ),
    Bad(
        "a destination that is no number",
        lambda w: w.check(sourcing=sourcing(to=(0, float("nan")))),
        "POINT_OUT_OF_RANGE",
        "sourcing.destination.longitude",
    ),
    Bad("a basket for a purpose of another age", lambda w: w.check(purpose=9), "FIELD_REQUIRED", "purpose"),
    Bad(
        "a basket of a revision to come",
        lambda w: w.check(min_revision=INT64_MAX),
        "REVISION_IN_FUTURE",
        code="OUT_OF_RANGE",
    ),
    Bad("collection nowhere", lambda w: w.collect(""), "LOCATION_FORMAT", "pickup.location"),
    Bad("collection at a place that isn't there", lambda w: w.collect("nowhere"), "LOCATION_NOT_FOUND", code=NOWHERE),
    Bad(
        "collection from a place that is named",
        lambda w: w.collect(w.location, lines=[w.line()]),
        "FIELD_CONFLICT",
        "lines[0].location",
    ),
    Bad("collection for walk-in customers", lambda w: w.collect(w.location, purpose=4), "FIELD_CONFLICT", "purpose"),
    Bad("collection at a counter", lambda w: w.collect(w.counter), "LOCATION_NOT_SELLING", code=BEFORE),
    Bad("a line of a SKU that isn't there", lambda w: w.spoilt(sku="nobody"), "SKU_NOT_FOUND", code=NOWHERE),
    Bad(
        "a sourced line of a SKU that isn't there",
        lambda w: w.spoilt(sku="nobody", location=""),
        "SKU_NOT_FOUND",
        code=NOWHERE,
    ),
    Bad(
        "a line at a place that isn't there", lambda w: w.spoilt(location="nowhere"), "LOCATION_NOT_FOUND", code=NOWHERE
    ),
    Bad("a line of a retired SKU", lambda w: w.spoilt(sku=w.retired_sku), "SKU_RETIRED", code=BEFORE),
    Bad(
        "a sourced line of a retired SKU",
        lambda w: w.spoilt(sku=w.retired_sku, location=""),
        "SKU_RETIRED",
        code=BEFORE,
    ),
    Bad("a line at a retired place", lambda w: w.spoilt(location=w.closed_location), "LOCATION_RETIRED", code=BEFORE),
    Bad(
        "a line at a place that isn't for this",
        lambda w: w.spoilt(location=w.counter),
        "LOCATION_NOT_SELLING",
        code=BEFORE,
        metadata=lambda w: {"location": w.counter, "purpose": "ONLINE"},
    ),
    Bad(
        "a line at a place that isn't the channel's",
        lambda w: w.check(w.line(), purpose=4, metadata=on(w.channel)),
        "LOCATION_NOT_SELLING",
        code=BEFORE,
        metadata=lambda w: {"location": w.location},
    ),
    Bad("an explanation of nothing", lambda w: w.explain(sku=""), "SKU_FORMAT", "sku"),
    Bad("an explanation of a SKU that isn't there", lambda w: w.explain(sku="nobody"), "SKU_NOT_FOUND", code=NOWHERE),
    Bad("an explanation for nobody", lambda w: w.explain(channel="nobody"), "CHANNEL_NOT_FOUND", code=NOWHERE),
    Bad("an explanation for a purpose of another age", lambda w: w.explain(purpose=8), "FIELD_REQUIRED", "purpose"),
    Bad(
        "an explanation of a revision to come",
        lambda w: w.explain(min_revision=INT64_MAX),
        "REVISION_IN_FUTURE",
        code="OUT_OF_RANGE",
    ),
]


@pytest.mark.parametrize("bad", BAD_INPUT, ids=lambda bad: bad.name)
async def test_bad_input_is_refused_and_changes_nothing(bad: Bad, world: World, db: asyncpg.Connection) -> None:
    head = await db.fetchval("SELECT revision FROM feed_head")
    found = await refusal(bad.send(world))
    assert found.what == (bad.code, bad.reason), found
    assert found.domain == DOMAIN
    assert found.fields == ([bad.field] if bad.field else []), found
    assert bad.metadata(world).items() <= found.metadata.items(), found
    assert found.message
    assert await db.fetchval("SELECT revision FROM feed_head") == head, "something changed"


async def test_the_good_calls_of_the_table_are_good(world: World) -> None:
    await world.get()
    await world.check()
    await world.collect(world.location)
    await world.explain()
