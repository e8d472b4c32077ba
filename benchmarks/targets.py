"""The ratio each benchmark is to reach."""

from typing import NamedTuple


class Target(NamedTuple):
    """A bound on a ratio; `at_least` says on which side of it is good."""

    bound: float
    at_least: bool

    def reached(self, ratio: float) -> bool:
        return ratio >= self.bound if self.at_least else ratio <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}"


TARGETS = {
    "echo_ratio": Target(0.85, at_least=True),
    "hot_sku": Target(0.95, at_least=True),
    "direct_sql": Target(3, at_least=True),
    "basket": Target(6, at_least=True),
    "sourcing": Target(0.5, at_least=True),
    "view": Target(0.9, at_least=True),
    "doors": Target(1.15, at_least=False),
    "pipelined": Target(4, at_least=True),
    "latency": Target(1.5, at_least=False),
    "growth": Target(1.2, at_least=False),
    "fanout": Target(2, at_least=False),
}
