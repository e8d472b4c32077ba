"""The feed's memory: what a buffer keeps, and which filters are shown a change."""

import asyncio
from typing import Any

import pytest

from inventory.feed import buffer
from inventory.feed.buffer import NOWHERE, Buffer, Selections
from inventory.feed.change import ChangeKind, Filter, Item, Record
from inventory.feed.turns import TURNS_AT_ONCE, Turns

STOCK, SKU, LOCATION, SUBSCRIBER, AVAILABILITY, *_ = ChangeKind
PLAIN = set(ChangeKind) - {AVAILABILITY}


def record(revision: int, size: int = 1, *items: Item) -> Record:
    return Record(revision, b"", items or (Item(STOCK, "A", "L", ("C",), 1, 5, bytes(size)),))


def wanted(lists: dict[str, Any]) -> Filter:
    fields: dict[str, Any] = {
        field: values if field == "channel_id" else frozenset(values) for field, values in lists.items()
    }
    return Filter(**fields)


def filled(records_max: int, bytes_max: int, sizes: list[int]) -> Buffer:
    made = Buffer(records_max, bytes_max, start=0)
    for revision, size in enumerate(sizes, 1):
        made.append(record(revision, size))
    return made


def revisions(made: Buffer, after: int) -> tuple[list[int], bool]:
    found, all_of_them = made.after(after)
    return [each.revision for each in found], all_of_them


@pytest.mark.parametrize(
    ("records_max", "bytes_max", "sizes", "start", "kept"),
    [
        (4, 100, [1, 1, 1, 1], 0, [1, 2, 3, 4]),
        (4, 100, [1, 1, 1, 1, 1], 1, [2, 3, 4, 5]),
        (8, 100, [1] * 9, 2, [3, 4, 5, 6, 7, 8, 9]),
        (100, 10, [5, 5], 0, [1, 2]),
        (100, 10, [5, 5, 1], 1, [2, 3]),
        (100, 10, [2] * 5 + [9], 5, [6]),
        (100, 10, [10], 0, [1]),
        (100, 10, [11], 1, []),
        (100, 10, [1, 1, 11, 1], 3, [4]),
        (1, 10, [1, 1, 1], 2, [3]),
        (100, 10, [0, 0, 0], 0, [1, 2, 3]),
    ],
)
def test_a_full_buffer_drops_the_oldest_and_says_from_where_on_it_is_whole(
    records_max: int, bytes_max: int, sizes: list[int], start: int, kept: list[int]
) -> None:
    made = filled(records_max, bytes_max, sizes)
    assert made.start == start
    assert revisions(made, start) == (kept, True)


def test_a_look_gives_about_a_message_and_says_whether_that_is_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "MESSAGE_BYTES_MAX", 10)
    monkeypatch.setattr(buffer, "RECORDS_TAKEN_MAX", 4)
    made = filled(100, 1_000, [1, 1, 1, 1, 1, 99, 6, 6, 1])
    table = {
        0: ([1, 2, 3, 4], False),
        3: ([4, 5, 6], False),
        5: ([6], False),
        6: ([7, 8], False),
        7: ([8, 9], True),
        8: ([9], True),
        9: ([], True),
        77: ([], True),
    }
    assert {after: revisions(made, after) for after in table} == table


def test_a_cleared_buffer_begins_anew() -> None:
    made = filled(4, 10, [9, 1])
    made.clear(NOWHERE)
    assert made.start == NOWHERE
    assert revisions(made, 0) == ([], True)
    made.clear(7)
    made.append(record(8, 10))
    assert made.start == 7, "the bytes of what was cleared count no more"
    assert revisions(made, 7) == ([8], True)


FILTERS: dict[str, dict[str, Any]] = {
    "everything": {"kinds": PLAIN},
    "stock": {},
    "A": {"skus": "A"},
    "A and B": {"skus": "AB"},
    "A, all kinds": {"skus": "A", "kinds": PLAIN},
    "at L": {"locations": "L"},
    "at L, all kinds": {"locations": "L", "kinds": PLAIN},
    "A at L": {"skus": "A", "locations": "L"},
    "of C": {"categories": "C"},
    "of C, all kinds": {"categories": "C", "kinds": PLAIN},
    "of C at M": {"categories": "C", "locations": "M"},
    "holds": {"movement_kinds": [3]},
    "subscribers": {"kinds": [SUBSCRIBER]},
    "view of 7": {"kinds": [AVAILABILITY], "channel_id": 7},
    "view of 7, A": {"kinds": [AVAILABILITY], "channel_id": 7, "skus": "A"},
    "view of 7 and stock": {"kinds": [AVAILABILITY, STOCK], "channel_id": 7},
    "view of 7, of C": {"kinds": [AVAILABILITY], "channel_id": 7, "categories": "C"},
    "view of 8": {"kinds": [AVAILABILITY], "channel_id": 8},
    "subscribers, at L": {"kinds": [SUBSCRIBER], "locations": "L"},
}


