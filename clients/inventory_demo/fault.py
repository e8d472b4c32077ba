"""The fault in the middle of the replay: a server is killed with SIGKILL, with streams and calls on it."""

import time
from collections.abc import Collection
from dataclasses import dataclass

from inventory_demo.crew import Worker
from inventory_demo.follower import Followed
from inventory_demo.mirrors import Mirrored
from inventory_demo.seller import Sold
from inventory_demo.servers import OwnServers

FROZEN_MAX_S = 2.0

Report = Sold | Followed | Mirrored


@dataclass(frozen=True, slots=True)
class Kill:
    """What was on the server when it was killed, as its clients say."""

    address: str
    baskets: int
    """That had ended by then."""
    streams: int
    calls: int
    exit_code: int
    """Minus the signal's number."""
    frozen_s: float


class Fault:
    """The server is frozen before it is killed: what its clients have sent by then, or send while all of them report
    what they wait for, surely has no answer yet, however few baskets there are and however fast it is."""

    def __init__(self, servers: OwnServers) -> None:
        self._servers = servers
        self._address = servers.victim.address
        self._frozen_at: float | None = None
        self._reports: dict[Worker, Report] = {}

    def freeze(self) -> None:
        self._servers.victim.freeze()
        self._frozen_at = time.monotonic()

    def hear(self, worker: Worker, report: Report) -> None:
        if self._frozen_at is not None and report.at > self._frozen_at:
            self._reports[worker] = report

    def due(self, workers: Collection[Worker]) -> bool:
        """Whether calls are under way there and all of these have reported since it was frozen. Not waited for long:
        what did not come by then, the verdict will miss."""
        if self._frozen_at is None:
            return False
        ready = self._calls > 0 and all(worker in self._reports for worker in workers)
        return ready or time.monotonic() > self._frozen_at + FROZEN_MAX_S

    def kill(self, baskets: int) -> Kill:
        """`baskets`: that have ended."""
        assert self._frozen_at is not None
        exit_code = self._servers.kill_victim()
        frozen_s = time.monotonic() - self._frozen_at
        self._frozen_at = None
        return Kill(self._address, baskets, self._streams, self._calls, exit_code, frozen_s)

    @property
    def _calls(self) -> int:
        return sum(
            report.under_way.get(self._address, 0) for report in self._reports.values() if isinstance(report, Sold)
        )

    @property
    def _streams(self) -> int:
        return sum(
            report.endpoint == self._address for report in self._reports.values() if not isinstance(report, Sold)
        )
