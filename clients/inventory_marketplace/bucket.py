"""How many updates may be sent now."""

from collections.abc import Callable

MINUTE_S = 60.0
MOMENT_S = 0.001


class TokenBucket:
    """At most `per_minute` tokens in any 60 s, at most `burst` of them at once. `clock` gives seconds, only forward.

    What comes at once is taken off what flows: `burst` + the flow of a minute is what a minute may have.
    """

    def __init__(self, per_minute: int, burst: int, clock: Callable[[], float]) -> None:
        if not 1 <= burst <= per_minute:
            raise ValueError(f"a burst is 1 to {per_minute} updates, not {burst}")
        self.burst = burst
        self.per_s = (per_minute - burst + 1) / MINUTE_S
        self._clock = clock
        self._tokens = float(burst)
        self._at = clock()

    def have(self) -> int:
        """Whole tokens there are now."""
        now = self._clock()
        self._tokens = min(self._tokens + (now - self._at) * self.per_s, self.burst)
        self._at = now
        return int(self._tokens)

    def take(self, number: int) -> None:
        """Raises `ValueError` when there are fewer."""
        if number > self.have():
            raise ValueError(f"{number} tokens of {self._tokens:.1f}")
        self._tokens -= number

    def wait_s(self, number: int) -> float:
        """How long until there are so many, at most `burst`; a moment at least, so that a clock gets on."""
        lacking = min(number, self.burst) - self.have()
        return max((min(number, self.burst) - self._tokens) / self.per_s, MOMENT_S) if lacking > 0 else 0.0
