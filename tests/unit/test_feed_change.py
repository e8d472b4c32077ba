"""What of a change a filter lets through, and how it is framed: tables."""

from collections.abc import Sequence
from typing import Any

import pytest

from inventory.feed import change
from inventory.feed.change import ChangeKind, Filter, Item, Record

STOCK, SKU, LOCATION, SUBSCRIBER, _, CHANNEL, _ = ChangeKind


def stock(sku: str, location: str, category: str = "", movement_kind: int = 1) -> Item:
    return Item(STOCK, sku, location, (category,), movement_kind, 5, f"{sku}@{location}".encode())


def moved(sku: str, *categories: str) -> Item:
    return Item(SKU, sku, "", categories, 0, 0, sku.encode())


def entered(sku: str, location: str, category: str) -> Item:
    return stock(sku, location, category)._replace(entered=True)


PLACE = Item(LOCATION, "", "L", (), 0, 0, b"L")
SUB = Item(SUBSCRIBER, "", "", (), 0, 0, b"S")
SELLER = Item(CHANNEL, "", "", (), 0, 0, b"C")


def wanted(**lists: Any) -> Filter:
    fields: dict[str, Any] = {name: frozenset(values) for name, values in lists.items()}
    return Filter(**fields)


ALL = {"kinds": ChangeKind}


@pytest.mark.parametrize(
    ("filter_", "item", "matches"),
    [
        (wanted(), stock("A", "L"), True),
        (wanted(), moved("A", ""), False),
        (wanted(), PLACE, False),
        (wanted(), SUB, False),
        (wanted(kinds=[SKU]), stock("A", "L"), False),
        (wanted(kinds=[SKU]), moved("A", ""), True),
        (wanted(**ALL), SUB, True),
        (wanted(), SELLER, False),
        (wanted(kinds=[CHANNEL]), SELLER, True),
        (wanted(skus=["A"], locations=["L"], categories=["C"], kinds=[CHANNEL]), SELLER, True),
        (wanted(skus=["A"]), stock("A", "L"), True),
        (wanted(skus=["A"]), stock("B", "L"), False),
        (wanted(skus=["A"], **ALL), moved("B", ""), False),
        (wanted(skus=["A"], **ALL), PLACE, True),
        (wanted(locations=["L"]), stock("A", "L"), True),
        (wanted(locations=["L"]), stock("A", "M"), False),
        (wanted(locations=["M"], **ALL), PLACE, False),
        (wanted(locations=["M"], **ALL), moved("A", ""), True),
        (wanted(skus=["A"], locations=["L"]), stock("A", "L"), True),
        (wanted(skus=["A"], locations=["M"]), stock("A", "L"), False),
        (wanted(categories=["C"]), stock("A", "L", "C"), True),
        (wanted(categories=["C"]), stock("A", "L", "D"), False),
        (wanted(categories=["C"]), stock("A", "L", ""), False),
        (wanted(categories=["C"], **ALL), moved("A", "C"), True),
        (wanted(categories=["C"], **ALL), moved("A", "B", "C"), True),
        (wanted(categories=["B"], **ALL), moved("A", "B", "C"), True),
        (wanted(categories=["D"], **ALL), moved("A", "B", "C"), False),
        (wanted(categories=["C"], **ALL), PLACE, True),
        (wanted(categories=["C"]), entered("A", "L", "C"), True),
        (wanted(categories=["D"]), entered("A", "L", "C"), False),
        (wanted(categories=["C"], locations=["M"]), entered("A", "L", "C"), False),
        (wanted(categories=["C"], kinds=[SKU]), entered("A", "L", "C"), False),
        (wanted(), entered("A", "L", "C"), False),
        (wanted(skus=["A"], **ALL), entered("A", "L", "C"), False),
        (wanted(movement_kinds=[3]), stock("A", "L", movement_kind=3), True),
        (wanted(movement_kinds=[3]), stock("A", "L", movement_kind=1), False),
        (wanted(movement_kinds=[3], **ALL), moved("A", ""), True),
        (wanted(movement_kinds=[3], **ALL), PLACE, True),
    ],
)
def test_a_filter_lets_through_what_matches_all_its_lists(filter_: Filter, item: Item, matches: bool) -> None:
    assert filter_.matches(item) is matches
    beside = (moved(item.sku, "B", *item.categories),) if item.entered else ()
    picked = filter_.pick(Record(1, b"", (*beside, item)))
    assert (picked is not None and item in picked.items) is matches


def test_what_matches_of_a_record_keeps_its_order_and_revision() -> None:
    record = Record(7, b"then", (stock("A", "L"), stock("B", "L"), stock("A", "M"), moved("A", "")))
    picked = wanted(skus=["A"]).pick(record)
    assert picked is not None
    assert (picked.revision, picked.recorded_at) == (7, b"then")
    assert picked.items == (stock("A", "L"), stock("A", "M"))
    assert picked.size_bytes == 6


@pytest.mark.parametrize(
    ("filter_", "items"),
    [
        (wanted(), (stock("A", "L"), stock("B", "M"))),
        (wanted(**ALL), (stock("A", "L"), moved("B", "C"), PLACE, SUB)),
        (wanted(kinds=[SKU]), (moved("A", "C"),)),
    ],
)
def test_who_wants_all_of_a_record_gets_the_very_one(filter_: Filter, items: tuple[Item, ...]) -> None:
    record = Record(7, b"", items)
    assert filter_.pick(record) is record, "framed once for all of them"


def test_who_names_no_categories_never_gets_the_stock_that_came_into_one() -> None:
    record = Record(7, b"", (moved("A", "B", "C"), entered("A", "L", "C")))
    picked = wanted(**ALL).pick(record)
    assert picked is not None
    assert picked.items == (moved("A", "B", "C"),)


@pytest.mark.parametrize(
    ("sizes", "pieces"),
    [
        ([1], [1]),
        ([10], [1]),
        ([11], [1]),
        ([5, 5], [2]),
        ([5, 6], [1, 1]),
        ([11, 11], [1, 1]),
        ([1] * 25, [10, 10, 5]),
        ([9, 1, 1, 9], [2, 2]),
        ([1, 30, 1], [1, 1, 1]),
    ],
)
def test_a_record_is_framed_once_and_in_pieces_that_fit(
    monkeypatch: pytest.MonkeyPatch, sizes: list[int], pieces: list[int]
) -> None:
    monkeypatch.setattr(change, "MESSAGE_BYTES_MAX", 10)
    record = Record(7, b"then", tuple(PLACE._replace(body=bytes(size)) for size in sizes))
    framed: list[tuple[int, bool]] = []

    def frame(revision: int, recorded_at: bytes, items: Sequence[Item], fragment: bool) -> bytes:
        assert (revision, recorded_at) == (7, b"then")
        framed.append((len(items), fragment))
        return b"".join(item.body for item in items)

    frames = record.frames(frame)
    assert framed == [(number, True) for number in pieces[:-1]] + [(pieces[-1], False)]
    assert b"".join(frames) == bytes(sum(sizes))
    assert record.frames(frame) is frames
    assert len(framed) == len(pieces), "not framed again"
