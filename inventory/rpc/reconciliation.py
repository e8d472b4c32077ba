"""ReconciliationService: parse, compare, store, format."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from uuid import UUID

import structlog

from inventory.domain.audit import Author
from inventory.domain.code import channel_code
from inventory.domain.limits import RECONCILE_ROWS_MAX, RECONCILIATION_KEPT_MAX, RECONCILIATION_ROWS_MAX
from inventory.domain.reconciliation import (
    Answer,
    Counts,
    Judged,
    Number,
    Reconciliation,
    ReconciliationKind,
    ReconciliationState,
    judge,
)
from inventory.domain.refusal import (
    Reason,
    Refusal,
    channel_not_found,
    location_not_found,
    reconciliation_not_found,
    revision_in_future,
)
from inventory.engine.failures import described
from inventory.feed.reconciling import LevelNumbers, Numbers, SellableNumbers
from inventory.postgres import reconciliation as store
from inventory.postgres.errors import StorageError
from inventory.postgres.reads import Head, Reader
from inventory.rpc import page_token, parse
from inventory.rpc import reconciliation_messages as messages
from inventory.rpc.bulk import check, kind_of
from inventory.rpc.doors import RateLimited
from inventory.rpc.method import Call, Context, Method, both_streams, unary
from inventory.rpc.reading import reached
from inventory.rpc.reservation import new_id
from inventory.rpc.streams import Streams
from inventory.v1 import reconciliation_service_pb2 as pb2

SERVICE = pb2.DESCRIPTOR.services_by_name["ReconciliationService"]
_REQUEST = kind_of(pb2.ReconcileRequest)
LAST_WORDS_S = 2.0
"""For how long it is tried to store that a stream has broken."""

OnFinished = Callable[[Reconciliation], Awaitable[None]]
"""Is told of each reconciliation that has finished: `counts.alarming` of its numbers are wrong without any doubt."""

log = structlog.get_logger(__name__)


class ReconciliationService:
    def __init__(self, reader: Reader, streams: Streams, on_finished: OnFinished) -> None:
        self._reader = reader
        self._streams = streams
        self._on_finished = on_finished
        self._endings: set[asyncio.Task[None]] = set()

    def methods(self) -> dict[str, Method]:
        return {
            "Reconcile": both_streams("Reconcile", self.reconcile),
            "GetReconciliation": unary(pb2.GetReconciliationRequest, self.get),
            "ListReconciliations": unary(pb2.ListReconciliationsRequest, self.list_reconciliations),
        }

    async def reconcile(self, context: Context[bytes, bytes], call: Call) -> None:
        """Reads a message when the one before is answered and stored."""
        with self._streams.one_more(call.channel_id, call.caller.gate.streams_max):
            asked = messages.begin(await _read(context, "begin"))
            if (unknown := await store.missing_location(self._reader, asked.locations)) is not None:
                raise location_not_found(unknown)
            identity, author = new_id(), call.author
            await store.begin(self._reader, author, identity, call.channel_id, asked.kind, asked.reference)
            try:
                await self._compare(context, call, identity, asked)
            except BaseException:
                ending = asyncio.create_task(self._give_up(author, identity))
                self._endings.add(ending)
                ending.add_done_callback(self._endings.discard)
                with suppress(asyncio.CancelledError):  # whose client has gone is cancelled twice (seen)
                    await asyncio.shield(ending)
                raise

    async def _give_up(self, author: Author, identity: UUID) -> None:
        with suppress(StorageError, TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                await store.end(self._reader, author, identity, ReconciliationState.UNFINISHED)

    async def get(self, request: pb2.GetReconciliationRequest, call: Call) -> bytes:
        identity = parse.reconciliation_id(request.reconciliation_id)
        size = parse.page_size(request.page_size)
        answer = messages.answer(request.answer, "answer")
        position = page_token.decode(request, page_token.ordinal)
        channel_id = await self._whose(request.channel, call, reconciliation_not_found(str(identity)))
        found = await self._stored(channel_id, identity)
        rows = await store.read_judged(self._reader, identity, position[0] if position else -1, answer, size + 1)
        page = rows[:size]
        return pb2.GetReconciliationResponse(
            reconciliation=messages.reconciliation(found),
            rows=[messages.row(judged) for _, judged in page],
            next_page_token=page_token.encode(request, [page[-1][0]]) if len(rows) > size else "",
        ).SerializeToString()

    async def list_reconciliations(self, request: pb2.ListReconciliationsRequest, call: Call) -> bytes:
        size = parse.page_size(request.page_size)
        kind = messages.kind(request.kind, "kind")
        position = page_token.decode(request, page_token.identity)
        channel_id = await self._whose(request.channel, call, channel_not_found(request.channel))
        before = position[0] if position else None
        rows = await store.read_reconciliations(self._reader, channel_id, before=before, kind=kind, limit=size + 1)
        page = rows[:size]
        token = page_token.encode(request, [str(page[-1].reconciliation_id)]) if len(rows) > size else ""
        return pb2.ListReconciliationsResponse(
            reconciliations=map(messages.reconciliation, page), next_page_token=token
        ).SerializeToString()

    async def _compare(self, context: Context[bytes, bytes], call: Call, identity: UUID, asked: messages.Begin) -> None:
        run = _Run(self._reader, call, identity, asked)
        opened = messages.reconciliation(await self._stored(call.channel_id, identity))
        await context.write(pb2.ReconcileResponse(reconciliation=opened).SerializeToString())
        while (request := await _read(context, "end")).WhichOneof("part") == "rows":
            await _in_turn(call)
            await context.write(await run.named(request.rows))
        if not request.HasField("end"):
            raise Refusal(Reason.FIELD_CONFLICT, "it has begun: say rows, or the end", field="begin")
        if asked.list_missing:
            async with aclosing(run.unnamed(request.end)) as answers:
                async for answer in answers:
                    await context.write(answer)
        elif request.end.HasField("cursor"):
            reached(request.end.cursor, await self._reader.head(), "end.cursor")
        if not await store.end(self._reader, call.author, identity, ReconciliationState.FINISHED):
            raise reconciliation_not_found(str(identity))  # given up meanwhile, as if this server had been lost
        found = await self._stored(call.channel_id, identity)
        await self._tell(found)
        last = pb2.ReconcileResponse(compared=run.compared, reconciliation=messages.reconciliation(found))
        await context.write(last.SerializeToString())

    async def _stored(self, channel_id: int, identity: UUID) -> Reconciliation:
        rows = await store.read_reconciliations(self._reader, channel_id, reconciliation_id=identity)
        if not rows:
            raise reconciliation_not_found(str(identity))
        return rows[0]

    async def _tell(self, found: Reconciliation) -> None:
        """What was compared is true whatever becomes of the alarm."""
        try:
            await self._on_finished(found)
        except Exception as error:  # noqa: BLE001 - logged: the channel has its answers
            log.error("nobody was told of a reconciliation", error=described(error))

    async def _whose(self, code: str, call: Call, unknown: Refusal) -> int:
        """The number of the channel asked for, the caller's own by default."""
        if not code or channel_code(code, "channel") == call.channel:
            return call.channel_id
        rows = await self._reader.fetch("find_channel", code, call.only_channel_id)
        if not rows or not call.access.reports:
            raise unknown
        return int(rows[0][0])


