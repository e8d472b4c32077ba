"""A command on its way through the engine."""

from asyncio import Future
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from inventory.domain.access import Access
from inventory.domain.alarm import AcknowledgeAlarm
from inventory.domain.audit import SERVER, Author
from inventory.domain.catalog import ChangeCatalog
from inventory.domain.channel import ChangeChannel, ChangeChannelSkus
from inventory.domain.decide import StockCommand
from inventory.domain.ledger import Ledger
from inventory.domain.topology import Topology

AloneCommand = ChangeCatalog | ChangeChannel | ChangeChannelSkus | AcknowledgeAlarm
"""What isn't about stock."""
Command = StockCommand | AloneCommand
_ALONE = frozenset((ChangeCatalog, ChangeChannel, ChangeChannelSkus, AcknowledgeAlarm))


class Outcome(NamedTuple):
    """What a caller gets. `code` 0: `payload` is the answer; else the gRPC status code, and `payload` the status.
    `revision` None: nothing changed."""

    code: int
    payload: bytes
    revision: int | None
    replayed: bool = False


@dataclass(slots=True, eq=False)
class Submission:
    """One command with its idempotency key, and where its outcome goes.

    `encode` makes the answer's bytes, which are stored and given to every replay; `request_id` None marks the
    engine's own commands, which have no caller. `deadline` is in the loop's time, in seconds. While it is under way,
    `followers` sent the same request, and `rivals` other content under its request_id; `new_pairs` are levels that
    turned out to be needed and are made. `action`: what the audit trail calls it; '': by the command. `within`: what
    the caller is limited to, None: nothing. `weight`: how many lines it counts as; `sources`: how many levels it may
    come from; `tried_alone`: it took too long without others. `submitted_at` is in seconds of `perf_counter`; `span` is
    the trace that it belongs to, for who traces.
    """

    command: Command
    channel_id: int
    request_id: UUID | None
    fingerprint: bytes
    encode: Callable[[Ledger, Any], bytes]
    future: Future[Outcome]
    deadline: float
    weight: int = 1
    validate_only: bool = False
    author: Author = SERVER
    action: str = ""
    within: Access | None = None
    in_doubt: bool = False
    tried_alone: bool = False
    sources: int = 0
    span: Any = None
    submitted_at: float = 0.0
    is_measured: bool = False
    followers: list[Future[Outcome]] = field(default_factory=list)
    rivals: list["Submission"] = field(default_factory=list)
    new_pairs: list[tuple[str, str]] = field(default_factory=list)

    @property
    def solo(self) -> bool:
        """Whether it runs in a transaction of its own: it is to be rolled back, or it isn't about stock."""
        return self.validate_only or not self.is_stock

    @property
    def is_stock(self) -> bool:
        """Whether it is about stock."""
        return type(self.command) not in _ALONE

    def topology(self, topology: Topology) -> Topology:
        """The places, as far as the caller may know them."""
        return topology if self.within is None else topology.limited(self.within.location_ids)

    @property
    def abandoned(self) -> bool:
        """Nobody waits for it any more."""
        return self.future.done() and not self.followers

    def settle(self, outcome: Outcome) -> None:
        """Answers the caller and everybody who sent the same request meanwhile."""
        if not self.future.done():
            self.future.set_result(outcome)
        for follower in self.followers:
            if not follower.done():
                follower.set_result(outcome._replace(replayed=True))

    def fail(self, error: Exception) -> None:
        """Answers everybody with what went wrong."""
        for waiter in (self.future, *self.followers):
            if not waiter.done():
                waiter.set_exception(error)
