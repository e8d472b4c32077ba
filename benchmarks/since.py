"""Is it as fast as another checkout was? One-line Reserves with a given location, on both in turn.

python -m benchmarks.since DIRECTORY    such as one made by `git worktree add DIRECTORY COMMIT`
"""

import sys
from pathlib import Path

from benchmarks.measure import Options, in_turn, reserving
from benchmarks.servers import Site
from benchmarks.workload import Orders, stock_up

SKUS = 500


def main() -> None:
    if len(sys.argv) < 2 or not (checkout := Path(sys.argv.pop(1))).joinpath("inventory").is_dir():
        sys.exit(__doc__)
    options = Options.parse(__doc__)
    with Site.open(pin=options.pin) as site:
        now, before = site.product("now"), site.product("before", checkout.absolute())
        for server in (now, before):
            stock_up(server, SKUS)
        found = in_turn(
            {
                "this checkout": reserving(site, now, Orders(SKUS)),
                "the other": reserving(site, before, Orders(SKUS)),
            },
            options,
            "calls",
        )
    print(f"{found['this checkout'].rate / found['the other'].rate:.3f}", flush=True)


if __name__ == "__main__":
    main()
