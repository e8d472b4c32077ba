"""ReservationService: parse, call, formats."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Collection

from google.protobuf.message import DecodeError

from inventory.domain.code import free_text
from inventory.domain.limits import BATCH_REQUESTS_MAX, BULK_ROWS_MAX, OWNER_BYTES_MAX, REFERENCE_BYTES_MAX
from inventory.domain.refusal import Reason, Refusal, reservation_not_found
from inventory.engine.failures import EngineError
from inventory.engine.submission import Outcome
from inventory.postgres.errors import StorageError
from inventory.postgres.identity import UUID
from inventory.postgres.reads import Reader
from inventory.rpc import formats, page_token, parse, reservation_messages
from inventory.rpc.amounts import Amounts, names_amounts
from inventory.rpc.bulk import check, kind_of
from inventory.rpc.doors import RateLimited
from inventory.rpc.errors import status
from inventory.rpc.method import BULK_BYTES_MAX, DEADLINE_DEFAULT_S, Call, Context, Method, both_streams, unary
from inventory.rpc.reading import check_revision
from inventory.rpc.streams import Streams
from inventory.rpc.wire import delimited, with_revision
from inventory.rpc.writes import Writes
from inventory.v1 import reservation_service_pb2 as pb2

SERVICE = pb2.DESCRIPTOR.services_by_name["ReservationService"]
_STREAMED = kind_of(pb2.ReserveStreamRequest)
Pending = tuple[str, asyncio.Future[Outcome] | bytes]
"""A request_id, and its outcome to come or the status it has already."""
STREAM_MESSAGES_IN_FLIGHT_MAX = 16


class ReservationService:
    def __init__(self, writes: Writes, reader: Reader, streams: Streams, amounts: Amounts) -> None:
        self._writes = writes
        self._reader = reader
        self._amounts = amounts
        self._streams = streams

    def methods(self) -> dict[str, Method]:
        return {
            "Reserve": unary(pb2.ReserveRequest, self.reserve),
            "Commit": unary(pb2.CommitRequest, self.commit),
            "Extend": unary(pb2.ExtendRequest, self.extend),
            "Release": unary(pb2.ReleaseRequest, self.release),
            "Fulfil": unary(pb2.FulfilRequest, self.fulfil),
            "Reallocate": unary(pb2.ReallocateRequest, self.reallocate),
            "GetReservation": unary(pb2.GetReservationRequest, self.get),
            "ListReservations": unary(pb2.ListReservationsRequest, self.list_reservations),
            "BatchReserve": unary(pb2.BatchReserveRequest, self.batch_reserve, bytes_max=BULK_BYTES_MAX),
            "ReserveStream": both_streams("ReserveStream", self.reserve_stream),
        }

    async def reserve(self, request: pb2.ReserveRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        lines: parse.Lines = request.lines
        if names_amounts(lines):
            lines = await self._amounts.in_smallest(request.lines, "lines", call.within)
        command = reservation_messages.reserve(request, lines, call.channel_id, new_id())
        return await self._writes.answer(
            request, identity, command, call, formats.ReservationAnswer(call.channel), len(command.asks)
        )

    async def commit(self, request: pb2.CommitRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        lines = await self._amounts.in_smallest(request.lines, "lines", call.within)
        command = reservation_messages.commit(request, lines, call.channel_id)
        return await self._writes.answer(request, identity, command, call, formats.ReservationAnswer(call.channel))

    async def extend(self, request: pb2.ExtendRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        command = reservation_messages.extend(request, call.channel_id)
        return await self._writes.answer(request, identity, command, call, formats.ReservationAnswer(call.channel))

    async def release(self, request: pb2.ReleaseRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        lines = await self._amounts.in_smallest(request.lines, "lines", call.within)
        command = reservation_messages.release(request, lines, call.channel_id)
        return await self._writes.answer(request, identity, command, call, formats.ReservationAnswer(call.channel))

    async def fulfil(self, request: pb2.FulfilRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        lines = await self._amounts.in_smallest(request.lines, "lines", call.within)
        command = reservation_messages.fulfil(request, lines, call.channel_id)
        return await self._writes.answer(request, identity, command, call, formats.ReservationAnswer(call.channel))

    async def reallocate(self, request: pb2.ReallocateRequest, call: Call) -> bytes:
        identity = parse.request_id(request.request_id)
        command = reservation_messages.reallocate(request, call.channel_id)
        return await self._writes.answer(request, identity, command, call, formats.ReservationAnswer(call.channel))

    async def get(self, request: pb2.GetReservationRequest, call: Call) -> bytes:
        identity = parse.reservation_id(request.reservation_id)
        await check_revision(self._reader, request.min_revision)
        rows = await self._reader.list_reservations(call.channel_id, reservation_id=identity)
        if not rows:
            raise reservation_not_found(str(identity))
        found = formats.reservation_row(rows[0], call.channel)
        return pb2.GetReservationResponse(reservation=found).SerializeToString()

    async def list_reservations(self, request: pb2.ListReservationsRequest, call: Call) -> bytes:
        size = parse.page_size(request.page_size)
        position = page_token.decode(request, page_token.identity)
        rows = await self._reader.list_reservations(
            call.channel_id,
            before=position[0] if position else None,
            state=reservation_messages.state(request.state),
            owner=free_text(request.owner, OWNER_BYTES_MAX, "owner") or None,
            reference=free_text(request.reference, REFERENCE_BYTES_MAX, "reference") or None,
            limit=size + 1,
        )
        page = rows[:size]
        token = ""
        if len(rows) > size:
            token = page_token.encode(request, [str(page[-1].reservation.reservation_id)])
        return pb2.ListReservationsResponse(
            reservations=[formats.reservation_row(row, call.channel) for row in page], next_page_token=token
        ).SerializeToString()

    async def batch_reserve(self, request: pb2.BatchReserveRequest, call: Call) -> bytes:
        call.caller.gate.charge_rest(len(request.requests))
        return await self._results(await self._submit_all(request.requests, call))

    async def reserve_stream(self, context: Context[bytes, bytes], call: Call) -> None:
        """Each message's requests go to the lane at once; its answers are written when all of them are there. The
        client is read no further while so many messages are under way. A message that is wrong as a whole ends the
        stream, and so does our stop, after the answers to what was read."""
        places = asyncio.Semaphore(STREAM_MESSAGES_IN_FLIGHT_MAX)
        writing = asyncio.Lock()
        loop = asyncio.get_running_loop()

        async def respond(pending: list[Pending]) -> None:
            try:
                body = await self._results(pending)
                async with writing:
                    await context.write(body)
            finally:
                places.release()

        refused: Exception | None = None
        with self._streams.one_more(call.channel_id, call.caller.gate.streams_max):
            try:
                async with asyncio.TaskGroup() as group:
                    try:
                        await places.acquire()
                        while isinstance(raw := await context.read(), bytes):  # else it is the end
                            until = loop.time() + DEADLINE_DEFAULT_S
                            call.caller.gate.charge()
                            check(raw, _STREAMED)
                            request = pb2.ReserveStreamRequest.FromString(raw)
                            call.caller.gate.charge_rest(len(request.requests))
                            pending = await self._submit_all(request.requests, call._replace(deadline=until))
                            group.create_task(respond(pending))
                            await places.acquire()
                    except (Refusal, DecodeError, RateLimited) as error:
                        refused = error
                    except asyncio.CancelledError as cancelled:
                        refused = self._streams.ended(cancelled)
            except BaseExceptionGroup as several:
                raise several.exceptions[0] from None
        if refused is not None:
            raise refused

    async def _submit_all(self, requests: Collection[pb2.ReserveRequest], call: Call) -> list[Pending]:
        """Per request its id, and its outcome to come or the error it has already."""
        parse.within(len(requests), BATCH_REQUESTS_MAX, "requests")
        if sum(len(request.lines) for request in requests) > BULK_ROWS_MAX:
            raise Refusal(
                Reason.TOO_MANY_LINES,
                f"all requests together have at most {BULK_ROWS_MAX} lines",
                field="requests",
                metadata={"max": str(BULK_ROWS_MAX)},
            )
        encode = formats.ReservationAnswer(call.channel)
        pending: list[Pending] = []
        for position, request in enumerate(requests):
            try:
                identity = parse.request_id(request.request_id, f"requests[{position}].request_id")
                lines = await self._amounts.in_smallest(request.lines, f"requests[{position}].lines", call.within)
                command = reservation_messages.reserve(
                    request, lines, call.channel_id, new_id(), f"requests[{position}]."
                )
                future = self._writes.submit(request, identity, command, call, encode, len(command.asks))
                pending.append((request.request_id, future))
            except (Refusal, EngineError, StorageError) as error:
                pending.append((request.request_id, status(error).SerializeToString()))
        return pending

    async def _results(self, pending: list[Pending]) -> bytes:
        """The bytes of a message whose only field is `repeated ReserveResult results = 1`."""
        parts = []
        for request_id, outcome in pending:
            if isinstance(outcome, bytes):
                body = delimited(3, outcome)
            else:
                try:
                    code, payload, revision, replayed = await outcome
                    body = delimited(3, payload) if code else delimited(2, with_revision(payload, revision, replayed))
                except EngineError as error:
                    body = delimited(3, status(error).SerializeToString())
            parts.append(delimited(1, delimited(1, request_id.encode()) + body))
        return b"".join(parts)


def new_id() -> UUID:
    """A version 7 UUID (RFC 9562): ordered by time of making, so new rows stand together in every index."""
    random = bytearray(os.urandom(16))
    random[:6] = (time.time_ns() // 1_000_000).to_bytes(6)
    random[6] = random[6] & 0x0F | 0x70
    random[8] = random[8] & 0x3F | 0x80
    return UUID(bytes(random))
