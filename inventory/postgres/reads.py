"""Reading: what needs no lock. Each call borrows a connection for one statement."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from inventory.domain.access import Access
from inventory.domain.audit import SERVER
from inventory.domain.catalog import Location, Sku
from inventory.domain.level import Level
from inventory.domain.reservation import Line, Reservation, ReservationState, as_of
from inventory.domain.topology import Use
from inventory.domain.units import Unit
from inventory.postgres import queries
from inventory.postgres.catalog import location_of, sku_of
from inventory.postgres.connection import Database, Planning
from inventory.postgres.errors import classified
from inventory.postgres.trail import Change, noting

LOOK_UP_CONNECTIONS_MAX = 6
LIST_CONNECTIONS_MAX = 4
CLOSE_TIMEOUT_S = 0.3
LISTS = {
    "find_sku",
    "list_alarms",
    "list_deliveries",
    "list_channel_skus",
    "list_channels",
    "list_locations",
    "list_movements",
    "list_reconciliation_rows",
    "list_reconciliations",
    "list_reservations",
    "list_skus",
    "list_stock",
    "list_stock_count_lines",
    "list_stock_counts",
    "read_alarm_snapshot",
    "read_bundles_as_of",
    "read_channel_snapshot",
    "read_facts_page",
    "list_transfers",
    "read_latest",
    "read_location_snapshot",
    "read_sku_snapshot",
    "read_snapshot",
    "read_subscribers",
}
"""Queries planned for their values; all others find rows by key."""


class Reach(NamedTuple):
    """As queries take it: the places that a reader is limited to by number, and what the categories begin with, each
    with a slash at its end. None: all."""

    location_ids: Sequence[int] | None = None
    categories: Sequence[str] | None = None


EVERYTHING = Reach()


def reach(within: Access | None) -> Reach:
    """Of who is limited so; None: to nothing."""
    if within is None:
        return EVERYTHING
    return Reach(list(within.location_ids) or None, within.prefixes)


class Head(NamedTuple):
    """The feed's head. A cursor before `compacted` is too old."""

    epoch: UUID
    revision: int
    compacted: int


class LevelRow(NamedTuple):
    """A level by code. `exists` false: no such SKU or no such location, which `sku_exists` tells."""

    sku: str
    location: str
    exists: bool
    sku_exists: bool
    level: Level
    revision: int
    key: tuple[int, int]


class LineCodes(NamedTuple):
    """What a reservation's line names, by code; empty where it names none."""

    sku: str
    location: str
    lot: str = ""
    bundle: str = ""
    serials: tuple[str, ...] = ()


class ReservationRow(NamedTuple):
    """A reservation as of now, and the codes that its lines and itself name."""

    reservation: Reservation
    codes: list[LineCodes]
    pickup_location: str
    transfer_ids: tuple[UUID, ...]


class SkuUnits(NamedTuple):
    """What a SKU is counted in, and its other units."""

    unit: str
    unit_digits: int
    others: tuple[Unit, ...]


class PoolState(NamedTuple):
    """Connections of a pool: how many there are, how many of these are idle, how many there may be, and how many
    queries wait for one."""

    size: int
    idle: int
    size_max: int
    waiting: int


