"""Reconcile: what each number gets as an answer, and what is kept of it."""

from __future__ import annotations

import asyncpg
import pytest

from inventory.domain.access import STREAMS_MAX
from inventory.feed.forgetting import Forgetting
from inventory.postgres.connection import Database
from inventory.postgres.reads import Reader
from inventory.rpc import reconciliation as service
from inventory.v1 import catalog_service_pb2 as catalog_pb2
from inventory.v1 import channel_service_pb2 as channel_pb2
from inventory.v1 import core_pb2
from inventory.v1 import reconciliation_service_pb2 as pb2
from tests.rpc.client import Client, Server, eventually, new_id, refusal, unique
from tests.rpc.reconciling import ATS, AVAILABLE, ON_HAND, answer_of, begin, end, reconcile, rows, say
from tests.rpc.retailer import on

FINISHED, UNFINISHED = pb2.RECONCILIATION_STATE_FINISHED, pb2.RECONCILIATION_STATE_UNFINISHED


async def settle(client: Client, channel: str, **fields: object) -> int:
    """The revision of a channel's new settings."""
    settings = channel_pb2.Channel(channel=channel, **fields)  # type: ignore[arg-type]  # as the message takes them
    answer = await client.channels.SetChannel(channel_pb2.SetChannelRequest(request_id=new_id(), channel=settings))
    return answer.revision


async def bundle(client: Client, *parts: tuple[str, int]) -> str:
    components = [catalog_pb2.BundleComponent(sku=sku, quantity=quantity) for sku, quantity in parts]
    return await client.sku(kind=catalog_pb2.SKU_KIND_BUNDLE, components=components)


async def head(db: asyncpg.Connection) -> int:
    return int(await db.fetchval("SELECT revision FROM feed_head"))


@pytest.mark.parametrize(("kind", "number"), [(AVAILABLE, 7), (ON_HAND, 10)])
async def test_a_level_is_equal_or_drifts(client: Client, kind: pb2.ReconciliationKind, number: int) -> None:
    sku, place = await client.stocked(10)
    held = await client.reserve((sku, place, 3))
    other, _ = await client.stocked(5, place)
    found = await reconcile(client, kind, [(sku, place, number), (other, place, 4)], seen=held.revision)
    assert found.answers == {sku: "EQUAL", other: "DRIFT"}
    wrong = found.row(other)
    assert (wrong.position, wrong.location, wrong.given, wrong.current, wrong.delta) == (1, place, 4, 5, 1)
    assert wrong.then == 0  # it was made after what the channel has seen
    assert not wrong.settings_changed_since
    assert (found.last.counts.equal, found.last.counts.drift, found.compared) == (1, 1, 2)


async def test_a_level_is_behind_when_later_changes_explain_it(client: Client) -> None:
    sku, place = await client.stocked(10)
    seen = (await client.adjust(sku, place, 1)).revision
    since = (await client.adjust(sku, place, -4)).revision
    last = (await client.adjust(sku, place, 2)).revision
    for given, then, differs_since in ((11, 11, since), (7, 11, last)):
        found = (await reconcile(client, ON_HAND, [(sku, place, given)], seen=seen)).row(sku)
        assert (answer_of(found), found.current, found.delta) == ("BEHIND", 9, 9 - given)
        assert (found.then, found.differs_since) == (then, differs_since)
    older = (await reconcile(client, ON_HAND, [(sku, place, 10)], seen=seen)).row(sku)
    assert answer_of(older) == "DRIFT", "what was right before the revision it has seen is no explanation"
    unsaid = (await reconcile(client, ON_HAND, [(sku, place, 11)])).row(sku)
    assert (answer_of(unsaid), unsaid.HasField("then")) == ("DRIFT", False)


async def test_a_number_that_came_back_differs_since_it_left_again(client: Client) -> None:
    sku, place = await client.stocked(10)
    seen = (await client.adjust(sku, place, 1)).revision
    await client.adjust(sku, place, 1)
    await client.adjust(sku, place, -1)
    left = (await client.adjust(sku, place, 5)).revision
    assert (await reconcile(client, ON_HAND, [(sku, place, 11)], seen=seen)).row(sku).differs_since == left


async def test_what_does_not_exist_is_unknown(client: Client) -> None:
    sku, place = await client.stocked(1)
    found = await reconcile(client, ON_HAND, [("nothing", place, 1), (sku, "nowhere", 0)])
    assert [answer_of(row) for row in found.rows] == ["UNKNOWN", "UNKNOWN"]
    assert [(row.current, row.delta) for row in found.rows] == [(0, 0), (0, 0)]
    assert (await reconcile(client, ATS, [("nothing", 1)])).answers == {"nothing": "UNKNOWN"}
    empty = await client.sku()
    found = await reconcile(client, ON_HAND, [(empty, place, 0)])
    assert found.answers == {empty: "EQUAL"}, "a SKU that never was at a place has 0 there"


