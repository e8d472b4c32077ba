"""Stock counts: what stands on the shelves against what stood in the books at one moment, while selling goes on."""

from collections.abc import Iterable
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from inventory.domain.adjustment import assert_room
from inventory.domain.backorder import fill
from inventory.domain.ledger import Ledger
from inventory.domain.level import Place
from inventory.domain.limits import COUNT_LINES_MAX
from inventory.domain.lot import LotLevel
from inventory.domain.movement import MovementKind
from inventory.domain.refusal import (
    Reason,
    Refusal,
    category_conflict,
    count_not_found,
    location_not_found,
    revision_in_future,
)
from inventory.domain.tracking import assert_named, assert_stocked, known_lot

NOW = 0
"""Instead of a revision: that of the recording."""
LineKey = tuple[int, int]
"""sku_id and lot_id, 0: not by lots."""
Moment = tuple[int, int, int, int]
"""sku_id, location_id, lot_id, and the revision or `NOW`."""


class CountState(IntEnum):
    """How far a count has come; the numbers are the API's and the table's."""

    OPEN = 1
    POSTED = 2
    CANCELLED = 3


class StockCount(NamedTuple):
    """A count. `category` empty: everything at the location. `version` rises with every recording; `lines`: how many
    there are."""

    count_id: UUID
    channel_id: int
    channel: str
    location_id: int
    location: str
    category: str
    state: CountState
    version: int
    lines: int
    reference: str
    reason: str
    opened_at: datetime
    ended_at: datetime | None


class CountLine(NamedTuple):
    """What was counted of a SKU or of a lot of it, and what on_hand was at `at_revision`; in the smallest unit."""

    sku: str
    lot: str
    sku_id: int
    lot_id: int
    counted: int
    on_hand: int
    at_revision: int

    @property
    def difference(self) -> int:
        """What posting adds."""
        return self.counted - self.on_hand

    @property
    def key(self) -> LineKey:
        return self.sku_id, self.lot_id


class OpenCount(NamedTuple):
    """Open a count under a new id."""

    channel_id: int
    channel: str
    count_id: UUID
    location: str
    category: str
    reason: str = ""
    reference: str = ""


class Counted(NamedTuple):
    """A counted number. `at_revision`: when it was counted, or `NOW`; `expected_counted`: what an earlier recording of
    the line said, None: not checked."""

    sku: str
    counted: int
    lot: str = ""
    at_revision: int = NOW
    expected_counted: int | None = None


class RecordCount(NamedTuple):
    """Record counted numbers, all or none; each SKU and lot once."""

    channel_id: int
    count_id: UUID
    rows: tuple[Counted, ...]


class PostCount(NamedTuple):
    """Add the differences to what is there now, if they still are those of the version that was looked at."""

    channel_id: int
    count_id: UUID
    expected_version: int


class CancelCount(NamedTuple):
    """Give a count up."""

    channel_id: int
    count_id: UUID


class Recorded(NamedTuple):
    """The count after a recording, and the recorded lines in the order asked."""

    stock_count: StockCount
    lines: tuple[CountLine, ...]


class Counting:
    """What a batch must know of stock counts, read under the locks of their levels, and what it made of them.

    A command saves last, when nothing can refuse it any more: so nothing of this is ever taken back.
    """

    def __init__(self, head: int) -> None:
        self.head = head
        """The revision that the locked levels are of, before any command of the batch."""
        self.counts: dict[UUID, StockCount] = {}
        self.lines: dict[UUID, dict[LineKey, CountLine]] = {}
        """Of those to be recorded anew all, of those to be posted those that differ."""
        self.on_hand: dict[Moment, int] = {}
        """What on_hand was at the moments that recordings name."""
        self.touched_counts: dict[UUID, None] = {}
        self.touched_lines: dict[tuple[UUID, LineKey], None] = {}

    def save(self, count: StockCount, lines: Iterable[CountLine] = ()) -> None:
        """Replaces or adds a count, and lines of it."""
        self.counts[count.count_id] = count
        self.touched_counts[count.count_id] = None
        known = self.lines.setdefault(count.count_id, {})
        for line in lines:
            known[line.key] = line
            self.touched_lines[(count.count_id, line.key)] = None


