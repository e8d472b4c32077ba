"""Click and collect: from the pick-up place's own stock, or by a transfer that is made with the reservation."""

from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from typing import Any

import asyncpg
import pytest

from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as pb2
from tests.rpc.client import Client, Server, eventually, new_id, refusal, reserve_request, unique
from tests.rpc.test_transfers import CANCELLED, PLANNED, RECEIVED, SHIPPED, Transfers, levels, parts, prove

PICKUP = core_pb2.PURPOSE_PICKUP
STATE = core_pb2.ReservationState
Lines = list[tuple[str, int, int, int, int]]


class Town:
    """A central warehouse and two shops, of which a channel of the town's own sells."""

    def __init__(self, client: Client, transfers: Transfers) -> None:
        self.client = client
        self.transfers = transfers
        self.channel = unique("town")[:32]
        self.metadata = (("inventory-channel", self.channel),)
        self.shop = self.central = self.other = ""

    async def sells(self, **view: Any) -> None:
        """Sets the channel: all three places, and what it sees."""
        channel = channel_pb2.Channel(
            channel=self.channel,
            locations=[self.shop, self.central, self.other],
            view=channel_pb2.ChannelView(**view),
        )
        await self.client.channels.SetChannel(channel_pb2.SetChannelRequest(request_id=new_id(), channel=channel))

    async def stocked(self, shop: int, central: int, other: int = 0) -> str:
        sku = await self.client.sku()
        for location, on_hand in ((self.shop, shop), (self.central, central), (self.other, other)):
            if on_hand:
                await self.client.adjust(sku, location, on_hand)
        return sku

    async def collect(
        self, *lines: tuple[str, int], by_transfer: bool = True, location: str = "", **fields: Any
    ) -> core_pb2.Reservation:
        request = reserve_request(*((sku, "", quantity) for sku, quantity in lines), **fields)
        request.pickup.CopyFrom(pb2.Pickup(location=location or self.shop, by_transfer=by_transfer))
        answer = await self.client.reservations.Reserve(request, metadata=self.metadata)
        return answer.reservation

    async def call(self, name: str, reservation_id: str, **fields: Any) -> core_pb2.Reservation:
        request = getattr(pb2, f"{name}Request")(request_id=new_id(), reservation_id=reservation_id, **fields)
        answer = await getattr(self.client.reservations, name)(request, metadata=self.metadata)
        return answer.reservation  # type: ignore[no-any-return]

    async def get(self, reservation_id: str) -> core_pb2.Reservation:
        request = pb2.GetReservationRequest(reservation_id=reservation_id)
        answer = await self.client.reservations.GetReservation(request, metadata=self.metadata)
        return answer.reservation


def told(reservation: core_pb2.Reservation) -> Lines:
    """Per line where, and requested, held, allocated and backordered there; those that are left of."""
    return [
        (line.location, line.requested, line.held, line.allocated, line.backordered)
        for line in reservation.lines
        if line.requested
    ]


@pytest.fixture
def transfers(client: Client) -> Transfers:
    return Transfers(client)


@pytest.fixture
async def town(client: Client, transfers: Transfers, db: asyncpg.Connection) -> Town:
    town = Town(client, transfers)
    town.shop, town.central, town.other = [await client.location() for _ in range(3)]
    await db.execute(
        "UPDATE location SET uses = 1, transit_days = 2, handling = '1 hour' WHERE code = $1", town.central
    )
    await db.execute("UPDATE location SET handling = '2 hours' WHERE code = $1", town.shop)
    await town.sells()  # which lets servers read the places again, too
    return town


async def topology_changed(db: asyncpg.Connection) -> None:
    """Servers read places and channels again."""
    await db.execute("UPDATE feed_head SET topology = greatest(topology + 1, revision)")


@pytest.fixture(autouse=True)
async def proof(server: Server) -> AsyncIterator[None]:
    yield
    await prove(server)


