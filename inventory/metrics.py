"""How the server does, as Prometheus text on a port of its own.

What is counted on the way of a call are a few ints (`inventory/figures`); the rest is asked of the objects that know,
and all of it made into text, when it is scraped.
"""

import asyncio
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from cryptography import x509
from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from inventory import __version__
from inventory.domain.alarm import SEVERITIES
from inventory.domain.subscriber import SubscriberState
from inventory.figures.histogram import Histogram
from inventory.postgres.alarms import OpenCount
from inventory.postgres.invariants import PROMISES
from inventory.postgres.reads import Head, PoolState
from inventory.postgres.subscribers import SubscriberRow
from inventory.rpc.operations import Sources

LOOK_TIMEOUT_S = 5.0

# A counter that is there from the start: Prometheus sees no increase in one that begins with the first broken promise.
_UNCHECKED = {(promise, result): 0 for promise in PROMISES for result in ("kept", "broken", "failed")}

log = structlog.get_logger(__name__)
Labels = tuple[str, ...]


class _Look(NamedTuple):
    """What the objects said, copied on the loop, so that the scraper's thread can read it."""

    head: Head | None
    tail: int | None
    serves: bool
    unary: Mapping[tuple[str, str], Histogram]
    streams_ended: Tally[tuple[str, str]]
    channels: Mapping[str, Tally[str]]
    unknown: int
    lines_left_out: int
    streams: Tally[tuple[str, str]]
    calls: int
    batches: int
    commands: int
    queued: int
    stuck_s: float
    batch: Mapping[str, Histogram]
    steps: Mapping[str, Histogram]
    again: Tally[str]
    pools: Mapping[str, PoolState]
    loop_lag: Histogram
    subscribers: Sequence[SubscriberRow]
    refused: Mapping[str, int]
    limited: Mapping[str, int]
    checks: Tally[tuple[str, str]]
    alarms: Sequence[OpenCount] | None
    expiries: Sequence["_Expiry"]


class _Expiry(NamedTuple):
    """How many seconds a credential has left; negative: it has ended."""

    kind: str
    channel: str
    key_id: str
    left_s: float


class ServerCollector(Collector):
    """Looks at the sources on the server's loop, and makes the text on the scraper's thread."""

    def __init__(self, sources: Sources, certificate: Path | None = None) -> None:
        """Belongs on the loop. `certificate`: the server's own, whose end is told."""
        self._sources = sources
        self._certificate = certificate
        self._loop = asyncio.get_running_loop()

    def collect(self) -> Iterable[Metric]:
        """Raises `TimeoutError` when the loop or the database doesn't answer in time: the scrape fails."""
        look = asyncio.run_coroutine_threadsafe(self._look(), self._loop).result(LOOK_TIMEOUT_S)
        yield InfoMetricFamily("inventory_build", "The version that runs.", {"version": __version__})
        yield from _health(look)
        yield from _feed(look)
        yield from _calls(look)
        yield from _work(look)
        yield from _machine(look)
        yield from _subscribers(look.subscribers)
        yield from _alarms(look.alarms)
        yield from _doors(look, [*look.expiries, *_own_expiry(self._certificate)])

    async def _look(self) -> _Look:
        sources = self._sources
        meter, lane, figures, doors = sources.meter, sources.lane, sources.lane.figures, sources.doors
        gates = doors.gates if doors else {}
        steps = {name: getattr(figures, name) for name in ("look", "decide", "write", "commit")}
        head = await sources.head()
        return _Look(
            head=head,
            tail=sources.feed.tail,
            serves=not sources.unwell(),
            unary={labels: _copied(histogram) for labels, histogram in meter.unary.items()},
            streams_ended=meter.streams.copy(),
            channels={channel: codes.copy() for channel, codes in meter.channels.items()},
            unknown=meter.unknown,
            lines_left_out=meter.log.left_out,
            streams=sources.streams.count(),
            calls=sources.streams.calls,
            batches=lane.batches,
            commands=lane.commands,
            queued=lane.queued,
            stuck_s=lane.stuck_s,
            batch={"size": _copied(figures.size), "wait": _copied(figures.wait)},
            steps={name: _copied(histogram) for name, histogram in steps.items()},
            again=figures.again.copy(),
            pools=sources.reader.pools,
            loop_lag=_copied(sources.sampler.lag),
            subscribers=sources.subscribers(),
            refused={str(why): number for why, number in doors.refused.items()} if doors else {},
            limited={self._channel(number): gate.refused for number, gate in gates.items() if gate.refused},
            checks=sources.checks.results.copy(),
            alarms=await sources.alarm_counts() if head else None,
            expiries=[
                _Expiry(row.kind.name.lower(), row.channel, row.key_id, left_s)
                for row, left_s in (doors.expires_in_s() if doors else ())
            ],
        )

    def _channel(self, number: int) -> str:
        return self._sources.reader.channels.get(number, str(number))


