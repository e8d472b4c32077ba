"""A follower in latest mode: keeps the newest ledger row of each level, and what it held at each bookmark."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from tests.race.follower import HEARTBEAT, READ_TIMEOUT_S, Pair, Row, told
from tests.race.house import Client

Place = tuple[int, int]
"""A ledger row's revision and ordinal."""


class Round(NamedTuple):
    """What it held, level by level, when a bookmark came."""

    bookmark: int
    held: dict[Pair, Place]


class LatestFollower:
    """Checks the order within each round: the least available first, each level once."""

    def __init__(self, after: int, **wanted: Any) -> None:
        self.cursor = core_pb2.Cursor(revision=after)
        self.wanted = wanted
        self.start = after
        self.newest: dict[Pair, Place] = {}
        self.received: list[Row] = []
        self.rounds: list[Round] = []
        self.messages = self.bytes = self.messages_per_round_max = 0
        self.pause_s = 0.0
        self._round: list[core_pb2.Movement] = []
        self._round_messages = 0

    @property
    def at(self) -> int:
        """The last bookmark's revision."""
        return self.cursor.revision

    async def follow(self, client: Client, enough: Callable[[], bool]) -> None:
        """Reads a stream until it is enough."""
        self._round.clear()
        self._round_messages = 0
        request = watch_pb2.WatchRequest(
            **{"heartbeat": HEARTBEAT, "after": self.cursor, "mode": watch_pb2.WATCH_MODE_LATEST, **self.wanted}
        )
        call = client.feed.Watch(request)
        try:
            while not enough():
                async with asyncio.timeout(READ_TIMEOUT_S):
                    message = await call.read()
                assert isinstance(message, watch_pb2.WatchResponse), await call.details()
                self.take(message)
                if self.pause_s:
                    await asyncio.sleep(self.pause_s)
        finally:
            call.cancel()

    async def up_to(self, client: Client, revision: int) -> None:
        """Reads a stream until a bookmark has come that far."""
        await self.follow(client, lambda: self.at >= revision)

    def take(self, message: watch_pb2.WatchResponse) -> None:
        """Reads one message."""
        assert not message.changes
        self.messages += 1
        self.bytes += message.ByteSize()
        self._round_messages += bool(message.latest)
        for row in message.latest:
            pair = (row.sku, row.location)
            place = (row.revision, row.ordinal)
            assert place > self.newest.get(pair, (self.start, -1)), "a level goes back, or comes again as it was"
            self.newest[pair] = place
            self._round.append(row)
            self.received += told(watch_pb2.Change(movements=[row]))
        if message.HasField("bookmark"):
            self._end_round(message.bookmark)

    def _end_round(self, bookmark: core_pb2.Cursor) -> None:
        assert bookmark.revision >= self.at, "a bookmark goes back"
        pairs = {(row.sku, row.location) for row in self._round}
        assert len(pairs) == len(self._round), "a level comes twice in a round"
        # What has changed since the round began comes in its newest form, in its old place.
        available = [row.after.available for row in self._round if row.revision <= bookmark.revision]
        assert available == sorted(available), "the least available don't come first"
        self.messages_per_round_max = max(self.messages_per_round_max, self._round_messages)
        self._round.clear()
        self._round_messages = 0
        self.cursor = core_pb2.Cursor(epoch=bookmark.epoch, revision=bookmark.revision)
        self.rounds.append(Round(bookmark.revision, dict(self.newest)))


def assert_never_ahead(follower: LatestFollower, ledger: Sequence[Row]) -> None:
    """At each bookmark every level was at least as new as its last ledger row up to there; each row is the ledger's."""
    assert set(follower.received) <= set(ledger)
    last: dict[Pair, Place] = {}
    rows = iter(ledger)
    row = next(rows, None)
    for found in follower.rounds:
        while row is not None and int(str(row[1])) <= found.bookmark:
            last[(str(row[3]), str(row[4]))] = (int(str(row[1])), int(str(row[2])))
            row = next(rows, None)
        behind = {pair: place for pair, place in last.items() if found.held.get(pair, (0, 0)) < place}
        assert not behind, f"the bookmark {found.bookmark} is ahead of what was sent"
