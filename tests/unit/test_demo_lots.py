"""Lots are judged by the ledger alone: what is promised is of the lot that expires first."""

from datetime import date

import pytest

from inventory.v1 import core_pb2
from inventory_demo.lots import LotBook, opening_lots

SOON, LATER = "2026-12-01", "2026-12-20"
ON_HAND, HELD = (1, 0), (0, 1)


def movement(
    kind: core_pb2.MovementKind, lot: str, on_hand: int, held: int, after: tuple[int, int]
) -> core_pb2.Movement:
    """`after`: on_hand and held of the level."""
    return core_pb2.Movement(
        sku="milk",
        location="shop-1",
        kind=kind,
        lot=lot,
        delta=core_pb2.Quantities(on_hand=on_hand, held=held),
        after=core_pb2.Quantities(on_hand=after[0], held=after[1]),
    )


OPENING = [
    movement(core_pb2.MOVEMENT_KIND_RECEIPT, LATER, 2, 0, (2, 0)),
    movement(core_pb2.MOVEMENT_KIND_RECEIPT, SOON, 1, 0, (3, 0)),
]
HOLD = core_pb2.MOVEMENT_KIND_HOLD


def found(*movements: core_pb2.Movement) -> LotBook:
    book = LotBook()
    for one in (*OPENING, *movements):
        book.take(one)
    return book


def test_the_lot_that_expires_first_goes_first_and_then_the_next() -> None:
    book = found(movement(HOLD, SOON, 0, 1, (3, 1)), movement(HOLD, LATER, 0, 1, (3, 2)))
    assert not book.findings
    assert (book.promises, book.choices) == (2, 1)


def test_a_lot_that_came_free_again_goes_first_again() -> None:
    release = movement(core_pb2.MOVEMENT_KIND_RELEASE, SOON, 0, -1, (3, 0))
    assert not found(movement(HOLD, SOON, 0, 1, (3, 1)), release, movement(HOLD, SOON, 0, 1, (3, 1))).findings


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (movement(HOLD, LATER, 0, 1, (3, 1)), "not the lot that expires first"),
        (movement(HOLD, SOON, 0, 2, (3, 2)), "more than there was of a lot"),
        (movement(HOLD, SOON, 0, 1, (3, 2)), "lots that do not add up to the level"),
        (movement(HOLD, "2026-12-31", 0, 1, (3, 1)), "not the lot that expires first"),
    ],
    ids=["a later lot", "more than there is of it", "another balance", "a lot that is not there"],
)
def test_what_is_wrong_is_found(row: core_pb2.Movement, what: str) -> None:
    assert what in found(row).findings.counts


@pytest.mark.parametrize("quantity", [1, 2, 3, 7])
def test_a_shop_opens_with_all_of_it_the_last_to_expire_first(quantity: int) -> None:
    today = date(2026, 11, 25)
    for lots in (list(opening_lots("milk", number, quantity, today)) for number in range(3)):
        assert sum(lot.quantity for lot in lots) == quantity
        assert len({lot.lot for lot in lots}) == len(lots) == min(quantity, 3)
        assert all(lot.lot == lot.expires_on > "2026-11-25" for lot in lots)
        assert quantity < 3 or [lot.lot for lot in lots] == sorted((lot.lot for lot in lots), reverse=True)
