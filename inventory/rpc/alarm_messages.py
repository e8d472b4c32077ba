"""Alarms become messages."""

from inventory.domain.alarm import Acknowledged, Alarm, Detail
from inventory.domain.ledger import Ledger
from inventory.postgres.deliveries import Delivery
from inventory.rpc.formats import timestamp
from inventory.v1 import alarm_service_pb2 as pb2


def format_alarm(found: Alarm) -> pb2.Alarm:
    return pb2.Alarm(
        alarm_id=str(found.alarm_id),
        kind=found.kind.value,  # type: ignore[arg-type]  # the numbers are the same
        subject=found.subject,
        severity=found.severity.value,  # type: ignore[arg-type]  # the numbers are the same
        summary=found.summary,
        details={name: _text(value) for name, value in found.details.items()},
        opened_at=timestamp(found.opened_at),
        last_seen_at=timestamp(found.last_seen_at),
        closed_at=timestamp(found.closed_at) if found.closed_at else None,
        acknowledged_at=timestamp(found.acknowledged_at) if found.acknowledged_at else None,
        acknowledged_by=found.acknowledged_by,
        note=found.note,
    )


def acknowledge_answer(ledger: Ledger, answer: Acknowledged) -> bytes:
    assert answer.alarm is not None
    return pb2.AcknowledgeAlarmResponse(alarm=format_alarm(answer.alarm)).SerializeToString()


def format_delivery(found: Delivery) -> pb2.Delivery:
    return pb2.Delivery(
        notice_id=str(found.notice_id),
        alarm_id=str(found.alarm_id),
        event=found.event.value,  # type: ignore[arg-type]  # the numbers are the same
        attempt=found.attempt,
        attempted_at=timestamp(found.attempted_at),
        code=found.code,
        error=found.error,
        next_at=timestamp(found.next_at) if found.next_at else None,
        delivered_at=timestamp(found.delivered_at) if found.delivered_at else None,
    )


def _text(value: Detail) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
