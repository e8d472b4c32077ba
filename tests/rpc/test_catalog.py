"""CatalogService: SKUs and locations."""

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from inventory.domain.barcode import check_digit
from inventory.v1 import catalog_service_pb2 as pb2
from inventory.v1 import core_pb2
from tests.rpc.client import Client, new_id, of_row, refusal, unique

SKIP = core_pb2.ERROR_POLICY_SKIP_REFUSED


async def update(client: Client, sku: str, **fields: Any) -> pb2.UpdateSkuResponse:
    return await client.catalog.UpdateSku(pb2.UpdateSkuRequest(request_id=new_id(), sku=pb2.Sku(sku=sku, **fields)))


async def get(client: Client, **by: str) -> pb2.Sku:
    return (await client.catalog.GetSku(pb2.GetSkuRequest(**by))).sku


async def bulk(client: Client, *skus: pb2.Sku, **fields: Any) -> pb2.ImportCatalogResponse:
    return await client.catalog.ImportCatalog(pb2.ImportCatalogRequest(**{"request_id": new_id(), **fields}, skus=skus))


def barcode() -> str:
    body = str(int(new_id().replace("-", ""), 16))[:12].zfill(12)
    return body + str(check_digit(body))


async def test_a_created_sku_comes_back_with_every_default_filled_in(client: Client) -> None:
    code = unique("sku")
    answer = await client.catalog.CreateSku(pb2.CreateSkuRequest(request_id=new_id(), sku=pb2.Sku(sku=code)))
    assert answer.sku == pb2.Sku(sku=code, name=code, unit="piece", active=True, kind=pb2.SKU_KIND_GOODS)
    assert answer.revision > 0
    assert await get(client, sku=code) == answer.sku


async def test_everything_said_of_a_sku_is_kept(client: Client) -> None:
    said = pb2.Sku(
        sku=unique("sku"),
        name="Żurek śląski",
        category="GROCERY/SOUPS",
        unit="kg",
        unit_digits=3,
        barcodes=[barcode(), barcode()],
        active=False,
        attributes={"brand": "U Babci", "size": "0,5 l"},
        kind=pb2.SKU_KIND_GOODS,
        tracking=pb2.TRACKING_LOTS,
        units=[pb2.Unit(unit="karton", quantity=12_000), pb2.Unit(unit='=;, "½', quantity=1)],
        oversell=core_pb2.OversellPolicy(limit=5),
        preorder=pb2.Preorder(until="2028-02-29", limit=10**9),
    )
    answer = await client.catalog.CreateSku(pb2.CreateSkuRequest(request_id=new_id(), sku=said))
    assert answer.sku == said
    assert await get(client, sku=said.sku) == said
    for each in said.barcodes:
        assert await get(client, barcode=each) == said


async def test_an_update_replaces_all_but_code_and_unit(client: Client) -> None:
    sku = await client.sku(name="old", category="A", unit="kg", unit_digits=3, attributes={"brand": "x"})
    answer = await update(client, sku, name="new", active=False)
    assert answer.sku == pb2.Sku(sku=sku, name="new", unit="kg", unit_digits=3, active=False, kind=pb2.SKU_KIND_GOODS)
    assert await get(client, sku=sku) == answer.sku


@pytest.mark.parametrize(
    "unit", [{"unit": "piece", "unit_digits": 3}, {"unit": "kg", "unit_digits": 2}, {"unit": "kg"}]
)
async def test_a_unit_never_changes(client: Client, unit: dict[str, Any]) -> None:
    sku = await client.sku(unit="kg", unit_digits=3)
    found = await refusal(update(client, sku, **unit))
    assert found.what == ("INVALID_ARGUMENT", "FIELD_CONFLICT")
    assert found.metadata == {"sku": sku, "unit": "kg", "unit_digits": "3"}
    assert (await update(client, sku, unit="kg", unit_digits=3, name="same unit")).sku.name == "same unit"


async def test_a_barcode_belongs_to_one_sku_until_it_gives_it_up(client: Client) -> None:
    code = barcode()
    owner, other = await client.sku(barcodes=[code]), await client.sku()
    found = await refusal(update(client, other, barcodes=[code]))
    assert found.what == ("ALREADY_EXISTS", "CODE_TAKEN")
    assert found.metadata == {"barcode": code, "sku": owner}
    await update(client, owner)
    await update(client, other, barcodes=[code])
    assert (await get(client, barcode=code)).sku == other


