"""Mirrors that reconcile while two replicas are written to: never drift; a forged number: always."""

from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import reconciliation_service_pb2 as pb2
from inventory_client import AvailabilityMirror, InventoryClient, OwnNumber, Reconciling, StockMirror
from tests.race.house import House, within
from tests.race.load import PIECES, open_shops, writing

SKUS = [f"sku-{n:02}" for n in range(20)]
SHOPS = ["airport", "market", "station"]
CHANNEL = "web"
ROUNDS = 12
WRITES_A_ROUND = 25


async def settle(house: House, client: InventoryClient) -> None:
    chance = house.random
    view = channel_pb2.ChannelView(buffer=chance.randint(0, 9), share_bp=chance.randint(1_000, 10_000))
    await client.set_channel(
        channel_pb2.Channel(channel=CHANNEL, view=view, locations=chance.sample(SHOPS, chance.randint(1, 3)))
    )


async def compared(run: Reconciling) -> pb2.ReconciliationCounts:
    """Shows what drifts, if anything does."""
    wrong = [row async for row in run if row.answer != pb2.RECONCILIATION_ANSWER_BEHIND]
    assert not wrong
    assert run.result is not None
    return run.result.counts


@within(120)
async def test_what_mirrors_hold_under_load_never_drifts(house: House) -> None:
    pairs = await house.servers(None, None)
    servers, clients = [server for server, _ in pairs], [client for _, client in pairs]
    await open_shops(house, clients[0], SKUS, SHOPS)
    one = await house.enter(InventoryClient(servers[0].address, CHANNEL))
    other = await house.enter(InventoryClient(servers[1].address, CHANNEL))
    await settle(house, one)
    stocks = [await house.enter(StockMirror(client, locations=SHOPS)) for client in (one, other)]
    views = [await house.enter(AvailabilityMirror(client)) for client in (one, other)]
    equal = behind = 0
    async with writing(house, clients, SKUS, SHOPS, patient=True) as load:
        for turn in range(ROUNDS):
            await load.more(WRITES_A_ROUND)
            if turn % 3 == 2:
                await settle(house, other)
            for run in (
                *(mirror.reconcile() for mirror in stocks),
                *(mirror.reconcile("on_hand") for mirror in stocks),
                *(mirror.reconcile() for mirror in views),
            ):
                counts = await compared(run)
                equal, behind = equal + counts.equal, behind + counts.behind
            forged = [
                OwnNumber(sku, level.available + 2 * PIECES, place, stocks[0].cursor) for sku, place, level in stocks[0]
            ]
            found = await one.reconcile(forged, "available").finished()
            assert found.counts.drift == len(forged)
            sold = [(sku, shown.available_to_sell + 9 * PIECES) for sku, shown in views[1]]
            found = await other.reconcile(sold, cursor=views[1].cursor).finished()
            assert found.counts.drift == len(sold)
        await load.stop()
    assert equal
    assert behind, "nothing was ever behind: the load was none"
    await house.prove()
