"""How many lines a second of 10-line baskets go through when the service chooses among 20 shops, of what goes through
when each line names its shop?"""

from benchmarks.measure import Options, conclude, in_turn, reserving
from benchmarks.servers import Site
from benchmarks.workload import Orders, stock_up

SKUS = 500
LINES = 10
SHOPS = 20


def main() -> None:
    options = Options.parse(__doc__)
    with Site.open(pin=options.pin) as site:
        product = site.product()
        stock_up(product, SKUS, shops=SHOPS, everywhere=True)
        found = in_turn(
            {
                "the service chooses": reserving(
                    site, product, Orders(SKUS, LINES, shops=SHOPS, sourced=True), work_per_call=LINES
                ),
                "each line names its shop": reserving(
                    site, product, Orders(SKUS, LINES, shops=SHOPS), work_per_call=LINES
                ),
            },
            options,
            "lines",
        )
    conclude("sourcing", found["the service chooses"].rate / found["each line names its shop"].rate)


if __name__ == "__main__":
    main()
