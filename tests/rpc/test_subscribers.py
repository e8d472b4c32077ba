"""SubscriberService: who follows by name, how far each has come, and that everybody hears of who falls behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from inventory.domain.limits import SUBSCRIBERS_PER_CHANNEL_MAX
from inventory.feed import keeping
from inventory.v1 import core_pb2
from inventory.v1 import subscriber_service_pb2 as pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from tests.rpc.client import Client, Metadata, Server, eventually, new_id, of_error, refusal, seconds, unique
from tests.rpc.follower import NOW, Follower, bulk, following, spread

FOLLOWING, LAGGING, LOST = (
    pb2.SUBSCRIBER_STATE_FOLLOWING,
    pb2.SUBSCRIBER_STATE_LAGGING,
    pb2.SUBSCRIBER_STATE_LOST,
)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers look after their subscribers more often than once a second."""
    monkeypatch.setattr(keeping, "LOOK_S", 0.05)


class Subscribing:
    """A channel's calls."""

    def __init__(self, client: Client, channel: str = "") -> None:
        self.client = client
        self.channel = channel or unique("ch")
        self.metadata: Metadata = (("inventory-channel", self.channel),)

    async def register(self, name: str, **fields: Any) -> pb2.Subscriber:
        answer = await self.client.subscribers.RegisterSubscriber(
            pb2.RegisterSubscriberRequest(name=name, **fields), metadata=self.metadata
        )
        return answer.subscriber

    async def acknowledge(self, name: str, revision: int, epoch: str = "") -> pb2.Subscriber:
        answer = await self.client.subscribers.Acknowledge(
            pb2.AcknowledgeRequest(name=name, cursor=core_pb2.Cursor(epoch=epoch, revision=revision)),
            metadata=self.metadata,
        )
        return answer.subscriber

    async def remove(self, name: str) -> bool:
        answer = await self.client.subscribers.RemoveSubscriber(
            pb2.RemoveSubscriberRequest(name=name), metadata=self.metadata
        )
        return answer.removed

    async def listed(self, **fields: Any) -> pb2.ListSubscribersResponse:
        return await self.client.subscribers.ListSubscribers(
            pb2.ListSubscribersRequest(**{"channel": self.channel, **fields}), metadata=self.metadata
        )

    async def one(self, name: str) -> pb2.Subscriber:
        [found] = [each for each in (await self.listed()).subscribers if each.name == name]
        return found

    async def head(self) -> int:
        return (await self.listed()).head.revision

    async def changes(self, number: int) -> int:
        """So many changes, each a revision. Returns the last one."""
        sku, place = await self.client.sku(), await self.client.location()
        last = 0
        for _ in range(number - 2):
            last = (await self.client.adjust(sku, place, 1)).revision
        return last


@pytest.fixture
async def channel(client: Client) -> AsyncIterator[Subscribing]:
    """A new channel. Nobody is left over who would fall behind while other tests look."""
    made = Subscribing(client)
    yield made
    for each in (await made.listed(page_size=1_000)).subscribers:
        await made.remove(each.name)


async def states(follower: Follower, channel: Subscribing, number: int) -> list[tuple[str, pb2.SubscriberState, int]]:
    """The first so many changes of state of a channel's subscribers: name, state, revision."""

    def told() -> list[tuple[str, pb2.SubscriberState, int]]:
        return [
            (each.name, each.state, change.revision)
            for change in follower.changes
            for each in change.subscribers
            if each.channel == channel.channel
        ]

    while len(told()) < number:
        await follower.read()
    return told()


# Registering


async def test_a_new_one_begins_at_the_head_unless_it_names_a_cursor(channel: Subscribing) -> None:
    last = await channel.changes(5)
    new = await channel.register("at the head")
    assert (new.channel, new.name, new.state) == (channel.channel, "at the head", FOLLOWING)
    assert new.acknowledged.revision >= last
    assert new.acknowledged.epoch == (await channel.listed()).head.epoch
    assert new.deadline.ToTimedelta() == DAY
    assert not new.HasField("lag_changes_max")
    assert not new.HasField("lag_max")
    assert new.acknowledged_at == new.registered_at
    older = await channel.register("ü", after=core_pb2.Cursor(epoch=new.acknowledged.epoch, revision=last - 3))
    assert older.acknowledged.revision == last - 3
    assert older.lag_changes == await channel.head() - (last - 3)
    first = await channel.register("from the beginning", after=core_pb2.Cursor())
    assert first.acknowledged.revision == 0


