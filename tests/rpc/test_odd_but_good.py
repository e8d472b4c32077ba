"""What looks dangerous and is ordinary: it is stored, found and given back as it is."""

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import subscriber_service_pb2 as subscriber_pb2
from tests.rpc.client import Client, new_id, seconds

ODD_CODES = [
    "'; DROP TABLE level; --",
    "' OR '1'='1",
    '"; SELECT pg_sleep(10); --',
    "$1",
    "%s%n%x",
    "\\",
    "\\x00",
    "\\N",
    "NULL",
    "{}",
    "{a,b}",
    "{{7*7}}${7*7}",
    "../../etc/passwd",
    "C:\\NUL",
    "<script>alert(1)</script>",
    "=1+1",
    "-1",
    "@SUM(A1)",
    "0",
    "a b  c",
    "a,b;c|d",
    "Zażółć gęślą jaźń",
    "日本語の商品",
    "🛒👍🏽",
    "ü" * 32,
    "x" * 64,
    "K",  # the letter, not the Kelvin sign
]


@pytest.mark.parametrize("code", ODD_CODES, ids=ascii)
async def test_a_code_that_looks_like_something_is_an_ordinary_code(client: Client, code: str) -> None:
    location = await client.location(f"{code[:20]}@")
    await client.sku(code)
    await client.adjust(code, location, 5, reason=code, reference=code[:60])
    reserved = (await client.reserve((code, location, 2), owner=code, reference=code)).reservation
    assert (reserved.owner, reserved.reference) == (code, code)
    assert [(line.sku, line.location, line.held) for line in reserved.lines] == [(code, location, 2)]
    assert (await client.quantities(code, location)).available == 3
    listed = await client.stock.ListStock(stock_pb2.ListStockRequest(skus=[code]))
    assert [level.sku for level in listed.levels] == [code]
    newest = (await client.movements(sku=code))[0]
    assert (newest.sku, newest.location, newest.reference) == (code, location, code)
    by_owner = await client.reservations.ListReservations(reservation_pb2.ListReservationsRequest(owner=code))
    assert [found.reservation_id for found in by_owner.reservations] == [reserved.reservation_id]
    found = await client.catalog.GetSku(catalog_pb2.GetSkuRequest(sku=code))
    assert found.sku.sku == found.sku.name == code


async def test_codes_that_look_alike_are_different(client: Client) -> None:
    codes = ["Look-A", "look-a", "Look-А", "Look‐A"]  # Latin, small, Cyrillic, another hyphen
    for code in codes:
        assert await client.sku(code) == code


async def test_free_text_with_line_ends_and_escapes_is_stored_as_it_is(client: Client) -> None:
    sku, location = await client.stocked(0)
    text = "first\r\nsecond\x1b[31m red \u202e backwards\ttab"
    await client.adjust(sku, location, 1, reason=text)
    assert (await client.movements(sku=sku))[0].reason == text
    name = await client.catalog.UpdateSku(
        catalog_pb2.UpdateSkuRequest(
            request_id=new_id(), sku=catalog_pb2.Sku(sku=sku, name=text, attributes={text: text})
        )
    )
    assert name.sku.name == text
    assert dict(name.sku.attributes) == {text: text}


async def test_the_same_sku_twice_is_one_line_of_the_sum(client: Client) -> None:
    sku, location = await client.stocked(5)
    reserved = await client.reserve((sku, location, 2), (sku, location, 3))
    assert [(line.requested, line.held) for line in reserved.reservation.lines] == [(5, 5)]
    assert (await client.quantities(sku, location)).available == 0


async def test_the_largest_values_go_through(client: Client) -> None:
    sku, location = await client.stocked(0)
    await client.stock.SetStock(
        stock_pb2.SetStockRequest(
            request_id=new_id(), sku=sku, location=location, on_hand=10**12, expected_on_hand=0, reason="x" * 512
        )
    )
    reserved = await client.reserve((sku, location, 10**9), ttl=86_400, owner="ü" * 64, reference="x" * 128)
    assert reserved.reservation.lines[0].held == 10**9
    assert (await client.quantities(sku, location)).available == 10**12 - 10**9
    lines = [(sku, location, 1)] * 200
    assert (await client.reserve(*lines)).reservation.lines[0].held == 200


async def test_the_shortest_and_the_longest_time_to_live_are_granted(client: Client) -> None:
    sku, location = await client.stocked(5)
    for ttl in (1, 1.000_001, 86_400):
        reservation = (await client.reserve((sku, location, 1), ttl=ttl)).reservation
        made, ends = reservation.created_at.ToNanoseconds(), reservation.expires_at.ToNanoseconds()
        assert ends - made == seconds(ttl).ToNanoseconds() // 1000 * 1000


@pytest.mark.parametrize("size", [1_001, 2**31 - 1])
async def test_a_huge_page_size_is_clamped(client: Client, size: int) -> None:
    sku, location = await client.stocked(5)
    for answer in (
        await client.stock.ListStock(stock_pb2.ListStockRequest(skus=[sku], page_size=size)),
        await client.stock.ListMovements(stock_pb2.ListMovementsRequest(sku=sku, page_size=size)),
        await client.catalog.ListSkus(catalog_pb2.ListSkusRequest(page_size=size)),
        await client.subscribers.ListSubscribers(subscriber_pb2.ListSubscribersRequest(page_size=size)),
    ):
        assert answer.ByteSize() > 0
    assert location


@pytest.mark.parametrize(
    "times",
    [
        {"recorded_from": Timestamp(seconds=-62_135_596_800)},
        {"recorded_before": Timestamp(seconds=253_402_300_799, nanos=999_999_999)},
        {"recorded_from": Timestamp(seconds=1), "recorded_before": Timestamp(seconds=1)},
    ],
    ids=["year 1", "year 9999", "an empty range"],
)
async def test_the_ends_of_time_are_times(client: Client, times: dict[str, Any]) -> None:
    sku, _ = await client.stocked(5)
    assert len(await client.movements(sku=sku, **times)) == (0 if len(times) == 2 else 1)
