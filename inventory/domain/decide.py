"""One command after the other, on the batch's working state."""

from collections.abc import Callable
from typing import Any

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
from inventory.domain.ledger import Ledger
from inventory.domain.refusal import Refusal
from inventory.domain.reservation import (
    Commit,
    Expire,
    Extend,
    Fulfil,
    Release,
    Reservation,
    Reserve,
    commit,
    expire,
    extend,
    fulfil,
    release,
    reserve,
)

StockCommand = Reserve | Commit | Extend | Release | Fulfil | Expire | Adjust | Count | SetThresholds
StockAnswer = Reservation | Adjusted | LevelAfter | None

_DECISIONS: dict[type, Callable[[Ledger, Any], StockAnswer]] = {
    Reserve: reserve,
    Commit: commit,
    Extend: extend,
    Release: release,
    Fulfil: fulfil,
    Expire: expire,
    Adjust: adjust,
    Count: count,
    SetThresholds: set_thresholds,
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
        ledger.take_back()
        return answer, None
    return answer, ledger.step


def pairs(command: StockCommand) -> list[tuple[str, str]]:
    """The SKU and location codes whose levels the command needs."""
    match command:
        case Reserve():
            return [(ask.sku, ask.location) for ask in command.asks]
        case Adjust():
            return [(row.sku, row.location) for row in command.rows]
        case Count() | SetThresholds():
            return [(command.sku, command.location)]
        case Commit() | Extend() | Release() | Fulfil() | Expire():
            return []
