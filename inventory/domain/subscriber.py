"""A registered subscriber of the feed, and how it does."""

from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple


class SubscriberState(IntEnum):
    """The numbers are the API's and the table's."""

    FOLLOWING = 1
    LAGGING = 2
    LOST = 3


class Subscriber(NamedTuple):
    """As of one moment. `acknowledged`: the last revision that is safe with it. `lag_changes` counts the revisions
    after that, `lag` is the age of the first of them. A limit of None is none."""

    channel: str
    name: str
    acknowledged: int
    acknowledged_at: datetime
    registered_at: datetime
    deadline: timedelta
    lag_changes_max: int | None
    lag_max: timedelta | None
    state: SubscriberState
    lag_changes: int
    lag: timedelta


def state_of(subscriber: Subscriber, silent: timedelta) -> SubscriberState:
    """How it does, `silent` after its last acknowledgement."""
    if silent > subscriber.deadline:
        return SubscriberState.LOST
    if subscriber.lag_changes_max is not None and subscriber.lag_changes > subscriber.lag_changes_max:
        return SubscriberState.LAGGING
    if subscriber.lag_max is not None and subscriber.lag > subscriber.lag_max:
        return SubscriberState.LAGGING
    return SubscriberState.FOLLOWING
