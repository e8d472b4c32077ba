"""Watch's filters: kinds, kinds of ledger rows, categories; and that memory and database tell the same bytes."""

from __future__ import annotations

import asyncio
import random
from itertools import combinations
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import core_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import subscriber_service_pb2 as subscriber_pb2
from tests.rpc.client import Client, Metadata, new_id, seconds, unique
from tests.rpc.follower import ALL_KINDS, NOW, Follower, bulk, categorise, following, shop, spread, stock_of, trade

STOCK, SKU, LOCATION, SUBSCRIBER, CHANNEL = ALL_KINDS
FIELDS = {STOCK: "movements", SKU: "skus", LOCATION: "locations", SUBSCRIBER: "subscribers", CHANNEL: "channels"}


def said(follower: Follower) -> list[tuple[int, str, str]]:
    """Everything of a stream: revision, field, and which one."""
    return [
        (change.revision, field, getattr(each, "sku", "") or getattr(each, "location", "") or each.name)
        for change in follower.changes
        for field in ("movements", "skus", "locations", "entered", "subscribers", "channels")
        for each in getattr(change, field)
    ]


async def tell_the_same(pairs: list[tuple[Follower, Follower]], last: int) -> None:
    """Followers that came late tell what those beside them were told live, byte by byte."""
    for late, live in pairs:
        await late.up_to(last)
        late.cancel()
        assert spread(late.changes) == spread(live.changes)


async def of_each_kind(client: Client) -> int:
    """A change of each kind. Returns the last revision."""
    name = unique("sub")
    await client.subscribers.RegisterSubscriber(subscriber_pb2.RegisterSubscriberRequest(name=name, lag_changes_max=1))
    skus, places = await shop(client, category=unique("cat"))
    await trade(client, skus, places)
    await categorise(client, skus[0], unique("cat"))
    await client.channels.SetChannel(
        channel_pb2.SetChannelRequest(request_id=new_id(), channel=channel_pb2.Channel(channel=unique("ch")))
    )
    async with following(client, after=core_pb2.Cursor(), kinds=[SUBSCRIBER], heartbeat=seconds(1)) as follower:
        while not any(each.name == name for change in follower.changes for each in change.subscribers):
            await follower.read()
    await client.subscribers.RemoveSubscriber(subscriber_pb2.RemoveSubscriberRequest(name=name))
    return await trade(client, skus, places)


async def test_any_combination_of_kinds_gets_these_and_no_other(client: Client, forgetful: Client) -> None:
    wishes = [list(some) for size in range(len(ALL_KINDS) + 1) for some in combinations(ALL_KINDS, size)]
    live = [Follower(client, now=NOW, kinds=kinds, heartbeat=seconds(1)) for kinds in wishes]
    cursors = [await follower.begun() for follower in live]
    last = await of_each_kind(client)
    for follower in live:
        await follower.up_to(last)
        follower.cancel()
    everything = live[-1]
    assert wishes[-1] == list(ALL_KINDS)
    for kinds, here in zip(wishes, live, strict=True):
        fields = {FIELDS[kind] for kind in kinds or [STOCK]}
        assert said(here) == [each for each in said(everything) if each[1] in fields], kinds
        assert {field for _, field, _ in said(here)} == fields, "a change of each kind was made"
    late = [
        (Follower(forgetful, after=cursor, kinds=kinds, heartbeat=seconds(1)), follower)
        for cursor, kinds, follower in zip(cursors, wishes, live, strict=True)
    ]
    await tell_the_same(late, last)


async def test_who_follows_a_category_later_gets_what_entered_it_before(client: Client) -> None:
    old, new = unique("old"), unique("new")
    sku, place = await client.sku(category=old), await client.location()
    start = (await client.adjust(sku, place, 5)).revision
    async with following(client, now=NOW, kinds=[STOCK, SKU]) as somebody:  # so that changes are kept in memory
        await somebody.begun()
        moved = await categorise(client, sku, new)
        await somebody.up_to(moved)
        wish: dict[str, Any] = {"categories": [new], "movement_kinds": [core_pb2.MOVEMENT_KIND_HOLD]}
        async with following(client, after=core_pb2.Cursor(revision=start), heartbeat=seconds(1), **wish) as late:
            await late.up_to(moved)
            assert said(late) == [(moved, "entered", sku)]
            again = await categorise(client, sku, old)
            await late.up_to(await categorise(client, sku, new))
            assert [change.revision for change in late.changes if change.entered] == [moved, again + 1]


