"""What may be sold, when it can be there, and why: through the real channel."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from inventory.v1 import availability_service_pb2 as pb2
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from tests.rpc.client import Client, asks, new_id, refusal, unique
from tests.rpc.retailer import UNLIMITED, Retailer, on, parts, sourcing, told_steps

DAY = timedelta(days=1)


@pytest.fixture
def shop(client: Client, db: asyncpg.Connection) -> Retailer:
    return Retailer(client, db)


async def test_many_skus_are_answered_in_the_order_asked_and_unknown_ones_are_named(shop: Retailer) -> None:
    here = await shop.place()
    skus = [await shop.sku({here: n}) for n in (3, 0, 7)]
    found = await shop.get(skus[2], "nobody", skus[0], skus[2], skus[1])
    assert [(row.sku, row.available_to_sell) for row in found.availability] == [
        (skus[2], 7),
        (skus[0], 3),
        (skus[1], 0),
    ]
    assert found.unknown == ["nobody"]


async def test_a_channel_sees_its_places_less_its_buffer(shop: Retailer) -> None:
    first, second, other = await shop.place(), await shop.place(), await shop.place()
    sku = await shop.sku({first: 4, second: 5, other: 100})
    web = await shop.channel(first, second, buffer=2)
    assert await shop.may_sell(sku, web) == (7, 0)
    assert [row.available_to_sell for row in (await shop.get(sku, metadata=on(web))).availability] == [7]
    await shop.override(web, sku, cap=1)
    assert await shop.may_sell(sku, web) == (1, 0)
    await shop.override(web, sku, buffer=0)
    assert await shop.may_sell(sku, web) == (9, 0)


async def test_a_purpose_shows_the_places_that_are_open_to_it(shop: Retailer) -> None:
    afar, counter = await shop.place(uses=1), await shop.place(uses=6)
    sku = await shop.sku({afar: 2, counter: 3})
    web, till = await shop.channel(afar, counter), await shop.channel(afar, counter, kind=2)
    assert await shop.may_sell(sku, web) == (2, 0)
    assert await shop.may_sell(sku, till) == (3, 0)
    assert await shop.may_sell(sku, web, purpose=core_pb2.PURPOSE_PICKUP) == (3, 0)
    assert await shop.may_sell(sku, till, purpose=core_pb2.PURPOSE_ONLINE) == (2, 0)


async def test_bundles_and_virtual_goods_may_be_sold_too(shop: Retailer) -> None:
    here, there = await shop.place(), await shop.place()
    cup, saucer = await shop.sku({here: 7, there: 1}), await shop.sku({here: 2, there: 4})
    card = await shop.sku(kind=3)
    web = await shop.channel(here, there)
    together = await shop.sku(kind=2, components={cup: 2, saucer: 1})
    apart = await shop.sku(kind=2, components={cup: 2, saucer: 1}, from_several_places=True)
    assert await shop.may_sell(together, web) == (2, 0)
    assert await shop.may_sell(apart, web) == (4, 0)
    assert await shop.may_sell(card, web) == (UNLIMITED, 0)


async def test_back_orders_are_told_apart_and_a_retired_sku_is_sold_by_nobody(shop: Retailer) -> None:
    here = await shop.place()
    web = await shop.channel(here)
    sku = await shop.sku({here: 2}, oversell_limit=5)
    assert await shop.may_sell(sku, web) == (7, 5)
    await shop.client.catalog.UpdateSku(
        catalog_pb2.UpdateSkuRequest(request_id=new_id(), sku=catalog_pb2.Sku(sku=sku, active=False))
    )
    assert await shop.may_sell(sku, web) == (0, 0)


async def test_a_hold_that_ran_out_does_not_count_though_nobody_ended_it(shop: Retailer) -> None:
    here = await shop.place()
    sku = await shop.sku({here: 3})
    web = await shop.channel(here)
    held = await shop.reserve((sku, here, 2), ttl=3600)
    await shop.db.execute(
        "WITH line AS (UPDATE reservation_line SET expires_at = now() - interval '1 s' WHERE reservation_id = $1)"
        " UPDATE reservation SET expires_at = now() - interval '1 s' WHERE reservation_id = $1",
        held.reservation_id,
    )
    assert await shop.may_sell(sku, web) == (3, 0)
    assert told_steps(await shop.explain(sku, channel=web)) == [("ON_HAND", 3, here)]


async def test_lines_say_where_they_come_from(shop: Retailer) -> None:
    first, second = await shop.place(), await shop.place()
    sku, other = await shop.sku({first: 2, second: 5}), await shop.sku({second: 1})
    web = await shop.channel(first, second)
    found = await shop.check((sku, "", 3), (other, second, 1), channel=web)
    assert [parts(line) for line in found.lines] == [[(second, 3, 0)], [(second, 1, 0)]]
    assert (found.promisable, found.parcels) == (True, 1)
    split = await shop.check((sku, "", 6), channel=web, sourcing=sourcing(split=True))
    assert [parts(line) for line in split.lines] == [[(first, 2, 0), (second, 4, 0)]]
    assert (split.promisable, split.parcels) == (True, 2)
    assert [line.promisable_from for line in split.lines] == [(await shop.today()).isoformat()]


async def test_the_same_line_twice_is_summed_and_lines_compete_for_what_there_is(shop: Retailer) -> None:
    here = await shop.place()
    sku = await shop.sku({here: 5})
    web = await shop.channel(here)
    found = await shop.check((sku, here, 2), (sku, here, 2), (sku, "", 2), channel=web)
    assert [(line.requested, line.promised) for line in found.lines] == [(4, 4), (2, 1)]
    assert not found.promisable
    assert (await shop.client.quantities(sku, here)).available == 5, "looking promised something"


async def test_what_is_short_says_where_else_there_is_some(shop: Retailer) -> None:
    here, there, counter = await shop.place(), await shop.place(), await shop.place(uses=4)
    sku = await shop.sku({here: 1, there: 4, counter: 9})
    web = await shop.channel(here, there, counter)
    (line,) = (await shop.check((sku, here, 3), channel=web)).lines
    assert (line.promised, line.promisable_from) == (1, "")
    assert [(other.location, other.available, other.purpose) for other in line.alternatives] == [
        (counter, 9, core_pb2.PURPOSE_WALK_IN),
        (there, 4, core_pb2.PURPOSE_ONLINE),
    ]


async def test_an_alternative_is_within_the_channels_view(shop: Retailer) -> None:
    here, there = await shop.place(), await shop.place()
    sku = await shop.sku({here: 2, there: 8})
    web = await shop.channel(here, there, cap=4)
    (line,) = (await shop.check((sku, here, 6), channel=web)).lines
    assert parts(line) == [(here, 2, 0)]
    assert [(other.location, other.available) for other in line.alternatives] == [(there, 2)]


async def test_lots_are_named_first_expiring_first(shop: Retailer) -> None:
    here = await shop.place()
    today = await shop.today()
    milk = await shop.sku({here: 9}, tracking=1)
    await shop.lots(milk, here, late=(4, today + 9 * DAY), soon=(3, today + 5 * DAY), over=(2, today - DAY))
    web = await shop.channel(here)
    (line,) = (await shop.check((milk, "", 5), channel=web)).lines
    assert [(part.lot, part.quantity) for part in line.parts] == [("soon", 3), ("late", 2)]
    assert (await shop.may_sell(milk, web)) == (7, 0)
    picky = await shop.channel(here, min_life_days=7)
    (line,) = (await shop.check((milk, "", 5), channel=picky)).lines
    assert (line.promised, [part.lot for part in line.parts]) == (4, ["late"])
    found = await shop.explain(milk, channel=picky)
    assert [(step.lot, step.quantity) for step in found.steps if step.kind == pb2.EXPLAIN_STEP_KIND_SHORT_LIVED] == [
        ("over", -2),
        ("soon", -3),
    ]


async def test_a_bundle_names_its_components(shop: Retailer) -> None:
    here, there = await shop.place(), await shop.place()
    cup, saucer = await shop.sku({here: 4, there: 9}), await shop.sku({there: 3})
    kit = await shop.sku(kind=2, components={cup: 2, saucer: 1})
    web = await shop.channel(here, there)
    (line,) = (await shop.check((kit, "", 2), channel=web)).lines
    assert (line.promised, {(part.sku, part.location, part.quantity) for part in line.parts}) == (
        2,
        {(cup, there, 4), (saucer, there, 2)},
    )
    (line,) = (await shop.check((kit, here, 1), channel=web)).lines
    assert (line.promised, [(other.location, other.available) for other in line.alternatives]) == (0, [(there, 3)])
    await shop.due(saucer, here, 5, await shop.today() + 2 * DAY)
    (line,) = (await shop.check((kit, here, 1), channel=web)).lines
    assert line.promisable_from == (await shop.today() + 2 * DAY).isoformat()
    assert [(due.sku, due.quantity) for due in line.due_in] == [(saucer, 5)]


async def test_a_back_order_leaves_when_the_goods_are_there_and_without_any_nobody_knows(shop: Retailer) -> None:
    here = await shop.place(transit_days=2)
    web = await shop.channel(here)
    today = await shop.today()
    sku = await shop.sku({here: 1}, oversell_limit=9)
    found = await shop.check((sku, "", 4), channel=web)
    (line,) = found.lines
    assert parts(line) == [(here, 1, 0), (here, 3, 3)]
    assert (found.promisable, found.arrives_on, line.parts[1].arrives_on) == (True, "", "")
    assert line.promisable_from == today.isoformat(), "it can be promised now"
    assert line.parts[0].arrives_on == (today + 2 * DAY).isoformat()
    assert not line.parts[1].HasField("leaves_at")
    await shop.due(sku, here, 2, today + 3 * DAY, "PO-1")
    await shop.due(sku, here, 2, today + 5 * DAY, "PO-2")
    found = await shop.check((sku, "", 4), channel=web)
    (line,) = found.lines
    assert line.parts[1].leaves_at.ToDatetime().date() == today + 5 * DAY
    assert found.arrives_on == (today + 7 * DAY).isoformat()
    assert [(due.location, due.quantity, due.reference) for due in line.due_in] == [
        (here, 2, "PO-1"),
        (here, 2, "PO-2"),
    ]


async def test_who_waits_already_gets_the_goods_first(shop: Retailer) -> None:
    here = await shop.place()
    web = await shop.channel(here)
    today = await shop.today()
    sku = await shop.sku({here: 1}, oversell_limit=9)
    await shop.due(sku, here, 2, today + 3 * DAY, "PO-1")
    await shop.due(sku, here, 5, today + 6 * DAY, "PO-2")
    await shop.reserve((sku, here, 3), ttl=None, channel=web)
    found = await shop.check((sku, "", 1), channel=web)
    assert found.arrives_on == (today + 6 * DAY).isoformat()


async def test_what_is_missing_can_be_promised_from_when_enough_is_due_where_it_helps(shop: Retailer) -> None:
    here, there = await shop.place(), await shop.place()
    web = await shop.channel(here, there)
    today = await shop.today()
    sku = await shop.sku({here: 2})
    await shop.due(sku, there, 3, today + 1 * DAY)
    await shop.due(sku, here, 3, today + 4 * DAY)
    day = {n: (today + n * DAY).isoformat() for n in (0, 1, 4)}

    async def promisable_from(line: tuple[str, str, int], channel: str = web, split: bool = False) -> str:
        return (await shop.check(line, channel=channel, sourcing=sourcing(split=split))).lines[0].promisable_from

    assert await promisable_from((sku, "", 2)) == day[0]
    assert await promisable_from((sku, "", 3)) == day[1], "all of it from there"
    assert await promisable_from((sku, "", 5)) == day[4], "neither place has so much before"
    assert await promisable_from((sku, "", 5), split=True) == day[1]
    assert await promisable_from((sku, here, 3)) == day[4]
    assert await promisable_from((sku, "", 9), split=True) == ""
    assert await promisable_from((sku, "", 3), await shop.channel(here, there, buffer=3)) == day[4]
    assert await promisable_from((sku, "", 3), await shop.channel(here, there, cap=2)) == ""


async def test_it_arrives_after_cut_off_working_days_and_transit(shop: Retailer) -> None:
    """The clock is the database's: a place whose day is over already by its own clock."""
    now = await shop.db.fetchval("SELECT now()")
    today = now.date()
    closed_today = await shop.place(closed_on=[today], transit_days=1)
    passed = await shop.place(cutoff_minute=0, transit_days=1)
    handled = await shop.place(handling=timedelta(hours=30), transit_days=1)
    never = await shop.place(working_days=0)
    at_once = await shop.place()
    far_east = await shop.place(time_zone="Pacific/Kiritimati")
    sku = await shop.sku(dict.fromkeys((closed_today, passed, handled, never, at_once, far_east), 1))

    async def check(place: str) -> pb2.CheckAvailabilityResponse:
        return await shop.check((sku, place, 1))

    for place in (closed_today, passed):
        found = await check(place)
        (part,) = found.lines[0].parts
        assert part.leaves_at.ToDatetime() == datetime.combine(today + DAY, datetime.min.time())
        assert (found.arrives_on, part.same_day) == ((today + 2 * DAY).isoformat(), False)
    (part,) = (await check(handled)).lines[0].parts
    assert timedelta(hours=30) <= part.leaves_at.ToDatetime(tzinfo=UTC) - now < timedelta(hours=31)
    (part,) = (await check(never)).lines[0].parts
    assert (part.HasField("leaves_at"), part.arrives_on) == (False, "")
    assert (await check(never)).promisable
    (part,) = (await check(at_once)).lines[0].parts
    assert (part.arrives_on, part.same_day) == (today.isoformat(), True)
    (part,) = (await check(far_east)).lines[0].parts
    assert part.arrives_on == (now + timedelta(hours=14)).date().isoformat()
    basket = await shop.check((sku, at_once, 1), (sku, passed, 1), (sku, handled, 1))
    assert basket.parcels == 3
    assert basket.arrives_on == max(date.fromisoformat(line.parts[0].arrives_on) for line in basket.lines).isoformat()


