"""Serial numbers: which single pieces of a SKU stand where, and to whom each is promised."""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from inventory.domain.goods import Tracking
from inventory.domain.refusal import Reason, Refusal
from inventory.domain.reservation import Ask, Line, Reservation

if TYPE_CHECKING:
    from inventory.domain.adjustment import Disposition
    from inventory.domain.ledger import Ledger
    from inventory.domain.level import Place

PieceKey = tuple[int, str]
"""sku_id and serial number."""


class SerialState(IntEnum):
    """How far a piece has come; the numbers are the API's and the table's."""

    IN_STOCK = 1
    PROMISED = 2
    ISSUED = 3
    IN_TRANSIT = 4
    LOST = 5


ON_THE_SHELF = (SerialState.IN_STOCK, SerialState.PROMISED)
GONE = (SerialState.ISSUED, SerialState.LOST)


class Piece(NamedTuple):
    """A single piece. `location_id`: where it is, or where it left; `disposition` None: sellable; `line_no`: which line
    of the reservation it belongs to; `revision`: that of its last change before this batch, 0: there was none."""

    sku_id: int
    serial: str
    state: SerialState
    location_id: int
    disposition: "Disposition | None" = None
    reservation_id: UUID | None = None
    line_no: int = 0
    revision: int = 0

    @property
    def key(self) -> PieceKey:
        return self.sku_id, self.serial


class Pieces:
    """The pieces that a batch names, and those of its reservations, read under the locks of the levels they stand at;
    and what the batch makes of them: one event per piece and step."""

    def __init__(self) -> None:
        self.known: dict[PieceKey, Piece] = {}
        self.events: dict[tuple[int, PieceKey], tuple[Piece, str]] = {}
        """By step and piece: the piece after it, and the document behind it."""
        self._by_reservation: dict[UUID, dict[PieceKey, None]] = {}

    def put(self, piece: Piece) -> None:
        """Takes in a piece as it was read."""
        self._set(piece.key, piece)

    def of(self, reservation_id: UUID) -> list[Piece]:
        """What is promised to a reservation and what was issued for it, by serial number."""
        return [self.known[key] for key in sorted(self._by_reservation.get(reservation_id, ()))]

    def save(self, ledger: "Ledger", piece: Piece, reference: str) -> None:
        """Replaces or adds a piece, by the present command."""
        key = piece.key
        event = (ledger.step, key)
        before, earlier = self.known.get(key), self.events.get(event)
        self._set(key, piece)
        self.events[event] = (piece, reference)

        def undo() -> None:
            self._set(key, before)
            if earlier is None:
                del self.events[event]
            else:
                self.events[event] = earlier

        ledger.on_take_back(undo)

    def _set(self, key: PieceKey, piece: Piece | None) -> None:
        before = self.known.pop(key, None)
        if before is not None and before.reservation_id is not None:
            del self._by_reservation[before.reservation_id][key]
        if piece is not None:
            self.known[key] = piece
            if piece.reservation_id is not None:
                self._by_reservation.setdefault(piece.reservation_id, {})[key] = None


def newcomers(
    ledger: "Ledger", place: "Place", serials: Iterable[str], disposition: "Disposition | None"
) -> list[Piece]:
    """Pieces as they come in; one that had left may come back. Raises SERIAL_TAKEN."""
    pieces = []
    for serial in serials:
        known = ledger.pieces.known.get((place.sku_id, serial))
        if known is not None and known.state not in GONE:
            raise _taken(place.sku, serial, "is in stock already")
        revision = known.revision if known else 0
        pieces.append(
            Piece(
                place.sku_id, serial, SerialState.IN_STOCK, place.location_id, disposition, None, 0, revision=revision
            )
        )
    return pieces


