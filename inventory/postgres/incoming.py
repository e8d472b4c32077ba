"""What is expected, beside the levels and guarded by their locks."""

from collections.abc import Sequence
from typing import Any

from inventory.domain.due import Expected
from inventory.domain.incoming import SetIncoming
from inventory.domain.ledger import Key, Ledger
from inventory.domain.receipt import Receive
from inventory.postgres.connection import Writer
from inventory.postgres.needed import Needed

DUE_ROWS_MAX = 100
"""How many expected deliveries of one level are looked through for the first."""
_SPEAKING = frozenset((SetIncoming, Receive))


def concerns(commands: Sequence[Any]) -> bool:
    """Whether any of them says what is expected, or takes in what was."""
    return any(type(command) in _SPEAKING and _reference(command) for command in commands)


async def prepare(writer: Writer, commands: Sequence[Any]) -> Needed:
    """Nothing but levels is locked."""
    return Needed()


async def read(writer: Writer, commands: Sequence[Any], ledger: Ledger) -> None:
    """What is expected under the references that commands name."""
    rows: dict[tuple[int, int, str], None] = {}
    for command in commands:
        for sku, location in _places(command):
            place = ledger.places.get((sku, location))
            if place is not None:
                rows[(place.sku_id, place.location_id, _reference(command))] = None
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        for sku_id, location_id, reference, quantity, due_on in await writer.fetch("read_incoming", *columns):
            ledger.due.expected[((sku_id, location_id), reference)] = Expected(quantity, due_on)


async def write(writer: Writer, ledger: Ledger) -> None:
    """What decisions made of it."""
    gone = []
    kept = []
    for key, reference in ledger.due.touched:
        expected = ledger.due.expected[(key, reference)]
        if expected is None:
            gone.append((*key, reference))
        else:
            kept.append((*key, reference, *expected))
    if gone:
        await writer.fetch("forget_incoming", *map(list, zip(*gone, strict=True)))
    if kept:
        await writer.fetch("write_incoming", *map(list, zip(*kept, strict=True)))


async def read_due(writer: Writer, ledger: Ledger, keys: Sequence[Key]) -> None:
    """When more is due at locked levels; what the present batch has made of it stands."""
    sku_ids, location_ids = zip(*keys, strict=True)
    ledger.due.all_read = True
    rows = await writer.fetch("read_due", sku_ids, location_ids, DUE_ROWS_MAX)
    for sku_id, location_id, reference, quantity, due_on in rows:
        key = (sku_id, location_id)
        if reference is None:
            ledger.due.on_the_way.setdefault(key, []).append(due_on)
        else:
            ledger.due.expected.setdefault((key, reference), Expected(quantity, due_on))


def _reference(command: Any) -> str:
    match command:
        case SetIncoming():
            return command.reference
        case Receive():
            return command.incoming_reference
        case _:
            return ""


def _places(command: Any) -> list[tuple[str, str]]:
    match command:
        case SetIncoming():
            return [(row.sku, row.location) for row in command.rows]
        case Receive() if command.incoming_reference:
            return [(row.sku, command.location) for row in command.rows]
        case _:
            return []
