"""What a follower is told: every change in order, or the latest of each level. Both end when the feed is stopped,
or when the database was restored from a back-up."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from uuid import UUID

from inventory.feed import viewing
from inventory.feed.buffer import NOWHERE
from inventory.feed.change import MESSAGE_BYTES_MAX, Item, Record, pieces
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
        if selection.wanted.shows and (told := await _show(feed, follower, epoch, after, write)) is not None:
            after, has_turn = told, False
            continue
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


async def _show(feed: Feed, follower: Follower, epoch: UUID, after: int, write: Write) -> int | None:
    """Tells from the database what may be sold, when that is needed; up to where. None: it isn't."""
    if await _awaits_view(follower):
        return after
    if (steps := _steps(feed, follower, after)) is None:
        return None
    async with aclosing(steps):
        async for records, end in steps:
            await feed.turns.take()
            if feed.stopping or restored(feed, epoch):
                break
            for message in _fragments(feed, epoch, records) if end is None else _messages(feed, epoch, records, end):
                await write(message)
                follower.spoke()
            after = after if end is None else end
    return after


def _steps(feed: Feed, follower: Follower, after: int) -> AsyncGenerator[viewing.Step] | None:
    """What must be told from the database. None: nothing."""
    selection, moment, told_at = follower.selection, feed.views.turned_at, follower.told_at
    if told_at is not None and told_at < moment:
        return viewing.turned(feed, follower, after, told_at, moment)
    if feed.at_hand(selection, after) is None:
        return viewing.catch_up(feed, selection, after, moment)
    return None


async def _awaits_view(follower: Follower) -> bool:
    """Whether the view was still to come: nothing can be told for certain before. Waits a moment for it then."""
    if follower.selection.start != NOWHERE:
        return False
    await follower.wait()
    return True


def restored(feed: Feed, epoch: UUID) -> bool:
    """Whether the database is another one than when a follower began."""
    return feed.epoch is not None and feed.epoch != epoch


def _fragments(feed: Feed, epoch: UUID, records: Sequence[Record]) -> Iterator[bytes]:
    """Of a change that goes on."""
    for record in records:
        for items in pieces(record.items):
            frame = feed.encoder.frame(record.revision, record.recorded_at, items, True)
            yield feed.encoder.message(epoch, (frame,), None)


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
    shows = follower.selection.wanted.shows
    while not (feed.stopping or restored(feed, epoch)):
        if shows and await _awaits_view(follower):
            continue
        if shows and (steps := _steps(feed, follower, after)) is not None:
            after = await _gather_steps(steps, after, pending)
            continue
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


async def _gather_steps(steps: AsyncGenerator[viewing.Step], after: int, pending: dict[Key, Item]) -> int:
    async with aclosing(steps):
        async for records, end in steps:
            pending.update({(item.sku, item.location): item for record in records for item in record.items})
            after = after if end is None else end
    return after


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
