"""The promises, proved all the time while the server works, for a hundredth of a core at most."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

import structlog

from inventory.alarms.said import say
from inventory.domain.alarm import Alarm, AlarmKind, Broken, broken_finding
from inventory.postgres.alarms import Cursor, decided, looking, move_cursor, read_open, touch
from inventory.postgres.connection import Database, Writer
from inventory.postgres.errors import StorageError
from inventory.postgres.invariants import PROMISES, Key, Prover, State
from inventory.postgres.outage import Outage
from inventory.postgres.reads import Reader

LOOK_S = 1.0
SHARE_MAX = 0.01
"""Of the time."""
PAUSE_MAX_S = 30.0
REVISIONS_MAX = 1_000
"""The newest changes a look goes through; under more load the round through all levels sees the others later."""
LEVELS_MAX = 50
"""That have changed, and again of the round, a look."""
OPEN_MAX = 200
SLOW_S = 0.3

log = structlog.get_logger(__name__)


class Proving:
    """Looks at levels that have just changed, and goes round through all of them. Everything is of one snapshot, so
    that no write under way looks like a broken promise."""

    def __init__(
        self,
        database: Database,
        reader: Reader,
        proved: Callable[[str, str], None] = lambda promise, result: None,
    ) -> None:
        """`proved` is told of every look at a promise: it is `kept`, or `broken`, or the look has `failed`."""
        self._proved = proved
        self._reader = reader
        self._writer = Writer(database)
        self._prover = Prover(database)
        self._levels = LEVELS_MAX

    async def run(self) -> None:
        """For ever; cancel it to end it."""
        loop = asyncio.get_running_loop()
        outage = Outage(log, "proving")
        try:
            while True:
                began = loop.time()
                with outage.outlived():
                    try:
                        await self.look()
                    except StorageError:
                        self._count("failed", PROMISES)
                        raise
                took = loop.time() - began
                self._levels = max(self._levels // 2, 1) if took > SLOW_S else min(self._levels * 2, LEVELS_MAX)
                await asyncio.sleep(min(max(LOOK_S, took / SHARE_MAX), PAUSE_MAX_S))
        finally:
            self._writer.drop()
            self._prover.close()

    async def look(self) -> None:
        """Looks once, unless another replica does. Raises a `StorageError`."""
        async with looking(self._writer, "invariants") as cursor:
            if cursor is None:
                return
            present = [each.alarm for each in await read_open(self._writer, (AlarmKind.INVARIANT_BROKEN,))][:OPEN_MAX]
            async with self._prover.state() as state:
                broken, reached = await self._broken(state, cursor, present)
            names = {each.promise for each in broken}
            self._count("broken", names)
            self._count("kept", PROMISES - names)
            moves, told = await decided(self._writer, present, [broken_finding(each) for each in broken])
            await move_cursor(self._writer, "invariants", reached)
        say(told)
        await touch(self._reader, moves.kept)

    def _count(self, result: str, promises: Iterable[str]) -> None:
        for promise in promises:
            self._proved(promise, result)

    async def _broken(self, state: State, cursor: Cursor, present: Sequence[Alarm]) -> tuple[list[Broken], Cursor]:
        """What is broken of what is looked at, and how far that goes; what was broken before is always looked at."""
        after = max(cursor.revision, state.head - REVISIONS_MAX)
        keys: dict[Key, None] = dict.fromkeys(await state.moved_levels(after, self._levels))
        rounded = await state.next_levels(cursor.level or (0, 0), self._levels)
        keys.update(dict.fromkeys(rounded))
        codes = [(alarm.subject["sku"], alarm.subject["location"]) for alarm in present if "sku" in alarm.subject]
        if codes:
            keys.update(dict.fromkeys(await state.level_ids(codes)))
        broken = await state.broken_levels(keys)
        if state.head > after:
            broken += await state.broken_order(after, state.head)
        for alarm in present:
            if "revision" in alarm.subject:
                revision = int(alarm.subject["revision"])
                broken += await state.broken_order(revision - 1, revision)
        level = rounded[-1] if len(rounded) == self._levels else (0, 0)
        return broken, Cursor(state.head, level)
