import pytest

from inventory.domain.level import Level
from inventory.domain.refusal import Reason
from inventory.domain.reservation import (
    Ask,
    Commit,
    Expire,
    Extend,
    Fulfil,
    Line,
    Release,
    Reservation,
    ReservationState,
    Reserve,
    as_of,
    run_out,
)
from tests.unit.shelf import HOLD, MINUTE, NEW, NOW, SHOP, TILL, WEB, answer, put, refused, shelf, told

HELD, ALLOCATED, FULFILLED = ReservationState.HELD, ReservationState.ALLOCATED, ReservationState.FULFILLED
RELEASED, EXPIRED = ReservationState.RELEASED, ReservationState.EXPIRED


def apples(quantity: int) -> Ask:
    return Ask("apple", SHOP, quantity)


def a_reserve(*asks: Ask, **fields: object) -> Reserve:
    return Reserve(**{"channel_id": WEB, "reservation_id": NEW, "asks": asks, "ttl": MINUTE, **fields})  # type: ignore[arg-type]  # the fields are right


def done(found: object) -> Reservation:
    assert isinstance(found, Reservation)
    return found


@pytest.mark.parametrize(
    ("level", "asked", "granted"),
    [
        (Level(10), 10, 10),
        (Level(10), 11, None),
        (Level(0), 1, None),
        (Level(10, held=4, allocated=3), 3, 3),
        (Level(10, held=4, allocated=3), 4, None),
        (Level(10, quality_control=1, damaged=2, quarantined=3), 4, 4),
        (Level(10, quality_control=1, damaged=2, quarantined=3), 5, None),
        (Level(10, backorder_limit=5), 15, 15),
        (Level(10, backorder_limit=5), 16, None),
        (Level(10, held=12, backorder_limit=5), 3, 3),
        (Level(10, held=12), 1, None),
        (Level(10, safety_stock=9, reorder_point=9), 10, 10),
    ],
)
def test_what_can_be_reserved(level: Level, asked: int, granted: int | None) -> None:
    ledger = shelf(apple=level)
    if granted is None:
        found = refused(ledger, a_reserve(apples(asked)))
        assert found.reason == Reason.INSUFFICIENT_STOCK
        assert found.metadata["available"] == str(max(level.promisable, 0))
        assert not ledger.movements
    else:
        made = done(answer(ledger, a_reserve(apples(asked))))
        assert made.lines == (Line(1, 1, asked, granted),)
        assert (made.state, made.expires_at, made.created_at) == (HELD, NOW + MINUTE, NOW)
        assert ledger.levels[1, 1] == level._replace(held=level.held + granted)
        assert told(ledger) == [("HOLD", {"held": granted})]


@pytest.mark.parametrize(
    ("asks", "partial", "granted"),
    [
        ((5, 2), False, (5, 2)),
        ((5, 3), False, None),
        ((5, 3), True, (5, 2)),
        ((50, 30), True, (10, 2)),
        ((11, 3), False, None),
    ],
)
def test_all_or_nothing_and_as_much_as_possible(
    asks: tuple[int, int], partial: bool, granted: tuple[int, int] | None
) -> None:
    ledger = shelf(apple=Level(10), pear=Level(2))
    command = a_reserve(Ask("apple", SHOP, asks[0]), Ask("pear", SHOP, asks[1]), partial=partial)
    if granted is None:
        assert refused(ledger, command).shortages
        assert ledger.levels[1, 1].held == ledger.levels[2, 1].held == 0
    else:
        made = done(answer(ledger, command))
        assert tuple(line.held for line in made.lines) == granted
        assert tuple(line.requested for line in made.lines) == asks


def test_as_much_as_possible_of_nothing_is_refused() -> None:
    assert refused(shelf(apple=Level(0)), a_reserve(apples(1), partial=True)).reason == Reason.INSUFFICIENT_STOCK


