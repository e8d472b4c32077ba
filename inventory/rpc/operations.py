"""OperationsService: how this replica does."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from time import perf_counter

from google.protobuf.duration_pb2 import Duration

from inventory import __version__
from inventory.domain.alarm import Alarm
from inventory.engine.lane import Lane
from inventory.feed.hub import Feed
from inventory.figures import process
from inventory.figures.counters import CheckCounters
from inventory.figures.histogram import SECONDS, quantile
from inventory.figures.recent import Recent
from inventory.figures.sampler import Sampler
from inventory.postgres import alarms
from inventory.postgres.errors import StorageError
from inventory.postgres.reads import Head, Reader
from inventory.postgres.subscribers import SubscriberRow
from inventory.rpc import formats
from inventory.rpc.call_log import DEFECTS
from inventory.rpc.doors import Doors
from inventory.rpc.meter import Meter
from inventory.rpc.method import Call, Method, unary
from inventory.rpc.streams import Streams
from inventory.v1 import core_pb2
from inventory.v1 import operations_service_pb2 as pb2

SERVICE = pb2.DESCRIPTOR.services_by_name["OperationsService"]
SUBSCRIBERS_MAX = 1_000
HEAD_S = 1.0
ALARMS_MAX = 20
"""Open alarms shown."""
_CALL, _WAIT, _COMMIT, _SIZE = "call ", "wait", "commit", "size"


@dataclass
class Sources:
    """Where the figures are from. `subscribers` gives those of the last look at them, of all channels; `unwell` why the
    replica does not serve, '' when it does; `checks` are filled by whoever looks."""

    reader: Reader
    feed: Feed
    lane: Lane
    streams: Streams
    meter: Meter
    subscribers: Callable[[], Sequence[SubscriberRow]]
    doors: Doors | None = None
    unwell: Callable[[], str] = str
    checks: CheckCounters = field(default_factory=CheckCounters)

    def __post_init__(self) -> None:
        self.began_at = perf_counter()
        self.recent = Recent(self._counts)
        self.sampler = Sampler(each_second=self.recent.look)

    async def head(self) -> Head | None:
        """None: the database doesn't say, at least not in time."""
        with suppress(StorageError, TimeoutError):
            async with asyncio.timeout(HEAD_S):
                return await self.reader.head()
        return None

    async def open_alarms(self) -> list[Alarm]:
        """The newest ones; none when the database doesn't say, at least not in time."""
        with suppress(StorageError, TimeoutError):
            async with asyncio.timeout(HEAD_S):
                newest = (alarms.NEWEST, alarms.LAST)
                return await alarms.page(self.reader, newest, closed=False, kind=None, channel=None, limit=ALARMS_MAX)
        return []

    def _counts(self) -> dict[str, list[int]]:
        counts = {_CALL + method: counts for method, counts in self.meter.counts().items()}
        batches = self.lane.figures
        counts[_WAIT], counts[_COMMIT] = list(batches.wait.counts), list(batches.commit.counts)
        counts[_SIZE] = [self.lane.batches, self.lane.commands]
        return counts


class OperationsService:
    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._replica = f"{socket.gethostname()}:{os.getpid()}"

    def methods(self) -> dict[str, Method]:
        return {"GetFigures": unary(pb2.GetFiguresRequest, self.get_figures)}

    async def get_figures(self, request: pb2.GetFiguresRequest, call: Call) -> bytes:
        sources = self._sources
        head = await sources.head()
        seconds, counts = sources.recent.counted()
        figures = pb2.Figures(
            replica=self._replica,
            version=__version__,
            uptime=_duration(perf_counter() - sources.began_at),
            window=_duration(seconds),
            unwell=sources.unwell(),
            head=core_pb2.Cursor(epoch=str(head.epoch), revision=head.revision) if head else None,
            tail=sources.feed.tail,
            methods=_methods(sources.meter, counts, seconds),
            calls_open=sources.streams.calls,
            lane=_lane(sources.lane.queued, counts, seconds),
            pools=[pb2.PoolFigures(name=name, **pool._asdict()) for name, pool in sources.reader.pools.items()],
            streams=[
                pb2.StreamFigures(method=method, channel=channel, open=number)
                for (method, channel), number in sorted(sources.streams.count().items())
            ],
            loop_lag_max=_duration(sources.sampler.lag_max_s),
            rss_bytes=process.rss_bytes(),
            open_files=process.open_files(),
            alarms=map(_alarm, () if call.access.is_limited else await sources.open_alarms()),
        )
        epoch = head.epoch if head else sources.feed.epoch
        if epoch is not None:
            figures.subscribers.extend(
                formats.subscriber(row.subscriber, epoch, row.silent) for row in sources.subscribers()[:SUBSCRIBERS_MAX]
            )
        return pb2.GetFiguresResponse(figures=figures).SerializeToString()


def _alarm(found: Alarm) -> pb2.AlarmFigure:
    return pb2.AlarmFigure(
        kind=found.kind.name,
        subject=" ".join(f"{name}={value}" for name, value in found.subject.items()),
        opened_at=formats.timestamp(found.opened_at),
        summary=found.summary,
    )


def _methods(meter: Meter, counts: Mapping[str, Sequence[int]], seconds: float) -> Iterable[pb2.MethodFigures]:
    calls, defects = dict[str, int](), dict[str, int]()
    for (method, code), histogram in meter.unary.items():
        number = sum(histogram.counts)
        calls[method] = calls.get(method, 0) + number
        defects[method] = defects.get(method, 0) + (number if code in DEFECTS else 0)
    for method in sorted(name for name, number in calls.items() if number):
        lately = counts.get(_CALL + method, ())
        yield pb2.MethodFigures(
            method=method,
            calls_per_s=sum(lately) / seconds,
            p50=_quantile(lately, 0.5),
            p99=_quantile(lately, 0.99),
            calls=calls[method],
            defects=defects[method],
        )


def _lane(queued: int, counts: Mapping[str, Sequence[int]], seconds: float) -> pb2.LaneFigures:
    batches, commands = counts[_SIZE]
    return pb2.LaneFigures(
        queued=queued,
        batches_per_s=batches / seconds,
        commands_per_s=commands / seconds,
        wait_p50=_quantile(counts[_WAIT], 0.5),
        wait_p99=_quantile(counts[_WAIT], 0.99),
        commit_p50=_quantile(counts[_COMMIT], 0.5),
        commit_p99=_quantile(counts[_COMMIT], 0.99),
    )


def _quantile(counts: Sequence[int], share: float) -> Duration | None:
    found = quantile(SECONDS, counts, share) if counts else None
    return None if found is None else _duration(found)


def _duration(seconds: float) -> Duration:
    message = Duration()
    message.FromTimedelta(timedelta(seconds=seconds))
    return message
