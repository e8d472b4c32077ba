"""What people say on the command line: read before anything is sent, and no server is needed here."""

import pytest

from inventory.__main__ import run
from inventory.cli import said
from inventory.cli.failure import Failed
from inventory.cli.receive import OPTIONS

NOBODY = ("--server", "127.0.0.1:1")


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("2", (2, "", "")),
        ("0", (0, "", "")),
        ("1.5", (0, "1.5", "")),
        ("1.5kg", (0, "1.5", "kg")),
        ("2box", (0, "2", "box")),
        ("9" * 19, (2**63 - 1, "", "")),
        ("9" * 400, (2**63 - 1, "", "")),
    ],
)
def test_a_quantity_is_a_number_perhaps_of_a_unit(text: str, quantity: tuple[int, str, str]) -> None:
    assert said.quantity(text) == quantity


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["receive", "L", "A", "abc"], "'abc' is not a quantity"),
        (["receive", "L", "A", "1,5"], "'1,5' is not a quantity"),
        (["receive", "L", "A", "kg"], "'kg' is not a quantity"),
        (["receive", "L", "A", "2", "--serial", "S-1"], "there are 1 serial numbers for 2: say --serial once for each"),
        (["receive", "L", "A", "2", "--expires-on", "1.12.26"], "DATE_FORMAT: --expires-on '1.12.26': a date is"),
        (["incoming", "PO", "A", "L", "2", "--due-on", "soon"], "DATE_FORMAT: --due-on 'soon': a date is YYYY-MM-DD"),
        (["promise", "COLA=abc"], "'abc' is not a quantity: say a number such as 2, or one with a unit"),
        (["promise", "COLA=-1"], "'-1' is not a quantity"),
        (["promise", "COLA=@shop-07"], "'' is not a quantity"),
    ],
)
def test_what_is_no_quantity_or_day_is_quoted(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, *NOBODY]) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("QUANTITY_OUT_OF_RANGE: lines[0].quantity is 1 to 9", ("QUANTITY_OUT_OF_RANGE: the quantity is 1 to 9",)),
        ("SKU_NOT_FOUND: no SKU 'A'", ("SKU_NOT_FOUND: no SKU 'A'",)),
        (
            "SERIALS_REQUIRED: name the pieces",
            ("SERIALS_REQUIRED: name the pieces", "say --serial NUMBER, once for each piece"),
        ),
    ],
)
def test_the_only_line_has_no_number_and_an_option_that_helps_is_named(line: str, told: tuple[str, ...]) -> None:
    with pytest.raises(Failed) as caught, said.one_line(OPTIONS):
        raise Failed(line)
    assert caught.value.lines == told
