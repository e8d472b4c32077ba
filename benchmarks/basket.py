"""How many more lines a second go through in 10-line baskets than in one-line calls?"""

from benchmarks.measure import Options, conclude, in_turn, reserving
from benchmarks.servers import Site
from benchmarks.workload import Orders, stock_up

SKUS = 500
LINES = 10


def main() -> None:
    options = Options.parse(__doc__)
    with Site.open(pin=options.pin) as site:
        product = site.product()
        stock_up(product, SKUS)
        found = in_turn(
            {
                "10-line baskets": reserving(site, product, Orders(SKUS, LINES), work_per_call=LINES),
                "one-line calls": reserving(site, product, Orders(SKUS)),
            },
            options,
            "lines",
        )
    conclude("basket", found["10-line baskets"].rate / found["one-line calls"].rate)


if __name__ == "__main__":
    main()
