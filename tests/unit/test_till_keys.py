"""Bytes from a terminal become keys, in pieces of any size."""

import pytest

from inventory_till.keys import Key, Keys, Press


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        (b"aZ0*", ["a", "Z", "0", "*"]),
        ("ż€".encode(), ["ż", "€"]),
        (b"5901234123457\r", [*"5901234123457", Key.ENTER]),
        (b"\n", [Key.ENTER]),
        (b"\x7f\x08", [Key.BACKSPACE, Key.BACKSPACE]),
        (b"\x03", [Key.INTERRUPT]),
        (b"\x1b[A\x1b[B", [Key.UP, Key.DOWN]),
        (b"\x1bOA\x1bOB", [Key.UP, Key.DOWN]),
        (b"\x1b[3~", [Key.DELETE]),
        (b"\x1b[21~", [Key.PAY]),
        (b"\x1b[1;5A\x1b[15~\x1b[200~x\x1b[201~", ["x"]),
        (b"\x1bx", [Key.ESCAPE, "x"]),
        (b"\x1b\x1b[A", [Key.ESCAPE, Key.UP]),
        (b"\x01\x02\x00\xff", []),
    ],
)
def test_bytes_become_keys(typed: bytes, keys: list[Press]) -> None:
    assert Keys().feed(typed) == keys


@pytest.mark.parametrize("typed", [b"a\x1b[Bb", "ż\x1b[3~€".encode(), b"\x1b[21~\r"])
def test_pieces_say_the_same_as_the_whole(typed: bytes) -> None:
    whole = Keys().feed(typed)
    for cut in range(len(typed) + 1):
        keys = Keys()
        assert keys.feed(typed[:cut]) + keys.feed(typed[cut:]) == whole


def test_a_lone_escape_is_the_key_when_nothing_follows() -> None:
    keys = Keys()
    assert keys.feed(b"\x1b") == []
    assert keys.waits
    assert keys.settle() == [Key.ESCAPE]
    assert not keys.waits


def test_half_a_sequence_that_nothing_follows_is_nothing() -> None:
    keys = Keys()
    assert keys.feed(b"\x1b[") == []
    assert keys.settle() == []
    assert keys.feed(b"x") == ["x"]


def test_a_sequence_without_end_is_not_waited_for() -> None:
    keys = Keys()
    assert keys.feed(b"\x1b[" + b"1" * 40)[0] is Key.ESCAPE
    assert not keys.waits
