"""StockService: levels, corrections, thresholds, and the ledger behind them."""

import asyncio
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from tests.rpc.client import Client, new_id, of_row, refusal, unique

KIND = core_pb2.MovementKind
SKIP = core_pb2.ERROR_POLICY_SKIP_REFUSED


def adjustment(sku: str, location: str, delta: int, **fields: Any) -> stock_pb2.StockAdjustment:
    return stock_pb2.StockAdjustment(sku=sku, location=location, delta=delta, **fields)


async def batch(
    client: Client, *rows: stock_pb2.StockAdjustment, **fields: object
) -> stock_pb2.BatchAdjustStockResponse:
    request = stock_pb2.BatchAdjustStockRequest(request_id=new_id(), reason="test", adjustments=rows)
    request.MergeFrom(stock_pb2.BatchAdjustStockRequest(**fields))  # type: ignore[arg-type]
    return await client.stock.BatchAdjustStock(request)


async def thresholds(client: Client, sku: str, location: str, **values: Any) -> stock_pb2.SetThresholdsResponse:
    return await client.stock.SetThresholds(
        stock_pb2.SetThresholdsRequest(request_id=new_id(), sku=sku, location=location, **values)
    )


async def test_a_sku_that_never_moved_here_has_all_quantities_0(client: Client) -> None:
    sku, location = await client.stocked(0)
    level = await client.level(sku, location)
    assert level.quantities == core_pb2.Quantities()
    assert level.revision == 0
    assert not level.HasField("backorder_limit")


async def test_an_adjustment_changes_on_hand_and_answers_with_the_level_and_its_revision(client: Client) -> None:
    sku, location = await client.stocked(10)
    answer = await client.adjust(sku, location, -3)
    assert answer.level.quantities.on_hand == answer.level.quantities.available == 7
    level = await client.level(sku, location)
    assert level.quantities == answer.level.quantities
    assert level.revision == answer.revision > 0


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (core_pb2.DISPOSITION_QUALITY_CONTROL, "quality_control"),
        (core_pb2.DISPOSITION_DAMAGED, "damaged"),
        (core_pb2.DISPOSITION_QUARANTINED, "quarantined"),
    ],
)
async def test_unsellable_goods_are_on_the_shelf_but_not_available(
    client: Client, disposition: core_pb2.Disposition, name: str
) -> None:
    sku, location = await client.stocked(10)
    after = (await client.adjust(sku, location, 4, disposition=disposition)).level.quantities
    assert (after.on_hand, after.available, getattr(after, name)) == (14, 10, 4)
    assert (await refusal(client.reserve((sku, location, 11)))).reason == "INSUFFICIENT_STOCK"
    after = (await client.adjust(sku, location, -4, disposition=disposition)).level.quantities
    assert (after.on_hand, after.available, getattr(after, name)) == (10, 10, 0)


async def test_a_count_sets_on_hand_if_it_is_the_expected_one(client: Client) -> None:
    sku, location = await client.stocked(10)
    request = stock_pb2.SetStockRequest(
        request_id=new_id(), sku=sku, location=location, on_hand=7, expected_on_hand=10, reason="counted"
    )
    assert (await client.stock.SetStock(request)).level.quantities.on_hand == 7
    newest = (await client.movements(sku=sku))[0]
    assert (newest.kind, newest.delta.on_hand, newest.reason) == (KIND.MOVEMENT_KIND_COUNT, -3, "counted")
    request.request_id = new_id()
    assert (await refusal(client.stock.SetStock(request))).metadata == {"current": "7", "expected": "10"}


async def test_a_count_that_finds_what_was_expected_is_in_the_ledger_too(client: Client) -> None:
    sku, location = await client.stocked(10)
    request = stock_pb2.SetStockRequest(
        request_id=new_id(), sku=sku, location=location, on_hand=10, expected_on_hand=10, reason="counted"
    )
    answer = await client.stock.SetStock(request)
    newest = (await client.movements(sku=sku))[0]
    assert (newest.revision, newest.kind, newest.delta.on_hand) == (answer.revision, KIND.MOVEMENT_KIND_COUNT, 0)


