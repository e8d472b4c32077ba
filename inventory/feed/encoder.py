"""How changes look on the wire, for those who don't know it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from inventory.domain.availability import Sellable
from inventory.domain.committed import Committed
from inventory.feed.change import Group, Item, Record, Viewer


class Encoder(Protocol):
    """The feed hands it what it tells, and never looks inside."""

    def record(self, group: Group) -> Record:
        """Serialises one revision."""

    def row(self, row: Any) -> Item:
        """Serialises one ledger row."""

    def committed(self, committed: Committed, channels: Mapping[int, str]) -> list[Record] | None:
        """Serialises a batch as it will be read back; None: a channel's code isn't known."""

    def frame(self, revision: int, recorded_at: bytes, items: Sequence[Item], fragment: bool) -> bytes:
        """A change, or a fragment of one, as a field of the message."""

    def latest(self, items: Sequence[Item]) -> bytes:
        """Newest rows as fields of the message."""

    def message(self, epoch: UUID, frames: Sequence[bytes], bookmark: int | None) -> bytes:
        """A message. `bookmark`: everything up to it that matches has been given; None: not yet all of it."""

    def shown(self, viewer: Viewer, sku: str, categories: tuple[str, ...], sellable: Sellable) -> Item:
        """Serialises what a channel may sell of a SKU."""

    def timestamp(self, moment: datetime) -> bytes:
        """A record's `recorded_at`."""
