"""Reconciliation: the channel's own numbers, compared with the ledger."""

from __future__ import annotations  # so that `help` names enums, which are objects of protobuf, as we do

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import aclosing
from dataclasses import replace
from enum import IntEnum
from typing import Any, NamedTuple

import grpc

from inventory.v1 import reconciliation_service_pb2 as pb2
from inventory_client.arguments import codes
from inventory_client.backoff import Backoff
from inventory_client.calls import Calls, is_unwell, not_connected
from inventory_client.credentials import Introduction, Metadata
from inventory_client.cursor import Cursor
from inventory_client.endpoints import Endpoint, Endpoints, is_cancelled
from inventory_client.errors import Failure, error, failure_of

ROWS_A_MESSAGE = 1_000
ANSWER_S = 60.0
"""After so long without an answer the stream is given up."""
STREAMS_MAX = 5
"""So many are opened before a reconciliation whose streams break is given up."""
_BREAKS = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "UNKNOWN"})


class ReconciliationKind(IntEnum):
    """What numbers are compared; the numbers are the API's."""

    AVAILABLE_TO_SELL = pb2.RECONCILIATION_KIND_AVAILABLE_TO_SELL
    """What the channel may sell of a SKU, back-orders included."""
    AVAILABLE = pb2.RECONCILIATION_KIND_AVAILABLE
    """What is available of a SKU at a location."""
    ON_HAND = pb2.RECONCILIATION_KIND_ON_HAND
    """What is on hand of a SKU at a location."""


class Answer(IntEnum):
    """What became of a number; the numbers are the API's."""

    EQUAL = pb2.RECONCILIATION_ANSWER_EQUAL
    BEHIND = pb2.RECONCILIATION_ANSWER_BEHIND
    """It was right at the cursor, or since; later changes explain it."""
    DRIFT = pb2.RECONCILIATION_ANSWER_DRIFT
    """It is wrong, and nothing explains it."""
    UNKNOWN = pb2.RECONCILIATION_ANSWER_UNKNOWN
    """There is no such SKU or location."""
    MISSING = pb2.RECONCILIATION_ANSWER_MISSING
    """It was not named, and is not 0."""


class OwnNumber(NamedTuple):
    """What you have for a SKU, in its smallest unit. `location`: of levels only. `cursor`: up to where you know its
    changes; None: that of the whole reconciliation. `revision`: of levels, if you know this one's changes further."""

    sku: str
    quantity: int
    location: str = ""
    cursor: Cursor | None = None
    revision: int = 0


Own = OwnNumber | tuple[str, int] | tuple[str, str, int]
"""A number; (sku, quantity); or (sku, location, quantity)."""
Rows = Iterable[Own] | AsyncIterable[Own] | Callable[[], Iterable[Own] | AsyncIterable[Own]]
"""A collection, an iterator, or a function that gives one: all but an iterator can be read again."""


