"""The part of `fanout` in which one write at a time is followed on its way, beside NOTIFY's and etcd's.

Nothing is bound to a core.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from statistics import median

from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty

from benchmarks import delivery, etcd, notify
from benchmarks.delivery import Case, Deliveries, EtcdWriter, NotifyWriter, ReserveWriter
from benchmarks.followers import Followers, Listening, Watching, WatchingEtcd
from benchmarks.measure import Options
from benchmarks.servers import Server, Site, query
from benchmarks.workload import Orders, shop, stock_up
from inventory.v1 import watch_service_pb2 as pb2

SENT = "sent → delivered, p50 at 1: ours ÷ NOTIFY's"
CPU_FLAT = "server CPU for each delivery more: from 1 to 1,000 ÷ from 1 to 100"
SERIALISED = "server CPU for 199 rows more in a change: a delivery ÷ the first delivery"

SHOPS = 1_000
"""Each sells one SKU of its own."""
FOLLOWERS = (1, 100, 1_000)
LISTENERS_MAX = 150
"""PostgreSQL has 200 connections as we start it, and the product needs some."""
WRITES_PER_S = {1: 40.0, 100: 20.0, 1_000: 5.0}
"""By followers; few enough that they have one change before the next is written."""
BASKET_LINES = 200
SILENT = Duration(seconds=3600)
WHOLE, IN_TRIPS = "NOTIFY", "NOTIFY, 4 trips"
BASKETS = "all, 200 rows"

Found = dict[tuple[str, int], list[Deliveries]]
"""Rounds, by a case's name and number of followers."""


def measure(options: Options) -> dict[str, float]:
    """Runs the part; gives its ratios."""
    with ExitStack() as stack:
        site = stack.enter_context(Site.open(pin=False))
        product = site.product()
        stock_up(product, SHOPS, shops=SHOPS)
        query(site.dsn, notify.TABLE)
        cases = [*_ours(product), *_notify(site)]
        if program := etcd.program():
            pid, address = stack.enter_context(etcd.running(program, site.directory, site.other_cores))
            print(f"etcd: process {pid} on {address}")
            cases += _etcd(Server("etcd", pid, address))
        else:
            print("etcd is missing and left out; on Debian: apt-get install etcd-server")
        print(f"NOTIFY with {max(FOLLOWERS):,} is left out: PostgreSQL has no connections for so many")
        found = _in_turn(cases, stack.enter_context(Followers()), options)
    return _ratios(found)


def watch_request(**parts: object) -> bytes:
    """Whatever follows from now on, and is silent while there is nothing to say."""
    return pb2.WatchRequest(now=Empty(), heartbeat=SILENT, **parts).SerializeToString()  # type: ignore[arg-type]


def _ours(product: Server) -> Iterator[Case]:
    cpu_s = delivery.server_cpu_s(product)

    def case(
        name: str,
        requests: Sequence[bytes],
        orders: Orders,
        *,
        beside: int = 0,
        shops: Sequence[str] | None = None,
        newest_only: bool = False,
    ) -> Case:
        count = len(requests)
        opening = Watching(product.address, requests) if requests else None
        rate = WRITES_PER_S[count or beside]
        return Case(name, count, opening, lambda: ReserveWriter(product, orders), cpu_s, rate, shops, newest_only)

    single, baskets = Orders(SHOPS, shops=SHOPS), Orders(SHOPS, BASKET_LINES, shops=SHOPS)
    for count in FOLLOWERS:  # what a server does besides writes counts the more, the fewer of them there are
        yield case(_nobody("all", count), [], single, beside=count)
    for count in FOLLOWERS:
        yield case("all", [watch_request()] * count, single)
    for count in FOLLOWERS:
        shops = [shop(number, SHOPS) for number in range(count)]
        requests = [watch_request(locations=[each]) for each in shops]
        yield case("one shop each", requests, Orders(count, shops=SHOPS), shops=shops)
    for count in FOLLOWERS:
        newest = watch_request(mode=pb2.WATCH_MODE_LATEST)
        yield case("latest", [newest] * count, single, newest_only=True)
    for count in FOLLOWERS[:-1]:
        yield case(_nobody(BASKETS, count), [], baskets, beside=count)
        yield case(BASKETS, [watch_request()] * count, baskets)


def _notify(site: Site) -> Iterator[Case]:
    for name, whole in ((WHOLE, True), (IN_TRIPS, False)):
        for count in FOLLOWERS:
            if count <= (LISTENERS_MAX if whole else 1):
                yield Case(
                    name,
                    count,
                    Listening(site.dsn, count),
                    lambda whole=whole: NotifyWriter(site.dsn, whole=whole),  # type: ignore[misc]
                    site.postgres_cpu_s,
                    WRITES_PER_S[count],
                )


