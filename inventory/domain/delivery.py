"""When a message that could not be delivered is tried again."""

from datetime import timedelta

AGAIN_FIRST = timedelta(seconds=1)
AGAIN_MAX = timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=1)
DOUBLINGS_MAX = 16


def again_after(attempt: int, age: timedelta, chance: float) -> timedelta | None:
    """After the attempt of this number, from 1, of a message that has waited for so long: doubled each time, half of it
    left to `chance`, 0 to 1, so that those that failed together don't come back together. None: it is given up."""
    if age >= GIVEN_UP_AFTER:
        return None
    pause: timedelta = min(AGAIN_FIRST * 2 ** min(attempt - 1, DOUBLINGS_MAX), AGAIN_MAX)
    return pause * (0.5 + chance / 2)
