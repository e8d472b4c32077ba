"""AuditService: parse, read, formats."""

from inventory.domain.code import channel_code, free_text
from inventory.domain.limits import CODE_BYTES_MAX
from inventory.domain.refusal import Reason, Refusal
from inventory.postgres import audit
from inventory.postgres.audit import Changed, Recorded
from inventory.postgres.reads import Reader
from inventory.rpc import formats, page_token, parse
from inventory.rpc.method import Call, Method, unary
from inventory.v1 import audit_service_pb2 as pb2

SERVICE = pb2.DESCRIPTOR.services_by_name["AuditService"]


class AuditService:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def methods(self) -> dict[str, Method]:
        return {"ListAuditEntries": unary(pb2.ListAuditEntriesRequest, self.list_entries)}

    async def list_entries(self, request: pb2.ListAuditEntriesRequest, call: Call) -> bytes:
        size = parse.page_size(request.page_size)
        position = page_token.decode(request, page_token.revision, page_token.ordinal)
        before = (position[0], position[1]) if position else audit.NEWEST
        rows = await audit.entries(self._reader, before, _filter(request), size + 1)
        page = rows[:size]
        token = page_token.encode(request, [page[-1].batch, page[-1].ordinal]) if len(rows) > size else ""
        found: dict[int, list[Changed]] = {}
        if request.with_changes:
            found = await audit.changes(self._reader, [row.revision for row in page if row.revision])
        return pb2.ListAuditEntriesResponse(
            entries=[_entry(row, found.get(row.revision, [])) for row in page], next_page_token=token
        ).SerializeToString()


def _filter(request: pb2.ListAuditEntriesRequest) -> audit.Filter:
    """Raises CHANNEL_FORMAT, TEXT_FORMAT, REQUEST_ID_FORMAT, REVISION_FORMAT, TIME_RANGE."""
    start = parse.time(request.recorded_from, "recorded_from") if request.HasField("recorded_from") else None
    end = parse.time(request.recorded_before, "recorded_before") if request.HasField("recorded_before") else None
    if start is not None and end is not None and end < start:
        raise Refusal(Reason.TIME_RANGE, "recorded_before is before recorded_from", field="recorded_before")
    return audit.Filter(
        channel_code(request.channel, "channel") if request.channel else None,
        free_text(request.key_id, CODE_BYTES_MAX, "key_id") or None,
        parse.request_id(request.request_id) if request.request_id else None,
        parse.min_revision(request.revision, "revision") or None,
        request.refused,
        start,
        end,
    )


def _entry(row: Recorded, changes: list[Changed]) -> pb2.AuditEntry:
    return pb2.AuditEntry(
        batch=row.batch,
        ordinal=row.ordinal,
        revision=row.revision,
        channel=row.channel,
        key_id=row.key_id,
        operator=row.operator,
        peer=row.peer,
        action=row.action,
        request_id=str(row.request_id or ""),
        code=row.code,
        detail=row.detail or "",
        recorded_at=formats.timestamp(row.recorded_at),
        changes=[
            pb2.AuditChange(kind=change.kind, subject=change.subject, before=change.before or "", after=change.after)
            for change in changes[: audit.CHANGES_MAX]
        ],
    )
