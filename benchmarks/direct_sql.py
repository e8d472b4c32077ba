"""How much faster than SQL is the service on one hot SKU, with 64 clients?

The yardstick is pgbench running the plain two-statement reservation (UPDATE the level, INSERT the reservation) in
tables of its own on the same PostgreSQL, without ledger, feed or idempotency. Each side may use every core.
"""

from benchmarks.measure import Accounts, Options, Round, conclude, in_turn, reserving
from benchmarks.servers import Site
from benchmarks.workload import Orders, stock_up

CLIENTS = 64


def main() -> None:
    options = Options.parse(__doc__)
    with Site.open(pin=False) as site:
        product = site.product()
        stock_up(product, 1)
        site.plain_tables()

        def plain(seconds: float) -> Round:
            with Accounts(site, None) as accounts:
                done = site.plain_sql(CLIENTS, seconds)
            return accounts.round(done.transactions, done.seconds, done.p50_s, done.p99_s)

        found = in_turn(
            {"product": reserving(site, product, Orders(1), in_flight=CLIENTS), "plain SQL": plain},
            options,
            "reservations",
        )
    conclude("direct_sql", found["product"].rate / found["plain SQL"].rate)


if __name__ == "__main__":
    main()
