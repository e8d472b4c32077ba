"""Cursor stores: what is read is what was saved, whole, or an error."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from inventory_client import Cursor, CursorFileCorrupt, FileCursorStore, MemoryCursorStore

EPOCH = "5f0c1a52-7f0e-4a37-8f3c-0d6f1d9d9a01"


def test_a_file_gives_back_what_was_saved(tmp_path: Path) -> None:
    store = FileCursorStore(tmp_path / "cursor")
    assert store.load() is None
    for cursor in (Cursor(EPOCH, 1), Cursor(EPOCH, 10**12), Cursor("", 0)):
        store.save(cursor)
        assert FileCursorStore(tmp_path / "cursor").load() == cursor
    assert os.listdir(tmp_path) == ["cursor"], "nothing is left beside it"


@pytest.mark.parametrize(
    "text",
    ["", "\n", f"{EPOCH} 17", f"{EPOCH} \n", f"{EPOCH[:20]} 1\n", "17\n", f"{EPOCH} -1\n", "ą\n", f"{EPOCH} {2**63}\n"],
)
def test_a_file_that_holds_no_cursor_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "cursor").write_text(text)
    with pytest.raises(CursorFileCorrupt, match=re.escape(f"file {tmp_path / 'cursor'} is damaged")):
        FileCursorStore(tmp_path / "cursor").load()


def test_a_save_that_breaks_off_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileCursorStore(tmp_path / "cursor")
    store.save(Cursor(EPOCH, 1))

    def full(_: int) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        store.save(Cursor(EPOCH, 2))
    assert store.load() == Cursor(EPOCH, 1)


def test_a_file_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileCursorStore(tmp_path / "cursor")
    store.save(Cursor(EPOCH, 1))
    synced: list[tuple[str, Cursor | None]] = []
    fsync = os.fsync

    def note(number: int) -> None:
        synced.append((Path(os.readlink(f"/proc/self/fd/{number}")).name, store.load()))
        fsync(number)

    monkeypatch.setattr(os, "fsync", note)
    store.save(Cursor(EPOCH, 2))
    (file, before), (directory, after) = synced
    assert file.startswith(".cursor")
    assert (before, after) == (Cursor(EPOCH, 1), Cursor(EPOCH, 2))
    assert directory == tmp_path.name


def test_memory_keeps_the_last_one() -> None:
    store = MemoryCursorStore()
    assert store.load() is None
    store.save(Cursor(EPOCH, 3))
    assert store.load() == Cursor(EPOCH, 3)
