"""The part of `fanout` with 10,000 streams that have nothing to say but their heartbeats: their memory, and whether a
caller notices them."""

import time
from collections.abc import Iterator
from itertools import repeat
from statistics import median, quantiles

from google.protobuf.empty_pb2 import Empty

from benchmarks import h2
from benchmarks.delivery import server_cpu_s, settle
from benchmarks.followers import Followers, Watching
from benchmarks.frames import framed
from benchmarks.measure import WARM_UP_S, Accounts, Options, Round, Side, reserving
from benchmarks.processes import exact_cpu_s, memory_bytes
from benchmarks.servers import Server, Site
from benchmarks.workload import Orders, shop, sku, stock_up
from inventory.v1 import stock_service_pb2 as stock
from inventory.v1 import watch_service_pb2 as pb2

MEMORY = "server memory an idle stream, KiB"
GET_STOCK = "/inventory.v1.StockService/GetStock"
STREAMS = 10_000
SHOPS = 1_000
"""Each stream follows one of them; all is read and written in another one."""


def measure(options: Options) -> dict[str, float]:
    """Runs the part; gives its ratios."""
    with Site.open(pin=options.pin) as site, Followers() as followers:
        product = site.product()
        stock_up(product, SHOPS + 1, shops=SHOPS + 1)
        orders = Orders(1, shops=SHOPS + 1)
        sides = {
            "GetStock": _reading(site, product),
            "Reserve": reserving(site, product, orders, in_flight=1, connections=1),
        }
        for side in sides.values():
            side(WARM_UP_S)
        requests = [
            pb2.WatchRequest(now=Empty(), locations=[shop(1 + number % SHOPS, SHOPS + 1)]).SerializeToString()
            for number in range(STREAMS)
        ]
        rounds: dict[tuple[str, int], list[Round]] = {}
        memory = []
        for _ in range(options.rounds):
            before_bytes = memory_bytes(product.pid)
            for name, side in sides.items():
                rounds.setdefault((name, 0), []).append(side(options.seconds))
            started = time.monotonic()
            followers.open(Watching(product.address, requests, timed=False))
            opened_s = time.monotonic() - started
            used_s, started = exact_cpu_s(product.pid), time.monotonic()
            time.sleep(options.seconds)
            idle = (exact_cpu_s(product.pid) - used_s) / (time.monotonic() - started)
            memory.append(memory_bytes(product.pid) - before_bytes)
            print(
                f"{STREAMS:,} streams opened in {opened_s:.1f} s: {memory[-1] / STREAMS / 1024:.1f} KiB each,"
                f" {idle:.2f} of a core for their heartbeats",
                flush=True,
            )
            for name, side in sides.items():
                rounds.setdefault((name, STREAMS), []).append(side(options.seconds))
            followers.close()
            settle(server_cpu_s(product))
        print(f"\n{'':10} {'streams':>8} {'p50 ms':>8} {'p99':>8}")
        for (name, streams), several in rounds.items():
            print(f"{name:10} {streams:>8,} {_p50_s(several) * 1e3:>8.2f} {_p99_s(several) * 1e3:>8.2f}")
    ratios = {MEMORY: memory[0] / STREAMS / 1024}
    for name in sides:
        for what, of in (("p50", _p50_s), ("p99", _p99_s)):
            ratios[f"{name}, one at a time, {what}: beside {STREAMS:,} idle streams ÷ alone"] = of(
                rounds[name, STREAMS]
            ) / of(rounds[name, 0])
    return ratios


def _reading(site: Site, server: Server) -> Side:
    body = framed(stock.GetStockRequest(sku=sku(0), location=shop(0, SHOPS + 1)).SerializeToString())
    bodies: Iterator[bytes] = repeat(body)

    def run(seconds: float) -> Round:
        with Accounts(site, server) as accounts:
            answers = h2.run(server.address, GET_STOCK, bodies, in_flight=1, connections=1, seconds=seconds)
        cuts = quantiles(answers.latencies_s, n=100)
        return accounts.round(answers.calls, answers.seconds, cuts[49], cuts[98])

    return run


def _p50_s(rounds: list[Round]) -> float:
    return median(each.p50_s for each in rounds)


def _p99_s(rounds: list[Round]) -> float:
    return median(each.p99_s for each in rounds)
