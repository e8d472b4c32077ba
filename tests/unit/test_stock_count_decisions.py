"""What is recorded in a stock count, and what posting it does: tables that read as the specification."""

from typing import Any
from uuid import UUID

import pytest

from inventory.domain.goods import SkuKind, Tracking
from inventory.domain.ledger import Ledger
from inventory.domain.level import EMPTY, Level
from inventory.domain.limits import ON_HAND_MAX
from inventory.domain.lot import Lot, LotLevel
from inventory.domain.refusal import Reason
from inventory.domain.reservation import Line, ReservationState
from inventory.domain.stock_count import (
    CancelCount,
    Counted,
    Counting,
    CountLine,
    CountState,
    OpenCount,
    PostCount,
    RecordCount,
    Recorded,
    StockCount,
)
from inventory.domain.topology import Site, Topology
from tests.unit.shelf import NOW, SHOP, TILL, WEB, answer, put, refused, shelf, told

COUNT = UUID(int=7)
HEAD = 50
APPLE, PEAR = 1, 2
LOT_A, LOT_B = 11, 12


def counting(ledger: Ledger, *lines: CountLine, **fields: Any) -> Ledger:
    """The ledger with an open count of the shop, at version 3; on_hand is known of now and of revision 40."""
    ledger.topology = Topology(0, {1: Site(1, SHOP)}, {})
    ledger.counting = Counting(HEAD)
    count = StockCount(COUNT, WEB, "web", 1, SHOP, "", CountState.OPEN, 3, len(lines), "", "", NOW, None)
    ledger.counting.counts[COUNT] = count._replace(**fields)
    ledger.counting.lines[COUNT] = {line.key: line for line in lines}
    for lot in (Lot(LOT_A, "a", None), Lot(LOT_B, "b", None), Lot(13, "new", None, known=False)):
        ledger.put_named_lot("apple", lot)
    for key in ledger.codes:
        for lot_id in (0, LOT_A, LOT_B):
            part = ledger.lot_levels.get(key, {}).get(lot_id, LotLevel())
            on_hand = part.on_hand if lot_id else ledger.levels.get(key, EMPTY).on_hand
            ledger.counting.on_hand |= {(*key, lot_id, 0): on_hand, (*key, lot_id, 40): 100}
    return ledger


def of(ledger: Ledger, **fields: Any) -> Ledger:
    """With the apple being something else."""
    place = ledger.codes[APPLE, 1]._replace(**fields)
    ledger.codes[APPLE, 1] = ledger.places[("apple", SHOP)] = place
    return ledger


def by_lots(a: LotLevel, b: LotLevel) -> Ledger:
    """The apple in two lots."""
    ledger = of(shelf(apple=Level(*(one + two for one, two in zip(a, b, strict=True)))), tracking=Tracking.LOTS)
    ledger.put_lot((APPLE, 1), Lot(LOT_A, "a", None), a)
    ledger.put_lot((APPLE, 1), Lot(LOT_B, "b", None), b)
    return ledger


def line(counted: int, on_hand: int, sku: str = "apple", lot: str = "") -> CountLine:
    return CountLine(
        sku, lot, {"apple": APPLE, "pear": PEAR}[sku], {"": 0, "a": LOT_A, "b": LOT_B}[lot], counted, on_hand, HEAD
    )


def record(*rows: Counted) -> RecordCount:
    return RecordCount(TILL, COUNT, rows)


def count_of(ledger: Ledger) -> StockCount:
    assert ledger.counting is not None
    return ledger.counting.counts[COUNT]


def test_a_count_is_opened_of_a_place_that_there_is() -> None:
    ledger = counting(shelf())
    new = UUID(int=8)
    found = answer(ledger, OpenCount(WEB, "web", new, SHOP, "FOOD", "why", "INV 1"))
    assert found == StockCount(new, WEB, "web", 1, SHOP, "FOOD", CountState.OPEN, 0, 0, "INV 1", "why", NOW, None)
    assert refused(ledger, OpenCount(WEB, "web", new, "nowhere", "")).reason == Reason.LOCATION_NOT_FOUND


