"""How a subscriber does: a table of its limits, its lag and its silence."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.domain.subscriber import Subscriber, SubscriberState, state_of

FOLLOWING, LAGGING, LOST = SubscriberState
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def s(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.mark.parametrize(
    ("lag_changes", "lag_s", "silent_s", "lag_changes_max", "lag_max_s", "state"),
    [
        # within
        (0, 0, 0, None, None, FOLLOWING),
        (0, 0, 0, 1, 1, FOLLOWING),
        (5, 0, 0, 5, None, FOLLOWING),
        (0, 5, 0, None, 5, FOLLOWING),
        (10**9, 10**6, 0, None, None, FOLLOWING),
        (0, 0, 60, None, None, FOLLOWING),
        # beyond one of its limits
        (6, 0, 0, 5, None, LAGGING),
        (0, 5.000001, 0, None, 5, LAGGING),
        (6, 0, 0, 5, 5, LAGGING),
        (0, 6, 0, 5, 5, LAGGING),
        (6, 6, 60, 5, 5, LAGGING),
        # silent beyond its deadline of 60 s, however little it lags
        (0, 0, 60.000001, None, None, LOST),
        (0, 0, 61, 5, 5, LOST),
        (6, 6, 61, 5, 5, LOST),
    ],
)
@pytest.mark.parametrize("before", SubscriberState)
def test_its_state_follows_from_lag_and_silence_alone(
    lag_changes: int,
    lag_s: float,
    silent_s: float,
    lag_changes_max: int | None,
    lag_max_s: float | None,
    state: SubscriberState,
    before: SubscriberState,
) -> None:
    subscriber = Subscriber(
        channel="web",
        name="s",
        acknowledged=7,
        acknowledged_at=NOW,
        registered_at=NOW,
        deadline=s(60),
        lag_changes_max=lag_changes_max,
        lag_max=None if lag_max_s is None else s(lag_max_s),
        state=before,
        lag_changes=lag_changes,
        lag=s(lag_s),
    )
    assert state_of(subscriber, s(silent_s)) is state
