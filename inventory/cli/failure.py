"""What ends a command: said on stderr, exit code 1, never a traceback."""

from collections.abc import Sequence


class Failed(Exception):
    """The command can't do what it was asked. `lines` are for people."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines: Sequence[str] = lines


def printable(text: str) -> str:
    """Text from outside, safe to show in a terminal: control characters become escapes."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
