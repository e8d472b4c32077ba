"""How long to wait before the next try."""

import random

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
