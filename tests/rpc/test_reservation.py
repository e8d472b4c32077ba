"""ReservationService: from hold to goods issue, all or part, once per request_id."""

import asyncio
from itertools import pairwise

import pytest

from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as pb2
from tests.rpc.client import Client, asks, new_id, of_row, refusal, reserve_request, unique

STATE = core_pb2.ReservationState
PARTIAL = pb2.FILL_POLICY_AS_MUCH_AS_POSSIBLE
HELD, ALLOCATED = STATE.RESERVATION_STATE_HELD, STATE.RESERVATION_STATE_ALLOCATED
FULFILLED, RELEASED = STATE.RESERVATION_STATE_FULFILLED, STATE.RESERVATION_STATE_RELEASED


def parts(line: core_pb2.ReservationLine) -> tuple[int, int, int, int, int]:
    return line.requested, line.held, line.allocated, line.fulfilled, line.released


async def balances(client: Client, sku: str, location: str) -> tuple[int, int, int, int]:
    found = await client.quantities(sku, location)
    return found.on_hand, found.held, found.allocated, found.available


async def test_a_sale_goes_from_hold_to_allocation_to_goods_issue(client: Client) -> None:
    sku, location = await client.stocked(10)
    answer = await client.reserve((sku, location, 4), owner="cart-1", reference="order-1")
    made = answer.reservation
    assert (made.state, made.channel, made.owner, made.reference) == (HELD, "default", "cart-1", "order-1")
    assert made.expires_at.seconds - made.created_at.seconds == 3600
    assert await balances(client, sku, location) == (10, 4, 0, 6)
    committed = await client.commit(made.reservation_id)
    assert (committed.state, parts(committed.lines[0])) == (ALLOCATED, (4, 0, 4, 0, 0))
    assert await balances(client, sku, location) == (10, 0, 4, 6)
    fulfilled = await client.fulfil(made.reservation_id)
    assert (fulfilled.state, parts(fulfilled.lines[0])) == (FULFILLED, (4, 0, 0, 4, 0))
    assert await balances(client, sku, location) == (6, 0, 0, 6)
    assert await client.reservation(made.reservation_id) == fulfilled


async def test_a_reservation_can_be_allocated_at_once_and_never_expires(client: Client) -> None:
    sku, location = await client.stocked(10)
    made = (await client.reserve((sku, location, 4), ttl=None)).reservation
    assert made.state == ALLOCATED
    assert not made.HasField("expires_at")
    assert await balances(client, sku, location) == (10, 0, 4, 6)


async def test_all_lines_or_nothing_and_each_short_line_is_named(client: Client) -> None:
    sku, location = await client.stocked(10)
    other, _ = await client.stocked(2, location)
    third, _ = await client.stocked(0, location)
    found = await refusal(client.reserve((sku, location, 5), (other, location, 3), (third, location, 1)))
    assert found.what == ("FAILED_PRECONDITION", "INSUFFICIENT_STOCK")
    assert found.metadata == {"sku": other, "location": location, "requested": "3", "available": "2"}
    assert found.shortages == [
        (f"{other}@{location}", "requested 3, available 2"),
        (f"{third}@{location}", "requested 1, available 0"),
    ]
    assert (await client.quantities(sku, location)).held == 0


async def test_at_most_20_short_lines_are_named(client: Client) -> None:
    location = await client.location()
    skus = [await client.sku() for _ in range(25)]
    found = await refusal(client.reserve(*((sku, location, 1) for sku in skus)))
    assert len(found.shortages) == 20
    assert "25" in found.message


async def test_as_much_as_possible_grants_what_there_is_of_each_line(client: Client) -> None:
    sku, location = await client.stocked(10)
    other, _ = await client.stocked(2, location)
    third, _ = await client.stocked(0, location)
    answer = await client.reserve((sku, location, 5), (other, location, 3), (third, location, 1), fill_policy=PARTIAL)
    assert [parts(line) for line in answer.reservation.lines] == [(5, 5, 0, 0, 0), (3, 2, 0, 0, 0), (1, 0, 0, 0, 0)]
    assert (await refusal(client.reserve((third, location, 1), fill_policy=PARTIAL))).reason == "INSUFFICIENT_STOCK"
    done = await client.commit(answer.reservation.reservation_id)
    assert [parts(line) for line in done.lines] == [(5, 0, 5, 0, 0), (3, 0, 2, 0, 0), (1, 0, 0, 0, 0)]


