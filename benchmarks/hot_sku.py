"""Does a hot SKU cost more than a cold one: every call on one SKU against the same load over 10,000 SKUs?"""

from benchmarks.measure import Options, conclude, in_turn, reserving
from benchmarks.servers import Site
from benchmarks.workload import Orders, stock_up

SKUS = 10_000


def main() -> None:
    options = Options.parse(__doc__)
    with Site.open(pin=options.pin) as site:
        product = site.product()
        stock_up(product, SKUS)
        found = in_turn(
            {
                "one SKU": reserving(site, product, Orders(1)),
                "10,000 SKUs": reserving(site, product, Orders(SKUS)),
            },
            options,
            "calls",
        )
    conclude("hot_sku", found["one SKU"].rate / found["10,000 SKUs"].rate)


if __name__ == "__main__":
    main()
