import datetime
import pickle
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inventory_demo import journey, source
from inventory_demo.journey import Baskets, Journey, load, open_shops
from inventory_demo.source import Skip, clean, reason_not_stocked

MILK, BREAD, PETROL, COUPON, NAMELESS = 10, 20, 30, 40, 50
NOWHERE = 999

# product_id, department, brand, product_category, product_type, package_size
PRODUCTS = [
    (MILK, "GROCERY", "Private", "FLUID MILK", "FLUID MILK  WHITE", "1 GA"),
    (BREAD, "PASTRY", "National", "BREAD", None, None),
    (PETROL, "FUEL", "National", "COUPON/MISC ITEMS", "GASOLINE-REG UNLEADED", None),
    (COUPON, "COUPON", "National", "COUPONS/STORE & MFG", "COUPONS/STORE & MFG", None),
    (NAMELESS, "MISCELLANEOUS", "National", None, None, None),
]
MORNING = datetime.datetime(2017, 1, 1, 14, 0, 0)  # noqa: DTZ001 (the source's times carry no zone)

Line = tuple[int, int, int, int]
"""Basket, shop, product, quantity; a basket's number is also its minute."""


@pytest.fixture
def year(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[Line]], None]:
    """Puts these lines, in this order, in place of the source's."""

    def write(lines: Sequence[Line]) -> None:
        columns = ["product_id", "department", "brand", "product_category", "product_type", "package_size"]
        products = dict(zip(columns, map(list, zip(*PRODUCTS, strict=True)), strict=True))
        pq.write_table(pa.table(products), tmp_path / "products.parquet")
        baskets, shops, skus, quantities = (list(column) for column in zip(*lines, strict=True))
        times = [MORNING + datetime.timedelta(minutes=basket) for basket in baskets]
        transactions = {
            "basket_id": baskets,
            "store_id": shops,
            "transaction_timestamp": pa.array(times, pa.timestamp("ns")),
            "product_id": skus,
            "quantity": quantities,
        }
        pq.write_table(pa.table(transactions), tmp_path / "transactions.parquet")

    monkeypatch.setattr(journey, "source_folder", lambda: tmp_path)
    return write


def many_lines(seed: int = 0) -> list[Line]:
    random = np.random.default_rng(seed)
    return [
        (basket, int(shop), int(sku), int(random.integers(2, 5)))
        for basket, shop in enumerate(random.integers(1, 8, 400), start=1)
        for sku in random.choice([MILK, BREAD, PETROL], random.integers(1, 4), replace=False)
    ]


def sold_of(year: Journey) -> Counter[tuple[str, str]]:
    sold: Counter[tuple[str, str]] = Counter()
    for basket in year.baskets:
        for sku, quantity in basket.lines:
            sold[sku, basket.location] += quantity
    return sold


def opening_of(year: Journey) -> dict[tuple[str, str], int]:
    return {(sku, location): quantity for sku, location, quantity in year.opening_stock}