async def test_a_part_is_committed_and_the_rest_stays_held(client: Client) -> None:
    sku, location = await client.stocked(10)
    other, _ = await client.stocked(10, location)
    made = await client.hold((sku, location, 4), (other, location, 5))
    after = await client.commit(made, (sku, location, 1), (other, location, 5))
    assert (after.state, [parts(line) for line in after.lines]) == (HELD, [(4, 3, 1, 0, 0), (5, 0, 5, 0, 0)])
    after = await client.commit(made)
    assert (after.state, parts(after.lines[0])) == (ALLOCATED, (4, 0, 4, 0, 0))


async def test_a_part_is_fulfilled_also_while_the_rest_is_still_held(client: Client) -> None:
    sku, location = await client.stocked(10)
    made = await client.hold((sku, location, 4))
    await client.commit(made, (sku, location, 3))
    after = await client.fulfil(made, (sku, location, 2))
    assert (after.state, parts(after.lines[0])) == (HELD, (4, 1, 1, 2, 0))
    assert await balances(client, sku, location) == (8, 1, 1, 6)
    await client.release(made, (sku, location, 1))
    assert (await client.fulfil(made)).state == FULFILLED


async def test_a_part_is_released_from_what_is_held_first(client: Client) -> None:
    sku, location = await client.stocked(10)
    made = await client.hold((sku, location, 5))
    await client.commit(made, (sku, location, 3))
    after = await client.release(made, (sku, location, 3))
    assert (after.state, parts(after.lines[0])) == (ALLOCATED, (5, 0, 2, 0, 3))
    assert await balances(client, sku, location) == (10, 0, 2, 8)
    assert (await client.release(made)).state == RELEASED
    assert await balances(client, sku, location) == (10, 0, 0, 10)


async def test_what_was_fulfilled_in_part_and_released_for_the_rest_is_fulfilled(client: Client) -> None:
    sku, location = await client.stocked(10)
    made = await client.hold((sku, location, 5), ttl=None)
    await client.fulfil(made, (sku, location, 2))
    after = await client.release(made)
    assert (after.state, parts(after.lines[0])) == (FULFILLED, (5, 0, 0, 2, 3))


async def test_a_commit_never_passes_through_free(client: Client) -> None:
    sku, location = await client.stocked(1)
    made = await client.hold((sku, location, 1))
    buyers = [asyncio.ensure_future(client.reserve((sku, location, 1))) for _ in range(20)]
    await client.commit(made)
    buyers += [asyncio.ensure_future(client.reserve((sku, location, 1))) for _ in range(20)]
    assert {(await refusal(buyer)).reason for buyer in buyers} == {"INSUFFICIENT_STOCK"}


async def test_extending_moves_the_expiry_also_to_an_earlier_time(client: Client) -> None:
    sku, location = await client.stocked(5)
    made = (await client.reserve((sku, location, 2), ttl=600)).reservation
    later = await client.extend(made.reservation_id, 3600)
    assert later.expires_at.seconds > made.expires_at.seconds + 2900
    earlier = await client.extend(made.reservation_id, 60)
    assert earlier.expires_at.seconds < made.expires_at.seconds
    assert (await client.reservation(made.reservation_id)).expires_at == earlier.expires_at
    assert (await client.quantities(sku, location)).held == 2
    newest = (await client.movements(sku=sku))[0]
    assert newest.kind == core_pb2.MOVEMENT_KIND_EXTENSION
    assert newest.delta == core_pb2.Quantities()


