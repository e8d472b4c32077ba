"""Messages that are too many are counted before anything is made of them."""

import pytest

from inventory.domain.refusal import Reason, Refusal
from inventory.rpc.bulk import LOOKED_AT_BYTES_MIN, MESSAGES_MAX, check, kind_of, messages_within
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2

ADJUST = kind_of(stock_pb2.BatchAdjustStockRequest)
RESERVE = kind_of(reservation_pb2.BatchReserveRequest)
IMPORT = kind_of(catalog_pb2.ImportCatalogRequest)
EMPTY_ROW = b"\x1a\x00"
UNKNOWN_GROUP = b"\xfb\x07" + b"\x0a\x05hello" + b"\xfc\x07"


def test_messages_are_counted_at_every_depth() -> None:
    request = reservation_pb2.BatchReserveRequest()
    for _ in range(3):
        one = request.requests.add(request_id="x" * 200)
        for _ in range(5):
            one.lines.add(sku="pear", quantity=3)
    assert messages_within(request.SerializeToString(), RESERVE) == 3 + 15


def test_what_is_not_known_is_passed_over() -> None:
    row = stock_pb2.BatchAdjustStockRequest(adjustments=[stock_pb2.StockAdjustment(sku="pear")]).SerializeToString()
    fixed = b"\xf9\x07" + bytes(8) + b"\xfd\x07" + bytes(4)
    assert messages_within(UNKNOWN_GROUP + fixed + row, ADJUST) == 1
    assert messages_within(row + UNKNOWN_GROUP + row, ADJUST) == 2


@pytest.mark.parametrize("broken", [b"\x1a", b"\x1a\xff", b"\x80", b"\x0f", b"\x1c", b"\x1a\x7f"])
def test_what_can_not_be_parsed_is_left_to_who_parses_it(broken: bytes) -> None:
    assert messages_within(EMPTY_ROW * 2 + broken, ADJUST) in (2, 3)


def test_millions_of_empty_rows_are_refused_wherever_they_stand() -> None:
    many = EMPTY_ROW * LOOKED_AT_BYTES_MIN
    for raw, kind in ((many, ADJUST), (UNKNOWN_GROUP + many, ADJUST), (_in_one_request(many), RESERVE)):
        with pytest.raises(Refusal) as refused:
            check(raw, kind)
        assert refused.value.reason is Reason.TOO_MANY_LINES


def test_the_largest_of_all_that_is_meant_is_read() -> None:
    sku = catalog_pb2.Sku(
        sku="x" * 64, name="n" * 100, attributes={f"a{n}": "value" * 3 for n in range(12)}, barcodes=["5901234123457"]
    )
    raw = catalog_pb2.ImportCatalogRequest(skus=[sku] * 10_000).SerializeToString()
    assert len(raw) > LOOKED_AT_BYTES_MIN
    assert messages_within(raw, IMPORT) == 130_000 < MESSAGES_MAX
    check(raw, IMPORT)


def _in_one_request(lines: bytes) -> bytes:
    size, length = len(lines), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return b"\x0a" + length + bytes([size]) + lines
