"""TransferService: goods leave, are in transit, and arrive; each step once per request_id."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inventory.postgres import verify
from inventory.postgres.connection import Database
from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import transfer_service_pb2 as pb2
from tests.rpc.client import Client, Server, new_id, refusal

State = pb2.TransferState
PLANNED, SHIPPED = State.TRANSFER_STATE_PLANNED, State.TRANSFER_STATE_SHIPPED
RECEIVED, CANCELLED = State.TRANSFER_STATE_RECEIVED, State.TRANSFER_STATE_CANCELLED
Kind = core_pb2.MovementKind
Rows = tuple[str, int] | tuple[str, int, str]


def rows(*named: Rows) -> list[pb2.TransferQuantity]:
    return [pb2.TransferQuantity(sku=sku, quantity=quantity, lot=(*lot, "")[0]) for sku, quantity, *lot in named]


class Transfers:
    """The service's calls, in the words of the tests."""

    def __init__(self, client: Client) -> None:
        self.stub = client.transfers

    async def create(self, origin: str, target: str, *named: Rows, **fields: Any) -> pb2.Transfer:
        request = pb2.CreateTransferRequest(
            **{"request_id": new_id(), **fields}, from_location=origin, to_location=target, lines=rows(*named)
        )
        return (await self.stub.CreateTransfer(request)).transfer

    async def ship(self, transfer_id: str, *named: Rows) -> pb2.Transfer:
        request = pb2.ShipTransferRequest(request_id=new_id(), transfer_id=transfer_id, lines=rows(*named))
        return (await self.stub.ShipTransfer(request)).transfer

    async def receive(self, transfer_id: str, *named: Rows, **fields: Any) -> pb2.Transfer:
        request = pb2.ReceiveTransferRequest(request_id=new_id(), transfer_id=transfer_id, lines=rows(*named), **fields)
        return (await self.stub.ReceiveTransfer(request)).transfer

    async def cancel(self, transfer_id: str, reason: str = "") -> pb2.Transfer:
        request = pb2.CancelTransferRequest(request_id=new_id(), transfer_id=transfer_id, reason=reason)
        return (await self.stub.CancelTransfer(request)).transfer

    async def get(self, transfer_id: str) -> pb2.Transfer:
        return (await self.stub.GetTransfer(pb2.GetTransferRequest(transfer_id=transfer_id))).transfer

    async def list(self, **filters: Any) -> list[pb2.Transfer]:
        return list((await self.stub.ListTransfers(pb2.ListTransfersRequest(**filters))).transfers)


@pytest.fixture
def transfers(client: Client) -> Transfers:
    return Transfers(client)


@pytest.fixture(autouse=True)
async def proof(server: Server) -> AsyncIterator[None]:
    """`inventory verify` finds nothing after any test."""
    yield
    await prove(server)


async def prove(server: Server) -> None:
    async with verify.snapshot(Database(server.dsn)) as snapshot:
        for check in verify.CHECKS:
            found = await snapshot.run(check)
            assert not found.broken, (check.name, found.rows)


async def levels(client: Client, sku: str, *locations: str) -> list[tuple[int, int, int, int]]:
    """on_hand, available, in_transit and backordered at each."""
    found = [await client.quantities(sku, location) for location in locations]
    return [(level.on_hand, level.available, level.in_transit, level.backordered) for level in found]


def parts(line: pb2.TransferLine) -> tuple[int, int, int, int]:
    return line.requested, line.shipped, line.received, line.missing