async def test_a_commit_can_name_the_order_it_belongs_to(client: Client) -> None:
    sku, location = await client.stocked(5)
    made = await client.hold((sku, location, 2), reference="cart-1")
    answer = await client.reservations.Commit(
        pb2.CommitRequest(request_id=new_id(), reservation_id=made, reference="order-1")
    )
    assert answer.reservation.reference == "order-1"
    assert (await client.movements(reservation_id=made))[0].reference == "order-1"
    await client.fulfil(made)
    assert (await client.movements(reservation_id=made))[0].reference == "order-1"


async def test_replacing_an_owner_s_holds_frees_them_in_the_same_step(client: Client) -> None:
    sku, location = await client.stocked(5)
    owner = unique("cart")
    earlier = await client.hold((sku, location, 5), owner=owner)
    assert (await refusal(client.reserve((sku, location, 4), owner=owner))).reason == "INSUFFICIENT_STOCK"
    answer = await client.reserve((sku, location, 4), owner=owner, replace_owner_holds=True)
    assert answer.reservation.lines[0].held == 4
    assert (await client.reservation(earlier)).state == RELEASED
    assert await balances(client, sku, location) == (5, 4, 0, 1)
    rows = [row for row in await client.movements(sku=sku) if row.revision == answer.revision]
    assert [(row.kind, row.delta.held) for row in reversed(rows)] == [
        (core_pb2.MOVEMENT_KIND_RELEASE, -5),
        (core_pb2.MOVEMENT_KIND_HOLD, 4),
    ]


async def test_a_replacement_that_is_refused_leaves_the_earlier_hold(client: Client) -> None:
    sku, location = await client.stocked(5)
    owner = unique("cart")
    earlier = await client.hold((sku, location, 3), owner=owner)
    found = await refusal(client.reserve((sku, location, 6), owner=owner, replace_owner_holds=True))
    assert found.metadata["available"] == "5"
    assert (await client.reservation(earlier)).state == HELD
    assert await balances(client, sku, location) == (5, 3, 0, 2)


async def test_replacing_touches_neither_allocations_nor_other_owners_nor_other_channels(client: Client) -> None:
    sku, location = await client.stocked(10)
    owner = unique("cart")
    allocated = await client.hold((sku, location, 1), owner=owner, ttl=None)
    others = await client.hold((sku, location, 1), owner=owner + "x")
    foreign = await client.hold((sku, location, 1), owner=owner, metadata=(("inventory-channel", "till"),))
    partly = await client.hold((sku, location, 4), owner=owner)
    await client.commit(partly, (sku, location, 1))
    await client.reserve((sku, location, 2), owner=owner, replace_owner_holds=True)
    assert (await client.reservation(allocated)).state == ALLOCATED
    assert (await client.reservation(others)).state == HELD
    assert parts((await client.reservation(partly)).lines[0]) == (4, 0, 1, 0, 3)
    assert await balances(client, sku, location) == (10, 4, 2, 4)
    assert (await refusal(client.reservation(foreign))).reason == "RESERVATION_NOT_FOUND"


async def test_another_channel_s_reservation_is_as_unknown_as_one_that_never_was(client: Client) -> None:
    sku, location = await client.stocked(5)
    foreign = await client.hold((sku, location, 1), metadata=(("inventory-channel", "till"),))
    never = new_id()
    for call in (client.reservation, client.commit, client.release, client.fulfil):
        there, nowhere = await refusal(call(foreign)), await refusal(call(never))
        assert there.message.replace(foreign, never) == nowhere.message
        assert (there.what, there.fields, there.shortages) == (nowhere.what, nowhere.fields, nowhere.shortages)
    assert (await client.quantities(sku, location)).held == 1


# Idempotency


