"""The stock of one SKU at one location."""

from typing import NamedTuple


class Place(NamedTuple):
    """The identity of a level: one SKU at one location, by number and by code."""

    sku_id: int
    location_id: int
    sku: str
    location: str
    sku_active: bool
    location_active: bool
    category: str = ""
    kind: int = 1
    tracking: int = 0
    oversell_limit: int | None = None


class Level(NamedTuple):
    """Quantities in the SKU's smallest unit. An unset threshold is None, which differs from 0.

    Sums go by position: they are taken over every place of a SKU, and a name costs three times as much.
    """

    on_hand: int = 0
    held: int = 0
    allocated: int = 0
    quality_control: int = 0
    damaged: int = 0
    quarantined: int = 0
    backordered: int = 0
    in_transit: int = 0
    incoming: int = 0
    safety_stock: int | None = None
    reorder_point: int | None = None
    backorder_limit: int | None = None

    @property
    def unsellable(self) -> int:
        return self.quality_control + self.damaged + self.quarantined

    @property
    def available(self) -> int:
        return self[0] - self[1] - self[2] - self[3] - self[4] - self[5]

    @property
    def free(self) -> int:
        """What may be promised from the shelf: what is available, but for what back-orders wait for."""
        return self[0] - self[1] - self[2] - self[3] - self[4] - self[5] - self[6]


EMPTY = Level()