async def test_below_zero_is_always_wrong(client: Client) -> None:
    sku, place = await client.stocked(1)
    assert (await reconcile(client, ON_HAND, [(sku, place, -2)], seen=0)).row(sku).delta == 3
    assert (await reconcile(client, ATS, [(sku, -2)], seen=0)).answers == {sku: "DRIFT"}


async def test_missing_levels_are_listed_where_others_were_named(client: Client) -> None:
    place, other_place = await client.location(), await client.location()
    named, _ = await client.stocked(3, place)
    missing, _ = await client.stocked(4, place)
    empty, _ = await client.stocked(0, place)
    elsewhere, _ = await client.stocked(5, other_place)
    found = await reconcile(client, ON_HAND, [(named, place, 3)], list_missing=True)
    assert found.answers == {named: "EQUAL", missing: "MISSING"}
    row = found.row(missing)
    assert (row.HasField("position"), row.given, row.current, row.delta) == (False, 0, 4, 4)
    assert found.last.counts.missing == 1
    found = await say(client, begin(ON_HAND, list_missing=True, locations=[other_place]), end())
    assert found.answers == {elsewhere: "MISSING"}
    assert empty not in found.answers


async def test_what_came_after_the_cursor_is_behind_and_not_missing(client: Client) -> None:
    place = await client.location()
    named, _ = await client.stocked(3, place)
    seen = (await client.adjust(named, place, 1)).revision
    later, _ = await client.stocked(4, place)
    found = await reconcile(client, AVAILABLE, [(named, place, 4)], seen=seen, list_missing=True)
    assert found.answers == {named: "EQUAL", later: "BEHIND"}
    assert (found.last.counts.behind, found.last.counts.missing) == (1, 0)


async def test_what_a_channel_may_sell_goes_through_its_view(client: Client) -> None:
    shop, far = await client.location(), await client.location()
    sku, _ = await client.stocked(10, shop)
    await client.adjust(sku, far, 100)
    channel = unique("ch")
    seen = await settle(client, channel, locations=[shop], view=channel_pb2.ChannelView(buffer=1, share_bp=5_000))
    found = await reconcile(client, ATS, [(sku, 4)], seen=seen, metadata=on(channel))
    assert found.answers == {sku: "EQUAL"}
    assert found.last.channel == channel
    found = await reconcile(client, ATS, [(sku, 110)], seen=seen, metadata=on(channel))
    assert (found.answers, found.row(sku).delta) == ({sku: "DRIFT"}, -106)
    after = (await client.adjust(sku, shop, 2)).revision
    behind = (await reconcile(client, ATS, [(sku, 4)], seen=seen, metadata=on(channel))).row(sku)
    assert (answer_of(behind), behind.then, behind.current, behind.differs_since) == ("BEHIND", 4, 5, after)


async def test_a_change_of_settings_since_is_known_exactly(client: Client) -> None:
    sku, place = await client.stocked(10)
    channel = unique("ch")
    seen = await settle(client, channel, locations=[place], view=channel_pb2.ChannelView(buffer=1))
    await client.adjust(sku, place, 1)
    changed = await settle(client, channel, locations=[place], view=channel_pb2.ChannelView(buffer=5))
    for given, answer in ((9, "BEHIND"), (10, "BEHIND"), (6, "EQUAL"), (5, "DRIFT")):
        row = (await reconcile(client, ATS, [(sku, given)], seen=seen, metadata=on(channel))).row(sku)
        assert answer_of(row) == answer
        assert not row.settings_changed_since
        if given == 10:
            assert row.differs_since == changed


async def test_too_many_changes_of_settings_are_said_to_have_happened(client: Client) -> None:
    sku, place = await client.stocked(100)
    channel = unique("ch")
    seen = await settle(client, channel, locations=[place], view=channel_pb2.ChannelView(buffer=50))
    for buffer in range(12):
        await settle(client, channel, locations=[place], view=channel_pb2.ChannelView(buffer=buffer))
    found = await reconcile(client, ATS, [(sku, 91)], seen=seen, metadata=on(channel))
    assert (found.answers, found.row(sku).settings_changed_since) == ({sku: "DRIFT"}, True)
    assert found.last.counts.settings_changed == 1
    first = await reconcile(client, ATS, [(sku, 50)], seen=seen, metadata=on(channel))
    assert first.answers == {sku: "BEHIND"}