async def test_two_skus_that_want_one_barcode_at_once_on_two_servers_get_it_once(
    client: Client, twin_client: Client
) -> None:
    for _ in range(5):
        code = barcode()
        outcomes = await asyncio.gather(
            *(somewhere.sku(barcodes=[code]) for somewhere in (client, twin_client) * 3), return_exceptions=True
        )
        winners = [outcome for outcome in outcomes if isinstance(outcome, str)]
        assert len(winners) == 1, outcomes
        assert (await get(client, barcode=code)).sku == winners[0]


async def test_a_code_that_two_servers_create_at_once_is_made_once(client: Client, twin_client: Client) -> None:
    for _ in range(5):
        code = unique("sku")
        outcomes = await asyncio.gather(
            *(somewhere.sku(code) for somewhere in (client, twin_client) * 3), return_exceptions=True
        )
        assert sum(outcome == code for outcome in outcomes) == 1
        assert {outcome.code() for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)} == {
            grpc.StatusCode.ALREADY_EXISTS
        }


async def test_the_same_request_again_is_the_same_answer(client: Client, twin_client: Client) -> None:
    request = pb2.CreateSkuRequest(request_id=new_id(), sku=pb2.Sku(sku=unique("sku")))
    first = await client.catalog.CreateSku(request)
    await update(client, request.sku.sku, name="changed since")
    for somewhere in (client, twin_client):
        again = await somewhere.catalog.CreateSku(request)
        assert again.replayed
        again.replayed = False
        assert again == first
    other = pb2.CreateSkuRequest(request_id=new_id(), sku=request.sku)
    refused = await refusal(client.catalog.CreateSku(other))
    assert refused.reason == "CODE_TAKEN"
    assert await refusal(twin_client.catalog.CreateSku(other)) == refused


async def test_validate_only_creates_nothing_and_leaves_the_request_id_free(client: Client) -> None:
    request = pb2.CreateSkuRequest(request_id=new_id(), sku=pb2.Sku(sku=unique("sku")), validate_only=True)
    assert (await client.catalog.CreateSku(request)).sku.unit == "piece"
    assert (await refusal(get(client, sku=request.sku.sku))).reason == "SKU_NOT_FOUND"
    request.validate_only = False
    assert not (await client.catalog.CreateSku(request)).replayed


async def test_a_retired_sku_can_be_corrected_released_and_fulfilled(client: Client) -> None:
    sku, location = await client.stocked(10)
    held, allocated = await client.hold((sku, location, 1)), await client.hold((sku, location, 1), ttl=None)
    await update(client, sku, active=False)
    assert (await refusal(client.reserve((sku, location, 1)))).reason == "SKU_RETIRED"
    await client.release(held)
    await client.fulfil(allocated)
    await client.adjust(sku, location, -9)
    await update(client, sku, active=True)
    assert (await refusal(client.reserve((sku, location, 1)))).reason == "INSUFFICIENT_STOCK"


EVERYTHING = pb2.Location(
    location="-", name="Sklep 7", kind=pb2.LOCATION_KIND_SHOP, active=False,
    address=pb2.Address(street="Długa 1", postal_code="30-001", city="Kraków", country="PL"),
    point=core_pb2.Point(latitude=50.0647, longitude=-180), priority=0, handling=Duration(seconds=5400, nanos=1000),
    cutoff="00:00", working_days=[1, 6], closed_on=["2026-11-11", "2026-12-25"], time_zone="Europe/Warsaw",
    purposes=[core_pb2.PURPOSE_ONLINE, core_pb2.PURPOSE_WALK_IN], transit_days=365,
)  # fmt: skip


async def test_everything_said_of_a_location_is_kept(client: Client) -> None:
    said = pb2.Location()
    said.CopyFrom(EVERYTHING)
    said.location = unique("loc")
    answer = await client.catalog.CreateLocation(pb2.CreateLocationRequest(request_id=new_id(), location=said))
    assert answer.location == said
    read = await client.catalog.GetLocation(pb2.GetLocationRequest(location=said.location))
    assert read.location == said


async def test_an_updated_location_is_what_the_update_says_and_nothing_else(client: Client) -> None:
    code = unique("loc")
    said = pb2.Location()
    said.CopyFrom(EVERYTHING)
    said.location = code
    await client.catalog.CreateLocation(pb2.CreateLocationRequest(request_id=new_id(), location=said))
    answer = await client.catalog.UpdateLocation(
        pb2.UpdateLocationRequest(request_id=new_id(), location=pb2.Location(location=code, active=False))
    )
    expected = pb2.Location(
        location=code, name=code, kind=pb2.LOCATION_KIND_WAREHOUSE, active=False, priority=100, handling=Duration(),
        working_days=range(1, 8), time_zone="UTC", purposes=["PURPOSE_ONLINE", "PURPOSE_PICKUP", "PURPOSE_WALK_IN"],
    )  # fmt: skip
    assert answer.location == expected
    read = await client.catalog.GetLocation(pb2.GetLocationRequest(location=code))
    assert read.location == expected


