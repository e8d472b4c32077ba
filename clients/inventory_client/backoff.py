"""How long to wait before the next try."""

import random
import time

PAUSE_MIN_S = 0.05
PAUSE_MAX_S = 5.0


class Backoff:
    """Exponential with full jitter, so that the clients of a server that fell don't come back at the same moment."""

    def __init__(self, pause_min_s: float = PAUSE_MIN_S, pause_max_s: float = PAUSE_MAX_S) -> None:
        self._pause_min_s = pause_min_s
        self._pause_max_s = pause_max_s
        self._ceiling_s = pause_min_s

    def reset(self) -> None:
        """After a success."""
        self._ceiling_s = self._pause_min_s

    def pause_s(self, retry_after_s: float | None = None) -> float:
        """The next pause; never shorter than the server's hint."""
        ceiling_s, self._ceiling_s = self._ceiling_s, min(self._ceiling_s * 2, self._pause_max_s)
        return (retry_after_s or 0.0) + random.uniform(0, ceiling_s)  # noqa: S311 - spreads load, guards nothing


class Line:
    """Where a client's calls wait that came too often: one behind the other, as the limit lets them in, so that they
    don't all come back at the same moment."""

    def __init__(self) -> None:
        self._free_at = 0.0
        self._interval_s = 0.0

    def pause_s(self, retry_after_s: float | None, times: int, left_s: float) -> float:
        """The pause of a call that was refused so many times before, with `left_s` until it gives up.

        It is never shorter than the server's hint, which is how long the limit takes for the next call. Its jitter
        doubles with each time: others, of whom this client doesn't know, come as often. At `left_s` or more it is no
        use to wait, and the place is left to others.
        """
        now = time.monotonic()
        if self._free_at <= now:
            self._interval_s = 0.0
        hint_s = retry_after_s or PAUSE_MIN_S
        interval_s = self._interval_s = max(self._interval_s, hint_s)
        place_s = max(self._free_at - now, hint_s)
        if place_s >= left_s:
            return place_s
        self._free_at = now + place_s + interval_s
        jitter_s = min(interval_s * 2**times, PAUSE_MAX_S, (left_s - place_s) / 2)
        return place_s + random.uniform(0, jitter_s)  # noqa: S311 - spreads load, guards nothing