async def test_only_ledger_rows_of_the_kinds_wanted_come(client: Client, forgetful: Client) -> None:
    skus, places = await shop(client)
    wishes: list[list[core_pb2.MovementKind]] = [
        [core_pb2.MOVEMENT_KIND_HOLD],
        [core_pb2.MOVEMENT_KIND_COMMIT, core_pb2.MOVEMENT_KIND_FULFILMENT],
        [core_pb2.MOVEMENT_KIND_THRESHOLD],
        [core_pb2.MOVEMENT_KIND_EXPIRY],
        [],
    ]
    wish: dict[str, Any] = {"skus": skus, "kinds": [STOCK, SKU], "heartbeat": seconds(1)}
    live = [Follower(client, now=NOW, movement_kinds=kinds, **wish) for kinds in wishes]
    cursors = [await follower.begun() for follower in live]
    await trade(client, skus, places)
    await client.stock.SetThresholds(
        stock_pb2.SetThresholdsRequest(request_id=new_id(), sku=skus[0], location=places[0], safety_stock=1)
    )
    last = await categorise(client, skus[0], "any")
    ledger = [row for sku in skus for row in await client.movements(sku=sku, page_size=1_000)]
    for kinds, cursor, follower in zip(wishes, cursors, live, strict=True):
        await follower.up_to(last)
        follower.cancel()
        expected = sorted(
            (row.revision, row.ordinal)
            for row in ledger
            if row.revision > cursor.revision and (not kinds or row.kind in kinds)
        )
        assert [(row.revision, row.ordinal) for row in follower.rows] == expected
        assert [each.sku for change in follower.changes for each in change.skus] == [skus[0]], "no ledger row"
    late = [
        (Follower(forgetful, after=cursor, movement_kinds=kinds, **wish), follower)
        for cursor, kinds, follower in zip(cursors, wishes, live, strict=True)
    ]
    await tell_the_same(late, last)


async def test_a_sku_that_changes_its_category_is_told_to_both_and_brings_its_stock(
    client: Client, twin_client: Client, forgetful: Client
) -> None:
    old, new = unique("old"), unique("new")
    place, elsewhere, empty = await client.location(), await client.location(), await client.location()
    sku = await client.sku(category=old)
    await client.adjust(sku, place, 5)
    await client.adjust(sku, elsewhere, 7)
    await client.adjust(sku, empty, 1)
    before = (await client.adjust(sku, empty, -1)).revision
    wishes: dict[str, dict[str, Any]] = {
        "old": {"categories": [old], "kinds": [STOCK, SKU]},
        "new": {"categories": [new], "kinds": [STOCK, SKU]},
        "new, stock only": {"categories": [new]},
        "new, SKUs only": {"categories": [new], "kinds": [SKU]},
        "new, at one place": {"categories": [new], "locations": [place], "kinds": [STOCK, SKU]},
        "both": {"categories": [old, new], "kinds": [STOCK, SKU]},
        "neither": {"categories": [unique("cat")], "kinds": [STOCK, SKU]},
        "by code": {"skus": [sku], "kinds": [STOCK, SKU]},
    }
    live = {name: Follower(client, now=NOW, heartbeat=seconds(1), **wish) for name, wish in wishes.items()}
    start = (await live["by code"].begun()).revision
    for follower in live.values():
        await follower.begun()
    assert start == before
    first = (await client.adjust(sku, place, 1)).revision
    moved = await categorise(client, sku, new)
    last = (await client.adjust(sku, elsewhere, 1)).revision
    entered = [(moved, "entered", sku)] * 3
    told = {
        "old": [(first, "movements", sku), (moved, "skus", sku)],
        "new": [(moved, "skus", sku), *entered, (last, "movements", sku)],
        "new, stock only": [*entered, (last, "movements", sku)],
        "new, SKUs only": [(moved, "skus", sku)],
        "new, at one place": [(moved, "skus", sku), entered[0]],
        "both": [(first, "movements", sku), (moved, "skus", sku), *entered, (last, "movements", sku)],
        "neither": [],
        "by code": [(first, "movements", sku), (moved, "skus", sku), (last, "movements", sku)],
    }
    for name, follower in live.items():
        await follower.up_to(last)
        follower.cancel()
        assert said(follower) == told[name], name
    late = [
        (Follower(somewhere, after=core_pb2.Cursor(revision=start), heartbeat=seconds(1), **wish), live[name])
        for name, wish in wishes.items()
        for somewhere in (client, twin_client, forgetful)
    ]
    await tell_the_same(late, last)
    rows = [row for change in live["new"].changes for row in change.entered]
    assert {row.location: (row.revision, row.after.on_hand) for row in rows} == {
        place: (first, 6),
        elsewhere: (start - 2, 7),
        empty: (before, 0),
    }, "the newest of each level as of then"
    assert live["new"].levels == await stock_of(client, skus=[sku])


