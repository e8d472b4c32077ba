"""Single pieces on random commands: each at most once, and whoever named none still finds one to take away."""

from copy import copy
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.domain.adjustment import Adjust, Disposition, Row
from inventory.domain.decide import StockCommand, decide
from inventory.domain.goods import Tracking
from inventory.domain.ledger import Ledger
from inventory.domain.level import Level, Place
from inventory.domain.movement import MovementKind
from inventory.domain.receipt import Arrival, Receive, Reclassify
from inventory.domain.refusal import Refusal
from inventory.domain.reservation import (
    Ask,
    Commit,
    Expire,
    Fulfil,
    Release,
    Reservation,
    ReservationState,
    Reserve,
)
from inventory.domain.serial import ON_THE_SHELF, Piece, SerialState
from inventory.domain.topology import Site, Topology

START = datetime(2026, 1, 1, tzinfo=UTC)
WEB = 1
PHONE = "phone"
SHOPS = ("shop", "hall")
NUMBERS = tuple(f"S{number}" for number in range(7))

shops = st.sampled_from(SHOPS)
identities = st.integers(1, 6).map(lambda number: UUID(int=number))
dispositions = st.sampled_from((None, None, None, *Disposition))
named = st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=3, unique=True).map(tuple)


@st.composite
def asks(draw: st.DrawFn, places: tuple[str, ...] = SHOPS) -> tuple[Ask, ...]:
    """One or two lines, of different places, in which no piece is named twice."""
    numbers = list(draw(st.permutations(NUMBERS)))
    found = []
    for shop in draw(st.lists(st.sampled_from(places), min_size=1, max_size=2, unique=True)):
        quantity = draw(st.integers(1, 3))
        serials = tuple(numbers.pop() for _ in range(quantity)) if draw(st.booleans()) else ()
        found.append(Ask(PHONE, shop, quantity, serials))
    return tuple(found)


@st.composite
def commands(draw: st.DrawFn) -> StockCommand:
    kind = draw(
        st.sampled_from((Receive, Receive, Adjust, Reclassify, Reserve, Reserve, Commit, Release, Fulfil, Expire))
    )
    shop, serials, identity = draw(shops), draw(named), draw(identities)
    if kind is Receive:
        row = Arrival(PHONE, len(serials), draw(dispositions), serials=serials)
        return Receive(WEB, shop, (row,), draw(st.sampled_from((MovementKind.RECEIPT, MovementKind.RETURN))))
    if kind is Adjust:
        sign = draw(st.sampled_from((1, -1)))
        correction = Row(PHONE, shop, sign * len(serials), draw(dispositions), serials=serials)
        return Adjust(WEB, (correction,), "test", skip_refused=draw(st.booleans()))
    if kind is Reclassify:
        source, target = draw(st.lists(st.sampled_from((None, *Disposition)), min_size=2, max_size=2, unique=True))
        return Reclassify(WEB, PHONE, shop, len(serials), source, target, "test", serials=serials)
    if kind is Reserve:
        ttl = draw(st.sampled_from((None, timedelta(minutes=1))))
        owner = draw(st.sampled_from(("", "cart")))
        partial = draw(st.booleans())
        return Reserve(WEB, identity, draw(asks()), ttl, partial, owner, replace_owner_holds=bool(owner))
    if kind is Commit:
        return Commit(WEB, identity)
    if kind is Expire:
        return Expire(identity)
    lines = draw(st.one_of(st.just(()), asks(("", *SHOPS))))
    return Release(WEB, identity, lines) if kind is Release else Fulfil(WEB, identity, lines)


def empty() -> Ledger:
    ledger = Ledger(START, Topology(1, {number: Site(number, shop) for number, shop in enumerate(SHOPS, 1)}, {}))
    for number, shop in enumerate(SHOPS, 1):
        ledger.put(Place(1, number, PHONE, shop, True, True, tracking=Tracking.SERIALS), Level())
    return ledger


