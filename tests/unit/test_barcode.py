import pytest

from inventory.domain.barcode import check_digit, checked
from inventory.domain.refusal import Reason, Refusal


@pytest.mark.parametrize(
    ("body", "digit"),
    [
        ("629104150021", 3),  # the example of GS1's General Specifications
        ("590123412345", 7),
        ("400638133393", 1),
        ("9638507", 4),  # GTIN-8
        ("03600029145", 2),  # GTIN-12
        ("1001234567890", 2),  # GTIN-14
        ("000000000000", 0),
        ("999999999999", 4),
    ],
)
def test_check_digits(body: str, digit: int) -> None:
    assert check_digit(body) == digit
    assert checked(f"{body}{digit}", "barcode") == f"{body}{digit}"


@pytest.mark.parametrize("digit", [0, 1, 2, 3, 4, 5, 6, 8, 9])
def test_every_other_check_digit_is_wrong_and_the_right_one_is_told(digit: int) -> None:
    with pytest.raises(Refusal) as refused:
        checked(f"590123412345{digit}", "barcodes[3]")
    assert refused.value.reason == Reason.BARCODE_FORMAT
    assert refused.value.field == "barcodes[3]"
    assert refused.value.metadata == {"expected_check_digit": "7"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "5901234",
        "590123412",
        "5901234123",
        "5" * 15,
        "59012341234a7",
        "-901234123457",
        "²" * 13,
        "５" * 13,
    ],
)
def test_what_is_not_digits_of_a_gtin_length_is_no_barcode(text: str) -> None:
    with pytest.raises(Refusal, match="barcode"):
        checked(text, "barcode")


@pytest.mark.parametrize("place", range(12))
def test_every_single_wrong_digit_is_found(place: int) -> None:
    right = "5901234123457"
    for digit in "0123456789":
        if digit != right[place]:
            with pytest.raises(Refusal):
                checked(right[:place] + digit + right[place + 1 :], "barcode")