def test_without_a_time_to_live_it_is_allocated() -> None:
    ledger = shelf(apple=Level(10))
    made = done(answer(ledger, a_reserve(apples(3), ttl=None)))
    assert (made.state, made.expires_at, made.lines) == (ALLOCATED, None, (Line(1, 1, 3, 0, 3),))
    assert told(ledger) == [("ALLOCATION", {"allocated": 3})]


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (Ask("nobody", SHOP, 1), Reason.SKU_NOT_FOUND),
        (Ask("apple", "nowhere", 1), Reason.LOCATION_NOT_FOUND),
        (Ask("gone", SHOP, 1), Reason.SKU_RETIRED),
    ],
)
def test_what_cannot_be_reserved_at_all(ask: Ask, reason: Reason) -> None:
    assert refused(shelf(apple=Level(5), gone=Level(5)), a_reserve(apples(1), ask)).reason == reason


HALF = Line(1, 1, 10, held=4, allocated=3, fulfilled=2, released=1)
"""A line that has seen everything."""


@pytest.mark.parametrize(
    ("command", "after", "state"),
    [
        (Commit(WEB, HOLD), Line(1, 1, 10, 0, 7, 2, 1), ALLOCATED),
        (Commit(WEB, HOLD, (apples(1),)), Line(1, 1, 10, 3, 4, 2, 1), HELD),
        (Commit(WEB, HOLD, (apples(4),)), Line(1, 1, 10, 0, 7, 2, 1), ALLOCATED),
        (Commit(WEB, HOLD, (apples(5),)), Reason.EXCEEDS_HELD, None),
        (Commit(WEB, HOLD, (Ask("pear", SHOP, 1),)), Reason.EXCEEDS_HELD, None),
        (Release(WEB, HOLD), Line(1, 1, 10, 0, 0, 2, 8), FULFILLED),
        (Release(WEB, HOLD, (apples(3),)), Line(1, 1, 10, 1, 3, 2, 4), HELD),
        (Release(WEB, HOLD, (apples(5),)), Line(1, 1, 10, 0, 2, 2, 6), ALLOCATED),
        (Release(WEB, HOLD, (apples(8),)), Reason.EXCEEDS_HELD, None),
        (Fulfil(WEB, HOLD), Line(1, 1, 10, 4, 0, 5, 1), HELD),
        (Fulfil(WEB, HOLD, (apples(1),)), Line(1, 1, 10, 4, 2, 3, 1), HELD),
        (Fulfil(WEB, HOLD, (apples(4),)), Reason.EXCEEDS_HELD, None),
        (Extend(WEB, HOLD, MINUTE * 5), HALF, HELD),
        (Commit(TILL, HOLD), Reason.RESERVATION_NOT_FOUND, None),
        (Release(TILL, HOLD), Reason.RESERVATION_NOT_FOUND, None),
        (Fulfil(TILL, HOLD), Reason.RESERVATION_NOT_FOUND, None),
        (Extend(TILL, HOLD, MINUTE), Reason.RESERVATION_NOT_FOUND, None),
        (Commit(WEB, NEW), Reason.RESERVATION_NOT_FOUND, None),
    ],
)
def test_what_becomes_of_a_line(
    command: Commit | Release | Fulfil | Extend, after: Line | Reason, state: ReservationState | None
) -> None:
    before = Level(on_hand=20, held=4, allocated=3)
    ledger = shelf(apple=before, pear=Level(5))
    put(ledger, HALF)
    if isinstance(after, Reason):
        assert refused(ledger, command).reason == after
        assert ledger.levels[1, 1] == before
        return
    made = done(answer(ledger, command))
    assert (made.lines, made.state) == ((after,), state)
    level = ledger.levels[1, 1]
    assert (level.held, level.allocated) == (after.held, after.allocated)
    assert level.on_hand == 20 - (after.fulfilled - HALF.fulfilled)
    assert ledger.reservations[HOLD] == made


@pytest.mark.parametrize("state", [RELEASED, FULFILLED, EXPIRED])
@pytest.mark.parametrize(
    "command", [Commit(WEB, HOLD), Release(WEB, HOLD), Fulfil(WEB, HOLD), Extend(WEB, HOLD, MINUTE)]
)
def test_what_has_ended_cannot_go_on(state: ReservationState, command: Commit | Release | Fulfil | Extend) -> None:
    ledger = shelf(apple=Level(20))
    put(ledger, Line(1, 1, 5, released=5), state=state)
    reason = Reason.RESERVATION_EXPIRED if state == EXPIRED else Reason.RESERVATION_STATE
    assert refused(ledger, command).reason == reason


