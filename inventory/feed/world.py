"""What views are computed from, in memory: SKUs, bundles, places and channels, all as of one revision."""

from collections import OrderedDict, deque
from collections.abc import Iterable
from datetime import UTC, datetime

from inventory.domain.showing import Bundles, Seller, Stock
from inventory.domain.topology import Topology
from inventory.feed.change import Viewer
from inventory.feed.heard import Heard

LEVELS_MAX = 200_000
"""Levels kept in memory; SKUs that were not touched for longest are dropped, and read again when they are."""
LONG_AGO = datetime(1, 1, 2, tzinfo=UTC)


class World:
    """As of `tail`. `pending`: the records that come after it."""

    def __init__(self, tail: int) -> None:
        self.tail = tail
        self.newest = tail
        """The last record heard."""
        self.pending: deque[Heard] = deque()
        self.topology: Topology | None = None
        self.bundles = Bundles()
        self.sellers: dict[Viewer, Seller] = {}
        self.stocks: OrderedDict[str, Stock] = OrderedDict()
        self.levels = 0
        self.limits: dict[tuple[str, int], int | None] = {}
        """Of back-orders, by SKU and place, that the present step has changed: the ledger doesn't say to what."""
        self.turns_at = LONG_AGO
        self.spoilt = False
        """Half of it is as of one revision, half as of the next."""

    def put(self, stocks: Iterable[Stock]) -> None:
        for stock in stocks:
            self.drop(stock.facts.sku)
            self.stocks[stock.facts.sku] = stock
            self.levels += _weight(stock)

    def drop(self, sku: str) -> None:
        stock = self.stocks.pop(sku, None)
        if stock is not None:
            self.levels -= _weight(stock)

    def shrink(self) -> None:
        while self.levels > LEVELS_MAX:
            self.drop(next(iter(self.stocks)))

    def lacking(self, sku: str) -> set[str]:
        """Whether the SKU, and what it is made of if it is a bundle, isn't here."""
        stocks, lacking = self.stocks, set()
        for each in (sku, *(leaf for leaf, _ in self.bundles.leaves(sku))):
            if each in stocks:
                stocks.move_to_end(each)
            else:
                lacking.add(each)
        return lacking


def _weight(stock: Stock) -> int:
    return 1 + len(stock.levels)