async def test_registered_again_it_gets_other_limits_and_keeps_its_cursor(channel: Subscribing) -> None:
    last = await channel.changes(5)
    first = await channel.register(
        "s", after=core_pb2.Cursor(revision=last - 2), deadline=seconds(60), lag_changes_max=7, lag_max=seconds(30)
    )
    assert (first.deadline, first.lag_changes_max, first.lag_max) == (Duration(seconds=60), 7, Duration(seconds=30))
    again = await channel.register("s", after=core_pb2.Cursor(revision=last), deadline=seconds(90), lag_changes_max=9)
    assert again.acknowledged == first.acknowledged
    assert (again.acknowledged_at, again.registered_at) == (first.acknowledged_at, first.registered_at)
    assert (again.deadline, again.lag_changes_max) == (Duration(seconds=90), 9)
    assert not again.HasField("lag_max"), "absent: no such limit"
    bare = await channel.register("s")
    assert bare.deadline.ToTimedelta() == DAY
    assert not bare.HasField("lag_changes_max")
    assert bare.acknowledged == first.acknowledged
    assert len((await channel.listed()).subscribers) == 1


async def test_where_nobody_can_begin_is_refused(channel: Subscribing) -> None:
    last = await channel.changes(3)
    refused = await refusal(channel.register("s", after=core_pb2.Cursor(revision=last + 1_000_000)))
    assert refused.what == ("OUT_OF_RANGE", "REVISION_IN_FUTURE")
    refused = await refusal(channel.register("s", after=core_pb2.Cursor(epoch=new_id(), revision=last)))
    assert refused.what == ("FAILED_PRECONDITION", "EPOCH_CHANGED")
    assert not (await channel.listed()).subscribers


async def test_a_channel_has_at_most_100(channel: Subscribing, client: Client) -> None:
    for number in range(SUBSCRIBERS_PER_CHANNEL_MAX):
        await channel.register(f"s{number:03}")
    refused = await refusal(channel.register("one more"))
    assert refused.what == ("RESOURCE_EXHAUSTED", "SUBSCRIBER_LIMIT")
    assert (await channel.register("s042", lag_changes_max=5)).lag_changes_max == 5, "one that exists may be changed"
    other = Subscribing(client)
    assert (await other.register("one more")).channel == other.channel
    await other.remove("one more")
    assert await channel.remove("s000")
    assert (await channel.register("one more")).name == "one more"


# Acknowledging


async def test_an_acknowledgement_moves_it_forward_and_never_back(channel: Subscribing) -> None:
    last = await channel.changes(8)
    first = await channel.register("s", after=core_pb2.Cursor(revision=last - 5))
    forward = await channel.acknowledge("s", last - 2, first.acknowledged.epoch)
    assert forward.acknowledged.revision == last - 2
    assert forward.acknowledged_at.ToNanoseconds() > first.acknowledged_at.ToNanoseconds()
    back = await channel.acknowledge("s", last - 4)
    assert back.acknowledged.revision == last - 2
    assert back.acknowledged_at.ToNanoseconds() > forward.acknowledged_at.ToNanoseconds(), "it shows that it is alive"
    assert (await channel.acknowledge("s", last - 2)).acknowledged.revision == last - 2
    assert (await channel.acknowledge("s", last)).acknowledged.revision == last
    assert (await channel.one("s")).acknowledged.revision == last


async def test_what_nobody_can_have_is_not_acknowledged(channel: Subscribing, client: Client) -> None:
    last = await channel.changes(3)
    first = await channel.register("s", after=core_pb2.Cursor(revision=last - 1))
    refused = await refusal(channel.acknowledge("s", last + 1_000_000))
    assert refused.what == ("OUT_OF_RANGE", "REVISION_IN_FUTURE")
    refused = await refusal(channel.acknowledge("s", last, new_id()))
    assert refused.what == ("FAILED_PRECONDITION", "EPOCH_CHANGED")
    kept = await channel.one("s")
    assert (kept.acknowledged, kept.acknowledged_at) == (first.acknowledged, first.acknowledged_at)


async def test_another_channels_subscriber_is_as_unknown_as_none(channel: Subscribing, client: Client) -> None:
    other = Subscribing(client)
    before = await refusal(other.acknowledge("s", 0))
    assert before.what == ("NOT_FOUND", "SUBSCRIBER_NOT_FOUND")
    last = await channel.changes(4)
    mine = await channel.register("s", after=core_pb2.Cursor(revision=last - 1))
    assert await refusal(other.acknowledge("s", last)) == before
    assert not await other.remove("s")
    async with following(client, metadata=other.metadata, acknowledged=NOW, subscriber="s") as follower:
        assert await follower.ended() == before
    found = await channel.one("s")
    assert (found.acknowledged, found.acknowledged_at) == (mine.acknowledged, mine.acknowledged_at)


