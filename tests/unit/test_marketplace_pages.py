"""What the marketplace says it shows, read without trust."""

import gzip
from collections.abc import AsyncGenerator

import httpx
import pytest

from inventory_marketplace.marketplace import Marketplace, Unreadable, page
from inventory_marketplace.offers import Offer
from inventory_marketplace.reconciler import _is_sku


def test_a_page_is_its_offers_and_where_the_next_one_begins() -> None:
    assert page(b'{"offers": [{"sku": "A", "available": 3, "price": 7}], "next": "A"}') == ([Offer("A", 3)], "A")
    assert page(b'{"offers": []}') == ([], None)
    assert page(b'{"offers": [], "next": null}') == ([], None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"7",
        b"{}",
        b'{"offers": 7}',
        b'{"offers": ["A"]}',
        b'{"offers": [{"sku": "A"}]}',
        b'{"offers": [{"sku": 7, "available": 1}]}',
        b'{"offers": [{"sku": "A", "available": 1.5}]}',
        b'{"offers": [{"sku": "A", "available": true}]}',
        b'{"offers": [{"sku": "A", "available": null}]}',
        b'{"offers": [], "next": 7}',
        b'{"offers": [], "next": ""}',
        b'{"offers": [], "next": ["A"]}',
        b'{"offers": [], "next": "\\ud800"}',
        b'{"offers": [], "next": "' + b"A" * 70_000 + b'"}',
        b"[" * 100_000,
    ],
)
def test_anything_else_is_no_page(body: bytes) -> None:
    with pytest.raises(Unreadable):
        page(body)


def _packed(encoding: str) -> httpx.Response:
    async def body() -> AsyncGenerator[bytes]:
        yield gzip.compress(gzip.compress(b" " * 1_000_000))

    return httpx.Response(200, content=body(), headers={"content-encoding": encoding})


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx.Response(200, json={"offers": [{"sku": "A", "available": 1}], "next": "A"}), "pages don't end"),
        (httpx.Response(200, json={"offers": [], "next": "B"}), "pages don't end"),
        (httpx.Response(429), "HTTP 429"),
        (httpx.Response(204), "HTTP 204"),
        (httpx.Response(200, content=b" " * 5_000_000), "longer than"),
        (httpx.Response(200, json={"offers": [{"sku": "A", "available": 1}], "next": "B" * 70_000}), "next page"),
        (_packed("gzip, gzip"), "packed as"),
        (_packed("br"), "packed as"),
    ],
)
async def test_what_never_ends_or_is_refused_is_given_up(answer: httpx.Response, why: str) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda request: answer)) as client:
        with pytest.raises(Unreadable, match=why):
            _ = [offer async for offer in Marketplace(client, "http://market").shown()]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("A-1", True),
        ("ż" * 32, True),
        ("ż" * 33, False),
        ("", False),
        (" A", False),
        ("A\n", False),
        ("e\u0301", False),
    ],
)
def test_what_can_t_be_a_sku_is_not_sent(text: str, is_one: bool) -> None:
    assert _is_sku(text) is is_one
