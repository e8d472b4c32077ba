"""The newest records in memory, bounded, and who waits for more of them."""

import asyncio
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from uuid import UUID

from inventory.feed.change import MESSAGE_BYTES_MAX, ChangeKind, Filter, Record, Viewer
from inventory.feed.turns import Turns

RECORDS_TAKEN_MAX = 1_000
NOWHERE = 2**63 - 1
"""Where a buffer starts while nobody fills it: no cursor is in it."""


class Buffer:
    """Records in order. Whole after `start`: what was before it has been dropped."""

    def __init__(self, records_max: int, bytes_max: int, start: int = NOWHERE) -> None:
        self.start = start
        self._records_max = records_max
        self._bytes_max = bytes_max
        self._revisions: list[int] = []
        self._records: list[Record] = []
        self._bytes = 0

    def append(self, record: Record) -> None:
        """Drops the oldest quarter when it is full."""
        self._revisions.append(record.revision)
        self._records.append(record)
        self._bytes += record.size_bytes
        while len(self._records) > self._records_max or (self._bytes > self._bytes_max and self._records):
            dropped = max(len(self._records) // 4, 1)
            self.start = self._revisions[dropped - 1]
            self._bytes -= sum(record.size_bytes for record in self._records[:dropped])
            del self._revisions[:dropped], self._records[:dropped]

    def after(self, revision: int) -> tuple[Sequence[Record], bool]:
        """About a message's worth of records after a revision, at least one if there is one; and whether it is all."""
        first = last = bisect_right(self._revisions, revision)
        size = 0
        while last < len(self._records) and size < MESSAGE_BYTES_MAX and last - first < RECORDS_TAKEN_MAX:
            size += self._records[last].size_bytes
            last += 1
        return self._records[first:last], last == len(self._records)

    def clear(self, start: int) -> None:
        self.start = start
        self._revisions.clear()
        self._records.clear()
        self._bytes = 0


class Selection(Buffer):
    """What one filter lets through, shared by everybody who has the same filter."""

    RECORDS_MAX = 8_192
    BYTES_MAX = 1024 * 1024
    WHOLE_BYTES_MAX = 16 * 1024 * 1024
    """Of a filter that lets everything through: its records are those of the feed's own buffer."""

    def __init__(self, wanted: Filter, start: int) -> None:
        super().__init__(self.RECORDS_MAX, self.WHOLE_BYTES_MAX if wanted.keeps_whole else self.BYTES_MAX, start)
        self.wanted = wanted
        self.said: tuple[tuple[UUID, int, int | None], Sequence[bytes], int] | None = None
        """For whom the last messages were made: epoch, where they stood, what was published then; the messages, and how
        far they reach. Whoever stands there too gets the same."""
        self.followers = 0
        self.waiting: dict[asyncio.Future[None], None] = {}

    def clear(self, start: int) -> None:
        super().clear(start)
        self.said = None

    def wake(self, turns: Turns) -> None:
        """Everybody who waits gets a turn."""
        waiting, self.waiting = self.waiting, {}
        turns.enqueue(waiting)


class Selections:
    """All filters in use. A record is shown only to those that may want it."""

    def __init__(self) -> None:
        self._by_filter: dict[Filter, Selection] = {}
        self._by_key: dict[tuple[str, str], set[Selection]] = {}
        self.of_categories = 0
        """How many filters name categories."""

    def __iter__(self) -> Iterator[Selection]:
        return iter(self._by_filter.values())

    def of_viewer(self, viewer: Viewer) -> list[Selection]:
        """Those that show what a channel may sell."""
        return [each for each in self._by_filter.values() if each.wanted.viewer == viewer]

    def join(self, wanted: Filter, start: int) -> Selection:
        """`start`: the last revision that has been published."""
        selection = self._by_filter.get(wanted)
        if selection is None:
            selection = self._by_filter[wanted] = Selection(wanted, start)
            self.of_categories += wanted.by_category
            for key in _keys(wanted):
                self._by_key.setdefault(key, set()).add(selection)
        selection.followers += 1
        return selection

    def leave(self, selection: Selection) -> None:
        selection.followers -= 1
        if not selection.followers:
            del self._by_filter[selection.wanted]
            self.of_categories -= selection.wanted.by_category
            for key in _keys(selection.wanted):
                sharing = self._by_key[key]
                sharing.discard(selection)
                if not sharing:
                    del self._by_key[key]

    def publish(self, record: Record) -> set[Selection]:
        """Gives it to every filter that lets something of it through; these are returned."""
        concerned = set(self._by_key.get(_EVERYTHING, ()))
        if len(self._by_key) > bool(concerned):
            for item in record.items:
                concerned.update(self._by_key.get(("sku", item.sku), ()))
                concerned.update(self._by_key.get(("location", item.location), ()))
                for category in item.categories or ("",):
                    concerned.update(self._by_key.get(("category", category), ()))
                if item.channel_id:
                    concerned.update(self._by_key.get(("channel", str(item.channel_id)), ()))
        taken = set()
        for selection in concerned:
            picked = selection.wanted.pick(record)
            if picked is not None:
                selection.append(picked)
                taken.add(selection)
        return taken


_EVERYTHING = ("", "")


def _keys(wanted: Filter) -> list[tuple[str, str]]:
    """Under what a filter is looked up: its narrowest list, and the empty text for what names no such thing."""
    if wanted.skus is not None:
        found, kind = wanted.skus, "sku"
    elif wanted.locations is not None:
        found, kind = wanted.locations, "location"
    elif wanted.categories is not None:
        found, kind = wanted.categories, "category"
    elif wanted.kinds == {ChangeKind.AVAILABILITY}:
        return [("channel", str(wanted.channel_id))]
    else:
        return [_EVERYTHING]
    keys = [(kind, name) for name in found]
    if wanted.kinds - {ChangeKind.STOCK, ChangeKind.AVAILABILITY} or (wanted.shows and kind == "location"):
        keys.append((kind, ""))
    return keys