async def test_the_pick_up_place_s_own_stock_comes_first(town: Town) -> None:
    sku = await town.stocked(shop=3, central=10)
    made = await town.collect((sku, 3))
    assert (made.purpose, made.pickup_location, list(made.transfer_ids)) == (PICKUP, town.shop, [])
    assert told(made) == [(town.shop, 3, 3, 0, 0)]
    ready = made.ready_at.ToDatetime(tzinfo=UTC)
    assert ready == made.created_at.ToDatetime(tzinfo=UTC) + timedelta(hours=2), "the shop's handling"


async def test_without_a_transfer_only_its_own_stock_counts(town: Town) -> None:
    sku = await town.stocked(shop=2, central=10)
    found = await refusal(town.collect((sku, 3), by_transfer=False))
    assert found.reason == "INSUFFICIENT_STOCK"
    assert found.metadata["available"] == "2"
    made = await town.collect((sku, 2), by_transfer=False)
    assert told(made) == [(town.shop, 2, 2, 0, 0)]


async def test_what_is_missing_is_held_elsewhere_and_a_transfer_is_planned(town: Town) -> None:
    sku = await town.stocked(shop=1, central=10)
    other = await town.stocked(shop=0, central=5)
    made = await town.collect((sku, 4), (other, 2), reference="order-1")
    assert told(made) == [(town.shop, 1, 1, 0, 0), (town.central, 3, 3, 0, 0), (town.central, 2, 2, 0, 0)]
    plan = await town.transfers.get(made.transfer_ids[0])
    assert len(made.transfer_ids) == 1
    assert (plan.state, plan.from_location, plan.to_location) == (PLANNED, town.central, town.shop)
    assert (plan.reservation_id, plan.reference, plan.channel) == (made.reservation_id, "order-1", town.channel)
    assert [(line.sku, line.requested) for line in plan.lines] == [(sku, 3), (other, 2)]
    assert await town.transfers.list(reservation_id=made.reservation_id) == [plan]
    made_at = made.created_at.ToDatetime(tzinfo=UTC)
    assert made.ready_at.ToDatetime(tzinfo=UTC) == made_at + timedelta(days=2, hours=3), (
        "to the shop, and handled there"
    )
    assert await town.get(made.reservation_id) == made


async def test_a_transfer_comes_from_each_place_that_gives_something(town: Town) -> None:
    sku = await town.stocked(shop=1, central=2, other=2)
    made = await town.collect((sku, 5), sourcing=pb2.Sourcing(split=True))
    assert [row[0] for row in told(made)] == [town.shop, town.central, town.other]
    plans = [await town.transfers.get(transfer_id) for transfer_id in made.transfer_ids]
    assert [plan.from_location for plan in plans] == [town.central, town.other]
    assert await town.transfers.list(reservation_id=made.reservation_id) == plans[::-1]


async def test_the_goods_go_to_the_shop_and_then_to_the_customer(town: Town) -> None:
    sku = await town.stocked(shop=1, central=10)
    made = await town.collect((sku, 4))
    (transfer_id,) = made.transfer_ids
    found = await refusal(town.transfers.ship(transfer_id))
    assert found.what == ("FAILED_PRECONDITION", "TRANSFER_STATE"), "what is only held doesn't leave"
    assert found.metadata["reservation_state"] == "HELD"

    committed = await town.call("Commit", made.reservation_id, reference="order-2")
    assert list(committed.transfer_ids) == [transfer_id]
    shipped = await town.transfers.ship(transfer_id)
    assert shipped.state == SHIPPED
    on_way = await town.get(made.reservation_id)
    assert on_way.state == STATE.RESERVATION_STATE_ALLOCATED
    assert told(on_way) == [(town.shop, 4, 0, 1, 3)]
    assert await levels(town.client, sku, town.central, town.shop) == [(7, 7, 0, 0), (1, 0, 3, 3)]

    await town.transfers.receive(transfer_id)
    assert told(await town.get(made.reservation_id)) == [(town.shop, 4, 0, 4, 0)]
    assert await levels(town.client, sku, town.shop) == [(4, 0, 0, 0)]
    done = await town.call("Fulfil", made.reservation_id)
    assert done.state == STATE.RESERVATION_STATE_FULFILLED
    assert await levels(town.client, sku, town.shop) == [(0, 0, 0, 0)]