async def test_of_two_counts_at_once_one_wins(client: Client) -> None:
    sku, location = await client.stocked(10)
    requests = [
        stock_pb2.SetStockRequest(
            request_id=new_id(), sku=sku, location=location, on_hand=number, expected_on_hand=10, reason="counted"
        )
        for number in range(8)
    ]
    outcomes = await asyncio.gather(*map(client.stock.SetStock, requests), return_exceptions=True)
    assert sum(isinstance(outcome, stock_pb2.SetStockResponse) for outcome in outcomes) == 1


async def test_goods_can_be_corrected_down_to_what_is_promised(client: Client) -> None:
    sku, location = await client.stocked(10)
    await client.hold((sku, location, 4))
    assert (await refusal(client.adjust(sku, location, -7))).metadata["lowest"] == "4"
    assert (await client.adjust(sku, location, -6)).level.quantities.available == 0


async def test_a_backorder_limit_lets_so_much_be_promised_beyond_the_shelf_and_no_more(client: Client) -> None:
    sku, location = await client.stocked(2)
    await thresholds(client, sku, location, backorder_limit=3)
    await client.hold((sku, location, 5))
    level = await client.quantities(sku, location)
    assert (level.available, level.held, level.backordered) == (0, 2, 3)
    assert (await refusal(client.reserve((sku, location, 1)))).shortages == [
        (f"{sku}@{location}", "requested 1, available 0")
    ]


async def test_a_back_order_can_be_fulfilled_only_when_the_goods_are_there(client: Client) -> None:
    sku, location = await client.stocked(2)
    await thresholds(client, sku, location, backorder_limit=3)
    reservation = await client.hold((sku, location, 5), ttl=None)
    too_much = client.fulfil(reservation, (sku, location, 3))
    assert (await refusal(too_much)).metadata["has"] == "2"
    await client.adjust(sku, location, 3)
    assert sum(line.fulfilled for line in (await client.fulfil(reservation)).lines) == 5


async def test_thresholds_are_set_as_a_whole_and_unset_differs_from_0(client: Client) -> None:
    sku, location = await client.stocked(5)
    answer = await thresholds(client, sku, location, safety_stock=0, reorder_point=3)
    for level in (answer.level, await client.level(sku, location)):
        assert level.HasField("safety_stock")
        assert (level.safety_stock, level.reorder_point) == (0, 3)
        assert not level.HasField("backorder_limit")
    await thresholds(client, sku, location, backorder_limit=1)
    level = await client.level(sku, location)
    assert not level.HasField("safety_stock")
    assert not level.HasField("reorder_point")
    assert level.backorder_limit == 1
    newest = (await client.movements(sku=sku))[0]
    assert (newest.kind, newest.delta) == (KIND.MOVEMENT_KIND_THRESHOLD, core_pb2.Quantities())


async def test_a_smaller_backorder_limit_may_not_break_promises(client: Client) -> None:
    sku, location = await client.stocked(2)
    await thresholds(client, sku, location, backorder_limit=3)
    await client.hold((sku, location, 4))
    assert (await refusal(thresholds(client, sku, location, backorder_limit=1))).reason == "BELOW_PROMISED"
    assert (await client.level(sku, location)).backorder_limit == 3
    assert (await thresholds(client, sku, location, backorder_limit=2)).level.backorder_limit == 2
    assert not (await thresholds(client, sku, location)).level.HasField("backorder_limit")  # who waits goes on waiting
    assert (await client.quantities(sku, location)).backordered == 2


# Bulk


async def test_a_bulk_correction_is_one_revision_and_answers_for_each_row(client: Client) -> None:
    sku, location = await client.stocked(10)
    other = await client.sku()
    answer = await batch(
        client, adjustment(sku, location, 5), adjustment(other, location, 2), adjustment(sku, location, -1)
    )
    assert (answer.applied, list(answer.on_hand), list(answer.refused)) == (3, [15, 2, 14], [])
    rows = [row for row in await client.movements(location=location) if row.revision == answer.revision]
    assert [(row.ordinal, row.sku, row.delta.on_hand) for row in reversed(rows)] == [
        (0, sku, 5),
        (1, other, 2),
        (2, sku, -1),
    ]