# Listing


async def test_lag_is_told_in_changes_and_in_time(channel: Subscribing, db: asyncpg.Connection) -> None:
    last = await channel.changes(8)
    await channel.register("behind", after=core_pb2.Cursor(revision=last - 3))
    await channel.register("at the head")
    answer = await channel.listed()
    head, ahead = await channel.one("at the head"), await channel.one("behind")
    assert ahead.lag_changes == answer.head.revision - (last - 3)
    recorded_at = await db.fetchval("SELECT recorded_at FROM movement WHERE revision = $1", last - 2)
    now = await db.fetchval("SELECT now()")
    assert timedelta() < ahead.lag.ToTimedelta() <= now - recorded_at, "since the first change it has not acknowledged"
    assert (head.lag_changes, head.lag.ToTimedelta()) == (0, timedelta())
    assert head.HasField("silent")
    again = await channel.one("at the head")
    assert again.silent.ToTimedelta() > head.silent.ToTimedelta()
    assert (await channel.acknowledge("at the head", 0)).silent.ToTimedelta() < again.silent.ToTimedelta()


async def test_lists_come_by_channel_and_name_in_pages(client: Client) -> None:
    prefix = unique("ch")[:20]
    channels = [Subscribing(client, f"{prefix}-{letter}") for letter in "abc"]
    names = ["Z", "a", "b", "ä"]
    for each in reversed(channels):
        for name in reversed(names):
            await each.register(name)
    expected = [(each.channel, name) for each in channels for name in names]
    found: list[tuple[str, str]] = []
    token, pages = "", 0
    while token or not pages:
        page = await channels[0].listed(channel="", page_size=5, page_token=token)
        assert len(page.subscribers) <= 5
        found += [(each.channel, each.name) for each in page.subscribers]
        token, pages = page.next_page_token, pages + 1
        assert page.head.epoch
        assert page.oldest <= page.head.revision
    assert found == sorted(found, key=lambda pair: (pair[0].encode(), pair[1].encode()))
    assert [pair for pair in found if pair[0].startswith(prefix)] == expected
    two = await channels[1].listed(page_size=2)
    rest = await channels[1].listed(page_size=100, page_token=two.next_page_token)
    assert [each.name for each in (*two.subscribers, *rest.subscribers)] == names
    assert not rest.next_page_token
    for each in channels:
        for name in names:
            assert await each.remove(name)
        assert not (await each.listed()).subscribers
        assert not await each.remove(names[0]), "it is gone already"


# States


async def test_nobody_falls_behind_by_being_told_of_subscribers(channel: Subscribing, client: Client) -> None:
    async with following(client, now=NOW, kinds=[watch_pb2.CHANGE_KIND_SUBSCRIBER], heartbeat=seconds(1)) as watcher:
        await watcher.begun()
        await channel.changes(2)
        last = await channel.head()
        await channel.register("level", lag_changes_max=1)
        await channel.register("behind", lag_changes_max=1, after=core_pb2.Cursor(revision=last - 2))
        await states(watcher, channel, 1)
        level = await channel.one("level")
        assert await channel.head() > last
        assert (level.lag_changes, level.lag.ToTimedelta(), level.acknowledged.revision) == (0, timedelta(), last)
        assert (await channel.one("behind")).lag_changes == 2


