"""What each key makes of a sale: a table of what is pressed and what comes of it."""

from collections.abc import Sequence

import pytest

from inventory_till import screen
from inventory_till.keys import Key, Press
from inventory_till.sale import Do, Find, Item, Line, Phase, Sale, found, not_found, press

CATALOGUE = {
    "PEAR": Item("PEAR", "Pear"),
    "5901234123457": Item("PEAR", "Pear"),
    "plum": Item("plum", "Plum"),
    "HAM": Item("HAM", "Ham", "kg", 3),
    "PHONE": Item("PHONE", "Phone", by_serial=True),
}


def after(*pressed: Press | str, sale: Sale | None = None) -> tuple[Sale, Do | None]:
    """Presses keys; strings are typed. What is looked up is found at once when the catalogue has it."""
    sale, done = sale or Sale(), None
    for key in _keys(pressed):
        sale, effect = press(sale, key)
        if isinstance(effect, Find):
            item = CATALOGUE.get(effect.code)
            sale = found(sale, effect, item) if item else not_found(sale, effect, f"no {effect.code}")
        else:
            done = effect
    return sale, done


def _keys(pressed: Sequence[Press | str]) -> list[Press]:
    return [key for each in pressed for key in ([each] if isinstance(each, Key) else each)]


E, UP, DOWN, DEL, ESC = Key.ENTER, Key.UP, Key.DOWN, Key.DELETE, Key.ESCAPE


@pytest.mark.parametrize(
    ("pressed", "lines", "selected"),
    [
        (["PEAR", E], [("PEAR", 1)], 0),
        (["5901234123457", E], [("PEAR", 1)], 0),
        (["PEAR", E, "PEAR", E], [("PEAR", 2)], 0),
        (["PEAR", E, "plum", E], [("PEAR", 1), ("plum", 1)], 1),
        (["3*PEAR", E], [("PEAR", 3)], 0),
        (["PEAR", E, "*7", E], [("PEAR", 7)], 0),
        (["PEAR", E, "plum", E, UP, "*7", E], [("PEAR", 7), ("plum", 1)], 0),
        (["PEAR", E, "plum", E, UP, UP, UP, DOWN, DOWN, DOWN], [("PEAR", 1), ("plum", 1)], 1),
        (["PEAR", E, "plum", E, UP, DEL], [("plum", 1)], 0),
        (["PEAR", E, "plum", E, DEL, DEL, DEL], [], 0),
        (["HAM", E], [("HAM", 1000)], 0),
        (["0,25*HAM", E], [("HAM", 250)], 0),
        (["0.25*HAM", E, "HAM", E], [("HAM", 1250)], 0),
        (["PEAX", Key.BACKSPACE, "R", E], [("PEAR", 1)], 0),
        (["PEAR", ESC, "plum", E], [("plum", 1)], 0),
        (["PEAR", E, "*0", E], [("PEAR", 1)], 0),
        (["PEAR", E, "*1.5", E], [("PEAR", 1)], 0),
        (["PEAR", E, "*", E], [("PEAR", 1)], 0),
        (["PEAR", E, "*99999999999", E], [("PEAR", 1)], 0),
        (["0.0001*HAM", E], [], 0),
        (["*5", E], [], 0),
        (["nothing", E], [], 0),
        ([" ", E], [], 0),
        ([UP, DOWN, DEL, Key.BACKSPACE, E, Key.PAY, ESC], [], 0),
    ],
)
def test_keys_make_lines(pressed: list[Press | str], lines: list[tuple[str, int]], selected: int) -> None:
    sale, _ = after(*pressed)
    assert [(line.item.sku, line.quantity) for line in sale.lines] == lines
    assert sale.selected == selected
    assert sale.entry == ""
    assert sale.phase is Phase.SELLING


@pytest.mark.parametrize("pay", [Key.ENTER, Key.PAY])
def test_paying_with_lines_and_nothing_typed(pay: Key) -> None:
    sale, done = after("PEAR", E, pay)
    assert (sale.phase, done) == (Phase.PAYING, Do.PAY)


def test_nothing_is_paid_while_something_is_typed_or_looked_up() -> None:
    sale, done = after("PEAR", E, "plu", Key.PAY)
    assert (sale.phase, done) == (Phase.SELLING, None)
    sale, effect = press(after("PEAR", E, "plum")[0], E)
    assert isinstance(effect, Find)
    sale, done = after(E, sale=sale)
    assert (sale.phase, done) == (Phase.SELLING, None)
    assert "still being looked up" in sale.message