async def test_many_skus_may_change_their_category_at_once(client: Client, forgetful: Client) -> None:
    old, new, place = unique("old"), unique("new"), await client.location()
    skus = [unique("sku") for _ in range(300)]

    async def file_under(category: str) -> int:
        request = catalog_pb2.ImportCatalogRequest(
            request_id=new_id(), skus=[catalog_pb2.Sku(sku=sku, category=category) for sku in skus]
        )
        return (await client.catalog.ImportCatalog(request)).revision

    await file_under(old)
    await bulk(client, [(sku, place, number) for number, sku in enumerate(skus, 1)])
    async with following(client, now=NOW, categories=[new], kinds=[STOCK, SKU]) as follower:
        start = await follower.begun()
        last = await file_under(new)
        await follower.up_to(last)
    [change] = follower.changes
    assert sorted(each.sku for each in change.skus) == sorted(skus)
    assert {row.sku: row.after.on_hand for row in change.entered} == {sku: n for n, sku in enumerate(skus, 1)}
    assert len(change.entered) == len(skus)
    late = Follower(forgetful, after=start, categories=[new], kinds=[STOCK, SKU])
    await tell_the_same([(late, follower)], last)


async def test_ledger_rows_are_filed_under_the_category_of_their_own_revision(
    client: Client, twin_client: Client, forgetful: Client
) -> None:
    """Whoever asks late, when the SKU has long been somewhere else."""
    categories = [unique("cat") for _ in range(4)]
    place = await client.location()
    sku = await client.sku(category=categories[0])
    followers = [Follower(client, now=NOW, categories=[each], heartbeat=seconds(1)) for each in categories]
    starts = [await follower.begun() for follower in followers]
    filed: list[list[int]] = [[] for _ in categories]
    for turn, place_of in enumerate([0, 1, 2, 1, 3, 0]):
        if turn:
            await categorise(client, sku, categories[place_of])
        filed[place_of] += [(await client.adjust(sku, place, 1)).revision for _ in range(2)]
    last = (await client.adjust(sku, place, 1)).revision
    filed[0].append(last)
    for follower, revisions in zip(followers, filed, strict=True):
        await follower.up_to(last)
        follower.cancel()
        assert [row.revision for row in follower.rows] == revisions
    late = [
        (Follower(somewhere, after=start, categories=[category], heartbeat=seconds(1)), follower)
        for category, start, follower in zip(categories, starts, followers, strict=True)
        for somewhere in (client, twin_client, forgetful)
    ]
    await tell_the_same(late, last)