async def test_it_lags_beyond_its_limits_and_then_no_more(
    channel: Subscribing, client: Client, twin_client: Client
) -> None:
    """Each turn is told once, by whichever server saw it, to whoever follows on any server."""
    watchers = [
        Follower(somewhere, now=NOW, kinds=[watch_pb2.CHANGE_KIND_SUBSCRIBER], heartbeat=seconds(1))
        for somewhere in (client, twin_client)
    ]
    for watcher in watchers:
        await watcher.begun()
    await channel.register("s", lag_changes_max=3, lag_max=seconds(3600))
    last = await channel.changes(4)
    [lagging] = await states(watchers[0], channel, 1)
    assert lagging[:2] == ("s", LAGGING)
    assert lagging[2] > last
    assert (await channel.one("s")).state == LAGGING
    await channel.acknowledge("s", await channel.head())
    assert [state for _, state, _ in await states(watchers[0], channel, 2)] == [LAGGING, FOLLOWING]

    await channel.register("s", lag_max=seconds(1))  # now by time
    await channel.changes(3)
    assert [state for _, state, _ in await states(watchers[0], channel, 3)] == [LAGGING, FOLLOWING, LAGGING]
    told = watchers[0].changes[-1].subscribers[0]
    assert told.lag.ToTimedelta() > timedelta(seconds=1)
    assert told.lag_changes >= 3
    assert told.lag_max == Duration(seconds=1)
    assert not told.HasField("silent")
    await channel.acknowledge("s", await channel.head())
    await channel.register("s")
    turns = await states(watchers[0], channel, 4)
    assert [state for _, state, _ in turns] == [LAGGING, FOLLOWING, LAGGING, FOLLOWING]
    assert len({revision for _, _, revision in turns}) == 4, "each is a revision of its own"

    last = await channel.changes(3)
    for watcher in watchers:
        await states(watcher, channel, 4)
        await watcher.up_to(last)
        watcher.cancel()
        assert await states(watcher, channel, 4) == turns, "once"
    assert spread(watchers[0].changes) == spread(watchers[1].changes)


async def test_silent_beyond_its_deadline_it_is_lost_until_it_acknowledges(
    channel: Subscribing, client: Client, twin_client: Client
) -> None:
    async with following(client, now=NOW, kinds=[watch_pb2.CHANGE_KIND_SUBSCRIBER], heartbeat=seconds(1)) as watcher:
        await watcher.begun()
        await channel.register("alive", deadline=seconds(3600))
        await channel.register("silent", deadline=seconds(1))
        assert [turn[:2] for turn in await states(watcher, channel, 1)] == [("silent", LOST)]
        assert (await channel.one("silent")).state == LOST
        assert (await channel.one("silent")).silent.ToTimedelta() > timedelta(seconds=1)
        await channel.register("silent", deadline=seconds(3600))
        await channel.acknowledge("silent", 0)
        assert [turn[:2] for turn in await states(watcher, channel, 2)] == [("silent", LOST), ("silent", FOLLOWING)]
        assert (await channel.one("silent")).state == FOLLOWING
        assert (await channel.one("alive")).state == FOLLOWING


async def test_many_that_fall_behind_at_once_are_each_told_once(
    channel: Subscribing, client: Client, twin_client: Client
) -> None:
    names = [f"s{number}" for number in range(20)]
    for name in names:
        await channel.register(name, lag_changes_max=100)
    async with (
        following(client, now=NOW, kinds=[watch_pb2.CHANGE_KIND_SUBSCRIBER], heartbeat=seconds(1)) as watcher,
        following(twin_client, now=NOW, kinds=[watch_pb2.CHANGE_KIND_SUBSCRIBER], heartbeat=seconds(1)) as other,
    ):
        start = await watcher.begun()
        await other.begun()
        sku, place = await client.sku(), await client.location()
        await asyncio.gather(*(client.adjust(sku, place, 1) for _ in range(100)))
        turns = await states(watcher, channel, len(names))
        assert {turn[0] for turn in turns} == set(names)
        assert len(turns) == len(names)
        assert {turn[1] for turn in turns} == {LAGGING}
        last = await bulk(client, [(sku, place, 1)])
        for each in (watcher, other):
            await states(each, channel, len(names))
            await each.up_to(last)
            assert await states(each, channel, len(names)) == turns
        async with following(
            twin_client, after=start, kinds=[watch_pb2.CHANGE_KIND_SUBSCRIBER], heartbeat=seconds(1)
        ) as late:
            await late.up_to(last)
            assert spread(late.changes) == spread(watcher.changes)


async def test_a_state_that_is_told_is_what_the_list_said_then(channel: Subscribing, client: Client) -> None:
    async with following(client, now=NOW, kinds=[watch_pb2.CHANGE_KIND_SUBSCRIBER], heartbeat=seconds(1)) as watcher:
        await watcher.begun()
        new = await channel.register("s", lag_changes_max=2)
        await channel.changes(5)
        await states(watcher, channel, 1)
        [told] = [each for each in watcher.changes[-1].subscribers if each.channel == channel.channel]
        assert told.acknowledged == new.acknowledged
        assert told.acknowledged_at == new.acknowledged_at
        assert told.registered_at == new.registered_at
        assert (told.deadline, told.lag_changes_max) == (new.deadline, 2)
        assert told.lag_changes > 2


