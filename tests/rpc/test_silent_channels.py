"""A channel that is silent for longer than it may be: an alarm, and, where that is set, it sells nothing until it is
back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import grpc
import pytest

from inventory.alarms import looking
from inventory.v1 import alarm_service_pb2 as pb2
from inventory.v1 import availability_service_pb2 as availability_pb2
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from inventory.v1.availability_service_pb2_grpc import AvailabilityServiceStub
from inventory_client import InventoryClient
from tests.rpc.alarming import about, closed, opened
from tests.rpc.client import (
    PATIENCE_S,
    Client,
    Server,
    eventually,
    new_id,
    of_error,
    refusal,
    reserve_request,
    unique,
)

ALARMS = True


@pytest.fixture(autouse=True)
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers look more often than once a second, and channels may be impatient."""
    monkeypatch.setattr(looking, "LOOK_S", 0.05)
    monkeypatch.setattr("inventory.rpc.channel.SILENT_AFTER_MIN", timedelta(0))


class Shop:
    """A channel that may be silent for a second."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.code = unique("ch")[:30]
        self.metadata = (("inventory-channel", self.code),)

    async def set(self, **fields: Any) -> channel_pb2.Channel:
        """By somebody else: it is not heard of by it."""
        wished = channel_pb2.Channel(**{"channel": self.code, "silent_after": {"seconds": 1}, **fields})
        request = channel_pb2.SetChannelRequest(request_id=new_id(), channel=wished)
        return (await self.client.channels.SetChannel(request)).channel

    async def shown(self) -> channel_pb2.Channel:
        return (await self.client.channels.GetChannel(channel_pb2.GetChannelRequest(channel=self.code))).channel

    async def calls(self) -> None:
        await refusal(
            self.client.stock.GetStock(stock_pb2.GetStockRequest(sku="none", location="none"), metadata=self.metadata)
        )

    async def is_stopped(self) -> bool:
        return (await self.shown()).selling_stopped


@pytest.fixture
async def shop(client: Client) -> AsyncIterator[Shop]:
    """Not silent any more when other tests look."""
    made = Shop(client)
    yield made
    await made.client.channels.SetChannel(
        channel_pb2.SetChannelRequest(request_id=new_id(), channel=channel_pb2.Channel(channel=made.code))
    )


async def test_a_channel_that_is_silent_for_too_long_is_an_alarm_until_it_calls(shop: Shop) -> None:
    await shop.set()
    alarm = await opened(shop.client, pb2.ALARM_KIND_CHANNEL_SILENT, channel=shop.code)
    assert not await shop.is_stopped(), "that is not set"
    await shop.calls()
    await closed(shop.client, alarm)


async def test_an_open_stream_is_enough_to_be_heard_of(shop: Shop, db: asyncpg.Connection) -> None:
    await shop.set()
    stream = shop.client.watch.Watch(watch_pb2.WatchRequest(now={}), metadata=shop.metadata)
    await anext(aiter(stream))
    other = Shop(shop.client)
    await other.set()
    await opened(shop.client, pb2.ALARM_KIND_CHANNEL_SILENT, channel=other.code)
    assert await about(shop.client, pb2.ALARM_KIND_CHANNEL_SILENT, channel=shop.code) == []
    stream.cancel()
    await other.set(silent_after=None)
    await opened(shop.client, pb2.ALARM_KIND_CHANNEL_SILENT, channel=shop.code)


async def test_a_channel_without_a_limit_is_never_silent(shop: Shop) -> None:
    await shop.calls()
    other = Shop(shop.client)
    await other.set()
    alarm = await opened(shop.client, pb2.ALARM_KIND_CHANNEL_SILENT, channel=other.code)
    assert await about(shop.client, pb2.ALARM_KIND_CHANNEL_SILENT, channel=shop.code) == []
    await other.set(silent_after=None)
    await closed(shop.client, alarm)


async def test_a_channel_that_stops_selling_when_silent_sells_nothing_and_is_back_after_its_next_call(
    shop: Shop, twin: Server
) -> None:
    client = shop.client
    sku, place = await client.stocked(10)
    virtual = await client.sku(kind=4)
    stream = client.watch.Watch(
        watch_pb2.WatchRequest(snapshot={}, kinds=[watch_pb2.CHANGE_KIND_AVAILABILITY], skus=[sku]),
        metadata=shop.metadata,
    )
    seen: list[int] = []

    async def until(quantity: int) -> None:
        while not seen or seen[-1] != quantity:
            message = await anext(aiter(stream))
            seen.extend(row.available_to_sell for row in message.availability)
            for change in message.changes:
                seen.extend(row.available_to_sell for row in change.availability)

    await until(10)
    await shop.set(stop_selling_when_silent=True)
    stream.cancel()
    await eventually(shop.is_stopped, "it sells nothing")
    await opened(client, pb2.ALARM_KIND_CHANNEL_SILENT, channel=shop.code)
    asked = availability_pb2.ExplainAvailabilityRequest(sku=sku, channel=shop.code)
    explained = await AvailabilityServiceStub(client.channel).ExplainAvailability(asked)
    silent = availability_pb2.EXPLAIN_STEP_KIND_SILENT
    assert [(step.kind, step.quantity, step.running) for step in explained.steps][1:] == [(silent, -10, 0)]
    for line in ((sku, place, 1), (sku, "", 1), (virtual, "", 1)):
        await eventually(shop.is_stopped, "it sells nothing")
        refused = await refusal(client.reserve(line, metadata=shop.metadata))
        assert (refused.what, refused.retry) == (("UNAVAILABLE", "CHANNEL_SILENT"), True)

        async def sells_again(line: tuple[str, str, int] = line) -> bool:
            await shop.calls()
            return not await shop.is_stopped()

        await eventually(sells_again, "it is back after its call")
    assert (await client.reserve((sku, place, 1), metadata=shop.metadata)).reservation.reservation_id


async def test_the_first_reservation_after_its_silence_is_made_when_it_is_sent_again(shop: Shop) -> None:
    client = shop.client
    sku, place = await client.stocked(10)
    await shop.set(stop_selling_when_silent=True)
    await eventually(shop.is_stopped, "it sells nothing")
    request = reserve_request((sku, place, 1))
    reasons: list[str] = []

    async def is_made() -> bool:
        try:
            answer = await client.reservations.Reserve(request, metadata=shop.metadata)
        except grpc.aio.AioRpcError as error:
            reasons.append(of_error(error).reason)
            return False
        assert not answer.replayed, "what passes is not remembered"
        return bool(answer.reservation.reservation_id)

    await eventually(is_made, "the same request is answered")
    assert set(reasons) == {"CHANNEL_SILENT"}


async def test_the_client_package_waits_until_it_is_back(shop: Shop) -> None:
    sku, place = await shop.client.stocked(10)
    await shop.set(stop_selling_when_silent=True, silent_after={"seconds": 3})  # more than it waits
    await eventually(shop.is_stopped, "it sells nothing")
    again: list[str] = []
    async with InventoryClient(
        shop.client.address, shop.code, timeout_s=PATIENCE_S, on_retry=lambda failure, _: again.append(failure.reason)
    ) as seller:
        held = await seller.reserve([(sku, place, 1)], ttl=timedelta(minutes=1))
    assert held.reservation.reservation_id
    assert set(again) == {"CHANNEL_SILENT"}


async def test_its_view_is_streamed_as_nothing_while_it_is_stopped(shop: Shop, db: asyncpg.Connection) -> None:
    """Its own stream would be heard of: so an administrator's look at the same view is made here by the database."""
    client = shop.client
    sku, _ = await client.stocked(10)
    await shop.set(stop_selling_when_silent=True)
    own = channel_pb2.ChannelSku(sku=sku, view={"cap": 5})
    await client.channels.SetChannelSkus(
        channel_pb2.SetChannelSkusRequest(request_id=new_id(), channel=shop.code, skus=[own])
    )
    await eventually(shop.is_stopped, "it sells nothing")
    stream = client.watch.Watch(
        watch_pb2.WatchRequest(snapshot={}, kinds=[watch_pb2.CHANGE_KIND_AVAILABILITY], skus=[sku]),
        metadata=shop.metadata,
    )
    told: list[tuple[int, int]] = []
    complete = 0
    async for message in stream:
        told += [(message.snapshot_revision, row.available_to_sell) for row in message.availability]
        complete = message.snapshot_revision if message.snapshot_complete else complete
        for change in message.changes:
            told += [(change.revision, row.available_to_sell) for row in change.availability]
        if told and told[-1][1] == 5:
            break
    stream.cancel()
    assert all(revision > complete for revision, _ in told), "the snapshot had nothing; then its own view came back"