@pytest.mark.parametrize(
    ("phase", "key", "done"),
    [
        (Phase.PAYING, ESC, Do.GIVE_UP),
        (Phase.PAYING, Key.INTERRUPT, Do.LEAVE),
        (Phase.PAYING, E, None),
        (Phase.PAYING, DEL, None),
        (Phase.PAYING, "x", None),
        (Phase.UNFINISHED, E, Do.FINISH),
        (Phase.UNFINISHED, ESC, Do.GIVE_UP),
        (Phase.UNFINISHED, Key.INTERRUPT, Do.LEAVE),
        (Phase.UNFINISHED, "x", None),
    ],
)
def test_a_payment_under_way_changes_no_line(phase: Phase, key: Press, done: Do | None) -> None:
    sale = Sale((Line(CATALOGUE["PEAR"], 2),), phase=phase)
    assert press(sale, key) == (sale, done)


def test_what_is_typed_on_a_receipt_begins_the_next_sale() -> None:
    shown = Sale((Line(CATALOGUE["PEAR"], 2),), phase=Phase.RECEIPT, message="receipt")
    assert after(E, sale=shown)[0] == Sale()
    assert after("p", sale=shown)[0] == Sale(entry="p")


def test_leaving_with_lines_is_asked_twice() -> None:
    assert after(Key.INTERRUPT)[1] is Do.LEAVE
    sale, done = after("PEAR", E, Key.INTERRUPT)
    assert done is None
    assert after(Key.INTERRUPT, sale=sale)[1] is Do.LEAVE
    assert after("x", Key.INTERRUPT, sale=sale)[1] is None


def test_the_same_code_looked_up_twice_counts_twice() -> None:
    sale, first = press(after("PEAR")[0], E)
    sale, second = press(after("2*PEAR", sale=sale)[0], E)
    assert isinstance(first, Find)
    assert isinstance(second, Find)
    sale = found(found(sale, second, CATALOGUE["PEAR"]), first, CATALOGUE["PEAR"])
    assert sale.lines == (Line(CATALOGUE["PEAR"], 3),)
    assert sale.seeking == ()


@pytest.mark.parametrize(
    ("pressed", "serials"),
    [
        (["PHONE", E, "S1", E], ("S1",)),
        (["PHONE", E, "S1", E, "PHONE", E, "3*PEAR", E], ("S1", "3*PEAR")),
        (["PHONE", E, "S1", E, "PHONE", E, "S1", E], ("S1",)),
        (["PHONE", E, "S1", E, "PHONE", E, ESC, "PEAR", E, UP], ("S1",)),
        (["PHONE", E, "S1", E, "PHONE", E, "S", ESC, "S2", E], ("S1", "S2")),
        (["PHONE", E, "S1", E, "*3", E], ("S1",)),
        (["2*PHONE", E, "PHONE", E, "S1", E], ("S1",)),
    ],
)
def test_pieces_with_serial_numbers_are_named_one_by_one(pressed: list[Press | str], serials: tuple[str, ...]) -> None:
    sale, _ = after(*pressed)
    assert sale.lines[0] == Line(CATALOGUE["PHONE"], len(serials), serials)


def test_nothing_is_paid_while_a_serial_number_is_asked_for() -> None:
    sale, done = after("PHONE", E, Key.PAY)
    assert (sale.phase, done) == (Phase.SELLING, None)
    assert "serial number of PHONE" in sale.message
    assert "serial number of PHONE >" in drawn(sale)


def drawn(sale: Sale, width: int = 80, height: int = 24, **view: object) -> str:
    shown = screen.View(**{"till": "till-7", "location": "shop-1", "connection": "online", "online": True, **view})  # type: ignore[arg-type]
    return screen.render(sale, shown, {"PEAR": 1, "HAM": 1250}.get, width, height)


def test_the_screen_shows_lines_and_what_is_left() -> None:
    sale, _ = after("2*PEAR", E, "plum", E, "HAM", E)
    text = drawn(sale, connection="offline since 12:00:00", online=False)
    assert "offline since 12:00:00" in text
    for word in ("PEAR", "Pear", "1.250 kg", "1.000 kg", "?", "3 lines"):
        assert word in text


@pytest.mark.parametrize(("width", "height"), [(40, 10), (80, 24), (200, 60), (1, 1)])
@pytest.mark.parametrize("phase", list(Phase))
def test_the_screen_fits_whatever_is_on_it(width: int, height: int, phase: Phase) -> None:
    lines = tuple(Line(Item(f"SKU-{number}-{'x' * 60}", "ż" * 99), number) for number in range(1, 100))
    for selected in (0, 50, 98):
        sale = Sale(lines, selected, "e" * 80, message="m" * 300, phase=phase)
        rows = drawn(sale, width, height).split("\n")
        assert len(rows) <= max(height, screen.HEIGHT_MIN)
        assert any(f"SKU-{selected + 1}-" in row for row in rows) or width < 60
