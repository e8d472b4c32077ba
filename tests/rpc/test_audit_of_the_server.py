"""What the server does of itself, and what is kept beside stock: each has its entry of the audit trail too."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from inventory.domain.alarm import Drift
from inventory.domain.audit import SERVER
from inventory.domain.reconciliation import ReconciliationKind
from inventory.domain.subscriber import SubscriberState
from inventory.postgres import reconciliation, replicas
from inventory.postgres.alarms import tell_drift
from inventory.postgres.connection import Database
from inventory.postgres.reads import Reader
from inventory.v1 import audit_service_pb2 as pb2
from inventory.v1 import subscriber_service_pb2 as subscriber_pb2
from inventory.v1.channel_service_pb2 import GetChannelRequest
from tests.conftest import as_server
from tests.rpc.client import Client, Server, eventually, unique
from tests.rpc.reconciling import ON_HAND, begin, reconcile
from tests.rpc.test_audit import AT_TILL_7, entries, verified

DAYS = timedelta(days=400)


@pytest.fixture
async def reader(server: Server) -> AsyncIterator[Reader]:
    opened = await Reader.open(Database(as_server(server.dsn)))
    yield opened
    await opened.close()


async def of_action(client: Client, action: str) -> list[tuple[pb2.AuditEntry, Any]]:
    """Entries with what stands in their details, newest first."""
    return [(entry, json.loads(entry.detail)) for entry in await entries(client) if entry.action == action]


async def test_alarms_opened_and_closed_are_told_with_what_was_before(
    client: Client, server: Server, reader: Reader
) -> None:
    database, channel = Database(server.dsn), unique("ch")[:30]
    for wrong in (3, 3, 0):
        await tell_drift(reader, database, Drift(channel, "on_hand", wrong, "r"))
    closed, opened = (await of_action(client, "TellAlarms"))[:2]
    assert [detail for _, detail in (opened, closed)] == [{"opened": 1, "closed": 0}, {"opened": 0, "closed": 1}]
    assert (opened[0].operator, opened[0].channel, closed[0].revision) == ("server", "", opened[0].revision + 1)
    [change] = opened[0].changes
    assert (change.kind, change.before, json.loads(change.after)["closed_at"]) == ("alarm", "", None)
    [change] = closed[0].changes
    assert json.loads(change.before)["closed_at"] is None
    assert json.loads(change.after)["closed_at"] is not None
    assert json.loads(change.after)["subject"] == {"channel": channel, "counted": "on_hand"}
    assert await verified(server) == []


async def test_a_subscriber_s_state_is_told_with_what_was_before(client: Client, db: asyncpg.Connection) -> None:
    name = unique("books")
    made = await client.subscribers.RegisterSubscriber(subscriber_pb2.RegisterSubscriberRequest(name=name))

    async def told() -> list[tuple[pb2.AuditEntry, Any]]:
        return [each for each in await of_action(client, "MoveSubscriber") if each[1]["name"] == name]

    await db.execute("UPDATE subscriber SET acknowledged_at = now() - interval '2 days' WHERE name = $1", name)
    await eventually(lambda: _are(told, 1), "it is lost")
    here = subscriber_pb2.AcknowledgeRequest(name=name, cursor=made.subscriber.acknowledged)
    await client.subscribers.Acknowledge(here)
    await eventually(lambda: _are(told, 2), "it is back")
    back, lost = await told()
    assert [(detail["before"], detail["after"]) for _, detail in (lost, back)] == [
        ("FOLLOWING", "LOST"),
        ("LOST", "FOLLOWING"),
    ]
    [change] = back[0].changes
    assert (change.kind, change.subject, back[0].operator) == ("subscriber", f"default {name}", "server")
    assert json.loads(change.before)["state"] == SubscriberState.LOST
    assert json.loads(change.after)["state"] == SubscriberState.FOLLOWING


async def _are(look: Callable[[], Awaitable[Sequence[object]]], number: int) -> bool:
    return len(await look()) == number


async def test_a_revision_without_an_entry_is_found_out(client: Client, server: Server) -> None:
    connection = await server.connect()
    try:
        await client.sku()
        before = await connection.fetchrow("SELECT * FROM feed_head")
        assert before is not None
        revision = before["revision"]
        await connection.execute("UPDATE feed_head SET revision = revision + 1")
        assert await verified(server) == [f"revision {revision + 1} has no entry"]
        await connection.execute("UPDATE feed_head SET revision = $1", revision)
        for table in ("alarm_version", "subscriber_version"):
            await connection.execute(FORGED[table], revision + 5)
            assert await verified(server) == [f"revision {revision + 5} has no entry"], table
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            await connection.execute(f"DELETE FROM {table} WHERE revision = $1", revision + 5)
            await connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    finally:
        await connection.close()


FORGED = {
    "alarm_version": (
        "INSERT INTO alarm_version (revision, alarm_id, event, kind, subject, severity, summary, details, opened_at,"
        " last_seen_at, recorded_at) VALUES ($1, gen_random_uuid(), 1, 1, '{}', 1, '', '{}', now(), now(), now())"
    ),
    "subscriber_version": (
        "INSERT INTO subscriber_version (revision, channel_id, name, acknowledged, acknowledged_at, registered_at,"
        " deadline, state, lag_changes, lag, recorded_at)"
        " VALUES ($1, 1, '', 0, now(), now(), '1 s', 1, 0, '0', now())"
    ),
}


async def test_a_channel_met_for_the_first_time_is_told_once(client: Client) -> None:
    channel = unique("ch")[:30]
    for _ in range(2):
        await client.channels.GetChannel(GetChannelRequest(), metadata=(("inventory-channel", channel),))
    found = [entry for entry in await entries(client, channel=channel) if entry.action == "MakeChannel"]
    assert [(entry.operator, json.loads(entry.detail)) for entry in found] == [("server", {"channel": channel})]


async def test_a_reconciliation_is_told_when_it_begins_and_with_what_came_of_it(client: Client) -> None:
    sku, place = await client.stocked(5)
    heard = await reconcile(client, ON_HAND, [(sku, place, 5), (sku, "nowhere", 7)], metadata=AT_TILL_7)
    ended, begun = (await of_action(client, "Reconcile"))[:2]
    identity = heard.last.reconciliation_id
    assert begun[1] == {"reconciliation_id": identity, "state": "OPEN", "kind": "ON_HAND", "reference": ""}
    counts = {"equal": 1, "behind": 0, "drift": 0, "unknown": 1, "missing": 0, "settings_changed": 0}
    assert ended[1] == {"reconciliation_id": identity, "state": "FINISHED", **counts}
    assert [(each.channel, each.operator) for each, _ in (begun, ended)] == [("till-7", "Ewa")] * 2


async def test_a_reconciliation_given_up_is_told_whoever_gives_it_up(
    client: Client, reader: Reader, db: asyncpg.Connection
) -> None:
    call = client.reconciliations.Reconcile(metadata=AT_TILL_7)
    await call.write(begin(ON_HAND))
    await call.read()
    call.cancel()
    identity = uuid4()
    channel_id = await reader.channel_id("till-7")
    await reconciliation.begin(reader, SERVER, identity, channel_id, ReconciliationKind.ON_HAND, "")
    await db.execute(
        "UPDATE reconciliation SET heard_at = heard_at - interval '1 day' WHERE reconciliation_id = $1", identity
    )
    assert await reconciliation.abandon(reader, timedelta(hours=1)) == 1
    assert await reconciliation.abandon(reader, timedelta(hours=1)) == 0

    async def are_told() -> bool:
        told = [each for each in await of_action(client, "Reconcile") if each[1]["state"] == "UNFINISHED"]
        return sorted((each.channel, each.operator) for each, _ in told) == [("till-7", "Ewa"), ("till-7", "server")]

    await eventually(are_told, "both have their entry")


async def test_what_is_forgotten_is_told_with_how_much(client: Client, reader: Reader, db: asyncpg.Connection) -> None:
    for _ in range(3):
        await client.sku()
    kept = await db.fetchval("SELECT count(*) FROM request")
    await db.execute("UPDATE request SET recorded_at = now() - $1::interval", DAYS)
    assert await reader.forget_requests(timedelta(days=8), kept - 1) == kept - 1
    assert await reader.forget_requests(timedelta(days=8), kept) == 1
    assert await reader.forget_requests(timedelta(days=8), kept) == 0
    for number in range(2):
        await replicas.beat(reader, uuid4(), f"a:{number}", "1")
    await db.execute("UPDATE replica SET seen_at = now() - $1::interval", DAYS)
    await replicas.forget(reader)
    await replicas.forget(reader)
    await reconcile(client, ON_HAND, [("none", "none", 1)])
    await db.execute("UPDATE reconciliation SET begun_at = now() - $1::interval", DAYS)
    [(reconciliations, answers)] = await db.fetch(
        "SELECT (SELECT count(*) FROM reconciliation), (SELECT count(*) FROM reconciliation_row)"
    )
    while any(await reconciliation.forget(reader, timedelta(days=90), 1_000)):
        pass
    told = {action: [each for _, each in await of_action(client, action)] for action in FORGETS}
    assert told["ForgetRequests"] == [{"requests": 1}, {"requests": kept - 1}]
    assert told["ForgetReplicas"] == [{"replicas": 2}]
    forgotten = told["ForgetReconciliations"]
    assert sum(each["answers"] for each in forgotten) == answers
    assert sum(each["reconciliations"] for each in forgotten) == reconciliations


FORGETS = ("ForgetRequests", "ForgetReplicas", "ForgetReconciliations")


async def test_how_far_a_subscriber_has_come_is_no_change(client: Client) -> None:
    name = unique("books")
    registered = await client.subscribers.RegisterSubscriber(subscriber_pb2.RegisterSubscriberRequest(name=name))
    before = await entries(client)
    await client.subscribers.Acknowledge(
        subscriber_pb2.AcknowledgeRequest(name=name, cursor=registered.subscriber.acknowledged)
    )
    assert await entries(client) == before
