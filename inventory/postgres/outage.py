"""How a task that runs for ever lives through an outage of the database: it says so once, and goes on."""

from collections.abc import Iterator
from contextlib import contextmanager

from structlog.typing import FilteringBoundLogger

from inventory.postgres.errors import StorageError


class Outage:
    """As one task meets it: the log has a line when the task begins to wait, and one when it goes on."""

    def __init__(self, log: FilteringBoundLogger, task: str) -> None:
        """`task`: what waits, as the log says it."""
        self._log = log
        self._task = task
        self._waits = False

    @contextmanager
    def outlived(self) -> Iterator[None]:
        """A `StorageError` ends the block and nothing more: it is for the caller to try again."""
        try:
            yield
        except StorageError as error:
            if not self._waits:
                self._waits = True
                self._log.warning(f"{self._task} waits", why=type(error).__name__)
        else:
            if self._waits:
                self._waits = False
                self._log.info(f"{self._task} goes on")
