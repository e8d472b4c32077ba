"""What health checks are told, per service.

- `live`: the event loop goes round. Whatever else is wrong, starting the process again would not mend it.
- `''` and `ready`: everything works. Traffic goes to other replicas while it doesn't.
- A service by its name: as `ready`; those that only read serve on while nothing can be written.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from inventory.engine.lane import Lane
from inventory.postgres.connection import Database
from inventory.postgres.probe import Found, Probe

LOOK_S = 1.0
LANE_STUCK_S = 5.0
LIVE, READY, ALL = "live", "ready", ""

log = structlog.get_logger(__name__)
Tell = Callable[[str, bool], Awaitable[None]]


class Health:
    """Looks every second. `unwell`: why not everything works, '' when it does."""

    def __init__(self, database: Database, lane: Lane, services: Sequence[str], reading: Sequence[str]) -> None:
        """`reading` are those of the services that write nothing."""
        self.unwell = ""
        self._lane = lane
        self._probe = Probe(database)
        self._writing = (ALL, READY, *(service for service in services if service not in reading))
        self._reading = tuple(reading)
        self._tell: Tell | None = None
        self._told: dict[str, bool] = {}
        self._is_head_locked = False

    async def begin(self, tell: Tell) -> None:
        """`tell` is told of a service whether it serves, whenever that changes; at first everything does."""
        self._tell = tell
        for name in (LIVE, *self._writing, *self._reading):
            await self._say(name, serves=True)

    async def run(self) -> None:
        """For ever; cancel it to end it."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(LOOK_S)
        finally:
            self._probe.close()

    async def look(self) -> None:
        found = await self._probe.look()
        if not (found.unreadable or found.unwritable):
            found = Found(unwritable=await self._lane_stuck())
        why = found.unreadable or found.unwritable
        if _kind(why) != _kind(self.unwell):
            if why:
                log.error("not serving until it is well again", why=why)
            else:
                log.info("serving again", after=self.unwell)
        self.unwell = why
        for name in self._writing:
            await self._say(name, serves=not why)
        for name in self._reading:
            await self._say(name, serves=not found.unreadable)

    async def _lane_stuck(self) -> str:
        """A lane is alive when nobody waits, or when it has answered somebody lately. Else it hangs, or nobody's
        command can be committed because the feed's head is locked; that only some levels are locked concerns nobody
        else. A command that is heavy, and has its time, may have the head locked itself: whoever calls with such would
        else have traffic go elsewhere, and make the next server unwell."""
        stuck_s = self._lane.stuck_s
        if stuck_s > LANE_STUCK_S and self._lane.round_s > LANE_STUCK_S:
            return f"the lane is stuck: its oldest command has waited for {stuck_s:.0f} s"
        if (stuck_s > LANE_STUCK_S and not self._lane.may_take_longer) or self._is_head_locked:
            self._is_head_locked = not await self._probe.can_lock_head()
            if self._is_head_locked:
                return "the lane is stuck: somebody keeps the feed's head locked"
        return ""

    async def _say(self, name: str, *, serves: bool) -> None:
        if self._tell is not None and self._told.get(name) is not serves:
            self._told[name] = serves
            await self._tell(name, serves)


def _kind(why: str) -> str:
    """What is one reason for the log, though its numbers change."""
    return why.partition(":")[0]
