"""Channels' settings through a real channel: what is set is read back, told to followers, and written once."""

import asyncio
from typing import Any

import pytest

from inventory.postgres.connection import Database
from inventory.postgres.verify import CHECKS, snapshot
from inventory.v1 import channel_service_pb2 as pb2
from inventory.v1 import core_pb2
from inventory.v1.watch_service_pb2 import CHANGE_KIND_CHANNEL as CHANNEL
from tests.rpc.client import PATIENCE_S, Client, Server, new_id, of_row, refusal, seconds, unique
from tests.rpc.follower import NOW, following, spread

VIEW: dict[str, Any] = {"buffer": 0, "cap": 10, "share_bp": 5_000, "oversell": core_pb2.OversellPolicy(allow=True)}


def code() -> str:
    return unique("ch")[:32]


async def set_channel(client: Client, channel: str, *, over: Any = None, **fields: Any) -> pb2.SetChannelResponse:
    request = pb2.SetChannelRequest(request_id=new_id(), channel=pb2.Channel(channel=channel, **fields))
    if over:
        request.MergeFrom(pb2.SetChannelRequest(**over))
    return await client.channels.SetChannel(request)


async def set_skus(client: Client, channel: str, *rows: pb2.ChannelSku, **fields: Any) -> pb2.SetChannelSkusResponse:
    return await client.channels.SetChannelSkus(
        pb2.SetChannelSkusRequest(request_id=new_id(), channel=channel, skus=rows, **fields)
    )


async def get(client: Client, channel: str = "", **options: Any) -> pb2.Channel:
    return (await client.channels.GetChannel(pb2.GetChannelRequest(channel=channel), **options)).channel


def row(sku: str, **view: Any) -> pb2.ChannelSku:
    return pb2.ChannelSku(sku=sku, view=pb2.ChannelView(**view))


async def test_what_is_set_is_read_back(client: Client) -> None:
    channel = code()
    second, first = await client.location(), await client.location()
    made = await set_channel(
        client,
        channel,
        name="Marketplace",
        kind=pb2.CHANNEL_KIND_MARKETPLACE,
        locations=[second, first],
        view=pb2.ChannelView(**VIEW),
        min_life_days=30,
    )
    assert made.revision > 0
    assert made.channel.locations == [second, first]
    assert made.channel.view == pb2.ChannelView(**VIEW)
    assert await get(client, channel) == made.channel


async def test_a_channel_that_only_called_has_every_default(client: Client) -> None:
    mine = code()
    found = await get(client, metadata=(("inventory-channel", mine),))
    assert found == pb2.Channel(channel=mine, name=mine, kind=pb2.CHANNEL_KIND_WEB, view=pb2.ChannelView())
    assert await get(client, mine) == found


async def test_settings_that_are_the_present_ones_change_nothing(client: Client) -> None:
    channel = code()
    first = await set_channel(client, channel, view=pb2.ChannelView(buffer=0))
    again = await set_channel(client, channel, view=pb2.ChannelView(buffer=0))
    assert (again.revision, again.channel) == (0, first.channel)
    other = await set_channel(client, channel, view=pb2.ChannelView())
    assert other.revision > first.revision, "an unset buffer is another one than 0"
    assert not (await get(client, channel)).view.HasField("buffer")


async def test_settings_are_replaced_as_a_whole(client: Client) -> None:
    channel = code()
    await set_channel(client, channel, name="Shop", view=pb2.ChannelView(**VIEW), min_life_days=3)
    assert (await set_channel(client, channel)).channel == pb2.Channel(
        channel=channel, name=channel, kind=pb2.CHANNEL_KIND_WEB, view=pb2.ChannelView()
    )


