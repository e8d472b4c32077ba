"""AlarmService, and each condition that opens an alarm: opened once, told in the feed, closed when it is over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from inventory.alarms import looking, proving
from inventory.domain.alarm import Drift
from inventory.feed import keeping
from inventory.postgres.access import first_admin
from inventory.postgres.alarms import count_open, tell_drift
from inventory.postgres.connection import Database
from inventory.postgres.reads import Reader
from inventory.server import start
from inventory.settings import Settings
from inventory.v1 import access_pb2, access_service_pb2, core_pb2
from inventory.v1 import alarm_service_pb2 as pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import subscriber_service_pb2 as subscriber_pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from inventory.v1.access_service_pb2_grpc import AccessServiceStub
from tests.rpc.alarming import about, alarms, closed, opened
from tests.rpc.client import Client, Server, eventually, new_id, refusal, unique
from tests.rpc.conftest import serving
from tests.rpc.reconciling import ON_HAND, reconcile

ALARMS = True


@pytest.fixture(autouse=True)
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers look more often than once a second."""
    for module in (keeping, looking, proving):
        monkeypatch.setattr(module, "LOOK_S", 0.05)
    monkeypatch.setattr(proving, "SHARE_MAX", 0.5)


@pytest.fixture
async def reader(server: Server) -> AsyncIterator[Reader]:
    opened_reader = await Reader.open(Database(server.dsn))
    yield opened_reader
    await opened_reader.close()


async def thresholds(client: Client, sku: str, location: str, **fields: Any) -> None:
    await client.stock.SetThresholds(
        stock_pb2.SetThresholdsRequest(request_id=new_id(), sku=sku, location=location, **fields)
    )


# Stock


async def test_low_stock_opens_below_the_safety_stock_and_closes_a_tenth_above_it(client: Client, twin: Server) -> None:
    sku, place = await client.stocked(20)
    await thresholds(client, sku, place, safety_stock=10)
    await client.adjust(sku, place, -11)
    alarm = await opened(client, pb2.ALARM_KIND_LOW_STOCK, sku=sku, location=place)
    assert (alarm.severity, dict(alarm.details)) == (
        pb2.ALARM_SEVERITY_WARNING,
        {"available": "9", "safety_stock": "10"},
    )
    await client.adjust(sku, place, 1)
    other, elsewhere = await client.stocked(3)
    await thresholds(client, other, elsewhere, safety_stock=4)
    await opened(client, pb2.ALARM_KIND_LOW_STOCK, sku=other)  # so the one before was looked at, too
    [still] = await about(client, pb2.ALARM_KIND_LOW_STOCK, sku=sku)
    assert not still.HasField("closed_at"), "at the threshold it stays open"
    await client.adjust(sku, place, 1)
    await closed(client, alarm)
    assert len(await about(client, pb2.ALARM_KIND_LOW_STOCK, sku=sku)) == 1


