"""Quantities and days as people say them on the command line."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from inventory.cli.csv_file import shown
from inventory.cli.failure import Failed
from inventory.domain.code import calendar_date
from inventory.domain.refusal import Refusal

QUANTITY = r"(?P<number>[0-9]+(?P<part>\.[0-9]+)?)(?P<unit>[^\W\d_]\w*)?"
"""A number and its unit."""
INT64_DIGITS = 19
_QUANTITY = re.compile(QUANTITY)
_ONLY_LINE = re.compile(r"\blines\[0\]\.?")
_WHAT_TO_SAY = {
    "SERIALS_REQUIRED": "say --serial NUMBER, once for each piece",
    "LOT_REQUIRED": "say --lot LOT",
}


class Quantity(NamedTuple):
    """As a line has it: either whole, in the SKU's smallest unit, or an `amount` of `unit` ('': the SKU's own)."""

    quantity: int
    amount: str
    unit: str


def quantity(text: str) -> Quantity:
    """Raises `Failed`."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise no_quantity(text)
    return quantity_of(found)


def quantity_of(found: re.Match[str]) -> Quantity:
    """Of a match in which QUANTITY has a part."""
    number, unit = found["number"], found["unit"] or ""
    if found["part"] or unit:
        return Quantity(0, number, unit)
    return Quantity(int(number[:INT64_DIGITS]), "", "")


def no_quantity(text: str) -> Failed:
    return Failed(f"{shown(text)} is not a quantity: say a number such as 2, or one with a unit such as 1.5kg or 2box")


def day(text: str, option: str) -> str:
    """A YYYY-MM-DD, or ''. Raises `Failed`."""
    if text:
        try:
            calendar_date(text, option)
        except Refusal as refusal:
            raise Failed(f"{refusal.reason}: {option} {shown(text)}: {refusal.message}") from None
    return text


@contextmanager
def one_line() -> Iterator[None]:
    """What the server says of `lines[0].quantity` is of the quantity, where the command line has no other line; and
    which option would have helped."""
    try:
        yield
    except Failed as failed:
        first, *rest = failed.lines
        option = _WHAT_TO_SAY.get(first.partition(":")[0])
        raise Failed(
            *(_ONLY_LINE.sub("the ", line).replace("the : ", "") for line in (first, *rest)),
            *([option] if option else []),
        ) from failed