@pytest.mark.parametrize("view", [{"buffer": 0}, {"cap": 0}, {"share_bp": 0}, {"share_bp": 10_000}, {}, VIEW])
@pytest.mark.parametrize("oversell", [{}, {"deny": True}, {"limit": 1}, {"limit": 10**9}, {"allow": True}])
async def test_unset_and_zero_stay_different_values(
    client: Client, view: dict[str, Any], oversell: dict[str, Any]
) -> None:
    channel, sku = code(), await client.sku()
    wished = pb2.ChannelView(**{**view, **({"oversell": core_pb2.OversellPolicy(**oversell)} if oversell else {})})
    assert (await set_channel(client, channel, view=wished)).channel.view == wished
    await set_skus(client, channel, pb2.ChannelSku(sku=sku, view=wished))
    listed = await client.channels.ListChannelSkus(pb2.ListChannelSkusRequest(channel=channel))
    assert list(listed.skus) == ([pb2.ChannelSku(sku=sku, view=wished)] if wished.ByteSize() else [])


async def test_a_location_that_is_closed_may_stay(client: Client) -> None:
    channel, place = code(), await client.location(active=False)
    assert (await set_channel(client, channel, locations=[place])).channel.locations == [place]


async def test_a_request_that_comes_again_is_a_replay(client: Client) -> None:
    channel = code()
    request = pb2.SetChannelRequest(request_id=new_id(), channel=pb2.Channel(channel=channel, name="one"))
    first = await client.channels.SetChannel(request)
    await set_channel(client, channel, name="two")
    second = await client.channels.SetChannel(request)
    assert (second.replayed, second.revision, second.channel) == (True, first.revision, first.channel)
    assert (await get(client, channel)).name == "two"
    request.channel.name = "three"
    assert (await refusal(client.channels.SetChannel(request))).reason == "REQUEST_ID_REUSED"


async def test_a_refusal_is_remembered(client: Client) -> None:
    channel, later = code(), unique("later")
    request = pb2.SetChannelRequest(request_id=new_id(), channel=pb2.Channel(channel=channel, locations=[later]))
    assert (await refusal(client.channels.SetChannel(request))).resource == ("location", later)
    await client.location(later)
    assert (await refusal(client.channels.SetChannel(request))).resource == ("location", later)
    request.request_id = new_id()
    assert (await client.channels.SetChannel(request)).channel.locations == [later]


async def test_what_is_only_validated_changes_nothing(client: Client) -> None:
    channel, sku = code(), await client.sku()
    answer = await set_channel(client, channel, over={"validate_only": True}, name="tried")
    assert answer.channel.name == "tried"
    assert (await refusal(client.channels.GetChannel(pb2.GetChannelRequest(channel=channel)))).what == (
        "NOT_FOUND",
        "CHANNEL_NOT_FOUND",
    )
    await set_channel(client, channel)
    assert (await set_skus(client, channel, row(sku, cap=1), validate_only=True)).updated == 1
    assert not (await client.channels.ListChannelSkus(pb2.ListChannelSkusRequest(channel=channel))).skus


async def test_views_of_skus_are_counted_and_taken_away_again(client: Client) -> None:
    channel = code()
    await set_channel(client, channel)
    one, two, three = sorted([await client.sku() for _ in range(3)])
    first = await set_skus(client, channel, row(one, cap=1), row(two, buffer=0), row(three))
    assert (first.updated, first.unchanged) == (2, 1)
    second = await set_skus(client, channel, row(one, cap=1), row(two))
    assert (second.updated, second.unchanged) == (1, 1)
    listed = await client.channels.ListChannelSkus(pb2.ListChannelSkusRequest(channel=channel))
    assert list(listed.skus) == [row(one, cap=1)]
    assert (await set_skus(client, channel, row(one, cap=1))).revision == 0


async def test_a_refused_row_spoils_all_or_only_itself(client: Client) -> None:
    channel = code()
    await set_channel(client, channel)
    sku, unknown = await client.sku(), unique("no")
    rows = (row(sku, cap=1), row(unknown, cap=1), row(sku, cap=2))
    assert (await refusal(set_skus(client, channel, *rows))).resource == ("sku", unknown)
    answer = await set_skus(client, channel, *rows, error_policy=core_pb2.ERROR_POLICY_SKIP_REFUSED)
    assert (answer.updated, answer.unchanged) == (1, 0)
    assert [(each.row, of_row(each.error).reason) for each in answer.refused] == [
        (1, "SKU_NOT_FOUND"),
        (2, "CODE_TAKEN"),
    ]
    listed = await client.channels.ListChannelSkus(pb2.ListChannelSkusRequest(channel=channel))
    assert list(listed.skus) == [row(sku, cap=1)]