async def test_every_write_again_is_the_same_answer_and_has_no_second_effect(
    client: Client, twin_client: Client
) -> None:
    sku, location = await client.stocked(10)
    request = reserve_request((sku, location, 4))
    made = (await client.reservations.Reserve(request)).reservation.reservation_id
    steps = [
        ("Reserve", request),
        ("Extend", pb2.ExtendRequest(request_id=new_id(), reservation_id=made, ttl={"seconds": 60})),
        ("Commit", pb2.CommitRequest(request_id=new_id(), reservation_id=made, lines=asks((sku, location, 3)))),
        ("Fulfil", pb2.FulfilRequest(request_id=new_id(), reservation_id=made, lines=asks((sku, location, 2)))),
        ("Release", pb2.ReleaseRequest(request_id=new_id(), reservation_id=made)),
    ]
    for method, step in steps:
        answers = [await getattr(somewhere.reservations, method)(step) for somewhere in (client, twin_client, client)]
        assert [answer.replayed for answer in answers] == [method == "Reserve", True, True]
        for answer in answers:
            answer.replayed = False
        assert answers[0] == answers[1] == answers[2]
    assert await balances(client, sku, location) == (8, 0, 0, 8)
    assert len(await client.movements(reservation_id=made)) == 5, "one for each step"


async def test_a_remembered_refusal_stays_also_when_there_is_enough_now(client: Client, twin_client: Client) -> None:
    sku, location = await client.stocked(1)
    request = reserve_request((sku, location, 2))
    first = await refusal(client.reservations.Reserve(request))
    await client.adjust(sku, location, 10)
    for somewhere in (client, twin_client):
        assert await refusal(somewhere.reservations.Reserve(request)) == first
    request.request_id = new_id()
    assert (await client.reservations.Reserve(request)).reservation.lines[0].held == 2


@pytest.mark.parametrize("quantity", [1, 100], ids=["granted", "refused"])
async def test_the_same_request_many_times_at_once_on_two_servers_is_one(
    client: Client, twin_client: Client, quantity: int
) -> None:
    sku, location = await client.stocked(10)
    for turn in range(5):
        request = reserve_request((sku, location, quantity))
        calls = [somewhere.reservations.Reserve(request) for somewhere in (client, twin_client) * 5]
        if quantity == 1:
            answers = await asyncio.gather(*calls)
            assert sorted(answer.replayed for answer in answers) == [False] + [True] * 9
            assert len({answer.reservation.reservation_id for answer in answers}) == 1
            assert len({answer.revision for answer in answers}) == 1
            assert (await client.quantities(sku, location)).held == turn + 1
        else:
            refusals = [await refusal(call) for call in calls]
            assert all(each == refusals[0] for each in refusals)


async def test_the_same_id_for_other_content_is_refused_on_every_server_and_changes_nothing(
    client: Client, twin_client: Client
) -> None:
    sku, location = await client.stocked(10)
    request = reserve_request((sku, location, 1))
    await client.reservations.Reserve(request)
    other = reserve_request((sku, location, 2), request_id=request.request_id)
    for somewhere in (client, twin_client):
        found = await refusal(somewhere.reservations.Reserve(other))
        assert found.what == ("ALREADY_EXISTS", "REQUEST_ID_REUSED")
    assert (await client.quantities(sku, location)).held == 1
    assert (await client.reservations.Reserve(request)).replayed, "and the first answer is still known"


async def test_validate_only_answers_truly_has_no_effect_and_leaves_the_request_id_free(client: Client) -> None:
    sku, location = await client.stocked(5)
    request = reserve_request((sku, location, 4), validate_only=True)
    dry = await client.reservations.Reserve(request)
    assert (dry.reservation.lines[0].held, dry.replayed) == (4, False)
    assert (await refusal(client.reservation(dry.reservation.reservation_id))).reason == "RESERVATION_NOT_FOUND"
    assert await balances(client, sku, location) == (5, 0, 0, 5)
    request.lines[0].quantity = 6
    assert (await refusal(client.reservations.Reserve(request))).reason == "INSUFFICIENT_STOCK"
    request.validate_only, request.lines[0].quantity = False, 5
    assert not (await client.reservations.Reserve(request)).replayed


