"""What this server hears of its channels: which were heard of, and how their calls ended. In memory only."""

from collections import Counter, deque
from collections.abc import Collection

from inventory.domain.alarm import ERRORS_WINDOW, Finding, errors_finding

CHANNELS_MAX = 1_000
FAILED = frozenset(
    (
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "UNAUTHENTICATED",
    )
)
"""The gRPC codes that say that a channel and we don't come together; all others are answers."""


class Edge:
    """Told of every finished call. `tick` is to be called about once a second."""

    def __init__(self) -> None:
        self._heard: set[str] = set()
        self._now: dict[str, Counter[str]] = {}
        self._ticks: deque[dict[str, Counter[str]]] = deque(maxlen=int(ERRORS_WINDOW.total_seconds()))

    def finished(self, channel: str, code: str) -> None:
        """A call of a channel has ended with this gRPC code."""
        counts = self._now.get(channel)
        if counts is None:
            if len(self._now) >= CHANNELS_MAX:
                return
            counts = self._now[channel] = Counter()
        counts[code] += 1

    def tick(self) -> None:
        """A second is over."""
        self._heard.update(self._now)
        self._ticks.append(self._now)
        self._now = {}

    def take_heard(self) -> set[str]:
        """The channels that were heard of since the last time."""
        heard, self._heard = self._heard, set()
        return heard

    def put_back(self, heard: Collection[str]) -> None:
        """What was taken could not be written down."""
        self._heard.update(heard)

    def findings(self) -> list[Finding]:
        """The channels many of whose calls failed."""
        totals: dict[str, Counter[str]] = {}
        for tick in self._ticks:
            for channel, counts in tick.items():
                totals.setdefault(channel, Counter()).update(counts)
        found = []
        for channel, counts in totals.items():
            failed = Counter({code: number for code, number in counts.items() if code in FAILED})
            if failed:
                worst, _ = failed.most_common(1)[0]
                finding = errors_finding(channel, counts.total(), failed.total(), worst)
                if finding is not None:
                    found.append(finding)
        return found
