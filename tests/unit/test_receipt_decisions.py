"""What comes in, what is expected, and what lots that are over become: decided on values alone."""

from datetime import date, timedelta
from typing import Any

import pytest

from inventory.domain.adjustment import Adjust, Count, Disposition, Row
from inventory.domain.decide import arrivals, decide, lots, makes_levels, new_lots, pairs
from inventory.domain.due import Expected
from inventory.domain.incoming import Expectation, SetIncoming, owed, tell_due
from inventory.domain.ledger import Ledger
from inventory.domain.level import Level, Place
from inventory.domain.limits import ON_HAND_MAX
from inventory.domain.lot import Lot, LotLevel
from inventory.domain.movement import MovementKind
from inventory.domain.receipt import Arrival, ExpireLots, Receive, Reclassify
from inventory.domain.refusal import Reason, Refusal, Shortage
from inventory.domain.reservation import Ask, Fulfil, Line, ReservationState
from inventory.domain.topology import Site, Topology
from tests.unit.shelf import HOLD, NOW, SHOP, WEB, answer, put, refused

TODAY = NOW.date()
TOMORROW = TODAY + timedelta(days=1)
YESTERDAY = TODAY - timedelta(days=1)
KEY = (1, 1)
QUALITY_CONTROL, DAMAGED, QUARANTINED = Disposition


def shop(level: Level, *, tracking: int = 0, kind: int = 1, **of_lots: tuple[date | None, LotLevel | None]) -> Ledger:
    """A SKU "milk" at one shop; of each lot its last day and what stands of it, None for a lot that is only made."""
    ledger = Ledger(NOW, Topology(1, {1: Site(1, SHOP)}, {}))
    ledger.put(Place(1, 1, "milk", SHOP, True, True, "", kind, tracking), level)
    for lot_id, (code, (expires_on, stands)) in enumerate(of_lots.items(), start=1):
        ledger.put_named_lot("milk", Lot(lot_id, code, expires_on, known=stands is not None))
        if stands is not None:
            ledger.put_lot(KEY, Lot(lot_id, code, expires_on), stands)
    return ledger


def receipt(*rows: Arrival, **fields: Any) -> Receive:
    return Receive(WEB, SHOP, rows, **fields)


def milk(quantity: int, *named: Any, **fields: Any) -> Arrival:
    return Arrival("milk", quantity, *named, **fields)


@pytest.mark.parametrize(
    ("before", "rows", "after"),
    [
        (Level(), [milk(5)], Level(5)),
        (Level(2, held=1), [milk(5), milk(1)], Level(8, held=1)),
        (Level(2), [milk(5, DAMAGED)], Level(7, damaged=5)),
        (Level(2), [milk(5, QUARANTINED), milk(1, QUALITY_CONTROL)], Level(8, quarantined=5, quality_control=1)),
        (Level(ON_HAND_MAX - 5), [milk(5)], Level(ON_HAND_MAX)),
        (Level(ON_HAND_MAX - 5), [milk(5), milk(1)], Reason.ON_HAND_LIMIT),
        (Level(), [milk(1, None, "L1")], Reason.LOT_CONFLICT),
        (Level(), [milk(1, expires_on=TOMORROW)], Reason.LOT_CONFLICT),
        (Level(), [milk(1, serials=("S1",))], Reason.SERIALS_REQUIRED),
    ],
)
def test_what_a_receipt_makes_of_a_level(before: Level, rows: list[Arrival], after: Level | Reason) -> None:
    ledger = shop(before)
    if isinstance(after, Reason):
        assert refused(ledger, receipt(*rows)).reason == after
        assert (ledger.levels[KEY], ledger.movements) == (before, [])
    else:
        answer(ledger, receipt(*rows))
        assert ledger.levels[KEY] == after
        assert [row.kind for row in ledger.movements] == [MovementKind.RECEIPT] * len(rows)


