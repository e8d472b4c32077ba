"""Who asked for what: the entries of the audit trail."""

from typing import NamedTuple
from uuid import UUID

OPERATOR_BYTES_MAX = 64


class Author(NamedTuple):
    """Who asks at a channel. `key_id`: of its credential; `operator`: who that says to be; `peer`: the address it calls
    from. Empty: not known."""

    key_id: str = ""
    operator: str = ""
    peer: str = ""


SERVER = Author(operator="server")
"""What the server does on its own account."""

OWNER = Author(operator="owner")
"""Whoever works on the database as the owner of its tables."""


class Entry(NamedTuple):
    """One change, or one that was refused, in the order of the table's columns. `step` None: nothing changed. `code`:
    0, or the gRPC status code. `detail`: JSON of what no other table tells; None: the ledger tells it."""

    ordinal: int
    step: int | None
    channel_id: int
    key_id: str
    operator: str
    peer: str
    action: str
    request_id: UUID | None
    code: int
    detail: str | None
