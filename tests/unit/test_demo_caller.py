"""What the demo makes of the two answers to a request sent twice."""

import pytest

from inventory.v1 import core_pb2
from inventory.v1.reservation_service_pb2 import ReserveResponse
from inventory_client import Failure, Refused
from inventory_demo.caller import Answer, difference
from inventory_demo.sales import Replay


def granted(revision: int = 5, *, replayed: bool = False, doubted: bool = False) -> Answer[ReserveResponse]:
    reservation = core_pb2.Reservation(reservation_id=f"r-{revision}")
    return Answer(ReserveResponse(revision=revision, replayed=replayed, reservation=reservation), doubted)


def refused(message: str) -> Answer[ReserveResponse]:
    return Answer(Refused(Failure("FAILED_PRECONDITION", "INSUFFICIENT_STOCK", message)), False)


REFUSED = refused("too little")

PAIRS = [
    ("a replay", granted(), granted(replayed=True), None),
    ("a replay that overtook the first", granted(replayed=True), granted(), None),
    ("the same refusal", REFUSED, refused("too little"), None),
    ("both replays of a try whose answer was lost", granted(replayed=True, doubted=True), granted(replayed=True), None),
    ("two effects", granted(), granted(), Replay.SECOND_EFFECT),
    ("two effects, two revisions", granted(5), granted(6), Replay.SECOND_EFFECT),
    ("another reservation", granted(5), granted(6, replayed=True), Replay.OTHER_ANSWER),
    ("two replays of nothing", granted(replayed=True), granted(replayed=True), Replay.OTHER_ANSWER),
    ("a refusal of what was granted", granted(), REFUSED, Replay.OTHER_ANSWER),
    ("another refusal", REFUSED, refused("none at all"), Replay.OTHER_ANSWER),
]


@pytest.mark.parametrize(("first", "second", "wrong"), [row[1:] for row in PAIRS], ids=[row[0] for row in PAIRS])
def test_two_answers(first: Answer[ReserveResponse], second: Answer[ReserveResponse], wrong: Replay | None) -> None:
    assert difference(first, second) == wrong
