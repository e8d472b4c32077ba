"""A Reconcile through the real channel: what is said, and what is heard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from inventory.v1 import core_pb2
from inventory.v1 import reconciliation_service_pb2 as pb2
from tests.rpc.client import Client, Metadata

ATS = pb2.RECONCILIATION_KIND_AVAILABLE_TO_SELL
AVAILABLE = pb2.RECONCILIATION_KIND_AVAILABLE
ON_HAND = pb2.RECONCILIATION_KIND_ON_HAND
ROWS = 1_000
Told = tuple[str, int] | tuple[str, str, int]
"""A SKU, its location if it is about a level, and the channel's number."""


@dataclass
class Heard:
    """The whole of an answer."""

    first: pb2.Reconciliation
    last: pb2.Reconciliation
    rows: list[pb2.ReconciledRow] = field(default_factory=list)
    compared: int = 0

    @property
    def answers(self) -> dict[str, str]:
        """By SKU."""
        return {row.sku: answer_of(row) for row in self.rows}

    def row(self, sku: str) -> pb2.ReconciledRow:
        (found,) = [row for row in self.rows if row.sku == sku]
        return found


def answer_of(row: pb2.ReconciledRow) -> str:
    return pb2.ReconciliationAnswer.Name(row.answer).removeprefix("RECONCILIATION_ANSWER_")


def begin(kind: pb2.ReconciliationKind, **fields: Any) -> pb2.ReconcileRequest:
    return pb2.ReconcileRequest(begin=pb2.ReconcileBegin(kind=kind, **fields))


def rows(*told: Told, seen: core_pb2.Cursor | int | None = None) -> pb2.ReconcileRequest:
    """`seen`: a cursor, or a revision."""
    message = pb2.ReconcileRows(cursor=cursor(seen))
    for sku, *location, quantity in told:
        message.rows.add(sku=str(sku), location=str(*location), quantity=int(quantity))
    return pb2.ReconcileRequest(rows=message)


def end(seen: core_pb2.Cursor | int | None = None) -> pb2.ReconcileRequest:
    return pb2.ReconcileRequest(end=pb2.ReconcileEnd(cursor=cursor(seen)))


def cursor(seen: core_pb2.Cursor | int | None) -> core_pb2.Cursor | None:
    return core_pb2.Cursor(revision=seen) if isinstance(seen, int) else seen


async def say(client: Client, *messages: pb2.ReconcileRequest, metadata: Metadata | None = None) -> Heard:
    """All of it, to the end: each message when the one before is answered. (When grpc.aio's client writes after the
    server's status has come, it takes that for an error of its own.)"""
    call = client.reconciliations.Reconcile(metadata=metadata)
    answers: list[pb2.ReconcileResponse] = []
    for message in messages:
        await call.write(message)
        while isinstance(answer := await call.read(), pb2.ReconcileResponse):
            answers.append(answer)
            if not message.HasField("end"):
                break
    heard = Heard(answers[0].reconciliation, answers[-1].reconciliation, compared=answers[-1].compared)
    heard.rows = [row for answer in answers for row in answer.rows]
    return heard


async def reconcile(
    client: Client,
    kind: pb2.ReconciliationKind,
    told: Sequence[Told],
    *,
    seen: core_pb2.Cursor | int | None = None,
    metadata: Metadata | None = None,
    **fields: Any,
) -> Heard:
    return await say(client, *messages(kind, told, seen=seen, **fields), metadata=metadata)


def messages(
    kind: pb2.ReconciliationKind,
    told: Sequence[Told],
    *,
    seen: core_pb2.Cursor | int | None = None,
    **fields: Any,
) -> Iterator[pb2.ReconcileRequest]:
    yield begin(kind, **fields)
    for some in _pages(told):
        yield rows(*some, seen=seen)
    yield end(seen)


def _pages(told: Sequence[Told]) -> Iterable[Sequence[Told]]:
    return (told[start : start + ROWS] for start in range(0, len(told), ROWS))