async def test_goods_that_were_sent_for_somebody_are_not_given_to_who_waits_longer(town: Town) -> None:
    sku = await town.stocked(shop=0, central=10)
    await town.client.allow_backorders(sku, town.shop, 9)
    first = await town.client.reserve((sku, town.shop, 2), ttl=None)
    made = await town.collect((sku, 3), ttl=None)
    await town.transfers.ship(made.transfer_ids[0])
    await town.transfers.receive(made.transfer_ids[0], (sku, 2))
    assert told(await town.get(made.reservation_id)) == [(town.shop, 3, 0, 2, 1)]
    waiting = await town.client.reservation(first.reservation.reservation_id)
    assert waiting.lines[0].backordered == 2
    await town.client.adjust(sku, town.shop, 2)
    assert (await town.client.reservation(first.reservation.reservation_id)).lines[0].allocated == 2


async def test_only_part_is_shipped_and_the_rest_stays_promised_where_it_is(town: Town) -> None:
    sku = await town.stocked(shop=0, central=10)
    made = await town.collect((sku, 5), ttl=None)
    shipped = await town.transfers.ship(made.transfer_ids[0], (sku, 2))
    assert parts(shipped.lines[0]) == (5, 2, 0, 0)
    assert told(await town.get(made.reservation_id)) == [(town.central, 3, 0, 3, 0), (town.shop, 2, 0, 0, 2)]


async def test_a_release_cancels_what_is_planned(town: Town) -> None:
    sku = await town.stocked(shop=0, central=10)
    made = await town.collect((sku, 5), ttl=None)
    await town.call("Release", made.reservation_id, lines=[core_pb2.LineQuantity(sku=sku, quantity=1)])
    assert (await town.transfers.get(made.transfer_ids[0])).state == PLANNED, "some of it is still wanted"
    await town.call("Release", made.reservation_id)
    cancelled = await town.transfers.get(made.transfer_ids[0])
    assert (cancelled.state, cancelled.HasField("ended_at")) == (CANCELLED, True)
    found = await refusal(town.transfers.ship(made.transfer_ids[0]))
    assert (found.reason, found.metadata["state"]) == ("TRANSFER_STATE", "CANCELLED")
    assert await levels(town.client, sku, town.central) == [(10, 10, 0, 0)]


async def test_after_a_release_in_part_the_rest_is_shipped(town: Town) -> None:
    sku = await town.stocked(shop=0, central=10)
    made = await town.collect((sku, 5), ttl=None)
    await town.call("Release", made.reservation_id, lines=[core_pb2.LineQuantity(sku=sku, quantity=1)])
    found = await refusal(town.transfers.ship(made.transfer_ids[0], (sku, 5)))
    assert (found.reason, found.metadata["has"]) == ("EXCEEDS_TRANSFER", "4")
    shipped = await town.transfers.ship(made.transfer_ids[0])
    assert parts(shipped.lines[0]) == (5, 4, 0, 0)


async def test_a_hold_that_runs_out_cancels_what_is_planned(town: Town) -> None:
    sku = await town.stocked(shop=0, central=10)
    made = await town.collect((sku, 5), ttl=1)

    async def cancelled() -> bool:
        return (await town.transfers.get(made.transfer_ids[0])).state == CANCELLED

    await eventually(cancelled, "cancelled with its reservation")

    async def said() -> bool:
        return (await town.transfers.get(made.transfer_ids[0])).HasField("ended_at")

    await eventually(said, "and swept")


async def test_a_plan_nobody_has_cancelled_yet_counts_as_cancelled(town: Town, db: asyncpg.Connection) -> None:
    sku = await town.stocked(shop=0, central=10)
    made = await town.collect((sku, 5), ttl=None)
    await town.call("Release", made.reservation_id)
    await db.execute("UPDATE transfer SET state = 1, ended_at = NULL WHERE transfer_id = $1", made.transfer_ids[0])
    assert (await town.transfers.get(made.transfer_ids[0])).state == CANCELLED
    assert await town.transfers.list(state=PLANNED, reservation_id=made.reservation_id) == []
    assert (await refusal(town.transfers.ship(made.transfer_ids[0]))).metadata["state"] == "CANCELLED"


