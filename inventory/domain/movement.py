"""The ledger's rows."""

from enum import IntEnum
from typing import NamedTuple
from uuid import UUID


class MovementKind(IntEnum):
    """Why a quantity changed; the numbers are the API's and the table's."""

    ADJUSTMENT = 1
    COUNT = 2
    HOLD = 3
    ALLOCATION = 4
    COMMIT = 5
    EXTENSION = 6
    RELEASE = 7
    EXPIRY = 8
    FULFILMENT = 9
    THRESHOLD = 10
    RECEIPT = 11
    RETURN = 12
    RECLASSIFICATION = 13
    TRANSFER_SHIPMENT = 14
    TRANSFER_RECEIPT = 15
    TRANSFER_CANCELLATION = 16
    BACKORDER_FILL = 17
    REALLOCATION = 18
    EXPECTATION = 19
    LOT_EXPIRY = 20


class Movement(NamedTuple):
    """One immutable row: what was added, and the balances after it. In the order of the table's columns; `step` is
    the command's place within its batch, which becomes the revision when the batch is written."""

    step: int
    ordinal: int
    sku_id: int
    location_id: int
    kind: int
    on_hand_delta: int
    held_delta: int
    allocated_delta: int
    quality_control_delta: int
    damaged_delta: int
    quarantined_delta: int
    backordered_delta: int
    in_transit_delta: int
    incoming_delta: int
    on_hand_after: int
    held_after: int
    allocated_after: int
    quality_control_after: int
    damaged_after: int
    quarantined_after: int
    backordered_after: int
    in_transit_after: int
    incoming_after: int
    channel_id: int
    reservation_id: UUID | None
    reason: str | None
    reference: str | None
    lot_id: int | None