class Reader:
    """Borrows connections for reading; lists have their own, so that they can't keep a look-up waiting."""

    def __init__(self, look_ups: asyncpg.Pool, lists: asyncpg.Pool) -> None:
        self._look_ups = look_ups
        self._lists = lists
        self._asks = {look_ups: 0, lists: 0}
        self.channels: dict[int, str] = {}
        """Codes of the channels that have called here, by number."""
        self._sql: Mapping[str, str] = queries.load()

    @classmethod
    async def open(cls, database: Database) -> "Reader":
        """Raises `Unavailable`."""
        look_ups = await database.pool(LOOK_UP_CONNECTIONS_MAX, Planning.BY_KEY)
        return cls(look_ups, await database.pool(LIST_CONNECTIONS_MAX, Planning.BY_VALUES))

    async def close(self) -> None:
        """Waits a moment for connections that are lent, or on their way back."""
        for pool in (self._look_ups, self._lists):
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await pool.close()
            except Exception:  # noqa: BLE001 - it is broken or slow; either way it is given up
                pool.terminate()

    async def fetch(self, name: str, *arguments: object) -> Sequence[Any]:
        """Runs a named query. Raises a `StorageError`."""
        pool = self._lists if name in LISTS else self._look_ups
        asks = self._asks
        asks[pool] += 1
        try:
            return await pool.fetch(self._sql[name], *arguments)
        except Exception as error:
            raise classified(error) from error
        finally:
            asks[pool] -= 1

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["Snapshot"]:
        """One state of the database for several queries. Raises a `StorageError`."""
        self._asks[self._look_ups] += 1
        try:
            async with (
                self._look_ups.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                yield Snapshot(connection, self._sql)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise classified(error) from error
        finally:
            self._asks[self._look_ups] -= 1

    @asynccontextmanager
    async def change(self, *, planned_by_values: bool = False) -> AsyncIterator[Change]:
        """A transaction for what is changed beside stock, and noted in the audit trail. The feed's head is locked last,
        unless what is locked within comes after it. Raises a `StorageError`."""
        pool = self._lists if planned_by_values else self._look_ups
        self._asks[pool] += 1
        try:
            async with (
                pool.acquire() as connection,
                connection.transaction(),
                noting(Snapshot(connection, self._sql)) as change,
            ):
                yield change
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise classified(error) from error
        finally:
            self._asks[pool] -= 1

    @property
    def pools(self) -> dict[str, "PoolState"]:
        """How each of its pools is, by name."""
        named = {"look_ups": self._look_ups, "lists": self._lists}
        return {name: _pool_state(pool, self._asks[pool]) for name, pool in named.items()}

    async def head(self) -> Head:
        rows = await self.fetch("read_head")
        return Head(*rows[0])

    async def stock(self, pairs: Sequence[tuple[str, str]], within: Access | None) -> list[LevelRow]:
        """Levels in the order asked, all of one snapshot."""
        rows = await self.fetch("read_stock", [pair[0] for pair in pairs], [pair[1] for pair in pairs], *reach(within))
        return [level_row(row) for row in rows]

    async def list_stock(
        self,
        after: tuple[str, str],
        skus: Sequence[str] | None,
        locations: Sequence[str] | None,
        limit: int,
        within: Access | None,
    ) -> list[LevelRow]:
        rows = await self.fetch("list_stock", *after, skus, locations, limit, *reach(within))
        return [level_row(row) for row in rows]

    async def list_movements(
        self,
        before: tuple[int, int],
        sku: str | None,
        location: str | None,
        reservation_id: UUID | None,
        recorded_from: datetime | None,
        recorded_before: datetime | None,
        limit: int,
        within: Access | None,
    ) -> Sequence[Any]:
        filters = (sku, location, reservation_id, recorded_from, recorded_before)
        return await self.fetch("list_movements", *before, *filters, limit, *reach(within))

    async def list_reservations(
        self,
        channel_id: int,
        *,
        before: UUID | None = None,
        reservation_id: UUID | None = None,
        state: ReservationState | None = None,
        owner: str | None = None,
        reference: str | None = None,
        limit: int = 1,
    ) -> list[ReservationRow]:
        rows = await self.fetch("list_reservations", channel_id, before, reservation_id, state, owner, reference, limit)
        grouped: dict[UUID, list[Any]] = {}
        for row in rows:
            grouped.setdefault(row["reservation_id"], []).append(row)
        return [_reservation_row(group) for group in grouped.values()]

    async def find_sku(self, code: str | None, barcode: str | None, within: Access | None) -> Sku | None:
        rows = await self.fetch("find_sku", code, barcode, reach(within).categories)
        return sku_of(rows[0]) if rows else None

    async def units(self, codes: Sequence[str], within: Access | None) -> dict[str, SkuUnits]:
        """By code; what doesn't exist is missing."""
        rows = await self.fetch("read_units", codes, reach(within).categories)
        return {row["code"]: _sku_units(row) for row in rows}

    async def list_skus(
        self, after: str, category: str | None, active: bool | None, limit: int, within: Access | None
    ) -> list[Sku]:
        rows = await self.fetch("list_skus", after, category, active, limit, reach(within).categories)
        return [sku_of(row) for row in rows]

    async def list_locations(
        self, after: str, code: str | None, kind: int | None, active: bool | None, limit: int, within: Access | None
    ) -> list[Location]:
        rows = await self.fetch("list_locations", after, code, kind, active, limit, reach(within).location_ids)
        return [location_of(row) for row in rows]

    async def channel_id(self, code: str) -> int:
        """The channel's number, made at first sight."""
        rows = await self.fetch("find_channel", code, None)
        if rows:
            channel_id = int(rows[0][0])
        else:
            async with self.change() as change:
                channel_id, is_made = await make_channel(change, code)
                if is_made:
                    change.note("MakeChannel", channel_id, SERVER, {"channel": code})
        self.channels[channel_id] = code
        return channel_id

    async def due_reservations(self, limit: int) -> list[tuple[UUID, int]]:
        """Reservations whose holds have run out, and how many lines each has."""
        return [(row[0], row[1]) for row in await self.fetch("due_reservations", limit)]

    async def forget_requests(self, older_than: timedelta, limit: int) -> int:
        """How many answers were dropped."""
        async with self.change(planned_by_values=True) as change:
            forgotten = int((await change.fetch("forget_requests", older_than, limit))[0][0])
            if forgotten:
                change.note("ForgetRequests", 0, SERVER, {"requests": forgotten})
        return forgotten


async def make_channel(change: Change, code: str) -> tuple[int, bool]:
    """A channel's number, and whether it was made now. Locks the feed's head: who sets a channel's settings has that
    when it makes one."""
    await change.fetch("lock_head")
    rows = await change.fetch("find_channel", code, None)
    is_made = not rows
    if is_made:
        rows = await change.fetch("make_channel", code)
    return int(rows[0][0]), is_made


def _pool_state(pool: asyncpg.Pool, asks: int) -> PoolState:
    size_max = pool.get_max_size()
    return PoolState(pool.get_size(), pool.get_idle_size(), size_max, max(asks - size_max, 0))


class Snapshot:
    """Runs named queries on one state of the database."""

    def __init__(self, connection: Any, sql: Mapping[str, str]) -> None:
        self._connection = connection
        self._sql = sql

    async def fetch(self, name: str, *arguments: object) -> Sequence[Any]:
        """Runs a named query. Raises a `StorageError`."""
        try:
            rows: Sequence[Any] = await self._connection.fetch(self._sql[name], *arguments)
        except Exception as error:
            raise classified(error) from error
        return rows


def _sku_units(row: Any) -> SkuUnits:
    return SkuUnits(row["unit"], row["unit_digits"], tuple(Unit(*unit) for unit in json.loads(row["units"])))


def level_row(row: Any) -> LevelRow:
    """Holds that have run out don't count, swept or not."""
    exists = row["sku_id"] is not None and row["location_id"] is not None
    level = Level()
    if row["on_hand"] is not None:
        level = Level(
            row["on_hand"],
            row["held"] - (row["due_held"] or 0),
            row["allocated"],
            row["quality_control"],
            row["damaged"],
            row["quarantined"],
            row["backordered"] - (row["due_backordered"] or 0),
            row["in_transit"],
            row["incoming"],
            row["safety_stock"],
            row["reorder_point"],
            row["backorder_limit"],
        )
    return LevelRow(
        row["sku"],
        row["location"],
        exists,
        row["sku_id"] is not None,
        level,
        row["revision"] or 0,
        (row["sku_id"] or 0, row["location_id"] or 0),
    )


def _reservation_row(rows: Sequence[Any]) -> ReservationRow:
    first = rows[0]
    reservation = Reservation(
        first["reservation_id"],
        first["channel_id"],
        first["owner"],
        first["reference"],
        ReservationState(first["state"]),
        first["expires_at"],
        first["created_at"],
        tuple(Line(*tuple(row)[10:23]) for row in rows),
        Use(first["purpose"]),
        first["pickup_location_id"],
        first["ready_at"],
    )
    return ReservationRow(
        as_of(reservation, first["now"]),
        [
            LineCodes(row["sku"], row["location"], row["lot"] or "", row["bundle"] or "", tuple(row["serials"]))
            for row in rows
        ],
        first["pickup_location"] or "",
        tuple(first["transfer_ids"]),
    )
