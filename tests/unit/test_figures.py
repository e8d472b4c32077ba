"""Histograms, quantiles, and what was counted lately."""

import pytest

from inventory.figures.counters import CheckCounters
from inventory.figures.histogram import Histogram, quantile
from inventory.figures.recent import WINDOW_S, Recent

BOUNDS = (1.0, 2.0, 4.0)


@pytest.mark.parametrize(
    ("value", "bucket"), [(0.0, 0), (1.0, 0), (1.1, 1), (2.0, 1), (4.0, 2), (4.1, 3), (float("inf"), 3)]
)
def test_a_value_falls_into_the_first_bucket_that_reaches_it(value: float, bucket: int) -> None:
    histogram = Histogram(BOUNDS)
    histogram.add(value)
    assert histogram.counts == [int(number == bucket) for number in range(4)]
    assert histogram.total == value


@pytest.mark.parametrize(
    ("counts", "share", "found"),
    [
        ([0, 0, 0, 0], 0.5, None),
        ([10, 0, 0, 0], 0.5, 0.5),
        ([0, 10, 0, 0], 0.5, 1.5),
        ([10, 0, 10, 0], 0.5, 1.0),
        ([10, 0, 10, 0], 0.75, 3.0),
        ([0, 0, 0, 5], 0.5, 4.0),
        ([99, 0, 1, 0], 0.99, 1.0),
    ],
)
def test_quantiles_are_interpolated_within_their_bucket(counts: list[int], share: float, found: float | None) -> None:
    assert quantile(BOUNDS, counts, share) == found


def test_only_the_last_seconds_count_and_what_is_new_counts_from_nothing() -> None:
    now = 100.0
    counts = {"a": [0, 0]}
    recent = Recent(lambda: {name: list(numbers) for name, numbers in counts.items()}, lambda: now)
    for second in range(30):
        now += 1.0
        counts["a"] = [second + 1, 0]
        recent.look()
    counts["b"] = [0, 7]
    seconds, found = recent.counted()
    assert seconds == WINDOW_S
    assert found == {"a": [10, 0], "b": [0, 7]}


def test_checks_are_counted_by_promise_and_result() -> None:
    checks = CheckCounters()
    for result in ("kept", "kept", "broken"):
        checks.add("I2", result)
    assert checks.results == {("I2", "kept"): 2, ("I2", "broken"): 1}
