"""Seeded writes of every kind on any number of replicas: what a feed has to tell of."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import grpc

from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from tests.race.house import TRY_AGAIN, Client, House, until

CALL_TIMEOUT_S = 30.0
PIECES = 1_000_000
HOLD_TTL_S = 300
REASON_BYTES_MAX = 512
FAT_ROWS = 900
CATEGORIES = ("bread", "fish", "fruit")
Answer = TypeVar("Answer")


async def open_shops(house: House, client: Client, skus: Sequence[str], shops: Sequence[str]) -> None:
    """Makes SKUs in three categories, and so much stock of each in each shop that nothing is ever refused."""
    await client.catalog.ImportCatalog(
        catalog_pb2.ImportCatalogRequest(
            request_id=house.uuid(),
            skus=[catalog_pb2.Sku(sku=sku, category=CATEGORIES[n % 3]) for n, sku in enumerate(skus)],
            locations=[catalog_pb2.Location(location=shop) for shop in shops],
        )
    )
    for shop in shops:
        await client.stock.BatchAdjustStock(
            stock_pb2.BatchAdjustStockRequest(
                request_id=house.uuid(),
                reason="opening stock",
                adjustments=[stock_pb2.StockAdjustment(sku=sku, location=shop, delta=PIECES) for sku in skus],
            )
        )


def fat(house: House, skus: Sequence[str], shop: str, rows: int) -> stock_pb2.BatchAdjustStockRequest:
    """A command whose change is long on the wire: some 0.7 KB a row."""
    return stock_pb2.BatchAdjustStockRequest(
        request_id=house.uuid(),
        reason="x" * REASON_BYTES_MAX,
        adjustments=[stock_pb2.StockAdjustment(sku=skus[n % len(skus)], location=shop, delta=1) for n in range(rows)],
    )


class Load:
    """`clients` may be changed meanwhile; a call that fails for a time is sent again to the next one."""

    def __init__(self, house: House, clients: list[Client], skus: Sequence[str], shops: Sequence[str]) -> None:
        self.clients = clients
        self.answered = 0
        self.tried_again = 0
        self.over = asyncio.Event()
        self.patient = False
        """Whether a failure is what the test is about; otherwise the first one ends the load."""
        self.fat_every = 0
        """One of so many writes is a command too large for one message; 0: none is."""
        self.working: list[asyncio.Task[None]] = []
        self._fat_ones = 0
        self._house = house
        self._skus = skus
        self._shops = shops

    async def more(self, count: int) -> None:
        """Returns when so many more writes have been answered."""
        target = self.answered + count

        async def written() -> bool:
            return self.answered >= target

        await until(written, 60)

    async def stop(self) -> None:
        """Returns when the last write has been answered."""
        self.over.set()
        await asyncio.gather(*self.working)

    async def work(self, turn: int, chance: random.Random) -> None:
        """Writes until it is over."""
        kinds = (self._buy, self._hold, self._correct, self._recount, self._rename)
        while not self.over.is_set():
            if self.fat_every and self.answered // self.fat_every > self._fat_ones:
                self._fat_ones += 1
                await self._fat(turn, chance)
            await chance.choices(kinds, (40, 25, 20, 10, 5))[0](turn, chance)

    async def _buy(self, turn: int, chance: random.Random) -> None:
        request = reservation_pb2.ReserveRequest(request_id=_uuid(chance), allocate=True, lines=self._lines(chance))
        await self._sent(turn, lambda client: client.reservations.Reserve(request, timeout=CALL_TIMEOUT_S))

    async def _hold(self, turn: int, chance: random.Random) -> None:
        request = reservation_pb2.ReserveRequest(request_id=_uuid(chance), lines=self._lines(chance))
        request.hold_ttl.seconds = HOLD_TTL_S
        made = await self._sent(turn, lambda client: client.reservations.Reserve(request, timeout=CALL_TIMEOUT_S))
        if chance.random() < 0.5:
            release = reservation_pb2.ReleaseRequest(
                request_id=_uuid(chance), reservation_id=made.reservation.reservation_id
            )
            await self._sent(turn, lambda client: client.reservations.Release(release, timeout=CALL_TIMEOUT_S))

    async def _correct(self, turn: int, chance: random.Random) -> None:
        request = stock_pb2.AdjustStockRequest(
            request_id=_uuid(chance),
            sku=chance.choice(self._skus),
            location=chance.choice(self._shops),
            delta=chance.choice((-2, -1, 1, 2)),
            reason="correction",
        )
        await self._sent(turn, lambda client: client.stock.AdjustStock(request, timeout=CALL_TIMEOUT_S))

    async def _recount(self, turn: int, chance: random.Random) -> None:
        rows = [
            stock_pb2.StockAdjustment(sku=sku, location=chance.choice(self._shops), delta=chance.randint(1, 9))
            for sku in chance.choices(self._skus, k=chance.randint(2, 40))
        ]
        request = stock_pb2.BatchAdjustStockRequest(request_id=_uuid(chance), reason="recount", adjustments=rows)
        await self._sent(turn, lambda client: client.stock.BatchAdjustStock(request, timeout=CALL_TIMEOUT_S))

    async def _rename(self, turn: int, chance: random.Random) -> None:
        sku = catalog_pb2.Sku(
            sku=chance.choice(self._skus), name=f"name {chance.randint(1, 99)}", category=chance.choice(CATEGORIES)
        )
        request = catalog_pb2.ImportCatalogRequest(request_id=_uuid(chance), skus=[sku])
        await self._sent(turn, lambda client: client.catalog.ImportCatalog(request, timeout=CALL_TIMEOUT_S))

    async def _fat(self, turn: int, chance: random.Random) -> None:
        request = fat(self._house, self._skus, chance.choice(self._shops), FAT_ROWS)
        await self._sent(turn, lambda client: client.stock.BatchAdjustStock(request, timeout=CALL_TIMEOUT_S))

    def _lines(self, chance: random.Random) -> list[core_pb2.LineQuantity]:
        return [
            core_pb2.LineQuantity(sku=sku, location=chance.choice(self._shops), quantity=chance.randint(1, 3))
            for sku in chance.sample(self._skus, chance.randint(1, 4))
        ]

    async def _sent(self, turn: int, call: Callable[[Client], Awaitable[Answer]]) -> Answer:
        while True:
            try:
                answer = await call(self.clients[turn % len(self.clients)])
            except grpc.aio.AioRpcError as error:
                if not self.patient or error.code() not in TRY_AGAIN:
                    raise
                self.tried_again += 1
                turn += 1
                await asyncio.sleep(0.05)
            else:
                self.answered += 1
                return answer


@asynccontextmanager
async def writing(
    house: House,
    clients: list[Client],
    skus: Sequence[str],
    shops: Sequence[str],
    *,
    workers: int = 6,
    patient: bool = False,
    fat_every: int = 0,
) -> AsyncIterator[Load]:
    """Workers write on all replicas in turn while the block runs; all their calls are answered at its end."""
    load = Load(house, clients, skus, shops)
    load.patient, load.fat_every = patient, fat_every
    async with asyncio.TaskGroup() as group:
        for turn in range(workers):
            load.working.append(group.create_task(load.work(turn, random.Random(house.random.getrandbits(64)))))
        try:
            yield load
        finally:
            load.over.set()


def _uuid(chance: random.Random) -> str:
    bits = f"{chance.getrandbits(128):032x}"
    return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-8{bits[17:20]}-{bits[20:]}"