async def test_skipping_what_is_refused_does_the_rest(client: Client) -> None:
    sku, location = await client.stocked(10)
    answer = await batch(
        client,
        adjustment(sku, location, -11),
        adjustment(sku, location, 1),
        adjustment("nobody", location, 1),
        adjustment(sku, location, 1, expected_on_hand=10),
        adjustment(sku, location, 1, expected_on_hand=11),
        error_policy=SKIP,
    )
    assert (answer.applied, list(answer.on_hand)) == (2, [10, 11, 0, 11, 12])
    assert [(refused.row, *of_row(refused.error).what) for refused in answer.refused] == [
        (0, "FAILED_PRECONDITION", "BELOW_PROMISED"),
        (2, "NOT_FOUND", "SKU_NOT_FOUND"),
        (3, "ABORTED", "EXPECTATION_FAILED"),
    ]
    assert (await client.quantities(sku, location)).on_hand == 12


async def test_when_every_row_is_refused_nothing_gets_a_revision(client: Client) -> None:
    sku, location = await client.stocked(10)
    before = await client.movements(location=location)
    answer = await batch(client, adjustment(sku, location, -11), adjustment("nobody", "x", 1), error_policy=SKIP)
    assert (answer.revision, answer.applied, len(answer.refused)) == (0, 0, 2)
    assert await client.movements(location=location) == before


async def test_all_or_nothing_does_nothing_when_one_row_is_refused(client: Client) -> None:
    sku, location = await client.stocked(10)
    found = await refusal(batch(client, adjustment(sku, location, 5), adjustment(sku, location, -16)))
    assert found.what == ("FAILED_PRECONDITION", "BELOW_PROMISED")
    assert (await client.quantities(sku, location)).on_hand == 10


async def test_10_000_rows_are_one_command(client: Client) -> None:
    sku, location = await client.stocked(0)
    answer = await batch(client, *[adjustment(sku, location, 1)] * 10_000)
    assert answer.applied == 10_000
    assert list(answer.on_hand) == list(range(1, 10_001))


# Idempotency


async def test_the_same_request_again_is_the_same_answer_and_has_no_second_effect(
    client: Client, twin_client: Client
) -> None:
    sku, location = await client.stocked(10)
    request = stock_pb2.AdjustStockRequest(request_id=new_id(), sku=sku, location=location, delta=5, reason="test")
    first = await client.stock.AdjustStock(request)
    assert not first.replayed
    await client.adjust(sku, location, 100)
    for somewhere in (client, twin_client):
        again = await somewhere.stock.AdjustStock(request)
        assert again.replayed
        again.replayed = False
        assert again == first
    assert (await client.quantities(sku, location)).on_hand == 115


async def test_a_remembered_refusal_is_the_same_refusal_also_when_it_would_do_now(
    client: Client, twin_client: Client
) -> None:
    sku, location = await client.stocked(1)
    request = stock_pb2.AdjustStockRequest(request_id=new_id(), sku=sku, location=location, delta=-5, reason="test")
    first = await refusal(client.stock.AdjustStock(request))
    await client.adjust(sku, location, 100)
    for somewhere in (client, twin_client):
        assert await refusal(somewhere.stock.AdjustStock(request)) == first
    assert (await client.quantities(sku, location)).on_hand == 101


async def test_the_same_request_many_times_at_once_on_two_servers_has_one_effect(
    client: Client, twin_client: Client
) -> None:
    sku, location = await client.stocked(10)
    for _ in range(5):
        before = (await client.quantities(sku, location)).on_hand
        request = stock_pb2.AdjustStockRequest(request_id=new_id(), sku=sku, location=location, delta=5, reason="test")
        answers = await asyncio.gather(
            *(somewhere.stock.AdjustStock(request) for somewhere in (client, twin_client) * 5)
        )
        assert sorted(answer.replayed for answer in answers) == [False] + [True] * 9
        assert len({(answer.revision, answer.level.SerializeToString()) for answer in answers}) == 1
        assert (await client.quantities(sku, location)).on_hand == before + 5


