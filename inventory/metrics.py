"""How the server does, as Prometheus text on a port of its own.

Nothing is counted for it on the way of a call: each scrape asks the objects that know.
"""

import asyncio
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from inventory import __version__
from inventory.domain.subscriber import Subscriber, SubscriberState
from inventory.engine.lane import Lane
from inventory.postgres.errors import StorageError
from inventory.postgres.reads import Head
from inventory.rpc.streams import Streams

LOOK_TIMEOUT_S = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Sources:
    """Where the figures are from. `subscribers` gives those of the last look at them, of all channels."""

    head: Callable[[], Awaitable[Head]]
    streams: Streams
    lane: Lane
    subscribers: Callable[[], Sequence[Subscriber]]


class _Look(NamedTuple):
    head: Head | None
    streams: Tally[tuple[str, str]]
    calls: int
    batches: int
    commands: int
    queued: int
    subscribers: Sequence[Subscriber]


class ServerCollector(Collector):
    """Looks at the sources on the server's loop, and makes the text on the scraper's thread."""

    def __init__(self, sources: Sources) -> None:
        """Belongs on the loop."""
        self._sources = sources
        self._loop = asyncio.get_running_loop()

    def collect(self) -> Iterable[Metric]:
        """Raises `TimeoutError` when the loop or the database doesn't answer in time: the scrape fails."""
        look = asyncio.run_coroutine_threadsafe(self._look(), self._loop).result(LOOK_TIMEOUT_S)
        yield InfoMetricFamily("inventory_build", "The version that runs.", {"version": __version__})
        yield from _feed(look.head)
        yield from _work(look)
        yield from _subscribers(look.subscribers)

    async def _look(self) -> _Look:
        sources = self._sources
        head = None
        with suppress(StorageError):  # told by inventory_database_up
            head = await sources.head()
        lane = sources.lane
        return _Look(
            head,
            sources.streams.count(),
            sources.streams.calls,
            lane.batches,
            lane.commands,
            lane.queued,
            sources.subscribers(),
        )


def serve_metrics(address: str, sources: Sources) -> Callable[[], None]:
    """Answers scrapes of HOST:PORT on threads of its own; gives what ends that, which may block for half a second.

    Raises `RuntimeError` when the port is taken.
    """
    registry = CollectorRegistry()
    registry.register(ServerCollector(sources))
    ProcessCollector(registry=registry)
    host, _, port = address.rpartition(":")
    try:
        httpd, thread = start_http_server(int(port), host.strip("[]"), registry)
    except (OSError, OverflowError):
        raise RuntimeError(f"can't serve metrics on {address}: is another server running there?") from None
    log.info("metrics are served", address=f"http://{host}:{httpd.server_port}/metrics")

    def end() -> None:
        httpd.shutdown()
        httpd.server_close()
        thread.join()

    return end


def _feed(head: Head | None) -> Iterable[Metric]:
    yield GaugeMetricFamily(
        "inventory_database_up", "Whether the database has answered this scrape.", int(head is not None)
    )
    if head is not None:
        yield GaugeMetricFamily("inventory_feed_head_revision", "The last revision of the feed.", head.revision)
        yield GaugeMetricFamily(
            "inventory_feed_oldest_revision", "The oldest cursor that can be resumed from.", head.compacted
        )


def _work(look: _Look) -> Iterable[Metric]:
    streams = GaugeMetricFamily("inventory_streams_open", "Open streams.", labels=["kind", "channel"])
    for (kind, channel), number in sorted(look.streams.items()):
        streams.add_metric([kind, channel], number)
    yield streams
    yield GaugeMetricFamily("inventory_calls_open", "Unary calls being served.", look.calls)
    yield CounterMetricFamily("inventory_batches", "Batches that were committed.", look.batches)
    yield CounterMetricFamily("inventory_commands", "Commands that were answered by a batch.", look.commands)
    yield GaugeMetricFamily("inventory_queue_commands", "Commands that wait for the next batch.", look.queued)


def _subscribers(subscribers: Sequence[Subscriber]) -> Iterable[Metric]:
    labels = ["channel", "name"]
    changes = GaugeMetricFamily(
        "inventory_subscriber_lag_changes",
        "Revisions that a registered subscriber has not acknowledged.",
        labels=labels,
    )
    seconds = GaugeMetricFamily(
        "inventory_subscriber_lag_seconds", "Age of the first change it has not acknowledged.", labels=labels
    )
    for subscriber in subscribers:
        changes.add_metric([subscriber.channel, subscriber.name], subscriber.lag_changes)
        seconds.add_metric([subscriber.channel, subscriber.name], subscriber.lag.total_seconds())
    by_state = Tally(subscriber.state for subscriber in subscribers)
    states = GaugeMetricFamily("inventory_subscribers", "Registered subscribers.", labels=["state"])
    for state in SubscriberState:
        states.add_metric([state.name.lower()], by_state[state])
    yield from (changes, seconds, states)
