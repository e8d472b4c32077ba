"""A year of a grocer's baskets: what is sold where, in which order, and what the shops start with."""

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inventory_demo.source import (
    SKIPS,
    Integers,
    Lines,
    Product,
    read_lines,
    read_products,
    read_shops,
    source_folder,
)

STOCKED_TENTHS = 9
"""A shop opens with nine tenths of what it will sell, so that shortages are real."""
WAREHOUSE = 0
"""The central warehouse, where shops have their numbers; no shop has this one."""
PAGE_ROWS = 65_536
PAGE_BASKETS = 4_096


@dataclass(frozen=True, slots=True)
class Location:
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Basket:
    """What one customer took through one till. Every SKU is there once, in ascending order of its number."""

    basket_id: int
    location: str
    time: datetime.datetime
    lines: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Baskets:
    """Baskets in time order, in columns: cheap to pickle for another process, `Basket`s only when read.

    The lines of basket `i` are `products[starts[i]:starts[i + 1]]` and the same part of `quantities`.
    """

    basket_ids: Integers
    shops: Integers
    times_s: Integers
    starts: Integers
    products: Integers
    quantities: Integers

    def __len__(self) -> int:
        return len(self.basket_ids)

    def __getitem__(self, position: int) -> Basket:
        position = range(len(self))[position]
        return next(self._page(position, position + 1))

    def __iter__(self) -> Iterator[Basket]:
        for first in range(0, len(self), PAGE_BASKETS):
            yield from self._page(first, min(first + PAGE_BASKETS, len(self)))

    def _page(self, first: int, end: int) -> Iterator[Basket]:
        starts = self.starts[first : end + 1].tolist()
        skus = list(map(str, self.products[starts[0] : starts[-1]].tolist()))
        lines = list(zip(skus, self.quantities[starts[0] : starts[-1]].tolist(), strict=True))
        for index, (basket_id, shop, time_s) in enumerate(
            zip(
                self.basket_ids[first:end].tolist(),
                self.shops[first:end].tolist(),
                self.times_s[first:end].tolist(),
                strict=True,
            )
        ):
            yield Basket(
                basket_id,
                location_code(shop),
                datetime.datetime.fromtimestamp(time_s, datetime.UTC),
                tuple(lines[starts[index] - starts[0] : starts[index + 1] - starts[0]]),
            )

    @property
    def line_counts(self) -> Integers:
        return np.diff(self.starts)

    def of_shops(self, shops: Integers) -> "Baskets":
        """The baskets of these shops, still in time order."""
        return self.where(np.isin(self.shops, shops))

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Baskets":
        """The baskets for which it says True, still in time order."""
        counts = self.line_counts
        lines = np.repeat(chosen, counts)
        return Baskets(
            self.basket_ids[chosen],
            self.shops[chosen],
            self.times_s[chosen],
            _starts(counts[chosen]),
            self.products[lines],
            self.quantities[lines],
        )


@dataclass(frozen=True, slots=True, eq=False)
class OpeningStock:
    """What lies where before the first basket, in columns by shop and SKU number; every quantity > 0."""

    shops: Integers
    products: Integers
    quantities: Integers

    def __len__(self) -> int:
        return len(self.products)

    def __iter__(self) -> Iterator[tuple[str, str, int]]:
        for page in self.pages(PAGE_ROWS):
            yield from page

    def pages(self, rows_max: int) -> Iterator[list[tuple[str, str, int]]]:
        """(SKU, location, quantity) in lists of at most `rows_max`."""
        for first in range(0, len(self), rows_max):
            rows = slice(first, first + rows_max)
            yield [
                (str(product), location_code(shop), quantity)
                for product, shop, quantity in zip(
                    self.products[rows].tolist(),
                    self.shops[rows].tolist(),
                    self.quantities[rows].tolist(),
                    strict=True,
                )
            ]


