"""Lots: named at receipt, promised first-expiring first, never issued or sold when their last day has passed."""

import asyncio
from datetime import date

import asyncpg
import grpc
import pytest

from inventory.engine import expiry
from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as pb2
from tests.rpc.client import Client, Server, eventually, new_id, of_error, refusal
from tests.rpc.conftest import serving
from tests.rpc.tracked import (
    EARLY,
    LATE,
    day,
    grants,
    of_lot,
    promise,
    set_clock,
    set_min_life,
    standing,
    tracked,
    yesterday_where_it_is_early,
)

DAMAGED = core_pb2.DISPOSITION_DAMAGED
QUARANTINED = core_pb2.DISPOSITION_QUARANTINED
KIND = core_pb2.MovementKind


async def test_a_lot_is_named_at_receipt_and_listed_first_expiring_first(
    client: Client, db: asyncpg.Connection
) -> None:
    sku, shop = await tracked(client, db)
    house = await client.location()
    await client.receive(
        shop, of_lot(sku, 3, "LASTS"), of_lot(sku, 2, "B", day(9)), of_lot(sku, 1, "A", day(9), disposition=DAMAGED)
    )
    await client.receive(house, of_lot(sku, 4, "A"), of_lot(sku, 5, "SOON", day(2)))
    answer = await client.stock.ListLots(pb2.ListLotsRequest(sku=sku))
    found = [(row.lot, row.expires_on, row.location, row.quantities.on_hand) for row in answer.lots]
    days = [str(day(2)), str(day(9))]
    assert found == [
        ("SOON", days[0], house, 5),
        *sorted([("A", days[1], shop, 1), ("A", days[1], house, 4)], key=lambda row: row[2]),
        ("B", days[1], shop, 2),
        ("LASTS", "", shop, 3),
    ]
    assert await standing(client, sku, shop) == [("A", 1, 0), ("B", 2, 2), ("LASTS", 3, 3)]
    assert {row.lot for row in await client.movements(sku=sku)} == {"LASTS", "A", "B", "SOON"}
    assert (await refusal(client.stock.ListLots(pb2.ListLotsRequest(sku="nobody")))).reason == "SKU_NOT_FOUND"


