"""Alarms: what is wrong, who knows of it, and what the webhook was told."""

from __future__ import annotations  # so that `help` names enums, which are objects of protobuf, as we do

from collections.abc import AsyncIterator
from typing import Unpack

from inventory.v1 import alarm_service_pb2 as pb2
from inventory_client.calls import Calls, WriteOptions

PAGE_ROWS = 1_000


class AlarmCalls(Calls):
    """Of `InventoryClient`: see inventory/v1/alarm_service.proto for every field and reason."""

    def list_alarms(
        self,
        *,
        include_closed: bool = False,
        kind: pb2.AlarmKind = pb2.ALARM_KIND_UNSPECIFIED,
        channel: str = "",
        timeout_s: float | None = None,
    ) -> AsyncIterator[pb2.Alarm]:
        """Newest first. `kind`: unspecified: of all kinds; `channel`: only those about it. `timeout_s` is for each
        page."""
        request = pb2.ListAlarmsRequest(include_closed=include_closed, kind=kind, channel=channel, page_size=PAGE_ROWS)
        return self._pages(request, pb2.ListAlarmsResponse, "alarms", timeout_s)

    async def acknowledge_alarm(
        self, alarm_id: str, note: str = "", **options: Unpack[WriteOptions]
    ) -> pb2.AcknowledgeAlarmResponse:
        """Says that a person knows of it; who was first stays named. Raises `NotFound`."""
        request = pb2.AcknowledgeAlarmRequest(alarm_id=alarm_id, note=note)
        return await self._write(request, pb2.AcknowledgeAlarmResponse, options)

    def list_deliveries(self, alarm_id: str = "", *, timeout_s: float | None = None) -> AsyncIterator[pb2.Delivery]:
        """The attempts to tell the webhook, newest first; '': of all alarms."""
        request = pb2.ListDeliveriesRequest(alarm_id=alarm_id, page_size=PAGE_ROWS)
        return self._pages(request, pb2.ListDeliveriesResponse, "deliveries", timeout_s)
