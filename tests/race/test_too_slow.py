"""A statement that takes longer than it may for one command's sake: that one is told so, and the others go on."""

import asyncio

import grpc

from inventory.v1.stock_service_pb2 import BatchAdjustStockRequest, StockAdjustment
from tests.race.house import SHOP, House, outcomes, reason, retry_after_s, until, within
from tests.race.processes import Server
from tests.race.proxy import Fault, Moment, Proxy

NEIGHBOURS = 20
ROWS = 900
"""So many that a try may take longer than a lane that is stuck."""


async def _make_slow(house: House, sku: str, seconds: float) -> None:
    """Whoever writes a level of this SKU takes so long."""
    sku_id = await house.sql.fetchval("SELECT sku_id FROM sku WHERE code = $1", sku)
    await house.sql.execute(
        "CREATE FUNCTION test_sleeps() RETURNS trigger LANGUAGE plpgsql"
        f" AS 'BEGIN PERFORM pg_sleep({seconds:f}); RETURN new; END'"
    )
    await house.sql.execute(
        "CREATE TRIGGER test_slow BEFORE UPDATE ON level FOR EACH ROW"
        f" WHEN (new.sku_id = {sku_id:d}) EXECUTE FUNCTION test_sleeps()"
    )


@within(90)
async def test_a_command_that_takes_too_long_spares_its_neighbours(house: House) -> None:
    proxy: Proxy = await house.enter(Proxy(house.dsn))
    server, client = await house.server(proxy.dsn)
    await house.stock(client, {"good": 1000, "slow": 10, "first": 1, "later": 1000})
    await _make_slow(house, "slow", 60)
    # While the first batch waits, all others come together in the next.
    trap = proxy.arm("COMMIT", Moment.BEFORE, Fault.STALL)
    first = client.reserve(house.request({"first": 1}))
    await trap.hit.wait()
    requests = [house.request({"good": 1}) for _ in range(NEIGHBOURS)]
    slow = house.request({"slow": 1, "good": 1})
    calls = [client.reserve(request, 60) for request in (*requests[:12], slow, *requests[12:])]
    queued = [asyncio.ensure_future(outcomes([call])) for call in calls]
    guilty = queued.pop(12)
    await house.ping(client)
    trap.release()
    await first

    # Who comes later is answered all the time, one call after the other.
    later = []
    while not guilty.done():
        later.append(house.request({"later": 1}))
        assert not (await client.reserve(later[-1], 30)).replayed
    assert len(later) > 1
    [error] = (await guilty)[1]
    assert isinstance(error, grpc.aio.AioRpcError)
    assert (error.code(), reason(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_HEAVY")
    assert (retry_after_s(error) or 0) > 0
    assert [line for line in server.said if "took too long" in line]
    for answers, errors in await asyncio.gather(*queued):
        assert (len(answers), errors) == (1, [])
    effects = await house.effects([*requests, *later, slow])
    assert effects.pop(slow.request_id) == []
    assert all(len(found) == 1 for found in effects.values())

    # What is slow is known now: nobody else is tried together with it.
    split = _times_said(server, "by halves")
    again = [house.request({sku: 1}) for sku in ("later", "slow", "later", "good")]
    answers, errors = await outcomes([client.reserve(request, 30) for request in again])
    assert (len(answers), [reason(error) for error in errors]) == (3, ["TOO_HEAVY"])
    assert _times_said(server, "by halves") == split

    # It was not remembered: once the cause is gone the same request succeeds.
    await house.sql.execute("DROP TRIGGER test_slow ON level")
    assert not (await client.reserve(slow)).replayed
    await house.prove()


@within(60)
async def test_who_takes_too_long_is_told_before_the_deadline(house: House) -> None:
    _, client = await house.server()
    await house.stock(client, {"slow": 10})
    await _make_slow(house, "slow", 60)
    request = house.request({"slow": 1})
    _, errors = await outcomes([client.reserve(request, 5)])
    assert [reason(error) for error in errors] == ["TOO_HEAVY"]
    assert await house.effects([request]) == {request.request_id: []}
    await house.prove()


@within(60)
async def test_a_stop_does_not_wait_for_who_takes_too_long(house: House) -> None:
    server, client = await house.server()
    await house.stock(client, {"slow": 10})
    await _make_slow(house, "slow", 60)
    requests = [house.request({"slow": 1}) for _ in range(3)]
    calls = asyncio.ensure_future(outcomes([client.reserve(request, 30) for request in requests]))
    await until(lambda: _said(server, "took too long"))
    await server.stop()
    _, errors = await calls
    assert len(errors) == 3
    assert {reason(error) for error in errors} <= {"SHUTTING_DOWN", "TOO_HEAVY"}
    assert set(map(tuple, (await house.effects(requests)).values())) == {()}


@within(60)
async def test_a_server_is_well_while_it_tries_who_may_take_long(house: House) -> None:
    server, client = await house.server()
    skus = [f"sku-{number}" for number in range(ROWS)]
    await house.stock(client, dict.fromkeys([*skus, "slow"], 10))
    await _make_slow(house, "slow", 60)
    request = BatchAdjustStockRequest(
        request_id=house.uuid(),
        reason="all at once",
        adjustments=[StockAdjustment(sku=sku, location=SHOP, delta=1) for sku in [*skus, "slow"]],
    )
    _, errors = await outcomes([client.stock.BatchAdjustStock(request, timeout=30)])
    assert [reason(error) for error in errors] == ["TOO_HEAVY"]
    assert [line for line in server.said if "not serving" in line] == []


async def _said(server: Server, text: str) -> bool:
    return _times_said(server, text) > 0


def _times_said(server: Server, text: str) -> int:
    return sum(text in line for line in server.said)
