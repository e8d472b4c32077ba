"""One write at a time and what becomes of it: when its follower has it, and what that cost the server."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median, quantiles
from typing import NamedTuple, Protocol

from benchmarks.etcd import Putter
from benchmarks.followers import Followers, Opening, Seen
from benchmarks.measure import RESERVE
from benchmarks.notify import Notifier
from benchmarks.processes import exact_cpu_s
from benchmarks.servers import Server
from benchmarks.streams import Connection
from benchmarks.workload import Orders
from inventory.v1 import reservation_service_pb2 as pb2

SETTLE_STEP_S = 0.05
SETTLE_S_MAX = 10.0
SETTLED_CPU_SHARE = 0.05


class Written(NamedTuple):
    """A write: when it was sent and answered, by the monotonic clock, and where it was to be seen."""

    sent_ns: int
    acked_ns: int
    revision: int
    shop: str


class Writer(Protocol):
    def write(self) -> Written:
        """Writes once and waits for the answer."""

    def close(self) -> None: ...


class ReserveWriter:
    """Reserves with the product; what a reservation holds is counted in the server's books."""

    def __init__(self, server: Server, orders: Orders) -> None:
        self._server = server
        self._lines = orders.lines
        self._messages = orders.messages()
        self._connection = Connection(server.address, RESERVE)

    def write(self) -> Written:
        message = next(self._messages)
        sent_ns = time.monotonic_ns()
        answer = self._connection.call(message)
        self._server.reservations += 1
        self._server.lines += self._lines
        reserved = pb2.ReserveResponse.FromString(answer)
        return Written(sent_ns, self._connection.received_ns, reserved.revision, reserved.reservation.lines[0].location)

    def close(self) -> None:
        self._connection.close()


class EtcdWriter:
    def __init__(self, address: str) -> None:
        self._putter = Putter(address)

    def write(self) -> Written:
        sent_ns = time.monotonic_ns()
        answer = self._putter.write()
        acked_ns = time.monotonic_ns()
        return Written(sent_ns, acked_ns, Putter.revision(answer), "")

    def close(self) -> None:
        self._putter.close()


class NotifyWriter:
    numbers = iter(range(1, 1 << 31))
    """Of all rows that are ever notified."""

    def __init__(self, dsn: str, *, whole: bool) -> None:
        self._notifier = Notifier(dsn, whole=whole)

    def write(self) -> Written:
        number = next(self.numbers)
        sent_ns = time.monotonic_ns()
        self._notifier.write(number)
        return Written(sent_ns, time.monotonic_ns(), number, "")

    def close(self) -> None:
        self._notifier.close()


@dataclass(frozen=True)
class Case:
    """So many followers of one kind. `shops`: of each follower the one that it follows; None: all follow everything.
    `newest_only`: some changes may be left out for newer ones."""

    name: str
    followers: int
    opening: Opening | None
    writer: Callable[[], Writer]
    cpu_s: Callable[[], float]
    writes_per_s: float
    shops: Sequence[str] | None = None
    newest_only: bool = False


@dataclass(frozen=True)
class Deliveries:
    """What a round brought. Times from the sending of the write, and from its answer, to each arrival."""

    writes: int
    count: int
    messages: int
    since_sent_s: list[float]
    since_acked_s: list[float]
    cpu_s: float


def run(case: Case, followers: Followers, seconds: float, random_: random.Random) -> Deliveries:
    """Opens the followers, writes at the case's rate, waits until all have what is theirs, closes them.

    Raises `RuntimeError` when one of them missed something or got what isn't its own.
    """
    if case.opening is None:
        followers.close()
    else:
        followers.open(case.opening)
    writer = case.writer()
    settle(case.cpu_s)
    before_s = case.cpu_s()
    try:
        written = _write(writer, case.writes_per_s, seconds, random_)
    finally:
        writer.close()
    expected = [_due(case, written, number) for number in range(case.followers)]
    seen: list[Seen] = []
    if case.opening is not None:
        seen = followers.await_revisions([max(revisions, default=0) for revisions in expected]).seen
    cpu_s = case.cpu_s() - before_s
    followers.close()
    for follower, revisions in zip(seen, expected, strict=True):
        _check(case, follower, revisions)
    times = {each.revision: each for each in written}
    arrivals = [(times[revision], came_ns) for follower in seen for revision, came_ns in follower.arrivals]
    return Deliveries(
        len(written),
        len(arrivals),
        sum(follower.messages for follower in seen),
        [(came_ns - write.sent_ns) / 1e9 for write, came_ns in arrivals],
        [(came_ns - write.acked_ns) / 1e9 for write, came_ns in arrivals],
        cpu_s,
    )


def settle(cpu_s: Callable[[], float]) -> None:
    """Waits until the server has nothing left to do."""
    deadline = time.monotonic() + SETTLE_S_MAX
    while time.monotonic() < deadline:
        before_s = cpu_s()
        time.sleep(SETTLE_STEP_S)
        if cpu_s() - before_s <= SETTLED_CPU_SHARE * SETTLE_STEP_S:
            return


def server_cpu_s(server: Server) -> Callable[[], float]:
    return lambda: exact_cpu_s(server.pid)


def p50_p99(times_s: list[float]) -> tuple[float, float]:
    cuts = quantiles(times_s, n=100, method="inclusive")
    return median(times_s), cuts[98]


def _write(writer: Writer, per_s: float, seconds: float, random_: random.Random) -> list[Written]:
    """At gaps drawn between half and one and a half of the mean one, so that nothing beats in time with them."""
    written = []
    due = time.monotonic()
    until = due + seconds
    while due < until:
        time.sleep(max(0.0, due - time.monotonic()))
        written.append(writer.write())
        due += random_.uniform(0.5, 1.5) / per_s
    return written


def _due(case: Case, written: list[Written], follower: int) -> list[int]:
    if case.shops is None:
        return [each.revision for each in written]
    return [each.revision for each in written if each.shop == case.shops[follower]]


def _check(case: Case, follower: Seen, due: list[int]) -> None:
    got = [revision for revision, _ in follower.arrivals]
    skips = case.newest_only and set(got) <= set(due) and got[-1:] == due[-1:]
    if not (got == due or skips) or any(later < earlier for earlier, later in pairwise(got)):
        raise RuntimeError(f"{case.name}: a follower got {got}, due was {due}")
