"""How progress and tables look: progress on stderr and only in a terminal, results on stdout."""

import os
import sys
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

SPEED_WINDOW_S = 20.0
PIPE_COLUMNS = 200


class _Rate(ProgressColumn):
    """Rows a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} rows/s", style="progress.data.speed")


class _Rows(ProgressColumn):
    """Rows done, and of how many when that is known."""

    def render(self, task: Task) -> Text:
        total = f"/{task.total:,.0f}" if task.total is not None else ""
        return Text(f"{task.completed:,.0f}{total} rows", style="progress.download")


def progress() -> Progress:
    """A bar with rows, rows/s and the time left; silent when stderr is no terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        _Rows(),
        _Rate(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        speed_estimate_period=SPEED_WINDOW_S,
    )


def bytes_moved() -> Progress:
    """A bar with bytes, bytes/s and, when it is known how many there will be, the time left; silent when stderr is no
    terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        speed_estimate_period=SPEED_WINDOW_S,
    )


def spinner() -> Progress:
    """One line for each step that takes long; silent when stderr is no terminal."""
    console = Console(stderr=True)
    return Progress(
        SpinnerColumn(finished_text="·"),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


class Out(Console):
    """Says once a table is printed, on stderr and only of a terminal, that it had no room for all columns."""

    columns_left_out = False

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*objects, **options)
        if self.columns_left_out and self.is_terminal:
            print("some columns are left out: widen the terminal, or --json", file=sys.stderr)


def out() -> Console:
    """Where results go. A pipe gets whole lines, not ones cut to 80 columns, unless COLUMNS says how wide it is."""
    console = Out(soft_wrap=False, highlight=False)
    if not console.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        console.width = PIPE_COLUMNS
    return console
