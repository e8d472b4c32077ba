"""What comes to more than a server takes on at once: it is cut, or refused before it costs anybody anything."""

import asyncio
import gc

import asyncpg
import pytest

from inventory.engine import batch
from inventory.engine.submission import Outcome
from inventory.postgres import connection, stock
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from tests.rpc.client import Client, refusal, reserve_request
from tests.rpc.conftest import serving
from tests.rpc.retailer import Retailer


@pytest.fixture
def shop(client: Client, db: asyncpg.Connection) -> Retailer:
    return Retailer(client, db)


async def test_a_batch_whose_decisions_take_long_is_cut_and_each_command_is_answered_once(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku, location = await client.stocked(30)
    monkeypatch.setattr(batch, "DECIDE_S_MAX", -1.0)
    requests = [reserve_request((sku, location, 1), ttl=None) for _ in range(20)]
    together = client.reservations.BatchReserve(reservation_pb2.BatchReserveRequest(requests=requests))
    one, answer = await asyncio.gather(client.reserve((sku, location, 1)), together)
    answers = [result.response for result in answer.results]
    assert len({each.reservation.reservation_id for each in (one, *answers)}) == len(requests) + 1
    assert [each.revision for each in answers] == sorted(each.revision for each in answers)
    again = await client.reservations.BatchReserve(reservation_pb2.BatchReserveRequest(requests=requests))
    assert all(result.response.replayed for result in again.results)
    assert (await client.quantities(sku, location)).available == 30 - 20 - 1


async def test_bundles_that_come_to_too_many_levels_are_not_looked_at(
    shop: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await shop.place(), await shop.place()
    parts = [await shop.sku({here: 5, there: 5}) for _ in range(3)]
    bundle = await shop.sku(kind=2, components=dict.fromkeys(parts, 1))
    web = await shop.channel(here, there)
    places = await shop.db.fetchval("SELECT count(*) FROM location")
    monkeypatch.setattr(stock, "SEEN_MAX", 3 * places)
    assert await shop.may_sell(bundle, web) == (10, 0)
    monkeypatch.setattr(stock, "SEEN_MAX", 3 * places - 1)
    refused = await refusal(shop.may_sell(bundle, web))
    assert refused.what == ("INVALID_ARGUMENT", "TOO_MANY_LINES")
    assert f"{3 * places} levels" in refused.message


async def test_a_reservation_that_comes_to_too_many_levels_is_too_heavy_and_its_neighbours_are_not(
    shop: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await shop.place(), await shop.place()
    parts = [await shop.sku({here: 5, there: 5}) for _ in range(3)]
    bundle = await shop.sku(kind=2, components=dict.fromkeys(parts, 1))
    web = (("inventory-channel", await shop.channel(here, there)),)
    monkeypatch.setattr(stock, "LOCKED_LEVELS_MAX", 5)
    lines = [parts[0], bundle, parts[1], parts[2]]
    requests = [reserve_request((sku, "", 1), ttl=None) for sku in lines]
    answers = await asyncio.gather(
        *(shop.client.reservations.Reserve(request, metadata=web) for request in requests), return_exceptions=True
    )
    assert [isinstance(answer, reservation_pb2.ReserveResponse) for answer in answers] == [True, False, True, True]
    refused = await refusal(shop.client.reservations.Reserve(requests[1], metadata=web))
    assert refused.what == ("RESOURCE_EXHAUSTED", "TOO_HEAVY")
    assert refused.retry
    monkeypatch.setattr(stock, "LOCKED_LEVELS_MAX", 6)
    assert not (await shop.client.reservations.Reserve(requests[1], metadata=web)).replayed


async def test_the_answer_to_a_request_sent_twice_is_not_kept_until_its_deadline(client: Client) -> None:
    sku, location = await client.stocked(100)
    for _ in range(20):
        request = reserve_request((sku, location, 1))
        twins = (client.reservations.Reserve(request, timeout=3_600) for _ in range(2))
        assert {answer.replayed for answer in await asyncio.gather(*twins)} == {False, True}
    gc.collect()
    assert sum(isinstance(each, Outcome) and each.replayed for each in gc.get_objects()) < 10


async def test_who_takes_a_transaction_s_whole_time_is_too_heavy_and_not_tried_until_its_deadline(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "TRANSACTION_TIMEOUT_MS", 300)
    async with serving(dsn) as server:
        owner = await server.connect()
        if not connection.has_transaction_timeout(owner.get_server_version().major):
            pytest.skip("an older PostgreSQL ends no transaction")
        client = Client(server.address)
        sku, location = await client.stocked(30)
        await owner.execute(
            "CREATE FUNCTION test_sleeps() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN PERFORM pg_sleep(1); RETURN new; END'"
        )
        await owner.execute(
            "CREATE TRIGGER test_slow BEFORE UPDATE ON level FOR EACH ROW EXECUTE FUNCTION test_sleeps()"
        )
        refused = await refusal(client.reserve((sku, location, 1)))
        assert refused.what == ("RESOURCE_EXHAUSTED", "TOO_HEAVY")
        await client.close()
        await owner.close()
