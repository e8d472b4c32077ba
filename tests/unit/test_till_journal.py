"""What the till has begun survives its crash, whole."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from inventory_till.journal import Intent, JournalError, Step, open_journal

LINES = (("PEAR", 2), ("Ż", 1))


def test_open_intents_are_there_again(tmp_path: Path) -> None:
    path = tmp_path / "till" / "journal.json"
    first, second = (Intent.new("till-7", "shop-1", LINES) for _ in range(2))
    with open_journal(path) as journal:
        journal.put(first)
        journal.put(second)
        journal.put(first.at(Step.COMMIT, "some-reservation"))
        journal.drop(second)
    with open_journal(path) as journal:
        assert journal.intents == (first.at(Step.COMMIT, "some-reservation"),)
    assert len({first.reserve_id, first.commit_id, first.fulfil_id, first.release_id, second.reserve_id}) == 5


def test_pieces_are_named_in_it_and_an_older_till_named_none(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    intent = Intent.new("till-7", "shop-1", LINES, (("PEAR", "S1"), ("PEAR", "S2")))
    with open_journal(path) as journal:
        journal.put(intent)
    with open_journal(path) as journal:
        assert journal.intents == (intent,)
        assert intent.serials_of("PEAR") == ("S1", "S2")
    rows = json.loads(path.read_text(encoding="utf-8"))
    del rows[0]["serials"]
    path.write_text(json.dumps(rows), encoding="utf-8")
    with open_journal(path) as journal:
        assert journal.intents == (replace(intent, serials=()),)


def test_a_crash_in_the_middle_of_writing_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    intent = Intent.new("till-7", "shop-1", LINES)
    with open_journal(path) as journal:
        journal.put(intent)
    path.with_name("journal.json.new").write_text('[{"refer', encoding="utf-8")
    with open_journal(path) as journal:
        assert journal.intents == (intent,)


def test_two_tills_do_not_share_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    with open_journal(path), pytest.raises(JournalError, match="another till"), open_journal(path):
        pass


@pytest.mark.parametrize("text", ["", "{", "{}x", "[1]", '[{"lines": []}]', '[{"lines": [[1]]}]', "7"])
def test_a_file_that_is_no_journal_is_said_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "journal.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(JournalError, match="no journal"), open_journal(path):
        pass
    assert path.read_text(encoding="utf-8") == text, "and it is left as it was"
