"""How soon and at what cost does a change reach 1, 100 and 1,000 subscribers?

The ratio is that of the medians from sending a write to its delivery to one subscriber: ours ÷ PostgreSQL's NOTIFY.
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
from benchmarks.measure import Options, conclude
from benchmarks.servers import Server, Site, query
from benchmarks.workload import Orders, shop, stock_up
from inventory.v1 import watch_service_pb2 as pb2

SHOPS = 1_000
"""Each sells one SKU of its own."""
FOLLOWERS = (1, 100, 1_000)
LISTENERS_MAX = 150
"""PostgreSQL has 200 connections as we start it, and the product needs some."""
WRITES_PER_S = {1: 40.0, 100: 20.0, 1_000: 5.0}
"""Few enough that the followers have one change before the next is written."""
BASKET_LINES = 200
QUIET = Duration(seconds=3600)


def main() -> None:
    options = Options.parse(__doc__, rounds=3, seconds=2)
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
        followers = stack.enter_context(Followers())
        found = in_turn(cases, followers, options)
    conclude("fanout", _p50_s(found["all", 1]) / _p50_s(found["NOTIFY", 1]))


def _ours(product: Server) -> Iterator[Case]:
    cpu_s = delivery.server_cpu_s(product)

    def case(name: str, count: int, requests: Sequence[bytes], skus: int, **more: object) -> Case:
        opening = Watching(product.address, requests) if requests else None
        orders = Orders(skus, shops=SHOPS)
        rate = WRITES_PER_S[max(count, 1)]
        return Case(name, count, opening, lambda: ReserveWriter(product, orders), cpu_s, rate, **more)  # type: ignore[arg-type]

    yield case("nobody", 0, [], SHOPS)
    for count in FOLLOWERS:
        yield case("all", count, [watch_request()] * count, SHOPS)
    for count in FOLLOWERS:
        shops = [shop(number, SHOPS) for number in range(count)]
        requests = [watch_request(locations=[each]) for each in shops]
        yield case("one shop each", count, requests, count, shops=shops)


def _notify(site: Site) -> Iterator[Case]:
    for count in FOLLOWERS:
        if count <= LISTENERS_MAX:
            opening = Listening(site.dsn, count)
            for name, whole in (("NOTIFY", True), ("NOTIFY, 4 trips", False)):
                yield Case(
                    name,
                    count,
                    opening,
                    lambda whole=whole: NotifyWriter(site.dsn, whole=whole),  # type: ignore[misc]
                    site.postgres_cpu_s,
                    WRITES_PER_S[count],
                )


def _etcd(server: Server) -> Iterator[Case]:
    for count in FOLLOWERS:
        opening = WatchingEtcd(server.address, count)
        yield Case(
            "etcd",
            count,
            opening,
            lambda: EtcdWriter(server.address),
            delivery.server_cpu_s(server),
            WRITES_PER_S[count],
        )


def watch_request(**parts: object) -> bytes:
    return pb2.WatchRequest(now=Empty(), heartbeat=QUIET, **parts).SerializeToString()  # type: ignore[arg-type]


def in_turn(cases: Sequence[Case], followers: Followers, options: Options) -> dict[tuple[str, int], list[Deliveries]]:
    found: dict[tuple[str, int], list[Deliveries]] = {(case.name, case.followers): [] for case in cases}
    random_ = random.Random(1)
    for round_ in range(options.rounds):
        print(f"round {round_ + 1}", flush=True)
        for case in cases:
            done = delivery.run(case, followers, options.seconds, random_)
            found[case.name, case.followers].append(done)
            _print(case.name, case.followers, [done])
    return found


def _print(name: str, count: int, rounds: Sequence[Deliveries]) -> None:
    sent = [time_s for each in rounds for time_s in each.since_sent_s]
    acked = [time_s for each in rounds for time_s in each.since_acked_s]
    writes = sum(each.writes for each in rounds)
    cpu_us = sum(each.cpu_s for each in rounds) / writes * 1e6
    times = ""
    if sent:
        times = " ".join(f"{value * 1e3:>8.2f}" for times_s in (sent, acked) for value in delivery.p50_p99(times_s))
    print(f"{name:16} {count:>5}  {writes:>6} {len(sent):>8}  {times:35} {cpu_us:>10,.0f}", flush=True)


def _p50_s(rounds: Sequence[Deliveries]) -> float:
    return median(median(each.since_sent_s) for each in rounds)


if __name__ == "__main__":
    main()
