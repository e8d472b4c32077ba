"""What the demo makes of the two answers to a request sent twice, and of a refusal."""

import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2

from inventory.v1 import core_pb2
from inventory.v1.reservation_service_pb2 import ReserveResponse
from inventory_demo.caller import Answer, Refusal, difference, refusal
from inventory_demo.sales import Replay


def granted(revision: int = 5, *, replayed: bool = False, tries: int = 1) -> Answer:
    reservation = core_pb2.Reservation(reservation_id=f"r-{revision}")
    body = ReserveResponse(revision=revision, replayed=replayed, reservation=reservation).SerializeToString()
    return Answer(0, body, tries)


REFUSED = Answer(9, b"status", 1)

PAIRS = [
    ("a replay", granted(), granted(replayed=True), None),
    ("a replay that overtook the first", granted(replayed=True), granted(), None),
    ("the same refusal", REFUSED, REFUSED, None),
    ("both replays of a try whose answer was lost", granted(replayed=True, tries=2), granted(replayed=True), None),
    ("two effects", granted(), granted(), Replay.SECOND_EFFECT),
    ("two effects, two revisions", granted(5), granted(6), Replay.SECOND_EFFECT),
    ("another reservation", granted(5), granted(6, replayed=True), Replay.OTHER_ANSWER),
    ("two replays of nothing", granted(replayed=True), granted(replayed=True), Replay.OTHER_ANSWER),
    ("a refusal of what was granted", granted(), REFUSED, Replay.OTHER_ANSWER),
    ("another refusal", REFUSED, Answer(9, b"other", 1), Replay.OTHER_ANSWER),
]


@pytest.mark.parametrize(("first", "second", "wrong"), [row[1:] for row in PAIRS], ids=[row[0] for row in PAIRS])
def test_two_answers(first: Answer, second: Answer, wrong: Replay | None) -> None:
    assert difference(first, second, ReserveResponse) == wrong


def test_a_refusal_names_its_reason_and_the_short_skus() -> None:
    violations = [error_details_pb2.PreconditionFailure.Violation(subject=f"{sku}@shop-1") for sku in ("milk", "a@b")]
    details = []
    for detail in (
        error_details_pb2.ErrorInfo(reason="INSUFFICIENT_STOCK"),
        error_details_pb2.PreconditionFailure(violations=violations),
    ):
        packed = Any()
        packed.Pack(detail)
        details.append(packed)
    status = status_pb2.Status(code=9, message="too little", details=details).SerializeToString()
    assert refusal(status) == Refusal("INSUFFICIENT_STOCK", "too little", ("milk", "a@b"))


def test_an_empty_status_has_no_reason() -> None:
    assert refusal(b"") == Refusal("", "")