@pytest.mark.parametrize(
    ("items", "names"),
    [
        (
            [Item(STOCK, "A", "L", ("C",), 1, 5, b"")],
            {
                "everything",
                "stock",
                "view of 7 and stock",
                "A",
                "A and B",
                "A, all kinds",
                "at L",
                "at L, all kinds",
                "A at L",
                "of C",
            }
            | {"of C, all kinds"},
        ),
        ([Item(STOCK, "B", "M", ("",), 3, 5, b"")], {"everything", "stock", "view of 7 and stock", "A and B", "holds"}),
        (
            [Item(STOCK, "X", "X", ("",), 1, 5, b""), Item(STOCK, "B", "M", ("C",), 1, 5, b"")],
            {"everything", "stock", "view of 7 and stock", "A and B", "of C", "of C, all kinds", "of C at M"},
        ),
        (
            [Item(SKU, "A", "", ("B", "C"), 0, 0, b""), Item(STOCK, "A", "M", ("C",), 3, 5, b"", entered=True)],
            {"everything", "A, all kinds", "at L, all kinds", "of C", "of C, all kinds", "of C at M"},
        ),
        (
            [Item(LOCATION, "", "L", (), 0, 0, b"")],
            {"everything", "A, all kinds", "at L, all kinds", "of C, all kinds"},
        ),
        (
            [Item(AVAILABILITY, "A", "", ("C",), 0, 5, b"", channel_id=7)],
            {"view of 7", "view of 7, A", "view of 7 and stock", "view of 7, of C"},
        ),
        (
            [Item(AVAILABILITY, "B", "", ("D",), 0, 5, b"", channel_id=7)],
            {"view of 7", "view of 7 and stock"},
        ),
        ([Item(AVAILABILITY, "A", "", ("C",), 0, 5, b"", channel_id=8)], {"view of 8"}),
        ([Item(LOCATION, "", "X", (), 0, 0, b"")], {"everything", "A, all kinds", "of C, all kinds"}),
        (
            [Item(SUBSCRIBER, "", "", (), 0, 0, b"")],
            {"everything", "A, all kinds", "at L, all kinds", "of C, all kinds", "subscribers", "subscribers, at L"},
        ),
    ],
)
def test_a_change_is_shown_to_every_filter_that_lets_something_of_it_through(
    items: list[Item], names: set[str]
) -> None:
    made = Selections()
    joined = {name: made.join(wanted(lists), 0) for name, lists in FILTERS.items()}
    taken = made.publish(record(1, 0, *items))
    assert {name for name, selection in joined.items() if selection in taken} == names
    assert {name for name, selection in joined.items() if revisions(selection, 0)[0]} == names


def test_the_same_filter_is_kept_once_until_the_last_who_has_it_leaves() -> None:
    made = Selections()
    mine, yours = (made.join(Filter(skus=frozenset("AB")), start) for start in (3, 9))
    other = made.join(Filter(skus=frozenset("A")), 5)
    assert mine is yours
    assert mine is not other
    assert (mine.start, other.start) == (3, 5)
    made.leave(mine)
    assert made.publish(record(10)) == {mine, other}
    made.leave(yours)
    assert list(made) == [other]
    assert made.publish(record(11)) == {other}
    made.leave(other)
    assert not made.publish(record(12))
    again = made.join(Filter(skus=frozenset("AB")), 12)
    assert again is not mine
    assert revisions(again, 12) == ([], True)


async def test_whoever_waits_gets_a_turn_once() -> None:
    made, turns = Selections().join(Filter(), 0), Turns()
    loop = asyncio.get_running_loop()
    waiting, gone = loop.create_future(), loop.create_future()
    made.waiting = {waiting: None, gone: None}
    gone.cancel()
    dealing = asyncio.create_task(turns.deal(lambda: False))
    made.wake(turns)
    await waiting
    assert not made.waiting
    made.wake(turns)
    dealing.cancel()


async def test_turns_come_in_the_order_they_were_asked_for() -> None:
    turns = Turns()
    given: list[int] = []

    async def one(number: int) -> None:
        await turns.take()
        given.append(number)

    asking = [asyncio.create_task(one(number)) for number in range(TURNS_AT_ONCE * 2 + 1)]
    dealing = asyncio.create_task(turns.deal(lambda: True))
    await asyncio.gather(*asking)
    dealing.cancel()
    assert given == list(range(TURNS_AT_ONCE * 2 + 1))