def open_count(ledger: Ledger, command: OpenCount) -> StockCount:
    """Raises LOCATION_NOT_FOUND, FIELD_CONFLICT. A closed location can be counted."""
    site = ledger.topology.by_code.get(command.location)
    if site is None:
        raise location_not_found(command.location)
    if ledger.within is not None and not ledger.within.covers_category(command.category):
        raise category_conflict("category")
    count = StockCount(
        command.count_id,
        command.channel_id,
        command.channel,
        site.location_id,
        site.code,
        command.category,
        CountState.OPEN,
        0,
        0,
        command.reference,
        command.reason,
        ledger.now,
        None,
    )
    return _save(ledger, count)


def record_count(ledger: Ledger, command: RecordCount) -> Recorded:
    """Raises COUNT_NOT_FOUND, COUNT_STATE, TOO_MANY_LINES, and what `_line` raises of the first refused row, whose
    position among many is in the metadata."""
    count = _opened(ledger, command.count_id)
    lines = []
    for position, row in enumerate(command.rows):
        try:
            lines.append(_line(ledger, count, row))
        except Refusal as refusal:
            if refusal.field:
                refusal.field = f"lines[{position}].{refusal.field}"
            if len(command.rows) > 1:
                refusal.metadata |= {"sku": row.sku, "row": str(position)}
            raise
    known = _counting(ledger).lines.get(count.count_id, {})
    total = count.lines + sum(line.key not in known for line in lines)
    if total > COUNT_LINES_MAX:
        raise Refusal(
            Reason.TOO_MANY_LINES,
            f"a stock count has at most {COUNT_LINES_MAX} lines: open another one for the rest",
            field="lines",
            metadata={"max": str(COUNT_LINES_MAX)},
        )
    after = count._replace(version=count.version + 1, lines=total)
    return Recorded(_save(ledger, after, lines), tuple(lines))


def post_count(ledger: Ledger, command: PostCount) -> StockCount:
    """Raises COUNT_NOT_FOUND, COUNT_STATE, EXPECTATION_FAILED, BELOW_PROMISED, ON_HAND_LIMIT; and what `_countable`
    raises of a SKU that has become another kind of thing."""
    count = _opened(ledger, command.count_id)
    if count.version != command.expected_version:
        raise Refusal(
            Reason.EXPECTATION_FAILED,
            f"the count is at version {count.version}, not {command.expected_version}: look at its differences again",
            metadata={"current": str(count.version), "expected": str(command.expected_version)},
        )
    differing = [line for line in _counting(ledger).lines.get(count.count_id, {}).values() if line.difference]
    differing.sort(key=lambda line: line.key)
    for line in differing:
        _correct(ledger, count, line, command.channel_id)
    for sku_id in dict.fromkeys(line.sku_id for line in differing if line.difference > 0):
        fill(ledger, (sku_id, count.location_id))
    return _save(ledger, count._replace(state=CountState.POSTED, ended_at=ledger.now))


def cancel_count(ledger: Ledger, command: CancelCount) -> StockCount:
    """Raises COUNT_NOT_FOUND, COUNT_STATE."""
    count = _opened(ledger, command.count_id)
    return _save(ledger, count._replace(state=CountState.CANCELLED, ended_at=ledger.now))