async def test_goods_are_on_the_way_between_two_places(client: Client, transfers: Transfers) -> None:
    sku, here = await client.stocked(10)
    there = await client.location()
    plan = await transfers.create(here, there, (sku, 4), reason="refill", reference="MM/1")
    assert (plan.state, plan.from_location, plan.to_location, plan.channel) == (PLANNED, here, there, "default")
    assert (plan.reason, plan.reference) == ("refill", "MM/1")
    assert [parts(line) for line in plan.lines] == [(4, 0, 0, 0)]
    assert await levels(client, sku, here) == [(10, 10, 0, 0)]
    assert await transfers.get(plan.transfer_id) == plan

    shipped = await transfers.ship(plan.transfer_id)
    assert (shipped.state, shipped.HasField("shipped_at")) == (SHIPPED, True)
    assert [parts(line) for line in shipped.lines] == [(4, 4, 0, 0)]
    assert await levels(client, sku, here, there) == [(6, 6, 0, 0), (0, 0, 4, 0)]
    assert await transfers.get(plan.transfer_id) == shipped
    left, coming = (await client.movements(sku=sku))[1::-1]
    assert left.kind == coming.kind == Kind.MOVEMENT_KIND_TRANSFER_SHIPMENT
    assert (left.revision, left.location, left.delta.on_hand) == (coming.revision, here, -4)
    assert (coming.location, coming.delta.in_transit, coming.reference) == (there, 4, "MM/1")

    received = await transfers.receive(plan.transfer_id)
    assert (received.state, received.HasField("ended_at")) == (RECEIVED, True)
    assert [parts(line) for line in received.lines] == [(4, 4, 4, 0)]
    assert await levels(client, sku, here, there) == [(6, 6, 0, 0), (4, 4, 0, 0)]
    assert await transfers.get(plan.transfer_id) == received


async def test_a_plan_is_shipped_in_the_same_step_when_asked_to(client: Client, transfers: Transfers) -> None:
    sku, here = await client.stocked(10)
    there = await client.location()
    shipped = await transfers.create(here, there, (sku, 10), ship=True)
    assert shipped.state == SHIPPED
    assert await levels(client, sku, here, there) == [(0, 0, 0, 0), (0, 0, 10, 0)]
    assert (await client.movements(sku=sku))[0].reference == shipped.transfer_id


async def test_it_ships_less_and_arrives_in_pieces_with_something_missing(client: Client, transfers: Transfers) -> None:
    sku, here = await client.stocked(10)
    other, _ = await client.stocked(5, here)
    there = await client.location()
    plan = await transfers.create(here, there, (sku, 8), (other, 5))
    shipped = await transfers.ship(plan.transfer_id, (sku, 7))
    assert [parts(line) for line in shipped.lines] == [(8, 7, 0, 0), (5, 0, 0, 0)]
    assert await levels(client, other, here) == [(5, 5, 0, 0)], "what isn't named stays behind"

    half = await transfers.receive(plan.transfer_id, (sku, 3))
    assert (half.state, parts(half.lines[0])) == (SHIPPED, (8, 7, 3, 0))
    assert await levels(client, sku, there) == [(3, 3, 4, 0)]
    found = await refusal(transfers.receive(plan.transfer_id, (sku, 5)))
    assert found.what == ("FAILED_PRECONDITION", "EXCEEDS_TRANSFER")
    assert found.metadata == {"sku": sku, "lot": "", "requested": "5", "has": "4"}
    found = await refusal(transfers.receive(plan.transfer_id, (other, 1)))
    assert found.metadata["has"] == "0", "it never left"
    found = await refusal(transfers.receive(plan.transfer_id, (sku, 3), close=True))
    assert (found.reason, found.fields) == ("FIELD_REQUIRED", ["difference_reason"])

    done = await transfers.receive(
        plan.transfer_id, (sku, 3), close=True, difference_reason="broken on the way", disposition="DISPOSITION_DAMAGED"
    )
    assert (done.state, parts(done.lines[0])) == (RECEIVED, (8, 7, 6, 1))
    assert done.lines[0].difference_reason == "broken on the way"
    level = await client.quantities(sku, there)
    assert (level.on_hand, level.damaged, level.available, level.in_transit) == (6, 3, 3, 0)
    row = (await client.movements(sku=sku))[0]
    assert (row.kind, row.reason) == (Kind.MOVEMENT_KIND_TRANSFER_RECEIPT, "broken on the way")
    assert (row.delta.on_hand, row.delta.in_transit) == (3, -4)