async def test_a_pre_order_leaves_on_its_day(shop: Retailer) -> None:
    here = await shop.place()
    day = await shop.today() + 20 * DAY
    game = await shop.sku({here: 1}, preorder_until=day, preorder_limit=5)
    web = await shop.channel(here)
    assert await shop.may_sell(game, web) == (6, 5)
    found = await shop.check((game, "", 1), channel=web)
    assert found.arrives_on == day.isoformat()


async def test_collection_is_from_the_place_itself_and_says_when_it_is_ready(shop: Retailer) -> None:
    corner, afar = await shop.place(uses=6, handling=timedelta(hours=2)), await shop.place(priority=1)
    sku = await shop.sku({corner: 2, afar: 9})
    web = await shop.channel(afar, corner)
    now = await shop.db.fetchval("SELECT now()")
    found = await shop.check((sku, "", 2), channel=web, pickup=reservation_pb2.Pickup(location=corner))
    assert [parts(line) for line in found.lines] == [[(corner, 2, 0)]]
    assert timedelta(hours=2) <= found.ready_at.ToDatetime(tzinfo=UTC) - now < timedelta(hours=3)
    assert (found.parcels, found.promisable) == (0, True)
    short = await shop.check((sku, "", 3), channel=web, pickup=reservation_pb2.Pickup(location=corner))
    assert (short.lines[0].promised, short.HasField("ready_at")) == (2, False)
    refused = await refusal(shop.check((sku, "", 1), pickup=reservation_pb2.Pickup(location=await shop.place(uses=5))))
    assert refused.what == ("FAILED_PRECONDITION", "LOCATION_NOT_SELLING")


