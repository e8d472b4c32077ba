"""Goods told apart by serial number: each piece at most once, promised to one, and with a history."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_count_service_pb2 as count_pb2
from inventory.v1 import stock_service_pb2 as pb2
from tests.rpc.client import Client, Server, eventually, new_id, refusal, seconds
from tests.rpc.test_refused_for_now import locked

DAMAGED, SELLABLE = core_pb2.DISPOSITION_DAMAGED, core_pb2.DISPOSITION_SELLABLE
QUALITY_CONTROL = core_pb2.DISPOSITION_QUALITY_CONTROL
IN_STOCK, PROMISED, ISSUED, LOST = (
    pb2.SERIAL_STATE_IN_STOCK,
    pb2.SERIAL_STATE_PROMISED,
    pb2.SERIAL_STATE_ISSUED,
    pb2.SERIAL_STATE_LOST,
)


def pieces(sku: str, *serials: str, **fields: Any) -> pb2.ReceiptLine:
    return pb2.ReceiptLine(sku=sku, quantity=len(serials), serials=serials, **fields)


def wanted(sku: str, location: str, quantity: int, *serials: str) -> core_pb2.LineQuantity:
    return core_pb2.LineQuantity(sku=sku, location=location, quantity=quantity, serials=serials)


async def phones(client: Client, db: asyncpg.Connection, *serials: str, location: str = "") -> tuple[str, str]:
    """A new SKU that is tracked by serial numbers, with these pieces at a location, new unless one is named."""
    sku, place = await client.stocked(0, location)
    await db.execute("UPDATE sku SET tracking = 2 WHERE code = $1", sku)
    if serials:
        await client.receive(place, pieces(sku, *serials), reference="PZ 1")
    return sku, place


async def reserve(client: Client, *lines: core_pb2.LineQuantity, ttl: float | None = 3600) -> core_pb2.Reservation:
    promise: dict[str, Any] = {"allocate": True} if ttl is None else {"hold_ttl": seconds(ttl)}
    request = reservation_pb2.ReserveRequest(request_id=new_id(), lines=lines, reference="order", **promise)
    return (await client.reservations.Reserve(request)).reservation


async def fulfil(client: Client, reservation_id: str, *lines: core_pb2.LineQuantity) -> core_pb2.Reservation:
    request = reservation_pb2.FulfilRequest(
        request_id=new_id(), reservation_id=reservation_id, lines=lines, reference="WZ 1"
    )
    return (await client.reservations.Fulfil(request)).reservation


async def release(client: Client, reservation_id: str, *lines: core_pb2.LineQuantity) -> core_pb2.Reservation:
    request = reservation_pb2.ReleaseRequest(request_id=new_id(), reservation_id=reservation_id, lines=lines)
    return (await client.reservations.Release(request)).reservation


def held_id(reservation: core_pb2.Reservation) -> UUID:
    return UUID(reservation.reservation_id)


async def piece(client: Client, sku: str, serial: str) -> pb2.GetSerialResponse:
    return await client.stock.GetSerial(pb2.GetSerialRequest(sku=sku, serial=serial))


async def states(client: Client, sku: str, *serials: str) -> list[int]:
    return [(await piece(client, sku, serial)).present.state for serial in serials]


def named(reservation: core_pb2.Reservation) -> list[Sequence[str]]:
    return [list(line.serials) for line in reservation.lines]


async def test_a_piece_has_a_history_newest_first(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await phones(client, db, "S1", "S2")
    held = await reserve(client, wanted(sku, location, 1, "S1"))
    await client.commit(held.reservation_id)
    await fulfil(client, held.reservation_id)
    await client.receive(location, pieces(sku, "S1"), kind=pb2.RECEIPT_KIND_RETURN, reference="ZW 1")
    await client.reclassify(sku, location, 1, serials=["S1"], from_disposition=QUALITY_CONTROL, reference="K 1")
    await client.adjust(sku, location, -1, serials=["S1"], reference="RW 1")
    found = await piece(client, sku, "S1")
    identity = held.reservation_id
    assert [
        (event.state, event.location, event.disposition, event.reservation_id, event.reference)
        for event in found.history
    ] == [
        (LOST, "", SELLABLE, "", "RW 1"),
        (IN_STOCK, location, SELLABLE, "", "K 1"),
        (IN_STOCK, location, QUALITY_CONTROL, "", "ZW 1"),
        (ISSUED, "", SELLABLE, identity, "WZ 1"),
        (PROMISED, location, SELLABLE, identity, "order"),
        (IN_STOCK, location, SELLABLE, "", "PZ 1"),
    ]
    assert found.present == found.history[0]
    rows = {row.revision: row for row in await client.movements(sku=sku)}
    assert all(rows[event.revision].recorded_at == event.recorded_at for event in found.history)
    assert [event.revision for event in found.history] == sorted((e.revision for e in found.history), reverse=True)


async def test_there_is_no_such_piece_or_no_such_sku(client: Client, db: asyncpg.Connection) -> None:
    sku, _ = await phones(client, db, "S1")
    found = await refusal(piece(client, sku, "S2"))
    assert (found.what, found.metadata) == (("NOT_FOUND", "SERIAL_NOT_FOUND"), {"sku": sku, "serial": "S2"})
    assert (await refusal(piece(client, "nobody", "S1"))).what == ("NOT_FOUND", "SKU_NOT_FOUND")


async def test_as_many_pieces_are_named_as_are_received(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await phones(client, db)
    plain = await client.sku()
    for line, quantity in (
        (pb2.ReceiptLine(sku=sku, quantity=2, serials=["S1"]), "2"),
        (pb2.ReceiptLine(sku=sku, quantity=1, serials=["S1", "S2"]), "1"),
        (pb2.ReceiptLine(sku=sku, quantity=1), "1"),
    ):
        found = await refusal(client.receive(location, line))
        assert (found.what, found.metadata["quantity"]) == (("FAILED_PRECONDITION", "SERIALS_REQUIRED"), quantity)
    assert (await refusal(client.receive(location, pieces(plain, "S1")))).reason == "SERIALS_REQUIRED"
    assert (await refusal(client.adjust(plain, location, 1, serials=["S1"]))).reason == "SERIALS_REQUIRED"
    assert (await refusal(client.adjust(sku, location, 2, serials=["S1"]))).reason == "SERIALS_REQUIRED"
    assert (await client.quantities(sku, location)).on_hand == 0


async def test_a_piece_that_is_in_the_house_is_not_received_again_and_one_that_left_is(
    client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await phones(client, db, "S1", "S2")
    other = await client.location()
    held = await reserve(client, wanted(sku, location, 1, "S1"), ttl=None)
    for place in (location, other):
        for serial in ("S1", "S2"):
            for call in (client.receive(place, pieces(sku, serial)), client.adjust(sku, place, 1, serials=[serial])):
                found = await refusal(call)
                assert (found.what, found.metadata["serial"]) == (("FAILED_PRECONDITION", "SERIAL_TAKEN"), serial)
    await fulfil(client, held.reservation_id)
    await client.receive(other, pieces(sku, "S1"))
    present = (await piece(client, sku, "S1")).present
    assert (present.state, present.location) == (IN_STOCK, other)
    assert named(await client.reservation(held.reservation_id)) == [[]], "it is no longer that order's"


async def test_only_what_stands_there_so_is_taken_away_or_reclassified(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await phones(client, db, "S1", "S2", "S3")
    other = await client.location()
    await client.receive(other, pieces(sku, "O1"))
    await client.reclassify(sku, location, 1, serials=["S2"], to_disposition=DAMAGED)
    await reserve(client, wanted(sku, location, 1, "S3"))
    for serial, reason in (
        ("S2", "SERIAL_NOT_FOUND"),
        ("S3", "SERIAL_TAKEN"),
        ("O1", "SERIAL_NOT_FOUND"),
        ("X", "SERIAL_NOT_FOUND"),
    ):
        assert (await refusal(client.adjust(sku, location, -1, serials=[serial]))).reason == reason
        again = client.reclassify(sku, location, 1, serials=[serial], to_disposition=QUALITY_CONTROL)
        assert (await refusal(again)).reason == reason
    assert (await client.adjust(sku, location, -1, serials=["S2"], disposition=DAMAGED)).level.quantities.on_hand == 2
    assert await states(client, sku, "S1", "S2", "S3", "O1") == [IN_STOCK, LOST, PROMISED, IN_STOCK]


async def test_of_a_bulk_correction_a_refused_row_leaves_the_others_and_their_pieces(
    client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await phones(client, db, "S1", "S2")
    rows = [
        pb2.StockAdjustment(sku=sku, location=location, delta=-1, serials=["S1"]),
        pb2.StockAdjustment(sku=sku, location=location, delta=-1, serials=["X"]),
        pb2.StockAdjustment(sku=sku, location=location, delta=2, serials=["S3", "S4"]),
    ]
    request = pb2.BatchAdjustStockRequest(
        request_id=new_id(),
        reason="test",
        adjustments=rows,
        error_policy=core_pb2.ERROR_POLICY_SKIP_REFUSED,
    )
    await client.stock.BatchAdjustStock(request)
    assert (await client.quantities(sku, location)).on_hand == 3
    assert await states(client, sku, "S1", "S2", "S3", "S4") == [LOST, IN_STOCK, IN_STOCK, IN_STOCK]


async def test_counting_without_numbers_is_refused(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await phones(client, db, "S1")
    request = pb2.SetStockRequest(
        request_id=new_id(), sku=sku, location=location, on_hand=2, expected_on_hand=1, reason="test"
    )
    assert (await refusal(client.stock.SetStock(request))).reason == "SERIALS_REQUIRED"
    opened = await client.counts.OpenStockCount(count_pb2.OpenStockCountRequest(request_id=new_id(), location=location))
    record = count_pb2.RecordStockCountRequest(
        request_id=new_id(),
        count_id=opened.count.count_id,
        lines=[count_pb2.CountedQuantity(sku=sku, counted=1)],
    )
    assert (await refusal(client.counts.RecordStockCount(record))).reason == "SERIALS_REQUIRED"


async def test_the_very_pieces_are_promised_and_nobody_else_gets_them(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await phones(client, db, "S1", "S2", "S3")
    held = await reserve(client, wanted(sku, location, 2, "S1", "S3"))
    assert named(held) == [["S1", "S3"]]
    assert named(await client.reservation(held.reservation_id)) == [["S1", "S3"]]
    found = await refusal(reserve(client, wanted(sku, location, 1, "S3")))
    assert (found.what, found.metadata["serial"]) == (("FAILED_PRECONDITION", "SERIAL_TAKEN"), "S3")
    assert (await refusal(reserve(client, wanted(sku, location, 1, "S9")))).reason == "SERIAL_NOT_FOUND"
    assert named(await reserve(client, wanted(sku, location, 1))) == [[]]
    found = await refusal(reserve(client, wanted(sku, location, 1, "S2")))
    assert found.reason == "INSUFFICIENT_STOCK", "the last free one is for who named none"


async def test_pieces_of_what_is_not_tracked_are_not_promised(client: Client) -> None:
    sku, location = await client.stocked(1)
    found = await refusal(reserve(client, wanted(sku, location, 1, "S1")))
    assert found.what == ("FAILED_PRECONDITION", "SERIALS_REQUIRED")


async def test_as_much_as_possible_is_these_very_pieces_or_none(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await phones(client, db, "S1", "S2")
    plain, _ = await client.stocked(5, location)
    await reserve(client, wanted(sku, location, 1))
    request = reservation_pb2.ReserveRequest(
        request_id=new_id(),
        lines=[wanted(sku, location, 2, "S1", "S2"), wanted(plain, location, 9)],
        allocate=True,
        fill_policy=reservation_pb2.FILL_POLICY_AS_MUCH_AS_POSSIBLE,
    )
    made = (await client.reservations.Reserve(request)).reservation
    assert [(line.sku, line.requested, line.allocated, list(line.serials)) for line in made.lines] == [
        (sku, 2, 0, []),
        (plain, 9, 5, []),
    ]
    assert await states(client, sku, "S1", "S2") == [IN_STOCK, IN_STOCK]


async def test_what_is_given_back_frees_its_pieces(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await phones(client, db, "S1", "S2", "S3")
    held = await reserve(client, wanted(sku, location, 3, "S1", "S2", "S3"))
    left = await release(client, held.reservation_id, wanted(sku, location, 1, "S1"))
    assert named(left) == [["S2", "S3"]]
    left = await release(client, held.reservation_id, wanted(sku, location, 1))
    assert named(left) == [["S2"]], "the last one, when none is named"
    found = await refusal(release(client, held.reservation_id, wanted(sku, location, 1, "S3")))
    assert found.reason == "SERIAL_NOT_FOUND"
    assert await states(client, sku, "S1", "S2", "S3") == [IN_STOCK, PROMISED, IN_STOCK]
    await release(client, held.reservation_id)
    assert await states(client, sku, "S1", "S2", "S3") == [IN_STOCK] * 3


async def test_the_pieces_of_a_hold_that_has_run_out_are_anybody_s(
    server: Server, client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await phones(client, db, "S1")
    held = await reserve(client, wanted(sku, location, 1, "S1"), ttl=1)

    async def over() -> bool:
        return await states(client, sku, "S1") == [IN_STOCK]

    async with locked(server, sku):  # nobody can end the hold
        await eventually(over, "the hold has run out")
        assert named(await client.reservation(held.reservation_id)) == [[]]
        present = (await piece(client, sku, "S1")).present
        assert (present.location, present.reservation_id) == (location, "")
        assert await db.fetchval("SELECT count(*) FROM serial WHERE state = 2 AND reservation_id = $1", held_id(held))
    assert named(await reserve(client, wanted(sku, location, 1, "S1"))) == [["S1"]]


async def test_an_owner_s_new_hold_may_name_the_pieces_of_the_old_one(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await phones(client, db, "S1", "S2")
    for serials in (("S1",), ("S1", "S2"), ("S2",)):
        request = reservation_pb2.ReserveRequest(
            request_id=new_id(),
            lines=[wanted(sku, location, len(serials), *serials)],
            hold_ttl=seconds(60),
            owner=f"cart {sku}",
            replace_owner_holds=True,
        )
        made = (await client.reservations.Reserve(request)).reservation
        assert named(made) == [list(serials)]
    assert await states(client, sku, "S1", "S2") == [IN_STOCK, PROMISED]


async def test_pieces_are_named_when_they_leave_at_the_latest(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await phones(client, db, "S1", "S2", "S3")
    order = await reserve(client, wanted(sku, location, 2), ttl=None)
    identity = order.reservation_id
    for lines in ((), (wanted(sku, location, 1),)):
        assert (await refusal(fulfil(client, identity, *lines))).reason == "SERIALS_REQUIRED"
    other = await reserve(client, wanted(sku, location, 1, "S3"))
    found = await refusal(fulfil(client, identity, wanted(sku, location, 2, "S1", "S3")))
    assert (found.reason, found.metadata["serial"]) == ("SERIAL_TAKEN", "S3")
    assert (await refusal(fulfil(client, identity, wanted(sku, "", 1, "S9")))).reason == "SERIAL_NOT_FOUND"
    found = await refusal(fulfil(client, identity, wanted(sku, "", 3, "S1", "S2", "S3")))
    assert found.reason in ("SERIAL_TAKEN", "EXCEEDS_HELD")
    assert named(await fulfil(client, identity, wanted(sku, "", 1, "S2"))) == [["S2"]]
    found = await refusal(fulfil(client, identity, wanted(sku, "", 1, "S2")))
    assert found.reason == "SERIAL_NOT_FOUND", "it has left"
    done = await fulfil(client, identity, wanted(sku, "", 1, "S1"))
    assert (named(done), done.state) == ([["S1", "S2"]], core_pb2.RESERVATION_STATE_FULFILLED)
    assert await states(client, sku, "S1", "S2", "S3") == [ISSUED, ISSUED, PROMISED]
    assert named(await client.reservation(other.reservation_id)) == [["S3"]]


async def test_another_piece_may_leave_than_the_one_that_was_named(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await phones(client, db, "S1", "S2")
    order = await reserve(client, wanted(sku, location, 1, "S1"), ttl=None)
    assert named(await fulfil(client, order.reservation_id, wanted(sku, location, 1, "S2"))) == [["S2"]]
    assert await states(client, sku, "S1", "S2") == [IN_STOCK, ISSUED]


async def test_what_was_named_in_full_leaves_in_part_only_by_name(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await phones(client, db, "S1", "S2")
    order = await reserve(client, wanted(sku, location, 2, "S1", "S2"), ttl=None)
    found = await refusal(fulfil(client, order.reservation_id, wanted(sku, location, 1)))
    assert found.reason == "SERIALS_REQUIRED"
    await fulfil(client, order.reservation_id, wanted(sku, location, 1, "S2"))
    await fulfil(client, order.reservation_id)
    assert await states(client, sku, "S1", "S2") == [ISSUED, ISSUED]


async def test_pieces_tell_which_of_two_places_they_leave(client: Client, db: asyncpg.Connection) -> None:
    sku, here = await phones(client, db, "H1", "H2")
    there = await client.location()
    await client.receive(there, pieces(sku, "T1", "T2"))
    order = await reserve(client, wanted(sku, here, 1), wanted(sku, there, 1), ttl=None)
    found = await refusal(fulfil(client, order.reservation_id, wanted(sku, "", 2, "T1", "T2")))
    assert (found.reason, found.metadata["has"]) == ("EXCEEDS_HELD", "1")
    done = await fulfil(client, order.reservation_id, wanted(sku, "", 2, "T1", "H2"))
    assert named(done) == [["H2"], ["T1"]]
    assert named(await client.reservation(order.reservation_id)) == [["H2"], ["T1"]]


async def test_a_refused_or_validated_command_leaves_pieces_as_they_were(
    client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await phones(client, db, "S1")
    found = await refusal(reserve(client, wanted(sku, location, 1, "S1"), wanted("nobody", location, 1)))
    assert found.reason == "SKU_NOT_FOUND"
    await client.receive(location, pieces(sku, "S2"), validate_only=True)
    assert len((await piece(client, sku, "S1")).history) == 1
    assert (await refusal(piece(client, sku, "S2"))).reason == "SERIAL_NOT_FOUND"


async def test_the_same_request_has_one_effect_on_either_server(
    client: Client, twin_client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await phones(client, db)
    request_id = new_id()
    answers = [
        await one.receive(location, pieces(sku, "S1"), request_id=request_id) for one in (client, twin_client, client)
    ]
    assert [answer.replayed for answer in answers] == [False, True, True]
    assert len((await piece(twin_client, sku, "S1")).history) == 1


async def test_a_piece_received_at_two_places_at_once_is_received_once(
    client: Client, twin_client: Client, db: asyncpg.Connection
) -> None:
    sku, here = await phones(client, db)
    there = await client.location()
    for turn in range(20):
        serial = f"S{turn}"
        calls = (client.receive(here, pieces(sku, serial)), twin_client.receive(there, pieces(sku, serial)))
        ends = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(end, pb2.ReceiveStockResponse) for end in ends) == 1
    levels = [(await client.quantities(sku, place)).on_hand for place in (here, there)]
    assert sum(levels) == 20


async def test_a_promise_of_these_very_pieces_is_not_moved_elsewhere(client: Client, db: asyncpg.Connection) -> None:
    sku, here = await phones(client, db, "S1", "S2")
    there = await client.location()
    await client.receive(there, pieces(sku, "T1", "T2"))

    def move(order: core_pb2.Reservation) -> Awaitable[reservation_pb2.ReallocateResponse]:
        row = reservation_pb2.Reallocation(sku=sku, from_location=here, to_location=there)
        return client.reservations.Reallocate(
            reservation_pb2.ReallocateRequest(request_id=new_id(), reservation_id=order.reservation_id, moves=[row])
        )

    very = await reserve(client, wanted(sku, here, 1, "S1"))
    assert (await refusal(move(very))).what == ("FAILED_PRECONDITION", "SERIALS_REQUIRED")
    await move(await reserve(client, wanted(sku, here, 1)))
    assert (await client.quantities(sku, there)).held == 1
    assert named(await client.reservation(very.reservation_id)) == [["S1"]]