class _Run:
    """One comparison on its way."""

    def __init__(self, reader: Reader, call: Call, identity: UUID, asked: messages.Begin) -> None:
        self.compared = 0
        self._reader = reader
        self._identity = identity
        self._kind = asked.kind
        self._omits_equal = asked.omit_equal
        self._counts = Counts()
        self._kept = 0
        self._numbers: Numbers
        if asked.kind is ReconciliationKind.AVAILABLE_TO_SELL:
            self._numbers = SellableNumbers(reader, call.channel_id, call.access, remembers=asked.list_missing)
        else:
            self._numbers = LevelNumbers(reader, asked.kind, asked.locations, call.access, remembers=asked.list_missing)

    async def named(self, rows: pb2.ReconcileRows) -> bytes:
        """The answer to a message of rows."""
        numbers = messages.numbers(rows, self._kind)
        if self.compared + len(numbers) > RECONCILIATION_ROWS_MAX:
            raise parse.too_many("rows", RECONCILIATION_ROWS_MAX)
        head = await self._reader.head()
        seen = reached(rows.cursor, head, "rows.cursor") if rows.HasField("cursor") else None
        newest = max(number.seen or 0 for number in numbers)
        if newest > head.revision:
            raise revision_in_future(newest, head.revision)
        known = await self._numbers.known(numbers, seen, head.revision)
        judged = [
            Judged(self.compared + place, number, judge(number.quantity, each))
            for place, (number, each) in enumerate(zip(numbers, known, strict=True))
        ]
        self.compared += len(numbers)
        return await self._answered(judged, head)

    async def unnamed(self, end: pb2.ReconcileEnd) -> AsyncGenerator[bytes]:
        """Answers about what wasn't named."""
        head = await self._reader.head()
        seen = reached(end.cursor, head, "end.cursor") if end.HasField("cursor") else None
        async with aclosing(self._numbers.unnamed(head.revision)) as pages:
            async for numbers in pages:
                for start in range(0, len(numbers), RECONCILE_ROWS_MAX):
                    some: Sequence[Number] = numbers[start : start + RECONCILE_ROWS_MAX]
                    known = await self._numbers.known(some, seen, head.revision)
                    verdicts = (judge(0, each, named=False) for each in known)
                    judged = [
                        Judged(None, number, verdict)
                        for number, verdict in zip(some, verdicts, strict=True)
                        if verdict.answer not in (Answer.EQUAL, Answer.UNKNOWN)
                    ]
                    if judged:
                        yield await self._answered(judged, head)
                # The channel hears that it goes on, however long nothing is missing.
                yield pb2.ReconcileResponse(compared=self.compared, revision=head.revision).SerializeToString()

    async def _answered(self, judged: list[Judged], head: Head) -> bytes:
        """Stored, and as bytes."""
        self._counts = self._counts.plus(judged)
        differing = [row for row in judged if row.verdict.answer is not Answer.EQUAL]
        kept = differing[: RECONCILIATION_KEPT_MAX - self._kept]
        if not await store.append(self._reader, self._identity, self._counts, head.revision, self._kept, kept):
            raise reconciliation_not_found(str(self._identity))  # given up meanwhile, as if this server had been lost
        self._kept += len(kept)
        told = differing if self._omits_equal else judged
        return pb2.ReconcileResponse(
            rows=map(messages.row, told), compared=self.compared, revision=head.revision
        ).SerializeToString()


async def _in_turn(call: Call) -> None:
    """A message of rows counts as a call; who sends too many waits for the answers, and so with the next ones."""
    while True:
        try:
            call.caller.gate.charge()
        except RateLimited as limited:
            await asyncio.sleep(limited.retry_after_s or 1.0)
        else:
            return


async def _read(context: Context[bytes, bytes], due: str) -> pb2.ReconcileRequest:
    """The next message. Raises FIELD_REQUIRED when there is none, `DecodeError`."""
    raw = await context.read()
    if not isinstance(raw, bytes):
        raise Refusal(Reason.FIELD_REQUIRED, f"the stream ended without its {due}", field=due)
    check(raw, _REQUEST)
    request = pb2.ReconcileRequest.FromString(raw)
    if request.WhichOneof("part") is None:
        raise Refusal(Reason.FIELD_REQUIRED, "say begin, rows or end", field="part")
    return request