async def test_a_sku_without_a_category_is_in_none(client: Client) -> None:
    category = unique("cat")
    skus, places = await shop(client)
    async with following(client, now=NOW, categories=[category], kinds=[STOCK, SKU], heartbeat=seconds(1)) as follower:
        await follower.begun()
        await trade(client, skus, places)
        entered = await categorise(client, skus[0], category)
        left = await categorise(client, skus[0], "")
        last = await trade(client, skus, places)
        await follower.up_to(last)
        assert said(follower) == [
            (entered, "skus", skus[0]),
            (entered, "entered", skus[0]),
            (entered, "entered", skus[0]),
            (left, "skus", skus[0]),
        ]


async def test_all_kinds_are_the_same_bytes_from_memory_and_from_the_database(
    client: Client, twin_client: Client, forgetful: Client
) -> None:
    category = unique("cat")
    wishes: list[dict[str, Any]] = [
        {"kinds": ALL_KINDS},
        {"kinds": ALL_KINDS, "categories": [category]},
        {"kinds": ALL_KINDS, "locations": ["nowhere"]},
    ]
    live = [Follower(client, now=NOW, heartbeat=seconds(1), **wish) for wish in wishes]
    starts = [await follower.begun() for follower in live]
    await of_each_kind(client)
    skus, places = await shop(client, category=category)
    await client.sku(
        category=category, barcodes=[], attributes={"b": "2", "a": "1", "c": "3"}, unit="kg", unit_digits=3
    )
    await client.location(name="Ünïcode")
    await categorise(client, skus[1], "")
    last = await trade(client, skus, places)
    for follower in live:
        await follower.up_to(last)
        follower.cancel()
        assert follower.changes
    late = [
        (Follower(somewhere, after=start, heartbeat=seconds(1), **wish), follower)
        for wish, start, follower in zip(wishes, starts, live, strict=True)
        for somewhere in (client, twin_client, forgetful)
    ]
    await tell_the_same(late, last)


async def test_a_snapshot_of_the_catalogue_is_as_of_its_revision(client: Client) -> None:
    """Though it is read while everything changes: each page sees what has come after, and must not tell it."""
    category = unique("cat")
    skus, places = await shop(client, category=category, name="before")
    changing = True

    async def change() -> None:
        turn = 0
        while changing:
            turn += 1
            await categorise(client, skus[0], category, name=f"name {turn}")
            await client.catalog.UpdateLocation(
                catalog_pb2.UpdateLocationRequest(
                    request_id=new_id(), location=catalog_pb2.Location(location=places[0], name=f"place {turn}")
                )
            )
            await categorise(client, skus[1], "" if turn % 2 else category, name=f"name {turn}")

    changer = asyncio.ensure_future(change())
    for _ in range(8):
        wish: dict[str, Any] = {"kinds": [SKU, LOCATION], "categories": [category], "locations": places}
        async with following(client, snapshot=NOW, **wish) as follower:
            start = await follower.begun()
        pieces = [message for message in follower.messages if message.snapshot_revision]
        assert {piece.snapshot_revision for piece in pieces} == {start.revision}
        assert [piece.snapshot_complete for piece in pieces] == [False] * (len(pieces) - 1) + [True]
        assert not any(piece.levels for piece in pieces), "stock was not asked for"
        told = await catalogue_at(client, start)
        assert {sku.sku: sku for piece in pieces for sku in piece.skus} == {
            code: sku for code, sku in told[0].items() if sku.category == category
        }
        assert {place.location: place for piece in pieces for place in piece.locations} == {
            code: place for code, place in told[1].items() if code in places
        }
    changing = False
    await changer


async def catalogue_at(
    client: Client, cursor: core_pb2.Cursor
) -> tuple[dict[str, catalog_pb2.Sku], dict[str, catalog_pb2.Location]]:
    """SKUs and locations as the feed tells them from its beginning up to a cursor."""
    async with following(client, after=core_pb2.Cursor(), kinds=[SKU, LOCATION], heartbeat=seconds(1)) as follower:
        await follower.up_to(cursor.revision)
    changes = [change for change in follower.changes if change.revision <= cursor.revision]
    return (
        {sku.sku: sku for change in changes for sku in change.skus},
        {place.location: place for change in changes for place in change.locations},
    )