async def test_a_bundle_is_judged_by_what_it_is_made_of(client: Client) -> None:
    place = await client.location()
    tea, _ = await client.stocked(10, place)
    cup, _ = await client.stocked(5, place)
    set_ = await bundle(client, (tea, 2), (cup, 1))
    channel = unique("ch")
    seen = await settle(client, channel, locations=[place])
    assert (await reconcile(client, ATS, [(set_, 5)], seen=seen, metadata=on(channel))).answers == {set_: "EQUAL"}
    sold = await client.reserve((tea, place, 4))
    row = (await reconcile(client, ATS, [(set_, 5)], seen=seen, metadata=on(channel))).row(set_)
    assert (answer_of(row), row.current, row.differs_since) == ("BEHIND", 3, sold.revision)
    assert (await reconcile(client, ATS, [(set_, 4)], seen=seen, metadata=on(channel))).answers == {set_: "DRIFT"}


async def test_back_orders_count_as_what_may_be_sold(client: Client) -> None:
    sku, place = await client.stocked(2)
    await client.allow_backorders(sku, place, 3)
    channel = unique("ch")
    seen = await settle(client, channel, locations=[place])
    assert (await reconcile(client, ATS, [(sku, 5)], seen=seen, metadata=on(channel))).answers == {sku: "EQUAL"}
    await client.reserve((sku, place, 4))
    assert (await reconcile(client, ATS, [(sku, 5)], seen=seen, metadata=on(channel))).answers == {sku: "BEHIND"}
    await client.allow_backorders(sku, place, 9)
    row = (await reconcile(client, ATS, [(sku, 5)], seen=seen, metadata=on(channel))).row(sku)
    assert (answer_of(row), row.settings_changed_since) == ("DRIFT", True), "the ledger doesn't tell former limits"


async def test_missing_of_what_a_channel_may_sell(client: Client) -> None:
    place = await client.location()
    named, _ = await client.stocked(1, place)
    missing, _ = await client.stocked(2, place)
    channel = unique("ch")
    seen = await settle(client, channel, locations=[place])
    found = await reconcile(client, ATS, [(named, 1)], seen=seen, metadata=on(channel), list_missing=True)
    assert found.answers == {named: "EQUAL", missing: "MISSING"}


async def test_a_hold_that_has_run_out_counts_neither_way(client: Client, db: asyncpg.Connection) -> None:
    sku, place = await client.stocked(5)
    channel = unique("ch")
    await settle(client, channel, locations=[place])
    hold = await client.hold((sku, place, 2), ttl=1)
    blocker = db.transaction()
    await blocker.start()  # the sweep can't end it meanwhile
    try:
        await db.execute("SELECT FROM level JOIN sku USING (sku_id) WHERE code = $1 FOR UPDATE OF level", sku)

        async def has_run_out() -> bool:
            return (await client.quantities(sku, place)).available == 5

        await eventually(has_run_out, "the hold has run out")
        for given in (3, 5):
            assert (await reconcile(client, AVAILABLE, [(sku, place, given)])).answers == {sku: "EQUAL"}
            assert (await reconcile(client, ATS, [(sku, given)], metadata=on(channel))).answers == {sku: "EQUAL"}
        assert (await reconcile(client, AVAILABLE, [(sku, place, 4)])).answers == {sku: "DRIFT"}
        assert (await reconcile(client, ATS, [(sku, 4)], metadata=on(channel))).answers == {sku: "DRIFT"}
    finally:
        await blocker.rollback()
    assert hold


async def test_equal_ones_are_left_out_when_asked(client: Client) -> None:
    sku, place = await client.stocked(5)
    other, _ = await client.stocked(6, place)
    found = await reconcile(client, ON_HAND, [(sku, place, 5), (other, place, 5)], omit_equal=True)
    assert found.answers == {other: "DRIFT"}
    assert (found.row(other).position, found.last.counts.equal, found.compared) == (1, 1, 2)


async def test_ten_thousand_rows_are_answered_in_order(client: Client) -> None:
    place = await client.location()
    skus = [unique("bulk") for _ in range(10_000)]
    for start in range(0, 10_000, 5_000):
        some = [catalog_pb2.Sku(sku=sku) for sku in skus[start : start + 5_000]]
        await client.catalog.ImportCatalog(catalog_pb2.ImportCatalogRequest(request_id=new_id(), skus=some))
    await client.adjust(skus[7], place, 3)
    told = [(sku, place, 0) for sku in skus]
    found = await reconcile(client, ON_HAND, told, omit_equal=True)
    assert (found.compared, found.answers, found.row(skus[7]).position) == (10_000, {skus[7]: "DRIFT"}, 7)
    channel = unique("ch")
    seen = await settle(client, channel, locations=[place])
    found = await reconcile(client, ATS, [(sku, 0) for sku in skus], seen=seen, metadata=on(channel))
    assert [row.position for row in found.rows] == list(range(10_000))
    assert found.last.counts.equal == 9_999