async def test_the_setting_is_lifted_with_the_switch(shop: Shop) -> None:
    await shop.set(stop_selling_when_silent=True)
    await eventually(shop.is_stopped, "it sells nothing")
    kept = await shop.set(stop_selling_when_silent=True, name="Shop")
    assert kept.selling_stopped, "a change of other settings doesn't bring it back"
    lifted = await shop.set()
    assert not lifted.selling_stopped
    assert not await shop.is_stopped()


async def test_who_stops_and_goes_on_stands_in_the_audit_trail(shop: Shop, db: asyncpg.Connection) -> None:
    await shop.set(stop_selling_when_silent=True)
    await eventually(shop.is_stopped, "it sells nothing")
    await shop.calls()

    async def is_back() -> bool:
        return not await shop.is_stopped()

    await eventually(is_back, "it sells again")
    entries = await db.fetch(
        "SELECT action, operator FROM audit_entry AS entry JOIN channel USING (channel_id)"
        " WHERE channel.code = $1 AND action LIKE '%Selling' ORDER BY batch",
        shop.code,
    )
    assert [tuple(entry) for entry in entries][:2] == [("StopSelling", "server"), ("ResumeSelling", "server")]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"silent_after": {"seconds": -1}}, "TTL_OUT_OF_RANGE"),
        ({"silent_after": {"seconds": 31 * 86_400 + 1}}, "TTL_OUT_OF_RANGE"),
        ({"silent_after": None, "stop_selling_when_silent": True}, "FIELD_REQUIRED"),
    ],
)
async def test_bad_settings_are_refused(shop: Shop, fields: dict[str, Any], reason: str) -> None:
    refused = await refusal(shop.set(**fields))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", reason)
