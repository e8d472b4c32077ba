"""Amounts in any unit of a SKU are whole numbers of its smallest one, or are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.domain.limits import AMOUNT_CHARS_MAX, QUANTITY_MAX, UNIT_DIGITS_MAX, UNITS_MAX
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.units import Unit, checked_units, shown, to_smallest

BOX, PALLET, POUND = Unit("box", 12), Unit("pallet", 480), Unit("lb 453.59", 453_590)
MANY, HUGE = Unit("many", 333_333_334), Unit("huge", QUANTITY_MAX)


@pytest.mark.parametrize(
    ("amount", "unit", "expected"),
    [
        ("3", "piece", 3),
        ("0", "piece", 0),
        ("003", "piece", 3),
        ("3.0", "piece", 3),
        ("3.000000000000000000000000000000", "piece", 3),
        ("2", "box", 24),
        ("2.5", "box", 30),
        ("0.25", "box", 3),
        ("1.75", "pallet", 840),
        ("1", "huge", QUANTITY_MAX),
        ("0.000000001", "huge", 1),
        ("1000000000", "piece", QUANTITY_MAX),
        ("0.5", "piece", Reason.QUANTITY_NOT_WHOLE),
        ("0.3", "box", Reason.QUANTITY_NOT_WHOLE),
        ("0.333333333333333333333333333333", "box", Reason.QUANTITY_NOT_WHOLE),
        ("0.0000000001", "huge", Reason.QUANTITY_NOT_WHOLE),
        ("1000000001", "piece", Reason.QUANTITY_OUT_OF_RANGE),
        ("3", "many", Reason.QUANTITY_OUT_OF_RANGE),
        ("1.000000001", "huge", Reason.QUANTITY_OUT_OF_RANGE),
        ("9" * AMOUNT_CHARS_MAX, "huge", Reason.QUANTITY_OUT_OF_RANGE),
        ("1", "crate", Reason.UNIT_NOT_FOUND),
        ("1", "", Reason.UNIT_NOT_FOUND),
        ("1", "Box", Reason.UNIT_NOT_FOUND),
        ("1", "box ", Reason.UNIT_NOT_FOUND),
        ("1", "x" * 100_000, Reason.UNIT_NOT_FOUND),
    ],
    ids=lambda value: str(value)[:40],
)
def test_pieces_boxes_and_pallets(amount: str, unit: str, expected: int | Reason) -> None:
    check(amount, unit, "piece", 0, expected)


@pytest.mark.parametrize(
    ("amount", "unit", "expected"),
    [
        ("1", "kg", 1_000),
        ("1.25", "kg", 1_250),
        ("0.001", "kg", 1),
        ("1.2500", "kg", 1_250),
        ("0.0005", "kg", Reason.QUANTITY_NOT_WHOLE),
        ("1000000", "kg", QUANTITY_MAX),
        ("1000000.001", "kg", Reason.QUANTITY_OUT_OF_RANGE),
        ("0.1", "lb 453.59", 45_359),
        ("0.00001", "lb 453.59", Reason.QUANTITY_NOT_WHOLE),
        ("1", "g", Reason.UNIT_NOT_FOUND),
    ],
)
def test_goods_sold_by_weight(amount: str, unit: str, expected: int | Reason) -> None:
    check(amount, unit, "kg", 3, expected)


@pytest.mark.parametrize(
    "amount",
    [
        "",
        " ",
        ".",
        ".5",
        "5.",
        "1.2.3",
        "1,5",
        "1 000",
        "1_000",
        "+1",
        "-1",
        "-0",
        " 1",
        "1 ",
        "1\n",
        "1\0",
        "1e3",
        "1E3",
        "0x10",
        "1/2",
        "½",
        "²",
        "\u0661",  # an Arabic-Indic digit: int() takes it
        "\uff11",  # a full-width digit
        "nan",
        "inf",
        "Infinity",
        "one",
        "9" * (AMOUNT_CHARS_MAX + 1),
        "1" * 100_000,
    ],
    ids=lambda amount: ascii(amount[:40]),
)
def test_what_is_no_amount(amount: str) -> None:
    check(amount, "piece", "piece", 0, Reason.AMOUNT_FORMAT)


def check(amount: str, unit: str, base_unit: str, unit_digits: int, expected: int | Reason) -> None:
    units = (BOX, PALLET, POUND, MANY, HUGE)
    if isinstance(expected, Reason):
        with pytest.raises(Refusal) as refused:
            to_smallest(amount, unit, base_unit, unit_digits, units, "lines[3].amount")
        assert (refused.value.reason, refused.value.field) == (expected, "lines[3].amount")
        assert len(str(refused.value)) < 200
    else:
        assert to_smallest(amount, unit, base_unit, unit_digits, units) == expected


@pytest.mark.parametrize(
    ("quantity", "unit_digits", "expected"),
    [
        (0, 0, "0"),
        (12, 0, "12"),
        (-12, 0, "-12"),
        (1_250, 3, "1.250"),
        (5, 3, "0.005"),
        (-5, 3, "-0.005"),
        (-1_250, 3, "-1.250"),
        (0, 3, "0.000"),
        (10**12, 6, "1000000.000000"),
    ],
)
def test_how_a_quantity_is_shown(quantity: int, unit_digits: int, expected: str) -> None:
    assert shown(quantity, unit_digits) == expected


@given(st.integers(0, QUANTITY_MAX), st.integers(0, UNIT_DIGITS_MAX))
def test_what_is_shown_can_be_typed_again(quantity: int, unit_digits: int) -> None:
    assert to_smallest(shown(quantity, unit_digits), "kg", "kg", unit_digits, ()) == quantity


@given(st.integers(1, QUANTITY_MAX), st.integers(0, 10**9), st.integers(0, 12))
def test_nothing_is_rounded(factor: int, digits: int, decimals: int) -> None:
    whole, rest = divmod(digits * factor, 10**decimals)
    over = Reason.QUANTITY_OUT_OF_RANGE if whole > QUANTITY_MAX else whole
    expected = Reason.QUANTITY_NOT_WHOLE if rest else over
    units = [Unit("box", factor)]
    if isinstance(expected, Reason):
        with pytest.raises(Refusal) as refused:
            to_smallest(shown(digits, decimals), "box", "piece", 0, units)
        assert refused.value.reason == expected
    else:
        assert to_smallest(shown(digits, decimals), "box", "piece", 0, units) == expected


@pytest.mark.parametrize(
    ("units", "reason", "field"),
    [
        ([], None, ""),
        ([BOX, PALLET], None, ""),
        ([Unit("Box", 12), BOX], None, ""),
        ([Unit("same", 12), BOX], None, ""),
        ([Unit(f"unit {n}", n + 1) for n in range(UNITS_MAX)], None, ""),
        ([Unit("one", 1), Unit("most", QUANTITY_MAX)], None, ""),
        ([Unit("ü" * 8, 1)], None, ""),
        ([Unit(f"unit {n}", n + 1) for n in range(UNITS_MAX + 1)], Reason.TOO_MANY_LINES, "units"),
        ([BOX, PALLET, Unit("box", 24)], Reason.UNIT_FORMAT, "units[2].unit"),
        ([BOX, Unit("piece", 1)], Reason.UNIT_FORMAT, "units[1].unit"),
        ([Unit("box", 0)], Reason.QUANTITY_OUT_OF_RANGE, "units[0].quantity"),
        ([Unit("box", -12)], Reason.QUANTITY_OUT_OF_RANGE, "units[0].quantity"),
        ([Unit("box", QUANTITY_MAX + 1)], Reason.QUANTITY_OUT_OF_RANGE, "units[0].quantity"),
        ([Unit("", 1)], Reason.UNIT_FORMAT, "units[0].unit"),
        ([Unit(" ", 1)], Reason.UNIT_FORMAT, "units[0].unit"),
        ([Unit("box ", 1)], Reason.UNIT_FORMAT, "units[0].unit"),
        ([Unit("b\0x", 1)], Reason.UNIT_FORMAT, "units[0].unit"),
        ([Unit("b\u202ex", 1)], Reason.UNIT_FORMAT, "units[0].unit"),
        ([Unit("x" * 17, 1)], Reason.UNIT_FORMAT, "units[0].unit"),
        ([Unit("ü" * 9, 1)], Reason.UNIT_FORMAT, "units[0].unit"),
    ],
)
def test_the_units_of_a_sku(units: list[Unit], reason: Reason | None, field: str) -> None:
    if reason is None:
        assert checked_units(units, "piece") == tuple(units)
    else:
        with pytest.raises(Refusal) as refused:
            checked_units(units, "piece")
        assert (refused.value.reason, refused.value.field) == (reason, field)
