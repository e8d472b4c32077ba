"""AlarmService: what is wrong, who knows of it, and what the webhook was told."""

from inventory.domain.access import Scope, scope_required
from inventory.domain.alarm import AcknowledgeAlarm, AlarmKind
from inventory.domain.code import channel_code, free_text
from inventory.domain.limits import REASON_BYTES_MAX
from inventory.postgres import alarms, deliveries
from inventory.postgres.reads import Reader
from inventory.rpc import page_token, parse
from inventory.rpc.alarm_messages import acknowledge_answer, format_alarm, format_delivery
from inventory.rpc.method import Call, Method, unary
from inventory.rpc.writes import Writes
from inventory.v1 import alarm_service_pb2 as pb2

SERVICE = pb2.DESCRIPTOR.services_by_name["AlarmService"]
ATTEMPT_LAST = 2**31 - 1


def check_alarms(call: Call) -> None:
    """They are of the whole house: who is limited to a part of it doesn't hear of them. Raises SCOPE_REQUIRED."""
    if not call.access.reports:  # a watch takes another scope
        raise scope_required(Scope.REPORT)
    if call.access.is_limited:
        raise scope_required(Scope.ADMIN)


class AlarmService:
    def __init__(self, writes: Writes, reader: Reader) -> None:
        self._writes = writes
        self._reader = reader

    def methods(self) -> dict[str, Method]:
        return {
            "ListAlarms": unary(pb2.ListAlarmsRequest, self.list_alarms),
            "AcknowledgeAlarm": unary(pb2.AcknowledgeAlarmRequest, self.acknowledge),
            "ListDeliveries": unary(pb2.ListDeliveriesRequest, self.list_deliveries),
        }

    async def list_alarms(self, request: pb2.ListAlarmsRequest, call: Call) -> bytes:
        check_alarms(call)
        size = parse.page_size(request.page_size)
        if request.kind not in pb2.AlarmKind.values():
            raise parse.unknown_enum("kind")
        channel = channel_code(request.channel, "channel") if request.channel else None
        position = page_token.decode(request, page_token.moment, page_token.identity) or [alarms.NEWEST, alarms.LAST]
        rows = await alarms.page(
            self._reader,
            (position[0], position[1]),
            closed=request.include_closed,
            kind=AlarmKind(request.kind) if request.kind else None,
            channel=channel,
            limit=size + 1,
        )
        token = ""
        if len(rows) > size:
            last = rows[size - 1]
            token = page_token.encode(request, [page_token.moment_part(last.opened_at), str(last.alarm_id)])
        return pb2.ListAlarmsResponse(
            alarms=[format_alarm(row) for row in rows[:size]], next_page_token=token
        ).SerializeToString()

    async def acknowledge(self, request: pb2.AcknowledgeAlarmRequest, call: Call) -> bytes:
        check_alarms(call)
        identity = parse.request_id(request.request_id)
        command = AcknowledgeAlarm(
            call.channel_id,
            parse.alarm_id(request.alarm_id),
            f"{call.channel}/{call.author.operator}" if call.author.operator else call.channel,
            free_text(request.note, REASON_BYTES_MAX, "note"),
        )
        return await self._writes.answer(request, identity, command, call, acknowledge_answer)

    async def list_deliveries(self, request: pb2.ListDeliveriesRequest, call: Call) -> bytes:
        check_alarms(call)
        size = parse.page_size(request.page_size)
        alarm_id = parse.alarm_id(request.alarm_id) if request.alarm_id else None
        parts = (page_token.moment, page_token.identity, page_token.ordinal)
        position = page_token.decode(request, *parts) or [alarms.NEWEST, alarms.LAST, ATTEMPT_LAST]
        rows = await deliveries.page(self._reader, (position[0], position[1], position[2]), alarm_id, size + 1)
        token = ""
        if len(rows) > size:
            last = rows[size - 1]
            moment = page_token.moment_part(last.attempted_at)
            token = page_token.encode(request, [moment, str(last.notice_id), last.attempt])
        return pb2.ListDeliveriesResponse(
            deliveries=[format_delivery(row) for row in rows[:size]], next_page_token=token
        ).SerializeToString()
