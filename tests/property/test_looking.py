"""What is looked at, on a real server with random stock, holds, lots, bundles and channels: explained by steps that add
up to what may be sold, and what a basket is told it would get is what it gets.

`INVENTORY_PROPERTY_EXAMPLES=2000` looks further, with other examples each time.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import date, timedelta
from typing import Any, NamedTuple

import grpc
import uvloop
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from inventory.v1 import availability_service_pb2 as pb2
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from tests.rpc.client import Client, new_id, of_error, reserve_request, unique
from tests.rpc.conftest import serving
from tests.rpc.retailer import UNLIMITED, Retailer, on, sourcing

EXAMPLES = int(os.environ.get("INVENTORY_PROPERTY_EXAMPLES", "0"))
USES = (7, 7, 1, 6)
AS_MUCH = reservation_pb2.FILL_POLICY_AS_MUCH_AS_POSSIBLE
CLAIMS = (pb2.EXPLAIN_STEP_KIND_HELD, pb2.EXPLAIN_STEP_KIND_ALLOCATED)
DAY = timedelta(days=1)

small = st.integers(0, 6)
limits = st.sampled_from((None, None, 0, 2, 5, UNLIMITED))


class Thing(NamedTuple):
    """A SKU: what it is, and what stands where."""

    kind: int
    tracked: bool
    oversell_limit: int | None
    stock: tuple[int, ...]
    damaged: bool
    backorder_limits: tuple[int | None, ...]
    soon: int


class Seller(NamedTuple):
    """A channel's settings; places by number."""

    kind: int
    places: tuple[int, ...]
    buffer: int | None
    cap: int | None
    share_bp: int | None
    oversell_limit: int | None
    min_life_days: int
    own_cap: int | None


class Basket(NamedTuple):
    """Lines by number of SKU and of place; None: no place. With `pickup`, a place, those of lines don't count."""

    lines: tuple[tuple[int, int | None, int], ...]
    purpose: int
    split: bool
    strategy: int
    pickup: int | None
    by_transfer: bool


things = st.builds(
    Thing,
    st.sampled_from((1, 1, 1, 1, 3, 4)),
    st.sampled_from((False, False, True)),
    limits,
    st.tuples(*[small] * len(USES)),
    st.booleans(),
    st.tuples(*[st.sampled_from((None, None, 0, 2, 3))] * len(USES)),
    st.integers(0, 4),
)
sellers = st.builds(
    Seller,
    st.sampled_from((1, 1, 2)),
    st.one_of(st.just(()), st.lists(st.integers(0, len(USES) - 1), min_size=1, max_size=4, unique=True).map(tuple)),
    st.sampled_from((None, None, 0, 2)),
    st.sampled_from((None, None, 0, 3, 8)),
    st.sampled_from((None, None, 0, 5_000)),
    limits,
    st.sampled_from((0, 0, 5)),
    st.sampled_from((None, None, 2)),
)
lines = st.lists(
    st.tuples(st.integers(0, 3), st.none() | st.integers(0, len(USES) - 1), st.integers(1, 8)), min_size=1, max_size=4
).map(tuple)
pickups = st.sampled_from((None, None, None, 0, 2, 3))
baskets = st.builds(
    Basket,
    lines,
    st.sampled_from((0, 0, 0, 1, 2, 4)),
    st.booleans(),
    st.sampled_from((0, 1, 3, 4, 5)),
    pickups,
    st.booleans(),
)


Part = tuple[int, str, str, str, bool]
"""Of which line, SKU, location, lot, and whether it waits."""


def told_parts(told: pb2.CheckAvailabilityResponse) -> Counter[Part]:
    parts: Counter[Part] = Counter()
    for ask, line in enumerate(told.lines):
        for part in line.parts:
            parts[ask, part.sku, part.location, part.lot, False] += part.quantity - part.backordered
            parts[ask, part.sku, part.location, part.lot, True] += part.backordered
    return +parts


def given_parts(reservation: core_pb2.Reservation) -> Counter[Part]:
    parts: Counter[Part] = Counter()
    for line in reservation.lines:
        parts[line.ask, line.sku, line.location, line.lot, False] += line.held + line.allocated
        parts[line.ask, line.sku, line.location, line.lot, True] += line.backordered
    return +parts


