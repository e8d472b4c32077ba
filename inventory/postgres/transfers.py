"""Transfers: locked before any level, read under the locks, and written before the head is drawn."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from inventory.domain.access import Access
from inventory.domain.ledger import Ledger
from inventory.domain.lot import Lot
from inventory.domain.reservation import Reserve
from inventory.domain.transfer import (
    CancelTransfer,
    CreateTransfer,
    ReceiveTransfer,
    ShipTransfer,
    Transfer,
    TransferLine,
    TransferState,
)
from inventory.postgres.connection import Writer
from inventory.postgres.needed import Needed
from inventory.postgres.reads import Reader, reach

_ById = ShipTransfer | ReceiveTransfer | CancelTransfer


class TransferRow(NamedTuple):
    """A transfer as of now, and the codes it names: those of its lines are SKU and lot."""

    transfer: Transfer
    from_location: str
    to_location: str
    codes: list[tuple[str, str]]


def concerns(commands: Sequence[Any]) -> bool:
    """Whether any of them makes, changes or plans a transfer."""
    return any(
        isinstance(command, (CreateTransfer, ShipTransfer, ReceiveTransfer, CancelTransfer))
        or (isinstance(command, Reserve) and command.pickup is not None and command.pickup.by_transfer)
        for command in commands
    )


async def prepare(writer: Writer, commands: Sequence[Any]) -> Needed:
    """Locks the transfers that commands name, in the order of their ids."""
    ships = {command.transfer_id for command in commands if isinstance(command, ShipTransfer)}
    receives = {command.transfer_id for command in commands if isinstance(command, ReceiveTransfer)}
    returns = {command.transfer_id for command in commands if isinstance(command, CancelTransfer)}
    named = _named(commands)
    if not named:
        return Needed()
    pairs: dict[tuple[str, str], None] = {}
    makes: dict[tuple[str, str], None] = {}
    arrivals: dict[tuple[str, str], None] = {}
    reservation_ids: dict[UUID, None] = {}
    for transfer_id, reservation_id, from_location, to_location, skus in await writer.fetch("lock_transfers", named):
        leave = [(sku, from_location) for sku in skus]
        arrive = [(sku, to_location) for sku in skus]
        pairs.update(dict.fromkeys((*leave, *arrive)))
        if transfer_id in ships:
            makes.update(dict.fromkeys(arrive))
        if transfer_id in receives:
            arrivals.update(dict.fromkeys(arrive))
        if transfer_id in returns:
            arrivals.update(dict.fromkeys(leave))
        if reservation_id is not None:
            reservation_ids[reservation_id] = None
    return Needed(pairs, makes, arrivals, list(reservation_ids))


async def read(writer: Writer, commands: Sequence[Any], ledger: Ledger) -> None:
    """The transfers that commands name, and the lots that travel with them."""
    named = _named(commands)
    if not named:
        return
    rows = await writer.fetch("read_transfers", named)
    for transfer, _ in _rows(rows):
        ledger.transfers[transfer.transfer_id] = transfer
    for row in rows:
        if row["lot_id"]:
            ledger.put_named_lot(row["sku"], Lot(row["lot_id"], row["lot"], row["expires_on"]))


async def write(writer: Writer, ledger: Ledger) -> None:
    """What the commands made of transfers."""
    if not ledger.touched_transfers:
        return
    transfers = [ledger.transfers[transfer_id] for transfer_id in ledger.touched_transfers]
    await writer.fetch(
        "write_transfers",
        [transfer[:12] for transfer in transfers],
        [
            (transfer.transfer_id, number, *line[:7], list(line.serials))
            for transfer in transfers
            for number, line in enumerate(transfer.lines)
        ],
    )


async def list_transfers(
    reader: Reader,
    within: Access | None,
    *,
    before: UUID | None = None,
    transfer_id: UUID | None = None,
    state: TransferState | None = None,
    from_location: str | None = None,
    to_location: str | None = None,
    reservation_id: UUID | None = None,
    limit: int = 1,
) -> list[TransferRow]:
    """Newest first. Raises a `StorageError`."""
    filters = (transfer_id, state, from_location, to_location, reservation_id)
    rows = await reader.fetch("list_transfers", before, *filters, limit, *reach(within))
    places = {row["transfer_id"]: (row["from_location"], row["to_location"]) for row in rows}
    return [TransferRow(transfer, *places[transfer.transfer_id], codes) for transfer, codes in _rows(rows)]


def _named(commands: Sequence[Any]) -> list[UUID]:
    return list(dict.fromkeys(command.transfer_id for command in commands if isinstance(command, _ById)))


def _rows(rows: Sequence[Any]) -> list[tuple[Transfer, list[tuple[str, str]]]]:
    """Transfers, and the SKU and lot codes of their lines. Columns as in the queries: twelve of the transfer, its
    channel, eight of the line."""
    grouped: dict[UUID, list[Any]] = {}
    for row in rows:
        grouped.setdefault(row["transfer_id"], []).append(row)
    found = []
    for group in grouped.values():
        head = tuple(group[0])
        lines = tuple(TransferLine._make((*tuple(row)[13:20], tuple(row["serials"]))) for row in group)
        transfer = Transfer._make((*head[:4], TransferState(head[4]), *head[5:12], lines, head[12]))
        codes = [(row["sku"], row["lot"] or "") for row in group]
        found.append((transfer, codes))
    return found
