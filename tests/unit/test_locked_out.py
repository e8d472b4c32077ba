"""Commands that wait for somebody else's locks, by what they need."""

import asyncio
from uuid import uuid4

from inventory.domain.reservation import Ask, Reserve
from inventory.engine.failures import EngineError, LockContention, ShuttingDown
from inventory.engine.locked_out import LAST_TRY_S, PARKED_S, LockedOut
from inventory.engine.submission import Submission

MOST = {"commands_max": 2, "lines_max": 100, "sources_max": 100}


class Lobby:
    def __init__(self) -> None:
        self.told: list[tuple[Submission, EngineError]] = []
        self.told_one = asyncio.Event()
        self.woken = asyncio.Event()
        self.locked_out = LockedOut(self._tell, self.woken.set)

    def _tell(self, submission: Submission, error: EngineError) -> None:
        self.told.append((submission, error))
        self.told_one.set()

    async def until_told(self, count: int) -> None:
        while len(self.told) < count:
            self.told_one.clear()
            await self.told_one.wait()

    def comes(self, sku: str, left_s: float = 60.0) -> Submission:
        loop = asyncio.get_running_loop()
        command = Reserve(1, uuid4(), (Ask(sku, "shop", 1),), None)
        return Submission(command, 1, uuid4(), b"", lambda *_: b"", loop.create_future(), loop.time() + left_s)

    def parked(self, *skus: str) -> list[Submission]:
        found = [self.comes(sku) for sku in skus]
        for submission in found:
            self.locked_out.park(submission)
        return found


async def test_those_that_need_the_same_locks_are_tried_together() -> None:
    lobby = Lobby()
    apple, pear, second, third = lobby.parked("APPLE", "PEAR", "APPLE", "APPLE")
    assert lobby.locked_out.take(**MOST, others_wait=False) == [], "not before its time"
    await lobby.woken.wait()
    assert lobby.locked_out.take(**MOST, others_wait=False) == [apple, second]
    assert lobby.locked_out.tried(0.0) == [third], "its locks are free"
    assert lobby.locked_out.take(**MOST, others_wait=False) == [pear]
    lobby.locked_out.failed([pear])
    assert lobby.locked_out.tried(0.0) == []
    assert len(lobby.locked_out) == 1


async def test_whoever_comes_later_and_needs_them_waits_too() -> None:
    lobby = Lobby()
    lobby.parked("APPLE")
    assert lobby.locked_out.keeps(lobby.comes("APPLE"))
    assert not lobby.locked_out.keeps(lobby.comes("PEAR"))
    assert len(lobby.locked_out) == 2


async def test_the_others_turn_is_as_long_as_a_try() -> None:
    lobby = Lobby()
    lobby.parked("APPLE", "PEAR")
    await lobby.woken.wait()
    assert lobby.locked_out.take(**MOST, others_wait=True)
    lobby.locked_out.tried(60.0)
    assert lobby.locked_out.is_due
    assert lobby.locked_out.take(**MOST, others_wait=True) == []
    assert lobby.locked_out.take(**MOST, others_wait=False)


async def test_callers_are_told_while_they_listen_and_those_who_left_are_not_tried() -> None:
    lobby = Lobby()
    soon, gone, stays = lobby.comes("APPLE", PARKED_S + LAST_TRY_S + 0.1), lobby.comes("APPLE"), lobby.comes("APPLE")
    for submission in (soon, gone, stays, late := lobby.comes("APPLE", LAST_TRY_S)):
        lobby.locked_out.park(submission)
    assert [(submission, type(error)) for submission, error in lobby.told] == [(late, LockContention)]
    gone.future.cancel()
    await lobby.until_told(2)
    assert [submission for submission, _ in lobby.told] == [late, soon]
    assert lobby.locked_out.take(**MOST, others_wait=False) == [stays]
    assert [submission for submission, _ in lobby.told] == [late, soon, gone]


async def test_a_stop_ends_them() -> None:
    lobby = Lobby()
    parked = lobby.parked("APPLE", "PEAR")
    lobby.locked_out.close()
    assert [(submission, type(error)) for submission, error in lobby.told] == [(one, ShuttingDown) for one in parked]
    assert (len(lobby.locked_out), lobby.locked_out.is_due) == (0, False)
