"""A write's way from a parsed command to its answer."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from inventory.domain.ledger import Ledger
from inventory.engine.lane import Lane
from inventory.engine.submission import Command, Outcome, Submission
from inventory.rpc.method import Call, abort_with
from inventory.rpc.parse import fingerprint
from inventory.rpc.wire import with_revision
from inventory.tracing import Tracing

BY_ID_LINES = 40
"""How many lines a command counts for when it names a reservation, whose lines aren't known before the lock."""


class Writes:
    """Submits commands to the lane and gives their answers' bytes."""

    def __init__(self, lane: Lane, tracing: Tracing | None = None) -> None:
        self._lane = lane
        self._tracing = tracing
        self._loop = asyncio.get_running_loop()

    def submit(
        self,
        request: Message,
        request_id: UUID,
        command: Command,
        call: Call,
        encode: Callable[[Ledger, Any], bytes],
        weight: int = BY_ID_LINES,
    ) -> asyncio.Future[Outcome]:
        """Queues it. Raises `Overloaded`, `ShuttingDown`."""
        validate_only: bool = request.validate_only  # type: ignore[attr-defined]  # every write's request has one
        return self._lane.submit(
            Submission(
                command,
                call.channel_id,
                request_id,
                fingerprint(request),
                encode,
                self._loop.create_future(),
                call.deadline,
                weight,
                validate_only,
                call.author,
                type(request).__name__.removesuffix("Request"),
                call.caller.within,
                span=None if self._tracing is None else self._tracing.current(),
            )
        )

    async def answer(
        self,
        request: Message,
        request_id: UUID,
        command: Command,
        call: Call,
        encode: Callable[[Ledger, Any], bytes],
        weight: int = BY_ID_LINES,
    ) -> bytes:
        """Waits for the outcome; a refusal, fresh or remembered, ends the call with its status."""
        outcome = await self.submit(request, request_id, command, call, encode, weight)
        if outcome.code:
            await abort_with(call.context, Status.FromString(outcome.payload))
        return with_revision(outcome.payload, outcome.revision, outcome.replayed)
