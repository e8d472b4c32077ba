"""The live table of `inventory watch`."""

import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from inventory.cli.channel_rows import channel_line
from inventory.cli.failure import printable
from inventory.cli.movements import changes as changes_of
from inventory.cli.movements import kind, why
from inventory.cli.movements import time as time_of
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as pb2

LEVELS_SHOWN = 12
RATE_WINDOW_S = 5.0
WIDE_COLUMNS = 120
"""In a narrower terminal the table leaves out when and why: numbers cut in the middle would say something else."""
CODE_COLUMNS_WIDE = (20, 14)
CODE_COLUMNS_NARROW = (16, 12)
CHANGE_COLUMNS_MIN = 23
WHY_COLUMNS_MIN = 12


class Board:
    """What the live table shows."""

    def __init__(self, height: int) -> None:
        self._rows_max = max(height - LEVELS_SHOWN - 11, 5)
        self._last: deque[_Row] = deque(maxlen=self._rows_max)
        self._levels: OrderedDict[tuple[str, str], core_pb2.Movement] = OrderedDict()
        self._arrivals: deque[tuple[float, int]] = deque()
        self._revision = 0
        self._seen = 0
        self._state = "connecting"
        self._restored = ""

    def say(self, state: str) -> None:
        self._state = state

    def restored(self, notice: str) -> None:
        """What was seen before may never have been; from now on the notice stands above what comes."""
        self._last.clear()
        self._levels.clear()
        self._revision = 0
        self._restored = notice

    def add(self, changes: Sequence[pb2.Change], revision: int) -> None:
        came = 0
        for change in changes:
            for movement in change.movements:
                self._last.appendleft(_movement_row(movement))
                key = (movement.sku, movement.location)
                self._levels[key] = movement
                self._levels.move_to_end(key, last=False)
            for channel in change.channels:
                self._last.appendleft(_channel_row(change, channel))
            came += len(change.movements) + len(change.channels)
        while len(self._levels) > LEVELS_SHOWN:
            self._levels.popitem()
        self._seen += came
        self._arrivals.append((time.monotonic(), came))
        self._revision = revision

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = options.max_width >= WIDE_COLUMNS
        yield self._head()
        if self._restored:
            yield Text(self._restored, "yellow")
        yield self._levels_table(wide)
        yield self._last_table(wide)

    def _head(self) -> Text:
        now = time.monotonic()
        while self._arrivals and self._arrivals[0][0] < now - RATE_WINDOW_S:
            self._arrivals.popleft()
        rate = sum(count for _, count in self._arrivals) / RATE_WINDOW_S
        style = "green" if self._state == "live" else "yellow"
        return Text.assemble(
            f"revision {self._revision:,}   {self._seen:,} changes seen   {rate:,.0f}/s   ", (self._state, style)
        )

    def _levels_table(self, wide: bool) -> Table:
        table = _table("Levels that changed last (in the SKU's smallest unit)")
        for column in ("SKU", "location"):
            table.add_column(column)
        for column in ("on hand", "held", "allocated", "available", *(("revision",) if wide else ())):
            table.add_column(column, justify="right", no_wrap=True)
        for (sku, location), movement in self._levels.items():
            after = movement.after
            numbers = (after.on_hand, after.held, after.allocated, after.available, *((movement.revision,) * wide))
            table.add_row(*_codes(sku, location, wide), *(f"{number:,}" for number in numbers))
        return table

    def _last_table(self, wide: bool) -> Table:
        table = _table("Last changes")
        table.add_column("revision", justify="right", no_wrap=True)
        for column in ("time", "what") if wide else ("what",):
            table.add_column(column, no_wrap=True)
        for column in ("SKU", "location"):
            table.add_column(column)
        table.add_column("change", min_width=CHANGE_COLUMNS_MIN)
        if wide:
            table.add_column("why", no_wrap=True, min_width=WHY_COLUMNS_MIN)
        for row in self._last:
            table.add_row(
                f"{row.revision:,}",
                *((row.time,) if wide else ()),
                row.what,
                *_codes(row.subject, row.location, wide),
                Text(row.change),
                *((Text(row.why),) if wide else ()),
            )
        return table


class _Row(NamedTuple):
    """A change; `subject` is the SKU, or the channel."""

    revision: int
    time: str
    what: str
    subject: str
    location: str
    change: str
    why: str = ""


def _movement_row(movement: core_pb2.Movement) -> _Row:
    return _Row(
        movement.revision,
        time_of(movement)[11:-1],
        kind(movement),
        movement.sku,
        movement.location,
        ", ".join(changes_of(movement)) or "–",
        why(movement, short=True),
    )


def _channel_row(change: pb2.Change, channel: channel_pb2.Channel) -> _Row:
    return _Row(change.revision, time_of(change)[11:-1], "channel", channel.channel, "", channel_line(channel))


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))


def _codes(sku: str, location: str, wide: bool) -> tuple[Text, Text]:
    """Codes may have 64 characters: they are what is cut."""
    sku_columns, location_columns = CODE_COLUMNS_WIDE if wide else CODE_COLUMNS_NARROW
    cut = Text(printable(sku)), Text(printable(location))
    cut[0].truncate(sku_columns, overflow="ellipsis")
    cut[1].truncate(location_columns, overflow="ellipsis")
    return cut
