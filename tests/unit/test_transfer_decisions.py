"""Transfers and reallocations: what each command makes of two places, as tables."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from inventory.domain.decide import StockCommand, decide
from inventory.domain.goods import SkuKind, Tracking
from inventory.domain.ledger import Ledger
from inventory.domain.level import Level, Place
from inventory.domain.lot import Lot, LotLevel
from inventory.domain.reallocation import Move, Reallocate
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.reservation import Line, Reservation, ReservationState
from inventory.domain.topology import Site, Topology
from inventory.domain.transfer import (
    CancelTransfer,
    CreateTransfer,
    Moved,
    ReceiveTransfer,
    ShipTransfer,
    Transfer,
    TransferLine,
    TransferState,
    save,
)
from tests.unit.shelf import HOLD, NOW, WEB

HERE, THERE = 1, 2
APPLE, MILK, PHONE, GIFT = 1, 2, 3, 4
TRANSFER = UUID(int=7)
OLD, NEW, ENDLESS = Lot(11, "old", date(2026, 12, 1)), Lot(12, "new", date(2026, 12, 9)), Lot(13, "endless", None)
GONE = Lot(14, "gone", date(2026, 11, 22))
CODES = {"apple": APPLE, "milk": MILK, "phone": PHONE, "gift": GIFT}
TRACKING = {"milk": Tracking.LOTS, "phone": Tracking.SERIALS}


def places(*, here: Level | None = None, there: Level | None = None, lots: dict[Lot, int] | None = None) -> Ledger:
    """So much of everything here and there; `lots`: what of the milk here is of which lot."""
    ledger = Ledger(NOW, Topology(0, {HERE: Site(HERE, "here"), THERE: Site(THERE, "there", transit_days=2)}, {}))
    for sku, sku_id in CODES.items():
        kind = SkuKind.VIRTUAL if sku == "gift" else SkuKind.GOODS
        for location_id, location, level in ((HERE, "here", here), (THERE, "there", there)):
            place = Place(sku_id, location_id, sku, location, True, True, "", kind, TRACKING.get(sku, Tracking.NONE))
            ledger.put(place, level or Level())
    for lot in (OLD, NEW, ENDLESS, GONE):
        ledger.lots[lot.lot_id] = lot
        ledger.lot_codes[lot.lot_id] = lot.code
        ledger.named_lots[("milk", lot.code)] = lot.lot_id
    for lot, on_hand in (lots or {}).items():
        ledger.put_lot((MILK, HERE), lot, LotLevel(on_hand))
    return ledger


def planned(ledger: Ledger, *lines: TransferLine, **fields: Any) -> None:
    given: dict[str, Any] = {"state": TransferState.PLANNED, "reservation_id": None, **fields}
    ledger.transfers[TRANSFER] = Transfer(
        TRANSFER,
        WEB,
        HERE,
        THERE,
        reference="",
        reason="",
        created_at=NOW,
        shipped_at=None,
        ended_at=None,
        expected_on=None,
        lines=lines,
        **given,
    )


def promised(ledger: Ledger, *lines: Line, state: ReservationState = ReservationState.ALLOCATED) -> None:
    ledger.put_reservations([Reservation(HOLD, WEB, "", "", state, None, NOW, lines)])


def answer(ledger: Ledger, command: StockCommand) -> Any:
    found, _ = decide(ledger, command)
    assert not isinstance(found, Refusal), found
    return found


def refused(ledger: Ledger, command: StockCommand) -> Reason:
    before = dict(ledger.levels), dict(ledger.transfers), dict(ledger.reservations)
    found, step = decide(ledger, command)
    assert isinstance(found, Refusal), found
    assert (step, ledger.movements) == (None, [])
    assert before == (ledger.levels, ledger.transfers, ledger.reservations)
    assert not ledger.touched_transfers
    return found.reason


def by_lot(transfer: Transfer) -> list[tuple[int, int, int]]:
    return [(line.lot_id, line.requested, line.shipped) for line in transfer.lines]


STOCK = {OLD: 2, NEW: 3, ENDLESS: 5, GONE: 4}


@pytest.mark.parametrize(
    ("planned_lot", "rows", "shipped"),
    [
        (0, (), [(OLD.lot_id, 2, 2), (NEW.lot_id, 3, 3), (ENDLESS.lot_id, 2, 2)]),
        (0, (Moved("milk", 4),), [(OLD.lot_id, 5, 2), (NEW.lot_id, 2, 2)]),
        (0, (Moved("milk", 4, "endless"),), [(ENDLESS.lot_id, 7, 4)]),
        (0, (Moved("milk", 3), Moved("milk", 1, "old")), [(OLD.lot_id, 5, 2), (NEW.lot_id, 2, 2)]),
        (0, (Moved("milk", 2, "gone"),), [(GONE.lot_id, 7, 2)]),
        (ENDLESS.lot_id, (Moved("milk", 5),), [(ENDLESS.lot_id, 7, 5)]),
    ],
)
def test_lots_leave_first_expiring_first_and_split_the_line(
    planned_lot: int, rows: tuple[Moved, ...], shipped: list[tuple[int, int, int]]
) -> None:
    ledger = places(here=Level(14), lots=STOCK)
    planned(ledger, TransferLine(MILK, planned_lot, 7))
    left = answer(ledger, ShipTransfer(WEB, TRANSFER, rows))
    assert by_lot(left) == shipped
    taken = sum(quantity for _, _, quantity in shipped)
    assert (ledger.levels[MILK, HERE].on_hand, ledger.levels[MILK, THERE].in_transit) == (14 - taken, taken)
    for lot_id, _, quantity in shipped:
        assert ledger.lot_levels[MILK, HERE][lot_id].on_hand == STOCK[ledger.lots[lot_id]] - quantity
    answer(ledger, ReceiveTransfer(WEB, TRANSFER))
    assert {lot_id: level.on_hand for lot_id, level in ledger.lot_levels[MILK, THERE].items()} == {
        lot_id: quantity for lot_id, _, quantity in shipped
    }


@pytest.mark.parametrize(
    ("line", "rows", "reason"),
    [
        (TransferLine(MILK, 0, 11), (), Reason.INSUFFICIENT_STOCK),
        (TransferLine(MILK, OLD.lot_id, 3), (), Reason.INSUFFICIENT_STOCK),
        (TransferLine(MILK, OLD.lot_id, 2), (Moved("milk", 1, "new"),), Reason.EXCEEDS_TRANSFER),
        (TransferLine(MILK, 0, 2), (Moved("milk", 1, "unknown"),), Reason.LOT_NOT_FOUND),
        (TransferLine(APPLE, 0, 2), (Moved("apple", 1, "old"),), Reason.LOT_CONFLICT),
        (TransferLine(APPLE, 0, 2), (Moved("milk", 1),), Reason.EXCEEDS_TRANSFER),
        (TransferLine(APPLE, 0, 2), (Moved("apple", 3),), Reason.EXCEEDS_TRANSFER),
        (TransferLine(APPLE, 0, 2), (Moved("apple", 1, "", ("A1",)),), Reason.SERIALS_REQUIRED),
        (TransferLine(PHONE, 0, 2), (), Reason.SERIALS_REQUIRED),
        (TransferLine(APPLE, 0, 15), (), Reason.INSUFFICIENT_STOCK),
    ],
)
def test_what_cannot_leave(line: TransferLine, rows: tuple[Moved, ...], reason: Reason) -> None:
    ledger = places(here=Level(14), lots=STOCK)
    planned(ledger, line)
    assert refused(ledger, ShipTransfer(WEB, TRANSFER, rows)) == reason


@pytest.mark.parametrize(
    ("here", "free"),
    [
        (Level(10), 10),
        (Level(10, held=2, allocated=3), 5),
        (Level(10, damaged=4), 6),
        (Level(10, held=8, backordered=1), 1),
        (Level(10, held=8, backordered=5), 0),
        (Level(10, safety_stock=10), 10),
    ],
)
def test_only_what_is_free_leaves(here: Level, free: int) -> None:
    ledger = places(here=here)
    command = CreateTransfer(WEB, TRANSFER, "here", "there", (Moved("apple", free + 1),), ship=True)
    assert refused(ledger, command) == Reason.INSUFFICIENT_STOCK
    if free:
        answer(ledger, command._replace(rows=(Moved("apple", free),)))
        assert ledger.levels[APPLE, HERE] == here._replace(on_hand=here.on_hand - free)


@pytest.mark.parametrize(
    ("sku", "fields", "reason"),
    [
        ("gift", {}, Reason.SKU_NOT_STOCKED),
        ("phone", {}, Reason.SERIALS_REQUIRED),
        ("phone", {"serials": ("A1",)}, Reason.SERIALS_REQUIRED),
        ("milk", {"lot": "unknown"}, Reason.LOT_NOT_FOUND),
        ("apple", {"lot": "old"}, Reason.LOT_CONFLICT),
    ],
)
def test_what_cannot_be_planned(sku: str, fields: dict[str, Any], reason: Reason) -> None:
    command = CreateTransfer(WEB, TRANSFER, "here", "there", (Moved(sku, 1, **fields),))
    assert refused(places(), command) == reason


@pytest.mark.parametrize(
    ("command", "state", "shipped", "reason"),
    [
        (ShipTransfer(WEB, TRANSFER), TransferState.SHIPPED, 5, Reason.TRANSFER_STATE),
        (ShipTransfer(WEB, TRANSFER), TransferState.CANCELLED, 0, Reason.TRANSFER_STATE),
        (ReceiveTransfer(WEB, TRANSFER), TransferState.PLANNED, 0, Reason.TRANSFER_STATE),
        (ReceiveTransfer(WEB, TRANSFER), TransferState.RECEIVED, 5, Reason.TRANSFER_STATE),
        (CancelTransfer(WEB, TRANSFER), TransferState.RECEIVED, 5, Reason.TRANSFER_STATE),
        (CancelTransfer(WEB, TRANSFER), TransferState.CANCELLED, 5, Reason.TRANSFER_STATE),
        (ShipTransfer(WEB, UUID(int=8)), TransferState.PLANNED, 0, Reason.TRANSFER_NOT_FOUND),
        (ReceiveTransfer(WEB, TRANSFER, (Moved("apple", 6),)), TransferState.SHIPPED, 5, Reason.EXCEEDS_TRANSFER),
        (
            ReceiveTransfer(WEB, TRANSFER, (Moved("apple", 4),), close=True),
            TransferState.SHIPPED,
            5,
            Reason.FIELD_REQUIRED,
        ),
    ],
)
def test_the_steps_come_in_order(command: StockCommand, state: TransferState, shipped: int, reason: Reason) -> None:
    ledger = places(here=Level(10), there=Level(in_transit=5))
    planned(ledger, TransferLine(APPLE, 0, 5, shipped), state=state)
    assert refused(ledger, command) == reason


@pytest.mark.parametrize(
    ("state", "allocated", "reason"),
    [
        (ReservationState.HELD, 3, Reason.TRANSFER_STATE),
        (ReservationState.RELEASED, 0, Reason.TRANSFER_STATE),
        (ReservationState.ALLOCATED, 0, Reason.TRANSFER_STATE),
    ],
)
def test_goods_of_a_reservation_leave_only_when_they_are_allocated(
    state: ReservationState, allocated: int, reason: Reason
) -> None:
    ledger = places(here=Level(10, allocated=allocated))
    promised(ledger, Line(APPLE, HERE, 3, allocated=allocated), state=state)
    planned(ledger, TransferLine(APPLE, 0, 3), reservation_id=HOLD)
    assert refused(ledger, ShipTransfer(WEB, TRANSFER)) == reason


def test_the_promise_goes_with_the_goods_lot_by_lot_and_comes_back() -> None:
    ledger = places(here=Level(5, allocated=5))
    for lot in (OLD, NEW):
        ledger.put_lot((MILK, HERE), lot, LotLevel(5, allocated=3 if lot is OLD else 2))
    lines = (
        Line(MILK, HERE, 3, allocated=3, lot_id=OLD.lot_id, accepted=4),
        Line(MILK, HERE, 2, allocated=2, lot_id=NEW.lot_id, accepted=4),
    )
    promised(ledger, *lines)
    planned(ledger, TransferLine(MILK, OLD.lot_id, 3), TransferLine(MILK, NEW.lot_id, 2), reservation_id=HOLD)
    answer(ledger, ShipTransfer(WEB, TRANSFER))
    assert ledger.reservations[HOLD].lines[2:] == (Line(MILK, THERE, 5, backordered=5, accepted=4),)
    assert ledger.levels[MILK, THERE] == Level(in_transit=5, backordered=5)
    answer(ledger, CancelTransfer(WEB, TRANSFER))
    back = ledger.reservations[HOLD].lines
    assert back[:2] == lines
    assert back[2].requested == 0
    assert ledger.levels[MILK, HERE] == Level(5, allocated=5)


def test_a_promise_that_moves_takes_the_other_place_s_lots_first_expiring_first() -> None:
    ledger = places(here=Level(5, held=5), there=Level(9))
    for lot, on_hand in ((GONE, 2), (NEW, 4), (OLD, 3)):
        ledger.put_lot((MILK, THERE), lot, LotLevel(on_hand))
    ledger.put_lot((MILK, HERE), ENDLESS, LotLevel(5, held=5))
    promised(ledger, Line(MILK, HERE, 5, held=5, lot_id=ENDLESS.lot_id), state=ReservationState.HELD)
    reservation = answer(ledger, Reallocate(WEB, HOLD, (Move("milk", "here", "there"),)))
    assert [(line.location_id, line.lot_id, line.held) for line in reservation.lines if line.requested] == [
        (THERE, OLD.lot_id, 3),
        (THERE, NEW.lot_id, 2),
    ]
    assert ledger.lot_levels[MILK, HERE][ENDLESS.lot_id] == LotLevel(5)
    short = places(here=Level(8, held=8), there=Level(9))
    for lot, on_hand in ((GONE, 2), (NEW, 4), (OLD, 3)):
        short.put_lot((MILK, THERE), lot, LotLevel(on_hand))
    short.put_lot((MILK, HERE), ENDLESS, LotLevel(8, held=8))
    promised(short, Line(MILK, HERE, 8, held=8, lot_id=ENDLESS.lot_id), state=ReservationState.HELD)
    command = Reallocate(WEB, HOLD, (Move("milk", "here", "there"),))
    assert refused(short, command) == Reason.INSUFFICIENT_STOCK, "of 9 there 2 are too old"


def test_what_is_never_short_moves_with_the_promise_that_made_it() -> None:
    ledger = places(here=Level(2, held=2))
    promised(ledger, Line(GIFT, HERE, 2, held=2), state=ReservationState.HELD)
    answer(ledger, Reallocate(WEB, HOLD, (Move("gift", "here", "there"),)))
    assert (ledger.levels[GIFT, HERE], ledger.levels[GIFT, THERE]) == (Level(), Level(2, held=2))


def test_two_moves_of_one_request_see_each_other() -> None:
    ledger = places(here=Level(4, allocated=4), there=Level(3))
    promised(ledger, Line(APPLE, HERE, 4, allocated=4))
    twice = Reallocate(WEB, HOLD, (Move("apple", "here", "there", 2), Move("apple", "here", "there", 2)))
    assert refused(ledger, twice) == Reason.INSUFFICIENT_STOCK
    answer(ledger, twice._replace(moves=(twice.moves[0], Move("apple", "here", "there", 1))))
    assert ledger.levels[APPLE, THERE].allocated == 3


def test_when_it_arrives_by_the_calendar() -> None:
    ledger = places(here=Level(4))
    command = CreateTransfer(WEB, TRANSFER, "there", "here", (Moved("apple", 1),))
    assert answer(ledger, command).expected_on == NOW.date() + timedelta(days=2)
    known = command._replace(transfer_id=UUID(int=8), expected_on=date(2030, 1, 1))
    assert answer(ledger, known).expected_on == date(2030, 1, 1)


def test_a_transfer_that_was_saved_is_taken_back_with_its_command() -> None:
    ledger = places()
    planned(ledger, TransferLine(APPLE, 0, 5))
    before = ledger.transfers[TRANSFER]
    ledger.begin()
    save(ledger, before._replace(state=TransferState.CANCELLED))
    save(ledger, before._replace(transfer_id=UUID(int=8)))
    ledger.take_back()
    assert ledger.transfers == {TRANSFER: before}
    assert not ledger.touched_transfers
