"""Asking the servers in turn, now and then the same twice on purpose."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from itertools import count
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import uuid4

from inventory.v1 import reservation_service_pb2 as pb2
from inventory.v1 import stock_service_pb2 as stock
from inventory_client import Overloaded, Refused, Unavailable
from inventory_demo.connection import CountingClient
from inventory_demo.sales import Replay, Sales

REPEATED_SHARE = 1 / 50
LATER_MIN_S = 0.02
LATER_MAX_S = 3.0
GAVE_UP = (Unavailable, Overloaded)
"""The servers gave no definite answer for so long that the replay can't go on."""

Response = TypeVar(
    "Response",
    pb2.ReserveResponse,
    pb2.CommitResponse,
    pb2.ExtendResponse,
    pb2.ReleaseResponse,
    pb2.FulfilResponse,
    stock.ReceiveStockResponse,
    stock.ReclassifyStockResponse,
)
Call = Callable[[CountingClient, str], Coroutine[Any, Any, Response]]
"""Sends a request with this request_id through this client."""


class Answer(NamedTuple, Generic[Response]):
    """`doubted`: an earlier try of it may have had its effect, and its answer was lost."""

    said: Response | Refused
    doubted: bool


class Caller:
    """One selling channel's calls. Each client begins with another server, and they take turns: a reservation made
    through one server is committed through the other, and a request sent twice is sent to both."""

    def __init__(self, clients: Sequence[CountingClient], sales: Sales) -> None:
        self._clients = clients
        self._sales = sales
        self._turns = count()
        self._later: set[asyncio.Task[None]] = set()

    async def ask(self, method: str, call: Call[Response], chance: random.Random) -> Response | Refused:
        """The answer to one request, which has one effect whatever happens. Raises one of `GAVE_UP`."""
        request_id = str(uuid4())
        turn = next(self._turns)
        self._sales.requests[method] += 1
        if chance.random() >= REPEATED_SHARE:
            first = await self._definite(call, request_id, turn)
        elif chance.random() < 0.5:
            first, second = await asyncio.gather(
                self._definite(call, request_id, turn), self._definite(call, request_id, turn + 1)
            )
            self._compare(Replay.AT_ONCE, method, first, second)
        else:
            first = await self._definite(call, request_id, turn)
            pause_s = chance.uniform(LATER_MIN_S, LATER_MAX_S)
            again = self._again(method, call, request_id, turn + 1, first, pause_s)
            self._later.add(asyncio.create_task(again))
        if not isinstance(first.said, Refused):
            self._sales.revision = max(self._sales.revision, first.said.revision)
        return first.said

    async def finish(self) -> None:
        """Waits for the repetitions still to come."""
        await asyncio.gather(*self._later)

    async def _again(
        self,
        method: str,
        call: Call[Response],
        request_id: str,
        turn: int,
        first: Answer[Response],
        pause_s: float,
    ) -> None:
        await asyncio.sleep(pause_s)
        self._compare(Replay.LATER, method, first, await self._definite(call, request_id, turn))

    def _compare(self, when: Replay, method: str, first: Answer[Response], second: Answer[Response]) -> None:
        self._sales.replays[when] += 1
        wrong = difference(first, second)
        if wrong is not None:
            self._sales.replays[wrong] += 1
            self._sales.findings.note(f"request sent twice: {wrong}", f"{method} {when}")

    async def _definite(self, call: Call[Response], request_id: str, turn: int) -> Answer[Response]:
        client = self._clients[turn % len(self._clients)]
        said: Response | Refused
        try:
            said = await call(client, request_id)
        except Overloaded:
            raise
        except Refused as refused:
            said = refused
        return Answer(said, client.doubted(request_id))


def difference(first: Answer[Response], second: Answer[Response]) -> Replay | None:
    """What is wrong with the two answers to a request sent twice; None when all is well."""
    one, other = first.said, second.said
    if isinstance(one, Refused) and isinstance(other, Refused):
        return None if one.failure == other.failure else Replay.OTHER_ANSWER
    if isinstance(one, Refused) or isinstance(other, Refused):
        return Replay.OTHER_ANSWER
    effects = (not one.replayed) + (not other.replayed)
    if effects > 1:
        return Replay.SECOND_EFFECT
    # None at all is right only if an earlier try had it and its answer was lost.
    if _apart_from_replayed(one) != _apart_from_replayed(other) or not (effects or first.doubted or second.doubted):
        return Replay.OTHER_ANSWER
    return None


def _apart_from_replayed(response: Response) -> bytes:
    copy = type(response)()
    copy.CopyFrom(response)
    copy.ClearField("replayed")
    return copy.SerializeToString(deterministic=True)
