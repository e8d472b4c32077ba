"""What health checks are told for each thing that can be wrong: which services serve on, and one line that says why."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from google.protobuf.empty_pb2 import Empty
from grpc_health.v1 import health_pb2, health_pb2_grpc

from inventory.health import LANE_STUCK_S
from inventory.postgres.probe import wrong_migrations
from inventory.v1 import operations_service_pb2 as pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from inventory.v1.operations_service_pb2_grpc import OperationsServiceStub
from tests.race.house import Client, House, outcomes, until, within
from tests.race.processes import Postgres, Process, Server

WATCH, STOCK = "inventory.v1.WatchService", "inventory.v1.StockService"
SERVICES = ("live", "ready", "", STOCK, WATCH)
ALL = dict.fromkeys(SERVICES, True)
ONLY_READING = {"live": True, "ready": False, "": False, STOCK: False, WATCH: True}
NOBODY = {"live": True, "ready": False, "": False, STOCK: False, WATCH: False}


async def told(client: Client) -> dict[str, bool]:
    stub = health_pb2_grpc.HealthStub(client.channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    return {
        name: (await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=30)).status == serving
        for name in SERVICES
    }


def tells(client: Client, wanted: dict[str, bool]) -> Callable[[], Awaitable[bool]]:
    async def is_so() -> bool:
        return await told(client) == wanted

    return is_so


def about(server: Server, text: str) -> list[str]:
    return [line for line in server.said if text in line]


async def said_once(server: Server, why: str) -> None:
    """One line when it stopped serving, which says why, and one when it serves again."""
    await server.until_says("serving again")
    (line,) = about(server, "not serving until it is well again")
    assert why in line
    assert len(about(server, "serving again")) == 1


@within(60)
async def test_when_all_is_well_everything_serves(house: House) -> None:
    server, client = await house.server()
    assert await told(client) == ALL
    for name, code in (("live", 0), ("", 0), (WATCH, 0), ("nobody", 1)):
        asked = await Process.run("-m", "inventory", "health", "--server", server.address, "--service", name)
        assert await asked.ended() == code, name


@within(90)
async def test_a_database_that_is_gone_leaves_only_life(crashing: tuple[Postgres, House]) -> None:
    postgres, house = crashing
    server, client = await house.server()
    operations = OperationsServiceStub(client.channel)
    well = (await operations.GetFigures(pb2.GetFiguresRequest())).figures
    assert (well.unwell, well.HasField("head")) == ("", True)
    assert await told(client) == ALL
    await postgres.crash()
    await until(tells(client, NOBODY))
    unwell = (await operations.GetFigures(pb2.GetFiguresRequest())).figures
    assert (unwell.unwell, unwell.HasField("head")) == ("the database can't be reached", False)
    assert unwell.replica == well.replica
    again = await Postgres.start(postgres.home)
    house.keep(again)
    await until(tells(client, ALL))
    await said_once(server, "the database can't be reached")
    await again.stop()


@within(90)
async def test_while_the_whole_server_is_read_only_who_reads_is_served(crashing: tuple[Postgres, House]) -> None:
    postgres, house = crashing
    server, client = await house.server()
    await house.stock(client, {"a": 10})
    owner = await asyncpg.connect(postgres.dsn.replace("//inventory@", "//postgres@"))
    await owner.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    await owner.execute("SELECT pg_reload_conf()")
    await until(tells(client, ONLY_READING))
    follower = client.feed.Watch(watch_pb2.WatchRequest(now=Empty()))
    assert await follower.read(), "a new follower is served"
    follower.cancel()
    _, errors = await outcomes([client.reserve(house.request({"a": 1}), 2)])
    assert errors
    await owner.execute("SET default_transaction_read_only = off")
    await owner.execute("ALTER SYSTEM RESET default_transaction_read_only")
    await owner.execute("SELECT pg_reload_conf()")
    await until(tells(client, ALL))
    assert not (await client.reserve(house.request({"a": 1}))).replayed
    await owner.close()
    await said_once(server, "the database takes no writes")
    await postgres.stop()


@within(90)
async def test_a_lane_that_nobody_can_be_answered_by_is_stuck_and_comes_back(house: House) -> None:
    server, client = await house.server()
    await house.stock(client, {"a": 10})
    other = await house.connect()
    await other.execute("BEGIN")
    await other.execute("SELECT FROM feed_head FOR UPDATE")
    waiting = asyncio.create_task(outcomes([client.reserve(house.request({"a": 1}), 30)]))
    await until(tells(client, ONLY_READING))
    assert not waiting.done()
    await other.execute("ROLLBACK")
    await until(tells(client, ALL))
    answers, errors = await waiting
    assert (len(answers), errors) == (1, [])
    other.terminate()
    await said_once(server, "the lane is stuck: somebody keeps the feed's head locked")


@within(90)
async def test_a_lane_whose_connection_hangs_is_stuck_and_comes_back(house: House) -> None:
    server, client = await house.server()
    await house.stock(client, {"a": 10})
    own = await house.sql.fetchval(
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'inventory' AND query = 'COMMIT'"
    )
    os.kill(own, signal.SIGSTOP)
    try:
        waiting = asyncio.create_task(outcomes([client.reserve(house.request({"a": 1}), 30)]))
        await until(tells(client, ONLY_READING))
    finally:
        os.kill(own, signal.SIGCONT)
    await until(tells(client, ALL))
    answers, errors = await waiting
    assert (len(answers), errors) == (1, [])
    await said_once(server, "the lane is stuck: its oldest command has waited")


@within(90)
async def test_a_lock_on_one_level_is_no_reason_to_send_everybody_away(house: House) -> None:
    server, client = await house.server()
    await house.stock(client, {"a": 10})
    other = await house.connect()
    await other.execute("BEGIN")
    await other.execute("SELECT FROM level FOR UPDATE")
    waiting = asyncio.create_task(outcomes([client.reserve(house.request({"a": 1}), LANE_STUCK_S + 4)]))
    while not waiting.done():
        assert await told(client) == ALL
        await asyncio.wait((waiting,), timeout=0.2)
    other.terminate()
    assert about(server, "not serving") == []


@within(60)
async def test_a_missing_migration_is_noticed_and_a_newer_one_does_no_harm(house: House) -> None:
    server, client = await house.server()
    await house.sql.execute("INSERT INTO migration (number, name, phase, checksum) VALUES (9000, 'newer', 'pre', '')")
    row = await house.sql.fetchrow("DELETE FROM migration WHERE number = 3 RETURNING *")
    assert row is not None
    await until(tells(client, NOBODY))
    await house.sql.execute("INSERT INTO migration VALUES ($1, $2, $3, $4, $5)", *row)
    await until(tells(client, ALL))
    await said_once(server, "migrations are missing: 0003.pre")


@pytest.mark.parametrize(
    ("known", "applied", "why"),
    [
        (["0001.pre", "0002.post"], ["0001.pre", "0002.post"], ""),
        (["0001.pre", "0002.post"], ["0001.pre"], ""),
        (["0001.pre"], ["0001.pre", "0002.pre"], ""),
        (["0001.pre", "0002.pre"], ["0001.pre"], "migrations are missing: 0002.pre"),
        (["0001.pre"], ["0001.pre", "0002.post"], "the database is for newer code only, since 0002.post"),
    ],
)
def test_which_migrations_old_and_new_code_can_share(known: list[str], applied: list[str], why: str) -> None:
    assert wrong_migrations(known, applied) == why