@pytest.mark.parametrize(
    ("kind", "tracking", "reason"),
    [(2, 0, Reason.SKU_NOT_STOCKED), (3, 0, Reason.SKU_NOT_STOCKED), (1, 2, Reason.SERIALS_REQUIRED), (4, 0, None)],
)
def test_what_is_not_stocked_or_told_apart_piece_by_piece_is_not_received(
    kind: int, tracking: int, reason: Reason | None
) -> None:
    found, _ = decide(shop(Level(), kind=kind, tracking=tracking), receipt(milk(1)))
    assert (found.reason if isinstance(found, Refusal) else None) == reason


@pytest.mark.parametrize(
    ("row", "fields", "reason"),
    [
        (milk(1, None, "NEW", TOMORROW), {}, None),
        (milk(1, None, "NEW", TODAY), {}, None),
        (milk(1, None, "NEW"), {}, None),
        (milk(1, None, "NEW", YESTERDAY), {}, Reason.LOT_EXPIRED),
        (milk(1, None, "GOOD"), {}, None),
        (milk(1, None, "GOOD", TOMORROW), {}, None),
        (milk(1, None, "GOOD", TODAY), {}, Reason.LOT_CONFLICT),
        (milk(1, None, "LASTS"), {}, None),
        (milk(1, None, "LASTS", TOMORROW), {}, Reason.LOT_CONFLICT),
        (milk(1, None, "OVER"), {}, Reason.LOT_EXPIRED),
        (milk(1, DAMAGED, "OVER"), {}, Reason.LOT_EXPIRED),
        (milk(1, DAMAGED, "OVER"), {"kind": MovementKind.RETURN}, None),
        (milk(1, None, "OVER"), {"kind": MovementKind.RETURN}, Reason.LOT_EXPIRED),
        (milk(1), {}, Reason.LOT_REQUIRED),
    ],
)
def test_with_which_lot_goods_are_received(row: Arrival, fields: dict[str, Any], reason: Reason | None) -> None:
    ledger = shop(
        Level(3),
        tracking=1,
        GOOD=(TOMORROW, LotLevel(1)),
        LASTS=(None, LotLevel(1)),
        OVER=(YESTERDAY, LotLevel(1)),
        NEW=(None, None),
    )
    lots_before, levels_before = dict(ledger.lots), dict(ledger.lot_levels[KEY])
    found, _ = decide(ledger, receipt(row, **fields))
    if reason is not None:
        assert isinstance(found, Refusal)
        assert found.reason == reason
        assert (ledger.lots, ledger.lot_levels[KEY], ledger.settled_lots) == (lots_before, levels_before, {})
    else:
        lot_id = ledger.named_lots[("milk", row.lot)]
        assert ledger.lot_levels[KEY][lot_id].on_hand == 1 + (row.lot != "NEW")
        assert ledger.movements[0].lot_id == lot_id
        assert list(ledger.settled_lots) == ([lot_id] if row.lot == "NEW" else [])


def test_the_second_receipt_of_a_batch_knows_the_last_day_that_the_first_has_settled() -> None:
    ledger = shop(Level(), tracking=1, NEW=(None, None))
    assert refused(ledger, receipt(milk(1, None, "NEW", YESTERDAY))).reason == Reason.LOT_EXPIRED
    answer(ledger, receipt(milk(1, None, "NEW", TOMORROW)))
    assert refused(ledger, receipt(milk(1, None, "NEW", TODAY))).reason == Reason.LOT_CONFLICT
    assert ledger.lots[1].expires_on == TOMORROW


