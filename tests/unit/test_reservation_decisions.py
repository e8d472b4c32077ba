from collections.abc import Callable

import pytest

from inventory.domain.level import Level, Place
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
        (Level(10, safety_stock=9, reorder_point=9), 10, 10),
        (Level(10, backordered=3, backorder_limit=5), 7, 7),
    ],
)
def test_what_can_be_reserved(level: Level, asked: int, granted: int | None) -> None:
    ledger = shelf(apple=level)
    if granted is None:
        found = refused(ledger, a_reserve(apples(asked)))
        assert found.reason == Reason.INSUFFICIENT_STOCK
        assert found.metadata["available"] == str(level.available)
        assert not ledger.movements
    else:
        made = done(answer(ledger, a_reserve(apples(asked))))
        assert made.lines == (Line(1, 1, asked, granted, accepted=-1),)
        assert (made.state, made.expires_at, made.created_at) == (HELD, NOW + MINUTE, NOW)
        assert ledger.levels[1, 1] == level._replace(held=level.held + granted)
        assert told(ledger) == [("HOLD", {"held": granted})]


@pytest.mark.parametrize(
    ("level", "asked", "held", "backordered"),
    [
        (Level(10, backorder_limit=5), 15, 10, 5),
        (Level(10, backorder_limit=5), 11, 10, 1),
        (Level(0, backorder_limit=5), 5, 0, 5),
        (Level(10, held=10, backorder_limit=5), 3, 0, 3),
        (Level(10, held=10, backordered=2, backorder_limit=5), 3, 0, 3),
        (Level(10, held=4, backordered=5, backorder_limit=9), 5, 1, 4),
        (Level(10, backorder_limit=5), 16, None, None),
        (Level(10, held=10, backordered=2, backorder_limit=5), 4, None, None),
        (Level(10, backorder_limit=0), 11, None, None),
    ],
)
def test_what_is_beyond_the_shelf_is_back_ordered_as_far_as_the_limit(
    level: Level, asked: int, held: int | None, backordered: int | None
) -> None:
    ledger = shelf(apple=level)
    if held is None or backordered is None:
        found = refused(ledger, a_reserve(apples(asked)))
        assert found.reason == Reason.INSUFFICIENT_STOCK
        assert (ledger.levels[1, 1], ledger.movements) == (level, [])
    else:
        made = done(answer(ledger, a_reserve(apples(asked))))
        assert sum(line.requested for line in made.lines) == asked
        assert (sum(line.held for line in made.lines), made.lines[-1].backordered) == (held, backordered)
        assert made.state == HELD
        assert ledger.levels[1, 1] == level._replace(
            held=level.held + held, backordered=level.backordered + backordered
        )
        assert ledger.levels[1, 1].available >= 0


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
    assert (made.state, made.expires_at, made.lines) == (ALLOCATED, None, (Line(1, 1, 3, 0, 3, accepted=-1),))
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
        (Commit(WEB, HOLD), Line(1, 1, 10, 0, 7, 0, 2, 1), ALLOCATED),
        (Commit(WEB, HOLD, (apples(1),)), Line(1, 1, 10, 3, 4, 0, 2, 1), HELD),
        (Commit(WEB, HOLD, (apples(4),)), Line(1, 1, 10, 0, 7, 0, 2, 1), ALLOCATED),
        (Commit(WEB, HOLD, (apples(5),)), Reason.EXCEEDS_HELD, None),
        (Commit(WEB, HOLD, (Ask("pear", SHOP, 1),)), Reason.EXCEEDS_HELD, None),
        (Release(WEB, HOLD), Line(1, 1, 10, 0, 0, 0, 2, 8), FULFILLED),
        (Release(WEB, HOLD, (apples(3),)), Line(1, 1, 10, 1, 3, 0, 2, 4), HELD),
        (Release(WEB, HOLD, (apples(5),)), Line(1, 1, 10, 0, 2, 0, 2, 6), ALLOCATED),
        (Release(WEB, HOLD, (apples(8),)), Reason.EXCEEDS_HELD, None),
        (Fulfil(WEB, HOLD), Line(1, 1, 10, 4, 0, 0, 5, 1), HELD),
        (Fulfil(WEB, HOLD, (apples(1),)), Line(1, 1, 10, 4, 2, 0, 3, 1), HELD),
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