# Following by name


async def test_a_stream_starts_after_what_its_subscriber_has_acknowledged(
    channel: Subscribing, client: Client, twin_client: Client
) -> None:
    last = await channel.changes(8)
    await channel.register("s", after=core_pb2.Cursor(revision=last - 6))
    for revision in (last - 6, last - 2):
        await channel.acknowledge("s", revision)
        for somewhere in (client, twin_client):
            async with following(somewhere, metadata=channel.metadata, acknowledged=NOW, subscriber="s") as follower:
                assert (await follower.begun()).revision == revision
                await follower.up_to(last)
                assert [row.revision for row in follower.rows] == list(range(revision + 1, last + 1))


async def test_a_stream_may_name_its_subscriber_wherever_it_starts(channel: Subscribing, client: Client) -> None:
    last = await channel.changes(4)
    await channel.register("s", after=core_pb2.Cursor(revision=last - 1))
    async with following(client, metadata=channel.metadata, now=NOW, subscriber="s") as follower:
        assert (await follower.begun()).revision >= last


async def test_a_stream_of_nobody_has_no_acknowledged_cursor(channel: Subscribing, client: Client) -> None:
    async with following(client, metadata=channel.metadata, acknowledged=NOW) as follower:
        refused = await follower.ended()
    assert refused.what == ("INVALID_ARGUMENT", "FIELD_REQUIRED")
    assert refused.fields == ["subscriber"]


async def waiting(db: asyncpg.Connection, query: str, number: int = 1) -> None:
    """Until so many statements like this one wait for a lock."""

    async def waits() -> bool:
        found = await db.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE $1",
            query,
        )
        return bool(found >= number)

    await eventually(waits, f"{query} waits for a lock")


async def test_two_servers_that_see_it_at_the_same_moment_tell_it_once(
    channel: Subscribing, client: Client, twin_client: Client, server: Server, db: asyncpg.Connection
) -> None:
    async with following(client, now=NOW, kinds=[watch_pb2.CHANGE_KIND_SUBSCRIBER], heartbeat=seconds(1)) as watcher:
        await watcher.begun()
        await channel.register("s", deadline=seconds(1))
        other = await server.connect()
        try:
            async with other.transaction():
                await other.execute("SELECT FROM feed_head FOR SHARE")
                await waiting(db, "%UPDATE subscriber SET state%", 2)
        finally:
            await other.close()
        await states(watcher, channel, 1)
        await watcher.up_to(await channel.changes(3))
        assert [turn[:2] for turn in await states(watcher, channel, 1)] == [("s", LOST)]


async def test_an_acknowledgement_while_a_stream_starts_is_not_of_the_future(
    channel: Subscribing, client: Client, server: Server, db: asyncpg.Connection
) -> None:
    last = await channel.changes(4)
    await channel.register("s", after=core_pb2.Cursor(revision=last))
    other = await server.connect()

    async def begins_at_the_newest() -> bool:
        """False: the machine was so slow that the server gave up waiting for the lock."""
        async with other.transaction():
            await other.execute("LOCK TABLE subscriber IN ACCESS EXCLUSIVE MODE")
            follower = Follower(client, metadata=channel.metadata, acknowledged=NOW, subscriber="s")
            await waiting(db, "%SELECT acknowledged FROM subscriber%")
            newest = await channel.changes(4)
            await other.execute("UPDATE subscriber SET acknowledged = $1 WHERE name = 's'", newest)
        try:
            assert (await follower.begun()).revision == newest
        except grpc.aio.AioRpcError as error:
            if of_error(error).what != ("UNAVAILABLE", "STORAGE_UNAVAILABLE"):
                raise
            return False
        follower.cancel()
        return True

    try:
        await eventually(begins_at_the_newest, "the stream begins")
    finally:
        await other.close()


async def test_whoever_waits_for_the_feeds_head_keeps_no_subscriber_locked(
    channel: Subscribing, server: Server, db: asyncpg.Connection
) -> None:
    """Registering locks the head, then the subscriber: telling a state the other way round would be a deadlock."""
    await channel.register("s", deadline=seconds(1))
    other = await server.connect()
    try:
        async with other.transaction():
            await other.execute("SELECT FROM feed_head FOR SHARE")
            await waiting(db, "%UPDATE subscriber SET state%")
            assert await db.fetchval("SELECT name FROM subscriber WHERE name = 's' FOR UPDATE NOWAIT")
    finally:
        await other.close()
