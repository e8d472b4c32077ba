"""What a front end may send, and what it is told when it may not."""

import json
from typing import Any

import pytest

from inventory_web_shop import checks
from inventory_web_shop.checks import Checkout, Order, Wrong

UUID = "0b6f7f0e-3a52-4f5e-9d3e-6f6b1e0f2a01"


def line(**fields: object) -> bytes:
    return json.dumps({"lines": [{"sku": "PEAR", "quantity": 1} | fields]}).encode()


def test_a_checkout_is_its_lines() -> None:
    body = b'{"lines": [{"sku": "PEAR", "quantity": 2}, {"sku": "\xc5\xbb", "quantity": 1000000000}]}'
    assert checks.checkout(body) == Checkout((("PEAR", 2), ("Ż", 1_000_000_000)))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"null", "body"),
        (b"[]", "body"),
        (b'"x"', "body"),
        (b"{", "body"),
        (b"\xff", "body"),
        (b"[" * 60_000, "body"),
        (b" " * 65_537, "body"),
        (b'{"lines": ' + b"9" * 5_000 + b"}", "body"),
        (b"{}", "body.lines"),
        (b'{"lines": [], "note": 1}', "body.note"),
        (b'{"lines": [], "lines": []}', "body"),
        (b'{"lines": {}}', "lines"),
        (b'{"lines": []}', "lines"),
        (b'{"lines": [1]}', "lines[0]"),
        (b'{"lines": [{"sku": "A"}]}', "lines[0].quantity"),
        (b'{"lines": [{"sku": "A", "quantity": 1, "location": "x"}]}', "lines[0].location"),
        (b'{"lines": [{"sku": "A", "quantity": NaN}]}', "body"),
        (line(quantity=True), "lines[0].quantity"),
        (line(quantity=1.0), "lines[0].quantity"),
        (line(quantity="1"), "lines[0].quantity"),
        (line(quantity=None), "lines[0].quantity"),
        (line(quantity=0), "lines[0].quantity"),
        (line(quantity=-1), "lines[0].quantity"),
        (line(quantity=1_000_000_001), "lines[0].quantity"),
        (line(quantity=[1]), "lines[0].quantity"),
        (line(sku=""), "lines[0].sku"),
        (line(sku=7), "lines[0].sku"),
        (line(sku="x" * 65), "lines[0].sku"),
        (line(sku="a\nb"), "lines[0].sku"),
        (line(sku="\ud800"), "lines[0].sku"),
        (rb'{"lines": [], "\ud800": 1}', "body.?"),
    ],
)
def test_a_wrong_checkout_is_told_where_it_is_wrong(body: bytes, field: str) -> None:
    with pytest.raises(Wrong) as wrong:
        checks.checkout(body)
    assert wrong.value.field == field


def test_201_lines_are_too_many() -> None:
    lines = [{"sku": f"S{number}", "quantity": 1} for number in range(201)]
    assert len(checks.checkout(json.dumps({"lines": lines[:200]}).encode()).lines) == 200
    with pytest.raises(Wrong, match="1 to 200"):
        checks.checkout(json.dumps({"lines": lines}).encode())


def test_an_order_names_a_cart_or_a_reservation() -> None:
    assert checks.order(b'{"cart": "c1", "reference": "o1"}') == Order("c1", "", "o1")
    body = f'{{"reservation_id": "{UUID.upper()}", "reference": "o1"}}'.encode()
    assert checks.order(body) == Order("", UUID, "o1")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"cart": "c1"}', "body.reference"),
        (b'{"reference": "o1"}', "body"),
        (b'{"reference": "o1", "cart": "c", "reservation_id": "r"}', "body"),
        (b'{"reference": "", "cart": "c"}', "reference"),
        (b'{"reference": 1, "cart": "c"}', "reference"),
        (b'{"reference": "o1", "cart": ["c"]}', "cart"),
        (b'{"reference": "o1", "reservation_id": "7"}', "reservation_id"),
        (b'{"reference": "o1", "reservation_id": "{0b6f7f0e3a524f5e9d3e6f6b1e0f2a01}"}', "reservation_id"),
    ],
)
def test_a_wrong_order_is_told_where_it_is_wrong(body: bytes, field: str) -> None:
    with pytest.raises(Wrong) as wrong:
        checks.order(body)
    assert wrong.value.field == field


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("skus=A", ("A",)),
        ("skus=A,B&skus=C", ("A", "B", "C")),
        ("skus=A,A", ("A",)),
        ("skus=A%2CB,C+D", ("A,B", "C D")),
        ("skus=%C5%BB", ("Ż",)),
    ],
)
def test_skus_are_named_in_a_query(query: str, codes: Any) -> None:
    assert checks.skus(query) == codes


@pytest.mark.parametrize("query", ["", "skus=", "skus=A,,B", "sku=A", "skus=A&x=1", "skus=%FF", "skus=%00"])
def test_a_wrong_query_is_refused(query: str) -> None:
    with pytest.raises(Wrong):
        checks.skus(query)


def test_101_skus_are_too_many() -> None:
    assert len(checks.skus("skus=" + ",".join(f"S{number}" for number in range(100)))) == 100
    with pytest.raises(Wrong, match="1 to 100"):
        checks.skus("skus=" + ",".join(f"S{number}" for number in range(101)))
