"""What does one caller wait without load, against an echo call plus one plain SQL transaction?

One call at a time. The yardstick is the sum of two medians: the echo server's, and that of pgbench with one client
running the plain two-statement reservation. Nothing is bound to a core.
"""

from benchmarks.measure import Accounts, Options, Round, conclude, in_turn, reserving
from benchmarks.servers import Site
from benchmarks.workload import Orders, stock_up

SKUS = 500


def main() -> None:
    options = Options.parse(__doc__, seconds=2)
    with Site.open(pin=False) as site:
        product, echo = site.product(), site.echo()
        stock_up(product, SKUS)
        site.plain_tables()
        orders = Orders(SKUS)

        def plain(seconds: float) -> Round:
            with Accounts(site, None) as accounts:
                done = site.plain_sql(1, seconds)
            return accounts.round(done.transactions, done.seconds, done.p50_s, done.p99_s)

        found = in_turn(
            {
                "product": reserving(site, product, orders, in_flight=1, connections=1),
                "echo": reserving(site, echo, orders, in_flight=1, connections=1),
                "plain SQL": plain,
            },
            options,
            "calls",
        )
    conclude("latency", found["product"].p50_s / (found["echo"].p50_s + found["plain SQL"].p50_s))


if __name__ == "__main__":
    main()
