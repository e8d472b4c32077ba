"""What was granted is compared with what was asked, line by line."""

import pytest

from inventory.v1.core_pb2 import Reservation, ReservationLine
from inventory_demo.asks import check_asks
from inventory_demo.findings import Findings

BUNDLES = {"breakfast": {"milk": 1, "bread": 2}}
ASKED = [("milk", 3), ("breakfast", 2)]


def line(ask: int, sku: str, held: int, requested: int | None = None, backordered: int = 0) -> ReservationLine:
    asked = held if requested is None else requested
    return ReservationLine(ask=ask, sku=sku, held=held, requested=asked, backordered=backordered)


WHOLE = [line(0, "milk", 2), line(0, "milk", 1), line(1, "milk", 2), line(1, "bread", 4)]
PART = [line(0, "milk", 2, 3), line(1, "milk", 1, 2), line(1, "bread", 2, 4)]


def found(*lines: ReservationLine, partly: bool = False) -> set[str]:
    findings = Findings()
    check_asks(Reservation(lines=lines), ASKED, BUNDLES, findings, partly=partly)
    return set(findings.counts)


def test_what_adds_up_is_well() -> None:
    assert found(*WHOLE) == set()


def test_a_part_is_well_when_a_part_was_to_do() -> None:
    assert found(*PART, partly=True) == set()
    assert found(*PART) == {"lines that do not add up to what was asked"}


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([*WHOLE, line(0, "milk", 1)], "lines that do not add up to what was asked"),
        ([*WHOLE, line(2, "milk", 1)], "lines that nobody asked for"),
        ([*WHOLE[:2], line(1, "milk", 2), line(1, "bread", 3, 4)], "parts of a bundle that make no bundles"),
        ([line(0, "tea", 3), *WHOLE[2:]], "another SKU than asked for"),
        ([line(0, "milk", 3, 4), *WHOLE[2:]], "lines that tell of another request"),
        ([line(0, "milk", 3, 2), *WHOLE[2:]], "line beyond what was asked or there"),
        ([line(0, "milk", 2, 3, backordered=1), *WHOLE[2:]], "line beyond what was asked or there"),
    ],
)
def test_what_does_not_add_up_is_found(lines: list[ReservationLine], what: str) -> None:
    assert what in found(*lines)
