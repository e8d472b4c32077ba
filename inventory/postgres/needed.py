"""What documents make a batch need."""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

Pair = tuple[str, str]
"""SKU code and location code."""


class Needed(NamedTuple):
    """Levels that commands turn out to need: `pairs` to lock, of which those in `makes` are made when there are none,
    and in `arrivals` goods may arrive for which somebody waits; and reservations, with the levels of their lines."""

    pairs: Collection[Pair] = ()
    makes: Collection[Pair] = ()
    arrivals: Collection[Pair] = ()
    reservation_ids: Collection[UUID] = ()