def _line(ledger: Ledger, count: StockCount, row: Counted) -> CountLine:
    """Raises SKU_NOT_FOUND, FIELD_CONFLICT, LOT_NOT_FOUND, REVISION_IN_FUTURE, EXPECTATION_FAILED, and what
    `_countable` raises."""
    counting = _counting(ledger)
    place = ledger.place(row.sku, count.location)
    _countable(place, row.lot)
    if not _within(place.category, count.category):
        raise Refusal(
            Reason.FIELD_CONFLICT,
            f"SKU {row.sku!r} is not of the count's category {count.category!r}",
            field="sku",
            metadata={"sku": row.sku, "category": count.category},
        )
    lot_id = known_lot(ledger, place, row.lot)
    if row.at_revision > counting.head:
        raise revision_in_future(row.at_revision, counting.head)
    on_hand = counting.on_hand[(place.sku_id, place.location_id, lot_id, row.at_revision)]
    line = CountLine(row.sku, row.lot, place.sku_id, lot_id, row.counted, on_hand, row.at_revision or counting.head)
    if row.expected_counted is not None:
        _expect_counted(counting.lines.get(count.count_id, {}).get(line.key), row)
    return line


def _countable(place: Place, lot: str) -> None:
    """Raises SKU_NOT_STOCKED, SERIALS_REQUIRED, LOT_REQUIRED, LOT_CONFLICT."""
    assert_stocked(place)
    assert_named(place, lot, ())  # pieces are not counted by number


def _within(category: str, counted: str) -> bool:
    return not counted or category == counted or category.startswith(f"{counted}/")


def _expect_counted(earlier: CountLine | None, row: Counted) -> None:
    current = "" if earlier is None else str(earlier.counted)
    if current != str(row.expected_counted):
        raise Refusal(
            Reason.EXPECTATION_FAILED,
            f"of SKU {row.sku!r} {current or 'nothing'} is recorded, not {row.expected_counted}",
            metadata={"sku": row.sku, "lot": row.lot, "current": current, "expected": str(row.expected_counted)},
        )


def _correct(ledger: Ledger, count: StockCount, line: CountLine, channel_id: int) -> None:
    """Adds a line's difference to what is there now."""
    place = ledger.place(line.sku, count.location)
    _countable(place, line.lot)
    key = (place.sku_id, place.location_id)
    level = ledger.level(place)
    assert_room(place, level.on_hand + line.difference)
    if line.difference < 0:
        part = ledger.lot_levels.get(key, {}).get(line.lot_id, LotLevel()) if line.lot_id else level
        short = -line.difference - part.available  # of the lots none: so neither of the level, which is their sum
        if short > 0:
            raise _below_promised(place, line, part.on_hand + line.difference + short, short)
    ledger.move(
        key,
        MovementKind.COUNT,
        channel_id,
        on_hand=line.difference,
        reason=count.reason or None,
        reference=count.reference or str(count.count_id),
        lot_id=line.lot_id,
    )


def _below_promised(place: Place, line: CountLine, lowest: int, short: int) -> Refusal:
    lot = {"lot": line.lot} if line.lot else {}
    return Refusal(
        Reason.BELOW_PROMISED,
        f"SKU {place.sku!r}{f' of lot {line.lot!r}' if lot else ''} at {place.location!r} was counted "
        f"{line.counted}, {-line.difference} less than the books said: that is {short} short of what is promised or "
        "unsellable",
        metadata={"sku": place.sku, "location": place.location, **lot, "lowest": str(lowest)},
    )


def _opened(ledger: Ledger, count_id: UUID) -> StockCount:
    count = _counting(ledger).counts.get(count_id)
    within = ledger.within
    if count is None or (
        within is not None
        and not (within.covers_location(count.location_id) and within.covers_category(count.category))
    ):
        raise count_not_found(str(count_id))
    if count.state != CountState.OPEN:
        raise Refusal(
            Reason.COUNT_STATE,
            f"stock count {count_id} is {count.state.name}",
            metadata={"count_id": str(count_id), "state": count.state.name},
        )
    return count


def _save(ledger: Ledger, count: StockCount, lines: Iterable[CountLine] = ()) -> StockCount:
    _counting(ledger).save(count, lines)
    ledger.noted = True
    return count


def _counting(ledger: Ledger) -> Counting:
    assert ledger.counting is not None
    return ledger.counting
