"""Replicas: each beats, one that stops in order leaves, and one that is lost is an alarm until somebody sees to it."""

from __future__ import annotations

from uuid import UUID, uuid4

import asyncpg
import pytest

from inventory import __version__
from inventory.alarms import looking
from inventory.v1 import alarm_service_pb2 as pb2
from tests.rpc.alarming import about, closed, opened
from tests.rpc.client import Client, Server, eventually, new_id
from tests.rpc.conftest import serving

ALARMS = True


@pytest.fixture(autouse=True)
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers look more often than once a second, and judge others at once."""
    monkeypatch.setattr(looking, "LOOK_S", 0.05)
    monkeypatch.setattr(looking.Looking, "may_judge", property(lambda _: True))


async def lose(db: asyncpg.Connection, address: str = "") -> tuple[UUID, str]:
    """A replica that was last heard of a minute ago."""
    replica_id, address = uuid4(), address or f"{uuid4().hex}:1"
    await db.execute(
        "INSERT INTO replica (replica_id, address, version, started_at, seen_at)"
        " VALUES ($1, $2, '0', now() - interval '1 hour', now() - interval '1 minute')",
        replica_id,
        address,
    )
    return replica_id, address


async def test_a_server_is_known_while_it_runs_and_leaves_when_it_stops(dsn: str, client: Client) -> None:
    async with serving(dsn) as running:
        db = await running.connect()

        async def beats() -> bool:
            return bool(await db.fetchval("SELECT count(*) FROM replica WHERE left_at IS NULL"))

        await eventually(beats, "it has beaten")
        [row] = await db.fetch("SELECT address, version FROM replica")
        assert tuple(row) == (running.address, __version__)
    assert await db.fetchval("SELECT left_at IS NOT NULL FROM replica")
    await db.close()


async def test_a_lost_replica_is_an_alarm_until_it_speaks_again(
    client: Client, db: asyncpg.Connection, twin: Server
) -> None:
    replica_id, address = await lose(db)
    alarm = await opened(client, pb2.ALARM_KIND_REPLICA_LOST, replica=str(replica_id))
    assert alarm.subject["address"] == address
    await db.execute("UPDATE replica SET seen_at = now() WHERE replica_id = $1", replica_id)
    await closed(client, alarm)
    await db.execute("UPDATE replica SET left_at = now() WHERE replica_id = $1", replica_id)


async def test_another_one_at_its_address_takes_its_place(client: Client, db: asyncpg.Connection) -> None:
    replica_id, address = await lose(db)
    alarm = await opened(client, pb2.ALARM_KIND_REPLICA_LOST, replica=str(replica_id))
    await db.execute(
        "INSERT INTO replica (replica_id, address, version, started_at, seen_at, left_at)"
        " VALUES ($1, $2, '0', now(), now(), now())",
        uuid4(),
        address,
    )
    await closed(client, alarm)


async def test_acknowledged_it_is_closed_and_not_opened_again(client: Client, db: asyncpg.Connection) -> None:
    replica_id, _ = await lose(db)
    alarm = await opened(client, pb2.ALARM_KIND_REPLICA_LOST, replica=str(replica_id))
    await client.alarms.AcknowledgeAlarm(
        pb2.AcknowledgeAlarmRequest(request_id=new_id(), alarm_id=alarm.alarm_id, note="taken away")
    )
    await closed(client, alarm)
    other, _ = await lose(db)
    await opened(client, pb2.ALARM_KIND_REPLICA_LOST, replica=str(other))  # so everything was looked at again
    assert len(await about(client, pb2.ALARM_KIND_REPLICA_LOST, replica=str(replica_id))) == 1


async def test_one_that_was_lost_more_than_a_day_ago_is_forgotten(client: Client, db: asyncpg.Connection) -> None:
    replica_id, _ = await lose(db)
    alarm = await opened(client, pb2.ALARM_KIND_REPLICA_LOST, replica=str(replica_id))
    await db.execute("UPDATE replica SET seen_at = now() - interval '25 hours' WHERE replica_id = $1", replica_id)
    await closed(client, alarm)
