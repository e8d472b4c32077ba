import pytest

from inventory.rpc.wire import delimited, integer, varint, with_revision
from inventory.v1 import core_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import watch_service_pb2 as watch_pb2


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "00"),
        (1, "01"),
        (127, "7f"),
        (128, "8001"),
        (300, "ac02"),
        (16_383, "ff7f"),
        (16_384, "808001"),
        (2**63 - 1, "ffffffffffffffff7f"),
    ],
)
def test_varints(value: int, encoded: str) -> None:
    assert varint(value).hex() == encoded


@pytest.mark.parametrize("revision", [None, 0, 1, 127, 128, 2**40, 2**63 - 1])
@pytest.mark.parametrize("replayed", [False, True])
def test_a_stored_answer_gets_its_revision(revision: int | None, replayed: bool) -> None:
    answer = reservation_pb2.ReserveResponse(reservation=core_pb2.Reservation(owner="cart"))
    found = reservation_pb2.ReserveResponse.FromString(with_revision(answer.SerializeToString(), revision, replayed))
    assert found == reservation_pb2.ReserveResponse(
        revision=revision or 0, replayed=replayed, reservation=answer.reservation
    )


def test_fields_put_together_by_hand_are_the_message() -> None:
    cursor = core_pb2.Cursor(epoch="e" * 200, revision=300)
    change = watch_pb2.Change(revision=300, skus=[{"sku": "apple"}])
    body = integer(1, 300) + delimited(4, change.skus[0].SerializeToString())
    built = delimited(1, cursor.SerializeToString()) + delimited(5, body) + delimited(5, body)
    assert watch_pb2.WatchResponse.FromString(built) == watch_pb2.WatchResponse(
        bookmark=cursor, changes=[change, change]
    )
    assert delimited(1, b"") == b"\x0a\x00"