def standing(ledger: Ledger, location_id: int, *states: SerialState) -> list[Piece]:
    return [
        piece for piece in ledger.pieces.known.values() if piece.location_id == location_id and piece.state in states
    ]


def check(ledger: Ledger) -> None:
    for (_, location_id), level in ledger.levels.items():
        there = standing(ledger, location_id, *ON_THE_SHELF)
        assert len(there) == level.on_hand
        for disposition in Disposition:
            of_it = [piece for piece in there if piece.disposition is disposition]
            assert len(of_it) == getattr(level, disposition.value)
        promised = standing(ledger, location_id, SerialState.PROMISED)
        free = [piece for piece in there if piece.state == SerialState.IN_STOCK and piece.disposition is None]
        unnamed = level.held + level.allocated - len(promised)
        assert unnamed >= 0
        assert len(free) == level.available + unnamed, "whoever named none has one that is free"
    for piece in ledger.pieces.known.values():
        if piece.state == SerialState.PROMISED:
            assert piece.reservation_id is not None
            line = ledger.reservations[piece.reservation_id].lines[piece.line_no]
            assert (line.sku_id, line.location_id) == (piece.sku_id, piece.location_id)
    for reservation in ledger.reservations.values():
        pieces = ledger.pieces.of(reservation.reservation_id)
        for number, line in enumerate(reservation.lines):
            of_line = [piece.state for piece in pieces if piece.line_no == number]
            assert of_line.count(SerialState.PROMISED) <= line.held + line.allocated
            assert of_line.count(SerialState.ISSUED) <= line.fulfilled


def issue_everything(ledger: Ledger) -> None:
    """Every promise that is left is kept, in any order, with any pieces that are free."""
    for reservation in list(ledger.reservations.values()):
        identity = reservation.reservation_id
        if reservation.state == ReservationState.HELD:
            reservation = done(ledger, Commit(WEB, identity))  # noqa: PLW2901 - as it is now
        for number, line in enumerate(reservation.lines):
            own = [piece for piece in ledger.pieces.of(identity) if piece.line_no == number]
            serials = [piece.serial for piece in own if piece.state == SerialState.PROMISED]
            for piece in standing(ledger, line.location_id, SerialState.IN_STOCK):
                if piece.disposition is None and len(serials) < line.allocated:
                    serials.append(piece.serial)
            if line.allocated:
                shop = SHOPS[line.location_id - 1]
                done(ledger, Fulfil(WEB, identity, (Ask(PHONE, shop, line.allocated, tuple(serials)),)))
                check(ledger)
    assert not any(level.held + level.allocated for level in ledger.levels.values())


def done(ledger: Ledger, command: StockCommand) -> Reservation:
    found, _ = decide(ledger, command)
    assert isinstance(found, Reservation), found
    return found


@settings(max_examples=300, deadline=None)
@given(st.lists(commands(), min_size=1, max_size=40))
def test_pieces_and_counts_agree_whatever_happens_and_every_promise_can_be_kept(
    given_commands: list[StockCommand],
) -> None:
    ledger = empty()
    for shop, serials in zip(SHOPS, (NUMBERS[:4], NUMBERS[4:]), strict=True):
        decide(ledger, Receive(WEB, shop, (Arrival(PHONE, len(serials), serials=serials),)))
    for command in given_commands:
        if isinstance(command, Reserve) and command.reservation_id in ledger.reservations:
            continue  # the server makes a new id each time
        before = (copy(ledger.pieces.known), copy(ledger.pieces.events), copy(ledger.levels))
        found, _ = decide(ledger, command)
        if isinstance(found, Refusal):
            assert (ledger.pieces.known, ledger.pieces.events, ledger.levels) == before
        check(ledger)
        steps = {step for step, _ in ledger.pieces.events}
        assert steps <= {movement.step for movement in ledger.movements}, "an event without its movement"
    issue_everything(ledger)
