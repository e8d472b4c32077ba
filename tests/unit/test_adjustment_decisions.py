import pytest

from inventory.domain.adjustment import Adjust, Adjusted, Count, Disposition, LevelAfter, Row, SetThresholds
from inventory.domain.decide import decide
from inventory.domain.level import Level
from inventory.domain.limits import ON_HAND_MAX
from inventory.domain.refusal import Reason, Refusal
from tests.unit.shelf import SHOP, WEB, answer, refused, shelf, told

DAMAGED, QUARANTINED = Disposition.DAMAGED, Disposition.QUARANTINED


def adjust(*rows: Row, skip_refused: bool = False) -> Adjust:
    return Adjust(WEB, rows, "test", "", skip_refused)


def apple(delta: int, disposition: Disposition | None = None, expected: int | None = None) -> Row:
    return Row("apple", SHOP, delta, disposition, expected)


@pytest.mark.parametrize(
    ("before", "row", "after"),
    [
        (Level(), apple(5), Level(5)),
        (Level(5), apple(-5), Level(0)),
        (Level(5), apple(-6), Reason.BELOW_PROMISED),
        (Level(10, held=3, allocated=2), apple(-5), Level(5, 3, 2)),
        (Level(10, held=3, allocated=2), apple(-6), Reason.BELOW_PROMISED),
        (Level(10, held=3, backordered=2, backorder_limit=2), apple(-7), Level(3, 3, backordered=2, backorder_limit=2)),
        (Level(10, held=3, backorder_limit=99), apple(-8), Reason.BELOW_PROMISED),
        (Level(10, damaged=4), apple(-7), Reason.BELOW_PROMISED),
        (Level(10), apple(4, DAMAGED), Level(14, damaged=4)),
        (Level(14, damaged=4), apple(-4, DAMAGED), Level(10)),
        (Level(14, damaged=4), apple(-5, DAMAGED), Reason.BELOW_PROMISED),
        (Level(14, damaged=4), apple(-1, QUARANTINED), Reason.BELOW_PROMISED),
        (Level(ON_HAND_MAX - 1), apple(1), Level(ON_HAND_MAX)),
        (Level(ON_HAND_MAX), apple(1), Reason.ON_HAND_LIMIT),
        (Level(5), apple(1, expected=5), Level(6)),
        (Level(5), apple(1, expected=4), Reason.EXPECTATION_FAILED),
        (Level(0), apple(1, expected=0), Level(1)),
        (Level(5), Row("nobody", SHOP, 1), Reason.SKU_NOT_FOUND),
        (Level(5), Row("apple", "nowhere", 1), Reason.LOCATION_NOT_FOUND),
    ],
)
def test_what_a_correction_makes_of_a_level(before: Level, row: Row, after: Level | Reason) -> None:
    ledger = shelf(apple=before)
    if isinstance(after, Reason):
        assert refused(ledger, adjust(row)).reason == after
        assert ledger.levels[1, 1] == before
    else:
        found = answer(ledger, adjust(row))
        assert isinstance(found, Adjusted)
        assert ledger.levels[1, 1] == after
        assert (found.on_hand, found.last) == ((after.on_hand,), LevelAfter(ledger.codes[1, 1], after))


def test_a_retired_sku_can_be_corrected() -> None:
    answer(shelf(gone=Level(5)), adjust(Row("gone", SHOP, -5)))


def test_rows_of_one_level_apply_in_order() -> None:
    ledger = shelf(apple=Level(5))
    found = answer(ledger, adjust(apple(-5), apple(3, expected=0), apple(-1, expected=3)))
    assert isinstance(found, Adjusted)
    assert found.on_hand == (0, 3, 2)
    assert told(ledger) == [("ADJUSTMENT", {"on_hand": delta}) for delta in (-5, 3, -1)]
    assert [(row.step, row.ordinal) for row in ledger.movements] == [(1, 0), (1, 1), (1, 2)]


def test_a_refused_row_refuses_all_and_is_named() -> None:
    ledger = shelf(apple=Level(5))
    assert refused(ledger, adjust(apple(1), apple(-7), apple(1))).field == "adjustments[1]"
    assert ledger.levels[1, 1] == Level(5)


def test_skipping_leaves_only_what_is_refused_undone() -> None:
    ledger = shelf(apple=Level(5))
    found = answer(ledger, adjust(apple(1), apple(-7), Row("nobody", SHOP, 1), apple(1), skip_refused=True))
    assert isinstance(found, Adjusted)
    assert found.on_hand == (6, 6, 0, 7)
    assert {row: refusal.reason for row, refusal in found.refused.items()} == {
        1: Reason.BELOW_PROMISED,
        2: Reason.SKU_NOT_FOUND,
    }


def test_when_all_rows_are_skipped_there_is_no_step() -> None:
    found, step = decide(shelf(apple=Level(5)), adjust(apple(-7), skip_refused=True))
    assert isinstance(found, Adjusted)
    assert step is None


@pytest.mark.parametrize(
    ("before", "on_hand", "expected", "after"),
    [
        (Level(10), 7, 10, Level(7)),
        (Level(10), 12, 10, Level(12)),
        (Level(10), 10, 10, Level(10)),
        (Level(10), 7, 9, Reason.EXPECTATION_FAILED),
        (Level(10, held=8), 8, 10, Level(8, 8)),
        (Level(10, held=8), 7, 10, Reason.BELOW_PROMISED),
        (Level(10, held=8, backorder_limit=8), 7, 10, Reason.BELOW_PROMISED),
    ],
)
def test_what_a_count_makes_of_a_level(before: Level, on_hand: int, expected: int, after: Level | Reason) -> None:
    ledger = shelf(apple=before)
    command = Count(WEB, "apple", SHOP, on_hand, expected, "counted")
    if isinstance(after, Reason):
        assert refused(ledger, command).reason == after
    else:
        answer(ledger, command)
        assert ledger.levels[1, 1] == after
        assert told(ledger)[0][0] == "COUNT"


@pytest.mark.parametrize(
    ("before", "limit", "good"),
    [
        (Level(5), None, True),
        (Level(5), 0, True),
        (Level(5, held=5, backordered=3, backorder_limit=9), 3, True),
        (Level(5, held=5, backordered=3, backorder_limit=9), 2, False),
        (Level(5, held=5, backordered=3, backorder_limit=9), None, True),
    ],
)
def test_thresholds_replace_each_other_and_keep_promises(before: Level, limit: int | None, good: bool) -> None:
    ledger = shelf(apple=before._replace(safety_stock=1))
    found, _ = decide(ledger, SetThresholds(WEB, "apple", SHOP, None, 0, limit))
    if good:
        assert ledger.levels[1, 1] == before._replace(safety_stock=None, reorder_point=0, backorder_limit=limit)
        assert told(ledger) == [("THRESHOLD", {})]
    else:
        assert isinstance(found, Refusal)
        assert found.reason == Reason.BELOW_PROMISED
        assert ledger.levels[1, 1] == before._replace(safety_stock=1)
        assert not ledger.touched_levels
