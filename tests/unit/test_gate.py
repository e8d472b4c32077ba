"""How often and how many at once: a channel's gate, on a clock of the test."""

import asyncio

import pytest

from inventory.domain.access import Access
from inventory.rpc.doors import Gate, RateLimited, TooManyCalls


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_so_many_a_second() -> None:
    clock = Clock()
    gate = Gate(Access(requests_per_s=10, requests_burst=3), clock)
    for _ in range(3):
        gate.enter()
    with pytest.raises(RateLimited) as refused:
        gate.enter()
    assert refused.value.retry_after_s == pytest.approx(0.1)
    clock.now += 0.1
    gate.enter()
    with pytest.raises(RateLimited):
        gate.enter()
    clock.now += 3600
    for _ in range(3):
        gate.enter()
    with pytest.raises(RateLimited):
        gate.enter()


def test_a_large_request_is_let_through_and_those_after_it_wait() -> None:
    clock = Clock()
    gate = Gate(Access(requests_per_s=10, requests_burst=5), clock)
    for requests in (1, 100):
        gate.charge()
        gate.charge_rest(requests)
    with pytest.raises(RateLimited) as refused:
        gate.charge()
    assert refused.value.retry_after_s == pytest.approx(9.7)
    clock.now += 9.8
    gate.charge()


def test_a_batch_is_let_through_by_one_request() -> None:
    gate = Gate(Access(requests_per_s=1, requests_burst=1), Clock())
    gate.enter()
    gate.charge_rest(2)
    with pytest.raises(RateLimited) as refused:
        gate.enter()
    assert refused.value.retry_after_s == pytest.approx(2.0)


def test_what_is_refused_is_not_under_way() -> None:
    gate = Gate(Access(calls_max=2, requests_per_s=1000), Clock())
    gate.enter()
    gate.enter()
    with pytest.raises(TooManyCalls):
        gate.enter()
    assert gate.calls == 2
    gate.leave()
    gate.enter()


def test_a_new_limit_holds_at_once_for_calls_under_way_too() -> None:
    gate = Gate(Access(), Clock())
    for _ in range(5):
        gate.enter()
    gate.limit(Access(calls_max=3, streams_max=7))
    assert gate.streams_max == 7
    with pytest.raises(TooManyCalls):
        gate.enter()
    for _ in range(3):
        gate.leave()
    gate.enter()


def test_without_a_limit_it_only_counts() -> None:
    gate = Gate(Access(), Clock())
    for _ in range(1000):
        gate.enter()
        gate.charge()
        gate.leave()
    assert (gate.calls, gate.refused) == (0, 0)


async def test_a_call_counts_before_its_message_comes_until_its_task_is_over() -> None:
    gate = Gate(Access(calls_max=2), Clock())
    message = asyncio.Event()

    async def call() -> bool:
        if not gate.expect():
            return False
        await message.wait()
        gate.arrived()
        gate.enter()
        return True

    calls = [asyncio.create_task(call()) for _ in range(3)]
    assert not await calls[2]
    calls[0].cancel()
    await asyncio.wait(calls[:1])
    one_more = asyncio.create_task(call())
    message.set()
    assert await one_more
    assert await calls[1]
    assert gate.calls == 2
    assert not gate.expect()
    gate.leave()
    assert gate.expect()
