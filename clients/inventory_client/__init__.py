"""The Python client: calls that are safe to repeat, a stream that survives, and a local mirror of the stock.

A web shop in five lines:

    async with InventoryClient("127.0.0.1:50051", channel="web-shop") as client, StockMirror(client) as mirror:
        if mirror.available("A-1", "shop-7") >= 2:  # from memory, in a microsecond
            held = await client.reserve([("A-1", "shop-7", 2)], ttl=timedelta(minutes=15), owner="cart 17")
            await take_payment()
            await client.commit(held.reservation.reservation_id, reference="order 4711")

Without an event loop: `inventory_client.sync`. To follow every change: `InventoryClient.watch`.
"""

from inventory_client.arguments import line
from inventory_client.availability_mirror import AvailabilityMirror, Sellable
from inventory_client.calls import OnRetry, WriteOptions
from inventory_client.client import InventoryClient, WatchMode
from inventory_client.credentials import TokenFile
from inventory_client.cursor import Cursor, CursorFileCorrupt, CursorStore, FileCursorStore, MemoryCursorStore
from inventory_client.errors import (
    Conflict,
    CursorLost,
    ExpectationFailed,
    Failure,
    FieldViolation,
    InsufficientStock,
    InvalidRequest,
    InventoryError,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    PermissionDenied,
    PreconditionFailed,
    Refused,
    ReservationExpired,
    Shortage,
    Unauthenticated,
    Unavailable,
    row_error,
)
from inventory_client.events import (
    Bookmark,
    Changes,
    Connection,
    ConnectionState,
    Event,
    Latest,
    Restarted,
    RestartReason,
    SnapshotComplete,
    SnapshotPiece,
)
from inventory_client.joiner import ChangeTooLarge
from inventory_client.levels import Level
from inventory_client.mirror import StockMirror
from inventory_client.reconciliations import Answer, OwnNumber, ReconciliationKind, Reconciling
from inventory_client.reservations import reserve_request
from inventory_client.sourcing import Purpose, Strategy
from inventory_client.watch import Watch

__all__ = [
    "Answer",
    "AvailabilityMirror",
    "Bookmark",
    "ChangeTooLarge",
    "Changes",
    "Conflict",
    "Connection",
    "ConnectionState",
    "Cursor",
    "CursorFileCorrupt",
    "CursorLost",
    "CursorStore",
    "Event",
    "ExpectationFailed",
    "Failure",
    "FieldViolation",
    "FileCursorStore",
    "InsufficientStock",
    "InvalidRequest",
    "InventoryClient",
    "InventoryError",
    "Latest",
    "Level",
    "MemoryCursorStore",
    "NotFound",
    "OnRetry",
    "OutcomeUnknown",
    "Overloaded",
    "OwnNumber",
    "PermissionDenied",
    "PreconditionFailed",
    "Purpose",
    "ReconciliationKind",
    "Reconciling",
    "Refused",
    "ReservationExpired",
    "RestartReason",
    "Restarted",
    "Sellable",
    "Shortage",
    "SnapshotComplete",
    "SnapshotPiece",
    "StockMirror",
    "Strategy",
    "TokenFile",
    "Unauthenticated",
    "Unavailable",
    "Watch",
    "WatchMode",
    "WriteOptions",
    "line",
    "reserve_request",
    "row_error",
]
