"""What can go wrong with the database, as its callers need to tell it apart."""

import asyncpg


class StorageError(Exception):
    """Base of all. Its text is for the server's own log, never for a client."""


class Unavailable(StorageError):
    """The database can't be reached or can't write. The transaction had no effect."""


class OutcomeUnknown(StorageError):
    """The connection was lost during COMMIT: only the same request_ids sent again can tell."""


class Contention(StorageError):
    """Locks could not be had in time, or a deadlock was broken here. The transaction had no effect."""


class TooSlow(Contention):
    """A statement took longer than it may. The transaction had no effect."""


class TooWide(TooSlow):
    """What is asked for would come to so many levels that none was looked at."""

    def __init__(self, levels: int) -> None:
        super().__init__(f"{levels} levels at once")
        self.levels = levels


class Interfered(StorageError):
    """Another writer came between look and lock: look again. The transaction had no effect."""


class LookAgain(Interfered):
    """What was looked at was not what is needed, and now it is known what is: look again at once."""


class TopologyChanged(LookAgain):
    """Places or channels are no longer those in memory: read them, and look again."""


class Narrow(LookAgain):
    """SKUs that need a wide look: bundles, or with a limit for back-orders. Look again."""

    def __init__(self, skus: list[str]) -> None:
        super().__init__(f"{len(skus)} SKUs need a wide look")
        self.skus = skus


class CommandFault(StorageError):
    """The database refuses a statement for what a command wrote. The transaction had no effect."""


_CONTENTION = ("40001", "40P01", "55P03")
_SLOW = "57014"
_CONNECTION = ("08", "25", "28", "3D000", "53", "55000", "57P0", "58")
_INTERFERENCE = (
    "request_pkey",
    "sku_code_is_unique",
    "location_code_is_unique",
    "channel_code_is_unique",
    "barcode_pkey",
)


def classified(error: BaseException) -> StorageError:
    """The house's error for one of the driver's or the socket's."""
    if isinstance(error, StorageError):
        return error
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        text = f"{state} {type(error).__name__}"
        if state == _SLOW:
            return TooSlow(text)
        if state in _CONTENTION:
            return Contention(text)
        if state.startswith(_CONNECTION):
            return Unavailable(text)
        if state == "23505" and getattr(error, "constraint_name", None) in _INTERFERENCE:
            return Interfered(text)
        return CommandFault(f"{text} {getattr(error, 'constraint_name', None) or ''}")
    if isinstance(error, (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)):
        return Unavailable(type(error).__name__)
    return CommandFault(type(error).__name__)
