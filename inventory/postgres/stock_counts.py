"""Stock counts: locked before the levels, read under their locks, written before the head; and read for people."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from inventory.domain.access import Access
from inventory.domain.goods import SkuKind
from inventory.domain.ledger import Ledger
from inventory.domain.level import EMPTY, Place
from inventory.domain.lot import Lot, LotLevel
from inventory.domain.stock_count import (
    NOW,
    CancelCount,
    Counted,
    Counting,
    CountLine,
    CountState,
    Moment,
    OpenCount,
    PostCount,
    RecordCount,
    StockCount,
)
from inventory.postgres.connection import Writer
from inventory.postgres.errors import Interfered
from inventory.postgres.needed import Needed
from inventory.postgres.reads import EVERYTHING, reach
from inventory.postgres.stock import Source

_COMMANDS = (OpenCount, RecordCount, PostCount, CancelCount)


def concerns(commands: Sequence[Any]) -> bool:
    """Whether any command is about a stock count."""
    return any(isinstance(command, _COMMANDS) for command in commands)


async def prepare(writer: Writer, commands: Sequence[Any]) -> Needed:
    """Locks the counts that commands name. Needs the levels of the lines to be recorded, and of those to be posted."""
    named = _named(commands)
    locked = await writer.fetch("lock_counts", named) if named else ()
    open_at = {row["count_id"]: row["location"] for row in locked if row["state"] == CountState.OPEN}
    recorded = {(row.sku, open_at[count_id]): None for count_id, row in _rows(commands) if count_id in open_at}
    made = []
    if recorded:
        stocked = await writer.fetch("read_counted_skus", list({sku for sku, _ in recorded}))
        codes = {row["code"] for row in stocked}
        made = [pair for pair in recorded if pair[0] in codes]
    posted = [count_id for count_id in _posted(commands) if count_id in open_at]
    if not posted:
        return Needed(recorded, made)
    # What is recorded in the same batch may be posted in it.
    arrivals = {(row.sku, open_at[count_id]): None for count_id, row in _rows(commands) if count_id in posted}
    differing: dict[tuple[str, str], None] = {}
    for row in await writer.fetch("read_count_differences", posted):
        pair = (row["sku"], open_at[row["count_id"]])
        differing[pair] = None
        if row["kind"] != SkuKind.BUNDLE:
            made.append(pair)
        if row["counted"] > row["on_hand"]:
            arrivals[pair] = None
    return Needed(recorded | differing, made, arrivals)


async def read(writer: Writer, commands: Sequence[Any], ledger: Ledger) -> None:
    """Reads the counts, their lines and lots, and what on_hand was at the moments of recordings."""
    counting = ledger.counting = Counting((await writer.fetch("read_counting_head"))[0]["revision"])
    named = _named(commands)
    if not named:
        return
    for row in await writer.fetch("read_counts", named, *EVERYTHING):
        counting.counts[row["count_id"]] = _count(row)
    rows = [(counting.counts[count_id], row) for count_id, row in _rows(commands) if count_id in counting.counts]
    rows = [(count, row) for count, row in rows if count.state is CountState.OPEN]
    posted = [
        count_id
        for count_id in _posted(commands)
        if count_id in counting.counts and counting.counts[count_id].state is CountState.OPEN
    ]
    if posted:
        for row in map(tuple, await writer.fetch("read_count_differences", posted)):
            line = CountLine(*row[1:8])
            counting.lines.setdefault(row[0], {})[line.key] = line
            if line.lot_id:
                key = (line.sku_id, counting.counts[row[0]].location_id)
                _put_lot(ledger, key, Lot(line.lot_id, line.lot, row[9]))
    if rows:
        keys = list({(count.count_id, row.sku): None for count, row in rows})
        ids, skus = zip(*keys, strict=True)
        for found in map(tuple, await writer.fetch("read_count_lines", ids, skus)):
            line = CountLine(*found[1:8])
            counting.lines.setdefault(found[0], {})[line.key] = line
        await _read_moments(writer, rows, ledger, counting)


async def write(writer: Writer, ledger: Ledger) -> None:
    """Writes the counts and lines that commands have changed."""
    counting = ledger.counting
    assert counting is not None
    if not counting.touched_counts:
        return
    counts = [counting.counts[count_id] for count_id in counting.touched_counts]
    await writer.fetch("write_counts", [(*count[:2], count[3], *count[5:]) for count in counts])
    lines = [(count_id, *key, *counting.lines[count_id][key][4:]) for count_id, key in counting.touched_lines]
    if lines:
        await writer.fetch("write_count_lines", lines)


async def read_count(source: Source, count_id: UUID, within: Access | None) -> StockCount | None:
    """A count by id."""
    rows = await source.fetch("read_counts", [count_id], *reach(within))
    return _count(rows[0]) if rows else None


async def list_counts(
    source: Source,
    before: UUID | None,
    state: CountState | None,
    location: str | None,
    limit: int,
    within: Access | None,
) -> list[StockCount]:
    """Newest first; `before`: the last page's last one."""
    rows = await source.fetch("list_stock_counts", before, state, location, limit, *reach(within))
    return [_count(row) for row in rows]