def standing(
    ledger: "Ledger", place: "Place", serials: Iterable[str], disposition: "Disposition | None"
) -> list[Piece]:
    """Pieces that stand at a place and are promised to nobody. Raises SERIAL_NOT_FOUND, SERIAL_TAKEN."""
    pieces = []
    for serial in serials:
        piece = ledger.pieces.known.get((place.sku_id, serial))
        if piece is None or not _stands(piece, (place.location_id,), disposition):
            raise _not_found(place.sku, serial)
        if piece.state == SerialState.PROMISED:
            raise _taken(place.sku, serial, "is promised")
        pieces.append(piece)
    return pieces


def save(ledger: "Ledger", pieces: Iterable[Piece], reference: str) -> None:
    """Replaces or adds pieces, by the present command."""
    for piece in pieces:
        ledger.pieces.save(ledger, piece, reference)


def promise(ledger: "Ledger", place: "Place", serials: Sequence[str], reservation: Reservation, line_no: int) -> None:
    """Promises these very pieces to a line. Raises SERIAL_NOT_FOUND, SERIAL_TAKEN."""
    for piece in standing(ledger, place, serials, None):
        promised = piece._replace(
            state=SerialState.PROMISED, reservation_id=reservation.reservation_id, line_no=line_no
        )
        ledger.pieces.save(ledger, promised, reservation.reference)


def give_back(ledger: "Ledger", pieces: Iterable[Piece], reference: str) -> None:
    """Promises end: the pieces are anybody's again."""
    free = (piece._replace(state=SerialState.IN_STOCK, reservation_id=None, line_no=0) for piece in pieces)
    save(ledger, free, reference)


def promised(ledger: "Ledger", reservation_id: UUID, line_no: int) -> list[Piece]:
    """What is promised to a line, by serial number."""
    return [
        piece
        for piece in ledger.pieces.of(reservation_id)
        if piece.state == SerialState.PROMISED and piece.line_no == line_no
    ]


def settle(ledger: "Ledger", reservation: Reservation) -> None:
    """Gives back what lines have more named pieces than promises: the last by serial number."""
    if not ledger.pieces.known:
        return
    for line_no, line in enumerate(reservation.lines):
        excess = promised(ledger, reservation.reservation_id, line_no)[line.held + line.allocated :]
        give_back(ledger, excess, reservation.reference)


def assert_unnamed(ledger: "Ledger", sku: str, reservation_id: UUID, lines: Sequence[Line]) -> None:
    """Raises SERIALS_REQUIRED when a line has more named pieces than promises."""
    if not ledger.pieces.known:
        return
    for line_no, line in enumerate(lines):
        pieces = len(promised(ledger, reservation_id, line_no))
        if pieces > line.held + line.allocated:
            raise serials_required(sku, pieces - line.held - line.allocated, 0)


def named(
    ledger: "Ledger", reservation: Reservation, ask: Ask, left: Sequence[int], *, owned: bool
) -> dict[int, list[Piece]]:
    """The pieces that a line of a request names, by the reservation's lines that they are of, each no more than it has
    `left`; fewer than named when the lines have no more. `owned`: only what is promised to the reservation; else also
    what stands there free. Raises SERIALS_REQUIRED, SERIAL_NOT_FOUND, SERIAL_TAKEN."""
    matching = [number for number, line in enumerate(reservation.lines) if _matches(ledger, line, ask)]
    chosen: dict[int, list[Piece]] = {}
    if not matching:
        return chosen
    sku_id, first_location = reservation.lines[matching[0]][:2]
    if ledger.codes[(sku_id, first_location)].tracking != Tracking.SERIALS:
        raise not_tracked(ask.sku, ask.serials)
    locations = {reservation.lines[number].location_id for number in matching}
    for serial in ask.serials:
        piece = _nameable(ledger, reservation, (sku_id, serial), ask.sku, locations, owned=owned)
        own = piece.reservation_id == reservation.reservation_id
        if own and owned:
            numbers = [number for number in matching if number == piece.line_no]
        else:
            numbers = [number for number in matching if reservation.lines[number].location_id == piece.location_id]
            if own and piece.line_no in numbers:  # its own line first
                numbers = [piece.line_no, *numbers]
        for number in numbers:
            if left[number] > len(chosen.get(number, ())):
                chosen.setdefault(number, []).append(piece)
                break
    return chosen