def _etcd(server: Server) -> Iterator[Case]:
    for count in FOLLOWERS:
        yield Case(
            "etcd",
            count,
            WatchingEtcd(server.address, count),
            lambda: EtcdWriter(server.address),
            delivery.server_cpu_s(server),
            WRITES_PER_S[count],
        )


def _in_turn(cases: Sequence[Case], followers: Followers, options: Options) -> Found:
    found: Found = {(case.name, case.followers): [] for case in cases}
    random_ = random.Random(1)
    for _ in range(options.rounds):
        for case in cases:
            found[case.name, case.followers].append(delivery.run(case, followers, options.seconds, random_))
    print(f"\n{'':22} {'':>5}  {'':>6} {'':>8}   sent → delivered  acked → delivered  server CPU µs")
    print(
        f"{'followers':>28}  {'writes':>6} {'arrivals':>8}   {'p50 ms':>7} {'p99':>7}   {'p50 ms':>7} {'p99':>7}"
        f"   {'a write':>9} {'a delivery':>10}"
    )
    for case in cases:
        rounds = found[case.name, case.followers]
        ours = isinstance(case.opening, Watching)
        _print(case, rounds, _followers_cpu_s(found, case.name, case.followers) if ours else None)
    return found


def _print(case: Case, rounds: Sequence[Deliveries], followers_cpu_s: float | None) -> None:
    """Percentiles are of all rounds' deliveries together."""
    arrivals = sum(each.count for each in rounds)
    writes = sum(each.writes for each in rounds)
    times = f"{'':37}"
    if arrivals:
        times = "".join(
            f"   {p50 * 1e3:>7.2f} {p99 * 1e3:>7.2f}"
            for p50, p99 in (
                delivery.p50_p99([time_s for each in rounds for time_s in each.since_sent_s]),
                delivery.p50_p99([time_s for each in rounds for time_s in each.since_acked_s]),
            )
        )
    cpu_s = _cpu_s(rounds)
    a_delivery = "" if followers_cpu_s is None else f"{followers_cpu_s * writes / arrivals * 1e6:>10,.0f}"
    print(
        f"{case.name:22} {case.followers:>5}  {writes:>6} {arrivals:>8}{times:37}   {cpu_s * 1e6:>9,.0f} {a_delivery}",
        flush=True,
    )


def _ratios(found: Found) -> dict[str, float]:
    def p50_s(name: str, *, acked: bool = False) -> float:
        return median(median(each.since_acked_s if acked else each.since_sent_s) for each in found[name, 1])

    def more_s(name: str, few: int, many: int) -> float:
        """Server CPU for each follower more."""
        return (_followers_cpu_s(found, name, many) - _followers_cpu_s(found, name, few)) / (many - few)

    first_s = _followers_cpu_s(found, BASKETS, 1) - _followers_cpu_s(found, "all", 1)
    each_s = more_s(BASKETS, 1, 100) - more_s("all", 1, 100)
    ratios = {
        SENT: p50_s("all") / p50_s(WHOLE),
        "sent → delivered, p50 at 1: ours ÷ that of NOTIFY in BEGIN … COMMIT": p50_s("all") / p50_s(IN_TRIPS),
        CPU_FLAT: more_s("all", 1, 1_000) / more_s("all", 1, 100),
        SERIALISED: each_s / first_s,
    }
    if ("etcd", 1) in found:
        ratios["sent → delivered, p50 at 1: ours ÷ etcd's"] = p50_s("all") / p50_s("etcd")
    print(
        f"\nserver CPU for 199 rows more in a change: {first_s * 1e6:,.0f} µs for the first follower,"
        f" {each_s * 1e6:,.1f} µs for each one more"
    )
    return ratios


def _nobody(name: str, count: int) -> str:
    """The case without followers that has the writes of this one."""
    rows = ", 200 rows" if name == BASKETS else ""
    return f"nobody{rows}, {WRITES_PER_S[count]:g}/s"


def _followers_cpu_s(found: Found, name: str, count: int) -> float:
    """What the server used for its followers, a write."""
    return _cpu_s(found[name, count]) - _cpu_s(found[_nobody(name, count), 0])


def _cpu_s(rounds: Sequence[Deliveries]) -> float:
    """The server's, a write: the median of the rounds."""
    return median(each.cpu_s / each.writes for each in rounds)
