"""Alarms with two server processes: each opens once, whoever sees it first; and who is killed is missed."""

import asyncio

import grpc
import pytest

from inventory.v1 import alarm_service_pb2 as pb2
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1.alarm_service_pb2_grpc import AlarmServiceStub
from inventory.v1.catalog_service_pb2 import ImportCatalogRequest, Location, Sku
from inventory.v1.channel_service_pb2_grpc import ChannelServiceStub
from inventory.v1.stock_service_pb2 import AdjustStockRequest, GetStockRequest, SetThresholdsRequest
from tests.race.house import SHOP, Client, House, until, within
from tests.race.processes import Server

ALARMS = True

SKUS = 40


async def open_alarms(address: str, kind: pb2.AlarmKind) -> list[pb2.Alarm]:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = AlarmServiceStub(channel)
        return list((await stub.ListAlarms(pb2.ListAlarmsRequest(kind=kind, page_size=1_000))).alarms)


async def move(house: House, client: Client, sku: str, delta: int) -> None:
    await client.stock.AdjustStock(
        AdjustStockRequest(request_id=house.uuid(), sku=sku, location=SHOP, delta=delta, reason="test")
    )


@within(90)
async def test_each_alarm_opens_and_closes_once_whatever_number_of_replicas_look(house: House) -> None:
    """Both look at the same ledger while both write; nothing is broken, and nobody says so."""
    (one, left), (two, right) = await house.servers(None, None)
    rounds = [[f"sku-{turn}-{n:02}" for n in range(SKUS)] for turn in range(3)]
    everything = [sku for skus in rounds for sku in skus]
    await left.catalog.ImportCatalog(
        ImportCatalogRequest(
            request_id=house.uuid(), skus=[Sku(sku=sku) for sku in everything], locations=[Location(location=SHOP)]
        )
    )
    for sku in everything:
        await move(house, left, sku, 5)
        await left.stock.SetThresholds(
            SetThresholdsRequest(request_id=house.uuid(), sku=sku, location=SHOP, safety_stock=4)
        )

    async def sell(client: Client, mine: list[str]) -> None:
        for sku in mine:
            await move(house, client, sku, -2)

    for skus in rounds:
        await asyncio.gather(sell(left, skus[::2]), sell(right, skus[1::2]))

        async def all_low() -> bool:
            return len(await open_alarms(two.address, pb2.ALARM_KIND_LOW_STOCK)) == SKUS

        await until(all_low)
        await asyncio.gather(*[move(house, left, sku, 2) for sku in skus])

        async def none_low() -> bool:
            return not await open_alarms(one.address, pb2.ALARM_KIND_LOW_STOCK)

        await until(none_low)
    events = await house.sql.fetch("SELECT event, count(*) FROM alarm_version WHERE kind = 6 GROUP BY event ORDER BY 1")
    assert [tuple(row) for row in events] == [(1, 3 * SKUS), (3, 3 * SKUS)]
    assert await house.sql.fetchval("SELECT count(*) FROM alarm WHERE kind = 9") == 0, "no promise looked broken"
    await house.prove()


@within(90)
async def test_a_server_that_is_killed_is_missed_and_one_that_stops_is_not(house: House) -> None:
    (killed, _), (stopped, _), (watching, _) = await house.servers(None, None, None)

    async def all_beat() -> bool:
        return bool(await house.sql.fetchval("SELECT count(*) = 3 FROM replica"))

    await until(all_beat)
    await killed.kill()
    assert await stopped.stop() == 0

    async def is_missed() -> bool:
        return bool(await open_alarms(watching.address, pb2.ALARM_KIND_REPLICA_LOST))

    await until(is_missed, 60)
    [alarm] = await open_alarms(watching.address, pb2.ALARM_KIND_REPLICA_LOST)
    assert alarm.subject["address"] == killed.address
    assert alarm.severity == pb2.ALARM_SEVERITY_CRITICAL
    again = await Server.serve("--dsn", house.dsn, "--listen", killed.address)
    house.keep(again)

    async def is_back() -> bool:
        return not await open_alarms(watching.address, pb2.ALARM_KIND_REPLICA_LOST)

    await until(is_back, 30)


@within(90)
async def test_a_silent_channel_stays_stopped_over_a_restart_until_it_is_heard_of(house: House) -> None:
    server, client = await house.server()
    await house.stock(client, {"sku": 10})
    channel = channel_pb2.Channel(channel="market", silent_after={"seconds": 30}, stop_selling_when_silent=True)
    async with grpc.aio.insecure_channel(server.address) as opened:
        request = channel_pb2.SetChannelRequest(request_id=house.uuid(), channel=channel)
        await ChannelServiceStub(opened).SetChannel(request)

    async def is_told() -> bool:
        return bool(await house.sql.fetchval("SELECT count(*) > 0 FROM channel_heard JOIN channel USING (channel_id)"))

    async def is_stopped() -> bool:
        return bool(await house.sql.fetchval("SELECT selling_stopped FROM channel WHERE code = 'market'"))

    await until(is_told)
    await house.sql.execute("UPDATE channel_heard SET heard_at = now() - interval '1 minute'")
    await house.sql.execute("UPDATE replica SET started_at = now() - interval '1 minute'")
    await until(is_stopped)
    [alarm] = await open_alarms(server.address, pb2.ALARM_KIND_CHANNEL_SILENT)
    assert await server.stop() == 0
    again, client = await house.server()
    await client.stock.SetThresholds(
        SetThresholdsRequest(request_id=house.uuid(), sku="sku", location=SHOP, safety_stock=20)
    )

    async def has_looked() -> bool:
        return bool(await open_alarms(again.address, pb2.ALARM_KIND_LOW_STOCK))

    await until(has_looked)
    assert await is_stopped(), "a server's start is no word of the channel"
    [still] = await open_alarms(again.address, pb2.ALARM_KIND_CHANNEL_SILENT)
    assert (still.alarm_id, still.opened_at) == (alarm.alarm_id, alarm.opened_at)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.stock.GetStock(
            GetStockRequest(sku="none", location="none"), metadata=(("inventory-channel", "market"),)
        )
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND

    async def is_back() -> bool:
        return not (await is_stopped() or await open_alarms(again.address, pb2.ALARM_KIND_CHANNEL_SILENT))

    await until(is_back)
