"""What stands beside the levels: documents, serial numbers. Each noun has a module with these three functions."""

from collections.abc import Sequence
from typing import Any, Protocol

from inventory.domain.ledger import Ledger
from inventory.domain.reservation import Commit, Expire, Extend, Fulfil, Release, Reserve
from inventory.postgres import (
    incoming,
    lots,
    serials,
    stock_counts,
    transfers,
)
from inventory.postgres.connection import Writer
from inventory.postgres.needed import Needed


class Beside(Protocol):
    """A module of this room."""

    def concerns(self, commands: Sequence[Any]) -> bool:
        """Whether any of a batch's commands has to do with it: if not, nothing else is called."""

    async def prepare(self, writer: Writer, commands: Sequence[Any]) -> Needed:
        """Before any level is locked: locks the documents that commands name, by id, and says which levels they
        need."""

    async def read(self, writer: Writer, commands: Sequence[Any], ledger: Ledger) -> None:
        """Under the locks of the levels: reads what the decisions need into the ledger."""

    async def write(self, writer: Writer, ledger: Ledger) -> None:
        """Before the head is drawn: writes what the decisions made of it."""


ALL: tuple[Beside, ...] = (
    transfers,
    lots,
    stock_counts,
    incoming,
    serials,
)
"""In the order of their locks, and of what they read: stock counts see the lots that are named."""


def concerned(commands: Sequence[Any]) -> Sequence[Beside]:
    """Those that a batch's commands have to do with. What most batches are made of is known without asking each noun
    about each command."""
    if _PLAIN.issuperset(map(type, commands)) and not any(
        type(command) is Reserve and command.pickup is not None for command in commands
    ):
        return _OF_PLAIN
    return [noun for noun in ALL if noun.concerns(commands)]


_PLAIN = frozenset({Reserve, Commit, Extend, Release, Fulfil, Expire})
_OF_PLAIN: tuple[Beside, ...] = (serials,)
"""Serial numbers show only when the levels are locked."""