async def test_a_level_that_goes_over_and_under_its_threshold_makes_few_versions(
    client: Client, db: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku, place = await client.stocked(5)
    await thresholds(client, sku, place, safety_stock=10)
    await closed_when_restocked(client, sku, place)
    for _ in range(4):
        await opened(client, pb2.ALARM_KIND_LOW_STOCK, sku=sku, location=place)
        await client.adjust(sku, place, 20)
        await looked_at(client)
        await client.adjust(sku, place, -20)
        await looked_at(client)
    await client.adjust(sku, place, 20)
    await looked_at(client)
    alarm = await opened(client, pb2.ALARM_KIND_LOW_STOCK, sku=sku, location=place)
    events = await db.fetch("SELECT event FROM alarm_version WHERE subject ->> 'sku' = $1 ORDER BY revision", sku)
    assert [row["event"] for row in events] == [1, 3, 1]
    monkeypatch.setattr("inventory.postgres.alarms.CLOSED_AGAIN_AFTER", timedelta(0))
    monkeypatch.setattr("inventory.alarms.stock.HELD_S", 0.0)
    await closed(client, alarm)  # its level moves no more


async def test_who_has_acknowledged_an_alarm_is_told_when_it_comes_again(client: Client) -> None:
    sku, place = await client.stocked(5)
    await thresholds(client, sku, place, safety_stock=10)
    await closed_when_restocked(client, sku, place)
    alarm = await opened(client, pb2.ALARM_KIND_LOW_STOCK, sku=sku, location=place)
    await client.alarms.AcknowledgeAlarm(pb2.AcknowledgeAlarmRequest(request_id=new_id(), alarm_id=alarm.alarm_id))
    await client.adjust(sku, place, 20)
    await closed(client, alarm)
    await client.adjust(sku, place, -20)
    again = await opened(client, pb2.ALARM_KIND_LOW_STOCK, sku=sku, location=place)
    assert not again.HasField("acknowledged_at")


async def closed_when_restocked(client: Client, sku: str, place: str) -> None:
    alarm = await opened(client, pb2.ALARM_KIND_LOW_STOCK, sku=sku, location=place)
    await client.adjust(sku, place, 20)
    await closed(client, alarm)
    await client.adjust(sku, place, -20)


async def looked_at(client: Client) -> None:
    """All that was committed before: what comes after it opens an alarm."""
    other, elsewhere = await client.stocked(3)
    await thresholds(client, other, elsewhere, safety_stock=4)
    await opened(client, pb2.ALARM_KIND_LOW_STOCK, sku=other)


async def test_a_threshold_that_is_taken_away_closes_its_alarm(client: Client) -> None:
    sku, place = await client.stocked(1)
    await thresholds(client, sku, place, reorder_point=1)
    alarm = await opened(client, pb2.ALARM_KIND_REORDER_POINT, sku=sku, location=place)
    await thresholds(client, sku, place)
    await closed(client, alarm)


async def test_what_is_promised_beyond_the_shelf_is_an_alarm_until_goods_are_there(client: Client) -> None:
    sku, place = await client.stocked(1)
    await client.allow_backorders(sku, place, 5)
    await client.reserve((sku, place, 3), ttl=None)
    alarm = await opened(client, pb2.ALARM_KIND_OVERSELL_USED, sku=sku, location=place)
    assert alarm.details["backordered"] == "2"
    await client.adjust(sku, place, 2)
    await closed(client, alarm)


async def test_what_changed_while_no_server_ran_is_found_by_the_next(dsn: str) -> None:
    async with serving(dsn) as running:
        client = Client(running.address)
        sku, place = await client.stocked(9)
        await thresholds(client, sku, place, safety_stock=3)
        await client.close()
    connection = await running.connect()
    await connection.execute("UPDATE alarm_cursor SET revision = 0 WHERE name = 'stock'")
    await connection.close()
    async with serving(dsn) as running:
        client = Client(running.address)
        await client.adjust(sku, place, -8)
        await opened(client, pb2.ALARM_KIND_LOW_STOCK, sku=sku)
        await client.close()


async def test_stock_that_was_low_before_there_were_alarms_is_found(dsn: str) -> None:
    async with serving(dsn) as running:
        client = Client(running.address)
        sku, place = await client.stocked(1)
        await thresholds(client, sku, place, safety_stock=3)
        await opened(client, pb2.ALARM_KIND_LOW_STOCK, sku=sku)
        await client.close()
    connection = await running.connect()
    await connection.execute("DELETE FROM alarm")
    await connection.execute("UPDATE alarm_cursor SET sku_id = 0, location_id = 0 WHERE name = 'stock'")
    await connection.close()
    async with serving(dsn) as running:
        client = Client(running.address)
        await opened(client, pb2.ALARM_KIND_LOW_STOCK, sku=sku)
        await client.close()


# The feed


async def test_opening_acknowledging_and_closing_are_changes_of_the_feed(client: Client) -> None:
    sku, place = await client.stocked(5)
    request = watch_pb2.WatchRequest(now={}, kinds=[watch_pb2.CHANGE_KIND_ALARM])
    stream = client.watch.Watch(request)
    assert (await anext(aiter(stream))).HasField("bookmark")
    await thresholds(client, sku, place, safety_stock=6)
    alarm = await opened(client, pb2.ALARM_KIND_LOW_STOCK, sku=sku)
    answer = await client.alarms.AcknowledgeAlarm(
        pb2.AcknowledgeAlarmRequest(request_id=new_id(), alarm_id=alarm.alarm_id, note="more is on its way")
    )
    await client.adjust(sku, place, 10)
    told: list[tuple[int, pb2.Alarm]] = []
    async for message in stream:
        for change in message.changes:
            told += [(change.revision, each) for each in change.alarms if each.alarm_id == alarm.alarm_id]
        if len(told) == 3:
            break
    stream.cancel()
    (_, first), (at, second), (_, third) = told
    assert (first.HasField("acknowledged_at"), first.HasField("closed_at")) == (False, False)
    assert (second.note, second.HasField("closed_at")) == ("more is on its way", False)
    assert at == answer.revision
    assert third.HasField("closed_at")
    assert dict(first.subject) == {"sku": sku, "location": place}


async def test_a_snapshot_has_the_alarms_that_are_open(client: Client) -> None:
    sku, place = await client.stocked(1)
    await thresholds(client, sku, place, safety_stock=2)
    alarm = await opened(client, pb2.ALARM_KIND_LOW_STOCK, sku=sku)
    over, there = await client.stocked(1)
    await thresholds(client, over, there, safety_stock=2)
    gone = await opened(client, pb2.ALARM_KIND_LOW_STOCK, sku=over)
    await thresholds(client, over, there)
    await closed(client, gone)
    request = watch_pb2.WatchRequest(snapshot={}, kinds=[watch_pb2.CHANGE_KIND_ALARM])
    stream = client.watch.Watch(request)
    shown: set[str] = set()
    async for message in stream:
        shown.update(each.alarm_id for each in message.alarms)
        if message.snapshot_complete:
            break
    stream.cancel()
    assert alarm.alarm_id in shown
    assert gone.alarm_id not in shown


# Subscribers


async def test_a_subscriber_that_lags_or_is_lost_is_an_alarm(client: Client) -> None:
    channel = unique("ch")[:30]
    metadata = (("inventory-channel", channel),)
    await client.subscribers.RegisterSubscriber(
        subscriber_pb2.RegisterSubscriberRequest(name="erp", lag_changes_max=4), metadata=metadata
    )
    sku, place = await client.stocked(1)
    last = 0
    for _ in range(5):
        last = (await client.adjust(sku, place, 1)).revision
    alarm = await opened(client, pb2.ALARM_KIND_SUBSCRIBER_LAGGING, channel=channel, subscriber="erp")
    await client.subscribers.Acknowledge(
        subscriber_pb2.AcknowledgeRequest(name="erp", cursor=core_pb2.Cursor(revision=last)), metadata=metadata
    )
    await closed(client, alarm)
    await client.subscribers.RegisterSubscriber(
        subscriber_pb2.RegisterSubscriberRequest(name="erp", deadline={"seconds": 1}), metadata=metadata
    )
    lost = await opened(client, pb2.ALARM_KIND_SUBSCRIBER_LOST, channel=channel, subscriber="erp")
    assert lost.severity == pb2.ALARM_SEVERITY_CRITICAL
    await client.subscribers.RemoveSubscriber(subscriber_pb2.RemoveSubscriberRequest(name="erp"), metadata=metadata)
    await closed(client, lost)


# Channels


async def test_many_failed_calls_of_a_channel_are_an_alarm_that_ends_when_nobody_sees_it(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "UNSEEN_CLOSES", timedelta(seconds=0.5))
    channel = unique("ch")[:30]
    for _ in range(12):
        refused = await refusal(
            client.stock.GetStock(stock_pb2.GetStockRequest(), metadata=(("inventory-channel", channel),))
        )
        assert refused.code == "INVALID_ARGUMENT"
    alarm = await opened(client, pb2.ALARM_KIND_COMMUNICATION_ERRORS, channel=channel)
    assert alarm.details["most_with"] == "INVALID_ARGUMENT"
    await closed(client, alarm)


async def test_definite_answers_are_no_communication_errors(client: Client) -> None:
    channel = unique("ch")[:30]
    for _ in range(12):
        await refusal(
            client.stock.GetStock(
                stock_pb2.GetStockRequest(sku="none", location="none"), metadata=(("inventory-channel", channel),)
            )
        )
    sku, place = await client.stocked(1)
    await thresholds(client, sku, place, safety_stock=2)
    await opened(client, pb2.ALARM_KIND_LOW_STOCK, sku=sku)  # the servers have looked
    assert await about(client, pb2.ALARM_KIND_COMMUNICATION_ERRORS, channel=channel) == []


# Drift


async def test_drift_is_opened_once_and_closed_by_a_reconciliation_that_finds_none(
    client: Client, server: Server, reader: Reader
) -> None:
    database, channel = Database(server.dsn), unique("ch")[:30]
    wrong = Drift(channel, "on_hand", 3, "r")
    assert len(await tell_drift(reader, database, wrong)) == 1
    assert await tell_drift(reader, database, wrong) == []
    assert await tell_drift(reader, database, wrong._replace(wrong=8, reconciliation_id="s")) == []
    [again] = await alarms(client, channel=channel)
    assert again.summary.startswith("8 of"), "an open one tells the last figures"
    assert (again.details["wrong"], again.details["reconciliation_id"]) == ("8", "s")
    assert len(await tell_drift(reader, database, wrong._replace(counted="available"))) == 1
    [told] = await tell_drift(reader, database, wrong._replace(wrong=0))
    assert (told.alarm.subject["counted"], told.alarm.closed_at is None) == ("on_hand", False)
    assert [alarm.subject["counted"] for alarm in await alarms(client, channel=channel, include_closed=False)] == [
        "available"
    ]
    assert len(await tell_drift(reader, database, wrong)) == 1, "it may drift again"


async def test_a_reconciliation_with_wrong_numbers_is_an_alarm_until_the_next_one_has_none(client: Client) -> None:
    channel = unique("ch")[:30]
    sku, place = await client.stocked(10)
    by = (("inventory-channel", channel),)
    await reconcile(client, ON_HAND, [(sku, place, 9)], metadata=by)
    alarm = await opened(client, pb2.ALARM_KIND_DRIFT, channel=channel, counted="on_hand")
    assert alarm.details["wrong"] == "1"
    await reconcile(client, ON_HAND, [(sku, place, 10)], metadata=by)
    await closed(client, alarm)


# Promises


async def test_a_broken_promise_is_found_named_and_closed_when_it_is_mended(
    client: Client, db: asyncpg.Connection
) -> None:
    sku, place = await client.stocked(10)
    await client.hold((sku, place, 4))
    level = "(SELECT sku_id FROM sku WHERE code = $1)"
    await db.execute(f"UPDATE level SET held = held + 1 WHERE sku_id = {level}", sku)
    promises = await opened(client, pb2.ALARM_KIND_INVARIANT_BROKEN, sku=sku, promise="I2 promises")
    assert promises.subject["location"] == place
    assert (promises.details["held"], promises.details["held_by_lines"]) == ("5", "4")
    assert promises.severity == pb2.ALARM_SEVERITY_CRITICAL
    last = await opened(client, pb2.ALARM_KIND_INVARIANT_BROKEN, sku=sku, promise="I3 last movement")
    await db.execute(f"UPDATE level SET held = held - 1 WHERE sku_id = {level}", sku)
    await closed(client, promises)
    await closed(client, last)


async def test_a_broken_chain_is_found(client: Client, db: asyncpg.Connection) -> None:
    sku, place = await client.stocked(10)
    await client.adjust(sku, place, 5)
    change = (
        "UPDATE movement SET on_hand_delta = on_hand_delta + $2 WHERE sku_id = (SELECT sku_id FROM sku WHERE code = $1)"
    )
    async with db.transaction():
        await db.execute("ALTER TABLE movement DISABLE TRIGGER movement_is_append_only")
        await db.execute(f"{change} AND on_hand_after = 15", sku, 1)
        await db.execute("ALTER TABLE movement ENABLE TRIGGER movement_is_append_only")
    alarm = await opened(client, pb2.ALARM_KIND_INVARIANT_BROKEN, sku=sku, promise="I3 chain")
    async with db.transaction():
        await db.execute("ALTER TABLE movement DISABLE TRIGGER movement_is_append_only")
        await db.execute(f"{change} AND on_hand_after = 15", sku, -1)
        await db.execute("ALTER TABLE movement ENABLE TRIGGER movement_is_append_only")
    await closed(client, alarm)


async def test_a_revision_without_rows_is_found(dsn: str) -> None:
    async with serving(dsn) as running:
        client = Client(running.address)
        await client.stocked(1)
        connection = await running.connect()
        revision = await connection.fetchval("UPDATE feed_head SET revision = revision + 1 RETURNING revision")
        await connection.close()
        alarm = await opened(client, pb2.ALARM_KIND_INVARIANT_BROKEN, promise="dense order", revision=str(revision))
        assert alarm.details["missing"] == "1"
        await client.close()


# Credentials


async def test_a_token_that_will_expire_is_an_alarm_until_there_is_another(
    client: Client, db: asyncpg.Connection
) -> None:
    channel = unique("ch")[:30]
    await db.execute("INSERT INTO channel (code) VALUES ($1)", channel)
    key_id = await _put_token(db, channel, age=timedelta(days=60), lasts=timedelta(days=3))
    alarm = await opened(client, pb2.ALARM_KIND_CREDENTIAL_EXPIRING, channel=channel, key_id=key_id)
    assert "token" in alarm.summary
    await _put_token(db, channel, age=timedelta(0), lasts=None)
    await closed(client, alarm)


async def test_a_token_for_a_day_is_no_alarm_before_its_last_hours_nor_once_it_is_renewed(
    client: Client, db: asyncpg.Connection
) -> None:
    fresh, old = unique("ch")[:30], unique("ch")[:30]
    for channel in (fresh, old):
        await db.execute("INSERT INTO channel (code) VALUES ($1)", channel)
    await _put_token(db, fresh, age=timedelta(hours=21), lasts=timedelta(hours=3))
    key_id = await _put_token(db, old, age=timedelta(hours=22), lasts=timedelta(hours=2))
    alarm = await opened(client, pb2.ALARM_KIND_CREDENTIAL_EXPIRING, channel=old, key_id=key_id)
    assert await about(client, pb2.ALARM_KIND_CREDENTIAL_EXPIRING, channel=fresh) == []
    await _put_token(db, old, age=timedelta(0), lasts=timedelta(days=1))
    await closed(client, alarm)


async def _put_token(db: asyncpg.Connection, channel: str, *, age: timedelta, lasts: timedelta | None) -> str:
    """Its key id."""
    key_id = uuid4().hex[:12]
    await db.execute(
        "INSERT INTO credential (key_id, channel_id, kind, digest, name, created_at, expires_at)"
        " SELECT $2, channel_id, 1, sha256(convert_to($2, 'UTF8')), '', now() - $3::interval, now() + $4::interval"
        " FROM channel WHERE code = $1",
        channel,
        key_id,
        age,
        lasts,
    )
    return key_id


async def test_the_server_s_own_certificate_is_looked_at(tmp_path: Path) -> None:
    from inventory.alarms.certificate import own_certificate

    assert own_certificate(None, "here") == ()
    assert own_certificate(tmp_path / "none.pem", "here") == ()


# The service


async def test_alarms_are_listed_in_pages_newest_first(client: Client, server: Server, reader: Reader) -> None:
    channel = unique("ch")[:30]
    for number in range(5):
        await tell_drift(reader, Database(server.dsn), Drift(channel, f"S{number}", 1, "r"))
    await tell_drift(reader, Database(server.dsn), Drift(channel, "S1", 0, "r"))
    request = pb2.ListAlarmsRequest(page_size=2, channel=channel)
    listed: list[str] = []
    while True:
        answer = await client.alarms.ListAlarms(request)
        listed += [alarm.subject["counted"] for alarm in answer.alarms]
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    assert listed == ["S4", "S3", "S2", "S0"]
    everything = await alarms(client, channel=channel)
    assert [alarm.subject["counted"] for alarm in everything] == ["S4", "S3", "S2", "S1", "S0"]
    assert await alarms(client, channel=channel, kind=pb2.ALARM_KIND_LOW_STOCK) == []


async def test_an_acknowledgement_has_one_effect_and_names_who_was_first(
    client: Client, server: Server, reader: Reader
) -> None:
    channel = unique("ch")[:30]
    [told] = await tell_drift(reader, Database(server.dsn), Drift(channel, "A", 1, "r"))
    request = pb2.AcknowledgeAlarmRequest(request_id=new_id(), alarm_id=str(told.alarm.alarm_id), note="known")
    by = (("inventory-channel", "office"), ("inventory-operator", "Ola"))
    tried = await client.alarms.AcknowledgeAlarm(
        pb2.AcknowledgeAlarmRequest(request_id=new_id(), alarm_id=request.alarm_id, validate_only=True), metadata=by
    )
    assert tried.alarm.HasField("acknowledged_at")
    first = await client.alarms.AcknowledgeAlarm(request, metadata=by)
    again = await client.alarms.AcknowledgeAlarm(request, metadata=by)
    assert (first.alarm.acknowledged_by, first.alarm.note, first.replayed) == ("office/Ola", "known", False)
    assert again.replayed
    assert again.alarm == first.alarm
    other = await client.alarms.AcknowledgeAlarm(
        pb2.AcknowledgeAlarmRequest(request_id=new_id(), alarm_id=request.alarm_id, note="me too")
    )
    assert (other.revision, other.alarm) == (0, first.alarm)
    changed = pb2.AcknowledgeAlarmRequest(request_id=request.request_id, alarm_id=request.alarm_id, note="other")
    assert (await refusal(client.alarms.AcknowledgeAlarm(changed, metadata=by))).reason == "REQUEST_ID_REUSED"


@pytest.mark.parametrize(
    ("request_", "code", "reason"),
    [
        (pb2.AcknowledgeAlarmRequest(alarm_id=str(uuid4())), "INVALID_ARGUMENT", "REQUEST_ID_REQUIRED"),
        (pb2.AcknowledgeAlarmRequest(request_id=new_id()), "INVALID_ARGUMENT", "ALARM_ID_FORMAT"),
        (pb2.AcknowledgeAlarmRequest(request_id=new_id(), alarm_id="7"), "INVALID_ARGUMENT", "ALARM_ID_FORMAT"),
        (pb2.AcknowledgeAlarmRequest(request_id=new_id(), alarm_id=str(uuid4())), "NOT_FOUND", "ALARM_NOT_FOUND"),
        (
            pb2.AcknowledgeAlarmRequest(request_id=new_id(), alarm_id=str(uuid4()), note="x" * 513),
            "INVALID_ARGUMENT",
            "TEXT_FORMAT",
        ),
        (pb2.ListAlarmsRequest(kind=99), "INVALID_ARGUMENT", "FIELD_REQUIRED"),  # type: ignore[arg-type]  # no kind
        (pb2.ListAlarmsRequest(channel="NO"), "INVALID_ARGUMENT", "CHANNEL_FORMAT"),
        (pb2.ListAlarmsRequest(page_size=-1), "INVALID_ARGUMENT", "PAGE_SIZE_INVALID"),
        (pb2.ListAlarmsRequest(page_token="x"), "INVALID_ARGUMENT", "PAGE_TOKEN_INVALID"),
        (pb2.ListDeliveriesRequest(alarm_id="x"), "INVALID_ARGUMENT", "ALARM_ID_FORMAT"),
        (pb2.ListDeliveriesRequest(page_token="x"), "INVALID_ARGUMENT", "PAGE_TOKEN_INVALID"),
    ],
    ids=[
        "no request_id", "no alarm_id", "no UUID", "not there", "long note", "kind", "channel", "page size",
        "page token", "alarm of deliveries", "page token of deliveries",
    ],
)  # fmt: skip
async def test_bad_input_is_refused(client: Client, request_: Any, code: str, reason: str) -> None:
    method = getattr(client.alarms, type(request_).__name__.removesuffix("Request"))
    refused = await refusal(method(request_))
    assert (refused.code, refused.reason) == (code, reason)


async def test_what_is_open_is_counted_cheaply(client: Client, reader: Reader) -> None:
    sku, place = await client.stocked(1)
    await thresholds(client, sku, place, reorder_point=2)
    await opened(client, pb2.ALARM_KIND_REORDER_POINT, sku=sku)
    listed = await alarms(client, include_closed=False, kind=pb2.ALARM_KIND_REORDER_POINT)

    async def is_counted() -> bool:
        counts = {count.kind.value: count.open for count in await count_open(reader)}
        return counts.get(pb2.ALARM_KIND_REORDER_POINT, 0) >= len(listed) >= 1

    await eventually(is_counted, "the open alarms are counted")


async def test_in_a_watch_they_take_the_scope_of_reports_too(dsn: str) -> None:
    async with AsyncExitStack() as stack:
        admin = await first_admin(Database(dsn))
        client = Client(await start(Settings(listen="127.0.0.1:0", development=False), dsn, stack))
        stack.push_async_callback(client.close)
        access = AccessServiceStub(client.channel)
        by = (("authorization", f"Bearer {admin}"),)
        request = watch_pb2.WatchRequest(now={}, kinds=[watch_pb2.CHANGE_KIND_ALARM])

        async def let_in(channel: str, *scopes: access_pb2.Scope) -> tuple[tuple[str, str], ...]:
            wished = access_service_pb2.Access(scopes=scopes)
            await access.SetAccess(
                access_service_pb2.SetAccessRequest(request_id=new_id(), channel=channel, access=wished), metadata=by
            )
            made = await access.CreateToken(
                access_service_pb2.CreateTokenRequest(request_id=new_id(), channel=channel), metadata=by
            )
            return (("authorization", f"Bearer {made.token}"),)

        async def follows(metadata: tuple[tuple[str, str], ...]) -> watch_pb2.WatchResponse:
            stream = client.watch.Watch(request, metadata=metadata)
            message: watch_pb2.WatchResponse = await anext(aiter(stream))
            stream.cancel()
            return message

        only = await let_in("only", access_pb2.SCOPE_WATCH)
        both = await let_in("both", access_pb2.SCOPE_WATCH, access_pb2.SCOPE_REPORT)

        async def is_known() -> bool:
            return (await refusal(follows(only))).reason == "SCOPE_REQUIRED"

        await eventually(is_known, "the token is known, and its scope isn't enough")
        assert (await follows(both)).HasField("bookmark")