@pytest.mark.parametrize(
    ("before", "source", "target", "quantity", "after"),
    [
        (Level(5), None, DAMAGED, 5, Level(5, damaged=5)),
        (Level(5), None, DAMAGED, 6, Reason.BELOW_PROMISED),
        (Level(5, held=1, allocated=1), None, QUARANTINED, 3, Level(5, 1, 1, quarantined=3)),
        (Level(5, held=1, allocated=1), None, QUARANTINED, 4, Reason.BELOW_PROMISED),
        (Level(5, damaged=2), DAMAGED, None, 2, Level(5)),
        (Level(5, damaged=2), DAMAGED, None, 3, Reason.BELOW_PROMISED),
        (Level(5, damaged=2), DAMAGED, QUALITY_CONTROL, 2, Level(5, quality_control=2)),
        (Level(5, 3, damaged=2, quarantined=1), QUARANTINED, DAMAGED, 1, Level(5, 3, damaged=3)),
        (Level(5, damaged=2), QUARANTINED, DAMAGED, 1, Reason.BELOW_PROMISED),
    ],
)
def test_what_a_reclassification_makes_of_a_level(
    before: Level, source: Disposition | None, target: Disposition | None, quantity: int, after: Level | Reason
) -> None:
    ledger = shop(before)
    command = Reclassify(WEB, "milk", SHOP, quantity, source, target, "test")
    if isinstance(after, Reason):
        assert refused(ledger, command).reason == after
    else:
        answer(ledger, command)
        assert ledger.levels[KEY] == after
        assert [row.kind for row in ledger.movements] == [MovementKind.RECLASSIFICATION]


@pytest.mark.parametrize(
    ("lot", "delta", "disposition", "reason"),
    [
        ("GOOD", -2, None, None),
        ("GOOD", -3, None, Reason.BELOW_PROMISED),
        ("GOOD", -1, DAMAGED, None),
        ("GOOD", -2, DAMAGED, Reason.BELOW_PROMISED),
        ("LASTS", -1, DAMAGED, Reason.BELOW_PROMISED),
        ("LASTS", 9, None, None),
        ("MADE", 1, None, Reason.LOT_NOT_FOUND),
        ("WHAT", 1, None, Reason.LOT_NOT_FOUND),
        ("", 1, None, Reason.LOT_REQUIRED),
    ],
)
def test_a_correction_of_a_lot(lot: str, delta: int, disposition: Disposition | None, reason: Reason | None) -> None:
    ledger = shop(
        Level(14, held=1, damaged=1),
        tracking=1,
        GOOD=(TOMORROW, LotLevel(4, held=1, damaged=1)),
        LASTS=(None, LotLevel(10)),
        MADE=(None, None),
    )
    found, _ = decide(ledger, Adjust(WEB, (Row("milk", SHOP, delta, disposition, None, lot),), "test"))
    assert (found.reason if isinstance(found, Refusal) else None) == reason
    assert sum(level.on_hand for level in ledger.lot_levels[KEY].values()) == ledger.levels[KEY].on_hand


def test_a_count_of_what_lots_tell_apart_is_refused() -> None:
    ledger = shop(Level(1), tracking=1, GOOD=(TOMORROW, LotLevel(1)))
    assert refused(ledger, Count(WEB, "milk", SHOP, 2, 1, "test")).reason == Reason.LOT_REQUIRED


@pytest.mark.parametrize(
    ("asks", "reason"),
    [((), Reason.LOT_EXPIRED), (Ask("milk", "", 2), None), (Ask("milk", "", 3), Reason.LOT_EXPIRED)],
)
def test_a_lot_that_is_over_is_not_issued(asks: Any, reason: Reason | None) -> None:
    ledger = shop(
        Level(5, allocated=5),
        tracking=1,
        OVER=(YESTERDAY, LotLevel(3, allocated=3)),
        LAST=(TODAY, LotLevel(2, allocated=2)),
    )
    lines = (Line(1, 1, 3, allocated=3, lot_id=1), Line(1, 1, 2, allocated=2, lot_id=2))
    put(ledger, *lines, state=ReservationState.ALLOCATED)
    found, _ = decide(ledger, Fulfil(WEB, HOLD, (asks,) if asks else ()))
    assert (found.reason if isinstance(found, Refusal) else None) == reason
    if reason is None:
        assert ledger.lot_levels[KEY] == {1: LotLevel(3, allocated=3), 2: LotLevel()}


