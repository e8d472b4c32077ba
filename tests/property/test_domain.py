"""Pure decisions on random ledgers: whatever is asked, promises are covered, and a refusal leaves no trace."""

from copy import copy
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.domain.adjustment import Adjust, Adjusted, Count, Disposition, Row, SetThresholds
from inventory.domain.decide import StockCommand, decide
from inventory.domain.ledger import Ledger
from inventory.domain.level import Level, Place
from inventory.domain.refusal import Reason, Refusal, sku_not_found
from inventory.domain.reservation import (
    Ask,
    Commit,
    Expire,
    Extend,
    Fulfil,
    Release,
    Reservation,
    ReservationState,
    Reserve,
)
from inventory.domain.topology import Site, Topology

START = datetime(2026, 1, 1, tzinfo=UTC)
CHANNELS = (1, 2)
PLACES = tuple(
    Place(number, location, sku, shop, sku != "C", True)
    for number, sku in enumerate(("A", "B", "C"), 1)
    for location, shop in enumerate(("shop", "hall"), 1)
)
PAIRS = [(place.sku, place.location) for place in PLACES]
GONE = ("gone", "shop")
BOTH = Topology(1, {1: Site(1, "shop"), 2: Site(2, "hall")}, {})
QUANTITIES = Level._fields[:9]
SCRATCH = (
    "_ordinal",
    "_levels_before",
    "_reservations_before",
    "_movements_before",
    "_undo",
    "_locations",
    "topology",
    "noted",
)
ENDED = (ReservationState.FULFILLED, ReservationState.RELEASED, ReservationState.EXPIRED)

channels = st.sampled_from((1, 1, 1, 2))
identities = st.integers(0, 15).map(lambda number: UUID(int=number))
good_pairs = st.sampled_from(PAIRS[:4])
pairs = st.one_of(good_pairs, good_pairs, good_pairs, good_pairs, st.sampled_from((*PAIRS, GONE)))
ttls = st.integers(1, 100).map(lambda seconds: timedelta(seconds=seconds))
thresholds = st.one_of(st.none(), st.integers(0, 6))


def asks(size_min: int) -> st.SearchStrategy[tuple[Ask, ...]]:
    rows = st.dictionaries(pairs, st.integers(1, 6), min_size=size_min, max_size=3)
    return rows.map(lambda found: tuple(Ask(*pair, quantity) for pair, quantity in found.items()))


@st.composite
def levels(draw: st.DrawFn) -> Level:
    unsellable = [draw(st.integers(0, 2)) for _ in range(3)]
    on_hand = draw(st.integers(5, 25)) + sum(unsellable)
    quality_control, damaged, quarantined = unsellable
    return Level(on_hand, 0, 0, quality_control, damaged, quarantined, backorder_limit=draw(thresholds))


reserves = st.builds(
    Reserve,
    channels,
    st.uuids(version=4),
    asks(1),
    st.one_of(st.none(), ttls, ttls),
    st.booleans(),
    st.sampled_from(("anna", "ben")),
    st.just("order"),
    st.booleans(),
)
commands: st.SearchStrategy[StockCommand] = st.one_of(
    reserves,
    reserves,
    reserves,
    st.builds(Commit, channels, identities, asks(0)),
    st.builds(Extend, channels, identities, ttls),
    st.builds(Release, channels, identities, asks(0)),
    st.builds(Fulfil, channels, identities, asks(0)),
    st.builds(Expire, identities),
    st.builds(
        Adjust,
        channels,
        st.lists(
            st.builds(
                lambda pair, delta, where, expected: Row(pair[0], pair[1], delta, where, expected),
                pairs,
                st.integers(-10, 10).filter(bool),
                st.one_of(st.none(), st.sampled_from(Disposition)),
                st.one_of(st.none(), st.none(), st.integers(0, 20)),
            ),
            min_size=1,
            max_size=4,
        ).map(tuple),
        st.just("why"),
        st.just(""),
        st.booleans(),
    ),
    st.builds(
        lambda channel, pair, counted, expected: Count(channel, pair[0], pair[1], counted, expected, "why"),
        channels,
        pairs,
        st.integers(0, 30),
        st.integers(0, 20),
    ),
    st.builds(
        lambda channel, pair, values: SetThresholds(channel, *pair, *values),
        channels,
        pairs,
        st.tuples(thresholds, thresholds, thresholds),
    ),
)
histories = st.lists(st.tuples(commands, st.integers(0, 40), st.booleans()), min_size=15, max_size=40)
openings = st.tuples(*[levels() for _ in PLACES])


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(opening=openings, history=histories)
def test_whatever_is_asked_promises_stay_covered_and_a_refusal_leaves_no_trace(
    opening: tuple[Level, ...], history: list[tuple[StockCommand, int, bool]]
) -> None:
    ledger = _ledger(opening)
    made = 0
    for asked, seconds, taken_back in history:
        ledger.now += timedelta(seconds=seconds)
        command = asked
        if isinstance(asked, Reserve):  # numbered, so that later commands find it
            made += 1
            command = asked._replace(reservation_id=UUID(int=made))
        elif isinstance(asked, (Commit, Extend, Release, Fulfil, Expire)) and ledger.reservations:
            number = asked.reservation_id.int
            named = list(ledger.reservations.values())[number % len(ledger.reservations)]
            command = asked._replace(reservation_id=named.reservation_id)
            if number and not isinstance(command, Expire):  # else it may be another channel's
                command = command._replace(channel_id=named.channel_id)
        before = _state(ledger)
        reservations = dict(ledger.reservations)
        answer, step = decide(ledger, command)
        if isinstance(answer, Refusal) or step is None:
            assert _state(ledger) == before
            continue
        assert step == ledger.step == before["step"] + 1
        assert {movement.step for movement in ledger.movements[len(before["movements"]) :]} == {step}
        _check(ledger, opening)
        _check_answer(command, answer, reservations, ledger.reservations)
        if taken_back:
            ledger.take_back()
            assert _state(ledger) == before
            _check(ledger, opening)


