"""The connection breaks in COMMIT and the server lives: it finds out what happened, or says that it can't."""

import asyncio

import grpc
import pytest

from tests.race.house import House, outcomes, reason, until, until_answered, within
from tests.race.proxy import Fault, Moment, Proxy

CALLERS = 20


@within(60)
@pytest.mark.parametrize(
    ("moment", "fault"),
    [(Moment.BEFORE, Fault.CUT), (Moment.AFTER, Fault.CUT), (Moment.BEFORE, Fault.LATE)],
    ids=["lost before", "lost after", "late"],
)
async def test_callers_get_the_right_answer(house: House, moment: Moment, fault: Fault) -> None:
    """`late`: the COMMIT arrives only when the server waits for the locks of its own lost transaction."""
    proxy: Proxy = await house.enter(Proxy(house.dsn))
    server, client = await house.server(proxy.dsn)
    await house.stock(client, {"a": 100, "b": CALLERS})
    rounds = 3
    for _ in range(rounds):
        trap = proxy.arm("COMMIT", moment, fault)
        requests = [house.request({"a": 1}) for _ in range(CALLERS)]
        refused = house.request({"b": CALLERS + 1})
        calls = asyncio.gather(*(client.reserve(request) for request in requests))
        refusal = asyncio.create_task(outcomes([client.reserve(refused)]))
        await trap.hit.wait()
        if fault is Fault.LATE:
            await until(house.waits_for_a_lock)
            trap.release()
            await trap.done.wait()
        answers = await calls
        effects = await house.effects(requests)
        for request, answer in zip(requests, answers, strict=True):
            assert effects[request.request_id] == [answer.reservation.reservation_id]
        assert any(answer.replayed for answer in answers) == (moment is Moment.AFTER or fault is Fault.LATE)
        _, errors = await refusal
        assert [reason(error) for error in errors] == ["INSUFFICIENT_STOCK"]
        await client.stock.AdjustStock(house.correction("a", CALLERS))
    assert len([line for line in server.said if "OutcomeUnknown" in line]) == rounds
    await house.prove()


@within(60)
@pytest.mark.parametrize("moment", Moment)
async def test_postgres_stays_away_until_the_deadline(house: House, moment: Moment) -> None:
    proxy: Proxy = await house.enter(Proxy(house.dsn))
    _, client = await house.server(proxy.dsn)
    await house.stock(client, {"a": 100})
    trap = proxy.arm("COMMIT", moment, Fault.STALL)
    caught = house.request({"a": 1})
    call = asyncio.create_task(outcomes([client.reserve(caught, 3.0)]))
    await trap.hit.wait()
    proxy.away = True
    proxy.cut()
    # A later command was never tried: that is known, and said.
    later = house.request({"a": 1})
    _, errors = await outcomes([client.reserve(later, 4.0)])
    assert [(error.code(), reason(error)) for error in errors if isinstance(error, grpc.aio.AioRpcError)] == [
        (grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE")
    ]
    _, errors = await call
    assert [(error.code(), reason(error)) for error in errors if isinstance(error, grpc.aio.AioRpcError)] == [
        (grpc.StatusCode.UNAVAILABLE, "OUTCOME_UNKNOWN")
    ]
    assert len((await house.effects([caught]))[caught.request_id]) == (moment is Moment.AFTER)
    assert (await house.effects([later]))[later.request_id] == []

    proxy.away = False
    answer = await until_answered(client, caught)
    assert answer.replayed == (moment is Moment.AFTER)
    assert (await house.effects([caught]))[caught.request_id] == [answer.reservation.reservation_id]
    assert not (await until_answered(client, later)).replayed
    assert await house.available("a") == 98
    await house.prove()
