"""Amounts of any unit, such as 1.5 boxes, become quantities of the SKU's smallest unit before anything is decided."""

from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

from inventory.domain.access import Access
from inventory.domain.code import sku_code
from inventory.domain.limits import QUANTITY_MAX
from inventory.domain.refusal import Reason, Refusal, sku_not_found
from inventory.domain.units import to_smallest
from inventory.postgres.reads import Reader, SkuUnits
from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2

SKUS_KEPT_MAX = 10_000


Line = TypeVar("Line", core_pb2.LineQuantity, stock_pb2.ReceiptLine)


class Amounts:
    """Keeps the units of the SKUs used last: none is ever changed or removed, only added."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: dict[str, SkuUnits] = {}

    async def in_smallest(self, lines: Sequence[Line], path: str, within: Access | None) -> Sequence[Line]:
        """The lines themselves when none has an amount; else copies that say `quantity`. `path` is that of the lines,
        such as `requests[3].lines`; `within`: what the caller is limited to. Raises FIELD_CONFLICT, FIELD_REQUIRED,
        SKU_FORMAT, SKU_NOT_FOUND, AMOUNT_FORMAT, UNIT_NOT_FOUND, QUANTITY_NOT_WHOLE, QUANTITY_OUT_OF_RANGE, and a
        `StorageError`."""
        if not names_amounts(lines):
            return lines
        for position, line in enumerate(lines):
            _check(line, f"{path}[{position}]")
        named = {line.sku for line in lines if line.amount}
        if within is not None and within.categories:  # what is kept was read for everybody
            units = await self._reader.units(list(named), within)
            missing = set()
        else:
            units = await self._units(named)
            missing = {line.sku for line in lines if line.amount and not _has(units, line)}
        if missing:  # one may have been added since
            units = await self._units(missing, again=True) | {
                sku: found for sku, found in units.items() if sku not in missing
            }
        return [
            _converted(line, units, f"{path}[{position}]") if line.amount else line
            for position, line in enumerate(lines)
        ]

    async def _units(self, skus: Collection[str], *, again: bool = False) -> dict[str, SkuUnits]:
        found = {} if again else {sku: self._kept[sku] for sku in skus if sku in self._kept}
        unknown = [sku for sku in skus if sku not in found]
        if unknown:
            read = await self._reader.units(unknown, None)
            if len(self._kept) + len(read) > SKUS_KEPT_MAX:
                self._kept.clear()
            self._kept.update(read)
            found |= read
        return found


def names_amounts(lines: Iterable[core_pb2.LineQuantity | stock_pb2.ReceiptLine]) -> bool:
    """Whether any of them has something to be converted."""
    for line in lines:  # noqa: SIM110 - any() would make a generator for every call
        if line.amount or line.unit:
            return True
    return False


def _check(line: core_pb2.LineQuantity | stock_pb2.ReceiptLine, path: str) -> None:
    if line.quantity and line.amount:
        raise Refusal(Reason.FIELD_CONFLICT, "say quantity or amount, not both", field=f"{path}.amount")
    if line.quantity and line.unit:
        raise Refusal(
            Reason.FIELD_CONFLICT, "quantity is in the smallest unit; a unit needs an amount", field=f"{path}.unit"
        )
    if line.unit and not line.amount:
        raise Refusal(Reason.FIELD_REQUIRED, "a unit needs an amount", field=f"{path}.amount")
    if line.amount:
        sku_code(line.sku, f"{path}.sku")


def _has(units: dict[str, SkuUnits], line: core_pb2.LineQuantity | stock_pb2.ReceiptLine) -> bool:
    found = units.get(line.sku)
    if found is None:
        return False
    return line.unit in ("", found.unit) or any(unit.code == line.unit for unit in found.others)


def _converted(line: Line, units: dict[str, SkuUnits], path: str) -> Line:
    found = units.get(line.sku)
    if found is None:
        raise sku_not_found(line.sku)
    try:
        quantity = to_smallest(
            line.amount, line.unit or found.unit, found.unit, found.unit_digits, found.others, f"{path}.amount"
        )
    except Refusal as refusal:
        if refusal.reason is Reason.UNIT_NOT_FOUND:
            refusal.field = f"{path}.unit"
        refusal.metadata["sku"] = line.sku
        raise
    if quantity == 0:
        raise Refusal(
            Reason.QUANTITY_OUT_OF_RANGE,
            "an amount is more than 0",
            field=f"{path}.amount",
            metadata={"min": "1", "max": str(QUANTITY_MAX)},
        )
    copy = type(line)()
    copy.CopyFrom(line)
    copy.quantity, copy.amount, copy.unit = quantity, "", ""
    return copy
