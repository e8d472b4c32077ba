"""What a channel is shown is doubted at every bookmark: too much, too little, and bundles that are not their parts."""

import pytest

from inventory.v1.channel_service_pb2 import ChannelAvailability
from inventory.v1.core_pb2 import Level, Movement, Quantities
from inventory.v1.watch_service_pb2 import Change
from inventory_client import Bookmark, Changes, Cursor, Restarted, RestartReason, SnapshotComplete, SnapshotPiece
from inventory_demo.bundles import Bundle
from inventory_demo.views import ViewDoubter, ViewRule

BREAKFAST = Bundle("breakfast", "Milk + Bread", (("milk", 1), ("bread", 2)))
RULE = ViewRule(frozenset({"here", "there"}), buffer=1, share_bp=5_000, bundles=(BREAKFAST,))


def at(revision: int) -> Cursor:
    return Cursor("an epoch", revision)


def shown(**rows: int) -> list[ChannelAvailability]:
    return [ChannelAvailability(sku=sku, available_to_sell=number) for sku, number in rows.items()]


def level(sku: str, location: str, available: int) -> Level:
    return Level(sku=sku, location=location, quantities=Quantities(on_hand=available, available=available))


def change(revision: int, left: int, **rows: int) -> Change:
    """So much of the milk is left here."""
    movement = Movement(sku="milk", location="here", after=Quantities(on_hand=left, available=left))
    return Change(revision=revision, movements=[movement], availability=shown(**rows))


def follower() -> ViewDoubter:
    """Of seven milks it may see three, of nine loaves four: which makes two breakfasts. What is elsewhere is not its
    own."""
    doubter = ViewDoubter(RULE)
    doubter.take(Restarted(RestartReason.FIRST_SNAPSHOT, 5))
    levels = [
        level("milk", "here", 4),
        level("milk", "there", 3),
        level("milk", "elsewhere", 90),
        level("bread", "here", 5),
        level("bread", "there", 4),
    ]
    doubter.take(SnapshotPiece(5, levels, availability=shown(milk=3, bread=4, breakfast=2)))
    doubter.take(SnapshotComplete(5, at(5)))
    return doubter


def test_what_the_view_allows_is_well() -> None:
    doubter = follower()
    doubter.take(Changes([change(6, 0, milk=1, breakfast=1)], at(6)))
    doubter.take(Bookmark(at(7)))
    assert [*doubter.more.counts, *doubter.less.counts, *doubter.bundles_wrong.counts] == []
    assert (doubter.looks, doubter.bundle_looks, doubter.revision) == (3, 2, 7)


@pytest.mark.parametrize(
    ("rows", "more", "less", "bundles"),
    [
        ({"milk": 2, "breakfast": 1}, 1, 0, 0),
        ({"milk": 0, "breakfast": 1}, 0, 1, 0),
        ({"milk": 1}, 0, 0, 1),
        ({"milk": 1, "breakfast": 0}, 0, 0, 1),
        ({"breakfast": 1}, 1, 0, 0),
        ({"milk": 1, "breakfast": 1, "tea": 1}, 1, 0, 0),
    ],
)
def test_what_it_does_not_allow_is_found(rows: dict[str, int], more: int, less: int, bundles: int) -> None:
    doubter = follower()
    doubter.take(Changes([change(6, 0, **rows)], at(6)))
    assert (len(doubter.more), len(doubter.less), len(doubter.bundles_wrong)) == (more, less, bundles)


def test_changes_are_compared_at_the_bookmark_and_not_between() -> None:
    doubter = follower()
    doubter.take(Changes([change(6, 0), change(7, 4, milk=3)], at(7)))
    assert [*doubter.more.counts, *doubter.less.counts, *doubter.bundles_wrong.counts] == []


def test_the_parts_of_a_bundle_come_from_one_place_unless_it_says_otherwise() -> None:
    free = {"milk": {"here": 9}, "bread": {"there": 9}}
    rule = ViewRule(frozenset({"here", "there"}))
    anywhere = Bundle("breakfast", "", BREAKFAST.parts, from_several_places=True)
    assert rule.allowed_of(BREAKFAST, free) == 0
    assert rule.allowed_of(anywhere, free) == 4


def test_the_last_word_is_compared_with_the_levels() -> None:
    doubter = follower()
    levels = {
        ("milk", "here"): (4, 0, 0, 0, 0, 0),
        ("milk", "there"): (3, 0, 0, 0, 0, 0),
        ("milk", "elsewhere"): (90, 0, 0, 0, 0, 0),
        ("bread", "here"): (5, 0, 0, 0, 0, 0),
        ("bread", "there"): (4, 0, 0, 0, 0, 0),
    }
    assert doubter.differs(levels) == []
    levels["milk", "here"] = (4, 0, 4, 0, 0, 0)
    assert doubter.differs(levels) == [("breakfast", "breakfast: 2, not 1"), ("milk", "milk: 3, not 1")]
