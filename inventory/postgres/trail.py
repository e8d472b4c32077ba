"""The way into the audit trail: entries are written in the transaction of what they tell.

The lane hands over its batch's; all that is changed beside it is noted in a `Change`.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from inventory.domain.audit import Author, Entry
from inventory.postgres.stock import Source


async def append_entries(
    source: Source, entries: Sequence[Entry], base: int | None = None, now: datetime | None = None
) -> None:
    """Entries of what changes in the same transaction, after it was written; each `step` counts from the revision
    `base`, None: the present one. `now`: when that was decided, None: now. Locks the feed's head until the
    transaction's end, so it comes last. Raises a `StorageError`."""
    await source.fetch("append_audit", base, now, entries)


class Change:
    """An open transaction; `note` what is done in it, for the audit trail."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._entries: list[Entry] = []
        self._base: int | None = None

    async def fetch(self, name: str, *arguments: object) -> Sequence[Any]:
        """Runs a named query. Raises a `StorageError`."""
        return await self._source.fetch(name, *arguments)

    def note(
        self,
        action: str,
        channel_id: int,
        author: Author,
        detail: Mapping[str, object] | None = None,
        *,
        request_id: UUID | None = None,
        revision: int | None = None,
        code: int = 0,
    ) -> None:
        """One entry. `revision`: what the transaction has drawn for it, None: the feed does not tell of it; `code`: 0,
        or with which gRPC status code it was refused."""
        step = None
        if revision is not None:
            if self._base is None:
                self._base = revision - 1
            step = revision - self._base
        told = None if detail is None else json.dumps(detail)
        self._entries.append(Entry(len(self._entries), step, channel_id, *author, action, request_id, code, told))

    async def tell(self) -> None:
        """Writes what was noted. Raises a `StorageError`."""
        if self._entries:
            await append_entries(self._source, self._entries, self._base)


@asynccontextmanager
async def noting(source: Source) -> AsyncIterator[Change]:
    """Within an open transaction: what is noted is written when the block is left normally. Raises a `StorageError`."""
    change = Change(source)
    yield change
    await change.tell()
