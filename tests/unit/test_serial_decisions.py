"""Single pieces, decided on values alone: who may name which, and what becomes of it."""

from typing import Any
from uuid import UUID

import pytest

from inventory.domain.adjustment import Adjust, Disposition, Row
from inventory.domain.decide import StockCommand, decide, serials
from inventory.domain.goods import Tracking
from inventory.domain.ledger import Ledger
from inventory.domain.level import Level, Place
from inventory.domain.movement import MovementKind
from inventory.domain.receipt import Arrival, Receive, Reclassify
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.reservation import Ask, Commit, Fulfil, Line, Release, ReservationState, Reserve
from inventory.domain.serial import Piece, SerialState
from inventory.domain.topology import Site, Topology
from tests.unit.shelf import HOLD, MINUTE, NEW, NOW, SHOP, WEB, answer, put, refused

PHONE = "phone"
KEY = (1, 1)
OTHERS = UUID(int=7)
DAMAGED = Disposition.DAMAGED
IN_STOCK, PROMISED, ISSUED, IN_TRANSIT, LOST = SerialState


def shop(**lines: int) -> Ledger:
    """Of a phone: F1 and F2 are free, M1 and M2 promised to the hold, T to another one, D is damaged, E elsewhere;
    G was issued, W is on its way, L was lost. The hold has M1 and M2 in one line, and in a second one `unnamed`."""
    ledger = Ledger(NOW, Topology(1, {1: Site(1, SHOP), 2: Site(2, "hall")}, {}))
    unnamed = lines.get("unnamed", 0)
    place = Place(1, 1, PHONE, SHOP, True, True, tracking=Tracking.SERIALS)
    ledger.put(place, Level(6, allocated=3 + unnamed, damaged=1))
    ledger.put(place._replace(location_id=2, location="hall"), Level(1))
    for serial, state, location_id, disposition, reservation_id in (
        ("F1", IN_STOCK, 1, None, None),
        ("F2", IN_STOCK, 1, None, None),
        ("M1", PROMISED, 1, None, HOLD),
        ("M2", PROMISED, 1, None, HOLD),
        ("T", PROMISED, 1, None, OTHERS),
        ("D", IN_STOCK, 1, DAMAGED, None),
        ("E", IN_STOCK, 2, None, None),
        ("G", ISSUED, 1, None, OTHERS),
        ("W", IN_TRANSIT, 1, None, None),
        ("L", LOST, 1, None, None),
    ):
        ledger.pieces.put(Piece(1, serial, state, location_id, disposition, reservation_id, revision=5))
    held = [Line(1, 1, 2, allocated=2)]
    if unnamed:
        held.append(Line(1, 1, unnamed, allocated=unnamed, ask_no=1))
    put(ledger, *held, state=ReservationState.ALLOCATED, expires_at=None, reference="order")
    return ledger


def ask(*names: str, quantity: int | None = None, location: str = SHOP) -> Ask:
    return Ask(PHONE, location, len(names) if quantity is None else quantity, names)


def ends(ledger: Ledger, command: StockCommand) -> Reason | None:
    found, _ = decide(ledger, command)
    return found.reason if isinstance(found, Refusal) else None


def events(ledger: Ledger) -> dict[str, tuple[Any, ...]]:
    """Of each changed piece its state, disposition, reservation and line, and the document."""
    return {
        serial: (piece.state, piece.disposition, piece.reservation_id, piece.line_no, reference)
        for (_, (_, serial)), (piece, reference) in ledger.pieces.events.items()
    }


def receive(*names: str, quantity: int | None = None, disposition: Disposition | None = None) -> Receive:
    row = Arrival(PHONE, len(names) if quantity is None else quantity, disposition, serials=names)
    return Receive(WEB, SHOP, (row,), reference="PZ")


def adjust(delta: int, *names: str, disposition: Disposition | None = None) -> Adjust:
    return Adjust(WEB, (Row(PHONE, SHOP, delta, disposition, serials=names),), "test", "RW")


def reclassify(source: Disposition | None, target: Disposition | None, *names: str) -> Reclassify:
    return Reclassify(WEB, PHONE, SHOP, len(names), source, target, "test", "K", serials=names)


def reserve(*asks: Ask, **fields: Any) -> Reserve:
    return Reserve(WEB, NEW, asks, MINUTE, **fields)


