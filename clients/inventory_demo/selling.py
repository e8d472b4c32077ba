"""The replay itself: sellers at work, followers beside them, and the fault in the middle."""

import time
from collections import Counter
from dataclasses import dataclass

from inventory_demo.crew import Crew, Worker
from inventory_demo.fault import Fault, Kill
from inventory_demo.follower import Followed
from inventory_demo.mirrors import Mirrored
from inventory_demo.sales import Sales
from inventory_demo.screen import Screen, Step
from inventory_demo.seller import Halfway, ShiftEnded, Sold
from inventory_demo.servers import OwnServers

POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Staff:
    """The demo's processes."""

    watcher: Worker
    mirrors: list[Worker]
    sellers: list[Worker]

    @property
    def followers(self) -> list[Worker]:
        return [self.watcher, *self.mirrors]


class Selling:
    """`kill` says how a server was killed, if there were two; `cpu_s` what each seller took."""

    def __init__(self, crew: Crew, staff: Staff, servers: OwnServers | None) -> None:
        self._crew = crew
        self._staff = staff
        self._servers = servers
        self._fault = None if servers is None else Fault(servers)
        self._working = set(staff.sellers)
        self._sold: dict[Worker, Sold] = {}
        self._followed = 0
        self._sales = Sales()
        self.kill: Kill | None = None
        self.cpu_s: dict[str, float] = {}

    def run(self, screen: Screen, step: Step, baskets: int) -> Sales:
        """Until the last seller has ended. Raises `DemoFailed`."""
        for seller in self._staff.sellers:
            seller.orders.send("start")
        started = time.monotonic()
        while self._working:
            if self._servers:
                self._servers.check()
            for worker, message in self._crew.messages(POLL_S):
                self._hear(worker, message)
            if self._fault and self._fault.due([*self._working, *self._staff.followers]):
                self.kill = self._fault.kill(self._baskets)
                screen.say(_told(self.kill, baskets))
            self._show(step, time.monotonic() - started)
        return self._sales

    def _hear(self, worker: Worker, message: object) -> None:
        match message:
            case Sold():
                self._sold[worker] = message
            case Followed():
                self._followed = message.revision
            case Mirrored():
                pass
            case Halfway():
                assert self._fault is not None
                self._fault.freeze()
                worker.orders.send("go on")
            case ShiftEnded():
                self._end_shift(worker, message)
            case _:
                raise TypeError(message)
        if self._fault and isinstance(message, Sold | Followed | Mirrored):
            self._fault.hear(worker, message)

    def _end_shift(self, seller: Worker, ended: ShiftEnded) -> None:
        done = ended.sales
        self._sales.merge(done)
        self.cpu_s[seller.name] = ended.cpu_s
        self._sold[seller] = Sold(
            done.baskets, done.lines_asked, done.refusals.total(), done.revision, {}, time.monotonic()
        )
        self._working.remove(seller)
        self._crew.dismiss(seller)

    @property
    def _baskets(self) -> int:
        return sum(one.baskets for one in self._sold.values())

    def _show(self, step: Step, seconds: float) -> None:
        total: Counter[str] = Counter()
        for one in self._sold.values():
            total.update(lines=one.lines, refusals=one.refusals)
        behind = max((one.revision for one in self._sold.values()), default=0) - self._followed
        per_s = 1 / max(seconds, 0.1)
        step.show(
            self._baskets,
            f"{self._baskets * per_s:,.0f} baskets/s · {total['lines'] * per_s:,.0f} lines/s · "
            f"{total['refusals']:,} refused · watcher {max(behind, 0):,} behind",
        )


def _told(kill: Kill, baskets: int) -> str:
    return (
        f"replica 2 is killed with -9 at basket {kill.baskets:,} of {baskets:,}, "
        f"with {kill.streams} streams and {kill.calls} calls on it"
    )
