"""Stock-taking while two servers sell and receive: the books are right in the end, whoever was first."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg

from inventory.postgres.connection import Database
from inventory.postgres.verify import CHECKS, snapshot
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_count_service_pb2 as pb2
from tests.race.house import CALL_TIMEOUT_S, SHOP, Client, House, outcomes, reason, until, within

PIECES = 10_000


async def opened(house: House, client: Client) -> str:
    request = pb2.OpenStockCountRequest(request_id=house.uuid(), location=SHOP)
    return (await client.counts.OpenStockCount(request, timeout=CALL_TIMEOUT_S)).count.count_id


def recording(house: House, count_id: str, *lines: pb2.CountedQuantity) -> pb2.RecordStockCountRequest:
    return pb2.RecordStockCountRequest(request_id=house.uuid(), count_id=count_id, lines=lines)


def posting(house: House, count_id: str, version: int) -> pb2.PostStockCountRequest:
    return pb2.PostStockCountRequest(request_id=house.uuid(), count_id=count_id, expected_version=version)


async def on_hand(sql: asyncpg.Connection, at_revision: int = 2**62) -> dict[str, int]:
    """By SKU: after a revision, or now, as the movements add up."""
    rows = await sql.fetch(
        "SELECT code, sum(on_hand_delta)::bigint AS on_hand FROM movement JOIN sku USING (sku_id)"
        " WHERE movement.revision <= $1 GROUP BY code",
        at_revision,
    )
    return {row["code"]: row["on_hand"] for row in rows}


async def prove(house: House) -> None:
    await house.prove()
    async with snapshot(Database(house.dsn)) as state:
        for check in CHECKS:
            assert (await state.run(check)).rows == [], check.name
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert await house.sql.fetchval(deadlocks) == 0


async def _at_once(
    house: House, other: asyncpg.Connection, count_id: str, calls: list[Callable[[], Awaitable[Any]]]
) -> tuple[list[Any], list[BaseException]]:
    """The outcomes of two calls that both have begun before the count can be had."""
    await other.execute("BEGIN")
    await other.execute("SELECT FROM stock_count WHERE count_id = $1 FOR UPDATE", UUID(count_id))
    both = asyncio.create_task(outcomes(call() for call in calls))
    await until(house.two_wait_for_a_lock)
    await other.execute("ROLLBACK")
    return await both


class Trade:
    """Buyers and deliveries on every server, until `over`; `moved`: what came minus what went."""

    def __init__(self, house: House, clients: list[Client], skus: list[str]) -> None:
        self.moved: Counter[str] = Counter()
        self.done = 0
        self._house = house
        self._over = asyncio.Event()
        self._tasks = [
            asyncio.create_task(work(client, skus))
            for client in clients
            for work in (self._sell, self._sell, self._receive)
        ]

    async def goes_on(self, times: int) -> None:
        """Waits until so much more is done."""
        wanted = self.done + times

        async def reached() -> bool:
            assert not any(task.done() for task in self._tasks), "a trader has failed"
            return self.done >= wanted

        await until(reached)

    async def end(self) -> None:
        self._over.set()
        await asyncio.gather(*self._tasks)

    async def _sell(self, client: Client, skus: list[str]) -> None:
        while not self._over.is_set():
            lines = {sku: self._house.random.randint(1, 3) for sku in self._house.random.sample(skus, 3)}
            made = await client.reserve(self._house.request(lines))
            await client.reservations.Fulfil(
                reservation_pb2.FulfilRequest(
                    request_id=self._house.uuid(), reservation_id=made.reservation.reservation_id
                ),
                timeout=CALL_TIMEOUT_S,
            )
            self.moved.subtract(lines)
            self.done += 1

    async def _receive(self, client: Client, skus: list[str]) -> None:
        while not self._over.is_set():
            sku, delta = self._house.random.choice(skus), self._house.random.randint(1, 5)
            await client.stock.AdjustStock(self._house.correction(sku, delta), timeout=CALL_TIMEOUT_S)
            self.moved[sku] += delta
            self.done += 1


@within(90)
async def test_a_count_of_known_moments_makes_the_books_say_what_is_on_the_shelf(house: House) -> None:
    """Of each SKU the shelf is off by a number that only the counter can see."""
    clients = [client for _, client in await house.servers(None, None)]
    skus = [f"sku-{n:02}" for n in range(12)]
    await house.stock(clients[0], dict.fromkeys(skus, PIECES))
    off = {sku: house.random.randint(-20, 20) for sku in skus}
    trade = Trade(house, clients, skus)
    count_id = await opened(house, clients[0])
    for turn, sku in enumerate(house.random.sample(skus, len(skus))):
        await trade.goes_on(10)
        moment = await house.sql.fetchval("SELECT revision FROM feed_head")
        shelf = (await on_hand(house.sql, moment))[sku] + off[sku]
        await trade.goes_on(10)
        line = pb2.CountedQuantity(sku=sku, counted=shelf, at_revision=moment)
        answer = await clients[turn % 2].counts.RecordStockCount(
            recording(house, count_id, line), timeout=CALL_TIMEOUT_S
        )
        assert answer.lines[0].difference == off[sku]
    await trade.goes_on(20)
    await clients[1].counts.PostStockCount(posting(house, count_id, len(skus)), timeout=CALL_TIMEOUT_S)
    await trade.goes_on(20)
    await trade.end()
    assert await on_hand(house.sql) == {sku: PIECES + trade.moved[sku] + off[sku] for sku in skus}
    await prove(house)


@within(90)
async def test_a_count_of_now_differs_from_the_books_of_that_very_moment(house: House) -> None:
    """Many times over, so that recordings share batches with sales of the same SKUs."""
    times = 60
    clients = [client for _, client in await house.servers(None, None)]
    skus = [f"sku-{n}" for n in range(4)]
    await house.stock(clients[0], dict.fromkeys(skus, PIECES))
    trade = Trade(house, clients, skus)
    expected: Counter[str] = Counter()

    async def count(client: Client, sku: str) -> None:
        sql = await house.connect()
        for _ in range(times // len(skus)):
            count_id = await opened(house, client)
            number = PIECES + house.random.randint(-50, 50)
            answer = await client.counts.RecordStockCount(
                recording(house, count_id, pb2.CountedQuantity(sku=sku, counted=number)), timeout=CALL_TIMEOUT_S
            )
            line = answer.lines[0]
            assert line.on_hand == (await on_hand(sql, line.at_revision))[sku]
            await client.counts.PostStockCount(posting(house, count_id, 1), timeout=CALL_TIMEOUT_S)
            expected[sku] += line.difference
        await sql.close()

    await asyncio.gather(*(count(clients[n % 2], sku) for n, sku in enumerate(skus)))
    await trade.end()
    assert await on_hand(house.sql) == {sku: PIECES + trade.moved[sku] + expected[sku] for sku in skus}
    await prove(house)


@within(60)
async def test_what_is_first_received_while_a_recording_waits_for_another_level_is_not_overlooked(house: House) -> None:
    """A SKU that was never here has no level that could be locked, until the recording makes one."""
    clients = [client for _, client in await house.servers(None, None)]
    skus = [f"new-{n}" for n in range(5)]
    await house.stock(clients[0], {"known": 1, **dict.fromkeys(skus, 0)})
    count_id = await opened(house, clients[0])
    other = await house.connect()
    for sku in skus:
        lines = [pb2.CountedQuantity(sku=name, counted=5) for name in ("known", sku)]
        await other.execute("BEGIN")
        await other.execute("SELECT FROM level JOIN sku USING (sku_id) WHERE code = 'known' FOR UPDATE OF level")
        recorded = clients[0].counts.RecordStockCount(recording(house, count_id, *lines))
        await until(house.waits_for_a_lock)
        await clients[1].stock.AdjustStock(house.correction(sku, 3))
        await other.execute("ROLLBACK")
        line = (await recorded).lines[1]
        assert line.on_hand == (await on_hand(house.sql, line.at_revision)).get(sku, 0)
    await other.close()
    await prove(house)


@within(60)
async def test_of_two_who_post_at_once_one_wins(house: House) -> None:
    times = 10
    clients = [client for _, client in await house.servers(None, None)]
    await house.stock(clients[0], {"a": PIECES, "b": PIECES})
    other = await house.connect()
    for turn in range(1, times + 1):
        count_id = await opened(house, clients[0])
        books = await on_hand(house.sql)
        lines = [pb2.CountedQuantity(sku=sku, counted=books[sku] + delta) for sku, delta in (("a", -1), ("b", 2))]
        await clients[1].counts.RecordStockCount(recording(house, count_id, *lines))
        await other.execute("BEGIN")
        await other.execute("SELECT FROM stock_count WHERE count_id = $1 FOR UPDATE", UUID(count_id))
        both = asyncio.gather(outcomes(client.counts.PostStockCount(posting(house, count_id, 1)) for client in clients))
        await until(house.two_wait_for_a_lock)
        await other.execute("ROLLBACK")
        ((answers, errors),) = await both
        assert len(answers) == 1
        assert [reason(error) for error in errors] == ["COUNT_STATE"]
        assert await on_hand(house.sql) == {"a": PIECES - turn, "b": PIECES + 2 * turn}
    await other.close()
    await prove(house)


@within(60)
async def test_who_posts_posts_what_was_looked_at_or_nothing(house: House) -> None:
    """A recording and the posting of the version before it, at once: never a mix of both, though they have no SKU in
    common."""
    times = 20
    clients = [client for _, client in await house.servers(None, None)]
    await house.stock(clients[0], {"a": PIECES, "b": PIECES})
    other = await house.connect()
    won: Counter[str] = Counter()
    for turn in range(times):
        poster, counter = clients if turn % 2 else clients[::-1]
        count_id = await opened(house, poster)
        before = await on_hand(house.sql)
        await poster.counts.RecordStockCount(
            recording(house, count_id, pb2.CountedQuantity(sku="a", counted=before["a"] - 1))
        )
        calls: list[Callable[[], Awaitable[Any]]] = [
            partial(poster.counts.PostStockCount, posting(house, count_id, 1)),
            partial(
                counter.counts.RecordStockCount,
                recording(house, count_id, pb2.CountedQuantity(sku="b", counted=before["b"] - 2)),
            ),
        ]
        answers, errors = await _at_once(house, other, count_id, calls)
        assert len(answers) == len(errors) == 1
        won[reason(errors[0])] += 1
        now = await on_hand(house.sql)
        if isinstance(answers[0], pb2.PostStockCountResponse):
            assert reason(errors[0]) == "COUNT_STATE"
            assert now == {"a": before["a"] - 1, "b": before["b"]}
        else:
            assert reason(errors[0]) == "EXPECTATION_FAILED"
            assert now == before
            await poster.counts.PostStockCount(posting(house, count_id, 2))
            assert await on_hand(house.sql) == {"a": before["a"] - 1, "b": before["b"] - 2}
    assert won.total() == times
    await other.close()
    await prove(house)


@within(60)
async def test_a_count_is_posted_or_given_up(house: House) -> None:
    """Both at once: one is told that it came too late."""
    times = 10
    clients = [client for _, client in await house.servers(None, None)]
    await house.stock(clients[0], {"a": PIECES})
    other = await house.connect()
    for turn in range(times):
        poster, canceller = clients if turn % 2 else clients[::-1]
        count_id = await opened(house, poster)
        before = (await on_hand(house.sql))["a"]
        await poster.counts.RecordStockCount(
            recording(house, count_id, pb2.CountedQuantity(sku="a", counted=before - 1))
        )
        cancel = pb2.CancelStockCountRequest(request_id=house.uuid(), count_id=count_id)
        calls: list[Callable[[], Awaitable[Any]]] = [
            partial(poster.counts.PostStockCount, posting(house, count_id, 1)),
            partial(canceller.counts.CancelStockCount, cancel),
        ]
        answers, errors = await _at_once(house, other, count_id, calls)
        assert [reason(error) for error in errors] == ["COUNT_STATE"]
        posted = answers[0].count.state == pb2.STOCK_COUNT_STATE_POSTED
        assert (await on_hand(house.sql))["a"] == before - posted
    await other.close()
    await prove(house)


@within(60)
async def test_a_hold_and_a_count_that_leaves_nothing_for_it_are_one_after_the_other(house: House) -> None:
    """Ten pieces in the books, four on the shelf, and buyers of two at once: what is promised is there."""
    times = 15
    clients = [client for _, client in await house.servers(None, None)]
    for turn in range(times):
        sku = f"sku-{turn}"
        await house.stock(clients[0], {sku: 10})
        count_id = await opened(house, clients[0])
        await clients[0].counts.RecordStockCount(recording(house, count_id, pb2.CountedQuantity(sku=sku, counted=4)))
        buys = [clients[n % 2].reserve(house.request({sku: 2})) for n in range(5)]
        post = clients[turn % 2].counts.PostStockCount(posting(house, count_id, 1))
        calls: list[Awaitable[Any]] = [*buys[:3], post, *buys[3:]]
        answers, errors = await outcomes(calls)
        bought = sum(isinstance(answer, reservation_pb2.ReserveResponse) for answer in answers)
        posted = len(answers) > bought
        assert bought <= 2 if posted else bought > 2
        assert {reason(error) for error in errors} <= {"INSUFFICIENT_STOCK" if posted else "BELOW_PROMISED"}
        assert await house.available(sku) == (4 if posted else 10) - 2 * bought
    await prove(house)
