import base64
from typing import Any
from uuid import UUID

import pytest

from inventory.domain.refusal import Reason, Refusal
from inventory.rpc import page_token
from inventory.v1 import stock_service_pb2 as pb2

QUERY = pb2.ListStockRequest(skus=["apple"], page_size=10)
PARTS = (page_token.code, page_token.revision)


def asked(token: str, **fields: Any) -> pb2.ListStockRequest:
    return pb2.ListStockRequest(**{"skus": ["apple"], **fields}, page_token=token)


def test_the_first_page_has_no_position() -> None:
    assert page_token.decode(asked(""), *PARTS) is None


def test_a_token_gives_the_position_back_whatever_the_page_size() -> None:
    token = page_token.encode(QUERY, ["Żółć 🛒", 2**62])
    for size in (0, 10, 1_000):
        assert page_token.decode(asked(token, page_size=size), *PARTS) == ["Żółć 🛒", 2**62]


GOOD = page_token.encode(QUERY, ["apple", 7])
RAW = base64.urlsafe_b64decode(GOOD)


@pytest.mark.parametrize(
    ("token", "fields"),
    [
        (GOOD, {"skus": ["pear"]}),
        (GOOD, {"skus": []}),
        (GOOD, {"locations": ["shop"]}),
        (GOOD[:-1], {}),
        (GOOD[:8], {}),
        (GOOD + "A", {}),
        (GOOD.swapcase(), {}),
        ("A" + GOOD[1:], {}),
        (base64.urlsafe_b64encode(RAW[:8] + RAW[8:].replace(b"7", b"8")).decode(), {}),
        (base64.urlsafe_b64encode(b"\0" * 8 + RAW[8:]).decode(), {}),
        (page_token.encode(pb2.ListMovementsRequest(sku="apple"), ["apple", 7]), {}),
        (page_token.encode(QUERY, ["apple"]), {}),
        (page_token.encode(QUERY, ["apple", 7, 7]), {}),
        (page_token.encode(QUERY, ["apple", "7"]), {}),
        (page_token.encode(QUERY, ["apple", True]), {}),
        (page_token.encode(QUERY, ["apple", 7.0]), {}),
        (page_token.encode(QUERY, ["apple", -1]), {}),
        (page_token.encode(QUERY, ["apple", 2**63]), {}),
        (page_token.encode(QUERY, ["a\0", 7]), {}),
        (page_token.encode(QUERY, [["apple"], 7]), {}),
        (page_token.encode(QUERY, [{}, 7]), {}),
        ("x" * 1_025, {}),
        ("not base64!", {}),
        ("żółć", {}),
        ("====", {}),
        (" " + GOOD, {}),
    ],
)
def test_every_other_token_is_refused(token: str, fields: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        page_token.decode(asked(token, **fields), *PARTS)
    assert (refused.value.reason, refused.value.field) == (Reason.PAGE_TOKEN_INVALID, "page_token")


def test_a_token_as_deep_as_it_can_be_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(370):
        deep = [deep]
    token = page_token.encode(QUERY, deep)
    assert len(token) < 1_024
    with pytest.raises(Refusal):
        page_token.decode(asked(token), *PARTS)


@pytest.mark.parametrize(
    ("part", "value", "good"),
    [
        (page_token.identity, str(UUID(int=7)), True),
        (page_token.identity, "no", False),
        (page_token.identity, 7, False),
        (page_token.ordinal, 2**31 - 1, True),
        (page_token.ordinal, 2**31, False),
        (page_token.revision, 2**31, True),
    ],
)
def test_a_part_fits_the_column_it_is_compared_with(part: page_token.Part, value: object, good: bool) -> None:
    token = page_token.encode(QUERY, [value])
    if good:
        assert page_token.decode(asked(token), part) is not None
    else:
        with pytest.raises(Refusal):
            page_token.decode(asked(token), part)