@pytest.mark.parametrize(
    ("category", "of_sku", "counts"),
    [
        ("", "", True),
        ("", "FOOD", True),
        ("FOOD", "FOOD", True),
        ("FOOD", "FOOD/MILK", True),
        ("FOOD/MILK", "FOOD/MILK/UHT", True),
        ("FOOD", "", False),
        ("FOOD", "FOODS", False),
        ("FOOD/MILK", "FOOD", False),
        ("FOOD", "food", False),
    ],
)
def test_which_skus_are_of_a_category(category: str, of_sku: str, counts: bool) -> None:
    ledger = counting(of(shelf(apple=Level(5)), category=of_sku), category=category)
    if counts:
        answer(ledger, record(Counted("apple", 5)))
    else:
        assert refused(ledger, record(Counted("apple", 5))).reason == Reason.FIELD_CONFLICT


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (Counted("apple", 7), (7, 10, HEAD)),
        (Counted("apple", 10), (10, 10, HEAD)),
        (Counted("apple", 7, at_revision=40), (7, 100, 40)),
        (Counted("apple", 7, at_revision=HEAD + 1), Reason.REVISION_IN_FUTURE),
        (Counted("apple", 7, expected_counted=9), (7, 10, HEAD)),
        (Counted("apple", 7, expected_counted=8), Reason.EXPECTATION_FAILED),
        (Counted("pear", 7, expected_counted=0), Reason.EXPECTATION_FAILED),
        (Counted("pear", 0), (0, 0, HEAD)),
        (Counted("gone", 1), (1, 3, HEAD)),
        (Counted("nobody", 7), Reason.SKU_NOT_FOUND),
        (Counted("apple", 7, lot="a"), Reason.LOT_CONFLICT),
    ],
)
def test_what_a_recorded_line_remembers(row: Counted, found: tuple[int, int, int] | Reason) -> None:
    ledger = counting(shelf(apple=Level(10), pear=Level(), gone=Level(3)), line(9, 8))
    if isinstance(found, Reason):
        assert refused(ledger, record(row)).reason == found
        assert count_of(ledger).version == 3
    else:
        recorded = answer(ledger, record(row))
        assert isinstance(recorded, Recorded)
        assert [(one.counted, one.on_hand, one.at_revision) for one in recorded.lines] == [found]
        assert recorded.stock_count.version == 4
        assert recorded.stock_count.lines == (1 if row.sku == "apple" else 2)
        assert ledger.movements == []


@pytest.mark.parametrize(
    ("fields", "row", "reason"),
    [
        ({"kind": SkuKind.BUNDLE}, Counted("apple", 1), Reason.SKU_NOT_STOCKED),
        ({"kind": SkuKind.VIRTUAL}, Counted("apple", 1), Reason.SKU_NOT_STOCKED),
        ({"kind": SkuKind.VIRTUAL_LIMITED}, Counted("apple", 1), None),
        ({"tracking": Tracking.SERIALS}, Counted("apple", 1), Reason.SERIALS_REQUIRED),
        ({"tracking": Tracking.LOTS}, Counted("apple", 1), Reason.LOT_REQUIRED),
        ({"tracking": Tracking.LOTS}, Counted("apple", 1, "z"), Reason.LOT_NOT_FOUND),
        ({"tracking": Tracking.LOTS}, Counted("apple", 1, "new"), Reason.LOT_NOT_FOUND),
        ({"tracking": Tracking.LOTS}, Counted("apple", 1, "a"), None),
        ({"tracking": Tracking.LOTS}, Counted("apple", 1, "a", 40), None),
    ],
)
def test_what_can_be_counted(fields: dict[str, int], row: Counted, reason: Reason | None) -> None:
    ledger = counting(of(shelf(apple=Level(10)), **fields))
    if reason is None:
        answer(ledger, record(row))
    else:
        found = refused(ledger, record(row))
        assert (found.reason, found.metadata["sku"]) == (reason, "apple")


def test_of_many_lines_the_refused_one_is_named() -> None:
    found = refused(counting(shelf(apple=Level(10))), record(Counted("apple", 1), Counted("nobody", 2)))
    assert found.metadata == {"sku": "nobody", "row": "1"}


@pytest.mark.parametrize(
    ("now", "counted", "then", "after"),
    [
        (Level(10), 7, 10, Level(7)),
        (Level(10), 12, 10, Level(12)),
        (Level(4), 7, 10, Level(1)),
        (Level(20), 7, 10, Level(17)),
        (Level(2), 7, 10, Reason.BELOW_PROMISED),
        (Level(10, held=3, allocated=4), 7, 10, Level(7, 3, 4)),
        (Level(10, held=3, allocated=4), 6, 10, Reason.BELOW_PROMISED),
        (Level(10, damaged=4), 4, 10, Level(4, damaged=4)),
        (Level(10, damaged=4), 3, 10, Reason.BELOW_PROMISED),
        (Level(ON_HAND_MAX), 11, 10, Reason.ON_HAND_LIMIT),
        (Level(ON_HAND_MAX), 9, 10, Level(ON_HAND_MAX - 1)),
    ],
)
def test_posting_adds_the_difference_to_what_is_there_now(
    now: Level, counted: int, then: int, after: Level | Reason
) -> None:
    ledger = counting(shelf(apple=now), line(counted, then))
    if isinstance(after, Reason):
        assert refused(ledger, PostCount(TILL, COUNT, 3)).reason == after
        assert (ledger.levels[APPLE, 1], count_of(ledger).state) == (now, CountState.OPEN)
    else:
        found = answer(ledger, PostCount(TILL, COUNT, 3))
        assert isinstance(found, StockCount)
        assert (found.state, found.ended_at) == (CountState.POSTED, NOW)
        assert ledger.levels[APPLE, 1] == after
        assert told(ledger) == [("COUNT", {"on_hand": counted - then})]
        assert (ledger.movements[0].channel_id, ledger.movements[0].reference) == (TILL, str(COUNT))