async def test_what_is_brought_for_collection_is_ready_when_the_last_of_it_is_there(shop: Retailer) -> None:
    corner, afar = await shop.place(uses=6), await shop.place(uses=1, transit_days=2)
    sku = await shop.sku({corner: 2, afar: 9})
    web = await shop.channel(afar, corner)
    pickup = reservation_pb2.Pickup(location=corner, by_transfer=True)
    told = await shop.check((sku, "", 5), channel=web, pickup=pickup)
    assert [parts(line) for line in told.lines] == [[(corner, 2, 0), (afar, 3, 0)]]
    assert (told.promisable, told.parcels) == (True, 1)
    made = await shop.reserve((sku, "", 5), ttl=None, channel=web, pickup=pickup)
    assert [(line.location, line.allocated) for line in made.lines] == [(corner, 2), (afar, 3)]
    assert abs(made.ready_at.ToDatetime() - told.ready_at.ToDatetime()) < timedelta(minutes=1)
    today = await shop.today()
    await shop.due(sku, afar, 4, today + DAY)
    short = await shop.check((sku, "", 8), channel=web, pickup=pickup)
    assert (short.lines[0].promised, short.lines[0].promisable_from) == (6, (today + DAY).isoformat())


async def test_the_nearest_place_comes_first(shop: Retailer) -> None:
    warsaw, gdansk = await shop.place(point=(52.23, 21.01)), await shop.place(point=(54.35, 18.65))
    sku = await shop.sku({warsaw: 5, gdansk: 5})
    web = await shop.channel(warsaw, gdansk)
    nearest = sourcing(reservation_pb2.SOURCING_STRATEGY_NEAREST, to=(54.5, 18.5))
    assert [parts(line) for line in (await shop.check((sku, "", 1), channel=web, sourcing=nearest)).lines] == [
        [(gdansk, 1, 0)]
    ]


