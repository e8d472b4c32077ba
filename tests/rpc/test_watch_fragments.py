"""A command whose changes don't fit into a message: it comes in flagged pieces, and no bookmark parts them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from inventory.domain.limits import BULK_ROWS_MAX, REASON_BYTES_MAX
from inventory.v1 import core_pb2
from inventory.v1 import watch_service_pb2 as pb2
from tests.rpc.client import Client, Server
from tests.rpc.follower import ALL_KINDS, NOW, Follower, bulk, following, spread

MESSAGE_BYTES_MAX = 1024 * 1024
LIBRARY_BYTES_MAX = 4 * 1024 * 1024


@dataclass
class Bulk:
    """One large command between small ones, as somebody saw it who was there."""

    skus: list[str]
    location: str
    start: core_pb2.Cursor
    revision: int
    last: int
    messages: list[pb2.WatchResponse]

    @property
    def before(self) -> core_pb2.Cursor:
        return core_pb2.Cursor(epoch=self.start.epoch, revision=self.revision - 1)


@pytest.fixture(scope="module")
async def large(server: Server) -> AsyncIterator[Bulk]:
    client = Client(server.address, [("grpc.max_receive_message_length", LIBRARY_BYTES_MAX)])
    place = await client.location()
    skus = [await client.sku() for _ in range(50)]
    rows = [(skus[number % 50], place, number % 3 + 1) for number in range(BULK_ROWS_MAX)]
    async with following(client, now=NOW) as follower:
        start = await follower.begun()
        await client.adjust(skus[0], place, 1)
        await client.adjust(skus[1], place, 1)
        revision = await bulk(client, rows, "r" * REASON_BYTES_MAX)
        await client.adjust(skus[2], place, 1)
        last = (await client.adjust(skus[3], place, 1)).revision
        await follower.up_to(last)
    yield Bulk(skus, place, start, revision, last, follower.messages)
    await client.close()


def pieces(messages: list[pb2.WatchResponse], revision: int) -> list[tuple[pb2.WatchResponse, pb2.Change]]:
    return [(message, change) for message in messages for change in message.changes if change.revision == revision]


async def test_it_comes_in_flagged_pieces_each_in_a_message_that_anybody_can_read(large: Bulk) -> None:
    found = pieces(large.messages, large.revision)
    assert len(found) > 5
    assert [change.fragment for _, change in found] == [True] * (len(found) - 1) + [False]
    assert all(message.ByteSize() < MESSAGE_BYTES_MAX for message in large.messages)
    assert len({change.recorded_at.ToNanoseconds() for _, change in found}) == 1
    assert all(len(message.changes) == 1 for message, change in found if change.fragment), "a fragment is alone"


async def test_no_bookmark_parts_the_pieces(large: Bulk) -> None:
    found = pieces(large.messages, large.revision)
    assert not any(message.HasField("bookmark") for message, change in found if change.fragment)
    marks = [message.bookmark.revision for message in large.messages if message.HasField("bookmark")]
    assert marks == sorted(marks)
    at = large.messages.index(found[0][0])
    assert large.messages[at - 1].bookmark.revision == large.revision - 1, "what came before has its own"
    assert found[-1][0].bookmark.revision >= large.revision


async def test_joined_the_pieces_are_the_ledgers_rows_in_order(client: Client, large: Bulk) -> None:
    rows = [row for _, change in pieces(large.messages, large.revision) for row in change.movements]
    assert [row.ordinal for row in rows] == list(range(BULK_ROWS_MAX))
    assert [row.sku for row in rows] == [large.skus[number % 50] for number in range(BULK_ROWS_MAX)]
    for sku in large.skus[:2]:
        ledger = [
            row
            for row in await client.movements(sku=sku, location=large.location, page_size=1_000)
            if row.revision == large.revision
        ]
        assert [row for row in rows if row.sku == sku] == sorted(ledger, key=lambda row: row.ordinal)


async def test_the_commands_around_it_are_in_order(large: Bulk) -> None:
    revisions = [change.revision for message in large.messages for change in message.changes]
    assert revisions == sorted(revisions)
    assert sorted(set(revisions)) == list(range(large.start.revision + 1, large.last + 1))


@pytest.mark.parametrize("kinds", [(), ALL_KINDS], ids=["stock", "all kinds"])
async def test_whoever_resumes_at_the_bookmark_before_gets_it_whole_again(
    client: Client, twin_client: Client, forgetful: Client, large: Bulk, kinds: tuple[pb2.ChangeKind, ...]
) -> None:
    live = [change for message in large.messages for change in message.changes if change.revision >= large.revision]
    for somewhere in (client, twin_client, forgetful):
        async with following(somewhere, after=large.before, kinds=kinds) as resumed:
            await resumed.up_to(large.last)
            assert spread(resumed.changes) == spread(live)
            assert all(message.ByteSize() < MESSAGE_BYTES_MAX for message in resumed.messages)


async def test_whoever_leaves_between_two_pieces_resumes_with_the_first(client: Client, large: Bulk) -> None:
    async with following(client, after=large.start) as left:
        while len(pieces(left.messages, large.revision)) < 3:
            await left.read()
        assert left.changes[-1].fragment
        assert left.bookmark == large.before
    async with following(client, after=left.bookmark) as resumed:
        await resumed.up_to(large.last)
        assert len([row for row in resumed.rows if row.revision == large.revision]) == BULK_ROWS_MAX


async def test_of_one_sku_it_is_one_piece(client: Client, forgetful: Client, large: Bulk) -> None:
    for somewhere in (client, forgetful):
        async with following(somewhere, after=large.before, skus=large.skus[9:10]) as follower:
            await follower.up_to(large.revision)
            [(message, change)] = pieces(follower.messages, large.revision)
            assert not change.fragment
            assert message.HasField("bookmark")
            assert len(change.movements) == BULK_ROWS_MAX // 50


async def test_the_newest_rows_of_it_are_one_a_level(client: Client, large: Bulk) -> None:
    async with following(client, after=large.before, mode=pb2.WATCH_MODE_LATEST) as follower:
        await follower.up_to(large.last)
    assert sorted(row.sku for row in follower.latest) == sorted(large.skus)


async def test_live_followers_of_different_filters_get_their_pieces(client: Client, large: Bulk) -> None:
    followers = [
        Follower(client, now=NOW, skus=large.skus[:40]),
        Follower(client, now=NOW, skus=large.skus[:1]),
    ]
    for follower in followers:
        await follower.begun()
    rows = [(large.skus[number % 50], large.location, 1) for number in range(4_000)]
    last = await bulk(client, rows, "s" * REASON_BYTES_MAX)
    sizes = []
    for follower in followers:
        await follower.up_to(last)
        follower.cancel()
        found = pieces(follower.messages, last)
        assert [change.fragment for _, change in found] == [True] * (len(found) - 1) + [False]
        sizes.append((len(found) > 1, sum(len(change.movements) for _, change in found)))
    assert sizes == [(True, 3_200), (False, 80)]