def test_what_does_not_differ_does_not_move() -> None:
    ledger = counting(shelf(apple=Level(10), pear=Level(5)), line(10, 10), line(4, 5, "pear"))
    answer(ledger, PostCount(TILL, COUNT, 3))
    assert told(ledger) == [("COUNT", {"on_hand": -1})]


def test_one_line_below_what_is_promised_refuses_all() -> None:
    ledger = counting(shelf(apple=Level(10), pear=Level(5, held=5)), line(12, 10), line(4, 5, "pear"))
    found = refused(ledger, PostCount(TILL, COUNT, 3))
    assert found.metadata == {"sku": "pear", "location": SHOP, "lowest": "5"}
    assert ledger.levels[APPLE, 1] == Level(10)
    assert ledger.movements == []


def test_goods_that_were_found_go_to_who_waits_but_not_what_another_line_takes_away() -> None:
    ledger = counting(shelf(apple=Level(2, allocated=2, backordered=3)), line(4, 2))
    put(
        ledger,
        Line(APPLE, 1, 5, allocated=2, backordered=3),
        state=ReservationState.ALLOCATED,
        expires_at=None,
    )
    answer(ledger, PostCount(TILL, COUNT, 3))
    assert ledger.levels[APPLE, 1] == Level(4, allocated=4, backordered=1)

    ledger = counting(by_lots(LotLevel(5), LotLevel(5)), line(6, 5, lot="a"), line(4, 5, lot="b"))
    ledger.levels[APPLE, 1] = Level(10, backordered=1)
    put(ledger, Line(APPLE, 1, 1, backordered=1), state=ReservationState.ALLOCATED, expires_at=None)
    answer(ledger, PostCount(TILL, COUNT, 3))
    assert [name for name, _ in told(ledger)] == ["COUNT", "COUNT", "BACKORDER_FILL"]


@pytest.mark.parametrize(
    ("a", "b", "lines", "after"),
    [
        (LotLevel(5), LotLevel(5), [line(4, 5, lot="a")], (4, 5)),
        (LotLevel(5, held=5), LotLevel(5), [line(4, 5, lot="a")], Reason.BELOW_PROMISED),
        (LotLevel(5, held=4), LotLevel(5, held=4), [line(6, 5, lot="b"), line(4, 5, lot="a")], (4, 6)),
        (LotLevel(5, held=5), LotLevel(5, held=4), [line(4, 5, lot="b"), line(6, 5, lot="a")], (6, 4)),
        (LotLevel(5, held=5), LotLevel(5, held=5), [line(4, 5, lot="b"), line(9, 5, lot="a")], Reason.BELOW_PROMISED),
    ],
)
def test_lots_are_posted_one_by_one(
    a: LotLevel, b: LotLevel, lines: list[CountLine], after: tuple[int, int] | Reason
) -> None:
    ledger = counting(by_lots(a, b), *lines)
    if isinstance(after, Reason):
        found = refused(ledger, PostCount(TILL, COUNT, 3))
        assert (found.reason, found.metadata["lowest"]) == (after, "5")
    else:
        answer(ledger, PostCount(TILL, COUNT, 3))
    lots = ledger.lot_levels[APPLE, 1]
    assert (lots[LOT_A].on_hand, lots[LOT_B].on_hand) == ((5, 5) if isinstance(after, Reason) else after)


@pytest.mark.parametrize("state", CountState)
@pytest.mark.parametrize("command", [record(Counted("apple", 1)), PostCount(TILL, COUNT, 3), CancelCount(TILL, COUNT)])
def test_only_an_open_count_is_worked_on(state: CountState, command: RecordCount | PostCount | CancelCount) -> None:
    ledger = counting(shelf(apple=Level(10)), state=state)
    if state is CountState.OPEN:
        answer(ledger, command)
    else:
        found = refused(ledger, command)
        assert (found.reason, found.metadata) == (Reason.COUNT_STATE, {"count_id": str(COUNT), "state": state.name})
    unknown = command._replace(count_id=UUID(int=9))
    assert refused(ledger, unknown).reason == Reason.COUNT_NOT_FOUND


@pytest.mark.parametrize("version", [-1, 0, 2, 4])
def test_only_the_version_that_was_looked_at_is_posted(version: int) -> None:
    found = refused(counting(shelf(apple=Level(10)), line(9, 10)), PostCount(TILL, COUNT, version))
    assert (found.reason, found.metadata["current"]) == (Reason.EXPECTATION_FAILED, "3")


def test_what_one_command_of_a_batch_records_the_next_one_posts() -> None:
    ledger = counting(shelf(apple=Level(10)))
    answer(ledger, record(Counted("apple", 8)))
    answer(ledger, record(Counted("apple", 9)))
    answer(ledger, PostCount(TILL, COUNT, 5))
    assert ledger.levels[APPLE, 1] == Level(9)
    assert refused(ledger, CancelCount(TILL, COUNT)).reason == Reason.COUNT_STATE
    assert (len(ledger.movements), ledger.step) == (1, 1), "only posting takes a revision"
