"""Keys are worked off in the order they were pressed, however long a look-up takes. Only Ctrl-C waits for nothing."""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from inventory_till.keys import Key, Press
from inventory_till.sale import Do, Find, Phase, Sale, press, told

PRESSES_MAX = 8_192
"""More than the terminal gives at once."""
TOO_MANY = "too much was typed ahead: see what is missing, then go on with Esc"

_SHOWN = {
    Key.UP: "↑",
    Key.DOWN: "↓",
    Key.ENTER: "↵",
    Key.BACKSPACE: "⌫",
    Key.DELETE: "Del",
    Key.ESCAPE: "Esc",
    Key.PAY: "F10",
    Key.INTERRUPT: "Ctrl-C",
}


class Pressed:
    """`put` the keys in, then ask for the `next` effect until there is none, and again after every look-up.

    Of what was pressed before a complaint could be read only further codes count: it may have been meant for the line
    that is not there, so it pays, counts and removes nothing.
    """

    def __init__(self) -> None:
        self._waiting: deque[Press] = deque()
        self._interrupted = False
        self._overflowed = False

    def __str__(self) -> str:
        """What waits, for people."""
        return "".join(key if isinstance(key, str) else f" {_SHOWN[key]} " for key in self._waiting).strip()

    def put(self, keys: Iterable[Press]) -> None:
        for key in keys:
            if key is not Key.INTERRUPT:
                self._interrupted = False
                if len(self._waiting) >= PRESSES_MAX and not self._overflowed:
                    self._overflowed = True
                    self._forget_what_is_not_entered()
                if self._overflowed and (self._waiting or key is not Key.ESCAPE):
                    continue
                self._overflowed = False
            self._waiting.append(key)

    def next(self, sale: Sale) -> tuple[Sale, Find | Do | None]:
        """The sale after as many keys as can be worked off, up to the first that has something done outside."""
        effect: Find | Do | None = None
        while self._waiting and effect is None:
            if not sale.seeking:
                key = self._waiting.popleft()
                sale, effect = _press_unread(sale, key) if sale.complaints else press(sale, key)
            elif Key.INTERRUPT in self._waiting:
                self._waiting.remove(Key.INTERRUPT)
                sale, effect = press(replace(sale, leaving=self._interrupted), Key.INTERRUPT)
                self._interrupted = True
            else:
                break
        if self._interrupted and sale.phase is Phase.SELLING:
            sale = replace(sale, leaving=True)
        if not (effect or sale.seeking):
            self._interrupted = False
            sale = told(sale)
            if self._overflowed:
                sale = replace(sale, message=TOO_MANY)
        return sale, effect

    def _forget_what_is_not_entered(self) -> None:
        """Half a code is none."""
        while self._waiting and self._waiting[-1] is not Key.ENTER:
            self._waiting.pop()


def _press_unread(sale: Sale, key: Press) -> tuple[Sale, Find | Do | None]:
    """The key was pressed before the cashier could read that something is not as they think."""
    match key:
        case Key.ENTER if sale.entry.startswith("*") and not sale.asks:
            return replace(sale, entry=""), None
        case Key.ENTER | Key.ESCAPE if sale.entry:
            return press(sale, key)
        case str() | Key.BACKSPACE | Key.INTERRUPT:
            return press(sale, key)
        case _:
            return sale, None
