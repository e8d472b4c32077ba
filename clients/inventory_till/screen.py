"""The till's screen: what there is to show becomes lines of text of a given size. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from inventory_till.sale import Line, Phase, Sale

WIDTH_MIN = 40
HEIGHT_MIN = 10
FIXED_ROWS = 9
"""What is not the lines of the sale: head, column titles, totals, entry, message, keys."""

LEAVING = "Ctrl-C again leaves, and forgets these lines"
HELP = {
    Phase.SELLING: "Enter add/pay · * quantity · ↑↓ select · Del remove · F10 pay · Ctrl-C leave",
    Phase.PAYING: "Esc give up",
    Phase.RECEIPT: "Enter next sale",
    Phase.UNFINISHED: "Enter finish it · Esc give it up · Ctrl-C leave",
}


@dataclass(frozen=True, slots=True)
class View:
    """What is shown beside the sale."""

    till: str
    location: str
    connection: str
    """`online`, or since when it is not."""
    online: bool
    progress: str = ""
    """What the payment waits for."""
    ahead: str = ""
    """Keys that wait for the look-up."""
    open: int = 0
    """Given-up payments of which it is not yet known how they ended."""


def render(sale: Sale, view: View, available: Callable[[str], int | None], width: int, height: int) -> str:
    """`height` lines of at most `width` cells, with colours. `available` gives None when it is not known."""
    width, height = max(width, WIDTH_MIN), max(height, HEIGHT_MIN)
    console = Console(file=StringIO(), width=width, height=height, force_terminal=True, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(_head(sale, view, width))
        console.print(_lines(sale, available, height - FIXED_ROWS))
        console.print(_total(sale))
        console.print(Text("─" * width, style="dim"))
        for text in (*_middle(sale, view), Text(HELP[sale.phase], style="dim")):
            text.truncate(width, overflow="ellipsis")
            console.print(text, no_wrap=True)
    rows = capture.get().split("\n")[:height]
    return "\n".join(rows)


def _head(sale: Sale, view: View, width: int) -> Text:
    head = Text(f"{view.till} at {view.location}  ", style="bold")
    head.append(view.connection, style="green" if view.online else "bold red")
    if view.open:
        head.append(f"  {view.open} given up, not settled yet", style="yellow")
    head.truncate(width, overflow="ellipsis")
    return head


def _lines(sale: Sale, available: Callable[[str], int | None], rows: int) -> Table:
    first = max(0, min(sale.selected - rows // 2, len(sale.lines) - rows))
    table = Table(expand=True, box=None, padding=(0, 1), pad_edge=False)
    for title, justify in (
        ("", "left"),
        ("SKU", "left"),
        ("name", "left"),
        ("quantity", "right"),
        ("available", "right"),
    ):
        table.add_column(title, justify=justify, no_wrap=True, ratio=1 if title == "name" else None)  # type: ignore[arg-type]
    for number in range(first, min(first + rows, len(sale.lines))):
        table.add_row(*_row(sale, number, available), style="reverse" if number == sale.selected else "")
    return table


def _row(sale: Sale, number: int, available: Callable[[str], int | None]) -> tuple[Text, ...]:
    line = sale.lines[number]
    left = available(line.item.sku)
    short = left is not None and left < line.quantity
    return (
        Text(f"{number + 1}"),
        Text(line.item.sku),
        Text(" ".join((line.item.name, *line.serials)).strip()),
        Text(line.item.show(line.quantity)),
        Text("?" if left is None else line.item.show(left), style="bold red" if short else ""),
    )


def _total(sale: Sale) -> Text:
    lines = len(sale.lines)
    return Text(f"{lines} line{'' if lines == 1 else 's'}", style="bold")


def _middle(sale: Sale, view: View) -> tuple[Text, ...]:
    message = Text(sale.message, style="yellow")
    match sale.phase:
        case Phase.SELLING:
            asked = f"serial number of {sale.asks[0].sku} " if sale.asks else ""
            if sale.leaving:
                message = Text(LEAVING, style="yellow")
            elif sale.seeking:
                message = Text(f"looking up {sale.seeking}" + f", then: {view.ahead}" * bool(view.ahead))
            return Text(f"{asked}> {sale.entry}▏"), message
        case Phase.PAYING:
            return Text(f"paying: {view.progress}", style="bold"), message
        case Phase.RECEIPT:
            return Text("SOLD", style="bold green"), message
        case Phase.UNFINISHED:
            return Text("an unfinished payment of an earlier run", style="bold yellow"), message


def receipt(lines: tuple[Line, ...], reference: str, revision: int) -> str:
    """One line, for the message below SOLD."""
    return f"receipt {reference} · {len(lines)} lines · revision {revision}"