async def test_answers_one_after_the_other_have_rising_revisions_whichever_server(
    client: Client, twin_client: Client
) -> None:
    sku, location = await client.stocked(50)
    other, elsewhere = await client.stocked(50)
    revisions = []
    for turn in range(12):
        somewhere = (client, twin_client)[turn % 2]
        place = ((sku, location), (other, elsewhere))[turn // 2 % 2]
        revisions.append((await somewhere.reserve((*place, 1))).revision)
    assert all(before < after for before, after in pairwise(revisions))


# Lists


async def _walk(client: Client, size: int, **filters: object) -> list[str]:
    found: list[str] = []
    token = ""
    while True:
        request = pb2.ListReservationsRequest(page_size=size, page_token=token, **filters)  # type: ignore[arg-type]
        page = await client.reservations.ListReservations(request)
        assert len(page.reservations) <= size
        found += [each.reservation_id for each in page.reservations]
        token = page.next_page_token
        if not token:
            return found


async def test_listing_walks_a_channel_s_reservations_exactly_once_newest_first(client: Client) -> None:
    sku, location = await client.stocked(100)
    owner, reference = unique("cart"), unique("order")
    made = [
        await client.hold((sku, location, 1), owner=owner, reference=reference if turn % 2 else "") for turn in range(7)
    ]
    for size in (1, 3, 7, 100):
        assert await _walk(client, size, owner=owner) == sorted(made, reverse=True)
    assert await _walk(client, 2, reference=reference) == sorted(made[1::2], reverse=True)
    await client.commit(made[0])
    await client.release(made[1])
    assert await _walk(client, 2, owner=owner, state=HELD) == sorted(made[2:], reverse=True)
    assert await _walk(client, 2, owner=owner, state=ALLOCATED) == [made[0]]
    assert await _walk(client, 2, owner=owner, state=RELEASED) == [made[1]]
    assert await _walk(client, 2, owner=owner, state=FULFILLED) == []
    elsewhere = await client.reservations.ListReservations(
        pb2.ListReservationsRequest(owner=owner), metadata=(("inventory-channel", "till"),)
    )
    assert not elsewhere.reservations


# Many at once


async def test_a_batch_answers_each_request_in_order_and_on_its_own(client: Client) -> None:
    sku, location = await client.stocked(3)
    replayed = reserve_request((sku, location, 1))
    await client.reservations.Reserve(replayed)
    requests = [
        reserve_request((sku, location, 1)),
        reserve_request((sku, location, 5)),
        replayed,
        reserve_request((sku, location, 0)),
        reserve_request(("nobody", location, 1)),
        reserve_request((sku, location, 1), request_id=""),
        reserve_request((sku, location, 1), hold_ttl={"seconds": 0}),
        reserve_request((sku, location, 2), request_id=replayed.request_id),
        reserve_request((sku, location, 1), validate_only=True),
        reserve_request((sku, location, 1)),
    ]
    requests.append(requests[0])
    answer = await client.reservations.BatchReserve(pb2.BatchReserveRequest(requests=requests))
    assert [result.request_id for result in answer.results] == [request.request_id for request in requests]
    outcomes = [
        of_row(result.error).reason if result.HasField("error") else result.response.replayed
        for result in answer.results
    ]
    assert outcomes == [
        False,
        "INSUFFICIENT_STOCK",
        True,
        "QUANTITY_OUT_OF_RANGE",
        "SKU_NOT_FOUND",
        "REQUEST_ID_REQUIRED",
        "TTL_OUT_OF_RANGE",
        "REQUEST_ID_REUSED",
        False,
        False,
        True,
    ]
    assert answer.results[10].response.reservation == answer.results[0].response.reservation
    assert of_row(answer.results[3].error).fields == ["requests[3].lines[0].quantity"]
    assert of_row(answer.results[5].error).fields == ["requests[5].request_id"]
    assert of_row(answer.results[6].error).fields == ["requests[6].hold_ttl"]
    assert (await client.quantities(sku, location)).held == 3


async def test_a_thousand_requests_in_one_batch_share_the_stock_out_exactly(client: Client) -> None:
    sku, location = await client.stocked(300)
    requests = [reserve_request((sku, location, 1)) for _ in range(1_000)]
    answer = await client.reservations.BatchReserve(pb2.BatchReserveRequest(requests=requests))
    granted = [result.response.revision for result in answer.results if result.HasField("response")]
    assert len(granted) == 300
    assert granted == sorted(set(granted))
    assert [result.HasField("response") for result in answer.results] == [True] * 300 + [False] * 700