def _nameable(
    ledger: "Ledger", reservation: Reservation, key: PieceKey, sku: str, locations: Iterable[int], *, owned: bool
) -> Piece:
    """A piece that may be named for the reservation. Raises SERIAL_NOT_FOUND, SERIAL_TAKEN."""
    piece = ledger.pieces.known.get(key)
    if piece is None or not _stands(piece, locations, None):
        raise _not_found(sku, key[1])
    if piece.reservation_id not in (None, reservation.reservation_id):
        raise _taken(sku, key[1], "is promised to somebody else")
    if owned and piece.reservation_id is None:
        raise _not_found(sku, key[1])
    return piece


def to_issue(
    ledger: "Ledger", reservation: Reservation, line_no: int, quantity: int, pieces: Sequence[Piece]
) -> Sequence[Piece]:
    """What leaves of a line: the pieces that the request names, or those that were named at reservation when these are
    all. Raises SERIALS_REQUIRED."""
    place = ledger.codes[reservation.lines[line_no][:2]]
    if place.tracking != Tracking.SERIALS or pieces:
        return pieces
    own = promised(ledger, reservation.reservation_id, line_no)
    if len(own) != quantity:
        raise serials_required(place.sku, quantity, 0)
    return own


def issue(ledger: "Ledger", reservation: Reservation, line_no: int, pieces: Iterable[Piece], reference: str) -> None:
    """Pieces leave the house."""
    left = (
        piece._replace(state=SerialState.ISSUED, reservation_id=reservation.reservation_id, line_no=line_no)
        for piece in pieces
    )
    save(ledger, left, reference)


def serials_required(sku: str, quantity: int, serials: int) -> Refusal:
    """SERIALS_REQUIRED: not as many were named as there are pieces."""
    return Refusal(
        Reason.SERIALS_REQUIRED,
        f"SKU {sku!r} is tracked by serial numbers: {quantity} must be named, not {serials}",
        metadata={"sku": sku, "quantity": str(quantity), "serials": str(serials)},
    )


def not_tracked(sku: str, serials: Sequence[str]) -> Refusal:
    """SERIALS_REQUIRED: pieces were named of what isn't told apart by them."""
    return Refusal(
        Reason.SERIALS_REQUIRED,
        f"SKU {sku!r} is not tracked by serial numbers",
        metadata={"sku": sku, "serials": str(len(serials))},
    )


def serial_not_found(sku: str, serial: str, why: str = "there is no such piece") -> Refusal:
    """SERIAL_NOT_FOUND."""
    return Refusal(
        Reason.SERIAL_NOT_FOUND,
        f"piece {serial!r} of SKU {sku!r}: {why}",
        metadata={"sku": sku, "serial": serial},
        resource=("serial", serial),
    )


def _stands(piece: Piece, locations: Iterable[int], disposition: "Disposition | None") -> bool:
    return piece.state in ON_THE_SHELF and piece.location_id in locations and piece.disposition is disposition


def _matches(ledger: "Ledger", line: Line, ask: Ask) -> bool:
    place = ledger.codes.get((line.sku_id, line.location_id))
    return place is not None and place.sku == ask.sku and ask.location in ("", place.location)


def _not_found(sku: str, serial: str) -> Refusal:
    return serial_not_found(sku, serial, "it doesn't stand there so")


def _taken(sku: str, serial: str, why: str) -> Refusal:
    return Refusal(
        Reason.SERIAL_TAKEN,
        f"piece {serial!r} of SKU {sku!r} {why}",
        metadata={"sku": sku, "serial": serial},
    )
