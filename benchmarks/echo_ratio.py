"""How much of a bare grpc.aio echo server's throughput does a unary Reserve keep?

One line a call, 64 calls in flight, 500 SKUs with plenty of stock; with a token, the audit trail, metrics and alarms.
"""

from benchmarks.measure import Options, conclude, in_turn, reserving
from benchmarks.servers import Site
from benchmarks.workload import Orders, stock_up

SKUS = 500


def main() -> None:
    options = Options.parse(__doc__)
    with Site.open(pin=options.pin) as site:
        product, echo = site.guarded("product"), site.echo()
        stock_up(product, SKUS)
        orders = Orders(SKUS)
        found = in_turn(
            {"product": reserving(site, product, orders), "echo": reserving(site, echo, orders)}, options, "calls"
        )
        kept_cpu = found["echo"].server_cpu_s / found["product"].server_cpu_s
        print(f"server CPU of an echo ÷ that of a Reserve: {kept_cpu:.3f}")
    conclude("echo_ratio", found["product"].rate / found["echo"].rate)


if __name__ == "__main__":
    main()
