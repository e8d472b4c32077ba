"""What a channel with limits may still do, and where its limits end it."""

from collections.abc import AsyncIterator

import pytest

from inventory.domain.access import Scope
from inventory.v1 import availability_service_pb2 as availability_pb2
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_count_service_pb2 as count_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import subscriber_service_pb2 as subscriber_pb2
from inventory.v1.availability_service_pb2_grpc import AvailabilityServiceStub
from tests.rpc.client import Client, new_id, of_row, refusal, unique
from tests.rpc.doors import EVERYDAY, Doors, guarded


@pytest.fixture(scope="module")
async def doors(module_dsn: str) -> AsyncIterator[Doors]:
    async with guarded(module_dsn) as running:
        yield running


class Shop:
    """A channel limited to one of two places and to food, and an apple, of which there are 50 at each."""

    def __init__(self, client: Client, admin: Client, sku: str, here: str, far: str) -> None:
        self.client = client
        self.admin = admin
        self.sku = sku
        self.here = here
        self.far = far


@pytest.fixture
async def shop(doors: Doors) -> Shop:
    admin = doors.admin
    sku = await admin.sku(category="food/fruit")
    far = await admin.location(priority=1)
    here = await admin.location(priority=50)
    for place in (here, far):
        await admin.adjust(sku, place, 50)
    client = await doors.let_in(unique("till"), *EVERYDAY, locations=[here], categories=["food"])
    return Shop(client, admin, sku, here, far)


async def test_goods_come_only_from_places_that_are_allowed(shop: Shop) -> None:
    made = (await shop.client.reserve((shop.sku, "", 50))).reservation
    assert {line.location for line in made.lines} == {shop.here}
    short = await refusal(shop.client.reserve((shop.sku, "", 1)))
    assert short.what == ("FAILED_PRECONDITION", "INSUFFICIENT_STOCK")
    assert short.metadata["available"] == "0"
    assert (await shop.admin.quantities(shop.sku, shop.far)).held == 0


async def test_what_may_be_sold_is_of_the_places_that_are_allowed(shop: Shop) -> None:
    request = availability_pb2.GetAvailabilityRequest(skus=[shop.sku])
    (mine,) = (await AvailabilityServiceStub(shop.client.channel).GetAvailability(request)).availability
    (all_of_it,) = (await AvailabilityServiceStub(shop.admin.channel).GetAvailability(request)).availability
    assert (mine.available_to_sell, all_of_it.available_to_sell) == (50, 100)


async def test_an_allowed_bundle_is_sold_with_what_it_is_made_of(shop: Shop) -> None:
    part = await shop.admin.sku(category="tools")
    await shop.admin.adjust(part, shop.here, 6)
    parts = [catalog_pb2.BundleComponent(sku=part, quantity=3), catalog_pb2.BundleComponent(sku=shop.sku, quantity=1)]
    whole = await shop.admin.sku(category="food", kind=catalog_pb2.SKU_KIND_BUNDLE, components=parts)
    made = (await shop.client.reserve((whole, shop.here, 2))).reservation
    assert {line.sku for line in made.lines} == {part, shop.sku}
    alone = await refusal(shop.client.stock.GetStock(stock_pb2.GetStockRequest(sku=part, location=shop.here)))
    assert alone.what == ("NOT_FOUND", "SKU_NOT_FOUND")


async def test_another_channel_s_name_and_an_admin_s_right_go_with_the_admin_s_limits(doors: Doors, shop: Shop) -> None:
    channel = unique("plain")
    await doors.limit(channel, *EVERYDAY, locations=[shop.here])
    made = await doors.admin.reserve((shop.sku, shop.far, 1), metadata=(("inventory-channel", channel),))
    assert made.reservation.channel == channel


async def test_what_was_promised_before_the_limits_stays_the_channel_s_own(doors: Doors, shop: Shop) -> None:
    channel = unique("once")
    client = await doors.let_in(channel, *EVERYDAY)
    made = await client.hold((shop.sku, shop.far, 4), (shop.sku, shop.here, 4))
    await doors.limit(channel, *EVERYDAY, locations=[shop.here])

    def move(origin: str) -> reservation_pb2.ReallocateRequest:
        moves = [reservation_pb2.Reallocation(sku=shop.sku, from_location=origin, to_location=shop.here)]
        return reservation_pb2.ReallocateRequest(request_id=new_id(), reservation_id=made, moves=moves)

    refused = await refusal(client.reservations.Reallocate(move(shop.far)))
    unknown = await refusal(client.reservations.Reallocate(move("x" * len(shop.far))))
    assert refused.reason == unknown.reason == "EXCEEDS_HELD"
    assert str(refused).replace(shop.far, "") == str(unknown).replace("x" * len(shop.far), "")
    assert {line.location for line in (await client.commit(made)).lines} == {shop.here, shop.far}
    await client.fulfil(made)


async def test_a_sku_is_neither_made_nor_moved_outside_the_categories(shop: Shop) -> None:
    for code, category in ((unique("new"), "tools"), (unique("new"), ""), (unique("new"), "foods")):
        made = await refusal(shop.client.sku(code, category=category))
        assert made.what == ("INVALID_ARGUMENT", "FIELD_CONFLICT")
        assert made.fields == ["sku.category"]
    moved = catalog_pb2.UpdateSkuRequest(request_id=new_id(), sku=catalog_pb2.Sku(sku=shop.sku, category="tools"))
    assert (await refusal(shop.client.catalog.UpdateSku(moved))).what == ("INVALID_ARGUMENT", "FIELD_CONFLICT")
    inside = await shop.client.sku(category="food/new")
    assert (await shop.client.quantities(inside, shop.here)).on_hand == 0


