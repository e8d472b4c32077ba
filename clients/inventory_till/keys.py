"""Bytes from a terminal become keys. Source: ECMA-48 (CSI), and what xterm sends for its function keys."""

import codecs
import enum
import re

SEQUENCE_BYTES_MAX = 32


class Key(enum.Enum):
    """A key that is no character."""

    UP = enum.auto()
    DOWN = enum.auto()
    ENTER = enum.auto()
    BACKSPACE = enum.auto()
    DELETE = enum.auto()
    ESCAPE = enum.auto()
    PAY = enum.auto()
    INTERRUPT = enum.auto()


Press = Key | str
"""A key, or one printable character."""

_CONTROLS = {
    0x03: Key.INTERRUPT,
    0x04: Key.INTERRUPT,
    0x08: Key.BACKSPACE,
    0x0A: Key.ENTER,
    0x0D: Key.ENTER,
    0x7F: Key.BACKSPACE,
}
_SEQUENCES = {b"[A": Key.UP, b"[B": Key.DOWN, b"OA": Key.UP, b"OB": Key.DOWN, b"[3~": Key.DELETE, b"[21~": Key.PAY}
_WHOLE = re.compile(rb"\[[0-?]*[ -/]*[@-~]|O[ -~]")
_BEGUN = re.compile(rb"|\[[0-?]*[ -/]*|O")
_ESCAPE = 0x1B


class Keys:
    """Put bytes in as they come, in pieces of any size. Unknown sequences and control characters say nothing."""

    def __init__(self) -> None:
        self._rest = b""
        self._characters = codecs.getincrementaldecoder("utf-8")(errors="ignore")

    def feed(self, some: bytes) -> list[Press]:
        """What is complete by now."""
        self._rest += some
        presses: list[Press] = []
        while self._rest:
            if self._rest[0] != _ESCAPE:
                presses += self._plain(self._rest[0])
                self._rest = self._rest[1:]
            elif found := _WHOLE.match(self._rest, 1):
                presses += filter(None, [_SEQUENCES.get(found[0])])
                self._rest = self._rest[found.end() :]
            elif _BEGUN.fullmatch(self._rest, 1) and len(self._rest) < SEQUENCE_BYTES_MAX:
                break
            else:
                presses.append(Key.ESCAPE)
                self._rest = self._rest[1:]
        return presses

    @property
    def waits(self) -> bool:
        """Whether an escape has come that may be the beginning of something, or the key itself."""
        return bool(self._rest)

    def settle(self) -> list[Press]:
        """Nothing has come for a while: a lone escape is the key, and the beginning of a sequence is nothing."""
        alone, self._rest = self._rest == bytes([_ESCAPE]), b""
        return [Key.ESCAPE] if alone else []

    def _plain(self, byte: int) -> list[Press]:
        if key := _CONTROLS.get(byte):
            return [key]
        return [character for character in self._characters.decode(bytes([byte])) if character.isprintable()]