def serve_metrics(address: str, sources: Sources, certificate: Path | None = None) -> Callable[[], None]:
    """Answers scrapes of HOST:PORT on threads of its own; gives what ends that, which may block for half a second.

    Raises `RuntimeError` when the port is taken.
    """
    registry = CollectorRegistry()
    registry.register(ServerCollector(sources, certificate))
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


def _health(look: _Look) -> Iterable[Metric]:
    yield GaugeMetricFamily("inventory_serving", "Whether health checks are told that it serves.", int(look.serves))
    yield GaugeMetricFamily(
        "inventory_database_up", "Whether the database has answered this scrape.", int(look.head is not None)
    )


def _feed(look: _Look) -> Iterable[Metric]:
    if look.head is None:  # told by inventory_database_up
        return
    head = look.head.revision
    yield GaugeMetricFamily("inventory_feed_head_revision", "The last revision of the feed.", head)
    yield GaugeMetricFamily(
        "inventory_feed_oldest_revision", "The oldest cursor that can be resumed from.", look.head.compacted
    )
    yield GaugeMetricFamily(
        "inventory_feed_behind_revisions",
        "Revisions that this replica's tailer has not read; 0 while nobody follows here.",
        0 if look.tail is None else max(head - look.tail, 0),
    )


def _calls(look: _Look) -> Iterable[Metric]:
    yield _histograms("inventory_call_seconds", "How long unary calls took.", ("method", "code"), look.unary)
    yield _counters(
        "inventory_channel_calls",
        "Unary calls and streams that ended, by who called.",
        ("channel", "code"),
        {(channel, code): number for channel, codes in look.channels.items() for code, number in codes.items()},
    )
    yield _counters("inventory_streams_ended", "Streams that ended.", ("method", "code"), look.streams_ended)
    yield CounterMetricFamily("inventory_unknown_calls", "Calls of methods that there are not.", look.unknown)
    yield CounterMetricFamily(
        "inventory_log_lines_left_out", "Lines about calls that were too many.", look.lines_left_out
    )
    streams = GaugeMetricFamily("inventory_streams_open", "Open streams.", labels=["kind", "channel"])
    for (kind, channel), number in sorted(look.streams.items()):
        streams.add_metric([kind, channel], number)
    yield streams
    yield GaugeMetricFamily("inventory_calls_open", "Unary calls being served.", look.calls)


def _work(look: _Look) -> Iterable[Metric]:
    yield CounterMetricFamily("inventory_batches", "Batches that were committed.", look.batches)
    yield CounterMetricFamily("inventory_commands", "Commands that were answered by a batch.", look.commands)
    yield _counters(
        "inventory_batches_again",
        "Batches that were run again.",
        ("why",),
        {(why,): number for why, number in look.again.items()},
    )
    yield GaugeMetricFamily("inventory_queue_commands", "Commands that wait for the next batch.", look.queued)
    yield GaugeMetricFamily(
        "inventory_lane_stuck_seconds", "For how long a caller has waited while no batch was answered.", look.stuck_s
    )
    yield _histograms(
        "inventory_batch_commands", "Commands of a batch that was committed.", (), {(): look.batch["size"]}
    )
    yield _histograms(
        "inventory_lane_wait_seconds",
        "From a command's arrival to the start of its first batch.",
        (),
        {(): look.batch["wait"]},
    )
    yield _histograms(
        "inventory_batch_step_seconds",
        "What batches spend their time on: look begins, finds and locks.",
        ("step",),
        {(name,): histogram for name, histogram in look.steps.items()},
    )


