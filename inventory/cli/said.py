"""Quantities and days as people say them on the command line."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import NamedTuple

from inventory.cli.csv_file import shown
from inventory.cli.failure import Failed
from inventory.domain.code import calendar_date
from inventory.domain.refusal import Refusal

QUANTITY = r"(?P<number>[0-9]+(?P<part>\.[0-9]+)?)(?P<unit>[^\W\d_]\w*)?"
"""A number and its unit."""
INT64_MAX = 2**63 - 1
_QUANTITY = re.compile(QUANTITY)
NONE: Mapping[str, str] = MappingProxyType({})
_ONLY_LINE = re.compile(r"\blines\[0\]\.?")


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
    return Quantity(INT64_MAX if len(number) >= len(str(INT64_MAX)) else int(number), "", "")


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
def one_line(options: Mapping[str, str] = NONE) -> Iterator[None]:
    """What the server says of `lines[0].quantity` is of the quantity, where the command line has no other line.
    `options`: by the reason of a refusal, the option that would have helped."""
    try:
        yield
    except Failed as failed:
        first, *rest = failed.lines
        option = options.get(first.partition(":")[0])
        raise Failed(
            *(_ONLY_LINE.sub("the ", line).replace("the : ", "") for line in (first, *rest)),
            *([option] if option else []),
        ) from failed