async def test_everything_can_get_lost(client: Client, transfers: Transfers) -> None:
    sku, here = await client.stocked(2)
    there = await client.location()
    shipped = await transfers.create(here, there, (sku, 2), ship=True)
    lost = await transfers.receive(shipped.transfer_id, (sku, 0), close=True, difference_reason="stolen")
    assert (lost.state, parts(lost.lines[0])) == (RECEIVED, (2, 2, 0, 2))
    assert await levels(client, sku, here, there) == [(0, 0, 0, 0), (0, 0, 0, 0)]


async def test_closed_without_a_word_nothing_more_has_arrived(client: Client, transfers: Transfers) -> None:
    sku, here = await client.stocked(5)
    there = await client.location()
    shipped = await transfers.create(here, there, (sku, 5), ship=True)
    await transfers.receive(shipped.transfer_id, (sku, 3))
    assert (await refusal(transfers.receive(shipped.transfer_id, close=True))).reason == "FIELD_REQUIRED"
    closed = await transfers.receive(shipped.transfer_id, close=True, difference_reason="stolen")
    assert (closed.state, parts(closed.lines[0])) == (RECEIVED, (5, 5, 3, 2))


async def test_a_plan_that_is_given_up_moves_nothing(client: Client, transfers: Transfers) -> None:
    sku, here = await client.stocked(10)
    plan = await transfers.create(here, await client.location(), (sku, 4))
    cancelled = await transfers.cancel(plan.transfer_id, "not needed")
    assert (cancelled.state, cancelled.reason, cancelled.HasField("ended_at")) == (CANCELLED, "not needed", True)
    for call in (transfers.ship, transfers.receive, transfers.cancel):
        found = await refusal(call(plan.transfer_id))
        assert found.what == ("FAILED_PRECONDITION", "TRANSFER_STATE")
        assert found.metadata == {"transfer_id": plan.transfer_id, "state": "CANCELLED"}


async def test_what_was_shipped_is_called_back(client: Client, transfers: Transfers) -> None:
    sku, here = await client.stocked(10)
    there = await client.location()
    shipped = await transfers.create(here, there, (sku, 4), ship=True)
    assert (await transfers.cancel(shipped.transfer_id)).state == CANCELLED
    assert await levels(client, sku, here, there) == [(10, 10, 0, 0), (0, 0, 0, 0)]
    kinds = {row.kind for row in (await client.movements(sku=sku))[:2]}
    assert kinds == {Kind.MOVEMENT_KIND_TRANSFER_CANCELLATION}


async def test_what_was_received_in_part_cannot_be_called_back(client: Client, transfers: Transfers) -> None:
    sku, here = await client.stocked(10)
    shipped = await transfers.create(here, await client.location(), (sku, 4), ship=True)
    await transfers.receive(shipped.transfer_id, (sku, 1))
    assert (await refusal(transfers.cancel(shipped.transfer_id))).reason == "TRANSFER_STATE"


async def test_only_what_is_free_leaves(client: Client, transfers: Transfers) -> None:
    sku, here = await client.stocked(10)
    there = await client.location()
    await client.hold((sku, here, 7))
    found = await refusal(transfers.create(here, there, (sku, 4), ship=True))
    assert found.what == ("FAILED_PRECONDITION", "INSUFFICIENT_STOCK")
    assert found.metadata == {"sku": sku, "location": here, "requested": "4", "available": "3"}
    assert await levels(client, sku, here, there) == [(10, 3, 0, 0), (0, 0, 0, 0)]
    assert await transfers.list(from_location=here) == [], "a refused one is not planned either"