@pytest.mark.parametrize("command", [Commit(WEB, HOLD), Extend(WEB, HOLD, MINUTE)])
def test_what_is_allocated_is_no_hold_any_more(command: Commit | Extend) -> None:
    ledger = shelf(apple=Level(20, allocated=5))
    put(ledger, Line(1, 1, 5, allocated=5), state=ALLOCATED, expires_at=None)
    assert refused(ledger, command).metadata["state"] == "ALLOCATED"


def test_what_is_only_held_cannot_be_fulfilled() -> None:
    ledger = shelf(apple=Level(20, held=5))
    put(ledger, Line(1, 1, 5, held=5))
    assert refused(ledger, Fulfil(WEB, HOLD)).reason == Reason.RESERVATION_STATE


@pytest.mark.parametrize(("on_hand", "damaged", "enough"), [(5, 0, True), (4, 0, False), (8, 3, True), (8, 4, False)])
def test_goods_that_are_not_there_or_not_for_sale_cannot_leave(on_hand: int, damaged: int, enough: bool) -> None:
    ledger = shelf(apple=Level(on_hand, allocated=5, damaged=damaged, backorder_limit=9))
    put(ledger, Line(1, 1, 5, allocated=5), state=ALLOCATED)
    if enough:
        assert done(answer(ledger, Fulfil(WEB, HOLD))).state == FULFILLED
    else:
        assert refused(ledger, Fulfil(WEB, HOLD)).reason == Reason.INSUFFICIENT_STOCK


@pytest.mark.parametrize(
    ("expires_in", "state", "ends"),
    [(-1, HELD, True), (0, HELD, True), (1, HELD, False), (-1, ALLOCATED, False), (-1, RELEASED, False)],
)
def test_a_hold_ends_at_its_time_and_never_early(expires_in: int, state: ReservationState, ends: bool) -> None:
    ledger = shelf(apple=Level(20, held=5))
    put(ledger, Line(1, 1, 5, held=5), state=state, expires_at=NOW + MINUTE * expires_in)
    before = ledger.reservations[HOLD]
    assert run_out(before, NOW) is ends
    found = answer(ledger, Expire(HOLD))
    if ends:
        assert done(found).state == EXPIRED
        assert told(ledger) == [("EXPIRY", {"held": -5})]
        assert as_of(before, NOW) == found, "a reader sees before the sweep what the sweep makes"
        assert answer(ledger, Expire(HOLD)) is None, "once"
    else:
        assert found is None
        assert as_of(before, NOW) == before
        assert not ledger.movements


def test_an_expiry_takes_only_what_is_held() -> None:
    ledger = shelf(apple=Level(20, held=4, allocated=3))
    put(ledger, HALF, expires_at=NOW)
    made = done(answer(ledger, Expire(HOLD)))
    assert (made.state, made.lines) == (ALLOCATED, (Line(1, 1, 10, 0, 3, 2, 5),))


def test_replacing_frees_the_owner_s_holds_before_anything_is_checked() -> None:
    ledger = shelf(apple=Level(5, held=5))
    put(ledger, Line(1, 1, 5, held=5), owner="cart")
    made = done(answer(ledger, a_reserve(apples(4), owner="cart", replace_owner_holds=True)))
    assert (made.lines[0].held, ledger.reservations[HOLD].state) == (4, RELEASED)
    assert told(ledger) == [("RELEASE", {"held": -5}), ("HOLD", {"held": 4})]
    assert {row.step for row in ledger.movements} == {1}


@pytest.mark.parametrize(
    "other", [{"owner": "other"}, {"channel_id": TILL}, {"owner": "cart", "replace_owner_holds": False}]
)
def test_nobody_else_s_holds_are_replaced(other: dict[str, object]) -> None:
    ledger = shelf(apple=Level(5, held=5))
    put(ledger, Line(1, 1, 5, held=5), owner="cart")
    command = a_reserve(apples(4), **{"owner": "cart", "replace_owner_holds": True, **other})
    assert refused(ledger, command).reason == Reason.INSUFFICIENT_STOCK
    assert ledger.reservations[HOLD].state == HELD