async def test_a_place_without_a_level_may_owe_goods(shop: Retailer) -> None:
    here = await shop.place()
    web = await shop.channel(here)
    sku, card = await shop.sku(oversell_limit=3), await shop.sku(kind=3)
    found = await shop.check((sku, "", 2), (card, here, 1), channel=web)
    assert [parts(line) for line in found.lines] == [[(here, 2, 2)], [(here, 1, 0)]]


async def test_a_limit_for_back_orders_counts_what_waits_at_other_channels_places(shop: Retailer) -> None:
    mine, theirs = await shop.place(), await shop.place()
    sku = await shop.sku({mine: 1, theirs: 1}, oversell_limit=5)
    web, till = await shop.channel(mine), await shop.channel(theirs)
    await shop.reserve((sku, theirs, 5), ttl=None, channel=till)
    assert await shop.may_sell(sku, web) == (2, 1)
    assert (await shop.check((sku, "", 9), channel=web)).lines[0].promised == 2
    granted = await shop.reserve(
        (sku, "", 9), ttl=None, channel=web, fill_policy=reservation_pb2.FILL_POLICY_AS_MUCH_AS_POSSIBLE
    )
    assert sum(line.backordered for line in granted.lines) == 1


async def test_a_back_order_is_spread_over_places_when_no_single_one_has_room(shop: Retailer) -> None:
    first, second = await shop.place(), await shop.place()
    sku = await shop.sku({first: 1, second: 1})
    await shop.db.execute(
        "UPDATE level SET backorder_limit = CASE WHEN location.code = $2 THEN 2 ELSE 3 END FROM sku, location"
        " WHERE sku.sku_id = level.sku_id AND location.location_id = level.location_id AND sku.code = $1",
        sku,
        first,
    )
    web = await shop.channel(first, second)
    await shop.reserve((sku, first, 1), (sku, second, 1), ttl=None, channel=web)
    assert await shop.may_sell(sku, web) == (5, 5)
    granted = await shop.reserve((sku, "", 5), ttl=None, channel=web)
    assert [(line.location, line.backordered) for line in granted.lines] == [(first, 2), (second, 3)]
    assert (await refusal(shop.reserve((sku, "", 1), channel=web))).reason == "INSUFFICIENT_STOCK"


