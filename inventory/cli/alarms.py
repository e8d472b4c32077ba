"""Show what is wrong, and say that somebody knows of it.

An alarm is opened and closed by the servers themselves; acknowledged, it stays open until what it is about is over.

A server that has INVENTORY_WEBHOOK_URL, and a secret of at least 16 characters in INVENTORY_WEBHOOK_SECRET or in the
file INVENTORY_WEBHOOK_SECRET_FILE, POSTs there as JSON that an alarm was opened, acknowledged or closed. The header
Inventory-Timestamp has the time in seconds since 1970; Inventory-Signature is `v1=` and the HMAC-SHA256, in hex, of
that timestamp, a point and the body, made with the secret. Inventory-Notice is an id: what comes again with the same
one is the same notice. Any 2xx answer within ten seconds counts as delivered; else it is tried again, after a second,
then after about twice as long each time, up to an hour, and given up after a day.

Example: inventory alarms --all --json

Example: inventory alarms acknowledge 0b6f7f0e-3a52-4f5e-9d3e-6f6b1e0f2a01 --note "ordered more"
"""

import json as encoder
from collections.abc import Sequence
from datetime import UTC
from typing import Annotated, Any

from cyclopts import App, Parameter

from inventory.cli.failure import Failed, printable
from inventory.cli.fitted import FittedTable, code, moment, whole, words
from inventory.cli.options import SERVER_DEFAULT, Json, Server
from inventory.cli.terminal import out
from inventory.v1 import alarm_service_pb2 as pb2

KINDS: dict[str, pb2.AlarmKind] = {
    name.removeprefix("ALARM_KIND_").lower(): number  # type: ignore[misc]  # the stub's numbers have lost their type
    for name, number in pb2.AlarmKind.items()
    if number
}
SEVERITIES = {
    pb2.ALARM_SEVERITY_NOTICE: "notice",
    pb2.ALARM_SEVERITY_WARNING: "warning",
    pb2.ALARM_SEVERITY_CRITICAL: "critical",
}
Flag = Annotated[bool, Parameter(negative="", show_default=False)]

app = App(name="alarms", help=__doc__)


@app.default
def list_(
    *,
    all: Flag = False,  # noqa: A002 - the option's name
    kind: Annotated[str, Parameter(show_default=False)] = "",
    channel: Annotated[str, Parameter(show_default=False)] = "",
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """List alarms, newest first.

    Parameters
    ----------
    all
        Closed ones too.
    kind
        Only of this kind, such as low_stock.
    channel
        Only those about this channel.
    """
    if kind and kind.lower() not in KINDS:
        raise Failed(f"--kind is one of {', '.join(KINDS)}")
    from inventory.cli.connection import connect, run

    async def read() -> list[pb2.Alarm]:
        number = KINDS[kind.lower()] if kind else pb2.ALARM_KIND_UNSPECIFIED
        async with connect(server) as client:
            return [alarm async for alarm in client.list_alarms(include_closed=all, kind=number, channel=channel)]

    found = run(read())
    if json:
        print(encoder.dumps([alarm_json(alarm) for alarm in found], ensure_ascii=False, indent=2))
    elif found:
        out().print(_table(found))
    else:
        print("there has never been an alarm" if all and not (kind or channel) else "no alarm")
    return 0


@app.command
def acknowledge(
    alarm_id: str,
    /,
    *,
    note: Annotated[str, Parameter(show_default=False)] = "",
    server: Server = SERVER_DEFAULT,
    json: Json = False,
) -> int:
    """Say that you know of an alarm. Who was first stays named.

    Example: inventory alarms acknowledge 0b6f7f0e-3a52-4f5e-9d3e-6f6b1e0f2a01 --note "ordered more"

    Parameters
    ----------
    alarm_id
        The alarm's id, as listed.
    note
        What is to be said about it.
    """
    from inventory.cli.connection import connect, run

    async def write() -> pb2.Alarm:
        async with connect(server) as client:
            return (await client.acknowledge_alarm(alarm_id, note)).alarm

    alarm = run(write())
    if json:
        print(encoder.dumps(alarm_json(alarm), ensure_ascii=False, indent=2))
    else:
        print(printable(f"acknowledged by {alarm.acknowledged_by}: {alarm.summary}"))
    return 0


def alarm_json(alarm: pb2.Alarm) -> dict[str, Any]:
    """Null: it hasn't happened."""
    return {
        "alarm_id": alarm.alarm_id,
        "kind": pb2.AlarmKind.Name(alarm.kind).removeprefix("ALARM_KIND_"),
        "severity": pb2.AlarmSeverity.Name(alarm.severity).removeprefix("ALARM_SEVERITY_"),
        "subject": dict(alarm.subject),
        "summary": alarm.summary,
        "details": dict(alarm.details),
        "opened_at": _time(alarm, "opened_at"),
        "last_seen_at": _time(alarm, "last_seen_at"),
        "closed_at": _time(alarm, "closed_at"),
        "acknowledged_at": _time(alarm, "acknowledged_at"),
        "acknowledged_by": alarm.acknowledged_by or None,
        "note": alarm.note or None,
    }


def _time(alarm: pb2.Alarm, field: str) -> str | None:
    if not alarm.HasField(field):
        return None
    found = getattr(alarm, field).ToDatetime(UTC)
    return f"{found:%Y-%m-%d %H:%M:%SZ}"


def _table(alarms: Sequence[pb2.Alarm]) -> FittedTable:
    notes = any(alarm.note for alarm in alarms)
    table = FittedTable(
        [
            moment("opened"), whole("severity"), whole("kind", 2), words("what"), moment("closed", 3),
            code("acknowledged", 4), *([words("note")] if notes else []), whole("id"),
        ]
    )  # fmt: skip
    for alarm in alarms:
        table.add(
            _time(alarm, "opened_at") or "",
            SEVERITIES.get(alarm.severity, str(alarm.severity)),
            pb2.AlarmKind.Name(alarm.kind).removeprefix("ALARM_KIND_").lower(),
            alarm.summary,
            _time(alarm, "closed_at") or "–",
            alarm.acknowledged_by or "–",
            *([alarm.note] if notes else []),
            alarm.alarm_id,
        )
    return table
