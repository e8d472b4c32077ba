"""What is known at the end, by whom."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from inventory_demo.fault import Kill
from inventory_demo.follower import WatchEnded
from inventory_demo.mirrors import MirrorEnded
from inventory_demo.quantities import Key, Quantities
from inventory_demo.sales import Sales
from inventory_demo.views import ViewDoubter


@dataclass(frozen=True, slots=True)
class Evidence:
    baskets: int
    lines: int
    opening: Mapping[Key, int]
    """What was put on the shelves before the first basket."""
    sales: Sales
    """As counted by the sellers from the answers they got."""
    watched: WatchEnded
    """As rebuilt from the stream of changes, from which revision on."""
    mirrors: Sequence[MirrorEnded]
    """As mirrored for each channel."""
    views: Mapping[str, ViewDoubter]
    """By the name of the channel, what it was shown."""
    head: int
    """The last revision there was when all was over."""
    levels: Mapping[Key, Quantities]
    """As ListStock says."""
    ledger: Mapping[Key, Quantities]
    """As the movements of ListMovements add up."""
    live: int
    """Reservations that still hold or are allocated something."""
    expired: AbstractSet[str]
    """The web shop's reservations that ran out."""
    kill: Kill | None
    """None: the only server is somebody else's."""
    verified: tuple[bool, str] | None
    """Whether `inventory verify` passed, and its last words; None when the database is somebody else's."""
    audited: tuple[bool, str] | None
    """The same of `inventory audit verify`: every change has its entry, and none was changed."""
