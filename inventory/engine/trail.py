"""A batch's entries of the audit trail."""

import json
from datetime import datetime

from inventory.domain.adjustment import SetThresholds
from inventory.domain.audit import Author, Entry
from inventory.domain.ledger import Ledger
from inventory.domain.reservation import Extend
from inventory.engine.submission import Submission

Figures = tuple[int | str | None, ...]
"""What a command changes that no movement tells of."""


class Trail:
    """Entries in the order of the commands."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(self, step: int | None, channel_id: int, author: Author, command: object) -> None:
        """What the engine did of itself."""
        self.entries.append(Entry(len(self.entries), step, channel_id, *author, type(command).__name__, None, 0, None))

    def add_submitted(
        self,
        submission: Submission,
        step: int | None,
        code: int,
        before: Figures | None = None,
        after: Figures | None = None,
    ) -> None:
        """`before`, `after`: what no movement tells of."""
        detail = None if before is None or code else json.dumps({"before": before, "after": after})
        self.entries.append(
            Entry(
                len(self.entries),
                step,
                submission.channel_id,
                *submission.author,
                submission.action or type(submission.command).__name__,
                submission.request_id,
                code,
                detail,
            )
        )


def figures(ledger: Ledger, command: object) -> Figures | None:
    """A level's thresholds, or when a hold runs out; None for all commands whose movements tell everything."""
    if type(command) is Extend:
        reservation = ledger.reservations.get(command.reservation_id)
        return None if reservation is None else (_text(reservation.expires_at),)
    if type(command) is SetThresholds:
        place = ledger.places.get((command.sku, command.location))
        level = place and ledger.levels.get((place.sku_id, place.location_id))
        return level and (level.safety_stock, level.reorder_point, level.backorder_limit)
    return None


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
