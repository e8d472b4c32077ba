"""Bundles are what is bought together, and a basket packed with them has the same pieces."""

import numpy as np

from inventory_demo.bundles import BUNDLES_OF_ONE_MAX, Bundle, bought_together, pack
from inventory_demo.journey import Baskets
from inventory_demo.names import Names
from inventory_demo.source import Product

MILK, BREAD, TEA, FUEL = 10, 20, 30, 40


def product(number: int, unit_digits: int = 0) -> Product:
    return Product(str(number), f"Product {number}", "", "", "", "pc", unit_digits, perishable=False, stocked=True)


def baskets(*contents: tuple[int, ...]) -> Baskets:
    products = np.array([number for one in contents for number in sorted(one)], np.int64)
    starts = np.concatenate([[0], np.cumsum([len(one) for one in contents])]).astype(np.int64)
    numbers = np.arange(len(contents), dtype=np.int64)
    return Baskets(numbers, numbers, numbers, starts, products, np.ones_like(products))


PRODUCTS = (product(MILK), product(BREAD), product(TEA), product(FUEL, 3))


def test_the_most_frequent_pairs_and_triples_become_bundles() -> None:
    bought = baskets(*[(MILK, BREAD, TEA, FUEL)] * 2, *[(MILK, BREAD, FUEL)] * 3, (TEA,), (MILK, TEA))
    found = bought_together(bought, PRODUCTS, Names("run", "x-"))
    assert [bundle.sku for bundle in found] == [
        "x-bundle-10-20-30",
        "x-bundle-10-20",
        "x-bundle-10-30",
        "x-bundle-20-30",
    ]
    assert [bundle.from_several_places for bundle in found] == [True, False, False, False]
    assert found[1].parts == (("x-10", 1), ("x-20", 1))
    assert found[1].name == "Product 10 + Product 20"


def test_what_was_bought_together_once_is_no_bundle() -> None:
    assert bought_together(baskets((MILK, BREAD), (TEA,)), PRODUCTS, Names("run")) == ()


def test_no_product_is_in_most_of_the_bundles() -> None:
    many = [product(number) for number in range(1, 30)]
    bought = baskets(*[(1, other) for other in range(2, 30) for _ in range(2)])
    assert len(bought_together(bought, many, Names("run"))) == BUNDLES_OF_ONE_MAX


def test_a_packed_basket_has_the_same_pieces() -> None:
    triple = Bundle("all", "", (("milk", 1), ("bread", 1), ("tea", 1)))
    pair = Bundle("breakfast", "", (("milk", 1), ("bread", 2)))
    lines = [("milk", 4), ("bread", 5), ("tea", 1), ("salt", 1)]
    assert pack(lines, [triple, pair]) == [("all", 1), ("breakfast", 2), ("milk", 1), ("salt", 1)]
    assert pack(lines, []) == lines