async def test_what_came_of_it_can_be_read_in_pages(client: Client) -> None:
    place = await client.location()
    channel = on(unique("ch"))
    skus = [(await client.stocked(1, place))[0] for _ in range(5)]
    found = await reconcile(
        client, ON_HAND, [(sku, place, 2) for sku in (*skus, "nothing")], metadata=channel, reference="night"
    )
    get = pb2.GetReconciliationRequest(reconciliation_id=found.last.reconciliation_id, page_size=4)
    first = await client.reconciliations.GetReconciliation(get, metadata=channel)
    get.page_token = first.next_page_token
    second = await client.reconciliations.GetReconciliation(get, metadata=channel)
    assert [*first.rows, *second.rows] == found.rows
    assert first.reconciliation == found.last
    assert (found.last.reference, found.last.state, found.last.counts.drift) == ("night", FINISHED, 5)
    assert found.last.ended_at.ToDatetime() >= found.last.begun_at.ToDatetime()
    only = pb2.GetReconciliationRequest(
        reconciliation_id=get.reconciliation_id, answer=pb2.RECONCILIATION_ANSWER_UNKNOWN
    )
    unknown = await client.reconciliations.GetReconciliation(only, metadata=channel)
    assert [row.sku for row in unknown.rows] == ["nothing"]


async def test_a_channels_reconciliations_are_its_own_and_listed_newest_first(client: Client) -> None:
    sku, place = await client.stocked(1)
    mine, other = unique("ch"), unique("ch")
    made = [
        (await reconcile(client, kind, [(sku, place, 1)], metadata=on(mine))).last
        for kind in (ON_HAND, AVAILABLE, ON_HAND)
    ]
    request = pb2.ListReconciliationsRequest(page_size=2)
    first = await client.reconciliations.ListReconciliations(request, metadata=on(mine))
    request.page_token = first.next_page_token
    second = await client.reconciliations.ListReconciliations(request, metadata=on(mine))
    assert [*first.reconciliations, *second.reconciliations] == made[::-1]
    kinds = pb2.ListReconciliationsRequest(kind=AVAILABLE, channel=mine)
    assert list((await client.reconciliations.ListReconciliations(kinds)).reconciliations) == [made[1]]
    theirs = await client.reconciliations.ListReconciliations(pb2.ListReconciliationsRequest(), metadata=on(other))
    assert not theirs.reconciliations
    get = pb2.GetReconciliationRequest(reconciliation_id=made[0].reconciliation_id)
    found = await refusal(client.reconciliations.GetReconciliation(get, metadata=on(other)))
    assert found.what == ("NOT_FOUND", "RECONCILIATION_NOT_FOUND")


async def test_a_stream_that_breaks_is_kept_as_far_as_it_came(client: Client) -> None:
    sku, place = await client.stocked(1)
    call = client.reconciliations.Reconcile()
    await call.write(begin(ON_HAND))
    opened = await call.read()
    assert isinstance(opened, pb2.ReconcileResponse)
    await call.write(rows((sku, place, 9)))
    assert isinstance(await call.read(), pb2.ReconcileResponse)
    call.cancel()
    get = pb2.GetReconciliationRequest(reconciliation_id=opened.reconciliation.reconciliation_id)

    async def is_unfinished() -> bool:
        found = await client.reconciliations.GetReconciliation(get)
        return found.reconciliation.state == UNFINISHED

    await eventually(is_unfinished, "it is stored as unfinished")
    found = await client.reconciliations.GetReconciliation(get)
    assert [answer_of(row) for row in found.rows] == ["DRIFT"]
    assert found.reconciliation.HasField("ended_at")


async def test_a_stream_without_its_end_is_unfinished(client: Client) -> None:
    sku, place = await client.stocked(1)
    call = client.reconciliations.Reconcile(iter([begin(ON_HAND), rows((sku, place, 1))]))
    opened = await call.read()
    assert isinstance(opened, pb2.ReconcileResponse)
    await call.read()
    assert (await refusal(call.read())).what == ("INVALID_ARGUMENT", "FIELD_REQUIRED")
    get = pb2.GetReconciliationRequest(reconciliation_id=opened.reconciliation.reconciliation_id)
    found = await client.reconciliations.GetReconciliation(get)
    assert (found.reconciliation.state, found.reconciliation.counts.equal) == (UNFINISHED, 1)


