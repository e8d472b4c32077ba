"""Counters that others fill: who was turned away at the door, what the background check of the promises found, and
what is about to expire."""

from collections import Counter
from datetime import datetime
from typing import NamedTuple

CHANNELS_COUNTED_MAX = 1_000
OTHERS = ""
"""The channel of what is counted when so many channels are."""


class DoorCounters:
    """Calls that were turned away before their method saw them."""

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()
        """By reason, such as CREDENTIALS_INVALID."""
        self.limited: Counter[tuple[str, str]] = Counter()
        """By channel and reason, such as RATE_LIMITED."""

    def refuse(self, reason: str) -> None:
        """A credential that is missing, unknown, expired or not enough; `reason` is one of the API's."""
        self.refused[reason] += 1

    def limit(self, channel: str, reason: str) -> None:
        """A known channel called more than it may."""
        known = (channel, reason) in self.limited or len(self.limited) < CHANNELS_COUNTED_MAX
        self.limited[(channel if known else OTHERS, reason)] += 1


class CheckCounters:
    """Looks of the background check, by promise (I1, I2 …) and result (`kept`, `broken`, or `failed`: not looked)."""

    def __init__(self) -> None:
        self.results: Counter[tuple[str, str]] = Counter()

    def add(self, promise: str, result: str) -> None:
        self.results[(promise, result)] += 1


class Expiry(NamedTuple):
    """When a credential ends. `kind`: `token`, `certificate` of a channel, or `server_certificate`."""

    kind: str
    channel: str
    key_id: str
    at: datetime
