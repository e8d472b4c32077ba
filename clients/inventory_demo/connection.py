"""The demo's clients: they begin with the server they name first, and count what became of their calls and streams."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self, TypeVar

from google.protobuf.message import Message

from inventory_client import Connection, ConnectionState, Failure, InventoryClient
from inventory_client.credentials import Metadata
from inventory_client.endpoints import Endpoint

PATIENCE_S = 60.0
CONNECT_TIMEOUT_S = 30.0
DEFECT_CODES = frozenset({"INTERNAL", "UNKNOWN", "CANCELLED"})

Response = TypeVar("Response", bound=Message)


@dataclass(slots=True)
class Tally:
    """What became of a process's calls, by the address of the server that was asked."""

    under_way: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    """Calls that were sent there, and the connection broke before their answer came."""
    moved: Counter[str] = field(default_factory=Counter)
    """Of the broken ones, those that another server has answered since."""
    replayed: Counter[str] = field(default_factory=Counter)
    """Of the moved ones, those that had had their effect before the connection broke."""
    retries: Counter[str] = field(default_factory=Counter)
    """Tries without a definite answer, by reason."""
    defects: Counter[str] = field(default_factory=Counter)
    """Those of them that no server should give, alive or killed."""

    def merge(self, other: "Tally") -> None:
        self.under_way.update(other.under_way)
        self.broken.update(other.broken)
        self.moved.update(other.moved)
        self.replayed.update(other.replayed)
        self.retries.update(other.retries)
        self.defects.update(other.defects)


class CountingClient(InventoryClient):
    """Every attempt at every server is counted in `tally`."""

    def __init__(self, addresses: Sequence[str], channel: str, tally: Tally | None = None) -> None:
        super().__init__(addresses, channel, timeout_s=PATIENCE_S)
        self._first = addresses[0]
        self._broken: dict[str, str] = {}
        self._doubted: set[str] = set()
        self.tally = tally or Tally()

    async def __aenter__(self) -> Self:
        """Connected, if the first server can be reached."""
        await super().__aenter__()
        endpoints = self._opened()
        if endpoints.current.address != self._first:
            endpoints.leave(endpoints.current)
        await endpoints.current.connected(CONNECT_TIMEOUT_S)
        return self

    def doubted(self, request_id: str) -> bool:
        """Whether an answer to this request may have been lost on its way."""
        return request_id in self._doubted

    async def _attempt(
        self,
        endpoint: Endpoint,
        request: Message,
        response_type: type[Response],
        metadata: Metadata,
        left_s: float,
    ) -> Response | Failure:
        address = endpoint.address
        self.tally.under_way[address] += 1
        try:
            answer = await super()._attempt(endpoint, request, response_type, metadata, left_s)
        finally:
            self.tally.under_way[address] -= 1
        request_id = getattr(request, "request_id", "")
        if isinstance(answer, Failure) and answer.passes:
            self.tally.retries[answer.reason or answer.code] += 1
            if answer.code in DEFECT_CODES:
                self.tally.defects[f"{answer.code} {answer.message}"] += 1
            if answer.is_doubtful and answer.reason != "REQUEST_IN_PROGRESS":
                self._doubted.add(request_id)
                if answer.code == "UNAVAILABLE" and not answer.reason and request_id not in self._broken:
                    self._broken[request_id] = address
                    self.tally.broken[address] += 1
        elif self._broken.get(request_id, address) != address:
            broke = self._broken.pop(request_id)
            self.tally.moved[broke] += 1
            self.tally.replayed[broke] += bool(getattr(answer, "replayed", False))
        return answer


@dataclass(slots=True)
class ConnectionLog:
    """Where one stream was connected, from first to last; hand `take` to the watch."""

    lives: list[str] = field(default_factory=list)
    now: str = ""
    """The server it is connected with; '' while with none."""

    def take(self, connection: Connection) -> None:
        self.now = connection.endpoint if connection.state is ConnectionState.LIVE else ""
        if self.now:
            self.lives.append(self.now)

    @property
    def reconnected(self) -> int:
        return max(len(self.lives) - 1, 0)
