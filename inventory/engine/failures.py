"""Why a command got no definite answer. `EngineError.reason` names the API's reason."""

from pathlib import Path
from traceback import extract_tb

from inventory.domain.refusal import Reason
from inventory.postgres.errors import StorageError

FRAMES_LOGGED_MAX = 6


class EngineError(Exception):
    """Base of all: not a refusal, so nothing is remembered. `retry_after_s` is a hint for the caller."""

    reason = Reason.INTERNAL
    message = "a defect of the server; the request had no effect"
    retry_after_s: float | None = None


class Overloaded(EngineError):
    """The queue is full; refused at once, without effect."""

    reason = Reason.OVERLOADED
    message = "the queue of commands is full"
    retry_after_s: float | None = 0.1


class AccessChanged(EngineError):
    """What the caller may do was changed while its stream was open, or its request was on the way."""

    reason = Reason.ACCESS_CHANGED
    message = "what the channel may do has changed: call again"
    retry_after_s: float | None = 0.1


class StorageUnavailable(EngineError):
    """The database could not be reached until the deadline; without effect."""

    reason = Reason.STORAGE_UNAVAILABLE
    message = "the database can't be reached; the request had no effect"
    retry_after_s: float | None = 1.0


class LockContention(EngineError):
    """Locks could not be had until the deadline; without effect."""

    reason = Reason.CONTENTION
    message = "locks could not be had in time; the request had no effect"
    retry_after_s: float | None = 0.2


class TooHeavy(EngineError):
    """A statement for it, alone or with few others, took longer than it may; without effect."""

    reason = Reason.TOO_HEAVY
    message = "it takes the database too long, at least now; the request had no effect: ask for less at once, or later"
    retry_after_s: float | None = 30.0


class TurnNotCome(EngineError):
    """Others take the database too long, and it had no try of its own before its deadline; without effect."""

    reason = Reason.OVERLOADED
    message = "its turn did not come before the deadline; the request had no effect"
    retry_after_s: float | None = 0.1


class Unknown(EngineError):
    """The database vanished during COMMIT and didn't come back until the deadline."""

    reason = Reason.OUTCOME_UNKNOWN
    message = "whether it was committed is not known; send it again with the same request_id"


class Defect(EngineError):
    """The database refused what the engine wrote: an invariant would have been broken. Without effect."""


class InProgress(EngineError):
    """The first call with this request_id is still running."""

    reason = Reason.REQUEST_IN_PROGRESS
    message = "the first call with this request_id is still running"
    retry_after_s: float | None = 0.2


class ShuttingDown(EngineError):
    """The server is stopping; the command was not started."""

    reason = Reason.SHUTTING_DOWN
    message = "the server is stopping"
    retry_after_s: float | None = 0.1


def described(error: BaseException) -> str:
    """What the log says of a defect: its type and its way through the code. An error's own text, its causes and its
    locals may hold SQL, a DSN, or a customer's data; a `StorageError`'s text is the house's."""
    frames = extract_tb(error.__traceback__)[-FRAMES_LOGGED_MAX:]
    way = " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    text = f" {error}" if isinstance(error, StorageError) else ""
    return f"{type(error).__name__}{text} at {way}"
