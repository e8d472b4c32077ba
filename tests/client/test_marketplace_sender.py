"""The outbound side of the marketplace adapter, against a real HTTP server; time is handed in."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from inventory_marketplace.bucket import TokenBucket
from inventory_marketplace.marketplace import Accepted, Failed, Marketplace
from inventory_marketplace.offers import OFFERS_A_CALL_MAX, Offer, Offers
from inventory_marketplace.sender import BACK_OFF_MAX_S, BACK_OFF_MIN_S, Sender
from tests.client.marketplace_server import FakeShop, Trouble, marketplace
from tests.rpc.client import PATIENCE_S, eventually


class Time:
    """Passes when somebody sleeps."""

    now = 1_000.0

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        if seconds:
            self.slept.append(seconds)
        await asyncio.sleep(0)


class Rig:
    """A sender on its way to a fake shop."""

    def __init__(self, shop: FakeShop, client: httpx.AsyncClient, per_minute: int, burst: int) -> None:
        self.shop = shop
        self.time = Time()
        shop.clock = self.time
        self.offers = Offers()
        self.offers.begin_snapshot()
        bucket = TokenBucket(per_minute, burst, self.time)
        self.sender = Sender(self.offers, bucket, Marketplace(client, shop.url), lambda: None, self.time.sleep)

    def tell(self, **numbers: int) -> None:
        for sku, available in numbers.items():
            self.offers.tell(sku, available)
        self.sender.wake()

    def start(self) -> None:
        self.offers.end_snapshot()
        self.sender.wake()


@asynccontextmanager
async def rig(
    per_minute: int = 60_000, burst: int = 30_000, timeout_s: float = 10.0, **numbers: int
) -> AsyncIterator[Rig]:
    async with marketplace() as shop, httpx.AsyncClient(timeout=timeout_s) as client:
        made = Rig(shop, client, per_minute, burst)
        made.tell(**numbers)
        made.start()
        running = asyncio.create_task(made.sender.run())
        try:
            yield made
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_the_nearly_sold_out_go_first_and_at_most_1000_a_call() -> None:
    async with rig(**{f"sku-{number}": number for number in range(2_300)}) as made:
        await made.shop.until(lambda: len(made.shop.shows) == 2_300, "everything is shown")
        sizes = [len(call) for call in made.shop.calls]
        assert sizes == [OFFERS_A_CALL_MAX, OFFERS_A_CALL_MAX, 300]
        first = [available for _, available in made.shop.calls[0]]
        assert first == sorted(first)
        assert set(range(900)) <= set(first), "but for one in ten, who waited longest"


async def test_no_minute_has_more_updates_than_allowed_and_only_the_newest_are_sent() -> None:
    async with rig(per_minute=600, burst=60, **{f"sku-{number}": 9_000 for number in range(100)}) as made:
        for number in range(6_000):
            made.tell(**{f"sku-{number % 100}": 6_000 - number})
            if number % 100 == 0:
                await made.shop.until_called(len(made.shop.calls) + 1)
        newest = {f"sku-{number % 100}": 6_000 - number for number in range(5_900, 6_000)}
        await made.shop.until(lambda: made.shop.shows == newest, "the newest is shown")
        sent = list(zip(made.shop.times, map(len, made.shop.calls), strict=True))
        for start, _ in sent:
            assert sum(size for at, size in sent if start <= at < start + 60 - 1e-6) <= 600
        assert sum(size for _, size in sent) < 3_000, "most of the 6,000 changes were overtaken"
        for sku in newest:
            told = [available for call in made.shop.calls for name, available in call if name == sku]
            assert told == sorted(told, reverse=True), "never back to an older number"


async def test_a_retry_after_is_obeyed() -> None:
    async with rig() as made:
        made.shop.troubles.append(Trouble(429, retry_after="17"))
        before = made.time.now
        made.tell(a=1)
        await made.shop.until_shows(a=1)
        assert made.shop.codes == [429, 204]
        assert made.shop.times[1] - before >= 17


@pytest.mark.parametrize("code", [500, 502, 503, 429])
async def test_failed_calls_are_tried_again_with_back_off(code: int) -> None:
    async with rig() as made:
        made.shop.troubles.extend(Trouble(code) for _ in range(12))
        made.tell(a=1, b=2)
        await made.shop.until_shows(a=1, b=2)
        waits = made.time.slept[:12]
        for number, wait_s in enumerate(waits, 1):
            longest = min(BACK_OFF_MIN_S * 2**number, BACK_OFF_MAX_S)
            assert longest / 2 <= wait_s <= longest
        assert waits[-1] >= BACK_OFF_MAX_S / 2


async def test_what_changes_during_a_failing_call_is_sent_in_its_newest_form() -> None:
    async with rig() as made:
        answer = asyncio.Event()
        made.shop.troubles.append(Trouble(500, wait=answer, lands=True))
        made.tell(a=5)
        await made.shop.until_called(1)
        made.tell(a=4)
        made.tell(a=3)
        answer.set()
        await made.shop.until_shows(a=3)
        assert made.shop.calls == [[("a", 5)], [("a", 3)]]


async def test_a_call_that_takes_too_long_is_tried_again() -> None:
    async with rig(timeout_s=0.2) as made:
        never = asyncio.Event()
        made.shop.troubles.append(Trouble(wait=never))
        made.tell(a=5)
        await made.shop.until_shows(a=5)
        assert len(made.shop.calls) == 2
        never.set()


@pytest.mark.parametrize("chunk", [b"x", b"x" * 65_536], ids=["drips", "is endless"])
async def test_an_answer_that_does_not_end_ends_the_call(chunk: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
        with contextlib.suppress(OSError):
            while not writer.is_closing():
                writer.write(chunk)
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()

    async with (
        await asyncio.start_server(answer, "127.0.0.1", 0) as server,
        httpx.AsyncClient(timeout=0.5) as client,
        asyncio.timeout(PATIENCE_S),
    ):
        port = server.sockets[0].getsockname()[1]
        told = await Marketplace(client, f"http://127.0.0.1:{port}").put([Offer("a", 1)])
        assert told == (Failed("TimeoutError") if len(chunk) == 1 else Accepted())


async def test_a_marketplace_that_is_away_is_tried_again() -> None:
    async with rig() as made:
        marketplace = made.sender._marketplace
        there, marketplace._url = marketplace._url, "http://127.0.0.1:1/offers"
        made.tell(a=5)

        async def has_failed() -> bool:
            return bool(made.time.slept)

        await eventually(has_failed, "a call has failed")
        marketplace._url = there
        await made.shop.until_shows(a=5)


async def test_the_one_refused_offer_is_found_and_the_others_get_through() -> None:
    numbers = {f"sku-{number}": number % 7 for number in range(500)}
    async with rig() as made:
        made.shop.refuses = {"sku-3", "sku-250"}
        made.tell(**numbers)
        await made.shop.until(lambda: len(made.shop.shows) == 498, "the others are shown")
        assert made.shop.shows == {sku: number for sku, number in numbers.items() if sku not in made.shop.refuses}
        assert Counter(made.shop.codes)[422] < 60
        made.shop.refuses = set()
        made.tell(**{"sku-3": 77})
        await made.shop.until_shows(**{"sku-3": 77})


async def test_what_the_marketplace_shows_is_not_sent_again() -> None:
    async with rig() as made:
        made.tell(a=5)
        await made.shop.until_shows(a=5)
        made.tell(a=4)
        made.tell(a=5)
        made.tell(b=1)
        await made.shop.until_shows(b=1)
        assert [offer for call in made.shop.calls for offer in call] == [("a", 5), ("b", 1)]
