"""How rows of each kind of file are sent, and what came of them."""

import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol

from inventory.cli.csv_rows import Row, StockRow
from inventory.cli.receiving import Received, receive_rows
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2

if TYPE_CHECKING:
    from inventory_client import InventoryClient, InventoryError

NAMESPACE = uuid.UUID("6f1c2a7e-4b0d-5a35-9f57-0c6f5f1f6c11")
"""Of the request_ids that files and rows stand for."""
REASON = "import"
_SKIP = core_pb2.ERROR_POLICY_SKIP_REFUSED


@dataclass(frozen=True)
class Batch(Generic[Row]):
    """Rows sent in one call; `numbers` are those of the file. `alone`: all before it must be through."""

    request_id: str
    rows: list[Row]
    numbers: list[int]
    alone: bool


class RefusedRow(Protocol):
    """What the answers of all bulk calls say of a row."""

    row: int
    error: core_pb2.RowError


@dataclass(frozen=True)
class Answer:
    """What came of a batch; `refused`: which of its rows, and why."""

    replayed: bool
    refused: "Sequence[tuple[int, InventoryError]]"
    counts: dict[str, int]


Send = Callable[["InventoryClient", Batch[Any], bool], Awaitable[Answer]]


async def send_skus(client: "InventoryClient", batch: Batch[catalog_pb2.Sku], dry_run: bool) -> Answer:
    return _catalog_answer(
        await client.import_catalog(
            skus=batch.rows, error_policy=_SKIP, request_id=batch.request_id, validate_only=dry_run
        )
    )


async def send_locations(client: "InventoryClient", batch: Batch[catalog_pb2.Location], dry_run: bool) -> Answer:
    return _catalog_answer(
        await client.import_catalog(
            locations=batch.rows, error_policy=_SKIP, request_id=batch.request_id, validate_only=dry_run
        )
    )


async def send_stock(client: "InventoryClient", batch: Batch[StockRow], dry_run: bool) -> Answer:
    """Rows that name a lot as receipts, the others as one bulk correction."""
    corrections: dict[int, stock_pb2.StockAdjustment] = {}
    receipts: dict[str, dict[int, stock_pb2.ReceiptLine]] = {}
    for number, row in enumerate(batch.rows):
        if isinstance(row, stock_pb2.StockAdjustment):
            corrections[number] = row
        else:
            receipts.setdefault(row.location, {})[number] = row.lines[0]
    parts = [
        await receive_rows(client, batch.request_id, location, lines, REASON, dry_run=dry_run)
        for location, lines in receipts.items()
    ]
    if corrections:
        answer = await client.batch_adjust_stock(
            corrections.values(), REASON, error_policy=_SKIP, request_id=batch.request_id, validate_only=dry_run
        )
        numbers = list(corrections)
        refused = [(numbers[row], why) for row, why in _refused(answer.refused)]
        parts.append(Received(answer.replayed, 0 if answer.replayed else answer.applied, refused))
    return Answer(
        all(part.replayed for part in parts),
        [row for part in parts for row in part.refused],
        {"added": sum(part.added for part in parts)},
    )


async def send_channels(client: "InventoryClient", batch: Batch[channel_pb2.Channel], dry_run: bool) -> Answer:
    """One by one: there are few. What is only tried isn't known to differ."""
    from inventory_client import Conflict, InvalidRequest, NotFound

    counts = {"accepted": 0} if dry_run else {"set": 0, "unchanged": 0}
    refused: list[tuple[int, InventoryError]] = []
    for row, channel in enumerate(batch.rows):
        try:
            answer = await client.set_channel(
                channel, request_id=_part_id(batch.request_id, row), validate_only=dry_run
            )
        except (NotFound, Conflict, InvalidRequest) as error:
            refused.append((row, error))
        else:
            counts["accepted" if dry_run else "set" if answer.revision else "unchanged"] += 1
    return Answer(False, refused, counts)


async def send_channel_skus(
    client: "InventoryClient", batch: Batch[channel_pb2.SetChannelSkusRequest], dry_run: bool
) -> Answer:
    """Channel by channel."""
    from inventory_client import NotFound

    counts = {"updated": 0, "unchanged": 0}
    refused: list[tuple[int, InventoryError]] = []
    of_channel: dict[str, list[int]] = {}
    for row, asked in enumerate(batch.rows):
        of_channel.setdefault(asked.channel, []).append(row)
    for channel, rows in of_channel.items():
        try:
            answer = await client.set_channel_skus(
                channel,
                [batch.rows[row].skus[0] for row in rows],
                error_policy=_SKIP,
                request_id=_part_id(batch.request_id, channel),
                validate_only=dry_run,
            )
        except NotFound as error:
            refused += [(row, error) for row in rows]
        else:
            counts["updated"] += answer.updated
            counts["unchanged"] += answer.unchanged
            refused += [(rows[row], why) for row, why in _refused(answer.refused)]
    return Answer(False, refused, counts)


def _catalog_answer(answer: catalog_pb2.ImportCatalogResponse) -> Answer:
    counts = {"created": answer.created, "updated": answer.updated, "unchanged": answer.unchanged}
    return Answer(answer.replayed, _refused(answer.refused), counts)


def _refused(rows: Iterable[RefusedRow]) -> "list[tuple[int, InventoryError]]":
    from inventory_client import row_error

    return [(each.row, row_error(each.error)) for each in rows]


def _part_id(request_id: str, part: object) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{request_id} {part}"))