async def test_what_a_lot_is_received_with(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await tracked(client, db)
    plain = await client.sku()
    await client.receive(location, of_lot(sku, 1, "L1", day(9)), of_lot(sku, 1, "LASTS"))
    for line, reason in (
        (pb2.ReceiptLine(sku=sku, quantity=1), "LOT_REQUIRED"),
        (of_lot(sku, 1, "L1", day(10)), "LOT_CONFLICT"),
        (of_lot(sku, 1, "LASTS", day(10)), "LOT_CONFLICT"),
        (of_lot(plain, 1, "L1"), "LOT_CONFLICT"),
        (of_lot(plain, 1, "", day(9)), "LOT_CONFLICT"),
        (of_lot(sku, 1, "OLD", day(-3)), "LOT_EXPIRED"),
        (of_lot(sku, 1, "OLD", day(-3), disposition=QUARANTINED), "LOT_EXPIRED"),
    ):
        found = await refusal(client.receive(location, line))
        assert (found.code, found.reason) == ("FAILED_PRECONDITION", reason), line
        assert found.metadata["sku"] == line.sku
    await client.receive(location, of_lot(sku, 1, "L1", day(9)), of_lot(sku, 1, "LASTS"), of_lot(sku, 1, "L1"))
    assert await standing(client, sku) == [("L1", 3, 3), ("LASTS", 2, 2)]


async def test_a_receipt_that_was_refused_says_nothing_of_the_lot_it_named(
    client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await tracked(client, db)
    assert (await refusal(client.receive(location, of_lot(sku, 1, "L1", day(-3))))).reason == "LOT_EXPIRED"
    assert (await refusal(client.adjust(sku, location, 1, lot="L1"))).reason == "LOT_NOT_FOUND"
    await client.receive(location, of_lot(sku, 1, "L1", day(3)))
    assert (await refusal(client.receive(location, of_lot(sku, 1, "L1", day(4))))).reason == "LOT_CONFLICT"


async def test_whether_a_lot_is_over_is_said_by_the_clock_of_the_place(client: Client, db: asyncpg.Connection) -> None:
    sku, early = await tracked(client, db)
    late = await client.location()
    await set_clock(db, early, EARLY)
    await set_clock(db, late, LATE)
    lot = of_lot(sku, 1, "L1", yesterday_where_it_is_early())
    found = await refusal(client.receive(early, lot))
    assert (found.reason, found.metadata["expires_on"]) == ("LOT_EXPIRED", lot.expires_on)
    await client.receive(late, lot)


async def test_an_expired_lot_that_a_customer_brings_back_is_taken_in_if_it_is_not_for_sale(
    client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await tracked(client, db)
    line = of_lot(sku, 1, "OLD", day(-3), disposition=core_pb2.DISPOSITION_SELLABLE)
    assert (await refusal(client.receive(location, line, kind=pb2.RECEIPT_KIND_RETURN))).reason == "LOT_EXPIRED"
    await client.receive(location, of_lot(sku, 1, "OLD", day(-3)), kind=pb2.RECEIPT_KIND_RETURN)
    call = client.reclassify(sku, location, 1, from_disposition=core_pb2.DISPOSITION_QUALITY_CONTROL, lot="OLD")
    assert (await refusal(call)).reason == "LOT_EXPIRED"


async def test_a_correction_is_of_a_lot(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await tracked(client, db)
    await client.receive(location, of_lot(sku, 5, "L1", day(9)), of_lot(sku, 5, "L2", day(3)))
    await client.adjust(sku, location, -4, lot="L2")
    await client.adjust(sku, location, 2, lot="L1", disposition=DAMAGED)
    assert await standing(client, sku) == [("L2", 1, 1), ("L1", 7, 5)]
    assert (await refusal(client.adjust(sku, location, 1))).reason == "LOT_REQUIRED"
    assert (await refusal(client.adjust(sku, location, 1, lot="L3"))).reason == "LOT_NOT_FOUND"
    found = await refusal(client.adjust(sku, location, -2, lot="L2"))
    assert (found.reason, found.metadata["lowest"]) == ("BELOW_PROMISED", "0")
    count = pb2.SetStockRequest(
        request_id=new_id(), sku=sku, location=location, on_hand=1, expected_on_hand=8, reason="test"
    )
    assert (await refusal(client.stock.SetStock(count))).reason == "LOT_REQUIRED"


async def test_a_reclassification_is_of_a_lot(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await tracked(client, db)
    await client.receive(location, of_lot(sku, 5, "L1", day(9)), of_lot(sku, 5, "L2", day(3)))
    await client.reclassify(sku, location, 4, to_disposition=DAMAGED, lot="L2")
    assert await standing(client, sku) == [("L2", 5, 1), ("L1", 5, 5)]
    for fields, reason in (
        ({"to_disposition": DAMAGED, "lot": "L2"}, "BELOW_PROMISED"),
        ({"to_disposition": DAMAGED}, "LOT_REQUIRED"),
        ({"to_disposition": DAMAGED, "lot": "L3"}, "LOT_NOT_FOUND"),
        ({"from_disposition": DAMAGED, "lot": "L1"}, "BELOW_PROMISED"),
    ):
        assert (await refusal(client.reclassify(sku, location, 2, **fields))).reason == reason
    await client.reclassify(sku, location, 4, from_disposition=DAMAGED, lot="L2")
    assert await standing(client, sku) == [("L2", 5, 5), ("L1", 5, 5)]


async def test_the_lot_that_expires_first_is_promised_first_and_goes_back_to_itself(
    client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await tracked(client, db)
    await client.receive(
        location, of_lot(sku, 5, "LASTS"), of_lot(sku, 2, "LATE", day(30)), of_lot(sku, 2, "SOON", day(1))
    )
    one = await promise(client, sku, location, 1)
    assert grants(one) == [("SOON", 1, 0, 0)]
    more = await promise(client, sku, location, 5)
    assert grants(more) == [("SOON", 1, 0, 0), ("LATE", 2, 0, 0), ("LASTS", 2, 0, 0)]
    await client.release(one.reservation_id)
    assert await standing(client, sku) == [("SOON", 2, 1), ("LATE", 2, 0), ("LASTS", 5, 3)]
    await client.commit(more.reservation_id)
    done = await client.fulfil(more.reservation_id)
    assert [(line.lot, line.fulfilled) for line in done.lines] == [("SOON", 1), ("LATE", 2), ("LASTS", 2)]
    assert await standing(client, sku) == [("SOON", 1, 1), ("LASTS", 3, 3)]


async def test_a_channel_is_given_only_lots_that_last_long_enough_for_it(
    client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await tracked(client, db)
    picky = (("inventory-channel", "fussy"),)
    await client.receive(location, of_lot(sku, 2, "SOON", day(5)), of_lot(sku, 2, "LATE", day(6)))
    await promise(client, sku, location, 1, metadata=picky)  # it is known from now on
    await set_min_life(db, "fussy", 6)
    assert grants(await promise(client, sku, location, 1, metadata=picky)) == [("LATE", 1, 0, 0)]
    found = await refusal(promise(client, sku, location, 2, metadata=picky))
    assert (found.reason, found.metadata["available"]) == ("INSUFFICIENT_STOCK", "1")
    assert grants(await promise(client, sku, location, 2)) == [("SOON", 1, 0, 0), ("LATE", 1, 0, 0)]


async def over(client: Client, db: asyncpg.Connection, *lots: tuple[str, int, date]) -> tuple[str, str]:
    """A SKU at a place where the clock will jump a day ahead."""
    sku, location = await tracked(client, db)
    await set_clock(db, location, LATE)
    await client.receive(location, *(of_lot(sku, quantity, lot, expires_on) for lot, quantity, expires_on in lots))
    return sku, location


async def test_a_lot_whose_last_day_has_passed_is_not_promised_and_not_issued(
    client: Client, db: asyncpg.Connection
) -> None:
    sku, location = await over(client, db, ("OLD", 3, yesterday_where_it_is_early()), ("NEW", 4, day(30)))
    order = await promise(client, sku, location, 5, ttl=None)
    assert grants(order) == [("OLD", 0, 3, 0), ("NEW", 0, 2, 0)]
    await set_clock(db, location, EARLY)
    found = await refusal(client.fulfil(order.reservation_id))
    assert (found.reason, found.metadata["lot"], found.metadata["sku"]) == ("LOT_EXPIRED", "OLD", sku)
    assert (await refusal(client.fulfil(order.reservation_id, (sku, "", 3)))).reason == "LOT_EXPIRED"
    await client.fulfil(order.reservation_id, (sku, "", 2))
    assert await standing(client, sku) == [("OLD", 3, 0), ("NEW", 2, 2)]
    await client.release(order.reservation_id)
    assert grants(await promise(client, sku, location, 2)) == [("NEW", 2, 0, 0)]
    assert (await refusal(client.reserve((sku, location, 1)))).metadata["available"] == "0"


async def test_what_is_free_of_a_lot_that_is_over_is_quarantined_once_by_two_servers(
    server: Server, client: Client, db: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "LOT_PERIOD_S", 0.05)
    past = yesterday_where_it_is_early()
    sku, location = await over(client, db, ("A", 2, past), ("B", 3, past), ("NEW", 4, day(30)))
    hold = await promise(client, sku, location, 3)
    assert grants(hold) == [("A", 2, 0, 0), ("B", 1, 0, 0)]
    await set_clock(db, location, EARLY)
    async with serving(server.dsn) as one, serving(server.dsn) as two:
        assert one.address != two.address

        async def quarantined(quantity: int) -> bool:
            return (await client.quantities(sku, location)).quarantined == quantity

        await eventually(lambda: quarantined(2), "what is free is quarantined")
        assert grants(await client.reservation(hold.reservation_id)) == grants(hold)
        await client.release(hold.reservation_id)
        await eventually(lambda: quarantined(5), "what was given back is quarantined too")
    rows = [row for row in await client.movements(sku=sku) if row.kind == KIND.MOVEMENT_KIND_LOT_EXPIRY]
    assert sum(row.delta.quarantined for row in rows) == 5
    assert {(row.channel, row.reason, row.delta.on_hand) for row in rows} == {
        ("inventory", "the lot's last day has passed", 0)
    }
    assert await standing(client, sku) == [("A", 2, 0), ("B", 3, 0), ("NEW", 4, 4)]


async def test_two_servers_receive_the_same_new_lots_at_once(
    client: Client, twin_client: Client, db: asyncpg.Connection
) -> None:
    sku, one = await tracked(client, db)
    two = await client.location()
    lots = [f"L{number}" for number in range(40)]
    answers = await asyncio.gather(
        client.receive(one, *(of_lot(sku, 1, lot, day(9)) for lot in lots)),
        twin_client.receive(two, *(of_lot(sku, 1, lot, day(9)) for lot in reversed(lots))),
        client.receive(two, *(of_lot(sku, 1, lot, day(9)) for lot in reversed(lots))),
        twin_client.receive(one, *(of_lot(sku, 1, lot, day(9)) for lot in lots)),
    )
    assert len({answer.revision for answer in answers}) == 4
    assert len(await standing(client, sku)) == 80
    assert await db.fetchval("SELECT count(*) FROM lot JOIN sku USING (sku_id) WHERE sku.code = $1", sku) == 40


async def test_of_two_first_receipts_at_once_with_two_last_days_one_is_refused(
    server: Server, client: Client, twin_client: Client, db: asyncpg.Connection
) -> None:
    """Of a lot that a refused receipt has made already, so that nothing but its lock tells them apart. Neither can end
    before both are under way."""
    sku, one = await tracked(client, db)
    two = await client.location()
    assert (await refusal(client.receive(one, of_lot(sku, 1, "L", day(-3))))).reason == "LOT_EXPIRED"
    await client.receive(two, of_lot(sku, 1, "other", day(9)))
    holder = await server.connect()
    try:
        async with holder.transaction():
            await holder.execute("SELECT FROM feed_head FOR UPDATE")
            receipts = [
                asyncio.ensure_future(client.receive(one, of_lot(sku, 1, "L", day(9)))),
                asyncio.ensure_future(twin_client.receive(two, of_lot(sku, 1, "L", day(10)))),
            ]

            async def both_wait() -> bool:
                waiting = await db.fetchval(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
                return bool(waiting == 2)

            await eventually(both_wait, "both wait for a lock")
        outcomes = await asyncio.gather(*receipts, return_exceptions=True)
    finally:
        await holder.close()
    errors = [of_error(outcome) for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    assert [error.reason for error in errors] == ["LOT_CONFLICT"]
    assert [lot for lot, _, _ in await standing(client, sku)].count("L") == 1
