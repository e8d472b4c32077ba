"""GTIN barcodes (GTIN-8, -12, -13, -14): GS1 General Specifications, section 7.9, check digit calculation."""

from inventory.domain.refusal import Reason, Refusal

LENGTHS = (8, 12, 13, 14)


def check_digit(body: str) -> int:
    """The check digit of the digits before it: weights 3, 1, 3 … from the right."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return -total % 10


def checked(barcode: str, field: str) -> str:
    """The barcode itself. Raises BARCODE_FORMAT."""
    if not (barcode.isascii() and barcode.isdigit() and len(barcode) in LENGTHS):
        raise Refusal(Reason.BARCODE_FORMAT, "a barcode has 8, 12, 13 or 14 digits", field=field)
    expected = check_digit(barcode[:-1])
    if int(barcode[-1]) != expected:
        raise Refusal(
            Reason.BARCODE_FORMAT,
            f"the check digit of {barcode} should be {expected}",
            field=field,
            metadata={"expected_check_digit": str(expected)},
        )
    return barcode
