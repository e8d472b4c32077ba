"""SKUs tracked by lots, places with clocks of their own, and days relative to today, for tests of lots."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as pb2
from tests.rpc.client import Client, Metadata, new_id, reserve_request

OTHER: Metadata = (("inventory-channel", "other"),)
EARLY, LATE = "Pacific/Kiritimati", "Pacific/Pago_Pago"
"""Where a day begins first and where it begins last: 25 hours apart, so that never is it the same day at both."""


def day(days: int) -> date:
    """From today, UTC."""
    return datetime.now(UTC).date() + timedelta(days=days)


def yesterday_where_it_is_early() -> date:
    """Over there, and not over where it is late."""
    return datetime.now(ZoneInfo(EARLY)).date() - timedelta(days=1)


async def tracked(client: Client, db: asyncpg.Connection, location: str = "") -> tuple[str, str]:
    """A new SKU that is tracked by lots, and a location, new unless one is named."""
    sku, place = await client.stocked(0, location)
    await db.execute("UPDATE sku SET tracking = 1 WHERE code = $1", sku)
    return sku, place


async def set_clock(db: asyncpg.Connection, location: str, time_zone: str) -> None:
    await db.execute("UPDATE location SET time_zone = $2 WHERE code = $1", location, time_zone)
    await _change_topology(db)


async def set_min_life(db: asyncpg.Connection, channel: str, days: int) -> None:
    await db.execute("UPDATE channel SET min_life_days = $2, revision = 1 WHERE code = $1", channel, days)
    await _change_topology(db)


async def _change_topology(db: asyncpg.Connection) -> None:
    await db.execute("UPDATE feed_head SET topology = topology + 1")


def of_lot(sku: str, quantity: int, lot: str, expires_on: date | None = None, **fields: Any) -> pb2.ReceiptLine:
    return pb2.ReceiptLine(
        sku=sku, quantity=quantity, lot=lot, expires_on=expires_on.isoformat() if expires_on else "", **fields
    )


async def backorders(client: Client, sku: str, location: str, limit: int) -> None:
    """Lets so much of the SKU be promised at the location that isn't there."""
    await client.stock.SetThresholds(
        pb2.SetThresholdsRequest(request_id=new_id(), sku=sku, location=location, backorder_limit=limit)
    )


async def promise(
    client: Client, sku: str, location: str, quantity: int, *, metadata: Metadata | None = None, **fields: Any
) -> core_pb2.Reservation:
    answer = await client.reservations.Reserve(reserve_request((sku, location, quantity), **fields), metadata=metadata)
    return answer.reservation


def grants(reservation: core_pb2.Reservation) -> list[tuple[str, int, int, int]]:
    """Of each line the lot, held, allocated and backordered."""
    return [(line.lot, line.held, line.allocated, line.backordered) for line in reservation.lines]


async def standing(client: Client, sku: str, location: str = "") -> list[tuple[str, int, int]]:
    """Of each lot, first-expiring first, on_hand and available."""
    answer = await client.stock.ListLots(pb2.ListLotsRequest(sku=sku, location=location))
    return [(row.lot, row.quantities.on_hand, row.quantities.available) for row in answer.lots]
