"""Asking the server: the same request again while its outcome is unknown, and now and then twice on purpose."""

import asyncio
import random
from typing import NamedTuple

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from inventory.v1 import reservation_service_pb2 as pb2
from inventory_demo.sales import Replay, Sales

DEADLINE_S = 10.0
PATIENCE_S = 60.0
PAUSE_MIN_S = 0.05
PAUSE_MAX_S = 2.0
REPEATED_SHARE = 1 / 50
LATER_MIN_S = 0.02
LATER_MAX_S = 3.0
DETAILS_KEY = "grpc-status-details-bin"
RETRIED_CODES = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
RETRIED_REASONS = frozenset({"OVERLOADED", "REQUEST_IN_PROGRESS"})
UNDEFINED_CODES = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED})

Request = pb2.ReserveRequest | pb2.CommitRequest | pb2.ExtendRequest | pb2.ReleaseRequest | pb2.FulfilRequest
Response = pb2.ReserveResponse | pb2.CommitResponse | pb2.ExtendResponse | pb2.ReleaseResponse | pb2.FulfilResponse
_RESPONSES: dict[type[Request], type[Response]] = {
    pb2.ReserveRequest: pb2.ReserveResponse,
    pb2.CommitRequest: pb2.CommitResponse,
    pb2.ExtendRequest: pb2.ExtendResponse,
    pb2.ReleaseRequest: pb2.ReleaseResponse,
    pb2.FulfilRequest: pb2.FulfilResponse,
}
_SERVICE = pb2.DESCRIPTOR.services_by_name["ReservationService"].full_name


class NoAnswer(Exception):
    """The server gave no definite answer; the replay can't go on."""


class Answer(NamedTuple):
    """Bytes of the response, or of the status when `code` is not 0."""

    code: int
    body: bytes
    tries: int


class Refusal(NamedTuple):
    reason: str
    message: str
    skus: tuple[str, ...] = ()
    """Short ones."""


class Caller:
    """One selling channel's calls over one connection."""

    def __init__(self, connection: grpc.aio.Channel, channel: str, sales: Sales) -> None:
        self._metadata = (("inventory-channel", channel),)
        self._sales = sales
        self._later: set[asyncio.Task[None]] = set()
        self._send: dict[type[Request], grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = {}
        for request_type in _RESPONSES:
            method = request_type.DESCRIPTOR.name.removesuffix("Request")
            self._send[request_type] = connection.unary_unary(f"/{_SERVICE}/{method}", response_deserializer=bytes)

    async def ask(self, request: Request, chance: random.Random) -> Response | Refusal:
        """The answer to one request, which is made once whatever happens. Raises `NoAnswer`."""
        raw = request.SerializeToString()
        kind = type(request)
        self._sales.requests[kind.DESCRIPTOR.name.removesuffix("Request")] += 1
        if chance.random() >= REPEATED_SHARE:
            first = await self._definite(kind, raw)
        elif chance.random() < 0.5:
            first, second = await asyncio.gather(self._definite(kind, raw), self._definite(kind, raw))
            self._compare(Replay.AT_ONCE, kind, first, second)
        else:
            first = await self._definite(kind, raw)
            again = self._again(kind, raw, first, chance.uniform(LATER_MIN_S, LATER_MAX_S))
            task = asyncio.create_task(again)
            self._later.add(task)
        if first.code:
            return refusal(first.body)
        response = _RESPONSES[kind].FromString(first.body)
        self._sales.revision = max(self._sales.revision, response.revision)
        return response

    async def finish(self) -> None:
        """Waits for the repetitions still to come."""
        await asyncio.gather(*self._later)

    async def _again(self, kind: type[Request], raw: bytes, first: Answer, pause_s: float) -> None:
        await asyncio.sleep(pause_s)
        self._compare(Replay.LATER, kind, first, await self._definite(kind, raw))

    def _compare(self, when: Replay, kind: type[Request], first: Answer, second: Answer) -> None:
        self._sales.replays[when] += 1
        wrong = difference(first, second, _RESPONSES[kind])
        if wrong is not None:
            self._sales.replays[wrong] += 1
            self._sales.findings.note(f"request sent twice: {wrong}", f"{kind.DESCRIPTOR.name} {when}")

    async def _definite(self, kind: type[Request], raw: bytes) -> Answer:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + PATIENCE_S
        pause, tries = PAUSE_MIN_S, 1
        while True:
            try:
                body = await self._send[kind](raw, timeout=DEADLINE_S, metadata=self._metadata)
                return Answer(0, body, tries)
            except grpc.aio.AioRpcError as error:
                status = _status(error)
                code = error.code()
                reason = refusal(status).reason
            if code in UNDEFINED_CODES or not (status or code in RETRIED_CODES):
                raise NoAnswer(f"{kind.DESCRIPTOR.name}: {code.name} {reason}")
            if code not in RETRIED_CODES and reason not in RETRIED_REASONS:
                return Answer(code.value[0], status, tries)
            if loop.time() > give_up:
                raise NoAnswer(f"{kind.DESCRIPTOR.name}: {code.name} for {PATIENCE_S:.0f} s")
            self._sales.retries[reason or code.name] += 1
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause, tries = min(pause * 2, PAUSE_MAX_S), tries + 1


def refusal(status: bytes) -> Refusal:
    """Reads a `google.rpc.Status`."""
    parsed = status_pb2.Status.FromString(status)
    reason, skus = "", []
    for detail in parsed.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            reason = error_details_pb2.ErrorInfo.FromString(detail.value).reason
        elif detail.Is(error_details_pb2.PreconditionFailure.DESCRIPTOR):
            failure = error_details_pb2.PreconditionFailure.FromString(detail.value)
            skus = [violation.subject.rpartition("@")[0] for violation in failure.violations]
    return Refusal(reason, parsed.message, tuple(skus))


def difference(first: Answer, second: Answer, response_type: type[Message]) -> Replay | None:
    """What is wrong with the two answers to a request sent twice; None when all is well."""
    if first.code != second.code:
        return Replay.OTHER_ANSWER
    if first.code:
        return None if first.body == second.body else Replay.OTHER_ANSWER
    answers = [response_type.FromString(answer.body) for answer in (first, second)]
    effects = 0
    for answer in answers:
        effects += not answer.replayed  # type: ignore[attr-defined]  # every write's response has it
        answer.ClearField("replayed")
    if effects > 1:
        return Replay.SECOND_EFFECT
    # None at all is right only if an earlier try had it and its answer was lost.
    if answers[0] != answers[1] or (effects == 0 and first.tries + second.tries == 2):
        return Replay.OTHER_ANSWER
    return None


def _status(error: grpc.aio.AioRpcError) -> bytes:
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            return value
    return b""
