"""What the till has begun and not ended, in a small file that a crash of the till leaves whole."""

import contextlib
import enum
import fcntl
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from inventory_client import durable


class JournalError(Exception):
    """The file can't be used; the text says why."""


class Step(enum.StrEnum):
    """What is to be done next. The one before has been answered."""

    RESERVE = "reserve"
    COMMIT = "commit"
    FULFIL = "fulfil"
    RELEASE = "release"
    """The cashier gave up when it was not known whether the sale had been made, or a later step was refused."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One payment, with the request_ids of its calls: however often they are sent, each takes effect once."""

    reference: str
    """Of the sale: on the receipt, and with the reservation."""
    location: str
    lines: tuple[tuple[str, int], ...]
    """SKU and quantity."""
    reserve_id: str
    commit_id: str
    fulfil_id: str
    release_id: str
    step: Step = Step.RESERVE
    reservation_id: str = ""
    serials: tuple[tuple[str, str], ...] = ()
    """SKU and serial number of each piece that has one."""

    @classmethod
    def new(
        cls, till: str, location: str, lines: tuple[tuple[str, int], ...], serials: tuple[tuple[str, str], ...] = ()
    ) -> Self:
        reserve, commit, fulfil, release = (str(uuid4()) for _ in range(4))
        return cls(f"{till}-{reserve[:8]}", location, lines, reserve, commit, fulfil, release, serials=serials)

    def serials_of(self, sku: str) -> tuple[str, ...]:
        return tuple(serial for of, serial in self.serials if of == sku)

    def at(self, step: Step, reservation_id: str = "") -> "Intent":
        return replace(self, step=step, reservation_id=reservation_id or self.reservation_id)


class Journal:
    """The open intents, oldest first. A change is on the disk when the call returns."""

    def __init__(self, path: Path) -> None:
        """Use `open_journal`."""
        self._path = path
        self._intents = {intent.reference: intent for intent in _read(path)}

    @property
    def intents(self) -> tuple[Intent, ...]:
        return tuple(self._intents.values())

    def intent(self, reference: str) -> Intent | None:
        return self._intents.get(reference)

    def put(self, intent: Intent) -> None:
        self._intents[intent.reference] = intent
        self._write()

    def drop(self, intent: Intent) -> None:
        self._intents.pop(intent.reference, None)
        self._write()

    def _write(self) -> None:
        intents = [asdict(intent) for intent in self._intents.values()]
        durable.replace(self._path, json.dumps(intents).encode(), self._path.with_name(f"{self._path.name}.new"))


@contextlib.contextmanager
def open_journal(path: Path) -> Iterator[Journal]:
    """One till at a time: the same intents must not be seen through twice. Raises `JournalError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f"{path.name}.lock").open("w")
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalError(f"{path}: another till uses it") from None
        yield Journal(path)


def _read(path: Path) -> Iterator[Intent]:
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        for row in rows:
            lines = tuple((str(sku), quantity) for sku, quantity in row["lines"])
            if any(type(quantity) is not int or quantity < 1 for _, quantity in lines):
                raise ValueError("a quantity is a whole number from 1")
            serials = tuple((str(sku), str(serial)) for sku, serial in row.get("serials", ()))
            yield Intent(**{**row, "lines": lines, "serials": serials, "step": Step(row["step"])})
    except FileNotFoundError:
        return
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise JournalError(f"{path} is no journal of a till: {error}") from error
