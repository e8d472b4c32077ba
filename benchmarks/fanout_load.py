"""The part of `fanout` in which as much is written as the server takes, with and without 1,000 followers."""

import time
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from benchmarks.fanout_latency import SHOPS, watch_request
from benchmarks.followers import Followers, Report, Watching
from benchmarks.measure import Options, Round, Side, in_turn, reserving
from benchmarks.servers import Server, Site, query
from benchmarks.workload import Orders, shop, stock_up

ALL = "Reserve calls/s, 64 in flight: 1,000 followers of everything ÷ nobody"
ONE_SHOP = "Reserve calls/s, 64 in flight: 1,000 followers of a shop each ÷ nobody"
FOLLOWERS = 1_000


def measure(options: Options) -> dict[str, float]:
    """Runs the part; gives its ratios."""
    with Site.open(pin=options.pin) as site, Followers() as followers:
        product = site.product()
        stock_up(product, SHOPS, shops=SHOPS)
        orders = Orders(SHOPS, shops=SHOPS)
        write = reserving(site, product, orders)
        shops = [shop(number, SHOPS) for number in range(FOLLOWERS)]
        everything = _Followed(product, followers, write, [None] * FOLLOWERS)
        one_shop_each = _Followed(product, followers, write, shops)
        sides: dict[str, Side] = {"nobody": write, "all": everything, "one shop each": one_shop_each}
        found = in_turn(sides, options, "calls")
        everything.print("all")
        one_shop_each.print("one shop each")
    return {
        ALL: found["all"].rate / found["nobody"].rate,
        ONE_SHOP: found["one shop each"].rate / found["nobody"].rate,
    }


# A movement's revision is that of its call: each has one line.
_WRITTEN = """
SELECT location.code, count(*), sum(movement.revision)::bigint, max(movement.revision)
FROM inventory.movement JOIN inventory.location USING (location_id)
WHERE movement.revision > $1
GROUP BY ROLLUP (location.code)
"""


class _Written(NamedTuple):
    """How many changes, the sum of their revisions, and the last one."""

    changes: int
    total: int
    last: int


_NOTHING = _Written(0, 0, 0)


class _Followed:
    """A side that writes while followers follow. It ends when each has all that is its own, which is checked against
    the database."""

    def __init__(self, server: Server, followers: Followers, write: Side, shops: Sequence[str | None]) -> None:
        """`shops`: of each follower the one that it follows; None: everything."""
        self._server = server
        self._followers = followers
        self._write = write
        self._shops = shops
        self._notes: list[tuple[float, float, float, float]] = []

    def __call__(self, seconds: float) -> Round:
        requests = [watch_request(locations=[] if each is None else [each]) for each in self._shops]
        everything = self._shops[0] is None
        self._followers.open(Watching(self._server.address, requests, timed=False, verbatim=everything))
        assert self._server.dsn is not None
        ((before,),) = query(self._server.dsn, "SELECT revision FROM inventory.feed_head")
        started = time.monotonic()
        done = self._write(seconds)
        ended = time.monotonic()
        written = _written(self._server.dsn, before)
        due = [written.get(each, _NOTHING) for each in self._shops]
        report = self._followers.await_revisions([each.last for each in due])
        arrived = time.monotonic()
        self._followers.close()
        self._check(report, due)
        deliveries = sum(each.changes for each in due)
        messages = sum(each.messages for each in report.seen) - len(self._shops)  # the first only opens a stream
        self._notes.append(
            (
                deliveries / (arrived - started),
                deliveries / messages,
                arrived - ended,
                report.cpu_s / (arrived - started),
            )
        )
        return done

    def print(self, name: str) -> None:
        """What the followers had of it."""
        per_s, per_message, late_s, cpu = (median(each) for each in zip(*self._notes, strict=True))
        print(
            f"{name}: {per_s:,.0f} changes delivered a second, {per_message:.1f} a message; the last came"
            f" {late_s:.2f} s after the last answer; the followers' process used {cpu:.2f} of a core"
        )

    def _check(self, report: Report, due: Sequence[_Written]) -> None:
        first = report.seen[0]
        for number, (seen, sums) in enumerate(zip(report.seen, due, strict=True)):
            if self._shops[0] is None and number:
                right = (seen.checksum, seen.body_bytes) == (first.checksum, first.body_bytes)
            else:
                right = (seen.changes, seen.total) == (sums.changes, sums.total)
            if not right:
                raise RuntimeError(f"follower {number} got {seen}, due was {sums}")


def _written(dsn: str, after: int) -> dict[str | None, _Written]:
    """What was written after a revision, by shop; None: in all of them."""
    return {shop_: _Written(*sums) for shop_, *sums in query(dsn, _WRITTEN, after)}
