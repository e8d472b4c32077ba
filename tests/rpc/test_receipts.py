"""ReceiveStock and ReclassifyStock: goods that come in, come back, and change their disposition."""

import asyncpg
import pytest

from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as pb2
from tests.rpc.client import Client, new_id, refusal, reserve_request

KIND = core_pb2.MovementKind
DAMAGED = core_pb2.DISPOSITION_DAMAGED
QUALITY_CONTROL = core_pb2.DISPOSITION_QUALITY_CONTROL
SELLABLE = core_pb2.DISPOSITION_SELLABLE


async def test_a_receipt_raises_on_hand_and_answers_with_each_sku_s_level(client: Client) -> None:
    location = await client.location()
    milk, tea = await client.sku(), await client.sku()
    answer = await client.receive(
        location, (milk, 3), (tea, 5), (milk, 4), kind=pb2.RECEIPT_KIND_GOODS, reason="delivered", reference="PZ 1"
    )
    assert [(level.sku, level.quantities.on_hand, level.quantities.available) for level in answer.levels] == [
        (milk, 7, 7),
        (tea, 5, 5),
    ]
    assert [level.location for level in answer.levels] == [location] * 2
    rows = await client.movements(location=location)
    assert {(row.kind, row.revision, row.reason, row.reference) for row in rows} == {
        (KIND.MOVEMENT_KIND_RECEIPT, answer.revision, "delivered", "PZ 1")
    }
    assert [(row.sku, row.delta.on_hand) for row in reversed(rows)] == [(milk, 3), (tea, 5), (milk, 4)]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [(0, "quality_control"), (DAMAGED, "damaged"), (SELLABLE, "available"), (QUALITY_CONTROL, "quality_control")],
)
async def test_what_comes_back_is_inspected_first_unless_a_disposition_is_named(
    client: Client, disposition: core_pb2.Disposition, name: str
) -> None:
    sku, location = await client.stocked(0)
    line = pb2.ReceiptLine(sku=sku, quantity=2, disposition=disposition)
    answer = await client.receive(location, line, kind=pb2.RECEIPT_KIND_RETURN)
    quantities = answer.levels[0].quantities
    assert (quantities.on_hand, getattr(quantities, name)) == (2, 2)
    assert [row.kind for row in await client.movements(sku=sku)] == [KIND.MOVEMENT_KIND_RETURN]


async def test_a_receipt_is_all_or_nothing(client: Client) -> None:
    sku, location = await client.stocked(1)
    found = await refusal(client.receive(location, (sku, 5), ("nobody", 1)))
    assert (found.reason, found.metadata["row"]) == ("SKU_NOT_FOUND", "1")
    assert (await client.quantities(sku, location)).on_hand == 1


async def test_a_receipt_has_one_effect_per_request_id(client: Client, twin_client: Client) -> None:
    sku, location = await client.stocked(0)
    request_id = new_id()
    first = await client.receive(location, (sku, 5), request_id=request_id)
    again = await twin_client.receive(location, (sku, 5), request_id=request_id)
    assert (again.replayed, again.revision, again.levels) == (True, first.revision, first.levels)
    assert (await client.quantities(sku, location)).on_hand == 5


async def test_a_receipt_that_is_only_validated_changes_nothing(client: Client) -> None:
    sku, location = await client.stocked(0)
    answer = await client.receive(location, (sku, 5), validate_only=True)
    assert answer.levels[0].quantities.on_hand == 5
    assert (await client.quantities(sku, location)).on_hand == 0


@pytest.mark.parametrize("kind", [2, 3])
async def test_a_bundle_and_a_virtual_sku_have_no_stock_of_their_own(
    client: Client, db: asyncpg.Connection, kind: int
) -> None:
    sku, location = await client.stocked(0)
    await db.execute("UPDATE sku SET kind = $1 WHERE code = $2", kind, sku)
    for call in (
        client.receive(location, (sku, 5)),
        client.adjust(sku, location, 1),
        client.stock.SetStock(
            pb2.SetStockRequest(request_id=new_id(), sku=sku, location=location, expected_on_hand=0, reason="test")
        ),
        client.stock.SetThresholds(pb2.SetThresholdsRequest(request_id=new_id(), sku=sku, location=location)),
        client.expect(sku, location, 5, "2030-01-01"),
        client.reclassify(sku, location, 1, to_disposition=DAMAGED),
    ):
        found = await refusal(call)
        assert (found.reason, found.metadata["sku"]) == ("SKU_NOT_STOCKED", sku)


async def test_goods_go_from_sellable_to_damaged_and_back(client: Client) -> None:
    sku, location = await client.stocked(5)
    after = (await client.reclassify(sku, location, 3, to_disposition=DAMAGED, reference="D 1")).level.quantities
    assert (after.on_hand, after.damaged, after.available) == (5, 3, 2)
    after = (
        await client.reclassify(sku, location, 2, from_disposition=DAMAGED, to_disposition=QUALITY_CONTROL)
    ).level.quantities
    assert (after.on_hand, after.damaged, after.quality_control, after.available) == (5, 1, 2, 2)
    after = (await client.reclassify(sku, location, 2, from_disposition=QUALITY_CONTROL)).level.quantities
    assert (after.on_hand, after.damaged, after.quality_control, after.available) == (5, 1, 0, 4)
    rows = await client.movements(sku=sku)
    assert [row.kind for row in rows[:3]] == [KIND.MOVEMENT_KIND_RECLASSIFICATION] * 3
    assert (rows[2].delta.damaged, rows[2].delta.on_hand, rows[2].reference) == (3, 0, "D 1")


