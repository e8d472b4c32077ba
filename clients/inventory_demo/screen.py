"""Live progress on stderr."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

WIDTH = 120


class Screen:
    """Use `step` for each thing that takes a while."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def say(self, line: str) -> None:
        self._progress.console.print(line, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, name: str, total: int | None = None) -> Iterator["Step"]:
        task = self._progress.add_task(name, total=total, note="")
        yield Step(
            lambda rows: self._progress.update(task, advance=rows),
            lambda done, note: self._progress.update(task, completed=done, note=note),
        )
        done = self._progress.tasks[task].completed
        end = max(done, 1) if total is None else total
        self._progress.update(task, total=end, completed=end if total is None else done)
        self._progress.stop_task(task)


class Step:
    def __init__(self, advance: Callable[[int], None], show: Callable[[int, str], None]) -> None:
        self.advance = advance
        """By so many rows more."""
        self.show = show
        """How many are done in all, and a note."""


@contextmanager
def screen() -> Iterator[Screen]:
    console = Console(stderr=True)
    if not console.is_terminal:
        console = Console(stderr=True, width=WIDTH)
    with Progress(
        TextColumn("{task.description:<22}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
    ) as progress:
        yield Screen(progress)
