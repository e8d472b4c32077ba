"""What may happen to PostgreSQL while buyers write: connections cut, writing forbidden, no space left."""

import asyncio
import ctypes
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from inventory.v1.reservation_service_pb2 import ReserveRequest, ReserveResponse
from tests.race.house import TRY_AGAIN, Client, House, outcomes, reason, until, within
from tests.race.processes import Postgres, Server
from tests.race.test_database_gone import NOT_SERVING, SERVING, until_health

CUTS = 40
WORKERS = 16
PIECES = 10_000_000
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'inventory'"
DISK_BYTES = 256 << 20
LEFT_BYTES = 6 << 20
FULL_FOR_S = 6.0
MORE = 200
DEFINITE = (grpc.StatusCode.RESOURCE_EXHAUSTED,)
_libc = ctypes.CDLL(None, use_errno=True)


class Buyers:
    """Each sends one request after the other, each until it is answered."""

    def __init__(self, house: House, clients: list[Client]) -> None:
        self._house = house
        self._clients = clients
        self.answered: list[tuple[ReserveRequest, ReserveResponse]] = []
        self.failed: set[grpc.StatusCode] = set()
        self.tried_again = 0
        self.over = False

    async def buy(self, turn: int) -> None:
        while not self.over:
            request = self._house.request({"a": 1, "b": 2})
            while True:
                turn += 1
                try:
                    answer = await self._clients[turn % len(self._clients)].reserve(request, 4.0)
                except grpc.aio.AioRpcError as error:
                    self.failed.add(error.code())
                    self.tried_again += 1
                    await asyncio.sleep(0.05)
                else:
                    self.answered.append((request, answer))
                    break

    async def more(self, count: int) -> None:
        target = len(self.answered) + count

        async def enough() -> bool:
            return len(self.answered) >= target

        await until(enough, 60)

    async def prove(self) -> None:
        """Nothing was said but that it may be tried again; no answer is lost, and none has two effects."""
        assert self.failed <= {*TRY_AGAIN, *DEFINITE}
        effects = await self._house.effects(request for request, _ in self.answered)
        for request, answer in self.answered:
            assert effects[request.request_id] == [answer.reservation.reservation_id]
        assert await self._house.available("a") == PIECES - len(self.answered)
        await self._house.prove()


@contextmanager
def buying(group: asyncio.TaskGroup, house: House, clients: list[Client]) -> Iterator[Buyers]:
    buyers = Buyers(house, clients)
    for turn in range(WORKERS):
        group.create_task(buyers.buy(turn))
    try:
        yield buyers
    finally:
        buyers.over = True


@within(120)
async def test_connections_that_are_cut_at_random_lose_and_double_nothing(house: House) -> None:
    servers = await house.servers(None, None)
    clients = [client for _, client in servers]
    await house.stock(clients[0], {"a": PIECES, "b": PIECES})
    cut = 0
    async with asyncio.TaskGroup() as group:
        with buying(group, house, clients) as buyers:
            while cut < CUTS:
                await asyncio.sleep(house.random.uniform(0.02, 0.3))
                pids = [row[0] for row in await house.sql.fetch(BACKENDS)]
                if pids:
                    cut += bool(await house.sql.fetchval("SELECT pg_terminate_backend($1)", house.random.choice(pids)))
            await buyers.more(MORE)
    await buyers.prove()


@within(90)
async def test_a_database_that_forbids_writing_is_left_and_found_again(crashing: tuple[Postgres, House]) -> None:
    postgres, house = crashing
    _, client = await house.server()
    await house.stock(client, {"a": PIECES, "b": PIECES})
    await until_health(client, SERVING)
    before = {row[0] for row in await house.sql.fetch(BACKENDS)}
    async with asyncio.TaskGroup() as group:
        with buying(group, house, [client]) as buyers:
            await buyers.more(MORE)
            _read_only(postgres, "on")
            await until_health(client, NOT_SERVING)
            _, errors = await outcomes([client.reserve(house.request({"a": 1, "b": 2}), 2.0)])
            assert reason(errors[0]) in ("STORAGE_UNAVAILABLE", "DEADLINE_EXCEEDED")
            _read_only(postgres, "off")
            await until_health(client, SERVING)
            await buyers.more(MORE)
    after = {row[0] for row in await house.sql.fetch(BACKENDS)}
    assert before - after, "connections to it were dropped"
    await buyers.prove()
    await postgres.stop()


def _read_only(postgres: Postgres, value: str) -> None:
    """As an administrator does: ALTER SYSTEM, which the server's role may not, and a reload."""
    data = postgres.home / "data"
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"default_transaction_read_only = {value}\n")
    os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGHUP)


@pytest.fixture
async def small_disk() -> AsyncIterator[Path]:
    """A file system of `DISK_BYTES`."""
    with tempfile.TemporaryDirectory(prefix="inventory-disk-", dir="/tmp") as directory:
        place = Path(directory) / "disk"
        place.mkdir()
        place.parent.chmod(0o755)  # as root PostgreSQL runs as nobody
        options = f"size={DISK_BYTES}".encode()
        if _libc.mount(b"tmpfs", str(place).encode(), b"tmpfs", 0, options):
            pytest.skip(f"no file system can be mounted here: {os.strerror(ctypes.get_errno())}")
        try:
            yield place
        finally:
            _libc.umount2(str(place).encode(), 2)  # MNT_DETACH


@within(150)
async def test_a_disk_that_is_full_loses_nothing_and_goes_on_when_there_is_space(
    small_disk: Path, request: pytest.FixtureRequest
) -> None:
    server = await Server.serve(
        "--data-dir", str(small_disk / "home"), "--listen", "127.0.0.1:0", "--shared-buffers-mb", "32"
    )
    dsn = next(line for line in server.said if "--dsn" in line).partition("'")[2].rstrip("'")
    async with House(dsn, request.node.name) as house:
        house.keep(server)
        client = house.client(server.address)
        await house.stock(client, {"a": PIECES, "b": PIECES})
        async with asyncio.TaskGroup() as group:
            with buying(group, house, [client]) as buyers:
                await buyers.more(MORE)
                ballast = small_disk / "ballast"
                _fill(small_disk, ballast)

                async def it_fails() -> bool:
                    return buyers.tried_again > WORKERS

                await until(it_fails, 60)
                await asyncio.sleep(FULL_FOR_S)  # as long as somebody needs to make room
                ballast.unlink()
                await buyers.more(MORE)
        house.sql.terminate()
        house.sql = await house.connect()
        await buyers.prove()
        assert await server.stop() == 0


def _fill(disk: Path, ballast: Path) -> None:
    found = os.statvfs(disk)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, found.f_bavail * found.f_frsize - LEFT_BYTES)