async def test_request_ids_of_two_channels_are_different(client: Client) -> None:
    sku, location = await client.stocked(10)
    request = stock_pb2.AdjustStockRequest(request_id=new_id(), sku=sku, location=location, delta=5, reason="test")
    for channel in ("till-1", "till-2"):
        answer = await client.stock.AdjustStock(request, metadata=(("inventory-channel", channel),))
        assert not answer.replayed
    rows = await client.movements(sku=sku)
    assert [row.channel for row in rows[:2]] == ["till-2", "till-1"]


async def test_validate_only_answers_truly_has_no_effect_and_leaves_the_request_id_free(client: Client) -> None:
    sku, location = await client.stocked(10)
    request = stock_pb2.AdjustStockRequest(
        request_id=new_id(), sku=sku, location=location, delta=5, reason="test", validate_only=True
    )
    for _ in range(2):
        answer = await client.stock.AdjustStock(request)
        assert (answer.level.quantities.on_hand, answer.replayed) == (15, False)
    assert (await client.quantities(sku, location)).on_hand == 10
    request.delta = -11
    assert (await refusal(client.stock.AdjustStock(request))).reason == "BELOW_PROMISED"
    request.validate_only, request.delta = False, 1
    answer = await client.stock.AdjustStock(request)
    assert (answer.level.quantities.on_hand, answer.replayed) == (11, False)
    assert len(await client.movements(sku=sku)) == 2


