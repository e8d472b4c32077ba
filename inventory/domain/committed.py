"""What is left of a batch when it is written: what the feed is told."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from inventory.domain.ledger import Key
from inventory.domain.level import Place
from inventory.domain.movement import Movement


class Committed(NamedTuple):
    """What a batch has written: the commands' movements in order, each with its `step`; a command's revision is `base`
    and its step. Codes and categories of the levels are those of revision `seen`."""

    base: int
    steps: int
    seen: int
    recorded_at: datetime
    movements: Sequence[Movement]
    places: Mapping[Key, Place]
    lots: Mapping[int, str]

    @property
    def head(self) -> int:
        """The last revision."""
        return self.base + self.steps