async def test_a_cursor_of_another_epoch_or_of_the_future_ends_it(client: Client, db: asyncpg.Connection) -> None:
    sku, place = await client.stocked(1)
    foreign = core_pb2.Cursor(epoch=new_id(), revision=1)
    found = await refusal(reconcile(client, ON_HAND, [(sku, place, 1)], seen=foreign))
    assert found.what == ("FAILED_PRECONDITION", "EPOCH_CHANGED")
    found = await refusal(reconcile(client, ON_HAND, [(sku, place, 1)], seen=await head(db) + 1_000))
    assert found.what == ("OUT_OF_RANGE", "REVISION_IN_FUTURE")
    found = await refusal(say(client, begin(ON_HAND), end(foreign)))
    assert found.what == ("FAILED_PRECONDITION", "EPOCH_CHANGED")


async def test_a_compacted_cursor_is_answered_since_the_ledger_is_whole(client: Client, db: asyncpg.Connection) -> None:
    sku, place = await client.stocked(10)
    seen = (await client.adjust(sku, place, 1)).revision
    await client.adjust(sku, place, 1)
    await db.execute("UPDATE feed_head SET compacted = revision")
    assert (await reconcile(client, ON_HAND, [(sku, place, 11)], seen=seen)).answers == {sku: "BEHIND"}
    assert (await reconcile(client, ATS, [(sku, 11)], seen=seen)).answers == {sku: "BEHIND"}


async def test_only_so_many_answers_are_kept(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "RECONCILIATION_KEPT_MAX", 3)
    place = await client.location()
    told = [(f"nothing-{n}", place, 1) for n in range(5)]
    found = await say(client, begin(ON_HAND), rows(*told[:2]), rows(*told[2:]), end())
    assert (len(found.rows), found.last.dropped, found.last.counts.unknown) == (5, 2, 5)
    get = pb2.GetReconciliationRequest(reconciliation_id=found.last.reconciliation_id)
    assert len((await client.reconciliations.GetReconciliation(get)).rows) == 3


async def test_who_sends_without_reading_is_read_no_further_and_loses_nothing(client: Client) -> None:
    sku, place = await client.stocked(1)
    told = [(sku, place, 1)] * 1_000
    call = client.reconciliations.Reconcile()
    await call.write(begin(ON_HAND))
    for _ in range(20):
        await call.write(rows(*told))
    await call.write(end())
    await call.done_writing()
    answered = [len(answer.rows) async for answer in call]
    assert sum(answered) == 20_000


async def test_it_counts_as_a_stream_of_the_channel(client: Client) -> None:
    channel = on(unique("ch"))
    calls = [client.reconciliations.Reconcile(metadata=channel) for _ in range(STREAMS_MAX)]
    for call in calls:
        await call.write(begin(ON_HAND))
        await call.read()
    found = await refusal(say(client, begin(ON_HAND), end(), metadata=channel))
    assert found.what == ("RESOURCE_EXHAUSTED", "STREAM_LIMIT")
    for call in calls:
        call.cancel()


async def test_old_ones_and_those_of_lost_servers_are_seen_to(server: Server, client: Client) -> None:
    sku, place = await client.stocked(1)
    channel = on(unique("ch"))
    old = (await reconcile(client, ON_HAND, [(sku, place, 2)], metadata=channel)).last.reconciliation_id
    young = (await reconcile(client, ON_HAND, [(sku, place, 2)], metadata=channel)).last.reconciliation_id
    db = await server.connect()
    await db.execute(
        "UPDATE reconciliation SET begun_at = now() - interval '91 days' WHERE reconciliation_id = $1", old
    )
    await db.execute(
        "UPDATE reconciliation SET state = 1, ended_at = NULL, heard_at = now() - interval '2 hours'"
        " WHERE reconciliation_id = $1",
        young,
    )
    reader = await Reader.open(Database(server.dsn, server.schema))
    forgetting = Forgetting(reader)
    while await forgetting.look():
        pass
    await forgetting.look()
    await reader.close()
    listed = await client.reconciliations.ListReconciliations(pb2.ListReconciliationsRequest(), metadata=channel)
    assert [(each.reconciliation_id, each.state) for each in listed.reconciliations] == [(young, UNFINISHED)]
    assert not await db.fetchval("SELECT count(*) FROM reconciliation_row WHERE reconciliation_id = $1", old)
    await db.close()
