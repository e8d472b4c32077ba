"""Amounts in a SKU's units: exact conversion to and from its smallest one."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from inventory.domain.code import is_code
from inventory.domain.limits import AMOUNT_CHARS_MAX, QUANTITY_MAX, UNIT_BYTES_MAX, UNITS_MAX
from inventory.domain.refusal import Reason, Refusal

_AMOUNT = re.compile(r"([0-9]+)(?:\.([0-9]+))?", re.ASCII)


class Unit(NamedTuple):
    """A unit besides the base unit. `factor`: how many of the SKU's smallest unit one is."""

    code: str
    factor: int


def to_smallest(
    amount: str, unit: str, base_unit: str, unit_digits: int, units: Sequence[Unit], field: str = "amount"
) -> int:
    """The amount, such as "2.5", in the SKU's smallest unit: 0 to QUANTITY_MAX. One base unit is 10**unit_digits of it.
    Raises AMOUNT_FORMAT, UNIT_NOT_FOUND, QUANTITY_NOT_WHOLE, QUANTITY_OUT_OF_RANGE."""
    found = _AMOUNT.fullmatch(amount) if len(amount) <= AMOUNT_CHARS_MAX else None
    if found is None:
        raise Refusal(
            Reason.AMOUNT_FORMAT,
            f"an amount is at most {AMOUNT_CHARS_MAX} characters: digits, with at most one point between them",
            field=field,
            metadata={"max_chars": str(AMOUNT_CHARS_MAX)},
        )
    whole, decimals = found[1], found[2] or ""
    factor = _factor(unit, base_unit, unit_digits, units, field)
    scale: int = 10 ** len(decimals)
    quantity, rest = divmod(int(whole + decimals) * factor, scale)
    if rest:
        raise Refusal(
            Reason.QUANTITY_NOT_WHOLE,
            f"{amount} {unit} is no whole number of the SKU's smallest unit",
            field=field,
            metadata={"amount": amount, "unit": unit},
        )
    if quantity > QUANTITY_MAX:
        raise Refusal(
            Reason.QUANTITY_OUT_OF_RANGE,
            f"{amount} {unit} is more than {QUANTITY_MAX} of the SKU's smallest unit",
            field=field,
            metadata={"max": str(QUANTITY_MAX)},
        )
    return quantity


def shown(quantity: int, unit_digits: int) -> str:
    """A quantity of the smallest unit in base units, with all of its digits: 1250 with 3 digits is "1.250"."""
    if unit_digits == 0:
        return str(quantity)
    whole, rest = divmod(abs(quantity), 10**unit_digits)
    return f"{'-' if quantity < 0 else ''}{whole}.{rest:0{unit_digits}}"


def checked_units(units: Sequence[Unit], base_unit: str, field: str = "units") -> tuple[Unit, ...]:
    """The units themselves. Raises TOO_MANY_LINES, UNIT_FORMAT, QUANTITY_OUT_OF_RANGE."""
    if len(units) > UNITS_MAX:
        raise Refusal(
            Reason.TOO_MANY_LINES,
            f"at most {UNITS_MAX} units",
            field=field,
            metadata={"max": str(UNITS_MAX)},
        )
    taken = {base_unit}
    for number, unit in enumerate(units):
        path = f"{field}[{number}]"
        if not is_code(unit.code) or len(unit.code.encode()) > UNIT_BYTES_MAX:
            raise Refusal(
                Reason.UNIT_FORMAT,
                f"a unit is 1 to {UNIT_BYTES_MAX} bytes of printable NFC text without white space at its ends",
                field=f"{path}.unit",
                metadata={"max_bytes": str(UNIT_BYTES_MAX)},
            )
        if not 1 <= unit.factor <= QUANTITY_MAX:
            raise Refusal(
                Reason.QUANTITY_OUT_OF_RANGE,
                f"a unit is 1 to {QUANTITY_MAX} of the SKU's smallest unit",
                field=f"{path}.quantity",
                metadata={"max": str(QUANTITY_MAX)},
            )
        if unit.code in taken:
            raise Refusal(
                Reason.UNIT_FORMAT,
                f"unit {unit.code!r} stands twice, or is the base unit",
                field=f"{path}.unit",
                metadata={"unit": unit.code},
            )
        taken.add(unit.code)
    return tuple(units)


def _factor(unit: str, base_unit: str, unit_digits: int, units: Sequence[Unit], field: str) -> int:
    if unit == base_unit:
        factor: int = 10**unit_digits
        return factor
    for known in units:
        if known.code == unit:
            return known.factor
    told = unit[:UNIT_BYTES_MAX]
    raise Refusal(Reason.UNIT_NOT_FOUND, f"the SKU has no unit {told!r}", field=field, metadata={"unit": told})
