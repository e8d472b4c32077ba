"""Changes as the feed carries them: one record per revision, serialised once, picked from per filter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from inventory.postgres.changes import Page

MESSAGE_BYTES_MAX = 512 * 1024


class ChangeKind(IntEnum):
    """What a change is about; the numbers are the API's."""

    STOCK = 1
    SKU = 2
    LOCATION = 3
    SUBSCRIBER = 4
    AVAILABILITY = 5
    CHANNEL = 6
    ALARM = 7


class Viewer(NamedTuple):
    """Whose view: a channel's, of these places only; empty: of all that it sells from."""

    channel_id: int
    location_ids: frozenset[int] = frozenset()


class Group(NamedTuple):
    """The rows of one revision, as read from the database."""

    revision: int
    movements: list[Any]
    skus: list[Any]
    locations: list[Any]
    subscribers: list[Any]
    channels: list[Any]
    alarms: list[Any]
    entered: Sequence[Any] = ()

    @property
    def first(self) -> Any:
        """Any of its rows."""
        return (self.movements or self.skus or self.locations or self.subscribers or self.channels or self.alarms)[0]


class Item(NamedTuple):
    """One serialised change. `sku`, `location` or `categories` is empty where it says nothing about one; a SKU that
    changes its category has both. `movement_kind` is 0 for all but stock, `available` for all but stock and what a
    channel may sell; that is for the followers of `channel_id` and `location_ids` only. `entered`: not a change, but
    what there is of a SKU that came into a category. `of_channel`: the code of the channel that a change of a channel
    or subscriber is about; `cut` gives the body of one that names places with only these."""

    kind: ChangeKind
    sku: str
    location: str
    categories: tuple[str, ...]
    movement_kind: int
    available: int
    body: bytes
    entered: bool = False
    channel_id: int = 0
    location_ids: frozenset[int] = frozenset()
    of_channel: str = ""
    cut: Callable[[frozenset[str]], bytes] | None = None


class Record:
    """One revision, or what of it a filter lets through. Framed for the wire when it is first wanted, and once."""

    __slots__ = ("_frames", "items", "kinds", "recorded_at", "revision", "size_bytes")

    def __init__(self, revision: int, recorded_at: bytes, items: tuple[Item, ...]) -> None:
        self.revision = revision
        self.recorded_at = recorded_at
        self.items = items
        self.kinds = frozenset(item.kind for item in items if not item.entered)
        self.size_bytes = sum(len(item.body) for item in items)
        self._frames: tuple[bytes, ...] | None = None

    def frames(self, frame: Callable[[int, bytes, Sequence[Item], bool], bytes]) -> tuple[bytes, ...]:
        """Its wire form: more than one piece only when a message could not hold it."""
        if self._frames is None:
            parts = list(pieces(self.items))
            self._frames = tuple(
                frame(self.revision, self.recorded_at, piece, number < len(parts))
                for number, piece in enumerate(parts, 1)
            )
        return self._frames


@dataclass(frozen=True, slots=True)
class Filter:
    """What a subscriber wants; None means all. Of what it may not know `within` are the beginnings of the categories it
    may, each with a slash at its end, `places` the locations that a channel's settings are told with, and
    `only_channel` the channel whose settings and subscribers are told."""

    skus: frozenset[str] | None = None
    locations: frozenset[str] | None = None
    categories: frozenset[str] | None = None
    kinds: frozenset[ChangeKind] = frozenset({ChangeKind.STOCK})
    movement_kinds: frozenset[int] | None = None
    channel_id: int = 0
    """Whose availability, when it is wanted; 0: nobody's."""
    location_ids: frozenset[int] = frozenset()
    """The places that this availability is of; empty: all that the channel sells from."""
    within: tuple[str, ...] | None = None
    places: frozenset[str] | None = None
    only_channel: str | None = None

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.channel_id, self.location_ids)

    @property
    def by_category(self) -> bool:
        """Whether a SKU may enter it, or leave, by its category."""
        return self.categories is not None or self.within is not None

    @property
    def shows(self) -> bool:
        """Whether what a channel may sell is wanted."""
        return self.channel_id != 0

    def pick(self, record: Record) -> Record | None:
        """What of a record is wanted; the record itself when all of it is."""
        if self._takes_whole(record):
            return record
        items = tuple(item for item in record.items if self.matches(item))
        if self.places is not None:
            places = self.places
            items = tuple(item._replace(body=item.cut(places), cut=None) if item.cut else item for item in items)
        return Record(record.revision, record.recorded_at, items) if items else None

    def matches(self, item: Item) -> bool:
        return (
            item.kind in self.kinds
            and (not item.channel_id or (item.channel_id == self.channel_id and item.location_ids == self.location_ids))
            and (self.only_channel is None or not item.of_channel or item.of_channel == self.only_channel)
            and (self.skus is None or not item.sku or item.sku in self.skus)
            and (self.locations is None or not item.location or item.location in self.locations)
            and (
                not item.entered or self.within is not None
                if self.categories is None
                else not item.categories or any(category in self.categories for category in item.categories)
            )
            and (
                self.within is None
                or not item.categories
                or any(f"{category}/".startswith(self.within) for category in item.categories)
            )
            and (
                self.movement_kinds is None
                or item.entered
                or not item.movement_kind
                or item.movement_kind in self.movement_kinds
            )
        )

    @property
    def keeps_whole(self) -> bool:
        """Whether it takes a change as a whole or not at all."""
        return (
            self.skus is None
            and self.locations is None
            and not self.by_category
            and self.movement_kinds is None
            and self.only_channel is None
            and self.places is None
        )

    def _takes_whole(self, record: Record) -> bool:
        return (
            self.keeps_whole
            and not self.shows
            and record.kinds <= self.kinds
            and not (ChangeKind.SKU in record.kinds and any(item.entered for item in record.items))
        )


def categories_of(row: Any) -> tuple[str, ...]:
    """Of a SKU's new version: the category, and before it that which it has left."""
    before, now = row["category_before"], row["category"]
    return (now,) if before is None or before == now else (before, now)


def listed(codes: frozenset[str] | None) -> list[str] | None:
    """As a query's parameter."""
    return None if codes is None else list(codes)


def grouped(page: Page) -> Iterator[Group]:
    """A page's rows by revision, in order."""
    groups: dict[int, Group] = {}
    read = (page.movements, page.skus, page.locations, page.subscribers, page.channels, page.alarms)
    for index, rows in enumerate(read, 1):
        for row in rows:
            revision = row["revision"]
            group = groups.get(revision)
            if group is None:
                group = groups[revision] = Group(revision, [], [], [], [], [], [], page.entered.get(revision, ()))
            group[index].append(row)  # type: ignore[union-attr]  # index 0 is the revision
    for revision in sorted(groups):
        yield groups[revision]


def pieces(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """As many as a message holds, again and again; one piece of nothing."""
    start = size = 0
    for number, item in enumerate(items):
        if size and size + len(item.body) > MESSAGE_BYTES_MAX:
            yield items[start:number]
            start, size = number, 0
        size += len(item.body)
    yield items[start:]
