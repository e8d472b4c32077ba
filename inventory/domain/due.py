"""What is due at the places of one batch: expected under a reference, or on its way."""

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from inventory.domain.ledger import Key, Ledger


class Expected(NamedTuple):
    """What is expected under one reference at a place, in the SKU's smallest unit."""

    quantity: int
    due_on: date


class Due:
    """What is due at locked levels, as far as it was read, and what the batch makes of it."""

    def __init__(self) -> None:
        self.expected: dict[tuple[Key, str], Expected | None] = {}
        """By level and reference; None: nothing any more."""
        self.touched: dict[tuple[Key, str], None] = {}
        self.on_the_way: dict[Key, list[date]] = {}
        self.all_read = False
        """Whether `expected` and `on_the_way` have all that is due at the locked levels."""

    def expect(self, ledger: "Ledger", key: "Key", reference: str, expected: Expected | None) -> None:
        """Replaces what is expected at a locked level under a reference; None: nothing any more. The movement that
        tells of it is the caller's."""
        row = (key, reference)
        before, touched = self.expected.get(row), row in self.touched
        self.expected[row] = expected
        self.touched[row] = None

        def undo() -> None:
            self.expected[row] = before
            if not touched:
                del self.touched[row]

        ledger.on_take_back(undo)
