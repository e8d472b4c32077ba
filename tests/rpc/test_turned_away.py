"""Whoever is turned away, wherever in a call, is told to the audit trail, at the latest when the server stops."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from google.protobuf.empty_pb2 import Empty

from inventory.domain.access import Scope
from inventory.domain.refusal import Reason
from inventory.postgres.connection import Database
from inventory.postgres.reads import Reader
from inventory.rpc import doors as doors_module
from inventory.rpc.doors import Doors
from inventory.v1 import access_service_pb2 as pb2
from inventory.v1 import alarm_service_pb2 as alarm_pb2
from inventory.v1 import reservation_service_pb2 as reservation_pb2
from inventory.v1 import stock_service_pb2 as stock_pb2
from inventory.v1 import watch_service_pb2 as watch_pb2
from inventory.v1.access_service_pb2_grpc import AccessServiceStub
from tests.conftest import as_server
from tests.rpc.client import PATIENCE_S, new_id, refusal, reserve_request
from tests.rpc.doors import guarded

Told = dict[tuple[str, str, str], int]
"""How often, by channel, action and reason."""


async def told(dsn: str) -> Told:
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "inventory"})
    try:
        rows: Sequence[Any] = await connection.fetch(
            "SELECT channel.code, entry.action, entry.detail, entry.key_id <> '' AS is_known, entry.peer"
            " FROM audit_entry AS entry LEFT JOIN channel USING (channel_id)"
            " WHERE entry.code <> 0 AND entry.request_id IS NULL"
        )
    finally:
        await connection.close()
    found: Told = {}
    for channel, action, detail, is_known, peer in rows:
        assert is_known == (channel is not None)
        assert peer == "ipv4:127.0.0.1"
        kind = (channel or "", action, json.loads(detail)["reason"])
        found[kind] = found.get(kind, 0) + json.loads(detail)["times"]
    return found


async def test_everybody_turned_away_until_the_stop_has_an_entry(dsn: str) -> None:
    async with guarded(dsn) as house:
        nobody = house.client("inv_wrong")
        await refusal(nobody.stock.GetStock(stock_pb2.GetStockRequest()))
        hurried = await house.let_in("hurried", Scope.RESERVATION, requests_per_second=1, requests_burst=2)
        many = reservation_pb2.BatchReserveRequest(
            requests=[reserve_request(("none", "none", 1)) for _ in range(1_000)]
        )
        await hurried.reservations.BatchReserve(many)  # has used up a quarter of an hour
        for _ in range(3):
            await refusal(hurried.reservations.BatchReserve(many))
        watcher = await house.let_in("watcher", Scope.WATCH, streams_max=1)
        request = watch_pb2.WatchRequest(now=Empty(), kinds=[watch_pb2.CHANGE_KIND_ALARM])
        await refusal(watcher.watch.Watch(request).read())
        open_stream = watcher.watch.Watch(watch_pb2.WatchRequest(now=Empty()))
        await open_stream.read()
        await refusal(watcher.watch.Watch(watch_pb2.WatchRequest(now=Empty())).read())
        await refusal(watcher.alarms.ListAlarms(alarm_pb2.ListAlarmsRequest()))
        stub: Any = AccessServiceStub(house.admin.channel)
        await refusal(stub.RevokeCredential(pb2.RevokeCredentialRequest(request_id=new_id(), key_id="none")))
        await refusal(stub.WhoAmI(pb2.WhoAmIRequest(), metadata=(("inventory-channel", "wbe"),)))
        open_stream.cancel()
    found = await told(dsn)
    assert found.pop(("", "Authenticate", "CREDENTIALS_INVALID")) >= 1
    assert found == {
        ("hurried", "BatchReserve", "RATE_LIMITED"): 3,
        ("watcher", "Watch", "SCOPE_REQUIRED"): 1,
        ("watcher", "Watch", "STREAM_LIMIT"): 1,
        ("watcher", "ListAlarms", "SCOPE_REQUIRED"): 1,
        ("admin", "RevokeCredential", "CREDENTIAL_NOT_FOUND"): 1,
        ("admin", "WhoAmI", "CHANNEL_NOT_FOUND"): 1,
    }


async def test_a_database_that_does_not_answer_holds_no_stop_up(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors_module, "LAST_WORDS_S", 0.05)
    reader = await Reader.open(Database(as_server(dsn)))
    other = await asyncpg.connect(dsn, server_settings={"search_path": "inventory"})
    doors = Doors(reader)
    looking = asyncio.create_task(doors.run())
    try:
        doors.note_refused(Reason.CREDENTIALS_INVALID, 16, "ipv4:127.0.0.1:1", None, "")
        async with other.transaction():
            await other.execute("SELECT FROM feed_head FOR UPDATE")
            looking.cancel()
            await asyncio.wait((looking,), timeout=PATIENCE_S)
            assert looking.cancelled(), "it has given up, and was not kept from being cancelled"
        assert await told(dsn) == {}
        await doors.note()
        assert await told(dsn) == {("", "Authenticate", "CREDENTIALS_INVALID"): 1}, "it was not forgotten"
    finally:
        await other.close()
        await reader.close()