@dataclass(frozen=True, slots=True, eq=False)
class Journey:
    products: tuple[Product, ...]
    """The whole product table, sold or not."""
    locations: tuple[Location, ...]
    """All shops, also those without a basket in this selection."""
    baskets: Baskets
    opening_stock: OpeningStock
    skipped: Mapping[str, int]
    """Lines not replayed, per reason, among the lines up to the last basket."""
    baskets_emptied: int
    """Baskets not replayed because every line of theirs was skipped."""
    duplicates_summed: int

    def partition(self, workers: int) -> tuple["Baskets", ...]:
        """The baskets for each worker process, about equal in lines.

        All baskets of a shop are in one part, in time order: what a shop sells first is asked for first. With
        fewer shops than workers, the last parts are empty.
        """
        if workers < 1:
            raise ValueError(f"workers must be at least 1, not {workers}")
        shops, which = np.unique(self.baskets.shops, return_inverse=True)
        lines = np.zeros(len(shops), np.int64)
        np.add.at(lines, which, self.baskets.line_counts)
        loads = [0] * workers
        parts: list[list[int]] = [[] for _ in range(workers)]
        for busiest in np.argsort(-lines, kind="stable").tolist():
            lightest = loads.index(min(loads))
            loads[lightest] += int(lines[busiest])
            parts[lightest].append(int(shops[busiest]))
        return tuple(self.baskets.of_shops(np.array(part, np.int64)) for part in parts)


def load(baskets: int | None, seed: int) -> Journey:
    """The first `baskets` baskets of the year that still have a line after skipping; None takes all of them.

    More baskets continue the same year and never change the earlier ones. `seed` decides only which pieces
    the shops lack. Times are UTC, as in the source: the grocer's night is 05:00 to 10:00.

    Raises FileNotFoundError without the source package, ValueError if its lines aren't in time order.
    """
    if baskets is not None and baskets < 1:
        raise ValueError(f"baskets must be at least 1, not {baskets}")
    folder = source_folder()
    catalog = read_products(folder / "products.parquet")
    transactions = folder / "transactions.parquet"
    shops = read_shops(transactions)
    selection = _select(read_lines(transactions, catalog, baskets), baskets)
    return Journey(
        catalog.products,
        tuple(Location(location_code(shop), f"Shop {shop}") for shop in shops.tolist()),
        selection.baskets,
        open_shops(selection.baskets, seed),
        selection.skipped,
        selection.baskets_emptied,
        selection.duplicates_summed,
    )


def location_code(shop: int) -> str:
    return "warehouse" if shop == WAREHOUSE else f"shop-{shop:04d}"


def open_shops(baskets: Baskets, seed: int) -> OpeningStock:
    """Nine tenths of what each shop will sell there, and half of what it lacks in the central warehouse.

    Most shops sell one piece of most SKUs: nine tenths of it, rounded down per SKU, would leave three
    quarters of the SKUs without any stock; rounded up, hardly any shortage. The tenth is therefore taken
    along each shop's SKUs in a seeded order, counted in pieces: every tenth piece is missing. Each SKU of a
    shop is within one piece of nine tenths, and so is the shop's total. Every second missing piece lies in
    the warehouse instead, where an order that is not bound to a shop can find it.
    """
    shop_per_line = np.repeat(baskets.shops, baskets.line_counts)
    (shop, product), sold = _sum_by(shop_per_line, baskets.products, baskets.quantities)
    shuffled = np.random.default_rng(seed).permutation(len(shop))
    shuffled = shuffled[np.argsort(shop[shuffled], kind="stable")]
    shop, product, sold = shop[shuffled], product[shuffled], sold[shuffled]
    opening = _share(sold, STOCKED_TENTHS, 10)
    (shop, product), quantity = _sum_by(
        np.concatenate([shop, np.full_like(shop, WAREHOUSE)]),
        np.concatenate([product, product]),
        np.concatenate([opening, _share(sold - opening, 1, 2)]),
    )
    stocked = quantity > 0
    return OpeningStock(shop[stocked], product[stocked], quantity[stocked])


def _share(pieces: Integers, part: int, whole: int) -> Integers:
    """`part/whole` of the pieces, rounded over the running count instead of row by row."""
    after = np.cumsum(pieces)
    return part * after // whole - part * (after - pieces) // whole


