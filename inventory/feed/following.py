"""What a follower is told: every change in order, or the latest of each level. Both end when the feed is stopped,
or when the database was restored from a back-up."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from uuid import UUID

from inventory.feed.change import MESSAGE_BYTES_MAX, Item, Record
from inventory.feed.follower import Follower
from inventory.feed.hub import Feed

LATEST_ROWS_MAX = 1_000

Write = Callable[[bytes], Awaitable[None]]
Key = tuple[str, str]
"""SKU and location."""


async def every_change(feed: Feed, follower: Follower, epoch: UUID, after: int, write: Write) -> None:
    """Every change after a revision that matches, and a bookmark when it has been silent for long or was asked for."""
    selection = follower.selection
    has_turn = False
    while not (feed.stopping or restored(feed, epoch)):
        here = (epoch, after, feed.tail)
        said = selection.said
        if has_turn and said is not None and said[0] == here:
            _, messages, end = said
            found = True
        else:
            at_hand = feed.at_hand(selection, after)
            found = at_hand is not None
            if not has_turn and (at_hand is None or at_hand[0]):
                await feed.turns.take()
                has_turn = True
                continue  # there may be more by now, for one message
            records, end = at_hand or await feed.catch_up(after, selection.wanted)
            messages = list(_messages(feed, epoch, records, end))
            if found and messages:
                selection.said = (here, messages, end)
        for message in messages:
            await write(message)
        if messages:
            follower.spoke()
            has_turn = False
        if follower.must_speak(end):
            await write(feed.encoder.message(epoch, (), end))
            follower.spoke()
        elif end == after and (found or feed.tail is None):
            await follower.wait()
            has_turn = True
        after = end


def restored(feed: Feed, epoch: UUID) -> bool:
    """Whether the database is another one than when a follower began."""
    return feed.epoch is not None and feed.epoch != epoch


def _messages(feed: Feed, epoch: UUID, records: Sequence[Record], end: int) -> Iterator[bytes]:
    """As many changes as fit; a change that doesn't fit into one is alone, in fragments."""
    message = feed.encoder.message
    frames: list[bytes] = []
    size = last = 0
    for record in records:
        *fragments, frame = record.frames(feed.encoder.frame)
        if frames and (fragments or size + len(frame) > MESSAGE_BYTES_MAX):
            yield message(epoch, frames, last)
            frames, size = [], 0
        for fragment in fragments:
            yield message(epoch, (fragment,), None)
        frames.append(frame)
        size += len(frame)
        last = record.revision
    if frames:
        yield message(epoch, frames, end)


async def latest(feed: Feed, follower: Follower, epoch: UUID, after: int, write: Write) -> None:
    """The newest ledger row of each level that changed after a revision, those with the least available first. What
    changes while a round is being told is told in its newest form: so nobody is behind by more than one round, and what
    is pending is bounded by the number of levels."""
    pending: dict[Key, Item] = {}
    while not (feed.stopping or restored(feed, epoch)):
        end = _gather(feed, follower, after, pending)
        waits = end is not None or feed.tail is None
        if end is None:
            items, end = await feed.catch_up_latest(after, follower.selection.wanted)
            pending.update({(item.sku, item.location): item for item in items})
        if pending:
            due, pending = sorted(pending.items(), key=lambda pair: pair[1].available, reverse=True), {}
            after = end
            while due:
                rows = feed.encoder.latest(_take(due, pending))
                await write(feed.encoder.message(epoch, (rows,), None if due else end))
                follower.spoke()
                await feed.turns.take()
                after = _gather(feed, follower, after, pending) or after
        elif follower.must_speak(end):
            await write(feed.encoder.message(epoch, (), end))
            follower.spoke()
            after = end
        elif end == after and waits:
            await follower.wait()
        else:
            after = end


def _gather(feed: Feed, follower: Follower, after: int, pending: dict[Key, Item]) -> int | None:
    """Puts what is in memory into `pending`; how far that reaches, None: the database must be asked."""
    while (found := feed.at_hand(follower.selection, after)) is not None:
        records, end = found
        for record in records:
            for item in record.items:
                pending[(item.sku, item.location)] = item
        if end == after:
            return end
        after = end
    return None


def _take(due: list[tuple[Key, Item]], newer: dict[Key, Item]) -> list[Item]:
    """The next message's rows from the end of `due`, each in its newest form."""
    rows: list[Item] = []
    size = 0
    while due and len(rows) < LATEST_ROWS_MAX and size < MESSAGE_BYTES_MAX:
        key, item = due.pop()
        newest = newer.pop(key, item)
        rows.append(newest)
        size += len(newest.body)
    return rows
