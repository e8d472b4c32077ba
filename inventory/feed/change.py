"""Changes as the feed carries them: one record per revision, serialised once, picked from per subscriber."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from inventory.postgres.changes import Page


class Group(NamedTuple):
    """The rows of one revision, as read from the database."""

    revision: int
    movements: list[Any]
    skus: list[Any]
    locations: list[Any]


class Item(NamedTuple):
    """One serialised change. `sku` or `location` is empty where it says nothing about one."""

    sku: str
    location: str
    catalog: bool
    body: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """One revision. `head` is what every subscriber gets of it; `whole` all of it, framed."""

    revision: int
    head: bytes
    items: tuple[Item, ...]
    whole: bytes
    has_catalog: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """What a subscriber wants; None means all. `catalog`: also changes of SKUs and locations."""

    skus: frozenset[str] | None = None
    locations: frozenset[str] | None = None
    catalog: bool = False

    def matches(self, item: Item) -> bool:
        return (
            (self.catalog or not item.catalog)
            and (self.skus is None or not item.sku or item.sku in self.skus)
            and (self.locations is None or not item.location or item.location in self.locations)
        )

    def takes_whole(self, record: Record) -> bool:
        """Whether the record can be given as it is, without looking at its items."""
        return self.skus is None and self.locations is None and (self.catalog or not record.has_catalog)


def grouped(page: Page) -> Iterator[Group]:
    """A page's rows by revision, in order."""
    groups: dict[int, Group] = {}
    for index, rows in ((1, page.movements), (2, page.skus), (3, page.locations)):
        for row in rows:
            revision = row["revision"]
            group = groups.get(revision)
            if group is None:
                group = groups[revision] = Group(revision, [], [], [])
            group[index].append(row)  # type: ignore[union-attr]  # index 0 is the revision
    for revision in sorted(groups):
        yield groups[revision]