async def test_a_code_or_barcode_that_is_taken_elsewhere_is_taken(shop: Shop) -> None:
    hidden = await shop.admin.sku(category="tools", barcodes=["9780201379624"])
    taken = await refusal(shop.client.sku(hidden, category="food"))
    assert taken.what == ("ALREADY_EXISTS", "CODE_TAKEN")
    owned = await refusal(shop.client.sku(category="food", barcodes=["9780201379624"]))
    assert owned.what == ("ALREADY_EXISTS", "CODE_TAKEN")
    assert hidden not in str(owned)


async def test_an_import_is_judged_row_by_row(shop: Shop) -> None:
    hidden = await shop.admin.sku(category="tools")
    rows = [
        catalog_pb2.Sku(sku=unique("new"), category="food"),
        catalog_pb2.Sku(sku=hidden, category="food"),
        catalog_pb2.Sku(sku=unique("new"), category="tools"),
    ]
    places = [catalog_pb2.Location(location=code) for code in (shop.here, shop.far, unique("new"))]
    answer = await shop.client.catalog.ImportCatalog(
        catalog_pb2.ImportCatalogRequest(
            request_id=new_id(),
            skus=rows,
            locations=places,
            error_policy=core_pb2.ERROR_POLICY_SKIP_REFUSED,
        )
    )
    refused = {row.row: of_row(row.error).reason for row in answer.refused}
    assert refused == {1: "CODE_TAKEN", 2: "FIELD_CONFLICT", 4: "LOCATION_NOT_FOUND", 5: "LOCATION_NOT_FOUND"}


async def test_a_bundle_that_is_unknown_is_not_named(shop: Shop) -> None:
    inner = await shop.admin.sku(category="tools")
    part = await shop.admin.sku(
        category="food",
        kind=catalog_pb2.SKU_KIND_BUNDLE,
        components=[catalog_pb2.BundleComponent(sku=inner, quantity=1)],
    )
    outer = await shop.admin.sku(
        category="tools",
        kind=catalog_pb2.SKU_KIND_BUNDLE,
        components=[catalog_pb2.BundleComponent(sku=part, quantity=1)],
    )
    below = await shop.admin.sku(
        category="food",
        kind=catalog_pb2.SKU_KIND_BUNDLE,
        components=[catalog_pb2.BundleComponent(sku=shop.sku, quantity=1)],
    )
    changed = catalog_pb2.UpdateSkuRequest(
        request_id=new_id(),
        sku=catalog_pb2.Sku(
            sku=part,
            category="food",
            kind=catalog_pb2.SKU_KIND_BUNDLE,
            components=[catalog_pb2.BundleComponent(sku=below, quantity=1)],
        ),
    )
    refused = await refusal(shop.client.catalog.UpdateSku(changed))
    assert refused.reason == "BUNDLE_TOO_DEEP"
    assert outer not in str(refused)
    assert inner not in str(refused)


async def test_a_count_is_of_an_allowed_category(shop: Shop) -> None:
    for category in ("", "tools"):
        request = count_pb2.OpenStockCountRequest(request_id=new_id(), location=shop.here, category=category)
        refused = await refusal(shop.client.counts.OpenStockCount(request))
        assert refused.what == ("INVALID_ARGUMENT", "FIELD_CONFLICT")
    request = count_pb2.OpenStockCountRequest(request_id=new_id(), location=shop.here, category="food/fruit")
    assert (await shop.client.counts.OpenStockCount(request)).count.category == "food/fruit"


async def test_a_channel_is_shown_its_own_settings_without_places_it_may_not_know(doors: Doors, shop: Shop) -> None:
    channel = unique("own")
    client = await doors.let_in(channel, *EVERYDAY, locations=[shop.here])
    settings = channel_pb2.Channel(channel=channel, locations=[shop.far, shop.here])
    await doors.admin.channels.SetChannel(channel_pb2.SetChannelRequest(request_id=new_id(), channel=settings))
    found = (await client.channels.GetChannel(channel_pb2.GetChannelRequest())).channel
    assert list(found.locations) == [shop.here]
    everything = await doors.admin.channels.GetChannel(channel_pb2.GetChannelRequest(channel=channel))
    assert list(everything.channel.locations) == [shop.far, shop.here]


async def test_other_channels_subscribers_take_the_scope_report(doors: Doors) -> None:
    names = {}
    for scopes in ((Scope.WATCH,), (Scope.WATCH, Scope.REPORT)):
        client = await doors.let_in(unique("ch"), *scopes)
        name = unique("sub")
        await client.subscribers.RegisterSubscriber(subscriber_pb2.RegisterSubscriberRequest(name=name))
        names[client] = name
    (plain, mine), (reporter, theirs) = names.items()
    listed = subscriber_pb2.ListSubscribersRequest()
    assert [found.name for found in (await plain.subscribers.ListSubscribers(listed)).subscribers] == [mine]
    assert {mine, theirs} <= {found.name for found in (await reporter.subscribers.ListSubscribers(listed)).subscribers}


async def test_widening_the_access_shows_the_rest(doors: Doors) -> None:
    channel = unique("wide")
    sku, place = await doors.admin.stocked(1)
    elsewhere = await doors.admin.location()
    client = await doors.let_in(channel, *EVERYDAY, locations=[elsewhere])
    asked = stock_pb2.GetStockRequest(sku=sku, location=place)
    assert (await refusal(client.stock.GetStock(asked))).reason == "LOCATION_NOT_FOUND"
    await doors.limit(channel, *EVERYDAY)
    assert (await client.stock.GetStock(asked)).level.quantities.on_hand == 1
