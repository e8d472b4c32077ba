"""Migrations while servers of the code before them and of the code after them serve: no call fails."""

import asyncio
import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from google.protobuf.empty_pb2 import Empty

from inventory.postgres.migrate import DIRECTORY
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from inventory_client import InventoryClient
from tests.conftest import as_server
from tests.race.house import SHOP, Client, House, until, within
from tests.race.processes import READY, Process, Server

NEWER = str(Path(__file__).with_name("newer.py"))
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'inventory' AND tablename <> 'migration' ORDER BY 1"
CALLS_BETWEEN = 20
JOURNAL = """
CREATE TABLE later_journal (entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, said text NOT NULL);
CREATE TRIGGER later_journal_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON later_journal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


async def newer_release(house: House, directory: Path) -> None:
    """Its migrations: `pre` gives each table there is a column more, widens a column whose values servers read by
    prepared statements, and makes an append-only table and an index; `post` takes the columns away again."""
    shutil.copytree(DIRECTORY, directory)
    (directory / "0800_journal.pre.sql").write_text(JOURNAL)
    tables = [row[0] for row in await house.sql.fetch(TABLES)]
    for number, table in enumerate(tables):
        added = f"ALTER TABLE {table} ADD COLUMN later text NOT NULL DEFAULT 'nothing yet'"
        (directory / f"{810 + number:04}_{table}.pre.sql").write_text(added)
        dropped = f"ALTER TABLE {table} DROP COLUMN later"
        (directory / f"{910 + number:04}_{table}.post.sql").write_text(dropped)
    (directory / "0880_wider.pre.sql").write_text("ALTER TABLE reservation_line ALTER COLUMN line_no TYPE integer")
    (directory / "0890_index.pre.sql").write_text(
        "-- no transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS later_index ON movement (recorded_at)"
    )


class Load:
    """Calls of many kinds, one after the other, each of which must succeed at its first try."""

    def __init__(self, house: House, client: Client, name: str) -> None:
        self._house = house
        self._client = client
        self._name = name
        self._stop = asyncio.Event()
        self.rounds = 0
        self.task = asyncio.create_task(self._run())

    async def more(self) -> None:
        """Waits for some more rounds; raises what a call has raised."""
        wanted = self.rounds + CALLS_BETWEEN

        async def enough() -> bool:
            return self.task.done() or self.rounds >= wanted

        await until(enough)
        if self.task.done():
            self.task.result()

    async def end(self) -> None:
        self._stop.set()
        await self.task

    async def _run(self) -> None:
        house, client = self._house, self._client
        stub = client.reservations
        while not self._stop.is_set():
            held = (await client.reserve(house.request({"a": 1, "b": 1}, ttl=timedelta(minutes=5)))).reservation
            await client.stock.AdjustStock(house.correction("a", 1), timeout=30)
            if self.rounds % 2:
                await stub.Commit(
                    reservation_pb2.CommitRequest(request_id=house.uuid(), reservation_id=held.reservation_id),
                    timeout=30,
                )
            await stub.Release(house.release(held.reservation_id), timeout=30)
            await stub.GetReservation(
                reservation_pb2.GetReservationRequest(reservation_id=held.reservation_id), timeout=30
            )
            await client.stock.GetStock(stock_pb2.GetStockRequest(sku="a", location=SHOP), timeout=30)
            await client.stock.ListStock(stock_pb2.ListStockRequest(page_size=5), timeout=30)
            await client.stock.ListMovements(stock_pb2.ListMovementsRequest(page_size=5), timeout=30)
            await client.catalog.CreateSku(
                catalog_pb2.CreateSkuRequest(
                    request_id=house.uuid(), sku=catalog_pb2.Sku(sku=f"{self._name}-{self.rounds}")
                ),
                timeout=30,
            )
            await client.catalog.GetSku(catalog_pb2.GetSkuRequest(sku=f"{self._name}-{self.rounds}"), timeout=30)
            self.rounds += 1


async def follow(client: Client, sees: Callable[[core_pb2.Movement], None]) -> None:
    """Every change, on one stream that must not break."""
    stream = client.feed.Watch(watch_pb2.WatchRequest(now=Empty()))
    async for message in stream:
        for change in message.changes:
            for movement in change.movements:
                sees(movement)


async def migrated(directory: Path, dsn: str, *options: str) -> list[str]:
    process = await Process.run(NEWER, str(directory), "migrate", "--dsn", dsn, *options)
    return (await process.output()).splitlines()


@within(180)
async def test_no_call_fails_while_a_newer_release_migrates_joins_and_takes_over(house: House, tmp_path: Path) -> None:
    old, client = await house.server()
    await house.stock(client, {"a": 10_000, "b": 10_000})
    directory = tmp_path / "migrations"
    await newer_release(house, directory)
    files = sorted(path.name.removesuffix(".sql") for path in directory.glob("0[89]*.sql"))
    pre, post = ([name for name in files if name.endswith(phase)] for phase in (".pre", ".post"))
    seen: list[int] = []
    following = asyncio.create_task(follow(client, lambda movement: seen.append(movement.revision)))
    load = Load(house, client, "old")
    await load.more()

    options = ("--phase", "pre", "--server-role", "inventory_server")
    said = await migrated(directory, house.dsn, *options)
    assert said == [f"applying {name}" for name in pre] + [f"pending {name}" for name in post]
    await load.more()
    assert not following.done(), "and the stream goes on"
    again = await Process.run(*map(str, ("-m", "inventory", "migrate", "--dsn", house.dsn)))
    assert await again.output() == "the schema is up to date\n", "the old code has nothing against it"
    late_old, late_client = await house.server()  # an old one may even start again
    await house.ping(late_client)

    newer = await Server.run(NEWER, str(directory), "serve", "--dsn", as_server(house.dsn), "--listen", "127.0.0.1:0")
    house.keep(newer)
    newer.address = (await newer.until_says(READY)).partition(READY)[2].split()[0]
    await newer.until_says("run `inventory migrate --phase post` once no older server runs")
    newer_client = Client(newer.address)
    house.clients.append(newer_client)
    taking_over = Load(house, newer_client, "newer")
    await taking_over.more()
    await load.more()

    async with InventoryClient([old.address, newer.address], "shop") as shop:
        bought = await shop.reserve([("a", SHOP, 1)], ttl=timedelta(minutes=5))
        await load.end()
        following.cancel()
        assert (await old.stop(), await late_old.stop()) == (0, 0)
        await shop.commit(bought.reservation.reservation_id)  # by the newer one: no call fails
        said = await migrated(directory, house.dsn, "--phase", "post", "--server-role", "inventory_server")
        assert said == [f"applying {name}" for name in post]
        await taking_over.more()
        await shop.release(bought.reservation.reservation_id)
    await taking_over.end()
    assert seen == sorted(seen)
    assert seen

    refused = await Process.run("-m", "inventory", "serve", "--dsn", as_server(house.dsn), "--listen", "127.0.0.1:0")
    assert await refused.ended() == 1
    assert re.search(r"schema inventory is newer than this code, which does not know .*0910", refused.said[-1])
    assert not [line for server in (old, late_old, newer) for line in server.said if "defect" in line]
    await house.prove()
