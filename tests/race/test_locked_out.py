"""Somebody's lock, or a heap of overdue holds, on one SKU: every other SKU is sold as before."""

import asyncio
import time
from datetime import timedelta

from tests.race.house import House, outcomes, reason, until, within


@within(60)
async def test_a_locked_level_keeps_only_its_own_buyers_waiting(house: House) -> None:
    _, client = await house.server()
    await house.stock(client, {"x": 100, "y": 1000})
    other = await house.connect()
    await other.execute("BEGIN")
    await other.execute("SELECT FROM level WHERE sku_id = (SELECT sku_id FROM sku WHERE code = 'x') FOR UPDATE")
    blocked = [asyncio.create_task(outcomes([client.reserve(house.request({"x": 1}), 12)])) for _ in range(3)]
    for _ in range(5):
        answers, errors = await outcomes([client.reserve(house.request({"y": 1}), 5) for _ in range(20)])
        assert (len(answers), errors) == (20, [])
    assert not [task for task in blocked if task.done()]  # they really were locked out meanwhile
    await other.execute("ROLLBACK")
    for answers, errors in await asyncio.gather(*blocked):
        assert (len(answers), errors) == (1, [])
    other.terminate()
    await house.prove()


@within(60)
async def test_however_many_buyers_of_a_locked_level_wait_the_others_go_on(house: House) -> None:
    _, client = await house.server()
    await house.stock(client, {"x": 1000, "y": 1000})
    other = await house.connect()
    await other.execute("BEGIN")
    await other.execute("SELECT FROM level WHERE sku_id = (SELECT sku_id FROM sku WHERE code = 'x') FOR UPDATE")
    blocked = [asyncio.create_task(outcomes([client.reserve(house.request({"x": 1}), 50)])) for _ in range(800)]
    for _ in range(5):
        answers, errors = await outcomes([client.reserve(house.request({"y": 1}), 10) for _ in range(20)])
        assert (len(answers), errors) == (20, [])
    assert not [task for task in blocked if task.done()]
    await other.execute("ROLLBACK")
    for answers, errors in await asyncio.gather(*blocked):
        assert (len(answers), errors) == (1, [])
    other.terminate()
    await house.prove()


@within(60)
async def test_who_is_locked_out_until_the_deadline_is_told_so(house: House) -> None:
    _, client = await house.server()
    await house.stock(client, {"x": 100})
    other = await house.connect()
    await other.execute("BEGIN")
    await other.execute("SELECT FROM level FOR UPDATE")
    request = house.request({"x": 1})
    _, errors = await outcomes([client.reserve(request, 3)])
    assert [reason(error) for error in errors] == ["CONTENTION"]
    await other.execute("ROLLBACK")
    other.terminate()
    assert not (await client.reserve(request)).replayed
    await house.prove()


@within(60)
async def test_a_hold_that_runs_out_while_its_lock_is_waited_for_can_be_sold(house: House) -> None:
    _, client = await house.server()
    await house.stock(client, {"e": 10})
    held = await client.reserve(house.request({"e": 10}, ttl=timedelta(seconds=1)))
    expires_s = held.reservation.expires_at.ToNanoseconds() / 1e9
    other = await house.connect()
    await other.execute("BEGIN")
    await other.execute("SELECT FROM level FOR UPDATE")
    await until(lambda: _reached(expires_s - 0.2))
    buyer = asyncio.create_task(outcomes([client.reserve(house.request({"e": 1}))]))
    await until(lambda: _reached(expires_s + 0.1))
    assert not buyer.done()
    await other.execute("ROLLBACK")
    answers, errors = await buyer
    assert (len(answers), errors) == (1, [])
    other.terminate()
    await house.prove()


@within(60)
async def test_a_heap_of_overdue_holds_is_ended_in_bounded_batches(house: House) -> None:
    _, client = await house.server()
    await house.stock(client, {"hot": 2_000, "other": 1_000})
    holds = [house.request({"hot": 1}, ttl=timedelta(hours=1)) for _ in range(2_000)]
    for start in range(0, len(holds), 500):
        answers, _ = await outcomes([client.reserve(request) for request in holds[start : start + 500]])
        assert len(answers) == 500
    await house.sql.execute(
        "WITH due AS (UPDATE reservation SET expires_at = now() - interval '1 s' RETURNING reservation_id)"
        " UPDATE reservation_line SET expires_at = now() - interval '1 s' WHERE held > 0"
    )
    answers, errors = await outcomes([client.reserve(house.request({sku: 1}), 10) for sku in ("hot", "other") * 10])
    assert (len(answers), errors) == (20, [])
    await house.prove()


async def _reached(moment_s: float) -> bool:
    return time.time() >= moment_s