async def test_called_back_it_is_promised_where_it_was(town: Town) -> None:
    sku = await town.stocked(shop=0, central=10)
    made = await town.collect((sku, 5), ttl=None)
    await town.transfers.ship(made.transfer_ids[0])
    await town.transfers.cancel(made.transfer_ids[0])
    assert told(await town.get(made.reservation_id)) == [(town.central, 5, 0, 5, 0)]
    assert await levels(town.client, sku, town.central, town.shop) == [(10, 5, 0, 0), (0, 0, 0, 0)]


async def test_what_is_released_on_the_way_arrives_for_anybody(town: Town) -> None:
    sku = await town.stocked(shop=0, central=10)
    made = await town.collect((sku, 5), ttl=None)
    await town.transfers.ship(made.transfer_ids[0])
    await town.call("Release", made.reservation_id)
    assert (await town.transfers.receive(made.transfer_ids[0])).state == RECEIVED
    assert await levels(town.client, sku, town.shop) == [(5, 5, 0, 0)]


async def test_the_place_must_be_open_to_pick_up_and_be_the_channel_s(town: Town) -> None:
    sku = await town.stocked(shop=5, central=5)
    found = await refusal(town.collect((sku, 1), location=town.central))
    assert found.what == ("FAILED_PRECONDITION", "LOCATION_NOT_SELLING")
    assert found.metadata == {"location": town.central, "purpose": "PICKUP"}
    elsewhere = await town.client.location()
    assert (await refusal(town.collect((sku, 1), location=elsewhere))).reason == "LOCATION_NOT_SELLING"
    found = await refusal(town.collect((sku, 1), location="nowhere"))
    assert found.what == ("NOT_FOUND", "LOCATION_NOT_FOUND")


async def test_a_refused_pick_up_plans_nothing(town: Town) -> None:
    sku = await town.stocked(shop=0, central=3)
    scarce = await town.stocked(shop=0, central=0)
    assert (await refusal(town.collect((sku, 3), (scarce, 1)))).reason == "INSUFFICIENT_STOCK"
    assert await town.transfers.list(to_location=town.shop) == []
    shown = await town.collect((sku, 3), validate_only=True)
    assert len(shown.transfer_ids) == 1
    assert await town.transfers.list(to_location=town.shop) == [], "only shown"


async def test_no_more_may_wait_than_the_place_allows(town: Town) -> None:
    sku = await town.stocked(shop=0, central=3)
    await town.client.allow_backorders(sku, town.shop, 0)
    made = await town.collect((sku, 3), ttl=None)
    found = await refusal(town.transfers.ship(made.transfer_ids[0]))
    assert (found.reason, found.metadata["backorder_limit"]) == ("TRANSFER_STATE", "0")
    await town.client.allow_backorders(sku, town.shop, 3)
    assert (await town.transfers.ship(made.transfer_ids[0])).state == SHIPPED


async def test_a_pick_up_within_the_channel_s_view(town: Town) -> None:
    sku = await town.stocked(shop=1, central=10)
    await town.sells(buffer=8)
    found = await refusal(town.collect((sku, 4)))
    assert found.metadata["available"] == "3", "of 11 the channel sees all but 8"
    assert [row[1] for row in told(await town.collect((sku, 3)))] == [1, 2]


async def test_ready_times_are_unknown_while_something_is_back_ordered(town: Town) -> None:
    sku = await town.stocked(shop=1, central=0)
    await town.client.allow_backorders(sku, town.shop, 5)
    made = await town.collect((sku, 2))
    assert told(made) == [(town.shop, 1, 1, 0, 0), (town.shop, 1, 0, 0, 1)]
    assert not made.HasField("ready_at")
