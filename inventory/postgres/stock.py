"""The engine's way to stock: find, lock, and write a whole batch in a fixed number of statements."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from inventory.domain.audit import Entry
from inventory.domain.goods import Goods, Leaf, SkuKind, Tracking
from inventory.domain.held import Held, Holder
from inventory.domain.ledger import Key, Ledger
from inventory.domain.level import Level, Place
from inventory.domain.limits import SEEN_MAX
from inventory.domain.lot import Lot, LotLevel
from inventory.domain.refusal import location_not_found, sku_not_found
from inventory.domain.reservation import Line, Reservation, ReservationState
from inventory.domain.topology import Topology, Use, View
from inventory.postgres.connection import Writer
from inventory.postgres.errors import Interfered, Narrow, TooWide, TopologyChanged

Pair = tuple[str, str]
"""SKU code and location code."""
RequestKey = tuple[int, UUID]
"""channel_id and request_id."""


LOCKED_LEVELS_MAX = 1_000_000
"""Line by line, of a batch: what so many would take is longer than anybody waits."""
RUN_OUT_LINES_MAX = 100
RUN_OUT_LINES_SEEN_MAX = 10_000
"""Who only looks can't end them and look again."""
THRESHOLDS = 3
"""A level's last fields, which may be unset."""
LOCK_WAIT_NOTICED = timedelta(milliseconds=5)


class Remembered(NamedTuple):
    """The stored answer to a request. `revision` None: it changed nothing."""

    fingerprint: bytes
    code: int
    answer: bytes
    revision: int | None


class Locked(NamedTuple):
    """What a batch decides on: the levels and reservations under lock, and earlier answers to its requests."""

    ledger: Ledger
    answers: dict[RequestKey, Remembered]
    more_has_run_out: bool
    """Only some of the holds that ran out on these levels came along: end them, and look again."""
    seen: int
    """The feed's head that everything but the levels was read at."""


class RequestRow(NamedTuple):
    """An answer to remember, in the order of the query's columns. `step` None: it changed nothing."""

    channel_id: int
    request_id: UUID
    fingerprint: bytes
    code: int
    answer: bytes
    step: int | None


class Limits(NamedTuple):
    """What one statement may wait for a lock, and take as a whole, in milliseconds; None: what the session says."""

    lock_wait_ms: int | None = None
    statement_ms: int | None = None


async def limit_waits(writer: Writer, limits: Limits) -> None:
    """For the present transaction."""
    await writer.fetch("limit_waits", *(None if limit is None else f"{limit}ms" for limit in limits))


async def find_answer(writer: Writer, request: RequestKey) -> dict[RequestKey, Remembered]:
    """The earlier answer to a request, if there is one."""
    return _answers(await writer.fetch("find_answer", *request))


async def lock_owners(writer: Writer, owners: Sequence[tuple[int, str]]) -> None:
    """Makes those who replace the holds of the same owners come one after the other. Before every other lock."""
    await writer.fetch("lock_owners", owners)


async def lock_holders(writer: Writer, holders: Sequence[tuple[int, str]]) -> Sequence[Holder]:
    """Makes those who hold the same SKUs in the same channels come one after the other; gives what they would hold, by
    number, of bundles what these are made of. After the owners, before every other lock."""
    return [(row[0], row[1]) for row in await writer.fetch("lock_holders", holders)]


async def read_held(writer: Writer, holders: Sequence[Holder], ledger: Ledger) -> None:
    """What the channels hold of SKUs, under the locks of `lock_holders`."""
    channel_ids, sku_ids = zip(*holders, strict=True)
    rows = await writer.fetch("read_held", channel_ids, sku_ids, ledger.now, list(ledger.reservations))
    ledger.held = Held(ledger, {(row[0], row[1]): row[2] for row in rows})


async def ensure_levels(writer: Writer, pairs: Iterable[Pair]) -> None:
    """Makes missing levels of existing SKUs and locations."""
    await writer.fetch("ensure_levels", list(pairs))


class Source(Protocol):
    """Runs a named query: on the engine's own connection, or on one that only reads."""

    async def fetch(self, name: str, *arguments: object) -> Sequence[Any]:
        """Raises a `StorageError`."""


class Wanted(NamedTuple):
    """What commands need; each thing once. `spreads`: SKUs, each with the places it may come from; `arrivals`: where
    goods may arrive for which somebody waits, of the pairs; `viewed`: channels some of whose SKUs have a view of their
    own. `wide`: bundles and SKUs that may be back-ordered are among them, or any of
    the former."""

    requests: Sequence[RequestKey] = ()
    pairs: Collection[Pair] = ()
    reservation_ids: Sequence[UUID] = ()
    owners: Sequence[tuple[int, str]] = ()
    must_exist: Collection[Pair] = ()
    spreads: Collection[tuple[str, tuple[int, ...]]] = ()
    arrivals: Collection[Pair] = ()
    viewed: Collection[int] = ()
    wide: bool = True