TAKEN, NOT_FOUND, REQUIRED = Reason.SERIAL_TAKEN, Reason.SERIAL_NOT_FOUND, Reason.SERIALS_REQUIRED


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (receive("N1", "N2"), None),
        (receive("G"), None),
        (receive("L"), None),
        (receive("F1"), TAKEN),
        (receive("M1"), TAKEN),
        (receive("D"), TAKEN),
        (receive("E"), TAKEN),
        (receive("W"), TAKEN),
        (receive("N1", quantity=2), REQUIRED),
        (receive(quantity=1), REQUIRED),
        (adjust(1, "N1"), None),
        (adjust(1, "F1"), TAKEN),
        (adjust(2, "N1"), REQUIRED),
        (adjust(-1, "F1"), None),
        (adjust(-1, "M1"), TAKEN),
        (adjust(-1, "D"), NOT_FOUND),
        (adjust(-1, "D", disposition=DAMAGED), None),
        (adjust(-1, "F1", disposition=DAMAGED), NOT_FOUND),
        (adjust(-1, "E"), NOT_FOUND),
        (adjust(-1, "G"), NOT_FOUND),
        (adjust(-1, "N1"), NOT_FOUND),
        (adjust(-1), REQUIRED),
        (reclassify(None, DAMAGED, "F1", "F2"), None),
        (reclassify(DAMAGED, None, "D"), None),
        (reclassify(None, DAMAGED, "M1"), TAKEN),
        (reclassify(None, DAMAGED, "D"), NOT_FOUND),
        (reclassify(DAMAGED, None, "F1"), NOT_FOUND),
        (reserve(ask("F1")), None),
        (reserve(ask("F1", "F2")), None),
        (reserve(ask("M1")), TAKEN),
        (reserve(ask("T")), TAKEN),
        (reserve(ask("D")), NOT_FOUND),
        (reserve(ask("E")), NOT_FOUND),
        (reserve(ask("E", location="hall")), None),
        (reserve(ask("G")), NOT_FOUND),
        (reserve(ask("W")), NOT_FOUND),
        (reserve(ask("N1")), NOT_FOUND),
        (reserve(ask(quantity=2)), None),
        (reserve(ask(quantity=3)), Reason.INSUFFICIENT_STOCK),
    ],
)
def test_who_may_name_which_piece(command: StockCommand, reason: Reason | None) -> None:
    assert ends(shop(), command) == reason


@pytest.mark.parametrize(
    ("command", "after"),
    [
        (receive("N1", disposition=DAMAGED), {"N1": (IN_STOCK, DAMAGED, None, 0, "PZ")}),
        (receive("G"), {"G": (IN_STOCK, None, None, 0, "PZ")}),
        (adjust(-1, "F1"), {"F1": (LOST, None, None, 0, "RW")}),
        (reclassify(None, DAMAGED, "F1"), {"F1": (IN_STOCK, DAMAGED, None, 0, "K")}),
        (reserve(ask("F2"), reference="cart"), {"F2": (PROMISED, None, NEW, 0, "cart")}),
        (
            reserve(ask("E", location="hall"), ask("F2"), reference="cart"),
            {"E": (PROMISED, None, NEW, 0, "cart"), "F2": (PROMISED, None, NEW, 1, "cart")},
        ),
        (Fulfil(WEB, HOLD), {"M1": (ISSUED, None, HOLD, 0, "order"), "M2": (ISSUED, None, HOLD, 0, "order")}),
        (Fulfil(WEB, HOLD, (ask("M2"),), "WZ"), {"M2": (ISSUED, None, HOLD, 0, "WZ")}),
        (
            Fulfil(WEB, HOLD, (ask("F1", "M1"),)),
            {
                "F1": (ISSUED, None, HOLD, 0, "order"),
                "M1": (ISSUED, None, HOLD, 0, "order"),
                "M2": (IN_STOCK, None, None, 0, "order"),
            },
        ),
        (Release(WEB, HOLD, (ask("M1"),)), {"M1": (IN_STOCK, None, None, 0, "order")}),
        (Release(WEB, HOLD, (ask(quantity=1),)), {"M2": (IN_STOCK, None, None, 0, "order")}),
        (Release(WEB, HOLD), dict.fromkeys(("M1", "M2"), (IN_STOCK, None, None, 0, "order"))),
    ],
)
def test_what_becomes_of_pieces(command: StockCommand, after: dict[str, tuple[Any, ...]]) -> None:
    ledger = shop()
    answer(ledger, command)
    assert events(ledger) == after


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (Fulfil(WEB, HOLD), REQUIRED),
        (Fulfil(WEB, HOLD, (ask(quantity=1),)), REQUIRED),
        (Fulfil(WEB, HOLD, (ask(quantity=2),)), None),
        (Fulfil(WEB, HOLD, (ask("M1", "M2", "F1"),)), None),
        (Fulfil(WEB, HOLD, (ask("F1", "M2", "M1", location=""),)), None),
        (Fulfil(WEB, HOLD, (ask("M1", "M2", "F1", "F2"),)), Reason.EXCEEDS_HELD),
        (Fulfil(WEB, HOLD, (ask("T"),)), TAKEN),
        (Fulfil(WEB, HOLD, (ask("D"),)), NOT_FOUND),
        (Fulfil(WEB, HOLD, (ask("E", location=""),)), NOT_FOUND),
        (Fulfil(WEB, HOLD, (ask("E", location="hall"),)), Reason.EXCEEDS_HELD),
        (Fulfil(WEB, HOLD, (ask("G"),)), NOT_FOUND),
        (Release(WEB, HOLD, (ask("F1"),)), NOT_FOUND),
        (Release(WEB, HOLD, (ask("T"),)), TAKEN),
        (Release(WEB, HOLD, (ask("M1", "M2"),)), None),
        (Commit(WEB, HOLD), Reason.RESERVATION_STATE),
    ],
)
def test_what_may_leave_or_be_given_back_of_an_order_with_and_without_names(
    command: StockCommand, reason: Reason | None
) -> None:
    assert ends(shop(unnamed=1), command) == reason