async def test_goods_that_arrive_go_to_those_who_wait(client: Client, transfers: Transfers) -> None:
    sku, here = await client.stocked(10)
    there = await client.location()
    await client.adjust(sku, there, 1)
    await client.allow_backorders(sku, there, 5)
    waiting = (await client.reserve((sku, there, 4), ttl=None)).reservation.reservation_id
    assert await levels(client, sku, there) == [(1, 0, 0, 3)]
    shipped = await transfers.create(here, there, (sku, 5), ship=True)
    await transfers.receive(shipped.transfer_id, (sku, 2))
    assert await levels(client, sku, there) == [(3, 0, 3, 1)]
    await transfers.receive(shipped.transfer_id)
    assert await levels(client, sku, there) == [(6, 2, 0, 0)]
    lines = (await client.reservation(waiting)).lines
    assert [(line.allocated, line.backordered) for line in lines] == [(1, 0), (3, 0)]


async def test_goods_that_come_back_go_to_those_who_wait(client: Client, transfers: Transfers) -> None:
    sku, here = await client.stocked(3)
    shipped = await transfers.create(here, await client.location(), (sku, 3), ship=True)
    await client.allow_backorders(sku, here, 5)
    waiting = (await client.reserve((sku, here, 2), ttl=None)).reservation.reservation_id
    await transfers.cancel(shipped.transfer_id)
    assert (await client.reservation(waiting)).lines[0].allocated == 2


async def test_unsellable_goods_go_to_nobody_who_waits(client: Client, transfers: Transfers) -> None:
    sku, here = await client.stocked(3)
    there = await client.location()
    await client.allow_backorders(sku, there, 5)
    await client.reserve((sku, there, 2), ttl=None)
    shipped = await transfers.create(here, there, (sku, 3), ship=True)
    await transfers.receive(shipped.transfer_id, disposition="DISPOSITION_QUALITY_CONTROL")
    assert await levels(client, sku, there) == [(3, 0, 0, 2)]


async def test_each_step_happens_once_per_request_id(client: Client, transfers: Transfers) -> None:
    sku, here = await client.stocked(10)
    there = await client.location()
    request = pb2.CreateTransferRequest(
        request_id=new_id(), from_location=here, to_location=there, lines=rows((sku, 4))
    )
    made, again = [await client.transfers.CreateTransfer(request) for _ in range(2)]
    assert (made.replayed, again.replayed, made.revision) == (False, True, 0), "a plan moves nothing"
    assert made.transfer == again.transfer
    ship = pb2.ShipTransferRequest(request_id=new_id(), transfer_id=made.transfer.transfer_id)
    left, again_left = [await client.transfers.ShipTransfer(ship) for _ in range(2)]
    assert (left.transfer, left.revision) == (again_left.transfer, again_left.revision)
    receive = pb2.ReceiveTransferRequest(request_id=new_id(), transfer_id=made.transfer.transfer_id)
    there_now, again_there = [await client.transfers.ReceiveTransfer(receive) for _ in range(2)]
    assert (there_now.revision, again_there.replayed) == (again_there.revision, True)
    assert await levels(client, sku, here, there) == [(6, 6, 0, 0), (4, 4, 0, 0)]


async def test_validate_only_answers_truly_and_does_nothing(client: Client, transfers: Transfers) -> None:
    sku, here = await client.stocked(10)
    there = await client.location()
    shown = await transfers.create(here, there, (sku, 4), ship=True, validate_only=True)
    assert (shown.state, parts(shown.lines[0])) == (SHIPPED, (4, 4, 0, 0))
    assert (await refusal(transfers.get(shown.transfer_id))).what == ("NOT_FOUND", "TRANSFER_NOT_FOUND")
    assert await levels(client, sku, here) == [(10, 10, 0, 0)]


