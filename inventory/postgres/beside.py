"""What stands beside the levels: documents, serial numbers. Each noun has a module with these three functions."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, Protocol

from inventory.domain.ledger import Ledger
from inventory.postgres.connection import Writer

Pair = tuple[str, str]
"""SKU code and location code."""


class Needed(NamedTuple):
    """Levels that commands turn out to need: `pairs` to lock, of which those in `makes` are made when there are none,
    and in `arrivals` goods may arrive for which somebody waits."""

    pairs: Collection[Pair] = ()
    makes: Collection[Pair] = ()
    arrivals: Collection[Pair] = ()


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


ALL: tuple[Beside, ...] = ()
"""In the order of their locks."""