def test_these_very_pieces_are_promised_or_none_of_them() -> None:
    ledger = shop(unnamed=1)
    assert refused(ledger, reserve(ask("F1", "F2"))).reason == Reason.INSUFFICIENT_STOCK
    assert ends(ledger, reserve(ask("F1", "F2"), ask("E", location="hall"), partial=True)) is None
    assert set(events(ledger)) == {"E"}


def test_a_named_piece_is_never_back_ordered() -> None:
    ledger = shop(unnamed=2)
    ledger.levels[KEY] = ledger.levels[KEY]._replace(backorder_limit=9)
    assert ends(ledger, reserve(ask("F1"))) == Reason.INSUFFICIENT_STOCK
    assert ends(ledger, reserve(ask(quantity=1))) is None


def test_pieces_of_what_is_not_tracked_are_not_named() -> None:
    ledger = Ledger(NOW, Topology(1, {1: Site(1, SHOP)}, {}))
    ledger.put(Place(1, 1, PHONE, SHOP, True, True), Level(5, allocated=1))
    put(ledger, Line(1, 1, 1, allocated=1), state=ReservationState.ALLOCATED, expires_at=None)
    for command in (receive("S"), adjust(1, "S"), reclassify(None, DAMAGED, "S"), reserve(ask("S"))):
        assert ends(ledger, command) == REQUIRED
    assert ends(ledger, Fulfil(WEB, HOLD, (ask("S"),))) == REQUIRED


def test_a_refused_row_among_many_leaves_the_pieces_of_the_others() -> None:
    ledger = shop()
    rows = (
        Row(PHONE, SHOP, 1, serials=("N1",)),
        Row(PHONE, SHOP, -1, serials=("T",)),
        Row(PHONE, SHOP, -1, serials=("F1",)),
    )
    answer(ledger, Adjust(WEB, rows, "test", skip_refused=True))
    assert {name: found[0] for name, found in events(ledger).items()} == {"N1": IN_STOCK, "F1": LOST}
    before = dict(ledger.pieces.known)
    assert refused(ledger, Adjust(WEB, rows[1:], "test")).reason == TAKEN
    assert ledger.pieces.known == before


def test_a_piece_that_changes_twice_in_one_command_has_one_event() -> None:
    ledger = shop()
    answer(ledger, reserve(ask("F1"), owner="cart", reference="a"))
    again = Reserve(WEB, UUID(int=100), (ask("F1"),), MINUTE, owner="cart", reference="b", replace_owner_holds=True)
    answer(ledger, again)
    assert [(step, piece.reservation_id) for (step, _), (piece, _) in ledger.pieces.events.items()] == [
        (1, NEW),
        (2, UUID(int=100)),
    ]
    assert ledger.pieces.of(NEW) == []


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (receive("A", "B"), ["A", "B"]),
        (adjust(-1, "A"), ["A"]),
        (reclassify(None, DAMAGED, "A"), ["A"]),
        (reserve(ask("A"), ask(quantity=2)), ["A"]),
        (Release(WEB, HOLD, (ask("A"),)), ["A"]),
        (Fulfil(WEB, HOLD, (ask("A"),)), ["A"]),
        (Commit(WEB, HOLD), []),
        (Receive(WEB, SHOP, (Arrival(PHONE, 1),), MovementKind.RETURN), []),
    ],
)
def test_the_pieces_that_commands_name(command: StockCommand, found: list[str]) -> None:
    assert serials(command) == [(PHONE, serial) for serial in found]


def test_a_refused_command_leaves_pieces_and_events_as_they_were() -> None:
    ledger = shop()
    answer(ledger, reserve(ask("F1"), owner="cart"))
    before = (dict(ledger.pieces.known), dict(ledger.pieces.events), ledger.pieces.of(NEW))
    too_much = Reserve(WEB, UUID(int=100), (ask("F1", "T"),), MINUTE, owner="cart", replace_owner_holds=True)
    assert refused(ledger, too_much).reason == TAKEN
    assert refused(ledger, Adjust(WEB, (adjust(1, "N1").rows + adjust(-1, "T").rows), "test")).reason == TAKEN
    twice = Receive(WEB, SHOP, receive("G").rows + receive("F2").rows)
    assert refused(ledger, twice).reason == TAKEN
    assert (ledger.pieces.known, ledger.pieces.events, ledger.pieces.of(NEW)) == before
