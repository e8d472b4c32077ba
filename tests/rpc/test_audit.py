"""The audit trail: one entry for each change, and none can be changed unnoticed."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest

from inventory.postgres import audit
from inventory.postgres.connection import Database
from inventory.v1 import audit_service_pb2 as pb2
from inventory.v1 import (
    catalog_service_pb2,
    channel_service_pb2,
    reservation_service_pb2,
    stock_service_pb2,
    subscriber_service_pb2,
)
from inventory.v1.audit_service_pb2_grpc import AuditServiceStub
from tests.rpc.client import Client, Server, eventually, new_id, refusal, reserve_request, seconds

AT_TILL_7 = (("inventory-channel", "till-7"), ("inventory-operator", "Ewa"))


async def entries(client: Client, **wanted: Any) -> list[pb2.AuditEntry]:
    found = await AuditServiceStub(client.channel).ListAuditEntries(
        pb2.ListAuditEntriesRequest(page_size=1000, with_changes=True, **wanted)
    )
    return list(found.entries)


async def one(client: Client, request_id: str) -> pb2.AuditEntry:
    (found,) = await entries(client, request_id=request_id)
    return found


async def test_a_reservation_s_life_is_told_with_who_and_what(client: Client) -> None:
    sku, location = await client.stocked(10)
    request_id = new_id()
    held = await client.reserve((sku, location, 3), metadata=AT_TILL_7, request_id=request_id)
    found = await one(client, request_id)
    assert (found.revision, found.channel, found.operator, found.action) == (held.revision, "till-7", "Ewa", "Reserve")
    assert found.peer.startswith("ipv4:127.0.0.1:")
    assert found.code == 0
    (change,) = found.changes
    assert (change.kind, change.subject) == ("stock", f"{sku}@{location}")
    assert '"held": 0' in change.before
    assert '"held": 3' in change.after
    again = await client.reserve((sku, location, 3), metadata=AT_TILL_7, request_id=request_id)
    assert again.replayed
    assert len(await entries(client, request_id=request_id)) == 1


async def test_what_is_refused_has_an_entry_too(client: Client) -> None:
    sku, location = await client.stocked(1)
    request_id = new_id()
    await refusal(client.reserve((sku, location, 3), request_id=request_id))
    found = await one(client, request_id)
    assert (found.code, found.revision, list(found.changes)) == (9, 0, [])
    assert found in await entries(client, refused=True)


async def test_what_is_only_tried_has_none(client: Client) -> None:
    sku, location = await client.stocked(5)
    request_id = new_id()
    await client.reserve((sku, location, 3), request_id=request_id, validate_only=True)
    assert await entries(client, request_id=request_id) == []


async def test_a_hold_that_runs_out_is_the_server_s_own_doing(client: Client) -> None:
    sku, location = await client.stocked(5)
    await client.reserve((sku, location, 2), hold_ttl=seconds(1))

    async def is_swept() -> bool:
        found = await entries(client)
        return any(
            entry.action == "Expire" and entry.operator == "server" and entry.changes[0].subject == f"{sku}@{location}"
            for entry in found
            if entry.changes
        )

    await eventually(is_swept, "the expiry has its entry")


async def test_before_and_after_of_what_no_movement_tells(client: Client) -> None:
    sku, location = await client.stocked(5)
    for safety_stock, before in ((2, "[null, null, null]"), (4, "[2, null, null]")):
        request_id = new_id()
        await client.stock.SetThresholds(
            stock_service_pb2.SetThresholdsRequest(
                request_id=request_id, sku=sku, location=location, safety_stock=safety_stock
            )
        )
        found = await one(client, request_id)
        assert found.detail == f'{{"before": {before}, "after": [{safety_stock}, null, null]}}'
    held = await client.hold((sku, location, 1))
    request_id = new_id()
    await client.reservations.Extend(
        reservation_service_pb2.ExtendRequest(request_id=request_id, reservation_id=held, ttl=seconds(3600))
    )
    assert (await one(client, request_id)).detail.count("+00:00") == 2


async def test_the_catalogue_and_channels_are_told_with_what_was_before(client: Client) -> None:
    sku = await client.sku(name="Pear")
    request_id = new_id()
    await client.catalog.UpdateSku(
        catalog_service_pb2.UpdateSkuRequest(
            request_id=request_id, sku=catalog_service_pb2.Sku(sku=sku, name="Apple", active=True)
        )
    )
    found = await one(client, request_id)
    (change,) = found.changes
    assert (found.action, change.kind, change.subject) == ("UpdateSku", "sku", sku)
    assert '"name": "Pear"' in change.before
    assert '"name": "Apple"' in change.after
    request_id = new_id()
    channel = channel_service_pb2.Channel(channel="audited", name="One")
    await client.channels.SetChannel(channel_service_pb2.SetChannelRequest(request_id=request_id, channel=channel))
    found = await one(client, request_id)
    assert [(change.kind, change.subject, change.before) for change in found.changes] == [("channel", "audited", "")]


async def test_who_follows_by_name_is_told_when_it_comes_and_goes(client: Client) -> None:
    name = f"books-{new_id()[:8]}"
    register = subscriber_service_pb2.RegisterSubscriberRequest
    for lag_changes_max in (None, None, 7, 7):
        request = register(name=name, lag_changes_max=lag_changes_max)
        await client.subscribers.RegisterSubscriber(request, metadata=AT_TILL_7)
    await client.subscribers.RemoveSubscriber(
        subscriber_service_pb2.RemoveSubscriberRequest(name=name), metadata=AT_TILL_7
    )
    await client.subscribers.RemoveSubscriber(subscriber_service_pb2.RemoveSubscriberRequest(name=name))
    found = [entry for entry in await entries(client, channel="till-7") if name in entry.detail]
    assert [entry.action for entry in found] == ["RemoveSubscriber", "RegisterSubscriber", "RegisterSubscriber"]
    assert {entry.operator for entry in found} == {"Ewa"}
    first = {"deadline_s": 86400.0, "lag_changes_max": None, "lag_max_s": None}
    second = {**first, "lag_changes_max": 7}
    assert [json.loads(entry.detail) for entry in found] == [
        {"name": name, "before": second},
        {"name": name, "before": first, "after": second},
        {"name": name, "before": None, "after": first},
    ]


async def test_many_who_register_at_once_wait_for_each_other_and_not_in_a_circle(client: Client) -> None:
    sku, location = await client.stocked(100)
    names = [f"crowd-{number}" for number in range(20)]
    register = [
        client.subscribers.RegisterSubscriber(subscriber_service_pb2.RegisterSubscriberRequest(name=name))
        for name in names * 2
    ]
    await asyncio.gather(*register, *(client.reserve((sku, location, 1)) for _ in range(50)))
    remove = [
        client.subscribers.RemoveSubscriber(subscriber_service_pb2.RemoveSubscriberRequest(name=name))
        for name in names * 2
    ]
    answers: list[Any] = await asyncio.gather(*remove, *(client.reserve((sku, location, 1)) for _ in range(50)))
    assert sum(answer.removed for answer in answers[: len(remove)]) == len(names)


async def test_each_request_of_a_batch_has_its_own_entry(client: Client) -> None:
    sku, location = await client.stocked(3)
    requests = [reserve_request((sku, location, 2)) for _ in range(3)]
    await client.reservations.BatchReserve(reservation_service_pb2.BatchReserveRequest(requests=requests))
    found = [await one(client, request.request_id) for request in requests]
    assert [entry.code for entry in found] == [0, 9, 9]


async def test_pages_follow_each_other_without_gap(client: Client) -> None:
    sku, location = await client.stocked(50)
    for _ in range(7):
        await client.adjust(sku, location, 1)
    stub = AuditServiceStub(client.channel)
    request = pb2.ListAuditEntriesRequest(page_size=3)
    seen: list[tuple[int, int]] = []
    for _ in range(3):
        page = await stub.ListAuditEntries(request)
        seen += [(entry.batch, entry.ordinal) for entry in page.entries]
        request.page_token = page.next_page_token
    whole = [(entry.batch, entry.ordinal) for entry in await entries(client)]
    assert seen == whole[whole.index(seen[0]) :][:9]


async def verified(server: Server) -> list[str]:
    return [line async for found in audit.verify(Database(server.dsn, server.schema)) for line in found.wrong]


TAMPERINGS: dict[str, tuple[str, str]] = {
    "who asked": ("audit_entry", "UPDATE audit_entry SET operator = 'somebody else' WHERE batch = $1"),
    "what came of it": ("audit_entry", "UPDATE audit_entry SET code = 9 WHERE batch = $1"),
    "an entry taken away": ("audit_entry", "DELETE FROM audit_entry WHERE batch = $1"),
    "an entry put in": (
        "audit_entry",
        (
            "INSERT INTO audit_entry SELECT batch, ordinal + 1, NULL, channel_id, key_id, operator, peer, action, NULL,"
            " 0, NULL FROM audit_entry WHERE batch = $1"
        ),
    ),
    "a batch taken away": ("audit_batch", "DELETE FROM audit_batch WHERE batch = $1"),
    "when": ("audit_batch", "UPDATE audit_batch SET recorded_at = recorded_at - interval '1 day' WHERE batch = $1"),
    "when goods moved": (
        "movement",
        (
            "UPDATE movement SET recorded_at = recorded_at - interval '1 day' WHERE revision = (SELECT base + 1"
            " FROM audit_batch WHERE batch = $1)"
        ),
    ),
    "the ledger": (
        "movement",
        (
            "UPDATE movement SET on_hand_delta = on_hand_delta + 1 WHERE revision = (SELECT base + 1 FROM audit_batch"
            " WHERE batch = $1)"
        ),
    ),
    "a movement taken away": (
        "movement",
        "DELETE FROM movement WHERE revision = (SELECT base + 1 FROM audit_batch WHERE batch = $1)",
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_whoever_changes_the_trail_or_the_ledger_is_found_out(name: str, client: Client, server: Server) -> None:
    """As the owner of the tables, with their triggers off: nobody else could."""
    sku, location = await client.stocked(5)
    request_id = new_id()
    await client.adjust(sku, location, 1, request_id=request_id)
    batch = (await one(client, request_id)).batch
    await client.adjust(sku, location, 1)
    assert await verified(server) == []
    table, statement = TAMPERINGS[name]
    connection = await server.connect()
    try:
        before = await connection.fetch(f"SELECT * FROM {table}")
        await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        await connection.execute(statement, batch)
        found = await verified(server)
        assert found, "not noticed"
        assert any(f"batch {batch}" in line or f"before {batch + 1}" in line for line in found)
        async with connection.transaction():
            await connection.execute(f"DELETE FROM {table}")
            await connection.executemany(
                f"INSERT INTO {table} VALUES ({', '.join(f'${n + 1}' for n in range(len(before[0])))})",
                [tuple(row) for row in before],
            )
        await connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        assert await verified(server) == []
    finally:
        await connection.close()


async def test_a_chain_cut_off_at_its_end_is_noticed(client: Client, server: Server) -> None:
    sku, location = await client.stocked(5)
    await client.adjust(sku, location, 1)
    connection = await server.connect()
    try:
        last = await connection.fetchrow("SELECT * FROM audit_batch ORDER BY batch DESC LIMIT 1")
        assert last is not None
        rows = await connection.fetch("SELECT * FROM audit_entry WHERE batch = $1", last["batch"])
        for table in ("audit_batch", "audit_entry"):
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            await connection.execute(f"DELETE FROM {table} WHERE batch = $1", last["batch"])
        found = await verified(server)
        assert any("the trail ends at" in line for line in found)
        assert any("has no entry" in line for line in found)
        for table, saved in (("audit_batch", [last]), ("audit_entry", rows)):
            columns = ", ".join(f"${n + 1}" for n in range(len(saved[0])))
            await connection.executemany(f"INSERT INTO {table} VALUES ({columns})", [tuple(row) for row in saved])
            await connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        assert await verified(server) == []
    finally:
        await connection.close()


BAD: list[tuple[dict[str, Any], str]] = [
    ({"channel": "NO"}, "CHANNEL_FORMAT"),
    ({"request_id": "x"}, "REQUEST_ID_FORMAT"),
    ({"revision": -1}, "REVISION_FORMAT"),
    ({"page_size": -1}, "PAGE_SIZE_INVALID"),
    ({"page_token": "x"}, "PAGE_TOKEN_INVALID"),
    ({"key_id": "x" * 65}, "TEXT_FORMAT"),
]


@pytest.mark.parametrize(("fields", "reason"), BAD, ids=lambda value: str(value)[:30])
async def test_bad_filters_are_named(fields: dict[str, Any], reason: str, client: Client) -> None:
    stub = AuditServiceStub(client.channel)
    found = await refusal(stub.ListAuditEntries(pb2.ListAuditEntriesRequest(**fields)))
    assert found.what == ("INVALID_ARGUMENT", reason)


async def test_by_its_revision_one_entry_is_found(client: Client) -> None:
    sku, location = await client.stocked(5)
    adjusted = await client.adjust(sku, location, 1)
    (found,) = await entries(client, revision=adjusted.revision)
    assert found.revision == adjusted.revision
    assert str(UUID(found.request_id)) == found.request_id
