"""What do credentials, scopes, limits, the audit trail, metrics, logs and alarms cost a unary Reserve?

One line a call, 64 calls in flight, 500 SKUs with plenty of stock. The yardstick is the same build without all of it;
the ratio is that of the server's CPU a call.
"""

from benchmarks.measure import Options, conclude, in_turn, reserving
from benchmarks.servers import Site
from benchmarks.workload import Orders, stock_up

SKUS = 500


def main() -> None:
    options = Options.parse(__doc__)
    with Site.open(pin=options.pin) as site:
        guarded, bare = site.guarded(), site.bare()
        for server in (guarded, bare):
            stock_up(server, SKUS)
        orders = Orders(SKUS)
        found = in_turn(
            {"guarded": reserving(site, guarded, orders), "bare": reserving(site, bare, orders)}, options, "calls"
        )
        print(f"calls/s with it ÷ without: {found['guarded'].rate / found['bare'].rate:.3f}")
    conclude("doors", found["guarded"].server_cpu_s / found["bare"].server_cpu_s)


if __name__ == "__main__":
    main()