async def find_and_lock(source: Source, wanted: Wanted, topology: Topology, *, lock: bool = True) -> Locked:
    """Locks the levels of what is wanted and of the reservations' lines, and reads both under the locks; with them come
    the reservations that ran out on these levels, those that the owners hold and those that wait for goods. Not to
    `lock` only reads the same.

    Raises `Interfered` when somebody added a line or a SKU in between, or a hold ran out: look again;
    `TopologyChanged` when places or channels are no longer those of `topology`; `Narrow` when it takes a wide look;
    `TooWide` when that would come to too many levels.
    """
    found = await _find(source, wanted, lock)
    if found["topology"] != topology.revision:
        raise TopologyChanged("places or channels changed")
    ledger = _ledger(found, topology)
    if wanted.wide:
        _put_wide(ledger, found)
    if lock:
        await _refuse_late(source, ledger, found["began"])
    missing = [pair for pair in wanted.pairs if pair not in ledger.places]
    if missing:
        for row in await source.fetch("read_places", missing):
            _put_absent(ledger, row, wanted.must_exist)
    if not wanted.wide:
        _refuse_narrow(ledger, wanted.pairs)
    if found["reservation_ids"]:
        reservations = await source.fetch("read_reservations", found["reservation_ids"])
        ledger.put_reservations(_reservations(ledger, reservations))
    if wanted.viewed:
        sku_ids = {*ledger.goods_by_id, *(place.sku_id for place in ledger.places.values())}
        for channel_id, sku_id, *view in await source.fetch("read_views", list(wanted.viewed), list(sku_ids)):
            ledger.views[(channel_id, sku_id)] = View._make(view)
    await _read_lots(source, ledger)
    return Locked(ledger, _answers(found["answers"]), found["run_out_lines"] == RUN_OUT_LINES_MAX, found["seen"])


async def _find(source: Source, wanted: Wanted, lock: bool) -> Any:
    lines_max = RUN_OUT_LINES_MAX if lock else RUN_OUT_LINES_SEEN_MAX
    arguments = (wanted.requests, list(wanted.pairs), wanted.reservation_ids, wanted.owners, lines_max)
    if not wanted.wide:
        return (await source.fetch("find_and_lock", *arguments))[0]
    query = "find_and_lock_wide" if lock else "find_wide"
    spreads = [(sku, _listed(location_ids)) for sku, location_ids in wanted.spreads]
    levels_max = LOCKED_LEVELS_MAX if lock else SEEN_MAX
    found = (await source.fetch(query, *arguments, spreads, list(wanted.arrivals), levels_max))[0]
    if found["asked"] > levels_max:
        raise TooWide(found["asked"])
    return found


@lru_cache(maxsize=256)
def _listed(location_ids: tuple[int, ...]) -> str:
    """As text: many SKUs have the same places."""
    return ",".join(map(str, location_ids))


async def _refuse_late(source: Source, ledger: Ledger, began: datetime) -> None:
    if ledger.now - began <= LOCK_WAIT_NOTICED:
        return
    locked = (*ledger.levels, *ledger.candidates)
    if ledger.candidates and not (await source.fetch("is_due_since", began, ledger.now))[0][0]:
        return  # a wide look takes so long by itself; to ask about each of its levels would cost as much again
    if locked:
        sku_ids, location_ids = zip(*locked, strict=True)
        if (await source.fetch("has_run_out_since", sku_ids, location_ids, began, ledger.now))[0][0]:
            raise Interfered("a hold ran out while locks were waited for")


def _refuse_narrow(ledger: Ledger, pairs: Iterable[Pair]) -> None:
    """Only for what commands name: what is promised already goes on without it."""
    found = (ledger.places.get(pair) for pair in pairs)
    wide = [place.sku for place in found if place and (place.kind == SkuKind.BUNDLE or (place.oversell_limit or 0) > 0)]
    if wide:
        raise Narrow(wide)


def _ledger(found: Any, topology: Topology) -> Ledger:
    """What the one statement gave."""
    ledger = Ledger(found["now"], topology)
    for row in map(tuple, found["levels"]):
        ledger.put(Place(*row[:10]), Level(*row[10:]))
    return ledger


def _put_wide(ledger: Ledger, found: Any) -> None:
    for row in map(tuple, found["goods"]):
        leaves = zip(*(column or () for column in row[8:]), strict=True)
        ledger.put_goods(Goods._make((*row[:8], tuple(map(Leaf._make, leaves)))))
    sku_ids, location_ids, *columns = tuple(found)[1:15]
    if sku_ids is not None:
        zeros, unset = [0] * len(sku_ids), [None] * len(sku_ids)
        quantities = [column or zeros for column in columns[:-THRESHOLDS]]
        thresholds = [column or unset for column in columns[-THRESHOLDS:]]
        fields = zip(*quantities, *thresholds, strict=True)
        ledger.candidates.update(zip(zip(sku_ids, location_ids, strict=True), fields, strict=True))


