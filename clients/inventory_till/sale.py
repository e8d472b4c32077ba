"""A sale as the cashier sees it, and what each key makes of it. Pure: what must be done outside is returned."""

import enum
import re
from dataclasses import dataclass, replace
from decimal import Decimal

from inventory_till.keys import Key, Press

ENTRY_CHARACTERS_MAX = 80
LINES_MAX = 200
QUANTITY_MAX = 1_000_000_000

_COUNTED = re.compile(r"([0-9]{1,10}(?:[.,][0-9]{1,6})?)\*(.+)")
_NUMBER = re.compile(r"[0-9]{1,10}(?:[.,][0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Item:
    """What the till knows of a SKU."""

    sku: str
    name: str = ""
    unit: str = ""
    unit_digits: int = 0
    by_serial: bool = False
    """Each piece has a serial number, which says which one is sold."""

    def quantity(self, text: str) -> int | None:
        """In the smallest unit; None when the text is no quantity of this SKU."""
        if not _NUMBER.fullmatch(text):
            return None
        smallest = Decimal(text.replace(",", ".")).scaleb(self.unit_digits)
        return int(smallest) if smallest == int(smallest) and 1 <= smallest <= QUANTITY_MAX else None

    def show(self, quantity: int) -> str:
        """For people: `3`, `1.250 kg`."""
        text = str(Decimal(quantity).scaleb(-self.unit_digits))
        return text if self.unit in {"", "piece"} else f"{text} {self.unit}"


@dataclass(frozen=True, slots=True)
class Line:
    item: Item
    quantity: int
    serials: tuple[str, ...] = ()
    """Of the pieces, when they have some."""


class Phase(enum.Enum):
    SELLING = enum.auto()
    PAYING = enum.auto()
    RECEIPT = enum.auto()
    """The last sale is shown; the next key begins a new one."""
    UNFINISHED = enum.auto()
    """An earlier run of the till ended in the middle of a payment: finish it, or give it up."""


@dataclass(frozen=True, slots=True)
class Sale:
    lines: tuple[Line, ...] = ()
    selected: int = 0
    entry: str = ""
    seeking: str = ""
    """The code that is being looked up."""
    asks: tuple[Item, ...] = ()
    """Whose serial number is scanned or typed next; the others after it."""
    message: str = ""
    complaints: tuple[str, ...] = ()
    """Why what was entered is not on the sale; not yet on the screen."""
    phase: Phase = Phase.SELLING
    leaving: bool = False
    """Leaving was asked for once, with lines on the screen."""


@dataclass(frozen=True, slots=True)
class Find:
    """Look up a code; `found` or `not_found` answers."""

    code: str
    quantity: str = ""


class Do(enum.Enum):
    PAY = enum.auto()
    FINISH = enum.auto()
    GIVE_UP = enum.auto()
    LEAVE = enum.auto()


def press(sale: Sale, key: Press) -> tuple[Sale, Find | Do | None]:
    """The sale after this key, and what has to be done outside. While a code is looked up only Ctrl-C is a key."""
    match sale.phase:
        case Phase.PAYING:
            return sale, {Key.ESCAPE: Do.GIVE_UP, Key.INTERRUPT: Do.LEAVE}.get(key) if isinstance(key, Key) else None
        case Phase.UNFINISHED:
            answers = {Key.ENTER: Do.FINISH, Key.ESCAPE: Do.GIVE_UP, Key.INTERRUPT: Do.LEAVE}
            return sale, answers.get(key) if isinstance(key, Key) else None
        case Phase.RECEIPT:
            fresh = Sale()
            return (fresh, None) if key in {Key.ENTER, Key.ESCAPE} else press(fresh, key)
        case Phase.SELLING:
            return _sell(replace(sale, leaving=False), key, leaving=sale.leaving)


def found(sale: Sale, find: Find, item: Item) -> Sale:
    """The SKU goes on its line, or on a new one. One with serial numbers waits for that of the piece."""
    sale = replace(sale, seeking="")
    if item.by_serial:
        if find.quantity not in {"", "1"}:
            return _complaining(sale, f"{item.sku} is sold piece by piece: scan each")
        return replace(sale, asks=(*sale.asks, item))
    quantity = item.quantity(find.quantity or "1")
    if quantity is None:
        return _complaining(sale, f"{find.quantity} is no quantity of {item.sku}")
    for number, line in enumerate(sale.lines):
        if line.item.sku == item.sku:
            total = min(line.quantity + quantity, QUANTITY_MAX)
            return _with_line(sale, number, replace(line, quantity=total))
    if len(sale.lines) == LINES_MAX:
        return _complaining(sale, f"a sale has at most {LINES_MAX} lines")
    return replace(sale, lines=(*sale.lines, Line(item, quantity)), selected=len(sale.lines))


def not_found(sale: Sale, why: str) -> Sale:
    return _complaining(replace(sale, seeking=""), why)


def told(sale: Sale) -> Sale:
    """With the complaints on the screen."""
    return replace(sale, message="; ".join(sale.complaints), complaints=()) if sale.complaints else sale


def _sell(sale: Sale, key: Press, *, leaving: bool) -> tuple[Sale, Find | Do | None]:
    match key:
        case Key.UP | Key.DOWN:
            step = -1 if key is Key.UP else 1
            return replace(sale, selected=max(0, min(sale.selected + step, len(sale.lines) - 1))), None
        case Key.DELETE if sale.lines:
            lines = sale.lines[: sale.selected] + sale.lines[sale.selected + 1 :]
            return replace(sale, lines=lines, selected=max(0, min(sale.selected, len(lines) - 1)), message=""), None
        case Key.BACKSPACE:
            return replace(sale, entry=sale.entry[:-1]), None
        case Key.ESCAPE:
            return replace(sale, entry="", message="", asks=sale.asks if sale.entry else sale.asks[1:]), None
        case Key.ENTER if sale.entry:
            return _enter(replace(sale, entry="", message=""), sale.entry.strip())
        case Key.ENTER | Key.PAY:
            return _pay(sale)
        case Key.INTERRUPT:
            if leaving or not (sale.lines or sale.seeking or sale.asks):
                return sale, Do.LEAVE
            return replace(sale, leaving=True), None
        case str() if len(sale.entry) < ENTRY_CHARACTERS_MAX:
            return replace(sale, entry=sale.entry + key, message=""), None
    return sale, None


def _enter(sale: Sale, entry: str) -> tuple[Sale, Find | None]:
    if sale.asks:
        return _name_piece(sale, entry), None
    if entry.startswith("*"):
        return _count(sale, entry[1:]), None
    if not entry:
        return sale, None
    counted = _COUNTED.fullmatch(entry)
    find = Find(counted[2], counted[1]) if counted else Find(entry)
    return replace(sale, seeking=find.code), find


def _name_piece(sale: Sale, serial: str) -> Sale:
    """The piece whose SKU was scanned before."""
    if not serial:
        return sale
    item, asks = sale.asks[0], sale.asks[1:]
    for number, line in enumerate(sale.lines):
        if line.item.sku == item.sku:
            if serial in line.serials:
                return _complaining(sale, f"{item.sku} {serial} is on the sale already")
            serials = (*line.serials, serial)
            return _with_line(replace(sale, asks=asks), number, replace(line, quantity=len(serials), serials=serials))
    if len(sale.lines) == LINES_MAX:
        return _complaining(replace(sale, asks=asks), f"a sale has at most {LINES_MAX} lines")
    return replace(sale, asks=asks, lines=(*sale.lines, Line(item, 1, (serial,))), selected=len(sale.lines))


def _count(sale: Sale, text: str) -> Sale:
    if not sale.lines:
        return _complaining(sale, "there is no line to count")
    line = sale.lines[sale.selected]
    if line.item.by_serial:
        return _complaining(sale, f"{line.item.sku} is sold piece by piece: scan each, Del removes the line")
    quantity = line.item.quantity(text)
    if quantity is None:
        return _complaining(sale, f"{text or 'nothing'} is no quantity of {line.item.sku}")
    return _with_line(sale, sale.selected, replace(line, quantity=quantity))


def _pay(sale: Sale) -> tuple[Sale, Do | None]:
    if sale.asks:
        return replace(sale, message=f"scan the serial number of {sale.asks[0].sku}, or leave it out with Esc"), None
    if sale.entry:
        return replace(sale, message="press Enter or Esc first: something is typed"), None
    if not sale.lines:
        return sale, None
    return replace(sale, phase=Phase.PAYING, message=""), Do.PAY


def _complaining(sale: Sale, why: str) -> Sale:
    return replace(sale, complaints=(*sale.complaints, why))


def _with_line(sale: Sale, number: int, line: Line) -> Sale:
    return replace(sale, lines=(*sale.lines[:number], line, *sale.lines[number + 1 :]), selected=number)
