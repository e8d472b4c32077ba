"""Alarms of stock, found from what was committed: a cursor goes through the ledger, whichever replica moves it."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from inventory.alarms.said import say
from inventory.domain.alarm import Finding, stock_findings
from inventory.postgres.alarms import (
    Cursor,
    LevelOfAlarms,
    changed_levels,
    held_levels,
    levels_of_alarms,
    looking,
    move_cursor,
    next_levels,
    page_end,
    tell_within,
    touch,
)
from inventory.postgres.connection import Writer
from inventory.postgres.reads import Reader

ROUND_LEVELS = 1_000
PAGES_A_LOOK_MAX = 20
HELD_S = 30.0


class StockLook:
    """LOW_STOCK, REORDER_POINT, OVERSELL_USED. At first there is one round through all levels, in pages."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer
        self._done_to = -1
        self._held_at = float("-inf")
        self._loop = asyncio.get_running_loop()

    async def look(self) -> None:
        """Goes on to the ledger's end, or far enough for now. Raises a `StorageError`."""
        await self._look_at_held()
        head = (await self._reader.head()).revision
        if head == self._done_to:
            return
        for _ in range(PAGES_A_LOOK_MAX):
            if not await self._page():
                self._done_to = head
                return

    async def _look_at_held(self) -> None:
        """Alarms that stayed open because one about the same had just been closed, though their level moves no more."""
        now = self._loop.time()
        if now < self._held_at + HELD_S:
            return
        self._held_at = now
        async with looking(self._writer, "stock") as cursor:
            if cursor is None:
                return
            _, _, closed = _moves(await levels_of_alarms(self._writer, await held_levels(self._writer)))
            say(await tell_within(self._writer, (), closed))

    async def _page(self) -> bool:
        """Whether there may be more."""
        kept: dict[UUID, Finding] = {}
        async with looking(self._writer, "stock") as cursor:
            if cursor is None:
                return False
            end = await page_end(self._writer, cursor.revision)
            if end == cursor.revision and cursor.level is None:
                return False
            keys = set(await changed_levels(self._writer, cursor.revision, end)) if end > cursor.revision else set()
            level = cursor.level
            if level is not None:
                rounded = await next_levels(self._writer, level, ROUND_LEVELS)
                keys.update(rounded)
                level = rounded[-1] if len(rounded) == ROUND_LEVELS else None
            opened, kept, closed = _moves(await levels_of_alarms(self._writer, keys))
            say(await tell_within(self._writer, opened, closed))
            await move_cursor(self._writer, "stock", Cursor(end, level))
        await touch(self._reader, kept)
        return True


def _moves(levels: Sequence[LevelOfAlarms]) -> tuple[list[Finding], dict[UUID, Finding], list[UUID]]:
    opened: list[Finding] = []
    kept: dict[UUID, Finding] = {}
    closed: list[UUID] = []
    for level in levels:
        found = {finding.kind: finding for finding in stock_findings(level.facts)}
        for kind, alarm_id in level.open_alarms:
            seen = found.pop(kind, None)
            if seen is None:
                closed.append(alarm_id)
            else:
                kept[alarm_id] = seen
        opened += [finding for finding in found.values() if finding.opens]
    return opened, kept, closed
