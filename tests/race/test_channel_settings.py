"""Settings that change while others buy: no promise goes beyond the view that was in force at its revision."""

import asyncio
from collections import Counter

from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1.catalog_service_pb2 import ImportCatalogRequest, Location
from inventory.v1.channel_service_pb2_grpc import ChannelServiceStub
from tests.race.house import Client, House, outcomes, reason, within

BUYERS = 50
CHANGES = 60
PIECES = 100_000
ELSEWHERE = "elsewhere"
SHUT = (
    channel_pb2.Channel(channel="default", view=channel_pb2.ChannelView(cap=0)),
    channel_pb2.Channel(channel="default", view=channel_pb2.ChannelView(buffer=PIECES)),
    channel_pb2.Channel(channel="default", locations=[ELSEWHERE]),
)
OPEN = channel_pb2.Channel(channel="default")

# Every promise, with the settings of the last change before it.
PROMISES = """
SELECT movement.revision, movement.held_delta + movement.allocated_delta AS promised, set_then.cap, set_then.buffer,
    set_then.location_ids, own.cap AS own_cap
FROM movement
LEFT JOIN LATERAL (
    SELECT * FROM channel_version WHERE revision < movement.revision ORDER BY revision DESC LIMIT 1
) AS set_then ON true
LEFT JOIN LATERAL (
    SELECT * FROM channel_sku_version WHERE revision < movement.revision ORDER BY revision DESC LIMIT 1
) AS own ON true
WHERE movement.reservation_id IS NOT NULL
"""


@within(90)
async def test_nothing_is_sold_over_the_view_in_force_at_the_promises_revision(house: House) -> None:
    (_, left), (_, right) = await house.servers(None, None)
    await house.stock(left, {"a": PIECES})
    await left.catalog.ImportCatalog(
        ImportCatalogRequest(request_id=house.uuid(), locations=[Location(location=ELSEWHERE)])
    )
    over = asyncio.Event()
    answers: Counter[str] = Counter()

    async def buy(client: Client) -> None:
        while not over.is_set():
            _, errors = await outcomes([client.reserve(house.request({"a": 1}))])
            answers.update(map(reason, errors) if errors else ("",))

    async def change(turn: int) -> None:
        """Shut, then open again, each at another server; every other time for the one SKU only."""
        clients = (left, right) if turn % 2 else (right, left)
        shut, opened = (ChannelServiceStub(client.channel) for client in clients)
        if turn % 4 == 0:
            for stub, view in ((shut, channel_pb2.ChannelView(cap=0)), (opened, channel_pb2.ChannelView())):
                rows = [channel_pb2.ChannelSku(sku="a", view=view)]
                await stub.SetChannelSkus(
                    channel_pb2.SetChannelSkusRequest(request_id=house.uuid(), channel="default", skus=rows)
                )
            return
        for stub, wished in ((shut, SHUT[turn % len(SHUT)]), (opened, OPEN)):
            await stub.SetChannel(channel_pb2.SetChannelRequest(request_id=house.uuid(), channel=wished))

    async with asyncio.TaskGroup() as group:
        for number in range(BUYERS):
            group.create_task(buy((left, right)[number % 2]))
        for turn in range(CHANGES):
            await change(turn)
        over.set()

    assert set(answers) == {"", "INSUFFICIENT_STOCK", "LOCATION_NOT_SELLING"}, "the views were met both open and shut"
    promises = await house.sql.fetch(PROMISES)
    assert len(promises) == answers[""]
    wrong = [
        dict(row)
        for row in promises
        if row["cap"] == 0 or row["buffer"] or row["location_ids"] or row["own_cap"] == 0 or row["promised"] != 1
    ]
    assert wrong == []
    await house.prove()