def _machine(look: _Look) -> Iterable[Metric]:
    connections = GaugeMetricFamily("inventory_pool_connections", "Connections for reading.", labels=["pool", "state"])
    limits = GaugeMetricFamily("inventory_pool_connections_max", "How many there may be.", labels=["pool"])
    waiting = GaugeMetricFamily("inventory_pool_waiting", "Queries that wait for a connection.", labels=["pool"])
    for name, pool in look.pools.items():
        connections.add_metric([name, "idle"], pool.idle)
        connections.add_metric([name, "used"], pool.size - pool.idle)
        limits.add_metric([name], pool.size_max)
        waiting.add_metric([name], pool.waiting)
    yield from (connections, limits, waiting)
    yield _histograms(
        "inventory_loop_lag_seconds", "How much later than asked the event loop came round.", (), {(): look.loop_lag}
    )


def _subscribers(rows: Sequence[SubscriberRow]) -> Iterable[Metric]:
    labels = ["channel", "name"]
    changes = GaugeMetricFamily(
        "inventory_subscriber_lag_changes",
        "Revisions that a registered subscriber has not acknowledged.",
        labels=labels,
    )
    seconds = GaugeMetricFamily(
        "inventory_subscriber_lag_seconds", "Age of the first change it has not acknowledged.", labels=labels
    )
    subscribers = [row.subscriber for row in rows]
    for subscriber in subscribers:
        changes.add_metric([subscriber.channel, subscriber.name], subscriber.lag_changes)
        seconds.add_metric([subscriber.channel, subscriber.name], subscriber.lag.total_seconds())
    by_state = Tally(subscriber.state for subscriber in subscribers)
    states = GaugeMetricFamily("inventory_subscribers", "Registered subscribers.", labels=["state"])
    for state in SubscriberState:
        states.add_metric([state.name.lower()], by_state[state])
    yield from (changes, seconds, states)


def _alarms(counts: Sequence[OpenCount] | None) -> Iterable[Metric]:
    if counts is None:  # told by inventory_database_up
        return
    found = {each.kind: each.open for each in counts}
    family = GaugeMetricFamily("inventory_alarms_open", "Alarms that are open.", labels=["kind", "severity"])
    for kind, severity in SEVERITIES.items():
        family.add_metric([kind.name.lower(), severity.name.lower()], found.get(kind, 0))
    yield family


def _doors(look: _Look, expiries: Iterable[_Expiry]) -> Iterable[Metric]:
    yield _counters(
        "inventory_credentials_refused",
        "Calls without a credential that is in force, or enough.",
        ("reason",),
        {(reason,): number for reason, number in look.refused.items()},
    )
    yield _counters(
        "inventory_calls_limited",
        "Calls of a channel beyond its limits.",
        ("channel",),
        {(channel,): number for channel, number in look.limited.items()},
    )
    yield _counters(
        "inventory_invariant_checks",
        "Looks of the background check, by promise and result.",
        ("promise", "result"),
        {**_UNCHECKED, **look.checks},
    )
    left = GaugeMetricFamily(
        "inventory_credential_expires_seconds",
        "Seconds until a token or certificate ends; negative: it has.",
        labels=["kind", "channel", "key_id"],
    )
    for expiry in expiries:
        left.add_metric([expiry.kind, expiry.channel, expiry.key_id], expiry.left_s)
    yield left


def _own_expiry(certificate: Path | None) -> Iterable[_Expiry]:
    if certificate is not None:
        try:
            first = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
        except (OSError, ValueError):  # being replaced
            return
        yield _Expiry("server_certificate", "", "", (first.not_valid_after_utc - datetime.now(UTC)).total_seconds())


def _counters(name: str, text: str, labels: Labels, numbers: Mapping[Any, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, number in sorted(numbers.items()):
        family.add_metric(values, number)
    return family


def _histograms(name: str, text: str, labels: Labels, histograms: Mapping[Any, Histogram]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, histogram in sorted(histograms.items(), key=lambda item: item[0]):
        below = 0
        buckets = []
        for bound, count in zip((*map(str, map(float, histogram.bounds)), "+Inf"), histogram.counts, strict=True):
            below += count
            buckets.append((bound, below))
        family.add_metric(values, buckets, histogram.total)
    return family


def _copied(histogram: Histogram) -> Histogram:
    found = copy(histogram)
    found.counts = list(histogram.counts)
    return found