async def test_channels_and_skus_are_listed_in_pages(client: Client) -> None:
    channels = sorted([code() for _ in range(3)])
    for channel in channels:
        await set_channel(client, channel)
    found: list[str] = []
    request = pb2.ListChannelsRequest(page_size=2)
    while True:
        page = await client.channels.ListChannels(request)
        assert len(page.channels) <= 2
        found += [each.channel for each in page.channels]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert found == sorted(found)
    assert set(channels) <= set(found)
    assert "default" in found, "those without settings too"

    skus = sorted([await client.sku() for _ in range(3)])
    await set_skus(client, channels[0], *(row(sku, cap=1) for sku in skus))
    of_channel = pb2.ListChannelSkusRequest(channel=channels[0], page_size=2)
    first = await client.channels.ListChannelSkus(of_channel)
    of_channel.page_token = first.next_page_token
    second = await client.channels.ListChannelSkus(of_channel)
    assert [each.sku for each in (*first.skus, *second.skus)] == skus
    assert not second.next_page_token


async def test_a_channel_made_on_two_servers_at_once_is_made_once(client: Client, twin_client: Client) -> None:
    for _ in range(10):
        channel = code()
        answers = await asyncio.gather(
            *(set_channel(each, channel, name=name) for each, name in ((client, "left"), (twin_client, "right")))
        )
        assert sorted(answer.channel.name for answer in answers) == ["left", "right"]
        last = max(answers, key=lambda answer: answer.revision)
        assert await get(client, channel) == last.channel


async def test_every_change_of_a_channel_is_told_once_and_in_order(client: Client, forgetful: Client) -> None:
    channel, place, sku = code(), await client.location(), await client.sku()
    wish: dict[str, Any] = {"kinds": [CHANNEL], "heartbeat": seconds(1)}
    async with following(client, now=NOW, **wish) as live:
        cursor = await live.begun()
        made = await set_channel(client, channel, locations=[place])
        of_sku = await set_skus(client, channel, row(sku, cap=3))
        ended = await set_channel(client, channel)
        async with asyncio.timeout(PATIENCE_S):
            await live.up_to(ended.revision)
    expected = [(made.revision, made.channel), (of_sku.revision, made.channel), (ended.revision, ended.channel)]
    assert [(change.revision, *change.channels) for change in live.changes] == expected
    async with following(forgetful, after=cursor, **wish) as late:
        await late.up_to(ended.revision)
    assert spread(late.changes) == spread(live.changes), "memory and database tell the same bytes"
    async with following(client, snapshot=NOW, **wish) as beginner:
        await beginner.begun()
    told = [each for message in beginner.messages for each in message.channels]
    assert ended.channel in told
    assert len({each.channel for each in told}) == len(told)
    async with following(client, after=cursor, heartbeat=seconds(1)) as of_stock:
        await of_stock.up_to(ended.revision)
    assert not of_stock.changes


async def test_a_snapshot_shows_channels_as_they_were_at_its_revision(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory.postgres.changes.SNAPSHOT_ROWS", 1)
    channels = [code() for _ in range(3)]
    for channel in channels:
        await set_channel(client, channel, name="before")
    async with following(client, snapshot=NOW, kinds=[CHANNEL], heartbeat=seconds(1)) as beginner:
        await beginner.begun()
    told = {each.channel: each.name for message in beginner.messages for each in message.channels}
    assert {channel: told[channel] for channel in channels} == dict.fromkeys(channels, "before")


async def test_all_that_is_written_is_proved(client: Client, server: Server) -> None:
    channel, sku = code(), await client.sku()
    await set_channel(client, channel)
    await set_skus(client, channel, row(sku, cap=3))
    async with snapshot(Database(server.dsn)) as found:
        for check in CHECKS:
            assert (await found.run(check)).rows == [], check.name
