"""While PostgreSQL is away a server says so to health checks, and once to its log; then it goes on by itself."""

import os
import signal

from google.protobuf.empty_pb2 import Empty
from grpc_health.v1 import health_pb2, health_pb2_grpc

from inventory.v1 import watch_service_pb2 as watch_pb2
from inventory.v1.watch_service_pb2_grpc import WatchServiceStub
from tests.race.house import Client, House, outcomes, until, within
from tests.race.processes import Postgres, Process, Server

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
TIRED_OF_WAITING_S = 5.0
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'inventory'"


async def health(client: Client, service: str = "") -> int:
    stub = health_pb2_grpc.HealthStub(client.channel)
    return int((await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=30)).status)


async def until_health(client: Client, wanted: int) -> None:
    async def is_so() -> bool:
        return await health(client) == wanted == await health(client, "inventory.v1.StockService")

    await until(is_so)


def about(server: Server, text: str) -> int:
    return sum(text in line for line in server.said)


@within(90)
async def test_health_and_log_say_once_that_the_database_is_gone_and_once_that_it_is_back(
    crashing: tuple[Postgres, House],
) -> None:
    postgres, house = crashing
    server, client = await house.server()
    await house.stock(client, {"a": 10})
    follower = WatchServiceStub(client.channel).Watch(watch_pb2.WatchRequest(now=Empty()))
    await follower.read()
    await until_health(client, SERVING)
    said_before = len(server.said)

    await postgres.crash()
    await until_health(client, NOT_SERVING)
    _, errors = await outcomes([client.reserve(house.request({"a": 1}), TIRED_OF_WAITING_S)])
    assert errors, "and meanwhile everything that knows the database has tried many times"
    refused = await Process.run("-m", "inventory", "stock", "a", "--server", server.address)
    assert await refused.ended() == 1
    why = "its log says why, or it is stopping"
    assert refused.said == [f"the server at {server.address} does not serve now: {why}"]

    again = await Postgres.start(postgres.home)
    house.keep(again)
    await until_health(client, SERVING)
    await client.reserve(house.request({"a": 1}))
    for gone, back in (
        ("not serving until it is well again", "serving again"),
        ("the sweep waits", "the sweep goes on"),
        ("the feed's keeping waits", "the feed's keeping goes on"),
        ("the feed can't read", "the feed reads again"),
        ("the feed's bell is lost", "the feed's bell is heard again"),
        ("a batch is tried again", "batches are written again"),
    ):
        await server.until_says(back)
        assert (about(server, gone), about(server, back)) == (1, 1), gone
    assert len(server.said) - said_before <= 20
    follower.cancel()
    await again.stop()


@within(60)
async def test_a_database_that_was_set_read_only_is_not_served(house: House) -> None:
    _, client = await house.server()
    await until_health(client, SERVING)
    name = await house.sql.fetchval("SELECT current_database()")
    ends = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'inventory'"
    )
    await house.sql.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await house.sql.fetch(ends, name)
    await until_health(client, NOT_SERVING)
    await house.sql.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    await house.sql.fetch(ends, name)
    await until_health(client, SERVING)


@within(60)
async def test_a_database_that_hangs_is_not_served(crashing: tuple[Postgres, House]) -> None:
    postgres, house = crashing
    _, client = await house.server()
    await until_health(client, SERVING)
    backends = [row[0] for row in await house.sql.fetch(BACKENDS)]
    postmaster = int((postgres.home / "data" / "postmaster.pid").read_text().split()[0])
    stopped = [postmaster, *backends]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        await until_health(client, NOT_SERVING)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    await until_health(client, SERVING)
    await postgres.stop()