async def test_what_is_promised_or_not_there_is_not_reclassified(client: Client) -> None:
    sku, location = await client.stocked(5)
    await client.hold((sku, location, 3))
    found = await refusal(client.reclassify(sku, location, 3, to_disposition=DAMAGED))
    assert (found.reason, found.metadata["has"]) == ("BELOW_PROMISED", "2")
    found = await refusal(client.reclassify(sku, location, 1, from_disposition=DAMAGED))
    assert (found.reason, found.metadata["has"]) == ("BELOW_PROMISED", "0")


async def test_what_is_expected_becomes_less_by_what_came_under_its_reference(client: Client) -> None:
    sku, location = await client.stocked(0)
    after = (await client.expect(sku, location, 10, "2030-01-01", reference="PO 1")).levels[0].quantities
    assert (after.incoming, after.available) == (10, 0)
    await client.expect(sku, location, 5, "2030-02-01", reference="PO 2")
    after = (await client.receive(location, (sku, 4), incoming_reference="PO 1")).levels[0].quantities
    assert (after.incoming, after.on_hand) == (11, 4)
    after = (await client.receive(location, (sku, 4), incoming_reference="PO 3")).levels[0].quantities
    assert (after.incoming, after.on_hand) == (11, 8)
    after = (await client.receive(location, (sku, 4), (sku, 4), incoming_reference="PO 1")).levels[0].quantities
    assert (after.incoming, after.on_hand) == (5, 16)
    after = (await client.expect(sku, location, 0, "", reference="PO 2")).levels[0].quantities
    assert after.incoming == 0


async def test_a_new_date_alone_is_a_change(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await client.stocked(0)
    first = await client.expect(sku, location, 10, "2030-01-01", reference="PO 9")
    same = await client.expect(sku, location, 10, "2030-01-01", reference="PO 9")
    assert (same.revision, same.levels) == (0, first.levels)
    assert (await client.level(sku, location)).revision == first.revision
    moved = await client.expect(sku, location, 10, "2030-01-02", reference="PO 9")
    assert moved.revision > first.revision
    newest = (await client.movements(sku=sku))[0]
    assert (newest.kind, newest.delta.incoming, newest.reference) == (KIND.MOVEMENT_KIND_EXPECTATION, 0, "PO 9")
    assert str(await db.fetchval("SELECT due_on FROM incoming WHERE reference = 'PO 9'")) == "2030-01-02"


async def test_a_shortage_says_when_more_is_due_and_says_it_again(client: Client, twin_client: Client) -> None:
    sku, location = await client.stocked(1)
    other = await client.sku()
    await client.adjust(other, location, 5)
    await client.expect(sku, location, 10, "2031-03-01", reference="PO 1")
    await client.expect(sku, location, 10, "2031-02-01", reference="PO 2")
    request = reserve_request((sku, location, 2), (other, location, 9))
    found = await refusal(client.reservations.Reserve(request))
    assert (found.reason, found.metadata["due_on"]) == ("INSUFFICIENT_STOCK", "2031-02-01")
    assert found.shortages == [
        (f"{sku}@{location}", "requested 2, available 1, due_on 2031-02-01"),
        (f"{other}@{location}", "requested 9, available 5"),
    ]
    await client.expect(sku, location, 0, "", reference="PO 2")
    assert await refusal(twin_client.reservations.Reserve(request)) == found
    request.request_id = new_id()
    assert (await refusal(twin_client.reservations.Reserve(request))).metadata["due_on"] == "2031-03-01"
    await client.expect(sku, location, 0, "", reference="PO 1")
    assert "due_on" not in (await refusal(client.reserve((sku, location, 2)))).metadata


async def test_a_line_that_names_no_place_is_told_the_first_day_of_any(client: Client) -> None:
    sku, one = await client.stocked(0)
    two = await client.location()
    await client.expect(sku, one, 10, "2031-03-01")
    await client.expect(sku, two, 10, "2031-02-01")
    found = await refusal(client.reserve((sku, "", 2)))
    assert (found.reason, found.metadata["due_on"]) == ("INSUFFICIENT_STOCK", "2031-02-01")


async def test_what_is_on_its_way_is_due_when_the_transfer_says(client: Client, db: asyncpg.Connection) -> None:
    sku, location = await client.stocked(0)
    await client.expect(sku, location, 10, "2031-03-01")
    transfer_id = await db.fetchval(
        """
        INSERT INTO transfer (transfer_id, channel_id, from_location_id, to_location_id, state, reference, reason,
            created_at, shipped_at, expected_on)
        SELECT gen_random_uuid(), 1, (SELECT min(location_id) FROM location), location_id, 2, '', '', now(), now(),
            '2031-01-15'
        FROM location WHERE code = $1
        RETURNING transfer_id
        """,
        location,
    )
    await db.execute(
        """
        INSERT INTO transfer_line (transfer_id, line_no, sku_id, lot_id, requested, shipped, received, missing,
            difference_reason, serials)
        SELECT $1, 0, sku_id, 0, 5, 5, 0, 0, '', '{}' FROM sku WHERE code = $2
        """,
        transfer_id,
        sku,
    )
    assert (await refusal(client.reserve((sku, location, 2)))).metadata["due_on"] == "2031-01-15"