async def test_when_it_is_expected_follows_the_calendar_unless_somebody_knows(
    client: Client, transfers: Transfers, db: Any
) -> None:
    sku, here = await client.stocked(10)
    there = await client.location()
    today = datetime.now(UTC).date()
    await db.execute("UPDATE location SET transit_days = 3 WHERE code = $1", here)
    await db.execute("UPDATE feed_head SET topology = revision")
    plan = await transfers.create(here, there, (sku, 1))
    assert plan.expected_on in {str(today + timedelta(days=days)) for days in (3, 4)}
    known = await transfers.create(here, there, (sku, 1), expected_on="2030-02-28")
    assert known.expected_on == "2030-02-28"


async def test_transfers_are_listed_newest_first_in_pages(client: Client, transfers: Transfers) -> None:
    sku, here = await client.stocked(10)
    there, elsewhere = await client.location(), await client.location()
    made = [await transfers.create(here, there, (sku, 1)) for _ in range(5)]
    await transfers.create(there, elsewhere, (sku, 1))
    shipped = await transfers.ship(made[1].transfer_id)
    made[1] = shipped
    assert await transfers.list(from_location=here) == made[::-1]
    assert await transfers.list(to_location=there, state=SHIPPED) == [shipped]
    found: list[pb2.Transfer] = []
    token = ""
    while True:
        request = pb2.ListTransfersRequest(from_location=here, page_size=2, page_token=token)
        page = await client.transfers.ListTransfers(request)
        found += page.transfers
        token = page.next_page_token
        if not token:
            break
    assert found == made[::-1]


async def test_a_retired_place_sends_its_goods_away_and_receives_none(client: Client, transfers: Transfers) -> None:
    sku, closing = await client.stocked(4)
    there = await client.location()
    await client.retire(closing)
    found = await refusal(transfers.create(there, closing, (sku, 1)))
    assert found.what == ("FAILED_PRECONDITION", "LOCATION_RETIRED")
    shipped = await transfers.create(closing, there, (sku, 4), ship=True)
    await transfers.receive(shipped.transfer_id)
    assert await levels(client, sku, closing, there) == [(0, 0, 0, 0), (4, 4, 0, 0)]


async def test_lots_travel_with_their_goods_first_expiring_first(client: Client, transfers: Transfers, db: Any) -> None:
    sku, here, there = await client.sku(), await client.location(), await client.location()
    await db.execute("UPDATE sku SET tracking = 1 WHERE code = $1", sku)
    await client.receive(
        here,
        stock_pb2.ReceiptLine(sku=sku, quantity=3, lot="late", expires_on="2090-02-01"),
        stock_pb2.ReceiptLine(sku=sku, quantity=2, lot="early", expires_on="2090-01-01"),
        reason="delivered",
        kind=stock_pb2.RECEIPT_KIND_GOODS,
    )
    plan = await transfers.create(here, there, (sku, 4))
    assert [(line.lot, line.requested) for line in plan.lines] == [("", 4)], "not chosen before it ships"
    shipped = await transfers.ship(plan.transfer_id)
    assert [(line.lot, *parts(line)) for line in shipped.lines] == [("early", 2, 2, 0, 0), ("late", 2, 2, 0, 0)]
    part = await transfers.receive(plan.transfer_id, (sku, 1, "late"))
    assert [line.received for line in part.lines] == [0, 1]
    done = await transfers.receive(plan.transfer_id)
    assert done.state == RECEIVED
    assert await transfers.get(plan.transfer_id) == done
    lots = (await client.stock.ListLots(stock_pb2.ListLotsRequest(sku=sku))).lots
    assert sorted((lot.location, lot.lot, lot.quantities.on_hand) for lot in lots) == sorted(
        [(here, "late", 1), (there, "early", 2), (there, "late", 2)]
    )
    named = await transfers.create(there, here, (sku, 1, "late"), ship=True)
    assert [line.lot for line in named.lines] == ["late"]
    found = await refusal(transfers.create(there, here, (sku, 2, "late"), ship=True))
    assert (found.reason, found.metadata["available"]) == ("INSUFFICIENT_STOCK", "1")
    await transfers.cancel(named.transfer_id)
