"""Tables that stay readable in a narrow terminal: no number is ever cut."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from inventory.cli.failure import printable
from inventory.cli.terminal import Out

CODE_COLUMNS_MIN = 10
"""A code may have 64 characters: it is folded before a column is left out."""
GAP = 1
"""The rule between columns, which is blank."""
EDGES = 2


class Column(NamedTuple):
    """`least`: so narrow it may become, folded within words; 0: it is folded between words only; None: it stays in one
    line. `leave_out`: of what doesn't fit, the column with the highest goes first; 0: it stays. `short`: what a cell
    says where there is little room."""

    name: str
    justify: Literal["left", "right"] = "left"
    least: int | None = None
    leave_out: int = 0
    short: Callable[[str], str] | None = None


def number(name: str, leave_out: int = 0) -> Column:
    return Column(name, "right", leave_out=leave_out)


def whole(name: str, leave_out: int = 0) -> Column:
    """A word, or an id that people copy."""
    return Column(name, leave_out=leave_out)


def code(name: str, leave_out: int = 0) -> Column:
    return Column(name, least=CODE_COLUMNS_MIN, leave_out=leave_out)


def words(name: str, leave_out: int = 0) -> Column:
    return Column(name, least=0, leave_out=leave_out)


def moment(name: str, leave_out: int = 0) -> Column:
    """Of cells as YYYY-MM-DD HH:MM:SSZ."""
    return Column(name, leave_out=leave_out, short=_clock)


class FittedTable:
    """A table where there is room; else columns are folded, then left out; where even that doesn't do, each row is told
    in lines of its own."""

    def __init__(
        self, columns: Sequence[Column], *, title: str = "", caption: str = "", footers: Sequence[str] = ()
    ) -> None:
        """`footers`: one for each column, or none at all."""
        self._columns = columns
        self._title, self._caption = title, caption
        self._footers = [Text(printable(footer)) for footer in footers] or [Text() for _ in columns]
        self._rows: list[Sequence[Text]] = []

    def add(self, *cells: str | Text) -> None:
        self._rows.append([cell if isinstance(cell, Text) else Text(printable(cell)) for cell in cells])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        chosen = list(range(len(self._columns)))
        if sum(self._natural(at, short=False) for at in chosen) + 3 * len(chosen) + 1 <= options.max_width:
            yield self._table(chosen, None)
            return
        while (spare := self._spare(chosen, options.max_width)) < 0:
            first = max(chosen, key=lambda at: self._columns[at].leave_out)
            if not self._columns[first].leave_out:
                yield from self._told()
                return
            chosen.remove(first)
        if len(chosen) < len(self._columns) and isinstance(console, Out):
            console.columns_left_out = True
        yield self._table(chosen, self._widths(chosen, spare))

    def _spare(self, chosen: Sequence[int], width: int) -> int:
        """What is left when each column is as narrow as it may be; negative: they don't fit."""
        return width - EDGES - sum(self._least(at) + GAP for at in chosen) + GAP

    def _widths(self, chosen: Sequence[int], spare: int) -> dict[int, int]:
        """The narrowest column that wants more gets more first."""
        widths = {at: self._least(at) for at in chosen}
        wanted = {at: self._natural(at, short=True) for at in chosen}
        for _ in range(spare):
            wanting = [at for at in chosen if widths[at] < wanted[at]]
            if not wanting:
                break
            widths[min(wanting, key=widths.__getitem__)] += 1
        return widths

    def _natural(self, at: int, *, short: bool) -> int:
        return max(len(self._columns[at].name), *(cell.cell_len for cell in self._cells(at, short=short)))

    def _least(self, at: int) -> int:
        column = self._columns[at]
        header = max(map(len, column.name.split()), default=0)
        cells = self._cells(at, short=True)
        if column.least is None:
            return max(header, *(cell.cell_len for cell in cells))
        longest = max((cell_len(word) for cell in cells for word in cell.plain.split()), default=0)
        return max(header, min(longest, column.least) if column.least else longest)

    def _cells(self, at: int, *, short: bool) -> list[Text]:
        said = self._columns[at].short if short else None
        cells = [row[at] if said is None else Text(said(row[at].plain)) for row in self._rows]
        return [*cells, self._footers[at]]

    def _table(self, chosen: Sequence[int], widths: dict[int, int] | None) -> Table:
        table = Table(
            title=Text(printable(self._title)) if self._title else None,
            title_justify="left",
            caption=self._caption or None,
            show_footer=any(footer.plain for footer in self._footers),
        )
        if widths is not None:
            table.box, table.padding = SIMPLE_HEAD, 0
        for at in chosen:
            column = self._columns[at]
            table.add_column(
                column.name,
                self._footers[at],
                justify=column.justify,
                overflow="fold",
                width=None if widths is None else widths[at],
            )
        for row in zip(*(self._cells(at, short=widths is not None)[:-1] for at in chosen), strict=True):
            table.add_row(*row)
        return table

    def _told(self) -> RenderResult:
        if self._title:
            yield Text(printable(self._title), style="table.title")
        for row in self._rows:
            yield self._line(row, f"{self._columns[0].name} ")
        if any(footer.plain for footer in self._footers):
            yield self._line(self._footers, "")
        if self._caption:
            yield Text(self._caption, style="table.caption")

    def _line(self, row: Sequence[Text], begin: str) -> Text:
        cells = [(column.name, cell) for column, cell in zip(self._columns, row, strict=True) if cell.plain]
        return Text(", ").join(
            Text.assemble(f"{name} " if position else begin, cell) for position, (name, cell) in enumerate(cells)
        )


def _clock(text: str) -> str:
    """The hour of what was today, else the date; UTC."""
    return f"{text[11:16]}Z" if text[:10] == f"{datetime.now(UTC):%Y-%m-%d}" else text[:10]