async def _read_lots(source: Source, ledger: Ledger) -> None:
    """Of the levels that are told apart by lots, under their locks."""
    tracked = {place.sku_id for place in ledger.places.values() if place.tracking == Tracking.LOTS}
    tracked.update(goods.sku_id for goods in ledger.goods_by_id.values() if goods.tracking == Tracking.LOTS)
    if tracked:
        keys = [key for key in (*ledger.levels, *ledger.candidates) if key[0] in tracked]
        for row in map(tuple, await source.fetch("read_lot_levels", keys)):
            ledger.put_lot((row[0], row[1]), Lot(*row[2:5]), LotLevel(*row[5:]))


async def write(writer: Writer, ledger: Ledger, requests: Sequence[RequestRow], entries: Sequence[Entry]) -> int:
    """Writes what the commands made of the ledger, and who asked for it. Returns the revision before the batch's first.
    Raises `TopologyChanged` when places or channels were changed after they were read: decide again."""
    levels = [(*key, step, *ledger.levels[key]) for key, step in ledger.touched_levels.items()]
    reservations = [ledger.reservations[identity] for identity in ledger.touched_reservations]
    lines = [
        (
            reservation.reservation_id,
            number,
            *line,
            reservation.expires_at if reservation.state == ReservationState.HELD else None,
        )
        for reservation in reservations
        for number, line in enumerate(reservation.lines)
    ]
    channel_ids = [reservation.channel_id for reservation in reservations for _ in reservation.lines]
    if ledger.touched_lots:
        lots = [(*key, lot_id, *ledger.lot_levels[key][lot_id]) for key, lot_id in ledger.touched_lots]
        await writer.fetch("write_lot_levels", lots)
    collected = [
        reservation.reservation_id
        for reservation in reservations
        if reservation.pickup_location_id is not None and not reservation.is_live
    ]
    if collected:
        await writer.fetch("cancel_transfers_of", collected, ledger.now)
    rows = await writer.fetch(
        "write_stock",
        ledger.step,
        ledger.now,
        levels,
        ledger.movements,
        [(*reservation[:7], *reservation[8:11]) for reservation in reservations],
        lines,
        requests,
        writer.database.notify_channel,
        entries,
        channel_ids,
    )
    base, topology, _ = rows[0]
    if topology != ledger.topology.revision:
        raise TopologyChanged("places or channels changed meanwhile")
    return int(base)


def _answers(rows: Iterable[Any]) -> dict[RequestKey, Remembered]:
    return {(row[0], row[1]): Remembered(*tuple(row)[2:]) for row in rows}


def _put_absent(ledger: Ledger, row: Any, must_exist: Collection[Pair]) -> None:
    pair = (row["sku"], row["location"])
    if row["sku_id"] is None:
        ledger.unknown[pair] = partial(sku_not_found, pair[0])
    elif row["location_id"] is None:
        ledger.unknown[pair] = partial(location_not_found, pair[1])
    elif pair in must_exist and row["kind"] != SkuKind.BUNDLE:  # which has no levels
        raise Interfered("a SKU or location appeared between look and lock")
    else:
        place = Place(
            row["sku_id"],
            row["location_id"],
            *pair,
            row["sku_active"],
            row["location_active"],
            row["category"],
            row["kind"],
            row["tracking"],
            row["oversell_limit"],
        )
        ledger.put(place, None)


def _reservations(ledger: Ledger, rows: Sequence[Any]) -> list[Reservation]:
    heads: dict[UUID, Any] = {}
    lines: dict[UUID, list[Line]] = {}
    for row in rows:
        heads[row[0]] = row
        line = Line(*tuple(row)[10:23])
        key: Key = (line.sku_id, line.location_id)
        if key not in ledger.codes:
            ledger.codes[key] = Place(*key, row["sku"], row["location"], True, True, "", row["kind"], row["tracking"])
        if line.bundle_sku_id:
            ledger.bundles[line.bundle_sku_id] = row["bundle"]
        if line.lot_id:
            ledger.lot_codes[line.lot_id] = row["lot"]
        if line.live and key not in ledger.levels:
            raise Interfered("a reservation has a line whose level isn't locked")
        lines.setdefault(row[0], []).append(line)
    return [
        Reservation(
            identity,
            row["channel_id"],
            row["owner"],
            row["reference"],
            ReservationState(row["state"]),
            row["expires_at"],
            row["created_at"],
            tuple(lines[identity]),
            Use(row["purpose"]),
            row["pickup_location_id"],
            row["ready_at"],
            tuple(row["transfer_ids"]),
        )
        for identity, row in heads.items()
    ]