async def test_the_explanation_names_who_holds_until_when_and_for_which_order(shop: Retailer) -> None:
    here, other, closed = await shop.place(), await shop.place(), await shop.place(uses=6)
    today = await shop.today()
    sku = await shop.sku({here: 10, other: 3, closed: 4}, unit="kg", unit_digits=3)
    web, till = await shop.channel(here, closed, buffer=1), await shop.channel(code=unique("till"), kind=2)
    held = await shop.reserve((sku, here, 4), owner="cart-17", channel=web)
    await shop.reserve((sku, here, 2), ttl=None, reference="order 5", channel=till)
    await shop.client.adjust(sku, here, 1, disposition=core_pb2.DISPOSITION_DAMAGED)
    await shop.due(sku, here, 8, today + DAY)
    found = await shop.explain(sku, channel=web)
    assert told_steps(found) == [
        ("ON_HAND", 11, here),
        ("UNSELLABLE", -1, here),
        ("HELD", -4, here),
        ("ALLOCATED", -2, here),
        ("BUFFER", -1, ""),
    ]
    hold, allocation = found.steps[2], found.steps[3]
    assert (hold.channel, hold.owner, hold.until, hold.reservation_id) == (
        web,
        "cart-17",
        held.expires_at,
        held.reservation_id,
    )
    assert (allocation.channel, allocation.reference, allocation.HasField("until")) == (till, "order 5", False)
    assert found.steps[1].disposition == core_pb2.DISPOSITION_DAMAGED
    assert [(due.sku, due.location, due.quantity, due.due_on, due.reference) for due in found.due_in] == [
        (sku, here, 8, (today + DAY).isoformat(), "PO-1")
    ]
    assert [(place.location, place.available, place.why) for place in found.unused] == [
        (closed, 4, "not for this purpose"),
        (other, 3, "not the channel's"),
    ]
    assert (found.channel, found.unit, found.unit_digits, found.revision > 0) == (web, "kg", 3, True)