@pytest.mark.parametrize(
    ("department", "category", "kind", "reason"),
    [
        ("GROCERY", "SOUP", "RAMEN NOODLES/RAMEN CUPS", None),
        ("GROCERY", "HOT CEREAL", "INSTANT OATMEAL", None),
        ("DRUG GM", "HOSIERY/SOCKS", "", None),
        ("FUEL", "COUPON/MISC ITEMS", "GASOLINE-REG UNLEADED", None),
        ("MISCELLANEOUS", "COUPON/MISC ITEMS", "GASOLINE-REG UNLEADED", None),
        ("MISCELLANEOUS", "COUPON/MISC ITEMS", "PRODUCE DEPT KEY RING", None),
        ("AUTOMOTIVE", "COUPON", "MISC GREETING CARD SHOP", None),
        ("COUPON", "COUPONS/STORE & MFG", "COUPONS/STORE & MFG", Skip.COUPON),
        ("PROD-WHS SALES", "PROD SUPPLIES", "COUPON", Skip.COUPON),
        ("MISCELLANEOUS", "COUPON/MISC ITEMS", "ELECTRONIC GIFT CARDS ACTIVATI", Skip.STORED_VALUE),
        ("DRUG GM", "TICKETS", "TICKETS", Skip.STORED_VALUE),
        ("DRUG GM", "LONG DISTANCE CALLING CARDS", "PHONE CARDS", Skip.STORED_VALUE),
        ("GROCERY", "BOTTLE DEPOSITS", "BOTTLE DEPOSITS", Skip.DEPOSIT),
        ("GROCERY", "CANNED JUICES", "CRV DEPOSIT NT/F", Skip.DEPOSIT),
        ("DRUG GM", "IN-STORE PHOTOFINISHING", "ONE HOUR PROCESSING", Skip.SERVICE),
        ("ELECT &PLUMBING", "COUPON", "DONATIONS", Skip.SERVICE),
        ("MEAT", "BEEF", "MISC SALES TRANS", Skip.TILL_KEY),
        ("MISCELLANEOUS", "", "", Skip.TILL_KEY),
    ],
)
def test_what_is_not_kept_in_stock(department: str, category: str, kind: str, reason: Skip | None) -> None:
    assert reason_not_stocked(department, category, kind) is reason


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("EX   16 OZ", "EX 16 OZ"),
        (None, ""),
        ("a\tb\x00c", "a b c"),
        ("Cafe\u0301", "Caf\u00e9"),
        (" x ", "x"),
    ],
)
def test_texts_are_printable_nfc_with_single_spaces(text: str | None, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_every_product_of_the_table_is_there_sold_or_not(year: Callable[[Sequence[Line]], None]) -> None:
    year([(1, 1, BREAD, 1)])

    milk, bread, petrol, coupon, nameless = load(None, 0).products

    assert (milk.code, milk.name, milk.package_size) == ("10", "FLUID MILK WHITE, 1 GA", "1 GA")
    assert (milk.unit, milk.unit_digits, milk.stocked) == ("pc", 0, True)
    assert (bread.name, bread.category, bread.package_size) == ("BREAD", "BREAD", "")
    assert (petrol.unit, petrol.unit_digits, petrol.stocked) == ("gal", 3, True)
    assert not coupon.stocked
    assert (nameless.name, nameless.category, nameless.stocked) == ("MISCELLANEOUS", "MISCELLANEOUS", False)


def test_each_skipped_line_is_counted_once_under_its_first_reason(
    year: Callable[[Sequence[Line]], None],
) -> None:
    year(
        [
            (1, 1, MILK, 2),
            (1, 1, BREAD, 0),
            (2, 1, COUPON, 0),
            (2, 1, NOWHERE, 1),
            (3, 1, PETROL, 1),
            (3, 1, PETROL, 9_500),
            (4, 1, NAMELESS, 3),
        ]
    )

    found = load(None, 0)

    assert [basket.lines for basket in found.baskets] == [(("10", 2),), (("30", 9_500),)]
    assert {reason: count for reason, count in found.skipped.items() if count} == {
        Skip.NOT_A_PRODUCT: 1,
        Skip.COUPON: 1,
        Skip.TILL_KEY: 1,
        Skip.NO_QUANTITY: 1,
        Skip.FUEL_BY_AMOUNT: 1,
    }
    assert found.baskets_emptied == 2


def test_the_same_sku_twice_in_a_basket_is_summed(year: Callable[[Sequence[Line]], None]) -> None:
    year([(1, 1, MILK, 2), (1, 1, BREAD, 1), (1, 1, MILK, 3), (2, 1, MILK, 1)])

    found = load(None, 0)

    assert [basket.lines for basket in found.baskets] == [(("10", 5), ("20", 1)), (("10", 1),)]
    assert found.duplicates_summed == 1


def test_a_basket_says_where_and_when(year: Callable[[Sequence[Line]], None]) -> None:
    year([(7, 42, MILK, 1)])

    basket = load(None, 0).baskets[-1]

    assert (basket.basket_id, basket.location) == (7, "shop-0042")
    assert basket.time == datetime.datetime(2017, 1, 1, 14, 7, tzinfo=datetime.UTC)


@pytest.mark.parametrize("batch_rows", [7, 50, 65_536])
def test_the_first_baskets_are_the_beginning_of_all(
    year: Callable[[Sequence[Line]], None], monkeypatch: pytest.MonkeyPatch, batch_rows: int
) -> None:
    monkeypatch.setattr(source, "BATCH_ROWS", batch_rows)
    year([(0, 1, COUPON, 1), *many_lines(), (401, 1, COUPON, 1)])

    everything, some, more_than_all = (load(count, 0) for count in (None, 23, 10_000))

    assert list(some.baskets) == list(everything.baskets)[:23]
    assert len(everything.baskets) == len(more_than_all.baskets) == 400
    assert (everything.baskets_emptied, some.baskets_emptied) == (2, 1)
    assert (everything.skipped[Skip.COUPON], some.skipped[Skip.COUPON]) == (2, 1)
    assert everything.locations == some.locations


def test_each_shop_opens_with_nine_tenths_within_one_piece(year: Callable[[Sequence[Line]], None]) -> None:
    year(many_lines())
    found = load(None, 0)
    sold, opening = sold_of(found), opening_of(found)

    own: Counter[str] = Counter()
    for (sku, location), quantity in sold.items():
        lies_there = opening.get((sku, location), 0)
        assert quantity * 9 // 10 <= lies_there <= -(-quantity * 9 // 10)
        own[location] += quantity
    total = sum(sold.values())
    # A tenth is missing, half of that lies in the warehouse; each shop rounds twice, each time by less than a piece.
    assert abs(sum(opening.values()) - total * 95 / 100) < 2 * len(own)


def test_a_lone_shop_has_its_nine_tenths_and_half_of_the_rest_in_the_warehouse(
    year: Callable[[Sequence[Line]], None],
) -> None:
    year([(basket, 1, MILK, 1) for basket in range(1, 101)])

    found = load(None, 0)

    assert opening_of(found) == {("10", "shop-0001"): 90, ("10", "warehouse"): 5}


def test_half_of_what_the_shops_lack_lies_in_the_warehouse(year: Callable[[Sequence[Line]], None]) -> None:
    year([(basket, shop, MILK, 1) for basket, shop in enumerate([1] * 100 + [2] * 100, 1)])

    found = load(None, 0)

    assert opening_of(found)["10", "shop-0001"] == 90
    assert opening_of(found)["10", "shop-0002"] == 90
    assert opening_of(found)["10", "warehouse"] == 10


@pytest.mark.parametrize("seed", range(5))
def test_each_shop_in_total_lacks_a_tenth_even_if_it_sells_one_piece_of_everything(seed: int) -> None:
    shops, skus_per_shop = np.arange(1, 6), 1_003
    everywhere = np.repeat(shops, skus_per_shop)
    products = everywhere * 10_000 + np.tile(np.arange(skus_per_shop), len(shops))
    once = np.ones_like(products)
    starts = np.arange(0, len(products) + 1, skus_per_shop)

    stock = open_shops(Baskets(shops, shops, shops, starts, products, once), seed)

    home = stock.products // 10_000
    for shop in shops.tolist():
        assert stock.quantities[(home == shop) & (stock.shops == shop)].sum() == pytest.approx(902.7, abs=1)
        assert stock.quantities[(home == shop) & (stock.shops != shop)].sum() == pytest.approx(50.15, abs=1)


def test_the_seed_moves_the_missing_pieces_and_nothing_else(
    year: Callable[[Sequence[Line]], None],
) -> None:
    year(many_lines())

    once, again, other = (load(None, seed) for seed in (1, 1, 2))

    assert opening_of(once) == opening_of(again) != opening_of(other)
    assert list(once.baskets) == list(other.baskets)


def test_opening_stock_comes_in_pages_without_empty_rows(year: Callable[[Sequence[Line]], None]) -> None:
    year(many_lines())
    stock = load(None, 0).opening_stock

    pages = list(stock.pages(4))

    assert [row for page in pages for row in page] == list(stock)
    assert {len(page) for page in pages[:-1]} == {4}
    assert all(quantity > 0 for _, _, quantity in stock)


@pytest.mark.parametrize("workers", [1, 2, 3, 10])
def test_parts_hold_every_basket_once_and_each_shop_in_one_part_in_time_order(
    year: Callable[[Sequence[Line]], None], workers: int
) -> None:
    year(many_lines())
    found = load(None, 0)

    parts = found.partition(workers)

    assert len(parts) == workers
    assert sorted((b for part in parts for b in part), key=lambda b: b.basket_id) == list(found.baskets)
    parts_of: defaultdict[str, set[int]] = defaultdict(set)
    for position, part in enumerate(parts):
        times = [basket.time for basket in part]
        assert times == sorted(times)
        for basket in part:
            parts_of[basket.location].add(position)
    assert all(len(positions) == 1 for positions in parts_of.values())


def test_a_part_survives_the_way_to_another_process(year: Callable[[Sequence[Line]], None]) -> None:
    year(many_lines())
    (part,) = load(None, 0).partition(1)

    assert list(pickle.loads(pickle.dumps(part))) == list(part)


@pytest.mark.parametrize(
    "lines",
    [
        [(2, 1, MILK, 1), (1, 1, MILK, 1)],
        [(1, 1, MILK, 1), (1, 1, BREAD, 1), (2, 1, MILK, 1), (1, 1, PETROL, 2)],
    ],
    ids=["later before earlier", "a basket in two pieces"],
)
def test_a_source_out_of_order_is_refused(year: Callable[[Sequence[Line]], None], lines: Sequence[Line]) -> None:
    year(lines)
    with pytest.raises(ValueError, match="not in time order"):
        load(None, 0)


@pytest.mark.parametrize("count", [0, -1])
def test_no_baskets_at_all_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        load(count, 0)


def test_without_the_source_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "SOURCE_PACKAGE", "no_such_package")
    with pytest.raises(FileNotFoundError, match=r"inventory\[demo\]"):
        load(1, 0)
