"""The joiner: a command's changes whole, once, and only when a bookmark covers them."""

from __future__ import annotations

import pytest

from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as pb2
from inventory_client.joiner import ChangeTooLarge, Joiner


def change(revision: int, *skus: str, fragment: bool = False) -> pb2.Change:
    rows = [core_pb2.Movement(sku=sku, revision=revision) for sku in skus]
    return pb2.Change(revision=revision, movements=rows, fragment=fragment)


def message(*changes: pb2.Change, bookmark: int | None = None) -> pb2.WatchResponse:
    cursor = None if bookmark is None else core_pb2.Cursor(revision=bookmark)
    return pb2.WatchResponse(changes=changes, bookmark=cursor)


def told(changes: list[pb2.Change]) -> list[tuple[int, str]]:
    return [(each.revision, "".join(row.sku for row in each.movements)) for each in changes]


def test_whole_changes_pass() -> None:
    assert told(Joiner().take(message(change(1, "a"), change(2, "b"), bookmark=2))) == [(1, "a"), (2, "b")]


def test_fragments_are_joined_and_what_follows_comes_after_them() -> None:
    joiner = Joiner()
    assert joiner.take(message(change(1, "a", fragment=True))) == []
    assert joiner.take(message(change(1, "b", fragment=True))) == []
    whole = joiner.take(message(change(1, "c"), change(2, "d"), bookmark=2))
    assert told(whole) == [(1, "abc"), (2, "d")]
    assert not whole[0].fragment
    assert told(joiner.take(message(change(3, "e"), bookmark=3))) == [(3, "e")]


def test_a_change_without_a_bookmark_waits_for_it() -> None:
    joiner = Joiner()
    assert joiner.take(message(change(1, "a"))) == []
    assert told(joiner.take(message(bookmark=1))) == [(1, "a")]
    assert joiner.take(message(bookmark=1)) == []


def test_after_a_break_the_beginning_is_forgotten() -> None:
    joiner = Joiner()
    joiner.take(message(change(1, "a", fragment=True)))
    joiner.forget()
    joiner.take(message(change(1, "a", fragment=True)))
    assert told(joiner.take(message(change(1, "b"), bookmark=1))) == [(1, "ab")]


def test_what_is_kept_is_bounded() -> None:
    joiner = Joiner(change_bytes_max=1_000)
    for _ in range(12):
        joiner.take(message(change(1, "x" * 64, fragment=True)))
    with pytest.raises(ChangeTooLarge, match="revision 1 "):
        joiner.take(message(change(1, "x" * 1_000, fragment=True)))