async def test_an_explanation_is_of_one_state_while_others_buy(shop: Retailer) -> None:
    here = await shop.place()
    sku = await shop.sku({here: 100})
    web = await shop.channel(here)

    async def buy() -> None:
        for quantity in range(1, 31):
            held = await shop.reserve((sku, here, quantity % 3 + 1), channel="default")
            await shop.client.release(held.reservation_id)

    buyers = asyncio.gather(*(buy() for _ in range(4)))
    looks = 0
    while not buyers.done():
        for step in (await shop.explain(sku, channel=web)).steps:
            assert step.kind != pb2.EXPLAIN_STEP_KIND_HELD or step.reservation_id, "held by nobody that is known"
        looks += 1
    await buyers
    assert looks > 5


async def test_more_holds_than_are_named_are_one_step(shop: Retailer) -> None:
    here = await shop.place()
    sku = await shop.sku({here: 100})
    web = await shop.channel(here)
    for quantity in range(1, 24):
        if quantity <= 12:
            await shop.reserve((sku, here, quantity % 3 + 1), channel=web)
        else:
            await shop.reserve((sku, here, 1), (await shop.sku({here: 1}), here, 1), channel=web)
    held = [step for step in (await shop.explain(sku, channel=web)).steps if step.kind == pb2.EXPLAIN_STEP_KIND_HELD]
    assert len(held) == 21
    assert (held[-1].reservation_id, held[-1].reservations, held[-1].quantity) == ("", 3, -3)


async def test_a_bundle_is_explained_by_its_components_and_says_how_many_stand_apart(shop: Retailer) -> None:
    here, there = await shop.place(), await shop.place()
    cup, saucer = await shop.sku({here: 9}), await shop.sku({here: 1, there: 3})
    kit = await shop.sku(kind=2, components={cup: 2, saucer: 1})
    web = await shop.channel(here, there)
    found = await shop.explain(kit, channel=web)
    assert told_steps(found) == [("COMPONENTS", 1, here)]
    assert found.components_apart == 3
    assert [
        (part.sku, part.quantity, part.available_to_sell, part.bundles, part.scarcest) for part in found.components
    ] == [
        (cup, 2, 9, 4, True),
        (saucer, 1, 4, 4, True),
    ]


async def test_virtual_goods_and_a_retired_sku_are_explained(shop: Retailer) -> None:
    here = await shop.place()
    web = await shop.channel(here, cap=50)
    card = await shop.sku(kind=3)
    assert told_steps(await shop.explain(card, channel=web)) == [
        ("VIRTUAL", UNLIMITED, ""),
        ("CAP", 50 - UNLIMITED, ""),
    ]
    sku = await shop.sku({here: 3})
    await shop.client.catalog.UpdateSku(
        catalog_pb2.UpdateSkuRequest(request_id=new_id(), sku=catalog_pb2.Sku(sku=sku, active=False))
    )
    assert told_steps(await shop.explain(sku, channel=web)) == [("ON_HAND", 3, here), ("INACTIVE", -3, "")]


async def test_what_is_read_was_there_at_the_revision_it_names(shop: Retailer) -> None:
    here = await shop.place()
    sku = await shop.sku()
    last = (await shop.client.adjust(sku, here, 2)).revision
    request = pb2.CheckAvailabilityRequest(lines=asks((sku, here, 1)), min_revision=last)
    assert (await shop.availability.CheckAvailability(request)).revision >= last
    assert (await shop.explain(sku, min_revision=last)).revision >= last
    await shop.get(sku, min_revision=last)
