"""What a channel may do."""

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from inventory.domain.refusal import Reason, Refusal

CREDENTIALS_MAX = 2
"""Credentials of one kind that a channel has in force at once: one, and the one that replaces it."""
STREAMS_MAX = 100
"""Streams a channel has open at one server unless its access says otherwise."""
STREAMS_LIMIT_MAX = 10_000
CALLS_MAX = 2_000
"""Unary calls a channel has under way at one server unless its access says otherwise."""
CALLS_LIMIT_MAX = 100_000
REQUESTS_PER_S_MAX = 1_000_000
CATEGORIES_MAX = 100
"""Categories that a channel is limited to."""


class Scope(IntEnum):
    """The numbers are the API's and the table's."""

    NONE = 1
    STOCK_READ = 2
    STOCK_WRITE = 3
    RESERVATION = 4
    CATALOG_WRITE = 5
    WATCH = 6
    REPORT = 7
    ADMIN = 8

    @property
    def text(self) -> str:
        """As people write it: `stock:read`."""
        return self.name.lower().replace("_", ":")


GRANTABLE = tuple(scope for scope in Scope if scope is not Scope.NONE)
_BY_TEXT = {scope.text: scope for scope in GRANTABLE}


def scope_of(text: str) -> Scope:
    """Raises FIELD_REQUIRED."""
    found = _BY_TEXT.get(text)
    if found is None:
        raise Refusal(
            Reason.FIELD_REQUIRED,
            f"there is no scope {text!r}; there are {', '.join(_BY_TEXT)}",
            field="scopes",
        )
    return found


class Access(NamedTuple):
    """`location_ids`, `categories`: what it is limited to; empty: to nothing. Limits of calls and streams are for each
    server; None: the server's own. `requests_per_s`, `requests_burst` count requests, also those within a batch or a
    stream; `calls_max` counts calls. `held_per_sku_max`: how much of one SKU it may hold at once, in its smallest
    unit."""

    scopes: frozenset[Scope] = frozenset()
    location_ids: frozenset[int] = frozenset()
    categories: tuple[str, ...] = ()
    requests_per_s: int | None = None
    requests_burst: int | None = None
    calls_max: int | None = None
    streams_max: int | None = None
    held_per_sku_max: int | None = None
    certificate_required: bool = False

    def allows(self, scope: Scope) -> bool:
        return scope is Scope.NONE or scope in self.scopes or Scope.ADMIN in self.scopes

    @property
    def is_admin(self) -> bool:
        return Scope.ADMIN in self.scopes

    @property
    def reports(self) -> bool:
        """Whether it may read what belongs to other channels."""
        return self.allows(Scope.REPORT)

    @property
    def is_limited(self) -> bool:
        """Whether it sees only some places or some categories."""
        return bool(self.location_ids or self.categories)

    @property
    def limits(self) -> "Access | None":
        """Itself, when it is limited to places or categories, or in what it may hold. None: nothing is checked."""
        return self if self.is_limited or self.held_per_sku_max is not None else None

    @property
    def prefixes(self) -> tuple[str, ...] | None:
        """What a category with a slash at its end begins with, of all that it covers. None: anything."""
        return tuple(f"{category}/" for category in self.categories) or None

    def covers_location(self, location_id: int) -> bool:
        return not self.location_ids or location_id in self.location_ids

    def covers_category(self, category: str) -> bool:
        """A category covers those below it: `food` covers `food/dairy`."""
        prefixes = self.prefixes
        return prefixes is None or f"{category}/".startswith(prefixes)


NO_ACCESS = Access()
FULL_ACCESS = Access(frozenset({Scope.ADMIN}))


def scope_required(scope: Scope) -> Refusal:
    return Refusal(Reason.SCOPE_REQUIRED, f"this takes the scope {scope.text}", metadata={"scope": scope.text})


def acting_refused(own: str, other: str) -> Refusal:
    """Of a credential of one channel in another one's name, which may be no channel's."""
    message = f"the credential is channel {own}'s: acting for channel {other[:32]} takes the scope admin"
    return Refusal(Reason.SCOPE_REQUIRED, message, metadata={"scope": Scope.ADMIN.text})


def last_admin(channel: str) -> Refusal:
    """Of what would take the scope admin from the last of whom a credential is in force."""
    return Refusal(
        Reason.LAST_ADMIN,
        f"nobody could administer any more: channel {channel!r} has the last credential in force with the scope admin;"
        " make another first (whoever has the database can always make one: inventory token admin)",
        metadata={"channel": channel},
    )


def scopes_of(numbers: Iterable[int]) -> frozenset[Scope]:
    return frozenset(Scope(number) for number in numbers)