def _ledger(opening: tuple[Level, ...]) -> Ledger:
    ledger = Ledger(START, BOTH)
    for place, level in zip(PLACES, opening, strict=True):
        ledger.put(place, level)
    ledger.unknown[GONE] = partial(sku_not_found, GONE[0])
    return ledger


def _state(ledger: Ledger) -> dict[str, Any]:
    """All that is written in the end, and all that later decisions look at."""
    state = {name: copy(value) for name, value in vars(ledger).items() if name not in SCRATCH}
    state["held_by_owner"] = {owner: tuple(held) for owner, held in ledger.held_by_owner.items() if held}
    state["pieces"] = (copy(ledger.pieces.known), copy(ledger.pieces.events))
    state["due"] = {name: copy(value) for name, value in vars(ledger.due).items()}
    return state


def _check(ledger: Ledger, opening: tuple[Level, ...]) -> None:
    """I1 to I3 in the ledger's own terms."""
    for place, opened in zip(PLACES, opening, strict=True):
        key = (place.sku_id, place.location_id)
        level = ledger.levels[key]
        unsellable = level.quality_control + level.damaged + level.quarantined
        assert min(level[:9]) >= 0
        assert level.held + level.allocated + unsellable <= level.on_hand
        assert level.backorder_limit is None or level.backordered <= level.backorder_limit
        lines = [
            line
            for reservation in ledger.reservations.values()
            for line in reservation.lines
            if (line.sku_id, line.location_id) == key
        ]
        assert level.held == sum(line.held for line in lines)
        assert level.allocated == sum(line.allocated for line in lines)
        assert level.backordered == sum(line.backordered for line in lines)
        moved = [movement for movement in ledger.movements if (movement.sku_id, movement.location_id) == key]
        for name in QUANTITIES:
            change = sum(getattr(movement, f"{name}_delta") for movement in moved)
            assert getattr(level, name) == getattr(opened, name) + change
        if moved:
            assert tuple(moved[-1][14:23]) == level[:9]
            assert ledger.touched_levels[key] == moved[-1].step
    for reservation in ledger.reservations.values():
        live = any(line.live for line in reservation.lines)
        assert live == (reservation.state not in ENDED)
        for line in reservation.lines:
            assert min(line[2:8]) >= 0
            assert line.live + line.fulfilled + line.released <= line.requested


def _check_answer(
    command: StockCommand, answer: object, before: dict[UUID, Reservation], after: dict[UUID, Reservation]
) -> None:
    """I4: all, or as much as possible when that was asked; and nobody else's reservation but by replacing."""
    if isinstance(command, Reserve):
        assert isinstance(answer, Reservation)
        for number, ask in enumerate(command.asks):
            lines = [line for line in answer.lines if line.ask_no == number]
            assert sum(line.requested for line in lines) == ask.quantity
            assert command.partial or sum(line.live for line in lines) == ask.quantity
        assert any(line.live for line in answer.lines)
        for identity, earlier in before.items():
            may_replace = command.replace_owner_holds and earlier.state == ReservationState.HELD
            if not (may_replace and (earlier.channel_id, earlier.owner) == (command.channel_id, command.owner)):
                assert after[identity] == earlier
            else:
                assert not any(line.held or line.backordered for line in after[identity].lines)
    elif isinstance(command, (Commit, Extend, Release, Fulfil)):
        assert isinstance(answer, Reservation)
        earlier = before[command.reservation_id]
        assert earlier.channel_id == command.channel_id
        assert earlier.state not in ENDED
        for line, was in zip(answer.lines, earlier.lines, strict=True):
            assert sum(line[3:8]) == sum(was[3:8])  # nothing is lost or made
            assert line.fulfilled >= was.fulfilled
            assert line.released >= was.released
    elif isinstance(command, Adjust):
        assert isinstance(answer, Adjusted)
        assert len(answer.on_hand) == len(command.rows)
        assert command.skip_refused or not answer.refused


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(opening=openings, wanted=asks(2), hold=st.booleans())
def test_one_short_line_refuses_all_lines(opening: tuple[Level, ...], wanted: tuple[Ask, ...], hold: bool) -> None:
    ledger = _ledger(opening)
    ttl = timedelta(seconds=60) if hold else None
    answer, _ = decide(ledger, Reserve(1, UUID(int=1), wanted, ttl))
    short = []
    for ask in wanted:
        place = ledger.places.get((ask.sku, ask.location))
        if place is None or place.sku == "C" or promisable(ledger_at_start(opening, place)) < ask.quantity:
            short.append(ask)
    assert isinstance(answer, Refusal) == bool(short)
    if isinstance(answer, Refusal):
        assert answer.reason in {Reason.SKU_NOT_FOUND, Reason.SKU_RETIRED, Reason.INSUFFICIENT_STOCK}
        if answer.reason == Reason.INSUFFICIENT_STOCK:
            assert [(found.sku, found.location, found.requested) for found in answer.shortages] == [
                ask[:3] for ask in short
            ]


def ledger_at_start(opening: tuple[Level, ...], place: Place) -> Level:
    return opening[PLACES.index(place)]


def promisable(level: Level) -> int:
    """From the shelf, and beyond it."""
    return level.available + (level.backorder_limit or 0)
