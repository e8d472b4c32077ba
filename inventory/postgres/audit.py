"""The audit trail: written beside what changes, and listed."""

from collections.abc import Sequence
from datetime import datetime

from inventory.domain.audit import Entry
from inventory.postgres.stock import Source


async def append(source: Source, now: datetime, entries: Sequence[Entry], base: int | None = None) -> None:
    """Entries of what changes in the same transaction; each `step` counts from the revision `base`, None: the present
    one. Locks the feed's head until the transaction's end, so it comes last. Raises a `StorageError`."""
    await source.fetch("append_audit", base, now, entries)
