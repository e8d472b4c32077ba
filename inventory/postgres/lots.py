"""Lots beside the levels: made when they are first received, before any lock on a level."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from inventory.domain.access import Access
from inventory.domain.decide import lots, new_lots
from inventory.domain.ledger import Key, Ledger
from inventory.domain.lot import Lot, LotLevel
from inventory.postgres.connection import Writer
from inventory.postgres.needed import Needed
from inventory.postgres.reads import Reader, reach

LOTS_LISTED_MAX = 1_000


class LotRow(NamedTuple):
    """What of a level is of one lot, by code."""

    lot: str
    expires_on: date | None
    location: str
    level: LotLevel


class ExpiredRow(NamedTuple):
    """A level, by code, with something free of a lot whose last day may have passed."""

    sku: str
    location: str
    time_zone: str
    expires_on: date
    now: datetime


class OwingRow(NamedTuple):
    """A level that owes goods and has some."""

    key: Key
    sku: str
    location: str
    revision: int


def concerns(commands: Sequence[Any]) -> bool:
    """Whether any of them names a lot."""
    return any(lots(command) for command in commands)


async def prepare(writer: Writer, commands: Sequence[Any]) -> Needed:
    """Makes the lots that receipts name, and locks those that nobody has received yet."""
    named = _columns(dict.fromkeys(name for command in commands for name in new_lots(command)))
    if named:
        await writer.fetch("ensure_lots", *named)
        await writer.fetch("lock_new_lots", *named)
    return Needed()


async def read(writer: Writer, commands: Sequence[Any], ledger: Ledger) -> None:
    """The lots that commands name."""
    named = _columns(dict.fromkeys(name for command in commands for name in lots(command)))
    if named:
        for sku, *lot in await writer.fetch("read_named_lots", *named):
            ledger.put_named_lot(sku, Lot(*lot))


async def write(writer: Writer, ledger: Ledger) -> None:
    """The last days of new lots."""
    if ledger.settled_lots:
        days = [ledger.lots[lot_id].expires_on for lot_id in ledger.settled_lots]
        await writer.fetch("settle_lots", list(ledger.settled_lots), days)


async def list_lots(reader: Reader, sku: str, location: str | None, within: Access | None) -> list[LotRow]:
    """First-expiring first, at most LOTS_LISTED_MAX. Holds that have run out don't count, swept or not."""
    rows = await reader.fetch("list_lots", sku, location, LOTS_LISTED_MAX, reach(within).location_ids)
    return [
        LotRow(lot, expires_on, place, LotLevel(on_hand, held - due, *rest))
        for lot, expires_on, place, on_hand, held, *rest, due in map(tuple, rows)
    ]


async def expired_lots(reader: Reader, limit: int) -> list[ExpiredRow]:
    """Longest over first."""
    return [ExpiredRow(*row) for row in await reader.fetch("expired_lots", limit)]


async def levels_to_fill(reader: Reader, after: Key, limit: int) -> list[OwingRow]:
    """By number, from where the last look ended."""
    rows = await reader.fetch("levels_to_fill", *after, limit)
    return [OwingRow((sku_id, location_id), *rest) for sku_id, location_id, *rest in map(tuple, rows)]


def _columns(names: dict[tuple[str, str], None]) -> list[list[str]]:
    return [list(column) for column in zip(*names, strict=True)]