async def test_a_cutoff_in_a_daylight_saving_gap_is_accepted(client: Client) -> None:
    """02:30 does not exist on the last Sunday of March; calendar.py says what it means then."""
    code = await client.location(cutoff="02:30", time_zone="Europe/Warsaw")
    read = await client.catalog.GetLocation(pb2.GetLocationRequest(location=code))
    assert read.location.cutoff == "02:30"


async def _walk(client: Client, size: int, **filters: Any) -> list[str]:
    found: list[str] = []
    token = ""
    while True:
        page = await client.catalog.ListSkus(pb2.ListSkusRequest(page_size=size, page_token=token, **filters))
        assert len(page.skus) <= size
        found += [sku.sku for sku in page.skus]
        token = page.next_page_token
        if not token:
            return found


async def test_listing_skus_walks_a_category_and_those_below_it_exactly_once(client: Client) -> None:
    category = unique("C")
    inside = [await client.sku(category=category + below) for below in ("", "/FROZEN", "/FROZEN/FISH", "/A_%")]
    await client.sku(category=category + "X")
    retired = await client.sku(category=category, active=False)
    for size in (1, 2, 5, 100):
        assert await _walk(client, size, category=category) == sorted([*inside, retired])
    assert await _walk(client, 2, category=category, active=True) == sorted(inside)
    assert await _walk(client, 2, category=category, active=False) == [retired]
    assert await _walk(client, 2, category=f"{category}/FROZEN") == sorted(inside[1:3])
    assert await _walk(client, 2, category="%") == []


async def test_listing_locations_walks_a_kind_exactly_once(client: Client) -> None:
    made = sorted([await client.location(kind=pb2.LOCATION_KIND_PICKUP_POINT) for _ in range(5)])
    found: list[str] = []
    token = ""
    while True:
        page = await client.catalog.ListLocations(
            pb2.ListLocationsRequest(kind=pb2.LOCATION_KIND_PICKUP_POINT, page_size=2, page_token=token)
        )
        found += [location.location for location in page.locations]
        token = page.next_page_token
        if not token:
            break
    assert found == made


async def test_an_import_creates_updates_and_leaves_alone(client: Client) -> None:
    new, changed, same = (pb2.Sku(sku=unique("sku")) for _ in range(3))
    await bulk(client, changed, same)
    changed.name = "changed"
    place = pb2.Location(location=unique("loc"))
    answer = await bulk(client, new, changed, same, locations=[place])
    assert (answer.created, answer.updated, answer.unchanged, list(answer.refused)) == (2, 1, 1, [])
    assert answer.revision > 0
    again = await bulk(client, new, changed, same, locations=[place])
    assert (again.created, again.updated, again.unchanged, again.revision) == (0, 0, 4, 0)


async def test_an_import_with_a_refused_row_does_nothing_or_the_rest(client: Client) -> None:
    good, kilo = pb2.Sku(sku=unique("sku")), pb2.Sku(sku=unique("sku"), unit="kg", unit_digits=3)
    await bulk(client, kilo)
    grams = pb2.Sku(sku=kilo.sku, unit="g")
    found = await refusal(bulk(client, good, grams))
    assert (found.reason, found.fields) == ("FIELD_CONFLICT", ["skus[1]"])
    assert (await refusal(get(client, sku=good.sku))).reason == "SKU_NOT_FOUND"
    twice = pb2.Location(location=unique("loc"))
    answer = await bulk(client, good, grams, locations=[twice, twice], error_policy=SKIP)
    assert answer.created == 2
    assert [(refused.row, of_row(refused.error).reason) for refused in answer.refused] == [
        (1, "FIELD_CONFLICT"),
        (3, "CODE_TAKEN"),
    ]
    assert (await get(client, sku=good.sku)).sku == good.sku


async def test_an_import_can_hand_a_barcode_on(client: Client) -> None:
    code = barcode()
    first = await client.sku(barcodes=[code])
    second = unique("sku")
    await bulk(client, pb2.Sku(sku=first), pb2.Sku(sku=second, barcodes=[code]))
    assert (await get(client, barcode=code)).sku == second


async def test_10_000_rows_are_one_command(client: Client) -> None:
    prefix = unique("bulk")
    answer = await bulk(client, *(pb2.Sku(sku=f"{prefix}-{number}") for number in range(10_000)))
    assert (answer.created, answer.updated) == (10_000, 0)
