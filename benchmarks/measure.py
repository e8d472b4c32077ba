"""Yardstick and product in turn, and what is printed of it."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Self

from benchmarks import h2
from benchmarks.processes import own_cpu_s
from benchmarks.servers import Server, Site, commit
from benchmarks.targets import TARGETS
from benchmarks.workload import Orders

RESERVE = "/inventory.v1.ReservationService/Reserve"
IN_FLIGHT = 64
CONNECTIONS = 4
WARM_UP_S = 1.0


@dataclass(frozen=True)
class Round:
    """One side's turn. `work` is what it is paid for: calls, lines, reservations, transactions."""

    work: int
    seconds: float
    p50_s: float
    p99_s: float
    server_cpu_s: float = 0.0
    postgres_cpu_s: float = 0.0
    client_cpu_s: float = 0.0

    @property
    def rate(self) -> float:
        return self.work / self.seconds


Side = Callable[[float], Round]
"""Runs its side for so many seconds."""


@dataclass(frozen=True)
class Options:
    """How long a benchmark runs."""

    rounds: int
    seconds: float
    pin: bool
    parts: Sequence[str] = ()
    """Those that are to run, of a benchmark that has parts."""

    @classmethod
    def parse(
        cls, description: str | None, *, rounds: int = 5, seconds: float = 3.0, parts: Sequence[str] = ()
    ) -> Self:
        parser = argparse.ArgumentParser(description=description)
        times = {"rounds": (3, rounds, "rounds of each side"), "seconds": (1, seconds, "seconds a round")}
        for name, (least, usual, what) in times.items():
            parser.add_argument(f"--{name}", type=_at_least(least), default=usual, help=f"{what} (default: {usual:g})")
        parser.add_argument("--no-pin", action="store_true", help="bind nothing to a core")
        if parts:
            parser.add_argument("--only", choices=parts, help="run one part")
        given = parser.parse_args()
        chosen = [given.only] if parts and given.only else parts
        return cls(int(given.rounds), float(given.seconds), not given.no_pin, chosen)


def _at_least(minimum: int) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        if not minimum <= value <= 1_000:
            raise argparse.ArgumentTypeError(f"must be between {minimum} and 1000")
        return value

    return number


def reserving(
    site: Site,
    server: Server,
    orders: Orders,
    *,
    in_flight: int = IN_FLIGHT,
    connections: int = CONNECTIONS,
    work_per_call: int = 1,
) -> Side:
    """A side that calls Reserve."""

    def run(seconds: float) -> Round:
        bodies = orders.bodies()
        with Accounts(site, server) as accounts:
            answers = h2.run(
                server.address,
                RESERVE,
                bodies,
                in_flight=in_flight,
                connections=connections,
                seconds=seconds,
                metadata=server.metadata,
            )
        calls = answers.primed + answers.calls
        server.reservations += calls
        server.lines += calls * orders.lines
        cuts = quantiles(answers.latencies_s, n=100)
        return accounts.round(answers.calls * work_per_call, answers.seconds, cuts[49], cuts[98])

    return run


class Accounts:
    """The CPU that server, PostgreSQL and client use during the block."""

    def __init__(self, site: Site, server: Server | None) -> None:
        self._site = site
        self._server = server
        self._used = (0.0, 0.0, 0.0)

    def __enter__(self) -> Self:
        self._used = self._read()
        return self

    def __exit__(self, *_: object) -> None:
        before, after = self._used, self._read()
        self._used = (after[0] - before[0], after[1] - before[1], after[2] - before[2])

    def round(self, work: int, seconds: float, p50_s: float, p99_s: float) -> Round:
        return Round(work, seconds, p50_s, p99_s, *self._used)

    def _read(self) -> tuple[float, float, float]:
        server = self._server.cpu_s() if self._server else 0.0
        return server, self._site.postgres_cpu_s(), own_cpu_s()


@dataclass(frozen=True)
class Medians:
    """Of one side's rounds."""

    rate: float
    p50_s: float
    server_cpu_s: float
    """Per piece of work."""


def in_turn(sides: Mapping[str, Side], options: Options, work: str) -> dict[str, Medians]:
    """Runs the sides A B A B …, prints every round and the medians. `work` names what is counted."""
    for side in sides.values():
        side(WARM_UP_S)
    rounds: dict[str, list[Round]] = {name: [] for name in sides}
    width = max(map(len, sides))
    print(f"\n{'':{width}}  {'':>16} {'p50':>8} {'p99':>8}   CPU µs each")
    print(f"{'':{width}}  {work + '/s':>16} {'ms':>8} {'ms':>8}   {'server':>8} {'PostgreSQL':>10} {'client':>8}")
    for _ in range(options.rounds):
        for name, side in sides.items():
            done = side(options.seconds)
            rounds[name].append(done)
            _print(name, width, [done])
    print(f"medians of {options.rounds} rounds of {options.seconds:g} s")
    for name, several in rounds.items():
        _print(name, width, several)
    return {
        name: Medians(
            median(one.rate for one in several),
            median(one.p50_s for one in several),
            median(one.server_cpu_s / one.work for one in several),
        )
        for name, several in rounds.items()
    }


def _print(name: str, width: int, rounds: list[Round]) -> None:
    def middle(value: Callable[[Round], float]) -> float:
        return median(map(value, rounds))

    print(
        f"{name:{width}}  {middle(lambda one: one.rate):>16,.0f}"
        f" {middle(lambda one: one.p50_s) * 1e3:>8.2f} {middle(lambda one: one.p99_s) * 1e3:>8.2f}"
        f"   {middle(lambda one: one.server_cpu_s / one.work) * 1e6:>8.1f}"
        f" {middle(lambda one: one.postgres_cpu_s / one.work) * 1e6:>10.1f}"
        f" {middle(lambda one: one.client_cpu_s / one.work) * 1e6:>8.1f}",
        flush=True,
    )


def conclude(name: str, ratio: float) -> None:
    """Prints what was asked and, on the last line, the ratio alone."""
    target = TARGETS[name]
    reached = "reached" if target.reached(ratio) else "not reached"
    print(f"\n{name} at {commit()}: {reached} (to reach: {target})")
    print(f"{ratio:.3f}", flush=True)
