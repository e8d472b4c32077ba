"""A replica's figures as a page for a terminal of 80 columns or more."""

from collections.abc import Iterable
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from inventory.cli.failure import printable
from inventory.v1 import operations_service_pb2 as pb2
from inventory.v1 import subscriber_service_pb2 as subscriber_pb2

MIB = 1 << 20
WIDE_COLUMNS = 100
"""In a narrower terminal a method's service is left out."""
ROWS_MAX = 15
SUBSCRIBERS_MAX = 8
ALARMS_MAX = 5
STREAMS_MAX = 6
STATES = {
    subscriber_pb2.SUBSCRIBER_STATE_FOLLOWING: Text("following", "green"),
    subscriber_pb2.SUBSCRIBER_STATE_LAGGING: Text("lagging", "yellow"),
    subscriber_pb2.SUBSCRIBER_STATE_LOST: Text("lost", "red"),
}
NONE = "–"


class Page:
    """What is shown: the last figures, and how the connection is."""

    def __init__(self, address: str) -> None:
        self._address = printable(address)
        self._figures: pb2.Figures | None = None
        self._lost = ""

    def show(self, figures: pb2.Figures) -> None:
        self._figures, self._lost = figures, ""

    def lose(self, why: str) -> None:
        """The figures stay, and it is said that they are old."""
        self._lost = printable(why)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        figures = self._figures
        if self._lost:
            yield Text(f"the server at {self._address} is lost ({self._lost}): trying again", "bold yellow")
        elif figures is None:
            yield Text(f"asking {self._address} ...", "yellow")
        if figures is None:
            return
        yield from _head(figures)
        if figures.alarms:
            yield _alarms(figures.alarms[:ALARMS_MAX])
        yield _methods(figures.methods, wide=options.max_width >= WIDE_COLUMNS)
        yield from _lane(figures)
        if figures.subscribers:
            yield _subscribers(figures.subscribers)


def _head(figures: pb2.Figures) -> Iterable[Text]:
    state = (
        Text(f"not serving: {printable(figures.unwell)}", "bold red") if figures.unwell else Text("serving", "green")
    )
    uptime = int(figures.uptime.ToTimedelta().total_seconds())
    clock = f"{uptime // 3600}:{uptime // 60 % 60:02}:{uptime % 60:02}"
    yield Text.assemble(f"{printable(figures.replica)}  {printable(figures.version)}  up {clock}  ", state)
    revision = figures.head.revision
    feed = f"head {revision:,}" if figures.HasField("head") else "head unknown"
    if figures.HasField("tail") and figures.HasField("head"):
        feed += f", {max(revision - figures.tail, 0):,} behind"
    yield Text(
        f"{feed}   loop lag {_ms(figures, 'loop_lag_max')} ms   {figures.rss_bytes / MIB:,.0f} MiB   "
        f"{figures.open_files:,} files   {figures.calls_open:,} calls open"
    )


def _methods(methods: Iterable[pb2.MethodFigures], *, wide: bool) -> Table:
    table = _table("method", *("calls/s", "p50 ms", "p99 ms", "calls", "defects"))
    busiest = sorted(methods, key=lambda one: (-one.calls_per_s, -one.calls, one.method))
    for one in busiest[:ROWS_MAX]:
        defects = Text(f"{one.defects:,}", "red" if one.defects else "")
        rate = f"{one.calls_per_s:,.1f}"
        name = one.method if wide else one.method.rpartition("/")[2]
        table.add_row(Text(printable(name)), rate, _ms(one, "p50"), _ms(one, "p99"), f"{one.calls:,}", defects)
    return table


def _lane(figures: pb2.Figures) -> Iterable[Text]:
    lane = figures.lane
    size = f", {lane.commands_per_s / lane.batches_per_s:,.1f} a batch" if lane.batches_per_s else ""
    yield Text(f"lane     {lane.queued:,} queued   {lane.commands_per_s:,.1f} commands/s{size}")
    yield Text(
        f"         wait p50 {_ms(lane, 'wait_p50')} p99 {_ms(lane, 'wait_p99')} ms   "
        f"commit p50 {_ms(lane, 'commit_p50')} p99 {_ms(lane, 'commit_p99')} ms"
    )
    pools = (
        f"{pool.name} {pool.size - pool.idle} of {pool.size_max} used, {pool.waiting} waiting" for pool in figures.pools
    )
    yield Text("pools    " + "   ".join(pools))
    streams = [f"{one.method} {printable(one.channel)} {one.open:,}" for one in figures.streams]
    more = f"   and {len(streams) - STREAMS_MAX} more" if len(streams) > STREAMS_MAX else ""
    yield Text("streams  " + ("   ".join(streams[:STREAMS_MAX]) or "none") + more)


def _subscribers(subscribers: Iterable[subscriber_pb2.Subscriber]) -> Table:
    table = _table("subscriber", "channel", "state", "changes behind", "s behind")
    worst = sorted(subscribers, key=lambda one: (-one.state, -one.lag_changes, one.channel, one.name))
    for one in worst[:SUBSCRIBERS_MAX]:
        table.add_row(
            Text(printable(one.name)),
            one.channel,
            STATES.get(one.state, Text(NONE)),
            f"{one.lag_changes:,}",
            f"{one.lag.ToTimedelta().total_seconds():,.1f}",
        )
    return table


def _alarms(alarms: Iterable[pb2.AlarmFigure]) -> Table:
    """Two lines each: what it is and since when, and what it says, folded."""
    table = Table.grid(padding=(0, 1))
    table.add_column(overflow="fold")
    for alarm in alarms:
        since = alarm.opened_at.ToDatetime().strftime("%m-%d %H:%M:%SZ")
        table.add_row(Text.assemble((f"alarm {printable(alarm.kind)}", "bold red"), f" since {since}"))
        table.add_row(Text(f"  {printable(alarm.summary or alarm.subject)}"))
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, expand=True)
    table.add_column(first, ratio=1, no_wrap=True, overflow="ellipsis")
    for column in others:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _ms(message: Any, name: str) -> str:
    """A duration of a message in milliseconds; a dash when it isn't there."""
    if not message.HasField(name):
        return NONE
    value_ms = getattr(message, name).ToTimedelta().total_seconds() * 1e3
    return f"{value_ms:,.1f}" if value_ms < 1000 else f"{value_ms:,.0f}"
