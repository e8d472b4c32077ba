"""Cursors: how far somebody has come in the feed, and where to keep that."""

import os
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Protocol
from uuid import UUID

from inventory.v1 import core_pb2
from inventory_client import durable

REVISION_MAX = 2**63 - 1


class Cursor(NamedTuple):
    """A place in the one order of changes. Keep it with what you made of the changes up to it, in one transaction if
    you can, and start a watch from it: nothing is missed and nothing comes twice.

    >>> Cursor.parse(str(Cursor("5f0c1a52-7f0e-4a37-8f3c-0d6f1d9d9a01", 17))).revision
    17
    """

    epoch: str
    """The database's identity; '' means: whatever it is now."""
    revision: int
    """The last change seen; 0: before the first one."""

    @classmethod
    def of(cls, message: core_pb2.Cursor) -> "Cursor":
        return cls(message.epoch, message.revision)

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Reads what `str` wrote. Raises `ValueError`."""
        epoch, _, revision = text.partition(" ")
        if not (revision.isascii() and revision.isdecimal()) or int(revision) > REVISION_MAX:
            raise ValueError(f"not a cursor: {text[:80]!r}")
        return cls(str(UUID(epoch)) if epoch != "-" else "", int(revision))

    def message(self) -> core_pb2.Cursor:
        return core_pb2.Cursor(epoch=self.epoch, revision=self.revision)

    def __str__(self) -> str:
        return f"{self.epoch or '-'} {self.revision}"


class CursorStore(Protocol):
    """Where a watch keeps its cursor. Called in a worker thread, one call at a time.

    Instead of one, whoever has a transaction of its own passes `start=` a cursor it has loaded, and stores each event's
    `cursor` with its own work.
    """

    def load(self) -> Cursor | None:
        """The cursor saved last; None when there never was one."""

    def save(self, cursor: Cursor) -> None:
        """Keeps it."""


class CursorFileCorrupt(Exception):
    """A cursor's file holds no cursor. Not taken for a new start, which would silently skip or repeat changes: look
    what happened, then delete the file to start from the beginning."""


class MemoryCursorStore:
    """Keeps the cursor as long as the process lives."""

    def __init__(self, cursor: Cursor | None = None) -> None:
        self.cursor = cursor

    def load(self) -> Cursor | None:
        return self.cursor

    def save(self, cursor: Cursor) -> None:
        self.cursor = cursor


class FileCursorStore:
    """Keeps the cursor in a file that is whole at every moment, also after a crash of the machine.

    One process a file: two would overwrite each other.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._lock = Lock()

    def load(self) -> Cursor | None:
        """Raises `CursorFileCorrupt`, `OSError`."""
        try:
            text = self._path.read_text("ascii")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            raise _corrupt(self._path, "not text") from None
        try:
            if not text.endswith("\n"):
                raise ValueError("cut off")
            return Cursor.parse(text.removesuffix("\n"))
        except ValueError as wrong:
            raise _corrupt(self._path, str(wrong)) from None

    def save(self, cursor: Cursor) -> None:
        """Returns when it is on the disk. Raises `OSError`."""
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with self._lock:
            durable.replace(self._path, f"{cursor}\n".encode("ascii"), beside)


def _corrupt(path: Path, why: str) -> CursorFileCorrupt:
    return CursorFileCorrupt(f"the cursor's file {path} is damaged ({why}): find out why, then delete it to begin anew")
