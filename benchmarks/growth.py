"""Does a reservation cost more when the shop is large: 100,000 SKUs and a million movements against 1,000 and 10,000?

Two servers on two databases of the same PostgreSQL, the same calls to both, spread over all SKUs. The ratio is the
time of a piece of work in the large shop ÷ that in the small one, for the figure that grows most.
"""

import time

from benchmarks.measure import Options, conclude, in_turn, reserving
from benchmarks.servers import Site, query
from benchmarks.workload import Orders, stock_up

SMALL_SKUS = 1_000
LARGE_SKUS = 100_000
MOVEMENTS_PER_SKU = 10
LINES = 10


def main() -> None:
    options = Options.parse(__doc__, rounds=3, seconds=2)
    with Site.open(pin=options.pin) as site:
        shops = {"small": (site.product("small"), SMALL_SKUS), "large": (site.product("large"), LARGE_SKUS)}
        for name, (server, skus) in shops.items():
            started = time.perf_counter()
            stock_up(server, skus, MOVEMENTS_PER_SKU)
            seconds = time.perf_counter() - started
            assert server.dsn is not None
            ((movements,),) = query(server.dsn, "SELECT count(*) FROM inventory.movement")
            query(server.dsn, "VACUUM ANALYZE")  # else autovacuum does it during a round
            print(f"{name}: {skus:,} SKUs, {movements:,} movements, loaded in {seconds:.1f} s")
        site.checkpoint()

        costs = {}
        for figure, lines, spread in (("one line", 1, True), ("one hot SKU", 1, False), ("10 lines", LINES, True)):
            print(f"\n{figure}", end="")
            found = in_turn(
                {
                    name: reserving(site, server, Orders(skus if spread else 1, lines), work_per_call=lines)
                    for name, (server, skus) in shops.items()
                },
                options,
                "lines",
            )
            costs[figure] = found["small"].rate / found["large"].rate
        print()
        for figure, cost in costs.items():
            print(f"{figure}: {cost:.3f}")
    conclude("growth", max(costs.values()))


if __name__ == "__main__":
    main()