async def list_lines(
    source: Source,
    count_id: UUID,
    after: tuple[str, str],
    only_differences: bool,
    limit: int,
    within: Access | None,
) -> list[CountLine]:
    """By SKU code and lot; `after`: those of the last page's last line."""
    rows = await source.fetch(
        "list_stock_count_lines", count_id, *after, only_differences, limit, reach(within).categories
    )
    return [CountLine(*row) for row in rows]


def _named(commands: Sequence[Any]) -> list[UUID]:
    return [command.count_id for command in commands if isinstance(command, (RecordCount, PostCount, CancelCount))]


def _posted(commands: Sequence[Any]) -> list[UUID]:
    return list(dict.fromkeys(command.count_id for command in commands if isinstance(command, PostCount)))


def _rows(commands: Sequence[Any]) -> Iterator[tuple[UUID, Counted]]:
    for command in commands:
        if isinstance(command, RecordCount):
            for row in command.rows:
                yield command.count_id, row


def _count(row: Any) -> StockCount:
    values = tuple(row)
    return StockCount._make((*values[:6], CountState(values[6]), *values[7:]))


async def _read_moments(
    writer: Writer, rows: Sequence[tuple[StockCount, Counted]], ledger: Ledger, counting: Counting
) -> None:
    """The lots that are named have been read before."""
    levels: dict[Moment, None] = {}
    lots: dict[Moment, None] = {}
    for count, row in rows:
        place = _place(ledger, row.sku, count.location)
        lot_id = ledger.named_lots.get((row.sku, row.lot), 0)
        if place is None or (row.lot and not lot_id):
            continue
        key = (place.sku_id, place.location_id)
        moment = (*key, lot_id, row.at_revision)
        if lot_id:
            counting.on_hand[moment] = ledger.lot_levels.get(key, {}).get(lot_id, LotLevel()).on_hand
        else:
            counting.on_hand[moment] = ledger.levels.get(key, EMPTY).on_hand
        if row.at_revision != NOW:
            (lots if lot_id else levels)[moment] = None
    if levels:
        sku_ids, location_ids, _, revisions = zip(*levels, strict=True)
        for found in await writer.fetch("read_on_hand_at", sku_ids, location_ids, revisions):
            counting.on_hand[(found["sku_id"], found["location_id"], 0, found["revision"])] = found["on_hand"]
    if lots:
        for found in map(tuple, await writer.fetch("read_lot_moved_since", *zip(*lots, strict=True))):
            counting.on_hand[found[:4]] -= found[4]


def _place(ledger: Ledger, sku: str, location: str) -> Place | None:
    """None: there is no such SKU. Raises `Interfered` when the count appeared after its levels were locked."""
    place = ledger.places.get((sku, location))
    if place is None and (sku, location) not in ledger.unknown:
        raise Interfered("a stock count appeared between look and lock")
    return place


def _put_lot(ledger: Ledger, key: tuple[int, int], lot: Lot) -> None:
    """A lot of which nothing is on hand here was not read with the level."""
    if lot.lot_id not in ledger.lot_levels.get(key, {}):
        ledger.put_lot(key, lot, LotLevel())
