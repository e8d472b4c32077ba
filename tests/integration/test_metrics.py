"""The Prometheus text: what it says is what is so."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.request import urlopen

import pytest
from google.protobuf.empty_pb2 import Empty
from prometheus_client.parser import text_string_to_metric_families

from inventory import __version__
from inventory.domain.alarm import Drift
from inventory.postgres.alarms import tell_drift
from inventory.postgres.connection import Database
from inventory.postgres.reads import Reader
from inventory.server import start
from inventory.settings import Settings
from inventory.v1 import subscriber_service_pb2 as subscriber_pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from inventory.v1.subscriber_service_pb2_grpc import SubscriberServiceStub
from tests.rpc.client import Client, eventually

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Scraped:
    """A server in this process, and its metrics."""

    def __init__(self, client: Client, port: int) -> None:
        self.client = client
        self._port = port

    async def samples(self) -> Samples:
        text = await asyncio.to_thread(self._get)
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def value(self, metric: str, /, **labels: str) -> float | None:
        return (await self.samples()).get((metric, tuple(sorted(labels.items()))))

    def _get(self) -> str:
        with urlopen(f"http://127.0.0.1:{self._port}/metrics") as answer:
            return str(answer.read(), "utf-8")


@pytest.fixture
async def scraped(dsn: str) -> AsyncIterator[Scraped]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with AsyncExitStack() as stack:
        address = await start(Settings(listen="127.0.0.1:0", metrics=f"127.0.0.1:{port}"), dsn, stack)
        client = Client(address)
        stack.push_async_callback(client.close)
        yield Scraped(client, port)


async def test_revisions_and_commands_are_those_of_the_feed_and_the_lane(scraped: Scraped) -> None:
    sku, location = await scraped.client.stocked(10)
    revision = (await scraped.client.adjust(sku, location, 1)).revision
    samples = await scraped.samples()
    assert samples["inventory_build_info", (("version", __version__),)] == 1
    assert samples["inventory_database_up", ()] == 1
    assert samples["inventory_feed_head_revision", ()] == revision
    assert samples["inventory_feed_oldest_revision", ()] == 0
    assert samples["inventory_commands_total", ()] == 4
    assert 1 <= samples["inventory_batches_total", ()] <= 4
    assert samples["inventory_queue_commands", ()] == samples["inventory_calls_open", ()] == 0
    assert samples["process_resident_memory_bytes", ()] > 1_000_000
    assert samples["process_cpu_seconds_total", ()] > 0


async def test_open_streams_are_counted_by_kind_and_channel(scraped: Scraped) -> None:
    shop = (("inventory-channel", "shop-7"),)
    watches: list[Any] = [
        scraped.client.watch.Watch(watch_pb2.WatchRequest(now=Empty()), metadata=shop) for _ in range(2)
    ]
    for watch in watches:
        await watch.read()
    reserving = scraped.client.reservations.ReserveStream()
    await reserving.wait_for_connection()

    async def counted() -> bool:
        return await scraped.value("inventory_streams_open", kind="ReserveStream", channel="default") == 1

    await eventually(counted, "the stream is counted")
    assert await scraped.value("inventory_streams_open", kind="Watch", channel="shop-7") == 2
    for call in (*watches, reserving):
        call.cancel()

    async def none() -> bool:
        return not any(name == "inventory_streams_open" for name, _ in await scraped.samples())

    await eventually(none, "no stream is counted")


async def test_a_subscribers_lag_is_told_in_changes_and_seconds(scraped: Scraped) -> None:
    client = scraped.client
    sku, location = await client.stocked(10)
    registered = SubscriberServiceStub(client.channel)
    await registered.RegisterSubscriber(
        subscriber_pb2.RegisterSubscriberRequest(name="mirror", lag_changes_max=2), metadata=()
    )
    labels = {"channel": "default", "name": "mirror"}

    async def follows() -> bool:
        return await scraped.value("inventory_subscribers", state="following") == 1

    await eventually(follows, "the subscriber was looked at")
    assert await scraped.value("inventory_subscriber_lag_changes", **labels) == 0
    for _ in range(3):
        await client.adjust(sku, location, 1)

    async def lags() -> bool:
        return await scraped.value("inventory_subscribers", state="lagging") == 1

    await eventually(lags, "the subscriber lags")
    assert await scraped.value("inventory_subscriber_lag_changes", **labels) in (3, 4)  # that it lags is a change, too
    assert (await scraped.value("inventory_subscriber_lag_seconds", **labels) or 0) > 0


async def test_open_alarms_are_counted_by_kind_and_severity(scraped: Scraped, dsn: str) -> None:
    labels = {"kind": "drift", "severity": "warning"}
    assert await scraped.value("inventory_alarms_open", **labels) == 0
    database = Database(dsn)
    reader = await Reader.open(database)
    try:
        await tell_drift(reader, database, Drift("web", "on_hand", 1, "r"))
        await tell_drift(reader, database, Drift("till", "on_hand", 1, "r"))
        assert await scraped.value("inventory_alarms_open", **labels) == 2
        await tell_drift(reader, database, Drift("web", "on_hand", 0, "s"))
        assert await scraped.value("inventory_alarms_open", **labels) == 1
    finally:
        await reader.close()
    assert await scraped.value("inventory_alarms_open", kind="replica_lost", severity="critical") == 0


async def test_a_taken_port_is_said_to_be(dsn: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        async with AsyncExitStack() as stack:
            with pytest.raises(RuntimeError, match=f"can't serve metrics on {address}"):
                await start(Settings(listen="127.0.0.1:0", metrics=address), dsn, stack)
