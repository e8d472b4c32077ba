"""A primary with a synchronous standby is lost: servers go on with the standby, and nothing answered is lost."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from inventory.postgres.audit import verify
from inventory.postgres.connection import Database
from inventory.postgres.embedded import SERVER_ROLE, binaries
from inventory.postgres.migrate import migrate
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1.reservation_service_pb2 import ReserveRequest, ReserveResponse
from tests.race.follower import ALL_KINDS, Follower, whole_ledger
from tests.race.house import House, outcomes, reason, until, until_answered, within

OWNER = "inventory"
BUYERS = 12
PURCHASES = 60
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
SYNCHRONOUS = "SELECT FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'quorum'"


class Node:
    """One machine's PostgreSQL, on a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.user = binaries.SystemUser.current()
        self.programs = binaries.find(directory, self.user, None)
        self.directory = directory
        self.user.own(directory)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def dsn(self) -> str:
        return f"postgresql://{OWNER}@/postgres?host={self.directory}"

    def run(self, name: str, *arguments: str | Path) -> None:
        self.programs.run(self.user, name, *arguments)

    async def start(self) -> None:
        self._process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            self.user.command(
                self.programs.program("postgres"), "-D", self.data,
                *("-c", f"unix_socket_directories={self.directory}", "-c", "listen_addresses="),
                *("-c", "shared_buffers=32MB", "-c", "max_connections=60"),
            ),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip
        await until(self._answers)

    async def _answers(self) -> bool:
        try:
            await (await asyncpg.connect(self.dsn)).close()
        except (OSError, asyncpg.PostgresError):
            return False
        return True

    async def execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.dsn)
        await connection.execute(statement)
        await connection.close()

    def lose(self) -> None:
        """As by a power cut. Again: no effect."""
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGQUIT)
            self._process.wait()

    def silence(self) -> socket.socket:
        """What comes to where it was is never answered, as by a machine that is off."""
        path = self.directory / ".s.PGSQL.5432"
        path.unlink(missing_ok=True)
        deaf = socket.socket(socket.AF_UNIX)
        deaf.bind(str(path))
        path.chmod(0o777)
        deaf.listen(4096)  # a full queue would be an answer
        return deaf


@pytest.fixture
def nodes() -> Iterator[tuple[Node, Node]]:
    with tempfile.TemporaryDirectory(prefix="inventory-standby-", dir="/tmp") as directory:
        Path(directory).chmod(0o711)
        made = []
        for name in ("a", "b"):
            (Path(directory) / name).mkdir()
            made.append(Node(Path(directory) / name))
        yield made[0], made[1]
        for node in made:
            node.lose()
            shutil.rmtree(node.data, ignore_errors=True)


@pytest.fixture
async def pair(nodes: tuple[Node, Node]) -> tuple[Node, Node]:
    """A migrated primary, and its standby, which every commit waits for."""
    primary, standby = nodes
    primary.run("initdb", "-D", primary.data, "-U", OWNER, "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync")
    await primary.start()
    await primary.execute(f"CREATE ROLE {SERVER_ROLE} LOGIN")
    connection = await asyncpg.connect(primary.dsn)
    await migrate(connection, "inventory", server_role=SERVER_ROLE)
    await connection.close()
    source = f"host={primary.directory} user={OWNER} application_name=b"
    standby.run("pg_basebackup", "-D", standby.data, "-R", "-X", "stream", "-c", "fast", "-N", "-d", source)
    await standby.start()
    await primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (b)'")
    await primary.execute("SELECT pg_reload_conf()")
    connection = await asyncpg.connect(primary.dsn)
    await until(lambda: connection.fetch(SYNCHRONOUS))
    await connection.close()
    return primary, standby


@within(120)
async def test_a_lost_primary_takes_nothing_with_it_that_was_answered(
    pair: tuple[Node, Node], request: pytest.FixtureRequest
) -> None:
    primary, standby = pair
    either = (
        f"postgresql://{OWNER}@/postgres?host={primary.directory},{standby.directory}&target_session_attrs=read-write"
    )
    async with House(either, request.node.name) as house:
        servers = await house.servers(None, None)
        clients = [client for _, client in servers]
        await house.stock(clients[0], dict.fromkeys("ab", 1_000_000))
        epoch = await house.sql.fetchval("SELECT epoch FROM feed_head")
        follower, over = Follower(0, kinds=ALL_KINDS), asyncio.Event()
        end = 0
        following = asyncio.create_task(
            follower.keep_following(clients, lambda: over.is_set() and follower.at >= end, first=1)
        )
        answered: list[tuple[ReserveRequest, ReserveResponse]] = []
        lost = asyncio.Event()

        async def buy(number: int) -> None:
            for _ in range(PURCHASES):
                wanted = house.request({"ab"[number % 2]: 1})
                answered.append((wanted, await until_answered(clients[number % 2], wanted)))
                if len(answered) > BUYERS * PURCHASES // 3:
                    lost.set()

        async with asyncio.TaskGroup() as group:
            for number in range(BUYERS):
                group.create_task(buy(number))
            await lost.wait()
            primary.lose()
            deaf = primary.silence()
            await standby.execute("SELECT pg_promote()")

        deaf.close()
        house.sql = await house.connect()
        effects = await house.effects([wanted for wanted, _ in answered])
        for wanted, answer in answered:
            assert effects[wanted.request_id] == [answer.reservation.reservation_id]
        head = await house.sql.fetchrow("SELECT epoch, revision FROM feed_head")
        assert head is not None
        assert head["epoch"] == epoch, "clients go on from where they are"
        end = head["revision"]
        over.set()
        await following
        assert follower.rows() == await whole_ledger(house.sql, 0, follower.at)
        await house.prove()
        assert [line async for found in verify(Database(either)) for line in found.wrong] == []


@within(120)
@pytest.mark.parametrize("of", ["stock", "the catalogue"])
async def test_nothing_is_answered_that_the_standby_does_not_have(
    pair: tuple[Node, Node], request: pytest.FixtureRequest, of: str
) -> None:
    primary, standby = pair
    async with House(primary.dsn, request.node.name) as house:
        _, client = await house.server()
        await house.stock(client, {"a": 1_000})
        wanted = house.request({"a": 1})
        new = catalog_pb2.CreateSkuRequest(request_id=house.uuid(), sku=catalog_pb2.Sku(sku="new"))

        def ask(timeout_s: float) -> Awaitable[Any]:
            if of == "stock":
                return client.reserve(wanted, timeout_s)
            return client.catalog.CreateSku(new, timeout=timeout_s)

        standby.lose()
        call = asyncio.ensure_future(outcomes([ask(6)]))
        await until(lambda: house.sql.fetch(WAITING))
        # From now on its transaction is there for everybody, but not at the standby.
        await house.sql.execute(f"SELECT pg_terminate_backend(pid) FROM ({WAITING}) AS waiting")
        answers, errors = await call
        assert not answers
        assert {reason(error) for error in errors} <= {"OUTCOME_UNKNOWN", "DEADLINE_EXCEEDED"}
        await standby.start()
        assert (await ask(60)).replayed
        await house.prove()