def _sum_by(major: Integers, minor: Integers, quantities: Integers) -> tuple[tuple[Integers, Integers], Integers]:
    """One row per pair, ordered by the pair, with the sum of its quantities."""
    order = np.lexsort((minor, major))
    major, minor = major[order], minor[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (major[1:] != major[:-1]) | (minor[1:] != minor[:-1])
    if not len(order):
        return (major, minor), quantities
    return (major[new], minor[new]), np.add.reduceat(quantities[order], np.flatnonzero(new))


def _starts(counts: Integers) -> Integers:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


@dataclass(frozen=True, slots=True, eq=False)
class _Selection:
    baskets: Baskets
    skipped: dict[str, int]
    baskets_emptied: int
    duplicates_summed: int


def _select(lines: Lines, baskets: int | None) -> _Selection:
    begins = np.ones(len(lines.basket_ids), np.bool_)
    begins[1:] = lines.basket_ids[1:] != lines.basket_ids[:-1]
    first_row = np.flatnonzero(begins)
    in_time_order = bool((np.diff(lines.times_s) >= 0).all())
    if not in_time_order or len(np.unique(lines.basket_ids[first_row])) != len(first_row):
        raise ValueError("the transactions are not in time order, basket by basket")

    ordinal = np.cumsum(begins) - 1
    goods = lines.skips < 0
    sold = np.unique(ordinal[goods])[:baskets]
    read = len(first_row) if baskets is None else int(sold[-1]) + 1
    skipped = np.bincount(lines.skips[(ordinal < read) & ~goods], minlength=len(SKIPS)).tolist()
    goods &= ordinal < read
    (basket, products), quantities = _sum_by(ordinal[goods], lines.products[goods], lines.quantities[goods])
    first = first_row[sold]
    return _Selection(
        Baskets(
            lines.basket_ids[first],
            lines.shops[first],
            lines.times_s[first],
            _starts(np.bincount(basket, minlength=read)[sold]),
            products,
            quantities,
        ),
        {reason.value: count for reason, count in zip(SKIPS, skipped, strict=True)},
        read - len(sold),
        int(goods.sum()) - len(products),
    )


def _summary(journey: Journey) -> list[tuple[str, str]]:
    baskets = journey.baskets
    fuel = {int(product.code) for product in journey.products if product.unit == "gal"}
    pieces = ~np.isin(baskets.products, list(fuel))
    opening_pieces = ~np.isin(journey.opening_stock.products, list(fuel))
    counts = baskets.line_counts
    return [
        ("baskets", f"{len(baskets):,}"),
        ("first", f"{baskets[0].time:%Y-%m-%d %H:%M:%S}"),
        ("last", f"{baskets[-1].time:%Y-%m-%d %H:%M:%S}"),
        ("shops with a basket", f"{len(np.unique(baskets.shops)):,} of {len(journey.locations):,}"),
        ("products sold", f"{len(np.unique(baskets.products)):,} of {len(journey.products):,}"),
        ("lines", f"{len(baskets.products):,}"),
        ("lines a basket, median and most", f"{int(np.median(counts))} and {int(counts.max())}"),
        ("pieces", f"{int(baskets.quantities[pieces].sum()):,}"),
        ("fuel, thousandths of a gallon", f"{int(baskets.quantities[~pieces].sum()):,}"),
        ("opening stock, rows", f"{len(journey.opening_stock):,}"),
        ("opening stock, pieces", f"{int(journey.opening_stock.quantities[opening_pieces].sum()):,}"),
        ("products without stock", f"{sum(not product.stocked for product in journey.products):,}"),
        ("baskets emptied by skipping", f"{journey.baskets_emptied:,}"),
        ("duplicate lines summed", f"{journey.duplicates_summed:,}"),
        *((f"skipped: {reason}", f"{count:,}") for reason, count in journey.skipped.items()),
    ]


def main() -> None:
    """Prints what the whole year holds."""
    for what, value in _summary(load(None, seed=0)):
        print(f"{what:<45} {value:>20}")


if __name__ == "__main__":
    main()