@pytest.mark.parametrize(
    ("line", "asked", "reason"),
    [
        (Line(1, 1, 5, backordered=5), 0, Reason.RESERVATION_STATE),
        (Line(1, 1, 5, backordered=5), 1, Reason.RESERVATION_STATE),
        (Line(1, 1, 5, allocated=2, backordered=3), 3, Reason.EXCEEDS_HELD),
        (Line(1, 1, 5, allocated=2, backordered=3), 2, None),
        (Line(1, 1, 5, allocated=2, backordered=3), 0, None),
    ],
)
def test_what_is_back_ordered_leaves_when_goods_have_come(line: Line, asked: int, reason: Reason | None) -> None:
    ledger = shelf(apple=Level(line.allocated, allocated=line.allocated, backordered=line.backordered))
    put(ledger, line, state=ALLOCATED, expires_at=None)
    command = Fulfil(WEB, HOLD, (apples(asked),) if asked else ())
    if reason is not None:
        assert refused(ledger, command).reason == reason
    else:
        made = done(answer(ledger, command))
        assert (made.state, made.lines) == (ALLOCATED, (Line(1, 1, 5, backordered=3, fulfilled=2),))
        assert ledger.levels[1, 1] == Level(0, backordered=3)


@pytest.mark.parametrize(
    ("command", "after", "state"),
    [
        (Commit(WEB, HOLD), Line(1, 1, 5, allocated=2, backordered=3), ALLOCATED),
        (Commit(WEB, HOLD, (apples(2),)), Line(1, 1, 5, allocated=2, backordered=3), HELD),
        (Commit(WEB, HOLD, (apples(3),)), Reason.EXCEEDS_HELD, None),
        (Extend(WEB, HOLD, MINUTE * 5), Line(1, 1, 5, held=2, backordered=3), HELD),
        (Release(WEB, HOLD), Line(1, 1, 5, released=5), RELEASED),
        (Release(WEB, HOLD, (apples(1),)), Line(1, 1, 5, held=2, backordered=2, released=1), HELD),
        (Release(WEB, HOLD, (apples(4),)), Line(1, 1, 5, held=1, released=4), HELD),
        (Release(WEB, HOLD, (apples(6),)), Reason.EXCEEDS_HELD, None),
    ],
)
def test_what_becomes_of_a_hold_that_waits_for_goods(
    command: Commit | Release | Extend, after: Line | Reason, state: ReservationState | None
) -> None:
    before = Level(on_hand=4, held=4, backordered=6, backorder_limit=9)
    ledger = shelf(apple=before)
    put(ledger, Line(1, 1, 5, held=2, backordered=3))
    if isinstance(after, Reason):
        assert refused(ledger, command).reason == after
        assert ledger.levels[1, 1] == before
        return
    made = done(answer(ledger, command))
    assert (made.lines, made.state) == ((after,), state)
    assert ledger.levels[1, 1] == Level(
        4, 2 + after.held, after.allocated, backordered=3 + after.backordered, backorder_limit=9
    )


@pytest.mark.parametrize("location", [SHOP, ""])
@pytest.mark.parametrize(
    "command",
    [lambda ask: Commit(WEB, HOLD, (ask,)), lambda ask: Release(WEB, HOLD, (ask,))],
    ids=["commit", "release"],
)
def test_a_line_that_names_no_place_means_any(location: str, command: Callable[[Ask], Commit | Release]) -> None:
    ledger = shelf(apple=Level(5, held=2))
    ledger.put(Place(1, 2, "apple", "hall", True, True), Level(5, held=3))
    put(ledger, Line(1, 1, 2, held=2), Line(1, 2, 3, held=3))
    if location:
        assert refused(ledger, command(Ask("apple", location, 3))).metadata["has"] == "2"
    else:
        made = done(answer(ledger, command(Ask("apple", "", 3))))
        assert [line.held for line in made.lines] == [0, 2]
        assert (ledger.levels[1, 1].held, ledger.levels[1, 2].held) == (0, 2)


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
    assert (made.state, made.lines) == (ALLOCATED, (Line(1, 1, 10, 0, 3, 0, 2, 5),))


def test_an_expiry_takes_what_waits_with_the_hold_and_leaves_what_an_order_waits_for() -> None:
    ledger = shelf(apple=Level(2, held=2, backordered=7))
    put(ledger, Line(1, 1, 5, held=2, backordered=3), expires_at=NOW)
    before = ledger.reservations[HOLD]
    made = done(answer(ledger, Expire(HOLD)))
    assert (made.state, made.lines) == (EXPIRED, (Line(1, 1, 5, released=5),))
    assert ledger.levels[1, 1] == Level(2, backordered=4)
    assert as_of(before, NOW) == made


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
