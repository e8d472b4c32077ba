"""Commands of batches that took too long, and what becomes of those nobody waits for."""

import asyncio
import gc
from uuid import uuid4

import pytest

from inventory.domain.reservation import Release
from inventory.engine.failures import EngineError, TooHeavy, TurnNotCome
from inventory.engine.submission import Submission
from inventory.engine.suspects import Suspects


def _submission(left_s: float = 60) -> Submission:
    loop = asyncio.get_running_loop()
    command = Release(1, uuid4())
    return Submission(command, 1, uuid4(), b"", lambda *_: b"", loop.create_future(), loop.time() + left_s)


async def test_halves_are_tried_and_a_single_one_has_its_try_and_is_told() -> None:
    told: list[tuple[Submission, EngineError]] = []
    suspects = Suspects(lambda submission, error: told.append((submission, error)))
    guilty, innocent = _submission(), _submission()
    suspects.failed([guilty, innocent], None)
    first, limit_ms = suspects.take(others_wait=False)
    assert first == [guilty]
    suspects.failed(first, limit_ms)
    assert [(submission, type(error)) for submission, error in told] == [(guilty, TooHeavy)]
    assert suspects.take(others_wait=False)[0] == [innocent]
    assert not suspects


async def test_whose_caller_is_gone_is_not_tried() -> None:
    told: list[Submission] = []
    suspects = Suspects(lambda submission, _: told.append(submission))
    gone, stays = _submission(), _submission()
    suspects.failed([gone, stays], None)
    gone.future.cancel()
    assert suspects.take(others_wait=False)[0] == [stays]
    assert told == [gone]


@pytest.mark.parametrize("ends", ["tried", "closed"])
async def test_nothing_is_kept_until_its_caller_s_deadline_of_who_has_been_tried(ends: str) -> None:
    suspects = Suspects(lambda submission, error: submission.fail(error))
    suspects.failed([_submission(), _submission()], None)
    if ends == "closed":
        suspects.close()
    while suspects:
        suspects.failed(*suspects.take(others_wait=False))
    gc.collect()
    assert not any(isinstance(each, Submission) for each in gc.get_objects())


@pytest.mark.parametrize(("together", "why"), [(1, TooHeavy), (4, TurnNotCome)])
async def test_only_who_was_tried_alone_is_told_to_be_too_heavy_at_the_deadline(
    together: int, why: type[EngineError]
) -> None:
    suspects = Suspects(lambda submission, error: submission.fail(error))
    late = [_submission(left_s=0) for _ in range(together)]
    suspects.failed(late, None)
    told = await asyncio.gather(*(each.future for each in late), return_exceptions=True)
    assert [type(error) for error in told] == [why] * together
    assert suspects.take(others_wait=False) == ([], 0)
