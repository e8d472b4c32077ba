"""Alarms as tests ask for them."""

from __future__ import annotations

from typing import Any

from inventory.v1 import alarm_service_pb2 as pb2
from tests.rpc.client import Client, eventually


async def alarms(client: Client, **fields: Any) -> list[pb2.Alarm]:
    """All that there are, newest first."""
    request = pb2.ListAlarmsRequest(**{"include_closed": True, "page_size": 1_000, **fields})
    return list((await client.alarms.ListAlarms(request)).alarms)


async def about(client: Client, kind: pb2.AlarmKind, **subject: str) -> list[pb2.Alarm]:
    """Those of a kind whose subject has all of this, newest first."""
    found = await alarms(client, kind=kind)
    return [alarm for alarm in found if subject.items() <= dict(alarm.subject).items()]


async def opened(client: Client, kind: pb2.AlarmKind, **subject: str) -> pb2.Alarm:
    """Waits for one to open; fails when it was opened twice."""

    async def is_open() -> bool:
        return any(not alarm.HasField("closed_at") for alarm in await about(client, kind, **subject))

    await eventually(is_open, f"{pb2.AlarmKind.Name(kind)} of {subject} is open")
    found = [alarm for alarm in await about(client, kind, **subject) if not alarm.HasField("closed_at")]
    assert len(found) == 1, found
    return found[0]


async def closed(client: Client, alarm: pb2.Alarm) -> None:
    """Waits for it to close."""

    async def is_closed() -> bool:
        return all(
            each.HasField("closed_at")
            for each in await alarms(client, kind=alarm.kind)
            if each.alarm_id == alarm.alarm_id
        )

    await eventually(is_closed, f"{alarm.summary!r} is closed")
