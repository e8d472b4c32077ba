"""How soon and at what cost does a change reach 1, 100 and 1,000 subscribers, and what do they cost everybody else?

Four questions: latency beside PostgreSQL's NOTIFY and etcd's watch, with the server's CPU; writes under 1,000
subscribers; 10,000 idle streams. The ratio is that of the medians from sending a write to its delivery to one
subscriber: ours ÷ NOTIFY's.
"""

from collections.abc import Mapping

from benchmarks import fanout_idle, fanout_latency, fanout_load
from benchmarks.measure import Options, conclude
from benchmarks.targets import Target

PARTS = {"latency": fanout_latency.measure, "load": fanout_load.measure, "idle": fanout_idle.measure}
TARGETS = {
    fanout_latency.SENT: Target(2, at_least=False),
    fanout_latency.CPU_FLAT: Target(1.2, at_least=False),
    fanout_latency.SERIALISED: Target(0.1, at_least=False),
    fanout_load.ALL: Target(0.8, at_least=True),
    fanout_load.ONE_SHOP: Target(0.8, at_least=True),
    fanout_idle.MEMORY: Target(64, at_least=False),
}


def main() -> None:
    options = Options.parse(__doc__, rounds=3, seconds=2, parts=list(PARTS))
    ratios: dict[str, float] = {}
    for part in options.parts:
        print(f"\n{part}")
        ratios |= PARTS[part](options)
    _print(ratios)
    if fanout_latency.SENT in ratios:
        conclude("fanout", ratios[fanout_latency.SENT])
    else:
        print(f"{next(iter(ratios.values())):.3f}", flush=True)


def _print(ratios: Mapping[str, float]) -> None:
    print(f"\n{'':76} {'ratio':>8} {'to reach':>9}")
    for name, ratio in ratios.items():
        target = TARGETS.get(name)
        reached = "" if target is None else "yes" if target.reached(ratio) else "no"
        print(f"{name:76} {ratio:>8.3f} {target or ''!s:>9} {reached}")


if __name__ == "__main__":
    main()