class _Broken(Exception):
    """The stream has ended before its answer."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class Reconciling:
    """Made by `InventoryClient.reconcile`. Iterate it once: it sends the rows, and gives the answers that are not EQUAL
    as they come, ended by those about what was not named.

    When the stream breaks, or its credential was replaced, it begins anew by itself, if the rows can be read again: a
    collection, or a function that gives them, but no iterator. It is another reconciliation then, which is the one in
    `result`; what was compared before is stored as unfinished, and of whom an answer was given none is given again.

    Raises `InventoryError` when that is no use: the credential is no longer in force and there is no other, the rows
    can't be read again, it broke `STREAMS_MAX` times, or it took longer than a stream may be open (STREAM_OLD)."""

    def __init__(
        self,
        endpoints: Endpoints,
        introduce: Introduction,
        begin: pb2.ReconcileBegin,
        rows: Rows,
        cursor: Cursor | None,
        connect_s: float,
    ) -> None:
        self.compared = 0
        """How many rows have been compared so far."""
        self.result: pb2.Reconciliation | None = None
        """What is stored: as of its beginning, and as a whole once the answers have ended."""
        self._endpoints = endpoints
        self._introduce = introduce
        self._begin = begin
        self._rows = rows
        self._cursor = cursor
        self._connect_s = connect_s
        self._endpoint: Endpoint | None = None

    @property
    def reconciliation_id(self) -> str:
        """'' before it has begun."""
        return "" if self.result is None else self.result.reconciliation_id

    async def finished(self) -> pb2.Reconciliation:
        """Goes to the end, whatever the answers are. Raises `InventoryError`."""
        async for _ in self:
            pass
        assert self.result is not None
        return self.result

    async def __aiter__(self) -> AsyncIterator[pb2.ReconciledRow]:
        before: set[tuple[str, str]] = set()
        backoff = Backoff()
        for left in reversed(range(STREAMS_MAX)):
            shown = self._introduce()
            told: set[tuple[str, str]] = set()
            try:
                async with aclosing(self._answers(shown)) as answers:
                    async for row in answers:
                        key = (row.sku, row.location)
                        told.add(key)
                        if key not in before:
                            yield row
                return
            except _Broken as broken:
                failure = broken.failure
            if not (left and self._begins_anew(failure, shown)):
                raise error(self._explained(failure))
            before |= told
            if is_unwell(failure) and failure.reason != "ACCESS_CHANGED" and self._endpoint is not None:
                self._endpoints.leave(self._endpoint)
            await asyncio.sleep(backoff.pause_s(failure.retry_after_s))

    def _begins_anew(self, failure: Failure, shown: Metadata) -> bool:
        """Whether that is possible, and may help."""
        if self.result is not None and not _can_be_read_again(self._rows):
            return False
        if failure.code == "UNAUTHENTICATED":
            return self._introduce.differs(shown)
        return failure.sent and failure.code in _BREAKS and failure.reason != "STREAM_OLD"

    def _explained(self, failure: Failure) -> Failure:
        """With how far it has come, and what would help."""
        said = failure.message
        if self.result is not None:
            said += f"; {self.compared:,} rows were compared, reconciliation {self.reconciliation_id}"
        if failure.reason == "STREAM_OLD":
            said += "; no stream stays open for longer: compare fewer rows at a time"
        elif self.result is not None and not _can_be_read_again(self._rows):
            said += "; an iterator's rows can't be read again: begin anew"
        return replace(failure, message=said)

    async def _answers(self, shown: Metadata) -> AsyncGenerator[pb2.ReconciledRow]:
        """One stream from its beginning to its end. Raises `_Broken`."""
        self.compared = 0
        call = await self._begun(shown)
        try:
            async with aclosing(_messages(self._rows, self._cursor)) as messages:
                async for message in messages:
                    for row in (await self._said(call, pb2.ReconcileRequest(rows=message))).rows:
                        yield row
            end = pb2.ReconcileEnd(cursor=None if self._cursor is None else self._cursor.message())
            answer = await self._said(call, pb2.ReconcileRequest(end=end))
            while not answer.HasField("reconciliation"):
                for row in answer.rows:
                    yield row
                answer = await self._heard(call)
        finally:
            call.cancel()

    async def _begun(self, shown: Metadata) -> Any:
        """The call, once the server has let it in: no row is lost when it doesn't."""
        self._endpoint = await self._connected()
        call = self._endpoint.conversation(pb2.ReconcileRequest, pb2.ReconcileResponse)(metadata=shown)
        try:
            await self._said(call, pb2.ReconcileRequest(begin=self._begin))
        except BaseException:
            call.cancel()
            raise
        return call

    async def _connected(self) -> Endpoint:
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._connect_s
        while True:
            endpoint = self._endpoints.current
            if await endpoint.connected(give_up_at - loop.time()):
                return endpoint
            self._endpoints.leave(endpoint)
            if loop.time() + 0.1 >= give_up_at:
                raise _Broken(await not_connected(endpoint))
            await asyncio.sleep(0.1)

    async def _said(self, call: Any, message: pb2.ReconcileRequest) -> pb2.ReconcileResponse:
        """The answer. Nothing is sent ahead of it: a write after the server has ended the call hides why it has."""
        try:
            await call.write(message)
        except grpc.aio.AioRpcError as failed:
            raise _Broken(failure_of(failed)) from None
        except asyncio.InvalidStateError:
            pass  # it has ended: the read tells how
        return await self._heard(call)

    async def _heard(self, call: Any) -> pb2.ReconcileResponse:
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await call.read()
        except grpc.aio.AioRpcError as failed:
            raise _Broken(failure_of(failed)) from None
        except TimeoutError:
            raise _Broken(Failure("DEADLINE_EXCEEDED", message=f"no answer for {ANSWER_S:g} s")) from None
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            raise _Broken(Failure("CANCELLED", message="the client was closed")) from None
        if not isinstance(answer, pb2.ReconcileResponse):
            raise _Broken(Failure("UNAVAILABLE", message="the stream ended early"))
        self.compared = max(self.compared, answer.compared)
        if answer.HasField("reconciliation"):
            self.result = answer.reconciliation
        return answer


