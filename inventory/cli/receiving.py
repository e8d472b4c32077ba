"""Rows of a stock file that name a lot, sent as receipts."""

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from inventory.domain.limits import RECEIPT_LINES_MAX
from inventory.v1 import stock_service_pb2 as pb2

if TYPE_CHECKING:
    from inventory_client import InventoryClient, InventoryError


class Received(NamedTuple):
    """What came of rows: whether all that were taken had been before, how many were taken now, and the refused ones."""

    replayed: bool
    added: int
    refused: "list[tuple[int, InventoryError]]"


async def receive_rows(
    client: "InventoryClient",
    source: str,
    location: str,
    lines: Mapping[int, pb2.ReceiptLine],
    reason: str,
    *,
    dry_run: bool,
) -> Received:
    """`lines` by their row. The same `source`, a UUID, and rows give the same request_ids. A receipt is all or nothing,
    so one that is refused is sent again row by row."""
    parts = []
    numbers = list(lines)
    for begin in range(0, len(numbers), RECEIPT_LINES_MAX):
        chosen = numbers[begin : begin + RECEIPT_LINES_MAX]
        parts += await _receive(
            client, source, location, {number: lines[number] for number in chosen}, reason, dry_run=dry_run
        )
    return Received(
        all(part.replayed for part in parts),
        sum(part.added for part in parts),
        [row for part in parts for row in part.refused],
    )


async def _receive(
    client: "InventoryClient",
    source: str,
    location: str,
    lines: Mapping[int, pb2.ReceiptLine],
    reason: str,
    *,
    dry_run: bool,
) -> list[Received]:
    from inventory_client import Refused

    request_id = str(uuid.uuid5(uuid.UUID(source), f"{location} {min(lines)} {len(lines)}"))
    try:
        answer = await client.receive_stock(
            location, lines.values(), reason=reason, request_id=request_id, validate_only=dry_run
        )
    except Refused as refused:
        if len(lines) == 1:
            return [Received(True, 0, [(min(lines), refused)])]
        parts = []
        for number, line in lines.items():
            parts += await _receive(client, source, location, {number: line}, reason, dry_run=dry_run)
        return parts
    return [Received(answer.replayed, 0 if answer.replayed else len(lines), [])]