async def test_calls_one_after_the_other_have_rising_revisions_whichever_server_answers(
    client: Client, twin_client: Client
) -> None:
    sku, location = await client.stocked(0)
    other = await client.stocked(0)
    revisions = []
    for turn in range(20):
        somewhere = (client, twin_client)[turn % 2]
        revisions.append((await somewhere.adjust(*((sku, location), other)[turn % 3 // 2], 1)).revision)
    assert revisions == sorted(set(revisions))


# Reading


async def test_min_revision_reads_one_s_own_writes_on_any_server(client: Client, twin_client: Client) -> None:
    sku, location = await client.stocked(10)
    revision = (await client.adjust(sku, location, 5)).revision
    request = stock_pb2.GetStockRequest(sku=sku, location=location, min_revision=revision)
    assert (await twin_client.stock.GetStock(request)).level.quantities.on_hand == 15


async def test_many_levels_are_read_at_once_in_the_order_asked_and_duplicates_once(client: Client) -> None:
    sku, location = await client.stocked(3)
    other, elsewhere = await client.stocked(4)
    asked = [
        (other, elsewhere),
        ("nobody", location),
        (sku, elsewhere),
        (sku, location),
        (sku, "x"),
        (other, elsewhere),
    ]
    answer = await client.stock.BatchGetStock(
        stock_pb2.BatchGetStockRequest(keys=[stock_pb2.StockKey(sku=each, location=place) for each, place in asked])
    )
    assert [(level.sku, level.location, level.quantities.on_hand) for level in answer.levels] == [
        (other, elsewhere, 4),
        (sku, elsewhere, 0),
        (sku, location, 3),
    ]
    assert [(key.sku, key.location) for key in answer.unknown] == [("nobody", location), (sku, "x")]


async def test_listing_stock_walks_every_level_exactly_once_in_order(client: Client) -> None:
    locations = [await client.location() for _ in range(3)]
    skus = [await client.sku(unique(prefix)) for prefix in ("Ż", "b", "a", "Z", "é")]
    for sku in skus:
        await batch(client, *(adjustment(sku, location, 1) for location in locations))
    everything = sorted(((sku, location) for sku in skus for location in locations), key=lambda pair: _bytes(*pair))
    for filters in ({"skus": skus}, {"locations": locations}, {"skus": skus, "locations": locations}):
        for size in (1, 4, 15, 100):
            assert await _walk(client, size, **filters) == everything
    assert await _walk(client, 2, skus=skus[:2], locations=locations[:1]) == [
        pair for pair in everything if pair[0] in skus[:2] and pair[1] == locations[0]
    ]


def _bytes(*codes: str) -> tuple[bytes, ...]:
    return tuple(code.encode() for code in codes)


async def _walk(client: Client, size: int, **filters: list[str]) -> list[tuple[str, str]]:
    found = []
    token = ""
    while True:
        page = await client.stock.ListStock(stock_pb2.ListStockRequest(page_size=size, page_token=token, **filters))
        assert len(page.levels) <= size
        found += [(level.sku, level.location) for level in page.levels]
        token = page.next_page_token
        if not token:
            return found


async def test_a_page_token_goes_on_with_another_page_size_and_past_new_rows(client: Client) -> None:
    sku, location = await client.stocked(1)
    for _ in range(5):
        await client.adjust(sku, location, 1)
    first = await client.stock.ListMovements(stock_pb2.ListMovementsRequest(sku=sku, page_size=2))
    await client.adjust(sku, location, 1)
    rest = await client.stock.ListMovements(
        stock_pb2.ListMovementsRequest(sku=sku, page_size=100, page_token=first.next_page_token)
    )
    assert [row.after.on_hand for row in (*first.movements, *rest.movements)] == [6, 5, 4, 3, 2, 1]
    assert not rest.next_page_token


async def test_the_ledger_says_what_who_why_and_when(client: Client) -> None:
    sku, location = await client.stocked(10)
    answer = await client.reserve((sku, location, 4), metadata=(("inventory-channel", "web"),), reference="order-7")
    row = (await client.movements(sku=sku))[0]
    assert (row.revision, row.ordinal, row.sku, row.location) == (answer.revision, 0, sku, location)
    assert row.kind == KIND.MOVEMENT_KIND_HOLD
    assert (row.delta.held, row.delta.available, row.delta.on_hand) == (4, -4, 0)
    assert (row.after.on_hand, row.after.held, row.after.available) == (10, 4, 6)
    assert row.reservation_id == answer.reservation.reservation_id
    assert (row.channel, row.reference, row.reason) == ("web", "order-7", "")
    assert row.recorded_at == answer.reservation.created_at


async def test_the_ledger_is_listed_newest_first_by_sku_location_reservation_and_time(client: Client) -> None:
    sku, location = await client.stocked(10)
    elsewhere = await client.location()
    await client.adjust(sku, elsewhere, 1)
    reservation = await client.hold((sku, location, 2))
    await client.release(reservation)
    rows = await client.movements(sku=sku)
    assert [row.kind for row in rows] == [
        KIND.MOVEMENT_KIND_RELEASE,
        KIND.MOVEMENT_KIND_HOLD,
        KIND.MOVEMENT_KIND_ADJUSTMENT,
        KIND.MOVEMENT_KIND_ADJUSTMENT,
    ]
    assert await client.movements(location=elsewhere) == rows[2:3]
    assert await client.movements(sku=sku, location=location) == [*rows[:2], rows[3]]
    assert await client.movements(reservation_id=reservation) == rows[:2]
    assert await client.movements(reservation_id=new_id()) == []
    assert await client.movements(sku="nobody") == []
    middle: Timestamp = rows[1].recorded_at
    assert await client.movements(sku=sku, recorded_from=middle) == rows[:2]
    assert await client.movements(sku=sku, recorded_before=middle) == rows[2:]


async def test_listing_movements_walks_every_row_exactly_once_also_inside_a_revision(client: Client) -> None:
    sku, location = await client.stocked(0)
    await batch(client, *[adjustment(sku, location, 1)] * 7)
    await batch(client, *[adjustment(sku, location, 1)] * 4)
    found: list[int] = []
    token = ""
    while True:
        page = await client.stock.ListMovements(stock_pb2.ListMovementsRequest(sku=sku, page_size=3, page_token=token))
        found += [row.after.on_hand for row in page.movements]
        token = page.next_page_token
        if not token:
            break
    assert found == list(range(11, 0, -1))
