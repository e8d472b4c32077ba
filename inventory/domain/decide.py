"""One command after the other, on the batch's working state."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from inventory.domain import pickup
from inventory.domain.adjustment import (
    Adjust,
    Adjusted,
    Count,
    LevelAfter,
    SetThresholds,
    adjust,
    count,
    set_thresholds,
)
from inventory.domain.backorder import fill_backorders
from inventory.domain.incoming import SetIncoming, set_incoming
from inventory.domain.ledger import Ledger
from inventory.domain.limits import SOURCES_MAX
from inventory.domain.reallocation import Reallocate, reallocate
from inventory.domain.receipt import ExpireLots, Receive, Reclassify, expire_lots, receive, reclassify
from inventory.domain.refusal import Refusal
from inventory.domain.reservation import (
    Commit,
    Expire,
    Extend,
    FillBackorders,
    Fulfil,
    Release,
    Reservation,
    Reserve,
)
from inventory.domain.reservation_life import commit, expire, extend, fulfil, release
from inventory.domain.reserve import reserve
from inventory.domain.shipping import cancel_transfer, create_transfer, receive_transfer, ship_transfer
from inventory.domain.stock_count import (
    CancelCount,
    OpenCount,
    PostCount,
    RecordCount,
    Recorded,
    StockCount,
    cancel_count,
    open_count,
    post_count,
    record_count,
)
from inventory.domain.topology import Topology
from inventory.domain.transfer import CancelTransfer, CreateTransfer, ReceiveTransfer, ShipTransfer, Transfer

CountCommand = OpenCount | RecordCount | PostCount | CancelCount
StockCommand = (
    Reserve
    | Commit
    | Extend
    | Release
    | Fulfil
    | Expire
    | FillBackorders
    | Adjust
    | Count
    | SetThresholds
    | CountCommand
    | Receive
    | Reclassify
    | SetIncoming
    | ExpireLots
    | Reallocate
    | CreateTransfer
    | ShipTransfer
    | ReceiveTransfer
    | CancelTransfer
)
StockAnswer = Reservation | Adjusted | LevelAfter | tuple[LevelAfter, ...] | StockCount | Recorded | Transfer | None

_DECISIONS: dict[type, Callable[[Ledger, Any], StockAnswer]] = {
    Reserve: reserve,
    Commit: commit,
    Extend: extend,
    Release: release,
    Fulfil: fulfil,
    Expire: expire,
    FillBackorders: fill_backorders,
    Adjust: adjust,
    Count: count,
    SetThresholds: set_thresholds,
    Reallocate: reallocate,
    CreateTransfer: create_transfer,
    ShipTransfer: ship_transfer,
    ReceiveTransfer: receive_transfer,
    CancelTransfer: cancel_transfer,
    OpenCount: open_count,
    RecordCount: record_count,
    PostCount: post_count,
    CancelCount: cancel_count,
    Receive: receive,
    Reclassify: reclassify,
    SetIncoming: set_incoming,
    ExpireLots: expire_lots,
}


def decide(ledger: Ledger, command: StockCommand) -> tuple[StockAnswer | Refusal, int | None]:
    """The answer, and the command's step within the batch, None when it changed nothing.

    A refused command changes nothing and spoils nobody else's.
    """
    ledger.begin()
    try:
        answer = _DECISIONS[type(command)](ledger, command)
    except Refusal as refusal:
        ledger.take_back()
        return refusal, None
    if not ledger.moved:
        if ledger.noted:
            ledger.free_step()
        else:
            ledger.take_back()
        return answer, None
    return answer, ledger.step


def pairs(command: StockCommand) -> list[tuple[str, str]]:
    """The SKU and location codes whose levels the command needs; a bundle stands for what it is made of."""
    match command:
        case Reserve():
            return [(ask.sku, ask.location) for ask in command.asks if ask.location]
        case Adjust() | SetIncoming():
            return [(row.sku, row.location) for row in command.rows]
        case Receive():
            return [(row.sku, command.location) for row in command.rows]
        case Count() | SetThresholds() | FillBackorders() | Reclassify() | ExpireLots():
            return [(command.sku, command.location)]
        case Reallocate():
            return [(move.sku, move.to_location) for move in command.moves]
        case CreateTransfer():
            places = (command.from_location, command.to_location)
            return [(row.sku, location) for row in command.rows for location in places]
        case Commit() | Extend() | Release() | Fulfil() | Expire():
            return []
        case ShipTransfer() | ReceiveTransfer() | CancelTransfer():
            return []
        case OpenCount() | RecordCount() | PostCount() | CancelCount():
            return []  # those of its lines are found with it


def subjects(command: object) -> set[str | UUID]:
    """What the command is about: the SKU codes that it names, or its document."""
    match command:
        case Reserve():
            return {ask.sku for ask in command.asks}
        case Commit() | Extend() | Release() | Fulfil() | Expire():
            return {command.reservation_id}
        case ShipTransfer() | ReceiveTransfer() | CancelTransfer():
            return {command.transfer_id}
        case OpenCount() | RecordCount() | PostCount() | CancelCount():
            return {command.count_id}
        case _:
            return {sku for sku, _ in pairs(command) or ()}  # type: ignore[arg-type]  # None: it isn't about stock


def makes_levels(command: StockCommand) -> bool:
    """Whether levels that were never made are made for it."""
    return isinstance(command, (Adjust, Count, SetThresholds, Receive, Reclassify, SetIncoming))


def arrivals(command: StockCommand) -> list[tuple[str, str]]:
    """Where it may bring goods that somebody waits for, of its pairs."""
    match command:
        case Adjust():
            return [(row.sku, row.location) for row in command.rows if row.delta > 0 and row.disposition is None]
        case Receive():
            return [(row.sku, command.location) for row in command.rows if row.disposition is None]
        case Reclassify():
            return [(command.sku, command.location)] if command.target is None else []
        case Count() | FillBackorders():
            return [(command.sku, command.location)]
        case Reallocate():
            return pairs(command)
        case _:
            return []


def lots(command: object) -> list[tuple[str, str]]:
    """The SKU and lot codes that the command names."""
    match command:
        case Adjust() | Receive() | RecordCount() | CreateTransfer() | ShipTransfer() | ReceiveTransfer():
            return [(row.sku, row.lot) for row in command.rows if row.lot]
        case Reclassify() if command.lot:
            return [(command.sku, command.lot)]
        case _:
            return []


def new_lots(command: object) -> list[tuple[str, str]]:
    """Those that are made for it when nobody has ever named them."""
    return lots(command) if isinstance(command, Receive) else []


def serials(command: object) -> list[tuple[str, str]]:
    """The SKU codes and serial numbers of the pieces that the command names."""
    match command:
        case Adjust() | Receive():
            return [(row.sku, serial) for row in command.rows if row.serials for serial in row.serials]
        case Reclassify():
            return [(command.sku, serial) for serial in command.serials]
        case Reserve() | Release() | Fulfil():
            return [(ask.sku, serial) for ask in command.asks if ask.serials for serial in ask.serials]
        case _:
            return []


def spreads(command: object, topology: Topology) -> dict[str, tuple[int, ...]]:
    """The SKUs that may come from several places, and the numbers of those. None, when they make too many levels: it is
    refused for that."""
    if not isinstance(command, Reserve):
        return {}
    found = pickup.spreads(topology, command)
    return found if pickup.sources(found) <= SOURCES_MAX else {}


def sources(command: object, topology: Topology) -> int:
    """How many levels that makes."""
    return pickup.sources(spreads(command, topology))
