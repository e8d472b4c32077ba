"""What a SKU is, as decisions on stock see it."""

from enum import IntEnum
from typing import NamedTuple


class SkuKind(IntEnum):
    """What kind of thing; the numbers are the API's and the table's."""

    GOODS = 1
    BUNDLE = 2
    VIRTUAL = 3
    VIRTUAL_LIMITED = 4


class Tracking(IntEnum):
    """How single pieces are told apart; the numbers are the table's."""

    NONE = 0
    LOTS = 1
    SERIALS = 2


class Leaf(NamedTuple):
    """What one bundle is made of: so many of a SKU that is no bundle."""

    sku_id: int
    sku: str
    quantity: int


class Goods(NamedTuple):
    """A SKU. `oversell_limit`: None unset, 0 none, OVERSELL_UNLIMITED without end; that of the pre-order while it
    lasts. A bundle has leaves, and nothing else has."""

    sku_id: int
    sku: str
    active: bool
    category: str
    kind: int = SkuKind.GOODS
    tracking: int = Tracking.NONE
    oversell_limit: int | None = None
    from_several_places: bool = False
    leaves: tuple[Leaf, ...] = ()