async def test_a_large_catalogue_comes_in_pieces_and_each_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    category = unique("cat")
    skus = [await client.sku(category=category) for _ in range(10)]
    places = [await client.location() for _ in range(10)]
    monkeypatch.setattr("inventory.postgres.changes.SNAPSHOT_ROWS", 5)
    wish: dict[str, Any] = {"kinds": [SKU, LOCATION], "categories": [category], "locations": places}
    async with following(client, snapshot=NOW, **wish) as follower:
        await follower.begun()
    assert [sku.sku for message in follower.messages for sku in message.skus] == skus
    assert [place.location for message in follower.messages for place in message.locations] == places


async def test_a_snapshot_of_a_category_is_of_the_levels_that_were_in_it_then(client: Client) -> None:
    category = unique("cat")
    skus, places = await shop(client, category=category)
    others, _ = await shop(client)
    async with following(client, snapshot=NOW, categories=[category]) as follower:
        await follower.begun()
        assert follower.levels == await stock_of(client, skus=skus, locations=places)
        await categorise(client, skus[0], "")
        await categorise(client, others[0], category)
        last = (await client.adjust(skus[1], places[0], 1)).revision
        await follower.up_to(last)
        stock = await stock_of(client, skus=[*skus, others[0]])
        assert follower.levels == stock
    async with following(client, snapshot=NOW, categories=[category]) as follower:
        await follower.begun()
        assert {sku for sku, _ in follower.levels} == {skus[1], others[0]}


async def test_200_streams_with_filters_of_their_own_get_each_exactly_its_share(client: Client) -> None:
    chance = random.Random(3)
    categories = [unique("cat") for _ in range(3)]
    places = [await client.location() for _ in range(4)]
    skus = [await client.sku(category=categories[number % 3]) for number in range(9)]
    crowds: list[Metadata] = [(("inventory-channel", unique("crowd")[:32]),) for _ in range(4)]
    wishes: list[dict[str, Any]] = []
    for _ in range(200):
        wish: dict[str, Any] = {"kinds": [STOCK, *chance.sample(ALL_KINDS[1:3], chance.randrange(3))]}
        for field, codes in (("skus", skus), ("locations", places), ("categories", categories)):
            if chance.random() < 0.5:
                wish[field] = chance.sample(codes, chance.randint(1, len(codes)))
        wishes.append(wish)
    everything = Follower(client, now=NOW, kinds=ALL_KINDS)
    await everything.begun()
    crowd = [
        Follower(client, metadata=crowds[number % 4], now=NOW, heartbeat=Duration(seconds=1), **wish)
        for number, wish in enumerate(wishes)
    ]
    for follower in crowd:
        await follower.begun()
    last = 0
    for _ in range(20):
        last = await bulk(client, [(chance.choice(skus), chance.choice(places), 1) for _ in range(4)])
    await categorise(client, skus[0], categories[0], name="renamed")
    last = (await client.adjust(skus[0], places[0], 1)).revision
    await everything.up_to(last)
    of_sku = dict(zip(skus, categories * 3, strict=True))
    for wish, follower in zip(wishes, crowd, strict=True):
        await follower.up_to(last)
        follower.cancel()

        def wanted(kind: int, sku: str, location: str, wish: dict[str, Any] = wish) -> bool:
            return (
                kind in wish["kinds"]
                and sku in wish.get("skus", [sku])
                and (not location or location in wish.get("locations", [location]))
                and of_sku[sku] in wish.get("categories", [of_sku[sku]])
            )

        expected = [
            (change.revision, field, each.sku)
            for change in everything.changes
            for kind, field in ((STOCK, "movements"), (SKU, "skus"))
            for each in getattr(change, field)
            if wanted(kind, each.sku, getattr(each, "location", ""))
        ]
        assert said(follower) == expected, wish
    everything.cancel()
