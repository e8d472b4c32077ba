"""The doubter believes nothing: what is wrong in a stream, it says."""

from inventory.v1 import core_pb2
from inventory.v1.watch_service_pb2 import Change
from inventory_client import Bookmark, Changes, Cursor, Event, Restarted, RestartReason
from inventory_demo.doubter import Doubter

KEY = ("milk", "shop-1")
EPOCH = "5a0c7a5e-0000-4000-8000-000000000000"


def movement(
    revision: int, delta: tuple[int, int, int], after: tuple[int, int, int], **more: object
) -> core_pb2.Movement:
    """`delta` and `after` are on_hand, held, allocated."""
    names = ("on_hand", "held", "allocated")
    row = core_pb2.Movement(
        revision=revision,
        sku=KEY[0],
        location=KEY[1],
        delta=core_pb2.Quantities(**dict(zip(names, delta, strict=True))),
        after=core_pb2.Quantities(**dict(zip(names, after, strict=True)), available=after[0] - after[1] - after[2]),
    )
    for name, value in more.items():
        setattr(row, name, value)
    return row


def event(*movements: core_pb2.Movement, bookmark: int | None = None) -> Changes:
    """Each movement is a change of its own."""
    changes = [Change(revision=row.revision, movements=[row]) for row in movements]
    return Changes(changes, Cursor(EPOCH, movements[-1].revision if bookmark is None else bookmark))


OPENING = movement(8, (5, 0, 0), (5, 0, 0))
HOLD = movement(9, (0, 2, 0), (5, 2, 0), reservation_id="r-1")
COMMIT = movement(10, (0, -2, 2), (5, 0, 2), reservation_id="r-1")
FULFILMENT = movement(11, (-2, 0, -2), (3, 0, 0), reservation_id="r-1")


def found(*events: Event) -> set[str]:
    doubter = Doubter(7)
    for one in events:
        doubter.take(one)
    return set(doubter.findings.counts)


def test_an_orderly_stream_gives_the_levels() -> None:
    doubter = Doubter(7)
    doubter.take(event(OPENING, HOLD))
    assert (doubter.held, doubter.allocated) == (2, 0)
    doubter.take(event(COMMIT, FULFILMENT))
    assert doubter.levels == {KEY: (3, 0, 0, 0, 0, 0)}
    assert doubter.reservations == {"r-1"}
    assert (doubter.revision, doubter.changes, doubter.movements) == (11, 4, 4)
    assert (doubter.held, doubter.allocated) == (0, 0)
    assert not doubter.findings
    assert not doubter.oversold


def test_a_missing_revision_is_found() -> None:
    assert "revision missing" in found(event(OPENING, COMMIT))


def test_a_repeated_revision_is_found_and_not_counted_twice() -> None:
    doubter = Doubter(7)
    doubter.take(event(OPENING))
    doubter.take(event(OPENING))
    assert set(doubter.findings.counts) == {"revision repeated"}
    assert doubter.movements == 1


def test_a_bookmark_ahead_of_its_changes_is_found() -> None:
    assert found(event(OPENING, bookmark=9)) == {"bookmark without its changes"}


def test_another_epoch_is_found() -> None:
    assert found(event(OPENING), Bookmark(Cursor("another", 8))) == {"epoch changed"}


def test_a_stream_that_begins_anew_is_found() -> None:
    assert found(event(OPENING), Restarted(RestartReason.COMPACTED, 8)) == {"the stream began anew"}


def test_a_balance_that_does_not_follow_from_the_one_before_is_found() -> None:
    assert found(event(OPENING, movement(9, (0, 2, 0), (5, 3, 0)))) == {"balance is not the one before plus the change"}


def test_an_available_that_contradicts_the_quantities_is_found() -> None:
    wrong = movement(8, (5, 0, 0), (5, 0, 0))
    wrong.after.available = 4
    assert found(event(wrong)) == {"available is not what the quantities say"}


def test_a_negative_quantity_is_found() -> None:
    assert "quantity below zero" in found(event(movement(8, (0, -1, 0), (0, -1, 0))))


def test_rows_of_a_change_out_of_order_are_found() -> None:
    assert found(event(movement(8, (5, 0, 0), (5, 0, 0), ordinal=1))) == {"ledger row out of its place"}


def test_an_oversold_level_is_remembered_by_its_depth_also_when_it_recovers() -> None:
    doubter = Doubter(7)
    doubter.take(event(OPENING, movement(9, (0, 8, 0), (5, 8, 0)), movement(10, (0, -8, 0), (5, 0, 0))))
    assert doubter.oversold == {KEY: 3}


def test_other_peoples_shops_count_for_the_order_only() -> None:
    doubter = Doubter(7, "demo-")
    doubter.take(event(movement(8, (0, 9, 0), (1, 9, 0)), HOLD))
    assert doubter.changes == 2
    assert not doubter.levels
    assert not doubter.findings
