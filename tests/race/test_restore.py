"""Back up a server at work, lose what comes after, restore: what its clients see, with real processes."""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from inventory.v1.catalog_service_pb2 import Location, Sku
from inventory_client import InventoryClient, NotFound, StockMirror
from inventory_client.events import Restarted, RestartReason, SnapshotComplete
from tests.race.house import SHOP, until, within
from tests.race.processes import Process, Server

TTL = timedelta(seconds=20)
BUYERS = 4


@pytest.fixture
async def homes(scratch: Path) -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(prefix="inventory-restore-", dir=scratch) as directory:
        opened = Path(directory)
        await asyncio.to_thread(opened.chmod, 0o711)
        yield opened


async def run(*arguments: str) -> str:
    process = await Process.run("-m", "inventory", *arguments)
    return await process.output()


async def refused(*arguments: str) -> list[str]:
    process = await Process.run("-m", "inventory", *arguments)
    assert await process.ended() == 1
    return process.said


class Buyers:
    """They hold and release until they are told to stop. Each hold that was acknowledged is in `held`."""

    def __init__(self, client: InventoryClient) -> None:
        self._client = client
        self._stop = asyncio.Event()
        self.held: list[tuple[str, int]] = []
        self._tasks = [asyncio.create_task(self._buy()) for _ in range(BUYERS)]

    async def bought(self, more: int) -> None:
        wanted = len(self.held) + more

        async def enough() -> bool:
            return len(self.held) >= wanted or any(task.done() for task in self._tasks)

        await until(enough)

    async def end(self) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)

    async def _buy(self) -> None:
        while not self._stop.is_set():
            answer = await self._client.reserve([("a", SHOP, 1)], ttl=TTL)
            self.held.append((answer.reservation.reservation_id, answer.revision))


async def stock(client: InventoryClient) -> None:
    await client.create_location(Location(location=SHOP))
    for sku in ("a", "b"):
        await client.create_sku(Sku(sku=sku))
        await client.adjust_stock(sku, SHOP, 100_000, reason="opening stock")


@within(180)
async def test_a_client_takes_a_new_snapshot_by_itself_after_a_restore(homes: Path) -> None:
    home, file = str(homes / "home"), str(homes / "kept.inventory")
    async with AsyncExitStack() as stack:
        server = await Server.serve("--data-dir", home, "--listen", "127.0.0.1:0")
        stack.push_async_callback(server.kill)
        client = await stack.enter_async_context(InventoryClient(server.address, "shop", timeout_s=60))
        await stock(client)
        mirror = await stack.enter_async_context(StockMirror(client, locations=[SHOP]))
        watch = await stack.enter_async_context(client.watch(locations=[SHOP], start="snapshot"))
        events: list[object] = []

        async def listen() -> None:
            async for event in watch:
                events.append(event)  # noqa: PERF401 - others look at it meanwhile

        listening = asyncio.create_task(listen())
        buyers = Buyers(client)
        await buyers.bought(50)
        said = await run("backup", file, "--data-dir", home)  # while they buy
        kept = re.match(r"backed up schema inventory at revision ([\d,]+) of epoch", said)
        assert kept is not None, said
        revision = int(kept[1].replace(",", ""))
        await buyers.bought(50)
        await buyers.end()
        lost = await client.adjust_stock("b", SHOP, -7, reason="after the back-up")
        await mirror.wait_until(lost.revision)
        assert mirror.available("b", SHOP) == 99_993
        assert max(at for _, at in buyers.held) > revision

        head = lost.revision
        running = await refused("restore", file, "--data-dir", home, "--replace", str(head))
        assert re.search(r"work on schema inventory \(\d+ connections\): stop them first", running[-1])
        assert await server.stop() == 0
        unsaid = await refused("restore", file, "--data-dir", home)
        told = re.search(r"holds stock at revision (\d+)\..* say --replace \1$", unsaid[-1])
        assert told is not None, unsaid
        assert int(told[1]) >= head  # holds may have run out since
        restored = await run("restore", file, "--data-dir", home, "--replace", told[1])
        assert "BROKEN" not in restored
        assert re.search(r"I2 promises.*ok", restored)
        await run("audit", "verify", "--data-dir", home)  # the audit trail is there, and whole

        again = await Server.serve("--data-dir", home, "--listen", server.address)
        stack.push_async_callback(again.kill)

        async def is_back() -> bool:
            return mirror.available("b", SHOP) == 100_000

        await until(is_back, 60)

        async def restarted() -> bool:
            return any(isinstance(event, Restarted) and event.reason == RestartReason.EPOCH_CHANGED for event in events)

        await until(restarted, 60)
        at = next(
            number
            for number, event in enumerate(events)
            if isinstance(event, Restarted) and event.reason == RestartReason.EPOCH_CHANGED
        )
        assert isinstance(events[0], Restarted)
        assert events[0].reason == RestartReason.FIRST_SNAPSHOT

        async def is_whole() -> bool:
            return any(isinstance(event, SnapshotComplete) for event in events[at:])

        await until(is_whole)
        # What was held before the back-up is there, or has run out since; what was held after it never was.
        more = await client.reserve([("b", SHOP, 2)], ttl=TTL)
        await mirror.wait_until(more.revision)
        assert mirror.available("b", SHOP) == 99_998
        for reservation_id, held_at in buyers.held[:5] + buyers.held[-5:]:
            found = await _is_there(client, reservation_id)
            assert found is (held_at <= revision), (held_at, revision)

        async def have_run_out() -> bool:
            return mirror.available("a", SHOP) == 100_000

        await until(have_run_out, 60)
        listening.cancel()
        await asyncio.wait((listening,))


async def _is_there(client: InventoryClient, reservation_id: str) -> bool:
    try:
        await client.get_reservation(reservation_id)
    except NotFound:
        return False
    return True


@within(120)
async def test_a_back_up_of_a_server_at_work_is_whole_in_a_new_home(homes: Path) -> None:
    home, other, file = str(homes / "home"), str(homes / "other"), str(homes / "kept.inventory")
    async with AsyncExitStack() as stack:
        server = await Server.serve("--data-dir", home, "--listen", "127.0.0.1:0", "--workers", "2")
        stack.push_async_callback(server.kill)
        client = await stack.enter_async_context(InventoryClient(server.address, "shop", timeout_s=60))
        await stock(client)
        buyers = Buyers(client)
        await buyers.bought(20)
        await run("backup", file, "--data-dir", home)
        await buyers.bought(20)
        await buyers.end()
        restored = await run("restore", file, "--data-dir", other)  # the first one goes on
        assert "BROKEN" not in restored
        await run("verify", "--data-dir", other)
        await client.adjust_stock("a", SHOP, 1, reason="still served")
        assert await server.stop() == 0
