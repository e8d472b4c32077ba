"""What each key makes of a sale: tables of what is pressed and what comes of it, and keys that wait for a look-up."""

from collections.abc import Sequence

import pytest

from inventory_till import screen
from inventory_till.keys import Key, Press
from inventory_till.pressed import PRESSES_MAX, TOO_MANY, Pressed
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
    sale, done, keys = sale or Sale(), None, Pressed()
    for key in _keys(pressed):
        keys.put([key])
        sale, done = worked_off(keys, sale)
    return sale, done


def worked_off(pressed: Pressed, sale: Sale) -> tuple[Sale, Do | None]:
    """What the keys that wait make of the sale, and the last that is to be done."""
    done = None
    while True:
        sale, effect = pressed.next(sale)
        match effect:
            case Find():
                sale = answered(sale, effect)
            case Do():
                done = effect
            case None:
                return sale, done


def answered(sale: Sale, find: Find) -> Sale:
    item = CATALOGUE.get(find.code)
    return found(sale, find, item) if item else not_found(sale, f"no {find.code}")


def sought(pressed: Pressed, sale: Sale) -> tuple[Sale, Find]:
    """Until a code is looked up."""
    sale, effect = pressed.next(sale)
    assert isinstance(effect, Find)
    return sale, effect


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


def test_nothing_is_paid_while_something_is_typed() -> None:
    sale, done = after("PEAR", E, "plu", Key.PAY)
    assert (sale.phase, done) == (Phase.SELLING, None)


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


@pytest.mark.parametrize(
    "typed",
    [
        ["PEAR", E, "plum", E],
        ["PEAR", E, "2*plum", E, "*1", E, UP, "*5", E],
        ["PEAR", E, "plum", E, DEL],
        ["PEAR", E, "PEAR", E, "2*HAM", E],
        ["PHONE", E, "S1", E, "plum", E],
        ["PHONE", E, ESC, "PEAR", E],
        ["PEAR", E, Key.PAY],
        ["PEAR", E, E],
    ],
)
def test_a_slow_look_up_changes_nothing_of_what_comes_of_the_keys(typed: list[Press | str]) -> None:
    keys = Pressed()
    keys.put(_keys(typed))
    sale, find = sought(keys, Sale())
    assert sale.lines == ()
    assert keys.next(sale) == (sale, None), "whatever was pressed since waits"
    assert worked_off(keys, answered(sale, find)) == after(*typed)


def test_what_waits_for_a_look_up_is_on_the_screen() -> None:
    keys = Pressed()
    keys.put(_keys(["PEAR", E, "plum", E, UP, "*3", E, Key.PAY]))
    sale, _ = sought(keys, Sale())
    assert "looking up PEAR, then: plum ↵  ↑ *3 ↵  F10" in drawn(sale, ahead=str(keys))


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        (["nothing", E, "PEAR", E, Key.PAY], [("PEAR", 1)]),
        (["nothing", E, "PEAR", E, E], [("PEAR", 1)]),
        (["nothing", E, "*7", E, "PEAR", E], [("plum", 2), ("PEAR", 1)]),
        (["nothing", E, DEL, UP, "PEAX", Key.BACKSPACE, "R", E], [("plum", 2), ("PEAR", 1)]),
        (["nothing", E, "S", ESC, "PEAR", E, "*7", E, DEL], [("plum", 2), ("PEAR", 1)]),
        (["3*PHONE", E, DEL, "PEAR", E, Key.PAY], [("plum", 2), ("PEAR", 1)]),
    ],
)
def test_what_was_pressed_before_a_complaint_could_be_read_only_adds_lines(
    typed: list[Press | str], lines: list[tuple[str, int]]
) -> None:
    before, _ = after("2*plum", E)
    keys = Pressed()
    keys.put(_keys(typed))
    sale, done = worked_off(keys, before)
    assert done is None
    assert [(line.item.sku, line.quantity) for line in sale.lines][-len(lines) :] == lines
    assert len(sale.lines) == 2
    assert "nothing" in sale.message or "piece by piece" in sale.message
    assert after(Key.PAY, sale=sale)[1] is Do.PAY, "now it could be read"


def test_all_complaints_are_told() -> None:
    keys = Pressed()
    keys.put(_keys(["nothing", E, "PEAR", E, "never", E]))
    assert worked_off(keys, Sale())[0].message == "no nothing; no never"


def test_leaving_waits_for_no_look_up() -> None:
    keys = Pressed()
    keys.put(_keys(["PEAR", E, "plum", E, Key.INTERRUPT]))
    sale, find = sought(keys, Sale())
    sale, done = keys.next(sale)
    assert done is None
    assert "Ctrl-C again" in drawn(sale)
    sale, find = sought(keys, answered(sale, find))
    assert "Ctrl-C again" in drawn(sale), "what was pressed before it does not take it back"
    keys.put([Key.INTERRUPT])
    assert keys.next(sale)[1] is Do.LEAVE


def test_what_is_pressed_after_it_takes_leaving_back() -> None:
    keys = Pressed()
    keys.put(_keys(["PEAR", E, Key.INTERRUPT]))
    sale, _ = sought(keys, Sale())
    sale, _ = keys.next(sale)
    keys.put(["p"])
    sale, _ = keys.next(sale)
    keys.put([Key.INTERRUPT])
    sale, done = keys.next(sale)
    assert done is None
    assert "Ctrl-C again" in drawn(sale)


def test_too_much_typed_ahead_is_refused_until_the_cashier_says_that_it_was_seen() -> None:
    keys, scan = Pressed(), _keys(["plum", E])
    keys.put([*_keys(["PEAR", E]), *scan * (PRESSES_MAX // len(scan)), *"plum" * 5])
    sale, find = sought(keys, Sale())
    sale, done = worked_off(keys, answered(sale, find))
    assert [line.item.sku for line in sale.lines] == ["PEAR", "plum"], "no half a code"
    assert sale.entry == ""
    assert sale.message == TOO_MANY
    keys.put(_keys(["um", E, Key.PAY]))
    sale, done = worked_off(keys, sale)
    assert (sale.entry, sale.message, done) == ("", TOO_MANY, None)
    keys.put(_keys([ESC, "HAM", E]))
    sale, _ = worked_off(keys, sale)
    assert (len(sale.lines), sale.message) == (3, "")


@pytest.mark.parametrize(("width", "height"), [(40, 10), (80, 24), (200, 60), (1, 1)])
@pytest.mark.parametrize("phase", list(Phase))
def test_the_screen_fits_whatever_is_on_it(width: int, height: int, phase: Phase) -> None:
    lines = tuple(Line(Item(f"SKU-{number}-{'x' * 60}", "ż" * 99), number) for number in range(1, 100))
    for selected in (0, 50, 98):
        sale = Sale(lines, selected, "e" * 80, message="m" * 300, phase=phase)
        rows = drawn(sale, width, height).split("\n")
        assert len(rows) <= max(height, screen.HEIGHT_MIN)
        assert any(f"SKU-{selected + 1}-" in row for row in rows) or width < 60