def test_of_a_lot_that_is_over_what_is_free_is_quarantined() -> None:
    ledger = shop(
        Level(20, held=1, damaged=2),
        tracking=1,
        OVER=(YESTERDAY, LotLevel(6, held=1, damaged=2)),
        LAST=(TODAY, LotLevel(4)),
        LASTS=(None, LotLevel(10)),
    )
    answer(ledger, ExpireLots(7, "milk", SHOP))
    assert ledger.levels[KEY] == Level(20, held=1, damaged=2, quarantined=3)
    assert ledger.lot_levels[KEY][1] == LotLevel(6, held=1, damaged=2, quarantined=3)
    assert [(row.kind, row.channel_id, row.lot_id) for row in ledger.movements] == [(MovementKind.LOT_EXPIRY, 7, 1)]
    assert decide(ledger, ExpireLots(7, "milk", SHOP)) == (None, None)


def test_what_is_expected_and_what_of_it_has_come() -> None:
    ledger = shop(Level())

    def expect(quantity: int, due_on: date | None) -> int | None:
        return decide(ledger, SetIncoming(WEB, "PO", (Expectation("milk", SHOP, quantity, due_on),)))[1]

    assert expect(5, TOMORROW) == 1
    assert expect(5, TOMORROW) is None
    assert expect(5, TODAY) == 2
    answer(ledger, receipt(milk(3), incoming_reference="PO"))
    assert (ledger.levels[KEY], ledger.due.expected[(KEY, "PO")]) == (Level(3, incoming=2), Expected(2, TODAY))
    answer(ledger, receipt(milk(3), incoming_reference="another"))
    assert ledger.levels[KEY].incoming == 2
    answer(ledger, receipt(milk(3), incoming_reference="PO"))
    assert (ledger.levels[KEY].incoming, ledger.due.expected[(KEY, "PO")]) == (0, None)
    assert expect(0, None) is None
    assert list(ledger.due.touched) == [(KEY, "PO")]


def test_a_refused_receipt_leaves_what_is_expected_as_it_was() -> None:
    ledger = shop(Level(ON_HAND_MAX - 3, incoming=5))
    ledger.due.expected[(KEY, "PO")] = Expected(5, TOMORROW)
    assert refused(ledger, receipt(milk(3), milk(1), incoming_reference="PO")).reason == Reason.ON_HAND_LIMIT
    assert (ledger.due.expected, ledger.due.touched) == ({(KEY, "PO"): Expected(5, TOMORROW)}, {})


def test_a_short_line_is_told_the_first_day_on_which_more_is_due() -> None:
    ledger = shop(Level(1, in_transit=2, incoming=5))
    ledger.due.expected |= {(KEY, "PO"): Expected(5, TOMORROW), (KEY, "gone"): None, ((1, 2), "PO"): Expected(1, TODAY)}
    ledger.due.on_the_way[KEY] = [TOMORROW + timedelta(days=2)]
    refusal = Refusal(Reason.INSUFFICIENT_STOCK, "", shortages=(Shortage("milk", SHOP, 2, 1),))
    assert owed(ledger, None, refusal.shortages[0]) == [KEY]
    tell_due(ledger, None, refusal)
    assert refusal.shortages[0].due_on == TOMORROW
    assert refusal.metadata["due_on"] == str(TOMORROW)
    assert owed(shop(Level(1)), None, refusal.shortages[0]) == []


def test_what_commands_need_before_they_are_decided() -> None:
    command = receipt(milk(1, None, "A"), milk(1, DAMAGED, "B"), Arrival("tea", 1, QUARANTINED))
    assert pairs(command) == [("milk", SHOP), ("milk", SHOP), ("tea", SHOP)]
    assert arrivals(command) == [("milk", SHOP)]
    assert lots(command) == new_lots(command) == [("milk", "A"), ("milk", "B")]
    adjustment = Adjust(WEB, (Row("milk", SHOP, 1, None, None, "A"),), "test")
    assert (lots(adjustment), new_lots(adjustment)) == ([("milk", "A")], [])
    for target, arriving in ((DAMAGED, []), (None, [("milk", SHOP)])):
        moved = Reclassify(WEB, "milk", SHOP, 1, QUALITY_CONTROL, target, "test", lot="A")
        assert (arrivals(moved), lots(moved), makes_levels(moved)) == (arriving, [("milk", "A")], True)