class House:
    """One server, four places, and a channel that changes."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        server = await self._stack.enter_async_context(serving(self._dsn))
        client = Client(server.address)
        self._stack.push_async_callback(client.close)
        db = await server.connect()
        self._stack.push_async_callback(db.close)
        self.retailer = Retailer(client, db)
        self.places = [await self.retailer.place(uses=uses) for uses in USES]
        self.channel, self.other = unique("ch"), unique("other")

    async def stop(self) -> None:
        await self._stack.aclose()

    async def sku(self, thing: Thing, today: date) -> str:
        shop = self.retailer
        tracked = thing.tracked and thing.kind == 1
        stock = dict(zip(self.places, thing.stock, strict=True)) if thing.kind != 3 else {}
        sku = await shop.sku(stock, kind=thing.kind, tracking=1 if tracked else 0, oversell_limit=thing.oversell_limit)
        for place, limit in zip(self.places, thing.backorder_limits, strict=True):
            await shop.db.execute(
                "UPDATE level SET backorder_limit = $3 FROM sku, location WHERE sku.sku_id = level.sku_id"
                " AND location.location_id = level.location_id AND sku.code = $1 AND location.code = $2",
                sku,
                place,
                limit,
            )
        for place, quantity in stock.items() if tracked else ():
            soon = min(quantity, thing.soon)
            if quantity:
                await shop.lots(sku, place, soon=(soon, today + 2 * DAY), late=(quantity - soon, today + 9 * DAY))
        if thing.damaged and stock and not tracked:
            await shop.client.adjust(sku, self.places[0], 1, disposition=core_pb2.DISPOSITION_DAMAGED)
        return sku

    async def settle(self, seller: Seller, sku: str) -> None:
        shop = self.retailer
        await shop.db.execute("DELETE FROM channel_sku")
        await shop.channel(
            *(self.places[number] for number in seller.places),
            code=self.channel,
            kind=seller.kind,
            buffer=seller.buffer,
            cap=seller.cap,
            share_bp=seller.share_bp,
            oversell_limit=seller.oversell_limit,
            min_life_days=seller.min_life_days,
        )
        await shop.channel(code=self.other)
        if seller.own_cap is not None:
            await shop.override(self.channel, sku, cap=seller.own_cap)

    async def try_it(
        self, made: list[Thing], several: bool, seller: Seller, before: list[Basket], basket: Basket
    ) -> None:
        shop = self.retailer
        today = await shop.today()
        skus = [await self.sku(thing, today) for thing in made]
        skus.append(await shop.sku(kind=2, components={skus[0]: 2, skus[1]: 1}, from_several_places=several))
        await self.settle(seller, skus[0])
        for number, earlier in enumerate(before):
            request = self.request(earlier, skus, ttl=None if number % 2 else 3600, fill_policy=AS_MUCH)
            await self.answered(shop.client.reservations.Reserve(request, metadata=on(self.other)))
        await self.explained(skus)
        promised = await self.agreed(basket, skus)
        await self.explained(skus)
        event("refused" if promised is None else f"{sum(line.promised > 0 for line in promised.lines)} lines promised")

    async def head(self) -> int:
        return int(await self.retailer.db.fetchval("SELECT revision FROM feed_head"))

    async def explained(self, skus: list[str]) -> None:
        shop = self.retailer
        for channel in (self.channel, self.other):
            while True:  # until the server itself, which fills back-orders, leaves it alone for so long
                before = await self.head()
                seen = (await shop.get(*skus, channel=channel)).availability
                found = [await shop.explain(sku, channel=channel) for sku in skus]
                if before == await self.head():
                    break
            assert [row.availability for row in found] == list(seen)
            claims = [step for row in found for step in row.steps if step.kind in CLAIMS]
            assert all(step.reservation_id for step in claims), found

    async def agreed(self, basket: Basket, skus: list[str]) -> pb2.CheckAvailabilityResponse | None:
        """What is told, asked for all or nothing, and got are the same."""
        shop, mine = self.retailer, on(self.channel)
        reserve = shop.client.reservations.Reserve
        as_told = self.request(basket, skus)
        check = pb2.CheckAvailabilityRequest(lines=as_told.lines, sourcing=as_told.sourcing, purpose=as_told.purpose)
        if as_told.HasField("pickup"):
            check.pickup.CopyFrom(as_told.pickup)
        while True:
            before = await self.head()
            told = await self.answered(shop.availability.CheckAvailability(check, metadata=mine))
            dry = self.request(basket, skus, validate_only=True)
            whole = await self.answered(reserve(dry, metadata=mine))
            dry = self.request(basket, skus, validate_only=True, fill_policy=AS_MUCH)
            got = await self.answered(reserve(dry, metadata=mine))
            if before == await self.head():
                break
        await self.answered(reserve(self.request(basket, skus, fill_policy=AS_MUCH), metadata=mine))
        if isinstance(told, str):
            assert told == whole == got
            return None
        assert isinstance(told, pb2.CheckAvailabilityResponse)
        assert told.promisable == (not isinstance(whole, str)), (told, whole)
        if isinstance(got, str):
            assert got == "INSUFFICIENT_STOCK"
            assert not any(line.promised for line in told.lines)
        else:
            assert told_parts(told) == given_parts(got.reservation), (told, got)
        return told

    def request(self, basket: Basket, skus: list[str], **fields: Any) -> reservation_pb2.ReserveRequest:
        strategy: Any = basket.strategy
        collected: dict[str, Any] = {"purpose": basket.purpose}
        if basket.pickup is not None:
            place = self.places[basket.pickup]
            collected = {"pickup": reservation_pb2.Pickup(location=place, by_transfer=basket.by_transfer)}
        named = basket.pickup is None
        return reserve_request(
            *((skus[sku], "" if at is None or not named else self.places[at], n) for sku, at, n in basket.lines),
            request_id=new_id(),
            sourcing=sourcing(strategy, split=basket.split),
            **collected,
            **fields,
        )

    async def answered(self, call: Any) -> Any:
        """The answer, or the reason of the refusal."""
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            return of_error(error).reason


def test_what_a_basket_is_told_is_what_it_gets_and_every_explanation_adds_up(dsn: str) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        house = House(dsn)

        def run(work: Coroutine[Any, Any, None]) -> None:
            runner.run(work)

        run(house.start())

        @settings(
            max_examples=EXAMPLES or 60,
            deadline=None,
            derandomize=not EXAMPLES,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(things, min_size=3, max_size=3), st.booleans(), sellers, st.lists(baskets, max_size=3), baskets)
        def try_it(made: list[Thing], several: bool, seller: Seller, before: list[Basket], basket: Basket) -> None:
            run(house.try_it(made, several, seller, before, basket))

        try:
            try_it()
        finally:
            run(house.stop())
