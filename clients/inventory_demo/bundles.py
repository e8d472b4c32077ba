"""Bundles of what people really buy together: the most frequent pairs and triples of the baskets."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inventory_demo.journey import Baskets
from inventory_demo.names import Names
from inventory_demo.source import Product

CANDIDATES_MAX = 200
"""So many of the products in the most baskets are looked at."""
PAIRS_MAX = 24
TRIPLES_MAX = 8
TOGETHER_MIN = 2
BUNDLES_OF_ONE_MAX = 3
"""In so many bundles a product may be: else nearly all would have the bananas in them."""
PAGE_BASKETS = 8_192

Counts = npt.NDArray[np.int64]
Columns = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """`parts`: SKU and how many of it one bundle takes. Codes with their prefix."""

    sku: str
    name: str
    parts: tuple[tuple[str, int], ...]
    from_several_places: bool = False


def bought_together(baskets: Baskets, products: Sequence[Product], names: Names) -> tuple[Bundle, ...]:
    """Triples first, then pairs, each by how many baskets have them. Those of two come from one place, those of three
    from wherever their parts are."""
    counted = {int(product.code) for product in products if product.unit_digits}  # no fuel
    numbers, in_baskets = np.unique(baskets.products, return_counts=True)
    whole = ~np.isin(numbers, list(counted))
    numbers, in_baskets = numbers[whole], in_baskets[whole]
    candidates = np.sort(numbers[np.argsort(-in_baskets, kind="stable")[:CANDIDATES_MAX]])
    pairs = _best(_together(baskets, candidates, ()), ())
    triples = [found for pair in pairs[:PAIRS_MAX] for found in _best(_together(baskets, candidates, pair), pair)[:1]]
    uses: Counter[int] = Counter()
    chosen = [*_varied(dict.fromkeys(triples), TRIPLES_MAX, uses), *_varied(pairs, PAIRS_MAX, uses)]
    kinds = {product.code: product.name for product in products}
    return tuple(_bundle([str(candidates[column]) for column in one], kinds, names) for one in chosen)


def pack(lines: Sequence[tuple[str, int]], bundles: Sequence[Bundle]) -> list[tuple[str, int]]:
    """The same pieces with as many bundles as they make, the first bundles first."""
    left = dict(lines)
    packed = []
    for bundle in bundles:
        whole = min(left.get(sku, 0) // each for sku, each in bundle.parts)
        if whole:
            packed.append((bundle.sku, whole))
            for sku, each in bundle.parts:
                left[sku] -= whole * each
    return [*packed, *((sku, quantity) for sku, quantity in left.items() if quantity)]


def _together(baskets: Baskets, candidates: Counts, given: Columns) -> Counts:
    """How many baskets have both of each two candidates; with `given`, as columns: those and each candidate, in the one
    row."""
    rows = len(candidates) if not given else 1
    counts = np.zeros((rows, len(candidates)), np.int64)
    for first in range(0, len(baskets), PAGE_BASKETS):
        starts = baskets.starts[first : first + PAGE_BASKETS + 1]
        products = baskets.products[starts[0] : starts[-1]]
        basket = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        column = np.minimum(np.searchsorted(candidates, products), len(candidates) - 1)
        known = candidates[column] == products
        has = np.zeros((len(starts) - 1, len(candidates)), np.float32)
        has[basket[known], column[known]] = 1
        counts += np.rint((has.T if not given else has[:, given].min(axis=1)[None]) @ has).astype(np.int64)
    return counts


def _best(counts: Counts, given: Columns) -> list[Columns]:
    """The sets, as ascending columns, that are in `TOGETHER_MIN` baskets or more, the most frequent first."""
    found: list[Columns] = []
    for place in np.argsort(-counts, axis=None, kind="stable").tolist():
        row, column = divmod(place, counts.shape[1])
        if counts[row, column] < TOGETHER_MIN:
            break
        if given and column not in given:
            found.append(tuple(sorted((*given, column))))
        elif not given and row < column:
            found.append((row, column))
    return found


def _varied(sets: Iterable[Columns], most: int, uses: Counter[int]) -> Iterator[Columns]:
    """The first ones, none of a product that is in enough already; they are added to `uses`."""
    for one in sets:
        if most and all(uses[column] < BUNDLES_OF_ONE_MAX for column in one):
            uses.update(one)
            most -= 1
            yield one


def _bundle(codes: Sequence[str], kinds: dict[str, str], names: Names) -> Bundle:
    return Bundle(
        names.sku("bundle-" + "-".join(codes)),
        " + ".join(kinds[code] for code in codes),
        tuple((names.sku(code), 1) for code in codes),
        from_several_places=len(codes) > 2,
    )