class ReconciliationCalls(Calls):
    """Of `InventoryClient`: see inventory/v1/reconciliation_service.proto for every field and reason."""

    def reconcile(
        self,
        rows: Rows,
        kind: ReconciliationKind | str = ReconciliationKind.AVAILABLE_TO_SELL,
        *,
        cursor: Cursor | None = None,
        list_missing: bool = False,
        locations: Iterable[str] = (),
        reference: str = "",
    ) -> Reconciling:
        """Compares your numbers with the ledger; up to 2,000,000 rows, in bounded memory when `rows` is an iterator, or
        a function that gives one: then it also begins anew by itself when the connection breaks.

        `cursor`: up to where you know the changes; without it only the present number is right. `list_missing`: at the
        end, tell what you did not name and is not 0: of what the channel may sell, or at `locations` (none: those that
        rows name).

        Raises `ValueError` for a kind that is none, and while it is iterated `InvalidRequest`, `CursorLost`,
        `Overloaded`, `Unavailable`.

        Example:
            run = client.reconcile([("A-1", 7), ("A-2", 0)], cursor=None)
            async for row in run:
                if row.answer == Answer.DRIFT:
                    print("set", row.sku, "to", row.current)
            print(run.result.counts)
        """
        begin = pb2.ReconcileBegin(
            kind=pb2.ReconciliationKind.Name(as_reconciliation_kind(kind)),
            reference=reference,
            list_missing=list_missing,
            locations=codes(locations, "locations"),
            omit_equal=True,
        )
        return Reconciling(self._opened(), self._introduce, begin, rows, cursor, self._timeout_s)

    async def get_reconciliation(
        self, reconciliation_id: str, *, channel: str = "", timeout_s: float | None = None
    ) -> pb2.Reconciliation:
        """One of this channel's, or of another `channel`'s. Raises `NotFound`, `InvalidRequest`."""
        request = pb2.GetReconciliationRequest(reconciliation_id=reconciliation_id, channel=channel, page_size=1)
        return (await self._read(request, pb2.GetReconciliationResponse, timeout_s)).reconciliation

    def list_reconciled(
        self,
        reconciliation_id: str,
        *,
        channel: str = "",
        answer: Answer | None = None,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[pb2.ReconciledRow]:
        """The answers that are kept of a reconciliation, none that is EQUAL; `answer`: only such. Raises `NotFound`."""
        request = pb2.GetReconciliationRequest(
            reconciliation_id=reconciliation_id,
            channel=channel,
            answer=None if answer is None else pb2.ReconciliationAnswer.Name(answer),
            page_size=ROWS_A_MESSAGE,
        )
        return self._pages(request, pb2.GetReconciliationResponse, "rows", timeout_s)

    def list_reconciliations(
        self,
        *,
        channel: str = "",
        kind: ReconciliationKind | str | None = None,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[pb2.Reconciliation]:
        """Newest first; `channel`: another one's."""
        request = pb2.ListReconciliationsRequest(
            channel=channel,
            kind=None if kind is None else pb2.ReconciliationKind.Name(as_reconciliation_kind(kind)),
        )
        return self._pages(request, pb2.ListReconciliationsResponse, "reconciliations", timeout_s)


def as_reconciliation_kind(given: ReconciliationKind | str) -> ReconciliationKind:
    """Raises `ValueError`."""
    if isinstance(given, ReconciliationKind):
        return given
    try:
        return ReconciliationKind[str(given).upper()]
    except KeyError:
        known = ", ".join(each.name.lower() for each in ReconciliationKind)
        raise ValueError(f"a kind of number is one of {known}, not {given!r:.200}") from None


def _can_be_read_again(rows: Rows) -> bool:
    return callable(rows) or not isinstance(rows, Iterator | AsyncIterator)


async def _messages(rows: Rows, general: Cursor | None) -> AsyncGenerator[pb2.ReconcileRows]:
    """As many rows with the same cursor as a message holds."""
    message, last = pb2.ReconcileRows(), general
    async for row in _each(rows):
        number = _number(row)
        cursor = number.cursor or general
        if message.rows and (cursor != last or len(message.rows) == ROWS_A_MESSAGE):
            yield message
            message = pb2.ReconcileRows()
        if not message.rows and cursor is not None:
            message.cursor.CopyFrom(cursor.message())
        last = cursor
        message.rows.add(sku=number.sku, location=number.location, quantity=number.quantity, revision=number.revision)
    if message.rows:
        yield message


async def _each(rows: Rows) -> AsyncGenerator[Own]:
    found = rows() if callable(rows) else rows
    if isinstance(found, AsyncIterable):
        async for row in found:
            yield row
    else:
        for row in found:
            yield row


def _number(row: Own) -> OwnNumber:
    match row:
        case OwnNumber():
            return row
        case (str(sku), int(quantity)):
            return OwnNumber(sku, quantity)
        case (str(sku), str(location), int(quantity)):
            return OwnNumber(sku, quantity, location)
        case _:
            raise TypeError(f"a row is (sku, quantity), (sku, location, quantity) or an OwnNumber, not {row!r:.200}")
